/*
 * records.c: where one recorded subject ends and the next begins. No JSON is parsed here: quotes, brackets and the keys of
 * the outermost object are enough, and of a record that ends on its first line not even those.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/records.h"

#include "base/text.h"

/* How far brackets are open after `text`. The state goes on over lines. */
typedef struct balance {
    int depth;
    bool in_text, escaped;
} balance;

static void follow(balance *b, const char *text, size_t len)
{
    for (const char *p = text, *end = text + len; p < end; p++) {
        if (b->escaped)
            b->escaped = false;
        else if (b->in_text)
            b->in_text = *p != '"' && !(b->escaped = *p == '\\');
        else if (*p == '"')
            b->in_text = true;
        else if (*p == '{' || *p == '[')
            b->depth++;
        else if ((*p == '}' || *p == ']') && b->depth > 0)
            b->depth--;
    }
}

static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && ptv_is_blank(*p))
        p++;
    return p;
}

/* Past a JSON text that begins at p; NULL: it does not end. */
static const char *skip_text(const char *p, const char *end)
{
    for (p++; p < end; p++) {
        if (*p == '\\')
            p++;
        else if (*p == '"')
            return p + 1;
    }
    return NULL;
}

/* Past any value. */
static const char *skip_value(const char *p, const char *end)
{
    balance b = { 0 };
    if (p < end && *p == '"')
        return skip_text(p, end);
    if (p < end && (*p == '{' || *p == '[')) {
        do {
            follow(&b, p, 1);
            p++;
        } while (p < end && (b.depth > 0 || b.in_text));
        return p;
    }
    while (p < end && *p != ',' && *p != '}')
        p++;
    return p;
}

const char *cli_answer_query(size_t *len, const char *line, size_t line_len)
{
    const char *end = line + line_len, *query = NULL;
    bool has_endpoint = false;
    const char *p = skip_blanks(line, end);
    if (p == end || *p != '{')
        return NULL;
    for (p = skip_blanks(p + 1, end); p && p < end && *p == '"';) {
        const char *key = p + 1;
        p = skip_text(p, end);
        size_t key_len = p ? (size_t)(p - 1 - key) : 0;
        p = p ? skip_blanks(p, end) : NULL;
        if (!p || p == end || *p != ':')
            return NULL;
        const char *value = skip_blanks(p + 1, end);
        p = skip_value(value, end);
        if (!p)
            return NULL;
        if ((key_len == 6 && memcmp(key, "schema", 6) == 0) || (key_len == 8 && memcmp(key, "artifact", 8) == 0))
            return NULL; /* a record: the rest of a long line need not be looked at */
        if (key_len == 8 && memcmp(key, "endpoint", 8) == 0)
            has_endpoint = true;
        if (key_len == 5 && memcmp(key, "query", 5) == 0) {
            query = value;
            *len = (size_t)(p - value);
        }
        if (has_endpoint && query)
            return query;
        p = skip_blanks(p, end);
        if (p < end && *p == ',')
            p = skip_blanks(p + 1, end);
    }
    return NULL;
}

typedef struct line_view { /* without its newline */
    const char *text;
    size_t len, step; /* step: to the next line */
    bool whole;       /* it has its newline */
} line_view;

static line_view line_at(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    size_t len = newline ? (size_t)(newline - at) : (size_t)(end - at);
    return (line_view){ .text = at, .len = len, .step = len + (newline != NULL), .whole = newline != NULL };
}

static bool is_blank_line(const line_view *line)
{
    return skip_blanks(line->text, line->text + line->len) == line->text + line->len;
}

/* A line that ends whatever was open before it. */
static bool begins_subject(const line_view *line)
{
    return line->len && (line->text[0] == '{' || (line->len > 4 && memcmp(line->text, "PTV", 3) == 0 &&
                                                  line->text[3] >= '0' && line->text[3] <= '9'));
}

/* Only objects go over several lines, and one that ends on its first line is no such; a byte order mark may stand before it.
 */
static bool goes_on(const line_view *line)
{
    const char *text = line->text;
    size_t len = line->len;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    ptv_text_trim(&text, &len);
    return len > 0 && *text == '{' && (len == 1 || text[len - 1] != '}');
}

static bool same_query(const char *query, size_t len, const line_view *line)
{
    size_t other_len;
    const char *other = cli_answer_query(&other_len, line->text, line->len);
    return other && other_len == len && memcmp(other, query, len) == 0;
}

bool cli_cut(cli_cutter *c, cli_record *out)
{
    line_view line;
    for (;; c->at += line.step, c->line++) {
        if (c->at >= c->end)
            return false;
        line = line_at(c->at, c->end);
        if (!is_blank_line(&line))
            break;
    }
    balance open = { 0 };
    size_t query_len;
    const char *query = cli_answer_query(&query_len, line.text, line.len);
    if (!query && goes_on(&line))
        follow(&open, line.text, line.len);
    *out = (cli_record){ .text = c->at, .len = line.len, .line = c->line };
    const char *at = c->at + line.step;
    uint64_t number = c->line + 1;
    c->at = at;
    c->line = number;
    while (query || open.depth > 0 || open.in_text) {
        if (at >= c->end)
            return true; /* not closed */
        line = line_at(at, c->end);
        at += line.step;
        number++;
        if (is_blank_line(&line))
            continue;
        if (query ? !same_query(query, query_len, &line) : begins_subject(&line))
            break;
        if (!query)
            follow(&open, line.text, line.len);
        out->len = (size_t)(line.text + line.len - out->text);
        c->at = at;
        c->line = number;
    }
    out->closed = true;
    return true;
}

size_t cli_cut_place(const char *text, size_t len)
{
    const char *end = memrchr(text, '\n', len);
    while (end && end > text) {
        const char *before = memrchr(text, '\n', (size_t)(end - text));
        const char *start = before ? before + 1 : text;
        line_view line = { .text = start, .len = (size_t)(end - start) };
        if (start > text && begins_subject(&line)) {
            size_t query_len;
            const char *query = cli_answer_query(&query_len, line.text, line.len);
            if (!query)
                return (size_t)(start - text);
            line_view last;
            const char *last_end = before;
            do { /* the line before that is not blank */
                const char *at = memrchr(text, '\n', (size_t)(last_end - text));
                at = at ? at + 1 : text;
                last = (line_view){ .text = at, .len = (size_t)(last_end - at) };
                last_end = at > text ? at - 1 : text;
            } while (is_blank_line(&last) && last.text > text);
            if (!same_query(query, query_len, &last))
                return (size_t)(start - text);
        }
        end = before;
    }
    return 0;
}

size_t cli_cut_closed(const char *text, size_t len)
{
    const char *newline = memrchr(text, '\n', len);
    if (!newline)
        return 0;
    cli_cutter c = { .at = text + cli_cut_place(text, len), .end = newline + 1 };
    cli_record last = { .text = text, .closed = true };
    while (cli_cut(&c, &last))
        continue;
    return last.closed ? (size_t)(newline + 1 - text) : (size_t)(last.text - text);
}
