/*
 * cases.h: the cases beside the rules, NAME.test.lua: what is given and what is expected, as plain data. They run in the
 * same sandbox as rules, with words of their own: case settings given-values (failed, not_asked, unsupported), recorded,
 * fixture.
 *
 *     settings { fresh = "30d" }                      -- for every case of this file
 *     case "name" {
 *       now = "2026-05-01T00:00:00Z", scope = "all", settings = { fresh = "7d" },
 *       given  = { artifact = "evil.example", tags = { "a" }, classification = failed "HTTP 503" },
 *       expect = { verdict = "compromised", severity = "high", rules = { ["flagged-tags"] = "match" } },
 *       rows   = { { name = "other case", given = { … } }, … },   -- each row: the case with these keys instead
 *     }
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_RULES_CASES_H
#define PTV_RULES_CASES_H
#include "base/findings.h"
#include "core/verdict.h"

typedef struct ptv_case_pair {
    const char *key, *value; /* value NULL: must not be there (hit = { ["Tags"] = false }) */
    int line;
} ptv_case_pair;

typedef struct ptv_case_pairs {
    const ptv_case_pair *items;
    size_t count;
    int line;     /* of the key itself; 0: not given */
} ptv_case_pairs; /* a list of words is pairs with key only */

typedef struct ptv_expect {
    int verdict, severity, could_be, complete; /* -1: not expected */
    const char *suppressed_by;                 /* allowance id; NULL: not expected */
    ptv_case_pairs rules, hit;                 /* id → outcome; name → value */
    ptv_case_pairs note_has, note_lacks;       /* each must (not) stand in the note */
    ptv_case_pairs missing, shadow;            /* exactly these sections; exactly these rules are shadow_match */
    int line;
} ptv_expect;

typedef struct ptv_case {
    const char *name; /* "tag on the list", or "tag on the list / other letter case" for a row */
    const char *file;
    int line;
    int64_t now;          /* PTV_NO_TIME: not given */
    bool every_rule;      /* scope = "all" */
    const char *given;    /* a record in the short form, as JSON; NULL: one of the next two */
    const char *recorded; /* artifact, looked up in the archive beside the file */
    const char *fixture;  /* file beside the file, in fixtures/ */
    ptv_case_pairs settings;
    ptv_expect expect;
    const char *problem; /* what is wrong with it: it cannot be run. NULL: nothing */
} ptv_case;

typedef struct ptv_cases {
    ptv_arena mem;
    const char *file;
    ptv_case *items;
    size_t count;
    ptv_case_pairs settings; /* of the whole file */
} ptv_cases;

/* Read one test file. Findings get unknown keys, wrong types and words that are no verdict, level, outcome or section, with
 * the line and did-you-mean; a case that is not sound is kept with its problem. Errors, but for PTV_ENOMEM findings too:
 * PTV_ERULES the file does not run, PTV_ETOOBIG, PTV_EIO. */
ptv_code ptv_cases_load(ptv_cases *out, const char *path, ptv_findings *findings, ptv_error *err);
void ptv_cases_release(ptv_cases *c);

#endif
