/*
 * test_stomp_session.c: what a session says and hears, by a clock of our own.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/mem.h"
#include "stomp/session.h"
#include <stdio.h>
#include <string.h>

#define CONNECTED(beats) "CONNECTED\nserver:ActiveMQ/5.17.2\nheart-beat:" beats "\nsession:ID:a-1:2\nversion:1.2\n\n\0\n"

static ptv_session *session;
static ptv_buf heard; /* events as text */

static void on_connected(void *owner, const ptv_frame *f)
{
    ptv_buf_printf(owner, "connected %s\n", ptv_frame_get(f, "session"));
}

static void on_message(void *owner, const ptv_frame *f)
{
    ptv_buf_printf(owner, "message %s %s\n", ptv_frame_get(f, "correlation-id"), f->body);
}

static void on_receipt(void *owner, const char *id)
{
    ptv_buf_printf(owner, "receipt %s\n", id);
}

static void on_refused(void *owner, const ptv_frame *f)
{
    ptv_buf_printf(owner, "refused %s\n", ptv_frame_get(f, "message"));
}

static const ptv_session_options normal = { .host = "broker.example",
                                            .login = "key-id",
                                            .passcode = "s:cret",
                                            .beat_out_ms = 10000,
                                            .beat_in_ms = 15000,
                                            .body_limit_bytes = 1 << 20 };

static ptv_code begin(const ptv_session_options *options, ptv_error *err)
{
    ptv_session_events events = {
        .owner = &heard, .connected = on_connected, .message = on_message, .receipt = on_receipt, .refused = on_refused
    };
    return ptv_session_new(&session, options, &events, 1000, err);
}

static int setup(void **state)
{
    (void)state;
    ptv_error err = { 0 };
    heard = (ptv_buf)PTV_BUF(1 << 20);
    return (int)begin(&normal, &err);
}

static int teardown(void **state)
{
    (void)state;
    ptv_mem_fail_at(0);
    ptv_session_free(session);
    session = NULL;
    ptv_buf_release(&heard);
    return 0;
}

static void feed_len(const char *bytes, size_t len, int64_t now_ms)
{
    ptv_error err = { 0 };
    assert_int_equal(ptv_session_feed(session, bytes, len, now_ms, &err), PTV_OK);
}
#define feed(bytes, now_ms) feed_len(bytes, sizeof(bytes) - 1, now_ms)

static void assert_pending_len(const char *expected, size_t expected_len)
{
    size_t len;
    const char *bytes = ptv_session_pending(session, &len);
    assert_int_equal(len, expected_len);
    assert_memory_equal(bytes, expected, len);
}
#define assert_pending(bytes) assert_pending_len(bytes, sizeof(bytes) - 1)

static void all_sent(int64_t now_ms)
{
    size_t len;
    ptv_session_pending(session, &len);
    ptv_session_sent(session, len, now_ms);
}

static void connect_at(int64_t now_ms)
{
    all_sent(now_ms);
    feed(CONNECTED("15000,10000"), now_ms);
    assert_true(ptv_session_is_connected(session));
}

static void assert_silent_until(int64_t ms)
{
    ptv_error err = { 0 };
    assert_int_equal(ptv_session_tick(session, ms - 1, &err), PTV_OK);
    assert_int_equal(ptv_session_tick(session, ms, &err), PTV_ETIMEOUT);
}

static void it_connects_with_these_headers_in_this_order(void **state)
{
    (void)state;
    assert_pending(
        "CONNECT\naccept-version:1.2\nheart-beat:10000,15000\nhost:broker.example\nlogin:key-id\npasscode:s:cret\n\n\0");
    feed(CONNECTED("15000,10000"), 1000);
    assert_string_equal(heard.data, "connected ID:a-1:2\n");
}

static void it_wipes_the_passcode_once_sent(void **state)
{
    (void)state;
    size_t len;
    const char *bytes = ptv_session_pending(session, &len);
    ptv_session_sent(session, 10, 1000);
    ptv_session_sent(session, len - 10, 1000);
    assert_null(memmem(bytes, len, "s:cret", 6)); /* the buffer is kept */
    assert_pending("");
}

static void a_line_break_in_the_login_is_refused(void **state)
{
    (void)state;
    ptv_session *first = session;
    ptv_error err = { 0 };
    ptv_session_options o = normal;
    o.passcode = "x\nadmin:true";
    assert_int_equal(begin(&o, &err), PTV_ESETTINGS);
    assert_ptr_equal(session, first);
    assert_string_equal(err.msg, "the passcode of the broker (api_key_secret or password) holds a line break");
}

static void it_writes_each_frame_as_the_contract_has_it(void **state)
{
    (void)state;
    connect_at(1000);
    ptv_session_subscribe(session, "actions.201.passivetotal", 25, NULL);
    assert_pending("SUBSCRIBE\nack:client-individual\nactivemq.prefetchSize:25\ndestination:actions.201.passivetotal\n"
                   "id:actions.201.passivetotal\n\n\0");
    all_sent(1000);
    ptv_session_send(session, "/queue/acks.201.passivetotal", "invid:80", NULL, "{}", 2);
    assert_pending(
        "SEND\ncontent-length:2\ncorrelation-id:invid\\c80\ndestination:/queue/acks.201.passivetotal\npersistent:true\n"
        "\n{}\0");
    all_sent(1000);
    ptv_session_begin(session, "t1");
    ptv_session_send(session, "/queue/acks.201.passivetotal", "invid:80", "t1", "{}", 2);
    ptv_session_ack(session, "ID:x:77", "t1");
    ptv_session_commit(session, "t1", "r1");
    assert_pending(
        "BEGIN\ntransaction:t1\n\n\0"
        "SEND\ncontent-length:2\ncorrelation-id:invid\\c80\ndestination:/queue/acks.201.passivetotal\npersistent:true\n"
        "transaction:t1\n\n{}\0"
        "ACK\nid:ID\\cx\\c77\ntransaction:t1\n\n\0"
        "COMMIT\ntransaction:t1\nreceipt:r1\n\n\0");
    all_sent(1000);
    ptv_session_ack(session, "5", NULL);
    ptv_session_nack(session, "6");
    ptv_session_disconnect(session);
    assert_pending("ACK\nid:5\n\n\0NACK\nid:6\n\n\0DISCONNECT\nreceipt:goodbye\n\n\0");
}

static void it_hears_frames_cut_at_any_byte(void **state)
{
    (void)state;
    static const char bytes[] = "MESSAGE\ncorrelation-id:invid\\c80\n\nhello\0\n\nRECEIPT\nreceipt-id:r1\n\n\0"
                                "ERROR\nmessage:no\n\n\0\nMESSAGE\ncorrelation-id:2\ncontent-length:3\n\nbye";
    static const char expected[] = "message invid:80 hello\nreceipt r1\nrefused no\nmessage 2 bye\n";
    connect_at(1000);
    for (size_t cut = 0; cut <= sizeof bytes; cut++) {
        ptv_buf_clear(&heard);
        feed_len(bytes, cut, 2000);
        feed_len(bytes + cut, sizeof bytes - cut, 2000);
        assert_string_equal(heard.data, expected);
    }
    ptv_buf_clear(&heard);
    for (size_t at = 0; at < sizeof bytes; at++)
        feed_len(bytes + at, 1, 2000);
    assert_string_equal(heard.data, expected);
}

static void a_slow_line_gets_every_byte_once(void **state)
{
    (void)state;
    connect_at(1000);
    ptv_buf got = PTV_BUF(8 << 20);
    static char body[50000];
    memset(body, 'x', sizeof body);
    for (int i = 0; i < 60; i++) {
        ptv_session_send(session, "/queue/a", "1", NULL, body, sizeof body);
        size_t len;
        const char *bytes = ptv_session_pending(session, &len);
        size_t part = len < 49000 ? len : 49000;
        ptv_buf_append(&got, bytes, part);
        ptv_session_sent(session, part, 1000);
    }
    size_t len;
    const char *bytes = ptv_session_pending(session, &len);
    ptv_buf_append(&got, bytes, len);
    ptv_session_sent(session, len, 1000);
    assert_pending("");

    ptv_frame_reader *r = ptv_frame_reader_new(1024, sizeof body);
    ptv_error err = { 0 };
    int frames = 0;
    for (size_t at = 0, used; at < got.len; at += used) {
        const ptv_frame *f;
        assert_int_equal(ptv_frame_feed(r, got.data + at, got.len - at, &used, &f, &err), PTV_OK);
        frames += f != NULL && f->body_len == sizeof body;
    }
    assert_int_equal(frames, 60);
    ptv_frame_reader_free(r);
    ptv_buf_release(&got);
}

static void silence_before_connected_has_an_end(void **state)
{
    (void)state;
    assert_int_equal(ptv_session_next_tick_ms(session), 34000);
    feed("\n\nCONNECTED\nversion", 20000); /* drips gain nothing */
    assert_silent_until(34000);
}

static void silence_is_twice_what_was_promised_and_a_fifth(void **state)
{
    (void)state;
    connect_at(5000);
    assert_silent_until(38000);
    feed("\n", 37000);
    assert_silent_until(70000);
}

static void a_broker_that_beats_more_slowly_gets_its_time(void **state)
{
    (void)state;
    all_sent(1000);
    feed(CONNECTED("20000,0"), 1000);
    assert_int_equal(ptv_session_next_tick_ms(session), 45000);
    assert_silent_until(45000);
}

static void without_a_promise_silence_is_no_news(void **state)
{
    (void)state;
    all_sent(1000);
    feed("CONNECTED\nversion:1.2\n\n\0", 1000);
    ptv_error err = { 0 };
    assert_int_equal(ptv_session_next_tick_ms(session), INT64_MAX);
    assert_int_equal(ptv_session_tick(session, INT64_C(1) << 40, &err), PTV_OK);
    assert_pending("");
}

static void odd_promises_are_none(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "", ",", "x,y", "-5,-5", "99999999999,99999999999", "15000", "1,", "0,0", "12345678901234567890,1"
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        teardown(state);
        assert_int_equal(setup(state), 0);
        all_sent(1000);
        char frame[128];
        int len = snprintf(frame, sizeof frame, "CONNECTED\nversion:1.2\nheart-beat:%s\n\n", odd[i]);
        feed_len(frame, (size_t)len + 1, 1000);
        assert_int_equal(ptv_session_next_tick_ms(session), INT64_MAX);
    }
}

static void it_beats_a_little_early_and_only_when_idle(void **state)
{
    (void)state;
    ptv_error err = { 0 };
    connect_at(1000);
    assert_int_equal(ptv_session_next_tick_ms(session), 9000);
    assert_int_equal(ptv_session_tick(session, 8999, &err), PTV_OK);
    assert_pending("");
    assert_int_equal(ptv_session_tick(session, 9000, &err), PTV_OK);
    assert_pending("\n");
    assert_int_equal(ptv_session_tick(session, 19000, &err), PTV_OK);
    assert_pending("\n"); /* a line that takes nothing is not filled with beats */
    all_sent(19000);
    ptv_session_ack(session, "1", NULL);
    feed("\n", 26000);
    all_sent(26000);
    assert_int_equal(ptv_session_next_tick_ms(session), 34000);
}

static void assert_wrong(const char *bytes, size_t len, const char *words)
{
    ptv_error err = { 0 };
    assert_int_equal(ptv_session_feed(session, bytes, len, 1000, &err), PTV_ESHAPE);
    assert_non_null(strstr(err.msg, words));
}

static void an_older_version_is_refused(void **state)
{
    (void)state;
    assert_wrong("CONNECTED\nversion:1.1\n\n", 24, "speaks STOMP 1.1, we need 1.2");
}

static void no_version_is_1_0(void **state)
{
    (void)state;
    assert_wrong("CONNECTED\n\n", 12, "speaks STOMP 1.0");
}

static void a_message_before_connected_is_refused(void **state)
{
    (void)state;
    assert_wrong("MESSAGE\n\n", 10, "MESSAGE before CONNECTED");
}

static void an_error_before_connected_is_told(void **state)
{
    (void)state;
    feed("ERROR\nmessage:User name [x] or password is invalid.\n\n\0", 1000);
    assert_string_equal(heard.data, "refused User name [x] or password is invalid.\n");
    assert_false(ptv_session_is_connected(session));
}

static void connected_twice_is_refused(void **state)
{
    (void)state;
    connect_at(1000);
    assert_wrong("CONNECTED\nversion:1.2\n\n", 24, "CONNECTED twice");
}

static void a_client_frame_from_the_broker_is_refused(void **state)
{
    (void)state;
    connect_at(1000);
    assert_wrong("SEND\n\n", 7, "SEND");
}

static void a_message_over_the_limit_is_told(void **state)
{
    (void)state;
    ptv_error err = { 0 };
    connect_at(1000);
    static const char head[] = "MESSAGE\ncontent-length:1048577\n\n";
    assert_int_equal(ptv_session_feed(session, head, sizeof head - 1, 1000, &err), PTV_ETOOBIG);
}

static void no_allocation_that_fails_sends_half_a_frame(void **state)
{
    (void)state;
    connect_at(1000);
    static char body[100000];
    ptv_mem_fail_at(1);
    ptv_session_send(session, "/queue/a", "1", NULL, body, sizeof body);
    ptv_mem_fail_at(0);
    size_t len;
    ptv_error err = { 0 };
    ptv_session_pending(session, &len);
    assert_int_equal(len, 0);
    assert_int_equal(ptv_session_tick(session, 1000, &err), PTV_ENOMEM);
}

static void birth_survives_any_allocation_that_fails(void **state)
{
    teardown(state);
    heard = (ptv_buf)PTV_BUF(1 << 20);
    size_t live = ptv_mem_live();
    for (unsigned long nth = 1; nth < 50; nth++) {
        ptv_error err = { 0 };
        ptv_mem_fail_at(nth);
        ptv_code rc = begin(&normal, &err);
        ptv_mem_fail_at(0);
        if (!rc)
            return;
        assert_int_equal(rc, PTV_ENOMEM);
        assert_null(session);
        assert_int_equal(ptv_mem_live(), live);
    }
    fail();
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IT(it_connects_with_these_headers_in_this_order),
        IT(it_wipes_the_passcode_once_sent),
        IT(a_line_break_in_the_login_is_refused),
        IT(it_writes_each_frame_as_the_contract_has_it),
        IT(it_hears_frames_cut_at_any_byte),
        IT(a_slow_line_gets_every_byte_once),
        IT(silence_before_connected_has_an_end),
        IT(silence_is_twice_what_was_promised_and_a_fifth),
        IT(a_broker_that_beats_more_slowly_gets_its_time),
        IT(without_a_promise_silence_is_no_news),
        IT(odd_promises_are_none),
        IT(it_beats_a_little_early_and_only_when_idle),
        IT(an_older_version_is_refused),
        IT(no_version_is_1_0),
        IT(a_message_before_connected_is_refused),
        IT(an_error_before_connected_is_told),
        IT(connected_twice_is_refused),
        IT(a_client_frame_from_the_broker_is_refused),
        IT(a_message_over_the_limit_is_told),
        IT(no_allocation_that_fails_sends_half_a_frame),
        IT(birth_survives_any_allocation_that_fails),
    };
    return cmocka_run_group_tests_name("stomp session", tests, NULL, NULL);
}
