-- Cases for 08-shadow.lua. `shadow` lists the shadow rules that would have matched; the verdict does not change.
--
-- SPDX-License-Identifier: Apache-2.0

case "would have matched" {
  given  = { artifact = "evil.example", classification = "suspicious", tags = { "new" } },
  expect = { verdict = "no_match", shadow = { "suspicious-and-tagged" },
             rules = { ["suspicious-and-tagged"] = "shadow_match" } },
}
case "no tag" {
  given  = { artifact = "evil.example", classification = "suspicious", tags = {} },
  expect = { verdict = "no_match", shadow = {} },
}
case "the live rule has it already" {
  given  = { artifact = "evil.example", classification = "malicious", tags = { "new" } },
  expect = { verdict = "compromised", severity = "high", shadow = {} },
}
