/*
 * http.c: the transport over one long-lived libcurl multi handle.
 *
 *   start() ──► waiting ──► running ──► done()
 *                 │            │
 *                 └── at most max_connections run; total time-outs count from start(), wherever a request is
 *
 * Bodies: all together stay under bodies_limit_bytes. The oldest running request may always grow to its own ceiling; room for
 * that is kept free, and the others pause while their next bytes would need it. So nobody waits for ever.
 *
 * HTTP/2: libcurl 7.88 resets each stream whose end comes in a frame of its own; servers that count resets close the connection
 * after about a thousand. So connections are closed after RECYCLE_AFTER requests: no new one is sent until those
 * running are done, and the last of them closes.
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
#include <strings.h>

enum { HEADERS_BYTES = 64 << 10, REDIRECTS = 5, RECYCLE_AFTER = 800, VALUE_BYTES = 64 };

typedef struct ptv_http ptv_http;
typedef struct ptv_http_request {
    struct ptv_http_request *prev, *next; /* in waiting or running */
    ptv_http *http;
    ptv_response_fn *done;
    void *tag;
    /* what was asked; text in the same block, except the URL, which redirects replace */
    char *url;
    ptv_place place;
    const char *method, *content_type, *user, *secret, *sent;
    size_t sent_len;
    long connect_timeout_ms, timeout_ms;
    size_t body_limit_bytes;
    int64_t started_ms, deadline_ms; /* 0: none */
    /* what came */
    CURL *easy; /* NULL while waiting */
    struct curl_slist *headers;
    ptv_buf body;
    size_t header_bytes;
    char retry_after[VALUE_BYTES], date[VALUE_BYTES];
    int redirects;
    unsigned long refused_before; /* ptv_http_heap_refused() when it was sent */
    bool is_running, headers_too_long;
    size_t paused_bytes; /* what it paused with; 0: it does not */
    ptv_code stopped; /* why it was we who ended it */
    char detail[CURL_ERROR_SIZE];
    char text[];
} ptv_http_request;

typedef struct ptv_http_list {
    ptv_http_request *first, *last;
    size_t count;
} ptv_http_list;

struct ptv_http {
    ptv_http_setup setup;
    CURLM *multi;
    ptv_http_list waiting, running; /* oldest first */
    CURL **spare;                   /* easy handles to use again; room for max_connections */
    size_t spare_count;
    size_t body_bytes;              /* of all running */
    unsigned long finished;
    int sent_on_http2; /* since the connections were last closed */
    bool is_draining;
};

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

/* ------------------------------------------------------------------------------------------- bytes in */

/* May this request take `more` bytes now? */
static bool has_room(const ptv_http_request *r, size_t more)
{
    const ptv_http *h = r->http;
    const ptv_http_request *oldest = h->running.first;
    if (r == oldest)
        return true;
    size_t kept = oldest->body_limit_bytes - oldest->body.len;
    size_t limit = h->setup.options.bodies_limit_bytes;
    return h->body_bytes + kept <= limit && more <= limit - h->body_bytes - kept;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *self)
{
    ptv_http_request *r = self;
    size_t len = size * count;
    if (len > r->body_limit_bytes - r->body.len) {
        r->stopped = PTV_ETOOBIG;
        return CURL_WRITEFUNC_ERROR;
    }
    if (!has_room(r, len)) {
        r->paused_bytes = len;
        return CURL_WRITEFUNC_PAUSE;
    }
    ptv_buf_append(&r->body, bytes, len);
    if (r->body.failed) {
        r->stopped = PTV_ENOMEM;
        return CURL_WRITEFUNC_ERROR;
    }
    r->http->body_bytes += len;
    return len;
}

/* The value of the header called `name`, which ends in ':'; one that does not fit is none. */
static void keep_value(char out[VALUE_BYTES], const char *name, const char *line, size_t len)
{
    size_t skip = strlen(name);
    if (len < skip || strncasecmp(line, name, skip) != 0)
        return;
    line += skip;
    len -= skip;
    ptv_text_trim(&line, &len);
    if (len >= VALUE_BYTES || memchr(line, '\0', len))
        len = 0;
    memcpy(out, line, len);
    out[len] = '\0';
}

static size_t on_header(char *bytes, size_t size, size_t count, void *self)
{
    ptv_http_request *r = self;
    size_t len = size * count;
    r->header_bytes += len;
    if (r->header_bytes > HEADERS_BYTES) {
        r->headers_too_long = true;
        return CURL_WRITEFUNC_ERROR;
    }
    if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0) /* another answer begins: what stood before was a 1xx */
        r->retry_after[0] = r->date[0] = '\0';
    keep_value(r->retry_after, "Retry-After:", bytes, len);
    keep_value(r->date, "Date:", bytes, len);
    return len;
}

/* ------------------------------------------------------------------------------------------- sending */

static CURL *take_handle(ptv_http *h)
{
    if (h->spare_count)
        return h->spare[--h->spare_count];
    CURL *easy = curl_easy_init();
    if (!easy || ptv_http_setup_apply(&h->setup, easy) == CURLE_OK)
        return easy;
    curl_easy_cleanup(easy);
    return NULL;
}

static void give_handle_back(ptv_http *h, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
    if (h->spare_count < (size_t)h->setup.options.max_connections)
        h->spare[h->spare_count++] = easy;
    else
        curl_easy_cleanup(easy);
}

static bool add_header(ptv_http_request *r, const char *line)
{
    struct curl_slist *longer = curl_slist_append(r->headers, line);
    if (longer)
        r->headers = longer;
    return longer != NULL;
}

#define SET(option, value)                                                                                                       \
    do {                                                                                                                          \
        if (!rc)                                                                                                                  \
            rc = curl_easy_setopt(r->easy, option, value);                                                                        \
    } while (0)

/* Everything that differs from request to request is set each time: a handle remembers the one before. */
static CURLcode describe(ptv_http_request *r)
{
    CURLcode rc = CURLE_OK;
    SET(CURLOPT_PRIVATE, r);
    SET(CURLOPT_ERRORBUFFER, r->detail);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, r);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, r);
    SET(CURLOPT_URL, r->url);
    SET(CURLOPT_POSTFIELDS, r->sent);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->sent_len);
    if (!r->sent)
        SET(CURLOPT_HTTPGET, 1L); /* after POSTFIELDS, which makes it a POST even with NULL */
    SET(CURLOPT_CUSTOMREQUEST, r->method);
    SET(CURLOPT_HTTPHEADER, r->headers);
    SET(CURLOPT_USERNAME, r->user);
    SET(CURLOPT_PASSWORD, r->secret);
    SET(CURLOPT_PROXY, ptv_http_proxy(&r->http->setup, &r->place));
    SET(CURLOPT_CONNECTTIMEOUT_MS, r->connect_timeout_ms);
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)r->body_limit_bytes);
    SET(CURLOPT_FORBID_REUSE, r->http->is_draining ? 1L : 0L);
    return rc;
}

/* One more request goes out; on HTTP/2 the one that reaches the limit makes everybody running close. */
static void count_sent(ptv_http *h)
{
    if (!h->setup.options.http2 || ++h->sent_on_http2 < RECYCLE_AFTER || h->is_draining)
        return;
    h->is_draining = true;
    for (ptv_http_request *r = h->running.first; r; r = r->next) {
        if (r->easy)
            curl_easy_setopt(r->easy, CURLOPT_FORBID_REUSE, 1L);
    }
}

static CURLcode send_request(ptv_http_request *r)
{
    ptv_http *h = r->http;
    r->refused_before = ptv_http_heap_refused();
    if (!r->easy)
        r->easy = take_handle(h);
    if (!r->easy)
        return CURLE_OUT_OF_MEMORY;
    if (r->sent && !r->headers && (!add_header(r, "Expect:") || (r->content_type && !add_header(r, r->content_type))))
        return CURLE_OUT_OF_MEMORY;
    count_sent(h);
    CURLcode rc = describe(r);
    if (rc)
        return rc;
    CURLMcode mc = curl_multi_add_handle(h->multi, r->easy);
    return mc == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : mc ? CURLE_FAILED_INIT : CURLE_OK;
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
    if (h->is_draining && !h->running.count) {
        h->is_draining = false;
        h->sent_on_http2 = 0;
    }
}

static void release(ptv_http_request *r)
{
    if (r->easy)
        give_handle_back(r->http, r->easy);
    curl_slist_free_all(r->headers);
    curl_free(r->url);
    ptv_buf_release(&r->body);
    ptv_free(r);
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
    if (r->retry_after[0])
        out->retry_after_s = ptv_retry_after_parse(r->retry_after, r->date[0] ? r->date : NULL, ptv_clock_utc());
}

static void fill_failure(ptv_response *out, ptv_http_request *r, CURLcode result, ptv_error *why)
{
    if (!r->stopped && ptv_http_heap_refused() != r->refused_before)
        r->stopped = PTV_ENOMEM; /* whatever libcurl made of it */
    ptv_http_failure f = {
        .easy = r->easy, .result = result, .setup = &r->http->setup, .place = &r->place, .detail = r->detail,
        .received = r->body.len, .header_bytes = r->header_bytes, .stopped = r->stopped,
        .limit_bytes = r->body_limit_bytes, .headers_too_long = r->headers_too_long,
        .connect_timeout_ms = r->connect_timeout_ms, .timeout_ms = r->timeout_ms,
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
    return send_request(r);
}

static void finish(ptv_http_request *r, CURLcode result)
{
    long status = 0;
    char *location = NULL, *url = NULL;
    ptv_error why = { 0 };
    if (result == CURLE_OK) {
        curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(r->easy, CURLINFO_REDIRECT_URL, &location);
    }
    ptv_place place;
    if (location && ptv_place_read(&place, &url, location, &why) == PTV_OK && may_follow(r, status, &place)) {
        result = follow(r, url);
        if (result == CURLE_OK)
            return;
        url = NULL;
    }
    if (why.code == PTV_ENOMEM)
        result = CURLE_OUT_OF_MEMORY;

    detach(r);
    ptv_response out = { .location = url, .retry_after_s = -1, .elapsed_ms = (double)(ptv_clock_ms() - r->started_ms) };
    if (result == CURLE_OK)
        fill_answer(&out, r, status);
    else
        fill_failure(&out, r, result, &why);
    r->http->finished++;
    r->done(r->tag, &out);
    curl_free(url);
    release(r);
}

/* ---------------------------------------------------------------------------------------------- poll */

static void send_waiting(ptv_http *h)
{
    while (h->waiting.first && !h->is_draining && h->running.count < (size_t)h->setup.options.max_connections) {
        ptv_http_request *r = h->waiting.first;
        list_remove(&h->waiting, r);
        list_add(&h->running, r);
        r->is_running = true;
        CURLcode rc = send_request(r);
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
        if (!r->paused_bytes || !has_room(r, r->paused_bytes))
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
    CURLMcode mc = curl_multi_poll(h->multi, NULL, 0, wait_ms, NULL);
    if (!mc)
        mc = curl_multi_perform(h->multi, &running);
    finish_arrived(h);
    finish_late(h);
    resume_paused(h);
    send_waiting(h);
    if (mc == CURLM_OUT_OF_MEMORY)
        return ptv_fail_nomem(err);
    return mc ? ptv_fail_detail(err, PTV_EBUG, mc, "waiting for answers: %s", curl_multi_strerror(mc)) : PTV_OK;
}

/* --------------------------------------------------------------------------------------- the transport */

/* One text of a request, copied into its block. */
static const char *keep(char **at, const char *prefix, const char *text)
{
    if (!text)
        return NULL;
    char *start = *at;
    size_t before = strlen(prefix), len = strlen(text);
    memcpy(start, prefix, before);
    memcpy(start + before, text, len + 1);
    *at += before + len + 1;
    return start;
}

static size_t room_for(const char *prefix, const char *text)
{
    return text ? strlen(prefix) + strlen(text) + 1 : 0;
}

static ptv_http_request *copy_request(const ptv_request *q)
{
    static const char type[] = "Content-Type: ";
    const char *method = q->method ? q->method : "GET";
    size_t size = sizeof(ptv_http_request) + room_for("", method) + room_for(type, q->content_type) + room_for("", q->user) +
                  room_for("", q->secret) + q->body_len;
    ptv_http_request *r = ptv_calloc(1, size);
    if (!r)
        return NULL;
    char *at = r->text;
    r->method = keep(&at, "", method);
    r->content_type = keep(&at, type, q->content_type);
    r->user = keep(&at, "", q->user);
    r->secret = keep(&at, "", q->secret);
    if (q->body) {
        r->sent = at;
        r->sent_len = q->body_len;
        memcpy(at, q->body, q->body_len);
    }
    r->connect_timeout_ms = q->connect_timeout_ms;
    r->timeout_ms = q->timeout_ms;
    return r;
}

static ptv_code http_start(void *self, const ptv_request *request, ptv_response_fn *done, void *tag, ptv_error *err)
{
    ptv_http *h = self;
    ptv_place place;
    char *url = NULL;
    ptv_code rc = ptv_place_read(&place, &url, request->url, err);
    if (!rc)
        rc = ptv_place_check(&place, h->setup.options.allow_http, err);
    ptv_http_request *r = rc ? NULL : copy_request(request);
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
        release(r);
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
    while (h->spare_count)
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
    *out = (ptv_transport){ .self = h, .start = http_start, .cancel = http_cancel, .poll = http_poll, .wakeup = http_wakeup,
                            .now_ms = http_now_ms, .free = http_free };
    return PTV_OK;
}
