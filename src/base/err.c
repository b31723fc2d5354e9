/*
 * err.c: errors without allocation. A message is one line of text: control bytes become blanks, and a cut
 * never leaves half a UTF-8 character.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/err.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ROOM = sizeof((ptv_error *)0)->msg };

/* Shorten text to at most `most` bytes, not inside a character. */
static size_t cut(char *text, size_t len, size_t most)
{
    if (len > most) {
        len = most;
        while (len && ((unsigned char)text[len] & 0xC0) == 0x80)
            len--;
    }
    text[len] = '\0';
    return len;
}

/* One byte more than a message holds is formatted, so that cut() sees what follows. */
static size_t format(char out[ROOM + 1], const char *fmt, va_list args)
{
    int len = vsnprintf(out, ROOM + 1, fmt, args);
    if (len < 0)
        len = 0;
    for (char *c = out; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = ' ';
    }
    return cut(out, (size_t)len > ROOM ? ROOM : (size_t)len, ROOM - 1);
}

static ptv_code fail(ptv_error *e, ptv_code code, int detail, const char *fmt, va_list args)
{
    char text[ROOM + 1]; /* not into e->msg: an argument may point there */
    size_t len = format(text, fmt, args);
    e->code = code;
    e->detail = detail;
    memcpy(e->msg, text, len + 1);
    return code;
}

ptv_code ptv_fail(ptv_error *e, ptv_code code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail(e, code, 0, fmt, args);
    va_end(args);
    return code;
}

ptv_code ptv_fail_detail(ptv_error *e, ptv_code code, int detail, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fail(e, code, detail, fmt, args);
    va_end(args);
    return code;
}

ptv_code ptv_wrap(ptv_error *e, const char *fmt, ...)
{
    char context[ROOM + 1];
    va_list args;
    va_start(args, fmt);
    size_t len = format(context, fmt, args);
    va_end(args);
    size_t cause = strnlen(e->msg, ROOM - 1);
    if (cause + 2 < ROOM - 1) {
        len = cut(context, len, ROOM - 1 - 2 - cause);
        memmove(e->msg + len + 2, e->msg, cause + 1);
        memcpy(e->msg, context, len);
        memcpy(e->msg + len, ": ", 2);
    }
    return e->code;
}

ptv_code ptv_fail_nomem(ptv_error *e)
{
    return ptv_fail(e, PTV_ENOMEM, "out of memory");
}
