-- Weak evidence that adds up: no line is enough, two are. And a rule that must not be quiet in an outage: with
-- on_unknown = "match" it matches when data is missing that could have decided it, and the decision says why.
--
-- SPDX-License-Identifier: Apache-2.0

rule "two-of-three" {
  title      = "Two of three signs",
  severity   = "medium",
  on_unknown = "match",
  when       = at_least_of(2) {
    classification:is "suspicious",
    passive_dns.first_seen:within "30d",
    tags:has_any { "dyndns", "bulletproof" },
  },
  hit  = { standard },
  note = "{artifact}: {reason}.",
}
