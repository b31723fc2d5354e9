/*
 * test_record.c: the tables, sets, what is derived from passive DNS rows, the digest; and that docs/record.md says the same
 * as the tables.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "core/verdict.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))
enum { DAY = 86400 };

typedef struct fixture {
    ptv_arena mem;
    ptv_artifact artifact;
    ptv_record record;
    ptv_digest *digest;
} fixture;

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    ptv_error err = { 0 };
    if (!f)
        return 1;
    f->mem = (ptv_arena)PTV_ARENA(64 << 20);
    f->digest = ptv_digest_new();
    if (ptv_artifact_parse(&f->artifact, &f->mem, "evil.example", 12, NULL, &err))
        return 1;
    ptv_record_init(&f->record, &f->artifact);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    ptv_arena_release(&f->mem);
    ptv_digest_free(f->digest);
    free(f);
    return 0;
}

/* ------------------------------------------------------------------------------------------- tables */

static void record_starts_with_everything_absent(void **state)
{
    fixture *f = *state;
    for (size_t i = 0; i < ptv_field_count; i++) {
        const char *name = ptv_fields[i].name;
        bool known = !strcmp(name, "artifact") || !strcmp(name, "artifact_type");
        if (ptv_field_absent(&f->record, &ptv_fields[i]) == known)
            fail_msg("%s", name);
    }
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        assert_int_equal(f->record.sections[s].state, PTV_STATE_NOT_ASKED);
        assert_int_equal(f->record.sections[s].cause, PTV_CAUSE_NONE);
        assert_false(ptv_section_readable(&f->record, (ptv_section)s));
    }
    assert_true(ptv_section_readable(&f->record, PTV_ALWAYS));
}

static void field_is_found_by_its_name_and_belongs_to_its_section(void **state)
{
    (void)state;
    for (size_t i = 0; i < ptv_field_count; i++) {
        const ptv_field *f = &ptv_fields[i];
        assert_ptr_equal(ptv_field_find(f->name), f);
        if (f->section != PTV_ALWAYS)
            assert_memory_equal(f->name, ptv_section_name(f->section), strlen(ptv_section_name(f->section)));
        assert_int_equal(f->type == PTV_ENUM, f->values != NULL);
    }
    assert_null(ptv_field_find("passive_dns.cuont"));
    for (size_t i = 0; i < ptv_column_count; i++)
        assert_ptr_equal(ptv_column_find(ptv_columns[i].name), &ptv_columns[i]);
    assert_null(ptv_column_find("live"));
}

/* A table row of the page that begins with the name. */
static void check_row(const char *page, const char *name, ptv_type type, const char *doc)
{
    char row[1024];
    snprintf(row, sizeof row, "\n| `%s` | %s | %s |\n", name, ptv_type_name(type), doc);
    if (!strstr(page, row))
        fail_msg("docs/record.md lacks the row%s", row);
}

static void page_for_users_holds_the_rows_of_the_tables(void **state)
{
    (void)state;
    ptv_buf page = PTV_BUF(1 << 20);
    ptv_error err = { 0 };
    size_t rows = 0;
    if (ptv_file_read(&page, "docs/record.md", &err))
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < ptv_field_count; i++)
        check_row(page.data, ptv_fields[i].name, ptv_fields[i].type, ptv_fields[i].doc);
    for (size_t i = 0; i < ptv_column_count; i++)
        check_row(page.data, ptv_columns[i].name, ptv_columns[i].type, ptv_columns[i].doc);
    const char *start = strstr(page.data, "### Fields"), *end = strstr(page.data, "### What real answers do");
    assert_true(start && end);
    for (const char *p = start; (p = strstr(p, "\n| `")) && p < end; p++)
        rows++;
    assert_int_equal(rows, ptv_field_count + ptv_column_count); /* and no row more */
    for (int s = 0; s <= PTV_STATE_UNSUPPORTED; s++) {
        char row[64];
        snprintf(row, sizeof row, "\n| `%s` | ", ptv_state_name((ptv_state)s));
        assert_non_null(strstr(page.data, row));
    }
    for (int c = PTV_CAUSE_OUTAGE; c <= PTV_CAUSE_RECORD; c++) {
        char row[64];
        snprintf(row, sizeof row, "\n| `%s` | ", ptv_cause_name((ptv_cause)c));
        assert_non_null(strstr(page.data, row));
    }
    ptv_buf_release(&page);
}

static void names_read_back(void **state)
{
    (void)state;
    ptv_state s;
    ptv_cause c;
    ptv_outcome o;
    for (int i = 0; i <= PTV_STATE_UNSUPPORTED; i++)
        assert_true(ptv_state_parse(&s, ptv_state_name((ptv_state)i)) && (int)s == i);
    for (int i = 0; i <= PTV_CAUSE_RECORD; i++)
        assert_true(ptv_cause_parse(&c, ptv_cause_name((ptv_cause)i)) && (int)c == i);
    for (int i = 0; i <= PTV_OUT_OFF; i++)
        assert_true(ptv_outcome_parse(&o, ptv_outcome_name((ptv_outcome)i)) && (int)o == i);
    assert_false(ptv_state_parse(&s, "okay"));
    assert_false(ptv_cause_parse(&c, ""));
    assert_false(ptv_outcome_parse(&o, "clean"));
    assert_true(ptv_cause_is_later(PTV_CAUSE_OUTAGE) && ptv_cause_is_later(PTV_CAUSE_QUOTA) &&
                ptv_cause_is_later(PTV_CAUSE_DEADLINE));
    assert_false(ptv_cause_is_later(PTV_CAUSE_KEY) || ptv_cause_is_later(PTV_CAUSE_SETTINGS) ||
                 ptv_cause_is_later(PTV_CAUSE_RECORD));
    assert_string_equal(ptv_hit_type_name(PTV_HIT_URI), "uri");
    assert_null(ptv_unknown_kind_name(PTV_UNKNOWN_NONE));
    assert_string_equal(ptv_unknown_kind_name(PTV_UNKNOWN_FIX), "fix");
}

static void classification_has_more_than_one_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } rows[] = {
        { NULL, "unclassified" },
        { "", "unclassified" },
        { "  ", "unclassified" },
        { "Malicious", "malicious" },
        { " suspicious ", "suspicious" },
        { "non-malicious", "non-malicious" },
        { "NON_MALICIOUS", "non-malicious" },
        { "benign", "non-malicious" },
        { "unknown", "unknown" },
        { "malicous", NULL },
        { "malicious!", NULL },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *word = ptv_classification_parse(rows[i].text);
        if (rows[i].word)
            assert_string_equal(word, rows[i].word);
        else
            assert_null(word);
    }
}

/* --------------------------------------------------------------------------------------------- sets */

static void set_is_folded_sorted_and_unique(void **state)
{
    fixture *f = *state;
    const char *const shown[] = { " Ransomware",
                                  "apt32",
                                  "",
                                  "RANSOMWARE",
                                  NULL,
                                  "  ",
                                  "b\xc3\x9c"
                                  "x" };
    ptv_set set = { 0 };
    assert_true(ptv_set_build(&set, &f->mem, shown, COUNT(shown)));
    assert_int_equal(set.count, 3);
    assert_string_equal(set.items[0], "apt32");
    assert_string_equal(set.items[1], "b\xc3\x9c"
                                      "x");
    assert_string_equal(set.items[2], "ransomware");
    assert_int_equal(set.shown_count, 4);
    assert_string_equal(set.shown[0], " Ransomware");
    assert_string_equal(set.shown[2], "RANSOMWARE");
    assert_true(ptv_set_has(&set, "ransomware"));
    assert_false(ptv_set_has(&set, "Ransomware"));
    assert_false(ptv_set_has(&set, ""));
}

static void set_of_nothing_is_there_but_empty(void **state)
{
    fixture *f = *state;
    ptv_set set = { 0 };
    assert_false(ptv_set_has(&set, "x"));
    assert_true(ptv_set_build(&set, &f->mem, NULL, 0));
    assert_non_null(set.items);
    assert_int_equal(set.count, 0);
    assert_false(ptv_set_has(&set, "x"));
}

/* -------------------------------------------------------------------------------------- passive DNS */

static const ptv_dns **rows_of(fixture *f, ptv_dns *rows, size_t count)
{
    const ptv_dns **list = ptv_arena_calloc(&f->mem, count + 1, sizeof(const ptv_dns *));
    for (size_t i = 0; i < count; i++)
        list[i] = &rows[i];
    return list;
}

static ptv_dns row(int64_t first, int64_t last, bool live)
{
    return (ptv_dns){
        .type = "A", .resolve = "192.0.2.1", .first_seen = first, .last_seen = last, .collected = PTV_NO_TIME, .live = live
    };
}

static void dates_are_taken_over_passive_rows(void **state)
{
    fixture *f = *state;
    ptv_dns rows[] = { row(30 * DAY, 40 * DAY, false), row(999 * DAY, 999 * DAY, true), row(20 * DAY, 35 * DAY, false),
                       row(PTV_NO_TIME, 50 * DAY, false) };
    f->record.total_records = 4;
    assert_true(ptv_record_derive_dns(&f->record, &f->mem, rows_of(f, rows, 4), 4, 1 * DAY, 2 * DAY));
    assert_int_equal(f->record.pdns_count, 3);
    assert_int_equal(f->record.total_records, 4);
    assert_int_equal(f->record.first_seen, 20 * DAY);
    assert_int_equal(f->record.last_seen, 50 * DAY);
    assert_int_equal(f->record.truncated, 0);
    assert_int_equal(f->record.records.count, 3);
    assert_int_equal(f->record.all_records.count, 4);
    assert_ptr_equal(f->record.records.rows[1], &rows[2]);
}

static void dates_are_absent_with_live_rows_alone(void **state)
{
    fixture *f = *state;
    ptv_dns rows[] = { row(9 * DAY, 9 * DAY, true) };
    f->record.total_records = 1;
    assert_true(ptv_record_derive_dns(&f->record, &f->mem, rows_of(f, rows, 1), 1, 1 * DAY, 2 * DAY));
    assert_int_equal(f->record.pdns_count, 0);
    assert_true(f->record.first_seen == PTV_NO_TIME && f->record.last_seen == PTV_NO_TIME);
    assert_non_null(f->record.records.rows);
    assert_int_equal(f->record.records.count, 0);
}

static void dates_at_the_top_count_only_when_records_are_counted_but_not_sent(void **state)
{
    fixture *f = *state;
    static const struct {
        int64_t total;
        bool used;
    } cases[] = { { 12, true }, { 0, false }, { -1, false } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        ptv_record r;
        ptv_record_init(&r, &f->artifact);
        r.total_records = cases[i].total;
        assert_true(ptv_record_derive_dns(&r, &f->mem, NULL, 0, 1 * DAY, 2 * DAY));
        assert_int_equal(r.first_seen, cases[i].used ? 1 * DAY : PTV_NO_TIME);
        assert_int_equal(r.last_seen, cases[i].used ? 2 * DAY : PTV_NO_TIME);
        assert_int_equal(r.truncated, cases[i].total > 0);
        assert_non_null(r.all_records.rows); /* answered, none */
    }
}

static void list_is_truncated_when_fewer_came_than_were_counted(void **state)
{
    fixture *f = *state;
    ptv_dns rows[] = { row(1 * DAY, 2 * DAY, false), row(3 * DAY, 3 * DAY, true) };
    static const struct {
        int64_t total;
        int truncated;
    } cases[] = { { 3, 1 }, { 2, 0 }, { 1, 0 }, { -1, 0 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        ptv_record r;
        ptv_record_init(&r, &f->artifact);
        r.total_records = cases[i].total;
        assert_true(ptv_record_derive_dns(&r, &f->mem, rows_of(f, rows, 2), 2, PTV_NO_TIME, PTV_NO_TIME));
        assert_int_equal(r.truncated, cases[i].truncated);
    }
}

static void list_keeps_the_newest_10000_in_the_order_they_came(void **state)
{
    fixture *f = *state;
    enum { SENT = 12000 };
    ptv_dns *rows = ptv_arena_calloc(&f->mem, SENT, sizeof *rows);
    for (size_t i = 0; i < SENT; i++)
        rows[i] = row((int64_t)i * DAY, (int64_t)((i * 7919) % SENT + 100) * DAY, false);
    rows[5].last_seen = PTV_NO_TIME; /* counts as oldest */
    assert_true(ptv_record_derive_dns(&f->record, &f->mem, rows_of(f, rows, SENT), SENT, PTV_NO_TIME, PTV_NO_TIME));
    assert_int_equal(f->record.all_records.count, PTV_DNS_KEPT);
    assert_int_equal(f->record.pdns_count, SENT); /* what is known of all that came */
    assert_int_equal(f->record.first_seen, 0);
    assert_int_equal(f->record.truncated, 1);
    for (size_t i = 0; i < PTV_DNS_KEPT; i++) {
        const ptv_dns *kept = f->record.all_records.rows[i];
        assert_true(kept->last_seen >= 2099 * DAY);
        assert_true(i == 0 || f->record.all_records.rows[i - 1] < kept);
    }
}

/* ------------------------------------------------------------------------------------------- digest */

static void seal(fixture *f, char out[PTV_DIGEST_HEX])
{
    ptv_record_seal(&f->record, f->digest);
    memcpy(out, f->record.digest, PTV_DIGEST_HEX);
}

static void digest_changes_with_what_is_known_and_with_nothing_else(void **state)
{
    fixture *f = *state;
    char before[PTV_DIGEST_HEX], after[PTV_DIGEST_HEX];
    const char *const one[] = { "a", "b" }, *const other[] = { "ab" };
    ptv_dns rows[] = { row(DAY, 2 * DAY, false), row(DAY, 2 * DAY, false) };
    ptv_section_info *tags = &f->record.sections[PTV_TAGS], *dns = &f->record.sections[PTV_PASSIVE_DNS];

    seal(f, before);
    assert_int_equal(strlen(before), 64);
    f->record.now = 5; /* the time of judging, ages and calls are not part of what is known */
    f->record.fetched_at = 7;
    tags->calls = 3;
    tags->age_s = 4;
    tags->fetched_at = 9;
    seal(f, after);
    assert_string_equal(before, after);

    tags->state = PTV_STATE_FAILED;
    seal(f, after);
    assert_string_not_equal(before, after);
    tags->cause = PTV_CAUSE_QUOTA;
    seal(f, before);
    assert_string_not_equal(before, after);

    assert_true(ptv_set_build(&f->record.tags, &f->mem, one, 2));
    seal(f, after);
    assert_string_equal(before, after); /* a section that was not read has no fields */
    tags->state = PTV_STATE_OK;
    tags->cause = PTV_CAUSE_NONE;
    seal(f, before);
    assert_true(ptv_set_build(&f->record.tags, &f->mem, other, 1));
    seal(f, after);
    assert_string_not_equal(before, after); /* neighbours do not run together */

    dns->state = PTV_STATE_OK;
    assert_true(ptv_record_derive_dns(&f->record, &f->mem, rows_of(f, rows, 2), 2, PTV_NO_TIME, PTV_NO_TIME));
    seal(f, before);
    rows[1].live = true;
    seal(f, after);
    assert_string_not_equal(before, after);
    rows[1].live = false;
    rows[1].value = "x";
    seal(f, after);
    assert_string_not_equal(before, after);
    rows[0].value = "x";
    seal(f, before);
    assert_string_not_equal(before, after);
    rows[1].sources.items = f->record.tags.items;
    seal(f, after);
    assert_string_not_equal(before, after); /* an empty list is not an absent one */
}

static void section_that_failed_keeps_its_reason(void **state)
{
    fixture *f = *state;
    char reason[] = "HTTP 503";
    ptv_arena none = PTV_ARENA(1);
    ptv_section_fail(&f->record, &f->mem, PTV_TAGS, PTV_STATE_FAILED, PTV_CAUSE_OUTAGE, reason);
    reason[0] = 'x';
    assert_string_equal(f->record.sections[PTV_TAGS].reason, "HTTP 503");
    ptv_section_fail(&f->record, &none, PTV_TAGS, PTV_STATE_FAILED, PTV_CAUSE_OUTAGE, reason);
    assert_non_null(f->record.sections[PTV_TAGS].reason);
    assert_int_equal(f->record.sections[PTV_TAGS].state, PTV_STATE_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(record_starts_with_everything_absent, setup, teardown),
        cmocka_unit_test(field_is_found_by_its_name_and_belongs_to_its_section),
        cmocka_unit_test(page_for_users_holds_the_rows_of_the_tables),
        cmocka_unit_test(names_read_back),
        cmocka_unit_test(classification_has_more_than_one_spelling),
        cmocka_unit_test_setup_teardown(set_is_folded_sorted_and_unique, setup, teardown),
        cmocka_unit_test_setup_teardown(set_of_nothing_is_there_but_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(dates_are_taken_over_passive_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(dates_are_absent_with_live_rows_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(dates_at_the_top_count_only_when_records_are_counted_but_not_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(list_is_truncated_when_fewer_came_than_were_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(list_keeps_the_newest_10000_in_the_order_they_came, setup, teardown),
        cmocka_unit_test_setup_teardown(digest_changes_with_what_is_known_and_with_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(section_that_failed_keeps_its_reason, setup, teardown),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
