/*
 * parts.h: what the writers of this folder share.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_REPORT_PARTS_H
#define PTV_REPORT_PARTS_H
#include "base/json.h"
#include "report/report.h"

/* The decision as one JSON object under `key`. */
void ptv_decision_put(ptv_json_out *o, const char *key, const ptv_result *r, unsigned flags);
/* The hit card as a list of { name, type, value } under "hit". */
void ptv_hit_put(ptv_json_out *o, const ptv_decision *d);

/* True for a section whose absence a reader should know of: a live rule needed it, or it was asked for and not read. */
bool ptv_section_is_lost(const ptv_result *r, ptv_section s);
/* The ids of the live rules that needed a section; NULL when none did. */
const ptv_missing *ptv_missing_of(const ptv_decision *d, ptv_section s);
/* "HTTP 503: service unavailable", or the state's name where there is no reason. */
const char *ptv_section_why(const ptv_section_info *info);
/* Whether it is worth asking again: "ask again in 30m", "asking again is useless until the key is put right". */
void ptv_section_advice(char out[96], const ptv_section_info *info);
/* Values of a set as the source sent them, joined. */
void ptv_set_join(ptv_buf *out, const ptv_set *set, const char *between);
/* A time as its day, "" when there is none. */
void ptv_day_text(char out[32], int64_t utc);

/* Copies a scratch buffer's failure into the buffer that the caller looks at. */
void ptv_buf_inherit(ptv_buf *out, const ptv_buf *scratch);

#endif
