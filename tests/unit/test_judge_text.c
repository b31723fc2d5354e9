/*
 * test_judge_text.c: rules as people write them, judged: the examples of the design, custom conditions, trees that grow.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../lib/rules_text.h"
#include "../lib/tree_build.h"

static ptv_ruleset *RS;
static ptv_arena MEM;
static ptv_judge HOW;
static ptv_decision D;

static int setup(void **state)
{
    (void)state;
    MEM = (ptv_arena)PTV_ARENA(8 << 20);
    HOW = (ptv_judge)PTV_JUDGE;
    RS = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ptv_ruleset_unref(RS);
    ptv_arena_release(&MEM);
    return 0;
}

static void load(const char *lua)
{
    char why[512] = "";
    ptv_ruleset_unref(RS);
    RS = rules_from(lua, why);
    assert_string_equal(why, "");
    assert_non_null(RS);
}

static const char NOW[] = "2026-05-01T12:00:00Z";

static void judge(const char *json)
{
    ptv_error err = { 0 };
    assert_int_equal(ptv_ruleset_judge(&D, &MEM, RS, tree_record(&MEM, json, NOW), &HOW, &err), PTV_OK);
}

#define SITE(rest) "{'artifact':'evil.example'" rest "}"

static void the_shipped_rule_reads_as_in_the_book(void **state)
{
    (void)state;
    load("rule 'flagged-tags' { title = 'Carries a tag from our list', severity = 'high',\n"
         "  when = tags:has_any(setting 'passivetotal_tags'),\n"
         "  hit = { standard, { 'Matched tags', tags.matched } },\n"
         "  note = { '{artifact} carries {tags.matched|list} in PassiveTotal.',\n"
         "    '?Passive DNS: {passive_dns.count} records, {passive_dns.first_seen|date} to {passive_dns.last_seen|date}.',\n"
         "    '?Report: {link}' } }");
    judge(SITE(
        ",'tags':['RansomWare','apt32'],'classification':'malicious','passive_dns':{'count':3,'first_seen':'2026-01-02',"
        "'last_seen':'2026-04-30','total_records':4},'subdomains':{'failed':'HTTP 503'}"));
    assert_int_equal(D.verdict, PTV_VERDICT_COMPROMISED);
    assert_string_equal(D.note, "evil.example carries ransomware in PassiveTotal.\n"
                                "Passive DNS: 3 records, 2026-01-02 to 2026-04-30.");
    assert_int_equal(D.hit_count, 6);
    assert_string_equal(D.hit[3].name, "Matched tags");
    assert_string_equal(D.hit[3].value, "ransomware");
    assert_string_equal(D.hit[5].value, "subdomains (HTTP 503)");
    judge(SITE(",'tags':['apt32']"));
    assert_string_equal(D.summary, "no_match: the only rule did not match (read: tags). Not a clean bill.");
}

static void counts_and_recency_read_as_in_the_book(void **state)
{
    (void)state;
    load("rule 'fresh-and-busy' { title = 'New and busy', severity = 'medium',\n"
         "  when = all { passive_dns.first_seen:within(setting 'fresh'), passive_dns.count:at_least(2),\n"
         "    any { classification:is_any { 'malicious', 'suspicious' },\n"
         "      passive_dns.records:count { type = 'A', first_seen = within '7d' }:at_least(2) } },\n"
         "  note = '{artifact}: {passive_dns.count} records since {passive_dns.first_seen|date}.' }");
    judge(SITE(",'classification':{'failed':'HTTP 500'},'passive_dns':{'records':["
               "{'type':'A','resolve':'192.0.2.1','first_seen':'2026-04-24','last_seen':'2026-04-30','sources':['x']},"
               "{'type':'A','resolve':'192.0.2.2','first_seen':'2026-04-30','last_seen':'2026-04-30','sources':['x']}]}"));
    assert_int_equal(D.verdict, PTV_VERDICT_COMPROMISED);
    assert_string_equal(D.rules[0].reason,
                        "passive_dns.first_seen is 2026-04-24, within 30d; passive_dns.count is 2, at least 2; "
                        "passive_dns.records: 2 of 2 rows, at least 2");
    assert_string_equal(D.note, "evil.example: 2 records since 2026-04-24.");
    assert_true(D.complete); /* the failed section could not have changed it */
}

/* ------------------------------------------------------------------------------------------------ custom */

#define CUSTOM(id, fields, body)                                                                                            \
    "rule '" id "' { title = 't', severity = 'high', when = custom({ " fields " }, function(r) " body " end) }\n"

static void a_custom_condition_says_why(void **state)
{
    (void)state;
    load(CUSTOM("c", "'artifact'", "return r.artifact:starts 'evil', #r.artifact .. ' letters'"));
    HOW.trace = true;
    judge(SITE(""));
    assert_int_equal(D.verdict, PTV_VERDICT_COMPROMISED);
    assert_string_equal(D.rules[0].reason, "12 letters");
    assert_string_equal(D.rules[0].trace[0].seen, "12 letters");
    judge("{'artifact':'good.example'}");
    assert_int_equal(D.verdict, PTV_VERDICT_NO_MATCH);
    assert_int_equal(D.rules[0].trace[0].truth, PTV_NO);
}

static void a_custom_condition_that_does_not_know_is_unknown(void **state)
{
    (void)state;
    load(CUSTOM("c", "'artifact'", "return nil, 'too short to say'") CUSTOM("silent", "'tags'", "return nil"));
    judge(SITE(",'tags':[]"));
    assert_int_equal(D.verdict, PTV_VERDICT_UNKNOWN);
    assert_int_equal(D.unknown_kind, PTV_UNKNOWN_FIX);
    assert_string_equal(D.rules[0].reason, "too short to say");
    assert_string_equal(D.rules[1].reason, "a custom condition could not say");
    assert_true(D.complete);
    judge(SITE(",'tags':{'failed':'HTTP 503'}")); /* not run where a field was not read */
    assert_string_equal(D.rules[1].reason, "tags: HTTP 503");
}

static void a_custom_condition_that_fails_is_an_error_of_its_rule_only(void **state)
{
    (void)state;
    load(CUSTOM("endless", "'artifact'", "while true do end")
             CUSTOM("fine", "'artifact'", "return false") "rule 'either' { title = 't', severity = 'low', when = any { "
                                                          "custom({ 'artifact' }, function(r) error 'no' end),"
                                                          " tags:has_any { 'a' } } }");
    judge(SITE(",'tags':['a']"));
    assert_int_equal(D.rules[0].outcome, PTV_OUT_ERROR);
    assert_non_null(strstr(D.rules[0].reason, "rules.lua:1"));
    assert_int_equal(D.rules[1].outcome, PTV_OUT_NO_MATCH);
    assert_int_equal(D.rules[2].outcome, PTV_OUT_MATCH); /* a yes beside it decides, in whatever order */
    assert_int_equal(D.verdict, PTV_VERDICT_COMPROMISED);
    judge(SITE(",'tags':[]"));
    assert_int_equal(D.rules[2].outcome, PTV_OUT_ERROR);
    assert_non_null(strstr(D.rules[2].reason, "no"));
    assert_int_equal(D.verdict, PTV_VERDICT_UNKNOWN);
}

static void a_custom_condition_is_planned_for(void **state)
{
    (void)state;
    load(CUSTOM("two", "'tags', 'classification'", "return #r.tags > 0 and r.classification == 'malicious'"));
    struct {
        const char *json;
        ptv_sections next;
    } rows[] = {
        { SITE(""), PTV_BIT(PTV_TAGS) },
        { SITE(",'tags':['a']"), PTV_BIT(PTV_CLASSIFICATION) },
        { SITE(",'classification':'malicious'"), PTV_BIT(PTV_TAGS) },
        { SITE(",'tags':{'failed':'x'}"), 0 }, /* it cannot run any more */
        { SITE(",'tags':[],'classification':'malicious'"), 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ptv_error err = { 0 };
        ptv_sections next = 77;
        assert_int_equal(
            ptv_ruleset_next_sections(&next, &MEM, RS, tree_record(&MEM, rows[i].json, NOW), &HOW, false, false, &err),
            PTV_OK);
        assert_int_equal(next, rows[i].next);
    }
}

/* -------------------------------------------------------------------------------------------- allowances */

static void an_exception_of_ours_reads_as_in_the_book(void **state)
{
    (void)state;
    load("allow 'our-zones' { reason = 'Zones we run', owner = 'netops', expires = '2027-01-31',\n"
         "  when = artifact:in_zone { 'corp.example' } }\n"
         "rule 'flagged-tags' { title = 't', severity = 'high', when = tags:has_any { 'a' } }");
    judge("{'artifact':'www.corp.example','tags':['a']}");
    assert_string_equal(D.summary, "no_match; flagged-tags suppressed by our-zones until 2027-01-31");
    judge("{'artifact':'www.corp.example.test','tags':['a']}");
    assert_int_equal(D.verdict, PTV_VERDICT_COMPROMISED);
}

/* ------------------------------------------------------------------------------------------------- growth */

static void trees_that_grow_in_a_loop_are_refused(void **state)
{
    (void)state;
    static const char *const growing[] = {
        "local c = tags:has_any { 'a' } for i = 1, 2000 do c = all { c } end "
        "rule 'r' { title = 't', severity = 'low', when = c }",
        "local c = tags:has_any { 'a' } for i = 1, 60 do c = any { c, c } end "
        "rule 'r' { title = 't', severity = 'low', when = c }",
    };
    for (size_t i = 0; i < 2; i++) {
        char why[512] = "";
        assert_null(rules_from(growing[i], why));
        assert_non_null(strstr(why, "[E-DEEP]"));
    }
    load("local c = tags:has_any { 'a' } for i = 1, 99 do c = all { c } end "
         "rule 'r' { title = 't', severity = 'low', when = c }");
    HOW.trace = true;
    judge(SITE(",'tags':['a']"));
    assert_int_equal(D.verdict, PTV_VERDICT_COMPROMISED);
}

int main(void)
{
#define T_(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T_(the_shipped_rule_reads_as_in_the_book),
        T_(counts_and_recency_read_as_in_the_book),
        T_(a_custom_condition_says_why),
        T_(a_custom_condition_that_does_not_know_is_unknown),
        T_(a_custom_condition_that_fails_is_an_error_of_its_rule_only),
        T_(a_custom_condition_is_planned_for),
        T_(an_exception_of_ours_reads_as_in_the_book),
        T_(trees_that_grow_in_a_loop_are_refused),
    };
    return cmocka_run_group_tests_name("judge_text", tests, NULL, NULL);
}
