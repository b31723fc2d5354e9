/*
 * body.c: the body of a request: which artifacts it is about. Pure; every byte is a stranger's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "httpd/wire.h"

#include "base/json.h"
#include "base/text.h"

#define LONGEST_BOUNDARY 70 /* RFC 2046 5.1.1 */

bool ptv_content_is(const char *content_type, const char *kind)
{
    size_t len = strlen(kind);
    if (!content_type || strncasecmp(content_type, kind, len) != 0)
        return false;
    const char *rest = content_type + len;
    return rest[strspn(rest, " \t")] == '\0' || rest[strspn(rest, " \t")] == ';';
}

/* ------------------------------------------------------------------------------------------- multipart */

/* boundary=x or boundary="x" among the parameters. */
static bool find_boundary(char out[LONGEST_BOUNDARY + 1], const char *content_type)
{
    for (const char *at = strchr(content_type, ';'); at; at = strchr(at, ';')) {
        at += 1 + strspn(at + 1, " \t");
        if (strncasecmp(at, "boundary=", 9) != 0)
            continue;
        at += 9;
        size_t len = *at == '"' ? strcspn(++at, "\"") : strcspn(at, "; \t");
        if (len == 0 || len > LONGEST_BOUNDARY)
            return false;
        memcpy(out, at, len);
        out[len] = '\0';
        return true;
    }
    return false;
}

/* The boundary at the begin of a line, from `at` on. NULL: none. */
static const char *find_delimiter(const char *at, const char *start, const char *end, const char *boundary, size_t len)
{
    for (; (at = memmem(at, (size_t)(end - at), boundary, len)); at++)
        if (at == start || at[-1] == '\n')
            return at;
    return NULL;
}

static const char *line_end(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return newline ? newline + 1 : NULL;
}

bool ptv_multipart_first(const char **part, size_t *part_len, const char *content_type, const char *body, size_t len)
{
    char boundary[LONGEST_BOUNDARY + 1], delimiter[LONGEST_BOUNDARY + 3];
    if (!ptv_content_is(content_type, "multipart/form-data") || !find_boundary(boundary, content_type) || !len)
        return false;
    size_t size = (size_t)snprintf(delimiter, sizeof delimiter, "--%s", boundary);
    const char *end = body + len, *at = find_delimiter(body, body, end, delimiter, size);
    at = at ? line_end(at, end) : NULL;
    while (at && at < end && *at != '\n' && !(*at == '\r' && at + 1 < end && at[1] == '\n')) /* headers of the part */
        at = line_end(at, end);
    at = at && at < end ? line_end(at, end) : NULL;
    const char *stop = at ? find_delimiter(at, body, end, delimiter, size) : NULL;
    if (!stop)
        return false;
    if (stop > at && stop[-1] == '\n')
        stop--;
    if (stop > at && stop[-1] == '\r')
        stop--;
    *part = at;
    *part_len = (size_t)(stop - at);
    return true;
}

/* ----------------------------------------------------------------------------------------------- JSON */

ptv_code ptv_body_artifact(const char **type, const char **value, ptv_arena *mem, const char *body, size_t len,
                           ptv_error *err)
{
    const ptv_json *json = NULL;
    ptv_error why = { 0 };
    if (!len)
        return ptv_fail(err, PTV_EINVAL, "the body is empty");
    ptv_code rc = ptv_json_parse(&json, mem, body, len, &why);
    if (rc == PTV_ENOMEM)
        return ptv_fail_nomem(err);
    if (rc)
        return ptv_fail(err, PTV_EINVAL, "%.200s", why.msg);
    if (ptv_json_kind_of(json) != PTV_JSON_OBJECT)
        return ptv_fail(err, PTV_EINVAL, "the body is %s, not an object", ptv_json_kind_name(ptv_json_kind_of(json)));
    const ptv_json *given = ptv_json_find(json, "type");
    *value = ptv_json_text(ptv_json_find(json, "value"));
    *type = ptv_json_text(given);
    if (!*value || (!*type && given && ptv_json_kind_of(given) != PTV_JSON_NULL))
        return ptv_fail(err, PTV_EINVAL, "the object needs a text \"value\", and may have a text \"type\"");
    return PTV_OK;
}

bool ptv_body_line(const char **line, size_t *line_len, const char **rest, size_t *rest_len)
{
    while (*rest_len) {
        const char *newline = memchr(*rest, '\n', *rest_len);
        size_t len = newline ? (size_t)(newline - *rest) : *rest_len;
        *line = *rest;
        *line_len = len;
        *rest += len + (newline != NULL);
        *rest_len -= len + (newline != NULL);
        ptv_text_trim(line, line_len);
        if (*line_len)
            return true;
    }
    return false;
}

ptv_code ptv_line_artifact(const char **type, const char **value, ptv_arena *mem, const char *line, size_t len,
                           ptv_error *err)
{
    if (*line == '{')
        return ptv_body_artifact(type, value, mem, line, len, err);
    if (memchr(line, '\0', len))
        return ptv_fail(err, PTV_EINVAL, "the line holds a NUL byte");
    *type = NULL;
    *value = ptv_arena_strndup(mem, line, len);
    return *value ? PTV_OK : ptv_arena_fail(mem, err);
}

/* ------------------------------------------------------------------------------------------ query ids */

void ptv_query_id(char out[PTV_QUERY_ID], ptv_digest *d, const char *type, const char *value)
{
    char hex[PTV_DIGEST_HEX];
    ptv_digest_begin(d);
    ptv_digest_add_text(d, "threat service");
    ptv_digest_add_text(d, type);
    ptv_digest_add_text(d, value);
    ptv_digest_end(d, hex);
    /* RFC 9562: version 8 (made our own way), variant 10 */
    snprintf(out, PTV_QUERY_ID, "%.8s-%.4s-8%.3s-a%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15, hex + 18);
}

bool ptv_is_query_id(const char *text)
{
    size_t at = 0;
    for (; text[at]; at++) {
        bool dash = at == 8 || at == 13 || at == 18 || at == 23;
        bool digit = (text[at] >= '0' && text[at] <= '9') || (text[at] >= 'a' && text[at] <= 'f');
        if (at >= PTV_QUERY_ID - 1 || (dash ? text[at] != '-' : !digit))
            return false;
    }
    return at == PTV_QUERY_ID - 1;
}

const char *ptv_query_type(const char *type)
{
    static const char *const ours[] = { "net.name", "net.ip", "net.uri" };
    for (size_t i = 0; type && i < sizeof ours / sizeof *ours; i++)
        if (ptv_text_equal_fold(type, ours[i]))
            return ours[i];
    return NULL;
}
