/*
 * cond.c: the tests that rules are made of, and the three-valued logic that joins them.
 *
 * Absent (answered, null) makes a positive test no and has_none, is_not, is_missing yes; a section that was not read
 * makes every test unsure. Nothing here allocates unless a custom condition runs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/cond.h"

#include "base/clock.h"
#include "base/text.h"
#include "rules/sandbox.h"

#include <math.h>

void ptv_trial_init(ptv_trial *e, ptv_arena *mem, const ptv_record *record, const ptv_judge *how, ptv_error *err)
{
    *e = (ptv_trial){ .record = record,
                      .mem = mem,
                      .now = record->now,
                      .now_day = record->now == PTV_NO_TIME ? 0 : ptv_day_of(record->now),
                      .truncated = record->truncated == 1,
                      .time_required = how->time_required || record->now == PTV_NO_TIME,
                      .invert = how->invert,
                      .truths = how->truths,
                      .err = err };
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        ptv_state state = record->sections[s].state;
        if (state == PTV_STATE_OK || (state == PTV_STATE_STALE && !how->stale_is_unknown))
            e->readable |= PTV_BIT(s);
    }
}

bool ptv_trial_readable(const ptv_trial *e, ptv_section s)
{
    return s == PTV_ALWAYS || (e->readable & PTV_BIT(s));
}

static ptv_truth truth(bool yes)
{
    return yes ? PTV_YES : PTV_NO;
}

static ptv_truth unsure(ptv_why *why, ptv_why because)
{
    *why |= because;
    return PTV_UNSURE;
}

/* ------------------------------------------------------------------------------------------------- text */

/* ptv_is_blank(), here where it can be inlined: this runs once a row. */
static bool is_blank(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* strcmp(fold(text), word) without making the folded copy; `word` is folded already. */
static int fold_compare(const char *text, const char *word)
{
    while (is_blank((unsigned char)*text))
        text++;
    for (;; text++, word++) {
        unsigned char t = (unsigned char)*text, w = (unsigned char)*word;
        if (t >= 'A' && t <= 'Z')
            t = (unsigned char)(t + ('a' - 'A'));
        if (t != w && is_blank(t)) { /* the end, when only blanks follow */
            const char *rest = text;
            while (is_blank((unsigned char)*rest))
                rest++;
            if (!*rest)
                t = 0;
        }
        if (t != w || !t)
            return t - w;
    }
}

static bool is_one_of(const ptv_args *args, const char *text)
{
    if (args->word_count == 1)
        return fold_compare(text, args->words[0]) == 0;
    size_t low = 0, high = args->word_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = fold_compare(text, args->words[mid]);
        if (order == 0)
            return true;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return false;
}

static bool is_like(ptv_trial *e, const ptv_args *args, const char *text)
{
    const char *start = text;
    size_t len = strlen(text), whole = len;
    ptv_text_trim(&start, &len);
    if (len != whole) {
        start = ptv_arena_strndup(e->mem, start, len);
        if (!start) {
            e->rc = ptv_arena_fail(e->mem, e->err);
            return false;
        }
    }
    for (size_t i = 0; i < args->word_count; i++)
        if (ptv_glob(args->words[i], start))
            return true;
    return false;
}

/* Lists of names, zones and nets are asked about the artifact; any other word is read as one first. */
static bool is_listed(ptv_trial *e, const ptv_cond *c, const char *text)
{
    if (!c->args.indicators)
        return is_one_of(&c->args, text);
    if (c->field->offset == offsetof(ptv_record, artifact))
        return ptv_indicators_find(c->args.indicators, e->record->subject, NULL, NULL);
    ptv_artifact a;
    ptv_error scratch = { 0 };
    ptv_code rc = ptv_artifact_parse(&a, e->mem, text, strlen(text), NULL, &scratch);
    if (rc == PTV_ENOMEM || rc == PTV_ETOOBIG) {
        *e->err = scratch;
        e->rc = rc;
    }
    return !rc && ptv_indicators_find(c->args.indicators, &a, NULL, NULL);
}

static bool word_passes(ptv_trial *e, ptv_op op, const ptv_args *args, const char *text)
{
    if (op == PTV_OP_IS_NOT)
        return !text || !is_one_of(args, text);
    if (!text)
        return false;
    return op == PTV_OP_LIKE ? is_like(e, args, text) : is_one_of(args, text);
}

static ptv_truth word_test(ptv_trial *e, const ptv_cond *c)
{
    const char *text = *PTV_FIELD_AT(e->record, c->field, WORD);
    if (c->op == PTV_OP_IN_LIST || c->op == PTV_OP_IN_ZONE || c->op == PTV_OP_IN_CIDR)
        return truth(text && is_listed(e, c, text));
    return truth(word_passes(e, c->op, &c->args, text));
}

/* ------------------------------------------------------------------------------------------------- sets */

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool has_any(const ptv_set *set, const ptv_args *args)
{
    if (args->word_count <= set->count) {
        for (size_t i = 0; i < args->word_count; i++)
            if (ptv_set_has(set, args->words[i]))
                return true;
        return false;
    }
    for (size_t i = 0; i < set->count; i++)
        if (is_one_of(args, set->items[i]))
            return true;
    return false;
}

static bool has_all(const ptv_set *set, const ptv_args *args)
{
    for (size_t i = 0; i < args->word_count; i++)
        if (!ptv_set_has(set, args->words[i]))
            return false;
    return true;
}

static bool item_matches(const ptv_cond *c, const char *item)
{
    if (c->op != PTV_OP_LIKE_ANY)
        return is_one_of(&c->args, item);
    for (size_t i = 0; i < c->args.word_count; i++)
        if (ptv_glob(c->args.words[i], item))
            return true;
    return false;
}

void ptv_set_mark(bool *marks, const ptv_cond *c, const ptv_set *set)
{
    if (c->op == PTV_OP_LIKE_ANY || c->args.word_count > set->count) {
        for (size_t i = 0; i < set->count; i++)
            marks[i] |= item_matches(c, set->items[i]);
        return;
    }
    for (size_t i = 0; i < c->args.word_count; i++) {
        const char **item = bsearch(&c->args.words[i], set->items, set->count, sizeof *set->items, by_bytes);
        if (item)
            marks[item - set->items] = true;
    }
}

static bool set_passes(ptv_trial *e, ptv_op op, const ptv_args *args, const ptv_set *set)
{
    if (!set->items)
        return op == PTV_OP_HAS_NONE;
    switch (op) {
    case PTV_OP_HAS_ANY:
        return has_any(set, args);
    case PTV_OP_HAS_ALL:
        return has_all(set, args);
    case PTV_OP_HAS_NONE:
        return !has_any(set, args);
    case PTV_OP_COUNT_AT_LEAST:
        return (double)set->count >= args->low;
    default: /* PTV_OP_LIKE_ANY */
        for (size_t i = 0; i < set->count; i++)
            if (is_like(e, args, set->items[i]))
                return true;
        return false;
    }
}

/* ------------------------------------------------------------------------------------------------ times */

static int64_t times_day(int64_t days)
{
    int64_t seconds;
    if (__builtin_mul_overflow(days, PTV_DAY_S, &seconds))
        return days < 0 ? INT64_MIN : INT64_MAX;
    return seconds;
}

static int64_t minus(int64_t a, int64_t b)
{
    int64_t difference;
    if (__builtin_sub_overflow(a, b, &difference))
        return b > 0 ? INT64_MIN : INT64_MAX;
    return difference;
}

/* Every test of a time is a comparison with one second: `later` tests hold from it on, the others before it. */
typedef struct time_edge {
    int64_t edge;
    bool later;
    int64_t future; /* from here on a time lies in the future; INT64_MAX where that is no concern */
} time_edge;

static bool find_edge(time_edge *out, ptv_trial *e, ptv_op op, const ptv_args *args)
{
    out->later = op == PTV_OP_WITHIN || op == PTV_OP_AFTER;
    out->future = INT64_MAX;
    if (op == PTV_OP_BEFORE || op == PTV_OP_AFTER) {
        out->edge = times_day(op == PTV_OP_AFTER ? minus(args->day, -1) : args->day);
        return true;
    }
    if (e->time_required) {
        if (!e->walking)
            e->rc = ptv_fail(e->err, PTV_EINVAL, "needs --now: the record has no fetched_at");
        return false;
    }
    if (args->by_day) {
        out->edge = times_day(minus(e->now_day, args->span_s / PTV_DAY_S));
        out->future = times_day(e->now_day + 1);
    } else {
        out->edge = minus(e->now, args->span_s);
        out->future = minus(e->now, -1);
    }
    return true;
}

bool ptv_trial_is_cut(const ptv_trial *e, const ptv_field *f)
{
    static const size_t grow[] = { offsetof(ptv_record, pdns_count), offsetof(ptv_record, first_seen),
                                   offsetof(ptv_record, last_seen), offsetof(ptv_record, records),
                                   offsetof(ptv_record, all_records) };
    for (size_t i = 0; e->truncated && i < sizeof grow / sizeof *grow; i++)
        if (f->offset == grow[i])
            return true;
    return false;
}

static ptv_truth time_test(ptv_trial *e, const ptv_cond *c, ptv_why *why)
{
    const ptv_record *r = e->record;
    int64_t t = *PTV_FIELD_AT(r, c->field, TIME);
    bool first = c->field->offset == offsetof(ptv_record, first_seen);
    bool cut = ptv_trial_is_cut(e, c->field);
    if (t == PTV_NO_TIME)
        return cut ? unsure(why, PTV_WHY_TRUNCATED) : PTV_NO;
    time_edge edge;
    if (!find_edge(&edge, e, c->op, &c->args))
        return PTV_UNSURE;
    if (t >= edge.future && !e->walking)
        e->future_fields |= 1u << (c->field - ptv_fields);
    bool later = t >= edge.edge;
    /* Records not sent can only move first_seen back and last_seen on. */
    if (cut && later == first)
        return unsure(why, PTV_WHY_TRUNCATED);
    return truth(later == edge.later);
}

/* ---------------------------------------------------------------------------------- numbers and records */

/* `cut`: the true number may be higher than the one seen. */
static ptv_truth number_test(const ptv_cond *c, double n, bool cut, ptv_why *why)
{
    double low = c->op == PTV_OP_AT_MOST ? -HUGE_VAL : c->args.low;
    double high = c->op == PTV_OP_AT_LEAST ? HUGE_VAL : c->op == PTV_OP_EQUALS ? c->args.low : c->args.high;
    if (n > high)
        return PTV_NO;
    if (cut && (n < low || high < HUGE_VAL))
        return unsure(why, PTV_WHY_TRUNCATED);
    return truth(n >= low);
}

enum { MOST_COLUMN_TESTS = 16 }; /* a filter has one test a column at most, and there are fewer columns */

typedef struct row_test {
    const ptv_column_test *test;
    size_t offset;       /* of the column in a row */
    int64_t first, last; /* of times: the seconds that pass, both ends included; absent is before the first */
    int64_t future;
    const char *seen[2]; /* of texts: the last two, which rows often share, */
    bool passed[2];      /* and how they came out */
    bool is_set;
} row_test;

static bool plan_time(row_test *out, ptv_trial *e, const ptv_column_test *t)
{
    time_edge edge;
    if (!find_edge(&edge, e, t->op, &t->args))
        return false;
    bool never = !edge.later && edge.edge == PTV_NO_TIME;
    out->offset = t->column->offset;
    out->first = edge.later && edge.edge != PTV_NO_TIME ? edge.edge : PTV_NO_TIME + 1;
    out->last = edge.later ? INT64_MAX : never ? PTV_NO_TIME : edge.edge - 1;
    out->future = edge.future;
    return true;
}

/* Times first: they cost one comparison. */
static bool plan_rows(row_test *tests, size_t *times, ptv_trial *e, const ptv_cond *c)
{
    size_t words = c->filter_count;
    for (size_t i = 0; i < c->filter_count; i++) {
        const ptv_column_test *t = &c->filter[i];
        if (t->column->type != PTV_TIME) {
            row_test *text = &tests[--words];
            *text = (row_test){ .test = t, .offset = t->column->offset, .is_set = t->column->type == PTV_SET };
            text->passed[0] = text->passed[1] = !text->is_set && word_passes(e, t->op, &t->args, NULL);
            continue;
        }
        if (!plan_time(&tests[(*times)++], e, t))
            return false;
    }
    return true;
}

static bool text_passes(ptv_trial *e, row_test *t, const char *text)
{
    bool passed = text == t->seen[1] ? t->passed[1] : word_passes(e, t->test->op, &t->test->args, text);
    t->seen[1] = t->seen[0];
    t->passed[1] = t->passed[0];
    t->seen[0] = text;
    t->passed[0] = passed;
    return passed;
}

/* Columns of text; times have their own loop. */
static bool row_passes(ptv_trial *e, row_test *tests, size_t count, const ptv_dns *row)
{
    for (row_test *t = tests; t < tests + count; t++) {
        const void *at = (const char *)row + t->offset;
        if (t->is_set) {
            if (!set_passes(e, t->test->op, &t->test->args, at))
                return false;
            continue;
        }
        const char *text = *(const ptv_c_WORD *)at;
        if (!(text == t->seen[0] ? t->passed[0] : text_passes(e, t, text)))
            return false;
    }
    return true;
}

static bool times_pass(bool *future, const row_test *tests, size_t count, const ptv_dns *row)
{
    for (size_t i = 0; i < count; i++) {
        int64_t at = *(const int64_t *)(const void *)((const char *)row + tests[i].offset);
        *future |= at >= tests[i].future;
        if (at < tests[i].first || at > tests[i].last)
            return false;
    }
    return true;
}

size_t ptv_rows_passing(ptv_trial *e, const ptv_cond *c, size_t enough)
{
    const ptv_dns_list *list = PTV_FIELD_AT(e->record, c->field, RECORDS);
    if (!c->filter_count || !list->count)
        return list->count;
    row_test tests[MOST_COLUMN_TESTS];
    if (c->filter_count > MOST_COLUMN_TESTS) {
        e->rc = ptv_fail(e->err, PTV_EBUG, "%s:%d: %zu column tests", c->file, c->line, c->filter_count);
        return 0;
    }
    size_t times = 0, passed = 0;
    if (!plan_rows(tests, &times, e, c))
        return 0;
    /* Most of a judgement's time goes into this loop over a thousand rows: the first time test stays in registers. */
    const row_test any = {
        .offset = offsetof(ptv_dns, first_seen), .first = INT64_MIN, .last = INT64_MAX, .future = INT64_MAX
    };
    const row_test first = times ? tests[0] : any;
    const int64_t least = first.first < first.future ? first.first : first.future;
    const ptv_dns *const *rows = list->rows;
    bool future = false;
    for (size_t i = 0, count = list->count; i < count && passed < enough; i++) {
        int64_t at = *(const int64_t *)(const void *)((const char *)rows[i] + first.offset);
        if (at < least)
            continue;
        future |= at >= first.future;
        if (at < first.first || at > first.last)
            continue;
        passed += (times < 2 || times_pass(&future, tests + 1, times - 1, rows[i])) &&
                  row_passes(e, tests + times, c->filter_count - times, rows[i]);
    }
    if (future && !e->walking)
        e->future_rows = true;
    return passed;
}

/* The number of rows at which the outcome cannot change any more. */
static size_t rows_enough(const ptv_cond *c)
{
    double most =
        c->op == PTV_OP_AT_LEAST ? ceil(c->args.low) : floor(c->op == PTV_OP_EQUALS ? c->args.low : c->args.high) + 1;
    return most >= 0 && most < 1e9 ? (size_t)most : most < 0 ? 0 : SIZE_MAX;
}

static bool needs_now(const ptv_cond *c)
{
    for (size_t i = 0; i < c->filter_count; i++)
        if (c->filter[i].op == PTV_OP_WITHIN || c->filter[i].op == PTV_OP_OLDER_THAN)
            return true;
    return false;
}

static ptv_truth records_test(ptv_trial *e, const ptv_cond *c, ptv_why *why)
{
    const ptv_dns_list *list = PTV_FIELD_AT(e->record, c->field, RECORDS);
    if (!list->rows)
        return e->truncated ? unsure(why, PTV_WHY_TRUNCATED) : PTV_NO;
    if (e->walking && e->time_required && needs_now(c))
        return PTV_UNSURE;
    return number_test(c, (double)ptv_rows_passing(e, c, rows_enough(c)), e->truncated, why);
}

static ptv_truth count_test(ptv_trial *e, const ptv_cond *c, ptv_why *why)
{
    int64_t n = *PTV_FIELD_AT(e->record, c->field, NUMBER);
    bool cut = ptv_trial_is_cut(e, c->field);
    if (n < 0)
        return cut ? unsure(why, PTV_WHY_TRUNCATED) : PTV_NO;
    return number_test(c, (double)n, cut, why);
}

/* ----------------------------------------------------------------------------------------------- custom */

static void remember(ptv_trial *e, const ptv_cond *c, const char *text, bool error)
{
    ptv_said *said = ptv_arena_alloc(e->mem, sizeof *said);
    if (!said) {
        e->rc = ptv_arena_fail(e->mem, e->err);
        return;
    }
    *said = (ptv_said){ .node = c->node, .error = error, .text = text, .next = e->said };
    e->said = said;
}

static ptv_truth custom_test(ptv_trial *e, const ptv_cond *c, ptv_why *why)
{
    ptv_sections unread = 0;
    bool cut = false, sees_it = false;
    for (size_t i = 0; i < c->custom_field_count; i++) {
        const ptv_field *f = c->custom_fields[i];
        if (!ptv_trial_readable(e, f->section))
            unread |= PTV_BIT(f->section);
        cut = cut || ptv_trial_is_cut(e, f);
        sees_it = sees_it || f->offset == offsetof(ptv_record, truncated);
    }
    if (unread)
        return unsure(why, unread);
    /* A function may count either way: what it makes of a part says nothing about the whole, unless it looks. */
    if (cut && !sees_it)
        return unsure(why, PTV_WHY_TRUNCATED);
    ptv_truth t = PTV_UNSURE;
    const char *reason = NULL;
    ptv_error failure = { 0 };
    ptv_code rc = ptv_custom_run(&t, &reason, e->mem, c->custom, e->record, &failure);
    if (rc == PTV_ENOMEM || rc == PTV_ETOOBIG) {
        *e->err = failure;
        e->rc = rc;
        return PTV_UNSURE;
    }
    if (rc) {
        remember(e, c, ptv_arena_strdup(e->mem, failure.msg), true);
        return unsure(why, PTV_WHY_ERROR);
    }
    if (reason)
        remember(e, c, reason, false);
    return t == PTV_UNSURE ? unsure(why, PTV_WHY_CUSTOM) : t;
}

const ptv_said *ptv_said_by(const ptv_trial *e, const ptv_cond *c)
{
    for (const ptv_said *s = e->said; s; s = s->next)
        if (s->node == c->node)
            return s;
    return NULL;
}

/* ------------------------------------------------------------------------------------------------- tree */

ptv_truth ptv_leaf_test(ptv_trial *e, const ptv_cond *c, ptv_why *why)
{
    if (c->op == PTV_OP_CUSTOM)
        return custom_test(e, c, why);
    if (!ptv_trial_readable(e, c->field->section))
        return unsure(why, PTV_BIT(c->field->section));
    if (c->op == PTV_OP_IS_MISSING || c->op == PTV_OP_IS_PRESENT) {
        bool absent = ptv_field_absent(e->record, c->field);
        if (absent && ptv_trial_is_cut(e, c->field))
            return unsure(why, PTV_WHY_TRUNCATED);
        return truth(absent == (c->op == PTV_OP_IS_MISSING));
    }
    switch (c->field->type) {
    case PTV_WORD:
    case PTV_ENUM:
    case PTV_URI:
        return word_test(e, c);
    case PTV_NUMBER:
        return count_test(e, c, why);
    case PTV_YESNO:
        return truth(*PTV_FIELD_AT(e->record, c->field, YESNO) == (c->args.yes ? 1 : 0));
    case PTV_TIME:
        return time_test(e, c, why);
    case PTV_SET:
        return truth(set_passes(e, c->op, &c->args, PTV_FIELD_AT(e->record, c->field, SET)));
    case PTV_RECORDS:
        return records_test(e, c, why);
    }
    return PTV_NO;
}

ptv_truth ptv_cond_note(ptv_trial *e, const ptv_cond *c, ptv_truth t)
{
    if ((int)c->node == e->invert && t != PTV_UNSURE)
        t = t == PTV_YES ? PTV_NO : PTV_YES;
    if (e->truths)
        e->truths[c->node] = (uint8_t)t;
    return t;
}

ptv_truth ptv_kleene(const ptv_cond *c, size_t total, size_t yes, size_t unsure_count)
{
    switch (c->op) {
    case PTV_OP_ALL:
        return total > yes + unsure_count ? PTV_NO : unsure_count ? PTV_UNSURE : PTV_YES;
    case PTV_OP_ANY:
        return yes ? PTV_YES : unsure_count ? PTV_UNSURE : PTV_NO;
    case PTV_OP_NONE:
        return yes ? PTV_NO : unsure_count ? PTV_UNSURE : PTV_YES;
    default: /* PTV_OP_AT_LEAST_OF */
        return (double)yes >= c->args.low ? PTV_YES : (double)(yes + unsure_count) >= c->args.low ? PTV_UNSURE : PTV_NO;
    }
}

/* The kids not yet seen cannot change the outcome. */
static bool is_decided(const ptv_cond *c, size_t seen, size_t yes, size_t unsure_count)
{
    switch (c->op) {
    case PTV_OP_ALL:
        return seen > yes + unsure_count;
    case PTV_OP_ANY:
    case PTV_OP_NONE:
        return yes > 0;
    default:
        return (double)yes >= c->args.low || (double)(yes + unsure_count + (c->kid_count - seen)) < c->args.low;
    }
}

ptv_truth ptv_cond_eval(ptv_trial *e, const ptv_cond *c, ptv_why *why)
{
    if (ptv_cond_is_leaf(c))
        return ptv_cond_note(e, c, ptv_leaf_test(e, c, why));
    size_t seen = 0, yes = 0, unsure_count = 0;
    ptv_why reasons = 0;
    while (seen < c->kid_count && !e->rc) {
        ptv_truth t = ptv_cond_eval(e, c->kids[seen++], &reasons);
        yes += t == PTV_YES;
        unsure_count += t == PTV_UNSURE;
        if (is_decided(c, seen, yes, unsure_count))
            break;
    }
    ptv_truth t = ptv_kleene(c, seen, yes, unsure_count);
    if (t == PTV_UNSURE)
        *why |= reasons;
    return ptv_cond_note(e, c, t);
}
