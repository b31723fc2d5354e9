-- Leave out what is ours. An allowance is no rule: it holds back rules, says so in the decision, and ends on its last
-- day. This one looks at the artifact alone, so names of ours are never sent to anybody.
--
-- SPDX-License-Identifier: Apache-2.0

allow "our-zones" {
  reason     = "Zones we run ourselves",
  owner      = "netops",
  expires    = "2027-12-31",
  applies_to = "suspicious",                       -- leave it out to hold back every rule
  when       = artifact:in_zone(list "our-zones"),    -- lists/our-zones.txt
}
rule "suspicious" {
  title    = "Classified suspicious or malicious",
  severity = "high",
  when     = classification:is_any { "suspicious", "malicious" },
  hit      = { standard },
  note     = "{artifact} is classified {classification}.",
}
