/*
 * http_request.c: one request as libcurl sees it: copied, described, sent, and its bytes taken in.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "base/text.h"
#include "net/http_parts.h"
#include <string.h>
#include <strings.h>

enum { HEADERS_BYTES = 64 << 10 };

/* ---------------------------------------------------------------------------------------------- copy */

/* One text of a request, copied into its block. */
static const char *keep(char **at, const char *prefix, const char *text)
{
    if (!text)
        return NULL;
    char *start = *at;
    size_t before = strlen(prefix), len = strlen(text);
    memcpy(start, prefix, before + 1);
    memcpy(start + before, text, len + 1);
    *at += before + len + 1;
    return start;
}

static size_t room_for(const char *prefix, const char *text)
{
    return text ? strlen(prefix) + strlen(text) + 1 : 0;
}

ptv_http_request *ptv_http_request_copy(const ptv_request *q)
{
    static const char type[] = "Content-Type: ";
    const char *method = q->method ? q->method : "GET";
    size_t size = sizeof(ptv_http_request) + room_for("", method) + room_for(type, q->content_type) + room_for("", q->user) +
                  room_for("", q->secret) + q->body_len;
    size_t extra_count = 0;
    for (; q->headers && q->headers[extra_count] && extra_count < PTV_HTTP_MOST_HEADERS; extra_count++)
        size += room_for("", q->headers[extra_count]);
    ptv_http_request *r = ptv_calloc(1, size);
    if (!r)
        return NULL;
    char *at = r->text;
    r->method = keep(&at, "", method);
    r->content_type = keep(&at, type, q->content_type);
    r->user = keep(&at, "", q->user);
    r->secret = keep(&at, "", q->secret);
    for (; r->extra_count < extra_count; r->extra_count++)
        r->extra[r->extra_count] = keep(&at, "", q->headers[r->extra_count]);
    r->cookies = (ptv_buf)PTV_BUF(PTV_HTTP_COOKIE_BYTES);
    if (q->body) {
        r->sent = at;
        r->sent_len = q->body_len;
        memcpy(at, q->body, q->body_len);
    }
    r->connect_timeout_ms = q->connect_timeout_ms;
    r->timeout_ms = q->timeout_ms;
    return r;
}

/* ------------------------------------------------------------------------------------------- ------ in */

bool ptv_http_has_room(const ptv_http_request *r, size_t more)
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
    if (!ptv_http_has_room(r, len)) {
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
static void keep_value(char out[PTV_HTTP_VALUE_BYTES], const char *name, const char *line, size_t len)
{
    size_t skip = strlen(name);
    if (len < skip || strncasecmp(line, name, skip) != 0)
        return;
    line += skip;
    len -= skip;
    ptv_text_trim(&line, &len);
    if (len >= PTV_HTTP_VALUE_BYTES || memchr(line, '\0', len))
        len = 0;
    memcpy(out, line, len);
    out[len] = '\0';
}

/* "Set-Cookie: NAME=VALUE; Path=/; …": the pair alone. Where it may be sent to is the caller's affair: he asks one place. */
static void keep_cookie(ptv_buf *cookies, const char *line, size_t len)
{
    static const char name[] = "Set-Cookie:";
    size_t skip = sizeof name - 1;
    if (len < skip || strncasecmp(line, name, skip) != 0)
        return;
    line += skip;
    len -= skip;
    const char *end = memchr(line, ';', len);
    len = end ? (size_t)(end - line) : len;
    ptv_text_trim(&line, &len);
    if (!len || memchr(line, '\0', len))
        return;
    ptv_buf_puts(cookies, cookies->len ? "; " : "");
    ptv_buf_append(cookies, line, len);
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
    if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0) { /* another answer begins: what stood before was a 1xx */
        r->retry_after[0] = r->date[0] = '\0';
        ptv_buf_clear(&r->cookies);
    }
    keep_value(r->retry_after, "Retry-After:", bytes, len);
    keep_value(r->date, "Date:", bytes, len);
    keep_cookie(&r->cookies, bytes, len);
    return len;
}

static int on_connected(void *self, char *address, char *local_address, int port, int local_port)
{
    (void)address, (void)local_address, (void)port, (void)local_port;
    ptv_http_request *r = self;
    r->is_connected = true;
    return CURL_PREREQFUNC_OK;
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

/* Once, also when it is sent again after a redirect: those stay within the same place. */
static bool add_headers(ptv_http_request *r)
{
    if (r->headers)
        return true;
    if (r->sent && !add_header(r, "Expect:"))
        return false;
    if (r->sent && r->content_type && !add_header(r, r->content_type))
        return false;
    for (size_t i = 0; i < r->extra_count; i++) {
        if (!add_header(r, r->extra[i]))
            return false;
    }
    return true;
}

#define SET(option, value)                                                                                                  \
    do {                                                                                                                    \
        if (!rc)                                                                                                            \
            rc = curl_easy_setopt(r->easy, option, value);                                                                  \
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
    SET(CURLOPT_PREREQFUNCTION, on_connected);
    SET(CURLOPT_PREREQDATA, r);
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
    SET(CURLOPT_FORBID_REUSE, 0L);
    /* Handles that differ in these never share a connection; OpenSSL knows nothing of them, they are for Schannel. */
    static const long marks[] = { CURLSSLOPT_NO_REVOKE, CURLSSLOPT_REVOKE_BEST_EFFORT, CURLSSLOPT_AUTO_CLIENT_CERT };
    long mark = 0;
    for (unsigned i = 0; i < 3; i++)
        mark |= r->http->generation >> i & 1 ? marks[i] : 0;
    SET(CURLOPT_SSL_OPTIONS, mark);
    return rc;
}

CURLcode ptv_http_request_send(ptv_http_request *r)
{
    ptv_http *h = r->http;
    r->refused_before = ptv_http_heap_refused();
    if (!r->easy)
        r->easy = take_handle(h);
    if (!r->easy)
        return CURLE_OUT_OF_MEMORY;
    if (!add_headers(r))
        return CURLE_OUT_OF_MEMORY;
    CURLcode rc = describe(r);
    if (rc)
        return rc;
    if (h->setup.options.http2 && h->sent_on_http2++ == 0)
        h->pioneer = r;
    CURLMcode mc = curl_multi_add_handle(h->multi, r->easy);
    return mc == CURLM_OUT_OF_MEMORY ? CURLE_OUT_OF_MEMORY : mc ? CURLE_FAILED_INIT : CURLE_OK;
}

void ptv_http_request_free(ptv_http_request *r)
{
    if (r->easy)
        give_handle_back(r->http, r->easy);
    curl_slist_free_all(r->headers);
    curl_free(r->url);
    ptv_buf_release(&r->body);
    ptv_buf_release(&r->cookies);
    ptv_free(r);
}
