/*
 * test_compare.c: two rule sets over one record, through the public header: what changed, the conditions that made it, what
 * it adds up to; the same verdicts as two evals give; memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/mem.h"
#include "ptverdict.h"
#include "scratch_dir.h"

#include <stdlib.h>
#include <string.h>

static scratch_dir BEFORE_DIR, AFTER_DIR;
static scratch_dir *const DIRS[] = { &BEFORE_DIR, &AFTER_DIR };
static ptv_config *CONFIG;
static ptv_client *SIDES[2];
static ptv_compare *COMPARE;
static size_t LIVE;

static int setup(void **state)
{
    (void)state;
    ptv_error err;
    LIVE = ptv_mem_live();
    return ptv_config_new(&CONFIG, &err);
}

static void close_all(void)
{
    ptv_compare_free(COMPARE);
    COMPARE = NULL;
    for (int i = 0; i < 2; i++) {
        ptv_client_free(SIDES[i]);
        SIDES[i] = NULL;
        scratch_dir_remove(DIRS[i]);
    }
}

static int teardown(void **state)
{
    (void)state;
    close_all();
    ptv_config_free(CONFIG);
    CONFIG = NULL;
    return ptv_mem_live() == LIVE ? 0 : -1;
}

static void open_sides(const char *before, const char *after)
{
    const char *lua[] = { before, after };
    ptv_error err = { 0 };
    for (int i = 0; i < 2; i++) {
        assert_true(scratch_dir_make(DIRS[i]));
        scratch_write(DIRS[i], "rules.lua", lua[i]);
        const char *path = DIRS[i]->file;
        ptv_client_options how = { .rules = &path, .rules_count = 1, .offline = true };
        assert_int_equal(ptv_client_new(&SIDES[i], CONFIG, &how, NULL, &err), PTV_OK);
    }
    assert_int_equal(ptv_compare_new(&COMPARE, SIDES[0], SIDES[1], &err), PTV_OK);
}

static const ptv_comparison *compare(const char *json)
{
    const ptv_comparison *now = NULL;
    ptv_error err = { 0 };
    assert_int_equal(ptv_compare_record(&now, COMPARE, json, strlen(json), &err), PTV_OK);
    return now;
}

#define RULE(id, severity, when) "rule '" id "' { title = 't', severity = '" severity "', note = 'n', when = " when " }\n"
#define SITE(rest)               "{\"artifact\":\"evil.example\",\"fetched_at\":\"2026-05-01T00:00:00Z\"" rest "}"

static void a_bound_that_moved_is_the_difference(void **state)
{
    (void)state;
    open_sides(RULE("busy", "high", "all { tags:has_any { 'a' }, passive_dns.count:at_least(10) }"),
               RULE("busy", "high", "all { tags:has_any { 'a' }, passive_dns.count:at_least(3) }"));
    const ptv_comparison *now = compare(SITE(",\"tags\":[\"a\"],\"passive_dns\":{\"count\":4}"));
    assert_true(now->changed);
    assert_string_equal(now->artifact, "evil.example");
    assert_int_equal(now->before, PTV_VERDICT_NO_MATCH);
    assert_int_equal(now->after, PTV_VERDICT_COMPROMISED);
    assert_int_equal(now->severity_after, PTV_LEVEL_HIGH);
    assert_int_equal(now->rule_count, 1);
    const ptv_rule_change *r = &now->rules[0];
    assert_string_equal(r->before, "no_match");
    assert_string_equal(r->after, "match");
    assert_null(r->what);
    assert_int_equal(r->condition_count, 2);
    assert_true(r->conditions[0].after);
    assert_string_equal(r->conditions[0].text, "passive_dns.count:at_least(3)");
    assert_string_equal(r->conditions[0].truth, "yes");
    assert_string_equal(r->conditions[0].seen, "4");
    assert_int_equal(r->conditions[0].line, 1);
    assert_false(r->conditions[1].after);
    assert_string_equal(r->conditions[1].truth, "no");
    const ptv_rule_total *t = ptv_compare_total(COMPARE, 0);
    assert_int_equal(t->state, PTV_RULE_EDITED);
    assert_int_equal(t->differs, 1);
    assert_int_equal(t->decided, 1);
    assert_null(ptv_compare_total(COMPARE, 1));
}

static void only_what_decides_is_told(void **state)
{
    (void)state;
    open_sides(
        RULE("r", "low", "any { tags:has_any { 'a' }, tags:has_any { 'b' } }"),
        RULE("r", "low", "any { tags:has_any { 'a' }, tags:has_any { 'b' }, tags:has_any { 'c' }, tags:has_any { 'd' } }"));
    const ptv_comparison *now = compare(SITE(",\"tags\":[\"d\"]"));
    assert_int_equal(now->rules[0].condition_count, 1);
    assert_string_equal(now->rules[0].conditions[0].text, "tags:has_any{\"d\"}");
}

static void the_same_conditions_joined_differently_are_told_so(void **state)
{
    (void)state;
    open_sides(RULE("r", "low", "any { tags:has_any { 'a' }, tags:has_any { 'b' } }"),
               RULE("r", "low", "all { tags:has_any { 'a' }, tags:has_any { 'b' } }"));
    const ptv_comparison *now = compare(SITE(",\"tags\":[\"a\"]"));
    assert_string_equal(now->rules[0].what, "the same conditions, joined differently");
    assert_int_equal(now->rules[0].condition_count, 1);
    assert_string_equal(now->rules[0].conditions[0].text, "tags:has_any{\"b\"}");
}

static void a_shadow_is_counted_and_changes_nothing(void **state)
{
    (void)state;
    open_sides(RULE("live", "low", "tags:has_any { 'a' }"),
               RULE("live", "low", "tags:has_any { 'a' }") "rule 'shade' { title = 't', severity = 'high', status = "
                                                           "'shadow', note = 'n', when = tags:has_any { 'a', 'b' } }");
    assert_false(compare(SITE(",\"tags\":[\"a\"]"))->changed);
    const ptv_comparison *now = compare(SITE(",\"tags\":[\"b\"]"));
    assert_false(now->changed);
    assert_int_equal(now->rule_count, 0);
    assert_false(compare(SITE(",\"tags\":[]"))->changed);
    const ptv_rule_total *t = ptv_compare_total(COMPARE, 1);
    assert_string_equal(t->rule, "shade");
    assert_true(t->shadow);
    assert_int_equal(t->state, PTV_RULE_ADDED);
    assert_int_equal(t->would_match, 2);
    assert_int_equal(t->had_already, 1);
    assert_int_equal(ptv_compare_total(COMPARE, 0)->state, PTV_RULE_SAME);
    assert_int_equal(ptv_compare_total(COMPARE, 0)->differs, 0);
}

static void a_damaged_record_is_an_error_and_counts_nowhere(void **state)
{
    (void)state;
    open_sides(RULE("r", "low", "tags:has_any { 'a' }"), RULE("r", "low", "tags:has_any { 'b' }"));
    const ptv_comparison *now = NULL;
    ptv_error err = { 0 };
    static const char *const damaged[] = { "{\"artifact\":\"evil.example\",\"tags\":[\"a", "{}", "PTV1\tevil.example", "",
                                           "nonsense" };
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++)
        assert_int_equal(ptv_compare_record(&now, COMPARE, damaged[i], strlen(damaged[i]), &err), PTV_EINVAL);
    assert_null(now);
    assert_int_equal(ptv_compare_total(COMPARE, 0)->differs, 0);
}

static unsigned dice(unsigned sides)
{
    static uint64_t seed = 7;
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(seed >> 33) % sides;
}

static void both_sides_come_to_what_eval_says(void **state)
{
    (void)state;
    open_sides(
        RULE("x", "medium", "any { tags:has_any { 'a' }, passive_dns.count:between(2, 4) }")
            RULE("y", "high", "all { classification:is 'malicious', none { tags:has_any { 'b' } } }"),
        RULE("y", "critical",
             "all { classification:is 'malicious', tags:has_none { 'b', 'c' } }") "allow 'ours' { reason = 'r', owner "
                                                                                  "= 'o', expires = '2030-01-01', "
                                                                                  "when = artifact:is 'b.example' "
                                                                                  "}\n" RULE("z", "low",
                                                                                             "at_least_of(2) { "
                                                                                             "tags:has_any { 'a' }, "
                                                                                             "tags:has_any { 'c' }, "
                                                                                             "passive_dns.count:at_"
                                                                                             "least(3) }"));
    static const char *const tags[] = { "[]", "[\"a\"]", "[\"b\"]", "[\"c\",\"a\"]", "{\"failed\":\"HTTP 503\"}" };
    static const char *const classes[] = { "\"malicious\"", "\"unknown\"", "null", "{\"failed\":\"HTTP 500\"}" };
    for (int i = 0; i < 500; i++) {
        char json[512];
        snprintf(json, sizeof json,
                 "{\"artifact\":\"%c.example\",\"fetched_at\":\"2026-05-01T00:00:00Z\",\"tags\":%s,\"classification\":%s,"
                 "\"passive_dns\":{\"count\":%u}}",
                 'a' + (int)dice(3), tags[dice(5)], classes[dice(4)], dice(6));
        const ptv_comparison *now = compare(json);
        ptv_verdict verdicts[2];
        ptv_level levels[2];
        for (int side = 0; side < 2; side++) {
            ptv_report *report = NULL;
            ptv_error err = { 0 };
            assert_int_equal(ptv_eval(&report, SIDES[side], json, strlen(json), &err), PTV_OK);
            verdicts[side] = ptv_report_verdict(report);
            levels[side] = ptv_report_severity(report);
            ptv_report_recycle(SIDES[side], report);
        }
        assert_int_equal(now->before, verdicts[0]);
        assert_int_equal(now->after, verdicts[1]);
        assert_int_equal(now->severity_before, levels[0]);
        assert_int_equal(now->severity_after, levels[1]);
        assert_int_equal(now->changed, verdicts[0] != verdicts[1] || levels[0] != levels[1]);
        assert_true(!now->changed || now->rule_count > 0);
        for (size_t r = 0; r < now->rule_count; r++)
            assert_true(now->rules[r].what || now->rules[r].condition_count);
    }
}

static void every_allocation_that_fails_is_no_memory(void **state)
{
    (void)state;
    open_sides(RULE("busy", "high", "all { tags:has_any { 'a' }, passive_dns.count:at_least(10) }"),
               RULE("busy", "high", "all { tags:has_any { 'a' }, passive_dns.count:at_least(3) }"));
    static const char json[] = SITE(",\"tags\":[\"a\"],\"passive_dns\":{\"count\":4}");
    for (unsigned long nth = 1;; nth++) {
        ptv_compare *c = NULL;
        const ptv_comparison *now = NULL;
        ptv_error err = { 0 };
        ptv_mem_fail_at(nth);
        ptv_code rc = ptv_compare_new(&c, SIDES[0], SIDES[1], &err);
        if (!rc)
            rc = ptv_compare_record(&now, c, json, strlen(json), &err);
        ptv_mem_fail_at(0);
        assert_true(rc == PTV_OK || rc == PTV_ENOMEM);
        assert_true(rc || now->changed);
        ptv_compare_free(c);
        if (!rc)
            break;
    }
}

#define IT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IT(a_bound_that_moved_is_the_difference),
        IT(only_what_decides_is_told),
        IT(the_same_conditions_joined_differently_are_told_so),
        IT(a_shadow_is_counted_and_changes_nothing),
        IT(a_damaged_record_is_an_error_and_counts_nowhere),
        IT(both_sides_come_to_what_eval_says),
        IT(every_allocation_that_fails_is_no_memory),
    };
    return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}
