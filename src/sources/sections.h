/*
 * sections.h: whole sections of a record: emptied, copied, answered with none, joined from two sources.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SOURCES_SECTIONS_H
#define PTV_SOURCES_SECTIONS_H
#include "core/record.h"

void ptv_section_clear(ptv_record *r, ptv_section section); /* fields absent, state not_asked, nothing known */
void ptv_section_copy(ptv_record *to, const ptv_record *from, ptv_section section); /* fields and state; same arena */
/* "Answered, none": the fields of an answer that holds nothing; the state is the caller's. PTV_ESHAPE: the section has no
 * such answer (account). */
ptv_code ptv_section_none(ptv_record *r, ptv_arena *mem, ptv_section section, ptv_error *err);
/*
 * Add another source's answer to one already in `r`; both sections are ok. Sets and records are united, a classification is
 * the worse of both, the numbers are those of the source that counts.
 */
ptv_code ptv_section_join(ptv_record *r, ptv_arena *mem, const ptv_record *other, ptv_section section, ptv_error *err);

/* The worse of two words of ptv_classification_names, malicious first, non-malicious last; NULL is no word. */
const char *ptv_classification_worse(const char *a, const char *b);

#endif
