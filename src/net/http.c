/*
 * http.c: the transport over one long-lived libcurl multi handle.
 *
 *   start() ──► waiting ──► running ──► done()
 *                 │            │
 *                 └── at most max_connections run; total time-outs count from start(), wherever a request is
 *
 * Bodies: all together stay under bodies_limit_bytes. The oldest running request may always grow to its own ceiling; room
 * for that is kept free, and the others pause while their next bytes would need it. So nobody waits for ever.
 *
 * HTTP/2: libcurl 7.88 resets each stream whose end comes in a frame of its own; servers that count resets close the
 * connection after about a thousand. So after RECYCLE_AFTER requests a new generation begins, which shares no connection
 * with the one before, while that one closes its connection when it is through. Nobody waits for it. The first request of a
 * generation goes ahead until it is connected: libcurl would open a connection for each of those behind it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/http.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/http_parts.h"
#include "net/retry_after.h"
#include <string.h>

enum { REDIRECTS = 5, RECYCLE_AFTER = 800 };

/* --------------------------------------------------------------------------------------------- lists */

static void list_add(ptv_http_list *list, ptv_http_request *r)
{
    r->prev = list->last;
    r->next = NULL;
    *(list->last ? &list->last->next : &list->first) = r;
    list->last = r;
    list->count++;
}

static void list_remove(ptv_http_list *list, ptv_http_request *r)
{
    *(r->prev ? &r->prev->next : &list->first) = r->next;
    *(r->next ? &r->next->prev : &list->last) = r->prev;
    list->count--;
}

/* --------------------------------------------------------------------------------------------- done */

/* Out of its list, nothing of it left in libcurl, its body no longer counted. */
static void detach(ptv_http_request *r)
{
    ptv_http *h = r->http;
    if (!r->is_running) {
        list_remove(&h->waiting, r);
        return;
    }
    list_remove(&h->running, r);
    if (r->easy)
        curl_multi_remove_handle(h->multi, r->easy);
    h->body_bytes -= r->body.len;
    if (h->pioneer == r) {
        h->pioneer = NULL;
        h->sent_on_http2 = r->is_connected ? 1 : 0; /* else the next one goes ahead */
    }
}

static void fill_answer(ptv_response *out, ptv_http_request *r, long status)
{
    out->code = PTV_OK;
    out->status = (int)status;
    out->body = r->body.len ? r->body.data : "";
    out->body_len = r->body.len;
    char *type = NULL;
    curl_easy_getinfo(r->easy, CURLINFO_CONTENT_TYPE, &type);
    out->content_type = type;
    out->cookies = r->cookies.failed ? NULL : r->cookies.data;
    if (r->retry_after[0])
        out->retry_after_s = ptv_retry_after_parse(r->retry_after, r->date[0] ? r->date : NULL, ptv_clock_utc());
}

static void fill_failure(ptv_response *out, ptv_http_request *r, CURLcode result, ptv_error *why)
{
    ptv_http_failure f = {
        .easy = r->easy,
        .result = result,
        .setup = &r->http->setup,
        .place = &r->place,
        .detail = r->detail,
        .received = r->body.len,
        .header_bytes = r->header_bytes,
        .stopped = r->stopped,
        .limit_bytes = r->body_limit_bytes,
        .headers_too_long = r->headers_too_long,
        .connect_timeout_ms = r->connect_timeout_ms,
        .timeout_ms = r->timeout_ms,
    };
    out->retryable = ptv_http_explain(&f, why);
    out->code = why->code;
    out->detail = why->detail;
    out->message = why->msg;
}

/* A redirect within the same scheme, host and port, where asking again is harmless. */
static bool may_follow(const ptv_http_request *r, long status, const ptv_place *place)
{
    return (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) && r->redirects < REDIRECTS &&
           ptv_text_equal(r->method, "GET") && ptv_place_same(place, &r->place);
}

static CURLcode follow(ptv_http_request *r, char *url)
{
    curl_multi_remove_handle(r->http->multi, r->easy);
    curl_free(r->url);
    r->url = url;
    r->redirects++;
    r->http->body_bytes -= r->body.len;
    ptv_buf_clear(&r->body);
    r->header_bytes = 0;
    return ptv_http_request_send(r);
}

static void finish(ptv_http_request *r, CURLcode result)
{
    long status = 0;
    char *location = NULL, *url = NULL;
    ptv_error why = { 0 };
    if (!r->stopped && ptv_http_heap_refused() != r->refused_before) {
        r->stopped =
            PTV_ENOMEM; /* also after success: libcurl may have left out what it could not copy, the query for one */
        result = CURLE_OUT_OF_MEMORY;
    }
    if (result == CURLE_OK) {
        curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(r->easy, CURLINFO_REDIRECT_URL, &location);
    }
    ptv_place place;
    if (location && ptv_place_read(&place, &url, location, &why) == PTV_OK && may_follow(r, status, &place)) {
        result = follow(r, url);
        if (result)
            finish(r, result);
        return;
    }
    if (why.code == PTV_ENOMEM) {
        r->stopped = PTV_ENOMEM;
        result = CURLE_OUT_OF_MEMORY;
    }
    detach(r);
    ptv_response out = { .location = url, .retry_after_s = -1, .elapsed_ms = (double)(ptv_clock_ms() - r->started_ms) };
    if (result == CURLE_OK)
        fill_answer(&out, r, status);
    else
        fill_failure(&out, r, result, &why);
    r->http->finished++;
    r->done(r->tag, &out);
    curl_free(url);
    ptv_http_request_free(r);
}

/* ---------------------------------------------------------------------------------------------- poll */

static bool may_send(ptv_http *h)
{
    if (h->pioneer && h->pioneer->is_connected)
        h->pioneer = NULL;
    return !h->pioneer && h->running.count < (size_t)h->setup.options.max_connections;
}

/* Everybody of this generation closes what he leaves last; the next request begins another. Called when all running are on
 * their connection: one that is not would open a connection of its own, to close it again. */
static void recycle(ptv_http *h)
{
    for (const ptv_http_request *r = h->running.first; r; r = r->next) {
        if (r->easy)
            curl_easy_setopt(r->easy, CURLOPT_FORBID_REUSE, 1L);
    }
    h->sent_on_http2 = 0;
    h->generation++;
}

static void send_waiting(ptv_http *h)
{
    while (h->waiting.first && may_send(h)) {
        ptv_http_request *r = h->waiting.first;
        list_remove(&h->waiting, r);
        list_add(&h->running, r);
        r->is_running = true;
        CURLcode rc = ptv_http_request_send(r);
        if (rc)
            finish(r, rc);
    }
}

/* What has arrived. Callbacks may start and cancel, so nothing but the multi handle is looked at between two. */
static void finish_arrived(ptv_http *h)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left));) {
        ptv_http_request *r = NULL;
        if (m->msg == CURLMSG_DONE && curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &r) == CURLE_OK)
            finish(r, m->data.result);
    }
}

static ptv_http_request *late(const ptv_http_list *list, int64_t now_ms)
{
    for (ptv_http_request *r = list->first; r; r = r->next) {
        if (r->deadline_ms && r->deadline_ms <= now_ms)
            return r;
    }
    return NULL;
}

static void finish_late(ptv_http *h)
{
    int64_t now_ms = ptv_clock_ms();
    for (ptv_http_request *r; (r = late(&h->running, now_ms)) || (r = late(&h->waiting, now_ms));) {
        r->stopped = PTV_ETIMEOUT;
        finish(r, CURLE_OPERATION_TIMEDOUT);
    }
}

static void resume_paused(ptv_http *h)
{
    for (ptv_http_request *r = h->running.first, *next; r; r = next) {
        next = r->next;
        if (!r->paused_bytes || !ptv_http_has_room(r, r->paused_bytes))
            continue;
        r->paused_bytes = 0;
        CURLcode rc = curl_easy_pause(r->easy, CURLPAUSE_CONT); /* may call on_body() */
        if (rc) {
            finish(r, rc);
            next = h->running.first; /* the callback may have changed the list */
        }
    }
}

static void shorten(int *wait_ms, const ptv_http_list *list, int64_t now_ms)
{
    for (const ptv_http_request *r = list->first; r; r = r->next) {
        if (r->deadline_ms && r->deadline_ms - now_ms < *wait_ms)
            *wait_ms = r->deadline_ms > now_ms ? (int)(r->deadline_ms - now_ms) : 0;
    }
}

static ptv_code http_poll(void *self, int timeout_ms, ptv_error *err)
{
    ptv_http *h = self;
    unsigned long finished = h->finished;
    send_waiting(h);
    int running, wait_ms = h->finished == finished && timeout_ms > 0 ? timeout_ms : 0;
    int64_t now_ms = ptv_clock_ms();
    shorten(&wait_ms, &h->running, now_ms);
    shorten(&wait_ms, &h->waiting, now_ms);
    struct curl_waitfd also = { .fd = h->also ? h->also->fd : -1 };
    if (h->also) { /* poll()'s own bits are the same numbers, but nobody says so */
        also.events =
            (short)((h->also->events & POLLIN ? CURL_WAIT_POLLIN : 0) | (h->also->events & POLLOUT ? CURL_WAIT_POLLOUT : 0));
    }
    CURLMcode mc = curl_multi_poll(h->multi, &also, h->also ? 1 : 0, wait_ms, NULL);
    if (h->also)
        h->also->revents =
            (short)((also.revents & CURL_WAIT_POLLIN ? POLLIN : 0) | (also.revents & CURL_WAIT_POLLOUT ? POLLOUT : 0));
    if (!mc)
        mc = curl_multi_perform(h->multi, &running);
    if (h->sent_on_http2 >= RECYCLE_AFTER)
        recycle(h);
    finish_arrived(h);
    finish_late(h);
    resume_paused(h);
    send_waiting(h);
    if (mc == CURLM_OUT_OF_MEMORY)
        return ptv_fail_nomem(err);
    return mc ? ptv_fail_detail(err, PTV_EBUG, mc, "waiting for answers: %s", curl_multi_strerror(mc)) : PTV_OK;
}

/* --------------------------------------------------------------------------------------- the transport */

static ptv_code http_start(void *self, const ptv_request *request, ptv_response_fn *done, void *tag, ptv_error *err)
{
    ptv_http *h = self;
    ptv_place place;
    char *url = NULL;
    ptv_code rc = ptv_place_read(&place, &url, request->url, err);
    if (!rc)
        rc = ptv_place_check(&place, h->setup.options.allow_http, err);
    ptv_http_request *r = rc ? NULL : ptv_http_request_copy(request);
    if (!r) {
        curl_free(url);
        return rc ? rc : ptv_fail_nomem(err);
    }
    size_t most = h->setup.options.bodies_limit_bytes;
    r->http = h;
    r->done = done;
    r->tag = tag;
    r->url = url;
    r->place = place;
    r->body_limit_bytes = request->body_limit_bytes && request->body_limit_bytes < most ? request->body_limit_bytes : most;
    r->body = (ptv_buf)PTV_BUF(r->body_limit_bytes);
    r->started_ms = ptv_clock_ms();
    r->deadline_ms = r->timeout_ms > 0 ? r->started_ms + r->timeout_ms : 0;
    list_add(&h->waiting, r);
    return PTV_OK;
}

static void drop(ptv_http_list *list, const void *tag, bool all)
{
    for (ptv_http_request *r = list->first, *next; r; r = next) {
        next = r->next;
        if (!all && r->tag != tag)
            continue;
        detach(r);
        ptv_http_request_free(r);
    }
}

static void http_cancel(void *self, void *tag)
{
    ptv_http *h = self;
    drop(&h->waiting, tag, false);
    drop(&h->running, tag, false);
}

static void http_wakeup(void *self)
{
    ptv_http *h = self;
    curl_multi_wakeup(h->multi);
}

static void http_watch(void *self, struct pollfd *also)
{
    ptv_http *h = self;
    h->also = also;
}

static int64_t http_now_ms(void *self)
{
    (void)self;
    return ptv_clock_ms();
}

static void http_free(void *self)
{
    ptv_http *h = self;
    drop(&h->waiting, NULL, true);
    drop(&h->running, NULL, true);
    while (h->spare && h->spare_count)
        curl_easy_cleanup(h->spare[--h->spare_count]);
    curl_multi_cleanup(h->multi);
    ptv_free(h->spare);
    ptv_http_setup_release(&h->setup);
    ptv_free(h);
    curl_global_cleanup();
}

ptv_code ptv_http_new(ptv_transport *out, const ptv_http_options *options, ptv_error *err)
{
    if (!ptv_http_heap_init())
        return ptv_fail_nomem(err);
    ptv_http *h = ptv_calloc(1, sizeof *h);
    if (!h) {
        curl_global_cleanup();
        return ptv_fail_nomem(err);
    }
    ptv_code rc = ptv_http_setup_init(&h->setup, options, err);
    if (!rc) {
        h->spare = ptv_calloc((size_t)h->setup.options.max_connections, sizeof *h->spare);
        h->multi = curl_multi_init();
        if (!h->spare || !h->multi)
            rc = ptv_fail_nomem(err);
        else
            curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, h->setup.options.max_connections);
    }
    if (rc) {
        http_free(h);
        return rc;
    }
    *out = (ptv_transport){ .self = h,
                            .start = http_start,
                            .cancel = http_cancel,
                            .poll = http_poll,
                            .wakeup = http_wakeup,
                            .now_ms = http_now_ms,
                            .watch = http_watch,
                            .free = http_free };
    return PTV_OK;
}
