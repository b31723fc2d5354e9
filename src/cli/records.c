/*
 * records.c: where one recorded subject ends and the next begins. No JSON is parsed here: quotes, brackets and the keys of
 * the outermost object are enough.
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

ptv_code cli_records_open(cli_records *r, int fd, ptv_error *err)
{
    *r = (cli_records){ .now = PTV_BUF(CLI_RECORD_LIMIT) };
    return cli_lines_open(&r->lines, fd, CLI_RECORD_LIMIT, err);
}

void cli_records_close(cli_records *r)
{
    cli_lines_close(&r->lines);
    ptv_buf_release(&r->now);
}

/* A line that is not blank, in r->lines.line. */
static cli_got hold_line(cli_records *r)
{
    cli_got got = CLI_GOT_ONE;
    if (!r->has_line)
        got = cli_lines_next(&r->lines, -1);
    if (got == CLI_GOT_ONE && !r->has_line)
        r->line++;
    r->has_line = got == CLI_GOT_ONE;
    return got;
}

static bool is_blank_line(const ptv_buf *line)
{
    const char *text = line->data ? line->data : "";
    size_t len = line->len;
    ptv_text_trim(&text, &len);
    return len == 0;
}

/* Only objects go over several lines, and one that ends on its first line is no such; a byte order mark may stand before it.
 */
static bool goes_on(const ptv_buf *line)
{
    const char *text = line->data;
    size_t len = line->len;
    if (ptv_text_starts(text, "\xef\xbb\xbf")) {
        text += 3;
        len -= 3;
    }
    ptv_text_trim(&text, &len);
    return len > 0 && *text == '{' && (len == 1 || text[len - 1] != '}');
}

static void take_line(cli_records *r)
{
    const ptv_buf *line = &r->lines.line;
    if (r->now.len + line->len + 1 > r->now.limit_bytes) {
        r->too_long = true;
    } else {
        ptv_buf_append(&r->now, line->data ? line->data : "", line->len);
        ptv_buf_putc(&r->now, '\n');
    }
    r->too_long |= r->lines.too_long;
    r->has_line = false;
}

/* Does the held line belong to what r->now holds? */
static bool belongs(const cli_records *r, const balance *open, const char *query, size_t query_len)
{
    const ptv_buf *line = &r->lines.line;
    if (query) {
        size_t len;
        const char *other = cli_answer_query(&len, line->data, line->len);
        return other && len == query_len && memcmp(other, query, len) == 0;
    }
    return (open->depth > 0 || open->in_text) && !(line->len && line->data[0] == '{');
}

cli_got cli_records_next(cli_records *r)
{
    cli_got got;
    ptv_buf_clear(&r->now);
    r->too_long = false;
    do {
        got = hold_line(r);
        if (got != CLI_GOT_ONE)
            return got;
        r->has_line = !is_blank_line(&r->lines.line);
    } while (!r->has_line);
    r->first_line = r->line;
    balance open = { 0 };
    size_t query_at = 0, query_len = 0;
    bool is_answer = false;
    const char *query = cli_answer_query(&query_len, r->lines.line.data, r->lines.line.len);
    if (query) {
        is_answer = true;
        query_at = (size_t)(query - r->lines.line.data);
    } else if (goes_on(&r->lines.line)) {
        follow(&open, r->lines.line.data, r->lines.line.len);
    }
    take_line(r);
    for (;;) {
        if (r->now.failed) {
            ptv_buf_check(&r->now, &r->lines.failed);
            return CLI_GOT_FAILURE;
        }
        if (!is_answer && open.depth == 0 && !open.in_text)
            return CLI_GOT_ONE;
        got = hold_line(r);
        if (got == CLI_GOT_FAILURE || got == CLI_GOT_NOTHING_YET)
            return got;
        if (got == CLI_GOT_END)
            return CLI_GOT_ONE;
        if (is_blank_line(&r->lines.line)) {
            r->has_line = false;
            continue;
        }
        if (!belongs(r, &open, is_answer ? r->now.data + query_at : NULL, query_len))
            return CLI_GOT_ONE;
        if (!is_answer)
            follow(&open, r->lines.line.data, r->lines.line.len);
        take_line(r);
    }
}
