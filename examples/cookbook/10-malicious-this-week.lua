-- Malicious within seven days is critical, malicious at all is high: the highest level that holds is the severity.
--
-- SPDX-License-Identifier: Apache-2.0

rule "malicious-this-week" {
  title  = "Malicious, and in use",
  levels = {
    critical = all { classification:is "malicious", passive_dns.last_seen:within "7d" },
    high     = classification:is "malicious",
  },
  next_step = "critical: isolate every host that asked for it. high: look for hosts that did.",
  hit  = { standard },
  note = {
    "{artifact} is classified malicious ({severity}).",
    "?Last seen {passive_dns.last_seen|date}.",       -- left out when passive DNS does not say
  },
}
