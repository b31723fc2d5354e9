/*
 * pyjson.c: JSON as Python writes it, token by token.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "soar/pyjson.h"
#include "base/text.h"
#include <stdlib.h>
#include <string.h>

/* --------------------------------------------------------------------------------------------- writing */

static void put_point(ptv_buf *out, uint32_t point)
{
    if (point >= 0x10000) {
        point -= 0x10000;
        ptv_buf_printf(out, "\\u%04x\\u%04x", 0xD800 + (unsigned)(point >> 10), 0xDC00 + (unsigned)(point & 0x3FF));
    } else {
        ptv_buf_printf(out, "\\u%04x", (unsigned)point);
    }
}

static void put_ascii(ptv_buf *out, unsigned char c)
{
    static const char named[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
    const char *name = c ? strchr(named, c) : NULL;
    if (name) {
        ptv_buf_putc(out, '\\');
        ptv_buf_putc(out, names[name - named]);
    } else if (c < 0x20 || c == 0x7f) {
        put_point(out, c);
    } else {
        ptv_buf_putc(out, (char)c);
    }
}

/* An escape of valid JSON in Python's spelling of it ("\/" is "/", "\u00E9" is "\u00e9"). What is its length? */
static size_t put_escape(ptv_buf *out, const char *at)
{
    if (at[1] == '/') {
        ptv_buf_putc(out, '/');
        return 2;
    }
    if (at[1] != 'u') {
        ptv_buf_append(out, at, 2);
        return 2;
    }
    char digits[5] = { at[2], at[3], at[4], at[5], '\0' };
    unsigned long unit = strtoul(digits, NULL, 16);
    if (unit < 0x80)
        put_ascii(out, (unsigned char)unit);
    else
        put_point(out, (uint32_t)unit);
    return 6;
}

/* The bytes of a string. `raw` ones come from JSON: they hold their escapes already. */
static void put_bytes(ptv_buf *out, const char *text, size_t len, bool raw)
{
    size_t from = 0;
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x7f && c != '\\' && (raw || (c >= 0x20 && c != '"'))) {
            i++;
            continue;
        }
        ptv_buf_append(out, text + from, i - from);
        uint32_t point = c;
        size_t size = 1;
        if (c == '\\' && raw)
            size = put_escape(out, text + i);
        else if (c < 0x80)
            put_ascii(out, c);
        else if ((size = ptv_utf8_next(&point, text + i, len - i)) != 0)
            put_point(out, point);
        else
            put_point(out, 0xFFFD);
        i += size ? size : 1;
        from = i;
    }
    ptv_buf_append(out, text + from, len - from);
}

void ptv_pyjson_text(ptv_buf *out, const char *text, size_t len)
{
    ptv_buf_putc(out, '"');
    put_bytes(out, text, len, false);
    ptv_buf_putc(out, '"');
}

const char *ptv_pyjson_skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')
        at++;
    return at;
}

static const char *skip_string(const char *at)
{
    for (at++; *at && *at != '"'; at++)
        at += *at == '\\' && at[1];
    return *at ? at + 1 : at;
}

const char *ptv_pyjson_skip(const char *at)
{
    size_t depth = 0;
    do {
        at = ptv_pyjson_skip_blanks(at);
        if (*at == '"') {
            at = skip_string(at);
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            depth--;
            at++;
        } else if (*at == ',' || *at == ':') {
            at++;
        } else {
            at += strcspn(at, ",:]} \t\n\r");
        }
    } while (*at && depth);
    return at;
}

static void put_newline(ptv_buf *out, const ptv_pyjson *how, int level)
{
    if (!how->indent)
        return;
    ptv_buf_putc(out, '\n');
    for (int spaces = how->indent * level; spaces > 0; spaces--)
        ptv_buf_putc(out, ' ');
}

static bool is_key(const char *token, size_t len, const char *key)
{
    return key && len == strlen(key) + 2 && memcmp(token + 1, key, len - 2) == 0;
}

void ptv_pyjson_write(ptv_buf *out, const char *json, size_t len, const ptv_pyjson *how)
{
    const char *at = json, *end = json + len;
    int level = how->level;
    while ((at = ptv_pyjson_skip_blanks(at)) < end) {
        const char *next;
        switch (*at) {
        case '{':
        case '[':
            ptv_buf_putc(out, *at);
            next = ptv_pyjson_skip_blanks(at + 1);
            if (*next == '}' || *next == ']') {
                ptv_buf_putc(out, *next++);
                break;
            }
            put_newline(out, how, ++level);
            break;
        case '}':
        case ']':
            put_newline(out, how, --level);
            ptv_buf_putc(out, *at);
            next = at + 1;
            break;
        case ',':
            ptv_buf_puts(out, how->indent ? "," : ", ");
            put_newline(out, how, level);
            next = at + 1;
            break;
        case ':':
            ptv_buf_puts(out, ": ");
            next = at + 1;
            break;
        case '"':
            next = skip_string(at);
            put_bytes(out, at, (size_t)(next - at), true);
            if (level == how->level + 1 && is_key(at, (size_t)(next - at), how->replaced_key) &&
                *ptv_pyjson_skip_blanks(next) == ':') {
                ptv_pyjson inner = { .indent = how->indent, .level = level };
                ptv_buf_puts(out, ": ");
                ptv_pyjson_write(out, how->replacement, strlen(how->replacement), &inner);
                next = ptv_pyjson_skip(ptv_pyjson_skip_blanks(next) + 1);
            }
            break;
        default:
            next = at + strcspn(at, ",:]} \t\n\r");
            put_bytes(out, at, (size_t)(next - at), true);
            next += next == at; /* never twice at one place */
        }
        at = next;
    }
}

/* ------------------------------------------------------------------------------------------- softening */

/* "\uXXXX" at `at`: its value, or -1. */
static long escape_at(const char *at, const char *end)
{
    long value = 0;
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        char c = ptv_lower(at[i]);
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return -1;
        value = value * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return value;
}

static bool is_high(long point)
{
    return point >= 0xD800 && point < 0xDC00;
}

static bool is_low(long point)
{
    return point >= 0xDC00 && point < 0xE000;
}

/* Bytes to copy from here as they are; 0: `*bad` bytes to replace. An escape counts as one thing, also "\\" and "\"". */
static size_t good_at(const char *at, const char *end, size_t *bad)
{
    uint32_t point;
    if ((unsigned char)*at >= 0x80) {
        size_t size = ptv_utf8_next(&point, at, (size_t)(end - at));
        *bad = 1;
        return size;
    }
    if (*at != '\\' || end - at < 2)
        return 1;
    long value = escape_at(at, end);
    if (value < 0)
        return 2;
    if (is_high(value) && is_low(escape_at(at + 6, end)))
        return 12;
    *bad = 6;
    return value == 0 || is_high(value) || is_low(value) ? 0 : 6;
}

const char *ptv_pyjson_soften(const char *text, size_t *len, ptv_buf *scratch)
{
    const char *end = text + *len, *from = text;
    for (const char *at = text; at < end;) {
        size_t bad = 1, good = good_at(at, end, &bad);
        if (good) {
            at += good;
            continue;
        }
        ptv_buf_append(scratch, from, (size_t)(at - from));
        ptv_buf_puts(scratch, "\xEF\xBF\xBD");
        at += bad;
        from = at;
    }
    if (from == text)
        return text;
    ptv_buf_append(scratch, from, (size_t)(end - from));
    *len = scratch->len;
    return scratch->failed ? NULL : scratch->data;
}
