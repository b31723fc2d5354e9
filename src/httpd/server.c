/*
 * server.c: libmicrohttpd, and what it does not do by itself: a deadline for a request however slowly its bytes drip in, a
 * ceiling for bodies, framing that is refused when it is not certain, and requests that wait without a thread each.
 *
 * One thread runs the library, turns its events into exchanges and carries answers back. A request that waits is
 * suspended: the library does not look at it until it is woken.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "httpd/parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "httpd/server.h"
#include <microhttpd.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#define EXPIRE_EVERY_MS 1000
#define BLOCK_BYTES     16384
#define DROPPED_BYTES   ((uint64_t)16 << 20) /* of a body over its ceiling that is read, so that the client sees why */
#define BODIES_AT_ONCE  16                   /* times http_max_body: all bodies together */

/* ------------------------------------------------------------------------------------------ connections */

static ptv_connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void forget_request(ptv_connection *c)
{
    ptv_exchange *r = c->request;
    if (!r)
        return;
    atomic_fetch_sub(&r->h->waiting, 1);
    ptv_exchange_release(r);
    ptv_free(r);
    c->request = NULL;
}

static void on_connection(void *self, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode what)
{
    ptv_httpd *h = self;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        ptv_connection *c = ptv_calloc(1, sizeof *c);
        *context = c; /* NULL: its first request ends it */
        if (!c)
            return;
        c->mhd = mhd;
        c->deadline_ms = ptv_clock_ms() + h->o.deadline_ms;
        c->next = h->connections;
        if (c->next)
            c->next->previous = c;
        h->connections = c;
    } else if (*context) {
        ptv_connection *c = *context;
        forget_request(c);
        *(c->previous ? &c->previous->next : &h->connections) = c->next;
        if (c->next)
            c->next->previous = c->previous;
        ptv_free(c);
        *context = NULL;
    }
}

/* Both directions at once: the library sees the end at its next look, and closes. */
static void cut(ptv_connection *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info)
        (void)shutdown(info->connect_fd, SHUT_RDWR);
    c->deadline_ms = 0;
}

void ptv_exchange_wake(ptv_exchange *r)
{
    ptv_connection *c = r->connection;
    if (!c->is_suspended)
        return;
    c->is_suspended = false;
    MHD_resume_connection(c->mhd);
}

static void suspend(ptv_connection *c)
{
    c->is_suspended = true;
    c->deadline_ms = 0; /* now it is we who take long */
    MHD_suspend_connection(c->mhd);
}

/* --------------------------------------------------------------------------------------------- requests */

static const char *header(struct MHD_Connection *mhd, const char *name)
{
    return MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name);
}

static enum MHD_Result see_header(void *framing, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    ptv_framing_see(framing, name, value);
    return MHD_YES;
}

static void refuse(ptv_exchange *r, int status, const char *why)
{
    if (!r->refused) {
        r->refused = status;
        r->refusal = why;
    }
}

/* Without credentials a door is open to this machine: to its programs, not to web pages that its browser shows. */
static void check_door(ptv_exchange *r, struct MHD_Connection *mhd)
{
    ptv_httpd *h = r->h;
    bool is_cts = r->route == PTV_ROUTE_CTS || r->route == PTV_ROUTE_CTS_POLL;
    if (!is_cts && r->route != PTV_ROUTE_VERDICT && r->route != PTV_ROUTE_METRICS)
        return;
    const ptv_door_key *key = is_cts ? &h->basic : &h->bearer;
    const char *host = header(mhd, "Host");
    if (*key->digest) {
        if (!ptv_door_opens(key, h->digest, header(mhd, "Authorization"))) {
            ptv_log(PTV_LOG_WARNING, "http", "[http:%llu] %s from %s: wrong credentials, or none",
                    (unsigned long long)r->number, r->line, r->peer);
            refuse(r, 401, is_cts ? "user and password are wrong or missing" : "the bearer token is wrong or missing");
        }
    } else if (!h->is_local) {
        refuse(r, 403,
               is_cts ? "closed to other machines until http_user and http_password are set"
                      : "closed to other machines until http_token is set");
    } else if ((host && !ptv_host_is_local(host)) || header(mhd, "Origin")) {
        refuse(r, 403, "closed to web pages and foreign host names until its credentials are set");
    }
}

static void check_head(ptv_exchange *r, struct MHD_Connection *mhd, const char *method, const char *version)
{
    ptv_framing framing = { 0 };
    MHD_get_connection_values(mhd, MHD_HEADER_KIND, see_header, &framing);
    const char *bad = ptv_framing_refusal(&framing);
    r->is_last = bad != NULL; /* where the next request would begin is not certain */
    if (bad)
        refuse(r, 400, bad);
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
        refuse(r, 505, "HTTP/1.1 and HTTP/1.0 are understood");
    if (r->route != PTV_ROUTE_NONE && !ptv_route_takes(r->route, method))
        refuse(r, 405, "this address does not take that method");
    check_door(r, mhd);
    if (framing.length > r->h->o.max_body_bytes) {
        refuse(r, 413, "the body is over the ceiling (http_max_body)");
        r->is_last = r->is_last || framing.length > r->h->o.max_body_bytes + DROPPED_BYTES;
    }
    if (r->refused && header(mhd, "Expect")) /* the client asked first: nothing of the body is on its way */
        r->is_last = true;
}

static ptv_exchange *begin_request(ptv_httpd *h, ptv_connection *c, const char *url, const char *method, const char *version)
{
    const union MHD_ConnectionInfo *peer = MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const char *id, *type = header(c->mhd, "Content-Type");
    ptv_exchange *r = ptv_calloc(1, sizeof *r);
    if (!r)
        return NULL;
    atomic_fetch_add(&h->waiting, 1);
    c->request = r;
    r->h = h;
    r->connection = c;
    r->number = ++*h->o.requests;
    r->began_ms = ptv_clock_ms();
    r->body = (ptv_buf)PTV_BUF(h->o.max_body_bytes);
    r->route = ptv_route_find(&id, url, h->o.cts_name);
    r->is_options = strcmp(method, "OPTIONS") == 0;
    if (id && strlen(id) < sizeof r->id)
        snprintf(r->id, sizeof r->id, "%s", id);
    snprintf(r->content_type, sizeof r->content_type, "%s", type ? type : "");
    snprintf(r->line, sizeof r->line, "%s %s", method, url);
    ptv_peer_text(r->peer, peer ? peer->client_addr : NULL);
    check_head(r, c->mhd, method, version);
    return r;
}

/* false: enough; the connection is closed. */
static bool receive(ptv_exchange *r, const char *bytes, size_t len)
{
    ptv_httpd *h = r->h;
    r->received += len;
    if (r->received > h->o.max_body_bytes)
        refuse(r, 413, "the body is over the ceiling (http_max_body)");
    else if (!r->refused && h->buffered + len > h->o.max_body_bytes * BODIES_AT_ONCE)
        refuse(r, 503, "too many large bodies at once");
    if (!r->refused) {
        size_t before = r->body.len;
        ptv_buf_append(&r->body, bytes, len);
        h->buffered += r->body.len - before;
        if (r->body.failed)
            refuse(r, 503, "out of memory");
    }
    if (r->refused) {
        h->buffered -= r->body.len;
        ptv_buf_release(&r->body);
    }
    return r->received <= h->o.max_body_bytes + DROPPED_BYTES;
}

/* ---------------------------------------------------------------------------------------------- replies */

static ssize_t on_read(void *cls, uint64_t position, char *out, size_t room)
{
    ptv_exchange *r = cls;
    (void)position;
    int64_t now = ptv_clock_ms();
    if (atomic_load(&r->h->stopping))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    ptrdiff_t n = ptv_list_read(r, out, room, now);
    if (n > 0)
        r->connection->deadline_ms = now + r->h->o.deadline_ms; /* for these bytes to be read */
    if (n == 0)
        suspend(r->connection);
    return n == -1 ? MHD_CONTENT_READER_END_OF_STREAM : n == -2 ? MHD_CONTENT_READER_END_WITH_ERROR : n;
}

static struct MHD_Response *response_of(ptv_exchange *r, ptv_step step)
{
    static char sorry[] = "{\"error\":\"out of memory\"}\n", nothing[] = "";
    if (step == PTV_STEP_LIST)
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_read, r, NULL);
    if (r->reply.failed) {
        r->status = 503;
        r->reply_type = "application/json";
        return MHD_create_response_from_buffer(sizeof sorry - 1, sorry, MHD_RESPMEM_PERSISTENT);
    }
    size_t len = r->reply.len;
    char *bytes = r->reply.data;
    if (!bytes)
        return MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(len, bytes, ptv_free);
    if (response)
        r->reply = (ptv_buf){ 0 };
    return response;
}

static void add_headers(ptv_exchange *r, struct MHD_Response *response)
{
    char number[24];
    MHD_add_response_header(response, "Content-Type", r->reply_type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (r->is_last || atomic_load(&r->h->draining))
        MHD_add_response_header(response, "Connection", "close");
    if (r->status == 401 && r->route != PTV_ROUTE_CTS && r->route != PTV_ROUTE_CTS_POLL)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
    else if (r->status == 401)
        MHD_add_response_header(response, "WWW-Authenticate", "Basic realm=\"ptverdict\", charset=\"UTF-8\"");
    if (r->status == 405)
        MHD_add_response_header(response, "Allow", ptv_route_methods(r->route));
    if (r->retry_after_s > 0) {
        snprintf(number, sizeof number, "%lld", (long long)r->retry_after_s);
        MHD_add_response_header(response, "Retry-After", number);
    }
}

static void tell_of(const ptv_exchange *r, int64_t now)
{
    const ptv_httpd_hooks *hooks = &r->h->o.hooks;
    bool is_lookup = r->route == PTV_ROUTE_CTS || r->route == PTV_ROUTE_CTS_POLL || r->route == PTV_ROUTE_VERDICT;
    if (hooks->served)
        hooks->served(hooks->to, r->status, is_lookup, now - r->began_ms);
    ptv_log(is_lookup ? PTV_LOG_INFO : PTV_LOG_DEBUG, "http", "[http:%llu] %s from %s: %d in %lld ms",
            (unsigned long long)r->number, r->line, r->peer, r->status, (long long)(now - r->began_ms));
}

static enum MHD_Result step(ptv_exchange *r, ptv_connection *c)
{
    int64_t now = ptv_clock_ms();
    ptv_step next = ptv_exchange_step(r, now);
    if (next == PTV_STEP_WAIT) {
        suspend(c);
        return MHD_YES;
    }
    struct MHD_Response *response = response_of(r, next);
    if (!response)
        return MHD_NO;
    add_headers(r, response);
    enum MHD_Result rc = MHD_queue_response(c->mhd, (unsigned)r->status, response);
    MHD_destroy_response(response);
    c->deadline_ms = now + r->h->o.deadline_ms;
    tell_of(r, now);
    return rc;
}

static enum MHD_Result on_request(void *self, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *data, size_t *data_len, void **context)
{
    ptv_httpd *h = self;
    ptv_connection *c = connection_of(mhd);
    ptv_exchange *r = *context;
    if (!c || atomic_load(&h->stopping))
        return MHD_NO;
    if (!r) {
        *context = r = begin_request(h, c, url, method, version);
        if (!r)
            return MHD_NO;
        return r->is_last ? step(r, c) : MHD_YES;
    }
    if (*data_len) {
        bool goes_on = receive(r, data, *data_len);
        *data_len = 0;
        return goes_on ? MHD_YES : MHD_NO;
    }
    return step(r, c);
}

/* The first line of a request: on a connection that was idle its time begins now. */
static void *on_uri(void *self, const char *uri, struct MHD_Connection *mhd)
{
    ptv_httpd *h = self;
    ptv_connection *c = connection_of(mhd);
    (void)uri;
    if (c && c->is_used)
        c->deadline_ms = ptv_clock_ms() + h->o.deadline_ms;
    return NULL;
}

static void on_completed(void *self, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode how)
{
    ptv_httpd *h = self;
    ptv_connection *c = connection_of(mhd);
    (void)how;
    *context = NULL;
    if (!c)
        return;
    forget_request(c);
    c->is_used = true;
    c->deadline_ms = ptv_clock_ms() + h->o.deadline_ms;
}

/* --------------------------------------------------------------------------------------------- the thread */

/* Cuts who is late, wakes who has waited long enough; milliseconds until the next of these. */
static int64_t watch_times(ptv_httpd *h, int64_t now)
{
    int64_t wait = EXPIRE_EVERY_MS;
    bool drains = atomic_load(&h->draining);
    for (ptv_connection *c = h->connections; c; c = c->next) {
        if (c->deadline_ms && (now >= c->deadline_ms || (drains && !c->request && c->is_used))) {
            ptv_log(PTV_LOG_DEBUG, "http", "a connection is cut: %s",
                    c->request ? c->request->line : "idle, or no whole request");
            cut(c);
        }
        const ptv_exchange *waits = c->is_suspended ? c->request : NULL;
        if (waits && now >= waits->until_ms)
            ptv_exchange_wake(c->request);
        int64_t next = waits ? waits->until_ms : c->deadline_ms;
        if (next && next - now < wait)
            wait = next > now ? next - now : 0;
    }
    return wait;
}

static void quiesce(ptv_httpd *h)
{
    if (h->listen_fd < 0)
        return;
    MHD_socket fd = MHD_quiesce_daemon(h->daemon);
    if (fd != MHD_INVALID_SOCKET)
        close(fd);
    h->listen_fd = -1;
}

static void *run(void *self)
{
    ptv_httpd *h = self;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd fds[] = { { .fd = info->epoll_fd, .events = POLLIN }, { .fd = h->event_fd, .events = POLLIN } };
    while (!atomic_load(&h->stopping)) {
        uint64_t events;
        MHD_UNSIGNED_LONG_LONG library_ms;
        ptv_job *job;
        int64_t now = ptv_clock_ms();
        (void)!read(h->event_fd, &events, sizeof events);
        while ((job = ptv_job_answered(h)))
            ptv_job_deliver(h, job, now);
        if (atomic_load(&h->draining))
            quiesce(h);
        if (atomic_exchange(&h->forgetting, false))
            ptv_queries_outdate(&h->queries, now);
        if (now - h->expired_ms >= EXPIRE_EVERY_MS) {
            ptv_cts_expire(h, now);
            h->expired_ms = now;
        }
        watch_times(h, now);
        MHD_run(h->daemon);
        int64_t wait = watch_times(h, ptv_clock_ms());
        if (MHD_get_timeout(h->daemon, &library_ms) == MHD_YES && (int64_t)library_ms < wait)
            wait = (int64_t)library_ms;
        poll(fds, 2, (int)wait);
    }
    for (ptv_connection *c = h->connections; c; c = c->next) {
        cut(c);
        if (c->request)
            ptv_exchange_wake(c->request);
    }
    MHD_run(h->daemon);
    MHD_stop_daemon(h->daemon);
    return NULL;
}

/* ---------------------------------------------------------------------------------------------- start, stop */

static void on_library_log(void *self, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
static void on_library_log(void *self, const char *fmt, va_list args)
{
    ptv_httpd *h = self;
    char line[sizeof h->mhd_says];
    vsnprintf(line, sizeof line, fmt, args);
    line[strcspn(line, "\r\n")] = '\0';
    if (!h->daemon)
        snprintf(h->mhd_says, sizeof h->mhd_says, "%s", line);
    ptv_log(PTV_LOG_DEBUG, "http", "%s", line);
}

ptv_code ptv_server_start(ptv_httpd *h, const ptv_listener *at, const char *cert, const char *key, ptv_error *err)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_ITC;
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" },
        { MHD_OPTION_END, 0, NULL },
    };
    struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
    if (at->is_v6)
        flags |= MHD_USE_IPv6;
    if (cert)
        flags |= MHD_USE_TLS;
    h->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, h,
                                 MHD_OPTION_LISTEN_SOCKET, at->fd, MHD_OPTION_NOTIFY_CONNECTION, on_connection, h,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_completed, h, MHD_OPTION_URI_LOG_CALLBACK, on_uri, h,
                                 MHD_OPTION_CONNECTION_LIMIT, h->o.max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
                                 h->o.max_per_address, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)PTV_HEAD_BYTES,
                                 MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, cert ? tls : none, MHD_OPTION_END);
    if (!h->daemon)
        return cert ? ptv_fail(err, PTV_ESETTINGS, "http_tls_cert, http_tls_key: %s",
                               *h->mhd_says ? h->mhd_says : "not a certificate and its key, in PEM form")
                    : ptv_fail(err, PTV_EIO, "the HTTP server does not start: %s", h->mhd_says);
    return PTV_OK;
}

ptv_code ptv_server_run(ptv_httpd *h, ptv_error *err)
{
    sigset_t all, before;
    sigfillset(&all); /* signals are the loop's business */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&h->thread, NULL, run, h);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc) {
        MHD_stop_daemon(h->daemon);
        return ptv_fail_detail(err, PTV_EIO, rc, "a thread for the HTTP server: %s", strerror(rc));
    }
    (void)pthread_setname_np(h->thread, "http"); /* log lines carry it */
    return PTV_OK;
}
