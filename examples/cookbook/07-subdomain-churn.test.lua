-- Cases for 07-subdomain-churn.lua.
--
-- SPDX-License-Identifier: Apache-2.0

local function records(n)
  local rows = {}
  for i = 1, n do
    rows[i] = { type = "A", resolve = "198.51.100." .. i, first_seen = "2026-04-28", last_seen = "2026-04-30" }
  end
  return rows
end
local plain = { "a.kit.example", "b.kit.example" }

case "churn" {
  now  = "2026-05-01T00:00:00Z",
  rows = {
    { name = "ten new records",
      expect = { verdict = "compromised", hit = { Subdomains = "a.kit.example, b.kit.example" } },
      given = { artifact = "kit.example", subdomains = { count = 25, names = plain },
                passive_dns = { first_seen = "2026-03-02", records = records(10) } } },
    { name = "nine", expect = { verdict = "no_match" },
      given = { artifact = "kit.example", subdomains = { count = 25, names = plain },
                passive_dns = { first_seen = "2026-03-02", records = records(9) } } },
    { name = "nine, but one that says login", expect = { verdict = "compromised" },
      given = { artifact = "kit.example", subdomains = { count = 25, names = { "login-bank.kit.example" } },
                passive_dns = { first_seen = "2026-03-02", records = records(9) } } },
    { name = "too old", expect = { verdict = "no_match" },
      given = { artifact = "kit.example", subdomains = { count = 25, names = plain },
                passive_dns = { first_seen = "2026-03-01", records = records(10) } } },
    { name = "too few names", expect = { verdict = "no_match" },
      given = { artifact = "kit.example", subdomains = { count = 24, names = plain },
                passive_dns = { first_seen = "2026-03-02", records = records(10) } } },
    { name = "subdomains failed", expect = { verdict = "unknown", missing = { "subdomains" } },
      given = { artifact = "kit.example", subdomains = failed "HTTP 503",
                passive_dns = { first_seen = "2026-03-02", records = records(10) } } },
  },
}
