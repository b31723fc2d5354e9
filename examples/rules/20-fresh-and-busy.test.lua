-- Cases for 20-fresh-and-busy.lua. `now` fixes the day of judging, so that the dates below keep their meaning.
--
-- SPDX-License-Identifier: Apache-2.0

case "new, busy and suspicious: a shadow match does not alert" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "fresh.example", classification = "suspicious",
             passive_dns = { count = 12, first_seen = "2026-04-20", last_seen = "2026-04-30" } },
  expect = { verdict = "unknown", -- no rule is live here, so nobody says no
             rules = { ["fresh-and-busy"] = "shadow_match" }, shadow = { "fresh-and-busy" } },
}
case "the thirtieth day still counts" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "fresh.example", classification = "malicious",
             passive_dns = { count = 10, first_seen = "2026-04-01", last_seen = "2026-04-30" } },
  expect = { rules = { ["fresh-and-busy"] = "shadow_match" } },
}
case "the day before that does not" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "fresh.example", classification = "malicious",
             passive_dns = { count = 10, first_seen = "2026-03-31", last_seen = "2026-04-30" } },
  expect = { rules = { ["fresh-and-busy"] = "no_match" } },
}
case "a shorter window, by setting" {
  now      = "2026-05-01T00:00:00Z",
  settings = { fresh = "7d" },
  given    = { artifact = "fresh.example", classification = "malicious",
               passive_dns = { count = 10, first_seen = "2026-04-20", last_seen = "2026-04-30" } },
  expect   = { rules = { ["fresh-and-busy"] = "no_match" } },
}
case "nine records are not busy" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "fresh.example", classification = "malicious",
             passive_dns = { count = 9, first_seen = "2026-04-20", last_seen = "2026-04-30" } },
  expect = { rules = { ["fresh-and-busy"] = "no_match" } },
}
case "new and busy, but neither suspicious nor moving" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "fresh.example", classification = "non-malicious",
             passive_dns = { count = 12, first_seen = "2026-04-20", last_seen = "2026-04-30" } },
  expect = { rules = { ["fresh-and-busy"] = "no_match" } },
}
case "classification not asked, five new addresses: enough" {
  now   = "2026-05-01T00:00:00Z",
  given = {
    artifact = "fresh.example",
    passive_dns = {
      count = 10, first_seen = "2026-04-25", last_seen = "2026-04-30",
      records = {
        { type = "A", resolve = "198.51.100.1", first_seen = "2026-04-25" },
        { type = "A", resolve = "198.51.100.2", first_seen = "2026-04-26" },
        { type = "A", resolve = "198.51.100.3", first_seen = "2026-04-27" },
        { type = "A", resolve = "198.51.100.4", first_seen = "2026-04-28" },
        { type = "A", resolve = "198.51.100.5", first_seen = "2026-04-29" },
      },
    },
  },
  expect = { rules = { ["fresh-and-busy"] = "shadow_match" } },
}
case "passive DNS failed: unknown" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "fresh.example", classification = "malicious", passive_dns = failed "HTTP 503" },
  expect = { rules = { ["fresh-and-busy"] = "unknown" } },
}
