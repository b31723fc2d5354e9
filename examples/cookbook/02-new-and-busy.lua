-- Recency and counts: seen for the first time lately, and already many records. Crime moves to new names and uses
-- them at once; an honest new site starts slowly.
--
-- SPDX-License-Identifier: Apache-2.0

rule "new-and-busy" {
  title    = "New in passive DNS and already busy",
  severity = "medium",
  when     = all {
    passive_dns.first_seen:within(setting("fresh", "30d")),   -- [rules] fresh = 14d changes it
    passive_dns.count:at_least(setting("busy", 20)),          -- live look-ups of the query itself do not count
  },
  hit  = { standard },
  note = "{artifact}: {passive_dns.count} records since {passive_dns.first_seen|date}.",
}
