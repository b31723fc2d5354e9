-- Cases for 30-classification.lua.
--
-- SPDX-License-Identifier: Apache-2.0

case "malicious and seen this week: critical" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "evil.example", classification = "malicious",
             passive_dns = { count = 3, first_seen = "2025-01-01", last_seen = "2026-04-28" } },
  expect = { verdict = "compromised", severity = "critical", rules = { classification = "match" },
             note_has = "(critical)" },
}
case "malicious, not seen for long: high" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "evil.example", classification = "malicious",
             passive_dns = { count = 3, first_seen = "2025-01-01", last_seen = "2025-02-01" } },
  expect = { verdict = "compromised", severity = "high" },
}
case "malicious, passive DNS failed: high, and critical is not ruled out" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "evil.example", tags = {}, classification = "malicious", passive_dns = failed "HTTP 503",
             subdomains = { count = 0 } },
  expect = { verdict = "compromised", severity = "high", could_be = "critical", missing = { "passive_dns" } },
}
case "suspicious: low" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "evil.example", classification = "suspicious" },
  expect = { verdict = "compromised", severity = "low", note_has = "classified suspicious" },
}
case "never classified" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "evil.example", classification = "" },
  expect = { verdict = "no_match" },
}
case "classification failed: unknown" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "evil.example", classification = failed "HTTP 503", passive_dns = { count = 0 } },
  expect = { verdict = "unknown", missing = { "classification" } },
}
case "a name of ours is allowed" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "www.corp.example", classification = "malicious" },
  expect = { verdict = "no_match", rules = { classification = "suppressed" }, suppressed_by = "our-zones" },
}
case "the allowance has run out" {
  now    = "2027-02-01T00:00:00Z",
  given  = { artifact = "www.corp.example", classification = "suspicious" },
  expect = { verdict = "compromised", rules = { classification = "match" } },
}
case "a long label with digits" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "a1b2c3d4e5f6a7b8c9d0.example", classification = "" },
  expect = { verdict = "no_match", rules = { ["random-label"] = "match" },
             note_has = "10 digits in a1b2c3d4e5f6a7b8c9d0" },
}
case "a short label" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "a1b2c3.example", classification = "" },
  expect = { rules = { ["random-label"] = "no_match" } },
}
