/*
 * text.c: a decision for people at a terminal: what it is, why, the hit, the note, what could not be read; with --explain
 * the tree of conditions in the rules' own words.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "report/parts.h"

#include "base/mem.h"
#include "base/text.h"
#include "report/layout.h"

#include <string.h>

#define INDENT         2
#define MOST_WARNINGS  8  /* lines of one section; the rest are counted */
#define DEEPEST_INDENT 24 /* levels of a tree that still move to the right */

static ptv_ink verdict_ink(ptv_verdict v)
{
    switch (v) {
    case PTV_VERDICT_COMPROMISED:
        return PTV_INK_RED;
    case PTV_VERDICT_UNKNOWN:
        return PTV_INK_YELLOW;
    case PTV_VERDICT_NO_MATCH: /* no colour that says "all is well" */
        return PTV_INK_CYAN;
    case PTV_VERDICT_SKIPPED:
        break;
    }
    return PTV_INK_DIM;
}

static void newline(ptv_page *p)
{
    ptv_buf_putc(p->out, '\n');
}

static void say(ptv_page *p, const char *text)
{
    ptv_page_put(p, PTV_INK_PLAIN, text);
}

static void heading(ptv_page *p, const char *text)
{
    newline(p);
    ptv_page_fill(p, INDENT);
    ptv_page_put(p, PTV_INK_BOLD, text);
    newline(p);
}

/* verdict  artifact (as people write it)  severity */
static void put_head(ptv_page *p, const ptv_result *r)
{
    const ptv_artifact *a = r->record->subject;
    const ptv_decision *d = r->decision;
    const char *input = r->input ? r->input : a->input;

    ptv_page_put(p, verdict_ink(d->verdict), ptv_verdict_name(d->verdict));
    say(p, "  ");
    ptv_page_put(p, PTV_INK_BOLD, a->value);
    if (a->display && !ptv_text_equal(a->display, a->value)) {
        say(p, " (");
        say(p, a->display);
        say(p, ")");
    }
    if (d->severity != PTV_LEVEL_NONE) {
        say(p, "  ");
        say(p, ptv_level_name(d->severity));
    }
    if (input && !ptv_text_equal(input, a->value)) {
        ptv_page_put(p, PTV_INK_DIM, "  given as ");
        ptv_page_put(p, PTV_INK_DIM, input);
    }
    newline(p);
}

static void put_more(ptv_page *p, const char *name, const char *text)
{
    if (!text)
        return;
    ptv_page_fill(p, 3 * INDENT);
    ptv_page_put(p, PTV_INK_DIM, name);
    ptv_page_put(p, PTV_INK_DIM, ": ");
    say(p, text);
    newline(p);
}

static void put_rule(ptv_page *p, const ptv_rule_result *rule)
{
    ptv_page_fill(p, 2 * INDENT);
    ptv_page_put(p, PTV_INK_BOLD, rule->id);
    if (rule->severity != PTV_LEVEL_NONE) {
        say(p, " (");
        say(p, ptv_level_name(rule->severity));
        say(p, ")");
    }
    if (rule->title) {
        say(p, ": ");
        say(p, rule->title);
    }
    newline(p);
    ptv_page_fill(p, 3 * INDENT);
    say(p, rule->reason);
    newline(p);
    if (rule->could_be != PTV_LEVEL_NONE)
        put_more(p, "not ruled out", ptv_level_name(rule->could_be));
    if (rule->on_unknown)
        put_more(p, "note", "counts as a match because its author wrote on_unknown = \"match\"");
}

static void put_matches(ptv_page *p, const ptv_decision *d)
{
    bool any = false;

    for (size_t i = 0; i < d->rule_count; i++) {
        const ptv_rule_result *rule = &d->rules[i];

        if (rule->outcome != PTV_OUT_MATCH)
            continue;
        if (!any)
            heading(p, "Rules that match");
        any = true;
        put_rule(p, rule);
        put_more(p, "description", rule->description);
        put_more(p, "next step", rule->next_step);
        put_more(p, "false positives", rule->false_positives);
        put_more(p, "owner", rule->owner);
        put_more(p, "references", rule->references);
        put_more(p, "attack", rule->attack);
    }
}

static void put_undecided(ptv_page *p, const ptv_decision *d)
{
    bool any = false;

    for (size_t i = 0; i < d->rule_count; i++) {
        const ptv_rule_result *rule = &d->rules[i];

        if (rule->status != PTV_LIVE || (rule->outcome != PTV_OUT_UNKNOWN && rule->outcome != PTV_OUT_ERROR))
            continue;
        if (!any)
            heading(p, "Rules left undecided");
        any = true;
        put_rule(p, rule);
    }
}

static void put_hit(ptv_page *p, const ptv_decision *d)
{
    ptv_pair *pairs = NULL;

    if (d->hit_count == 0)
        return;
    pairs = ptv_calloc(d->hit_count, sizeof *pairs);
    if (!pairs) {
        if (!p->out->failed)
            p->out->failed = PTV_ENOMEM;
        return;
    }
    for (size_t i = 0; i < d->hit_count; i++) {
        pairs[i].name = d->hit[i].name;
        pairs[i].value = d->hit[i].value;
    }
    heading(p, "Hit");
    ptv_page_table(p, 2 * INDENT, pairs, d->hit_count);
    ptv_free(pairs);
}

static void put_lost_section(ptv_page *p, const ptv_result *r, ptv_section s)
{
    const ptv_section_info *info = &r->record->sections[s];
    const ptv_missing *needed = ptv_missing_of(r->decision, s);
    char advice[96];

    ptv_page_fill(p, 2 * INDENT);
    ptv_page_put(p, PTV_INK_YELLOW, ptv_section_name(s));
    say(p, ": ");
    say(p, ptv_section_why(info));
    if (info->cause != PTV_CAUSE_NONE && info->cause != PTV_CAUSE_RECORD) {
        ptv_section_advice(advice, info);
        say(p, "; ");
        say(p, advice);
    }
    for (size_t i = 0; needed && i < needed->rule_count; i++) {
        ptv_page_put(p, PTV_INK_DIM, i == 0 ? "  (needed by " : ", ");
        ptv_page_put(p, PTV_INK_DIM, needed->rules[i]);
    }
    if (needed && needed->rule_count > 0)
        ptv_page_put(p, PTV_INK_DIM, ")");
    newline(p);
}

static void put_lost(ptv_page *p, const ptv_result *r)
{
    bool any = false;

    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        if (!ptv_section_is_lost(r, (ptv_section)s))
            continue;
        if (!any)
            heading(p, "Not read");
        any = true;
        put_lost_section(p, r, (ptv_section)s);
    }
}

/* What did not happen, and why: allowances and shadow rules. */
static void put_aside(ptv_page *p, const ptv_rule_result *rule)
{
    char day[32];
    const char *what = rule->suppressed_by                     ? "suppressed: "
                       : rule->outcome == PTV_OUT_SHADOW_MATCH ? "shadow: "
                                                               : "expired allowance: ";

    ptv_page_fill(p, 2 * INDENT);
    ptv_page_put(p, PTV_INK_DIM, what);
    say(p, rule->id);
    if (rule->severity != PTV_LEVEL_NONE) {
        say(p, " (");
        say(p, ptv_level_name(rule->severity));
        say(p, ")");
    }
    if (rule->suppressed_by) {
        ptv_day_text(day, rule->suppressed_until);
        say(p, " by ");
        say(p, rule->suppressed_by);
        if (day[0])
            say(p, " until ");
        say(p, day);
        say(p, rule->suppress_reason ? ": " : "");
        say(p, rule->suppress_reason);
    } else if (rule->outcome == PTV_OUT_SHADOW_MATCH) {
        say(p, " would have matched: ");
        say(p, rule->reason);
    } else {
        say(p, " would have been suppressed by ");
        say(p, rule->would_suppress);
    }
    newline(p);
}

static void put_asides(ptv_page *p, const ptv_decision *d)
{
    bool any = false;

    for (size_t i = 0; i < d->rule_count; i++) {
        const ptv_rule_result *rule = &d->rules[i];

        if (!rule->suppressed_by && !rule->would_suppress && rule->outcome != PTV_OUT_SHADOW_MATCH)
            continue;
        if (!any)
            heading(p, "Set aside");
        any = true;
        put_aside(p, rule);
    }
}

static void put_warnings(ptv_page *p, const ptv_result *r)
{
    bool any = r->decision->warnings != NULL;

    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        any = any || r->record->sections[s].warnings;
    if (!any)
        return;
    heading(p, "Warnings");
    ptv_page_lines(p, 2 * INDENT, r->decision->warnings, MOST_WARNINGS);
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        ptv_page_lines(p, 2 * INDENT, r->record->sections[s].warnings, MOST_WARNINGS);
}

static void put_stale(ptv_page *p, const ptv_record *record)
{
    bool any = false;

    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        const ptv_section_info *info = &record->sections[s];
        char age[32];

        if (info->state != PTV_STATE_STALE)
            continue;
        if (!any)
            heading(p, "From the cache, beyond its time");
        any = true;
        ptv_duration_format(age, info->age_s);
        ptv_page_fill(p, 2 * INDENT);
        say(p, ptv_section_name((ptv_section)s));
        say(p, ": read ");
        say(p, age);
        say(p, " ago");
        newline(p);
    }
}

/* `open`: a bit for each level above that has more to come, so that its line goes on. */
static void put_condition(ptv_page *p, const ptv_trace *t, size_t depth, uint32_t open)
{
    static const char *const words[] = { "no", "yes", "UNKNOWN", "-" };
    static const ptv_ink inks[] = { PTV_INK_DIM, PTV_INK_BOLD, PTV_INK_YELLOW, PTV_INK_DIM };
    size_t shift = depth < DEEPEST_INDENT ? depth : DEEPEST_INDENT;

    ptv_page_fill(p, 3 * INDENT);
    ptv_page_put_padded(p, inks[t->truth], words[t->truth], 9);
    for (size_t i = 1; i < shift; i++)
        ptv_buf_puts(p->out, p->color && (open >> i & 1) ? "│ " : "  ");
    if (shift > 0)
        ptv_buf_puts(p->out, !p->color ? "  " : open >> shift & 1 ? "├ " : "└ ");
    say(p, t->text);
    if (t->seen) {
        ptv_page_put(p, PTV_INK_DIM, "  seen: ");
        say(p, t->seen);
    }
    if (t->file) {
        ptv_page_put(p, PTV_INK_DIM, "  ");
        ptv_page_put(p, PTV_INK_DIM, t->file);
        ptv_buf_printf(p->out, ":%d", t->line);
    }
    newline(p);
    size_t below = depth + 1 < DEEPEST_INDENT ? depth + 1 : DEEPEST_INDENT;
    uint32_t bit = UINT32_C(1) << below;
    for (size_t i = 0; i < t->kid_count; i++)
        put_condition(p, &t->kids[i], depth + 1, i + 1 < t->kid_count ? open | bit : open & ~bit);
}

static void put_rule_tree(ptv_page *p, const ptv_rule_result *rule)
{
    ptv_page_fill(p, 2 * INDENT);
    ptv_page_put(p, PTV_INK_BOLD, rule->id);
    say(p, ": ");
    say(p, ptv_outcome_name(rule->outcome));
    ptv_buf_puts(p->out, rule->file ? "  " : "");
    ptv_page_put(p, PTV_INK_DIM, rule->file);
    if (rule->file)
        ptv_buf_printf(p->out, ":%d", rule->line);
    newline(p);
    for (size_t k = 0; k < rule->trace_count; k++)
        put_condition(p, &rule->trace[k], 0, 0);
}

void ptv_report_tree(ptv_buf *out, const ptv_rule_result *rule, unsigned flags)
{
    ptv_page p = { .out = out, .cell = PTV_BUF(out->limit_bytes), .color = (flags & PTV_WRITE_COLOR) != 0 };
    put_rule_tree(&p, rule);
    ptv_buf_release(&p.cell);
}

static void put_tree(ptv_page *p, const ptv_decision *d)
{
    bool any = false;

    for (size_t i = 0; i < d->rule_count; i++) {
        const ptv_rule_result *rule = &d->rules[i];

        if (!rule->trace)
            continue;
        if (!any)
            heading(p, "Conditions");
        any = true;
        put_rule_tree(p, rule);
    }
}

static void put_turn(ptv_page *p, const ptv_turn *t)
{
    static const char *const words[] = { "no", "yes", "UNKNOWN", "-" };

    ptv_page_fill(p, 3 * INDENT);
    ptv_page_put_padded(p, t->truth == PTV_UNSURE ? PTV_INK_YELLOW : PTV_INK_DIM, words[t->truth], 9);
    ptv_page_put_padded(p, PTV_INK_BOLD, t->must_be ? "must be yes" : "must be no", 13);
    say(p, t->text);
    if (t->seen) {
        ptv_page_put(p, PTV_INK_DIM, t->unread ? "  could not be read: " : "  seen: ");
        say(p, t->seen);
    }
    if (t->file) {
        ptv_page_put(p, PTV_INK_DIM, "  ");
        ptv_page_put(p, PTV_INK_DIM, t->file);
        ptv_buf_printf(p->out, ":%d", t->line);
    }
    newline(p);
}

static void put_why_not(ptv_page *p, const ptv_why_not *w)
{
    newline(p);
    ptv_page_fill(p, INDENT);
    ptv_page_put(p, PTV_INK_BOLD, "Why not ");
    ptv_page_put(p, PTV_INK_BOLD, w->rule);
    newline(p);
    ptv_page_fill(p, 2 * INDENT);
    if (w->besides) {
        say(p, w->besides);
        newline(p);
        if (w->turn_count)
            ptv_page_fill(p, 2 * INDENT);
    }
    if (!w->turn_count)
        return;
    ptv_buf_printf(p->out, "%s%zu condition%s would have to change for it to match (%s):", w->besides ? "besides, " : "",
                   w->turn_count, w->turn_count == 1 ? "" : "s", ptv_level_name(w->level));
    newline(p);
    for (size_t i = 0; i < w->turn_count; i++)
        put_turn(p, &w->turns[i]);
}

void ptv_report_text(ptv_buf *out, const ptv_result *r, unsigned flags)
{
    const ptv_decision *d = r->decision;
    ptv_page p = { .out = out, .cell = PTV_BUF(out->limit_bytes), .color = (flags & PTV_WRITE_COLOR) != 0 };

    put_head(&p, r);
    put_matches(&p, d);
    if (d->verdict != PTV_VERDICT_SKIPPED)
        put_undecided(&p, d);
    put_hit(&p, d);
    if (d->note) {
        heading(&p, "Note");
        ptv_page_lines(&p, 2 * INDENT, d->note, SIZE_MAX);
    }
    if (d->verdict != PTV_VERDICT_SKIPPED) /* nothing was to be read then; the summary says why */
        put_lost(&p, r);
    put_stale(&p, r->record);
    put_asides(&p, d);
    put_warnings(&p, r);
    if (flags & PTV_WRITE_EXPLAIN)
        put_tree(&p, d);
    if (d->why_not)
        put_why_not(&p, d->why_not);
    if (d->summary) {
        newline(&p);
        say(&p, d->summary);
        newline(&p);
    }
    ptv_buf_release(&p.cell);
}
