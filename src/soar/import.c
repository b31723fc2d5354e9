/*
 * import.c: bring function, rule and workflow to the platform, and let our API key use their message destinations:
 *
 *   POST imports ──► PUT the same, ACCEPTED ──► list destinations ──► each: GET ──► PUT with our key ──► done
 *                                                                       └── 409, somebody was faster: again
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "base/text.h"
#include "soar/pyjson.h"
#include "soar/rest_parts.h"

enum { MOST_CONFLICTS = 5, STATE_BYTES = 1 << 20 };
#define IMPORT_BYTES ((size_t)64 << 20)

void ptv_rest_import_release(ptv_rest_import_state *s)
{
    ptv_arena_release(&s->mem);
    *s = (ptv_rest_import_state){ .mem = PTV_ARENA(STATE_BYTES) };
}

static ptv_code ask(ptv_rest *r, const char *method, const char *rest, const char *body, size_t len, ptv_rest_stage *stage,
                    ptv_error *err)
{
    char path[128];
    snprintf(path, sizeof path, "/rest/orgs/%lld/%s", (long long)r->session.org_id, rest);
    return ptv_rest_ask(r, method, path, body, len, stage, err);
}

/* ------------------------------------------------------------------------------------- message destinations */

static ptv_code got_destinations(ptv_rest *r, ptv_error *err);
static ptv_code got_destination(ptv_rest *r, ptv_error *err);

static ptv_code ask_for_destination(ptv_rest *r, ptv_error *err)
{
    char path[64];
    snprintf(path, sizeof path, "message_destinations/%lld", (long long)r->import.id);
    return ask(r, "GET", path, NULL, 0, got_destination, err);
}

static ptv_code next_destination(ptv_rest *r, ptv_error *err)
{
    if (r->session.api_key_handle < 0 || r->import.next == r->import.count) {
        ptv_rest_import_release(&r->import);
        return PTV_OK;
    }
    return ask(r, "GET", "message_destinations", NULL, 0, got_destinations, err);
}

static ptv_code changed_destination(ptv_rest *r, ptv_error *err)
{
    const ptv_json *answer = NULL;
    if (!r->reply.code && r->reply.status == 409 && r->import.conflicts++ < MOST_CONFLICTS)
        return ask_for_destination(r, err);
    ptv_code rc = ptv_rest_json(&answer, r, err);
    if (rc)
        return rc;
    r->import.next++;
    return next_destination(r, err);
}

static ptv_code got_destination(ptv_rest *r, ptv_error *err)
{
    const ptv_json *answer = NULL;
    ptv_code rc = ptv_rest_json(&answer, r, err);
    if (rc)
        return rc;
    ptv_buf keys = PTV_BUF(1 << 20), body = PTV_BUF(IMPORT_BYTES);
    ptv_json_out o = { .buf = &keys };
    bool is_there = false;
    ptv_json_open(&o, NULL, '[');
    for (const ptv_json *key = ptv_json_first(ptv_json_find(answer, "api_keys")); key; key = ptv_json_next(key)) {
        double handle;
        is_there |= ptv_json_number(&handle, key) && (int64_t)handle == r->session.api_key_handle;
        ptv_json_put_tree(&o, NULL, key);
    }
    ptv_json_put_int(&o, NULL, r->session.api_key_handle);
    ptv_json_close(&o, ']');
    rc = ptv_buf_check(&keys, err);
    if (!rc && is_there) {
        r->import.next++;
        rc = next_destination(r, err);
    } else if (!rc) {
        ptv_pyjson how = { .replaced_key = "api_keys", .replacement = keys.data };
        char path[64];
        snprintf(path, sizeof path, "message_destinations/%lld", (long long)r->import.id);
        ptv_pyjson_write(&body, r->reply.body.data, r->reply.body.len, &how);
        rc = ptv_buf_check(&body, err);
        if (!rc)
            rc = ask(r, "PUT", path, body.data, body.len, changed_destination, err);
    }
    ptv_buf_release(&keys);
    ptv_buf_release(&body);
    return rc;
}

static ptv_code got_destinations(ptv_rest *r, ptv_error *err)
{
    const ptv_json *answer = NULL;
    double id = -1;
    ptv_code rc = ptv_rest_json(&answer, r, err);
    if (rc)
        return rc;
    const char *wanted = r->import.names[r->import.next];
    const ptv_json *list = ptv_json_find(answer, "entities");
    for (const ptv_json *d = ptv_json_first(list ? list : answer); d; d = ptv_json_next(d))
        if (ptv_text_equal(ptv_json_text(ptv_json_find(d, "programmatic_name")), wanted))
            ptv_json_number(&id, ptv_json_find(d, "id"));
    if (id < 0)
        return ptv_fail_detail(err, PTV_ESHAPE, PTV_EXIT_REST,
                               "imported, but the platform has no message destination \"%s\" to allow our key for", wanted);
    r->import.id = (int64_t)id;
    r->import.conflicts = 0;
    return ask_for_destination(r, err);
}

/* -------------------------------------------------------------------------------------------------- import */

static ptv_code accepted(ptv_rest *r, ptv_error *err)
{
    const ptv_json *answer = NULL;
    ptv_code rc = ptv_rest_json(&answer, r, err);
    return rc ? rc : next_destination(r, err);
}

static ptv_code imported(ptv_rest *r, ptv_error *err)
{
    const ptv_json *answer = NULL;
    double id = -1;
    char path[64];
    ptv_code rc = ptv_rest_json(&answer, r, err);
    if (rc)
        return rc;
    if (!ptv_json_number(&id, ptv_json_find(answer, "id")) || id < 0 || id > 9e15)
        return ptv_fail_detail(err, PTV_ESHAPE, PTV_EXIT_REST, "%s: the answer has no id", r->asked);
    ptv_buf body = PTV_BUF(IMPORT_BYTES);
    ptv_pyjson how = { .replaced_key = "status", .replacement = "\"ACCEPTED\"" };
    ptv_pyjson_write(&body, r->reply.body.data, r->reply.body.len, &how);
    rc = ptv_buf_check(&body, err);
    snprintf(path, sizeof path, "configurations/imports/%lld", (long long)id);
    if (!rc)
        rc = ask(r, "PUT", path, body.data, body.len, accepted, err);
    ptv_buf_release(&body);
    return rc;
}

/* The file as it is, every list called "tags" emptied: tags are the platform's, and one it does not know would be refused.
 */
static void without_tags(ptv_buf *out, const char *json, size_t len)
{
    const char *at = json, *from = json, *end = json + len;
    while (at < end) {
        if (*at != '"') {
            at++;
            continue;
        }
        const char *after = ptv_pyjson_skip(at), *colon = ptv_pyjson_skip_blanks(after);
        bool is_tags = after - at == 6 && memcmp(at, "\"tags\"", 6) == 0 && *colon == ':';
        const char *value = is_tags ? ptv_pyjson_skip_blanks(colon + 1) : after;
        at = after;
        if (!is_tags || *value != '[')
            continue;
        ptv_buf_append(out, from, (size_t)(value - from));
        ptv_buf_puts(out, "[]");
        at = from = ptv_pyjson_skip(value);
    }
    ptv_buf_append(out, from, (size_t)(end - from));
}

static ptv_code read_destinations(ptv_rest_import_state *s, const ptv_json *file, ptv_error *err)
{
    const ptv_json *list = ptv_json_find(file, "message_destinations");
    s->names = ptv_arena_calloc(&s->mem, ptv_json_size(list) + 1, sizeof *s->names);
    if (!s->names)
        return ptv_arena_fail(&s->mem, err);
    for (const ptv_json *d = ptv_json_first(list); d; d = ptv_json_next(d)) {
        const char *name = ptv_json_text(ptv_json_find(d, "programmatic_name"));
        const char *kept = ptv_arena_strdup(&s->mem, name);
        if (name && !kept)
            return ptv_arena_fail(&s->mem, err);
        if (kept)
            s->names[s->count++] = kept;
    }
    return PTV_OK;
}

ptv_code ptv_rest_import(ptv_rest *r, const char *json, size_t len, ptv_error *err)
{
    const ptv_json *file = NULL;
    ptv_buf body = PTV_BUF(IMPORT_BYTES);
    ptv_arena_reset(&r->json_mem);
    ptv_rest_import_release(&r->import);
    ptv_code rc = ptv_json_parse(&file, &r->json_mem, json, len, err);
    if (rc == PTV_ESHAPE)
        err->code = rc = PTV_EINVAL;
    if (!rc)
        rc = read_destinations(&r->import, file, err);
    if (!rc) {
        without_tags(&body, json, len);
        rc = ptv_buf_check(&body, err);
    }
    if (!rc)
        rc = ask(r, "POST", "configurations/imports", body.data, body.len, imported, err);
    ptv_buf_release(&body);
    return rc;
}
