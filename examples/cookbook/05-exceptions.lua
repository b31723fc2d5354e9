-- Exceptions in a spreadsheet: every line of lists/exceptions.csv is an allowance of its own, with its own last day.
-- Nothing about it stands here; the file is read whenever it is there.
--
-- SPDX-License-Identifier: Apache-2.0

rule "scanner-or-proxy" {
  title    = "Tagged as a scanner or a proxy",
  severity = "low",
  when     = tags:has_any { "scanner", "proxy" },
  note     = "{artifact} is tagged {tags.matched|list}.",
}
