-- Cases for 11-bad-nets.lua: the first and last address of a net, and the one behind it.
--
-- SPDX-License-Identifier: Apache-2.0

case "nets" {
  rows = {
    { name = "first", given = { artifact = "198.51.100.0" }, expect = { verdict = "compromised" } },
    { name = "last", given = { artifact = "198.51.100.127" }, expect = { verdict = "compromised" } },
    { name = "behind it", given = { artifact = "198.51.100.128" }, expect = { verdict = "no_match" } },
    { name = "IPv6", given = { artifact = "2001:DB8:BAD::1" }, expect = { verdict = "compromised" } },
    { name = "a name lies in no net", given = { artifact = "evil.example" }, expect = { verdict = "no_match" } },
  },
}
