/*
 * layout.h: text for a terminal: columns that count what is seen, colour, and a table.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_REPORT_LAYOUT_H
#define PTV_REPORT_LAYOUT_H
#include "base/buf.h"

typedef enum ptv_ink { PTV_INK_PLAIN, PTV_INK_BOLD, PTV_INK_DIM, PTV_INK_RED, PTV_INK_YELLOW, PTV_INK_CYAN } ptv_ink;

/* A page that is being written. `color` also allows box drawing: plain output stays ASCII but for the text itself. */
typedef struct ptv_page {
    ptv_buf *out;
    ptv_buf cell; /* scratch */
    bool color;
} ptv_page;

/* Columns that a terminal needs for UTF-8 text: 2 for wide letters, 0 for marks that combine. */
size_t ptv_text_columns(const char *text, size_t len);

/* Text of ours or from outside, made harmless for a terminal (new lines too), in an ink. NULL is "". */
void ptv_page_put(ptv_page *p, ptv_ink ink, const char *text);
/* The same, filled with blanks up to `columns`. */
void ptv_page_put_padded(ptv_page *p, ptv_ink ink, const char *text, size_t columns);
void ptv_page_fill(ptv_page *p, size_t blanks);
/* The lines of a text, indented; beyond `most` they are only counted. */
void ptv_page_lines(ptv_page *p, size_t indent, const char *text, size_t most);

typedef struct ptv_pair {
    const char *name, *value;
} ptv_pair;
/* Two columns: aligned names and values, in a box when the page has colour; then long values are folded. */
void ptv_page_table(ptv_page *p, size_t indent, const ptv_pair *pairs, size_t count);

#endif
