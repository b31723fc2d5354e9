/*
 * exceptions.c: reads lists/exceptions.csv. A line that cannot be read is an error: an allowance must not vanish silently.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/exceptions.h"
#include "base/findings.h"
#include "base/text.h"
#include "rules/loading.h"
#include <string.h>

enum { ARTIFACT, REASON, OWNER, EXPIRES, RULES, WIDE, COLUMNS };
static const char *const column_names[COLUMNS] = { "artifact", "reason", "owner", "expires", "rules", "wide" };
enum { MOST_FIELDS = 16 };

typedef struct reader {
    ptv_loader *set;
    const char *path;
    int line;
    int column_of[MOST_FIELDS]; /* of each field, -1: none */
    size_t field_count;
    bool started;
} reader;

#define COMPLAIN(r, code, ...) ptv_finding_add((r)->set->findings, PTV_ERROR, (r)->path, (r)->line, code, __VA_ARGS__)

static void *keep(reader *r, size_t count, size_t size)
{
    void *p = ptv_arena_calloc(&r->set->rs->mem, count, size);
    r->set->no_memory |= !p;
    return p;
}

/* Cut one line into fields in place. SIZE_MAX: reported. */
static size_t cut(reader *r, char *line, char **fields)
{
    size_t count = 0;
    for (char *p = line;; p++) {
        if (count == MOST_FIELDS) {
            COMPLAIN(r, "E-LIST", "more than %d fields", MOST_FIELDS);
            return SIZE_MAX;
        }
        while (*p == ' ' || *p == '\t')
            p++;
        char *from = p, *to = p;
        if (*p == '"') {
            fields[count++] = to;
            for (p++; *p && (*p != '"' || p[1] == '"'); p++) {
                p += *p == '"';
                *to++ = *p;
            }
            if (!*p) {
                COMPLAIN(r, "E-LIST", "a quote is not closed on this line");
                return SIZE_MAX;
            }
            p += 1 + strspn(p + 1, " \t");
            if (*p && *p != ',') {
                COMPLAIN(r, "E-LIST", "text behind a closing quote; a comma is missing");
                return SIZE_MAX;
            }
        } else {
            size_t len = strcspn(p, ",");
            p += len;
            const char *start = from;
            ptv_text_trim(&start, &len);
            to = from + len;
            fields[count++] = from;
        }
        bool last = !*p;
        *to = '\0';
        if (last)
            return count;
    }
}

static bool read_header(reader *r, char *const *fields, size_t count)
{
    bool seen[COLUMNS] = { false };
    r->field_count = count;
    for (size_t i = 0; i < count; i++) {
        r->column_of[i] = -1;
        for (int c = 0; c < COLUMNS; c++)
            if (ptv_text_equal_fold(fields[i], column_names[c]))
                r->column_of[i] = c;
        if (r->column_of[i] < 0) {
            COMPLAIN(r, "E-LIST", "no column %s%s; there are artifact, reason, owner, expires, rules, wide",
                     ptv_ticked(&r->set->rs->mem, fields[i]),
                     ptv_did_you_mean(&r->set->rs->mem, fields[i], column_names, COLUMNS));
            return false;
        }
        seen[r->column_of[i]] = true;
    }
    for (int c = ARTIFACT; c <= EXPIRES; c++) {
        if (seen[c])
            continue;
        COMPLAIN(r, "E-LIST", "the column '%s' is missing", column_names[c]);
        return false;
    }
    return true;
}

static void split_ids(reader *r, ptv_allow *allow, char *text)
{
    size_t most = 1;
    for (const char *p = text; *p; p++)
        most += strchr(" ,;\t", *p) != NULL;
    const char **ids = keep(r, most, sizeof *ids);
    for (char *p = text; ids && *p;) {
        p += strspn(p, " ,;\t");
        size_t len = strcspn(p, " ,;\t");
        if (len)
            ids[allow->applies_count++] = p;
        p += len;
        if (*p)
            *p++ = '\0';
    }
    if (allow->applies_count)
        allow->applies_to = ids;
}

static void read_row(reader *r, char *const *fields, size_t count)
{
    ptv_arena *mem = &r->set->rs->mem;
    const char *values[COLUMNS] = { "", "", "", "", "", "" };
    char *rules = NULL;
    if (count > r->field_count || count <= EXPIRES) {
        COMPLAIN(
            r, "E-LIST",
            "%zu fields where the columns are artifact,reason,owner,expires,rules; a comma in a text needs quotes around it",
            count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        values[r->column_of[i]] = fields[i];
        if (r->column_of[i] == RULES)
            rules = fields[i];
    }
    ptv_built_allow *built = keep(r, 1, sizeof *built);
    ptv_cond *when = keep(r, 1, sizeof *when);
    const char **word = keep(r, 1, sizeof *word);
    if (!built || !when || !word)
        return;
    ptv_allow *allow = &built->allow;
    for (int c = ARTIFACT; c <= EXPIRES; c++) {
        if (*values[c])
            continue;
        COMPLAIN(r, "E-ALLOW", "%s is empty; artifact, reason, owner and expires are all required", column_names[c]);
        return;
    }
    if (!ptv_day_parse(&allow->expires_day, values[EXPIRES])) {
        COMPLAIN(r, "E-ALLOW", "expires needs a date such as 2027-01-31, not %s", ptv_quoted(mem, values[EXPIRES]));
        return;
    }
    if (*values[WIDE] && !ptv_bool_parse(&built->wide, values[WIDE])) {
        COMPLAIN(r, "E-LIST", "wide needs true or false, not %s", ptv_quoted(mem, values[WIDE]));
        return;
    }
    word[0] = values[ARTIFACT];
    ptv_list *list = ptv_list_of_words(r->set, word, 1, r->path, r->line);
    const ptv_indicators *found = list ? ptv_list_set(r->set, list, PTV_OP_IN_LIST) : NULL;
    if (!list)
        r->set->no_memory = true;
    if (!found)
        return;
    const char *text = ptv_arena_printf(mem, "artifact:in_list{%s}", ptv_quoted(mem, word[0]));
    const char *id = ptv_arena_printf(mem, "exceptions.csv:%d", r->line);
    r->set->no_memory |= !text || !id;
    *when = (ptv_cond){ .op = PTV_OP_IN_LIST,
                        .field = ptv_field_find("artifact"),
                        .text = text,
                        .file = r->path,
                        .line = r->line,
                        .node = PTV_NO_NODE,
                        .args = { .words = word, .word_count = 1, .indicators = found, .list = list } };
    allow->id = id;
    allow->reason = values[REASON];
    allow->owner = values[OWNER];
    allow->file = r->path;
    allow->line = r->line;
    allow->when = when;
    allow->artifact_only = true;
    if (rules)
        split_ids(r, allow, rules);
    *r->set->allows_end = built;
    r->set->allows_end = &built->next;
    r->set->allow_count++;
}

static void read_line(reader *r, char *line, size_t len)
{
    char *fields[MOST_FIELDS];
    if (!ptv_utf8_valid(line, len) || strlen(line) != len) {
        COMPLAIN(r, "E-LIST", "not UTF-8, or a NUL in it");
        return;
    }
    for (size_t i = 0; i < len; i++) {
        if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f) {
            COMPLAIN(r, "E-LIST", "a control character");
            return;
        }
    }
    size_t count = cut(r, line, fields);
    if (count == SIZE_MAX)
        return;
    if (!r->started) {
        r->started = true;
        bool header = false;
        for (size_t i = 0; i < count; i++)
            header |= ptv_text_equal_fold(fields[i], column_names[ARTIFACT]);
        if (header && !read_header(r, fields, count))
            r->field_count = 0;
        if (header)
            return;
    }
    if (r->field_count) /* else: the header was refused, and the rows cannot be read without it */
        read_row(r, fields, count);
}

void ptv_exceptions_read(ptv_loader *set, const char *path, char *text, size_t len)
{
    reader r = { .set = set, .path = path, .field_count = COLUMNS };
    for (int c = 0; c < COLUMNS; c++)
        r.column_of[c] = c;
    char *at = text, *end = text + len;
    if (len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    while (at < end && !set->no_memory) {
        char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;
        const char *line = at;
        size_t line_len = (size_t)(stop - at);
        ptv_text_trim(&line, &line_len);
        r.line++;
        if (line_len && *line != '#') {
            char *start = text + (line - text);
            start[line_len] = '\0';
            read_line(&r, start, line_len);
        }
        at = newline ? newline + 1 : end;
    }
}
