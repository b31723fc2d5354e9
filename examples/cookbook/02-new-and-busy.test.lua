-- Cases for 02-new-and-busy.lua: both edges of both numbers, as rows of one case.
--
-- SPDX-License-Identifier: Apache-2.0

case "edges" {
  now  = "2026-05-01T00:00:00Z",
  rows = {
    { name = "day 30, 20 records",
      expect = { verdict = "compromised", severity = "medium", note_has = "20 records since 2026-04-01" },
      given = { artifact = "new.example", passive_dns = { first_seen = "2026-04-01", count = 20 } } },
    { name = "day 31", expect = { verdict = "no_match" },
      given = { artifact = "new.example", passive_dns = { first_seen = "2026-03-31", count = 20 } } },
    { name = "19 records", expect = { verdict = "no_match" },
      given = { artifact = "new.example", passive_dns = { first_seen = "2026-04-01", count = 19 } } },
    { name = "a shorter window by setting", expect = { verdict = "no_match" }, settings = { fresh = "7d" },
      given = { artifact = "new.example", passive_dns = { first_seen = "2026-04-01", count = 20 } } },
    { name = "fewer records by setting", expect = { verdict = "compromised" }, settings = { busy = 5 },
      given = { artifact = "new.example", passive_dns = { first_seen = "2026-04-01", count = 5 } } },
    { name = "never seen at all", expect = { verdict = "no_match" },
      given = { artifact = "new.example", passive_dns = { count = 0 } } },
    { name = "passive DNS failed", expect = { verdict = "unknown", missing = { "passive_dns" } },
      given = { artifact = "new.example", passive_dns = failed "HTTP 503" } },
  },
}
