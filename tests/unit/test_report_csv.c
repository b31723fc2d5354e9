/*
 * test_report_csv.c: one row a decision: as many cells as columns, formulas defused, one line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "report_fixture.h"

#include <stdio.h>

#define MOST_CELLS 64

typedef struct row {
    ptv_buf text;
    char cells[MOST_CELLS][512];
    size_t count;
} row;

/* A reader of RFC 4180, as a spreadsheet is one. */
static void read_row(row *r, const char *s)
{
    size_t len = 0;
    bool quoted = false;

    r->count = 0;
    for (; *s; s++) {
        if (quoted && *s == '"' && s[1] == '"')
            r->cells[r->count][len++] = *s++;
        else if (*s == '"')
            quoted = !quoted;
        else if (!quoted && (*s == ',' || *s == '\n')) {
            r->cells[r->count++][len] = '\0';
            len = 0;
        } else
            r->cells[r->count][len++] = *s;
        assert_true(r->count < MOST_CELLS && len < sizeof r->cells[0]);
    }
}

static void write_row(row *r, const fixture *f)
{
    ptv_error err = { 0 };

    r->text = (ptv_buf)PTV_BUF(1 << 20);
    ptv_report_csv(&r->text, &f->result);
    assert_int_equal(ptv_buf_check(&r->text, &err), PTV_OK);
    read_row(r, r->text.data);
}

static const char *cell(const row *r, const char *column)
{
    row head;
    char text[1024];

    snprintf(text, sizeof text, "%s\n", ptv_report_csv_columns);
    read_row(&head, text);
    assert_int_equal(head.count, r->count);
    for (size_t i = 0; i < head.count; i++)
        if (!strcmp(head.cells[i], column))
            return r->cells[i];
    fail_msg("no column %s", column);
    return NULL;
}

static void it_fills_the_columns(void **state)
{
    fixture f;
    row r;
    (void)state;

    fixture_fill(&f);
    f.decision.note = "evil.example carries compromised in PassiveTotal.\n\nReport: <here> & there.\n";
    write_row(&r, &f);
    assert_string_equal(cell(&r, "artifact"), "evil.example");
    assert_string_equal(cell(&r, "input"), "evil[.]example");
    assert_string_equal(cell(&r, "verdict"), "compromised");
    assert_string_equal(cell(&r, "severity"), "high");
    assert_string_equal(cell(&r, "could_be"), "");
    assert_string_equal(cell(&r, "complete"), "yes");
    assert_string_equal(cell(&r, "rules"), "flagged-tags");
    assert_string_equal(cell(&r, "reasons"), "tags has compromised");
    assert_string_equal(cell(&r, "shadow"), "fresh-and-busy");
    assert_string_equal(cell(&r, "tags"), "Compromised; apt32");
    assert_string_equal(cell(&r, "passive_dns_count"), "1");
    assert_string_equal(cell(&r, "passive_dns_first_seen"), "2020-01-01");
    assert_string_equal(cell(&r, "subdomains"), "2");
    assert_string_equal(cell(&r, "note"), "evil.example carries compromised in PassiveTotal. / Report: <here> & there.");
    assert_string_equal(cell(&r, "now"), "2026-05-01T00:00:00Z");
    assert_int_equal(strlen(cell(&r, "decision_id")), 32);
    ptv_buf_release(&r.text);
}

static void it_leaves_cells_of_unread_sections_empty(void **state)
{
    fixture f;
    row r;
    (void)state;

    fixture_fill(&f);
    fixture_make_unknown(&f, PTV_CAUSE_OUTAGE, "HTTP 503");
    fixture_lose(&f, PTV_PASSIVE_DNS, PTV_CAUSE_OUTAGE, "timeout");
    write_row(&r, &f);
    assert_string_equal(cell(&r, "verdict"), "unknown");
    assert_string_equal(cell(&r, "could_be"), "high");
    assert_string_equal(cell(&r, "reasons"), "tags: HTTP 503");
    assert_string_equal(cell(&r, "missing"), "tags: HTTP 503; passive_dns: timeout");
    assert_string_equal(cell(&r, "tags"), "");
    assert_string_equal(cell(&r, "passive_dns_count"), "");
    assert_string_equal(cell(&r, "passive_dns_first_seen"), "");
    ptv_buf_release(&r.text);
}

static void it_leaves_the_time_empty_when_there_was_none(void **state)
{
    fixture f;
    row r;
    (void)state;

    fixture_fill(&f);
    f.decision.now = PTV_NO_TIME;
    write_row(&r, &f);
    assert_string_equal(cell(&r, "now"), "");
    ptv_buf_release(&r.text);
}

static void it_defuses_formulas_and_escapes_controls(void **state)
{
    static const char *shown[] = { "=HYPERLINK(\"http://x\",\"y\")", "a,b\x1b[2J\nc" };
    fixture f;
    row r;
    (void)state;

    fixture_fill(&f);
    f.record.tags.shown = shown;
    f.result.input = "@SUM(1)";
    write_row(&r, &f);
    assert_int_equal(cell(&r, "tags")[0], '\'');
    assert_non_null(strstr(cell(&r, "tags"), "HYPERLINK(\"http://x\",\"y\"); a,b\\x1b[2J"));
    assert_string_equal(cell(&r, "input"), "'@SUM(1)");
    /* One row is one line, whatever is in it. */
    assert_ptr_equal(strchr(r.text.data, '\n'), r.text.data + r.text.len - 1);
    assert_null(strchr(r.text.data, '\x1b'));
    ptv_buf_release(&r.text);
}

static void write_csv(ptv_buf *out, const fixture *f)
{
    ptv_report_csv(out, &f->result);
}

static void it_survives_no_memory(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    fixture_starve(write_csv, &f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_fills_the_columns),
        cmocka_unit_test(it_leaves_cells_of_unread_sections_empty),
        cmocka_unit_test(it_leaves_the_time_empty_when_there_was_none),
        cmocka_unit_test(it_defuses_formulas_and_escapes_controls),
        cmocka_unit_test(it_survives_no_memory),
    };
    return cmocka_run_group_tests_name("report/csv", tests, NULL, NULL);
}
