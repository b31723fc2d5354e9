/*
 * escape.c: UTF-8, and escapes for the places where bytes from the network go. Each copies whole runs of harmless
 * bytes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include <openssl/evp.h>
#include <string.h>

size_t ptv_utf8_next(uint32_t *point, const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t need;
    uint32_t value, smallest;
    if (s[0] < 0x80) {
        *point = s[0];
        return 1;
    }
    if (s[0] >= 0xC2 && s[0] <= 0xDF)
        need = 2, value = s[0] & 0x1F, smallest = 0x80;
    else if (s[0] >= 0xE0 && s[0] <= 0xEF)
        need = 3, value = s[0] & 0x0F, smallest = 0x800;
    else if (s[0] >= 0xF0 && s[0] <= 0xF4)
        need = 4, value = s[0] & 0x07, smallest = 0x10000;
    else
        return 0;
    if (len < need)
        return 0;
    for (size_t i = 1; i < need; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (s[i] & 0x3F);
    }
    if (value < smallest || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return 0;
    *point = value;
    return need;
}

size_t ptv_utf8_prefix(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        uint64_t ascii[4]; /* 32 bytes at once: nearly all text is */
        while (len - at >= sizeof ascii) {
            memcpy(ascii, text + at, sizeof ascii);
            if ((ascii[0] | ascii[1] | ascii[2] | ascii[3]) & UINT64_C(0x8080808080808080))
                break;
            at += sizeof ascii;
        }
        while (at < len && (unsigned char)text[at] < 0x80)
            at++;
        uint32_t point;
        size_t step = at < len ? ptv_utf8_next(&point, text + at, len - at) : 0;
        if (!step)
            break;
        at += step;
    }
    return at;
}

bool ptv_utf8_valid(const char *text, size_t len)
{
    return ptv_utf8_prefix(text, len) == len;
}

/* What moves the cursor, reverses text or cannot be seen. */
static bool is_hidden(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        { 0x00, 0x1F },     { 0x7F, 0x9F },     { 0xAD, 0xAD },     { 0x34F, 0x34F },
        { 0x61C, 0x61C },   { 0x115F, 0x1160 }, { 0x17B4, 0x17B5 }, { 0x180B, 0x180F },
        { 0x200B, 0x200F }, { 0x2028, 0x202E }, { 0x2060, 0x206F }, { 0x3164, 0x3164 },
        { 0xFEFF, 0xFEFF }, { 0xFFA0, 0xFFA0 }, { 0xFFF0, 0xFFFB }, { 0xE0000, 0xE0FFF },
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges && c >= ranges[i].first; i++) {
        if (c <= ranges[i].last)
            return true;
    }
    return false;
}

static void escape_shown(ptv_buf *out, const char *text, size_t len, const char *kept)
{
    size_t run = 0, at = 0;
    while (at < len) {
        if (text[at] >= 0x20 && text[at] < 0x7F) {
            at++;
            continue;
        }
        uint32_t point;
        size_t step = ptv_utf8_next(&point, text + at, len - at);
        if (step && (!is_hidden(point) || (point && point < 0x20 && strchr(kept, (int)point)))) {
            at += step;
            continue;
        }
        ptv_buf_append(out, text + run, at - run);
        if (!step || point < 0x80)
            ptv_buf_printf(out, "\\x%02x", (unsigned char)text[at]);
        else
            ptv_buf_printf(out, "\\u{%04x}", (unsigned)point);
        at += step ? step : 1;
        run = at;
    }
    if (run < len)
        ptv_buf_append(out, text + run, len - run);
}

void ptv_escape_terminal(ptv_buf *out, const char *text, size_t len)
{
    escape_shown(out, text, len, "");
}

void ptv_escape_lines(ptv_buf *out, const char *text, size_t len)
{
    escape_shown(out, text, len, "\n\t");
}

void ptv_escape_csv(ptv_buf *out, const char *text, size_t len)
{
    bool is_formula = len && strchr("=+-@\t\r", text[0]) && text[0];
    bool is_quoted = false;
    for (size_t i = 0; i < len && !is_quoted; i++)
        is_quoted = text[i] == '"' || text[i] == ',' || text[i] == '\n' || text[i] == '\r';
    if (is_quoted)
        ptv_buf_putc(out, '"');
    if (is_formula)
        ptv_buf_putc(out, '\'');
    const char *quote;
    while (is_quoted && (quote = memchr(text, '"', len))) {
        size_t run = (size_t)(quote - text) + 1;
        ptv_buf_append(out, text, run);
        ptv_buf_putc(out, '"');
        text += run;
        len -= run;
    }
    ptv_buf_append(out, text, len);
    if (is_quoted)
        ptv_buf_putc(out, '"');
}

static const char *html_entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void ptv_escape_html(ptv_buf *out, const char *text, size_t len)
{
    size_t run = 0;
    for (size_t at = 0; at < len; at++) {
        const char *entity = html_entity(text[at]);
        if (!entity)
            continue;
        ptv_buf_append(out, text + run, at - run);
        ptv_buf_puts(out, entity);
        run = at + 1;
    }
    if (run < len)
        ptv_buf_append(out, text + run, len - run);
}

static bool is_unreserved(char c)
{
    char lower = ptv_lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

void ptv_escape_url(ptv_buf *out, const char *text, size_t len)
{
    size_t run = 0;
    for (size_t at = 0; at < len; at++) {
        if (is_unreserved(text[at]))
            continue;
        ptv_buf_append(out, text + run, at - run);
        ptv_buf_printf(out, "%%%02X", (unsigned char)text[at]);
        run = at + 1;
    }
    if (run < len)
        ptv_buf_append(out, text + run, len - run);
}

void ptv_escape_base64(ptv_buf *out, const char *text, size_t len)
{
    size_t coded = (len + 2) / 3 * 4;
    char *at = ptv_buf_reserve(out, coded); /* and a NUL, which this writes too */
    if (!at)
        return;
    EVP_EncodeBlock((unsigned char *)at, (const unsigned char *)text, (int)len);
    ptv_buf_advance(out, coded);
}
