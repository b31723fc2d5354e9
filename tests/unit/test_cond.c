/*
 * test_cond.c: one test against one record: yes, no, unsure.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../lib/tree_build.h"
#include "rules/cond.h"

static tree T;
static ptv_arena MEM;

static int setup(void **state)
{
    (void)state;
    tree_init(&T);
    MEM = (ptv_arena)PTV_ARENA(8 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tree_release(&T);
    ptv_arena_release(&MEM);
    return 0;
}

static const char NOW[] = "2026-05-01T12:00:00Z";
static const char ABSENT[] = "{'artifact':'evil.example','tags':null,'classification':null,'passive_dns.count':null,"
                             "'subdomains.count':null,'account.quota_left':null}";

static ptv_truth test_with(const ptv_cond *c, const char *json, ptv_why *why)
{
    ptv_judge how = PTV_JUDGE;
    ptv_error err = { 0 };
    ptv_trial e;
    ptv_trial_init(&e, &MEM, tree_record(&MEM, json, NOW), &how, &err);
    *why = 0;
    ptv_truth t = ptv_cond_eval(&e, c, why);
    assert_int_equal(e.rc, PTV_OK);
    return t;
}

static ptv_truth test(const ptv_cond *c, const char *json)
{
    ptv_why why;
    return test_with(c, json, &why);
}

#define YES(c, json)    assert_int_equal(test(c, json), PTV_YES)
#define NO(c, json)     assert_int_equal(test(c, json), PTV_NO)
#define UNSURE(c, json) assert_int_equal(test(c, json), PTV_UNSURE)

#define TAGS(list) "{'artifact':'evil.example','tags':" list "}"

static void sets_are_searched_folded(void **state)
{
    (void)state;
    ptv_cond *any = tree_text(&T, PTV_OP_HAS_ANY, "tags", "compromised ransomware");
    YES(any, TAGS("[' Ransomware ','x']"));
    NO(any, TAGS("['ransomeware']"));
    NO(any, TAGS("[]"));
    NO(any, TAGS("null"));
    UNSURE(any, "{'artifact':'evil.example'}");
    UNSURE(any, TAGS("{'failed':'HTTP 503'}"));
    YES(tree_text(&T, PTV_OP_HAS_ANY, "tags", "a b c d e"), TAGS("['e']"));
    ptv_cond *all = tree_text(&T, PTV_OP_HAS_ALL, "tags", "a b");
    YES(all, TAGS("['B','A','c']"));
    NO(all, TAGS("['a']"));
    NO(all, TAGS("null"));
    ptv_cond *none = tree_text(&T, PTV_OP_HAS_NONE, "tags", "a b");
    YES(none, TAGS("['c']"));
    NO(none, TAGS("['c','A']"));
    YES(none, TAGS("[]"));
    YES(none, TAGS("null"));
    ptv_cond *like = tree_text(&T, PTV_OP_LIKE_ANY, "tags", "apt* *-bot");
    YES(like, TAGS("['x','APT32']"));
    YES(like, TAGS("['mirai-bot']"));
    NO(like, TAGS("['bot']"));
    NO(like, TAGS("null"));
    YES(tree_number(&T, PTV_OP_COUNT_AT_LEAST, "tags", 2, 0), TAGS("['a','b','A']"));
    NO(tree_number(&T, PTV_OP_COUNT_AT_LEAST, "tags", 3, 0), TAGS("['a','b','A']"));
    YES(tree_number(&T, PTV_OP_COUNT_AT_LEAST, "tags", 0, 0), TAGS("null")); /* answered: none */
    NO(tree_number(&T, PTV_OP_COUNT_AT_LEAST, "subdomains.names", 0, 0), ABSENT);
    YES(tree_text(&T, PTV_OP_HAS_NONE, "subdomains.names", "a.example"), ABSENT);
}

#define CLASS(word) "{'artifact':'evil.example','classification':" word "}"

static void words_compare_trimmed_and_folded(void **state)
{
    (void)state;
    ptv_cond *is = tree_text(&T, PTV_OP_IS, "classification", "malicious");
    YES(is, CLASS("'Malicious'"));
    NO(is, CLASS("'suspicious'"));
    NO(is, CLASS("null")); /* unclassified */
    UNSURE(is, CLASS("{'failed':'HTTP 500'}"));
    YES(tree_text(&T, PTV_OP_IS_ANY, "classification", "malicious suspicious"), CLASS("'suspicious'"));
    YES(tree_text(&T, PTV_OP_IS_NOT, "classification", "malicious"), CLASS("'suspicious'"));
    NO(tree_text(&T, PTV_OP_IS_NOT, "classification", "malicious"), CLASS("'malicious'"));
    UNSURE(tree_text(&T, PTV_OP_IS_NOT, "classification", "malicious"), "{'artifact':'evil.example'}");
    const char *seen = "{'artifact':'evil.example','passive_dns.first_seen_text':'  Soon After ','passive_dns.count':1}";
    ptv_cond *blank = tree_leaf(&T, PTV_OP_IS, "passive_dns.first_seen_text");
    const char *words[] = { "soon", "soon after", "soon afterwards" };
    blank->args.words = words;
    blank->args.word_count = 3;
    YES(blank, seen);
    blank->args.words = words + 2;
    blank->args.word_count = 1;
    NO(blank, seen);
    YES(tree_text(&T, PTV_OP_LIKE, "passive_dns.first_seen_text", "soon*after"), seen);
    YES(tree_text(&T, PTV_OP_LIKE, "artifact", "*.EXAMPLE"), ABSENT);
    NO(tree_text(&T, PTV_OP_LIKE, "artifact", "*.test"), ABSENT);
    YES(tree_text(&T, PTV_OP_IS, "artifact_type", "domain"), ABSENT);
    ptv_cond *link = tree_leaf(&T, PTV_OP_IS_NOT, "link");
    link->args = tree_words(&T, "x");
    YES(link, ABSENT); /* absent */
    NO(tree_text(&T, PTV_OP_IS, "link", "x"), ABSENT);
}

static void lists_are_asked_about_the_artifact(void **state)
{
    (void)state;
    ptv_error err = { 0 };
    ptv_indicators *list = ptv_indicators_new();
    assert_non_null(list);
    assert_int_equal(ptv_indicators_add_zone(list, "corp.example", 12, 1, &err), PTV_OK);
    assert_int_equal(ptv_indicators_add(list, "192.0.2.0/24", 12, 2, &err), PTV_OK);
    assert_int_equal(ptv_indicators_seal(list, &err), PTV_OK);
    ptv_cond *zone = tree_listed(&T, PTV_OP_IN_ZONE, "artifact", list);
    YES(zone, "{'artifact':'a.b.corp.example'}");
    YES(zone, "{'artifact':'corp.example'}");
    NO(zone, "{'artifact':'notcorp.example'}");
    YES(tree_listed(&T, PTV_OP_IN_CIDR, "artifact", list), "{'artifact':'192.0.2.77'}");
    NO(tree_listed(&T, PTV_OP_IN_CIDR, "artifact", list), "{'artifact':'198.51.100.1'}");
    /* Another word is read as a name first; what is none is on no list. */
    ptv_cond *other = tree_listed(&T, PTV_OP_IN_LIST, "passive_dns.first_seen_text", list);
    YES(other, "{'artifact':'x.example','passive_dns.first_seen_text':'WWW.corp.example'}");
    NO(other, "{'artifact':'x.example','passive_dns.first_seen_text':'not a name'}");
    YES(tree_text(&T, PTV_OP_IN_LIST, "classification", "malicious suspicious"), CLASS("'malicious'"));
    ptv_indicators_free(list);
}

#define COUNT(n) "{'artifact':'evil.example','passive_dns.count':" n "}"
#define CUT(n)   "{'artifact':'evil.example','passive_dns.count':" n ",'passive_dns.truncated':true}"

static void numbers_include_their_bounds(void **state)
{
    (void)state;
    const char *f = "passive_dns.count";
    YES(tree_number(&T, PTV_OP_AT_LEAST, f, 10, 0), COUNT("10"));
    NO(tree_number(&T, PTV_OP_AT_LEAST, f, 10, 0), COUNT("9"));
    YES(tree_number(&T, PTV_OP_AT_MOST, f, 0, 10), COUNT("10"));
    NO(tree_number(&T, PTV_OP_AT_MOST, f, 0, 10), COUNT("11"));
    YES(tree_number(&T, PTV_OP_BETWEEN, f, 2, 4), COUNT("2"));
    YES(tree_number(&T, PTV_OP_BETWEEN, f, 2, 4), COUNT("4"));
    NO(tree_number(&T, PTV_OP_BETWEEN, f, 2, 4), COUNT("5"));
    NO(tree_number(&T, PTV_OP_BETWEEN, f, 2, 4), COUNT("1"));
    YES(tree_number(&T, PTV_OP_EQUALS, f, 0, 0), COUNT("0"));
    NO(tree_number(&T, PTV_OP_EQUALS, f, 0, 0), COUNT("1"));
    const ptv_op every[] = { PTV_OP_AT_LEAST, PTV_OP_AT_MOST, PTV_OP_BETWEEN, PTV_OP_EQUALS };
    for (size_t i = 0; i < 4; i++) {
        NO(tree_number(&T, every[i], f, 0, 9), ABSENT);
        UNSURE(tree_number(&T, every[i], f, 0, 9), "{'artifact':'evil.example'}");
    }
}

static void a_cut_list_counts_at_least_what_was_sent(void **state)
{
    (void)state;
    const char *f = "passive_dns.count";
    YES(tree_number(&T, PTV_OP_AT_LEAST, f, 10, 0), CUT("10"));
    UNSURE(tree_number(&T, PTV_OP_AT_LEAST, f, 10, 0), CUT("9"));
    NO(tree_number(&T, PTV_OP_AT_MOST, f, 0, 10), CUT("11"));
    UNSURE(tree_number(&T, PTV_OP_AT_MOST, f, 0, 10), CUT("10"));
    NO(tree_number(&T, PTV_OP_BETWEEN, f, 2, 4), CUT("5"));
    UNSURE(tree_number(&T, PTV_OP_BETWEEN, f, 2, 4), CUT("3"));
    UNSURE(tree_number(&T, PTV_OP_BETWEEN, f, 2, 4), CUT("1"));
    NO(tree_number(&T, PTV_OP_EQUALS, f, 3, 3), CUT("4"));
    UNSURE(tree_number(&T, PTV_OP_EQUALS, f, 3, 3), CUT("3"));
    /* What the source itself counts is not cut. */
    NO(tree_number(&T, PTV_OP_AT_LEAST, "passive_dns.total_records", 10, 0),
       "{'artifact':'evil.example','passive_dns.total_records':9,'passive_dns.truncated':true}");
    ptv_why why;
    test_with(tree_number(&T, PTV_OP_AT_LEAST, f, 10, 0), CUT("9"), &why);
    assert_int_equal(why, PTV_WHY_TRUNCATED);
}

#define FIRST(day)     "{'artifact':'evil.example','passive_dns.first_seen':'" day "'}"
#define FIRST_CUT(day) "{'artifact':'evil.example','passive_dns.first_seen':'" day "','passive_dns.truncated':true}"
#define LAST_CUT(day)  "{'artifact':'evil.example','passive_dns.last_seen':'" day "','passive_dns.truncated':true}"

static void times_compare_days_or_seconds(void **state)
{
    (void)state;
    ptv_cond *within = tree_time(&T, PTV_OP_WITHIN, "passive_dns.first_seen", "30d");
    YES(within, FIRST("2026-04-01T00:00:00Z")); /* the edge counts, whatever the hour */
    NO(within, FIRST("2026-03-31T23:59:59Z"));
    YES(within, FIRST("2026-05-01T12:00:00Z"));
    YES(within, FIRST("2027-01-01T00:00:00Z")); /* the future counts */
    NO(within, ABSENT);
    ptv_cond *older = tree_time(&T, PTV_OP_OLDER_THAN, "passive_dns.first_seen", "30d");
    NO(older, FIRST("2026-04-01T00:00:00Z"));
    YES(older, FIRST("2026-03-31T23:59:59Z"));
    NO(older, FIRST("2027-01-01T00:00:00Z"));
    NO(older, ABSENT);
    ptv_cond *hours = tree_time(&T, PTV_OP_WITHIN, "passive_dns.first_seen", "12h");
    YES(hours, FIRST("2026-05-01T00:00:00Z"));
    NO(hours, FIRST("2026-04-30T23:59:59Z"));
    ptv_cond *year = tree_time(&T, PTV_OP_WITHIN, "passive_dns.first_seen", "1y");
    YES(year, FIRST("2025-05-01T00:00:00Z"));
    NO(year, FIRST("2025-04-30T23:59:59Z"));
    ptv_cond *before = tree_time(&T, PTV_OP_BEFORE, "passive_dns.first_seen", "2026-01-31");
    YES(before, FIRST("2026-01-30T23:59:59Z"));
    NO(before, FIRST("2026-01-31T00:00:00Z"));
    ptv_cond *after = tree_time(&T, PTV_OP_AFTER, "passive_dns.first_seen", "2026-01-31");
    YES(after, FIRST("2026-02-01T00:00:00Z"));
    NO(after, FIRST("2026-01-31T23:59:59Z"));
    NO(before, ABSENT);
    NO(after, ABSENT);
    YES(tree_time(&T, PTV_OP_WITHIN, "now", "1d"), ABSENT);
}

static void a_cut_list_moves_first_seen_back_and_last_seen_on(void **state)
{
    (void)state;
    const char *first = "passive_dns.first_seen", *last = "passive_dns.last_seen";
    UNSURE(tree_time(&T, PTV_OP_WITHIN, first, "30d"), FIRST_CUT("2026-04-20"));
    NO(tree_time(&T, PTV_OP_WITHIN, first, "30d"), FIRST_CUT("2026-01-20"));
    YES(tree_time(&T, PTV_OP_OLDER_THAN, first, "30d"), FIRST_CUT("2026-01-20"));
    UNSURE(tree_time(&T, PTV_OP_OLDER_THAN, first, "30d"), FIRST_CUT("2026-04-20"));
    YES(tree_time(&T, PTV_OP_BEFORE, first, "2026-03-01"), FIRST_CUT("2026-02-01"));
    UNSURE(tree_time(&T, PTV_OP_BEFORE, first, "2026-03-01"), FIRST_CUT("2026-04-01"));
    UNSURE(tree_time(&T, PTV_OP_AFTER, first, "2026-03-01"), FIRST_CUT("2026-04-01"));
    NO(tree_time(&T, PTV_OP_AFTER, first, "2026-03-01"), FIRST_CUT("2026-02-01"));
    YES(tree_time(&T, PTV_OP_WITHIN, last, "30d"), LAST_CUT("2026-04-20"));
    UNSURE(tree_time(&T, PTV_OP_WITHIN, last, "30d"), LAST_CUT("2026-01-20"));
    UNSURE(tree_time(&T, PTV_OP_OLDER_THAN, last, "30d"), LAST_CUT("2026-01-20"));
    NO(tree_time(&T, PTV_OP_OLDER_THAN, last, "30d"), LAST_CUT("2026-04-20"));
    UNSURE(tree_time(&T, PTV_OP_BEFORE, last, "2026-03-01"), LAST_CUT("2026-02-01"));
    NO(tree_time(&T, PTV_OP_BEFORE, last, "2026-03-01"), LAST_CUT("2026-04-01"));
    YES(tree_time(&T, PTV_OP_AFTER, last, "2026-03-01"), LAST_CUT("2026-04-01"));
    UNSURE(tree_time(&T, PTV_OP_AFTER, last, "2026-03-01"), LAST_CUT("2026-02-01"));
    /* None of those sent has a date, but there are more. */
    UNSURE(tree_time(&T, PTV_OP_WITHIN, first, "30d"), LAST_CUT("2026-04-20"));
}

#define ROWS                                                                                                                \
    "[{'value':'evil.example','type':'A','resolve':'192.0.2.1','first_seen':'2026-04-20','last_seen':'2026-04-28',"         \
    "'sources':['Kaspersky']},"                                                                                             \
    "{'value':'evil.example','type':'A','resolve':'192.0.2.2','first_seen':'2026-01-01','last_seen':'2026-04-01',"          \
    "'sources':['riskiq']},"                                                                                                \
    "{'value':'evil.example','type':'MX','resolve':'mx.evil.example','first_seen':'2026-04-30','sources':['riskiq']}]"
#define RECORDS     "{'artifact':'evil.example','passive_dns':{'records':" ROWS "}}"
#define RECORDS_CUT "{'artifact':'evil.example','passive_dns':{'truncated':true,'records':" ROWS "}}"

static ptv_cond *rows(ptv_op op, double low, double high)
{
    return tree_number(&T, op, "passive_dns.records", low, high);
}

static void rows_are_counted_through_their_filter(void **state)
{
    (void)state;
    YES(rows(PTV_OP_EQUALS, 3, 3), RECORDS);
    ptv_cond *a = tree_column(&T, rows(PTV_OP_EQUALS, 2, 2), PTV_OP_IS_ANY, "type", "a aaaa");
    YES(a, RECORDS);
    ptv_cond *recent = tree_column(&T, tree_column(&T, rows(PTV_OP_AT_LEAST, 1, 0), PTV_OP_IS_ANY, "type", "a"),
                                   PTV_OP_WITHIN, "first_seen", "30d");
    YES(recent, RECORDS);
    recent->args.low = 2;
    NO(recent, RECORDS);
    UNSURE(recent, RECORDS_CUT);
    YES(tree_column(&T, rows(PTV_OP_EQUALS, 1, 1), PTV_OP_LIKE, "resolve", "mx.*"), RECORDS);
    YES(tree_column(&T, rows(PTV_OP_EQUALS, 2, 2), PTV_OP_HAS_ANY, "sources", "riskiq"), RECORDS);
    YES(tree_column(&T, rows(PTV_OP_EQUALS, 1, 1), PTV_OP_LIKE_ANY, "sources", "kasper*"), RECORDS);
    /* A column that is absent passes no test: the third row has no last_seen. */
    YES(tree_column(&T, rows(PTV_OP_EQUALS, 1, 1), PTV_OP_WITHIN, "last_seen", "7d"), RECORDS);
    YES(tree_column(&T, rows(PTV_OP_EQUALS, 1, 1), PTV_OP_OLDER_THAN, "last_seen", "7d"), RECORDS);
    YES(tree_column(&T, rows(PTV_OP_EQUALS, 1, 1), PTV_OP_BEFORE, "first_seen", "2026-04-20"), RECORDS);
    YES(tree_column(&T, rows(PTV_OP_EQUALS, 1, 1), PTV_OP_AFTER, "first_seen", "2026-04-20"), RECORDS);
    NO(rows(PTV_OP_AT_MOST, 0, 2), RECORDS);
    NO(rows(PTV_OP_AT_MOST, 0, 2), RECORDS_CUT);
    UNSURE(rows(PTV_OP_AT_MOST, 0, 3), RECORDS_CUT);
    NO(rows(PTV_OP_BETWEEN, 4, 9), RECORDS);
    YES(rows(PTV_OP_AT_LEAST, 0, 0), RECORDS);
    NO(rows(PTV_OP_AT_MOST, 0, 9), ABSENT);
    UNSURE(rows(PTV_OP_AT_MOST, 0, 9), "{'artifact':'evil.example'}");
}

static void counting_stops_once_it_is_decided(void **state)
{
    (void)state;
    ptv_judge how = PTV_JUDGE;
    ptv_error err = { 0 };
    ptv_trial e;
    ptv_trial_init(&e, &MEM, tree_record(&MEM, RECORDS, NOW), &how, &err);
    ptv_cond *c = tree_column(&T, rows(PTV_OP_AT_LEAST, 1, 0), PTV_OP_IS_ANY, "value", "evil.example");
    assert_int_equal(ptv_rows_passing(&e, c, 1), 1);
    assert_int_equal(ptv_rows_passing(&e, c, SIZE_MAX), 3);
    assert_int_equal(ptv_rows_passing(&e, c, 0), 0);
}

static void every_field_is_missing_or_present(void **state)
{
    (void)state;
    const char *fields[] = { "link",
                             "account.quota_left",
                             "passive_dns.count",
                             "passive_dns.first_seen",
                             "passive_dns.records",
                             "subdomains.names" };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        YES(tree_leaf(&T, PTV_OP_IS_MISSING, fields[i]), ABSENT);
        NO(tree_leaf(&T, PTV_OP_IS_PRESENT, fields[i]), ABSENT);
        if (i)
            UNSURE(tree_leaf(&T, PTV_OP_IS_MISSING, fields[i]), "{'artifact':'evil.example'}");
    }
    NO(tree_leaf(&T, PTV_OP_IS_MISSING, "tags"), TAGS("[]"));
    NO(tree_leaf(&T, PTV_OP_IS_MISSING, "tags"), TAGS("null"));
    YES(tree_leaf(&T, PTV_OP_IS_PRESENT, "artifact"), ABSENT);
    YES(tree_yes(&T, "account.quota_exceeded", true), "{'artifact':'a.example','account.quota_exceeded':true}");
    YES(tree_yes(&T, "account.quota_exceeded", false), "{'artifact':'a.example','account.quota_exceeded':false}");
    NO(tree_yes(&T, "account.quota_exceeded", false), ABSENT);
}

static void stale_is_read_unless_told_otherwise(void **state)
{
    (void)state;
    ptv_cond *c = tree_text(&T, PTV_OP_HAS_ANY, "tags", "a");
    ptv_record *r = tree_record(&MEM, TAGS("['a']"), NOW);
    r->sections[PTV_TAGS].state = PTV_STATE_STALE;
    for (int unknown = 0; unknown < 2; unknown++) {
        ptv_judge how = PTV_JUDGE;
        how.stale_is_unknown = unknown;
        ptv_error err = { 0 };
        ptv_trial e;
        ptv_why why = 0;
        ptv_trial_init(&e, &MEM, r, &how, &err);
        assert_int_equal(ptv_cond_eval(&e, c, &why), unknown ? PTV_UNSURE : PTV_YES);
        assert_int_equal(why, unknown ? PTV_BIT(PTV_TAGS) : 0);
    }
}

/* Leaves of every truth, on one record: tags were read, classification failed. */
static void combinators_follow_kleene(void **state)
{
    (void)state;
    const char *json = "{'artifact':'evil.example','tags':['a'],'classification':{'failed':'HTTP 503'}}";
    const ptv_cond *leaf[3];
    leaf[PTV_YES] = tree_text(&T, PTV_OP_HAS_ANY, "tags", "a");
    leaf[PTV_NO] = tree_text(&T, PTV_OP_HAS_ANY, "tags", "b");
    leaf[PTV_UNSURE] = tree_text(&T, PTV_OP_IS, "classification", "malicious");
    for (int a = 0; a < 3; a++) {
        for (int b = 0; b < 3; b++) {
            int yes = (a == PTV_YES) + (b == PTV_YES), no = (a == PTV_NO) + (b == PTV_NO);
            assert_int_equal(test(ALL_OF(&T, leaf[a], leaf[b]), json), no ? PTV_NO : yes == 2 ? PTV_YES : PTV_UNSURE);
            assert_int_equal(test(ANY_OF(&T, leaf[a], leaf[b]), json), yes ? PTV_YES : no == 2 ? PTV_NO : PTV_UNSURE);
            assert_int_equal(test(NONE_OF(&T, leaf[a], leaf[b]), json), yes ? PTV_NO : no == 2 ? PTV_YES : PTV_UNSURE);
            assert_int_equal(test(AT_LEAST_OF(&T, 1, leaf[a], leaf[b]), json), yes       ? PTV_YES
                                                                               : no == 2 ? PTV_NO
                                                                                         : PTV_UNSURE);
            assert_int_equal(test(AT_LEAST_OF(&T, 2, leaf[a], leaf[b]), json), no         ? PTV_NO
                                                                               : yes == 2 ? PTV_YES
                                                                                          : PTV_UNSURE);
        }
    }
    assert_int_equal(test(AT_LEAST_OF(&T, 2, leaf[PTV_NO], leaf[PTV_UNSURE], leaf[PTV_UNSURE]), json), PTV_UNSURE);
    assert_int_equal(test(AT_LEAST_OF(&T, 2, leaf[PTV_UNSURE], leaf[PTV_NO], leaf[PTV_NO]), json), PTV_NO);
    ptv_why why;
    test_with(ALL_OF(&T, leaf[PTV_YES], leaf[PTV_UNSURE]), json, &why);
    assert_int_equal(why, PTV_BIT(PTV_CLASSIFICATION));
    test_with(ANY_OF(&T, leaf[PTV_UNSURE], leaf[PTV_YES]), json, &why);
    assert_int_equal(why, 0); /* what did not matter is no reason */
}

static void truths_tell_what_was_evaluated(void **state)
{
    (void)state;
    const ptv_cond *no = tree_text(&T, PTV_OP_HAS_ANY, "tags", "b"), *yes = tree_text(&T, PTV_OP_HAS_ANY, "tags", "a");
    const ptv_cond *all = ALL_OF(&T, no, yes);
    uint8_t truths[3] = { PTV_NOT_EVALUATED, PTV_NOT_EVALUATED, PTV_NOT_EVALUATED };
    ptv_judge how = PTV_JUDGE;
    how.truths = truths;
    ptv_error err = { 0 };
    ptv_trial e;
    ptv_why why = 0;
    ptv_record *r = tree_record(&MEM, TAGS("['a']"), NOW);
    ptv_trial_init(&e, &MEM, r, &how, &err);
    assert_int_equal(ptv_cond_eval(&e, all, &why), PTV_NO);
    assert_int_equal(truths[no->node], PTV_NO);
    assert_int_equal(truths[yes->node], PTV_NOT_EVALUATED);
    assert_int_equal(truths[all->node], PTV_NO);
    how.invert = (int)no->node;
    ptv_trial_init(&e, &MEM, r, &how, &err);
    assert_int_equal(ptv_cond_eval(&e, all, &why), PTV_YES);
    assert_int_equal(truths[no->node], PTV_YES);
    how.invert = (int)all->node;
    ptv_trial_init(&e, &MEM, r, &how, &err);
    assert_int_equal(ptv_cond_eval(&e, all, &why), PTV_YES);
}

static void a_time_test_without_a_time_ends_the_judgement(void **state)
{
    (void)state;
    struct {
        ptv_cond *c;
        const char *json;
        ptv_code code;
    } rows_of[] = {
        { tree_time(&T, PTV_OP_WITHIN, "passive_dns.first_seen", "30d"), FIRST("2026-04-20"), PTV_EINVAL },
        { tree_time(&T, PTV_OP_OLDER_THAN, "passive_dns.first_seen", "30d"), FIRST("2026-04-20"), PTV_EINVAL },
        { tree_time(&T, PTV_OP_BEFORE, "passive_dns.first_seen", "2026-01-01"), FIRST("2026-04-20"), PTV_OK },
        { tree_time(&T, PTV_OP_WITHIN, "passive_dns.first_seen", "30d"), ABSENT, PTV_OK },
        { tree_time(&T, PTV_OP_WITHIN, "passive_dns.first_seen", "30d"), "{'artifact':'a.example'}", PTV_OK },
        { tree_column(&T, rows(PTV_OP_AT_LEAST, 1, 0), PTV_OP_WITHIN, "first_seen", "7d"), RECORDS, PTV_EINVAL },
        { tree_column(&T, rows(PTV_OP_AT_LEAST, 1, 0), PTV_OP_BEFORE, "first_seen", "2026-01-01"), RECORDS, PTV_OK },
    };
    for (size_t i = 0; i < sizeof rows_of / sizeof rows_of[0]; i++) {
        ptv_judge how = PTV_JUDGE;
        how.time_required = true;
        ptv_error err = { 0 };
        ptv_trial e;
        ptv_why why = 0;
        ptv_trial_init(&e, &MEM, tree_record(&MEM, rows_of[i].json, NULL), &how, &err);
        ptv_cond_eval(&e, ANY_OF(&T, rows_of[i].c), &why);
        assert_int_equal(e.rc, rows_of[i].code);
        if (e.rc)
            assert_string_equal(err.msg, "needs --now: the record has no fetched_at");
    }
}

static void far_times_do_not_overflow(void **state)
{
    (void)state;
    ptv_judge how = PTV_JUDGE;
    ptv_error err = { 0 };
    ptv_record *r = tree_record(&MEM, FIRST("2026-04-20"), NOW);
    const int64_t far[] = { INT64_MIN + 1, -1, 0, INT64_MAX };
    ptv_cond *tests[] = { tree_time(&T, PTV_OP_WITHIN, "passive_dns.first_seen", "30d"),
                          tree_time(&T, PTV_OP_WITHIN, "passive_dns.first_seen", "12h"),
                          tree_time(&T, PTV_OP_AFTER, "passive_dns.first_seen", "2026-01-01") };
    for (size_t now = 0; now < 4; now++) {
        for (size_t at = 0; at < 4; at++) {
            for (size_t i = 0; i < 3; i++) {
                ptv_trial e;
                ptv_why why = 0;
                r->now = far[now];
                r->first_seen = far[at];
                ptv_trial_init(&e, &MEM, r, &how, &err);
                ptv_truth t = ptv_cond_eval(&e, tests[i], &why);
                assert_int_equal(t, i == 2                                 ? (far[at] > 0 ? PTV_YES : PTV_NO)
                                    : far[at] >= far[now] || now * at == 2 ? PTV_YES
                                                                           : PTV_NO);
            }
        }
    }
    tests[0]->args.span_s = INT64_MAX;
    tests[2]->args.day = INT64_MAX;
    ptv_trial e;
    ptv_why why = 0;
    ptv_trial_init(&e, &MEM, r, &how, &err);
    assert_int_equal(ptv_cond_eval(&e, tests[0], &why), PTV_YES);
    assert_int_equal(ptv_cond_eval(&e, tests[2], &why), PTV_YES); /* no later day exists */
}

int main(void)
{
#define T_(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T_(sets_are_searched_folded),
        T_(words_compare_trimmed_and_folded),
        T_(lists_are_asked_about_the_artifact),
        T_(numbers_include_their_bounds),
        T_(a_cut_list_counts_at_least_what_was_sent),
        T_(times_compare_days_or_seconds),
        T_(a_cut_list_moves_first_seen_back_and_last_seen_on),
        T_(rows_are_counted_through_their_filter),
        T_(counting_stops_once_it_is_decided),
        T_(every_field_is_missing_or_present),
        T_(stale_is_read_unless_told_otherwise),
        T_(combinators_follow_kleene),
        T_(truths_tell_what_was_evaluated),
        T_(a_time_test_without_a_time_ends_the_judgement),
        T_(far_times_do_not_overflow),
    };
    return cmocka_run_group_tests_name("cond", tests, NULL, NULL);
}
