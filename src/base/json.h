/*
 * json.h: JSON in (cJSON, kept by this folder) and JSON out (a streaming writer: no tree is built to print one).
 *
 * Reading: the tree lives in the arena given; nothing is freed one by one. Nesting over 100 levels, a NUL in a text
 * (\u0000), text after the value, and bytes that are not UTF-8 are refused with the byte offset.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_BASE_JSON_H
#define PTV_BASE_JSON_H
#include "base/arena.h"
#include "base/buf.h"
#include <string.h>

typedef struct cJSON ptv_json; /* opaque outside json.c */
typedef enum ptv_json_kind {
    PTV_JSON_NULL,
    PTV_JSON_BOOL,
    PTV_JSON_NUMBER,
    PTV_JSON_TEXT,
    PTV_JSON_LIST,
    PTV_JSON_OBJECT
} ptv_json_kind;

/* A UTF-8 BOM and blanks around the value are fine. Errors: PTV_ESHAPE (detail = byte offset, "JSON ends at byte 87",
 * "bad JSON at byte 12"), PTV_ETOOBIG, PTV_ENOMEM. */
ptv_code ptv_json_parse(const ptv_json **out, ptv_arena *mem, const char *text, size_t len, ptv_error *err);
ptv_json_kind ptv_json_kind_of(const ptv_json *v); /* NULL is PTV_JSON_NULL */
const char *ptv_json_kind_name(ptv_json_kind k);   /* "null" "a boolean" "a number" "a text" "a list" "an object" */
const ptv_json *ptv_json_find(const ptv_json *object, const char *key); /* exact case; NULL: no such key, or no object */
const ptv_json *ptv_json_first(const ptv_json *container);              /* first item of a list or object; NULL: none */
const ptv_json *ptv_json_next(const ptv_json *item);
const char *ptv_json_key(const ptv_json *item); /* key of an object's item; NULL in a list */
size_t ptv_json_size(const ptv_json *container);
const char *ptv_json_text(const ptv_json *v);         /* NULL unless it is a text */
bool ptv_json_number(double *out, const ptv_json *v); /* false unless it is a finite number */
bool ptv_json_bool(bool *out, const ptv_json *v);

/* Writing: calls in document order; commas are put by the writer. Text that is not UTF-8 has each bad byte as U+FFFD.
 * Everything below 0x20, and DEL to U+009F, U+2028, U+2029 go as \uXXXX. */
typedef struct ptv_json_out {
    ptv_buf *buf;
    bool need_comma;
} ptv_json_out;
/* '{' or '['; key NULL inside lists and at the top */
static inline void ptv_json_open(ptv_json_out *o, const char *key, char bracket);
void ptv_json_close(ptv_json_out *o, char bracket);                                       /* '}' or ']' */
static inline void ptv_json_put_text(ptv_json_out *o, const char *key, const char *text); /* NULL text → null */
void ptv_json_put_int(ptv_json_out *o, const char *key, int64_t value);
void ptv_json_put_number(ptv_json_out *o, const char *key, double value); /* not finite → null */
static inline void ptv_json_put_bool(ptv_json_out *o, const char *key, bool value);
static inline void ptv_json_put_null(ptv_json_out *o, const char *key);
void ptv_json_put_time(ptv_json_out *o, const char *key, int64_t utc); /* PTV_NO_TIME → null, else "2026-05-01T00:00:00Z" */
void ptv_json_put_tree(ptv_json_out *o, const char *key, const ptv_json *v); /* a parsed value again */
static inline void ptv_json_put_raw(ptv_json_out *o, const char *key, const char *json, size_t len); /* already JSON */

/* A decision line has a hundred keys, nearly all of them literals: their length is known to the compiler, and that they are
 * plain is taken on trust. Any other key is measured and escaped. */
#define PTV_JSON_KEY(key) (key), __builtin_constant_p(strlen((key) ? (key) : "")) ? strlen((key) ? (key) : "") : SIZE_MAX
void ptv_json_member(ptv_json_out *o, const char *key, size_t key_len, const char *json, size_t len);
void ptv_json_member_text(ptv_json_out *o, const char *key, size_t key_len, const char *text);
static inline void ptv_json_open(ptv_json_out *o, const char *key, char bracket)
{
    ptv_json_member(o, PTV_JSON_KEY(key), &bracket, 1);
    o->need_comma = false;
}
static inline void ptv_json_put_text(ptv_json_out *o, const char *key, const char *text)
{
    ptv_json_member_text(o, PTV_JSON_KEY(key), text);
}
static inline void ptv_json_put_bool(ptv_json_out *o, const char *key, bool value)
{
    ptv_json_member(o, PTV_JSON_KEY(key), value ? "true" : "false", value ? 4 : 5);
}
static inline void ptv_json_put_null(ptv_json_out *o, const char *key)
{
    ptv_json_member(o, PTV_JSON_KEY(key), "null", 4);
}
static inline void ptv_json_put_raw(ptv_json_out *o, const char *key, const char *json, size_t len)
{
    ptv_json_member(o, PTV_JSON_KEY(key), json, len);
}

#endif
