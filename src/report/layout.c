/*
 * layout.c: text for a terminal. Everything from outside passes ptv_escape_terminal() before it is measured or written.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "report/layout.h"

#include "base/text.h"
#include "report/parts.h"

#include <string.h>

#define FOLD_COLUMNS 72 /* of a value in a box: fits 120 columns with the longest standard name beside it */

/* Moves past one character of escaped text. */
static uint32_t next_point(const char **text, size_t *len)
{
    uint32_t point = 0;
    size_t bytes = ptv_utf8_next(&point, *text, *len);

    bytes = bytes > 0 ? bytes : 1;
    *text += bytes;
    *len -= bytes;
    return point;
}

/* Unicode's East Asian Width and combining marks, as far as names and tags in the wild need them. */
static size_t point_columns(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } none[] = { { 0x0300, 0x036F }, { 0x0483, 0x0489 }, { 0x0591, 0x05BD }, { 0x064B, 0x065F }, { 0x1AB0, 0x1AFF },
                 { 0x1DC0, 0x1DFF }, { 0x20D0, 0x20FF }, { 0xFE00, 0xFE0F }, { 0xFE20, 0xFE2F }, { 0xE0100, 0xE01EF } },
      wide[] = { { 0x1100, 0x115F },   { 0x2E80, 0x303E },   { 0x3041, 0xA4CF },   { 0xAC00, 0xD7A3 },
                 { 0xF900, 0xFAFF },   { 0xFE30, 0xFE6F },   { 0xFF00, 0xFF60 },   { 0xFFE0, 0xFFE6 },
                 { 0x1F300, 0x1F64F }, { 0x1F680, 0x1F6FF }, { 0x1F900, 0x1F9FF }, { 0x20000, 0x3FFFD } };

    if (c < 0x0300)
        return 1;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (c >= none[i].first && c <= none[i].last)
            return 0;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (c >= wide[i].first && c <= wide[i].last)
            return 2;
    return 1;
}

size_t ptv_text_columns(const char *text, size_t len)
{
    size_t columns = 0;

    while (len > 0)
        columns += point_columns(next_point(&text, &len));
    return columns;
}

/* The escaped text, in p->cell until the next call. */
static void escape(ptv_page *p, const char *text)
{
    ptv_buf_clear(&p->cell);
    if (text)
        ptv_escape_terminal(&p->cell, text, strlen(text));
    ptv_buf_inherit(p->out, &p->cell);
}

static void put_inked(ptv_page *p, ptv_ink ink, const char *bytes, size_t len)
{
    static const char *const on[] = { "", "\033[1m", "\033[2m", "\033[1;31m", "\033[1;33m", "\033[36m" };
    bool inked = p->color && ink != PTV_INK_PLAIN && len > 0;

    if (inked)
        ptv_buf_puts(p->out, on[ink]);
    if (len > 0)
        ptv_buf_append(p->out, bytes, len);
    if (inked)
        ptv_buf_puts(p->out, "\033[0m");
}

void ptv_page_fill(ptv_page *p, size_t blanks)
{
    for (size_t i = 0; i < blanks; i++)
        ptv_buf_putc(p->out, ' ');
}

void ptv_page_put(ptv_page *p, ptv_ink ink, const char *text)
{
    escape(p, text);
    put_inked(p, ink, p->cell.data, p->cell.len);
}

void ptv_page_put_padded(ptv_page *p, ptv_ink ink, const char *text, size_t columns)
{
    ptv_page_put(p, ink, text);

    size_t used = p->cell.len > 0 ? ptv_text_columns(p->cell.data, p->cell.len) : 0;
    if (used < columns)
        ptv_page_fill(p, columns - used);
}

void ptv_page_lines(ptv_page *p, size_t indent, const char *text, size_t most)
{
    size_t hidden = 0;

    for (size_t line = 0; text && *text; line++) {
        size_t len = strcspn(text, "\n");

        if (line < most) {
            ptv_buf_clear(&p->cell);
            ptv_escape_terminal(&p->cell, text, len);
            ptv_buf_inherit(p->out, &p->cell);
            ptv_page_fill(p, p->cell.len > 0 ? indent : 0);
            put_inked(p, PTV_INK_PLAIN, p->cell.data, p->cell.len);
            ptv_buf_putc(p->out, '\n');
        } else {
            hidden++;
        }
        text += len + (text[len] == '\n');
    }
    if (hidden > 0) {
        ptv_page_fill(p, indent);
        ptv_buf_printf(p->out, "and %zu more\n", hidden);
    }
}

static size_t columns_of(ptv_page *p, const char *text)
{
    escape(p, text);
    return p->cell.len > 0 ? ptv_text_columns(p->cell.data, p->cell.len) : 0;
}

/* How many of the bytes go on one line: up to the last blank that fits, else as many letters as fit. */
static size_t fold_at(const char *text, size_t len, size_t columns)
{
    const char *at = text, *blank = NULL;
    size_t left = len, used = 0;

    while (left > 0) {
        const char *start = at;

        used += point_columns(next_point(&at, &left));
        if (used > columns)
            return (size_t)((blank ? blank : start) - text);
        if (*start == ' ')
            blank = at;
    }
    return len;
}

static void rule_line(ptv_page *p, size_t indent, const char *left, const char *middle, const char *right, size_t names,
                      size_t values)
{
    ptv_page_fill(p, indent);
    ptv_buf_puts(p->out, left);
    for (size_t i = 0; i < names + 2; i++)
        ptv_buf_puts(p->out, "─");
    ptv_buf_puts(p->out, middle);
    for (size_t i = 0; i < values + 2; i++)
        ptv_buf_puts(p->out, "─");
    ptv_buf_puts(p->out, right);
    ptv_buf_putc(p->out, '\n');
}

/* A value over as many lines as it needs; the name stands on the first. */
static void boxed_row(ptv_page *p, size_t indent, const ptv_pair *pair, size_t names, size_t values)
{
    ptv_buf value = PTV_BUF(p->out->limit_bytes);
    size_t at = 0;

    if (pair->value)
        ptv_escape_terminal(&value, pair->value, strlen(pair->value));
    ptv_buf_inherit(p->out, &value);
    do {
        size_t part = value.len > at ? fold_at(value.data + at, value.len - at, values) : 0;

        ptv_page_fill(p, indent);
        ptv_buf_puts(p->out, "│ ");
        ptv_page_put_padded(p, PTV_INK_PLAIN, at == 0 ? pair->name : NULL, names);
        ptv_buf_puts(p->out, " │ ");
        if (part > 0)
            ptv_buf_append(p->out, value.data + at, part);
        size_t used = part > 0 ? ptv_text_columns(value.data + at, part) : 0;
        ptv_page_fill(p, used < values ? values - used : 0);
        ptv_buf_puts(p->out, " │\n");
        at += part;
    } while (at < value.len && !p->out->failed);
    ptv_buf_release(&value);
}

void ptv_page_table(ptv_page *p, size_t indent, const ptv_pair *pairs, size_t count)
{
    size_t names = 0, values = 1;

    for (size_t i = 0; i < count; i++) {
        size_t name = columns_of(p, pairs[i].name), value = columns_of(p, pairs[i].value);

        names = name > names ? name : names;
        values = value > values ? value : values;
    }
    if (!p->color) {
        for (size_t i = 0; i < count; i++) {
            ptv_page_fill(p, indent);
            ptv_page_put_padded(p, PTV_INK_PLAIN, pairs[i].name, names + 2);
            ptv_page_put(p, PTV_INK_PLAIN, pairs[i].value);
            ptv_buf_putc(p->out, '\n');
        }
        return;
    }
    values = values > FOLD_COLUMNS ? FOLD_COLUMNS : values;
    rule_line(p, indent, "┌", "┬", "┐", names, values);
    for (size_t i = 0; i < count; i++)
        boxed_row(p, indent, &pairs[i], names, values);
    rule_line(p, indent, "└", "┴", "┘", names, values);
}
