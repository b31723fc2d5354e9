/*
 * scan.h: what the source text of a rule file tells and Lua does not keep: the lines of keys and items in tables, and slips
 * that Lua swallows (`a and b`, `field == "x"`, a key given twice). Everything is in the arena it was made with.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_RULES_SCAN_H
#define PTV_RULES_SCAN_H
#include "base/arena.h"

typedef struct ptv_scan_table ptv_scan_table;
typedef struct ptv_scan_item {
    const char *key; /* NULL: a list item */
    size_t index;    /* of list items, from 1 */
    int line;
    const ptv_scan_table *table; /* its value is this table, or a call with it: all { … }; else NULL */
    struct ptv_scan_item *next;
} ptv_scan_item;
struct ptv_scan_table {
    const char *head; /* "rule" "all" "count"; NULL: a plain table */
    const char *id;   /* rule "id" { */
    int line;         /* where the head's expression begins, as Lua counts a call's line */
    ptv_scan_item *items;
    const struct ptv_scan_slip *doubled; /* a key that is there twice; NULL */
    ptv_scan_table *next, *same_line;
};

/* A slip and the lines it spans: Lua's own finding on any of them would only repeat it. */
typedef struct ptv_scan_slip {
    const char *code; /* "E-COND", "E-UNUSED", "E-DUP", "E-CUSTOM", "E-NAME" */
    int line, first_line, last_line;
    int local_lines[2]; /* where its operands were written, when they are locals; 0 */
    const char *message;
    struct ptv_scan_slip *next;
} ptv_scan_slip;

typedef struct ptv_scan {
    ptv_scan_table **by_line; /* the first table of each line */
    int line_count;
    const ptv_scan_slip *slips;
} ptv_scan;

/* Read a source that compiles. NULL: arena full. */
const ptv_scan *ptv_scan_read(ptv_arena *mem, const char *source, size_t len);
/* hint.c: for a source that does not compile: what people usually mean by it; NULL: nothing comes to mind. */
const char *ptv_scan_hint(ptv_arena *mem, const char *source, size_t len, int line, const char *lua_message);

/* All take NULL for "not found" and pass it on. */
const ptv_scan_table *ptv_scan_find(const ptv_scan *s, const char *head, int line, const char *id);
const ptv_scan_item *ptv_scan_key(const ptv_scan_table *t, const char *key);
const ptv_scan_item *ptv_scan_nth(const ptv_scan_table *t, size_t index);
/* The first key that is there twice, in the table or in one below it; besides: the item of this name is not looked into. */
const ptv_scan_slip *ptv_scan_doubled(const ptv_scan_table *t, const char *besides);
/* A slip that boolean values and unused conditions on this line come from. */
bool ptv_scan_slipped(const ptv_scan *s, int line);

#endif
