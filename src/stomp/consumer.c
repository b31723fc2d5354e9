/*
 * consumer.c: stream and session together, again and again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stomp/consumer.h"
#include "base/mem.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>

enum { READ_BYTES = 16 << 10, SETTINGS_BYTES = 64 << 10, RETRY_FIRST_MS = 800, RETRY_MOST_MS = 60000 };

typedef enum ptv_consumer_state { DOWN, CONNECTING, LOGGING_IN, UP, STOPPED } ptv_consumer_state;

struct ptv_consumer {
    ptv_consumer_options options; /* its text lives in `mem` */
    ptv_arena mem;
    ptv_consumer_events events;
    ptv_consumer_state state;
    ptv_stream *stream;
    ptv_session *session; /* from CONNECTED on it may be seen by the owner */
    int64_t retry_ms;     /* while DOWN */
    int64_t down_since_ms, now_ms;
    bool is_stopping;
    int64_t stop_by_ms;
    ptv_error drop; /* code set: give the connection up */
    ptv_consumer_health health;
};

static const ptv_http_names names = { .place = "stomp_host and stomp_port",
                                      .ca = "stomp_cafile (or cafile)",
                                      .proxy_login = "set proxy_user and proxy_password",
                                      .connect_timeout = "stomp_timeout" };

/* --------------------------------------------------------------------------------------------- session */

static void drop(ptv_consumer *c, const ptv_error *why)
{
    if (!c->drop.code)
        c->drop = *why;
}

static void on_connected(void *owner, const ptv_frame *f)
{
    (void)f;
    ptv_consumer *c = owner;
    c->state = UP;
    c->health.is_up = true;
    c->health.since_ms = c->now_ms;
    c->health.ups++;
    ptv_session_subscribe(c->session, c->options.queue, c->options.prefetch, c->options.subscribe_receipt);
    c->events.up(c->events.owner);
}

static void on_message(void *owner, const ptv_frame *f)
{
    ptv_consumer *c = owner;
    if (!c->drop.code && !c->is_stopping) /* else it is redelivered, here or elsewhere */
        c->events.message(c->events.owner, f);
}

static void on_receipt(void *owner, const char *id)
{
    ptv_consumer *c = owner;
    ptv_error bye = { 0 };
    if (c->drop.code)
        return;
    if (c->is_stopping && ptv_text_equal(id, PTV_STOMP_GOODBYE)) {
        ptv_fail(&bye, PTV_ENET, "disconnected");
        drop(c, &bye);
    } else {
        c->events.receipt(c->events.owner, id);
    }
}

static void on_refused(void *owner, const ptv_frame *f)
{
    ptv_consumer *c = owner;
    const char *text = ptv_frame_get(f, "message");
    ptv_error why = { 0 };
    if (c->drop.code)
        return;
    if (c->state == UP) {
        c->events.refused(c->events.owner, f);
        return;
    }
    ptv_fail(&why, PTV_EKEY, "the broker at %s port %d refused the login: %.200s", c->options.stream.host,
             c->options.stream.port, text ? text : "no reason given");
    drop(c, &why);
}

/* ------------------------------------------------------------------------------------------ connection */

/* A quarter of the time it has been down, so that a broker that was away for 5 s has us back within 2, and one that was away
 * for an hour is not asked every second. Jitter keeps a fleet from coming all at once. A login that was refused is not for
 * trying again soon: accounts get locked. */
static int64_t retry_in_ms(const ptv_consumer *c, const ptv_error *why)
{
    if (why->code == PTV_EKEY)
        return RETRY_MOST_MS;
    int64_t most = (c->now_ms - c->down_since_ms) / 4;
    most = most < RETRY_FIRST_MS ? RETRY_FIRST_MS : most > RETRY_MOST_MS ? RETRY_MOST_MS : most;
    return most / 2 + arc4random_uniform((uint32_t)(most / 2));
}

static void go_down(ptv_consumer *c, const ptv_error *why)
{
    if (c->state == UP)
        c->down_since_ms = c->health.since_ms = c->now_ms;
    c->health.is_up = false;
    ptv_session_free(c->session);
    ptv_stream_close(c->stream);
    c->session = NULL;
    c->stream = NULL;
    c->drop = (ptv_error){ 0 };
    c->state = c->is_stopping ? STOPPED : DOWN;
    int64_t retry = c->is_stopping ? -1 : retry_in_ms(c, why);
    c->retry_ms = c->now_ms + retry;
    c->events.down(c->events.owner, why, retry);
}

static ptv_code connect_now(ptv_consumer *c, ptv_error *err)
{
    c->state = CONNECTING;
    return ptv_stream_open(&c->stream, &c->options.stream, err);
}

static ptv_code log_in(ptv_consumer *c, ptv_error *err)
{
    const ptv_consumer_options *o = &c->options;
    ptv_session_options session = { .host = o->stream.host,
                                    .login = o->login,
                                    .passcode = o->passcode,
                                    .beat_out_ms = o->beat_out_ms,
                                    .beat_in_ms = o->beat_in_ms,
                                    .body_limit_bytes = o->body_limit_bytes };
    ptv_session_events events = {
        .owner = c, .connected = on_connected, .message = on_message, .receipt = on_receipt, .refused = on_refused
    };
    c->state = LOGGING_IN;
    return ptv_session_new(&c->session, &session, &events, c->now_ms, err);
}

static ptv_code keep_connecting(ptv_consumer *c, ptv_error *err)
{
    bool connected;
    ptv_code rc = ptv_stream_step(c->stream, &connected, err);
    return rc || !connected ? rc : log_in(c, err);
}

static ptv_code receive(ptv_consumer *c, ptv_error *err)
{
    char bytes[READ_BYTES];
    size_t len = 0;
    ptv_code rc;
    do {
        rc = ptv_stream_read(c->stream, bytes, sizeof bytes, &len, err);
        if (!rc && len) {
            c->health.heard_ms = c->now_ms;
            rc = ptv_session_feed(c->session, bytes, len, c->now_ms, err);
        }
    } while (!rc && len && !c->drop.code);
    return rc;
}

static ptv_code transmit(ptv_consumer *c, ptv_error *err)
{
    size_t len, moved;
    ptv_code rc;
    do {
        const char *bytes = ptv_session_pending(c->session, &len);
        rc = ptv_stream_write(c->stream, bytes, len, &moved, err);
        if (!rc)
            ptv_session_sent(c->session, moved, c->now_ms);
    } while (!rc && moved);
    return rc;
}

static ptv_code talk(ptv_consumer *c, ptv_error *err)
{
    ptv_code rc = receive(c, err);
    if (!rc && !c->drop.code)
        rc = ptv_session_tick(c->session, c->now_ms, err);
    if (!rc && !c->drop.code)
        rc = transmit(c, err);
    return rc;
}

void ptv_consumer_step(ptv_consumer *c, int64_t now_ms)
{
    ptv_error err = { 0 };
    ptv_code rc = PTV_OK;
    c->now_ms = now_ms;
    if (c->state == STOPPED)
        return;
    if (c->state == DOWN && !c->is_stopping && now_ms >= c->retry_ms)
        rc = connect_now(c, &err);
    if (!rc && c->state == CONNECTING)
        rc = keep_connecting(c, &err);
    if (!rc && !c->drop.code && c->session)
        rc = talk(c, &err);
    if (c->drop.code)
        err = c->drop;
    else if (!rc && c->is_stopping && (c->state != UP || now_ms >= c->stop_by_ms))
        ptv_fail(&err, PTV_ETIMEOUT, c->state == UP ? "stopped without the broker's goodbye" : "stopped");
    if (err.code)
        go_down(c, &err);
}

int ptv_consumer_fd(const ptv_consumer *c)
{
    return c->stream ? ptv_stream_fd(c->stream) : -1;
}

int64_t ptv_consumer_next_ms(const ptv_consumer *c)
{
    if (c->state == STOPPED)
        return INT64_MAX;
    if (c->drop.code)
        return c->now_ms;
    int64_t next = c->session ? ptv_session_next_tick_ms(c->session) : c->state == DOWN ? c->retry_ms : INT64_MAX;
    return c->is_stopping && c->stop_by_ms < next ? c->stop_by_ms : next;
}

ptv_session *ptv_consumer_session(ptv_consumer *c)
{
    return c->state == UP && !c->drop.code ? c->session : NULL;
}

void ptv_consumer_drop(ptv_consumer *c, const ptv_error *why)
{
    if (c->stream)
        drop(c, why);
}

void ptv_consumer_stop(ptv_consumer *c, int64_t now_ms, int64_t limit_ms)
{
    if (c->is_stopping)
        return;
    c->is_stopping = true;
    c->stop_by_ms = now_ms + limit_ms;
    if (c->state == UP)
        ptv_session_disconnect(c->session);
}

bool ptv_consumer_is_stopped(const ptv_consumer *c)
{
    return c->state == STOPPED;
}

ptv_consumer_health ptv_consumer_health_of(const ptv_consumer *c)
{
    return c->health;
}

/* ------------------------------------------------------------------------------------- birth and death */

static bool copy_options(ptv_consumer *c, const ptv_consumer_options *options)
{
    c->options = *options;
    ptv_consumer_options *o = &c->options;
    if (!o->stream.names)
        o->stream.names = &names;
    const char **texts[] = { &o->stream.host, &o->stream.ca_file, &o->stream.proxy, &o->stream.no_proxy,
                             &o->login,       &o->passcode,       &o->queue,        &o->subscribe_receipt };
    bool failed = false;
    for (size_t i = 0; i < sizeof texts / sizeof *texts;
         i++) { /* to the end: nothing of the caller's may stay, to be wiped */
        const char *text = *texts[i];
        *texts[i] = failed ? NULL : ptv_arena_strdup(&c->mem, text);
        failed |= text && !*texts[i];
    }
    return !failed;
}

ptv_code ptv_consumer_new(ptv_consumer **out, const ptv_consumer_options *options, const ptv_consumer_events *events,
                          int64_t now_ms, ptv_error *err)
{
    ptv_consumer *c = ptv_calloc(1, sizeof *c);
    if (!c)
        return ptv_fail_nomem(err);
    *c = (ptv_consumer){ .mem = PTV_ARENA(SETTINGS_BYTES),
                         .events = *events,
                         .retry_ms = now_ms,
                         .down_since_ms = now_ms,
                         .now_ms = now_ms,
                         .health.since_ms = now_ms };
    if (!copy_options(c, options)) {
        ptv_code rc = ptv_arena_fail(&c->mem, err);
        ptv_consumer_free(c);
        return rc;
    }
    *out = c;
    return PTV_OK;
}

/* The arena lends constant text; this one is ours to wipe. */
static void wipe(const char *secret)
{
    if (secret)
        explicit_bzero((char *)(uintptr_t)secret, strlen(secret));
}

void ptv_consumer_free(ptv_consumer *c)
{
    if (!c)
        return;
    ptv_session_free(c->session);
    ptv_stream_close(c->stream);
    wipe(c->options.passcode);
    wipe(c->options.stream.proxy);
    ptv_arena_release(&c->mem);
    ptv_free(c);
}
