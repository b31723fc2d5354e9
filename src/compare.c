/*
 * compare.c: one record judged by two rule sets, and what made the difference.
 *
 * Most records come out the same: they are parsed once, judged twice without any text being made, and forgotten. Only a
 * rule that came out differently has its conditions walked again, with the values they saw.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client.h"

#include "base/mem.h"
#include "base/text.h"
#include "rules/contrast.h"

#define RECORD_LIMIT ((size_t)96 << 20)
#define NO_RULE      SIZE_MAX

typedef struct pair { /* a rule by its place in each set; NO_RULE: not there */
    size_t before, after;
} pair;

struct ptv_compare {
    ptv_client *before, *after;
    ptv_arena mem; /* of the record at hand */
    pair *pairs;
    ptv_rule_total *totals; /* one a pair */
    size_t count;
    ptv_comparison now;
};

static size_t find_rule(const ptv_ruleset *rs, const char *id)
{
    for (size_t i = 0; i < ptv_ruleset_rule_count(rs); i++)
        if (strcmp(ptv_ruleset_needs(rs, i).id, id) == 0)
            return i;
    return NO_RULE;
}

/* The newer rules in their order, then those that are gone. */
static void pair_rules(ptv_compare *c)
{
    const ptv_ruleset *before = c->before->rules, *after = c->after->rules;
    for (size_t i = 0; i < ptv_ruleset_rule_count(after); i++) {
        ptv_rule_needs rule = ptv_ruleset_needs(after, i);
        size_t old = find_rule(before, rule.id);
        c->pairs[c->count] = (pair){ .before = old, .after = i };
        c->totals[c->count++] = (ptv_rule_total){ .rule = rule.id,
                                                  .shadow = rule.status == PTV_SHADOW,
                                                  .state = old == NO_RULE                            ? PTV_RULE_ADDED
                                                           : ptv_rule_is_same(before, old, after, i) ? PTV_RULE_SAME
                                                                                                     : PTV_RULE_EDITED };
    }
    for (size_t i = 0; i < ptv_ruleset_rule_count(before); i++) {
        const char *id = ptv_ruleset_needs(before, i).id;
        if (find_rule(after, id) != NO_RULE)
            continue;
        c->pairs[c->count] = (pair){ .before = i, .after = NO_RULE };
        c->totals[c->count++] = (ptv_rule_total){ .rule = id, .state = PTV_RULE_REMOVED };
    }
}

ptv_code ptv_compare_new(ptv_compare **out, ptv_client *before, ptv_client *after, ptv_error *err)
{
    if (!before->rules || !after->rules)
        return ptv_fail(err, PTV_EINVAL, "both sides of a comparison need rules");
    ptv_compare *c = ptv_calloc(1, sizeof *c);
    size_t most = ptv_ruleset_rule_count(before->rules) + ptv_ruleset_rule_count(after->rules) + 1;
    if (c) {
        *c = (ptv_compare){ .before = before, .after = after, .mem = PTV_ARENA(RECORD_LIMIT) };
        c->pairs = ptv_calloc(most, sizeof *c->pairs);
        c->totals = ptv_calloc(most, sizeof *c->totals);
    }
    if (!c || !c->pairs || !c->totals) {
        ptv_compare_free(c);
        return ptv_fail_nomem(err);
    }
    pair_rules(c);
    *out = c;
    return PTV_OK;
}

void ptv_compare_free(ptv_compare *c)
{
    if (!c)
        return;
    ptv_arena_release(&c->mem);
    ptv_free(c->pairs);
    ptv_free(c->totals);
    ptv_free(c);
}

const ptv_rule_total *ptv_compare_total(const ptv_compare *c, size_t index)
{
    return index < c->count ? &c->totals[index] : NULL;
}

/* ------------------------------------------------------------------------------------ what made it differ */

static bool came_out_alike(const ptv_rule_result *a, const ptv_rule_result *b)
{
    if (!a || !b) { /* a rule that matches nothing here is no difference */
        const ptv_rule_result *only = a ? a : b;
        return !only || only->outcome == PTV_OUT_NO_MATCH || only->outcome == PTV_OUT_OFF;
    }
    return a->outcome == b->outcome && a->severity == b->severity && a->could_be == b->could_be;
}

static bool is_live(const ptv_rule_result *r)
{
    return r && r->status == PTV_LIVE;
}

static const char *status_name(ptv_rule_status s)
{
    return s == PTV_LIVE ? "live" : s == PTV_SHADOW ? "shadow" : "off";
}

static const char JOINED_DIFFERENTLY[] = "the same conditions, joined differently";

/* What no condition explains; NULL: the conditions do. */
static const char *in_words(ptv_arena *mem, const ptv_rule_result *a, const ptv_rule_result *b,
                            const ptv_contrast *conditions)
{
    if (!a)
        return "new rule";
    if (!b)
        return "the rule is gone";
    const char *status = NULL;
    if (a->status != b->status)
        status = ptv_arena_printf(mem, "status %s, was %s", status_name(b->status), status_name(a->status));
    const char *before = status ? status : "", *sign = status ? "; " : "";
    if (b->suppressed_by && !a->suppressed_by)
        return ptv_arena_printf(mem, "%s%sallowance %s suppresses it", before, sign, b->suppressed_by);
    if (a->suppressed_by && !b->suppressed_by)
        return ptv_arena_printf(mem, "%s%sallowance %s no longer suppresses it%s", before, sign, a->suppressed_by,
                                ptv_text_equal(a->suppressed_by, b->would_suppress) ? ": it has expired" : "");
    if (status || !(conditions->joined_differently || conditions->came_out_alike))
        return status;
    if (a->severity != b->severity && a->severity && b->severity)
        return ptv_arena_printf(mem, "severity %s, was %s", ptv_level_name(b->severity), ptv_level_name(a->severity));
    if (a->on_unknown != b->on_unknown)
        return b->on_unknown ? "unknown now counts as a match" : "unknown no longer counts as a match";
    return conditions->joined_differently ? JOINED_DIFFERENTLY : NULL;
}

static const char *truth_name(ptv_truth t)
{
    return t == PTV_YES ? "yes" : t == PTV_NO ? "no" : "unknown";
}

static ptv_code describe(ptv_rule_change *out, ptv_compare *c, const pair *p, const ptv_rule_result *a,
                         const ptv_rule_result *b, const ptv_record *record, const ptv_judge *how, ptv_error *err)
{
    ptv_contrast contrast;
    *out = (ptv_rule_change){ .rule = (a ? a : b)->id };
    if (a) {
        out->before = ptv_outcome_name(a->outcome);
        out->level_before = a->severity;
    }
    if (b) {
        out->after = ptv_outcome_name(b->outcome);
        out->level_after = b->severity;
    }
    const ptv_ruleset *before = c->before->rules, *after = c->after->rules;
    bool allowed = a && b && !a->suppressed_by != !b->suppressed_by;
    ptv_code rc;
    if (allowed) {
        out->allowance_after = b->suppressed_by != NULL;
        out->allowance = out->allowance_after ? b->suppressed_by : a->suppressed_by;
        rc = ptv_allow_contrast(&contrast, &out->allowance_file, &out->allowance_line, &c->mem, out->allowance,
                                out->allowance_after, before, after, record, how, err);
    } else {
        rc = ptv_ruleset_contrast(&contrast, &c->mem, before, p->before, after, p->after, record, how, err);
    }
    if (rc)
        return rc;
    out->what = in_words(&c->mem, a, b, &contrast);
    if (!allowed && out->what && out->what != JOINED_DIFFERENTLY && (contrast.joined_differently || contrast.came_out_alike))
        return PTV_OK;
    ptv_condition *list = ptv_arena_calloc(&c->mem, contrast.count + 1, sizeof *list);
    if (!list)
        return ptv_arena_fail(&c->mem, err);
    for (size_t i = 0; i < contrast.count; i++) {
        const ptv_trace *t = contrast.lines[i].trace;
        list[i] = (ptv_condition){ .text = contrast.lines[i].text,
                                   .seen = t->seen,
                                   .file = t->file,
                                   .line = t->line,
                                   .truth = truth_name(t->truth),
                                   .after = contrast.lines[i].after };
    }
    out->conditions = list;
    out->condition_count = contrast.count;
    return PTV_OK;
}

/* -------------------------------------------------------------------------------------------- one record */

static ptv_code judge(ptv_decision *out, ptv_compare *c, const ptv_client *client, const ptv_record *record, ptv_judge *how,
                      ptv_error *err)
{
    *how = client->how;
    how->brief = true;
    how->trace = false;
    how->why_not = NULL;
    how->time_required = record->now == PTV_NO_TIME;
    return ptv_ruleset_judge(out, &c->mem, client->rules, record, how, err);
}

static bool any_live_match(const ptv_decision *d)
{
    for (size_t i = 0; i < d->rule_count; i++)
        if (d->rules[i].status == PTV_LIVE && d->rules[i].outcome == PTV_OUT_MATCH)
            return true;
    return false;
}

static ptv_code compare_rules(ptv_compare *c, const ptv_record *record, const ptv_decision *before,
                              const ptv_decision *after, const ptv_judge *how, ptv_error *err)
{
    ptv_rule_change *changes = NULL;
    bool live_match = any_live_match(after);
    for (size_t i = 0; i < c->count; i++) {
        const pair *p = &c->pairs[i];
        ptv_rule_total *total = &c->totals[i];
        const ptv_rule_result *a = p->before == NO_RULE ? NULL : &before->rules[p->before];
        const ptv_rule_result *b = p->after == NO_RULE ? NULL : &after->rules[p->after];
        bool would_match = b && b->outcome == PTV_OUT_SHADOW_MATCH;
        total->would_match += would_match;
        total->had_already += would_match && live_match;
        if (came_out_alike(a, b))
            continue;
        total->differs++;
        total->decided += c->now.changed && (is_live(a) || is_live(b));
        if (!is_live(a) && !is_live(b))
            continue;
        if (!changes)
            changes = ptv_arena_calloc(&c->mem, c->count, sizeof *changes);
        if (!changes)
            return ptv_arena_fail(&c->mem, err);
        ptv_code rc = describe(&changes[c->now.rule_count++], c, p, a, b, record, how, err);
        if (rc)
            return rc;
    }
    c->now.rules = changes;
    return PTV_OK;
}

ptv_code ptv_compare_record(const ptv_comparison **out, ptv_compare *c, const char *text, size_t len, ptv_error *err)
{
    ptv_record *record;
    ptv_decision before, after;
    ptv_judge how;
    ptv_arena_reset(&c->mem);
    ptv_code rc = ptv_record_of_text(&record, &c->mem, &c->after->scratch, &c->after->sources, text, len, err);
    if (rc)
        return rc;
    int64_t now = c->after->options.now_utc;
    record->now = now && now != PTV_NO_TIME ? now : record->fetched_at;
    rc = judge(&before, c, c->before, record, &how, err);
    if (!rc)
        rc = judge(&after, c, c->after, record, &how, err);
    if (rc)
        return rc;
    c->now = (ptv_comparison){ .artifact = record->subject->value,
                               .before = before.verdict,
                               .after = after.verdict,
                               .severity_before = before.severity,
                               .severity_after = after.severity,
                               .changed = before.verdict != after.verdict || before.severity != after.severity };
    rc = compare_rules(c, record, &before, &after, &how, err);
    if (rc)
        return rc;
    *out = &c->now;
    return PTV_OK;
}
