/*
 * findings.h: the list behind ptv_findings: what rule files have to say. Text is copied.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_BASE_FINDINGS_H
#define PTV_BASE_FINDINGS_H
#include "base/json.h"
#include "ptverdict.h"

void ptv_finding_add(ptv_findings *f, ptv_grade grade, const char *file, int line, const char *code, const char *fmt, ...)
    PTV_PRINTF(6, 7);
const char *ptv_grade_name(ptv_grade g); /* "note" "warning" "error" */
/* "findings": [{"file", "line", "grade", "code", "message"}, …]; line is null where a file or folder is meant as a whole. */
void ptv_findings_json(ptv_json_out *o, const ptv_findings *f);
void ptv_findings_sort(ptv_findings *f); /* by file and line; stable */

/* Every code there is, in order of its letters, and what it means in one sentence without a full stop. */
typedef struct ptv_finding_code {
    const char *code, *about;
} ptv_finding_code;
extern const ptv_finding_code ptv_finding_codes[];
extern const size_t ptv_finding_code_count;

#endif
