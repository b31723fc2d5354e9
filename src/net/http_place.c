/*
 * http_place.c: where a URL leads. Key and query go only to https, or to this machine.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include "net/http_parts.h"
#include <arpa/inet.h>
#include <string.h>

/* One part of a URL, copied; a part that is absent is "". */
static CURLUcode part(CURLU *u, CURLUPart what, unsigned flags, char *out, size_t size)
{
    char *text = NULL;
    CURLUcode rc = curl_url_get(u, what, &text, flags);
    out[0] = '\0';
    if (rc == CURLUE_NO_PORT || rc == CURLUE_UNSUPPORTED_SCHEME)
        return CURLUE_OK;
    if (rc)
        return rc;
    size_t len = strlen(text);
    if (len >= size)
        rc = CURLUE_BAD_HOSTNAME;
    else
        memcpy(out, text, len + 1);
    curl_free(text);
    return rc;
}

static CURLUcode split(CURLU *u, ptv_place *place, char **url, const char *text)
{
    char scheme[16], port[16];
    CURLUcode rc = curl_url_set(u, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    static const CURLUPart dropped[] = { CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_FRAGMENT };
    for (size_t i = 0; !rc && i < sizeof dropped / sizeof *dropped; i++)
        rc = curl_url_set(u, dropped[i], NULL, 0);
    if (!rc)
        rc = part(u, CURLUPART_SCHEME, 0, scheme, sizeof scheme);
    if (!rc)
        rc = part(u, CURLUPART_HOST, 0, place->host, sizeof place->host);
    if (!rc)
        rc = part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof port);
    if (!rc)
        rc = curl_url_get(u, CURLUPART_URL, url, 0);
    if (rc)
        return rc;
    int64_t number = 0;
    ptv_int_parse(&number, port);
    place->port = (long)number;
    place->is_http = ptv_text_equal_fold(scheme, "http");
    place->is_https = ptv_text_equal_fold(scheme, "https");
    return CURLUE_OK;
}

ptv_code ptv_place_read(ptv_place *place, char **url, const char *text, ptv_error *err)
{
    CURLU *u = curl_url();
    if (!u)
        return ptv_fail_nomem(err);
    CURLUcode rc = split(u, place, url, text);
    curl_url_cleanup(u);
    if (rc == CURLUE_OUT_OF_MEMORY)
        return ptv_fail_nomem(err);
    return rc ? ptv_fail(err, PTV_EINVAL, "the URL cannot be read: %s", curl_url_strerror(rc)) : PTV_OK;
}

/* libcurl resolves "localhost" to the loopback addresses itself, whatever DNS says, and writes 127.1 as 127.0.0.1. */
static bool is_loopback(const char *host)
{
    unsigned char address[16];
    if (ptv_text_equal_fold(host, "localhost"))
        return true;
    if (inet_pton(AF_INET, host, address) == 1)
        return address[0] == 127;
    size_t len = strlen(host);
    char bare[64];
    if (len < 3 || len >= sizeof bare || host[0] != '[')
        return false;
    memcpy(bare, host + 1, len - 2);
    bare[len - 2] = '\0';
    static const unsigned char one[16] = { [15] = 1 };
    return inet_pton(AF_INET6, bare, address) == 1 && memcmp(address, one, sizeof one) == 0;
}

ptv_code ptv_place_check(const ptv_place *place, bool allow_http, ptv_error *err)
{
    if (place->is_https)
        return PTV_OK;
    if (!place->is_http)
        return ptv_fail(err, PTV_EINVAL, "only https and http URLs can be asked");
    if (allow_http || is_loopback(place->host))
        return PTV_OK;
    return ptv_fail(
        err, PTV_EINVAL,
        "plain http to %s port %ld is refused, since it would show the key to everybody on the way: use https, or set "
        "allow_http = yes",
        place->host, place->port);
}

bool ptv_place_same(const ptv_place *a, const ptv_place *b)
{
    return a->is_http == b->is_http && a->is_https == b->is_https && a->port == b->port &&
           ptv_text_equal_fold(a->host, b->host);
}
