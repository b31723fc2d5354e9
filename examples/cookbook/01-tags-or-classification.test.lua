-- Cases for 01-tags-or-classification.lua.
--
-- SPDX-License-Identifier: Apache-2.0

settings { passivetotal_tags = "compromised,ransomware" }

case "a tag is enough" {
  given  = { artifact = "evil.example", tags = { "Ransomware" }, classification = "unknown" },
  expect = { verdict = "compromised", severity = "high", hit = { ["Matched tags"] = "ransomware" } },
}
case "the classification is enough" {
  given  = { artifact = "evil.example", tags = {}, classification = "malicious" },
  expect = { verdict = "compromised" },
}
case "neither" {
  given  = { artifact = "evil.example", tags = { "cdn" }, classification = "suspicious" },
  expect = { verdict = "no_match" },
}
case "one failed, the other says yes: enough" {
  given  = { artifact = "evil.example", tags = failed "HTTP 503", classification = "malicious" },
  expect = { verdict = "compromised" },
}
case "one failed, the other says no: unknown" {
  given  = { artifact = "evil.example", tags = failed "HTTP 503", classification = "unknown" },
  expect = { verdict = "unknown", missing = { "tags" } },
}
