/*
 * test_stream.c: bytes over TLS, with certificates made for the occasion, through proxies, and in the ways it can fail.
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
#include "net/stream.h"

enum { GOOD, WRONG, EXPIRED, OLD_TLS, PLAIN, PROXY, LOGIN_PROXY, TLS_PROXY, SERVERS };
static server servers[SERVERS];
static char folder[] = "/tmp/ptv-stream-XXXXXX";
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

static void start_tls(server *s, const char *script, const char *name)
{
    char cert[64], key[64];
    snprintf(cert, sizeof cert, "%s.pem", name);
    snprintf(key, sizeof key, "%s.key", name);
    const char *argv[] = { "node", script, "--tls-cert", file(cert), "--tls-key", file(key), NULL };
    server_start(s, argv);
}

static int start_servers(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || !run(". tests/lib/mock.sh && make_test_ca %s"))
        return 0;
    const char *plain[] = { "node", "tests/lib/mock.js", NULL };
    const char *proxy[] = { "node", "tests/lib/proxy.js", NULL };
    const char *login[] = { "node", "tests/lib/proxy.js", "--auth", "carol:pr0xy-pw", NULL };
    const char *old[] = {
        "node", "--tls-max-v1.2", "tests/lib/mock.js", "--tls-cert", file("server.pem"), "--tls-key", file("server.key"),
        NULL
    };
    start_tls(&servers[GOOD], "tests/lib/mock.js", "server");
    start_tls(&servers[WRONG], "tests/lib/mock.js", "wrong");
    start_tls(&servers[EXPIRED], "tests/lib/mock.js", "expired");
    start_tls(&servers[TLS_PROXY], "tests/lib/proxy.js", "server");
    server_start(&servers[OLD_TLS], old);
    server_start(&servers[PLAIN], plain);
    server_start(&servers[PROXY], proxy);
    server_start(&servers[LOGIN_PROXY], login);
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

static int port_of(const server *s)
{
    const char *colon = strrchr(s->url, ':');
    return (int)strtol(colon + 1, NULL, 10);
}

static ptv_stream *stream;
static ptv_error err;
static size_t live;

static int setup(void **state)
{
    (void)state;
    err = (ptv_error){ 0 };
    stream = NULL;
    live = ptv_mem_live();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ptv_mem_fail_at(0);
    ptv_stream_close(stream);
    unsetenv("HTTPS_PROXY");
    return ptv_mem_live() == live ? 0 : -1;
}

static void wait_for_it(int timeout_ms)
{
    struct pollfd p = { .fd = ptv_stream_fd(stream), .events = POLLIN };
    poll(&p, 1, timeout_ms);
}

static ptv_stream_options to(int which)
{
    return (ptv_stream_options){ .host = "localhost",
                                 .port = port_of(&servers[which]),
                                 .verify = true,
                                 .ca_file = file("ca.pem"),
                                 .connect_timeout_ms = 5000 };
}

static ptv_code open_stream(const ptv_stream_options *options)
{
    bool connected = false;
    ptv_code rc = ptv_stream_open(&stream, options, &err);
    int64_t end = ptv_clock_ms() + 10000;
    while (!rc && !connected && ptv_clock_ms() < end) {
        wait_for_it(1000);
        rc = ptv_stream_step(stream, &connected, &err);
    }
    return rc ? rc : connected ? PTV_OK : PTV_EBUG;
}

static ptv_code write_all(const char *bytes, size_t len)
{
    int64_t end = ptv_clock_ms() + 10000;
    for (size_t at = 0, moved; at < len && ptv_clock_ms() < end; at += moved) {
        ptv_code rc = ptv_stream_write(stream, bytes + at, len - at, &moved, &err);
        if (rc)
            return rc;
        if (!moved)
            wait_for_it(1000);
    }
    return PTV_OK;
}

/* Until there is an error, as the peer's goodbye is, or `text` has come. */
static ptv_code read_until(ptv_buf *in, const char *text)
{
    char part[1000];
    int64_t end = ptv_clock_ms() + 10000;
    while (ptv_clock_ms() < end) {
        size_t moved;
        ptv_code rc = ptv_stream_read(stream, part, sizeof part, &moved, &err);
        if (rc)
            return rc;
        ptv_buf_append(in, part, moved);
        if (text && in->len && strstr(in->data, text))
            return PTV_OK;
        if (!moved) {
            wait_for_it(1000);
            rc = ptv_stream_write(stream, NULL, 0, &moved, &err);
            if (rc)
                return rc;
        }
    }
    return PTV_EBUG;
}

static void assert_answers(const ptv_stream_options *options)
{
    static const char request[] = "GET /_stats HTTP/1.1\r\nHost: x\r\n\r\n";
    ptv_buf in = PTV_BUF(1 << 20);
    ptv_code rc = open_stream(options);
    if (!rc)
        rc = write_all(request, sizeof request - 1);
    if (!rc)
        rc = read_until(&in, "\"calls\"");
    ptv_buf_release(&in);
    if (rc)
        print_message("# %s\n", err.msg);
    assert_int_equal(rc, PTV_OK);
}

static void assert_fails(const ptv_stream_options *options, ptv_code code, const char *words)
{
    assert_int_equal(open_stream(options), code);
    if (!strstr(err.msg, words))
        print_message("# %s\n", err.msg);
    assert_non_null(strstr(err.msg, words));
}

static void it_moves_bytes_over_verified_tls(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_stream_options o = to(GOOD);
    assert_answers(&o);
}

static void it_speaks_tls_1_2(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_stream_options o = to(OLD_TLS);
    assert_answers(&o);
}

static void an_unknown_ca_is_refused_and_the_setting_named(void **state)
{
    (void)state;
    NEED_SERVERS();
    static const ptv_http_names names = {
        .place = "stomp_host", .ca = "stomp_cafile", .proxy_login = "x", .connect_timeout = "y"
    };
    ptv_stream_options o = to(GOOD);
    o.ca_file = NULL;
    o.names = &names;
    assert_fails(
        &o, PTV_ENET,
        "is not trusted (unable to get local issuer certificate): for a private CA set stomp_cafile = /path/ca.pem");
}

static void a_wrong_name_and_an_old_certificate_are_refused(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_stream_options o = to(WRONG);
    assert_fails(&o, PTV_ENET, "is for another name");
    ptv_stream_close(stream);
    o = to(EXPIRED);
    assert_fails(&o, PTV_ENET, "has expired");
}

static void without_verification_anybody_will_do(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_stream_options o = to(WRONG);
    o.ca_file = NULL;
    o.verify = false;
    assert_answers(&o);
}

static void a_port_without_tls_is_told(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_stream_options o = to(PLAIN);
    assert_fails(&o, PTV_ENET, "TLS: localhost port");
}

static void it_goes_through_proxies(void **state)
{
    (void)state;
    NEED_SERVERS();
    char with_login[128];
    snprintf(with_login, sizeof with_login, "http://carol:pr0xy-pw@127.0.0.1:%d", port_of(&servers[LOGIN_PROXY]));
    const char *const proxies[] = { servers[PROXY].url, with_login, servers[TLS_PROXY].url };
    for (size_t i = 0; i < 3; i++) {
        ptv_stream_options o = to(GOOD);
        o.proxy = proxies[i];
        ptv_stream_close(stream);
        assert_answers(&o);
    }
    char asked[64];
    ptv_buf log = PTV_BUF(1 << 20);
    snprintf(asked, sizeof asked, "\"target\":\"localhost:%d\"", port_of(&servers[GOOD]));
    control(&log, &servers[PROXY], "_log", NULL);
    bool is_logged = strstr(log.data, asked) != NULL;
    ptv_buf_release(&log);
    assert_true(is_logged);
}

static void a_proxy_that_wants_a_login_is_told_without_showing_ours(void **state)
{
    (void)state;
    NEED_SERVERS();
    char wrong[128];
    snprintf(wrong, sizeof wrong, "http://dave:s3cret@127.0.0.1:%d", port_of(&servers[LOGIN_PROXY]));
    ptv_stream_options o = to(GOOD);
    o.proxy = wrong;
    assert_fails(&o, PTV_ENET, "the proxy refused a tunnel to localhost port");
    assert_null(strstr(err.msg, "s3cret"));
}

static void no_proxy_is_honoured_and_the_environment_not_asked(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_stream_options o = to(GOOD);
    o.proxy = "http://127.0.0.1:9";
    o.no_proxy = "other.example,localhost";
    assert_answers(&o);
    ptv_stream_close(stream);
    setenv("HTTPS_PROXY", "http://127.0.0.1:9", 1);
    o.proxy = o.no_proxy = NULL;
    assert_answers(&o);
}

static void nobody_there_and_no_such_name_are_told(void **state)
{
    (void)state;
    ptv_stream_options o = { .host = "127.0.0.1", .port = 9, .verify = true, .connect_timeout_ms = 3000 };
    assert_fails(&o, PTV_ENET, "connection refused by 127.0.0.1 port 9");
    ptv_stream_close(stream);
    o.host = "no-such-name.invalid";
    assert_int_not_equal(open_stream(&o), PTV_OK);
    assert_non_null(strstr(err.msg, "no-such-name.invalid"));
}

static void a_host_that_is_more_than_a_name_is_refused(void **state)
{
    (void)state;
    static const char *const odd[] = { "https://a.example", "a.example/x", "user@a.example", "a b", "" };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        ptv_stream_options o = { .host = odd[i], .port = 9, .verify = true, .connect_timeout_ms = 1000 };
        ptv_code rc = ptv_stream_open(&stream, &o, &err);
        assert_true(rc == PTV_ESETTINGS || rc == PTV_EINVAL);
        assert_null(stream);
    }
}

static void connecting_has_a_deadline(void **state)
{
    (void)state;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); /* takes connections and says nothing */
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 8), 0);
    getsockname(fd, (struct sockaddr *)&at, &size);
    ptv_stream_options o = { .host = "127.0.0.1", .port = ntohs(at.sin_port), .verify = true, .connect_timeout_ms = 300 };
    int64_t begun = ptv_clock_ms();
    assert_fails(&o, PTV_ETIMEOUT, "no connection to 127.0.0.1 port");
    assert_in_range(ptv_clock_ms() - begun, 250, 5000);
    close(fd);
}

static void the_end_of_the_peer_is_told(void **state)
{
    (void)state;
    NEED_SERVERS();
    static const char request[] = "GET /_stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    ptv_stream_options o = to(GOOD);
    ptv_buf in = PTV_BUF(1 << 20);
    assert_int_equal(open_stream(&o), PTV_OK);
    assert_int_equal(write_all(request, sizeof request - 1), PTV_OK);
    ptv_code rc = read_until(&in, NULL);
    char words[64];
    snprintf(words, sizeof words, "closed by the peer after %zu bytes", in.len);
    ptv_buf_release(&in);
    assert_int_equal(rc, PTV_ENET);
    assert_non_null(strstr(err.msg, words));
}

static void a_large_write_never_blocks_and_arrives(void **state)
{
    (void)state;
    NEED_SERVERS();
    enum { LARGE = 1000000 };
    ptv_stream_options o = to(GOOD);
    ptv_buf request = PTV_BUF(2 << 20), in = PTV_BUF(1 << 20);
    ptv_buf_printf(&request, "POST /_control HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n[", LARGE);
    for (int i = 0; i < LARGE - 2; i++)
        ptv_buf_putc(&request, ' ');
    ptv_buf_putc(&request, ']');
    assert_int_equal(open_stream(&o), PTV_OK);
    ptv_code rc = write_all(request.data, request.len);
    if (!rc)
        rc = read_until(&in, "HTTP/1.1 200");
    ptv_buf_release(&request);
    ptv_buf_release(&in);
    assert_int_equal(rc, PTV_OK);
}

static void no_allocation_that_fails_leaks(void **state)
{
    (void)state;
    NEED_SERVERS();
    ptv_stream_options o = to(GOOD);
    for (unsigned long nth = 1; nth < 400; nth += nth < 40 ? 1 : 7) {
        ptv_mem_fail_at(nth);
        ptv_code rc = open_stream(&o);
        ptv_mem_fail_at(0);
        ptv_stream_close(stream);
        stream = NULL;
        assert_int_equal(ptv_mem_live(), live);
        assert_true(rc == PTV_OK || rc == PTV_ENOMEM || rc == PTV_ENET);
    }
}

#define IT(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IT(it_moves_bytes_over_verified_tls),
        IT(it_speaks_tls_1_2),
        IT(an_unknown_ca_is_refused_and_the_setting_named),
        IT(a_wrong_name_and_an_old_certificate_are_refused),
        IT(without_verification_anybody_will_do),
        IT(a_port_without_tls_is_told),
        IT(it_goes_through_proxies),
        IT(a_proxy_that_wants_a_login_is_told_without_showing_ours),
        IT(no_proxy_is_honoured_and_the_environment_not_asked),
        IT(nobody_there_and_no_such_name_are_told),
        IT(a_host_that_is_more_than_a_name_is_refused),
        IT(connecting_has_a_deadline),
        IT(the_end_of_the_peer_is_told),
        IT(a_large_write_never_blocks_and_arrives),
        IT(no_allocation_that_fails_leaks),
    };
    return cmocka_run_group_tests_name("stream", tests, start_servers, stop_servers);
}
