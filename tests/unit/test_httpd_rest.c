/*
 * test_httpd_rest.c: POST /v1/verdict, one artifact and lists; health and metrics.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "httpd_room.h"

#define JSON   "Content-Type: application/json\r\n"
#define NDJSON "Content-Type: application/x-ndjson\r\n"

static httpd_room the_room;

static int open_room(void **state)
{
    *state = &the_room;
    room_begin(&the_room);
    room_start(&the_room);
    return 0;
}

static int close_room(void **state)
{
    room_end(*state);
    return 0;
}

static int count_of(const char *text, const char *word)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        count++;
    return count;
}

/* ------------------------------------------------------------------------------------------------- one */

static void it_answers_one_artifact_with_its_decision(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    int fd = send_request(room, "POST", "/v1/verdict", JSON, "{\"value\": \"evil.example\", \"type\": \"DNS Name\"}");
    ptv_httpd_job *job = take_job(room);
    assert_string_equal(job->value, "evil.example");
    assert_string_equal(job->type, "DNS Name");
    assert_null(job->id);
    ANSWER(room, job, HIT);
    finish_request(fd, &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(head_of(&r, "Content-Type"), "application/json");
    assert_string_equal(head_of(&r, "Cache-Control"), "no-store");
    assert_non_null(strstr(r.body, "{\"schema\":\"ptverdict.decision/1\""));
    assert_non_null(strstr(r.body, "\"verdict\":\"compromised\""));
}

static void it_needs_no_type(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    int fd = send_request(room, "POST", "/v1/verdict", JSON, "{\"value\": \"evil.example\", \"type\": null}");
    ptv_httpd_job *job = take_job(room);
    assert_null(job->type);
    answer_with(room, job, LATER, 60);
    finish_request(fd, &r);
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body, "\"verdict\":\"unknown\""));
    assert_non_null(strstr(r.body, "\"retry_after\":60"));
}

static void it_says_what_is_wrong_with_a_body(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    static const char *const bodies[] = { "", "evil.example", "[]", "{}", "{\"value\": [\"a\"]}", "{\"value\": \"a\"" };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        ask_http(room, &r, "POST", "/v1/verdict", JSON, bodies[i]);
        assert_int_equal(r.status, 400);
        assert_non_null(strstr(r.body, "{\"error\":\""));
    }
    assert_true(no_job(room, 10));
}

static void it_refuses_what_is_no_artifact(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    int fd = send_request(room, "POST", "/v1/verdict", JSON, "{\"value\": \"a b\"}");
    ptv_error refused = { .code = PTV_EINVAL, .msg = "'a b' holds a blank" };
    ptv_httpd_answer(room->h, take_job(room), NULL, &refused);
    finish_request(fd, &r);
    assert_int_equal(r.status, 422);
    assert_string_equal(r.body,
                        "{\"schema\":\"ptverdict.refused/1\",\"input\":\"a b\",\"error\":\"'a b' holds a blank\"}\n");
}

static void it_says_when_the_loop_failed(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    int fd = send_request(room, "POST", "/v1/verdict", JSON, "{\"value\": \"evil.example\"}");
    ptv_httpd_answer(room->h, take_job(room), NULL, NULL);
    finish_request(fd, &r);
    assert_int_equal(r.status, 503);
    assert_non_null(head_of(&r, "Retry-After"));
}

static void it_drops_the_job_of_a_client_that_went_away(void **state)
{
    httpd_room *room = *state;
    int fd = send_request(room, "POST", "/v1/verdict", JSON, "{\"value\": \"evil.example\"}");
    ptv_httpd_job *job = take_job(room);
    close(fd);
    poll(NULL, 0, 20);
    ANSWER(room, job, HIT);
    for (int i = 0; i < 500 && ptv_httpd_waiting(room->h); i++)
        poll(NULL, 0, 10);
    assert_int_equal(ptv_httpd_waiting(room->h), 0);
}

/* ------------------------------------------------------------------------------------------------ many */

static void it_answers_a_list_in_its_order(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    int fd = send_request(
        room, "POST", "/v1/verdict", NDJSON,
        "{\"value\":\"a.example\"}\n\r\n  b.example  \r\nnot { an artifact\n{\"value\":1}\n{\"value\":\"c.example\"}");
    ptv_httpd_job *a = take_job(room), *b = take_job(room), *bad = take_job(room), *c = take_job(room);
    assert_string_equal(b->value, "b.example");
    assert_string_equal(c->value, "c.example");
    ptv_error refused = { .code = PTV_EINVAL, .msg = "no artifact" };
    ANSWER(room, c, HIT);
    ptv_httpd_answer(room->h, bad, NULL, &refused);
    ANSWER(room, b, NO_HIT);
    poll(NULL, 0, 20);
    ANSWER(room, a, HIT);
    finish_request(fd, &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(head_of(&r, "Content-Type"), "application/x-ndjson");
    assert_int_equal(count_of(r.body, "\n"), 5);
    const char *at[5] = { strstr(r.body, "\"value\":\"a.example\""), strstr(r.body, "\"value\":\"b.example\""),
                          strstr(r.body, "\"input\":\"not { an artifact\",\"error\":\"no artifact\""),
                          strstr(r.body, "\"input\":\"{\\\"value\\\":1}\""), strstr(r.body, "\"value\":\"c.example\"") };
    for (int i = 0; i < 5; i++) {
        assert_non_null(at[i]);
        assert_true(i == 0 || at[i - 1] < at[i]);
    }
}

static void it_sends_each_line_as_soon_as_it_can(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    int fd = send_request(room, "POST", "/v1/verdict", NDJSON, "a.example\nb.example\n");
    ptv_httpd_job *a = take_job(room), *b = take_job(room);
    ANSWER(room, a, HIT);
    read_head(fd, &r);
    assert_int_equal(r.status, 200);
    assert_true(read_chunk(fd, &r));
    assert_non_null(strstr(r.body, "a.example"));
    assert_null(strstr(r.body, "b.example"));
    ANSWER(room, b, HIT);
    assert_true(read_chunk(fd, &r));
    assert_non_null(strstr(r.body, "b.example"));
    assert_false(read_chunk(fd, &r));
    close(fd);
}

static void it_looks_up_sixteen_of_a_list_at_once(void **state)
{
    httpd_room *room = *state;
    static char body[4000 * 16];
    ptv_httpd_job *jobs[16];
    http_reply r;
    size_t len = 0;
    for (int i = 0; i < 200; i++)
        len += (size_t)snprintf(body + len, sizeof body - len, "n%d.example\n", i);
    int fd = send_request(room, "POST", "/v1/verdict", NDJSON, body);
    for (int i = 0; i < 16; i++)
        jobs[i] = take_job(room);
    assert_true(no_job(room, 30));
    for (int i = 0; i < 16; i++)
        ANSWER(room, jobs[i], NO_HIT);
    for (int i = 16; i < 200; i++) {
        ptv_httpd_job *job = take_job(room);
        char value[32];
        snprintf(value, sizeof value, "n%d.example", i);
        assert_string_equal(job->value, value);
        ptv_error refused = { .code = PTV_EINVAL, .msg = "enough" };
        ptv_httpd_answer(room->h, job, NULL, &refused);
    }
    finish_request(fd, &r);
    assert_int_equal(count_of(r.body, "\n"), 200);
}

static void it_stops_the_list_of_a_client_that_went_away(void **state)
{
    httpd_room *room = *state;
    static char body[4000 * 16];
    size_t len = 0;
    for (int i = 0; i < 4000; i++)
        len += (size_t)snprintf(body + len, sizeof body - len, "n%d.example\n", i);
    int fd = send_request(room, "POST", "/v1/verdict", NDJSON, body), taken = 0;
    ANSWER(room, take_job(room), NO_HIT);
    close(fd);
    for (int quiet = 0; quiet < 100;) {
        ptv_httpd_job *job = ptv_httpd_take(room->h, true);
        if (job)
            ANSWER(room, job, NO_HIT);
        else
            poll(NULL, 0, 2);
        taken += job != NULL;
        quiet = job ? 0 : quiet + 1;
    }
    assert_true(taken < 1000);
    assert_int_equal(ptv_httpd_waiting(room->h), 0);
}

static void it_answers_an_empty_list_with_nothing(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    ask_http(room, &r, "POST", "/v1/verdict", NDJSON, "\n \n");
    assert_int_equal(r.status, 200);
    assert_int_equal(r.body_len, 0);
}

/* ----------------------------------------------------------------------------------------- the others */

static void it_tells_of_its_health(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    static const char *const paths[] = { "/healthz", "/readyz" };
    for (int i = 0; i < 2; i++) {
        room->is_sick = false;
        ask_http(room, &r, "GET", paths[i], "", "");
        assert_int_equal(r.status, 200);
        assert_string_equal(r.body, "all is well\n");
        room->is_sick = true;
        ask_http(room, &r, "GET", paths[i], "", "");
        assert_int_equal(r.status, 503);
        assert_string_equal(r.body, "the broker is down\n");
    }
    ask_http(room, &r, "GET", "/metrics", "", "");
    assert_int_equal(r.status, 200);
    assert_string_equal(head_of(&r, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_string_equal(r.body, "ptverdict_test 1\n");
    ask_http(room, &r, "POST", "/metrics", "", "");
    assert_int_equal(r.status, 405);
    ask_http(room, &r, "GET", "/", "", "");
    assert_int_equal(r.status, 404);
}

static void it_counts_what_it_served(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    ask_http(room, &r, "GET", "/healthz", "", "");
    ask_http(room, &r, "POST", "/v1/verdict", JSON, "?");
    pthread_mutex_lock(&room->lock);
    assert_int_equal(room->served, 2);
    assert_int_equal(room->lookups, 1);
    assert_int_equal(room->last_status, 400);
    pthread_mutex_unlock(&room->lock);
}

static void it_serves_many_requests_on_one_connection(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    int fd = dial(room);
    for (int i = 0; i < 20; i++) {
        assert_true(
            send_text(fd, "POST /v1/verdict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15\r\n\r\n{\"value\":\"a.b\"}"));
        ANSWER(room, take_job(room), NO_HIT);
        read_reply(fd, &r);
        assert_int_equal(r.status, 200);
        assert_true(r.is_open);
    }
    close(fd);
}

static void it_serves_pipelined_requests_in_order(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    int fd = dial(room);
    assert_true(send_text(fd, "POST /v1/verdict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 15\r\n\r\n{\"value\":\"a.b\"}"
                              "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    ANSWER(room, take_job(room), NO_HIT);
    read_reply(fd, &r);
    assert_non_null(strstr(r.body, "no_match"));
    read_reply(fd, &r);
    assert_string_equal(r.body, "all is well\n");
    close(fd);
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, open_room, close_room)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(it_answers_one_artifact_with_its_decision),
        ROW(it_needs_no_type),
        ROW(it_says_what_is_wrong_with_a_body),
        ROW(it_refuses_what_is_no_artifact),
        ROW(it_says_when_the_loop_failed),
        ROW(it_drops_the_job_of_a_client_that_went_away),
        ROW(it_answers_a_list_in_its_order),
        ROW(it_sends_each_line_as_soon_as_it_can),
        ROW(it_looks_up_sixteen_of_a_list_at_once),
        ROW(it_stops_the_list_of_a_client_that_went_away),
        ROW(it_answers_an_empty_list_with_nothing),
        ROW(it_tells_of_its_health),
        ROW(it_counts_what_it_served),
        ROW(it_serves_many_requests_on_one_connection),
        ROW(it_serves_pipelined_requests_in_order),
    };
    return cmocka_run_group_tests_name("httpd_rest", tests, NULL, NULL);
}
