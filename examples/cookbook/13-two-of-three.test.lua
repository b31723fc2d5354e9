-- Cases for 13-two-of-three.lua.
--
-- SPDX-License-Identifier: Apache-2.0

local function given(classification, first_seen, tags)
  return { artifact = "weak.example", classification = classification, tags = tags,
           passive_dns = { first_seen = first_seen } }
end

case "signs" {
  now  = "2026-05-01T00:00:00Z",
  rows = {
    { name = "first and second", given = given("suspicious", "2026-04-20", {}), expect = { verdict = "compromised" } },
    { name = "second and third", given = given("unknown", "2026-04-20", { "dyndns" }),
      expect = { verdict = "compromised" } },
    { name = "first and third", given = given("suspicious", "2020-01-01", { "bulletproof" }),
      expect = { verdict = "compromised" } },
    { name = "first alone", given = given("suspicious", "2020-01-01", {}), expect = { verdict = "no_match" } },
    { name = "second alone", given = given("unknown", "2026-04-20", {}), expect = { verdict = "no_match" } },
    { name = "third alone", given = given("unknown", "2020-01-01", { "dyndns" }), expect = { verdict = "no_match" } },
    { name = "one, and one not read: could be, so it matches",
      given = { artifact = "weak.example", classification = "suspicious", passive_dns = failed "HTTP 503", tags = {} },
      expect = { verdict = "compromised" } },
    { name = "none, and one not read: cannot reach two",
      given = { artifact = "weak.example", classification = "unknown", passive_dns = failed "HTTP 503", tags = {} },
      expect = { verdict = "no_match" } },
  },
}
