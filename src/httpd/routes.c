/*
 * routes.c: the head of a request: which door, framed how, with which secret. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "httpd/wire.h"

#include "base/text.h"

/* ---------------------------------------------------------------------------------------------- routes */

static const struct {
    ptv_route route;
    const char *path, *methods;
} fixed[] = {
    { PTV_ROUTE_VERDICT, "/v1/verdict", "POST" }, { PTV_ROUTE_HEALTHZ, "/healthz", "GET, HEAD" },
    { PTV_ROUTE_READYZ, "/readyz", "GET, HEAD" }, { PTV_ROUTE_METRICS, "/metrics", "GET, HEAD" },
    { PTV_ROUTE_CTS, NULL, "OPTIONS, POST" },     { PTV_ROUTE_CTS_POLL, NULL, "GET" },
};
#define FIXED (sizeof fixed / sizeof *fixed)

ptv_route ptv_route_find(const char **id, const char *path, const char *cts_name)
{
    size_t len = strlen(cts_name);
    *id = NULL;
    for (size_t i = 0; i < FIXED; i++)
        if (fixed[i].path && strcmp(path, fixed[i].path) == 0)
            return fixed[i].route;
    if (!ptv_text_starts(path, "/cts/") || strncmp(path + 5, cts_name, len) != 0)
        return PTV_ROUTE_NONE;
    const char *rest = path + 5 + len;
    if (*rest == '\0' || strcmp(rest, "/") == 0)
        return PTV_ROUTE_CTS;
    if (*rest != '/' || strchr(rest + 1, '/'))
        return PTV_ROUTE_NONE;
    *id = rest + 1;
    return PTV_ROUTE_CTS_POLL;
}

const char *ptv_route_methods(ptv_route route)
{
    for (size_t i = 0; i < FIXED; i++)
        if (fixed[i].route == route)
            return fixed[i].methods;
    return "";
}

bool ptv_route_takes(ptv_route route, const char *method)
{
    size_t len = strlen(method);
    for (const char *at = ptv_route_methods(route); *at;) {
        size_t word = strcspn(at, ",");
        if (word == len && memcmp(at, method, len) == 0)
            return true;
        at += word + strspn(at + word, ", ");
    }
    return false;
}

/* --------------------------------------------------------------------------------------------- framing */

static bool is_token(const char *name)
{
    for (const char *p = name; *p; p++) {
        bool is_letter = ptv_lower(*p) >= 'a' && ptv_lower(*p) <= 'z', is_digit = *p >= '0' && *p <= '9';
        if (!is_letter && !is_digit && !strchr("!#$%&'*+-.^_`|~", *p))
            return false;
    }
    return *name != '\0';
}

void ptv_framing_see(ptv_framing *f, const char *name, const char *value)
{
    if (!is_token(name))
        f->odd_name = true; /* "Content-Length : 5": one reader trims the name, the next does not know it */
    if (ptv_text_equal_fold(name, "Content-Length")) {
        int64_t length = 0;
        f->lengths++;
        if (!value || !*value || value[strspn(value, "0123456789")] || !ptv_int_parse(&length, value))
            f->odd_length = true;
        f->length = (uint64_t)length;
    } else if (ptv_text_equal_fold(name, "Transfer-Encoding")) {
        f->codings++;
        if (!value || !ptv_text_equal_fold(value, "chunked"))
            f->odd_coding = true;
    } else if (ptv_text_equal_fold(name, "Host")) {
        f->hosts++;
    }
}

const char *ptv_framing_refusal(const ptv_framing *f)
{
    if (f->odd_name)
        return "the name of a header holds what no name may hold";
    if (f->lengths && f->codings)
        return "Content-Length and Transfer-Encoding together: where the request ends is not certain";
    if (f->lengths > 1 || f->codings > 1 || f->hosts > 1)
        return "Content-Length, Transfer-Encoding or Host given twice";
    if (f->odd_length)
        return "Content-Length is not a number";
    if (f->odd_coding)
        return "of transfer codings only chunked is understood";
    return NULL;
}

bool ptv_host_is_local(const char *host)
{
    static const char *const local[] = { "localhost", "127.0.0.1", "[::1]" };
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        size_t len = strlen(local[i]);
        if (strncasecmp(host, local[i], len) == 0 &&
            (host[len] == '\0' || (host[len] == ':' && !host[len + 1 + strspn(host + len + 1, "0123456789")])))
            return true;
    }
    return false;
}

/* --------------------------------------------------------------------------------------------- secrets */

static void digest_text(char out[PTV_DIGEST_HEX], ptv_digest *d, const char *text)
{
    ptv_digest_begin(d);
    ptv_digest_add_text(d, text);
    ptv_digest_end(d, out);
}

ptv_code ptv_door_key_basic(ptv_door_key *out, ptv_digest *d, const char *user, const char *password, ptv_error *err)
{
    *out = (ptv_door_key){ .scheme = "Basic" };
    if (!user && !password)
        return PTV_OK;
    if (!user || !password)
        return ptv_fail(err, PTV_ESETTINGS, "http_user and http_password belong together: one of them is missing");
    if (strchr(user, ':'))
        return ptv_fail(err, PTV_ESETTINGS, "http_user: Basic authentication has no way to say a colon");
    ptv_buf plain = PTV_BUF(4096), coded = PTV_BUF(8192);
    ptv_buf_printf(&plain, "%s:%s", user, password);
    if (!plain.failed)
        ptv_escape_base64(&coded, plain.data, plain.len);
    ptv_code rc = ptv_buf_check(&plain, err);
    rc = rc ? rc : ptv_buf_check(&coded, err);
    if (!rc)
        digest_text(out->digest, d, coded.data);
    if (plain.data)
        explicit_bzero(plain.data, plain.len);
    if (coded.data)
        explicit_bzero(coded.data, coded.len);
    ptv_buf_release(&plain);
    ptv_buf_release(&coded);
    return rc ? ptv_wrap(err, "http_user, http_password") : PTV_OK;
}

void ptv_door_key_bearer(ptv_door_key *out, ptv_digest *d, const char *token)
{
    *out = (ptv_door_key){ .scheme = "Bearer" };
    if (token)
        digest_text(out->digest, d, token);
}

bool ptv_door_opens(const ptv_door_key *key, ptv_digest *d, const char *authorization)
{
    size_t len = strlen(key->scheme);
    if (!*key->digest || !authorization || strncasecmp(authorization, key->scheme, len) != 0 || authorization[len] != ' ')
        return false;
    char given[PTV_DIGEST_HEX];
    unsigned differs = 0;
    digest_text(given, d, authorization + len + strspn(authorization + len, " "));
    for (size_t i = 0; i < PTV_DIGEST_HEX; i++)
        differs |= (unsigned)(given[i] ^ key->digest[i]);
    return differs == 0;
}
