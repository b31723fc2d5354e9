-- Families of tags by glob: * stands for any letters, ? for one. Analysts number their groups and spell their tools
-- in many ways.
--
-- SPDX-License-Identifier: Apache-2.0

rule "tag-families" {
  title    = "Tagged with a group or a tool we follow",
  severity = "high",
  when     = tags:like_any { "apt*", "fin?", "*-rat", "cobalt?strike*" },
  unless   = tags:has_any { "sinkhole", "research" },          -- whoever watches the bad is tagged like the bad
  hit      = { standard, { "Groups and tools", tags.matched } },
  note     = "{artifact} is tagged {tags.matched|list}.",
}
