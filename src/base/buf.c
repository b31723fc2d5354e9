/*
 * buf.c: bytes that grow by doubling, up to a ceiling.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/buf.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

enum { FIRST_SIZE = 256 };

char *ptv_buf_grow(ptv_buf *b, size_t room)
{
    if (b->failed)
        return NULL;
    if (b->limit_bytes - b->len < room) {
        b->failed = PTV_ETOOBIG;
        return NULL;
    }
    size_t need = b->len + room + 1;
    size_t cap = b->cap < FIRST_SIZE / 2 ? FIRST_SIZE : b->cap * 2;
    if (cap > b->limit_bytes)
        cap = b->limit_bytes + 1;
    if (cap < need)
        cap = need;
    char *data = ptv_realloc(b->data, cap);
    if (!data) {
        b->failed = PTV_ENOMEM;
        return NULL;
    }
    b->data = data;
    b->cap = cap;
    return data + b->len;
}

void ptv_buf_append(ptv_buf *b, const char *bytes, size_t len)
{
    char *at = len ? ptv_buf_reserve(b, len) : NULL;
    if (!at)
        return;
    memcpy(at, bytes, len);
    ptv_buf_advance(b, len);
}

void ptv_buf_puts(ptv_buf *b, const char *text)
{
    ptv_buf_append(b, text, strlen(text));
}

void ptv_buf_printf(ptv_buf *b, const char *fmt, ...)
{
    if (b->failed)
        return;
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    size_t room = b->cap - b->len;
    int len = vsnprintf(room ? b->data + b->len : NULL, room, fmt, args);
    if (len < 0) {
        b->failed = PTV_ENOMEM;
    } else if ((size_t)len < room) {
        b->len += (size_t)len;
    } else if (len > 0) {
        char *at = ptv_buf_reserve(b, (size_t)len);
        if (at) {
            vsnprintf(at, (size_t)len + 1, fmt, again);
            b->len += (size_t)len;
        }
    }
    if (b->data)
        b->data[b->len] = '\0'; /* also after a refusal: no half text */
    va_end(again);
    va_end(args);
}

void ptv_buf_clear(ptv_buf *b)
{
    b->len = 0;
    b->failed = PTV_OK;
    if (b->data)
        b->data[0] = '\0';
}

ptv_code ptv_buf_check(const ptv_buf *b, ptv_error *err)
{
    if (!b->failed)
        return PTV_OK;
    return b->failed == PTV_ETOOBIG ? ptv_fail(err, PTV_ETOOBIG, "over %zu bytes", b->limit_bytes) : ptv_fail_nomem(err);
}

char *ptv_buf_take(ptv_buf *b, size_t *len)
{
    char *data = b->failed ? NULL : b->data ? b->data : ptv_strdup("");
    if (!data)
        return NULL;
    if (len)
        *len = b->len;
    *b = (ptv_buf)PTV_BUF(b->limit_bytes);
    return data;
}

void ptv_buf_release(ptv_buf *b)
{
    ptv_free(b->data);
    *b = (ptv_buf)PTV_BUF(b->limit_bytes);
}
