/*
 * test_record_json.c: records in and out as JSON: the short form, what is refused and how, and that what was written reads
 * back as the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "core/record_json.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))
#define EVIL         "{\"artifact\":\"evil.example\","

static ptv_arena mem = PTV_ARENA(64 << 20);

static int teardown(void **state)
{
    (void)state;
    ptv_arena_release(&mem);
    return 0;
}

static ptv_code try_read(ptv_record **out, const char *text, size_t len, ptv_error *err)
{
    const ptv_json *json;
    ptv_code rc = ptv_json_parse(&json, &mem, text, len, err);
    return rc ? rc : ptv_record_read(out, &mem, json, err);
}

static ptv_record *read_text(const char *text)
{
    ptv_record *r = NULL;
    ptv_error err = { 0 };
    if (try_read(&r, text, strlen(text), &err))
        fail_msg("%s\n%s", err.msg, text);
    return r;
}

static void check_round_trip(ptv_record *r)
{
    ptv_buf once = PTV_BUF(16 << 20), twice = PTV_BUF(16 << 20);
    ptv_json_out first = { &once, false }, second = { &twice, false };
    ptv_digest *digest = ptv_digest_new();
    ptv_record_write(&first, r);
    ptv_record *again = read_text(once.data);
    ptv_record_write(&second, again);
    assert_string_equal(once.data, twice.data);
    ptv_record_seal(r, digest);
    ptv_record_seal(again, digest);
    assert_string_equal(r->digest, again->digest);
    ptv_digest_free(digest);
    ptv_buf_release(&once);
    ptv_buf_release(&twice);
}

static int64_t day(const char *text)
{
    int64_t utc = PTV_NO_TIME;
    assert_true(ptv_time_parse(&utc, text, 0));
    return utc;
}

static void short_form_is_flat_or_nested(void **state)
{
    (void)state;
    static const char *const forms[] = {
        EVIL "\"passive_dns.total_records\":12,\"passive_dns.first_seen\":\"2020-01-02\",\"account.quota_exceeded\":true}",
        EVIL "\"passive_dns\":{\"total_records\":12,\"first_seen\":\"2020-01-02T00:00:00Z\"},\"account\":{\"quota_"
             "exceeded\":true}}",
        EVIL "\"passive_dns\":{\"total_records\":12},\"passive_dns.first_seen\":1577923200,\"account.quota_exceeded\":true}",
    };
    for (size_t i = 0; i < COUNT(forms); i++) {
        ptv_record *r = read_text(forms[i]);
        assert_string_equal(r->artifact, "evil.example");
        assert_int_equal(r->total_records, 12);
        assert_int_equal(r->first_seen, day("2020-01-02"));
        assert_int_equal(r->quota_exceeded, 1);
        assert_int_equal(r->pdns_count, -1);
        assert_int_equal(r->sections[PTV_PASSIVE_DNS].state, PTV_STATE_OK);
        assert_int_equal(r->sections[PTV_TAGS].state, PTV_STATE_NOT_ASKED);
        assert_int_equal(r->sections[PTV_TAGS].cause, PTV_CAUSE_RECORD);
        assert_string_equal(r->sections[PTV_TAGS].reason, "not in the record");
        check_round_trip(r);
    }
}

static void artifact_of_a_record_is_normalised(void **state)
{
    (void)state;
    assert_string_equal(read_text("{\"artifact\":\"hxxp://EVIL[.]example/x\"}")->artifact, "evil.example");
    assert_string_equal(read_text("{\"artifact\":\"::ffff:192.0.2.1\",\"artifact_type\":\"ip\"}")->artifact_type, "ip");
}

static void section_that_is_one_field_answers_none_with_null(void **state)
{
    (void)state;
    ptv_record *r = read_text(EVIL "\"tags\":null,\"classification\":null}");
    assert_non_null(r->tags.items);
    assert_int_equal(r->tags.count, 0);
    assert_string_equal(r->classification, "unclassified");
    check_round_trip(r);
    r = read_text(EVIL "\"tags\":\"One Tag\",\"classification\":\"Non_Malicious\"}");
    assert_int_equal(r->tags.count, 1);
    assert_string_equal(r->tags.items[0], "one tag");
    assert_string_equal(r->tags.shown[0], "One Tag");
    assert_string_equal(r->classification, "non-malicious");
    check_round_trip(r);
}

static void section_that_was_not_read_is_written_by_its_state(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        ptv_state state;
        ptv_cause cause;
    } rows[] = {
        { "\"tags\":{\"failed\":\"HTTP 503\"}}", PTV_STATE_FAILED, PTV_CAUSE_OUTAGE },
        { "\"tags.failed\":\"HTTP 503\"}", PTV_STATE_FAILED, PTV_CAUSE_OUTAGE },
        { "\"tags\":{\"failed\":\"time-out\"}}", PTV_STATE_FAILED, PTV_CAUSE_OUTAGE },
        { "\"tags\":{\"failed\":\"Quota used up\"}}", PTV_STATE_FAILED, PTV_CAUSE_QUOTA },
        { "\"tags\":{\"failed\":\"HTTP 429\"}}", PTV_STATE_FAILED, PTV_CAUSE_QUOTA },
        { "\"tags\":{\"failed\":\"HTTP 401\"}}", PTV_STATE_FAILED, PTV_CAUSE_KEY },
        { "\"tags\":{\"failed\":\"HTTP 403\"}}", PTV_STATE_FAILED, PTV_CAUSE_KEY },
        { "\"tags\":{\"failed\":\"HTTP 404: not found\"}}", PTV_STATE_FAILED, PTV_CAUSE_SETTINGS },
        { "\"tags\":{\"failed\":\"HTTP 503\",\"cause\":\"settings\"}}", PTV_STATE_FAILED, PTV_CAUSE_SETTINGS },
        { "\"tags\":{\"cause\":\"key\",\"failed\":\"HTTP 503\"}}", PTV_STATE_FAILED, PTV_CAUSE_KEY },
        { "\"tags\":{\"not_asked\":\"quota\"}}", PTV_STATE_NOT_ASKED, PTV_CAUSE_QUOTA },
        { "\"tags\":{\"not_asked\":\"deadline\"}}", PTV_STATE_NOT_ASKED, PTV_CAUSE_DEADLINE },
        { "\"tags\":{\"not_asked\":\"I forgot\"}}", PTV_STATE_NOT_ASKED, PTV_CAUSE_RECORD },
        { "\"tags\":{\"unsupported\":\"COF has no tags\"}}", PTV_STATE_UNSUPPORTED, PTV_CAUSE_SETTINGS },
        { "\"tags\":{\"not_needed\":null}}", PTV_STATE_NOT_NEEDED, PTV_CAUSE_NONE },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[256];
        snprintf(text, sizeof text, EVIL "%s", rows[i].json);
        ptv_record *r = read_text(text);
        if (r->sections[PTV_TAGS].state != rows[i].state || r->sections[PTV_TAGS].cause != rows[i].cause)
            fail_msg("%s: %s, %s", text, ptv_state_name(r->sections[PTV_TAGS].state),
                     ptv_cause_name(r->sections[PTV_TAGS].cause));
        check_round_trip(r);
    }
    assert_int_equal(
        read_text(EVIL "\"tags\":{\"failed\":\"quota\",\"retry_after_s\":60}}")->sections[PTV_TAGS].retry_after_s, 60);
}

static void rows_give_count_and_dates_where_these_are_not_given(void **state)
{
    (void)state;
    static const char rows[] =
        "\"records\":[{\"value\":\"evil.example\",\"type\":\"a\",\"resolve\":\"192.0.2.7\","
        "\"first_seen\":\"2020-01-02\",\"last_seen\":\"2021-01-02 03:04:05\",\"sources\":[\"RiskIQ\"]},"
        "{\"first_seen\":\"2026-01-01\",\"last_seen\":\"2026-01-01\",\"live\":true},"
        "{\"first_seen\":null,\"collected\":1577923200000,\"sources\":\"x\"}]";
    char text[1024];
    snprintf(text, sizeof text, EVIL "\"passive_dns\":{%s}}", rows);
    ptv_record *r = read_text(text);
    assert_int_equal(r->pdns_count, 2);
    assert_int_equal(r->records.count, 2);
    assert_int_equal(r->all_records.count, 3);
    assert_int_equal(r->first_seen, day("2020-01-02"));
    assert_int_equal(r->last_seen, day("2021-01-02 03:04:05"));
    assert_int_equal(r->truncated, 0);
    assert_string_equal(r->records.rows[0]->type, "A");
    assert_string_equal(r->records.rows[0]->sources.items[0], "riskiq");
    assert_int_equal(r->records.rows[1]->collected, day("2020-01-02"));
    check_round_trip(r);

    snprintf(text, sizeof text, EVIL "\"passive_dns\":{%s,\"count\":40,\"first_seen\":null,\"total_records\":50}}", rows);
    r = read_text(text);
    assert_int_equal(r->pdns_count, 40);
    assert_true(r->first_seen == PTV_NO_TIME);
    assert_int_equal(r->last_seen, day("2021-01-02 03:04:05"));
    assert_int_equal(r->truncated, 1);
    check_round_trip(r);

    r = read_text(EVIL "\"passive_dns.records\":[],\"subdomains.names\":[\"B.evil.example\",\"a.evil.example\"]}");
    assert_non_null(r->records.rows);
    assert_int_equal(r->pdns_count, 0);
    assert_int_equal(r->subdomain_count, 2);
    check_round_trip(r);
}

static void normalised_form_keeps_what_is_known_of_each_call(void **state)
{
    (void)state;
    ptv_record *r = read_text(
        EVIL "\"schema\":\"ptverdict.record/1\",\"fetched_at\":\"2026-05-01T00:00:00Z\",\"link\":\"https://x/\","
             "\"sections\":{\"tags\":{\"state\":\"stale\",\"source\":\"passivetotal\",\"http\":200,\"calls\":2,"
             "\"fetched_at\":\"2026-04-30T00:00:00Z\",\"age_s\":86400,\"warnings\":\"tags[1]: cut\"},"
             "\"passive_dns\":{\"state\":\"failed\",\"cause\":\"quota\",\"reason\":\"HTTP 429\",\"retry_after_s\":60}},"
             "\"tags\":[]}");
    const ptv_section_info *tags = &r->sections[PTV_TAGS], *dns = &r->sections[PTV_PASSIVE_DNS];
    assert_int_equal(r->fetched_at, day("2026-05-01"));
    assert_string_equal(r->link, "https://x/");
    assert_int_equal(tags->state, PTV_STATE_STALE);
    assert_string_equal(tags->source, "passivetotal");
    assert_int_equal(tags->http, 200);
    assert_int_equal(tags->calls, 2);
    assert_int_equal(tags->fetched_at, day("2026-04-30"));
    assert_int_equal(tags->age_s, 86400);
    assert_string_equal(tags->warnings, "tags[1]: cut");
    assert_int_equal(dns->cause, PTV_CAUSE_QUOTA);
    assert_int_equal(dns->retry_after_s, 60);
    check_round_trip(r);
}

static const struct {
    const char *json, *says;
} refused[] = {
    { "[]", "a record is an object, not a list" },
    { "{}", "no \"artifact\"" },
    { "{\"artifact\":5}", "no \"artifact\"" },
    { "{\"artifact\":\"10.0.0.0/8\"}", "artifact: '10.0.0.0/8' looks like a net" },
    { "{\"artifact\":\"evil.example\",\"artifact_type\":\"ip\"}", "contradicts" },
    { "{\"artifact\":\"evil.example\",\"artifact_type\":1}", "artifact_type: needs a text, not a number" },
    { EVIL "\"schema\":\"ptverdict.record/2\"}", "schema: this version reads ptverdict.record/1" },
    { EVIL "\"fetched_at\":\"soon\"}", "fetched_at: not a date" },
    { EVIL "\"tag\":[]}", "unknown key 'tag' (did you mean 'tags'?)" },
    { EVIL "\"passive_dns\":{\"cuont\":1}}", "unknown key 'passive_dns.cuont' (did you mean 'passive_dns.count'?)" },
    { EVIL "\"passive-dns\":{}}", "(did you mean 'passive_dns'?)" },
    { EVIL "\"passive_dns\":null}", "passive_dns: needs an object, not null" },
    { EVIL "\"passive_dns\":[]}", "passive_dns: needs an object, not a list" },
    { EVIL "\"tags\":5}", "tags: needs a list of texts, not a number" },
    { EVIL "\"tags\":[\"a\",{}]}", "tags: needs a list of texts, not an object" },
    { EVIL "\"tags\":{\"faild\":\"x\"}}", "unknown key 'tags.faild' (did you mean 'tags.failed'?)" },
    { EVIL "\"passive_dns.not_aksed\":\"x\"}", "(did you mean 'passive_dns.not_asked'?)" },
    { EVIL "\"tags\":{\"failed\":\"x\",\"casue\":\"quota\"}}", "(did you mean 'tags.cause'?)" },
    { EVIL "\"tags\":{\"failed\":503}}", "tags: needs a text, not a number" },
    { EVIL "\"tags\":{\"ok\":\"x\"}}", "tags: give the value itself, not 'ok'" },
    { EVIL "\"tags\":{\"failed\":\"x\",\"not_asked\":\"y\"}}", "tags: its state is given twice" },
    { EVIL "\"tags\":{\"failed\":\"x\",\"cause\":\"qouta\"}}", "(did you mean 'quota'?)" },
    { EVIL "\"tags\":{\"failed\":\"x\",\"retry_after_s\":-1}}", "retry_after_s: needs a whole number from 0" },
    { EVIL "\"tags\":[],\"tags.failed\":\"HTTP 503\"}", "tags: is 'failed' and has a value" },
    { EVIL "\"tags\":[],\"tags\":[\"x\"]}", "tags: given twice" },
    { EVIL "\"passive_dns\":{\"count\":1},\"passive_dns.count\":2}", "passive_dns.count: given twice" },
    { EVIL "\"classification\":\"malicous\"}", "classification: no such word: 'malicous' (did you mean 'malicious'?)" },
    { EVIL "\"classification\":7}", "classification: needs a text, not a number" },
    { EVIL "\"passive_dns.count\":\"10\"}", "passive_dns.count: needs a number, not a text" },
    { EVIL "\"passive_dns.count\":1.5}", "passive_dns.count: needs a whole number from 0" },
    { EVIL "\"passive_dns.count\":-1}", "passive_dns.count: needs a whole number from 0" },
    { EVIL "\"passive_dns.count\":1e300}", "passive_dns.count: needs a whole number from 0" },
    { EVIL "\"passive_dns.first_seen\":\"2021-02-29\"}", "passive_dns.first_seen: not a date" },
    { EVIL "\"passive_dns.first_seen\":\"0001-01-01T00:00:00+14:00\"}", "passive_dns.first_seen: not a date" },
    { EVIL "\"passive_dns.first_seen\":true}", "passive_dns.first_seen: needs a date, not a boolean" },
    { EVIL "\"account.quota_exceeded\":\"yes\"}", "account.quota_exceeded: needs true or false, not a text" },
    { EVIL "\"passive_dns.records\":{}}", "passive_dns.records: needs a list of records, not an object" },
    { EVIL "\"passive_dns.records\":[{},5]}", "passive_dns.records[1]: a record: needs an object, not a number" },
    { EVIL "\"passive_dns.records\":[{\"frist_seen\":1}]}",
      "records[0]: unknown key 'frist_seen' (did you mean 'first_seen'?)" },
    { EVIL "\"passive_dns.records\":[{\"first_seen\":\"x\"}]}", "passive_dns.records[0]: first_seen: not a date" },
    { EVIL "\"passive_dns.records\":[{\"live\":1}]}", "records[0]: live: needs true or false" },
    { EVIL "\"passive_dns\":{\"records\":[],\"all_records\":[]}}", "not both" },
    { EVIL "\"sections\":[]}", "sections: needs an object" },
    { EVIL "\"sections\":{\"tag\":{}}}", "sections: unknown key 'tag' (did you mean 'tags'?)" },
    { EVIL "\"sections\":{\"tags\":5}}", "tags: needs an object, not a number" },
    { EVIL "\"sections\":{\"tags\":{}}}", "sections.tags: state: no such word: ''" },
    { EVIL "\"sections\":{\"tags\":{\"state\":\"failde\"}}}", "(did you mean 'failed'?)" },
    { EVIL "\"sections\":{\"tags\":{\"state\":\"failed\",\"raeson\":\"x\"}}}", "(did you mean 'reason'?)" },
    { EVIL "\"sections\":{\"tags\":{\"state\":\"failed\",\"http\":1e9}}}", "http: the number is too large" },
    { EVIL "\"sections\":{\"tags\":{\"state\":\"ok\"}}}", "tags: is 'ok', but no field of it is there" },
    { EVIL "\"sections\":{\"tags\":{\"state\":\"not_needed\"}},\"tags\":[]}", "tags: is 'not_needed' and has a value" },
};

static void reader_says_what_is_wrong_and_where(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        ptv_record *r = NULL;
        ptv_error err = { 0 };
        if (try_read(&r, refused[i].json, strlen(refused[i].json), &err) != PTV_EINVAL)
            fail_msg("taken: %s", refused[i].json);
        if (!strstr(err.msg, refused[i].says))
            fail_msg("%s\nsays %s\nnot  %s", refused[i].json, err.msg, refused[i].says);
        assert_null(r);
    }
}

/* A key is a stranger's text: long, or with an escape for the terminal. */
static void reader_quotes_a_strange_key_safely(void **state)
{
    (void)state;
    static char text[5000] = EVIL "\"\\u001b[31m";
    size_t len = strlen(text);
    memset(text + len, 'x', 4000);
    memcpy(text + len + 4000, "\":1}", 5);
    ptv_record *r;
    ptv_error err = { 0 };
    assert_int_equal(try_read(&r, text, strlen(text), &err), PTV_EINVAL);
    assert_null(strchr(err.msg, '\x1b'));
    assert_true(strlen(err.msg) < 200);
}

static void page_for_users_shows_records_that_read(void **state)
{
    (void)state;
    ptv_buf page = PTV_BUF(1 << 20);
    ptv_error err = { 0 };
    size_t blocks = 0;
    if (ptv_file_read(&page, "docs/record.md", &err))
        fail_msg("%s", err.msg);
    for (const char *p = page.data; (p = strstr(p, "```json\n")) != NULL; blocks++) {
        p += strlen("```json\n");
        const char *end = strstr(p, "```");
        ptv_record *r;
        assert_non_null(end);
        if (try_read(&r, p, (size_t)(end - p), &err))
            fail_msg("docs/record.md: %s\n%.*s", err.msg, (int)(end - p), p);
        check_round_trip(r);
        p = end + 3;
    }
    assert_true(blocks >= 3);
    ptv_buf_release(&page);
}

static void reader_survives_each_failed_allocation(void **state)
{
    (void)state;
    static const char text[] =
        EVIL "\"tags\":[\"A\",\"b\"],\"passive_dns.records\":[{\"type\":\"a\",\"sources\":[\"x\"],\"live\":true}],"
             "\"subdomains\":{\"failed\":\"HTTP 503\"}}";
    ptv_code rc = PTV_ENOMEM;
    for (unsigned long nth = 1; rc == PTV_ENOMEM; nth++) {
        ptv_arena small = PTV_ARENA(1 << 20);
        const ptv_json *json = NULL;
        ptv_record *r;
        ptv_error err = { 0 };
        size_t live = ptv_mem_live();
        assert_int_equal(ptv_json_parse(&json, &small, text, strlen(text), &err), PTV_OK);
        ptv_mem_fail_at(nth);
        rc = ptv_record_read(&r, &small, json, &err);
        ptv_mem_fail_at(0);
        ptv_arena_release(&small);
        assert_int_equal(ptv_mem_live(), live);
        assert_true(nth < 500);
    }
    assert_int_equal(rc, PTV_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(short_form_is_flat_or_nested, teardown),
        cmocka_unit_test_teardown(artifact_of_a_record_is_normalised, teardown),
        cmocka_unit_test_teardown(section_that_is_one_field_answers_none_with_null, teardown),
        cmocka_unit_test_teardown(section_that_was_not_read_is_written_by_its_state, teardown),
        cmocka_unit_test_teardown(rows_give_count_and_dates_where_these_are_not_given, teardown),
        cmocka_unit_test_teardown(normalised_form_keeps_what_is_known_of_each_call, teardown),
        cmocka_unit_test_teardown(reader_says_what_is_wrong_and_where, teardown),
        cmocka_unit_test_teardown(reader_quotes_a_strange_key_safely, teardown),
        cmocka_unit_test_teardown(page_for_users_shows_records_that_read, teardown),
        cmocka_unit_test_teardown(reader_survives_each_failed_allocation, teardown),
    };
    return cmocka_run_group_tests_name("record_json", tests, NULL, NULL);
}
