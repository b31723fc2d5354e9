-- Nets from a list file: our own incidents know addresses that no vendor knows. The artifact alone decides, so this
-- costs no call.
--
-- SPDX-License-Identifier: Apache-2.0

rule "bad-nets" {
  title    = "In a net from one of our incidents",
  severity = "high",
  when     = artifact:in_cidr(list "bad-nets"),       -- lists/bad-nets.txt
  note     = "{artifact} lies in a net that one of our incidents led to.",
}
