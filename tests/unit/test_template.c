/*
 * test_template.c: notes and hit values rendered from a record.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../lib/tree_build.h"
#include "rules/template.h"
#include "rules/template_parse.h"

static tree T;
static ptv_arena MEM;
static ptv_trial TRIAL;
static ptv_show SHOW;
static ptv_buf OUT;
static ptv_error ERR;

static const char RECORD[] =
    "{'artifact':'evil.example','tags':['Ransomware','APT32',' apt1 '],'classification':'malicious',"
    "'passive_dns':{'count':12345,'total_records':-0,'first_seen':'2026-04-20T01:02:03Z','last_seen':null,"
    "'first_seen_text':'2026-04-19 18:02:03','truncated':false,'records':[{'type':'A','resolve':'192.0.2.1'},"
    "{'type':'MX','resolve':'mx.evil.example'},{'resolve':'x'},{'value':'y'}]},'account.quota_exceeded':true}";

static int setup(void **state)
{
    (void)state;
    ptv_judge how = PTV_JUDGE;
    tree_init(&T);
    MEM = (ptv_arena)PTV_ARENA(8 << 20);
    OUT = (ptv_buf)PTV_BUF(1 << 20);
    ERR = (ptv_error){ 0 };
    ptv_trial_init(&TRIAL, &MEM, tree_record(&MEM, RECORD, "2026-05-01T12:00:00Z"), &how, &ERR);
    SHOW = (ptv_show){ .trial = &TRIAL, .severity = PTV_LEVEL_HIGH, .reason = "tags has ransomware" };
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ptv_buf_release(&OUT);
    tree_release(&T);
    ptv_arena_release(&MEM);
    return 0;
}

static ptv_template parse(const char *const *lines)
{
    ptv_template t = { 0 };
    ptv_template_line *list = tree_new(&T, 8 * sizeof *list);
    for (; lines[t.count]; t.count++) {
        ptv_sections sections = 0;
        const char *text = lines[t.count];
        assert_int_equal(ptv_template_parse(&list[t.count], &sections, &T.rs.mem, &text, &ERR), PTV_OK);
    }
    t.lines = list;
    return t;
}

static const char *render(const char *const *lines)
{
    ptv_template t = parse(lines);
    ptv_buf_clear(&OUT);
    ptv_template_write(&OUT, &SHOW, &t);
    assert_int_equal(TRIAL.rc, PTV_OK);
    return OUT.len ? OUT.data : "";
}

#define LINES(...) render((const char *const[]){ __VA_ARGS__, NULL })

static void each_type_has_its_form(void **state)
{
    (void)state;
    const struct {
        const char *line, *text;
    } rows[] = {
        { "{artifact} {artifact_type}", "evil.example domain" },
        { "{passive_dns.count}", "12345" },
        { "{passive_dns.count|number}", "12,345" },
        { "{passive_dns.total_records|number}", "0" },
        { "{passive_dns.first_seen}", "2026-04-20T01:02:03Z" },
        { "{passive_dns.first_seen|date}", "2026-04-20" },
        { "{passive_dns.first_seen_text}", "2026-04-19 18:02:03" },
        { "{passive_dns.first_seen_text|date}", "2026-04-19" },
        { "{passive_dns.truncated} {account.quota_exceeded}", "no yes" },
        { "{now|date}", "2026-05-01" },
        { "{tags}", "Ransomware, APT32,  apt1 " }, /* as sent */
        { "{tags|list}", "Ransomware, APT32,  apt1 " },
        { "{tags|first(2)}", "Ransomware, APT32" },
        { "{tags|number}", "3" },
        { "{passive_dns.records|number}", "4" },
        { "{passive_dns.records}", "4" },
        { "{passive_dns.records|list}", "A 192.0.2.1, MX mx.evil.example, x" },
        { "{passive_dns.records|first(1)}", "A 192.0.2.1" },
        { "{artifact|first(4)}", "evil" },
        { "{severity}: {reason}", "high: tags has ransomware" },
        { "{{literal}}", "{literal}" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(LINES(rows[i].line), rows[i].text);
}

static void what_is_missing_is_said(void **state)
{
    (void)state;
    assert_string_equal(LINES("{passive_dns.last_seen} {subdomains.count} {link}"), "(none) (not read) (none)");
    assert_string_equal(LINES("{passive_dns.last_seen|date|else \"never\"}"), "never");
    assert_string_equal(LINES("{subdomains.count|else \"?\"} {tags.matched}"), "? (none)");
}

static void lines_that_start_with_a_question_mark_may_go(void **state)
{
    (void)state;
    assert_string_equal(LINES("one", "?two {subdomains.count}", "?three {artifact}", "?four {link|else \"x\"}"),
                        "one\nthree evil.example\nfour x");
    assert_string_equal(LINES("?{link}"), "");
    assert_string_equal(LINES("?{link}", "last"), "last");
}

static void matched_names_what_the_tests_looked_for(void **state)
{
    (void)state;
    SHOW.reached =
        ALL_OF(&T,
               ANY_OF(&T, tree_text(&T, PTV_OP_HAS_ANY, "tags", "ransomware x"),
                      tree_text(&T, PTV_OP_HAS_ALL, "tags", "apt1 not-there")),
               tree_text(&T, PTV_OP_LIKE_ANY, "tags", "apt3?"), NONE_OF(&T, tree_text(&T, PTV_OP_HAS_ANY, "tags", "apt1")));
    assert_string_equal(LINES("{tags.matched}"), "apt32, ransomware");
    assert_string_equal(LINES("{tags.matched|first(1)}"), "apt32");
    assert_string_equal(LINES("{tags.matched|number}"), "2");
    SHOW.reached = tree_text(&T, PTV_OP_HAS_NONE, "tags", "x");
    assert_string_equal(LINES("{tags.matched}"), "(none)");
    assert_string_equal(LINES("?{tags.matched|number}"), "");
}

static void raw_values_are_for_those_who_escape_them(void **state)
{
    (void)state;
    ptv_record *r = tree_record(&MEM, "{'artifact':'a.example','tags':['\\u001b[1m','x\\ny'],'passive_dns.count':5000}",
                                "2026-05-01T12:00:00Z");
    TRIAL.record = r;
    assert_string_equal(LINES("{tags} {passive_dns.count|number}"), "\\x1b[1m, x\\x0ay 5,000");
    SHOW.raw = true;
    assert_string_equal(LINES("{tags} {passive_dns.count|number}"), "\033[1m, x\ny 5000");
}

static void cutting_minds_characters(void **state)
{
    (void)state;
    SHOW.reason = "b\xc3\xbc"
                  "cher \xff\xfe";
    assert_string_equal(LINES("{reason|first(2)}"), "b\xc3\xbc");
    SHOW.raw = true;
    assert_string_equal(LINES("{reason|first(8)}"), "b\xc3\xbc"
                                                    "cher \xff");
    assert_string_equal(LINES("{reason|first(99)}"), "b\xc3\xbc"
                                                     "cher \xff\xfe");
}

static void a_note_has_a_ceiling(void **state)
{
    (void)state;
    OUT.limit_bytes = 40;
    LINES("0123456789", "0123456789012345678901234567890", "more");
    assert_int_equal(OUT.failed, PTV_ETOOBIG);
    assert_memory_equal(OUT.data, "0123456789\n", 11);
    OUT.limit_bytes = 1 << 20;
    /* A list is cut long before. */
    const char **many = tree_new(&T, 20000 * sizeof *many);
    for (int i = 0; i < 20000; i++)
        many[i] = "a-long-tag";
    ptv_record *r = tree_record(&MEM, "{'artifact':'a.example','tags':['x']}", "2026-05-01T12:00:00Z");
    r->tags.shown = many;
    r->tags.shown_count = 20000;
    TRIAL.record = r;
    const char *text = LINES("{tags}");
    assert_true(OUT.len < 66000);
    assert_non_null(strstr(text, " and 145"));
}

int main(void)
{
#define T_(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T_(each_type_has_its_form),
        T_(what_is_missing_is_said),
        T_(lines_that_start_with_a_question_mark_may_go),
        T_(matched_names_what_the_tests_looked_for),
        T_(raw_values_are_for_those_who_escape_them),
        T_(cutting_minds_characters),
        T_(a_note_has_a_ceiling),
    };
    return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
