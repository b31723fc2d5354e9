/*
 * fuzz_record.c: a record read from JSON or from a compact line is written as both, and both read back as the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/record_json.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 32 << 20 };

static void must(bool holds)
{
    if (!holds)
        abort();
}

static ptv_code read_any(ptv_record **out, ptv_arena *mem, const char *text, size_t len, ptv_error *err)
{
    const ptv_json *json = NULL;
    if (ptv_record_is_compact(text, len))
        return ptv_record_read_compact(out, mem, text, len, err);
    ptv_code rc = ptv_json_parse(&json, mem, text, len, err);
    return rc ? rc : ptv_record_read(out, mem, json, err);
}

static void check_rows(const ptv_record *r)
{
    size_t passive = 0;
    must(r->all_records.count <= PTV_DNS_KEPT);
    for (size_t i = 0; i < r->all_records.count; i++)
        passive += !r->all_records.rows[i]->live;
    must(passive == r->records.count);
}

static void check_again(const ptv_record *r, const ptv_buf *text, ptv_digest *digest)
{
    ptv_arena mem = PTV_ARENA(ROOM);
    ptv_record *again = NULL;
    ptv_error err = { 0 };
    must(!text->failed && read_any(&again, &mem, text->data, text->len, &err) == PTV_OK);
    ptv_record_seal(again, digest);
    must(!strcmp(again->digest, r->digest));
    ptv_arena_release(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ptv_arena mem = PTV_ARENA(ROOM);
    ptv_buf json = PTV_BUF(ROOM), compact = PTV_BUF(ROOM);
    ptv_json_out out = { &json, false };
    ptv_digest *digest = ptv_digest_new();
    ptv_record *r = NULL;
    ptv_error err = { 0 };
    must(digest != NULL);
    if (read_any(&r, &mem, (const char *)data, size, &err) == PTV_OK) {
        check_rows(r);
        ptv_record_seal(r, digest);
        ptv_record_write(&out, r);
        check_again(r, &json, digest);
        ptv_record_write_compact(&compact, r);
        check_again(r, &compact, digest);
    } else {
        must(!r && err.msg[0] != '\0');
    }
    ptv_buf_release(&json);
    ptv_buf_release(&compact);
    ptv_digest_free(digest);
    ptv_arena_release(&mem);
    return 0;
}
