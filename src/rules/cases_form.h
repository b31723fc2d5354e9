/*
 * cases_form.h: a Lua table as a form that was filled in, for cases.c. Everything here may jump, as Lua does on an error;
 * texts and lists are in the arena of the form.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_RULES_CASES_FORM_H
#define PTV_RULES_CASES_FORM_H
#include "rules/cases.h"
#include "rules/scan.h"

#include <lua.h>

typedef struct ptv_form {
    lua_State *L;
    ptv_arena *mem;
    ptv_findings *findings;
    const char *file;
    int table; /* its place on the stack */
    int line;
    const char *where; /* what messages call it */
    const ptv_scan_table *source;
    const char *problem; /* the first mistake; NULL: none was found */
} ptv_form;

void ptv_form_problem(ptv_form *f, int line, const char *code, const char *fmt, ...) PTV_PRINTF(4, 5);
int ptv_form_line(const ptv_form *f, const char *key);                     /* of a key; else of the table */
const char *ptv_form_type(lua_State *L, int index);                        /* "a text", "nothing" … */
void ptv_form_check(ptv_form *f, const char *const *names);                /* every key is one of these; NULL ends them */
const char *ptv_form_text(ptv_form *f, const char *key);                   /* NULL: not there, or reported */
int ptv_form_word(ptv_form *f, const char *key, const char *const *words); /* its index; -1: not there, or reported */
int ptv_form_yesno(ptv_form *f, const char *key);                          /* -1: not there, or reported */
const char *ptv_form_name_in_list(lua_State *L, int index); /* a table's first key that is a text; NULL: there is none */
/* A list of texts, or one text; words: the only ones that may stand there, or NULL. */
ptv_case_pairs ptv_form_list(ptv_form *f, const char *key, const char *const *words);
/* A table of named texts, sorted by name; numbers are taken as their text. `absent`: false stands for "must not be there".
 */
ptv_case_pairs ptv_form_pairs(ptv_form *f, const char *key, bool absent);

void *ptv_form_keep(lua_State *L, ptv_arena *mem, size_t size); /* zeroed */
const char *ptv_form_keep_text(lua_State *L, ptv_arena *mem, int index);
/* " (did you mean 'x'?)", or "". */
const char *ptv_form_suggestion(ptv_arena *mem, const char *word, const char *const *words, size_t count);

#endif
