/*
 * report.h: a decision in the forms of docs/outputs.md. Pure: everything goes into a buffer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_REPORT_REPORT_H
#define PTV_REPORT_REPORT_H
#include "base/buf.h"
#include "core/verdict.h"

typedef struct ptv_result {       /* what a report is made of */
    const ptv_record *record;     /* its subject's input may differ from `input` */
    const ptv_decision *decision; /* never NULL: what was fetched without rules is printed as a record */
    const char *input;            /* as this caller gave it */
    const char *soar_inputs;      /* JSON object to echo in the SOAR result; NULL: made from artifact and type */
    int64_t elapsed_ms;
} ptv_result;

void ptv_report_text(ptv_buf *out, const ptv_result *r, unsigned flags); /* ends with a newline */
/* The conditions of one rule as --explain shows them; the rule must have been judged with a trace. */
void ptv_report_tree(ptv_buf *out, const ptv_rule_result *rule, unsigned flags);
void ptv_report_json(ptv_buf *out, const ptv_result *r, unsigned flags); /* one line, no newline */
void ptv_report_csv(ptv_buf *out, const ptv_result *r);                  /* one row with its newline */
extern const char ptv_report_csv_columns[];                              /* the first row, no newline */
/* The SOAR payload 2.0: content, raw, inputs, metrics, decision, hit, note. `note_from`: no note below this level. */
typedef struct ptv_soar_options {
    ptv_level note_from;
    bool unknown_fails; /* unknown: success false with a reason; else success true, content [] */
    bool unknown_once;  /* and the reason says that the next ones will not be noted */
    const char *host;   /* metrics.host */
    int64_t now_utc;
    int utc_offset_s; /* metrics.timestamp, local time */
} ptv_soar_options;
void ptv_report_soar(ptv_buf *out, const ptv_result *r, const ptv_soar_options *o); /* one line, no newline */
void ptv_report_why_unknown(ptv_buf *out, const ptv_result *r); /* why nothing can be said, and what to do about it */
void ptv_report_soar_refusal(ptv_buf *out, const char *inputs_json, const char *reason, const ptv_soar_options *o);

#endif
