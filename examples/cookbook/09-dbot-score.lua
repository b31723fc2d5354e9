-- XSOAR's DBotScore: 3 bad, 2 suspicious, 1 good, 0 not known. The thresholds stand in app.config, so that a playbook
-- author can change them; the number comes back as a hit field of its own.
--
--   [rules]
--   dbot_bad_tags = 3
--   dbot_suspicious_tags = 1
--
-- There is no rule for 0: it is what a playbook takes when no rule matched, or when the verdict is unknown. And 1 is
-- said only when an analyst said so: no evidence is no evidence of good.
--
-- SPDX-License-Identifier: Apache-2.0

rule "dbot-3" {
  title    = "DBotScore 3: bad",
  severity = "high",
  when     = any { classification:is "malicious", tags:count_at_least(setting("dbot_bad_tags", 3)) },
  hit      = { standard, { "DBotScore", 3 } },
}
rule "dbot-2" {
  title    = "DBotScore 2: suspicious",
  severity = "low",
  when     = any { classification:is "suspicious", tags:count_at_least(setting("dbot_suspicious_tags", 1)) },
  unless   = any { classification:is "malicious", tags:count_at_least(setting("dbot_bad_tags", 3)) },
  hit      = { standard, { "DBotScore", 2 } },
}
rule "dbot-1" {
  title    = "DBotScore 1: good",
  severity = "info",                                  -- below alert_from: never an alert
  when     = all { classification:is "non-malicious", none { tags:count_at_least(1) } },
  hit      = { { "DBotScore", 1 } },
}
