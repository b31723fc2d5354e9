/*
 * text.h: small pure functions on text. "Folded" means trimmed of ASCII blanks and ASCII lower case.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_BASE_TEXT_H
#define PTV_BASE_TEXT_H
#include "base/arena.h"
#include "base/buf.h"

static inline char ptv_lower(char c) /* ASCII */
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}
static inline bool ptv_is_blank(char c) /* space \t \r \n \v \f */
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}
bool ptv_text_equal(const char *a, const char *b);      /* byte for byte; NULL equals only NULL */
bool ptv_text_equal_fold(const char *a, const char *b); /* ASCII case-insensitive, not trimmed */
bool ptv_text_starts(const char *text, const char *prefix);
bool ptv_text_ends(const char *text, const char *suffix);
/* Trim in place of a view: moves *text, shortens *len. */
void ptv_text_trim(const char **text, size_t *len);
char *ptv_text_fold(ptv_arena *mem, const char *text, size_t len); /* arena; trimmed, lower-cased; NULL: arena full */

/* Glob: `*` any run, `?` one byte, all else itself; linear time in text × number of stars' retries bounded (no
 * exponential case). Both sides are compared ASCII case-insensitively. */
bool ptv_glob(const char *pattern, const char *text);

/* Edit distance where a swap of two neighbours counts as one slip (Damerau, restricted). Stops at `most` + 1. */
int ptv_text_distance(const char *a, const char *b, int most);
/* The candidate nearest to `word` (at most 2 slips, at most a third of its length rounded up), or NULL. Ties: the first. */
const char *ptv_text_nearest(const char *word, const char *const *candidates, size_t count);

/* "30d" "12h" "2w" "1y" "90m" "45s" → seconds; *by_day true for d w y (1y = 365 d). false: not a duration. */
bool ptv_duration_parse(int64_t *seconds, bool *by_day, const char *text);
void ptv_duration_format(char out[32], int64_t seconds); /* shortest form: "30d", "12h" */
size_t ptv_int_format(char out[24], int64_t value);      /* decimal; returns its length */
bool ptv_int_parse(int64_t *out, const char *text);      /* whole text, decimal, optional sign */
bool ptv_number_parse(double *out, const char *text);    /* whole text, finite, C locale */
bool ptv_bool_parse(bool *out, const char *text);        /* yes no true false on off 1 0, any case */

bool ptv_utf8_valid(const char *text, size_t len);
size_t ptv_utf8_prefix(const char *text, size_t len); /* bytes before the first that is not UTF-8; len: all of it is */
/* Length of the character at `text` (len ≥ 1 bytes there) and its code point; 0: not UTF-8. */
size_t ptv_utf8_next(uint32_t *point, const char *text, size_t len);
/* Escape for where bytes from the network go. Each appends to `out`. */
void ptv_escape_terminal(
    ptv_buf *out, const char *text,
    size_t len); /* C0, C1, DEL, bidi and zero-width, bad UTF-8 → \xNN or \u{NNNN}; \n kept only by ptv_escape_lines */
void ptv_escape_lines(ptv_buf *out, const char *text, size_t len); /* the same, \n and \t kept */
void ptv_escape_csv(ptv_buf *out, const char *text,
                    size_t len); /* RFC 4180 quoting; a leading = + - @ \t \r gets a ' in front */
void ptv_escape_html(ptv_buf *out, const char *text, size_t len); /* & < > " ' */
/* Percent-encode all but unreserved (RFC 3986). */
void ptv_escape_url(ptv_buf *out, const char *text, size_t len);
void ptv_escape_base64(ptv_buf *out, const char *text, size_t len); /* RFC 4648, padded */

#endif
