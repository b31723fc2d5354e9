/*
 * fuzz_json.c: whatever is parsed can be written, the writing is UTF-8, and it reads back as the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/json.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool write_again(ptv_buf *out, const char *text, size_t len, ptv_error *err)
{
    ptv_arena mem = PTV_ARENA(32 << 20);
    const ptv_json *v = NULL;
    ptv_json_out o = { out, false };
    ptv_code rc = ptv_json_parse(&v, &mem, text, len, err);
    if (!rc)
        ptv_json_put_tree(&o, NULL, v);
    ptv_arena_release(&mem);
    return !rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ptv_buf once = PTV_BUF(32 << 20), twice = PTV_BUF(32 << 20);
    ptv_error err = { 0 };
    if (write_again(&once, (const char *)data, size, &err)) {
        must(!once.failed && ptv_utf8_valid(once.data, once.len));
        must(write_again(&twice, once.data, once.len, &err));
        must(once.len == twice.len && !memcmp(once.data, twice.data, once.len));
    } else {
        must(err.code == PTV_ESHAPE && err.detail >= 0 && (size_t)err.detail <= size);
    }
    ptv_buf_release(&once);
    ptv_buf_release(&twice);

    ptv_arena small = PTV_ARENA(512);
    const ptv_json *v;
    ptv_json_parse(&v, &small, (const char *)data, size, &err);
    ptv_arena_release(&small);
    return 0;
}
