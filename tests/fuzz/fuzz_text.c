/*
 * fuzz_text.c: globs match as defined, escaped text holds nothing it must not, small values read back as written.
 *
 * The input is two texts with a NUL between: a pattern, and what it is held against.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "base/text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* matches[j]: the pattern so far matches the first j bytes. */
static bool glob_by_definition(const char *pattern, const char *text)
{
    bool matches[LONGEST + 1] = { true };
    size_t len = strlen(text);
    for (; *pattern; pattern++) {
        if (*pattern == '*') {
            for (size_t j = 1; j <= len; j++)
                matches[j] = matches[j] || matches[j - 1];
            continue;
        }
        for (size_t j = len; j > 0; j--)
            matches[j] = matches[j - 1] && (*pattern == '?' || ptv_lower(*pattern) == ptv_lower(text[j - 1]));
        matches[0] = false;
    }
    return matches[len];
}

static void check_shown(const char *text, size_t len)
{
    ptv_buf b = PTV_BUF(1 << 20), lines = PTV_BUF(1 << 20);
    ptv_escape_terminal(&b, text, len);
    must(!b.failed && (!b.len || ptv_utf8_valid(b.data, b.len)) && b.len >= len);
    for (size_t i = 0; i < b.len; i++)
        must((unsigned char)b.data[i] >= 0x20 && b.data[i] != 0x7F);
    ptv_escape_terminal(&lines, b.data, b.len);
    must(b.len == lines.len && (!b.len || !memcmp(b.data, lines.data, b.len))); /* nothing left to escape */
    ptv_buf_clear(&lines);
    ptv_escape_lines(&lines, text, len);
    must(!lines.failed && lines.len <= b.len);
    ptv_buf_release(&b);
    ptv_buf_release(&lines);
}

static void check_csv(const char *text, size_t len)
{
    ptv_buf b = PTV_BUF(1 << 20);
    ptv_escape_csv(&b, text, len);
    must(!b.failed && !b.len == !len);
    if (!len)
        return;
    const char *at = b.data, *end = at + b.len;
    bool is_quoted = *at == '"';
    if (is_quoted)
        at++, end--;
    if (*at == '\'' && *text != '\'')
        at++;
    else
        must(at == end || !*at || !strchr("=+-@\t\r", *at));
    for (; at < end; at++, text++, len--) {
        must(len && *at == *text && (is_quoted || !strchr("\",\r\n", *at) || !*at));
        if (*at == '"')
            must(++at < end && *at == '"');
    }
    must(!len);
    ptv_buf_release(&b);
}

static void check_html_and_url(const char *text, size_t len)
{
    ptv_buf b = PTV_BUF(1 << 20);
    ptv_escape_html(&b, text, len);
    for (size_t i = 0; i < b.len; i++)
        must(b.data[i] != '<' && b.data[i] != '>' && b.data[i] != '"' && b.data[i] != '\'');
    ptv_buf_clear(&b);
    ptv_escape_url(&b, text, len);
    must(!b.len || strspn(b.data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%") == b.len);
    ptv_buf_release(&b);
}

static void check_values(const char *text)
{
    char out[32];
    int64_t seconds, again, whole;
    double number;
    bool yes;
    if (ptv_duration_parse(&seconds, &yes, text)) {
        ptv_duration_format(out, seconds);
        must(ptv_duration_parse(&again, &yes, out) && again == seconds);
    }
    if (ptv_number_parse(&number, text))
        must(isfinite(number));
    if (ptv_int_parse(&whole, text))
        must(ptv_number_parse(&number, text) && number == (double)whole);
    ptv_bool_parse(&yes, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 2 * LONGEST)
        return 0;
    char *input = ptv_strndup((const char *)data, size);
    if (!input)
        return 0;
    check_shown(input, size);
    check_csv(input, size);
    check_html_and_url(input, size);
    check_values(input);
    size_t len = strlen(input);
    const char *text = len < size ? input + len + 1 : "";
    if (strlen(text) <= LONGEST)
        must(ptv_glob(input, text) == glob_by_definition(input, text));
    if (len <= LONGEST) {
        int distance = ptv_text_distance(input, text, 3);
        must(distance >= 0 && distance <= 4 && distance == ptv_text_distance(text, input, 3));
        must((distance == 0) == !strcmp(input, text));
    }
    ptv_free(input);
    return 0;
}
