/*
 * http_parts.h: what the files of the HTTP transport share. Nobody else includes it.
 *
 *   http.c          requests: waiting, under way, done
 *   http_request.c  one of them, as libcurl sees it
 *   http_heap.c     memory for libcurl
 *   http_setup.c    what a connection may do: TLS, certificates, proxies
 *   http_place.c    where a URL leads, and whether we go there
 *   http_words.c    a failure as code and words
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_NET_HTTP_PARTS_H
#define PTV_NET_HTTP_PARTS_H
#include "base/arena.h"
#include "net/http.h"
#include <curl/curl.h>

/* --------------------------------------------------------------------------------------------- heap */

bool ptv_http_heap_init(void);             /* curl_global_init() on base/mem.h; false: no memory. curl_global_cleanup() it */
unsigned long ptv_http_heap_refused(void); /* allocations that libcurl was refused so far */

/* ------------------------------------------------------------------------------------------- places */

typedef struct ptv_place {
    bool is_http, is_https; /* neither: another scheme */
    char host[256];         /* as in the URL, IPv6 in brackets */
    long port;
} ptv_place;

/* Take a URL apart. `url` is the same without user, password and fragment; curl_free() it. PTV_EINVAL, PTV_ENOMEM. */
ptv_code ptv_place_read(ptv_place *place, char **url, const char *text, ptv_error *err);
/* PTV_EINVAL unless it is https, or http to this machine or where the settings allow it. */
ptv_code ptv_place_check(const ptv_place *place, bool allow_http, ptv_error *err);
bool ptv_place_same(const ptv_place *a, const ptv_place *b); /* scheme, host and port */

/* -------------------------------------------------------------------------------------------- setup */

typedef struct ptv_http_setup {
    ptv_http_options options;        /* its text lives in `mem`, as all below */
    const char *ca_file, *ca_folder; /* at most one is set; both NULL: what libcurl finds */
    ptv_arena mem;
} ptv_http_setup;

/* Copy and check the options. PTV_ESETTINGS names a file that cannot be read, PTV_ENOMEM. Release it in either case. */
ptv_code ptv_http_setup_init(ptv_http_setup *s, const ptv_http_options *options, ptv_error *err);
void ptv_http_setup_release(ptv_http_setup *s);
CURLcode ptv_http_setup_apply(const ptv_http_setup *s, CURL *easy); /* once for each new handle */
/* For CURLOPT_PROXY: NULL leaves it to libcurl and the environment, "" is none. */
const char *ptv_http_proxy(const ptv_http_setup *s, const ptv_place *place);

/* ----------------------------------------------------------------------------------------- failures */

typedef struct ptv_http_failure {
    CURL *easy; /* NULL: the request was never sent */
    CURLcode result;
    const ptv_http_setup *setup;
    const ptv_place *place;
    const char *detail; /* CURLOPT_ERRORBUFFER: may hold a proxy's password, so it is never passed on whole */
    size_t received;    /* bytes of body */
    size_t header_bytes;
    ptv_code stopped;   /* PTV_ETOOBIG, PTV_ENOMEM, PTV_ETIMEOUT: it was we who ended it */
    size_t limit_bytes; /* of the body */
    bool headers_too_long;
    long connect_timeout_ms, timeout_ms;
} ptv_http_failure;

/* Code, words and CURLcode go to `err`; returns whether a second try can mend it. */
bool ptv_http_explain(const ptv_http_failure *f, ptv_error *err);

/* ----------------------------------------------------------------------------------------- requests */

enum { PTV_HTTP_VALUE_BYTES = 64, PTV_HTTP_COOKIE_BYTES = 4096, PTV_HTTP_MOST_HEADERS = 8 }; /* of what is kept, and sent */

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
    const char *extra[PTV_HTTP_MOST_HEADERS];
    size_t extra_count;
    size_t sent_len;
    long connect_timeout_ms, timeout_ms;
    size_t body_limit_bytes;
    int64_t started_ms, deadline_ms; /* 0: none */
    /* what came */
    CURL *easy; /* NULL while waiting */
    struct curl_slist *headers;
    ptv_buf body;
    size_t header_bytes;
    char retry_after[PTV_HTTP_VALUE_BYTES], date[PTV_HTTP_VALUE_BYTES];
    ptv_buf cookies;
    int redirects;
    unsigned long refused_before; /* ptv_http_heap_refused() when it was sent */
    bool is_running, is_connected, headers_too_long;
    size_t paused_bytes;          /* what it paused with; 0: it does not */
    ptv_code stopped;             /* PTV_ETOOBIG, PTV_ENOMEM, PTV_ETIMEOUT: it was we who ended it */
    char detail[CURL_ERROR_SIZE]; /* may hold a proxy's password, so it is never passed on whole */
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
    size_t body_bytes;   /* of all running */
    struct pollfd *also; /* watched beside; NULL */
    unsigned long finished;
    int sent_on_http2; /* of this generation */
    unsigned generation;
    ptv_http_request *pioneer; /* first of its generation, not yet connected */
};

ptv_http_request *ptv_http_request_copy(const ptv_request *q);  /* all but the URL; NULL: no memory */
CURLcode ptv_http_request_send(ptv_http_request *r);            /* or again, after a redirect */
bool ptv_http_has_room(const ptv_http_request *r, size_t more); /* may it take so many bytes now? */
void ptv_http_request_free(ptv_http_request *r);                /* its handle goes back to the spare ones */

#endif
