/*
 * whynot.c: the fewest conditions that would have to change for a rule to match.
 *
 * Over the tree, three-valued: to make all{} yes each kid that is not yes has to change; to make any{} yes the cheapest
 * does; none{} needs every kid no, at_least_of(n) the n cheapest. An unknown condition counts as one change, whichever
 * way it has to come out. A condition that stands there twice changes everywhere at once, so that the cheapest of each
 * branch need not be the cheapest together: then sets are tried, the smaller first.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/judge.h"

#include "base/clock.h"
#include "rules/explain.h"

typedef struct search {
    ptv_trial *trial;
    const uint8_t *truths; /* by node */
    uint32_t *costs;       /* 2 a node, to make it no and yes; one more than the cost, 0: not yet known */
    ptv_turn *turns;
    size_t count;
    bool *taken;    /* by node: a condition used twice changes once */
    uint8_t *place; /* of sets, below */
    size_t node_count;
} search;

static size_t cost(const search *s, const ptv_cond *c, bool yes);

/* The condition to make `yes`, or not; of how many kids, and what each of them must be. */
static size_t kids_needed(const ptv_cond *c, bool yes, bool *kid_yes)
{
    *kid_yes = c->op == PTV_OP_NONE ? !yes : yes;
    switch (c->op) {
    case PTV_OP_ALL:
    case PTV_OP_NONE:
        return yes ? c->kid_count : 1;
    case PTV_OP_ANY:
        return yes ? 1 : c->kid_count;
    default: { /* at_least_of */
        size_t least = c->args.low > 0 ? (size_t)c->args.low : 0;
        return yes ? least : least > c->kid_count ? 0 : c->kid_count - least + 1;
    }
    }
}

/* The next kid to change: the cheapest of those not yet chosen, the first of several. */
static size_t next_kid(const search *s, const ptv_cond *c, bool kid_yes, const bool *chosen, size_t *its_cost)
{
    size_t best = c->kid_count;
    for (size_t i = 0; i < c->kid_count; i++) {
        size_t here = chosen[i] ? SIZE_MAX : cost(s, c->kids[i], kid_yes);
        if (here < *its_cost || (best == c->kid_count && !chosen[i])) {
            best = i;
            *its_cost = here;
        }
    }
    return best;
}

static size_t cost_of_kids(const search *s, const ptv_cond *c, bool yes)
{
    bool kid_yes;
    size_t needed = kids_needed(c, yes, &kid_yes), total = 0;
    if (needed >= c->kid_count) {
        for (size_t i = 0; i < c->kid_count; i++)
            total += cost(s, c->kids[i], kid_yes);
        return total;
    }
    bool *chosen = ptv_arena_calloc(s->trial->mem, c->kid_count, sizeof *chosen);
    if (!chosen) {
        s->trial->rc = ptv_arena_fail(s->trial->mem, s->trial->err);
        return 0;
    }
    for (size_t i = 0; i < needed; i++) {
        size_t its_cost = SIZE_MAX, kid = next_kid(s, c, kid_yes, chosen, &its_cost);
        chosen[kid] = true;
        total += its_cost;
    }
    return total;
}

static size_t cost(const search *s, const ptv_cond *c, bool yes)
{
    if (s->truths[c->node] == (yes ? PTV_YES : PTV_NO) || s->trial->rc)
        return 0;
    if (ptv_cond_is_leaf(c))
        return 1;
    uint32_t *known = &s->costs[2 * c->node + yes];
    if (!*known)
        *known = (uint32_t)cost_of_kids(s, c, yes) + 1;
    return *known - 1;
}

static bool is_unread(const search *s, const ptv_cond *c)
{
    if (s->truths[c->node] != PTV_UNSURE)
        return false;
    for (size_t i = 0; i < c->custom_field_count; i++)
        if (!ptv_trial_readable(s->trial, c->custom_fields[i]->section))
            return true;
    return c->field && !ptv_trial_readable(s->trial, c->field->section);
}

static void take_leaf(search *s, const ptv_cond *c, const ptv_trace *trace, bool yes)
{
    if (s->taken[c->node])
        return;
    s->taken[c->node] = true;
    s->turns[s->count++] = (ptv_turn){ .text = c->text,
                                       .seen = trace->seen,
                                       .file = c->file,
                                       .line = c->line,
                                       .truth = trace->truth,
                                       .must_be = yes,
                                       .unread = is_unread(s, c) };
}

/* `trace` is the same tree as `c`, with the values seen. */
static void take(search *s, const ptv_cond *c, const ptv_trace *trace, bool yes)
{
    if (s->truths[c->node] == (yes ? PTV_YES : PTV_NO) || s->trial->rc)
        return;
    if (ptv_cond_is_leaf(c)) {
        take_leaf(s, c, trace, yes);
        return;
    }
    bool kid_yes;
    size_t needed = kids_needed(c, yes, &kid_yes);
    bool *chosen = ptv_arena_calloc(s->trial->mem, c->kid_count + 1, sizeof *chosen);
    if (!chosen) {
        s->trial->rc = ptv_arena_fail(s->trial->mem, s->trial->err);
        return;
    }
    for (size_t i = 0; i < needed && i < c->kid_count && !s->trial->rc; i++) {
        size_t its_cost = SIZE_MAX;
        chosen[next_kid(s, c, kid_yes, chosen, &its_cost)] = true;
    }
    for (size_t i = 0; i < c->kid_count; i++)
        if (chosen[i])
            take(s, c->kids[i], &trace->kids[i], kid_yes);
}

/* ------------------------------------------------------------------------------ conditions that stand there twice */

enum { MOST_LEAVES = 64, MOST_VISITS = 2000000 }; /* beyond these the answer above has to do */

typedef struct sets {
    const search *s;
    const ptv_cond *leaves[MOST_LEAVES]; /* each once */
    ptv_truth now[MOST_LEAVES];          /* as they are, or as a set would have them */
    uint8_t *place;                      /* by node: of its leaf, from 1 */
    size_t count, visits;
    bool repeated, too_many;
} sets;

/* A text that is cut short, or a custom condition's, may stand for two. */
static bool is_same(const ptv_cond *a, const ptv_cond *b)
{
    return a->op == b->op && a->op != PTV_OP_CUSTOM && strcmp(a->text, b->text) == 0 && !strstr(a->text, "…");
}

static void collect(sets *x, const ptv_cond *c)
{
    for (size_t i = 0; i < c->kid_count && !x->too_many; i++)
        collect(x, c->kids[i]);
    if (!ptv_cond_is_leaf(c))
        return;
    size_t i = 0;
    while (i < x->count && x->leaves[i] != c && !is_same(x->leaves[i], c))
        i++;
    x->repeated |= i < x->count;
    x->too_many |= i == MOST_LEAVES;
    if (x->too_many)
        return;
    if (i == x->count) {
        x->leaves[x->count] = c;
        x->now[x->count++] = (ptv_truth)x->s->truths[c->node];
    }
    x->place[c->node] = (uint8_t)(i + 1);
}

static ptv_truth value(sets *x, const ptv_cond *c)
{
    size_t yes = 0, unsure = 0;
    x->visits++;
    if (ptv_cond_is_leaf(c))
        return x->now[x->place[c->node] - 1];
    for (size_t i = 0; i < c->kid_count; i++) {
        ptv_truth kid = value(x, c->kids[i]);
        yes += kid == PTV_YES;
        unsure += kid == PTV_UNSURE;
    }
    return ptv_kleene(c, c->kid_count, yes, unsure);
}

/* Some `left` of the leaves from `from` on, changed, make it yes: `now` has them. */
static bool change(sets *x, const ptv_cond *root, size_t from, size_t left)
{
    if (!left)
        return value(x, root) == PTV_YES;
    for (size_t i = from; i + left <= x->count && x->visits < MOST_VISITS; i++) {
        const ptv_truth was = x->now[i], turned[] = { PTV_YES, PTV_NO };
        for (size_t k = 0; k < 2; k++) {
            x->now[i] = turned[k];
            if (turned[k] != was && change(x, root, i + 1, left - 1))
                return true;
        }
        x->now[i] = was;
    }
    return false;
}

/* The fewest changes of a level; `x` tells which, when it has no leaf twice `take` does. SIZE_MAX: none helps. */
static size_t fewest(sets *x, const search *s, const ptv_cond *when)
{
    memset(s->place, 0, s->node_count);
    *x = (sets){ .s = s, .place = s->place };
    collect(x, when);
    x->repeated &= !x->too_many;
    for (size_t many = 0; x->repeated && many <= x->count; many++)
        if (change(x, when, 0, many))
            return many;
    bool tried_all = x->repeated && x->visits < MOST_VISITS;
    x->repeated = false;
    return tried_all ? SIZE_MAX : cost(s, when, true);
}

static void take_changed(search *s, sets *x, const ptv_cond *c, const ptv_trace *trace)
{
    for (size_t i = 0; i < c->kid_count; i++)
        take_changed(s, x, c->kids[i], &trace->kids[i]);
    if (!ptv_cond_is_leaf(c))
        return;
    size_t at = x->place[c->node] - 1U;
    if (x->now[at] != (ptv_truth)s->truths[c->node])
        take_leaf(s, c, trace, x->now[at] == PTV_YES);
    x->now[at] = (ptv_truth)s->truths[c->node]; /* said once */
}

/* ------------------------------------------------------------------------------------------- the answer */

/* What conditions cannot mend. */
static const char *besides(ptv_judging *j, const ptv_rule_result *r)
{
    char day[32];
    switch (r->outcome) {
    case PTV_OUT_MATCH:
        return "it matches";
    case PTV_OUT_SHADOW_MATCH:
        return "it matches, but as a shadow: it never alerts";
    case PTV_OUT_OFF:
    case PTV_OUT_ERROR:
        return r->reason;
    case PTV_OUT_SUPPRESSED:
        ptv_time_format_day(day, r->suppressed_until);
        ptv_buf_printf(&j->words, "allowance %s suppresses it until %s", r->suppressed_by, day);
        return ptv_words_keep(&j->trial, &j->words);
    case PTV_OUT_NO_MATCH:
    case PTV_OUT_UNKNOWN:
        break;
    }
    return NULL;
}

/* The level that takes the fewest changes; of several the lowest. */
static void find_turns(ptv_judging *j, ptv_why_not *out, const ptv_rule *rule)
{
    ptv_trial *e = &j->trial;
    uint8_t *kept = e->truths, *truths = ptv_arena_calloc(e->mem, j->rs->node_count + 1, sizeof *truths);
    search s = { .trial = e, .truths = truths, .node_count = j->rs->node_count };
    sets x;
    s.costs = ptv_arena_calloc(e->mem, j->rs->node_count + 1, 2 * sizeof *s.costs);
    s.turns = ptv_arena_calloc(e->mem, j->rs->node_count + 1, sizeof *s.turns);
    s.taken = ptv_arena_calloc(e->mem, j->rs->node_count + 1, sizeof *s.taken);
    s.place = ptv_arena_calloc(e->mem, j->rs->node_count + 1, sizeof *s.place);
    if (!truths || !s.costs || !s.turns || !s.taken || !s.place) {
        e->rc = ptv_arena_fail(e->mem, e->err);
        return;
    }
    e->truths = truths;
    e->walking = true;
    const ptv_trace *roots = ptv_trace_rule(e, rule);
    e->truths = kept;
    size_t best = 0, best_cost = SIZE_MAX;
    for (size_t i = 0; i < rule->level_count && !e->rc; i++) {
        size_t here = fewest(&x, &s, rule->levels[i].when);
        if (here <= best_cost) {
            best = i;
            best_cost = here;
        }
    }
    if (e->rc || !rule->level_count)
        return;
    if (best_cost == SIZE_MAX) {
        out->besides = "its conditions contradict one another: it can never match";
        return;
    }
    fewest(&x, &s, rule->levels[best].when);
    if (x.repeated)
        take_changed(&s, &x, rule->levels[best].when, &roots[best]);
    else
        take(&s, rule->levels[best].when, &roots[best], true);
    out->level = rule->levels[best].level;
    out->turns = s.turns;
    out->turn_count = s.count;
}

void ptv_judging_why_not(ptv_judging *j)
{
    size_t i = 0;
    while (i < j->rs->rule_count && strcmp(j->rs->rules[i]->id, j->how->why_not) != 0)
        i++;
    if (i == j->rs->rule_count) {
        j->trial.rc = ptv_fail(j->trial.err, PTV_EINVAL, "no rule has the id '%s'", j->how->why_not);
        return;
    }
    const ptv_rule *rule = j->rs->rules[i];
    const ptv_rule_result *result = &j->results[i];
    ptv_why_not *out = ptv_arena_calloc(j->trial.mem, 1, sizeof *out);
    if (!out) {
        j->trial.rc = ptv_arena_fail(j->trial.mem, j->trial.err);
        return;
    }
    *out = (ptv_why_not){ .rule = rule->id, .outcome = result->outcome, .besides = besides(j, result) };
    bool can_change = result->outcome == PTV_OUT_NO_MATCH || result->outcome == PTV_OUT_UNKNOWN ||
                      result->outcome == PTV_OUT_SUPPRESSED || result->outcome == PTV_OUT_ERROR;
    if (can_change && !j->trial.rc)
        find_turns(j, out, rule);
    if (!j->trial.rc)
        j->decision->why_not = out;
}
