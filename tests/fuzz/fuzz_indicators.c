/*
 * fuzz_indicators.c: a list of indicators, one a line, against the plain way of asking it: every entry is compared.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include "core/indicators.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_LINES = 200 };

typedef struct line {
    const char *text;
    size_t len;
} line;

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* How specific an entry that covers the artifact is: zones and nets by length, exact above all; -1: it does not. */
static int covers(const line *l, const ptv_artifact *a, ptv_arena *mem)
{
    const char *text = l->text;
    size_t len = l->len, whole = strlen(a->value);
    unsigned char net[16];
    int prefix_len;
    char copy[64];
    ptv_artifact entry;
    ptv_error err = { 0 };
    ptv_text_trim(&text, &len);
    bool zone = len > 1 && (*text == '.' || (len > 2 && text[0] == '*' && text[1] == '.'));
    if (zone) {
        size_t skipped = *text == '.' ? 1 : 2;
        text += skipped;
        len -= skipped;
    } else if (len < sizeof copy && memchr(text, '/', len)) {
        memcpy(copy, text, len);
        copy[len] = '\0';
        if (ptv_cidr_parse(net, &prefix_len, copy, &err) == PTV_OK)
            return a->type == PTV_IP && ptv_cidr_contains(net, prefix_len, a->ip) ? prefix_len : -1;
    }
    if (ptv_artifact_parse(&entry, mem, text, len, NULL, &err))
        return -1;
    size_t entry_len = strlen(entry.value);
    if (!zone)
        return strcmp(entry.value, a->value) ? -1 : 1000;
    if (whole < entry_len || strcmp(a->value + whole - entry_len, entry.value) != 0)
        return -1;
    return whole == entry_len || a->value[whole - entry_len - 1] == '.' ? (int)entry_len : -1;
}

static void check_find(const ptv_indicators *s, const line *lines, const bool *added, size_t count, const line *asked,
                       ptv_arena *mem)
{
    ptv_artifact a;
    ptv_error err = { 0 };
    uint32_t value = 0;
    ptv_indicator_kind kind;
    int best = -1;
    size_t best_line = 0;
    if (ptv_artifact_parse(&a, mem, asked->text, asked->len, NULL, &err))
        return;
    for (size_t i = 0; i < count; i++) {
        int how = added[i] ? covers(&lines[i], &a, mem) : -1;
        if (how > best) {
            best = how;
            best_line = i;
        }
    }
    bool found = ptv_indicators_find(s, &a, &value, &kind);
    must(found == (best >= 0) && (!found || value == best_line));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    line lines[MOST_LINES];
    bool added[MOST_LINES];
    size_t count = 0;
    ptv_error err = { 0 };
    ptv_indicators *s = ptv_indicators_new();
    must(s != NULL);
    for (const char *p = (const char *)data, *end = p + size; p < end && count < MOST_LINES; count++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        stop = stop ? stop : end;
        lines[count] = (line){ p, (size_t)(stop - p) };
        added[count] = ptv_indicators_add(s, p, (size_t)(stop - p), (uint32_t)count, &err) == PTV_OK;
        p = stop + 1;
    }
    must(ptv_indicators_seal(s, &err) == PTV_OK);
    for (size_t i = 0; i < count && i < 20; i++) {
        ptv_arena mem = PTV_ARENA(16 << 20);
        check_find(s, lines, added, count, &lines[i], &mem);
        ptv_arena_release(&mem);
    }
    ptv_indicators_free(s);
    return 0;
}
