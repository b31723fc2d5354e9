-- A name seen for the first time days ago that already has many records is worth a second look: crime moves to new
-- names and uses them at once; an honest new site starts slowly.
--
-- It runs as a shadow first: judged and recorded on every lookup, but it never alerts and costs no call of its own.
-- When `ptverdict diff` shows that it finds the right ones, change status to "live".
--
-- What "fresh" means is a setting. In app.config:
--
--   [rules]
--   fresh = 30d
--
-- SPDX-License-Identifier: Apache-2.0

rule "fresh-and-busy" {
  title     = "New in passive DNS and already busy",
  severity  = "medium",
  status    = "shadow",                                 -- live, shadow, off
  owner     = "SOC content team",
  next_step = "Check proxy logs for the last 7 days.",

  when = all {                                          -- every line must hold
    -- First seen within the last 30 days, unless app.config says otherwise.
    passive_dns.first_seen:within(setting("fresh", "30d")),

    -- Many records. Look-ups made by the query itself are not counted.
    passive_dns.count:at_least(10),

    any {                                               -- and one of these
      classification:is_any { "malicious", "suspicious" },
      -- Five addresses or more that appeared within a week: a name that keeps moving.
      passive_dns.records:count { type = "A", first_seen = within "7d" }:at_least(5),
    },
  },

  hit  = { standard },
  note = "{artifact}: {passive_dns.count} records since {passive_dns.first_seen|date}.",
}
