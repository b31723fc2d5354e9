/*
 * testing.h: what a run of the cases beside the rules came to; testing.c and its parts (testing_run.h) fill it,
 * testing_write.c prints it, testing_expect.c holds what came against what a case expects.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_TESTING_H
#define PTV_TESTING_H
#include "client.h"
#include "rules/cases.h"
#include "rules/tree.h"

/* Trees of conditions: plain text, and for a terminal that shows colour. */
enum { PTV_TEST_PLAIN, PTV_TEST_INKED, PTV_TEST_INKS };

typedef struct ptv_case_result {
    const char *file, *name;
    int line;
    bool failed;
    const char *failure;             /* lines: "verdict: expected compromised, got no_match"; NULL */
    const char *tree[PTV_TEST_INKS]; /* the conditions of the rule in question; NULL */
    int64_t elapsed_us;
    struct ptv_case_result *next;
} ptv_case_result;

typedef struct ptv_name {
    const char *name;
    struct ptv_name *next;
} ptv_name;

/* One condition (a leaf) of one rule or allowance, over every rule set it was judged in. Lines of exceptions.csv are data,
 * as those of any list, and not among them. */
typedef struct ptv_covered {
    const char *file, *id, *text;
    bool of_allow;
    int line;
    unsigned ordinal;          /* among the leaves of that rule or allowance */
    ptv_name *by[3], *last[3]; /* the cases that saw it no, yes, unknown (by ptv_truth) */
    unsigned times[3];
    bool noticed, inverted; /* --invert: some case noticed; it was tried */
    struct ptv_covered *next;
} ptv_covered;

typedef struct ptv_flip { /* --fail-sections: a failed section turned match and no_match round */
    const char *file, *name, *rule;
    int line;
    ptv_section section;
    const char *before, *after, *trees[PTV_TEST_INKS];
    struct ptv_flip *next;
} ptv_flip;

struct ptv_test_report {
    ptv_arena mem;
    ptv_test_options options;
    ptv_case_result *cases, **cases_end;
    ptv_covered *covered, **covered_end;
    ptv_flip *flips, **flips_end;
    ptv_name *left_out;     /* --fail-sections: rules that turn because of on_unknown = "match" */
    ptv_findings *findings; /* of rule and test files */
    size_t passed, failed;
    size_t problems; /* error findings */
    bool stopped;    /* fail_fast ended it */
};

/* Percent of yes and no seen over all conditions; 100 when there are none. */
double ptv_test_coverage(const ptv_test_report *r);
size_t ptv_test_unnoticed(const ptv_test_report *r);

/*
 * Does a decision differ from what a case expects? out: a line a difference, "verdict: expected compromised, got no_match";
 * NULL when only the answer counts. culprit: the rule to show, borrowed from the decision; NULL when nothing differs, or not
 * wanted.
 */
bool ptv_expect_differs(ptv_buf *out, const ptv_rule_result **culprit, const ptv_decision *decision,
                        const ptv_expect *expect);
/* What no set of rules could come to, or this one could not: rules, allowances and hit fields that it does not have, a
 * verdict beside a severity that makes another one. Findings with line and did-you-mean; false then. */
bool ptv_expect_check(ptv_findings *findings, const ptv_case *c, const ptv_ruleset *rules, const char *path,
                      ptv_level alert_from);

#endif
