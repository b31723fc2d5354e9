/*
 * test_report_json.c: the decision as JSON: keys, order, absent values, escapes.
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

typedef struct parsed {
    ptv_arena mem;
    ptv_buf text;
    const ptv_json *root;
} parsed;

static parsed write_and_parse(const fixture *f, unsigned flags)
{
    parsed p = { .mem = PTV_ARENA(1 << 20), .text = PTV_BUF(1 << 20) };
    ptv_error err = { 0 };

    ptv_report_json(&p.text, &f->result, flags);
    assert_int_equal(ptv_buf_check(&p.text, &err), PTV_OK);
    assert_null(strchr(p.text.data, '\n'));
    assert_int_equal(ptv_json_parse(&p.root, &p.mem, p.text.data, p.text.len, &err), PTV_OK);
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

static const char *text_of(const ptv_json *object, const char *key)
{
    return ptv_json_text(ptv_json_find(object, key));
}

static void assert_null_key(const ptv_json *object, const char *key)
{
    assert_non_null(ptv_json_find(object, key));
    assert_int_equal(ptv_json_kind_of(ptv_json_find(object, key)), PTV_JSON_NULL);
}

static void it_has_the_documented_keys_in_order(void **state)
{
    static const char *const keys[] = { "schema",   "decision_id", "artifact",      "now",          "verdict",
                                        "complete", "severity",    "could_be",      "unknown_kind", "retry_after",
                                        "missing",  "rules",       "hit",           "note",         "suppressed",
                                        "shadow",   "ruleset",     "record_digest", "sections",     "trace" };
    fixture f;
    (void)state;

    fixture_fill(&f);
    parsed p = write_and_parse(&f, PTV_WRITE_EXPLAIN);
    const ptv_json *v = ptv_json_first(p.root);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++, v = ptv_json_next(v))
        assert_string_equal(ptv_json_key(v), keys[i]);
    assert_null(v);
    parsed_release(&p);

    p = write_and_parse(&f, 0);
    assert_null(ptv_json_find(p.root, "trace"));
    parsed_release(&p);
}

static void it_tells_what_was_decided(void **state)
{
    fixture f;
    bool complete = false;
    (void)state;

    fixture_fill(&f);
    parsed p = write_and_parse(&f, 0);
    assert_string_equal(text_of(p.root, "schema"), "ptverdict.decision/1");
    assert_int_equal(strlen(text_of(p.root, "decision_id")), 32);
    assert_string_equal(text_of(ptv_json_find(p.root, "artifact"), "input"), "evil[.]example");
    assert_string_equal(text_of(ptv_json_find(p.root, "artifact"), "value"), "evil.example");
    assert_string_equal(text_of(ptv_json_find(p.root, "artifact"), "type"), "domain");
    assert_string_equal(text_of(p.root, "now"), "2026-05-01T00:00:00Z");
    assert_string_equal(text_of(p.root, "verdict"), "compromised");
    assert_true(ptv_json_bool(&complete, ptv_json_find(p.root, "complete")) && complete);
    assert_string_equal(text_of(p.root, "severity"), "high");
    assert_null_key(p.root, "could_be");
    assert_null_key(p.root, "unknown_kind");
    assert_null_key(p.root, "retry_after");
    assert_int_equal(ptv_json_size(ptv_json_find(p.root, "rules")), 4);
    assert_int_equal(ptv_json_size(ptv_json_find(p.root, "hit")), 3);
    assert_string_equal(text_of(at(ptv_json_find(p.root, "hit"), 0), "type"), "number");
    assert_string_equal(text_of(at(ptv_json_find(p.root, "shadow"), 0), "rule"), "fresh-and-busy");
    assert_int_equal(ptv_json_size(ptv_json_find(p.root, "sections")), PTV_SECTION_COUNT);
    const ptv_json *account = at(ptv_json_find(p.root, "sections"), PTV_ACCOUNT);
    assert_string_equal(text_of(account, "state"), "not_needed");
    assert_null_key(account, "http");
    assert_null_key(account, "fetched_at");
    assert_null_key(account, "age_s");
    parsed_release(&p);
}

static void it_names_what_is_missing_and_who_needed_it(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    fixture_make_unknown(&f, PTV_CAUSE_QUOTA, "quota used up");
    f.decision.retry_after_s = 3600;
    parsed p = write_and_parse(&f, 0);
    const ptv_json *m = at(ptv_json_find(p.root, "missing"), 0);
    assert_string_equal(text_of(p.root, "verdict"), "unknown");
    assert_string_equal(text_of(p.root, "unknown_kind"), "later");
    assert_string_equal(text_of(p.root, "could_be"), "high");
    assert_null_key(p.root, "severity");
    assert_null_key(p.root, "note");
    assert_string_equal(text_of(m, "section"), "tags");
    assert_string_equal(text_of(m, "state"), "failed");
    assert_string_equal(text_of(m, "reason"), "quota used up");
    assert_string_equal(ptv_json_text(at(ptv_json_find(m, "rules"), 1)), "fresh-and-busy");
    parsed_release(&p);
}

static void it_names_allowances_that_held_or_have_expired(void **state)
{
    fixture f;
    bool expired = true;
    (void)state;

    fixture_fill(&f);
    f.rules[0].outcome = PTV_OUT_SUPPRESSED;
    f.rules[0].suppressed_by = "our-zones";
    f.rules[0].suppress_reason = "Zones we run ourselves";
    f.rules[0].suppressed_until = T0;
    f.rules[1].would_suppress = "old-zones";
    parsed p = write_and_parse(&f, 0);
    const ptv_json *list = ptv_json_find(p.root, "suppressed");
    assert_int_equal(ptv_json_size(list), 2);
    assert_string_equal(text_of(at(list, 0), "by"), "our-zones");
    assert_string_equal(text_of(at(list, 0), "until"), "2026-05-01");
    assert_true(ptv_json_bool(&expired, ptv_json_find(at(list, 0), "expired")) && !expired);
    assert_string_equal(text_of(at(list, 1), "by"), "old-zones");
    assert_null_key(at(list, 1), "until");
    assert_true(ptv_json_bool(&expired, ptv_json_find(at(list, 1), "expired")) && expired);
    parsed_release(&p);
}

static void it_adds_the_tree_when_asked(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    f.trace[1] = (ptv_trace){
        .truth = PTV_YES, .text = "tags:has_any{\"compromised\"}", .seen = "compromised", .file = "a.lua", .line = 7
    };
    f.trace[2] =
        (ptv_trace){ .truth = PTV_UNSURE, .text = "passive_dns.count:at_least(10)", .seen = "passive_dns: HTTP 503" };
    f.trace[0] =
        (ptv_trace){ .truth = PTV_UNSURE, .text = "all", .file = "a.lua", .line = 6, .kids = &f.trace[1], .kid_count = 2 };
    f.rules[0].trace = f.trace;
    f.rules[0].trace_count = 1;
    parsed p = write_and_parse(&f, PTV_WRITE_EXPLAIN);
    const ptv_json *rule = at(ptv_json_find(p.root, "trace"), 0);
    const ptv_json *all = at(ptv_json_find(rule, "conditions"), 0);
    assert_int_equal(ptv_json_size(ptv_json_find(p.root, "trace")), 1);
    assert_string_equal(text_of(rule, "rule"), "flagged-tags");
    assert_string_equal(text_of(all, "truth"), "unknown");
    assert_null_key(all, "seen");
    assert_string_equal(text_of(at(ptv_json_find(all, "kids"), 0), "truth"), "yes");
    assert_string_equal(text_of(at(ptv_json_find(all, "kids"), 1), "seen"), "passive_dns: HTTP 503");
    parsed_release(&p);
}

static void it_keeps_hostile_text_inside_its_quotes(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    f.hit[1].value = "\"},{\\ \x1b[31m\xff\n\xe2\x80\xa8";
    parsed p = write_and_parse(&f, 0);
    assert_null(strchr(p.text.data, '\x1b'));
    assert_string_equal(text_of(at(ptv_json_find(p.root, "hit"), 1), "value"), "\"},{\\ \x1b[31m\xef\xbf\xbd\n\xe2\x80\xa8");
    parsed_release(&p);
}

static void write_json(ptv_buf *out, const fixture *f)
{
    ptv_report_json(out, &f->result, PTV_WRITE_EXPLAIN);
}

static void it_survives_no_memory(void **state)
{
    fixture f;
    (void)state;

    fixture_fill(&f);
    fixture_starve(write_json, &f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_the_documented_keys_in_order),
        cmocka_unit_test(it_tells_what_was_decided),
        cmocka_unit_test(it_names_what_is_missing_and_who_needed_it),
        cmocka_unit_test(it_names_allowances_that_held_or_have_expired),
        cmocka_unit_test(it_adds_the_tree_when_asked),
        cmocka_unit_test(it_keeps_hostile_text_inside_its_quotes),
        cmocka_unit_test(it_survives_no_memory),
    };
    return cmocka_run_group_tests_name("report/json", tests, NULL, NULL);
}
