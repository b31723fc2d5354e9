/*
 * test_http.c: the transport against a mock that fails in every way: answers, faults, ceilings, redirects, time-outs, reuse.
 * TLS, HTTP/2 and proxies are in test_http_tls.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../lib/http_help.h"
#include "base/mem.h"
#include "net/http_parts.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#define TAGS "/v2/actions/tags?query="
#define DNS  "/v2/dns/passive?query="

static server mock;
static bool has_mock;
static ptv_transport net; /* made anew for each test */

#define NEED_MOCK()                                                                                                         \
    do {                                                                                                                    \
        if (!has_mock)                                                                                                      \
            skip();                                                                                                         \
    } while (0)

static int start_mock(void **state)
{
    (void)state;
    const char *argv[] = { "node", "tests/lib/mock.js", "--auth", "user:s3cr3t-key", NULL };
    server_start(&mock, argv);
    has_mock = server_ready(&mock);
    if (!has_mock)
        print_message("[  NOTE    ] node is missing: tests that need a server are skipped\n");
    return 0;
}

static int stop_mock(void **state)
{
    (void)state;
    server_stop(&mock);
    return 0;
}

static size_t live_before;

static int open_net(void **state)
{
    (void)state;
    ptv_error err = { 0 };
    ptv_http_options options = { .verify = true, .max_connections = 8 };
    live_before = ptv_mem_live();
    return ptv_http_new(&net, &options, &err);
}

static int close_net(void **state)
{
    (void)state;
    net.free(net.self);
    return ptv_mem_live() == live_before ? 0 : -1;
}

static ptv_request request(const char *url)
{
    ptv_request q = REQUEST(url);
    q.user = "user";
    q.secret = "s3cr3t-key";
    return q;
}

static result ask_mock(const char *path)
{
    char url[1024];
    snprintf(url, sizeof url, "%s%s", mock.url, path);
    ptv_request q = request(url);
    return ask(&net, &q);
}

static void reset_mock(void)
{
    char url[128];
    snprintf(url, sizeof url, "%s/_reset", mock.url);
    ptv_request q = request(url);
    q.method = "POST";
    q.body = "";
    assert_int_equal(ask(&net, &q).status, 200);
}

static long stat_of_mock(const char *name)
{
    result r = ask_mock("/_stats");
    assert_int_equal(r.status, 200);
    return stat_of(r.body, name);
}

/* ------------------------------------------------------------------------------------------- answers */

static void it_brings_an_answer(void **state)
{
    (void)state;
    NEED_MOCK();
    result r = ask_mock(TAGS "flagged.example");
    assert_int_equal(r.code, PTV_OK);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.calls, 1);
    assert_string_equal(r.body, "{\"tags\":[\"Compromised\",\"apt\"]}");
    assert_int_equal(r.body_len, strlen(r.body));
    assert_string_equal(r.content_type, "application/json");
    assert_int_equal(r.retry_after_s, -1);
    assert_string_equal(r.message, "");
}

static void it_sends_what_was_asked_and_nothing_more(void **state)
{
    (void)state;
    NEED_MOCK();
    reset_mock();
    char url[256];
    snprintf(url, sizeof url, "%s/v2/actions/tags", mock.url);
    ptv_request q = request(url);
    q.body = "{\"query\":\"flagged.example\"}";
    q.body_len = strlen(q.body);
    q.content_type = "application/json";
    result r = ask(&net, &q);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.body, "{\"tags\":[\"Compromised\",\"apt\"]}");
    r = ask_mock("/_stats");
    assert_non_null(strstr(r.body, "\"content-type\":\"application/json\""));
    assert_non_null(strstr(r.body, "\"user-agent\":\"ptverdict/"));
    assert_non_null(strstr(r.body, "\"accept-encoding\":\"gzip, deflate\""));
    assert_null(strstr(r.body, "\"expect\""));
    assert_null(strstr(r.body, "\"cookie\""));
    assert_int_equal(stat_of(r.body, "query_in_body"), 1);
    assert_int_equal(stat_of(r.body, "url_or_body_with_key"), 0);
    /* a handle that carried a body sends none the next time */
    ask_mock(TAGS "a.example");
    r = ask_mock("/_stats");
    assert_null(strstr(r.body, "\"content-length\""));
    assert_null(strstr(r.body, "\"content-type\":\"application/json\""));
}

static void it_strips_user_and_fragment_from_a_url(void **state)
{
    (void)state;
    NEED_MOCK();
    char url[256];
    snprintf(url, sizeof url, "http://someone:else@%s" TAGS "flagged.example#part", mock.url + strlen("http://"));
    ptv_request q = REQUEST(url);
    assert_int_equal(ask(&net, &q).status, 401);
    q = request(url);
    assert_int_equal(ask(&net, &q).status, 200);
}

static void it_keeps_one_connection(void **state)
{
    (void)state;
    NEED_MOCK();
    ask_mock("/_stats");
    reset_mock();
    for (int i = 0; i < 50; i++)
        assert_int_equal(ask_mock(TAGS "a.example").status, 200);
    assert_int_equal(stat_of_mock("connections"), 0); /* the one there was before the reset */
    assert_int_equal(stat_of_mock("requests"), 50);
}

static void it_runs_many_at_once_on_few_connections(void **state)
{
    (void)state;
    NEED_MOCK();
    reset_mock();
    enum { MANY = 400 };
    static result results[MANY];
    memset(results, 0, sizeof results);
    ptv_error err = { 0 };
    for (int i = 0; i < MANY; i++) {
        char url[256];
        snprintf(url, sizeof url, "%s" TAGS "n%d.flagged.example", mock.url, i);
        ptv_request q = request(url);
        assert_int_equal(net.start(net.self, &q, on_result, &results[i], &err), PTV_OK);
    }
    assert_true(poll_until(&net, results, MANY));
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(results[i].calls, 1);
        assert_int_equal(results[i].status, 200);
    }
    assert_in_range(stat_of_mock("connections"), 1, 8);
    assert_int_equal(stat_of_mock("requests"), MANY);
}

/* ------------------------------------------------------------------------------------------- faults */

typedef struct fault_row {
    const char *fault;
    ptv_code code;
    int status;
    bool retryable;
    int64_t retry_after_s;
    const char *has; /* in the message of a failure, or in the body of an answer */
} fault_row;

static const fault_row faults[] = {
    { "status-400", PTV_OK, 400, false, -1, "not a valid domain" },
    { "status-401", PTV_OK, 401, false, -1, "invalid credentials" },
    { "status-402", PTV_OK, 402, false, -1, "license" },
    { "status-404", PTV_OK, 404, false, -1, "no results" },
    { "status-407", PTV_OK, 407, false, -1, "status 407" },
    { "status-429-120", PTV_OK, 429, false, 120, "quota_exceeded" },
    { "status-503", PTV_OK, 503, false, -1, "unavailable" },
    { "status-204", PTV_OK, 204, false, -1, "" },
    { "quota-200", PTV_OK, 200, false, -1, "quota_exceeded" },
    { "html", PTV_OK, 200, false, -1, "<!DOCTYPE html>" },
    { "wrong-type", PTV_OK, 200, false, -1, "tags" },
    { "empty", PTV_OK, 200, false, -1, "" },
    { "bad-json", PTV_OK, 200, false, -1, "compromised" },
    { "nul", PTV_OK, 200, false, -1, "compro" },
    { "gzip", PTV_OK, 200, false, -1, "{\"tags\"" },
    { "deflate", PTV_OK, 200, false, -1, "{\"tags\"" },
    { "delay-50", PTV_OK, 200, false, -1, "{\"tags\"" },
    { "goaway", PTV_OK, 200, false, -1, "{\"tags\"" },
    { "redirect-same", PTV_OK, 200, false, -1, "{\"tags\"" },
    { "redirect-relative", PTV_OK, 200, false, -1, "{\"tags\"" },
    { "redirect-other", PTV_OK, 302, false, -1, "moved" },
    { "redirect-http", PTV_OK, 302, false, -1, "moved" },
    { "redirect-user", PTV_OK, 302, false, -1, "moved" },
    { "redirect-loop", PTV_OK, 302, false, -1, "moved" },
    { "truncate", PTV_ENET, 0, true, -1, "cut after " },
    { "truncate-chunked", PTV_ENET, 0, true, -1, "cut after " },
    { "reset", PTV_ENET, 0, true, -1, "closed before an answer came" },
    { "reset-mid", PTV_ENET, 0, true, -1, "cut after " },
    { "close", PTV_ENET, 0, true, -1, "closed before an answer came" },
    { "gzip-bad", PTV_ENET, 0, true, -1, "cannot be unpacked" },
    { "encoding", PTV_ENET, 0, true, -1, "cannot be unpacked" },
    { "garbage", PTV_ENET, 0, false, -1, "does not answer in HTTP" },
    { "huge-2", PTV_ETOOBIG, 0, false, -1, "over 131072 bytes (max_body)" },
    { "huge-chunked-2", PTV_ETOOBIG, 0, false, -1, "over 131072 bytes (max_body)" },
    { "gzip-bomb-8", PTV_ETOOBIG, 0, false, -1, "over 131072 bytes (max_body)" },
    { "big-header-80", PTV_ETOOBIG, 0, false, -1, "headers that are too long" },
    { "big-header-512", PTV_ETOOBIG, 0, false, -1, "headers that are too long" },
    { "hang", PTV_ETIMEOUT, 0, true, -1, "no answer from 127.0.0.1 port " },
    { "hang-mid", PTV_ETIMEOUT, 0, false, -1, "was not complete within 1.5 s: " },
    { "drip-200", PTV_ETIMEOUT, 0, false, -1, "was not complete within 1.5 s: " },
    { "slow-headers-60", PTV_ETIMEOUT, 0, true, -1, "no answer from" },
};
enum { FAULTS = sizeof faults / sizeof *faults };

static void it_tells_every_fault_apart(void **state)
{
    (void)state;
    NEED_MOCK();
    static result results[FAULTS];
    memset(results, 0, sizeof results);
    ptv_error err = { 0 };
    size_t first_late = FAULTS;
    for (int i = 0; i < FAULTS; i++) {
        char url[256];
        snprintf(url, sizeof url, "%s" TAGS "%s.tags.flagged.example", mock.url, faults[i].fault);
        ptv_request q = request(url);
        if (faults[i].code == PTV_ETIMEOUT) { /* these come last, and have the connections for themselves */
            if (first_late == FAULTS)
                first_late = (size_t)i;
            assert_true(poll_until(&net, results, first_late));
            q.timeout_ms = 1500;
        }
        q.body_limit_bytes = 128 << 10;
        assert_int_equal(net.start(net.self, &q, on_result, &results[i], &err), PTV_OK);
    }
    assert_true(poll_until(&net, results, FAULTS));
    for (int i = 0; i < FAULTS; i++) {
        const fault_row *want = &faults[i];
        const result *got = &results[i];
        const char *text = want->code ? got->message : got->body;
        if (got->calls != 1 || got->code != want->code || got->status != want->status || got->retryable != want->retryable ||
            got->retry_after_s != want->retry_after_s || !strstr(text, want->has))
            fail_msg("%s: %d calls, %s, HTTP %d, retryable %d, Retry-After %lld, \"%s\", body \"%s\"", want->fault,
                     got->calls, ptv_code_name(got->code), got->status, got->retryable, (long long)got->retry_after_s,
                     got->message, got->body);
        if (want->code) {
            assert_non_null(strstr(got->message, "127.0.0.1"));
            assert_true(got->detail > 0);
        }
        assert_null(strstr(got->message, "s3cr3t"));
        assert_null(strstr(got->message, "flagged"));
    }
}

static void it_reads_a_retry_date_against_the_servers_own_clock(void **state)
{
    (void)state;
    NEED_MOCK();
    result r = ask_mock(TAGS "retry-date-90.tags.example");
    assert_int_equal(r.status, 503);
    assert_in_range(r.retry_after_s, 88, 91);
}

static void it_shows_where_a_redirect_wanted_to_go(void **state)
{
    (void)state;
    NEED_MOCK();
    result r = ask_mock(TAGS "redirect-other.tags.example");
    assert_string_equal(r.location, "http://other.invalid/login?next=x");
    r = ask_mock(TAGS "redirect-user.tags.example");
    assert_string_equal(r.location, "http://other.invalid/");
    reset_mock();
    r = ask_mock(TAGS "redirect-loop.tags.example");
    assert_int_equal(r.status, 302);
    assert_non_null(strstr(r.location, "redirect-loop"));
    assert_int_equal(stat_of_mock("requests"), 6); /* the first and five more */
}

static void it_is_not_confused_by_what_comes_after_an_answer(void **state)
{
    (void)state;
    NEED_MOCK();
    for (int i = 0; i < 10; i++) {
        result r = ask_mock(TAGS "excess.tags.flagged.example");
        assert_true(r.status == 200 || r.retryable); /* its own answer, or bytes left by the one before */
        r = ask_mock(TAGS "flagged.example");
        assert_true(r.status == 200 || r.retryable);
        if (r.status == 200)
            assert_string_equal(r.body, "{\"tags\":[\"Compromised\",\"apt\"]}");
    }
}

static void it_recovers_after_each_fault(void **state)
{
    (void)state;
    NEED_MOCK();
    for (int i = 0; i < 3; i++) {
        ask_mock(TAGS "reset.tags.example");
        ask_mock(TAGS "truncate.tags.example");
        assert_int_equal(ask_mock(TAGS "flagged.example").status, 200);
    }
}

/* ----------------------------------------------------------------------------------------- ceilings */

static void it_holds_all_bodies_under_one_ceiling(void **state)
{
    (void)state;
    NEED_MOCK();
    ptv_transport small;
    ptv_error err = { 0 };
    ptv_http_options options = { .verify = true, .max_connections = 8, .bodies_limit_bytes = 3 << 20 };
    assert_int_equal(ptv_http_new(&small, &options, &err), PTV_OK);
    enum { MANY = 16 };
    static result results[MANY];
    memset(results, 0, sizeof results);
    char url[256];
    snprintf(url, sizeof url, "%s" TAGS "huge-chunked-2.tags.example", mock.url);
    for (int i = 0; i < MANY; i++) {
        ptv_request q = request(url);
        q.body_limit_bytes = 2 << 20;
        assert_int_equal(small.start(small.self, &q, on_result, &results[i], &err), PTV_OK);
    }
    const ptv_http *inside = small.self;
    while (inside->running.count || inside->waiting.count) {
        assert_int_equal(small.poll(small.self, 100, &err), PTV_OK);
        assert_in_range(inside->body_bytes, 0, 3 << 20);
    }
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(results[i].code, PTV_OK);
        assert_int_equal(results[i].body_len, 2 << 20);
    }
    small.free(small.self);
}

/* ------------------------------------------------------------------------------ places and refusals */

static void it_refuses_plain_http_to_other_machines(void **state)
{
    (void)state;
    static const char *const refused[] = { "http://api.example/",  "http://127.0.0.1.example/", "http://[2001:db8::1]/",
                                           "http://128.0.0.1:80/", "http://localhost.example/", "http://user@10.0.0.1/" };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        ptv_request q = request(refused[i]);
        result r = ask(&net, &q);
        assert_int_equal(r.code, PTV_EINVAL);
        assert_non_null(strstr(r.message, "allow_http"));
        assert_null(strstr(r.message, "user"));
    }
    static const char *const unreadable[] = {
        "", "no url", "https://", "https://a b/", "https://[::1/", "https://a.example:99999/"
    };
    for (size_t i = 0; i < sizeof unreadable / sizeof *unreadable; i++) {
        ptv_request q = request(unreadable[i]);
        assert_int_equal(ask(&net, &q).code, PTV_EINVAL);
    }
    static const char *const schemes[] = { "ftp://a.example/", "file:///etc/passwd", "gopher://localhost/",
                                           "data:text/plain,x" };
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        ptv_request q = request(schemes[i]);
        assert_int_equal(ask(&net, &q).code, PTV_EINVAL);
    }
}

static void it_goes_to_every_spelling_of_this_machine(void **state)
{
    (void)state;
    NEED_MOCK();
    static const char *const hosts[] = { "127.0.0.1", "localhost", "LOCALHOST", "127.1", "0x7f.0.0.1" };
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        char url[256];
        snprintf(url, sizeof url, "http://%s%s" TAGS "a.example", hosts[i], strrchr(mock.url, ':'));
        ptv_request q = request(url);
        assert_int_equal(ask(&net, &q).status, 200);
    }
}

/* A socket on loopback that listens and never accepts; the port is free again once it is closed. */
static int listen_on(int *port, int backlog)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static void it_says_that_a_connection_was_refused(void **state)
{
    (void)state;
    int port;
    close(listen_on(&port, 1));
    char url[128], want[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
    snprintf(want, sizeof want, "connection refused by 127.0.0.1 port %d", port);
    ptv_request q = request(url);
    result r = ask(&net, &q);
    assert_int_equal(r.code, PTV_ENET);
    assert_int_equal(r.detail, 7);
    assert_true(r.retryable);
    assert_string_equal(r.message, want);
}

static void it_says_that_a_name_was_not_found(void **state)
{
    (void)state;
    /* A label of 70 letters: refused by the resolver itself, no name server is asked. */
    ptv_request q = request("https://aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg.example/");
    result r = ask(&net, &q);
    assert_int_equal(r.code, PTV_ENET);
    assert_non_null(strstr(r.message, "gggggggggg.example was not found (DNS)"));
}

static void it_gives_up_connecting(void **state)
{
    (void)state;
    int port, fd = listen_on(&port, 0), fillers[4];
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((uint16_t)port) };
    for (int i = 0; i < 4; i++) { /* once the queue is full, the kernel drops what knocks */
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&a, sizeof a);
    }
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
    ptv_request q = request(url);
    q.connect_timeout_ms = 200;
    int64_t began = net.now_ms(net.self);
    result r = ask(&net, &q);
    assert_int_equal(r.code, PTV_ETIMEOUT);
    assert_true(r.retryable);
    assert_non_null(strstr(r.message, "no connection to 127.0.0.1 port "));
    assert_non_null(strstr(r.message, "within 0.2 s (connect_timeout)"));
    assert_in_range(net.now_ms(net.self) - began, 150, 1500);
    for (int i = 0; i < 4; i++)
        close(fillers[i]);
    close(fd);
}

static void it_counts_waiting_for_a_connection_as_waiting(void **state)
{
    (void)state;
    NEED_MOCK();
    static result results[20];
    memset(results, 0, sizeof results);
    ptv_error err = { 0 };
    char url[256];
    snprintf(url, sizeof url, "%s" TAGS "hang.tags.example", mock.url);
    int64_t began = net.now_ms(net.self);
    for (int i = 0; i < 20; i++) { /* eight connections: the others never get one */
        ptv_request q = request(url);
        q.timeout_ms = 300;
        assert_int_equal(net.start(net.self, &q, on_result, &results[i], &err), PTV_OK);
    }
    assert_true(poll_until(&net, results, 20));
    assert_in_range(net.now_ms(net.self) - began, 250, 800);
    for (int i = 0; i < 20; i++)
        assert_int_equal(results[i].code, PTV_ETIMEOUT);
}

static void it_names_files_that_cannot_be_read(void **state)
{
    (void)state;
    ptv_transport t;
    ptv_error err = { 0 };
    ptv_http_options ca = { .verify = true, .ca_file = "/nonexistent/ca.pem" };
    assert_int_equal(ptv_http_new(&t, &ca, &err), PTV_ESETTINGS);
    assert_string_equal(err.msg, "the CA file /nonexistent/ca.pem: No such file or directory");
    ptv_http_options half = { .verify = true, .client_cert = "/nonexistent/c.pem" };
    assert_int_equal(ptv_http_new(&t, &half, &err), PTV_ESETTINGS);
    assert_non_null(strstr(err.msg, "belong together"));
}

/* ------------------------------------------------------------------------------ cancel, wakeup, memory */

static void it_drops_what_is_cancelled(void **state)
{
    (void)state;
    NEED_MOCK();
    static result dropped[12], kept;
    memset(dropped, 0, sizeof dropped);
    memset(&kept, 0, sizeof kept);
    ptv_error err = { 0 };
    char url[256];
    snprintf(url, sizeof url, "%s" TAGS "delay-100.tags.example", mock.url);
    ptv_request q = request(url);
    for (int i = 0; i < 12; i++) /* running and waiting ones */
        assert_int_equal(net.start(net.self, &q, on_result, &dropped[i], &err), PTV_OK);
    assert_int_equal(net.start(net.self, &q, on_result, &kept, &err), PTV_OK);
    assert_int_equal(net.poll(net.self, 20, &err), PTV_OK);
    for (int i = 0; i < 12; i++)
        net.cancel(net.self, &dropped[i]);
    assert_true(poll_until(&net, &kept, 1));
    assert_int_equal(kept.status, 200);
    for (int i = 0; i < 12; i++)
        assert_int_equal(dropped[i].calls, 0);
}

/* A callback that cancels its neighbour and starts another request. */
typedef struct busy {
    result *neighbour;
    result next;
    int calls;
    char url[256];
} busy;

static void on_busy(void *tag, const ptv_response *r)
{
    busy *b = tag;
    ptv_error err = { 0 };
    assert_int_equal(r->code, PTV_OK);
    b->calls++;
    net.cancel(net.self, b->neighbour);
    net.cancel(net.self, b); /* itself: already gone */
    ptv_request q = request(b->url);
    assert_int_equal(net.start(net.self, &q, on_result, &b->next, &err), PTV_OK);
}

static void it_may_be_used_from_its_own_callbacks(void **state)
{
    (void)state;
    NEED_MOCK();
    static result neighbour;
    static busy b;
    memset(&neighbour, 0, sizeof neighbour);
    memset(&b, 0, sizeof b);
    b.neighbour = &neighbour;
    ptv_error err = { 0 };
    snprintf(b.url, sizeof b.url, "%s" TAGS "a.example", mock.url);
    char slow[256];
    snprintf(slow, sizeof slow, "%s" TAGS "delay-50.tags.example", mock.url);
    ptv_request q = request(b.url), s = request(slow);
    assert_int_equal(net.start(net.self, &s, on_result, &neighbour, &err), PTV_OK);
    assert_int_equal(net.start(net.self, &q, on_busy, &b, &err), PTV_OK);
    assert_true(poll_until(&net, &b.next, 1));
    assert_int_equal(net.poll(net.self, 80, &err), PTV_OK);
    assert_int_equal(b.calls, 1);
    assert_int_equal(neighbour.calls, 0);
    assert_int_equal(b.next.status, 200);
}

static void *wake(void *tag)
{
    usleep(50000);
    ptv_transport *t = tag;
    t->wakeup(t->self);
    return NULL;
}

static void it_wakes_up_from_another_thread(void **state)
{
    (void)state;
    pthread_t thread;
    ptv_error err = { 0 };
    int64_t began = net.now_ms(net.self);
    assert_int_equal(pthread_create(&thread, NULL, wake, &net), 0);
    assert_int_equal(net.poll(net.self, 5000, &err), PTV_OK);
    pthread_join(thread, NULL);
    assert_in_range(net.now_ms(net.self) - began, 40, 2000);
}

static void it_waits_no_longer_than_asked(void **state)
{
    (void)state;
    ptv_error err = { 0 };
    int64_t began = net.now_ms(net.self);
    assert_int_equal(net.poll(net.self, 60, &err), PTV_OK);
    assert_in_range(net.now_ms(net.self) - began, 50, 500);
    assert_int_equal(net.poll(net.self, 0, &err), PTV_OK);
}

static void it_survives_every_failing_allocation(void **state)
{
    (void)state;
    NEED_MOCK();
    ptv_http_options options = { .verify = true, .user_agent = "test", .no_proxy = "*" };
    char url[256];
    snprintf(url, sizeof url, "%s" DNS "gzip.passive-dns.flagged.example", mock.url);
    int failures = 0;
    for (unsigned long nth = 1;; nth++) {
        assert_true(nth < 2000);
        size_t before = ptv_mem_live();
        ptv_transport t;
        ptv_error err = { 0 };
        result r = { 0 };
        ptv_request q = request(url);
        q.body = "{}";
        q.body_len = 2;
        q.content_type = "application/json";
        unsigned long asked = ptv_mem_count();
        ptv_mem_fail_at(nth);
        ptv_code rc = ptv_http_new(&t, &options, &err);
        if (!rc) {
            rc = t.start(t.self, &q, on_result, &r, &err);
            for (int i = 0; !rc && !r.calls && i < 100; i++)
                rc = t.poll(t.self, 100, &err);
            if (!rc) {
                assert_int_equal(r.calls, 1);
                rc = r.code;
            }
            t.free(t.self);
        }
        bool was_reached = ptv_mem_count() - asked >= nth;
        ptv_mem_fail_at(0);
        assert_int_equal(ptv_mem_live(), before);
        if (rc)
            assert_int_equal(rc, PTV_ENOMEM);
        else
            assert_int_equal(r.status, 200);
        failures += rc != PTV_OK;
        if (!was_reached)
            break;
    }
    assert_true(failures > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define WITH_NET(f) cmocka_unit_test_setup_teardown(f, open_net, close_net)
        WITH_NET(it_brings_an_answer),
        WITH_NET(it_sends_what_was_asked_and_nothing_more),
        WITH_NET(it_strips_user_and_fragment_from_a_url),
        WITH_NET(it_keeps_one_connection),
        WITH_NET(it_runs_many_at_once_on_few_connections),
        WITH_NET(it_tells_every_fault_apart),
        WITH_NET(it_reads_a_retry_date_against_the_servers_own_clock),
        WITH_NET(it_shows_where_a_redirect_wanted_to_go),
        WITH_NET(it_is_not_confused_by_what_comes_after_an_answer),
        WITH_NET(it_recovers_after_each_fault),
        WITH_NET(it_holds_all_bodies_under_one_ceiling),
        WITH_NET(it_refuses_plain_http_to_other_machines),
        WITH_NET(it_goes_to_every_spelling_of_this_machine),
        WITH_NET(it_says_that_a_connection_was_refused),
        WITH_NET(it_says_that_a_name_was_not_found),
        WITH_NET(it_gives_up_connecting),
        WITH_NET(it_counts_waiting_for_a_connection_as_waiting),
        WITH_NET(it_names_files_that_cannot_be_read),
        WITH_NET(it_drops_what_is_cancelled),
        WITH_NET(it_may_be_used_from_its_own_callbacks),
        WITH_NET(it_wakes_up_from_another_thread),
        WITH_NET(it_waits_no_longer_than_asked),
        cmocka_unit_test(it_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests_name("http", tests, start_mock, stop_mock);
}
