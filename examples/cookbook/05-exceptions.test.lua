-- Cases for 05-exceptions.lua: one a kind of entry in lists/exceptions.csv.
--
-- SPDX-License-Identifier: Apache-2.0

case "exceptions" {
  now  = "2026-05-01T00:00:00Z",
  rows = {
    { name = "nobody's", given = { artifact = "evil.example", tags = { "scanner" } },
      expect = { verdict = "compromised", severity = "low", note_has = "tagged scanner" } },
    { name = "no such tag", given = { artifact = "evil.example", tags = { "cdn" } },
      expect = { verdict = "no_match" } },
    { name = "a name", given = { artifact = "partner.example", tags = { "scanner" } },
      expect = { verdict = "no_match", suppressed_by = "exceptions.csv:3" } },
    { name = "below that name", given = { artifact = "www.partner.example", tags = { "scanner" } },
      expect = { verdict = "compromised" } },
    { name = "a zone", given = { artifact = "a.b.sandbox.example", tags = { "proxy" } },
      expect = { verdict = "no_match", suppressed_by = "exceptions.csv:4" } },
    { name = "a net", given = { artifact = "192.0.2.77", tags = { "proxy" } },
      expect = { verdict = "no_match", suppressed_by = "exceptions.csv:5" } },
    { name = "after its last day", now = "2027-02-01T00:00:00Z",
      given = { artifact = "192.0.2.77", tags = { "proxy" } },
      expect = { verdict = "compromised" } },
  },
}
