/*
 * test_report_soar.c: the payload that playbooks of the old app read, from raw answers and from a record alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "report_fixture.h"

#include "base/json.h"

static const ptv_soar_options options = { .note_from = PTV_LEVEL_HIGH, .host = "vm", .now_utc = T0, .utc_offset_s = 3600 };
static const ptv_soar_options failing = { .note_from = PTV_LEVEL_HIGH, .unknown_fails = true, .host = "vm", .now_utc = T0 };

typedef struct parsed {
    ptv_arena mem;
    ptv_buf text;
    const ptv_json *root;
} parsed;

static void parse(parsed *p)
{
    ptv_error err = { 0 };

    p->mem = (ptv_arena)PTV_ARENA(1 << 20);
    assert_int_equal(ptv_buf_check(&p->text, &err), PTV_OK);
    assert_null(strchr(p->text.data, '\n'));
    assert_int_equal(ptv_json_parse(&p->root, &p->mem, p->text.data, p->text.len, &err), PTV_OK);
}

static parsed write_and_parse(const fixture *f, const ptv_soar_options *o)
{
    parsed p = { .text = PTV_BUF(1 << 20) };

    ptv_report_soar(&p.text, &f->result, o);
    parse(&p);
    return p;
}

static void parsed_release(parsed *p)
{
    ptv_buf_release(&p->text);
    ptv_arena_release(&p->mem);
}

static const ptv_json *at(const ptv_json *list, size_t index)
{
    const ptv_json *v = ptv_json_first(list);

    while (index-- > 0)
        v = ptv_json_next(v);
    return v;
}

/* One value of an object as compact JSON text; NULL when there is no such key. */
static const char *json_of(const ptv_json *object, const char *key)
{
    static char text[4096];
    ptv_buf out = PTV_BUF(sizeof text - 1);
    ptv_json_out o = { .buf = &out };
    const ptv_json *v = ptv_json_find(object, key);

    if (!v)
        return "(no such key)";
    ptv_json_put_tree(&o, NULL, v);
    assert_int_equal(out.failed, PTV_OK);
    memcpy(text, out.data, out.len + 1);
    ptv_buf_release(&out);
    return text;
}

static void assert_keys(const ptv_json *object, const char *const *keys, size_t count)
{
    const ptv_json *v = ptv_json_first(object);

    for (size_t i = 0; i < count; i++, v = ptv_json_next(v))
        assert_string_equal(ptv_json_key(v), keys[i]);
    assert_null(v);
}

static const char *const content_keys[] = { "pager",        "queryValue",    "queryType",      "firstSeen",     "lastSeen",
                                            "totalRecords", "results",       "classification", "primaryDomain", "success",
                                            "subdomains",   "tags_hits_str", "report_url" };

static void it_has_the_keys_of_payload_2(void **state)
{
    static const char *const keys[] = { "version", "success", "reason",   "content", "raw",
                                        "inputs",  "metrics", "decision", "hit",     "note" };
    static const char *const metrics[] = {
        "version", "package", "package_version", "host", "execution_time_ms", "timestamp"
    };
    fixture f;
    (void)state;

    fixture_fill(&f);
    parsed p = write_and_parse(&f, &options);
    assert_keys(p.root, keys, 10);
    assert_memory_equal(p.text.data, "{\"version\":2.0,\"success\":true,\"reason\":null,", 44);
    assert_string_equal(json_of(p.root, "raw"), "null");
    assert_string_equal(json_of(p.root, "inputs"), "{\"passivetotal_artifact_type\":\"DNS Name\","
                                                   "\"passivetotal_artifact_value\":\"evil[.]example\"}");
    assert_keys(ptv_json_find(p.root, "metrics"), metrics, 6);
    assert_string_equal(json_of(p.root, "metrics"),
                        "{\"version\":\"1.0\",\"package\":\"fn-passivetotal\",\"package_version\":\"1.0.0\",\"host\":\"vm\","
                        "\"execution_time_ms\":185,\"timestamp\":\"2026-05-01 01:00:00\"}");
    assert_string_equal(ptv_json_text(ptv_json_find(ptv_json_find(p.root, "decision"), "verdict")), "compromised");
    parsed_release(&p);
}

static void it_merges_the_raw_answers(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    parsed p = write_and_parse(&f, &options);
    const ptv_json *content = ptv_json_find(p.root, "content");
    assert_keys(content, content_keys, 13);
    assert_string_equal(json_of(content, "firstSeen"), "\"2020-01-01 00:00:00\"");
    assert_string_equal(json_of(content, "totalRecords"), "2");
    assert_string_equal(json_of(content, "results"), "[{\"resolve\":\"192.0.2.1\",\"value\":\"evil.example\"}]");
    assert_string_equal(json_of(content, "classification"), "null");
    assert_string_equal(json_of(content, "primaryDomain"), "\"evil.example\"");
    assert_string_equal(json_of(content, "success"), "true");
    assert_string_equal(json_of(content, "subdomains"),
                        "[\"a\",\"b\"]"); /* a number among them would break the post-script */
    assert_string_equal(json_of(content, "tags_hits_str"), "\"Compromised, apt32\"");
    assert_string_equal(json_of(content, "report_url"), "\"https://community.riskiq.com/search/evil.example\"");
    parsed_release(&p);
}

static void it_passes_on_keys_it_does_not_know(void **state)
{
    static const char dns[] = "{\"totalRecords\":null,\"firstSeen\":\"x\",\"extra\":{\"a\":[1]},\"shared\":1}";
    static const char class[] = "{\"classification\":\"malicious\",\"shared\":2}";
    fixture f;
    (void)state;

    fixture_fill(&f);
    f.record.sections[PTV_PASSIVE_DNS].raw = dns;
    f.record.sections[PTV_PASSIVE_DNS].raw_len = sizeof dns - 1;
    f.record.sections[PTV_CLASSIFICATION].raw = class;
    f.record.sections[PTV_CLASSIFICATION].raw_len = sizeof class - 1;
    parsed p = write_and_parse(&f, &options);
    const ptv_json *content = ptv_json_find(p.root, "content");
    assert_string_equal(json_of(content, "extra"), "{\"a\":[1]}");
    assert_string_equal(json_of(content, "shared"), "2"); /* the later answer wins, as in the old app */
    assert_string_equal(json_of(content, "classification"), "\"malicious\"");
    assert_string_equal(json_of(content, "totalRecords"), "null");
    assert_int_equal(ptv_json_size(content), 15);
    parsed_release(&p);
}

static void it_builds_content_from_a_record(void **state)
{
    static const char *seen_by[] = { "riskiq" };
    static const ptv_dns dns = { .value = "evil.example",
                                 .type = "A",
                                 .resolve = "192.0.2.1",
                                 .first_seen = INT64_C(1577836800),
                                 .last_seen = PTV_NO_TIME,
                                 .collected = INT64_C(1704067200),
                                 .sources = { .items = seen_by, .count = 1, .shown = seen_by, .shown_count = 1 } };
    static const ptv_dns *rows[] = { &dns };
    fixture f;
    (void)state;

    fixture_fill(&f);
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        f.record.sections[s].raw = NULL;
    f.record.all_records = (ptv_dns_list){ rows, 1 };
    f.record.last_seen_text = NULL;
    parsed p = write_and_parse(&f, &options);
    const ptv_json *content = ptv_json_find(p.root, "content");
    assert_keys(content, content_keys, 13);
    assert_string_equal(json_of(content, "queryValue"), "\"evil.example\"");
    assert_string_equal(json_of(content, "queryType"), "\"domain\"");
    assert_string_equal(json_of(content, "firstSeen"), "\"2020-01-01 00:00:00\"");
    assert_string_equal(json_of(content, "totalRecords"), "2");
    assert_string_equal(
        json_of(content, "results"),
        "[{\"firstSeen\":\"2020-01-01 00:00:00\",\"value\":\"evil.example\",\"lastSeen\":null,\"resolve\":\"192.0.2.1\","
        "\"source\":[\"riskiq\"],\"recordType\":\"A\",\"collected\":\"2024-01-01 00:00:00\"}]");
    assert_string_equal(json_of(content, "classification"), "null"); /* unclassified: the service says null */
    assert_string_equal(json_of(content, "subdomains"), "[\"a\",\"b\"]");
    assert_string_equal(json_of(content, "primaryDomain"), "null");
    parsed_release(&p);
}

static void it_takes_the_record_where_a_kept_body_is_no_object(void **state)
{
    static const char *const bodies[] = {
        "", "[]", "null", "{", "{\"firstSeen\":", "\"text\"", "{}x", "{\"firstSeen\":\"\\u0000\"}", "{}"
    };
    fixture f;
    (void)state;

    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        fixture_fill(&f);
        f.record.sections[PTV_PASSIVE_DNS].raw = bodies[i];
        f.record.sections[PTV_PASSIVE_DNS].raw_len = strlen(bodies[i]);
        parsed p = write_and_parse(&f, &options);
        const ptv_json *content = ptv_json_find(p.root, "content");
        assert_keys(content, content_keys, 13);
        assert_string_equal(json_of(content, "firstSeen"), "\"2020-01-01 00:00:00\"");
        assert_string_equal(json_of(content, "primaryDomain"), "\"evil.example\"");
        parsed_release(&p);
    }
}

static void it_passes_on_no_more_than_a_few_strange_keys(void **state)
{
    ptv_buf raw = PTV_BUF(1 << 20);
    fixture f;
    (void)state;

    fixture_fill(&f);
    for (int i = 0; i < 5000; i++)
        ptv_buf_printf(&raw, "%s\"k%d\":%d", i ? "," : "{", i, i);
    ptv_buf_puts(&raw, "}");
    f.record.sections[PTV_PASSIVE_DNS].raw = raw.data;
    f.record.sections[PTV_PASSIVE_DNS].raw_len = raw.len;
    parsed p = write_and_parse(&f, &options);
    assert_int_equal(ptv_json_size(ptv_json_find(p.root, "content")), 13 + 32);
    parsed_release(&p);
    ptv_buf_release(&raw);
}

static void it_says_null_for_what_was_not_read(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    fixture_lose(&f, PTV_PASSIVE_DNS, PTV_CAUSE_OUTAGE, "HTTP 503");
    f.record.sections[PTV_PASSIVE_DNS].raw = "{\"message\":\"service unavailable\"}"; /* a failure's body is no answer */
    f.record.sections[PTV_PASSIVE_DNS].raw_len = 33;
    fixture_lose(&f, PTV_SUBDOMAINS, PTV_CAUSE_OUTAGE, "timeout");
    parsed p = write_and_parse(&f, &options);
    const ptv_json *content = ptv_json_find(p.root, "content");
    assert_keys(content, content_keys, 13);
    assert_string_equal(json_of(content, "firstSeen"), "null");
    assert_string_equal(json_of(content, "totalRecords"), "null");
    assert_string_equal(json_of(content, "subdomains"), "null");
    assert_string_equal(json_of(content, "tags_hits_str"), "\"Compromised, apt32\"");
    const ptv_json *hit = ptv_json_find(p.root, "hit");
    assert_int_equal(ptv_json_size(hit), 3);
    assert_string_equal(json_of(at(hit, 1), "value"), "\"Compromised, apt32\"");
    parsed_release(&p);
}

static void it_answers_no_match_and_skipped_as_the_old_app(void **state)
{
    static const ptv_verdict verdicts[] = { PTV_VERDICT_NO_MATCH, PTV_VERDICT_SKIPPED };
    fixture f;
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        fixture_fill(&f);
        f.decision.verdict = verdicts[i];
        parsed p = write_and_parse(&f, &failing);
        assert_string_equal(json_of(p.root, "success"), "true");
        assert_string_equal(json_of(p.root, "reason"), "null");
        assert_string_equal(json_of(p.root, "content"), "[]");
        assert_string_equal(json_of(p.root, "hit"), "[]");
        assert_string_equal(json_of(p.root, "note"), "null");
        parsed_release(&p);
    }
}

static void it_reports_unknown_as_the_options_say(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    fixture_make_unknown(&f, PTV_CAUSE_QUOTA, "quota used up until <00:00> UTC");
    f.record.sections[PTV_TAGS].retry_after_s = 3600;
    parsed p = write_and_parse(&f, &failing);
    assert_string_equal(json_of(p.root, "success"), "false");
    assert_string_equal(json_of(p.root, "reason"), "\"evil.example could not be judged: not read: tags (quota used up until "
                                                   "&lt;00:00&gt; UTC); ask again in 1h\"");
    assert_string_equal(json_of(p.root, "content"), "[]");
    assert_string_equal(ptv_json_text(ptv_json_find(ptv_json_find(p.root, "decision"), "verdict")), "unknown");
    parsed_release(&p);

    p = write_and_parse(&f, &options);
    assert_string_equal(json_of(p.root, "success"), "true");
    assert_string_equal(json_of(p.root, "reason"), "null");
    assert_string_equal(json_of(p.root, "content"), "[]");
    assert_string_equal(ptv_json_text(ptv_json_find(ptv_json_find(p.root, "decision"), "unknown_kind")), "later");
    parsed_release(&p);
}

static void it_names_a_rule_that_failed(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    f.decision.verdict = PTV_VERDICT_UNKNOWN;
    f.rules[0].outcome = PTV_OUT_ERROR;
    f.rules[0].reason = "over 100,000 instructions";
    parsed p = write_and_parse(&f, &failing);
    assert_string_equal(json_of(p.root, "reason"),
                        "\"evil.example could not be judged; rule flagged-tags failed: over 100,000 instructions\"");
    parsed_release(&p);
}

static void it_notes_from_the_level_set(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    parsed p = write_and_parse(&f, &options);
    assert_string_equal(json_of(p.root, "note"),
                        "\"evil.example carries compromised in PassiveTotal.\\u000aReport: &lt;here&gt; &amp; there.\"");
    parsed_release(&p);

    f.decision.severity = PTV_LEVEL_MEDIUM;
    p = write_and_parse(&f, &options);
    assert_string_equal(json_of(p.root, "note"), "null");
    parsed_release(&p);
}

static void it_echoes_the_inputs_on_one_line(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    f.result.soar_inputs = "{\n  \"passivetotal_artifact_value\": \"$HOME\",\n  \"incident_id\": 7\n}\n";
    parsed p = write_and_parse(&f, &options);
    assert_string_equal(json_of(p.root, "inputs"), "{\"passivetotal_artifact_value\":\"$HOME\",\"incident_id\":7}");
    parsed_release(&p);

    f.result.soar_inputs = "no JSON";
    p = write_and_parse(&f, &options);
    assert_string_equal(json_of(p.root, "inputs"), "null");
    parsed_release(&p);
}

static void it_refuses_with_a_reason(void **state)
{
    parsed p = { .text = PTV_BUF(1 << 20) };
    (void)state;

    ptv_report_soar_refusal(&p.text, "{\"passivetotal_artifact_type\":\"IP Address\"}", "'<b>' is a name, not an address",
                            &options);
    parse(&p);
    assert_string_equal(json_of(p.root, "success"), "false");
    assert_string_equal(json_of(p.root, "reason"), "\"&#39;&lt;b&gt;&#39; is a name, not an address\"");
    assert_string_equal(json_of(p.root, "content"), "[]");
    assert_string_equal(json_of(p.root, "inputs"), "{\"passivetotal_artifact_type\":\"IP Address\"}");
    assert_string_equal(json_of(p.root, "decision"), "null");
    assert_string_equal(json_of(p.root, "hit"), "[]");
    assert_string_equal(json_of(p.root, "note"), "null");
    parsed_release(&p);
}

static void write_soar(ptv_buf *out, const fixture *f)
{
    ptv_report_soar(out, &f->result, &failing);
}

static void it_survives_no_memory(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    fixture_lose(&f, PTV_ACCOUNT, PTV_CAUSE_OUTAGE, "HTTP 503");
    fixture_starve(write_soar, &f);
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        f.record.sections[s].raw = NULL;
    f.result.soar_inputs = "{\"a\":1}";
    fixture_starve(write_soar, &f);
    fixture_make_unknown(&f, PTV_CAUSE_OUTAGE, "HTTP 503");
    fixture_starve(write_soar, &f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_the_keys_of_payload_2),
        cmocka_unit_test(it_merges_the_raw_answers),
        cmocka_unit_test(it_passes_on_keys_it_does_not_know),
        cmocka_unit_test(it_builds_content_from_a_record),
        cmocka_unit_test(it_takes_the_record_where_a_kept_body_is_no_object),
        cmocka_unit_test(it_passes_on_no_more_than_a_few_strange_keys),
        cmocka_unit_test(it_says_null_for_what_was_not_read),
        cmocka_unit_test(it_answers_no_match_and_skipped_as_the_old_app),
        cmocka_unit_test(it_reports_unknown_as_the_options_say),
        cmocka_unit_test(it_names_a_rule_that_failed),
        cmocka_unit_test(it_notes_from_the_level_set),
        cmocka_unit_test(it_echoes_the_inputs_on_one_line),
        cmocka_unit_test(it_refuses_with_a_reason),
        cmocka_unit_test(it_survives_no_memory),
    };
    return cmocka_run_group_tests_name("report/soar", tests, NULL, NULL);
}
