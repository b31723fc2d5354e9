/*
 * test_lookup.c: whole look-ups through the public header, over real HTTP against the mock.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/http_help.h"
#include "base/buf.h"
#include "base/mem.h"
#include "ptverdict.h"
#include <ctype.h>
#include <pthread.h>

static server mock;

static int start_server(void **state)
{
    static const char *const argv[] = { "node", "tests/lib/mock.js", NULL };
    (void)state;
    server_start(&mock, argv);
    if (!server_ready(&mock))
        mock.url[0] = '\0';
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    server_stop(&mock);
    return 0;
}

#define NEEDS_SERVER()                                                                                                      \
    do {                                                                                                                    \
        if (!mock.url[0])                                                                                                   \
            skip();                                                                                                         \
    } while (0)

static ptv_code make_client(ptv_client **out, const char *const *more, const ptv_client_options *given, ptv_error *err)
{
    static const char *const rules[] = { "rules" };
    ptv_client_options options = given ? *given : (ptv_client_options){ 0 };
    options.rules = rules;
    options.rules_count = 1;
    char base[128];
    snprintf(base, sizeof base, "passivetotal_base_url=%s", mock.url);
    const char *const common[] = { base,
                                   "passivetotal_username=user",
                                   "passivetotal_api_key=key",
                                   "passivetotal_tags=compromised,ransomware",
                                   "allow_reserved=yes",
                                   "retry_within=0",
                                   NULL };
    ptv_config *config = NULL;
    ptv_code rc = ptv_config_new(&config, err);
    for (const char *const *s = common; *s && !rc; s++)
        rc = ptv_config_set(config, *s, err);
    for (const char *const *s = more; s && *s && !rc; s++)
        rc = ptv_config_set(config, *s, err);
    if (!rc)
        rc = ptv_client_new(out, config, &options, NULL, err);
    ptv_config_free(config);
    return rc;
}

static ptv_client *client_with(const char *const *more)
{
    ptv_error err = { 0 };
    ptv_client *c = NULL;
    if (make_client(&c, more, NULL, &err))
        fail_msg("%s", err.msg);
    return c;
}

static ptv_report *look_up(ptv_client *c, const char *text)
{
    ptv_error err = { 0 };
    ptv_report *r = NULL;
    if (ptv_lookup(&r, c, text, NULL, &err))
        fail_msg("%s", err.msg);
    return r;
}

static void a_flagged_name_costs_four_calls_and_any_other_one(void **state)
{
    (void)state;
    NEEDS_SERVER();
    ptv_client *c = client_with(NULL);
    ptv_report *r = look_up(c, "flagged.example");
    assert_int_equal(ptv_report_verdict(r), PTV_VERDICT_COMPROMISED);
    assert_int_equal(ptv_report_severity(r), PTV_LEVEL_HIGH);
    assert_int_equal(ptv_report_calls(r), 4);
    assert_non_null(ptv_report_note(r));
    ptv_report_free(r);
    r = look_up(c, "quiet.example");
    assert_int_equal(ptv_report_verdict(r), PTV_VERDICT_NO_MATCH);
    assert_int_equal(ptv_report_calls(r), 1);
    ptv_report_free(r);
    ptv_client_free(c);
}

static void the_same_artifact_asked_twice_at_once_is_fetched_once(void **state)
{
    (void)state;
    NEEDS_SERVER();
    ptv_error err = { 0 };
    ptv_client *c = client_with(NULL);
    int first;
    int second;
    assert_int_equal(ptv_submit(c, "flagged.twice.example", NULL, &first, &err), PTV_OK);
    assert_int_equal(ptv_submit(c, "hxxps://FLAGGED[.]twice.example/x", NULL, &second, &err), PTV_OK);
    assert_int_equal(ptv_in_flight(c), 1);
    assert_int_equal(ptv_wait(c, 10000, &err), PTV_OK);
    ptv_report *a = NULL;
    ptv_report *b = NULL;
    void *tag = NULL;
    assert_true(ptv_next(c, &a, &tag));
    assert_ptr_equal(tag, &first);
    assert_true(ptv_next(c, &b, &tag));
    assert_ptr_equal(tag, &second);
    assert_string_equal(ptv_report_input(a), "flagged.twice.example");
    assert_string_equal(ptv_report_input(b), "hxxps://FLAGGED[.]twice.example/x");
    assert_string_equal(ptv_report_decision_id(a), ptv_report_decision_id(b));
    assert_int_equal(ptv_report_calls(a), 4);
    assert_int_equal(ptv_report_calls(b), 0); /* so that their sum is what was sent */
    ptv_client_free(c);
    assert_int_equal(ptv_report_verdict(b), PTV_VERDICT_COMPROMISED); /* reports outlive the client */
    ptv_report_free(a);
    ptv_report_free(b);
}

static void more_than_max_in_flight_is_refused_until_one_is_done(void **state)
{
    (void)state;
    NEEDS_SERVER();
    static const char *const few[] = { "max_in_flight=2", NULL };
    ptv_error err = { 0 };
    ptv_client *c = client_with(few);
    assert_int_equal(ptv_submit(c, "delay-30.tags.a.example", NULL, NULL, &err), PTV_OK);
    assert_int_equal(ptv_submit(c, "delay-30.tags.b.example", NULL, NULL, &err), PTV_OK);
    assert_int_equal(ptv_submit(c, "c.example", NULL, NULL, &err), PTV_EFULL);
    assert_int_equal(ptv_wait(c, 10000, &err), PTV_OK);
    assert_int_equal(ptv_submit(c, "c.example", NULL, NULL, &err), PTV_OK);
    size_t done = 0;
    ptv_report *r;
    while (done < 3) {
        while (ptv_next(c, &r, NULL)) {
            ptv_report_free(r);
            done++;
        }
        if (done < 3)
            assert_int_equal(ptv_wait(c, 10000, &err), PTV_OK);
    }
    assert_int_equal(ptv_in_flight(c), 0);
    ptv_client_free(c);
}

static void a_deadline_ends_a_lookup_as_unknown(void **state)
{
    (void)state;
    NEEDS_SERVER();
    static const char *const soon[] = { "deadline=1s", NULL };
    ptv_client *c = client_with(soon);
    ptv_report *r = look_up(c, "hang.tags.late.example");
    assert_int_equal(ptv_report_verdict(r), PTV_VERDICT_UNKNOWN);
    assert_false(ptv_report_complete(r));
    ptv_report_free(r);
    ptv_client_free(c);
}

static void a_client_freed_with_lookups_under_way_leaks_nothing(void **state)
{
    (void)state;
    NEEDS_SERVER();
    size_t before = ptv_mem_live();
    ptv_error err = { 0 };
    ptv_client *c = client_with(NULL);
    assert_int_equal(ptv_submit(c, "hang.tags.gone.example", NULL, NULL, &err), PTV_OK);
    assert_int_equal(ptv_wait(c, 50, &err), PTV_ETIMEOUT);
    ptv_client_free(c);
    assert_int_equal(ptv_mem_live(), before);
}

static void *wake_later(void *client)
{
    usleep(100 * 1000);
    ptv_wakeup(client);
    return NULL;
}

static void a_wakeup_from_another_thread_ends_the_waiting(void **state)
{
    (void)state;
    NEEDS_SERVER();
    ptv_error err = { 0 };
    ptv_client *c = client_with(NULL);
    pthread_t thread;
    assert_int_equal(ptv_submit(c, "hang.tags.wake.example", NULL, NULL, &err), PTV_OK);
    assert_int_equal(pthread_create(&thread, NULL, wake_later, c), 0);
    assert_int_equal(ptv_wait(c, 60000, &err), PTV_ETIMEOUT);
    pthread_join(thread, NULL);
    ptv_client_free(c);
}

static void an_internal_address_costs_no_call(void **state)
{
    (void)state;
    NEEDS_SERVER();
    ptv_client *c = client_with(NULL);
    ptv_report *r = look_up(c, "10.1.2.3");
    assert_int_equal(ptv_report_verdict(r), PTV_VERDICT_SKIPPED);
    assert_int_equal(ptv_report_calls(r), 0);
    ptv_report_free(r);
    ptv_client_free(c);
}

static void what_is_no_artifact_is_refused_in_words(void **state)
{
    (void)state;
    NEEDS_SERVER();
    ptv_error err = { 0 };
    ptv_client *c = client_with(NULL);
    ptv_report *r = NULL;
    assert_int_equal(ptv_lookup(&r, c, "analyst@example.org", NULL, &err), PTV_EINVAL);
    assert_non_null(strstr(err.msg, "e-mail"));
    assert_int_equal(ptv_lookup(&r, c, "evil.example", "IP Address", &err), PTV_EINVAL);
    assert_null(r);
    ptv_client_free(c);
}

static int count_bytes(void *to, const char *bytes, size_t len)
{
    (void)bytes;
    *(size_t *)to += len;
    return 0;
}

/* From an artifact to every format, on a client that is there. */
static ptv_code one_lookup(ptv_client *c, ptv_verdict *verdict, ptv_error *err)
{
    ptv_report *r = NULL;
    size_t bytes = 0;
    ptv_code rc = ptv_lookup(&r, c, "flagged.memory.example", NULL, err);
    if (!rc) {
        *verdict = ptv_report_verdict(r);
        for (int f = PTV_FORMAT_TEXT; f <= PTV_FORMAT_ANSWERS && !rc; f++)
            rc = ptv_report_write(r, (ptv_format)f, PTV_WRITE_EXPLAIN, count_bytes, &bytes, err);
    }
    ptv_report_free(r);
    return rc;
}

static ptv_client *careful_client(void)
{
    ptv_client_options options = { .keep_answers = true, .explain = true };
    ptv_error err = { 0 };
    ptv_client *c = NULL;
    if (make_client(&c, NULL, &options, &err))
        fail_msg("%s", err.msg);
    return c;
}

/* Each allocation of a look-up refused in turn, the connection's first one included: an error, or an answer that hides
 * nothing; and all memory comes back. */
static void every_allocation_of_a_lookup_may_fail(void **state)
{
    (void)state;
    NEEDS_SERVER();
    ptv_error err = { 0 };
    ptv_verdict verdict = PTV_VERDICT_NO_MATCH;
    ptv_client *c = careful_client(); /* what libraries keep for ever is there afterwards */
    assert_int_equal(one_lookup(c, &verdict, &err), PTV_OK);
    ptv_client_free(c);
    size_t before = ptv_mem_live();
    c = careful_client();
    unsigned long start = ptv_mem_count();
    assert_int_equal(one_lookup(c, &verdict, &err), PTV_OK);
    unsigned long total = ptv_mem_count() - start;
    ptv_client_free(c);
    assert_int_equal(ptv_mem_live(), before);
    assert_true(total > 100);
    for (unsigned long n = 1; n <= total; n++) {
        c = careful_client();
        verdict = PTV_VERDICT_UNKNOWN;
        ptv_mem_fail_at(n);
        ptv_code rc = one_lookup(c, &verdict, &err);
        ptv_mem_fail_at(0);
        assert_true(rc == PTV_OK || rc == PTV_ENOMEM);
        assert_true(rc || verdict == PTV_VERDICT_COMPROMISED || verdict == PTV_VERDICT_UNKNOWN);
        ptv_client_free(c);
        if (ptv_mem_live() != before)
            fail_msg("allocation %lu of %lu refused: %zu not given back", n, total, ptv_mem_live() - before);
    }
}

/* The same for opening a client: settings, rules, sources. */
static void every_allocation_of_opening_a_client_may_fail(void **state)
{
    (void)state;
    NEEDS_SERVER();
    ptv_error err = { 0 };
    ptv_client *c = NULL;
    size_t before = ptv_mem_live();
    unsigned long start = ptv_mem_count();
    assert_int_equal(make_client(&c, NULL, NULL, &err), PTV_OK);
    unsigned long total = ptv_mem_count() - start;
    ptv_client_free(c);
    for (unsigned long n = 1; n <= total; n++) {
        c = NULL;
        ptv_mem_fail_at(n);
        ptv_code rc = make_client(&c, NULL, NULL, &err);
        ptv_mem_fail_at(0);
        ptv_client_free(c);
        if (rc != PTV_OK && rc != PTV_ENOMEM)
            fail_msg("allocation %lu of %lu refused: %s: %s", n, total, ptv_code_name(rc), err.msg);
        if (ptv_mem_live() != before)
            fail_msg("allocation %lu of %lu refused: %zu not given back", n, total, ptv_mem_live() - before);
    }
}

static int keep_text(void *to, const char *bytes, size_t len)
{
    ptv_buf *text = to;
    ptv_buf_append(text, bytes, len);
    return 0;
}

static void a_report_has_one_id_and_refuses_forms_it_does_not_have(void **state)
{
    (void)state;
    static const char record[] = "{\"artifact\":\"a.example\",\"tags\":[\"ransomware\"]}";
    static const ptv_format decisions[] = { PTV_FORMAT_JSON, PTV_FORMAT_CSV, PTV_FORMAT_SOAR };
    ptv_client_options offline = { .offline = true };
    ptv_error err = { 0 };
    ptv_client *c = NULL;
    ptv_report *r = NULL;
    size_t before = ptv_mem_live();
    assert_int_equal(make_client(&c, NULL, &offline, &err), PTV_OK);
    assert_int_equal(ptv_eval(&r, c, record, sizeof record - 1, &err), PTV_OK);
    assert_int_equal(strlen(ptv_report_decision_id(r)), 32);
    for (size_t i = 0; i < sizeof decisions / sizeof *decisions; i++) {
        ptv_buf text = PTV_BUF(64 << 10);
        assert_int_equal(ptv_report_write(r, decisions[i], 0, keep_text, &text, &err), PTV_OK);
        const char *id = strstr(text.data, ptv_report_decision_id(r));
        assert_non_null(id);
        assert_false(isxdigit((unsigned char)id[32]));
        ptv_buf_release(&text);
    }
    assert_int_equal(ptv_report_write(r, PTV_FORMAT_JUNIT, 0, keep_text, NULL, &err), PTV_EINVAL);
    assert_int_equal(ptv_report_write(r, PTV_FORMAT_COMPACT + 1, 0, keep_text, NULL, &err), PTV_EINVAL);
    ptv_report_free(r);
    ptv_client_free(c);
    assert_int_equal(ptv_mem_live(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flagged_name_costs_four_calls_and_any_other_one),
        cmocka_unit_test(the_same_artifact_asked_twice_at_once_is_fetched_once),
        cmocka_unit_test(more_than_max_in_flight_is_refused_until_one_is_done),
        cmocka_unit_test(a_deadline_ends_a_lookup_as_unknown),
        cmocka_unit_test(a_client_freed_with_lookups_under_way_leaks_nothing),
        cmocka_unit_test(a_wakeup_from_another_thread_ends_the_waiting),
        cmocka_unit_test(an_internal_address_costs_no_call),
        cmocka_unit_test(what_is_no_artifact_is_refused_in_words),
        cmocka_unit_test(a_report_has_one_id_and_refuses_forms_it_does_not_have),
        cmocka_unit_test(every_allocation_of_a_lookup_may_fail),
        cmocka_unit_test(every_allocation_of_opening_a_client_may_fail),
    };
    return cmocka_run_group_tests_name("lookup", tests, start_server, stop_server);
}
