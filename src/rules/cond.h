/*
 * cond.h: one condition against one record, three-valued. Internal to this folder.
 *
 * A test is unsure for a reason; the reasons are a set that grows from the leaves to the root, so that a decision can
 * say what was missing without walking the tree again.
 */
#ifndef PTV_RULES_COND_H
#define PTV_RULES_COND_H
#include "rules/tree.h"

typedef uint32_t ptv_why; /* the sections that could not be read (as in ptv_sections), and: */
enum {
    PTV_WHY_TRUNCATED = 1u << 28, /* more records exist than were sent */
    PTV_WHY_CUSTOM = 1u << 29,    /* a custom condition returned nil */
    PTV_WHY_ERROR = 1u << 30      /* a custom condition failed */
};
#define PTV_WHY_SECTIONS ((1u << PTV_SECTION_COUNT) - 1)

/* What custom conditions said, newest first. */
typedef struct ptv_said {
    unsigned node;
    bool error;
    const char *text; /* arena; NULL when it gave no reason */
    const struct ptv_said *next;
} ptv_said;

typedef struct ptv_trial { /* one judgement under way */
    const ptv_record *record;
    ptv_arena *mem;
    ptv_sections readable; /* by state, and by stale_is_unknown */
    int64_t now, now_day;
    bool truncated;
    bool time_required; /* `now` is not known: a time test that needs it ends the judgement */
    bool walking;       /* explain's second pass: such a test is unsure instead, and nothing is warned of */
    int invert;
    uint8_t *truths;
    const ptv_said *said;
    unsigned future_fields; /* bit i: field i of ptv_fields was later than now in a `within` or `older_than` */
    bool future_rows;
    ptv_code rc; /* the first failure that ends the judgement; err says it */
    ptv_error *err;
} ptv_trial;

/* `how` is borrowed for the call only; its truths for the life of `e`. */
void ptv_trial_init(ptv_trial *e, ptv_arena *mem, const ptv_record *record, const ptv_judge *how, ptv_error *err);
bool ptv_trial_readable(const ptv_trial *e, ptv_section s);    /* PTV_ALWAYS always is */
bool ptv_trial_is_cut(const ptv_trial *e, const ptv_field *f); /* more of it exists than was sent */

/* Evaluate, stopping as soon as the outcome is known. `why` gets the reasons when the outcome is unsure (may already
 * hold others). After e->rc is set the value means nothing. */
ptv_truth ptv_cond_eval(ptv_trial *e, const ptv_cond *c, ptv_why *why);
/* One leaf as it is, neither turned round nor noted in truths. */
ptv_truth ptv_leaf_test(ptv_trial *e, const ptv_cond *c, ptv_why *why);
/* Turned round when it is the node to invert; noted. */
ptv_truth ptv_cond_note(ptv_trial *e, const ptv_cond *c, ptv_truth t);
/* Kleene logic on counts: of `total` conditions `yes` are yes and `unsure` are unsure. */
ptv_truth ptv_kleene(const ptv_cond *c, size_t total, size_t yes, size_t unsure);
static inline bool ptv_cond_is_leaf(const ptv_cond *c)
{
    return c->op > PTV_OP_AT_LEAST_OF;
}

/* How many rows pass the filter, at most `enough` + 1 counted. */
size_t ptv_rows_passing(ptv_trial *e, const ptv_cond *c, size_t enough);
/* Mark the items of a set that has_any, has_all or like_any looks for; marks already made stay. */
void ptv_set_mark(bool *marks, const ptv_cond *c, const ptv_set *set);
/* What a custom condition said last; NULL. */
const ptv_said *ptv_said_by(const ptv_trial *e, const ptv_cond *c);

#endif
