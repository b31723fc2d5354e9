/*
 * buf.h: bytes that grow up to a ceiling. Errors stick: append as you like, look once at the end.
 * `data` is always NUL-terminated once anything was appended (the NUL is not counted); NULL while empty.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_BASE_BUF_H
#define PTV_BASE_BUF_H
#include "base/err.h"
#include <stdarg.h>

typedef struct ptv_buf {
    char *data;
    size_t len, cap, limit_bytes;
    ptv_code failed; /* PTV_OK, PTV_ENOMEM or PTV_ETOOBIG; once set, appends do nothing */
} ptv_buf;
#define PTV_BUF(limit)                                                                                                      \
    {                                                                                                                       \
        .limit_bytes = (size_t)(limit)                                                                                      \
    }

void ptv_buf_append(ptv_buf *b, const char *bytes, size_t len);
void ptv_buf_puts(ptv_buf *b, const char *text);
static inline void ptv_buf_putc(ptv_buf *b, char c);
void ptv_buf_printf(ptv_buf *b, const char *fmt, ...) PTV_PRINTF(2, 3);
/* For hot writers: where `room` bytes may be written at once, or NULL (failed); then say how many were. */
static inline char *ptv_buf_reserve(ptv_buf *b, size_t room);
static inline void ptv_buf_advance(ptv_buf *b, size_t written);
void ptv_buf_clear(ptv_buf *b); /* len 0, failed PTV_OK; keeps the memory */
ptv_code ptv_buf_check(const ptv_buf *b, ptv_error *err);
char *ptv_buf_take(ptv_buf *b, size_t *len); /* moved out: yours, ptv_free(); "" when empty; NULL when failed */
void ptv_buf_release(ptv_buf *b);

/* Short and called for every few bytes of output: worth having in line. */
char *ptv_buf_grow(ptv_buf *b, size_t room); /* for ptv_buf_reserve() */
static inline char *ptv_buf_reserve(ptv_buf *b, size_t room)
{
    return !b->failed && b->cap - b->len > room ? b->data + b->len : ptv_buf_grow(b, room);
}
static inline void ptv_buf_advance(ptv_buf *b, size_t written)
{
    b->len += written;
    b->data[b->len] = '\0';
}
static inline void ptv_buf_putc(ptv_buf *b, char c)
{
    char *at = ptv_buf_reserve(b, 1);
    if (!at)
        return;
    *at = c;
    ptv_buf_advance(b, 1);
}

#endif
