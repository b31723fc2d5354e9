-- Cases for 10-flagged-tags.lua: what the rule owes for a record. Run them with `ptverdict test`.
-- `given` is a record in short form; a section that is not given counts as not asked.
--
-- SPDX-License-Identifier: Apache-2.0

case "tag on the list, other letter case" {
  now      = "2026-05-01T00:00:00Z",
  settings = { passivetotal_tags = "compromised,ransomware" },
  given    = { artifact = "evil.example", tags = { "Ransomware", "apt32" } },
  expect   = { verdict = "compromised", severity = "high", rules = { ["flagged-tags"] = "match" },
               hit = { ["Matched tags"] = "ransomware" }, note_has = "carries ransomware" },
}
case "no tag of ours" {
  settings = { passivetotal_tags = "compromised,ransomware" },
  given    = { artifact = "evil.example", tags = { "apt32" } },
  expect   = { verdict = "no_match", rules = { ["flagged-tags"] = "no_match" } },
}
case "answered, and there are none" {
  settings = { passivetotal_tags = "compromised,ransomware" },
  given    = { artifact = "evil.example", tags = {} },
  expect   = { verdict = "no_match" },
}
case "a tag that only looks like one of ours" {
  settings = { passivetotal_tags = "compromised,ransomware" },
  given    = { artifact = "evil.example", tags = { "ransomeware" } },
  expect   = { verdict = "no_match" },
}
case "tags call failed: not a clean bill" {
  settings = { passivetotal_tags = "compromised,ransomware" },
  given    = { artifact = "evil.example", tags = failed "HTTP 503" },
  expect   = { verdict = "unknown", missing = { "tags" } },
}
