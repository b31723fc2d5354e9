-- The classification rule of examples/rules/30-classification.lua without its custom condition: declarative, for the bench.
rule "classification" {
  title  = "PassiveTotal classification",
  levels = {
    critical = all { classification:is "malicious", passive_dns.last_seen:within "7d" },
    high     = classification:is "malicious",
    low      = classification:is "suspicious",
  },
  hit  = { standard },
  note = "{artifact} is classified {classification} ({severity}).",
}
