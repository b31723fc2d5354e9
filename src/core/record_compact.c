/*
 * record_compact.c: a record as one line of cells between tabs, for eval and diff over millions: it is cut in place, so
 * that a record costs microseconds and a few allocations. The form is described in docs/record.md; its version is the
 * first cell.
 *
 *   PTV1 artifact type fetched_at link  @tags ok … tags 2 a b  @classification failed …  .
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include "core/record_json.h"
#include <endian.h>
#include <string.h>

static const char mark[] = "PTV1";
enum { LISTS_SEEN = 16 }; /* source lists that a row may point back to */

/* ------------------------------------------------------------------------------------------- writer */

/* A tab in front of each cell but the first. */
static void put_cell(ptv_buf *out, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    char *at = ptv_buf_reserve(out, 1 + 2 * len), *start = at;
    if (!at)
        return;
    *at++ = '\t';
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c > '\r' && c != '\\') {
            *at++ = (char)c;
            continue;
        }
        char letter = c == '\t' ? 't' : c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\\' ? '\\' : '\0';
        if (letter)
            *at++ = '\\';
        *at++ = letter ? letter : (char)c;
    }
    ptv_buf_advance(out, (size_t)(at - start));
}

/* By hand: a record of 1,000 rows has 4,000 numbers, and printf takes most of the writing. */
static void put_int(ptv_buf *out, int64_t value, int64_t absent)
{
    char *room = ptv_buf_reserve(out, 1 + 24);
    if (!room)
        return;
    *room = '\t';
    ptv_buf_advance(out, 1 + (value == absent ? 0 : ptv_int_format(room + 1, value)));
}

static void put_items(ptv_buf *out, const char *plus, const ptv_set *set)
{
    ptv_buf_printf(out, "\t%s%zu", plus, set->shown_count);
    for (size_t i = 0; i < set->shown_count; i++)
        put_cell(out, set->shown[i]);
}

static bool same_list(const ptv_set *a, const ptv_set *b)
{
    if (a->shown == b->shown)
        return true;
    if (a->shown_count != b->shown_count)
        return false;
    for (size_t i = 0; i < a->shown_count; i++)
        if (strcmp(a->shown[i], b->shown[i]) != 0)
            return false;
    return true;
}

/* Rows mostly share their sources: a list stands where it first occurs, later rows say how many lists ago that was. */
static void put_rows(ptv_buf *out, const ptv_dns_list *list)
{
    const ptv_set *seen[LISTS_SEEN];
    size_t lists = 0;
    put_int(out, (int64_t)list->count, -1);
    for (size_t i = 0; i < list->count; i++) {
        const ptv_dns *row = list->rows[i];
        put_cell(out, row->value);
        put_cell(out, row->type);
        put_cell(out, row->resolve);
        put_int(out, row->first_seen, PTV_NO_TIME);
        put_int(out, row->last_seen, PTV_NO_TIME);
        put_int(out, row->collected, PTV_NO_TIME);
        put_int(out, row->live, 0);
        size_t back = 1, reach = lists < LISTS_SEEN ? lists : LISTS_SEEN;
        while (row->sources.items && back <= reach && !same_list(seen[(lists - back) % LISTS_SEEN], &row->sources))
            back++;
        if (!row->sources.items) {
            ptv_buf_putc(out, '\t');
        } else if (back <= reach) {
            put_int(out, (int64_t)back, 0);
        } else {
            put_items(out, "+", &row->sources);
            seen[lists++ % LISTS_SEEN] = &row->sources;
        }
    }
}

static void put_field(ptv_buf *out, const ptv_record *r, const ptv_field *f)
{
    put_cell(out, f->name);
    if (ptv_field_absent(r, f)) {
        ptv_buf_putc(out, '\t');
        return;
    }
    switch (f->type) {
    case PTV_WORD:
    case PTV_ENUM:
    case PTV_URI:
        put_cell(out, *PTV_FIELD_AT(r, f, WORD));
        break;
    case PTV_NUMBER:
    case PTV_TIME:
        put_int(out, *PTV_FIELD_AT(r, f, NUMBER), PTV_NO_TIME);
        break;
    case PTV_YESNO:
        put_int(out, *PTV_FIELD_AT(r, f, YESNO), -1);
        break;
    case PTV_SET:
        put_items(out, "", PTV_FIELD_AT(r, f, SET));
        break;
    case PTV_RECORDS:
        put_rows(out, PTV_FIELD_AT(r, f, RECORDS));
        break;
    }
}

void ptv_record_write_compact(ptv_buf *out, const ptv_record *r)
{
    ptv_buf_puts(out, mark);
    put_cell(out, r->artifact);
    put_cell(out, r->artifact_type);
    put_int(out, r->fetched_at, PTV_NO_TIME);
    put_cell(out, r->link);
    for (int i = 0; i < PTV_SECTION_COUNT; i++) {
        const ptv_section_info *s = &r->sections[i];
        ptv_buf_printf(out, "\t@%s", ptv_section_name((ptv_section)i));
        put_cell(out, ptv_state_name(s->state));
        put_cell(out, s->cause == PTV_CAUSE_NONE ? NULL : ptv_cause_name(s->cause));
        put_cell(out, s->source);
        put_int(out, s->http, 0);
        put_int(out, s->fetched_at, PTV_NO_TIME);
        put_int(out, s->retry_after_s, -1);
        put_int(out, s->age_s, 0);
        put_int(out, s->calls, 0);
        put_cell(out, s->reason);
        put_cell(out, s->warnings);
        if (!ptv_section_readable(r, (ptv_section)i))
            continue;
        for (size_t f = 0; f < ptv_field_count; f++)
            if (ptv_fields[f].section == (ptv_section)i && ptv_fields[f].offset != offsetof(ptv_record, records))
                put_field(out, r, &ptv_fields[f]);
    }
    put_cell(out, ".");
}

/* ------------------------------------------------------------------------------------------- reader */

bool ptv_record_is_compact(const char *text, size_t len)
{
    return len >= 5 && memcmp(text, "PTV", 3) == 0 && text[3] >= '0' && text[3] <= '9';
}

typedef struct reader {
    ptv_record *r;
    ptv_arena *mem;
    char *start, *at, *end; /* the line, cut in place: each cell ends with a tab, made a NUL */
    bool escaped;           /* there is a backslash somewhere */
    bool full;              /* arena full */
    const char *wrong;      /* the first thing that was not as it should be */
    char *wrong_at;
} reader;

static void fail(reader *in, const char *wrong)
{
    if (in->wrong)
        return;
    in->wrong = wrong;
    in->wrong_at = in->at;
}

static void *need(reader *in, void *allocated)
{
    in->full = in->full || !allocated;
    return allocated;
}

static bool ok(const reader *in)
{
    return !in->wrong && !in->full;
}

static void unescape(reader *in, char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++) {
        if (*p != '\\') {
            *to++ = *p;
            continue;
        }
        p++;
        if (*p != 't' && *p != 'n' && *p != 'r' && *p != '\\') {
            fail(in, "a backslash before something that needs none");
            break;
        }
        *to++ = (char)(*p == 't' ? '\t' : *p == 'n' ? '\n' : *p == 'r' ? '\r' : '\\');
    }
    *to = '\0';
}

/* The next cell; "" too once something went wrong. */
static char *cell(reader *in)
{
    static char nothing[1];
    char *text = in->at, *tab = in->at < in->end ? memchr(in->at, '\t', (size_t)(in->end - in->at)) : NULL;
    if (!tab) {
        fail(in, "the line ends too early");
        return nothing;
    }
    *tab = '\0';
    in->at = tab + 1;
    if (in->escaped && memchr(text, '\\', (size_t)(tab - text)))
        unescape(in, text);
    return text;
}

static char *word_cell(reader *in)
{
    char *text = cell(in);
    return *text ? text : NULL;
}

/* Eight decimal digits at once, in three multiplications: a row has three times. */
static bool eight_digits(int64_t *out, const char *at)
{
    uint64_t x;
    memcpy(&x, at, sizeof x);
    x = le64toh(x);
    const uint64_t tops = UINT64_C(0xF0F0F0F0F0F0F0F0), zeros = UINT64_C(0x3030303030303030);
    if ((x & tops) != zeros || ((x + UINT64_C(0x0606060606060606)) & tops) != zeros)
        return false;
    x = ((x & UINT64_C(0x0F0F0F0F0F0F0F0F)) * (10 * 256 + 1)) >> 8;
    x = ((x & UINT64_C(0x00FF00FF00FF00FF)) * (100 * 65536 + 1)) >> 16;
    *out = (int64_t)(((x & UINT64_C(0x0000FFFF0000FFFF)) * ((UINT64_C(10000) << 32) + 1)) >> 32);
    return true;
}

/* A decimal number from `least` to `most`; an empty cell is `absent`. Read without looking for the tab first. */
static int64_t int_cell(reader *in, int64_t absent, int64_t least, int64_t most)
{
    char *p = in->at;
    bool minus = p < in->end && *p == '-';
    int64_t value = 0;
    if (p < in->end && *p == '\t') {
        in->at = p + 1;
        return absent;
    }
    p += minus;
    char *digits = p;
    while (p < in->end && *p >= '0' && *p <= '9' && p - digits < 18)
        value = value * 10 + (*p++ - '0');
    if (p == digits || p >= in->end || *p != '\t') {
        fail(in, p >= in->end ? "the line ends too early" : "not a number");
        return absent;
    }
    if (minus)
        value = -value;
    if (value < least || value > most) {
        fail(in, "a number out of its range");
        return absent;
    }
    in->at = p + 1;
    return value;
}

/* Between 2001 and 2286 a time has ten digits. */
static int64_t time_cell(reader *in)
{
    const char *p = in->at;
    int64_t high;
    if (in->end - p > 11 && p[10] == '\t' && p[8] >= '0' && p[8] <= '9' && p[9] >= '0' && p[9] <= '9' &&
        eight_digits(&high, p)) {
        in->at += 11;
        return high * 100 + (p[8] - '0') * 10 + (p[9] - '0');
    }
    return int_cell(in, PTV_NO_TIME, PTV_TIME_FIRST, PTV_TIME_LAST);
}

/* A count of things that take a cell each at least: never more than bytes are left. */
static size_t count_cell(reader *in)
{
    return (size_t)int_cell(in, 0, 0, in->end - in->at);
}

static bool is_folded(const char *text)
{
    const char *p = text;
    if (ptv_is_blank(*p))
        return false;
    for (; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            return false;
    return p > text && !ptv_is_blank(p[-1]);
}

/* Most sets are written as they are kept, folded and sorted: then one array serves as both. */
static void items_cells(reader *in, ptv_set *out, size_t count)
{
    const char **shown = need(in, ptv_arena_alloc(in->mem, (count + 1) * sizeof *shown));
    bool kept_form = true;
    for (size_t i = 0; i < count && ok(in); i++) {
        shown[i] = cell(in);
        kept_form = kept_form && is_folded(shown[i]) && (i == 0 || strcmp(shown[i - 1], shown[i]) < 0);
    }
    if (!ok(in))
        return;
    if (kept_form)
        *out = (ptv_set){ shown, count, shown, count };
    else
        in->full = !ptv_set_build(out, in->mem, shown, count);
}

static void set_cells(reader *in, ptv_set *out)
{
    if (in->at < in->end && *in->at == '\t') {
        in->at++;
        return;
    }
    items_cells(in, out, count_cell(in));
}

/* "+2 a b": a list, from now on known; "3": the third last list that became known; empty: absent. */
static void sources_cells(reader *in, ptv_set *out, ptv_set seen[LISTS_SEEN], size_t *lists)
{
    if (in->at < in->end && *in->at == '+') {
        in->at++;
        items_cells(in, out, count_cell(in));
        seen[(*lists)++ % LISTS_SEEN] = *out;
        return;
    }
    bool one_digit = *in->at >= '1' && *in->at <= '9' && in->at[1] == '\t';
    size_t back = one_digit ? (size_t)(*in->at - '0') : (size_t)int_cell(in, 0, 1, LISTS_SEEN);
    in->at += one_digit ? 2 : 0;
    if (back > *lists)
        fail(in, "points back to a list of sources that is not there");
    else if (back > 0)
        *out = seen[(*lists - back) % LISTS_SEEN];
}

/* A cell of the row before. Rows share names and types: then the same text serves, and whoever compares them sees one
 * pointer. */
typedef struct word_before {
    const char *text;
    size_t len;
} word_before;

static const char *word_like(reader *in, word_before *before)
{
    if (before->text && in->at + before->len < in->end && memcmp(in->at, before->text, before->len) == 0 &&
        in->at[before->len] == '\t') {
        in->at += before->len + 1;
        return before->text;
    }
    char *text = word_cell(in);
    *before = (word_before){ in->escaped ? NULL : text, text ? strlen(text) : 0 };
    return text;
}

static const char *type_cell(reader *in, word_before *before, const char **type)
{
    const char *was = before->text, *text = word_like(in, before);
    if (text && text != was && !(*type = ptv_dns_type(in->mem, text)))
        need(in, NULL);
    return text ? *type : NULL;
}

static void rows_cells(reader *in)
{
    ptv_set seen[LISTS_SEEN];
    size_t lists = 0;
    word_before value = { 0 }, type_word = { 0 };
    const char *type = NULL;
    if (in->at < in->end && *in->at == '\t') {
        in->at++;
        return;
    }
    size_t count = count_cell(in);
    if (count > PTV_DNS_KEPT)
        fail(in, "more records than one may hold (10,000)");
    if (!ok(in))
        return;
    ptv_dns *rows = need(in, ptv_arena_alloc(in->mem, (count + 1) * sizeof *rows));
    const ptv_dns **list = need(in, ptv_arena_alloc(in->mem, (count + 1) * sizeof(const ptv_dns *)));
    for (size_t i = 0; i < count && ok(in); i++) {
        ptv_dns *row = &rows[i];
        row->value = word_like(in, &value);
        row->type = type_cell(in, &type_word, &type);
        row->resolve = word_cell(in);
        row->first_seen = time_cell(in);
        row->last_seen = time_cell(in);
        row->collected = time_cell(in);
        row->live = *in->at == '\t' ? (in->at++, false) : int_cell(in, 0, 0, 1) == 1; /* a NUL stands behind the line */
        row->sources = (ptv_set){ 0 };
        sources_cells(in, &row->sources, seen, &lists);
        list[i] = row;
    }
    if (ok(in))
        in->full = !ptv_record_set_rows(in->r, in->mem, list, count);
}

static void field_cells(reader *in, const ptv_field *f)
{
    void *at = (char *)in->r + f->offset;
    const char *text;
    switch (f->type) {
    case PTV_WORD:
    case PTV_URI:
        *(ptv_c_WORD *)at = word_cell(in);
        break;
    case PTV_ENUM: /* the table's own pointers */
        text = word_cell(in);
        for (size_t i = 0; text && f->values[i]; i++)
            if (strcmp(text, f->values[i]) == 0)
                *(ptv_c_ENUM *)at = f->values[i];
        if (text && !*(ptv_c_ENUM *)at)
            fail(in, "no such word");
        break;
    case PTV_NUMBER:
        *(ptv_c_NUMBER *)at = int_cell(in, -1, 0, INT64_MAX);
        break;
    case PTV_YESNO:
        *(ptv_c_YESNO *)at = (ptv_c_YESNO)int_cell(in, -1, 0, 1);
        break;
    case PTV_TIME:
        *(ptv_c_TIME *)at = time_cell(in);
        break;
    case PTV_SET:
        set_cells(in, at);
        break;
    case PTV_RECORDS:
        rows_cells(in);
        break;
    }
}

static void info_cells(reader *in, ptv_section_info *s)
{
    const char *cause;
    if (!ptv_state_parse(&s->state, cell(in)))
        fail(in, "no such state");
    cause = word_cell(in);
    if (cause && !ptv_cause_parse(&s->cause, cause))
        fail(in, "no such cause");
    s->source = word_cell(in);
    s->http = (int)int_cell(in, 0, 0, 999999);
    s->fetched_at = time_cell(in);
    s->retry_after_s = int_cell(in, -1, 0, INT64_MAX);
    s->age_s = int_cell(in, 0, 0, INT64_MAX);
    s->calls = (unsigned)int_cell(in, 0, 0, 999999);
    s->reason = word_cell(in);
    s->warnings = word_cell(in);
}

static bool is_field(const ptv_field *f, ptv_section s, const char *name)
{
    return f->section == s && f->offset != offsetof(ptv_record, records) && strcmp(f->name, name) == 0;
}

/* The fields of a section, in the table's order as a rule: the next one is tried first. */
static const ptv_field *field_find(ptv_section s, const char *name, const ptv_field *next)
{
    if (next < ptv_fields + ptv_field_count && is_field(next, s, name))
        return next;
    for (size_t i = 0; i < ptv_field_count; i++)
        if (is_field(&ptv_fields[i], s, name))
            return &ptv_fields[i];
    return NULL;
}

/* "@tags" and what follows it, up to the next "@…" or the end mark, whose cell is returned. */
static const char *section_cells(reader *in, const char *name, ptv_sections *done)
{
    const ptv_field *f = ptv_fields;
    int s = __builtin_popcount(*done); /* in the table's order as a rule */
    if (s == PTV_SECTION_COUNT || strcmp(ptv_section_name((ptv_section)s), name + 1) != 0)
        for (s = 0; s < PTV_SECTION_COUNT && strcmp(ptv_section_name((ptv_section)s), name + 1) != 0; s++)
            continue;
    if (s == PTV_SECTION_COUNT || (*done & PTV_BIT(s))) {
        fail(in, s == PTV_SECTION_COUNT ? "no such section" : "a section given twice");
        return NULL;
    }
    *done |= PTV_BIT(s);
    info_cells(in, &in->r->sections[s]);
    bool readable = ptv_section_readable(in->r, (ptv_section)s);
    uint64_t given = 0;
    for (name = cell(in); ok(in) && *name != '@' && strcmp(name, ".") != 0; name = cell(in)) {
        f = readable ? field_find((ptv_section)s, name, f) : NULL;
        uint64_t bit = f ? UINT64_C(1) << ((f - ptv_fields) & 63) : 0;
        if (!f || (given & bit)) {
            fail(in, !readable ? "a value in a section that was not read" : f ? "a field given twice" : "no such field");
            return NULL;
        }
        given |= bit;
        field_cells(in, f++);
        if (f < ptv_fields + ptv_field_count && f->offset == offsetof(ptv_record, records))
            f++;
    }
    if (readable && !given)
        fail(in, "a section that is ok, but no field of it");
    return name;
}

/* The line, copied: a tab behind the last cell too. Its end may be "\n" or "\r\n". */
static ptv_code open_line(reader *in, const char *text, size_t len, ptv_error *err)
{
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    if (!ptv_record_is_compact(text, len))
        return ptv_fail(err, PTV_EINVAL, "not a compact record: it begins with PTV1 and a tab");
    if (memcmp(text, "PTV1\t", 5) != 0)
        return ptv_fail(err, PTV_EINVAL, "compact record of another version; this one reads PTV1");
    if (memchr(text, '\n', len) || memchr(text, '\0', len) || !ptv_utf8_valid(text, len))
        return ptv_fail(err, PTV_EINVAL, "compact record: not one line of UTF-8 text");
    in->start = ptv_arena_alloc(in->mem, len + 2);
    if (!in->start)
        return ptv_arena_fail(in->mem, err);
    memcpy(in->start, text, len);
    in->start[len] = '\t';
    in->start[len + 1] = '\0';
    in->at = in->start + 5;
    in->end = in->start + len + 1;
    in->escaped = memchr(text, '\\', len) != NULL;
    return PTV_OK;
}

static ptv_code open_record(reader *in, ptv_error *err)
{
    ptv_artifact *artifact = ptv_arena_alloc(in->mem, sizeof *artifact);
    in->r = ptv_arena_alloc(in->mem, sizeof *in->r);
    if (!artifact || !in->r)
        return ptv_arena_fail(in->mem, err);
    const char *text = cell(in), *type = cell(in);
    ptv_code rc = ptv_artifact_parse(artifact, in->mem, text, strlen(text), type, err);
    if (rc)
        return ptv_wrap(err, "compact record");
    ptv_record_init(in->r, artifact);
    in->r->fetched_at = time_cell(in);
    in->r->link = word_cell(in);
    return PTV_OK;
}

static ptv_code explain(const reader *in, ptv_error *err)
{
    size_t number = 1;
    if (in->full)
        return ptv_arena_fail(in->mem, err);
    for (const char *p = in->start; p < in->wrong_at; p++)
        number += *p == '\t' || *p == '\0';
    return ptv_fail(err, PTV_EINVAL, "compact record: near cell %zu: %s", number, in->wrong);
}

ptv_code ptv_record_read_compact(ptv_record **out, ptv_arena *mem, const char *text, size_t len, ptv_error *err)
{
    reader in = { .mem = mem };
    ptv_sections done = 0;
    ptv_code rc = open_line(&in, text, len, err);
    if (!rc)
        rc = open_record(&in, err);
    if (rc)
        return rc;
    const char *name = cell(&in);
    while (ok(&in) && *name == '@')
        name = section_cells(&in, name, &done);
    if (ok(&in) && (strcmp(name, ".") != 0 || in.at != in.end))
        fail(&in, "a '.' ends the line");
    if (ok(&in) && done != PTV_BIT(PTV_SECTION_COUNT) - 1)
        fail(&in, "a section is missing");
    if (!ok(&in))
        return explain(&in, err);
    *out = in.r;
    return PTV_OK;
}
