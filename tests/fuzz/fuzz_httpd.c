/*
 * fuzz_httpd.c: the pure side of the HTTP doors: routes, framing, credentials, forms, lists, ids. The first byte chooses;
 * what stands before the first newline is the head, the rest the body.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "base/text.h"
#include "httpd/wire.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void artifact(ptv_digest *digest, const char *body, size_t len, bool is_line)
{
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_error err = { 0 };
    const char *type = NULL, *value = NULL;
    char id[PTV_QUERY_ID];
    ptv_code rc = is_line ? ptv_line_artifact(&type, &value, &mem, body, len, &err)
                          : ptv_body_artifact(&type, &value, &mem, body, len, &err);
    must(rc == PTV_OK || *err.msg);
    must(rc || value);
    if (!rc) {
        ptv_query_id(id, digest, ptv_query_type(type), value);
        must(ptv_is_query_id(id));
    }
    ptv_arena_release(&mem);
}

static void list(ptv_digest *digest, const char *body, size_t len)
{
    const char *line, *end = body + len;
    size_t line_len;
    for (size_t left = len; ptv_body_line(&line, &line_len, &body, &left);) {
        must(line_len > 0 && line + line_len <= end && body + left == end);
        must(!memchr(line, '\n', line_len));
        artifact(digest, line, line_len, true);
    }
}

static void head(ptv_digest *digest, const char *text, const char *value)
{
    const char *id;
    ptv_framing framing = { 0 };
    ptv_door_key key;
    ptv_error err = { 0 };
    ptv_route route = ptv_route_find(&id, text, "pt");
    must((route == PTV_ROUTE_CTS_POLL) == (id != NULL));
    (void)ptv_route_takes(route, value);
    (void)ptv_is_query_id(text);
    (void)ptv_host_is_local(text);
    ptv_framing_see(&framing, text, value);
    (void)ptv_framing_refusal(&framing);
    ptv_door_key_bearer(&key, digest, value);
    must(!ptv_door_opens(&key, digest, text) || ptv_text_ends(text, value));
    if (!ptv_door_key_basic(&key, digest, text, value, &err))
        must(!ptv_door_opens(&key, digest, value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const char *text = (const char *)data + 1, *part;
    size_t len = size - 1, part_len;
    const char *newline = memchr(text, '\n', len);
    size_t head_len = newline ? (size_t)(newline - text) : len;
    char *first = ptv_strndup(text, head_len);
    char *body = malloc(len - head_len + 1); /* of exactly its size, so that reading past it is seen */
    ptv_digest *digest = ptv_digest_new();
    size_t body_len = newline ? len - head_len - 1 : 0;
    must(first && body && digest);
    body = realloc(body, body_len ? body_len : 1);
    must(body != NULL);
    if (body_len)
        memcpy(body, newline + 1, body_len);
    switch (data[0] % 4) {
    case 0:
        if (ptv_multipart_first(&part, &part_len, first, body, body_len)) {
            must(part >= body && part + part_len <= body + body_len);
            artifact(digest, part, part_len, false);
        }
        break;
    case 1:
        list(digest, body, body_len);
        break;
    case 2:
        artifact(digest, body, body_len, false);
        break;
    case 3: {
        char *value = ptv_strndup(body, body_len);
        must(value != NULL);
        head(digest, first, value);
        ptv_free(value);
        break;
    }
    }
    ptv_digest_free(digest);
    free(body);
    ptv_free(first);
    return 0;
}
