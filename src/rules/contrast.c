/*
 * contrast.c: which conditions make a rule come out differently under two rule sets.
 *
 * What decides a condition: an all{} that is no, its kids that are no; an all{} that is yes, all of them; and so on. What
 * decides on one side and does not stand on the other with the same outcome made the difference. Where every deciding
 * condition stands on both sides, they are joined differently: then what decides now is told.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/contrast.h"

#include "rules/explain.h"

typedef struct leaf {
    const char *text; /* without the level that a trace puts in front */
    const ptv_trace *trace;
    bool decides;
} leaf;

typedef struct side {
    const ptv_rule *rule; /* NULL: no such rule */
    ptv_trial trial;
    const ptv_trace *roots;
    leaf *leaves;
    size_t count;
} side;

static bool kid_decides(const ptv_cond *c, ptv_truth whole, ptv_truth kid)
{
    if (whole == PTV_UNSURE)
        return kid == PTV_UNSURE;
    switch (c->op) {
    case PTV_OP_ALL:
        return whole == PTV_YES || kid == PTV_NO;
    case PTV_OP_ANY:
        return whole == PTV_NO || kid == PTV_YES;
    case PTV_OP_NONE:
        return whole == PTV_YES || kid == PTV_YES;
    default: /* at_least_of */
        return kid == whole;
    }
}

static void gather(side *s, const ptv_cond *c, const ptv_trace *t, bool decides)
{
    if (ptv_cond_is_leaf(c)) {
        s->leaves[s->count++] = (leaf){ c->text, t, decides };
        return;
    }
    for (size_t i = 0; i < c->kid_count; i++)
        gather(s, c->kids[i], &t->kids[i], decides && kid_decides(c, t->truth, t->kids[i].truth));
}

/* Levels below the one that is reached have no say. */
static void open_side(side *s, ptv_arena *mem, const ptv_rule *rule, const ptv_record *record, const ptv_judge *how,
                      ptv_error *err)
{
    ptv_trial_init(&s->trial, mem, record, how, err);
    s->trial.walking = true;
    s->rule = rule;
    if (!rule || !rule->level_count)
        return;
    s->roots = ptv_trace_rule(&s->trial, s->rule);
    size_t weight = 0;
    for (size_t i = 0; i < s->rule->level_count; i++)
        weight += s->rule->levels[i].when->weight + 1;
    s->leaves = ptv_arena_calloc(mem, weight + 1, sizeof *s->leaves);
    if (!s->leaves && !s->trial.rc)
        s->trial.rc = ptv_arena_fail(mem, err);
    bool decides = true;
    for (size_t i = 0; i < s->rule->level_count && !s->trial.rc; i++) {
        gather(s, s->rule->levels[i].when, &s->roots[i], decides);
        decides = decides && s->roots[i].truth != PTV_YES;
    }
}

static bool stands_in(const side *s, const leaf *l)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->leaves[i].trace->truth == l->trace->truth && strcmp(s->leaves[i].text, l->text) == 0)
            return true;
    return false;
}

static void tell(ptv_contrast *out, ptv_contrast_line *room, const side *s, const side *other, bool after)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->leaves[i].decides && !(other && stands_in(other, &s->leaves[i])))
            room[out->count++] = (ptv_contrast_line){ s->leaves[i].text, s->leaves[i].trace, after };
}

/* NULL: a side has no such rule. `if_alike`: whose conditions are told when they are alike and came out alike. */
static ptv_code contrast(ptv_contrast *out, ptv_arena *mem, const ptv_rule *before, const ptv_rule *after, bool if_alike,
                         const ptv_record *record, const ptv_judge *how, ptv_error *err)
{
    side old = { 0 }, new = { 0 };
    ptv_judge plain = *how;
    plain.truths = NULL;
    open_side(&old, mem, before, record, &plain, err);
    if (!old.trial.rc)
        open_side(&new, mem, after, record, &plain, err);
    if (old.trial.rc || new.trial.rc)
        return old.trial.rc ? old.trial.rc : new.trial.rc;
    ptv_contrast_line *room = ptv_arena_calloc(mem, old.count + new.count + 1, sizeof *room);
    if (!room)
        return ptv_arena_fail(mem, err);
    *out = (ptv_contrast){ .lines = room };
    if (before && after && before->level_count == 1 && after->level_count == 1)
        out->came_out_alike = old.roots[0].truth == new.roots[0].truth;
    tell(out, room, &new, &old, true);
    tell(out, room, &old, &new, false);
    if (out->count == 0 && old.rule && new.rule) {
        out->joined_differently = true;
        tell(out, room, if_alike ? &new : &old, NULL, if_alike);
    }
    return PTV_OK;
}

static const ptv_rule *rule_at(const ptv_ruleset *rs, size_t index)
{
    return index < rs->rule_count ? rs->rules[index] : NULL;
}

ptv_code ptv_ruleset_contrast(ptv_contrast *out, ptv_arena *mem, const ptv_ruleset *before, size_t index_before,
                              const ptv_ruleset *after, size_t index_after, const ptv_record *record, const ptv_judge *how,
                              ptv_error *err)
{
    return contrast(out, mem, rule_at(before, index_before), rule_at(after, index_after), true, record, how, err);
}

static const ptv_allow *find_allow(const ptv_ruleset *rs, const char *id)
{
    for (size_t i = 0; i < rs->allow_count; i++)
        if (strcmp(rs->allows[i]->id, id) == 0)
            return rs->allows[i];
    return NULL;
}

/* An allowance has the one condition that a rule of one level has. */
ptv_code ptv_allow_contrast(ptv_contrast *out, const char **file, int *line, ptv_arena *mem, const char *id, bool is_after,
                            const ptv_ruleset *before, const ptv_ruleset *after, const ptv_record *record,
                            const ptv_judge *how, ptv_error *err)
{
    const ptv_allow *allows[2] = { find_allow(before, id), find_allow(after, id) };
    ptv_level_rule levels[2] = { 0 };
    ptv_rule rules[2] = { 0 };
    for (int i = 0; i < 2; i++) {
        levels[i].when = allows[i] ? allows[i]->when : NULL;
        rules[i].levels = &levels[i];
        rules[i].level_count = 1;
    }
    *file = allows[is_after]->file;
    *line = allows[is_after]->line;
    return contrast(out, mem, allows[0] ? &rules[0] : NULL, allows[1] ? &rules[1] : NULL, is_after, record, how, err);
}

/* --------------------------------------------------------------------------------------- are they the same */

static bool same_cond(const ptv_cond *a, const ptv_cond *b)
{
    if (a->op != b->op || a->kid_count != b->kid_count || a->args.low != b->args.low || strcmp(a->text, b->text) != 0)
        return false;
    if (a->op == PTV_OP_CUSTOM) /* a function has no text to compare */
        return false;
    for (size_t i = 0; i < a->kid_count; i++)
        if (!same_cond(a->kids[i], b->kids[i]))
            return false;
    return true;
}

bool ptv_rule_is_same(const ptv_ruleset *before, size_t index_before, const ptv_ruleset *after, size_t index_after)
{
    const ptv_rule *a = before->rules[index_before], *b = after->rules[index_after];
    if (a->status != b->status || a->level_count != b->level_count || a->on_unknown_match != b->on_unknown_match ||
        a->off_when_unsupported != b->off_when_unsupported)
        return false;
    for (size_t i = 0; i < a->level_count; i++)
        if (a->levels[i].level != b->levels[i].level || !same_cond(a->levels[i].when, b->levels[i].when))
            return false;
    return true;
}
