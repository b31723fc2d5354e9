-- Cases for 04-own-zones.lua.
--
-- SPDX-License-Identifier: Apache-2.0

case "a name of others" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "evil.example", classification = "suspicious" },
  expect = { verdict = "compromised" },
}
case "a name of ours" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "www.corp.example", classification = "malicious" },
  expect = { verdict = "no_match", suppressed_by = "our-zones", rules = { ["suspicious"] = "suppressed" } },
}
case "a name that only looks like ours" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "not-corp.example", classification = "malicious" },
  expect = { verdict = "compromised" },
}
case "the day after the last" {
  now    = "2028-01-01T00:00:00Z",
  given  = { artifact = "www.corp.example", classification = "malicious" },
  expect = { verdict = "compromised" },
}
case "nothing bad" {
  now    = "2026-05-01T00:00:00Z",
  given  = { artifact = "evil.example", classification = "non-malicious" },
  expect = { verdict = "no_match" },
}
