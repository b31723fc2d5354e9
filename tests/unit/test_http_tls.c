/*
 * test_http_tls.c: the transport over TLS, HTTP/2 and proxies, with certificates made for the occasion.
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
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define TAGS "/v2/actions/tags?query="

enum { GOOD, WRONG, EXPIRED, CLIENT, PLAIN, PROXY, LOGIN_PROXY, TLS_PROXY, SERVERS };
static server servers[SERVERS];
static char folder[] = "/tmp/ptv-tls-XXXXXX";
static bool has_all;

#define NEED_SERVERS()                                                                                                      \
    do {                                                                                                                    \
        if (!has_all)                                                                                                       \
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

static void start_tls(server *s, const char *name, const char *extra, const char *extra_value)
{
    char cert[64], key[64];
    snprintf(cert, sizeof cert, "%s.pem", name);
    snprintf(key, sizeof key, "%s.key", name);
    const char *argv[] = { "node", "tests/lib/mock.js", "--tls-cert", file(cert), "--tls-key", file(key),
                           extra,  extra_value,         NULL };
    server_start(s, argv);
}

static int start_servers(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || !run(". tests/lib/mock.sh && make_test_ca %s"))
        return 0;
    start_tls(&servers[GOOD], "server", "--h2", NULL);
    start_tls(&servers[WRONG], "wrong", NULL, NULL);
    start_tls(&servers[EXPIRED], "expired", NULL, NULL);
    start_tls(&servers[CLIENT], "server", "--client-ca", file("ca.pem"));
    const char *plain[] = { "node", "tests/lib/mock.js", NULL };
    const char *proxy[] = { "node", "tests/lib/proxy.js", NULL };
    const char *login[] = { "node", "tests/lib/proxy.js", "--auth", "carol:pr0xy-pw", NULL };
    const char *tls[] = { "node",      "tests/lib/proxy.js", "--tls-cert", file("server.pem"),
                          "--tls-key", file("server.key"),   NULL };
    server_start(&servers[PLAIN], plain);
    server_start(&servers[PROXY], proxy);
    server_start(&servers[LOGIN_PROXY], login);
    server_start(&servers[TLS_PROXY], tls);
    has_all = true;
    for (int i = 0; i < SERVERS; i++)
        has_all = server_ready(&servers[i]) && has_all;
    if (!has_all)
        print_message("[  NOTE    ] node or openssl is missing: tests that need servers are skipped\n");
    return 0;
}

static int stop_servers(void **state)
{
    (void)state;
    for (int i = 0; i < SERVERS; i++)
        server_stop(&servers[i]);
    run("rm -rf %s");
    return 0;
}

static int clear_environment(void **state)
{
    (void)state;
    static const char *const names[] = { "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy",
                                         "ALL_PROXY",  "all_proxy",   "NO_PROXY",   "no_proxy" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    return 0;
}

/* One request by a transport of its own. */
static result once(const ptv_http_options *options, const char *base, const char *path)
{
    ptv_transport t;
    ptv_error err = { 0 };
    result r = { 0 };
    size_t before = ptv_mem_live();
    r.code = ptv_http_new(&t, options, &err);
    copy_text(r.message, sizeof r.message, err.msg);
    if (r.code)
        return r;
    r = get(&t, base, path);
    t.free(t.self);
    assert_int_equal(ptv_mem_live(), before);
    return r;
}

static void assert_refused(const result *r, const char *has)
{
    assert_int_equal(r->code, PTV_ENET);
    assert_false(r->retryable);
    if (!strstr(r->message, has))
        fail_msg("\"%s\" lacks \"%s\"", r->message, has);
}

/* ---------------------------------------------------------------------------------------------- trust */

static void it_trusts_the_ca_it_is_given(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_http_options o = { .verify = true, .ca_file = file("ca.pem") };
    result r = once(&o, servers[GOOD].url, TAGS "flagged.example");
    assert_string_equal(r.message, "");
    assert_int_equal(r.status, 200);
}

static void it_trusts_the_hashed_folder_it_is_given(void **state)
{
    (void)state;
    NEED_SERVERS();
    if (!run("cd %s && mkdir hashed bare && cp ca.pem hashed/ca.pem && openssl rehash hashed"))
        fail();
    ptv_http_options o = { .verify = true, .ca_file = file("hashed") };
    result r = once(&o, servers[GOOD].url, TAGS "flagged.example");
    assert_string_equal(r.message, "");
    assert_int_equal(r.status, 200);
    ptv_http_options bare = { .verify = true, .ca_file = file("bare") };
    r = once(&bare, servers[GOOD].url, TAGS "flagged.example");
    assert_int_equal(r.code, PTV_ESETTINGS);
    assert_non_null(strstr(r.message, "bare holds no hashed certificate: run 'openssl rehash' on it"));
}

static void it_refuses_an_unknown_ca(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_http_options o = { .verify = true };
    result r = once(&o, servers[GOOD].url, TAGS "a.example");
    assert_refused(&r, "TLS: the certificate of 127.0.0.1 port ");
    assert_refused(&r,
                   "is not trusted (unable to get local issuer certificate): for a private CA set verify = /path/ca.pem");
    assert_int_equal(r.detail, 60);
}

static void it_refuses_a_certificate_for_another_name(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_http_options o = { .verify = true, .ca_file = file("ca.pem") };
    result r = once(&o, servers[WRONG].url, TAGS "a.example");
    assert_refused(&r, "is for another name");
}

static void it_refuses_an_expired_certificate(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_http_options o = { .verify = true, .ca_file = file("ca.pem") };
    result r = once(&o, servers[EXPIRED].url, TAGS "a.example");
    assert_refused(&r, "has expired");
}

static void it_checks_nothing_when_told_so(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_http_options o = { .verify = false };
    static const int all[] = { GOOD, WRONG, EXPIRED };
    for (int i = 0; i < 3; i++)
        assert_int_equal(once(&o, servers[all[i]].url, TAGS "a.example").status, 200);
}

static void it_says_when_the_ca_file_holds_no_certificate(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_http_options o = { .verify = true, .ca_file = file("server.key") };
    result r = once(&o, servers[GOOD].url, TAGS "a.example");
    assert_refused(&r, "server.key holds no certificate that can be read (verify)");
}

static void it_shows_a_client_certificate(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_http_options o = {
        .verify = true, .ca_file = file("ca.pem"), .client_cert = file("client.pem"), .client_key = file("client.key")
    };
    result r = once(&o, servers[CLIENT].url, TAGS "a.example");
    assert_string_equal(r.message, "");
    assert_int_equal(r.status, 200);
    ptv_http_options none = { .verify = true, .ca_file = file("ca.pem") };
    r = once(&none, servers[CLIENT].url, TAGS "a.example");
    assert_refused(&r, "wants a client certificate, it seems: set client_auth_cert and client_auth_key");
    ptv_http_options bad = {
        .verify = true, .ca_file = file("ca.pem"), .client_cert = file("client.pem"), .client_key = file("server.key")
    };
    r = once(&bad, servers[CLIENT].url, TAGS "a.example");
    assert_refused(&r, "the client certificate or its key cannot be used");
}

static void it_says_that_a_port_does_not_speak_tls(void **state)
{
    (void)state;
    NEED_SERVERS();
    char base[64];
    snprintf(base, sizeof base, "https://127.0.0.1%s", strrchr(servers[PLAIN].url, ':'));
    ptv_http_options o = { .verify = true };
    result r = once(&o, base, TAGS "a.example");
    assert_int_equal(r.code, PTV_ENET);
    assert_true(strstr(r.message, "does not speak TLS") || strstr(r.message, "closed the connection during the handshake"));
    snprintf(base, sizeof base, "http://127.0.0.1%s", strrchr(servers[GOOD].url, ':'));
    r = once(&o, base, TAGS "a.example");
    assert_int_equal(r.code, PTV_ENET);
}

static void it_gives_up_a_handshake_that_does_not_end(void **state)
{
    (void)state;
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    char url[64];
    snprintf(url, sizeof url, "https://localhost:%d/", ntohs(a.sin_port));
    ptv_transport t;
    ptv_error err = { 0 };
    ptv_http_options o = { .verify = true };
    assert_int_equal(ptv_http_new(&t, &o, &err), PTV_OK);
    ptv_request q = REQUEST(url);
    q.connect_timeout_ms = 200;
    result r = ask(&t, &q);
    t.free(t.self);
    close(fd);
    assert_int_equal(r.code, PTV_ETIMEOUT);
    assert_true(r.retryable);
    assert_non_null(strstr(r.message, "no connection to localhost port "));
}

static void it_follows_no_redirect_from_https_to_http(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_http_options o = { .verify = true, .ca_file = file("ca.pem") };
    result r = once(&o, servers[GOOD].url, TAGS "redirect-http.tags.example");
    assert_int_equal(r.status, 302);
    assert_memory_equal(r.location, "http://127.0.0.1:", 17);
    assert_int_equal(once(&o, servers[GOOD].url, TAGS "redirect-same.tags.example").status, 200);
}

/* --------------------------------------------------------------------------------------------- HTTP/2 */

/* `count` requests, `at_once` of them under way; a retryable failure is asked once more. Returns what failed for good. */
static int flood(ptv_transport *t, const char *base, int count, int at_once, int *retried)
{
    static result results[64];
    static bool is_second[64];
    int begun = 0, ended = 0, failed = 0;
    ptv_error err = { 0 };
    char url[256];
    snprintf(url, sizeof url, "%s" TAGS "flagged.example", base);
    ptv_request q = REQUEST(url);
    for (int i = 0; i < at_once; i++, begun++) {
        results[i] = (result){ 0 };
        is_second[i] = false;
        assert_int_equal(t->start(t->self, &q, on_result, &results[i], &err), PTV_OK);
    }
    while (ended < count) {
        assert_int_equal(t->poll(t->self, 1000, &err), PTV_OK);
        for (int i = 0; i < at_once; i++) {
            if (!results[i].calls)
                continue;
            bool again = results[i].code && results[i].retryable && !is_second[i];
            *retried += again;
            failed += !again && results[i].status != 200;
            ended += !again;
            results[i] = (result){ 0 };
            is_second[i] = again;
            if (again || begun < count) {
                begun += !again;
                assert_int_equal(t->start(t->self, &q, on_result, &results[i], &err), PTV_OK);
            }
        }
    }
    return failed;
}

static void it_outlives_the_reset_limit_of_http2(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_transport t;
    ptv_error err = { 0 };
    ptv_http_options o = { .verify = true, .ca_file = file("ca.pem"), .http2 = true, .max_connections = 16 };
    assert_int_equal(ptv_http_new(&t, &o, &err), PTV_OK);
    assert_int_equal(get(&t, servers[GOOD].url, "/_reset").status, 200);
    int retried = 0;
    int failed = flood(&t, servers[GOOD].url, 1700, 16, &retried);
    result r = get(&t, servers[GOOD].url, "/_stats");
    t.free(t.self);
    assert_int_equal(failed, 0);
    assert_int_equal(retried, 0);
    assert_int_equal(stat_of(r.body, "http2_requests"), 1700);
    assert_in_range(stat_of(r.body, "connections"), 2, 4); /* 1,700 requests, 800 a connection */
}

static void it_tells_faults_apart_on_http2(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_transport t;
    ptv_error err = { 0 };
    ptv_http_options o = { .verify = true, .ca_file = file("ca.pem"), .http2 = true };
    assert_int_equal(ptv_http_new(&t, &o, &err), PTV_OK);
    static const char *const cut[] = { "reset", "truncate", "reset-mid", "close" };
    for (int i = 0; i < 4; i++) {
        char path[128];
        snprintf(path, sizeof path, TAGS "%s.tags.example", cut[i]);
        result r = get(&t, servers[GOOD].url, path);
        assert_int_equal(r.code, PTV_ENET);
        assert_true(r.retryable);
    }
    assert_int_equal(get(&t, servers[GOOD].url, TAGS "goaway.tags.example").status, 200);
    assert_int_equal(get(&t, servers[GOOD].url, TAGS "a.example").status, 200);
    assert_int_equal(get(&t, servers[GOOD].url, TAGS "status-429-7.tags.example").retry_after_s, 7);
    result r = get(&t, servers[GOOD].url, TAGS "huge-2.tags.example");
    assert_int_equal(r.code, PTV_ETOOBIG);
    /* a server without HTTP/2 is asked by HTTP/1.1 */
    assert_int_equal(get(&t, servers[PLAIN].url, TAGS "a.example").status, 200);
    t.free(t.self);
}

/* -------------------------------------------------------------------------------------------- proxies */

static void forget(const server *s)
{
    ptv_http_options o = { .verify = false };
    assert_int_equal(once(&o, s->url, "/_reset").status, 200);
}

static result log_of(const server *s)
{
    ptv_http_options o = { .verify = false };
    return once(&o, s->url, "/_log");
}

static void it_goes_through_a_proxy(void **state)
{
    (void)state;
    NEED_SERVERS();
    forget(&servers[PROXY]);
    ptv_http_options o = { .verify = true, .ca_file = file("ca.pem"), .proxy_https = servers[PROXY].url };
    char base[64];
    snprintf(base, sizeof base, "https://localhost%s", strrchr(servers[GOOD].url, ':'));
    assert_int_equal(once(&o, base, TAGS "a.example").status, 200);
    result log = log_of(&servers[PROXY]);
    assert_non_null(strstr(log.body, "\"method\":\"CONNECT\",\"target\":\"localhost:"));
    assert_non_null(strstr(log.body, "\"server_auth_seen\":false"));
    /* plain http, where it is allowed, as an absolute URI */
    forget(&servers[PROXY]);
    ptv_http_options plain = { .verify = true, .allow_http = true, .proxy_http = servers[PROXY].url };
    snprintf(base, sizeof base, "http://api.example%s", strrchr(servers[PLAIN].url, ':'));
    assert_int_equal(once(&plain, base, TAGS "a.example").status, 200);
    log = log_of(&servers[PROXY]);
    assert_non_null(strstr(log.body, "\"method\":\"GET\",\"target\":\"http://api.example:"));
}

static void it_goes_through_a_proxy_with_tls(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_http_options o = { .verify = true, .ca_file = file("ca.pem"), .proxy_https = servers[TLS_PROXY].url };
    assert_int_equal(once(&o, servers[GOOD].url, TAGS "a.example").status, 200);
    ptv_http_options unknown = { .verify = true, .proxy_https = servers[TLS_PROXY].url };
    result r = once(&unknown, servers[GOOD].url, TAGS "a.example");
    assert_refused(&r, "the certificate of the proxy is not trusted");
}

static void it_keeps_plain_http_on_this_machine(void **state)
{
    (void)state;
    NEED_SERVERS();
    forget(&servers[PROXY]);
    ptv_http_options o = { .verify = true, .proxy_http = servers[PROXY].url };
    assert_int_equal(once(&o, servers[PLAIN].url, TAGS "a.example").status, 200);
    result log = log_of(&servers[PROXY]);
    assert_string_equal(log.body, "[]");
}

static void it_logs_in_at_a_proxy(void **state)
{
    (void)state;
    NEED_SERVERS();
    char proxy[192];
    snprintf(proxy, sizeof proxy, "http://carol:pr0xy-pw@%s", servers[LOGIN_PROXY].url + strlen("http://"));
    ptv_http_options o = { .verify = true, .ca_file = file("ca.pem"), .proxy_https = proxy };
    assert_int_equal(once(&o, servers[GOOD].url, TAGS "a.example").status, 200);
    snprintf(proxy, sizeof proxy, "http://carol:wr0ng-pw@%s", servers[LOGIN_PROXY].url + strlen("http://"));
    result r = once(&o, servers[GOOD].url, TAGS "a.example");
    assert_refused(&r, "the proxy refused a tunnel to 127.0.0.1 port ");
    assert_refused(&r, "HTTP 407, it wants a login");
    assert_null(strstr(r.message, "wr0ng"));
}

static void it_says_what_is_wrong_with_a_proxy(void **state)
{
    (void)state;
    static const struct {
        const char *proxy, *has;
    } rows[] = {
        { "http://dave:pr0xy-pw@127.0.0.1:9", "connection refused by the proxy 127.0.0.1 port 9" },
        { "ftp://dave:pr0xy-pw@127.0.0.1:9", "scheme that is not supported" },
        { "http://dave:pr0xy-pw@[::1", "the proxy setting cannot be read" },
        { "http://dave:pr0xy-pw@aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg.example:80",
          "gggggggggg.example, was not found (DNS): check the proxy setting" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ptv_http_options o = { .verify = true, .proxy_https = rows[i].proxy };
        result r = once(&o, "https://api.example", "/");
        assert_int_equal(r.code, PTV_ENET);
        if (!strstr(r.message, rows[i].has))
            fail_msg("%s: \"%s\"", rows[i].proxy, r.message);
        assert_null(strstr(r.message, "pr0xy-pw"));
    }
}

static void it_lets_the_environment_choose_the_proxy(void **state)
{
    (void)state;
    NEED_SERVERS();
    forget(&servers[PROXY]);
    static const char broken[] = "http://127.0.0.1:9"; /* whoever uses it fails */
    ptv_http_options o = {
        .verify = false, .allow_http = true, .proxy_http = broken, .proxy_https = broken, .proxy_from_env = true
    };
    char plain[64];
    snprintf(plain, sizeof plain, "http://api.example%s", strrchr(servers[PLAIN].url, ':'));
    setenv("HTTPS_PROXY", servers[PROXY].url, 1);
    setenv("HTTP_PROXY", servers[PROXY].url, 1);
    assert_int_equal(once(&o, servers[GOOD].url, TAGS "a.example").status, 200);
    assert_int_equal(once(&o, plain, TAGS "a.example").status, 200);
    result log = log_of(&servers[PROXY]);
    assert_non_null(strstr(log.body, "\"CONNECT\""));
    assert_non_null(strstr(log.body, "\"GET\""));
    /* NO_PROXY goes around it */
    forget(&servers[PROXY]);
    setenv("NO_PROXY", "127.0.0.1,other.example", 1);
    assert_int_equal(once(&o, servers[GOOD].url, TAGS "a.example").status, 200);
    log = log_of(&servers[PROXY]);
    assert_string_equal(log.body, "[]");
    unsetenv("NO_PROXY");
    o.no_proxy = "127.0.0.1";
    assert_int_equal(once(&o, servers[GOOD].url, TAGS "a.example").status, 200);
    log = log_of(&servers[PROXY]);
    assert_string_equal(log.body, "[]");
    /* with nothing set here, lower-case names count as well */
    unsetenv("HTTPS_PROXY");
    setenv("https_proxy", servers[PROXY].url, 1);
    ptv_http_options bare = { .verify = false };
    assert_int_equal(once(&bare, servers[GOOD].url, TAGS "a.example").status, 200);
    log = log_of(&servers[PROXY]);
    assert_non_null(strstr(log.body, "\"CONNECT\""));
}

/* --------------------------------------------------------------------------------------------- memory */

static void it_survives_every_failing_allocation_with_tls(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_http_options options = {
        .verify = true, .ca_file = file("ca.pem"), .http2 = true, .proxy_https = servers[PROXY].url
    };
    char url[256];
    snprintf(url, sizeof url, "%s" TAGS "redirect-same.tags.example", servers[GOOD].url);
    int failures = 0;
    /* Connections cost a handshake each: every fifth allocation is enough here, test_http.c takes them all. */
    for (unsigned long nth = 1;; nth += 5) {
        assert_true(nth < 3000);
        size_t before = ptv_mem_live();
        ptv_transport t;
        ptv_error err = { 0 };
        result r = { 0 };
        ptv_request q = REQUEST(url);
        unsigned long asked = ptv_mem_count();
        ptv_mem_fail_at(nth);
        ptv_code rc = ptv_http_new(&t, &options, &err);
        if (!rc) {
            rc = t.start(t.self, &q, on_result, &r, &err);
            for (int i = 0; !rc && !r.calls && i < 100; i++)
                rc = t.poll(t.self, 100, &err);
            if (!rc)
                rc = r.code;
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
    assert_true(failures > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define ALONE(f) cmocka_unit_test_setup_teardown(f, clear_environment, clear_environment)
        ALONE(it_trusts_the_ca_it_is_given),
        ALONE(it_trusts_the_hashed_folder_it_is_given),
        ALONE(it_refuses_an_unknown_ca),
        ALONE(it_refuses_a_certificate_for_another_name),
        ALONE(it_refuses_an_expired_certificate),
        ALONE(it_checks_nothing_when_told_so),
        ALONE(it_says_when_the_ca_file_holds_no_certificate),
        ALONE(it_shows_a_client_certificate),
        ALONE(it_says_that_a_port_does_not_speak_tls),
        ALONE(it_gives_up_a_handshake_that_does_not_end),
        ALONE(it_follows_no_redirect_from_https_to_http),
        ALONE(it_outlives_the_reset_limit_of_http2),
        ALONE(it_tells_faults_apart_on_http2),
        ALONE(it_goes_through_a_proxy),
        ALONE(it_goes_through_a_proxy_with_tls),
        ALONE(it_keeps_plain_http_on_this_machine),
        ALONE(it_logs_in_at_a_proxy),
        ALONE(it_says_what_is_wrong_with_a_proxy),
        ALONE(it_lets_the_environment_choose_the_proxy),
        ALONE(it_survives_every_failing_allocation_with_tls),
    };
    return cmocka_run_group_tests_name("http_tls", tests, start_servers, stop_servers);
}
