-- New subdomains in numbers: a name that is young, has many names below it, and whose names keep appearing. That is
-- how kits for phishing and domain shadowing look.
--
-- SPDX-License-Identifier: Apache-2.0

rule "subdomain-churn" {
  title    = "Young, with many new names below it",
  severity = "medium",
  when     = all {
    passive_dns.first_seen:within "60d",
    subdomains.count:at_least(25),
    any {
      passive_dns.records:count { first_seen = within "7d" }:at_least(10),
      subdomains.names:like_any { "login*", "secure*", "*verify*" },
    },
  },
  hit  = { standard, { "Subdomains", "{subdomains.names|first(5)|list}" } },
  note = "{artifact}: {subdomains.count} names below it since {passive_dns.first_seen|date}.",
}
