/*
 * lists.h: the list files beside rules: lists/NAME.txt, one entry a line, and lists/exceptions.csv, allowances for people
 * who write no Lua.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_RULES_LISTS_H
#define PTV_RULES_LISTS_H
#include "rules/tree.h"

struct ptv_loader;
struct ptv_loading;

/* Entries of one list file, or of a table in a rule file. Everything but the sets is in the rule set's arena. */
typedef struct ptv_list {
    const char *name, *folder; /* NULL: not a file of its own */
    const char *path;          /* "rules/lists/corp-domains.txt", or the file that holds the table */
    char *text;                /* of the file, not yet read into words */
    size_t len;
    const char **words; /* as written, in order */
    int *lines, line;   /* of each word; line: of all, where lines is NULL */
    size_t count;
    bool sound;          /* every line could be read */
    const char **folded; /* sorted by bytes, unique; NULL until asked for */
    size_t folded_count;
    ptv_indicators *sets[3]; /* for in_list, in_zone, in_cidr; made for the first test that needs one */
    bool set_broken[3];      /* reported already */
    bool written_checked, written_wrong;
    struct ptv_list *next;
} ptv_list;

/* Read every file of FOLDER/lists for the digest, once a folder; exceptions.csv becomes allowances. */
void ptv_rule_lists_open(struct ptv_loader *set, const char *folder);
/* The list `name` of the folder of the file being loaded. NULL: reported at `line` (missing) or at its own lines (bad). */
ptv_list *ptv_list_find(struct ptv_loading *l, const char *name, int line);
/* A list that is a table of a rule file, or one line of exceptions.csv: bad entries are reported at `path` and `line`.
 * NULL: no memory. */
ptv_list *ptv_list_of_words(struct ptv_loader *set, const char **words, size_t count, const char *path, int line);
bool ptv_list_fold(struct ptv_loader *set, ptv_list *list); /* false: no memory */
/* The set for PTV_OP_IN_LIST, _IN_ZONE or _IN_CIDR; NULL: bad entries were reported. */
const ptv_indicators *ptv_list_set(struct ptv_loader *set, ptv_list *list, ptv_op op);
/* Entries in another form than artifacts have once they are normalised, so that `artifact` is never one of them: an error
 * each, and false. */
bool ptv_list_check_written(struct ptv_loader *set, ptv_list *list);
/* Entries that an allowance's condition tests and that cover a public suffix, more than a /8 or a /16: an error each. */
void ptv_list_check_wide(struct ptv_loader *set, const ptv_cond *c);
void ptv_lists_free(ptv_list *first);

#endif
