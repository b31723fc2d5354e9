/*
 * list_rows.h: rows of a list of indicators: CSV (RFC 4180, a header names the columns) or NDJSON with the same names.
 *
 *   indicator,tags,classification,first_seen,last_seen
 *   *.evil.example,ransomware;c2,malicious,2026-01-31,2026-02-03
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SOURCES_LIST_ROWS_H
#define PTV_SOURCES_LIST_ROWS_H
#include "base/arena.h"

enum {
    PTV_LIST_INDICATOR,
    PTV_LIST_TAGS,
    PTV_LIST_CLASSIFICATION,
    PTV_LIST_FIRST_SEEN,
    PTV_LIST_LAST_SEEN,
    PTV_LIST_COLUMNS
};
#define PTV_LIST_MAX_COLUMNS 64

typedef struct ptv_list_format {
    bool is_json;
    size_t column_count;                  /* of the header */
    int8_t meaning[PTV_LIST_MAX_COLUMNS]; /* PTV_LIST_…, -1: a column of no use to us */
} ptv_list_format;

typedef struct ptv_list_cell {
    const char *text; /* NULL: no such column */
    size_t len;
} ptv_list_cell;

typedef struct ptv_list_row {
    ptv_list_cell cells[PTV_LIST_COLUMNS]; /* trimmed; borrowed from the text or in the arena */
} ptv_list_row;

typedef struct ptv_list_cursor {
    const char *at, *end;
    unsigned line; /* of *at, from 1 */
} ptv_list_cursor;

/* Look at the beginning: '{' is NDJSON, else a CSV header. PTV_EINVAL: no column "indicator", or one that looks like a slip.
 */
ptv_code ptv_list_format_read(ptv_list_format *out, ptv_arena *mem, ptv_list_cursor *c, ptv_error *err);
/* To the beginning of the next row, over blank lines and comments (#). false: no more. */
bool ptv_list_seek(ptv_list_cursor *c);
/* Read the row at the cursor. PTV_EINVAL says what is wrong with it. */
ptv_code ptv_list_row_read(ptv_list_row *out, ptv_arena *mem, const ptv_list_format *format, ptv_list_cursor *c,
                           ptv_error *err);

#endif
