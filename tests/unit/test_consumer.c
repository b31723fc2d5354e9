/*
 * test_consumer.c: a subscription against a real ActiveMQ, through a tap that cuts and freezes the line. Where Java or
 * ActiveMQ is missing those tests are skipped; those of the retries need nobody.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../lib/control.h"
#include "base/clock.h"
#include "base/mem.h"
#include "stomp/consumer.h"

#define QUEUE "actions.201.passivetotal"
#define KEY   "11111111-2222-3333-4444-555555555555"

static server broker, tap, platform, proxy;
static char folder[] = "/tmp/ptv-consumer-XXXXXX";
static bool has_broker;
static ptv_buf answer = PTV_BUF(64 << 20); /* of the last command */

#define NEED_BROKER()                                                                                                       \
    do {                                                                                                                    \
        if (!has_broker)                                                                                                    \
            skip();                                                                                                         \
    } while (0)

static const char *file(const char *name)
{
    static char paths[4][128];
    static int turn;
    char *path = paths[turn++ & 3];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static bool run(const char *command)
{
    char line[256];
    snprintf(line, sizeof line, command, folder);
    return system(line) == 0;
}

static bool start_all(void)
{
    char port[16];
    if (!mkdtemp(folder) || !run(". tests/lib/mock.sh && make_test_ca %s/certs"))
        return false;
    const char *broker_argv[] = { "node", "tests/soar/broker.js", "--dir", file("broker"), "--certs", file("certs"), NULL };
    server_start(&broker, broker_argv);
    if (!server_ready_slow(&broker))
        return false;
    snprintf(port, sizeof port, "%ld", control_number(&broker, "stomp"));
    const char *tap_argv[] = { "node", "tests/soar/tap.js", "--to", port, "--certs", file("certs"), NULL };
    const char *platform_argv[] = { "node", "tests/soar/platform.js", "--broker", port, NULL };
    const char *proxy_argv[] = { "node", "tests/lib/proxy.js", NULL };
    server_start(&tap, tap_argv);
    server_start(&platform, platform_argv);
    server_start(&proxy, proxy_argv);
    return server_ready(&tap) && server_ready(&platform) && server_ready(&proxy);
}

static int start_servers(void **state)
{
    (void)state;
    has_broker = start_all();
    if (!has_broker)
        print_message("[  NOTE    ] node, openssl, Java or ActiveMQ is missing: tests that need a broker are skipped\n");
    return 0;
}

static int stop_servers(void **state)
{
    (void)state;
    server_stop(&proxy);
    server_stop(&platform);
    server_stop(&tap);
    server_stop(&broker);
    ptv_buf_release(&answer);
    run("rm -rf %s");
    return 0;
}

/* ----------------------------------------------------------------------------------------- what happened */

static ptv_consumer *consumer;
static int64_t skew_ms; /* the consumer's clock is so far ahead of ours */
static struct {
    int ups, downs, messages, receipts, refusals;
    size_t largest;
    bool has_answers; /* reply to calls */
    ptv_error why;
    int64_t retry_ms;
    char refusal[256];
} seen;

static int64_t now(void)
{
    return ptv_clock_ms() + skew_ms;
}

static void on_up(void *owner)
{
    (void)owner;
    seen.ups++;
}

static void on_down(void *owner, const ptv_error *why, int64_t retry_ms)
{
    (void)owner;
    seen.downs++;
    seen.why = *why;
    seen.retry_ms = retry_ms;
}

/* Result and ACK in one transaction, as the worker does it. */
static void on_message(void *owner, const ptv_frame *f)
{
    (void)owner;
    static const char done[] = "{\"message_type\": 0, \"message\": \"Completed\", \"complete\": true}";
    char transaction[16], receipt[16];
    ptv_session *s = ptv_consumer_session(consumer);
    seen.messages++;
    seen.largest = f->body_len > seen.largest ? f->body_len : seen.largest;
    if (!seen.has_answers)
        return;
    snprintf(transaction, sizeof transaction, "t%d", seen.messages);
    snprintf(receipt, sizeof receipt, "r%d", seen.messages);
    ptv_session_begin(s, transaction);
    ptv_session_send(s, ptv_frame_get(f, "reply-to"), ptv_frame_get(f, "correlation-id"), transaction, done,
                     sizeof done - 1);
    ptv_session_ack(s, ptv_frame_get(f, "ack"), transaction);
    ptv_session_commit(s, transaction, receipt);
}

static void on_receipt(void *owner, const char *id)
{
    (void)owner;
    (void)id;
    seen.receipts++;
}

static void on_refused(void *owner, const ptv_frame *f)
{
    (void)owner;
    seen.refusals++;
    snprintf(seen.refusal, sizeof seen.refusal, "%s", ptv_frame_get(f, "message"));
}

static ptv_consumer_options options(long port)
{
    return (ptv_consumer_options){ .stream = { .host = "localhost",
                                               .port = (int)port,
                                               .verify = true,
                                               .ca_file = file("certs/ca.pem"),
                                               .connect_timeout_ms = 10000 },
                                   .login = KEY,
                                   .passcode = "s3cr3t:key",
                                   .queue = QUEUE,
                                   .prefetch = 10,
                                   .beat_out_ms = 10000,
                                   .beat_in_ms = 15000,
                                   .body_limit_bytes = 64 << 20 };
}

static void begin(const ptv_consumer_options *o)
{
    static const ptv_consumer_events events = {
        .up = on_up, .down = on_down, .message = on_message, .receipt = on_receipt, .refused = on_refused
    };
    ptv_error err = { 0 };
    memset(&seen, 0, sizeof seen);
    assert_int_equal(ptv_consumer_new(&consumer, o, &events, now(), &err), PTV_OK);
}

static void step(int64_t wait_ms)
{
    ptv_consumer_step(consumer, now());
    int64_t next = ptv_consumer_next_ms(consumer) - now();
    struct pollfd p = { .fd = ptv_consumer_fd(consumer), .events = POLLIN };
    poll(&p, 1, (int)(next < 0 ? 0 : next < wait_ms ? next : wait_ms));
    ptv_consumer_step(consumer, now());
}

#define STEP_UNTIL(condition, limit_ms)                                                                                     \
    do {                                                                                                                    \
        int64_t end = ptv_clock_ms() + (limit_ms);                                                                          \
        while (!(condition) && ptv_clock_ms() < end)                                                                        \
            step(50);                                                                                                       \
        assert_true(condition);                                                                                             \
    } while (0)

static bool tell(const server *s, const char *command, const char *json)
{
    bool done = control(&answer, s, command, json ? json : "{}");
    if (!done)
        print_message("# %s: %s\n", command, answer.data);
    return done;
}

static const char *look(const server *s, const char *what)
{
    control(&answer, s, what, NULL);
    return answer.data;
}

static int setup(void **state)
{
    (void)state;
    skew_ms = 0;
    if (has_broker && (!tell(&tap, "reset", NULL) || !tell(&platform, "reset", NULL)))
        return -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ptv_consumer_free(consumer);
    consumer = NULL;
    return 0;
}

/* ---------------------------------------------------------------------------------------------- retries */

static void the_first_retry_is_soon_and_all_are_within_a_minute(void **state)
{
    (void)state;
    ptv_consumer_options o = options(9); /* nobody listens */
    int64_t begun = now(), most = 0;
    begin(&o);
    for (int tries = 1; now() - begun < INT64_C(3600) * 1000; tries++) {
        STEP_UNTIL(seen.downs == tries, 5000);
        assert_int_equal(seen.why.code, PTV_ENET);
        int64_t down_ms = now() - begun;
        assert_in_range(seen.retry_ms, tries == 1 ? 400 : 1, 60000);
        assert_true(seen.retry_ms <= (down_ms / 4 > 800 ? down_ms / 4 : 800));
        assert_true(tries > 1 || seen.retry_ms <= 1000);
        most = seen.retry_ms > most ? seen.retry_ms : most;
        skew_ms += seen.retry_ms;
        assert_true(tries < 500);
    }
    assert_in_range(most, 45000, 60000);
    ptv_consumer_health h = ptv_consumer_health_of(consumer);
    assert_false(h.is_up);
    assert_int_equal(h.ups, 0);
}

static void it_stops_at_once_while_nobody_is_there(void **state)
{
    (void)state;
    ptv_consumer_options o = options(9);
    begin(&o);
    STEP_UNTIL(seen.downs == 1, 5000);
    ptv_consumer_stop(consumer, now(), 5000);
    ptv_consumer_step(consumer, now());
    assert_true(ptv_consumer_is_stopped(consumer));
    assert_int_equal(seen.retry_ms, -1);
    assert_int_equal(ptv_consumer_next_ms(consumer), INT64_MAX);
}

static void a_setting_that_cannot_work_is_told(void **state)
{
    (void)state;
    ptv_consumer_options o = options(9);
    o.stream.ca_file = "/nonexistent/ca.pem";
    begin(&o);
    ptv_consumer_step(consumer, now());
    assert_int_equal(seen.downs, 1);
    assert_int_equal(seen.why.code, PTV_ESETTINGS);
    assert_non_null(strstr(seen.why.msg, "/nonexistent/ca.pem"));
}

/* ------------------------------------------------------------------------------------- with a real broker */

static void call_and_wait(const char *call)
{
    char wanted[64];
    assert_true(tell(&platform, "call", call));
    const char *id = strstr(answer.data, "invid:");
    assert_non_null(id);
    snprintf(wanted, sizeof wanted, "replies?correlation=%.*s", (int)strcspn(id, "\""), id);
    STEP_UNTIL(strstr(look(&platform, wanted), "\"complete\":true"), 15000);
}

/* Everything sent was answered once. */
static void assert_settled(long count)
{
    char sent[32];
    snprintf(sent, sizeof sent, "\"sent\":%ld,", count);
    STEP_UNTIL(tell(&platform, "settle", "{}") && strstr(answer.data, "\"lost\":[]"), 15000);
    for (int i = 0; i < 3; i++)
        step(20); /* time for one too many */
    tell(&platform, "settle", "{\"ms\":50}");
    assert_non_null(strstr(answer.data, sent));
    assert_non_null(strstr(answer.data, "\"duplicate\":[],\"lost\":[]"));
}

static void answer_through_the_tap(void)
{
    ptv_consumer_options o = options(control_number(&tap, "port"));
    begin(&o);
    seen.has_answers = true;
    STEP_UNTIL(seen.ups == 1, 10000);
}

static void it_answers_a_call_in_one_transaction(void **state)
{
    (void)state;
    NEED_BROKER();
    answer_through_the_tap();
    call_and_wait("{}");
    STEP_UNTIL(seen.receipts == 1, 5000);
    assert_settled(1);
    const char *log = look(&tap, "log?dir=up");
    assert_non_null(strstr(log, "[\"accept-version:1.2\",\"heart-beat:10000,15000\",\"host:localhost\",\"login:" KEY "\","
                                "\"passcode:s3cr3t:key\"]"));
    assert_non_null(
        strstr(log, "[\"ack:client-individual\",\"activemq.prefetchSize:10\",\"destination:" QUEUE "\",\"id:" QUEUE "\"]"));
    assert_non_null(strstr(log, "\"persistent:true\",\"transaction:t1\"]"));
}

static void text_messages_arrive_too(void **state)
{
    (void)state;
    NEED_BROKER();
    answer_through_the_tap();
    call_and_wait("{\"text\": true, \"value\": \"b\xc3\xbc"
                  "cher.example\"}");
    assert_null(strstr(look(&tap, "log?command=MESSAGE"), "\"content-length\""));
    assert_settled(1);
}

static void cut_at_any_boundary_there_is_one_answer(void **state)
{
    (void)state;
    NEED_BROKER();
    static const char *const frames[] = { "CONNECT", "CONNECTED", "SUBSCRIBE", "MESSAGE", "BEGIN",
                                          "SEND",    "ACK",       "COMMIT",    "RECEIPT" };
    static const char *const cuts[] = { "cut-before", "cut-after", "cut-at\", \"at\": 7, \"how\": \"rst" };
    int calls = 0;
    for (size_t f = 0; f < sizeof frames / sizeof *frames; f++) {
        for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
            char rule[128];
            snprintf(rule, sizeof rule, "[{\"command\": \"%s\", \"do\": \"%s\"}]", frames[f], cuts[i]);
            assert_true(tell(&tap, "rules", rule));
            ptv_consumer_free(consumer);
            ptv_consumer_options o = options(control_number(&tap, "port"));
            begin(&o);
            seen.has_answers = true;
            call_and_wait("{}");
            STEP_UNTIL(seen.downs >= 1, 5000); /* the cut did come */
            calls++;
        }
    }
    STEP_UNTIL(ptv_consumer_health_of(consumer).is_up, 5000);
    assert_settled(calls);
}

static void split_and_gathered_bytes_lose_nothing(void **state)
{
    (void)state;
    NEED_BROKER();
    static const char *const shapes[] = { "{\"split\": [1, 1]}", "{\"split\": [1, 40], \"seed\": 7}", "{\"merge_ms\": 30}" };
    answer_through_the_tap();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        assert_true(tell(&tap, "shape", shapes[i]));
        call_and_wait("{\"count\": 5, \"value\": \"a-*.example\"}");
        assert_settled(5 * (long)(i + 1));
    }
    assert_int_equal(seen.downs, 0);
}

static void a_large_message_arrives_whole(void **state)
{
    (void)state;
    NEED_BROKER();
    enum { LARGE = 5 << 20 };
    ptv_buf call = PTV_BUF(8 << 20);
    ptv_buf_puts(&call, "{\"body\": {\"x\": \"");
    for (int i = 0; i < LARGE; i++)
        ptv_buf_putc(&call, 'x');
    ptv_buf_puts(&call, "\"}}");
    answer_through_the_tap();
    bool is_sent = tell(&platform, "call", call.data);
    ptv_buf_release(&call);
    assert_true(is_sent);
    STEP_UNTIL(seen.largest > LARGE, 20000);
    assert_settled(1);
}

static void many_connects_in_a_row_do_not_fail(void **state)
{
    (void)state;
    NEED_BROKER();
    ptv_consumer_options o = options(control_number(&broker, "tls"));
    o.queue = "test.empty";
    for (int i = 0; i < 200; i++) {
        ptv_consumer_free(consumer);
        begin(&o);
        STEP_UNTIL(seen.ups == 1, 10000);
        assert_int_equal(seen.downs, 0);
    }
}

static void silence_is_noticed_within_35_s(void **state)
{
    (void)state;
    NEED_BROKER();
    answer_through_the_tap();
    assert_true(tell(&tap, "freeze", NULL));
    step(50);
    skew_ms += 30000;
    step(50);
    assert_int_equal(seen.downs, 0);
    skew_ms += 5000;
    step(50);
    assert_int_equal(seen.downs, 1);
    assert_int_equal(seen.why.code, PTV_ETIMEOUT);
    assert_non_null(strstr(seen.why.msg, "not even a heart-beat"));
}

static void silence_just_after_connecting_is_noticed_too(void **state)
{
    (void)state;
    NEED_BROKER();
    assert_true(tell(&tap, "rules", "[{\"command\": \"CONNECT\", \"do\": \"freeze-before\"}]"));
    ptv_consumer_options o = options(control_number(&tap, "port"));
    begin(&o);
    STEP_UNTIL(strstr(look(&tap, "log"), "CONNECT"), 5000);
    skew_ms += 30000;
    step(50);
    assert_int_equal(seen.downs, 0);
    skew_ms += 5000;
    step(50);
    assert_int_equal(seen.downs, 1);
    assert_non_null(strstr(seen.why.msg, "has not answered CONNECT"));
}

static void heart_beats_keep_a_quiet_line(void **state)
{
    (void)state;
    NEED_BROKER();
    ptv_consumer_options o = options(control_number(&tap, "port"));
    o.beat_out_ms = o.beat_in_ms = 1000;
    begin(&o);
    STEP_UNTIL(seen.ups == 1, 10000);
    int64_t end = ptv_clock_ms() + 7000;
    while (ptv_clock_ms() < end)
        step(50);
    assert_int_equal(seen.downs, 0);
    assert_non_null(strstr(look(&tap, "log?dir=up&command=BEAT"), "BEAT"));
    assert_non_null(strstr(look(&tap, "log?dir=down&command=BEAT"), "BEAT"));
}

static void a_frozen_line_does_not_block_us(void **state)
{
    (void)state;
    NEED_BROKER();
    enum { LARGE = 8 << 20 };
    static char body[LARGE];
    memset(body, 'x', sizeof body);
    answer_through_the_tap();
    assert_true(tell(&tap, "freeze", NULL));
    ptv_session_send(ptv_consumer_session(consumer), "/queue/test.large", "1", NULL, body, sizeof body);
    int64_t begun = ptv_clock_ms();
    ptv_consumer_step(consumer, now());
    assert_in_range(ptv_clock_ms() - begun, 0, 2000);
    assert_true(tell(&tap, "thaw", NULL));
    call_and_wait("{}"); /* comes behind it */
    assert_non_null(strstr(look(&tap, "log?dir=up&command=SEND"), "\"length\":8388608"));
    assert_int_equal(seen.downs, 0);
}

static void a_wrong_passcode_is_told_and_not_tried_again_soon(void **state)
{
    (void)state;
    NEED_BROKER();
    ptv_consumer_options o = options(control_number(&tap, "port"));
    o.passcode = "wr0ng";
    begin(&o);
    STEP_UNTIL(seen.downs == 1, 5000);
    assert_int_equal(seen.why.code, PTV_EKEY);
    assert_non_null(strstr(seen.why.msg, "refused the login"));
    assert_null(strstr(seen.why.msg, "wr0ng"));
    assert_int_equal(seen.retry_ms, 60000); /* accounts get locked */
}

static void a_forbidden_queue_is_told(void **state)
{
    (void)state;
    NEED_BROKER();
    ptv_consumer_options o = options(control_number(&tap, "port"));
    o.queue = "actions.999.other";
    o.subscribe_receipt = "s1";
    begin(&o);
    STEP_UNTIL(seen.refusals == 1, 5000);
    assert_non_null(strstr(seen.refusal, "not authorized to read from"));
    ptv_consumer_free(consumer);
    o.queue = "test.empty";
    begin(&o);
    STEP_UNTIL(seen.receipts == 1, 5000);
    assert_int_equal(seen.refusals, 0);
}

static void an_unknown_certificate_gets_no_byte_of_ours(void **state)
{
    (void)state;
    NEED_BROKER();
    ptv_consumer_options o = options(control_number(&tap, "port"));
    o.stream.ca_file = NULL;
    begin(&o);
    STEP_UNTIL(seen.downs == 1, 5000);
    assert_int_equal(seen.why.code, PTV_ENET);
    assert_non_null(strstr(seen.why.msg, "set stomp_cafile (or cafile) = /path/ca.pem"));
    assert_null(strstr(look(&tap, "log"), "CONNECT"));
    ptv_consumer_free(consumer);
    o.stream.verify = false;
    begin(&o);
    STEP_UNTIL(seen.ups == 1, 5000);
}

static void it_goes_through_a_proxy(void **state)
{
    (void)state;
    NEED_BROKER();
    ptv_consumer_options o = options(control_number(&broker, "tls"));
    o.stream.proxy = proxy.url;
    begin(&o);
    seen.has_answers = true;
    call_and_wait("{}");
    char target[64];
    snprintf(target, sizeof target, "\"target\":\"localhost:%ld\"", control_number(&broker, "tls"));
    assert_non_null(strstr(look(&proxy, "_log"), target));
}

static void what_was_dropped_is_delivered_again(void **state)
{
    (void)state;
    NEED_BROKER();
    answer_through_the_tap();
    seen.has_answers = false;
    assert_true(tell(&platform, "call", "{}"));
    STEP_UNTIL(seen.messages == 1, 5000);
    ptv_error why = { 0 };
    ptv_fail(&why, PTV_EBUG, "given up on purpose");
    ptv_consumer_drop(consumer, &why);
    assert_null(ptv_consumer_session(consumer));
    seen.has_answers = true;
    STEP_UNTIL(seen.downs == 1, 1000);
    assert_string_equal(seen.why.msg, "given up on purpose");
    assert_settled(1);
    assert_int_equal(seen.messages, 2);
}

static void it_says_goodbye_after_all_that_was_queued(void **state)
{
    (void)state;
    NEED_BROKER();
    answer_through_the_tap();
    ptv_session_send(ptv_consumer_session(consumer), "/queue/test.last", "1", NULL, "{}", 2);
    ptv_consumer_stop(consumer, now(), 5000);
    STEP_UNTIL(ptv_consumer_is_stopped(consumer), 4000);
    assert_int_equal(seen.retry_ms, -1);
    const char *log = look(&tap, "log?dir=up");
    assert_non_null(strstr(log, "test.last"));
    assert_non_null(strstr(strstr(log, "test.last"), "DISCONNECT"));
}

static void a_broker_that_says_no_goodbye_is_left_in_time(void **state)
{
    (void)state;
    NEED_BROKER();
    answer_through_the_tap();
    assert_true(tell(&tap, "freeze", NULL));
    ptv_consumer_stop(consumer, now(), 300);
    STEP_UNTIL(ptv_consumer_is_stopped(consumer), 2000);
    assert_int_equal(seen.why.code, PTV_ETIMEOUT);
}

static void a_killed_broker_is_found_again(void **state)
{
    (void)state;
    NEED_BROKER();
    ptv_consumer_options o = options(control_number(&broker, "tls"));
    begin(&o);
    STEP_UNTIL(seen.ups == 1, 10000);
    assert_true(tell(&platform, "call", "{\"count\": 3}"));
    STEP_UNTIL(seen.messages == 3, 5000);
    assert_true(tell(&broker, "kill", NULL));
    STEP_UNTIL(seen.downs == 1, 5000);
    seen.has_answers = true;
    assert_true(tell(&broker, "start", NULL));
    STEP_UNTIL(seen.ups == 2, 5000);
    STEP_UNTIL(seen.receipts == 3, 10000);
    assert_settled(3);
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IT(the_first_retry_is_soon_and_all_are_within_a_minute),
        IT(it_stops_at_once_while_nobody_is_there),
        IT(a_setting_that_cannot_work_is_told),
        IT(it_answers_a_call_in_one_transaction),
        IT(text_messages_arrive_too),
        IT(cut_at_any_boundary_there_is_one_answer),
        IT(split_and_gathered_bytes_lose_nothing),
        IT(a_large_message_arrives_whole),
        IT(many_connects_in_a_row_do_not_fail),
        IT(silence_is_noticed_within_35_s),
        IT(silence_just_after_connecting_is_noticed_too),
        IT(heart_beats_keep_a_quiet_line),
        IT(a_frozen_line_does_not_block_us),
        IT(a_wrong_passcode_is_told_and_not_tried_again_soon),
        IT(a_forbidden_queue_is_told),
        IT(an_unknown_certificate_gets_no_byte_of_ours),
        IT(it_goes_through_a_proxy),
        IT(what_was_dropped_is_delivered_again),
        IT(it_says_goodbye_after_all_that_was_queued),
        IT(a_broker_that_says_no_goodbye_is_left_in_time),
        IT(a_killed_broker_is_found_again),
    };
    return cmocka_run_group_tests_name("consumer", tests, start_servers, stop_servers);
}
