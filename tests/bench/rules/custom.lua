-- The three declarative rules of the bench as custom Lua functions, for comparison: what the tree of conditions saves.
local DAY = 86400

rule "flagged-tags" {
  title = "Carries a tag from our list", severity = "high", note = "n",
  when = custom({ "tags" }, function(r)
    for _, tag in ipairs(r.tags) do
      if tag == "compromised" or tag == "ransomware" then return true end
    end
    return false
  end),
}

rule "fresh-and-busy" {
  title = "New in passive DNS and already busy", severity = "medium", status = "shadow", note = "n",
  when = custom({ "passive_dns.first_seen", "passive_dns.count", "classification", "passive_dns.records" }, function(r)
    local first = r.passive_dns.first_seen
    if not first or r.now // DAY - first // DAY > 30 or r.passive_dns.count < 10 then return false end
    if r.classification == "malicious" or r.classification == "suspicious" then return true end
    local moving = 0
    for _, row in ipairs(r.passive_dns.records) do
      if row.type == "A" and row.first_seen and r.now // DAY - row.first_seen // DAY <= 7 then moving = moving + 1 end
    end
    return moving >= 5
  end),
}

rule "classification" {
  title = "PassiveTotal classification", note = "n",
  levels = {
    critical = custom({ "classification", "passive_dns.last_seen" }, function(r)
      local last = r.passive_dns.last_seen
      return r.classification == "malicious" and last ~= nil and r.now // DAY - last // DAY <= 7
    end),
    high = custom({ "classification" }, function(r) return r.classification == "malicious" end),
    low  = custom({ "classification" }, function(r) return r.classification == "suspicious" end),
  },
}
