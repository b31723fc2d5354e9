/*
 * needs.c: the fetch plan: which sections are worth asking next.
 *
 * Every condition is followed with the set of truths it could still have: one for what was read, all three for what was
 * not asked yet (an answer may also fail). A rule is settled when each of its levels that counts has one truth left; a
 * section matters while a condition that reads it is one of those that keep a rule from being settled. Both are exact
 * enough to be safe: treating two tests of one section as independent can only ask too much, never too little.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/judge.h"

#include "base/clock.h"

typedef unsigned truths; /* a set of ptv_truth: bit 1u << truth */
#define MAY(t) (1u << (t))
enum { ANYTHING = MAY(PTV_NO) | MAY(PTV_YES) | MAY(PTV_UNSURE) };

typedef struct planner {
    ptv_trial trial;
    const ptv_ruleset *rs;
    bool shadow_fetch;
    ptv_sections pending; /* may still be asked */
    ptv_sections pretend; /* of these, with every leaf taken to be ... */
    truths pretended;     /* ... this */
    uint8_t *known;       /* by node: 1 + the truth of a leaf that reads nothing pending; 0: not looked at */
    ptv_allow_state *allows;
} planner;

/* Where a rule stands. */
typedef struct standing {
    bool settled;
    bool matches, unknown; /* when settled: how it came out, before allowances */
    bool may_match;
    ptv_sections matter; /* pending sections that can still change it */
} standing;

/* ----------------------------------------------------------------------------------------------- truths */

static ptv_sections pending_of(const planner *p, const ptv_cond *c)
{
    if (c->op != PTV_OP_CUSTOM)
        return c->field->section == PTV_ALWAYS ? 0 : PTV_BIT(c->field->section) & p->pending;
    ptv_sections pending = 0;
    for (size_t i = 0; i < c->custom_field_count; i++) {
        ptv_section s = c->custom_fields[i]->section;
        if (s == PTV_ALWAYS)
            continue;
        if (!((p->pending | p->trial.readable) & PTV_BIT(s)))
            return 0; /* it will not run whatever the others answer */
        pending |= PTV_BIT(s) & p->pending;
    }
    return pending;
}

static truths leaf_truths(planner *p, const ptv_cond *c, ptv_sections *matter)
{
    ptv_sections pending = pending_of(p, c);
    if (pending & ~p->pretend) {
        *matter |= pending & ~p->pretend;
        return ANYTHING;
    }
    if (pending)
        return p->pretended;
    if (!p->known[c->node]) {
        ptv_why ignored = 0;
        p->known[c->node] = (uint8_t)(1 + ptv_leaf_test(&p->trial, c, &ignored));
    }
    return MAY(p->known[c->node] - 1);
}

static truths cond_truths(planner *p, const ptv_cond *c, ptv_sections *matter);

static truths at_least_of_truths(planner *p, const ptv_cond *c, ptv_sections *matter)
{
    double n = c->args.low;
    size_t may_yes = 0, never_no = 0, may_unsure = 0, only_yes = 0, yes_or_no = 0;
    for (size_t i = 0; i < c->kid_count; i++) {
        truths t = cond_truths(p, c->kids[i], matter);
        may_yes += (t & MAY(PTV_YES)) != 0;
        never_no += !(t & MAY(PTV_NO));
        may_unsure += (t & MAY(PTV_UNSURE)) != 0;
        only_yes += t == MAY(PTV_YES);
        yes_or_no += t == (MAY(PTV_YES) | MAY(PTV_NO));
    }
    truths out = 0;
    if ((double)may_yes >= n)
        out |= MAY(PTV_YES);
    if ((double)never_no < n)
        out |= MAY(PTV_NO);
    /* Unsure: fewer than n are yes, but n or more are not no. Kids that may be unsure are taken to be, and of those that
     * are yes or no as many to be yes as it takes. */
    for (size_t yes = only_yes; yes <= only_yes + yes_or_no && may_unsure; yes++)
        if ((double)yes < n && (double)(yes + may_unsure) >= n)
            out |= MAY(PTV_UNSURE);
    return out;
}

/* all{}: no when one kid may be, yes when every kid may be, unsure when one may be and none must be no. any{} and none{} are
 * the same with yes and no exchanged; none{} turns the outcome round. */
static truths join_truths(planner *p, const ptv_cond *c, ptv_sections *matter)
{
    truths strong = c->op == PTV_OP_ALL ? MAY(PTV_NO) : MAY(PTV_YES), weak = (MAY(PTV_NO) | MAY(PTV_YES)) & ~strong;
    bool may_strong = false, may_unsure = false, may_weak = true, must_strong = false;
    for (size_t i = 0; i < c->kid_count && !must_strong; i++) {
        truths t = cond_truths(p, c->kids[i], matter);
        may_strong |= (t & strong) != 0;
        may_unsure |= (t & MAY(PTV_UNSURE)) != 0;
        may_weak &= (t & weak) != 0;
        must_strong = t == strong;
    }
    if (must_strong)
        may_weak = may_unsure = false;
    truths if_strong = c->op == PTV_OP_NONE ? weak : strong, if_weak = c->op == PTV_OP_NONE ? strong : weak;
    return (may_strong ? if_strong : 0) | (may_weak ? if_weak : 0) | (may_unsure ? MAY(PTV_UNSURE) : 0);
}

static bool is_one(truths t)
{
    return (t & (t - 1)) == 0;
}

/* The truths a condition may still have; `matter` gets the pending sections that keep it from having one. */
static truths cond_truths(planner *p, const ptv_cond *c, ptv_sections *matter)
{
    if (ptv_cond_is_leaf(c))
        return leaf_truths(p, c, matter);
    ptv_sections of_kids = 0;
    truths t = c->op == PTV_OP_AT_LEAST_OF ? at_least_of_truths(p, c, &of_kids) : join_truths(p, c, &of_kids);
    if (!is_one(t))
        *matter |= of_kids;
    return t;
}

/* ------------------------------------------------------------------------------------------------ rules */

static bool counts(const planner *p, const ptv_rule *rule)
{
    return rule->status == PTV_LIVE || (rule->status == PTV_SHADOW && p->shadow_fetch);
}

static standing stand(planner *p, const ptv_rule *rule)
{
    standing out = { .settled = true };
    if (!counts(p, rule) || ptv_rule_is_off(rule, p->trial.record) || ptv_allow_always(&p->trial, p->allows, p->rs, rule))
        return out;
    bool unknown = false;
    for (size_t i = 0; i < rule->level_count; i++) {
        truths t = cond_truths(p, rule->levels[i].when, &out.matter);
        out.settled &= is_one(t);
        out.may_match |= (t & MAY(PTV_YES)) || (rule->on_unknown_match && (t & MAY(PTV_UNSURE)));
        unknown |= t == MAY(PTV_UNSURE);
        if (t == MAY(PTV_YES)) { /* lower levels do not count */
            out.matches = out.settled;
            break;
        }
    }
    if (out.settled && !out.matches && unknown) {
        out.matches = rule->on_unknown_match;
        out.unknown = !rule->on_unknown_match;
    }
    return out;
}

/* Pending sections that decide whether an allowance keeps this rule quiet; 0 too when one does already. */
static ptv_sections allowances_matter(planner *p, const ptv_rule *rule, bool *suppressed)
{
    ptv_sections matter = 0;
    *suppressed = false;
    for (size_t i = 0; i < p->rs->allow_count && !p->trial.rc; i++) {
        const ptv_allow *a = p->rs->allows[i];
        if (a->artifact_only || a->expires_day < p->trial.now_day || !ptv_allow_applies(a, rule))
            continue;
        if (cond_truths(p, a->when, &matter) == MAY(PTV_YES)) {
            *suppressed = true;
            return 0;
        }
    }
    return matter;
}

static ptv_sections shown_pending(const planner *p, const ptv_rule *rule)
{
    return rule->shown_sections & p->pending;
}

/* ----------------------------------------------------------------------------------------------- choice */

typedef struct wish { /* something still to be settled: a rule, or whether an allowance holds */
    const ptv_rule *rule;
    ptv_sections matter;
    bool allowance;
} wish;

static bool would_settle(planner *p, const wish *w, ptv_section s)
{
    bool settled = false, suppressed;
    p->pretend = PTV_BIT(s);
    for (int t = PTV_NO; t <= PTV_YES && !settled; t++) {
        p->pretended = MAY(t);
        settled = w->allowance ? !allowances_matter(p, w->rule, &suppressed) : stand(p, w->rule).settled;
    }
    p->pretend = 0;
    return settled;
}

/* The one section that can settle most; when none settles anything, the one that most wishes read; then table order. */
static ptv_sections choose_one(planner *p, const wish *wishes, size_t count)
{
    ptv_sections best = 0;
    size_t best_settles = 0, best_reads = 0;
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        size_t settles = 0, reads = 0;
        for (size_t i = 0; i < count; i++) {
            if (!(wishes[i].matter & PTV_BIT(s)))
                continue;
            reads++;
            settles += would_settle(p, &wishes[i], (ptv_section)s);
        }
        if (reads && (!best || settles > best_settles || (!settles && !best_settles && reads > best_reads))) {
            best = PTV_BIT(s);
            best_settles = settles;
            best_reads = reads;
        }
    }
    return best;
}

static ptv_sections plan(planner *p, wish *wishes, bool fast)
{
    ptv_sections all = 0, shown = 0;
    size_t count = 0;
    for (size_t i = 0; i < p->rs->rule_count && !p->trial.rc; i++) {
        const ptv_rule *rule = p->rs->rules[i];
        standing now = stand(p, rule);
        bool suppressed = false;
        if (!now.settled) {
            wishes[count++] = (wish){ .rule = rule, .matter = now.matter };
            all |= now.matter;
        }
        bool may_match = now.settled ? now.matches : now.may_match, may_unknown = now.settled ? now.unknown : true;
        if (!may_match && !may_unknown)
            continue;
        ptv_sections matter = allowances_matter(p, rule, &suppressed);
        all |= matter;
        if (now.settled && matter)
            wishes[count++] = (wish){ .rule = rule, .matter = matter, .allowance = true };
        if (may_match && !suppressed) {
            all |= shown_pending(p, rule);
            if (now.settled && !matter)
                shown |= shown_pending(p, rule);
        }
    }
    if (fast)
        return all;
    return count ? choose_one(p, wishes, count) : shown;
}

ptv_code ptv_ruleset_next_sections(ptv_sections *out, ptv_arena *mem, const ptv_ruleset *rs, const ptv_record *record,
                                   const ptv_judge *how, bool fast, bool shadow_fetch, ptv_error *err)
{
    ptv_judge plain = *how;
    plain.truths = NULL;
    plain.invert = -1;
    planner p = { .rs = rs,
                  .shadow_fetch = shadow_fetch,
                  .known = ptv_arena_calloc(mem, rs->node_count + 1, 1),
                  .allows = ptv_arena_calloc(mem, rs->allow_count + 1, sizeof *p.allows) };
    wish *wishes = ptv_arena_calloc(mem, rs->rule_count + 1, sizeof *wishes);
    if (!p.known || !p.allows || !wishes)
        return ptv_arena_fail(mem, err);
    ptv_trial_init(&p.trial, mem, record, &plain, err);
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        if (record->sections[s].state == PTV_STATE_NOT_ASKED && record->sections[s].cause == PTV_CAUSE_NONE)
            p.pending |= PTV_BIT(s);
    ptv_sections next = plan(&p, wishes, fast);
    if (p.trial.rc)
        return p.trial.rc;
    *out = next;
    return PTV_OK;
}
