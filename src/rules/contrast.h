/*
 * contrast.h: one rule in two rule sets: is it written alike, and which conditions make it come out differently.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_RULES_CONTRAST_H
#define PTV_RULES_CONTRAST_H
#include "rules/rules.h"

typedef struct ptv_contrast_line {
    const char *text; /* the condition in the rule's own words */
    const ptv_trace *trace;
    bool after; /* it stands in the newer set, else in the older */
} ptv_contrast_line;

typedef struct ptv_contrast {
    const ptv_contrast_line *lines; /* the newer set's first */
    size_t count;
    bool came_out_alike;     /* in rules of one level: whatever differs, it was not the conditions */
    bool joined_differently; /* the same conditions came out the same, yet the whole did not */
} ptv_contrast;

/* The conditions that made the difference for this record. An index past the end: the set has no such rule. All of `out`
 * lives in `mem` and borrows from both sets. Errors: PTV_ENOMEM, PTV_ETOOBIG. */
ptv_code ptv_ruleset_contrast(ptv_contrast *out, ptv_arena *mem, const ptv_ruleset *before, size_t index_before,
                              const ptv_ruleset *after, size_t index_after, const ptv_record *record, const ptv_judge *how,
                              ptv_error *err);

/* The same for an allowance that holds a rule back in one of two sets, `after`: in the newer. Where nothing about its
 * conditions made the difference (its last day, the rules it is for), those that hold are told. *file and *line: where it
 * stands, in that set. */
ptv_code ptv_allow_contrast(ptv_contrast *out, const char **file, int *line, ptv_arena *mem, const char *id, bool is_after,
                            const ptv_ruleset *before, const ptv_ruleset *after, const ptv_record *record,
                            const ptv_judge *how, ptv_error *err);

/* The same conditions, levels and status? Lists and the insides of custom conditions are not compared: a rule with a
 * custom condition never counts as the same. */
bool ptv_rule_is_same(const ptv_ruleset *before, size_t index_before, const ptv_ruleset *after, size_t index_after);

#endif
