-- What PassiveTotal's own analysts say about a name, with an allowance for names of ours and, at the end, an example
-- of a condition that the words cannot say.
--
-- SPDX-License-Identifier: Apache-2.0

-- An allowance keeps rules from flagging what is ours. Reason, owner and expiry are all required: nothing is allowed
-- for ever. It looks at the artifact alone, so it is decided before any call, and names of ours are never sent out.
allow "our-zones" {
  reason  = "Zones we run ourselves",
  owner   = "netops",
  expires = "2027-01-31",                               -- the last day it holds; `check` warns 30 days before
  when    = artifact:in_zone(list "corp-domains"),      -- lists/corp-domains.txt, each name with all names below it
}

rule "classification" {
  title  = "PassiveTotal classification",

  -- The highest level that holds is the severity.
  levels = {
    critical = all { classification:is "malicious", passive_dns.last_seen:within "7d" },   -- and still in use
    high     = classification:is "malicious",
    low      = classification:is "suspicious",
  },

  hit  = { standard },
  note = "{artifact} is classified {classification} ({severity}).",
}

-- Generated names often have long first labels full of digits. No word counts digits, so a function does.
rule "random-label" {
  title    = "Long random-looking label",
  severity = "info",                                    -- a hint, no more: below the level that alerts

  -- First the fields the function reads; it gets them as r. It returns true, false or nil (cannot tell), and a
  -- reason.
  when = custom({ "artifact" }, function(r)
    local label, digits = r.artifact:before ".", 0
    for i = 1, #label do
      local b = label:byte(i)
      if b >= 48 and b <= 57 then digits = digits + 1 end   -- 48 is "0", 57 is "9"
    end
    return #label >= 20 and digits >= 5, digits .. " digits in " .. label
  end),

  note = "{artifact}: {reason}.",
}
