/*
 * test_soar_worker.c: a call's life against a real session, a real store and an archive in the place of the source: what
 * goes to the broker, and what comes of lost lines, redeliveries, restarts and failures.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/mem.h"
#include <stdbool.h>
#include "scratch_dir.h"
#include "soar/worker.h"
#include "stomp/session.h"

#define NOW 1790000000
#define TAGS(name, list)                                                                                                    \
    "{\"endpoint\":\"/v2/actions/tags\",\"query\":\"" name "\",\"status\":200,\"body\":{\"tags\":[" list "]}}\n"
#define FAILED(name) "{\"endpoint\":\"/v2/actions/tags\",\"query\":\"" name "\",\"status\":503,\"body\":{}}\n"

static const char archive[] =
    TAGS("evil.example", "\"apt\"") TAGS("quiet.example", "") FAILED("down.example") FAILED("down2.example");
static const char rules[] =
    "rule \"r\" { title = \"t\", severity = \"high\", when = tags:has_any { \"apt\" }, hit = { standard } }\n";

typedef struct stage {
    scratch_dir dir;
    ptv_config *config;
    ptv_client *client;
    ptv_store *store;
    ptv_session *session;
    ptv_worker *worker;
    ptv_worker_options options;
    ptv_frame_reader *out;
    int64_t now_ms;
    int ends[PTV_CALL_ENDS], store_failures, decided;
    char incident[32];
    char sent[65536]; /* what went to the broker: "COMMAND header=value …", a line a frame */
} stage;

static void on_ended(void *owner, ptv_call_end how, int64_t took_ms)
{
    stage *s = owner;
    (void)took_ms;
    s->ends[how]++;
}

static void on_decided(void *owner, const ptv_report *r, const ptv_soar_call *call)
{
    stage *s = owner;
    (void)r;
    s->decided++;
    snprintf(s->incident, sizeof s->incident, "%s", call->incident_id ? call->incident_id : "");
}

static char *on_expand(void *owner, const char *value)
{
    (void)owner;
    return strcmp(value, "$NAME") == 0 ? ptv_strdup("evil.example") : NULL;
}

static void on_store_failed(void *owner, const ptv_error *why)
{
    stage *s = owner;
    (void)why;
    s->store_failures++;
}

static void nothing(void *owner, const ptv_frame *f)
{
    (void)owner, (void)f;
}

static void no_receipt(void *owner, const char *id)
{
    (void)owner, (void)id;
}

/* The frames that are pending, as lines. */
static void drain(stage *s)
{
    ptv_error err = { 0 };
    const ptv_frame *f;
    size_t len, used;
    const char *bytes = ptv_session_pending(s->session, &len);
    s->sent[0] = '\0';
    for (size_t at = 0; at < len; at += used) {
        assert_int_equal(ptv_frame_feed(s->out, bytes + at, len - at, &used, &f, &err), PTV_OK);
        if (!f)
            continue;
        size_t n = strlen(s->sent);
        n += (size_t)snprintf(s->sent + n, sizeof s->sent - n, "%s", f->command);
        for (size_t i = 0; i < f->header_count; i++)
            if (strcmp(f->headers[i].name, "content-length") != 0)
                n += (size_t)snprintf(s->sent + n, sizeof s->sent - n, " %s=%s", f->headers[i].name, f->headers[i].value);
        snprintf(s->sent + n, sizeof s->sent - n, "%s%.60s\n", f->body_len ? " | " : "", f->body_len ? f->body : "");
    }
    ptv_session_sent(s->session, len, s->now_ms);
    for (char *p = s->sent; *p; p++) /* bodies of results are indented */
        if (*p == '\n' && p[1] == ' ')
            *p = ' ';
}

static void come_up(stage *s)
{
    static const char connected[] = "CONNECTED\nversion:1.2\n\n";
    ptv_error err = { 0 };
    ptv_session_options o = { .host = "h", .login = "l", .passcode = "p", .body_limit_bytes = 1 << 20 };
    ptv_session_events events = { s, nothing, nothing, no_receipt, nothing };
    assert_int_equal(ptv_session_new(&s->session, &o, &events, 0, &err), PTV_OK);
    assert_int_equal(ptv_session_feed(s->session, connected, sizeof connected, 0, &err), PTV_OK);
    drain(s);
    ptv_worker_up(s->worker, s->session);
}

static void go_down(stage *s)
{
    ptv_worker_lost(s->worker);
    ptv_session_free(s->session);
    s->session = NULL;
}

static void open_worker(stage *s)
{
    ptv_worker_hooks hooks = { s, on_ended, on_decided, on_expand, on_store_failed };
    s->worker = ptv_worker_new(&s->options, &hooks, s->store);
    assert_non_null(s->worker);
    ptv_worker_use(s->worker, &s->options, s->client, NULL);
}

/* Another process on the same store. */
static void restart(stage *s)
{
    go_down(s);
    ptv_client_options how = { .keep_answers = true };
    ptv_error err = { 0 };
    ptv_client_free(s->client);
    ptv_worker_free(s->worker);
    assert_int_equal(ptv_client_new(&s->client, s->config, &how, NULL, &err), PTV_OK);
    open_worker(s);
    come_up(s);
}

static int open_stage(void **state)
{
    static stage s;
    char text[600];
    ptv_error err = { 0 };
    s = (stage){
        .options = { .function = "fn_passivetotal", .at_once = 2, .attempts = 3, .note_every_s = 3600, .give_up_ms = 60000 }
    };
    assert_true(scratch_dir_make(&s.dir));
    scratch_write(&s.dir, "a.ndjson", archive);
    scratch_write(&s.dir, "r.lua", rules);
    assert_int_equal(ptv_config_new(&s.config, &err), PTV_OK);
    snprintf(text, sizeof text, "archive=%s/a.ndjson", s.dir.path);
    assert_int_equal(ptv_config_set(s.config, text, &err), PTV_OK);
    snprintf(text, sizeof text, "rules=%s/r.lua", s.dir.path);
    assert_int_equal(ptv_config_set(s.config, text, &err), PTV_OK);
    assert_int_equal(ptv_config_set(s.config, "allow_reserved=yes", &err), PTV_OK);
    ptv_client_options how = { .keep_answers = true };
    if (ptv_client_new(&s.client, s.config, &how, NULL, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(ptv_store_open(&s.store, NULL, NULL, &err), PTV_OK);
    s.out = ptv_frame_reader_new(65536, 1 << 20);
    open_worker(&s);
    come_up(&s);
    *state = &s;
    return 0;
}

static int close_stage(void **state)
{
    stage *s = *state;
    ptv_mem_fail_at(0);
    if (s->session)
        go_down(s);
    ptv_client_free(s->client);
    ptv_worker_free(s->worker);
    ptv_store_close(s->store);
    ptv_config_free(s->config);
    ptv_frame_reader_free(s->out);
    scratch_dir_remove(&s->dir);
    return 0;
}

static void deliver(stage *s, const char *id, const char *ack, const char *body)
{
    char correlation[64];
    snprintf(correlation, sizeof correlation, "c:%s", id);
    const ptv_frame_header headers[] = {
        { "message-id", id }, { "reply-to", "/queue/acks" }, { "correlation-id", correlation }, { "ack", ack }
    };
    ptv_frame f = { .command = "MESSAGE", .headers = headers, .header_count = 4, .body = body, .body_len = strlen(body) };
    ptv_worker_message(s->worker, &f, s->now_ms, NOW);
}

static void deliver_call(stage *s, const char *id, const char *ack, const char *value)
{
    char body[512];
    snprintf(body, sizeof body,
             "{\"function\":{\"name\":\"fn_passivetotal\"},\"inputs\":{\"passivetotal_artifact_type\":\"DNS Name\","
             "\"passivetotal_artifact_value\":\"%s\",\"incident_id\":7}}",
             value);
    deliver(s, id, ack, body);
}

/* Every lookup to its end, then what goes out. */
static void work(stage *s)
{
    ptv_error err = { 0 };
    ptv_report *report;
    void *tag;
    for (int i = 0; i < 10; i++) {
        (void)ptv_wait(s->client, 0, &err);
        while (ptv_next(s->client, &report, &tag)) {
            ptv_lookup_tag *waiting = tag;
            waiting->done(waiting, report);
        }
        ptv_worker_pump(s->worker, s->now_ms, NOW);
    }
    ptv_worker_flush(s->worker);
    if (s->session)
        drain(s);
}

#define STATUS(t, text)                                                                                                     \
    "SEND correlation-id=c:m1 destination=/queue/acks persistent=true transaction=" t                                       \
    " | {\"message_type\": 0, \"message\": " text
#define STARTING(t) STATUS(t, "\"Starting App Function: 'fn_p\n")
#define FINISHED(t) STATUS(t, "\"Finished running App Functio\n")
#define RESULT      "SEND correlation-id=c:m1 destination=/queue/acks persistent=true transaction="
#define COMPLETED   " | {   \"message_type\": 0,   \"message\": \"Completed\",   \"complete\n"

static void it_answers_with_result_and_ack_in_one_transaction(void **state)
{
    stage *s = *state;
    deliver_call(s, "m1", "a1", "evil.example");
    work(s);
    assert_string_equal(s->sent, "BEGIN transaction=t1\n" STARTING("t1") FINISHED("t1") RESULT
                        "t1" COMPLETED "ACK id=a1 transaction=t1\nCOMMIT transaction=t1 receipt=t1\n");
    assert_int_equal(ptv_worker_undelivered(s->worker), 1);
    ptv_worker_receipt(s->worker, "t2", NOW);
    assert_int_equal(ptv_worker_undelivered(s->worker), 1);
    ptv_worker_receipt(s->worker, "t1", NOW);
    assert_int_equal(ptv_worker_undelivered(s->worker), 0);
    assert_int_equal(s->ends[PTV_CALL_ANSWERED], 1);
    assert_int_equal(s->decided, 1);
    assert_string_equal(s->incident, "7");
}

static void it_commits_several_results_together(void **state)
{
    stage *s = *state;
    deliver_call(s, "m1", "a1", "evil.example");
    deliver_call(s, "m2", "a2", "quiet.example");
    deliver_call(s, "m3", "a3", "quiet.example");
    assert_int_equal(ptv_worker_running(s->worker), 2); /* at_once */
    work(s);
    assert_non_null(strstr(s->sent, "ACK id=a1 transaction=t1\n"));
    assert_non_null(strstr(s->sent, "ACK id=a3 transaction=t1\nCOMMIT transaction=t1 receipt=t1\n"));
    assert_null(strstr(s->sent, "t2"));
    ptv_worker_receipt(s->worker, "t1", NOW);
    assert_int_equal(ptv_worker_undelivered(s->worker), 0);
}

static void it_adopts_the_new_ack_id_of_a_call_that_runs(void **state)
{
    stage *s = *state;
    deliver_call(s, "m1", "a1", "evil.example");
    assert_int_equal(ptv_worker_running(s->worker), 1);
    go_down(s);
    come_up(s);
    deliver_call(s, "m1", "a2", "evil.example");
    assert_int_equal(ptv_worker_running(s->worker), 1);
    work(s);
    assert_non_null(strstr(s->sent, "ACK id=a2 transaction=t1\n"));
    assert_int_equal(s->decided, 1);
}

static void it_says_at_once_that_it_starts_when_the_answer_takes_time(void **state)
{
    stage *s = *state;
    deliver_call(s, "m1", "a1", "evil.example");
    assert_int_equal(ptv_worker_next_ms(s->worker), s->now_ms + 20);
    ptv_worker_pump(s->worker, s->now_ms + 19, NOW);
    drain(s);
    assert_string_equal(s->sent, "");
    ptv_worker_pump(s->worker, s->now_ms + 20, NOW);
    drain(s);
    assert_string_equal(s->sent, "SEND correlation-id=c:m1 destination=/queue/acks persistent=true | {\"message_type\": 0, "
                                 "\"message\": \"Starting App Function: 'fn_p\n");
    assert_true(ptv_worker_next_ms(s->worker) > s->now_ms + 20);
    work(s);
    assert_non_null(strstr(s->sent, "BEGIN transaction=t1\n" FINISHED("t1") RESULT "t1"));
}

/* The broker would deliver it behind the reply. */
static void it_says_that_it_starts_with_the_reply_when_the_line_was_down(void **state)
{
    stage *s = *state;
    deliver_call(s, "m1", "a1", "evil.example");
    go_down(s);
    assert_true(ptv_worker_next_ms(s->worker) > s->now_ms + 20);
    ptv_worker_pump(s->worker, s->now_ms + 30, NOW);
    come_up(s);
    deliver_call(s, "m1", "a2", "evil.example");
    work(s);
    assert_non_null(strstr(s->sent, "BEGIN transaction=t1\n" STARTING("t1") FINISHED("t1") RESULT "t1"));
}

static void it_answers_a_redelivered_call_from_the_store(void **state)
{
    stage *s = *state;
    deliver_call(s, "m1", "a1", "evil.example");
    work(s);
    go_down(s); /* the receipt never came */
    come_up(s);
    deliver_call(s, "m1", "a2", "evil.example");
    work(s);
    assert_string_equal(s->sent, "BEGIN transaction=t2\n" RESULT "t2" COMPLETED
                                 "ACK id=a2 transaction=t2\nCOMMIT transaction=t2 receipt=t2\n");
    assert_int_equal(s->ends[PTV_CALL_REPEATED], 1);
    assert_int_equal(s->decided, 1);
}

static void it_answers_from_the_store_after_a_restart(void **state)
{
    stage *s = *state;
    deliver_call(s, "m1", "a1", "evil.example");
    work(s);
    restart(s);
    deliver_call(s, "m1", "a2", "evil.example");
    work(s);
    assert_non_null(strstr(s->sent, "ACK id=a2"));
    assert_int_equal(s->decided, 1);
}

static void it_only_acknowledges_what_the_broker_has_already(void **state)
{
    stage *s = *state;
    deliver_call(s, "m1", "a1", "evil.example");
    work(s);
    ptv_worker_receipt(s->worker, "t1", NOW);
    deliver_call(s, "m1", "a2", "evil.example");
    work(s);
    assert_string_equal(s->sent, "BEGIN transaction=t2\nACK id=a2 transaction=t2\nCOMMIT transaction=t2 receipt=t2\n");
}

static void it_keeps_the_result_of_a_call_whose_line_was_lost(void **state)
{
    stage *s = *state;
    deliver_call(s, "m1", "a1", "evil.example");
    go_down(s);
    work(s); /* finishes while down; nobody to tell */
    come_up(s);
    ptv_worker_flush(s->worker);
    drain(s);
    assert_string_equal(s->sent, ""); /* it may be another's by now */
    deliver_call(s, "m1", "a2", "evil.example");
    work(s);
    assert_non_null(strstr(s->sent, "ACK id=a2"));
    assert_int_equal(s->decided, 1);
}

static void it_gives_up_a_call_that_never_comes_to_an_end(void **state)
{
    stage *s = *state;
    for (int i = 0; i < 3; i++) {
        deliver_call(s, "m1", "a1", "evil.example");
        restart(s);
    }
    deliver_call(s, "m1", "a1", "evil.example");
    work(s);
    assert_non_null(strstr(s->sent, "{\"message_type\": 1, \"message\": \"ERROR:\\n\\ngiven up"));
    assert_int_equal(s->ends[PTV_CALL_FAILED], 1);
}

static void it_gives_up_a_result_that_the_broker_never_confirms(void **state)
{
    stage *s = *state;
    deliver_call(s, "m1", "a", "evil.example");
    for (int i = 0; i < 3; i++) {
        work(s);
        assert_non_null(strstr(s->sent, RESULT));
        go_down(s);
        come_up(s);
        deliver_call(s, "m1", "a", "evil.example");
    }
    work(s);
    assert_string_equal(s->sent, "BEGIN transaction=t4\nACK id=a transaction=t4\nCOMMIT transaction=t4 receipt=t4\n");
}

static void it_sends_one_that_failed_alone(void **state)
{
    stage *s = *state;
    deliver_call(s, "m1", "a1", "evil.example");
    work(s);
    go_down(s);
    come_up(s);
    deliver_call(s, "m1", "a2", "evil.example");
    deliver_call(s, "m2", "b1", "quiet.example");
    work(s);
    assert_non_null(strstr(s->sent, "ACK id=a2 transaction=t2\nCOMMIT transaction=t2 receipt=t2\n"));
    assert_non_null(strstr(s->sent, "ACK id=b1 transaction=t3\nCOMMIT transaction=t3 receipt=t3\n"));
}

static void it_refuses_bad_input_with_success_false(void **state)
{
    stage *s = *state;
    deliver_call(s, "m1", "a1", "10.0.0.0/8");
    work(s);
    assert_non_null(strstr(s->sent, COMPLETED));
    assert_int_equal(s->ends[PTV_CALL_REFUSED], 1);
    deliver(s, "m2", "a2", "{\"function\":{\"name\":\"fn_passivetotal\"},\"inputs\":{}}");
    work(s);
    assert_int_equal(s->ends[PTV_CALL_REFUSED], 2);
}

static void it_answers_what_is_no_call_of_ours(void **state)
{
    stage *s = *state;
    deliver(s, "m1", "a1", "no JSON");
    deliver(s, "m2", "a2", "{\"function\":{\"name\":\"other\"},\"inputs\":{}}");
    deliver(s, "m3", "a3", "{\"action_id\":5}");
    work(s);
    assert_non_null(strstr(s->sent, "{\"message_type\": 1, \"message\": \"ERROR:\\n\\nthe message canno"));
    assert_non_null(strstr(s->sent, "{\"message_type\": 1, \"message\": \"ERROR:\\n\\nthe function 'othe"));
    assert_non_null(strstr(s->sent, "{\"message_type\": 0, \"message\": \"No handler returned a result"));
    assert_int_equal(s->ends[PTV_CALL_MALFORMED], 1);
    assert_int_equal(s->ends[PTV_CALL_FOREIGN], 2);
}

static void it_drops_what_nobody_can_be_answered_for(void **state)
{
    stage *s = *state;
    const ptv_frame_header headers[] = { { "message-id", "m" }, { "ack", "a9" }, { "reply-to", "/queue/x" } };
    ptv_frame f = { .command = "MESSAGE", .headers = headers, .header_count = 3, .body = "{}", .body_len = 2 };
    ptv_worker_message(s->worker, &f, 0, NOW);
    drain(s);
    assert_string_equal(s->sent, "ACK id=a9\n");
    f.header_count = 1; /* not even an ack id */
    ptv_worker_message(s->worker, &f, 0, NOW);
    drain(s);
    assert_string_equal(s->sent, "");
}

static void it_tells_a_cause_once_and_then_only_in_a_status(void **state)
{
    stage *s = *state;
    deliver_call(s, "m1", "a1", "down.example");
    work(s);
    assert_null(strstr(s->sent, "could not be judged"));
    deliver_call(s, "m2", "a2", "down2.example");
    work(s);
    assert_non_null(strstr(s->sent, "| {\"message_type\": 0, \"message\": \"down2.example could not be"));
    s->options.unknown = PTV_UNKNOWN_ALWAYS_FAILS;
    ptv_worker_use(s->worker, &s->options, s->client, NULL);
    deliver_call(s, "m3", "a3", "down.example");
    work(s);
    assert_null(strstr(s->sent, "could not be judged"));
}

static void it_answers_without_rules_with_the_reason(void **state)
{
    stage *s = *state;
    ptv_worker_use(s->worker, &s->options, s->client, "rules do not load: r.lua:1: x");
    deliver_call(s, "m1", "a1", "evil.example");
    work(s);
    assert_non_null(strstr(s->sent, COMPLETED));
    assert_int_equal(s->ends[PTV_CALL_REFUSED], 1);
    assert_int_equal(s->decided, 0);
}

static void it_expands_a_value_where_it_is_told_to(void **state)
{
    stage *s = *state;
    deliver_call(s, "m1", "a1", "$NAME");
    work(s);
    assert_int_equal(s->ends[PTV_CALL_ANSWERED], 1);
}

static void it_begins_nothing_while_it_holds(void **state)
{
    stage *s = *state;
    ptv_worker_hold(s->worker);
    deliver_call(s, "m1", "a1", "evil.example");
    work(s);
    assert_string_equal(s->sent, "");
    ptv_worker_go_on(s->worker);
    work(s);
    assert_non_null(strstr(s->sent, "ACK id=a1"));
}

static void it_traps_errors_for_who_wants_that(void **state)
{
    stage *s = *state;
    s->options.trap_exception = true;
    s->options.attempts = 0;
    ptv_worker_use(s->worker, &s->options, s->client, NULL);
    deliver_call(s, "m1", "a1", "evil.example");
    work(s);
    assert_non_null(strstr(s->sent, "{\"message_type\": 0, \"message\": \"Error running 'fn_passivetot"));
}

/* Whatever allocation fails, the call is answered in the end, once, or left to the broker. */
static void it_survives_every_failing_allocation(void **state)
{
    stage *s = *state;
    for (unsigned long n = 1; n < 2000; n += n < 60 ? 1 : 17) {
        char id[32];
        snprintf(id, sizeof id, "m%lu", n);
        s->options.at_once = 2;
        ptv_mem_fail_at(n);
        deliver_call(s, id, "a", "evil.example");
        work(s);
        ptv_mem_fail_at(0);
        s->now_ms += 61000; /* a lookup that was lost is given up */
        work(s);
        assert_int_equal(ptv_worker_running(s->worker), 0);
        restart(s);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_stage, close_stage)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_answers_with_result_and_ack_in_one_transaction),
        TEST(it_commits_several_results_together),
        TEST(it_adopts_the_new_ack_id_of_a_call_that_runs),
        TEST(it_says_at_once_that_it_starts_when_the_answer_takes_time),
        TEST(it_says_that_it_starts_with_the_reply_when_the_line_was_down),
        TEST(it_answers_a_redelivered_call_from_the_store),
        TEST(it_answers_from_the_store_after_a_restart),
        TEST(it_only_acknowledges_what_the_broker_has_already),
        TEST(it_keeps_the_result_of_a_call_whose_line_was_lost),
        TEST(it_gives_up_a_call_that_never_comes_to_an_end),
        TEST(it_gives_up_a_result_that_the_broker_never_confirms),
        TEST(it_sends_one_that_failed_alone),
        TEST(it_refuses_bad_input_with_success_false),
        TEST(it_answers_what_is_no_call_of_ours),
        TEST(it_drops_what_nobody_can_be_answered_for),
        TEST(it_tells_a_cause_once_and_then_only_in_a_status),
        TEST(it_answers_without_rules_with_the_reason),
        TEST(it_expands_a_value_where_it_is_told_to),
        TEST(it_begins_nothing_while_it_holds),
        TEST(it_traps_errors_for_who_wants_that),
        TEST(it_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests_name("soar_worker", tests, NULL, NULL);
}
