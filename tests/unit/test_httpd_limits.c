/*
 * test_httpd_limits.c: what a hostile or broken client meets at the HTTP doors: deadlines, ceilings, framing, credentials,
 * certificates, memory that ends; and what start says when it cannot be done.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "../lib/http_help.h"
#include "httpd_room.h"

#define EVIL   "{\"type\": \"net.name\", \"value\": \"evil.example\"}"
#define NDJSON "Content-Type: application/x-ndjson\r\n"

static httpd_room the_room;
static http_reply r;

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

static bool still_serves(httpd_room *room)
{
    http_reply reply;
    ask_http(room, &reply, "GET", "/healthz", "", "");
    return reply.status == 200;
}

/* What comes back for these very bytes, and whether the connection ended. */
static int say(httpd_room *room, const char *bytes, size_t len, bool *closed)
{
    int fd = dial(room);
    (void)send_bytes(fd, bytes, len);
    read_reply(fd, &r);
    *closed = is_closed(fd, r.is_open ? 100 : 2000);
    close(fd);
    return r.status;
}

/* ------------------------------------------------------------------------------------------- deadlines */

/* One byte every 20 ms until the server has had enough; milliseconds until then. */
static int64_t drip(int fd, const char *text)
{
    int64_t start = ptv_clock_ms();
    for (size_t i = 0; ptv_clock_ms() < start + 5000; i++) {
        char byte = text[i % strlen(text)];
        if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || is_closed(fd, 20))
            break;
    }
    return ptv_clock_ms() - start;
}

static void it_cuts_who_drips_a_header(void **state)
{
    httpd_room *room = *state;
    room->o.deadline_ms = 400;
    room_start(room);
    int fd = dial(room);
    assert_true(send_text(fd, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "));
    assert_in_range(drip(fd, "a"), 300, 4500);
    close(fd);
    fd = dial(room); /* not even a first line */
    assert_in_range(drip(fd, "G"), 300, 4500);
    close(fd);
    assert_true(still_serves(room));
}

static void it_cuts_who_drips_a_body(void **state)
{
    httpd_room *room = *state;
    room->o.deadline_ms = 400;
    room_start(room);
    int fd = dial(room);
    assert_true(send_text(fd, "POST /v1/verdict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n"));
    assert_in_range(drip(fd, "a"), 300, 4500);
    close(fd);
    fd = dial(room);
    assert_true(send_text(fd, "POST /v1/verdict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"));
    assert_in_range(drip(fd, "1\r\na\r\n"), 300, 4500);
    close(fd);
    assert_true(still_serves(room));
}

static void it_cuts_who_says_nothing(void **state)
{
    httpd_room *room = *state;
    room->o.deadline_ms = 300;
    room_start(room);
    int fd = dial(room);
    assert_true(is_closed(fd, 2000));
    close(fd);
    fd = dial(room); /* nor between two requests */
    assert_true(send_text(fd, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    read_reply(fd, &r);
    assert_int_equal(r.status, 200);
    assert_true(is_closed(fd, 2000));
    close(fd);
}

static void it_gives_each_request_of_a_connection_its_own_time(void **state)
{
    httpd_room *room = *state;
    room->o.deadline_ms = 1000;
    room_start(room);
    int fd = dial(room);
    for (int i = 0; i < 4; i++) {
        assert_true(send_text(fd, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"));
        poll(NULL, 0, 500);
        assert_true(send_text(fd, "\r\n"));
        read_reply(fd, &r);
        assert_int_equal(r.status, 200);
        poll(NULL, 0, 50);
    }
    close(fd);
}

static void it_waits_for_a_lookup_longer_than_for_a_client(void **state)
{
    httpd_room *room = *state;
    room->o.deadline_ms = 500;
    room_start(room);
    int fd = send_request(room, "POST", "/v1/verdict", "", "{\"value\":\"evil.example\"}");
    ptv_httpd_job *job = take_job(room);
    poll(NULL, 0, 800);
    ANSWER(room, job, HIT);
    finish_request(fd, &r);
    assert_int_equal(r.status, 200);
}

static void it_cuts_who_does_not_read(void **state)
{
    httpd_room *room = *state;
    static char body[9 * 12000];
    size_t len = 0;
    int small = 4096;
    room->o.deadline_ms = 500;
    room_start(room);
    for (int i = 0; i < 9000; i++)
        len += (size_t)snprintf(body + len, sizeof body - len, "{}\n");
    int fd = dial(room);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    char head[256];
    snprintf(head, sizeof head, "POST /v1/verdict HTTP/1.1\r\nHost: localhost\r\n" NDJSON "Content-Length: %zu\r\n\r\n",
             len);
    assert_true(send_text(fd, head) && send_text(fd, body));
    for (int i = 0; i < 300 && !ptv_httpd_waiting(room->h); i++)
        poll(NULL, 0, 10);
    assert_int_equal(ptv_httpd_waiting(room->h), 1);
    for (int i = 0; i < 500 && ptv_httpd_waiting(room->h); i++)
        poll(NULL, 0, 10);
    assert_int_equal(ptv_httpd_waiting(room->h), 0);
    close(fd);
    assert_true(still_serves(room));
}

static void it_says_when_the_loop_is_stuck(void **state)
{
    httpd_room *room = *state;
    room->o.deadline_ms = 300;
    room_start(room);
    int fd = send_request(room, "GET", "/cts/pt/00000000-0000-8000-a000-000000000000", "", "");
    ptv_httpd_job *job = take_job(room);
    finish_request(fd, &r);
    assert_int_equal(r.status, 504);
    ptv_httpd_recalled(room->h, job, NULL, NULL); /* too late, and harmless */
    assert_true(still_serves(room));
}

static void it_gives_up_on_lookups_that_are_never_answered(void **state)
{
    httpd_room *room = *state;
    ptv_httpd_job *jobs[4];
    room->o.lookup_ms = 200;
    room->o.cts_wait_ms = 60000;
    room_start(room);
    int one = send_request(room, "POST", "/v1/verdict", "", "{\"value\":\"a.example\"}");
    jobs[0] = take_job(room);
    int list = send_request(room, "POST", "/v1/verdict", NDJSON, "b.example\nc.example\n");
    jobs[1] = take_job(room);
    jobs[2] = take_job(room);
    int cts = send_request(room, "POST", "/cts/pt", "", EVIL);
    jobs[3] = take_job(room);
    finish_request(one, &r);
    assert_int_equal(r.status, 504);
    finish_request(list, &r);
    assert_int_equal(r.status, 200);
    assert_non_null(strstr(r.body, "\"input\":\"b.example\",\"error\":\"no answer in time\""));
    assert_non_null(strstr(r.body, "\"input\":\"c.example\",\"error\":\"no answer in time\""));
    finish_request(cts, &r);
    assert_int_equal(r.status, 303);
    assert_non_null(strstr(r.body, "\"retry_secs\":60"));
    for (int i = 0; i < 4; i++)
        ANSWER(room, jobs[i], HIT);
    for (int i = 0; i < 100 && ptv_httpd_waiting(room->h); i++)
        poll(NULL, 0, 10);
    assert_int_equal(ptv_httpd_waiting(room->h), 0);
}

/* -------------------------------------------------------------------------------------------- ceilings */

static void it_refuses_a_head_that_is_too_large(void **state)
{
    httpd_room *room = *state;
    static char text[80000];
    bool closed;
    room_start(room);
    int len = snprintf(text, sizeof text, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Big: %060000d\r\n\r\n", 0);
    assert_int_equal(say(room, text, (size_t)len, &closed), 431);
    assert_true(closed);
    len = snprintf(text, sizeof text, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n");
    for (int i = 0; i < 3000; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, "A%d: b\r\n", i);
    len += snprintf(text + len, sizeof text - (size_t)len, "\r\n");
    assert_int_equal(say(room, text, (size_t)len, &closed), 431);
    assert_true(closed);
    len = snprintf(text, sizeof text, "GET /%060000d HTTP/1.1\r\nHost: localhost\r\n\r\n", 0);
    assert_int_equal(say(room, text, (size_t)len, &closed), 414);
    assert_true(closed);
    assert_true(still_serves(room));
}

static void it_refuses_a_body_over_its_ceiling(void **state)
{
    httpd_room *room = *state;
    static char text[20000];
    bool closed;
    room->o.max_body_bytes = 1024;
    room_start(room);
    int len = snprintf(text, sizeof text,
                       "POST /v1/verdict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n%05000d", 0);
    assert_int_equal(say(room, text, (size_t)len, &closed), 413);
    assert_non_null(strstr(r.body, "{\"error\":\"the body is over the ceiling (http_max_body)\"}"));
    len = snprintf(text, sizeof text,
                   "POST /v1/verdict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "1388\r\n%05000d\r\n0\r\n\r\n",
                   0);
    assert_int_equal(say(room, text, (size_t)len, &closed), 413);
    len = snprintf(text, sizeof text,
                   "POST /cts/pt HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n");
    assert_int_equal(say(room, text, (size_t)len, &closed), 413); /* at once: nothing of it was sent yet */
    assert_true(closed);
    len = snprintf(text, sizeof text, "POST /cts/pt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n");
    assert_int_equal(say(room, text, (size_t)len, &closed), 413);
    assert_true(closed);
    assert_true(still_serves(room));
}

static void it_drops_an_endless_body(void **state)
{
    httpd_room *room = *state;
    static char chunk[65536 + 16];
    room->o.max_body_bytes = 1024;
    room_start(room);
    int len = snprintf(chunk, sizeof chunk, "10000\r\n%065536d\r\n", 0);
    int fd = dial(room), sent = 0;
    assert_true(send_text(fd, "POST /v1/verdict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"));
    while (sent < 2000 && send_bytes(fd, chunk, (size_t)len))
        sent++;
    assert_in_range(sent, 200, 600); /* of 64 KB: 16 MB and what the sockets hold */
    close(fd);
    assert_true(still_serves(room));
}

static void it_limits_connections_of_an_address(void **state)
{
    httpd_room *room = *state;
    int fd[8];
    room->o.max_per_address = 4;
    room_start(room);
    for (int i = 0; i < 8; i++)
        fd[i] = dial(room);
    int open = 0;
    for (int i = 0; i < 8; i++)
        open += !is_closed(fd[i], i == 0 ? 200 : 20);
    assert_int_equal(open, 4);
    for (int i = 0; i < 8; i++)
        close(fd[i]);
    poll(NULL, 0, 50);
    assert_true(still_serves(room));
}

static void it_limits_connections_and_lets_the_next_wait(void **state)
{
    httpd_room *room = *state;
    int fd[4];
    room->o.max_connections = 4;
    room_start(room);
    for (int i = 0; i < 4; i++)
        fd[i] = dial(room);
    poll(NULL, 0, 50);
    int waiting = send_request(room, "GET", "/healthz", "", "");
    struct pollfd p = { .fd = waiting, .events = POLLIN };
    assert_int_equal(poll(&p, 1, 100), 0);
    close(fd[0]);
    finish_request(waiting, &r);
    assert_int_equal(r.status, 200);
    for (int i = 1; i < 4; i++)
        close(fd[i]);
}

static void it_serves_a_hundred_at_once(void **state)
{
    httpd_room *room = *state;
    int fd[100];
    room_start(room);
    for (int i = 0; i < 100; i++) {
        char body[128];
        snprintf(body, sizeof body, "{\"type\":\"net.name\",\"value\":\"n%d.example\"}", i);
        fd[i] = send_request(room, "POST", i % 2 ? "/cts/pt" : "/v1/verdict", "", body);
    }
    for (int i = 0; i < 100; i++)
        ANSWER(room, take_job(room), HIT);
    for (int i = 0; i < 100; i++) {
        char value[64];
        snprintf(value, sizeof value, "n%d.example", i);
        finish_request(fd[i], &r);
        assert_int_equal(r.status, 200);
        assert_non_null(strstr(r.body, i % 2 ? "\"props\"" : value));
    }
}

/* --------------------------------------------------------------------------------------------- framing */

#define HEAD(more) "POST /v1/verdict HTTP/1.1\r\nHost: localhost\r\n" more "\r\n"
#define SMUGGLED   "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void it_refuses_a_request_whose_end_is_not_certain(void **state)
{
    httpd_room *room = *state;
    static const char *const bad[] = {
        HEAD("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n" SMUGGLED,
        HEAD("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n") "0\r\n\r\n" SMUGGLED,
        HEAD("Content-Length: 0\r\nContent-Length: 44\r\n") SMUGGLED,
        HEAD("Content-Length: 0\r\nContent-Length: 0\r\n") SMUGGLED,
        HEAD("Content-Length: 0, 44\r\n") SMUGGLED,
        HEAD("Content-Length: +0\r\n") SMUGGLED,
        HEAD("Content-Length: -1\r\n") SMUGGLED,
        HEAD("Content-Length: 0x10\r\n") SMUGGLED,
        HEAD("Content-Length: 99999999999999999999999\r\n") SMUGGLED,
        HEAD("Content-Length: \r\n") SMUGGLED,
        HEAD("Content-Length : 4\r\n") SMUGGLED,
        HEAD("Transfer-Encoding : chunked\r\n") "0\r\n\r\n" SMUGGLED,
        HEAD("Transfer-Encoding: chunked, identity\r\n") "0\r\n\r\n" SMUGGLED,
        HEAD("Transfer-Encoding: gzip\r\n") SMUGGLED,
        HEAD("Transfer-Encoding: xchunked\r\n") SMUGGLED,
        HEAD("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n" SMUGGLED,
        HEAD("Transfer-Encoding: chunked\r\n") "zz\r\n\r\n" SMUGGLED,
        HEAD("Transfer-Encoding: chunked\r\n") "-1\r\n\r\n" SMUGGLED,
        HEAD("Transfer-Encoding: chunked\r\n") "ffffffffffffffffff\r\n\r\n" SMUGGLED,
        "POST /v1/verdict HTTP/1.1\r\nHost: localhost\r\nHost: other.example\r\n\r\n" SMUGGLED,
        "POST /v1/verdict HTTP/1.1\r\n\r\n" SMUGGLED,
        "POST /v1/verdict HTTP/1.1\r\nHost: localhost\r\nno colon here\r\n\r\n" SMUGGLED,
    };
    room_start(room);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bool closed;
        int status = say(room, bad[i], strlen(bad[i]), &closed);
        if ((status != 0 && status != 400 && status != 413) || !closed)
            fail_msg("status %d, %s for: %s", status, closed ? "closed" : "still open", bad[i]);
    }
    assert_false(room_log_has(room, "GET /metrics"));
    assert_true(still_serves(room));
}

static void it_outlives_bytes_that_are_no_request(void **state)
{
    httpd_room *room = *state;
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        { "\r\n\r\n\r\n\r\n", 8 },
        { "\0\0\0\0\0\0\0\0\r\n\r\n", 12 },
        { "GET\r\n\r\n", 7 },
        { "GET /healthz\r\n\r\n", 16 },
        { "GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n", 42 },
        { "GET /healthz HTTP/1.1 more\r\nHost: localhost\r\n\r\n", 47 },
        { "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24 },
        { "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15 },
        { "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 39 },
        { "GET /cts/pt/%00%ff%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", 51 },
        { "GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", 57 },
        { "CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 54 },
        { "POST /cts/pt HTTP/1.0\r\n\r\n", 25 },
    };
    room->o.deadline_ms = 300;
    room_start(room);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        bool closed;
        (void)say(room, bad[i].bytes, bad[i].len, &closed);
        assert_true(still_serves(room));
    }
}

/* ----------------------------------------------------------------------------------------- credentials */

static int with_header(httpd_room *room, const char *path, const char *more)
{
    bool reads = strcmp(path, "/metrics") == 0;
    ask_http(room, &r, reads ? "GET" : "POST", path, more, reads ? "" : "?");
    return r.status;
}

static void it_asks_for_user_and_password(void **state)
{
    httpd_room *room = *state;
    room->o.user = "soar";
    room->o.password = "s3cret-pa:ss";
    room_start(room);
    assert_int_equal(with_header(room, "/cts/pt", ""), 401);
    assert_string_equal(head_of(&r, "WWW-Authenticate"), "Basic realm=\"ptverdict\", charset=\"UTF-8\"");
    static const char *const wrong[] = {
        "Authorization: Basic c29hcjp3cm9uZw==\r\n",
        "Authorization: Basic c29hcjpzM2NyZXQtcGE6c3\r\n",
        "Authorization: Basic c29hcjpzM2NyZXQtcGE6c3M=x\r\n",
        "Authorization: Basic\r\n",
        "Authorization: Basic \r\n",
        "Authorization: Bearer c29hcjpzM2NyZXQtcGE6c3M=\r\n",
        "Authorization: c29hcjpzM2NyZXQtcGE6c3M=\r\n",
        "Authorization: Basic soar:s3cret-pa:ss\r\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(with_header(room, "/cts/pt", wrong[i]), 401);
    assert_int_equal(with_header(room, "/cts/pt", "Authorization: Basic c29hcjpzM2NyZXQtcGE6c3M=\r\n"), 200);
    assert_int_equal(with_header(room, "/cts/pt", "Authorization: basic  c29hcjpzM2NyZXQtcGE6c3M=\r\n"), 200);
    ask_http(room, &r, "OPTIONS", "/cts/pt", "", "");
    assert_int_equal(r.status, 401);
    assert_true(room_log_has(room, "wrong credentials"));
    assert_false(room_log_has(room, "s3cret"));
    assert_false(room_log_has(room, "c29hcj"));
    assert_true(still_serves(room)); /* health needs none */
}

static void it_asks_for_the_token(void **state)
{
    httpd_room *room = *state;
    room->o.token = "t0ken-1";
    room_start(room);
    static const char *const paths[] = { "/v1/verdict", "/metrics" };
    for (int i = 0; i < 2; i++) {
        assert_int_equal(with_header(room, paths[i], ""), 401);
        assert_string_equal(head_of(&r, "WWW-Authenticate"), "Bearer");
        assert_int_equal(with_header(room, paths[i], "Authorization: Bearer t0ken-2\r\n"), 401);
        assert_int_equal(with_header(room, paths[i], "Authorization: Bearer t0ken-11\r\n"), 401);
        assert_int_equal(with_header(room, paths[i], "Authorization: Bearer t0ken-1\r\n"), i ? 200 : 400);
    }
    assert_false(room_log_has(room, "t0ken"));
    assert_true(no_job(room, 0));
}

static void it_keeps_a_body_of_a_stranger_nowhere(void **state)
{
    httpd_room *room = *state;
    static char text[600000];
    bool closed;
    room->o.token = "t0ken-1";
    room_start(room);
    int len = snprintf(text, sizeof text,
                       "POST /v1/verdict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n%0500000d", 0);
    assert_int_equal(say(room, text, (size_t)len, &closed), 401);
    assert_non_null(strstr(r.body, "bearer token"));
}

static void it_is_shut_to_other_machines_without_credentials(void **state)
{
    httpd_room *room = *state;
    room->o.listen = "0.0.0.0:0";
    room_start(room);
    assert_int_equal(with_header(room, "/cts/pt", ""), 403);
    assert_non_null(strstr(r.body, "http_user"));
    assert_int_equal(with_header(room, "/v1/verdict", ""), 403);
    assert_non_null(strstr(r.body, "http_token"));
    assert_int_equal(with_header(room, "/metrics", ""), 403);
    assert_true(still_serves(room));
    assert_true(room_log_has(room, "closed to other machines"));
    assert_true(room_log_has(room, "speaks plain HTTP"));
}

static void it_is_shut_to_web_pages_without_credentials(void **state)
{
    httpd_room *room = *state;
    bool closed;
    room_start(room);
    assert_int_equal(with_header(room, "/v1/verdict", "Origin: http://evil.example\r\n"), 403);
    const char *rebound = "GET /metrics HTTP/1.1\r\nHost: evil.example:9000\r\n\r\n";
    assert_int_equal(say(room, rebound, strlen(rebound), &closed), 403);
    const char *local = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9000\r\n\r\n";
    assert_int_equal(say(room, local, strlen(local), &closed), 200);
}

/* ------------------------------------------------------------------------------------------------- TLS */

static void it_speaks_tls(void **state)
{
    httpd_room *room = *state;
    char folder[] = "/tmp/ptv-tls-XXXXXX", line[256], cert[64], key[64], ca[64], url[64];
    assert_non_null(mkdtemp(folder));
    snprintf(line, sizeof line, ". tests/lib/mock.sh && make_test_ca %s", folder);
    if (system(line) != 0)
        skip();
    snprintf(cert, sizeof cert, "%s/server.pem", folder);
    snprintf(key, sizeof key, "%s/server.key", folder);
    snprintf(ca, sizeof ca, "%s/ca.pem", folder);
    room->o.tls_cert = cert;
    room->o.tls_key = key;
    room_start(room);
    ptv_transport t;
    ptv_http_options options = { .verify = true, .ca_file = ca };
    assert_int_equal(ptv_http_new(&t, &options, &room->err), PTV_OK);
    snprintf(url, sizeof url, "https://localhost:%d", ptv_httpd_port(room->h));
    result answer = get(&t, url, "/healthz");
    assert_int_equal(answer.status, 200);

    char path[128];
    snprintf(path, sizeof path, "%s/v1/verdict", url);
    ptv_request q = REQUEST(path);
    q.method = "POST";
    q.content_type = "application/x-ndjson";
    q.body = "a.example\nb.example\n";
    q.body_len = strlen(q.body);
    result list = { 0 };
    assert_int_equal(t.start(t.self, &q, on_result, &list, &room->err), PTV_OK);
    for (int answered = 0; answered < 2;) {
        t.poll(t.self, 10, &room->err);
        ptv_httpd_job *job = ptv_httpd_take(room->h, true);
        if (job)
            ANSWER(room, job, HIT);
        answered += job != NULL;
    }
    assert_true(poll_until(&t, &list, 1));
    assert_int_equal(list.status, 200);
    assert_non_null(strstr(list.body, "a.example"));
    assert_non_null(strstr(list.body, "b.example"));
    t.free(t.self);

    ptv_httpd_stop(room->h);
    room->o.deadline_ms = 400;
    room_start(room);
    int fd = dial(room); /* plain bytes where TLS is due, and a handshake that never comes */
    (void)send_text(fd, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_true(is_closed(fd, 3000));
    close(fd);
    fd = dial(room);
    assert_true(is_closed(fd, 3000));
    close(fd);
    fd = dial(room);
    (void)send_bytes(fd, "\x16\x03\x01\x02\x00", 5);
    assert_in_range(drip(fd, "\x01"), 200, 4500);
    close(fd);
    snprintf(line, sizeof line, "rm -r %s", folder);
    (void)!system(line);
}

/* ------------------------------------------------------------------------------------- start and end */

static void refuses(httpd_room *room, ptv_code code, const char *what)
{
    ptv_httpd *h = NULL;
    ptv_code rc = ptv_httpd_start(&h, &room->o, &room->err);
    if (rc != code || !strstr(room->err.msg, what))
        fail_msg("%s: %s", ptv_code_name(rc), rc ? room->err.msg : "");
    assert_null(h);
}

static void it_says_why_it_does_not_start(void **state)
{
    httpd_room *room = *state;
    static const char *const places[] = { "9000",           "localhost", "127.0.0.1:", "127.0.0.1:x",    "127.0.0.1:70000",
                                          "evil.example:1", "[::1:9000", "::1:9000",   "300.0.0.1:9000", ":9000" };
    char text[64], path[600];
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        room->o.listen = places[i];
        refuses(room, PTV_ESETTINGS, "http_listen = ");
    }
    room->o.listen = "203.0.113.1:9000";
    refuses(room, PTV_EIO, "http_listen = 203.0.113.1:9000: ");
    room->o.listen = "127.0.0.1:0";
    room_start(room);
    snprintf(text, sizeof text, "127.0.0.1:%d", ptv_httpd_port(room->h));
    room->o.listen = text;
    refuses(room, PTV_EIO, "Address already in use");
    room->o.listen = "127.0.0.1:0";
    room->o.user = "soar";
    refuses(room, PTV_ESETTINGS, "http_password");
    room->o.user = "so:ar";
    room->o.password = "x";
    refuses(room, PTV_ESETTINGS, "colon");
    room->o.user = room->o.password = NULL;
    room->o.cts_name = "a/b";
    refuses(room, PTV_ESETTINGS, "cts_name");
    room->o.cts_name = NULL;
    room->o.tls_cert = "/nowhere/cert.pem";
    refuses(room, PTV_ESETTINGS, "http_tls_key");
    room->o.tls_key = "/nowhere/key.pem";
    refuses(room, PTV_EIO, "http_tls_cert = /nowhere/cert.pem: ");
    snprintf(path, sizeof path, "%s", scratch_write(&room->rules, "bad.pem", "no certificate"));
    room->o.tls_cert = room->o.tls_key = path;
    refuses(room, PTV_ESETTINGS, "http_tls_cert");
    room->o.tls_cert = room->o.tls_key = NULL;
}

static void it_stays_closed_when_off(void **state)
{
    httpd_room *room = *state;
    room->o.listen = "off";
    room_start(room);
    assert_null(room->h);
    assert_null(ptv_httpd_take(room->h, true));
    ptv_httpd_drain(room->h);
    ptv_httpd_forget(room->h);
    assert_int_equal(ptv_httpd_waiting(room->h), 0);
}

static void it_answers_on_every_address_and_on_ipv6(void **state)
{
    httpd_room *room = *state;
    room->o.listen = "*:0";
    room_start(room);
    assert_true(still_serves(room));
    ptv_httpd_stop(room->h);
    room->h = NULL;
    room->o.listen = "[::1]:0";
    ptv_code rc = ptv_httpd_start(&room->h, &room->o, &room->err);
    assert_true(rc == PTV_OK || rc == PTV_EIO); /* a machine without IPv6 */
}

static void it_drains(void **state)
{
    httpd_room *room = *state;
    room_start(room);
    int idle = dial(room);
    assert_true(send_text(idle, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    read_reply(idle, &r);
    assert_true(r.is_open);
    int fd = send_request(room, "POST", "/cts/pt", "", EVIL);
    ptv_httpd_job *job = take_job(room);
    ptv_httpd_drain(room->h);
    assert_true(is_closed(idle, 2000));
    close(idle);
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)ptv_httpd_port(room->h)),
                              .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    int refused = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(refused, (struct sockaddr *)&at, sizeof at), -1);
    close(refused);
    assert_int_not_equal(ptv_httpd_waiting(room->h), 0);
    ANSWER(room, job, HIT);
    read_reply(fd, &r);
    assert_int_equal(r.status, 200);
    assert_false(r.is_open);
    assert_true(is_closed(fd, 2000));
    close(fd);
    for (int i = 0; i < 100 && ptv_httpd_waiting(room->h); i++)
        poll(NULL, 0, 10);
    assert_int_equal(ptv_httpd_waiting(room->h), 0);
}

static void it_stops_whatever_is_going_on(void **state)
{
    httpd_room *room = *state;
    int fd[6];
    size_t before = ptv_mem_live();
    room_start(room);
    fd[0] = send_request(room, "POST", "/cts/pt", "", EVIL);
    fd[1] = send_request(room, "POST", "/v1/verdict", "", "{\"value\":\"a.example\"}");
    fd[2] = send_request(room, "POST", "/v1/verdict", NDJSON, "a.example\nb.example\n");
    fd[3] = send_request(room, "GET", "/cts/pt/00000000-0000-8000-a000-000000000000", "", "");
    fd[4] = dial(room);
    assert_true(send_text(fd[4], "POST /v1/verdict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n{"));
    fd[5] = dial(room);
    (void)take_job(room);
    (void)take_job(room);
    ptv_httpd_stop(room->h);
    room->h = NULL;
    assert_int_equal(ptv_mem_live(), before);
    for (int i = 0; i < 6; i++) {
        assert_true(is_closed(fd[i], 1000));
        close(fd[i]);
    }
}

/* --------------------------------------------------------------------------------------------- memory */

static void it_starts_or_says_that_memory_has_ended(void **state)
{
    httpd_room *room = *state;
    size_t before = ptv_mem_live();
    room->o.user = "soar";
    room->o.password = "x";
    room->o.token = "t";
    bool started = false;
    for (unsigned long nth = 1; !started; nth++) {
        assert_true(nth < 100);
        ptv_httpd *h = NULL;
        ptv_mem_fail_at(nth);
        ptv_code rc = ptv_httpd_start(&h, &room->o, &room->err);
        started = rc == PTV_OK;
        ptv_mem_fail_at(0);
        assert_true(rc == PTV_OK || rc == PTV_ENOMEM);
        ptv_httpd_stop(h);
        assert_int_equal(ptv_mem_live(), before);
    }
}

/* The nth allocation of a request fails, whichever it is: an answer, or the end of the connection; and life goes on. */
static void fail_each(httpd_room *room, const char *path, const char *more, const char *body)
{
    static const char record[] = "{\"artifact\":\"evil.example\",\"tags\":[\"ransomware\"]}";
    ptv_report *report = NULL;
    char text[1024];
    assert_int_equal(ptv_eval(&report, room->judge, record, strlen(record), &room->err), PTV_OK);
    snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n%s", path, more,
             strlen(body), body);
    for (unsigned long nth = 1, good = 0; good < 3; nth++) {
        assert_true(nth < 1000);
        int fd = dial(room);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        unsigned long asked = ptv_mem_count();
        ptv_mem_fail_at(nth);
        (void)send_text(fd, text);
        for (int i = 0; i < 5000 && (!poll(&p, 1, 0) || ptv_httpd_waiting(room->h)); i++) {
            ptv_httpd_job *job = ptv_httpd_take(room->h, true);
            if (job)
                ptv_httpd_answer(room->h, job, report, NULL);
            else
                poll(NULL, 0, 1);
        }
        read_reply(fd, &r);
        close(fd);
        bool hit = ptv_mem_count() - asked >= nth;
        ptv_mem_fail_at(0);
        assert_int_equal(ptv_httpd_waiting(room->h), 0);
        assert_true(r.status == 0 || r.status == 200 || r.status == 303 || r.status == 503);
        good = hit ? 0 : good + 1;
        if (!hit)
            assert_int_equal(r.status, 200);
        ptv_httpd_forget(room->h);
    }
    ptv_report_free(report);
}

static void it_outlives_the_end_of_memory(void **state)
{
    httpd_room *room = *state;
    room_start(room);
    fail_each(room, "/cts/pt", "", EVIL);
    fail_each(room, "/v1/verdict", "", "{\"value\":\"a.example\"}");
    fail_each(room, "/v1/verdict", NDJSON, "a.example\nb.example\n{\n");
    assert_true(still_serves(room));
    ptv_httpd_stop(room->h);
    ptv_client_free(room->judge);
    room->h = NULL;
    room->judge = NULL;
    assert_int_equal(ptv_mem_live(), room->live_at_begin);
}

#define ROW(f) cmocka_unit_test_setup_teardown(f, open_room, close_room)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(it_cuts_who_drips_a_header),
        ROW(it_cuts_who_drips_a_body),
        ROW(it_cuts_who_says_nothing),
        ROW(it_gives_each_request_of_a_connection_its_own_time),
        ROW(it_waits_for_a_lookup_longer_than_for_a_client),
        ROW(it_cuts_who_does_not_read),
        ROW(it_says_when_the_loop_is_stuck),
        ROW(it_gives_up_on_lookups_that_are_never_answered),
        ROW(it_refuses_a_head_that_is_too_large),
        ROW(it_refuses_a_body_over_its_ceiling),
        ROW(it_drops_an_endless_body),
        ROW(it_limits_connections_of_an_address),
        ROW(it_limits_connections_and_lets_the_next_wait),
        ROW(it_serves_a_hundred_at_once),
        ROW(it_refuses_a_request_whose_end_is_not_certain),
        ROW(it_outlives_bytes_that_are_no_request),
        ROW(it_asks_for_user_and_password),
        ROW(it_asks_for_the_token),
        ROW(it_keeps_a_body_of_a_stranger_nowhere),
        ROW(it_is_shut_to_other_machines_without_credentials),
        ROW(it_is_shut_to_web_pages_without_credentials),
        ROW(it_speaks_tls),
        ROW(it_says_why_it_does_not_start),
        ROW(it_stays_closed_when_off),
        ROW(it_answers_on_every_address_and_on_ipv6),
        ROW(it_drains),
        ROW(it_stops_whatever_is_going_on),
        ROW(it_starts_or_says_that_memory_has_ended),
        ROW(it_outlives_the_end_of_memory),
    };
    return cmocka_run_group_tests_name("httpd_limits", tests, NULL, NULL);
}
