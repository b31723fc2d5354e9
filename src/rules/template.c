/*
 * template.c: notes and hit values rendered from a record.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/template.h"

#include "base/clock.h"
#include "base/text.h"
#include "rules/explain.h"

typedef enum { VALUE_THERE, VALUE_ABSENT, VALUE_UNREAD } value_state;

static void put_text(ptv_buf *out, const ptv_show *s, const char *text, size_t len)
{
    if (s->raw)
        ptv_buf_append(out, text, len);
    else
        ptv_escape_terminal(out, text, len);
}

/* The first n characters; bytes that are not UTF-8 count one each. */
static size_t prefix_bytes(const char *text, int64_t n)
{
    size_t len = strlen(text), at = 0;
    for (; n > 0 && at < len; n--) {
        uint32_t point;
        size_t step = ptv_utf8_next(&point, text + at, len - at);
        at += step ? step : 1;
    }
    return at;
}

static void put_word(ptv_buf *out, const ptv_show *s, const ptv_piece *p, const char *text)
{
    int64_t utc;
    char day[32];
    if (p->show == PTV_SHOW_DATE && ptv_time_parse(&utc, text, 0)) {
        ptv_time_format_day(day, utc);
        ptv_buf_puts(out, day);
        return;
    }
    put_text(out, s, text, p->first >= 0 ? prefix_bytes(text, p->first) : strlen(text));
}

static void put_number(ptv_buf *out, const ptv_show *s, const ptv_piece *p, int64_t n)
{
    char digits[24];
    size_t len = ptv_int_format(digits, n);
    bool marks = p->show == PTV_SHOW_NUMBER && !s->raw;
    for (size_t i = 0; i < len; i++) {
        if (marks && i && (len - i) % 3 == 0)
            ptv_buf_putc(out, ',');
        ptv_buf_putc(out, digits[i]);
    }
}

static size_t most_of(const ptv_piece *p)
{
    return p->first >= 0 ? (size_t)p->first : SIZE_MAX;
}

static value_state put_set(ptv_buf *out, const ptv_show *s, const ptv_piece *p, const ptv_set *set)
{
    if (!set->items)
        return VALUE_ABSENT;
    if (p->show == PTV_SHOW_NUMBER) {
        put_number(out, s, p, (int64_t)set->count);
        return VALUE_THERE;
    }
    const char *const *items = set->shown ? set->shown : set->items;
    size_t count = set->shown ? set->shown_count : set->count;
    if (!count)
        return VALUE_ABSENT;
    ptv_list_write(out, items, count, most_of(p), !s->raw);
    return VALUE_THERE;
}

/* `A 192.0.2.1, CNAME b.example` as a list, the number of rows otherwise. */
static value_state put_records(ptv_buf *out, const ptv_show *s, const ptv_piece *p, const ptv_dns_list *list)
{
    if (!list->rows)
        return VALUE_ABSENT;
    if (p->show != PTV_SHOW_LIST && p->first < 0) {
        put_number(out, s, p, (int64_t)list->count);
        return VALUE_THERE;
    }
    ptv_arena *mem = s->trial->mem;
    size_t count = list->count < most_of(p) ? list->count : most_of(p), kept = 0;
    if (!count)
        return VALUE_ABSENT;
    const char **items = ptv_arena_calloc(mem, count, sizeof *items);
    for (size_t i = 0; i < count && items; i++) {
        const ptv_dns *row = list->rows[i];
        char *item = ptv_arena_printf(mem, "%s%s%s", row->type ? row->type : "", row->type && row->resolve ? " " : "",
                                      row->resolve ? row->resolve : "");
        if (!item)
            items = NULL;
        else if (*item)
            items[kept++] = item;
    }
    if (!items) {
        s->trial->rc = ptv_arena_fail(mem, s->trial->err);
        return VALUE_ABSENT;
    }
    ptv_list_write(out, items, kept, SIZE_MAX, !s->raw);
    return kept ? VALUE_THERE : VALUE_ABSENT;
}

static void put_time(ptv_buf *out, const ptv_piece *p, int64_t t)
{
    char text[32];
    if (p->show == PTV_SHOW_DATE)
        ptv_time_format_day(text, t);
    else
        ptv_time_format(text, t);
    ptv_buf_puts(out, text);
}

static value_state put_field(ptv_buf *out, const ptv_show *s, const ptv_piece *p)
{
    const ptv_record *r = s->trial->record;
    if (!ptv_trial_readable(s->trial, p->field->section))
        return VALUE_UNREAD;
    if (ptv_field_absent(r, p->field))
        return VALUE_ABSENT;
    switch (p->field->type) {
    case PTV_WORD:
    case PTV_ENUM:
    case PTV_URI:
        put_word(out, s, p, *PTV_FIELD_AT(r, p->field, WORD));
        break;
    case PTV_NUMBER:
        put_number(out, s, p, *PTV_FIELD_AT(r, p->field, NUMBER));
        break;
    case PTV_YESNO:
        ptv_buf_puts(out, *PTV_FIELD_AT(r, p->field, YESNO) == 1 ? "yes" : "no");
        break;
    case PTV_TIME:
        put_time(out, p, *PTV_FIELD_AT(r, p->field, TIME));
        break;
    case PTV_SET:
        return put_set(out, s, p, PTV_FIELD_AT(r, p->field, SET));
    case PTV_RECORDS:
        return put_records(out, s, p, PTV_FIELD_AT(r, p->field, RECORDS));
    }
    return VALUE_THERE;
}

/* ---------------------------------------------------------------------------------------------- matched */

/* Mark the items of the set that a positive test below `c`, itself yes, was looking for. */
static void mark_matched(bool *marks, const ptv_show *s, const ptv_field *field, const ptv_cond *c)
{
    if (c->op == PTV_OP_NONE)
        return;
    for (size_t i = 0; i < c->kid_count; i++)
        mark_matched(marks, s, field, c->kids[i]);
    bool looks = c->op == PTV_OP_HAS_ANY || c->op == PTV_OP_HAS_ALL || c->op == PTV_OP_LIKE_ANY;
    ptv_why ignored = 0;
    if (!looks || c->field != field || ptv_leaf_test(s->trial, c, &ignored) != PTV_YES)
        return;
    ptv_set_mark(marks, c, PTV_FIELD_AT(s->trial->record, field, SET));
}

static value_state put_matched(ptv_buf *out, const ptv_show *s, const ptv_piece *p)
{
    if (!ptv_trial_readable(s->trial, p->field->section))
        return VALUE_UNREAD;
    const ptv_set *set = PTV_FIELD_AT(s->trial->record, p->field, SET);
    if (!set->count || !s->reached)
        return VALUE_ABSENT;
    ptv_arena *mem = s->trial->mem;
    bool *marks = ptv_arena_calloc(mem, set->count, sizeof *marks);
    const char **items = ptv_arena_calloc(mem, set->count, sizeof *items);
    if (!marks || !items) {
        s->trial->rc = ptv_arena_fail(mem, s->trial->err);
        return VALUE_ABSENT;
    }
    mark_matched(marks, s, p->field, s->reached);
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++)
        if (marks[i])
            items[count++] = set->items[i];
    if (!count)
        return VALUE_ABSENT;
    if (p->show == PTV_SHOW_NUMBER)
        put_number(out, s, p, (int64_t)count);
    else
        ptv_list_write(out, items, count, most_of(p), !s->raw);
    return VALUE_THERE;
}

/* ------------------------------------------------------------------------------------------------ lines */

static value_state put_piece(ptv_buf *out, const ptv_show *s, const ptv_piece *p)
{
    switch (p->word) {
    case PTV_PH_SEVERITY:
        ptv_buf_puts(out, ptv_level_name(s->severity));
        return VALUE_THERE;
    case PTV_PH_REASON:
        put_word(out, s, p, s->reason);
        return VALUE_THERE;
    case PTV_PH_MATCHED:
        return put_matched(out, s, p);
    case PTV_PH_FIELD:
        break;
    }
    return put_field(out, s, p);
}

bool ptv_template_line_write(ptv_buf *out, const ptv_show *s, const ptv_template_line *line)
{
    bool complete = true;
    for (size_t i = 0; i < line->count && !out->failed; i++) {
        const ptv_piece *p = &line->pieces[i];
        if (p->literal) {
            ptv_buf_puts(out, p->literal);
            continue;
        }
        value_state state = put_piece(out, s, p);
        if (state == VALUE_THERE)
            continue;
        if (p->otherwise) {
            ptv_buf_puts(out, p->otherwise);
            continue;
        }
        ptv_buf_puts(out, state == VALUE_UNREAD ? "(not read)" : "(none)");
        complete = false;
    }
    return complete;
}

void ptv_template_write(ptv_buf *out, const ptv_show *s, const ptv_template *t)
{
    ptv_buf line = PTV_BUF(out->limit_bytes - out->len);
    bool first = true;
    for (size_t i = 0; i < t->count && !out->failed && !s->trial->rc; i++) {
        ptv_buf_clear(&line);
        bool complete = ptv_template_line_write(&line, s, &t->lines[i]);
        if (t->lines[i].optional && !complete)
            continue;
        if (!first)
            ptv_buf_putc(out, '\n');
        ptv_buf_append(out, line.data ? line.data : "", line.len);
        if (line.failed)
            out->failed = line.failed;
        first = false;
    }
    ptv_buf_release(&line);
}
