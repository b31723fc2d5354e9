/*
 * stream.c: a TLS connection as a byte pipe. libcurl connects (name, proxy, TLS, certificate), then we send and receive.
 *
 * One epoll descriptor stands for all there is to wait for: while connecting, the sockets and the timer that libcurl asks
 * for; afterwards the one socket. So the owner's poll needs to know nothing of either.
 *
 * OpenSSL wants a write that could not go out to be tried again with the very same bytes at the same place. So bytes go
 * through `chunk`, which stays still, whatever the caller does with his buffer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/stream.h"
#include "base/mem.h"
#include "net/http_parts.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { CHUNK_BYTES = 16 << 10 }; /* one TLS record */

struct ptv_stream {
    ptv_http_setup setup;
    ptv_place place;
    long connect_timeout_ms;
    CURLM *multi;
    CURL *easy;
    bool is_added; /* easy to multi */
    bool is_connected;
    int epoll, timer;
    curl_socket_t socket; /* once connected */
    bool is_write_watched;
    unsigned long refused_before; /* ptv_http_heap_refused() */
    uint64_t received;
    size_t chunk_len; /* on its way */
    char chunk[CHUNK_BYTES];
    char detail[CURL_ERROR_SIZE];
};

/* ------------------------------------------------------------------------------------------ what to watch */

static int watch(ptv_stream *s, curl_socket_t fd, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.fd = fd };
    if (epoll_ctl(s->epoll, EPOLL_CTL_MOD, fd, &e) == 0)
        return 0;
    return errno == ENOENT ? epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) : -1;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *unused)
{
    (void)easy;
    (void)unused;
    ptv_stream *s = self;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(s->epoll, EPOLL_CTL_DEL, fd, NULL); /* already closed, perhaps */
        return 0;
    }
    return watch(s, fd, (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U));
}

static int on_timer(CURLM *multi, long wait_ms, void *self)
{
    (void)multi;
    ptv_stream *s = self;
    struct itimerspec at = { .it_value = { 0 } }; /* zero: off */
    if (wait_ms > 0)
        at.it_value = (struct timespec){ .tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000 };
    else if (wait_ms == 0)
        at.it_value.tv_nsec = 1;
    return timerfd_settime(s->timer, 0, &at, NULL);
}

/* ------------------------------------------------------------------------------------------------ opening */

#define SET(option, value)                                                                                                  \
    do {                                                                                                                    \
        if (!rc)                                                                                                            \
            rc = curl_easy_setopt(s->easy, option, value);                                                                  \
    } while (0)

static CURLcode describe(ptv_stream *s, const char *url)
{
    const ptv_http_options *o = &s->setup.options;
    CURLcode rc = ptv_http_setup_apply(&s->setup, s->easy);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_SSL_ENABLE_ALPN, 0L); /* what follows is no HTTP */
    SET(CURLOPT_PROXY, o->proxy_https ? o->proxy_https : "");
    SET(CURLOPT_NOPROXY, o->no_proxy ? o->no_proxy : "");
    SET(CURLOPT_CONNECTTIMEOUT_MS, s->connect_timeout_ms);
    SET(CURLOPT_ERRORBUFFER, s->detail);
    return rc;
}

static bool begin(ptv_stream *s, const char *url)
{
    CURLM *multi = s->multi = curl_multi_init();
    s->easy = curl_easy_init();
    if (!multi || !s->easy)
        return false;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, s);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, s);
    s->is_added = describe(s, url) == CURLE_OK && curl_multi_add_handle(multi, s->easy) == CURLM_OK;
    return s->is_added;
}

static ptv_code open_descriptors(ptv_stream *s, ptv_error *err)
{
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (s->epoll >= 0 && s->timer >= 0 && watch(s, s->timer, EPOLLIN) == 0)
        return PTV_OK;
    int reason = errno;
    return ptv_fail_detail(err, PTV_EIO, reason, "no descriptor to wait on: %s", strerror(reason));
}

static ptv_code prepare(ptv_stream *s, const ptv_stream_options *o, ptv_error *err)
{
    ptv_http_options http = {
        .verify = o->verify, .ca_file = o->ca_file, .proxy_https = o->proxy, .no_proxy = o->no_proxy, .names = o->names
    };
    char text[320];
    char *url = NULL;
    ptv_code rc = ptv_http_setup_init(&s->setup, &http, err);
    if (rc)
        return rc;
    bool is_ipv6 = strchr(o->host, ':') != NULL;
    int len = snprintf(text, sizeof text, is_ipv6 ? "https://[%s]:%d" : "https://%s:%d", o->host, o->port);
    if (len < 0 || (size_t)len >= sizeof text || o->host[strcspn(o->host, "/?#@\\ ")])
        return ptv_fail(err, PTV_ESETTINGS, "the host name \"%.200s\" cannot be used: write only the name", o->host);
    rc = ptv_place_read(&s->place, &url, text, err);
    if (!rc)
        rc = open_descriptors(s, err);
    s->refused_before = ptv_http_heap_refused();
    if (!rc && !begin(s, url))
        rc = ptv_fail_nomem(err);
    curl_free(url);
    return rc;
}

ptv_code ptv_stream_open(ptv_stream **out, const ptv_stream_options *options, ptv_error *err)
{
    if (!ptv_http_heap_init())
        return ptv_fail_nomem(err);
    ptv_stream *s = ptv_calloc(1, sizeof *s);
    if (!s) {
        curl_global_cleanup();
        return ptv_fail_nomem(err);
    }
    s->epoll = s->timer = -1;
    s->connect_timeout_ms = options->connect_timeout_ms;
    ptv_code rc = prepare(s, options, err);
    if (rc)
        ptv_stream_close(s);
    else
        *out = s;
    return rc;
}

void ptv_stream_close(ptv_stream *s)
{
    if (!s)
        return;
    if (s->is_added)
        curl_multi_remove_handle(s->multi, s->easy);
    curl_easy_cleanup(s->easy);
    curl_multi_cleanup(s->multi);
    if (s->epoll >= 0)
        close(s->epoll);
    if (s->timer >= 0)
        close(s->timer);
    ptv_http_setup_release(&s->setup);
    explicit_bzero(s->chunk, sizeof s->chunk);
    ptv_free(s);
    curl_global_cleanup();
}

/* --------------------------------------------------------------------------------------------- connecting */

static ptv_code explain(ptv_stream *s, CURLcode result, ptv_error *err)
{
    ptv_http_failure f = { .easy = s->easy,
                           .result = result,
                           .setup = &s->setup,
                           .place = &s->place,
                           .detail = s->detail,
                           .connect_timeout_ms = s->connect_timeout_ms };
    if (ptv_http_heap_refused() != s->refused_before)
        f.stopped = PTV_ENOMEM; /* whatever libcurl made of it */
    ptv_http_explain(&f, err);
    return err->code;
}

static ptv_code connected(ptv_stream *s, ptv_error *err)
{
    s->socket = CURL_SOCKET_BAD;
    curl_easy_getinfo(s->easy, CURLINFO_ACTIVESOCKET, &s->socket);
    on_timer(s->multi, -1, s);
    if (s->socket == CURL_SOCKET_BAD || watch(s, s->socket, EPOLLIN))
        return ptv_fail(err, PTV_ENET, "connection to %s port %ld lost at once", s->place.host, s->place.port);
    s->is_connected = true;
    return PTV_OK;
}

ptv_code ptv_stream_step(ptv_stream *s, bool *is_connected, ptv_error *err)
{
    *is_connected = s->is_connected;
    if (s->is_connected)
        return PTV_OK;
    struct epoll_event events[8];
    int running, left, count = epoll_wait(s->epoll, events, sizeof events / sizeof *events, 0);
    CURLMcode mc = CURLM_OK;
    for (int i = 0; !mc && i < count; i++) {
        int fd = events[i].data.fd;
        int ready = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                    (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                    (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        if (fd == s->timer) {
            on_timer(s->multi, -1, s); /* it has rung; libcurl sets it again */
            fd = CURL_SOCKET_TIMEOUT;
            ready = 0;
        }
        mc = curl_multi_socket_action(s->multi, fd, ready, &running);
    }
    if (mc)
        return explain(s, mc == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT, err);
    const CURLMsg *m = curl_multi_info_read(s->multi, &left);
    if (!m)
        return PTV_OK;
    ptv_code rc = m->data.result ? explain(s, m->data.result, err) : connected(s, err);
    *is_connected = s->is_connected;
    return rc;
}

int ptv_stream_fd(const ptv_stream *s)
{
    return s->epoll;
}

/* ------------------------------------------------------------------------------------------------- moving */

/* A peer that holds small writes back (Nagle), as ActiveMQ does, waits with its next bytes for our ACK of the last, and the
 * kernel delays that by 40 ms when we have nothing to say. Linux forgets this with each exchange, so it is said again. */
static void acknowledge_at_once(const ptv_stream *s)
{
    int on = 1;
    setsockopt(s->socket, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

static ptv_code lost(const ptv_stream *s, CURLcode result, ptv_error *err)
{
    long reason = 0;
    curl_easy_getinfo(s->easy, CURLINFO_OS_ERRNO, &reason);
    return ptv_fail_detail(err, PTV_ENET, result, "connection to %s port %ld lost after %llu bytes: %s", s->place.host,
                           s->place.port, (unsigned long long)s->received,
                           reason ? strerror((int)reason) : curl_easy_strerror(result));
}

ptv_code ptv_stream_read(ptv_stream *s, char *into, size_t room, size_t *moved, ptv_error *err)
{
    CURLcode rc = curl_easy_recv(s->easy, into, room, moved);
    if (rc == CURLE_AGAIN) {
        *moved = 0;
        return PTV_OK;
    }
    if (rc)
        return lost(s, rc, err);
    if (!*moved)
        return ptv_fail_detail(err, PTV_ENET, CURLE_RECV_ERROR,
                               "connection to %s port %ld closed by the peer after %llu bytes", s->place.host, s->place.port,
                               (unsigned long long)s->received);
    s->received += *moved;
    acknowledge_at_once(s);
    return PTV_OK;
}

/* Send what waits in `chunk`; watch the socket for writing only while some does. */
static ptv_code flush(ptv_stream *s, ptv_error *err)
{
    size_t sent = 0;
    CURLcode rc = s->chunk_len ? curl_easy_send(s->easy, s->chunk, s->chunk_len, &sent) : CURLE_OK;
    if (rc && rc != CURLE_AGAIN)
        return lost(s, rc, err);
    if (sent) { /* of one TLS record: all or nothing; should it ever be less, the rest follows as a new write */
        s->chunk_len -= sent;
        memmove(s->chunk, s->chunk + sent, s->chunk_len);
        explicit_bzero(s->chunk + s->chunk_len, sent); /* it may have been a passcode */
    }
    bool is_waiting = s->chunk_len > 0;
    if (is_waiting != s->is_write_watched && watch(s, s->socket, is_waiting ? EPOLLIN | EPOLLOUT : EPOLLIN) == 0)
        s->is_write_watched = is_waiting;
    return PTV_OK;
}

ptv_code ptv_stream_write(ptv_stream *s, const char *bytes, size_t len, size_t *moved, ptv_error *err)
{
    *moved = 0;
    ptv_code rc = flush(s, err);
    while (!rc && !s->chunk_len && *moved < len) {
        size_t part = len - *moved < CHUNK_BYTES ? len - *moved : CHUNK_BYTES;
        memcpy(s->chunk, bytes + *moved, part);
        s->chunk_len = part;
        *moved += part;
        rc = flush(s, err);
    }
    return rc;
}
