/*
 * json_out.c: JSON written as it comes. Runs of harmless bytes are copied whole and numbers are set by hand, because
 * bulk evaluation spends most of its time here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of eight bytes at once: is one of them below 0x20, above 0x7E, a quote or a backslash? A borrow or a carry can only come
 * from a byte that is. */
static bool has_special(uint64_t eight)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
    uint64_t quote = eight ^ ones * '"', backslash = eight ^ ones * '\\';
    uint64_t low = ((eight - ones * 0x20) | (quote - ones) | (backslash - ones)) & ~eight;
    return (low | eight | (eight + ones)) & tops;
}

/* Bytes that stand for themselves in a JSON text, whatever surrounds them. */
static size_t plain_run(const char *text, size_t len)
{
    size_t run = 0;
    for (uint64_t eight; len - run >= sizeof eight; run += sizeof eight) {
        memcpy(&eight, text + run, sizeof eight);
        if (has_special(eight))
            break;
    }
    while (run < len && text[run] >= 0x20 && text[run] < 0x7F && text[run] != '"' && text[run] != '\\')
        run++;
    return run;
}

/* Are they all? The last bytes are looked at together, with some that were looked at before. */
static bool is_plain(const char *text, size_t len)
{
    uint64_t eight = 0;
    uint32_t first, last;
    if (len < sizeof first)
        return plain_run(text, len) == len;
    if (len < sizeof eight) {
        memcpy(&first, text, sizeof first);
        memcpy(&last, text + len - sizeof last, sizeof last);
        return !has_special(first | (uint64_t)last << 32);
    }
    for (size_t at = 0; len - at > sizeof eight; at += sizeof eight) {
        memcpy(&eight, text + at, sizeof eight);
        if (has_special(eight))
            return false;
    }
    memcpy(&eight, text + len - sizeof eight, sizeof eight);
    return !has_special(eight);
}

/* One character that is not plain; returns its length in `text`. */
static size_t put_special(ptv_buf *b, const char *text, size_t len)
{
    uint32_t point;
    size_t step = ptv_utf8_next(&point, text, len);
    if (!step) {
        ptv_buf_append(b, "\xEF\xBF\xBD", 3);
        return 1;
    }
    if (point == '"' || point == '\\') {
        char pair[2] = { '\\', *text };
        ptv_buf_append(b, pair, 2);
    } else if (point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == 0x2028 || point == 0x2029) {
        static const char digits[] = "0123456789abcdef";
        const char code[] = {
            '\\', 'u', digits[point >> 12], digits[point >> 8 & 15], digits[point >> 4 & 15], digits[point & 15]
        };
        ptv_buf_append(b, code, sizeof code);
    } else {
        ptv_buf_append(b, text, step);
    }
    return step;
}

static void put_string(ptv_buf *b, const char *text)
{
    size_t len = strlen(text);
    char *at = ptv_buf_reserve(b, len + 2);
    if (!at)
        return;
    at[0] = '"';
    size_t run = is_plain(text, len) ? len : plain_run(text, len);
    memcpy(at + 1, text, run);
    ptv_buf_advance(b, run + 1);
    for (size_t i = run; i < len && !b->failed; i += run) {
        i += put_special(b, text + i, len - i);
        run = plain_run(text + i, len - i);
        ptv_buf_append(b, text + i, run);
    }
    ptv_buf_putc(b, '"');
}

/* The comma, the key and `tail`, with quotes around it when it is a plain text: one step where the key is plain, as ours all
 * are. */
static void put_key(ptv_json_out *o, const char *key, size_t len, const char *tail, size_t tail_len, bool quoted)
{
    bool is_literal = len != SIZE_MAX;
    if (!is_literal)
        len = key ? strlen(key) : 0;
    char *at = ptv_buf_reserve(o->buf, len + tail_len + 6), *start = at;
    if (!at)
        return;
    if (o->need_comma)
        *at++ = ',';
    o->need_comma = true;
    if (key && !is_literal && !is_plain(key, len)) {
        ptv_buf_advance(o->buf, (size_t)(at - start));
        put_string(o->buf, key);
        ptv_buf_putc(o->buf, ':');
        at = start = ptv_buf_reserve(o->buf, tail_len + 2);
        if (!at)
            return;
    } else if (key) {
        *at++ = '"';
        memcpy(at, key, len);
        at += len;
        *at++ = '"';
        *at++ = ':';
    }
    if (quoted)
        *at++ = '"';
    if (tail_len)
        memcpy(at, tail, tail_len);
    at += tail_len;
    if (quoted)
        *at++ = '"';
    ptv_buf_advance(o->buf, (size_t)(at - start));
}

void ptv_json_close(ptv_json_out *o, char bracket)
{
    ptv_buf_putc(o->buf, bracket);
    o->need_comma = true;
}

void ptv_json_member(ptv_json_out *o, const char *key, size_t key_len, const char *json, size_t len)
{
    put_key(o, key, key_len, json, len, false);
}

void ptv_json_member_text(ptv_json_out *o, const char *key, size_t key_len, const char *text)
{
    if (!text) {
        put_key(o, key, key_len, "null", 4, false);
        return;
    }
    size_t len = strlen(text);
    bool plain = is_plain(text, len);
    put_key(o, key, key_len, plain ? text : NULL, plain ? len : 0, plain);
    if (!plain)
        put_string(o->buf, text);
}

void ptv_json_put_int(ptv_json_out *o, const char *key, int64_t value)
{
    char digits[24];
    ptv_json_put_raw(o, key, digits, ptv_int_format(digits, value));
}

/* The shortest of 15 to 17 digits that reads back as the same number; a decimal comma of the locale becomes a point. */
void ptv_json_put_number(ptv_json_out *o, const char *key, double value)
{
    char text[40];
    if (!isfinite(value)) {
        ptv_json_put_null(o, key);
        return;
    }
    if (fabs(value) < 1e15 && value == (double)(int64_t)value) {
        ptv_json_put_int(o, key, (int64_t)value);
        return;
    }
    int precision = 15;
    do
        snprintf(text, sizeof text, "%.*g", precision, value);
    while (strtod(text, NULL) != value && ++precision <= 17);
    size_t len = strspn(text, "-0123456789"), point = strcspn(text + len, "0123456789e");
    if (point && text[len] != 'e') {
        text[len] = '.';
        memmove(text + len + 1, text + len + point, strlen(text + len + point) + 1);
    }
    ptv_json_put_raw(o, key, text, strlen(text));
}

void ptv_json_put_time(ptv_json_out *o, const char *key, int64_t utc)
{
    if (utc == PTV_NO_TIME) {
        ptv_json_put_null(o, key);
        return;
    }
    char text[34] = "\"";
    ptv_time_format(text + 1, utc);
    size_t len = strlen(text);
    text[len] = '"';
    ptv_json_put_raw(o, key, text, len + 1);
}

/* Recursion is as deep as the tree: ptv_json_parse() makes none deeper than 100. */
void ptv_json_put_tree(ptv_json_out *o, const char *key, const ptv_json *v)
{
    bool yes;
    ptv_json_kind kind = ptv_json_kind_of(v);
    double number;
    switch (kind) {
    case PTV_JSON_LIST:
    case PTV_JSON_OBJECT:
        ptv_json_open(o, key, kind == PTV_JSON_LIST ? '[' : '{');
        for (const ptv_json *item = ptv_json_first(v); item; item = ptv_json_next(item))
            ptv_json_put_tree(o, ptv_json_key(item), item);
        ptv_json_close(o, kind == PTV_JSON_LIST ? ']' : '}');
        break;
    case PTV_JSON_TEXT:
        ptv_json_put_text(o, key, ptv_json_text(v));
        break;
    case PTV_JSON_NUMBER:
        ptv_json_put_number(o, key, ptv_json_number(&number, v) ? number : NAN);
        break;
    case PTV_JSON_BOOL:
        ptv_json_put_bool(o, key, ptv_json_bool(&yes, v) && yes);
        break;
    case PTV_JSON_NULL:
        ptv_json_put_null(o, key);
        break;
    }
}
