/*
 * fuzz_jwe.c: a token, a newline, a key: whatever they are, an error is told or a secret comes out, never both.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/jwe.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *end = size ? memchr(text, '\n', size) : NULL;
    size_t len = end ? (size_t)(end - text) : size;
    ptv_buf out = PTV_BUF(1 << 20);
    ptv_error err = { 0 };
    ptv_code rc = ptv_jwe_open(&out, text, len, end ? end + 1 : "", end ? size - len - 1 : 0, &err);
    if (rc && (out.len || !*err.msg))
        abort();
    ptv_buf_release(&out);
    return 0;
}
