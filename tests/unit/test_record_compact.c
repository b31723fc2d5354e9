/*
 * test_record_compact.c: a compact record holds what the JSON holds, and a damaged line is refused: never read as a record
 * that knows less.
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

#include "base/mem.h"
#include "core/record_json.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define HEAD         "PTV1\tevil.example\tdomain\t\t"
#define ACCOUNT      "\t@account\tnot_needed" NINE
#define CLASS        "\t@classification\tnot_needed" NINE
#define DNS          "\t@passive_dns\tnot_needed" NINE
#define SUBS         "\t@subdomains\tnot_needed" NINE
#define NINE         "\t\t\t\t\t\t\t\t\t"
#define OK_TAGS      "\t@tags\tok" NINE

static ptv_arena mem = PTV_ARENA(64 << 20);
static ptv_buf line = PTV_BUF(16 << 20);
static ptv_digest *digest;

static int setup(void **state)
{
    (void)state;
    digest = ptv_digest_new();
    return digest == NULL;
}

static int teardown(void **state)
{
    (void)state;
    ptv_digest_free(digest);
    ptv_buf_release(&line);
    ptv_arena_release(&mem);
    return 0;
}

static ptv_record *from_json(const char *text)
{
    const ptv_json *json;
    ptv_record *r = NULL;
    ptv_error err = { 0 };
    if (ptv_json_parse(&json, &mem, text, strlen(text), &err) || ptv_record_read(&r, &mem, json, &err))
        fail_msg("%s", err.msg);
    return r;
}

/* Written as JSON, both say the same: sections with all that is known of their calls, fields, rows, sets as shown. */
static void check_same(const ptv_record *a, const ptv_record *b)
{
    ptv_buf first = PTV_BUF(16 << 20), second = PTV_BUF(16 << 20);
    ptv_json_out one = { &first, false }, two = { &second, false };
    ptv_record_write(&one, a);
    ptv_record_write(&two, b);
    assert_string_equal(first.data, second.data);
    ptv_buf_release(&first);
    ptv_buf_release(&second);
    for (size_t i = 0; i < ptv_field_count; i++)
        if (ptv_fields[i].type == PTV_SET) {
            const ptv_set *x = PTV_FIELD_AT(a, &ptv_fields[i], SET), *y = PTV_FIELD_AT(b, &ptv_fields[i], SET);
            assert_int_equal(x->count, y->count);
            for (size_t k = 0; k < x->count; k++)
                assert_string_equal(x->items[k], y->items[k]);
        }
    assert_int_equal(a->records.count, b->records.count);
}

static void check_round_trip(const char *json)
{
    ptv_record *r = from_json(json), *again = NULL;
    ptv_error err = { 0 };
    ptv_buf_clear(&line);
    ptv_record_write_compact(&line, r);
    assert_null(strpbrk(line.data, "\r\n"));
    assert_true(ptv_record_is_compact(line.data, line.len));
    if (ptv_record_read_compact(&again, &mem, line.data, line.len, &err))
        fail_msg("%s\n%s", err.msg, line.data);
    check_same(r, again);
    ptv_record_seal(r, digest);
    ptv_record_seal(again, digest);
    assert_string_equal(r->digest, again->digest);
}

static void compact_holds_what_the_json_holds(void **state)
{
    (void)state;
    static const char *const records[] = {
        "{\"artifact\":\"evil.example\"}",
        "{\"artifact\":\"2001:db8::1\",\"tags\":[],\"link\":\"https://x/?q=a b\"}",
        "{\"artifact\":\"b\xc3\xbc"
        "cher.example\",\"tags\":[\"Ransomware\",\"apt32\",\" two words \",\"tab\\there\",\"back\\\\slash\"]}",
        "{\"artifact\":\"evil.example\",\"tags\":[\"b\",\"a\",\"a\"],\"classification\":\"benign\",\"account.quota_"
        "exceeded\":false}",
        "{\"artifact\":\"evil.example\",\"tags\":{\"failed\":\"line one\\nline "
        "two\\r\\n\\t\\\\n\"},\"account\":{\"quota_left\":0}}",
        "{\"artifact\":\"evil.example\",\"passive_dns\":{\"count\":null,\"total_records\":12,\"truncated\":true,"
        "\"first_seen_text\":\"2020-01-02 00:00:00\"}}",
        "{\"artifact\":\"evil.example\",\"passive_dns.records\":[]}",
        "{\"artifact\":\"evil.example\",\"passive_dns.records\":[{},{\"sources\":[]},{\"sources\":[\"a\"]},{\"sources\":["
        "\"B\",\"a\"]},"
        "{\"sources\":[\"a\"]},{\"sources\":[\"B\",\"a\"],\"live\":true},{\"value\":\"x\",\"type\":\"soa\",\"resolve\":\"a@"
        "b\","
        "\"first_seen\":\"1969-12-31\",\"last_seen\":\"9999-12-31T23:59:59Z\",\"collected\":\"0001-01-01\"}]}",
        "{\"artifact\":\"evil.example\",\"subdomains\":{\"count\":3,\"names\":[\"a.evil.example\",\"B.evil.example\"],"
        "\"first_ten\":[\"z\"]}}",
        "{\"artifact\":\"evil.example\",\"fetched_at\":\"2026-05-01\",\"sections\":{\"tags\":{\"state\":\"stale\","
        "\"source\":\"lists\","
        "\"http\":200,\"calls\":2,\"fetched_at\":\"2026-04-30\",\"age_s\":86400,\"warnings\":\"one\\ntwo\"},\"passive_dns\":"
        "{"
        "\"state\":\"failed\",\"cause\":\"none\",\"reason\":\"?\",\"retry_after_s\":0}},\"tags\":[\"x\"]}",
    };
    for (size_t i = 0; i < COUNT(records); i++)
        check_round_trip(records[i]);
}

static void compact_points_back_to_sources_within_reach(void **state)
{
    (void)state;
    ptv_buf json = PTV_BUF(1 << 20);
    ptv_buf_puts(&json, "{\"artifact\":\"evil.example\",\"passive_dns.records\":[");
    for (int i = 0; i < 100; i++)
        ptv_buf_printf(&json, "%s{\"sources\":[\"s%d\",\"t\"]}", i ? "," : "", i * i % 23);
    ptv_buf_puts(&json, "]}");
    check_round_trip(json.data);
    ptv_buf_release(&json);
}

static void compact_takes_the_end_of_a_line(void **state)
{
    (void)state;
    static const char text[] = HEAD ACCOUNT OK_TAGS "\ttags\t2\tApt\tx" CLASS DNS SUBS "\t.\r\n";
    ptv_record *r = NULL;
    ptv_error err = { 0 };
    if (ptv_record_read_compact(&r, &mem, text, sizeof text - 1, &err))
        fail_msg("%s", err.msg);
    assert_string_equal(r->tags.shown[0], "Apt");
    assert_string_equal(r->tags.items[0], "apt");
    assert_int_equal(r->sections[PTV_ACCOUNT].state, PTV_STATE_NOT_NEEDED);
    assert_false(ptv_record_is_compact("{}", 2));
    assert_false(ptv_record_is_compact("PTV", 3));
}

static void compact_cut_anywhere_is_refused(void **state)
{
    (void)state;
    ptv_record *r = from_json(
        "{\"artifact\":\"evil.example\",\"tags\":[\"a\",\"b\"],\"classification\":\"malicious\",\"passive_dns.records\":["
        "{\"value\":\"evil.example\",\"sources\":[\"x\"]},{\"resolve\":\"192.0.2.1\"}],\"subdomains.names\":[]}");
    ptv_buf_clear(&line);
    ptv_record_write_compact(&line, r);
    for (size_t len = 0; len < line.len; len++) {
        ptv_arena small = PTV_ARENA(1 << 20);
        ptv_error err = { 0 };
        ptv_record *none = NULL;
        char *exact = malloc(len + 1); /* so that a read beyond the end is seen */
        assert_non_null(exact);
        memcpy(exact, line.data, len);
        if (ptv_record_read_compact(&none, &small, exact, len, &err) != PTV_EINVAL)
            fail_msg("taken: %.*s", (int)len, line.data);
        assert_null(none);
        free(exact);
        ptv_arena_release(&small);
    }
}

static const struct {
    const char *text, *says;
} refused[] = {
    { "PTV2\tevil.example", "of another version; this one reads PTV1" },
    { "PTV10\tevil.example", "of another version" },
    { "PTX1\tevil.example", "begins with PTV1" },
    { HEAD, "ends too early" },
    { "PTV1\t10.0.0.0/8\tip\t\t", "looks like a net" },
    { "PTV1\tevil.example\tip\t\t", "contradicts" },
    { "PTV1\tevil.example\tdomain\tnow\t", "near cell 4: not a number" },
    { "PTV1\tevil.example\tdomain\t999999999999\t", "near cell 4: a number out of its range" },
    { HEAD ACCOUNT OK_TAGS "\ttags\t0" CLASS DNS "\t.", "a section is missing" },
    { HEAD ACCOUNT ACCOUNT, "a section given twice" },
    { HEAD "\t@tag\tok" NINE, "no such section" },
    { HEAD "\t@tags\tokay" NINE, "no such state" },
    { HEAD "\t@tags\tfailed\twhim\t\t\t\t\t\t\t\t", "no such cause" },
    { HEAD OK_TAGS CLASS, "a section that is ok, but no field of it" },
    { HEAD OK_TAGS "\ttag\t0\t.", "no such field" },
    { HEAD OK_TAGS "\tclassification\tmalicious\t.", "no such field" },
    { HEAD OK_TAGS "\ttags\t0\ttags\t0\t.", "a field given twice" },
    { HEAD ACCOUNT "\taccount.quota_left\t1\t.", "a value in a section that was not read" },
    { HEAD OK_TAGS "\ttags\t2\ta", "ends too early" },
    { HEAD OK_TAGS "\ttags\t99999999\ta\t.", "out of its range" },
    { HEAD OK_TAGS "\ttags\t-1\ta\t.", "out of its range" },
    { HEAD OK_TAGS "\ttags\t1\ta\\x\t.", "a backslash" },
    { HEAD "\t@classification\tok" NINE "\tclassification\tmalicous\t.", "no such word" },
    { HEAD "\t@account\tok" NINE "\taccount.quota_exceeded\t2\t.", "out of its range" },
    { HEAD "\t@account\tok" NINE "\taccount.quota_left\t12345678901234567890\t.", "not a number" },
    { HEAD "\t@passive_dns\tok" NINE "\tpassive_dns.records\t0\t.", "no such field" },
    { HEAD "\t@passive_dns\tok" NINE "\tpassive_dns.all_records\t1\t\t\t\t\t\t\t2\t\t.", "out of its range" },
    { HEAD "\t@passive_dns\tok" NINE "\tpassive_dns.all_records\t1\t\t\t\t\t\t\t\t1\t.", "points back to a list" },
    { HEAD "\t@passive_dns\tok" NINE "\tpassive_dns.all_records\t1\t\t\t\t\t\t\t\t17\t.", "out of its range" },
    { HEAD ACCOUNT OK_TAGS "\ttags\t0" CLASS DNS SUBS "\t.\tmore", "a '.' ends the line" },
    { HEAD ACCOUNT OK_TAGS "\ttags\t1\t\xff" CLASS DNS SUBS "\t.", "UTF-8" },
    { HEAD ACCOUNT OK_TAGS "\ttags\t1\ta\nb" CLASS DNS SUBS "\t.", "not one line" },
};

static void reader_says_what_is_wrong_and_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        ptv_record *r = NULL;
        ptv_error err = { 0 };
        if (ptv_record_read_compact(&r, &mem, refused[i].text, strlen(refused[i].text), &err) != PTV_EINVAL)
            fail_msg("taken: %s", refused[i].text);
        if (!strstr(err.msg, refused[i].says))
            fail_msg("%s\nsays %s\nnot  %s", refused[i].text, err.msg, refused[i].says);
        assert_null(r);
    }
}

static void reader_takes_no_more_than_10000_rows(void **state)
{
    (void)state;
    ptv_buf text = PTV_BUF(1 << 20);
    ptv_record *r = NULL;
    ptv_error err = { 0 };
    ptv_buf_puts(&text, HEAD "\t@passive_dns\tok" NINE "\tpassive_dns.all_records\t10001");
    for (int i = 0; i < 10001 * 8; i++)
        ptv_buf_putc(&text, '\t');
    assert_int_equal(ptv_record_read_compact(&r, &mem, text.data, text.len, &err), PTV_EINVAL);
    assert_non_null(strstr(err.msg, "10,000"));
    ptv_buf_release(&text);
}

static void reader_survives_each_failed_allocation(void **state)
{
    (void)state;
    static const char text[] =
        HEAD ACCOUNT OK_TAGS "\ttags\t2\tB\ta" CLASS "\t@passive_dns\tok" NINE
                             "\tpassive_dns.all_records\t2\tv\ta\tr\t\t\t\t\t+1\ts\t\t\t\t\t\t\t1\t1" SUBS "\t.";
    ptv_code rc = PTV_ENOMEM;
    for (unsigned long nth = 1; rc == PTV_ENOMEM; nth++) {
        ptv_arena small = PTV_ARENA(1 << 20);
        ptv_record *r;
        ptv_error err = { 0 };
        size_t live = ptv_mem_live();
        ptv_mem_fail_at(nth);
        rc = ptv_record_read_compact(&r, &small, text, sizeof text - 1, &err);
        ptv_mem_fail_at(0);
        ptv_arena_release(&small);
        assert_int_equal(ptv_mem_live(), live);
        assert_true(nth < 100);
    }
    assert_int_equal(rc, PTV_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compact_holds_what_the_json_holds),
        cmocka_unit_test(compact_points_back_to_sources_within_reach),
        cmocka_unit_test(compact_takes_the_end_of_a_line),
        cmocka_unit_test(compact_cut_anywhere_is_refused),
        cmocka_unit_test(reader_says_what_is_wrong_and_where),
        cmocka_unit_test(reader_takes_no_more_than_10000_rows),
        cmocka_unit_test(reader_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests_name("record_compact", tests, setup, teardown);
}
