/*
 * archive_line.h: one recorded answer: {"endpoint":"/v2/actions/tags","query":"evil.example","status":200,
 * "fetched_at":"2026-05-01T00:00:00Z","body":{…} or "…"}. No tree is built of the line: only of its body, once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SOURCES_ARCHIVE_LINE_H
#define PTV_SOURCES_ARCHIVE_LINE_H
#include "sources/source.h"

typedef struct ptv_span {
    const char *text; /* NULL: not there */
    size_t len;
} ptv_span;

typedef struct ptv_archive_line {
    ptv_span endpoint, query, status, fetched_at, body; /* JSON values as they stand in the line */
} ptv_archive_line;

typedef struct ptv_archive_key {
    bool is_known; /* false: an endpoint that fills no section */
    ptv_section section;
    const char *query; /* normalised as an artifact; "" where none is given */
} ptv_archive_key;

/* Find the members. PTV_ESHAPE: the line is cut or broken; what stood before is there all the same. */
ptv_code ptv_archive_line_scan(ptv_archive_line *out, const char *text, size_t len, ptv_error *err);
/* Whose answer it is. PTV_ESHAPE: endpoint or query missing or not readable; PTV_ENOMEM. */
ptv_code ptv_archive_line_key(ptv_archive_key *out, ptv_arena *mem, const ptv_archive_line *line, ptv_error *err);
/* Status and time of fetching. PTV_ESHAPE: missing or not readable. */
ptv_code ptv_archive_line_facts(ptv_answer *out, ptv_arena *mem, const ptv_archive_line *line, ptv_error *err);
/* Fill the section as ptv_passivetotal_read() does; `facts` as read above, its body is taken from the line. */
ptv_code ptv_archive_line_read(ptv_record *r, ptv_arena *mem, ptv_arena *scratch, const ptv_source_settings *s,
                               ptv_section section, const ptv_archive_line *line, ptv_answer facts, ptv_error *err);

#endif
