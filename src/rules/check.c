/*
 * check.c: what shows only when a file, or the whole set, has been read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "base/findings.h"
#include "base/text.h"
#include "rules/loading.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WARN_DAYS = 30 };

#define ADD(set, grade, file, line, code, ...) ptv_finding_add((set)->findings, grade, file, line, code, __VA_ARGS__)

void ptv_check_file(ptv_loading *l)
{
    for (const ptv_built *b = l->conds; b; b = b->next)
        if (!b->used && !ptv_scan_slipped(l->scan, b->cond.line))
            ptv_problem(l, b->cond.line, "E-UNUSED", "this condition is used nowhere: %s", b->cond.text);
    for (const ptv_pending *p = l->pending; p; p = p->next)
        if (!p->done)
            ptv_problem(l, p->line, "E-KEY", "%s \"%s\" has nothing behind it: %s \"%s\" { … }", p->what,
                        p->id ? p->id : "?", p->what, p->id ? p->id : "?");
}

/* --------------------------------------------------------------------------------------------------- ids */

typedef struct known {
    const char *id, *file;
    int line;
    size_t order;
} known;

static int by_id(const void *a, const void *b)
{
    const known *x = a, *y = b;
    int order = strcasecmp(x->id, y->id);
    return order ? order : x->order < y->order ? -1 : x->order > y->order;
}

static void check_ids(ptv_loader *set, known *ids, size_t count, const char *what)
{
    qsort(ids, count, sizeof *ids, by_id);
    for (size_t i = 1; i < count; i++) {
        const known *a = &ids[i - 1], *b = &ids[i];
        if (strcasecmp(a->id, b->id) != 0 || strcmp(b->id, "?") == 0)
            continue;
        if (strcmp(a->id, b->id) == 0)
            ADD(set, PTV_ERROR, b->file, b->line, "E-DUP", "%s \"%s\" is there already: %s:%d", what, b->id, a->file,
                a->line);
        else
            ADD(set, PTV_ERROR, b->file, b->line, "E-DUP", "%s \"%s\" differs from \"%s\" (%s:%d) in letter case only", what,
                b->id, a->id, a->file, a->line);
    }
}

static bool is_rule(const known *ids, size_t count, const char *id)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcasecmp(ids[mid].id, id) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < count && strcasecmp(ids[low].id, id) == 0; low++)
        if (strcmp(ids[low].id, id) == 0)
            return true;
    return false;
}

/* -------------------------------------------------------------------------------------------- allowances */

static void check_allow(ptv_loader *set, const ptv_built_allow *b, const known *rules, size_t rule_count, const char **names)
{
    const ptv_allow *a = &b->allow;
    if (set->options->now != PTV_NO_TIME && a->expires_day) {
        int64_t left = a->expires_day - ptv_day_of(set->options->now);
        char day[32];
        ptv_time_format_day(day, a->expires_day * PTV_DAY_S);
        if (left < 0)
            ADD(set, PTV_WARNING, a->file, a->line, "W-EXPIRED", "allowance \"%s\" expired on %s and no longer holds", a->id,
                day);
        else if (left <= WARN_DAYS)
            ADD(set, PTV_WARNING, a->file, a->line, "W-EXPIRES", "allowance \"%s\" expires on %s", a->id, day);
    }
    for (size_t i = 0; i < a->applies_count && !set->options->part; i++)
        if (!is_rule(rules, rule_count, a->applies_to[i]))
            ADD(set, PTV_ERROR, a->file, a->line, "E-ALLOW", "allowance \"%s\": no rule %s%s", a->id,
                ptv_ticked(&set->rs->mem, a->applies_to[i]),
                ptv_did_you_mean(&set->rs->mem, a->applies_to[i], names, rule_count));
    if (a->when && !b->wide)
        ptv_list_check_wide(set, a->when);
    if (a->when && (a->when->sections & ~set->options->supported))
        ADD(set, PTV_WARNING, a->file, a->line, "W-SECTION",
            "allowance \"%s\" can never hold: no configured source gives what it reads", a->id);
}

/* ------------------------------------------------------------------------------------------------- never */

/* How many words both have: they are sorted. */
static size_t common(const ptv_args *a, const ptv_args *b)
{
    size_t i = 0, j = 0, count = 0;
    while (i < a->word_count && j < b->word_count) {
        int order = strcmp(a->words[i], b->words[j]);
        count += order == 0;
        i += order <= 0;
        j += order >= 0;
    }
    return count;
}

static bool is_number_test(ptv_op op)
{
    return op == PTV_OP_AT_LEAST || op == PTV_OP_AT_MOST || op == PTV_OP_BETWEEN || op == PTV_OP_EQUALS;
}

static void bounds(const ptv_cond *c, double *low, double *high)
{
    *low = c->op == PTV_OP_AT_MOST ? 0 : c->args.low;
    *high = c->op == PTV_OP_AT_LEAST ? 1e300 : c->op == PTV_OP_EQUALS ? c->args.low : c->args.high;
}

/* No value of their common field passes both. */
static bool contradict_in_order(const ptv_cond *a, const ptv_cond *b)
{
    enum { MOST_WORDS = 100 };
    if (a->args.word_count > MOST_WORDS || b->args.word_count > MOST_WORDS)
        return false; /* lists: not compared word by word */
    bool a_names = a->op == PTV_OP_IS || a->op == PTV_OP_IS_ANY, b_names = b->op == PTV_OP_IS || b->op == PTV_OP_IS_ANY;
    if (a->op == PTV_OP_IS_MISSING)
        return b->op != PTV_OP_IS_MISSING && b->op != PTV_OP_IS_NOT && b->op != PTV_OP_HAS_NONE;
    if (a->field->type == PTV_YESNO && a_names && b_names)
        return a->args.yes != b->args.yes;
    if (a_names && b_names)
        return common(&a->args, &b->args) == 0;
    if (a_names && b->op == PTV_OP_IS_NOT)
        return common(&a->args, &b->args) == a->args.word_count;
    if (a->op == PTV_OP_HAS_ALL && b->op == PTV_OP_HAS_NONE)
        return common(&a->args, &b->args) > 0;
    if (a->op == PTV_OP_HAS_ANY && b->op == PTV_OP_HAS_NONE)
        return common(&a->args, &b->args) == a->args.word_count;
    if (a->op == PTV_OP_WITHIN && b->op == PTV_OP_OLDER_THAN)
        return a->args.by_day == b->args.by_day && b->args.span_s >= a->args.span_s;
    if (a->op == PTV_OP_BEFORE && b->op == PTV_OP_AFTER)
        return a->args.day <= b->args.day + 1;
    if (is_number_test(a->op) && is_number_test(b->op)) {
        double a_low, a_high, b_low, b_high;
        bounds(a, &a_low, &a_high);
        bounds(b, &b_low, &b_high);
        return a_low > b_high || b_low > a_high;
    }
    return false;
}

static bool contradict(const ptv_cond *a, const ptv_cond *b)
{
    if (a->field != b->field || !a->field || a->filter_count || b->filter_count)
        return false;
    return contradict_in_order(a, b) || contradict_in_order(b, a);
}

/* Numbers of a record are whole and never negative. */
static bool is_impossible(const ptv_cond *c)
{
    double low, high;
    if (!is_number_test(c->op))
        return false;
    bounds(c, &low, &high);
    return high < 0 || (c->op == PTV_OP_EQUALS && c->args.low != (double)(int64_t)c->args.low);
}

typedef struct never_walk {
    ptv_loader *set;
    size_t *patience;           /* comparisons left for the whole set: a loop can build more than anybody waits for */
    const ptv_cond *leaves[64]; /* that must hold together */
    size_t count;
} never_walk;

static void check_never(never_walk *w, const ptv_cond *c)
{
    if (c->op == PTV_OP_NONE)
        return;
    if (c->op == PTV_OP_ALL) { /* its leaves stand beside those above */
        for (size_t i = 0; i < c->kid_count; i++)
            check_never(w, c->kids[i]);
        return;
    }
    if (c->kid_count) { /* each kid on its own, with what is above */
        for (size_t i = 0; i < c->kid_count; i++) {
            size_t before = w->count;
            check_never(w, c->kids[i]);
            w->count = before;
        }
        return;
    }
    if (is_impossible(c))
        ADD(w->set, PTV_ERROR, c->file, c->line, "E-NEVER", "%s can never match", c->text);
    for (size_t i = 0; i < w->count; i++) {
        if (!*w->patience)
            break;
        --*w->patience;
        if (contradict(w->leaves[i], c)) {
            ADD(w->set, PTV_ERROR, c->file, c->line, "E-NEVER", "this can never match: %s contradicts %s (line %d)", c->text,
                w->leaves[i]->text, w->leaves[i]->line);
            break;
        }
    }
    if (w->count < sizeof w->leaves / sizeof *w->leaves)
        w->leaves[w->count++] = c;
}

/* ---------------------------------------------------------------------------------------------- sections */

static const char *section_names(ptv_loader *set, ptv_sections sections)
{
    const char *text = "";
    for (int s = 0; s < PTV_SECTION_COUNT && text; s++)
        if (sections & PTV_BIT(s))
            text = ptv_arena_printf(&set->rs->mem, "%s%s%s", text, *text ? ", " : "", ptv_section_name((ptv_section)s));
    return text ? text : "a section";
}

/* The first condition that reads one of them. */
static const ptv_cond *reader_of(const ptv_cond *c, ptv_sections sections)
{
    for (size_t i = 0; i < c->kid_count; i++)
        if (c->kids[i]->sections & sections)
            return reader_of(c->kids[i], sections);
    return c;
}

static void check_rule(ptv_loader *set, const ptv_rule *r, ptv_sections judged, ptv_sections shown, size_t *patience)
{
    for (size_t i = 0; i < r->level_count; i++) {
        never_walk walk = { .set = set, .patience = patience };
        check_never(&walk, r->levels[i].when);
    }
    ptv_sections missing = r->judged_sections & ~set->options->supported;
    if (r->status == PTV_LIVE && missing && !r->off_when_unsupported) {
        const ptv_cond *c = NULL;
        for (size_t i = 0; i < r->level_count && !c; i++)
            c = r->levels[i].when->sections & missing ? reader_of(r->levels[i].when, missing) : NULL;
        ADD(set, PTV_ERROR, r->file, c ? c->line : r->line, "E-SECTION",
            "rule \"%s\" reads %s, which no configured source can give: configure one, or say when_unsupported = \"off\"",
            r->id, section_names(set, missing));
    }
    ptv_sections unasked = r->judged_sections & ~judged & set->options->supported;
    if (r->status == PTV_SHADOW && unasked && !set->options->shadow_fetch)
        ADD(set, PTV_NOTE, r->file, r->line, "N-SHADOW",
            "shadow rule \"%s\" stays unknown%s: no live rule asks %s to be judged "
            "(shadow_fetch = yes does)",
            r->id, unasked & ~shown ? "" : " unless a live rule matches", section_names(set, unasked));
}

/* -------------------------------------------------------------------------------------------------- set */

/* "app.config:12" */
static void check_settings(ptv_loader *set)
{
    const ptv_rules_options *o = set->options;
    for (size_t i = 0; i < o->setting_count && !set->cut_short && !o->part; i++) {
        const ptv_rule_setting *s = &o->settings[i];
        if (set->setting_used[i] || !s->in_rules_section)
            continue;
        const char *where = s->where ? s->where : "settings", *colon = strrchr(where, ':');
        int64_t line = 0;
        const char *file = colon && ptv_int_parse(&line, colon + 1) && line > 0 && line < INT32_MAX
                               ? ptv_arena_strndup(&set->rs->mem, where, (size_t)(colon - where))
                               : where;
        ADD(set, PTV_WARNING, file ? file : where, file == where ? 0 : (int)line, "W-UNUSED-SETTING",
            "[rules] %s is used by no rule", s->name);
    }
}

void ptv_check_set(ptv_loader *set)
{
    known *rules = ptv_arena_calloc(&set->rs->mem, set->rule_count + 1, sizeof *rules);
    known *allows = ptv_arena_calloc(&set->rs->mem, set->allow_count + 1, sizeof *allows);
    const char **names = ptv_arena_calloc(&set->rs->mem, set->rule_count + 1, sizeof *names);
    if (!rules || !allows || !names) {
        set->no_memory = true;
        return;
    }
    size_t count = 0, allow_count = 0;
    ptv_sections judged = 0, shown = 0;
    bool any_live = false;
    size_t patience = 100000;
    for (const ptv_built_rule *b = set->rules; b; b = b->next) {
        names[count] = b->rule.id;
        rules[count] = (known){ b->rule.id, b->rule.file, b->rule.line, count };
        count++;
        if (b->rule.status == PTV_LIVE) {
            any_live = true;
            judged |= b->rule.judged_sections;
            shown |= b->rule.shown_sections;
        }
    }
    for (const ptv_built_allow *b = set->allows; b; b = b->next, allow_count++)
        allows[allow_count] = (known){ b->allow.id, b->allow.file, b->allow.line, allow_count };
    check_ids(set, rules, count, "rule");
    check_ids(set, allows, allow_count, "allow");
    for (const ptv_built_rule *b = set->rules; b; b = b->next)
        check_rule(set, &b->rule, judged, shown, &patience);
    for (const ptv_built_allow *b = set->allows; b; b = b->next)
        check_allow(set, b, rules, count, names);
    check_settings(set);
    if (!any_live && !set->options->part && !ptv_findings_count(set->findings, PTV_ERROR))
        ADD(set, PTV_WARNING, set->options->files ? set->options->files->folder : set->options->paths[0], 0, "W-NO-LIVE",
            "no rule is live: nothing is judged, and every verdict is unknown");
}
