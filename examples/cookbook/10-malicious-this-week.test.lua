-- Cases for 10-malicious-this-week.lua.
--
-- SPDX-License-Identifier: Apache-2.0

case "levels" {
  now  = "2026-05-01T12:00:00Z",
  rows = {
    { name = "seven days ago",
      expect = { verdict = "compromised", severity = "critical", note_has = "Last seen 2026-04-24." },
      given = { artifact = "evil.example", classification = "malicious", passive_dns = { last_seen = "2026-04-24" } } },
    { name = "eight days ago", expect = { verdict = "compromised", severity = "high" },
      given = { artifact = "evil.example", classification = "malicious", passive_dns = { last_seen = "2026-04-23" } } },
    { name = "when is not known",
      expect = { verdict = "compromised", severity = "high", could_be = "critical", note_lacks = "Last seen" },
      given = { artifact = "evil.example", classification = "malicious", passive_dns = failed "HTTP 503" } },
    { name = "in use, but not malicious", expect = { verdict = "no_match" },
      given = { artifact = "evil.example", classification = "suspicious",
                passive_dns = { last_seen = "2026-04-30" } } },
  },
}
