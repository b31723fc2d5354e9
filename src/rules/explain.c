/*
 * explain.c: conditions in words, for people who ask why.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/explain.h"

#include "base/clock.h"
#include "base/text.h"

enum {
    MOST_SHOWN = 5,       /* items of a set in a reason */
    MOST_CLAUSES = 4,     /* conditions in a reason */
    MOST_VALUE = 200,     /* bytes of one value in a reason */
    MOST_LIST = 64 * 1024 /* bytes of one list in a note */
};

const char *ptv_words_keep(ptv_trial *e, ptv_buf *text)
{
    const char *kept = NULL;
    if (text->failed)
        e->rc = ptv_buf_check(text, e->err);
    else if (!(kept = ptv_arena_strdup(e->mem, text->data && text->len ? text->data : "")))
        e->rc = ptv_arena_fail(e->mem, e->err);
    ptv_buf_clear(text);
    return kept;
}

/* ----------------------------------------------------------------------------------------------- values */

/* A text from outside, cut at a character. */
static void put_value(ptv_buf *out, const char *text)
{
    size_t len = strlen(text), shown = len;
    if (len > MOST_VALUE) {
        shown = MOST_VALUE;
        while (shown > MOST_VALUE - 4 && ((unsigned char)text[shown] & 0xC0) == 0x80)
            shown--;
    }
    ptv_escape_terminal(out, text, shown);
    if (shown < len)
        ptv_buf_puts(out, "…");
}

void ptv_list_write(ptv_buf *out, const char *const *items, size_t count, size_t most, bool escaped)
{
    size_t start = out->len, i = 0;
    for (; i < count && i < most; i++) {
        size_t len = strlen(items[i]);
        if (i && out->len - start + len > MOST_LIST)
            break;
        if (i)
            ptv_buf_puts(out, ", ");
        if (escaped)
            ptv_escape_terminal(out, items[i], len);
        else
            ptv_buf_append(out, items[i], len);
    }
    if (i < count && i < most) /* cut by size, not by wish */
        ptv_buf_printf(out, " and %zu more", count - i);
}

static void put_few(ptv_buf *out, const char *const *items, size_t count)
{
    for (size_t i = 0; i < count && i < MOST_SHOWN; i++) {
        if (i)
            ptv_buf_puts(out, ", ");
        put_value(out, items[i]);
    }
    if (count > MOST_SHOWN)
        ptv_buf_printf(out, " and %zu more", count - MOST_SHOWN);
}

static void put_int(ptv_buf *out, int64_t n)
{
    char digits[24];
    ptv_buf_append(out, digits, ptv_int_format(digits, n));
}

static void put_number(ptv_buf *out, double n)
{
    if (n >= INT32_MIN && n <= INT32_MAX && n == (double)(int32_t)n) /* as nearly all are */
        put_int(out, (int32_t)n);
    else
        ptv_buf_printf(out, "%.15g", n);
}

static void put_time(ptv_buf *out, const ptv_cond *c, int64_t t)
{
    char text[32];
    if (c->args.by_day || c->op == PTV_OP_BEFORE || c->op == PTV_OP_AFTER)
        ptv_time_format_day(text, t);
    else
        ptv_time_format(text, t);
    ptv_buf_puts(out, text);
}

/* A field that was read and is not absent. */
static void put_field(ptv_buf *out, ptv_trial *e, const ptv_cond *c)
{
    const ptv_record *r = e->record;
    switch (c->field->type) {
    case PTV_WORD:
    case PTV_ENUM:
    case PTV_URI:
        put_value(out, *PTV_FIELD_AT(r, c->field, WORD));
        break;
    case PTV_NUMBER:
        put_int(out, *PTV_FIELD_AT(r, c->field, NUMBER));
        break;
    case PTV_YESNO:
        ptv_buf_puts(out, *PTV_FIELD_AT(r, c->field, YESNO) == 1 ? "yes" : "no");
        break;
    case PTV_TIME:
        put_time(out, c, *PTV_FIELD_AT(r, c->field, TIME));
        break;
    case PTV_SET: {
        const ptv_set *set = PTV_FIELD_AT(r, c->field, SET);
        if (set->count)
            put_few(out, set->items, set->count);
        else
            ptv_buf_puts(out, "none");
        break;
    }
    case PTV_RECORDS: {
        size_t all = PTV_FIELD_AT(r, c->field, RECORDS)->count, passing = ptv_rows_passing(e, c, SIZE_MAX);
        if (c->filter_count)
            ptv_buf_printf(out, "%zu of ", passing);
        ptv_buf_printf(out, "%zu row%s", all, all == 1 ? "" : "s");
        break;
    }
    }
}

/* ---------------------------------------------------------------------------------------- what is missing */

void ptv_trouble_write(ptv_buf *out, const ptv_trial *e, ptv_section s)
{
    const ptv_section_info *info = &e->record->sections[s];
    char age[32];
    if (info->state == PTV_STATE_STALE) {
        ptv_duration_format(age, info->age_s);
        ptv_buf_printf(out, "stale, %s old", age);
    } else if (info->reason) {
        put_value(out, info->reason);
    } else if (info->state == PTV_STATE_UNSUPPORTED) {
        ptv_buf_puts(out, "no configured source knows it");
    } else {
        ptv_buf_puts(out, info->state == PTV_STATE_FAILED       ? "failed"
                          : info->state == PTV_STATE_NOT_NEEDED ? "not needed when it was asked"
                                                                : "not asked");
    }
}

void ptv_troubles_write(ptv_buf *out, const ptv_trial *e, ptv_sections sections)
{
    const char *comma = "";
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        if (!(sections & PTV_BIT(s)))
            continue;
        ptv_buf_printf(out, "%s%s (", comma, ptv_section_name((ptv_section)s));
        ptv_trouble_write(out, e, (ptv_section)s);
        ptv_buf_puts(out, ")");
        comma = ", ";
    }
}

static const ptv_said *find_said(const ptv_trial *e, const ptv_cond *c, bool error)
{
    if (c->op == PTV_OP_CUSTOM) {
        const ptv_said *said = ptv_said_by(e, c);
        return said && said->error == error ? said : NULL;
    }
    for (size_t i = 0; i < c->kid_count; i++) {
        const ptv_said *said = find_said(e, c->kids[i], error);
        if (said)
            return said;
    }
    return NULL;
}

static void put_said(ptv_buf *out, const ptv_trial *e, bool error, const char *otherwise, const ptv_level_rule *where,
                     size_t count)
{
    const ptv_said *said = NULL;
    for (size_t i = 0; i < count && !said; i++)
        said = find_said(e, where[i].when, error);
    if (said && said->text)
        ptv_escape_terminal(out, said->text, strlen(said->text));
    else
        ptv_buf_puts(out, otherwise);
}

void ptv_why_write(ptv_buf *out, const ptv_trial *e, ptv_why why, const ptv_level_rule *where, size_t count)
{
    const char *between = "";
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        if (!(why & PTV_BIT(s)))
            continue;
        ptv_buf_printf(out, "%s%s: ", between, ptv_section_name((ptv_section)s));
        ptv_trouble_write(out, e, (ptv_section)s);
        between = "; ";
    }
    if (why & PTV_WHY_TRUNCATED) {
        ptv_buf_printf(out, "%spassive_dns: more records exist than were sent", between);
        between = "; ";
    }
    if (why & PTV_WHY_ERROR) {
        ptv_buf_puts(out, between);
        put_said(out, e, true, "a custom condition failed", where, count);
        between = "; ";
    }
    if (why & PTV_WHY_CUSTOM) {
        ptv_buf_puts(out, between);
        put_said(out, e, false, "a custom condition could not say", where, count);
    }
}

/* ---------------------------------------------------------------------------------------------- reasons */

static void put_set_reason(ptv_buf *out, ptv_trial *e, const ptv_cond *c)
{
    const ptv_set *set = PTV_FIELD_AT(e->record, c->field, SET);
    ptv_buf_puts(out, " has ");
    if (c->op == PTV_OP_HAS_NONE) {
        ptv_buf_puts(out, "none of ");
        put_few(out, c->args.words, c->args.word_count);
        return;
    }
    if (c->op == PTV_OP_COUNT_AT_LEAST) {
        ptv_buf_printf(out, "%zu, at least ", set->count);
        put_number(out, c->args.low);
        return;
    }
    bool *marks = ptv_arena_calloc(e->mem, set->count + 1, sizeof *marks);
    if (!marks) {
        e->rc = ptv_arena_fail(e->mem, e->err);
        return;
    }
    ptv_set_mark(marks, c, set);
    size_t found = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (!marks[i] || found++ >= MOST_SHOWN)
            continue;
        if (found > 1)
            ptv_buf_puts(out, ", ");
        put_value(out, set->items[i]);
    }
    if (found > MOST_SHOWN)
        ptv_buf_printf(out, " and %zu more", found - MOST_SHOWN);
}

/* The bound beside the value: ", at least 10". Nothing where the value says it all. */
static void put_bound(ptv_buf *out, const ptv_cond *c)
{
    char text[32];
    switch (c->op) {
    case PTV_OP_AT_LEAST:
        ptv_buf_puts(out, ", at least ");
        put_number(out, c->args.low);
        break;
    case PTV_OP_AT_MOST:
        ptv_buf_puts(out, ", at most ");
        put_number(out, c->args.high);
        break;
    case PTV_OP_BETWEEN:
        ptv_buf_puts(out, ", between ");
        put_number(out, c->args.low);
        ptv_buf_puts(out, " and ");
        put_number(out, c->args.high);
        break;
    case PTV_OP_WITHIN:
    case PTV_OP_OLDER_THAN:
        ptv_buf_puts(out, c->op == PTV_OP_WITHIN ? ", within " : ", older than ");
        if (c->args.by_day) {
            put_int(out, c->args.span_s / PTV_DAY_S);
            ptv_buf_putc(out, 'd');
        } else {
            ptv_duration_format(text, c->args.span_s);
            ptv_buf_puts(out, text);
        }
        break;
    case PTV_OP_BEFORE:
    case PTV_OP_AFTER:
        ptv_time_format_day(text, c->args.day * PTV_DAY_S);
        ptv_buf_printf(out, ", %s %s", ptv_op_name(c->op), text);
        break;
    case PTV_OP_IS_NOT:
        ptv_buf_puts(out, ", not ");
        put_few(out, c->args.words, c->args.word_count);
        break;
    case PTV_OP_LIKE:
        ptv_buf_puts(out, ", like ");
        put_few(out, c->args.words, c->args.word_count);
        break;
    case PTV_OP_IN_LIST:
    case PTV_OP_IN_ZONE:
    case PTV_OP_IN_CIDR:
        ptv_buf_printf(out, ", on the list (%s)", c->text);
        break;
    default:
        break;
    }
}

static void put_leaf_reason(ptv_buf *out, ptv_trial *e, const ptv_cond *c)
{
    if (c->op == PTV_OP_CUSTOM) {
        const ptv_said *said = ptv_said_by(e, c);
        if (said && said->text)
            put_value(out, said->text);
        else
            ptv_buf_puts(out, "a custom condition holds");
        return;
    }
    ptv_buf_puts(out, c->field->name);
    if (c->op == PTV_OP_IS_MISSING || c->op == PTV_OP_IS_PRESENT) {
        ptv_buf_puts(out, c->op == PTV_OP_IS_MISSING ? " is missing" : " is present");
        return;
    }
    if (c->field->type == PTV_SET) {
        put_set_reason(out, e, c);
        return;
    }
    ptv_buf_puts(out, c->field->type == PTV_RECORDS ? ": " : " is ");
    if (ptv_field_absent(e->record, c->field))
        ptv_buf_puts(out, "absent");
    else
        put_field(out, e, c);
    put_bound(out, c);
}

static void put_reason(ptv_buf *out, ptv_trial *e, const ptv_cond *c, size_t *clauses);

/* Of a combinator that is yes, the kids that made it so, in the order in which they were evaluated. */
static void put_kids(ptv_buf *out, ptv_trial *e, const ptv_cond *c, size_t *clauses)
{
    size_t wanted = c->op == PTV_OP_ANY ? 1 : c->op == PTV_OP_ALL ? c->kid_count : (size_t)c->args.low, yes = 0;
    for (size_t i = 0; i < c->kid_count && yes < wanted && *clauses < MOST_CLAUSES && !e->rc; i++) {
        ptv_why ignored = 0;
        if (ptv_cond_eval(e, c->kids[i], &ignored) != PTV_YES)
            continue;
        yes++;
        put_reason(out, e, c->kids[i], clauses);
    }
}

static void put_reason(ptv_buf *out, ptv_trial *e, const ptv_cond *c, size_t *clauses)
{
    if (c->op == PTV_OP_NONE)
        return; /* what did not happen is said only when there is nothing else */
    if (!ptv_cond_is_leaf(c)) {
        put_kids(out, e, c, clauses);
        return;
    }
    if (*clauses >= MOST_CLAUSES)
        return;
    if ((*clauses)++)
        ptv_buf_puts(out, "; ");
    put_leaf_reason(out, e, c);
}

void ptv_reason_write(ptv_buf *out, ptv_trial *e, const ptv_cond *c)
{
    size_t clauses = 0;
    put_reason(out, e, c, &clauses);
    if (!clauses)
        ptv_buf_puts(out, "nothing that was excluded holds");
}

/* ------------------------------------------------------------------------------------------------ trace */

static void put_seen(ptv_buf *out, ptv_trial *e, const ptv_cond *c, ptv_truth t, ptv_why why)
{
    if (why & (PTV_WHY_SECTIONS | PTV_WHY_ERROR)) {
        ptv_why_write(out, e, why, &(ptv_level_rule){ .when = c }, 1);
    } else if (c->op == PTV_OP_CUSTOM) {
        const ptv_said *said = ptv_said_by(e, c);
        if (said && said->text)
            put_value(out, said->text);
        else
            ptv_buf_puts(out, t == PTV_YES ? "true" : t == PTV_NO ? "false" : "nil");
    } else {
        if (ptv_field_absent(e->record, c->field))
            ptv_buf_puts(out, "absent");
        else
            put_field(out, e, c);
        if (ptv_trial_is_cut(e, c->field))
            ptv_buf_puts(out, " (more records exist)");
        if (t == PTV_UNSURE && !why) /* a time test without a time to judge by */
            ptv_buf_puts(out, " (needs --now)");
    }
}

static ptv_truth trace_leaf(ptv_trace *out, ptv_trial *e, const ptv_cond *c, ptv_buf *text)
{
    ptv_why why = 0;
    ptv_truth t = ptv_leaf_test(e, c, &why);
    if (!e->rc) {
        put_seen(text, e, c, t, why);
        out->seen = ptv_words_keep(e, text);
    }
    return ptv_cond_note(e, c, t);
}

static ptv_truth trace_node(ptv_trace *out, ptv_trial *e, const ptv_cond *c, ptv_buf *text)
{
    *out = (ptv_trace){ .text = c->text, .file = c->file, .line = c->line };
    if (ptv_cond_is_leaf(c))
        return out->truth = trace_leaf(out, e, c, text);
    ptv_trace *kids = ptv_arena_calloc(e->mem, c->kid_count, sizeof *kids);
    if (!kids) {
        e->rc = ptv_arena_fail(e->mem, e->err);
        return PTV_UNSURE;
    }
    size_t yes = 0, unsure = 0;
    for (size_t i = 0; i < c->kid_count && !e->rc; i++) {
        ptv_truth t = trace_node(&kids[i], e, c->kids[i], text);
        yes += t == PTV_YES;
        unsure += t == PTV_UNSURE;
    }
    out->kids = kids;
    out->kid_count = c->kid_count;
    return out->truth = ptv_cond_note(e, c, ptv_kleene(c, c->kid_count, yes, unsure));
}

const ptv_trace *ptv_trace_rule(ptv_trial *e, const ptv_rule *rule)
{
    ptv_trace *roots = ptv_arena_calloc(e->mem, rule->level_count, sizeof *roots);
    if (!roots) {
        e->rc = ptv_arena_fail(e->mem, e->err);
        return NULL;
    }
    ptv_buf text = PTV_BUF(1 << 20);
    for (size_t i = 0; i < rule->level_count && !e->rc; i++) {
        const ptv_level_rule *level = &rule->levels[i];
        trace_node(&roots[i], e, level->when, &text);
        if (rule->level_count > 1) {
            roots[i].text = ptv_arena_printf(e->mem, "%s: %s", ptv_level_name(level->level), level->when->text);
            if (!roots[i].text)
                e->rc = ptv_arena_fail(e->mem, e->err);
        }
    }
    ptv_buf_release(&text);
    return e->rc ? NULL : roots;
}

void ptv_trace_note(ptv_trial *e, const ptv_cond *c)
{
    ptv_buf text = PTV_BUF(1 << 20);
    ptv_trace dropped;
    trace_node(&dropped, e, c, &text);
    ptv_buf_release(&text);
}
