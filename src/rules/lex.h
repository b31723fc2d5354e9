/*
 * lex.h: the tokens of a Lua source, with their lines. It reads what Lua accepts and never stops: what it cannot read is a
 * token of one byte.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_RULES_LEX_H
#define PTV_RULES_LEX_H
#include "base/arena.h"

typedef enum ptv_token_kind {
    PTV_TOK_END,
    PTV_TOK_NAME,
    PTV_TOK_WORD,
    PTV_TOK_TEXT,
    PTV_TOK_NUMBER,
    PTV_TOK_SIGN
} ptv_token_kind;

typedef struct ptv_token {
    ptv_token_kind kind; /* WORD: a keyword of Lua */
    int line;            /* where it begins */
    const char *at;      /* in the source; TEXT: between its quotes, escapes as written */
    size_t len;
} ptv_token;

typedef struct ptv_tokens {
    const ptv_token *items; /* the last is PTV_TOK_END */
    size_t count;
} ptv_tokens;

/* false: arena full. The source is borrowed. */
bool ptv_lex(ptv_tokens *out, ptv_arena *mem, const char *source, size_t len);
bool ptv_token_is(const ptv_token *t, const char *text);  /* a name, keyword or sign of this spelling */
char *ptv_token_text(ptv_arena *mem, const ptv_token *t); /* "" when the arena is full */

#endif
