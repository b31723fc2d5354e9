/*
 * test_httpd_cts.c: the custom threat service, every row of its contract.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "httpd_room.h"

#define EVIL "{\"type\": \"net.name\", \"value\": \"evil.example\"}"

static httpd_room the_room;

static int open_room(void **state)
{
    *state = &the_room;
    room_begin(&the_room);
    return 0;
}

static int close_room(void **state)
{
    room_end(*state);
    return 0;
}

static void post(httpd_room *room, http_reply *r, const char *body)
{
    ask_http(room, r, "POST", "/cts/pt", "Content-Type: application/json\r\n", body);
}

static int begin_post(httpd_room *room, const char *body)
{
    return send_request(room, "POST", "/cts/pt", "Content-Type: application/json\r\n", body);
}

static void get(httpd_room *room, http_reply *r, const char *id)
{
    char path[128];
    snprintf(path, sizeof path, "/cts/pt/%s", id);
    ask_http(room, r, "GET", path, "", "");
}

static void id_of(char out[64], const http_reply *r)
{
    const char *at = strstr(r->body, "\"id\":\"");
    assert_non_null(at);
    snprintf(out, 64, "%.*s", (int)strcspn(at + 6, "\""), at + 6);
    assert_int_equal(strlen(out), 36);
}

static long retry_of(const http_reply *r)
{
    const char *at = strstr(r->body, "\"retry_secs\":");
    return at ? strtol(at + 13, NULL, 10) : -1;
}

static bool has(const http_reply *r, const char *text)
{
    return strstr(r->body, text) != NULL;
}

/* ---------------------------------------------------------------------------------------------- rows */

static void it_says_that_it_takes_no_files(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    room_start(room);
    ask_http(room, &r, "OPTIONS", "/cts/pt", "", "");
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "{\"upload_file\":false}\n");
    assert_string_equal(head_of(&r, "Content-Type"), "application/json");
    ask_http(room, &r, "OPTIONS", "/cts/pt/", "", "");
    assert_int_equal(r.status, 200);
}

static void it_answers_a_quick_lookup_within_the_request(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    room_start(room);
    int fd = begin_post(room, EVIL);
    ptv_httpd_job *job = take_job(room);
    assert_int_equal(job->kind, PTV_HTTPD_LOOKUP);
    assert_string_equal(job->value, "evil.example");
    assert_string_equal(job->type, "net.name");
    assert_int_equal(strlen(job->id), 36);
    ANSWER(room, job, HIT);
    finish_request(fd, &r);
    assert_int_equal(r.status, 200);
    assert_true(has(&r, "\"hits\":[{\"props\":[{"));
    assert_true(has(&r, "{\"type\":\"number\",\"name\":\"Number of Passive DNS Records\",\"value\":\"12\"}"));
    assert_true(has(&r, "{\"type\":\"string\",\"name\":\"Tags\",\"value\":\"ransomware\"}"));
    assert_false(has(&r, "null"));
    assert_int_equal(retry_of(&r), -1);
}

static void it_takes_the_first_part_of_a_form(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    room_start(room);
    int fd = send_request(room, "POST", "/cts/pt", "Content-Type: multipart/form-data; boundary=\"x-1\"\r\n",
                          "--x-1\r\nContent-Disposition: form-data; name=\"artifact\"\r\n"
                          "Content-Type: application/json\r\n\r\n" EVIL "\r\n--x-1\r\n"
                          "Content-Disposition: form-data; name=\"file\"\r\n\r\n{\"value\": 1}\r\n--x-1--\r\n");
    ptv_httpd_job *job = take_job(room);
    assert_string_equal(job->value, "evil.example");
    ANSWER(room, job, NO_HIT);
    finish_request(fd, &r);
    assert_int_equal(r.status, 200);
    assert_true(has(&r, "\"hits\":[]"));
}

static void it_asks_to_come_again_when_the_lookup_takes_long(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    char id[64], again[64];
    room->o.cts_wait_ms = 50;
    room_start(room);
    post(room, &r, EVIL);
    assert_int_equal(r.status, 303);
    assert_true(has(&r, "\"hits\":[]"));
    assert_int_equal(retry_of(&r), 5);
    id_of(id, &r);
    get(room, &r, id);
    assert_int_equal(r.status, 303);
    assert_int_equal(retry_of(&r), 60);
    id_of(again, &r);
    assert_string_equal(again, id);
    ANSWER(room, take_job(room), HIT);
    for (int i = 0; i < 100 && r.status != 200; i++)
        get(room, &r, id);
    assert_int_equal(r.status, 200);
    assert_true(has(&r, "\"props\""));
    assert_true(no_job(room, 0));
}

static void it_does_not_wait_when_it_is_told_so(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    room->o.cts_wait_ms = 0;
    room_start(room);
    post(room, &r, EVIL);
    assert_int_equal(r.status, 303);
    ANSWER(room, take_job(room), HIT);
}

static void it_knows_a_finished_query_again(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    char first[64], second[64];
    room_start(room);
    int fd = begin_post(room, EVIL);
    ANSWER(room, take_job(room), HIT);
    finish_request(fd, &r);
    id_of(first, &r);
    post(room, &r, "{\"value\": \" evil.example \", \"type\": \"NET.NAME\", \"more\": [1]}");
    assert_int_equal(r.status, 200);
    assert_true(has(&r, "\"props\""));
    id_of(second, &r);
    assert_string_equal(first, second);
    get(room, &r, first);
    assert_int_equal(r.status, 200);
    assert_true(has(&r, "\"props\""));
    assert_true(no_job(room, 20));
}

static void it_gives_each_artifact_an_id_of_its_own(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    char a[64], b[64];
    room->o.cts_wait_ms = 0;
    room_start(room);
    post(room, &r, "{\"type\": \"net.uri\", \"value\": \"http://evil.example/\"}");
    id_of(a, &r);
    post(room, &r, "{\"type\": \"net.name\", \"value\": \"http://evil.example/\"}");
    id_of(b, &r);
    assert_string_not_equal(a, b);
}

static void it_looks_up_once_for_many_who_ask_at_once(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    int fd[8];
    room_start(room);
    for (int i = 0; i < 8; i++)
        fd[i] = begin_post(room, EVIL);
    ptv_httpd_job *job = take_job(room);
    assert_true(no_job(room, 50));
    ANSWER(room, job, HIT);
    for (int i = 0; i < 8; i++) {
        finish_request(fd[i], &r);
        assert_int_equal(r.status, 200);
        assert_true(has(&r, "\"props\""));
    }
}

static void it_passes_the_connection_test(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    char id[64];
    room_start(room);
    post(room, &r, "{\"type\": \"net.name\", \"value\": \"localhost\"}");
    assert_int_equal(r.status, 200);
    assert_true(has(&r, "\"hits\":[]"));
    id_of(id, &r);
    assert_true(no_job(room, 20));
}

static void it_answers_what_it_cannot_look_up_without_hits_and_says_so(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    char id[64];
    static const struct {
        const char *body, *logged;
    } bad[] = {
        { "", "the body is empty" },
        { "not json", "bad JSON" },
        { "[1]", "not an object" },
        { "\"evil.example\"", "not an object" },
        { "{}", "needs a text \\\"value\\\"" },
        { "{\"type\": \"net.name\", \"value\": 7}", "needs a text" },
        { "{\"type\": 1, \"value\": \"x\"}", "needs a text" },
        { "{\"value\": \"evil.example\"}", "artifacts of type ''" },
        { "{\"type\": \"hash.md5\", \"value\": \"d41d8cd98f00b204e9800998ecf8427e\"}", "artifacts of type 'hash.md5'" },
        { "{\"type\": \"net.name\", \"value\": \"a\\u0000b\"}", "NUL in JSON" },
    };
    room_start(room);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        post(room, &r, bad[i].body);
        assert_int_equal(r.status, 200);
        assert_true(has(&r, "\"hits\":[]"));
        id_of(id, &r);
        char plain[64] = "";
        snprintf(plain, sizeof plain, "%.*s", (int)strcspn(bad[i].logged, "\\"), bad[i].logged);
        if (!room_log_has(room, plain))
            fail_msg("no log line has '%s'", plain);
    }
    ask_http(room, &r, "POST", "/cts/pt", "Content-Type: multipart/form-data; boundary=x\r\n", "--y\r\n\r\n" EVIL);
    assert_int_equal(r.status, 200);
    assert_true(has(&r, "\"hits\":[]"));
    assert_true(no_job(room, 20));
}

static void it_answers_an_unknown_id_without_hits(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    room_start(room);
    get(room, &r, "no-such-id");
    assert_int_equal(r.status, 200);
    assert_true(has(&r, "\"hits\":[]"));
    int fd = send_request(room, "GET", "/cts/pt/00000000-0000-8000-a000-000000000000", "", "");
    ptv_httpd_job *job = take_job(room);
    assert_int_equal(job->kind, PTV_HTTPD_RECALL);
    assert_string_equal(job->id, "00000000-0000-8000-a000-000000000000");
    ptv_httpd_recalled(room->h, job, NULL, NULL);
    finish_request(fd, &r);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "{\"id\":\"00000000-0000-8000-a000-000000000000\",\"hits\":[]}\n");
}

static void it_survives_a_restart(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    char id[64], path[128];
    room->o.cts_wait_ms = 0;
    room_start(room);
    post(room, &r, EVIL);
    id_of(id, &r);
    assert_int_equal(r.status, 303);
    ptv_httpd_stop(room->h);
    room->o.cts_wait_ms = 5000;
    room_start(room);
    snprintf(path, sizeof path, "/cts/pt/%s", id);
    int fd = send_request(room, "GET", path, "", "");
    ptv_httpd_job *job = take_job(room);
    assert_int_equal(job->kind, PTV_HTTPD_RECALL);
    ptv_httpd_recalled(room->h, job, "net.name", "evil.example");
    job = take_job(room);
    assert_int_equal(job->kind, PTV_HTTPD_LOOKUP);
    assert_string_equal(job->value, "evil.example");
    assert_string_equal(job->id, id);
    ANSWER(room, job, HIT);
    finish_request(fd, &r);
    assert_int_equal(r.status, 200);
    assert_true(has(&r, "\"props\""));
}

static void it_trusts_no_memory_that_does_not_fit_the_id(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    room_start(room);
    int fd = send_request(room, "GET", "/cts/pt/00000000-0000-8000-a000-000000000000", "", "");
    ptv_httpd_recalled(room->h, take_job(room), "net.name", "other.example");
    finish_request(fd, &r);
    assert_int_equal(r.status, 200);
    assert_true(has(&r, "\"hits\":[]"));
    assert_true(no_job(room, 20));
}

/* ------------------------------------------------------------------------------------------- verdicts */

static void it_sends_no_hit_unless_compromised(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    static const struct {
        const char *value, *form;
    } cases[] = { { "quiet.example", NO_HIT }, { "fix.example", FIX } };
    room_start(room);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"type\":\"net.name\",\"value\":\"%s\"}", cases[i].value);
        int fd = begin_post(room, body);
        ANSWER(room, take_job(room), cases[i].form);
        finish_request(fd, &r);
        assert_int_equal(r.status, 200);
        assert_true(has(&r, "\"hits\":[]"));
    }
}

static void it_polls_what_is_unknown_for_now_without_a_lookup(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    char id[64];
    room_start(room);
    int fd = begin_post(room, EVIL);
    answer_with(room, take_job(room), LATER, 1800);
    finish_request(fd, &r);
    assert_int_equal(r.status, 303);
    assert_true(has(&r, "\"hits\":[]"));
    assert_in_range(retry_of(&r), 1799, 1800);
    id_of(id, &r);
    for (int i = 0; i < 5; i++) {
        get(room, &r, id);
        assert_int_equal(r.status, 303);
        assert_in_range(retry_of(&r), 1790, 1800);
    }
    post(room, &r, EVIL);
    assert_int_equal(r.status, 303);
    assert_true(no_job(room, 20));
}

static void it_looks_again_once_the_time_has_come(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    char id[64], path[128];
    room_start(room);
    int fd = begin_post(room, EVIL);
    answer_with(room, take_job(room), LATER, 1);
    finish_request(fd, &r);
    assert_int_equal(r.status, 303);
    assert_int_equal(retry_of(&r), 1);
    id_of(id, &r);
    poll(NULL, 0, 1050);
    snprintf(path, sizeof path, "/cts/pt/%s", id);
    fd = send_request(room, "GET", path, "", "");
    ANSWER(room, take_job(room), HIT);
    finish_request(fd, &r);
    assert_int_equal(r.status, 200);
    assert_true(has(&r, "\"props\""));
}

static void it_gives_up_after_sixty_polls(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    char id[64];
    room->o.cts_wait_ms = 0;
    room_start(room);
    post(room, &r, EVIL);
    id_of(id, &r);
    for (int i = 1; i < 60; i++) {
        get(room, &r, id);
        assert_int_equal(r.status, 303);
    }
    get(room, &r, id);
    assert_int_equal(r.status, 200);
    assert_true(has(&r, "\"hits\":[]"));
    assert_true(room_log_has(room, "given up after 60 polls"));
}

static void it_ends_a_refused_artifact_without_hits(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    room_start(room);
    int fd = begin_post(room, "{\"type\":\"net.ip\",\"value\":\"evil.example\"}");
    ptv_error refused = { .code = PTV_EINVAL, .msg = "'evil.example' is a name, not an IP address" };
    ptv_httpd_answer(room->h, take_job(room), NULL, &refused);
    finish_request(fd, &r);
    assert_int_equal(r.status, 200);
    assert_true(has(&r, "\"hits\":[]"));
    assert_true(room_log_has(room, "not an IP address"));
}

static void it_comes_again_when_the_loop_failed(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    room_start(room);
    int fd = begin_post(room, EVIL);
    ptv_error failed = { .code = PTV_ENOMEM, .msg = "out of memory" };
    ptv_httpd_answer(room->h, take_job(room), NULL, &failed);
    finish_request(fd, &r);
    assert_int_equal(r.status, 303);
    assert_int_equal(retry_of(&r), 60);
}

static void it_forgets_results_of_other_rules(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    room_start(room);
    int fd = begin_post(room, EVIL);
    ANSWER(room, take_job(room), HIT);
    finish_request(fd, &r);
    ptv_httpd_forget(room->h);
    fd = begin_post(room, EVIL);
    ANSWER(room, take_job(room), NO_HIT);
    finish_request(fd, &r);
    assert_true(has(&r, "\"hits\":[]"));
}

static void it_keeps_no_result_whose_rules_changed_meanwhile(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    room_start(room);
    int fd = begin_post(room, EVIL);
    ptv_httpd_job *job = take_job(room);
    ptv_httpd_forget(room->h);
    poll(NULL, 0, 50);
    ANSWER(room, job, HIT);
    finish_request(fd, &r);
    assert_int_equal(r.status, 200);
    fd = begin_post(room, EVIL);
    ANSWER(room, take_job(room), NO_HIT);
    finish_request(fd, &r);
    assert_true(has(&r, "\"hits\":[]"));
}

static void it_turns_away_what_it_has_no_room_for(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    room->o.cts_wait_ms = 0;
    room->o.cts_max = 2;
    room_start(room);
    post(room, &r, "{\"type\":\"net.name\",\"value\":\"a.example\"}");
    assert_int_equal(r.status, 303);
    post(room, &r, "{\"type\":\"net.name\",\"value\":\"b.example\"}");
    assert_int_equal(r.status, 303);
    post(room, &r, "{\"type\":\"net.name\",\"value\":\"c.example\"}");
    assert_int_equal(r.status, 503);
    assert_string_equal(head_of(&r, "Retry-After"), "10");
    ANSWER(room, take_job(room), NO_HIT); /* a finished one makes room */
    ANSWER(room, take_job(room), NO_HIT);
    for (int i = 0; i < 100 && r.status != 303; i++)
        post(room, &r, "{\"type\":\"net.name\",\"value\":\"c.example\"}");
    assert_int_equal(r.status, 303);
}

static void it_answers_other_addresses_and_methods_as_such(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    room_start(room);
    ask_http(room, &r, "POST", "/cts/other", "", EVIL);
    assert_int_equal(r.status, 404);
    assert_true(has(&r, "{\"error\":\""));
    ask_http(room, &r, "POST", "/cts/pt/a/b", "", EVIL);
    assert_int_equal(r.status, 404);
    ask_http(room, &r, "GET", "/cts/pt", "", "");
    assert_int_equal(r.status, 405);
    assert_string_equal(head_of(&r, "Allow"), "OPTIONS, POST");
    ask_http(room, &r, "DELETE", "/cts/pt/00000000-0000-8000-a000-000000000000", "", "");
    assert_int_equal(r.status, 405);
    assert_true(no_job(room, 20));
}

static void it_outlives_a_client_that_went_away(void **state)
{
    httpd_room *room = *state;
    http_reply r;
    room_start(room);
    close(begin_post(room, EVIL));
    ptv_httpd_job *job = take_job(room);
    poll(NULL, 0, 20);
    ANSWER(room, job, HIT);
    post(room, &r, EVIL); /* its result is there for the next */
    assert_int_equal(r.status, 200);
    assert_true(has(&r, "\"props\""));
    assert_true(no_job(room, 0));
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, open_room, close_room)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(it_says_that_it_takes_no_files),
        ROW(it_answers_a_quick_lookup_within_the_request),
        ROW(it_takes_the_first_part_of_a_form),
        ROW(it_asks_to_come_again_when_the_lookup_takes_long),
        ROW(it_does_not_wait_when_it_is_told_so),
        ROW(it_knows_a_finished_query_again),
        ROW(it_gives_each_artifact_an_id_of_its_own),
        ROW(it_looks_up_once_for_many_who_ask_at_once),
        ROW(it_passes_the_connection_test),
        ROW(it_answers_what_it_cannot_look_up_without_hits_and_says_so),
        ROW(it_answers_an_unknown_id_without_hits),
        ROW(it_survives_a_restart),
        ROW(it_trusts_no_memory_that_does_not_fit_the_id),
        ROW(it_sends_no_hit_unless_compromised),
        ROW(it_polls_what_is_unknown_for_now_without_a_lookup),
        ROW(it_looks_again_once_the_time_has_come),
        ROW(it_gives_up_after_sixty_polls),
        ROW(it_ends_a_refused_artifact_without_hits),
        ROW(it_comes_again_when_the_loop_failed),
        ROW(it_forgets_results_of_other_rules),
        ROW(it_keeps_no_result_whose_rules_changed_meanwhile),
        ROW(it_turns_away_what_it_has_no_room_for),
        ROW(it_answers_other_addresses_and_methods_as_such),
        ROW(it_outlives_a_client_that_went_away),
    };
    return cmocka_run_group_tests_name("httpd_cts", tests, NULL, NULL);
}
