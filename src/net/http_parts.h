/*
 * http_parts.h: what the files of the HTTP transport share. Nobody else includes it.
 *
 *   http.c        requests: waiting, under way, done
 *   http_heap.c   memory for libcurl
 *   http_setup.c  what a connection may do: TLS, certificates, proxies
 *   http_place.c  where a URL leads, and whether we go there
 *   http_words.c  a failure as code and words
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
    ptv_http_options options; /* its text lives in `mem`, as all below */
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
    CURL *easy;              /* NULL: the request was never sent */
    CURLcode result;
    const ptv_http_setup *setup;
    const ptv_place *place;
    const char *detail;      /* CURLOPT_ERRORBUFFER: may hold a proxy's password, so it is never passed on whole */
    size_t received;         /* bytes of body */
    size_t header_bytes;
    ptv_code stopped;        /* PTV_ETOOBIG, PTV_ENOMEM, PTV_ETIMEOUT: it was we who ended it */
    size_t limit_bytes;      /* of the body */
    bool headers_too_long;
    long connect_timeout_ms, timeout_ms;
} ptv_http_failure;

/* Code, words and CURLcode go to `err`; returns whether a second try can mend it. */
bool ptv_http_explain(const ptv_http_failure *f, ptv_error *err);

#endif
