-- Either is enough: a tag of ours, or what PassiveTotal's analysts say.
--
-- SPDX-License-Identifier: Apache-2.0

rule "tags-or-classification" {
  title    = "A tag of ours, or classified malicious",
  severity = "high",
  when     = any {
    tags:has_any(setting "passivetotal_tags"),
    classification:is "malicious",
  },
  hit  = { standard, { "Matched tags", tags.matched } },
  note = "{artifact}: {reason}.",
}
