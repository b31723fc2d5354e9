/*
 * judge.h: a judgement under way, shared by judge.c (outcomes and verdict), card.c (hit and note) and summary.c (text for
 * people). Internal to this folder.
 */
#ifndef PTV_RULES_JUDGE_H
#define PTV_RULES_JUDGE_H
#include "base/buf.h"
#include "rules/cond.h"

/* What an allowance came to, found out once and only when something asks. */
typedef struct ptv_allow_state {
    enum { PTV_ALLOW_UNASKED, PTV_ALLOW_NO, PTV_ALLOW_UNSURE, PTV_ALLOW_HOLDS, PTV_ALLOW_EXPIRED } is;
    ptv_why why;
} ptv_allow_state;

/* What a rule came to, beside its result. */
typedef struct ptv_finding_of {
    const ptv_level_rule *reached; /* the level that holds, or counts as if it did; NULL */
    const ptv_level_rule *open;    /* the highest that is unsure; NULL */
    ptv_why why;                   /* of every level that is unsure */
    ptv_sections missing;          /* unread sections that a live rule needed, to be judged or shown */
    bool undecided;                /* keeps the verdict from being no_match */
} ptv_finding_of;

typedef struct ptv_judging {
    ptv_trial trial;
    const ptv_ruleset *rs;
    const ptv_judge *how;
    ptv_decision *decision;
    ptv_rule_result *results; /* one a rule, as the two below */
    ptv_finding_of *found;
    ptv_allow_state *allows;
    ptv_buf words; /* scratch; heap, touched only where there is something to say */
    ptv_buf warnings;
} ptv_judging;

bool ptv_allow_applies(const ptv_allow *a, const ptv_rule *rule);
/* Evaluates it at most once a judgement. */
const ptv_allow_state *ptv_allow_judge(ptv_trial *e, ptv_allow_state *states, const ptv_ruleset *rs, size_t index);
/* The artifact-only allowance that suppresses this rule whatever its conditions say; NULL. */
const ptv_allow *ptv_allow_always(ptv_trial *e, ptv_allow_state *states, const ptv_ruleset *rs, const ptv_rule *rule);
/* when_unsupported = "off" and a section it is judged by is. */
bool ptv_rule_is_off(const ptv_rule *rule, const ptv_record *record);

/* Each fills its part of the decision; failures in trial.rc. */
void ptv_judging_reasons(ptv_judging *j);
void ptv_judging_card(ptv_judging *j);
void ptv_judging_note(ptv_judging *j);
void ptv_judging_summary(ptv_judging *j);
void ptv_judging_why_not(ptv_judging *j);

static inline bool ptv_is_live_match(const ptv_rule_result *r)
{
    return r->status == PTV_LIVE && r->outcome == PTV_OUT_MATCH;
}

#endif
