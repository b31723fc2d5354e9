/*
 * text.c: small pure functions on text: comparing, matching, reading small values.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool ptv_text_equal(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

bool ptv_text_equal_fold(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    while (*a && ptv_lower(*a) == ptv_lower(*b))
        a++, b++;
    return !*a && !*b;
}

bool ptv_text_starts(const char *text, const char *prefix)
{
    return text && !strncmp(text, prefix, strlen(prefix));
}

bool ptv_text_ends(const char *text, const char *suffix)
{
    size_t len = text ? strlen(text) : 0, tail = strlen(suffix);
    return text && len >= tail && !memcmp(text + len - tail, suffix, tail);
}

void ptv_text_trim(const char **text, size_t *len)
{
    while (*len && ptv_is_blank((*text)[*len - 1]))
        --*len;
    while (*len && ptv_is_blank(**text)) {
        ++*text;
        --*len;
    }
}

char *ptv_text_fold(ptv_arena *mem, const char *text, size_t len)
{
    ptv_text_trim(&text, &len);
    char *folded = ptv_arena_alloc(mem, len + 1);
    if (!folded)
        return NULL;
    for (size_t i = 0; i < len; i++)
        folded[i] = ptv_lower(text[i]);
    folded[len] = '\0';
    return folded;
}

/* Only the last star is ever tried again: what an earlier one matched can stay as short as it is. */
bool ptv_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *retry = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            retry = text;
        } else if (*pattern && (*pattern == '?' || ptv_lower(*pattern) == ptv_lower(*text))) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

enum { LONGEST_WORD = 128 }; /* words of rules and settings; longer ones are not misspellings of each other */

int ptv_text_distance(const char *a, const char *b, int most)
{
    size_t rows = strnlen(a, LONGEST_WORD + 1), columns = strnlen(b, LONGEST_WORD + 1);
    int difference = (int)rows - (int)columns;
    if (difference > most || -difference > most || rows > LONGEST_WORD || columns > LONGEST_WORD)
        return ptv_text_equal(a, b) ? 0 : most + 1;
    int space[3][LONGEST_WORD + 1], *before = space[0], *above = space[1], *row = space[2];
    for (size_t j = 0; j <= columns; j++)
        above[j] = (int)j;
    for (size_t i = 1; i <= rows; i++) {
        int smallest = row[0] = (int)i;
        for (size_t j = 1; j <= columns; j++) {
            row[j] = least(above[j - 1] + (a[i - 1] != b[j - 1]), least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
            smallest = least(smallest, row[j]);
        }
        if (smallest > most + 1) /* + 1: a swap may still come from the row before */
            return most + 1;
        int *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return least(above[columns], most + 1);
}

const char *ptv_text_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t third = (strnlen(word, LONGEST_WORD) + 2) / 3;
    int most = third < 2 ? (int)third : 2;
    for (size_t i = 0; i < count && most >= 0; i++) {
        int distance = ptv_text_distance(word, candidates[i], most);
        if (distance <= most) {
            nearest = candidates[i];
            most = distance - 1;
        }
    }
    return nearest;
}

static const struct {
    char unit;
    bool by_day;
    int64_t seconds;
} units[] = {
    { 'y', true, 365 * 86400 }, { 'w', true, 7 * 86400 }, { 'd', true, 86400 },
    { 'h', false, 3600 },       { 'm', false, 60 },       { 's', false, 1 },
};
enum { UNITS = sizeof units / sizeof *units };

/* At most 10,000 years: a date minus a duration never overflows. */
bool ptv_duration_parse(int64_t *seconds, bool *by_day, const char *text)
{
    const int64_t most = INT64_C(10000) * 365 * 86400;
    int64_t number = 0;
    const char *at = text;
    while (is_digit(*at)) {
        number = number * 10 + (*at++ - '0');
        if (number > most)
            return false;
    }
    if (at == text || !*at || at[1])
        return false;
    for (int i = 0; i < UNITS; i++) {
        if (units[i].unit == *at && number <= most / units[i].seconds) {
            *seconds = number * units[i].seconds;
            if (by_day)
                *by_day = units[i].by_day;
            return true;
        }
    }
    return false;
}

void ptv_duration_format(char out[32], int64_t seconds)
{
    int i = seconds ? 0 : UNITS - 1;
    while (seconds % units[i].seconds)
        i++;
    snprintf(out, 32, "%lld%c", (long long)(seconds / units[i].seconds), units[i].unit);
}

size_t ptv_int_format(char out[24], int64_t value)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
                                "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char digits[20], *at = digits + sizeof digits;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    for (; rest >= 100; rest /= 100)
        memcpy(at -= 2, &pairs[rest % 100 * 2], 2);
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    size_t len = 0, count = (size_t)(digits + sizeof digits - at);
    if (value < 0)
        out[len++] = '-';
    memcpy(out + len, at, count);
    out[len + count] = '\0';
    return len + count;
}

bool ptv_int_parse(int64_t *out, const char *text)
{
    bool is_negative = *text == '-';
    int64_t value = 0; /* kept negative: there is one more of those */
    if (*text == '-' || *text == '+')
        text++;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (!is_digit(*text) || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, *text - '0', &value))
            return false;
    }
    if (!is_negative && value == INT64_MIN)
        return false;
    *out = is_negative ? value : -value;
    return true;
}

static const char *skip_digits(const char *at)
{
    while (is_digit(*at))
        at++;
    return at;
}

static bool looks_like_number(const char *at)
{
    if (*at == '-' || *at == '+')
        at++;
    const char *whole = at;
    at = skip_digits(at);
    if (at == whole)
        return false;
    if (*at == '.') {
        const char *fraction = ++at;
        at = skip_digits(at);
        if (at == fraction)
            return false;
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        if (*at == '-' || *at == '+')
            at++;
        const char *exponent = at;
        at = skip_digits(at);
        if (at == exponent)
            return false;
    }
    return !*at;
}

bool ptv_number_parse(double *out, const char *text)
{
    if (!looks_like_number(text))
        return false;
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* a constant in every libc; allocates nothing */
    if (!c)
        return false;
    double value = strtod_l(text, NULL, c);
    freelocale(c);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

bool ptv_bool_parse(bool *out, const char *text)
{
    static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (ptv_text_equal_fold(text, words[i])) {
            *out = i % 2;
            return true;
        }
    }
    return false;
}
