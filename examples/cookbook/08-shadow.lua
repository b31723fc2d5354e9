-- Shadow first, then promote: the new rule is judged and recorded beside the live one on every look-up, but alerts
-- nobody and costs no call. When `ptverdict diff` shows that it finds the right ones, change status to "live" and
-- keep the cases.
--
-- SPDX-License-Identifier: Apache-2.0

rule "malicious" {
  title    = "Classified malicious",
  severity = "high",
  when     = classification:is "malicious",
  hit      = { standard },
}
rule "suspicious-and-tagged" {
  title    = "Classified suspicious, and carries any tag at all",
  severity = "low",
  status   = "shadow",                                -- live, when you trust it
  owner    = "SOC content team",
  when     = all { classification:is "suspicious", tags:count_at_least(1) },
  hit      = { standard },
}
