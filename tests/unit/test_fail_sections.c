/*
 * test_fail_sections.c: what --fail-sections is there to find. By the rules of the language a failed section can never turn
 * match and no_match round: unknown is neither, for conditions in words and for custom ones. So the judge that the tests run
 * on is exchanged (ld --wrap) for one that takes a failed section for an empty answer, as the old app did.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "config/config.h"
#include "core/record.h"
#include "rules/rules.h"
#include "scratch_dir.h"

ptv_code __real_ptv_ruleset_judge(ptv_decision *, ptv_arena *, const ptv_ruleset *, const ptv_record *, const ptv_judge *,
                                  ptv_error *);
ptv_code __wrap_ptv_ruleset_judge(ptv_decision *, ptv_arena *, const ptv_ruleset *, const ptv_record *, const ptv_judge *,
                                  ptv_error *);

static bool is_careless;

ptv_code __wrap_ptv_ruleset_judge(ptv_decision *out, ptv_arena *mem, const ptv_ruleset *rs, const ptv_record *record,
                                  const ptv_judge *how, ptv_error *err)
{
    ptv_record *r = ptv_arena_calloc(mem, 1, sizeof *r);
    assert_non_null(r);
    *r = *record;
    if (is_careless && r->sections[PTV_TAGS].state == PTV_STATE_FAILED) {
        r->sections[PTV_TAGS].state = PTV_STATE_OK;
        r->tags = (ptv_set){ 0 };
    }
    return __real_ptv_ruleset_judge(out, mem, rs, r, how, err);
}

typedef struct room {
    scratch_dir folder;
    ptv_config *config;
    ptv_test_report *report;
    char text[8192];
} room;

static int setup(void **state)
{
    room *r = calloc(1, sizeof *r);
    ptv_error err = { 0 };
    assert_non_null(r);
    assert_true(scratch_dir_make(&r->folder));
    assert_int_equal(ptv_config_new(&r->config, &err), PTV_OK);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    room *r = *state;
    is_careless = false;
    ptv_test_free(r->report);
    ptv_config_free(r->config);
    scratch_dir_remove(&r->folder);
    free(r);
    return 0;
}

static int keep(void *to, const char *bytes, size_t len)
{
    room *r = to;
    size_t held = strlen(r->text);
    if (held + len >= sizeof r->text)
        return 1;
    memcpy(r->text + held, bytes, len);
    r->text[held + len] = '\0';
    return 0;
}

/* Runs the cases of a rule, and keeps what is written about them. */
static void run(room *r, const char *when, const char *cases, ptv_format format)
{
    char rule[1024];
    ptv_error err = { 0 };
    ptv_findings *findings = NULL;
    snprintf(rule, sizeof rule, "rule 'r' {\n title = 't', severity = 'high', note = 'n',\n when = %s }\n", when);
    scratch_write(&r->folder, "r.test.lua", cases);
    const char *paths[] = { scratch_write(&r->folder, "r.lua", rule) };
    const ptv_test_options options = { .paths = paths, .path_count = 1, .fail_sections = true };
    assert_int_equal(ptv_findings_new(&findings, &err), PTV_OK);
    if (ptv_test(&r->report, r->config, &options, findings, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(ptv_findings_count(findings, PTV_ERROR), 0);
    ptv_findings_free(findings);
    assert_int_equal(ptv_test_write(r->report, format, 0, keep, r, &err), PTV_OK);
}

static const char *lacks(const room *r, const char *const *lines)
{
    const char *at = r->text;
    for (; *lines && (at = strstr(at, *lines)); lines++)
        at += strlen(*lines);
    return *lines;
}

static void assert_lines(const room *r, const char *const *lines)
{
    const char *missing = lacks(r, lines);
    if (missing)
        fail_msg("no \"%s\" at its place in:\n%s", missing, r->text);
}

static const char MATCHES[] = "case 'bad' { given = { artifact = 'evil.example', tags = { 'x' } }, expect = { verdict = "
                              "'compromised' } }";

static void it_shows_a_match_that_goes_with_both_trees(void **state)
{
    room *r = *state;
    const char *const lines[] = { "r.test.lua:1: bad: with tags failed, rule r turns from match to no_match",
                                  "as given:",
                                  "r: match",
                                  "yes      tags:has_any{\"x\"}  seen: x",
                                  "with tags failed:",
                                  "r: no_match",
                                  "no       tags:has_any{\"x\"}",
                                  "1 passed, 0 failed",
                                  "gate: a failed section turns match and no_match round",
                                  NULL };
    is_careless = true;
    run(r, "tags:has_any { 'x' }", MATCHES, PTV_FORMAT_TEXT);
    assert_lines(r, lines);
    assert_false(ptv_test_passed(r->report));
}

static void it_shows_a_match_that_comes(void **state)
{
    room *r = *state;
    const char *const lines[] = { "with tags failed, rule r turns from no_match to match",
                                  "as given:",
                                  "r: no_match",
                                  "with tags failed:",
                                  "r: match",
                                  NULL };
    is_careless = true;
    run(r, "tags:has_none { 'x' }",
        "case 'good' { given = { artifact = 'evil.example', tags = { 'x' } }, expect = { verdict = 'no_match' } }",
        PTV_FORMAT_TEXT);
    assert_lines(r, lines);
    assert_false(ptv_test_passed(r->report));
}

static void it_tells_programs(void **state)
{
    room *r = *state;
    const char *const lines[] = {
        "\"passed\":false",
        "\"flips\":[{\"case\":\"bad\",\"file\":",
        "\"line\":1,\"section\":\"tags\",\"rule\":\"r\",\"before\":\"match\",\"after\":\"no_match\"",
        "\"trees\":\"as given:\\u000a",
        "with tags failed:\\u000a",
        NULL
    };
    is_careless = true;
    run(r, "tags:has_any { 'x' }", MATCHES, PTV_FORMAT_JSON);
    assert_lines(r, lines);
}

static void it_tells_build_servers(void **state)
{
    room *r = *state;
    const char *const lines[] = { "failures=\"1\"", "name=\"failed sections\"", "r.test.lua:1: bad: with tags failed",
                                  "as given:",      "with tags failed:",        NULL };
    is_careless = true;
    run(r, "tags:has_any { 'x' }", MATCHES, PTV_FORMAT_JUNIT);
    assert_lines(r, lines);
}

static void it_passes_what_the_language_allows(void **state)
{
    room *r = *state;
    run(r, "custom({ 'tags' }, function(r) return r.tags ~= nil and #r.tags > 0 end)", MATCHES, PTV_FORMAT_TEXT);
    assert_true(ptv_test_passed(r->report));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_shows_a_match_that_goes_with_both_trees, setup, teardown),
        cmocka_unit_test_setup_teardown(it_shows_a_match_that_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(it_tells_programs, setup, teardown),
        cmocka_unit_test_setup_teardown(it_tells_build_servers, setup, teardown),
        cmocka_unit_test_setup_teardown(it_passes_what_the_language_allows, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
