/*
 * scan_custom.h: the names in a custom function: fields it reads and did not name, words and names it cannot use. Found
 * here, when the file is loaded, and not on the day a record first reaches that line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_RULES_SCAN_CUSTOM_H
#define PTV_RULES_SCAN_CUSTOM_H
#include "rules/lex.h"

typedef struct ptv_token_set {
    const ptv_token **items; /* sorted by text */
    size_t count;
} ptv_token_set;

/* Names declared as a local, a parameter, a loop variable or a label, anywhere in the file. false: arena full. */
bool ptv_declared_find(ptv_token_set *out, ptv_arena *mem, const ptv_tokens *tokens);

enum { PTV_CUSTOM_FIELDS = 64 };

typedef struct ptv_custom_scan {
    ptv_arena *mem;
    ptv_tokens tokens;
    ptv_token_set declared;
    size_t fields_first, fields_last; /* tokens of its first argument, the last excluded */
    size_t first, last;               /* from `function` to behind its `end` */
    /* Of the search; zero at the start. */
    size_t at;
    const char *fields[PTV_CUSTOM_FIELDS];
    size_t field_count;
    bool fields_unknown;
} ptv_custom_scan;

/* The next problem's line with its code and message; 0: no more. */
int ptv_custom_scan_next(ptv_custom_scan *s, const char **code, const char **message);

#endif
