-- Cases for 03-look-back.lua.
--
-- SPDX-License-Identifier: Apache-2.0

local function row(type, resolve, last_seen)
  return { type = type, resolve = resolve, first_seen = "2020-01-01", last_seen = last_seen }
end
local four = {
  row("A", "198.51.100.1", "2026-04-01"), row("A", "198.51.100.2", "2026-04-02"),
  row("A", "198.51.100.3", "2026-04-03"), row("AAAA", "2001:db8::4", "2026-04-04"),
}
local function four_and(...)
  local all_rows = {}
  for _, r in ipairs(four) do
    insert(all_rows, r)
  end
  insert(all_rows, row(...))
  return { artifact = "moving.example", passive_dns = { records = all_rows } }
end

case "the fifth address" {
  now  = "2026-05-01T00:00:00Z",
  rows = {
    { name = "on the last day of the window", given = four_and("A", "198.51.100.5", "2026-01-31"),
      expect = { verdict = "compromised" } },
    { name = "a day too early", given = four_and("A", "198.51.100.5", "2026-01-30"),
      expect = { verdict = "no_match" } },
    { name = "is a mail server, no address", given = four_and("MX", "mail.example", "2026-04-30"),
      expect = { verdict = "no_match" } },
    { name = "in a longer window",
      given = four_and("A", "198.51.100.5", "2026-01-30"), settings = { look_back = "1y" },
      expect = { verdict = "compromised" } },
  },
}
case "more records exist than were sent, and five of these fit: enough" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "moving.example", passive_dns = { truncated = true, records = {
    row("A", "198.51.100.1", "2026-04-01"), row("A", "198.51.100.2", "2026-04-02"),
    row("A", "198.51.100.3", "2026-04-03"), row("A", "198.51.100.4", "2026-04-04"),
    row("A", "198.51.100.5", "2026-04-05") } } },
  expect = { verdict = "compromised" },
}
case "more records exist than were sent, and four of these fit: unknown" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "moving.example", passive_dns = { truncated = true, records = four } },
  expect = { verdict = "unknown" },
}
