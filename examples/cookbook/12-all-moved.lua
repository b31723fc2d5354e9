-- What words cannot say: a comparison of two numbers of the same record. Most of what is known about the name
-- appeared within a week, so an old name has changed hands or has been taken over.
--
-- A custom condition names the fields it reads, and gets them as r. It is not run while one of them is unknown. It
-- returns true, false or nil (cannot tell), and a reason for the note.
--
-- SPDX-License-Identifier: Apache-2.0

rule "all-moved" {
  title    = "An old name of which most records are new",
  severity = "medium",
  when     = all {
    passive_dns.first_seen:older_than "1y",
    custom({ "passive_dns.records" }, function(r)
      local new, week = 0, 7 * 86400
      for _, row in ipairs(r.passive_dns.records) do
        if row.first_seen and r.now - row.first_seen <= week then
          new = new + 1
        end
      end
      local all_rows = #r.passive_dns.records
      return all_rows >= 4 and new * 2 > all_rows, new .. " of " .. all_rows .. " records are new"
    end),
  },
  hit  = { standard },
  note = "{artifact}: {reason}.",
}
