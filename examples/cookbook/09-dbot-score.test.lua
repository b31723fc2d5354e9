-- Cases for 09-dbot-score.lua.
--
-- SPDX-License-Identifier: Apache-2.0

local three = { "a", "b", "c" }

case "score" {
  rows = {
    { name = "malicious", given = { artifact = "evil.example", classification = "malicious", tags = {} },
      expect = { verdict = "compromised", severity = "high", hit = { DBotScore = 3 } } },
    { name = "three tags", given = { artifact = "evil.example", classification = "unknown", tags = three },
      expect = { verdict = "compromised", severity = "high", hit = { DBotScore = 3 } } },
    { name = "three tags, but five are wanted", settings = { dbot_bad_tags = 5 },
      given = { artifact = "evil.example", classification = "unknown", tags = three },
      expect = { verdict = "compromised", severity = "low", hit = { DBotScore = 2 } } },
    { name = "two tags", given = { artifact = "evil.example", classification = "unknown", tags = { "a", "b" } },
      expect = { verdict = "compromised", severity = "low", hit = { DBotScore = 2 } } },
    { name = "suspicious", given = { artifact = "evil.example", classification = "suspicious", tags = {} },
      expect = { verdict = "compromised", severity = "low", hit = { DBotScore = 2 } } },
    { name = "non-malicious", given = { artifact = "good.example", classification = "non-malicious", tags = {} },
      expect = { verdict = "no_match", hit = { DBotScore = 1 } } },
    { name = "non-malicious, but tagged",
      given = { artifact = "good.example", classification = "non-malicious", tags = { "a" } },
      expect = { verdict = "compromised", hit = { DBotScore = 2 } } },
    { name = "nothing known", given = { artifact = "new.example", classification = "", tags = {} },
      expect = { verdict = "no_match", hit = { DBotScore = false } } },
    { name = "tags failed", given = { artifact = "new.example", classification = "", tags = failed "HTTP 503" },
      expect = { verdict = "unknown" } },
  },
}
