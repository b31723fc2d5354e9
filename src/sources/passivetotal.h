/*
 * passivetotal.h: what the two halves of the PassiveTotal source share: passivetotal.c (calls, statuses, messages) and
 * passivetotal_fields.c (the fields of each section).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SOURCES_PASSIVETOTAL_H
#define PTV_SOURCES_PASSIVETOTAL_H
#include "sources/source.h"

/* Fill the fields of one section from the parsed answer, and its warnings. PTV_ESHAPE says what was unexpected. */
ptv_code ptv_passivetotal_fill(ptv_record *r, ptv_arena *mem, const ptv_source_settings *s, ptv_section section,
                               const ptv_json *root, ptv_error *err);
/* Append a stranger's text, at most about `most` bytes of it, with *** for what the call was signed with, in every form in
 * which a service may say it back. */
void ptv_passivetotal_mask(ptv_buf *out, const ptv_source_settings *s, const char *text, size_t len, size_t most);
/* At most `most` bytes of text, not cut inside a UTF-8 character. */
size_t ptv_text_clip(const char *text, size_t len, size_t most);

#endif
