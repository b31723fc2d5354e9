-- Cases for 06-tag-families.lua.
--
-- SPDX-License-Identifier: Apache-2.0

case "tags" {
  rows = {
    { name = "apt29", given = { artifact = "evil.example", tags = { "APT29" } },
      expect = { verdict = "compromised", hit = { ["Groups and tools"] = "apt29" } } },
    { name = "fin7", given = { artifact = "evil.example", tags = { "fin7" } }, expect = { verdict = "compromised" } },
    { name = "finance is no group", given = { artifact = "evil.example", tags = { "finance" } },
      expect = { verdict = "no_match" } },
    { name = "in the middle is not enough", given = { artifact = "evil.example", tags = { "adapt", "rats" } },
      expect = { verdict = "no_match" } },
    { name = "cobalt strike, either way", given = { artifact = "evil.example", tags = { "Cobalt-Strike beacon" } },
      expect = { verdict = "compromised" } },
    { name = "a sinkhole", given = { artifact = "evil.example", tags = { "apt29", "sinkhole" } },
      expect = { verdict = "no_match" } },
    { name = "tags failed", given = { artifact = "evil.example", tags = failed "HTTP 503" },
      expect = { verdict = "unknown" } },
  },
}
