-- A look-back window: what a name did years ago says little. Only records seen lately count, and only those that
-- point somewhere.
--
-- SPDX-License-Identifier: Apache-2.0

rule "look-back" {
  title    = "Moved over many addresses lately",
  severity = "medium",
  when     = passive_dns.records:count {
    type      = { "A", "AAAA" },
    last_seen = within(setting("look_back", "90d")),
  }:at_least(5),
  hit      = { standard },
  note     = "{artifact} was seen with five addresses or more in the look-back window.",
}
