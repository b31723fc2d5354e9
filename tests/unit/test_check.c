/*
 * test_check.c: every message that rule files can earn, word for word, with its line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "rules_help.h"

typedef struct message {
    const char *source, *says;
} message;

/* Each source is a file of its own; what is said must be exactly this. */
static void expect(rules_test *t, const message *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ptv_code rc = rules_load_text(t, rows[i].source);
        if (strcmp(t->said, rows[i].says) != 0)
            print_error("source:\n%s\n", rows[i].source);
        assert_string_equal(t->said, rows[i].says);
        assert_int_equal(rc, strstr(rows[i].says, ": error: ") ? PTV_ERULES : PTV_OK);
    }
}

/* The same, for what stands as `when` on line 2 of a rule. */
static void expect_when(rules_test *t, const message *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char source[2048], says[2048];
        snprintf(source, sizeof source, "rule 'a' { severity = 'low',\nwhen = %s }", rows[i].source);
        snprintf(says, sizeof says, "bad.lua:2: error: %s\n", rows[i].says);
        expect(t, &(message){ source, says }, 1);
    }
}

#define ROWS(rows) rows, sizeof rows / sizeof *rows
#define RULE(when) "rule 'a' { severity = 'low', when = " when " }"

static void gives_the_five_messages_of_the_design(void **state)
{
    rules_test *t = *state;
    static const message rows[] = {
        { "-- what an analyst may get wrong\n"
          "rule \"one\" {\n"
          "  severity = \"low\",\n"
          "  when = any {\n"
          "    tag:has_any { \"ransomware\" },\n"
          "    tags:has_any { \"compromised\" },\n"
          "    classification:is \"malicous\",\n"
          "    all {\n"
          "      passive_dns.count:at_least(\"10\"),\n"
          "      passive_dns.first_seen:within \"30d\",\n"
          "    },\n"
          "    all { tags:has_any { \"a\" }, passive_dns.count:at_least(1), classification == \"malicious\" },\n"
          "  },\n"
          "  unless = tags:has_any { \"sinkhole\" } and classification:is \"unknown\",\n"
          "}\n",
          "bad.lua:5: error: unknown name 'tag' (did you mean 'tags'?) [E-NAME]\n"
          "bad.lua:7: error: classification:is: 'malicous' is not one of malicious, suspicious, non-malicious, unknown, "
          "unclassified "
          "(did you mean 'malicious'?) [E-ENUM]\n"
          "bad.lua:9: error: passive_dns.count:at_least needs a number, not \"10\" (drop the quotes) [E-ARG]\n"
          "bad.lua:12: error: item 3 of all{} is a boolean, not a condition; write classification:is \"malicious\", not == "
          "[E-COND]\n"
          "bad.lua:14: error: this condition is used nowhere; 'and' keeps only the last test: write all { …, … } "
          "[E-UNUSED]\n" },
    };
    expect(t, ROWS(rows));
}

static void guesses_names(void **state)
{
    rules_test *t = *state;
    static const message rows[] = {
        { "tgas:has_any 'x'", "unknown name 'tgas' (did you mean 'tags'?) [E-NAME]" }, /* a swap is one slip */
        { "clasification:is 'unknown'", "unknown name 'clasification' (did you mean 'classification'?) [E-NAME]" },
        { "has_any { 'x' }",
          "unknown name 'has_any': it is a test and follows a field and ':', as in tags:has_any { … } [E-NAME]" },
        { "qqqqq", "unknown name 'qqqqq'; a text stands in double quotes: \"qqqqq\" [E-NAME]" },
        { "tags:has_any { qqqqq }", "unknown name 'qqqqq'; a text stands in double quotes: \"qqqqq\" [E-NAME]" },
        { "title", "unknown name 'title'; as a key it is followed by one '=': title = … [E-NAME]" },
        { "tags:has_any 'x, y'", "tags:has_any: \"x, y\" is one text, not a list; write {\"x\", \"y\"}, or {\"x, y\"} for "
                                 "one text with a comma [E-ARG]" },
        { "passive_dns.cuont:at_least(1)", "passive_dns has no field 'cuont' (did you mean 'count'?) [E-FIELD]" },
        { "passive_dns:at_least(1)",
          "passive_dns has no field 'at_least'; it has count, total_records, first_seen, last_seen, "
          "truncated, first_seen_text, last_seen_text, records, all_records [E-FIELD]" },
        { "tags:has_ay { 'x' }", "tags (set) has no test 'has_ay' (did you mean 'has_any'?) [E-TEST]" },
        { "tags:is 'x'",
          "tags (set) has no test 'is'; it has has_any, has_all, has_none, like_any, count_at_least, is_missing, is_present "
          "[E-TEST]" },
        { "passive_dns.records:cuont { type = 'A' }",
          "passive_dns.records (records) has no test 'cuont' (did you mean 'count'?) [E-TEST]" },
        { "passive_dns.records:count { type = 'A' }:atleast(1)",
          "passive_dns.records:count{type = \"A\"} (number) has no test 'atleast' (did you mean 'at_least'?) [E-TEST]" },
        { "passive_dns.records:count { typ = 'A' }:at_least(1)",
          "passive_dns.records:count: no column 'typ' (did you mean 'type'?) [E-FIELD]" },
        { "tags:has_any(list 'corp')", "no list 'corp': there is no ./lists/corp.txt [E-LIST]" },
        { "tags:has_any(list '../x')",
          "\"../x\" is no name of a list: letters, digits, - _ . only; it is the name of a file in lists/ "
          "without .txt [E-LIST]" },
        { "passive_dns.first_seen:within(setting 'fresh')",
          "[rules] \"fresh\" is not set; add it there, or give a default: setting(\"fresh\", …) [E-SETTING]" },
        { "tags:has_any(setting 'passivetotal_tags')",
          "[fn_passivetotal] passivetotal_tags is not set: write passivetotal_tags = compromised,ransomware (your own tags) "
          "[E-SETTING]" },
        { "artifact_type:is 'ipv4'", "artifact_type:is: 'ipv4' is not one of domain, ip (did you mean 'ip'?) [E-ENUM]" },
        { "custom({ 'artifcat' }, function(r) return true end)",
          "custom: no field 'artifcat' (did you mean 'artifact'?) [E-FIELD]" },
    };
    expect_when(t, ROWS(rows));
    static const ptv_rule_setting settings[] = { { "fresh", "30d", "app.config:4", false },
                                                 { "passivetotal_tags", " , ", "app.config:5", false } };
    t->options.settings = settings;
    t->options.setting_count = 2;
    rules_write("lists/corp-domains.txt", "corp.example\n");
    static const message known[] = {
        { "tags:has_any(list 'corp-domain')",
          "no list 'corp-domain' (did you mean 'corp-domains'?): there is no ./lists/corp-domain.txt [E-LIST]" },
        { "passive_dns.first_seen:within(setting 'frehs')",
          "[rules] \"frehs\" is not set (did you mean 'fresh'?); add it there, or give a default: "
          "setting(\"frehs\", …) [E-SETTING]" },
        { "tags:has_any(setting 'passivetotal_tags')",
          "[fn_passivetotal] passivetotal_tags (app.config:5) is empty: write passivetotal_tags = compromised,ransomware "
          "(your own tags) [E-SETTING]" },
        { "passive_dns.count:at_least(setting 'fresh')",
          "passive_dns.count:at_least needs a number, not \"30d\" of setting \"fresh\" (app.config:4) [E-ARG]" },
        { "tags:has_any(setting('none', ' ,'))",
          "tags:has_any: the list of setting \"none\" (its default) is empty: it can never match [E-EMPTY]" },
    };
    expect_when(t, ROWS(known));
}

static void tells_what_an_argument_should_be(void **state)
{
    rules_test *t = *state;
    static const message rows[] = {
        { "passive_dns.count:at_least()", "passive_dns.count:at_least needs a number, not nothing [E-ARG]" },
        { "passive_dns.count:at_least 'many'", "passive_dns.count:at_least needs a number, not \"many\" [E-ARG]" },
        { "passive_dns.count:at_least { 1 }", "passive_dns.count:at_least needs a number, not a table [E-ARG]" },
        { "passive_dns.count:at_least(1, 2)", "passive_dns.count:at_least takes one value; a list goes into { } [E-ARG]" },
        { "passive_dns.count:between(1)", "passive_dns.count:between needs a number, not nothing [E-ARG]" },
        { "passive_dns.count:between(5, 1)",
          "passive_dns.count:between: 5 is greater than 1: it can never match [E-NEVER]" },
        { "passive_dns.count:at_least(1/0)", "passive_dns.count:at_least needs a number, not inf [E-ARG]" },
        { "link:is_present(true)", "link:is_present takes nothing between the brackets [E-ARG]" },
        { "account.quota_exceeded:is 'yes'", "account.quota_exceeded:is needs true or false, not \"yes\" [E-ARG]" },
        { "passive_dns.first_seen:within(30)",
          "passive_dns.first_seen:within needs a duration such as \"30d\", \"12h\" or \"1y\", not 30 [E-ARG]" },
        { "passive_dns.first_seen:within '30 days'",
          "passive_dns.first_seen:within needs a duration such as \"30d\", \"12h\" or \"1y\", not \"30 days\" [E-ARG]" },
        { "passive_dns.first_seen:before '31.01.2026'",
          "passive_dns.first_seen:before needs a date such as \"2026-01-31\", not \"31.01.2026\" [E-ARG]" },
        { "passive_dns.first_seen:after '2026-02-30'",
          "passive_dns.first_seen:after needs a date such as \"2026-01-31\", not \"2026-02-30\" [E-ARG]" },
        { "tags:has_any { 'a', 5 }", "tags:has_any: item 2 of its list is 5, not a text (put it in quotes) [E-ARG]" },
        { "tags:has_any { x = 'a' }", "tags:has_any takes a list of texts, not keys: 'x =' [E-ARG]" },
        { "tags:has_any(5)", "tags:has_any needs a list of texts, such as { \"a\", \"b\" }, not 5 [E-ARG]" },
        { "tags:has_any {}", "tags:has_any: the list is empty: it can never match [E-EMPTY]" },
        { "tags:has_any { '' }", "tags:has_any: the text \"\" is empty [E-ARG]" },
        { "classification:is { 'malicious' }",
          "classification:is needs a text, not a table; a list goes into is_any [E-ARG]" },
        { "artifact:is(5)", "artifact:is needs a text, not 5 (put it in quotes) [E-ARG]" },
        { "artifact:is 'Evil.Example.'", "artifact is never \"Evil.Example.\": write \"evil.example\" [E-ARTIFACT]" },
        { "artifact:is_any { 'EVIL.example', 'hxxp://evil[.]example/x' }",
          "artifact is never \"hxxp://evil[.]example/x\": write \"evil.example\" [E-ARTIFACT]" },
        { "artifact:is_not '2001:DB8:0::1'", "artifact is never \"2001:DB8:0::1\": write \"2001:db8::1\" [E-ARTIFACT]" },
        { "artifact:is '*.evil.example'",
          "artifact is never \"*.evil.example\": it is neither a name nor an address; like, in_zone and in_cidr take "
          "patterns, zones and nets [E-ARTIFACT]" },
        { "passive_dns.records:count(5):at_least(1)", "passive_dns.records:count needs a filter in curly brackets, not 5: "
                                                      "passive_dns.records:count { type = \"A\" } [E-ARG]" },
        { "passive_dns.records:count { first_seen = '7d' }:at_least(1)",
          "passive_dns.records:count: first_seen is a time: write first_seen = within \"7d\", or older_than, before, after "
          "[E-ARG]" },
        { "passive_dns.records:count { type = within '7d' }:at_least(1)",
          "passive_dns.records:count: type is a word: within does not fit [E-ARG]" },
        { "passive_dns.records:count { 'A' }:at_least(1)",
          "passive_dns.records:count takes column = value, not a list [E-ARG]" },
        { "all(tags)", "all needs conditions in curly brackets, not a field: all { …, … } [E-ARG]" },
        { "at_least_of('2') { link:is_present() }",
          "at_least_of needs a whole number from 1 on, not \"2\": at_least_of(2) { …, … } [E-ARG]" },
        { "at_least_of(2) { tags:has_any 'a' }", "at_least_of(2) of 1 conditions can never match [E-NEVER]" },
        { "custom('artifact')",
          "custom needs the fields it reads and a function: custom({ \"artifact\" }, function(r) … end) [E-ARG]" },
        { "artifact:in_cidr { 'corp.example' }",
          "in_cidr: \"corp.example\": not a net: write it as 192.0.2.0/24 or 2001:db8::/32 [E-LIST]" },
    };
    expect_when(t, ROWS(rows));
}

static void tells_a_condition_from_a_value(void **state)
{
    rules_test *t = *state;
    static const message rows[] = {
        { "classification == 'malicious'",
          "'when' is a boolean, not a condition; write classification:is \"malicious\", not == [E-COND]" },
        { "classification ~= 'malicious'",
          "'when' is a boolean, not a condition; write classification:is_not \"malicious\", not ~= [E-COND]" },
        { "passive_dns.count > 5",
          "'when' is a boolean, not a condition; write passive_dns.count:at_least(6), not > [E-COND]" },
        { "passive_dns.count >= 5",
          "'when' is a boolean, not a condition; write passive_dns.count:at_least(5), not >= [E-COND]" },
        { "5 > passive_dns.count",
          "'when' is a boolean, not a condition; write passive_dns.count:at_most(4), not > [E-COND]" },
        { "passive_dns.count == 5",
          "'when' is a boolean, not a condition; write passive_dns.count:equals(5), not == [E-COND]" },
        { "passive_dns.count ~= 5",
          "'when' is a boolean, not a condition; write none { passive_dns.count:equals(5) }, not ~= [E-COND]" },
        { "passive_dns.first_seen > '2026-01-01'",
          "'when' is a boolean, not a condition; write passive_dns.first_seen:within \"30d\", older_than, before or after, "
          "not > [E-COND]" },
        { "tags == 'x'", "'when' is a boolean, not a condition; write tags:has_any { \"x\" }, not == [E-COND]" },
        { "link == nil", "'when' is a boolean, not a condition; write link:is_missing(), not == [E-COND]" },
        { "not tags:has_any { 'x' }", "'when' is a boolean, not a condition; write none { … }, not 'not' [E-COND]" },
        { "all { not tags }", "item 1 of all{} is a boolean, not a condition; write none { … }, not 'not' [E-COND]" },
        { "tags:has_any 'x' or tags:has_any 'y'",
          "this condition is used nowhere; 'or' keeps only the first test: write any { …, … } [E-UNUSED]" },
        { "any { tags:has_any 'x' and link:is_present() and link:is_missing() }",
          "this condition is used nowhere; 'and' keeps only the last test: write all { …, … } [E-UNUSED]" },
        { "all { tags:has_any 'x' == true }",
          "item 1 of all{} is a boolean, not a condition; write none { … } to turn a condition round, not == [E-COND]" },
        { "true", "'when' is a boolean, not a condition; write a test with ':', such as classification:is \"malicious\", "
                  "not == [E-COND]" },
        { "'x'", "'when' is \"x\", not a condition [E-COND]" },
        { "{ tags:has_any 'x' }", "'when' is a table, not a condition; write all { …, … } or any { …, … } [E-COND]" },
        { "tags", "'when' is a field, not a condition; write a test of it, such as tags:has_any … [E-COND]" },
        { "passive_dns.records",
          "'when' is a field, not a condition; write how many, such as passive_dns.records:count{}:at_least(1) [E-COND]" },
        { "passive_dns.records:count { type = 'A' }", "'when' is a count without a test, not a condition; write how many, "
                                                      "such as passive_dns.records:count{type = \"A\"}:at_least(1) "
                                                      "[E-COND]" },
        { "tags.has_any",
          "'when' is a test without its value, not a condition: what tags:has_any compares with is missing [E-COND]" },
        { "all", "'when' is a function, not a condition [E-COND]" },
        { "all { tags = 'x' }", "all{} takes conditions, not 'tags ='; a test follows ':' as in tags:is … [E-COND]" },
        { "all {}", "all{} is empty: it says nothing [E-EMPTY]" },
        { "tags:has_any { 'x' } { 'y' }",
          "a condition is called; a comma is missing before the bracket that follows tags:has_any{\"x\"} [E-CALL]" },
        { "all { tags:has_any 'x' { link:is_present() } }",
          "a condition is called; a comma is missing before the bracket that follows tags:has_any{\"x\"} [E-CALL]" },
        { "passive_dns.count + 1",
          "an operator on a field, which has no value while a file loads; write a test, such as :at_least(10) [E-COND]" },
    };
    expect_when(t, ROWS(rows));
    static const message local[] = {
        { "local n = passive_dns.count\n" RULE("n > 5"),
          "bad.lua:2: error: 'when' is a boolean, not a condition; write passive_dns.count:at_least(6), not > [E-COND]\n" },
        { "local busy = passive_dns.count:at_least(5)\n" RULE("busy and link:is_present()"),
          "bad.lua:2: error: this condition is used nowhere; 'and' keeps only the last test: write all { …, … } "
          "[E-UNUSED]\n" },
        { "local busy = passive_dns.count:at_least(5)\n" RULE("link:is_present()"),
          "bad.lua:1: error: this condition is used nowhere: passive_dns.count:at_least(5) [E-UNUSED]\n" },
        { RULE("all {\n tags:has_any 'x',\n  true,\n 5,\n}"),
          "bad.lua:3: error: item 2 of all{} is a boolean, not a condition; write a test with ':', such as "
          "classification:is \"malicious\", "
          "not == [E-COND]\nbad.lua:4: error: item 3 of all{} is 5, not a condition [E-COND]\n" },
        { "local word = setting('a', 'x') or 'y'\nlocal n = 1 == 1 and 2\n" RULE("tags:has_any(word)"),
          "" }, /* Lua's own business */
    };
    expect(t, ROWS(local));
}

static void tells_what_is_wrong_with_a_rule(void **state)
{
    rules_test *t = *state;
    static const message rows[] = {
        { "rule 'a' {\n severity = 'hihg',\n when = tags:has_any 'x',\n}",
          "bad.lua:2: error: severity: 'hihg' is not one of info, low, medium, high, critical (did you mean 'high'?) "
          "[E-ENUM]\n" },
        { "rule 'a' {\n severity = 'low',\n when = tags:has_any 'x',\n status = 'shadwo', on_unknown = 'yes',\n "
          "when_unsupported = 'no' }",
          "bad.lua:4: error: status: 'shadwo' is not one of live, shadow, off (did you mean 'shadow'?) [E-ENUM]\n"
          "bad.lua:4: error: on_unknown: 'yes' is not one of match, unknown [E-ENUM]\n"
          "bad.lua:5: error: when_unsupported: 'no' is not off [E-ENUM]\n" },
        { "rule 'a' {\n severity = 'low',\n whne = tags:has_any 'x',\n}",
          "bad.lua:1: error: rule \"a\" has no condition: it needs when = …, or levels = { … } [E-KEY]\n"
          "bad.lua:3: error: rule \"a\" has no key 'whne' (did you mean 'when'?) [E-KEY]\n" },
        { "rule 'a' { when = tags:has_any 'x' }",
          "bad.lua:1: error: rule \"a\" has no severity: info, low, medium, high or critical [E-KEY]\n" },
        { "rule 'a' { levels = { hihg = tags:has_any 'x' }, severity = 'low' }",
          "bad.lua:1: error: rule \"a\" has levels and severity; the level that holds is the severity [E-KEY]\n"
          "bad.lua:1: error: levels: 'hihg' is not one of info, low, medium, high, critical (did you mean 'high'?) "
          "[E-ENUM]\n" },
        { "rule 'a' { levels = {\n high = 5 } }", "bad.lua:2: error: level 'high' is 5, not a condition [E-COND]\n" },
        { "rule 'a' { levels = {} }", "bad.lua:1: error: levels is empty: the rule can never match [E-EMPTY]\n" },
        { "rule 'a' { levels = tags:has_any 'x' }",
          "bad.lua:1: error: levels is a condition, not a table: levels = { high = … } [E-KEY]\n"
          "bad.lua:1: error: this condition is used nowhere: tags:has_any{\"x\"} [E-UNUSED]\n" },
        { "rule 'a' { severity = 'low', when = tags:has_any 'x',\n title = 5,\n owner = { 'x' } }",
          "bad.lua:2: error: rule \"a\": title is 5, not a text [E-KEY]\nbad.lua:3: error: rule \"a\": owner is a table, "
          "not a text [E-KEY]\n" },
        { "rule 'a' { severity = 'low',\n when = tags:has_any 'x',\n\n when = tags:has_any 'y' }",
          "bad.lua:4: error: key 'when' is there already, on line 2: only one of the two would count [E-DUP]\n" },
        { "rule 'a' { severity = 'low', tags:has_any 'x' }",
          "bad.lua:1: error: rule \"a\": a condition stands without a key; write when = …, hit = … [E-KEY]\n"
          "bad.lua:1: error: rule \"a\" has no condition: it needs when = …, or levels = { … } [E-KEY]\n" },
        { "rule 'a'", "bad.lua:1: error: rule \"a\" has nothing behind it: rule \"a\" { … } [E-KEY]\n" },
        { "rule { severity = 'low' }", "bad.lua:1: error: rule needs a name first: rule \"name\" { … } [E-KEY]\n" },
        { "rule 'a' 'b'", "bad.lua:1: error: rule \"a\" needs a table: rule \"a\" { … } [E-KEY]\n" },
        { RULE("tags:has_any 'x'") "\n" RULE("tags:has_any 'y'"),
          "bad.lua:2: error: rule \"a\" is there already: bad.lua:1 [E-DUP]\n" },
        { "severity = 'low'\n" RULE("tags:has_any(severity)"),
          "bad.lua:1: error: write local in front of \"severity\": files share no names [E-GLOBAL]\n" },
        { "error 'no rules today'", "bad.lua:1: error: no rules today [E-RUN]\n" },
        { "local x = nil\nx.y = 1", "bad.lua:2: error: attempt to index a nil value (local 'x') [E-RUN]\n" },
    };
    expect(t, ROWS(rows));
}

static void tells_what_is_wrong_with_hit_and_note(void **state)
{
    rules_test *t = *state;
#define SHOWN(keys) "rule 'a' { severity = 'low', when = tags:has_any 'x',\n" keys " }"
    static const message rows[] = {
        { SHOWN("note = '{artifcat} {tags|lits|date} {{ {x} {lnk'"),
          "bad.lua:2: error: note: no placeholder '{artifcat}' (did you mean '{artifact}'?) [E-TEMPLATE]\n"
          "bad.lua:2: error: note: no filter 'lits' (did you mean 'list'?); there are list, date, number, first(n), else "
          "\"text\" [E-TEMPLATE]\n"
          "bad.lua:2: error: note: no placeholder '{x}' [E-TEMPLATE]\n"
          "bad.lua:2: error: note: '{lnk' is not closed; write {{ for a bracket of the text [E-TEMPLATE]\n" },
        { SHOWN("note = {\n 'a {artifcat}',\n '{tags|lits}' }"),
          "bad.lua:3: error: note: no placeholder '{artifcat}' (did you mean '{artifact}'?) [E-TEMPLATE]\n"
          "bad.lua:4: error: note: no filter 'lits' (did you mean 'list'?); there are list, date, number, first(n), else "
          "\"text\" "
          "[E-TEMPLATE]\n" },
        { SHOWN("note = 5"), "bad.lua:2: error: rule \"a\": note is 5, not a text or a list of texts [E-KEY]\n" },
        { SHOWN("note = {\n 'a',\n 5 }"), "bad.lua:4: error: rule \"a\": item 2 of note is 5, not a text [E-KEY]\n" },
        { SHOWN("hit = 5"), "bad.lua:2: error: hit is 5, not a list: hit = { standard, { \"Name\", field } } [E-HIT]\n" },
        { SHOWN("hit = { 'x' }"),
          "bad.lua:2: error: item 1 of hit is \"x\"; write standard or { \"Name\", field } [E-HIT]\n" },
        { SHOWN("hit = { { 'N', tags },\n { 'N', link } }"),
          "bad.lua:3: error: hit: the name \"N\" is there already; names are unique [E-HIT]\n" },
        { SHOWN("hit = { standard,\n { 'First Seen', link } }"),
          "bad.lua:3: error: hit: the name \"First Seen\" is there already; names are unique [E-HIT]\n" },
        { SHOWN("hit = { standard { 'N', link } }"),
          "bad.lua:2: error: standard is called; a comma is missing before the bracket that follows it [E-CALL]\n" },
        { SHOWN("hit = { { 'N', true } }"),
          "bad.lua:2: error: hit \"N\": its value is a boolean, not a field or a text [E-HIT]\n" },
        { SHOWN("hit = { { 'N', '{lnk}' } }"),
          "bad.lua:2: error: hit: no placeholder '{lnk}' (did you mean '{link}'?) [E-TEMPLATE]\n" },
    };
    expect(t, ROWS(rows));
}

#define ALLOW(keys) "allow 'o' { " keys " }\n" RULE("tags:has_any 'x'")
#define OWNED       "reason = 'R', owner = 'O', "

static void tells_what_is_wrong_with_an_allowance(void **state)
{
    rules_test *t = *state;
    static const message rows[] = {
        { ALLOW("when = artifact:is 'x.example'"),
          "bad.lua:1: error: allow \"o\" has no reason; reason, owner, expires and when are all required [E-ALLOW]\n"
          "bad.lua:1: error: allow \"o\" has no owner; reason, owner, expires and when are all required [E-ALLOW]\n"
          "bad.lua:1: error: allow \"o\" has no expires; reason, owner, expires and when are all required [E-ALLOW]\n" },
        { ALLOW(OWNED "expires = 'never', when = artifact:is 'x.example'"),
          "bad.lua:1: error: allow \"o\": expires needs a date such as \"2027-01-31\", not \"never\" [E-ALLOW]\n" },
        { ALLOW(OWNED "expires = '2026-04-30', when = artifact:is 'x.example'"),
          "bad.lua:1: warning: allowance \"o\" expired on 2026-04-30 and no longer holds [W-EXPIRED]\n" },
        { ALLOW(OWNED "expires = '2026-05-31', when = artifact:is 'x.example'"),
          "bad.lua:1: warning: allowance \"o\" expires on 2026-05-31 [W-EXPIRES]\n" },
        { ALLOW(OWNED "expires = '2026-06-01', when = artifact:is 'x.example'"), "" },
        { ALLOW(OWNED "expires = '2027-01-31', when = artifact:is 'x.example', applies_to = { 'a', 'b' }"),
          "bad.lua:1: error: allowance \"o\": no rule 'b' (did you mean 'a'?) [E-ALLOW]\n" },
        { ALLOW(OWNED "expires = '2027-01-31', whne = artifact:is 'x.example'"),
          "bad.lua:1: error: allow \"o\" has no key 'whne' (did you mean 'when'?) [E-KEY]\n"
          "bad.lua:1: error: allow \"o\" has no when; reason, owner, expires and when are all required [E-ALLOW]\n" },
        { ALLOW(OWNED "expires = '2027-01-31',\n when = artifact:in_zone { 'corp.example', 'co.uk' }"),
          "bad.lua:2: error: \"co.uk\" in an allowance covers a public suffix: everybody's names end in it; say wide = true "
          "where that is meant "
          "[E-WIDE]\n" },
        { ALLOW(OWNED "expires = '2027-01-31', when = artifact:in_cidr { '10.0.0.0/7', '10.0.0.0/8', '2000::/15', "
                      "'2001::/16', '0.0.0.0/0' }"),
          "bad.lua:1: error: \"10.0.0.0/7\" in an allowance covers more than a /8; say wide = true where that is meant "
          "[E-WIDE]\n"
          "bad.lua:1: error: \"2000::/15\" in an allowance covers more than a /16; say wide = true where that is meant "
          "[E-WIDE]\n"
          "bad.lua:1: error: \"0.0.0.0/0\" in an allowance covers more than a /8; say wide = true where that is meant "
          "[E-WIDE]\n" },
        { ALLOW(OWNED "expires = '2027-01-31', when = artifact:in_zone { 'com' }, wide = true"), "" },
        { ALLOW(OWNED "expires = '2027-01-31', when = artifact:in_zone { 'com' }, wide = 'yes'"),
          "bad.lua:1: error: allow \"o\": wide needs true or false, not \"yes\" [E-KEY]\n" },
        { ALLOW(OWNED "expires = '2027-01-31', when = artifact:is 'x.example'") "\n"
                                                                                "allow 'o' { " OWNED
                                                                                "expires = '2027-01-31', when = artifact:is "
                                                                                "'y.example' }",
          "bad.lua:3: error: allow \"o\" is there already: bad.lua:1 [E-DUP]\n" },
    };
    expect(t, ROWS(rows));
}

static void finds_what_can_never_match(void **state)
{
    rules_test *t = *state;
    static const message rows[] = {
        { "all { classification:is 'malicious', classification:is 'suspicious' }",
          "this can never match: classification:is \"suspicious\" contradicts classification:is \"malicious\" (line 2) "
          "[E-NEVER]" },
        { "all { passive_dns.count:at_most(3), any { tags:has_any 'x', passive_dns.count:at_least(4) } }",
          "this can never match: passive_dns.count:at_least(4) contradicts passive_dns.count:at_most(3) (line 2) "
          "[E-NEVER]" },
        { "all { link:is_missing(), link:like '*' }",
          "this can never match: link:like \"*\" contradicts link:is_missing() (line 2) [E-NEVER]" },
        { "all { passive_dns.first_seen:within '7d', passive_dns.first_seen:older_than '7d' }",
          "this can never match: passive_dns.first_seen:older_than \"7d\" contradicts passive_dns.first_seen:within \"7d\" "
          "(line 2) [E-NEVER]" },
        { "all { passive_dns.last_seen:after '2026-01-31', passive_dns.last_seen:before '2026-02-01' }",
          "this can never match: passive_dns.last_seen:before \"2026-02-01\" contradicts passive_dns.last_seen:after "
          "\"2026-01-31\" (line 2) "
          "[E-NEVER]" },
        { "all { tags:has_all { 'a', 'b' }, tags:has_none { 'b' } }",
          "this can never match: tags:has_none{\"b\"} contradicts tags:has_all{\"a\", \"b\"} (line 2) [E-NEVER]" },
        { "all { tags:has_any { 'a', 'b' }, tags:has_none { 'b', 'a', 'c' } }",
          "this can never match: tags:has_none{\"b\", \"a\", \"c\"} contradicts tags:has_any{\"a\", \"b\"} (line 2) "
          "[E-NEVER]" },
        { "all { account.quota_exceeded:is(true), account.quota_exceeded:is(false) }",
          "this can never match: account.quota_exceeded:is(false) contradicts account.quota_exceeded:is(true) (line 2) "
          "[E-NEVER]" },
        { "passive_dns.count:at_most(-1)", "passive_dns.count:at_most(-1) can never match [E-NEVER]" },
        { "passive_dns.count:equals(1.5)", "passive_dns.count:equals(1.5) can never match [E-NEVER]" },
    };
    expect_when(t, ROWS(rows));
    static const message possible[] = {
        { RULE("all { passive_dns.count:at_least(3), passive_dns.count:at_most(3) }"), "" },
        { RULE("any { classification:is 'malicious', classification:is 'suspicious' }"), "" },
        { RULE("all { classification:is 'malicious', none { classification:is 'suspicious' } }"), "" },
        { RULE("all { tags:has_any { 'a', 'b' }, tags:has_none { 'b' } }"), "" },
        { RULE("all { link:is_missing(), artifact:is_not 'x' }"), "" },
        { RULE("all { passive_dns.records:any { type = 'A' }, passive_dns.records:count { type = 'MX' }:at_most(0) }"), "" },
        { RULE("all { passive_dns.last_seen:after '2026-01-30', passive_dns.last_seen:before '2026-02-01' }"), "" },
    };
    expect(t, ROWS(possible));
}

static void reads_the_names_of_custom_functions(void **state)
{
    rules_test *t = *state;
#define CUSTOM(fields, body) RULE("custom(" fields ",\nfunction(r)\n" body "\nend)")
    static const message rows[] = {
        { CUSTOM("{ 'artifact' }", "return r.tags[1] == 'x'"),
          "bad.lua:3: error: custom reads r.tags, which is not among its fields: name it: custom({ …, \"tags\" }, …) "
          "[E-CUSTOM]\n" },
        { CUSTOM("{ 'artifact' }", "return r['artifcat'] == 'x'"),
          "bad.lua:3: error: custom reads r.artifcat, which is not among its fields (did you mean 'artifact'?) "
          "[E-CUSTOM]\n" },
        { CUSTOM("{ 'passive_dns.count' }", "return r.passive_dns.first_seen == 1"),
          "bad.lua:3: error: custom reads r.passive_dns.first_seen, which is not among its fields: name it: custom({ …, "
          "\"passive_dns.first_seen\" }, …) [E-CUSTOM]\n" },
        { CUSTOM("{ 'artifact' }", "return tags ~= nil"),
          "bad.lua:3: error: tags is a word of rules; a custom function names it as a field and reads r.tags [E-CUSTOM]\n" },
        { CUSTOM("{ 'artifact' }", "return flor(2.5) == 2"),
          "bad.lua:3: error: unknown name 'flor' in a custom function (did you mean 'floor'?) [E-NAME]\n" },
        { CUSTOM("{ 'artifact' }", "return string.find(r.artifact, 'x')"),
          "bad.lua:3: error: unknown name 'string' in a custom function (did you mean 'tostring'?) [E-NAME]\n" },
        { "local names = { 'artifact' }\n" RULE("custom(names, function(r) return r.tags == nil end)"),
          "" }, /* only a call can tell */
        { "local limit = 5\n" CUSTOM(
              "{ 'passive_dns.count', 'tags' }",
              "local t = { x = 1, r = 2 } for i, tag in ipairs(r.tags) do local function f(y) return y end t.x = f(i) end\n"
              "goto done ::done:: return r.passive_dns.count > limit and r.now > 0, concat(t, ',') .. min(1, 2)"),
          "" },
    };
    expect(t, ROWS(rows));
}

static void says_of_compiled_lua_what_it_is(void **state)
{
    rules_test *t = *state;
    rules_write_bytes("bad.lua", "\x1bLuaT\0x", 7);
    assert_int_equal(rules_load_paths(t, (const char *const[]){ "bad.lua", NULL }), PTV_ERULES);
    assert_says_only(t,
                     "bad.lua:0: error: attempt to load a binary chunk (mode is 't'); this is compiled Lua, and rules are "
                     "text (the rest of this file was not looked at) [E-SYNTAX]\n");
    rules_write_bytes("bad.lua", "local x = 1 \0 }", 15);
    rules_load_paths(t, (const char *const[]){ "bad.lua", NULL });
    assert_says(t, "; '}' on line 1 closes nothing (the rest");
}

static void hints_at_what_a_syntax_error_means(void **state)
{
    rules_test *t = *state;
    static const struct {
        const char *source, *line, *hint;
    } rows[] = {
        { "rule 'a' {\n severity = 'low'\n when = tags:has_any 'x' }",
          "bad.lua:3: error: ", "a comma is missing at the end of line 2" },
        { "rule 'a' { severity = 'low' when = tags:has_any 'x' }", "bad.lua:1: error: ", "a comma is missing before when" },
        { "rule 'a' { severity = 'low', when = tags:has_any list 'x' }",
          "bad.lua:1: error: ", "a word behind a test needs round brackets: has_any(list …)" },
        { "rule 'a' {\n severity = 'low',\n when = tags:has_any 'x',\n",
          "bad.lua:4: error: ", "'{' of line 1 is never closed" },
        { "rule 'a' {\n severity = 'low',\n when = all { tags:has_any('x' } }",
          "bad.lua:3: error: ", "'(' of line 3 is not closed before '}' on line 3" },
        { "rule 'a' {\n severity: 'low' }", "bad.lua:2: error: ", "a key is followed by '=': severity = …" },
        { RULE("passive_dns.count:at_least 10"), "bad.lua:1: error: ", "numbers need round brackets: at_least(10)" },
        { RULE("passive_dns.first_seen:within 30d"), "bad.lua:1: error: ", "a duration needs quotes: \"30d\"" },
        { "rule \xe2\x80\x9c"
          "a\xe2\x80\x9d {}",
          "bad.lua:1: error: ", "typographic quotes on line 1: type plain \" instead" },
        { "# what it is\nrule 'a' {}", "bad.lua:1: error: ", "a comment starts with two dashes: -- …" },
        { "rule 'a' {\n // what it is\n severity = 'low' }",
          "bad.lua:2: error: ", "a comment starts with two dashes: -- …" },
        { "- what it is\nrule 'a' {}", "bad.lua:1: error: ", "a comment starts with two dashes: -- …" },
        { "rule bad-tag { severity = 'low' }", "bad.lua:1: error: ", "a name stands in double quotes: rule \"bad…\"" },
        { "rule 'a' ( severity = 'low' )", "bad.lua:1: error: ", "a form stands in curly brackets: rule \"a\" { … }" },
        { RULE("all [ tags:has_any 'x', tags:has_any 'y' ]"),
          "bad.lua:1: error: ", "a list stands in curly brackets: { …, … }" },
        { RULE("tags:has_any [ 'x' ]"), "bad.lua:1: error: ", "a list stands in curly brackets: { …, … }" },
        { RULE("tags has_any 'x'"), "bad.lua:1: error: ", "a test follows ':', as in tags:has_any …" },
        { RULE("passive dns.count:at_least(3)"),
          "bad.lua:1: error: ", "a comma is missing before dns (or '_', where it is one word: passive_dns)" },
        { "rule 'a' { title = \"Say \"hi\" to\", severity = 'low' }",
          "bad.lua:1: error: ", "the text before hi ends there: a quote is missing, or is one too many" },
        { "rule 'a' { severity = \"low, when = tags:has_any { \"x\" } }",
          "bad.lua:1: error: ", "the text before x ends there: a quote is missing, or is one too many" },
        { "rule 'a' { severity = 'low', when = tags:has_any 'x'\nrule 'b' { severity = 'low' }",
          "bad.lua:2: error: ", "'{' of line 1 is never closed" },
        { "rule 'a' {\n\xc2\xa0severity = 'low' }",
          "bad.lua:2: error: ", "a non-breaking blank on line 2: delete it and type a plain blank" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(rules_load_text(t, rows[i].source), PTV_ERULES);
        assert_says(t, rows[i].line);
        assert_says(t, rows[i].hint);
        assert_says(t, " (the rest of this file was not looked at) [E-SYNTAX]\n");
        assert_ptr_equal(strchr(t->said, '\n') + 1, t->said + strlen(t->said)); /* and nothing else */
    }
    assert_int_equal(rules_load_text(t, "rule 'a' { severity = 'low',\n when = tags = has_any { 'x' } }"), PTV_ERULES);
    assert_says(t, "a test follows ':', as in tags:has_any …");
}

static void goes_on_with_the_other_files(void **state)
{
    rules_test *t = *state;
    rules_write("1.lua", "rule 'a' {");
    rules_write("2.lua", RULE("tag:has_any 'x'"));
    rules_write("3.lua", "error 'x'");
    assert_int_equal(rules_load_paths(t, NULL), PTV_ERULES);
    assert_says(t, "./1.lua:1: error: ");
    assert_says(t, "./2.lua:1: error: unknown name 'tag' (did you mean 'tags'?) [E-NAME]\n");
    assert_says(t, "./3.lua:1: error: x [E-RUN]\n");
    assert_null(t->rs);
    assert_non_null(strstr(t->err.msg, "./1.lua:1: "));
    assert_non_null(strstr(t->err.msg, "(and more: ptverdict check shows all)"));
}

static void minds_what_sources_can_give(void **state)
{
    rules_test *t = *state;
    t->options.supported = PTV_BIT(PTV_PASSIVE_DNS);
    static const message rows[] = {
        { RULE("all {\n passive_dns.count:at_least(1),\n tags:has_any 'x' }"),
          "bad.lua:3: error: rule \"a\" reads tags, which no configured source can give: configure one, or say "
          "when_unsupported = \"off\" "
          "[E-SECTION]\n" },
        { "rule 'a' { severity = 'low', when = tags:has_any 'x', when_unsupported = 'off' }", "" },
        { "rule 'a' { severity = 'low', when = tags:has_any 'x', status = 'shadow' }\n"
          "rule 'l' { severity = 'low', when = passive_dns.count:at_least(1) }",
          "" },
        { "rule 'a' { severity = 'low', when = passive_dns.count:at_least(1), hit = standard }", "" }, /* shown only */
        { "allow 'o' { " OWNED
          "expires = '2027-01-31', when = tags:has_any 'sinkhole' }\n" RULE("passive_dns.count:at_least(1)"),
          "bad.lua:1: warning: allowance \"o\" can never hold: no configured source gives what it reads [W-SECTION]\n" },
    };
    expect(t, ROWS(rows));
}

static void warns_of_a_set_without_a_live_rule(void **state)
{
    rules_test *t = *state;
    static const message rows[] = {
        { "rule 'a' { severity = 'low', when = tags:has_any 'x', status = 'off' }",
          "bad.lua:0: warning: no rule is live: nothing is judged, and every verdict is unknown [W-NO-LIVE]\n" },
        { "allow 'o' { " OWNED "expires = '2027-01-31', when = artifact:is 'x.example' }",
          "bad.lua:0: warning: no rule is live: nothing is judged, and every verdict is unknown [W-NO-LIVE]\n" },
    };
    expect(t, ROWS(rows));
    t->options.part = true; /* the live ones may be elsewhere */
    static const message part[] = { { "rule 'a' { severity = 'low', when = tags:has_any 'x', status = 'off' }", "" } };
    expect(t, ROWS(part));
}

static void notes_a_shadow_rule_that_stays_unknown(void **state)
{
    rules_test *t = *state;
    static const message rows[] = {
        { "rule 'a' { severity = 'low', when = tags:has_any 'x', hit = standard }\n"
          "rule 's' { severity = 'low', when = passive_dns.count:at_least(1), status = 'shadow' }",
          "bad.lua:2: note: shadow rule \"s\" stays unknown unless a live rule matches: no live rule asks passive_dns to be "
          "judged "
          "(shadow_fetch = yes does) [N-SHADOW]\n" },
        { "rule 'a' { severity = 'low', when = tags:has_any 'x' }\n"
          "rule 's' { severity = 'low', when = passive_dns.count:at_least(1), status = 'shadow' }",
          "bad.lua:2: note: shadow rule \"s\" stays unknown: no live rule asks passive_dns to be judged (shadow_fetch = yes "
          "does) "
          "[N-SHADOW]\n" },
        { "rule 'a' { severity = 'low', when = tags:has_any 'x' }\n"
          "rule 's' { severity = 'low', when = tags:has_any 'y', status = 'shadow' }",
          "" },
    };
    expect(t, ROWS(rows));
    t->options.shadow_fetch = true;
    assert_int_equal(rules_load_text(t, rows[1].source), PTV_OK);
    assert_string_equal(t->said, "");
}

static void warns_of_unused_settings(void **state)
{
    rules_test *t = *state;
    static const ptv_rule_setting settings[] = { { "fresh", "30d", "app.config:12", true },
                                                 { "old", "1", "command line", true },
                                                 { "passivetotal_tags", "x", "app.config:3", false } };
    t->options.settings = settings;
    t->options.setting_count = 3;
    assert_int_equal(rules_load_text(t, RULE("tags:has_any 'x'")), PTV_OK);
    assert_says_only(t, "app.config:12: warning: [rules] fresh is used by no rule [W-UNUSED-SETTING]\n"
                        "command line:0: warning: [rules] old is used by no rule [W-UNUSED-SETTING]\n");
}

static void says_each_thing_once_and_not_for_ever(void **state)
{
    rules_test *t = *state;
    assert_int_equal(rules_load_text(t, "for i = 1, 1000 do local x = tagz end\n" RULE("tags:has_any 'x'")), PTV_ERULES);
    assert_says_only(t, "bad.lua:1: error: unknown name 'tagz' (did you mean 'tags'?) [E-NAME]\n");
    ptv_buf text = PTV_BUF(1 << 20);
    for (int i = 0; i < 300; i++)
        ptv_buf_puts(&text, "tags:has_any(tagz)\n");
    rules_write("bad.lua", text.data);
    ptv_buf_release(&text);
    assert_int_equal(rules_load_paths(t, NULL), PTV_ERULES);
    assert_int_equal(ptv_findings_count(t->findings, PTV_ERROR), 101);
    assert_says(t, "./bad.lua:100: error: more problems follow; mend these first [E-MORE]\n");
}

int main(void)
{
#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, rules_setup, rules_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(gives_the_five_messages_of_the_design),  IN_FOLDER(guesses_names),
        IN_FOLDER(tells_what_an_argument_should_be),       IN_FOLDER(tells_a_condition_from_a_value),
        IN_FOLDER(tells_what_is_wrong_with_a_rule),        IN_FOLDER(tells_what_is_wrong_with_hit_and_note),
        IN_FOLDER(tells_what_is_wrong_with_an_allowance),  IN_FOLDER(finds_what_can_never_match),
        IN_FOLDER(reads_the_names_of_custom_functions),    IN_FOLDER(hints_at_what_a_syntax_error_means),
        IN_FOLDER(goes_on_with_the_other_files),           IN_FOLDER(minds_what_sources_can_give),
        IN_FOLDER(says_of_compiled_lua_what_it_is),        IN_FOLDER(warns_of_a_set_without_a_live_rule),
        IN_FOLDER(notes_a_shadow_rule_that_stays_unknown), IN_FOLDER(warns_of_unused_settings),
        IN_FOLDER(says_each_thing_once_and_not_for_ever),
    };
    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
