/*
 * pyjson.h: JSON the way Python's json.dumps() writes it, which is what the platform has always been sent: ", " and ": "
 * between things, nothing but ASCII. It works on text that is valid JSON already, so that numbers stay as they were written.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SOAR_PYJSON_H
#define PTV_SOAR_PYJSON_H
#include "base/buf.h"

/* A text as a JSON string, quotes included. Bytes that are not UTF-8 become U+FFFD. */
void ptv_pyjson_text(ptv_buf *out, const char *text, size_t len);

typedef struct ptv_pyjson {
    int indent;               /* spaces a level; 0: all on one line */
    int level;                /* levels that are open already around it */
    const char *replaced_key; /* of the outermost object: its value is not written, `replacement` is; NULL: none */
    const char *replacement;  /* valid JSON */
} ptv_pyjson;
/* One JSON value, which must be valid. */
void ptv_pyjson_write(ptv_buf *out, const char *json, size_t len, const ptv_pyjson *how);

/* Walking over valid JSON as text. Each gives the first byte behind. */
const char *ptv_pyjson_skip_blanks(const char *at);
const char *ptv_pyjson_skip(const char *value);

/* Text that will be valid for a reader less patient than Python's: bytes that are not UTF-8, "\u0000" and lone surrogates
 * become U+FFFD. The text itself when there is nothing to do, else one in `scratch`, NULL when that failed. */
const char *ptv_pyjson_soften(const char *text, size_t *len, ptv_buf *scratch);

#endif
