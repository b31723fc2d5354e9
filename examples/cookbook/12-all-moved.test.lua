-- Cases for 12-all-moved.lua.
--
-- SPDX-License-Identifier: Apache-2.0

-- so many old records, so many new ones
local function moved(old, new)
  local rows = {}
  for i = 1, old do
    insert(rows, { type = "A", resolve = "192.0.2." .. i, first_seen = "2021-01-01", last_seen = "2026-04-01" })
  end
  for i = 1, new do
    insert(rows, { type = "A", resolve = "198.51.100." .. i, first_seen = "2026-04-28", last_seen = "2026-04-30" })
  end
  return { artifact = "old.example", passive_dns = { records = rows } }
end

case "moved" {
  now  = "2026-05-01T00:00:00Z",
  rows = {
    { name = "three of five", given = moved(2, 3),
      expect = { verdict = "compromised", note_has = "3 of 5 records are new" } },
    { name = "two of four are not most", given = moved(2, 2), expect = { verdict = "no_match" } },
    { name = "too few to tell", given = moved(1, 2), expect = { verdict = "no_match" } },
    { name = "a new name", given = moved(0, 5), expect = { verdict = "no_match" } },
    { name = "passive DNS failed", given = { artifact = "old.example", passive_dns = failed "HTTP 503" },
      expect = { verdict = "unknown" } },
  },
}
