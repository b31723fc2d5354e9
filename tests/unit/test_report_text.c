/*
 * test_report_text.c: the report that people read: what it shows, what it escapes, how it lines up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "report_fixture.h"

#include "report/layout.h"

static char page[16384];

static const char *write_page(const fixture *f, unsigned flags)
{
    ptv_buf out = PTV_BUF(sizeof page - 1);
    ptv_error err = { 0 };

    ptv_report_text(&out, &f->result, flags);
    assert_int_equal(ptv_buf_check(&out, &err), PTV_OK);
    memcpy(page, out.data, out.len + 1);
    ptv_buf_release(&out);
    return page;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in:\n%s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("'%s' is in:\n%s", part, text);
}

static void it_shows_a_match_in_plain_text(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    assert_string_equal(write_page(&f, 0),
                        "compromised  evil.example  high  given as evil[.]example\n"
                        "\n"
                        "  Rules that match\n"
                        "    flagged-tags (high): Carries a tag from our list\n"
                        "      tags has compromised\n"
                        "      next step: Check proxy logs.\n"
                        "\n"
                        "  Hit\n"
                        "    Number of Passive DNS Records  2\n"
                        "    Tags                           Compromised, apt32\n"
                        "    Report Link                    https://community.riskiq.com/search/evil.example\n"
                        "\n"
                        "  Note\n"
                        "    evil.example carries compromised in PassiveTotal.\n"
                        "    Report: <here> & there.\n"
                        "\n"
                        "  Set aside\n"
                        "    shadow: fresh-and-busy (medium) would have matched: passive_dns.count is 12\n"
                        "\n"
                        "compromised, high\n");
}

static void it_draws_boxes_and_colour_only_when_asked(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    assert_has(write_page(&f, PTV_WRITE_COLOR), "\x1b[1;31mcompromised\x1b[0m");
    assert_has(page, "│ Number of Passive DNS Records │ 2                                                │\n");
    assert_has(page, "│ Tags                          │ Compromised, apt32                               │\n");
    write_page(&f, 0);
    assert_null(strchr(page, '\x1b'));
    assert_lacks(page, "│");
}

static void it_folds_long_values_in_a_box(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    f.hit[1].value = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, ccc";
    write_page(&f, PTV_WRITE_COLOR);
    assert_has(page, "│ Tags                          │ aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, ");
    assert_has(page, "│                               │ bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb, ccc ");
    /* One word without a blank is cut where the line ends, and nothing is lost. */
    f.hit[1].value = "0123456789012345678901234567890123456789012345678901234567890123456789012345";
    write_page(&f, PTV_WRITE_COLOR);
    assert_has(page, "│ 012345678901234567890123456789012345678901234567890123456789012345678901 │\n");
    assert_has(page, "│ 2345 ");
}

static void it_says_what_was_not_read_and_whether_to_ask_again(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    fixture_make_unknown(&f, PTV_CAUSE_OUTAGE, "HTTP 503");
    f.record.sections[PTV_TAGS].retry_after_s = 120;
    fixture_lose(&f, PTV_SUBDOMAINS, PTV_CAUSE_KEY, "user or key refused");
    assert_has(write_page(&f, 0), "unknown  evil.example  given as evil[.]example\n");
    assert_has(page, "  Rules left undecided\n    flagged-tags: Carries a tag from our list\n      tags: HTTP 503\n"
                     "      not ruled out: high\n");
    assert_has(page, "  Not read\n    tags: HTTP 503; ask again in 2m  (needed by flagged-tags, fresh-and-busy)\n");
    assert_has(page,
               "    subdomains: user or key refused; asking again is useless until the key or its rights are put right\n");
    f.record.sections[PTV_TAGS].retry_after_s = -1;
    assert_has(write_page(&f, 0), "tags: HTTP 503; ask again later  (needed");
    f.record.sections[PTV_TAGS].cause = PTV_CAUSE_SETTINGS;
    assert_has(write_page(&f, 0), "asking again is useless until the settings are put right");
    f.record.sections[PTV_TAGS].cause = PTV_CAUSE_RECORD;
    f.record.sections[PTV_TAGS].reason = "not in the record";
    assert_has(write_page(&f, 0), "    tags: not in the record  (needed by");
}

static void it_leaves_out_what_nobody_needed(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    f.record.sections[PTV_SUBDOMAINS] =
        (ptv_section_info){ .state = PTV_STATE_NOT_ASKED, .cause = PTV_CAUSE_RECORD, .reason = "not in the record" };
    f.record.sections[PTV_CLASSIFICATION] = (ptv_section_info){ .state = PTV_STATE_UNSUPPORTED };
    assert_lacks(write_page(&f, 0), "Not read");
}

static void it_says_little_of_what_was_skipped(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    fixture_make_unknown(&f, PTV_CAUSE_SETTINGS, "private address (RFC 1918)");
    f.decision.verdict = PTV_VERDICT_SKIPPED;
    f.decision.rule_count = 1;
    f.decision.summary = "skipped: private address (RFC 1918)";
    assert_string_equal(write_page(&f, 0),
                        "skipped  evil.example  given as evil[.]example\n\nskipped: private address (RFC 1918)\n");
}

static void it_names_allowances(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    f.rules[0].outcome = PTV_OUT_SUPPRESSED;
    f.rules[0].suppressed_by = "our-zones";
    f.rules[0].suppress_reason = "Zones we run ourselves";
    f.rules[0].suppressed_until = T0;
    f.rules[1].would_suppress = "old-zones";
    assert_has(write_page(&f, 0), "suppressed: flagged-tags (high) by our-zones until 2026-05-01: Zones we run ourselves\n");
    assert_has(page, "expired allowance: classification would have been suppressed by old-zones\n");
    assert_lacks(page, "Rules that match");
}

static void it_shows_the_tree_of_conditions(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    f.trace[1] = (ptv_trace){
        .truth = PTV_NO, .text = "classification:is \"malicious\"", .seen = "absent", .file = "a.lua", .line = 7
    };
    f.trace[2] = (ptv_trace){ .truth = PTV_UNSURE,
                              .text = "passive_dns.count:at_least(10)",
                              .seen = "passive_dns: HTTP 503",
                              .file = "a.lua",
                              .line = 8 };
    f.trace[0] =
        (ptv_trace){ .truth = PTV_YES, .text = "any", .file = "a.lua", .line = 6, .kids = &f.trace[1], .kid_count = 2 };
    f.rules[0].trace = f.trace;
    f.rules[0].trace_count = 1;
    assert_has(write_page(&f, PTV_WRITE_EXPLAIN),
               "  Conditions\n"
               "    flagged-tags: match  rules/10-flagged-tags.lua:2\n"
               "      yes      any  a.lua:6\n"
               "      no         classification:is \"malicious\"  seen: absent  a.lua:7\n"
               "      UNKNOWN    passive_dns.count:at_least(10)  seen: passive_dns: HTTP 503  a.lua:8\n");
    assert_lacks(write_page(&f, 0), "Conditions");
}

static void it_neutralises_terminal_escapes(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    f.result.input = "a\x1b]0;title\x07";
    f.hit[1].value = "\x1b[2J\nforged: line\xe2\x80\xae";
    f.decision.note = "one\x1b[31m\ntwo\r\nthree";
    f.record.sections[PTV_PASSIVE_DNS].warnings = "w\x9b\x31m";
    fixture_lose(&f, PTV_SUBDOMAINS, PTV_CAUSE_OUTAGE, "\x1b[8mhidden");
    write_page(&f, 0);
    assert_null(strchr(page, '\x1b'));
    assert_null(strchr(page, '\r'));
    assert_null(strchr(page, '\x9b'));
    assert_lacks(page, "\nforged");
    assert_lacks(page, "\xe2\x80\xae");
    assert_has(page, "    one\\x1b[31m\n    two\\x0d\n    three\n");
}

static void it_counts_columns_as_a_terminal_does(void **state)
{
    fixture f;
    (void)state;

    assert_int_equal(ptv_text_columns("abc", 3), 3);
    assert_int_equal(ptv_text_columns("b\xc3\xbc"
                                      "cher",
                                      7),
                     6);                                                  /* bücher */
    assert_int_equal(ptv_text_columns("e\xcc\x81", 3), 1);                /* e + combining acute */
    assert_int_equal(ptv_text_columns("\xe6\x97\xa5\xe6\x9c\xac", 6), 4); /* 日本 */
    assert_int_equal(ptv_text_columns("\xf0\x9f\x98\x80", 4), 2);         /* an emoji */
    fixture_fill(&f);
    f.hit[0].name = "\xe6\x97\xa5\xe6\x9c\xac";
    f.hit[2].name = "R";
    f.decision.hit_count = 3;
    assert_has(write_page(&f, 0), "    \xe6\x97\xa5\xe6\x9c\xac  2\n    Tags  Comp");
}

static void it_shows_a_name_as_people_write_it(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    f.artifact.value = "xn--bcher-kva.example";
    f.artifact.display = "b\xc3\xbc"
                         "cher.example";
    f.result.input = "xn--bcher-kva.example";
    assert_has(write_page(&f, 0), "compromised  xn--bcher-kva.example (b\xc3\xbc"
                                  "cher.example)  high\n");
}

static void it_limits_warnings(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    f.decision.warnings = "a time in the future";
    f.record.sections[PTV_TAGS].warnings = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n";
    assert_has(write_page(&f, 0), "  Warnings\n    a time in the future\n    1\n");
    assert_has(page, "    8\n    and 2 more\n");
}

static void it_flags_stale_sections(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    f.record.sections[PTV_TAGS].state = PTV_STATE_STALE;
    f.record.sections[PTV_TAGS].age_s = 7200;
    assert_has(write_page(&f, 0), "  From the cache, beyond its time\n    tags: read 2h ago\n");
}

static void write_text(ptv_buf *out, const fixture *f)
{
    ptv_report_text(out, &f->result, PTV_WRITE_COLOR | PTV_WRITE_EXPLAIN);
}

static void it_survives_no_memory(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    fixture_starve(write_text, &f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_shows_a_match_in_plain_text),
        cmocka_unit_test(it_draws_boxes_and_colour_only_when_asked),
        cmocka_unit_test(it_folds_long_values_in_a_box),
        cmocka_unit_test(it_says_what_was_not_read_and_whether_to_ask_again),
        cmocka_unit_test(it_leaves_out_what_nobody_needed),
        cmocka_unit_test(it_says_little_of_what_was_skipped),
        cmocka_unit_test(it_names_allowances),
        cmocka_unit_test(it_shows_the_tree_of_conditions),
        cmocka_unit_test(it_neutralises_terminal_escapes),
        cmocka_unit_test(it_counts_columns_as_a_terminal_does),
        cmocka_unit_test(it_shows_a_name_as_people_write_it),
        cmocka_unit_test(it_limits_warnings),
        cmocka_unit_test(it_flags_stale_sections),
        cmocka_unit_test(it_survives_no_memory),
    };
    return cmocka_run_group_tests_name("report/text", tests, NULL, NULL);
}
