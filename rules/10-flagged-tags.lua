-- The definition that the SOAR app shipped with: a site is compromised when PassiveTotal carries one of our tags
-- for it.
--
-- Which tags count is a setting, not part of this file. In app.config:
--
--   [fn_passivetotal]
--   passivetotal_tags = compromised,ransomware
--
-- Letter case and blanks around a tag do not matter. When the tags call fails the rule is unknown, never a
-- quiet "no".
--
-- SPDX-License-Identifier: Apache-2.0

rule "flagged-tags" {
  title    = "Carries a tag from our list",
  severity = "high",                                    -- info low medium high critical

  -- has_any: one tag of the list is enough. `setting` reads the list from app.config.
  when     = tags:has_any(setting "passivetotal_tags"),

  -- What the artifact's hit card shows: `standard` is the eight fields of the app, then our own.
  hit      = { standard, { "Matched tags", tags.matched } },

  -- The note on the incident, line by line. A line that starts with ? is left out when a value in it is missing.
  note     = {
    "{artifact} carries {tags.matched|list} in PassiveTotal.",
    "?Passive DNS: {passive_dns.count} records, {passive_dns.first_seen|date} to {passive_dns.last_seen|date}.",
    "?Report: {link}",
  },
}
