/*
 * finding_codes.c: every code of a finding and what it means, once: SARIF names them, docs/rules.md lists them, a test
 * compares all three with what the sources say.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/findings.h"

const ptv_finding_code ptv_finding_codes[] = {
    { "E-ALLOW", "An allowance lacks its reason, owner, expiry or condition, or names a rule that is not there" },
    { "E-ARG", "A word is given a value of a kind it does not take" },
    { "E-ARTIFACT", "A test of artifact names what no artifact is ever written as" },
    { "E-CALL", "Something that is no test is used like one; mostly a comma is missing before a bracket" },
    { "E-COND", "A plain value or a comparison stands where a condition should" },
    { "E-CUSTOM", "A custom function uses what it may not: a field it did not name, a table from outside" },
    { "E-DEEP", "Conditions are nested too deep, or there are too many in one another" },
    { "E-DUP", "A key, a rule, an allowance or a case is there twice" },
    { "E-EMPTY", "A list or a group of conditions is empty, so that it says nothing or can never match" },
    { "E-ENUM", "A word that is not one of the words possible there" },
    { "E-FIELD", "No such field or column" },
    { "E-FILE", "A file or folder cannot be read" },
    { "E-GLOBAL", "A name is set without local, or a word of the language is replaced" },
    { "E-HIT", "A field of the hit card has no proper name or value, or a name that is there already" },
    { "E-KEY", "A key that is unknown, missing, of the wrong kind, or at odds with another key" },
    { "E-LIMIT", "A file takes more instructions or memory than it may" },
    { "E-LIST", "A list file is not there, or a line in it cannot be read" },
    { "E-MORE", "More than 100 problems in one file; the rest is left out" },
    { "E-NAME", "A name that is neither a word, a field nor a local; in a test also a rule that is not there" },
    { "E-NEVER", "A condition or a rule that can never match" },
    { "E-NO-CASE", "No case of the tests fits --run" },
    { "E-RUN", "The file stopped with an error" },
    { "E-SECTION", "A live rule reads what no configured source can give" },
    { "E-SETTING", "A setting that a rule reads has no value" },
    { "E-SYNTAX", "The file is not Lua; what follows the first such mistake is not looked at" },
    { "E-TEMPLATE", "A placeholder in a note or hit field is wrong" },
    { "E-TEST", "The field has no such test" },
    { "E-TOO-MANY", "More findings than can be kept" },
    { "E-UNUSED", "A condition is written but belongs to no rule" },
    { "E-WIDE", "An entry of an allowance covers a whole public suffix, more than a /8 (IPv4) or more than a /16 (IPv6)" },
    { "N-SHADOW", "A shadow rule stays unknown because no live rule asks for what it reads" },
    { "W-EXPIRED", "An allowance has expired and no longer holds" },
    { "W-EXPIRES", "An allowance expires within 30 days" },
    { "W-FILENAME", "A rule file that is not loaded: it ends in .lua.txt or .LUA, or lies in a folder below the rules" },
    { "W-NO-CASE", "A test file without a case, or a rule or allowance that no case judges" },
    { "W-NO-LIVE", "No rule of the set is live, so that nothing is judged and every verdict is unknown" },
    { "W-NO-TEST", "A rule file without a test file" },
    { "W-SECTION", "An allowance reads what no configured source can give, so that it can never hold" },
    { "W-UNUSED-SETTING", "A setting in [rules] that no rule reads" },
};
const size_t ptv_finding_code_count = sizeof ptv_finding_codes / sizeof *ptv_finding_codes;
