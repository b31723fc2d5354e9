/*
 * loading.h: what is known while rule files are being loaded; shared by the words, the declarations and the checks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_RULES_LOADING_H
#define PTV_RULES_LOADING_H
#include "rules/lists.h"
#include "rules/sandbox.h"
#include "rules/scan.h"

enum { PTV_NO_NODE = 0xffffff }; /* not numbered yet */

/* A condition under construction; ptv_cond is what stays. */
typedef struct ptv_built {
    ptv_cond cond;
    bool used; /* by a rule, an allowance or another condition */
    struct ptv_built *next;
} ptv_built;

typedef struct ptv_built_rule {
    ptv_rule rule;
    struct ptv_built_rule *next;
} ptv_built_rule;

typedef struct ptv_built_allow {
    ptv_allow allow;
    bool wide; /* may cover a public suffix, a /8 or a /16 */
    struct ptv_built_allow *next;
} ptv_built_allow;

typedef struct ptv_default {
    const char *name, *value;
    struct ptv_default *next;
} ptv_default;

/* A folder whose lists have been read. */
typedef struct ptv_opened {
    const char *folder;
    struct ptv_opened *next;
} ptv_opened;

/* A file that the digest of the set covers. */
typedef struct ptv_hashed {
    ptv_rule_file file;
    struct ptv_hashed *next;
} ptv_hashed;

typedef struct ptv_loader {
    ptv_ruleset *rs;
    const ptv_rules_options *options;
    ptv_findings *findings;
    bool *setting_used;           /* by index of options->settings */
    struct ptv_default *defaults; /* of settings that are not set, for the digest */
    ptv_built_rule *rules, **rules_end;
    ptv_built_allow *allows, **allows_end;
    size_t rule_count, allow_count;
    ptv_opened *opened;
    ptv_hashed *hashed;
    size_t hashed_count;
    ptv_digest *digest; /* scratch */
    bool digest_only;   /* read, but not look into */
    bool cut_short;     /* a file did not run to its end: what it would have used is not known */
    bool no_memory;
} ptv_loader;

/* `file` without its digest, borrowed text of the set's arena. false: no memory. */
bool ptv_digest_file(ptv_loader *set, ptv_rule_file file, const char *bytes, size_t len);

/* One file. */
typedef struct ptv_loading {
    ptv_loader *set;
    ptv_arena *mem; /* the rule set's */
    const char *file, *folder;
    const ptv_scan *scan;
    ptv_built *conds; /* newest first */
    size_t first_finding, finding_count;
    struct ptv_pending *pending; /* rule "x" that waits for its table */
} ptv_loading;

extern const ptv_vocabulary ptv_rule_words;

/* An error finding of this file; the same one is reported once, and at most 100 a file. */
void ptv_problem(ptv_loading *l, int line, const char *code, const char *fmt, ...) PTV_PRINTF(4, 5);
bool ptv_problem_at(const ptv_loading *l, int line, const char *code); /* one of this code is already there */
/* " (did you mean 'x'?)" or "". Arena. */
const char *ptv_did_you_mean(ptv_arena *mem, const char *word, const char *const *candidates, size_t count);
/* `"text"` as a rule file would have it, escaped and cut for messages. Arena. */
const char *ptv_quoted(ptv_arena *mem, const char *text);
const char *ptv_ticked(ptv_arena *mem, const char *text); /* 'text' */

/* Memory of the rule set inside Lua calls: jumps on error. */
void *ptv_keep(lua_State *L, ptv_loading *l, size_t size); /* zeroed */
_Noreturn void ptv_no_memory(lua_State *L, ptv_loading *l);
const char *ptv_keep_text(lua_State *L, ptv_loading *l, int index);
const char *ptv_keep_printf(lua_State *L, ptv_loading *l, const char *fmt, ...) PTV_PRINTF(3, 4);
void ptv_default_use(lua_State *L, ptv_loading *l, const char *name, const char *value); /* setting(name, value) */

/* Things: values of the language while a file loads. */
typedef enum ptv_thing_kind {
    PTV_THING_POISON, /* the result of a mistake that was reported: everything with it works and is silent */
    PTV_THING_GROUP,  /* passive_dns: fields below a section */
    PTV_THING_FIELD,
    PTV_THING_ROWS, /* passive_dns.records:count{…}: a number */
    PTV_THING_TEST, /* tags.has_any, not yet called */
    PTV_THING_COND,
    PTV_THING_PARTIAL, /* at_least_of(2), rule "x": waits for its table */
    PTV_THING_MOMENT,  /* within "7d", like "x*": for a column */
    PTV_THING_SETTING,
    PTV_THING_LIST,
    PTV_THING_MATCHED, /* tags.matched */
    PTV_THING_STANDARD
} ptv_thing_kind;

typedef struct ptv_thing {
    ptv_thing_kind kind;
    const char *name; /* group, setting, list; rule id */
    const ptv_field *field;
    const char *text; /* `passive_dns.records:count{type = "A"}` */
    int op;           /* test, moment; partial: the combinator, or one of PTV_PARTIAL_ */
    const ptv_column_test *filter;
    size_t filter_count;
    ptv_args args; /* moment; partial: low */
    ptv_built *cond;
    const char *value; /* setting */
    const char *where; /* setting: "app.config:12", or "its default" */
    ptv_list *list;
    struct ptv_pending *pending;
} ptv_thing;

typedef struct ptv_pending { /* a `rule "x"` seen, its table not yet */
    const char *what, *id;
    int line;
    bool done;
    struct ptv_pending *next;
} ptv_pending;

enum { PTV_PARTIAL_RULE = 1000, PTV_PARTIAL_ALLOW, PTV_ROWS_COUNT, PTV_ROWS_ANY };

ptv_thing *ptv_thing_push(lua_State *L, ptv_thing_kind kind);
ptv_thing *ptv_thing_at(lua_State *L, int index); /* NULL: something else */
int ptv_push_poison(lua_State *L);                /* returns 1 */
bool ptv_is_poison(lua_State *L, int index);
int ptv_push_field(lua_State *L, const ptv_field *field); /* returns 1 */
void ptv_things_open(lua_State *L);
int ptv_combine(lua_State *L, ptv_loading *l, const ptv_thing *partial, int table); /* words.c: all { … } */
void ptv_use_all(lua_State *L, int index, int deep); /* conditions at and so many tables below `index` count as used */
/* "a boolean", "a field", "\"10\"", "nothing": for messages. Arena. */
const char *ptv_describe(lua_State *L, ptv_loading *l, int index);

/* args.c: one argument of `what` ("tags:has_any"). false: reported. All jump when memory ends. */
typedef struct ptv_words {
    const char **items; /* as written */
    size_t count;
    ptv_list *list;   /* they came from a list file */
    const char *text; /* canonical: `{"a", "b"}`, `(list "x")` */
} ptv_words;
bool ptv_arg_words(ptv_words *out, lua_State *L, ptv_loading *l, int index, const char *what);
bool ptv_arg_word(const char **out, lua_State *L, ptv_loading *l, int index, const char *what);
bool ptv_arg_number(double *out, lua_State *L, ptv_loading *l, int index, const char *what);
bool ptv_arg_span(ptv_args *out, const char **text, lua_State *L, ptv_loading *l, int index, const char *what);
bool ptv_arg_day(int64_t *day, const char **text, lua_State *L, ptv_loading *l, int index, const char *what);
/* Fold into args.words; those that the field can never be are reported. NULL: a column of records. */
bool ptv_args_fold(ptv_args *out, lua_State *L, ptv_loading *l, const ptv_words *words, const char *what,
                   const ptv_field *field);
/* Globs and names keep their form. */
void ptv_args_plain(ptv_args *out, const ptv_words *words);
bool ptv_args_indicators(ptv_args *out, lua_State *L, ptv_loading *l, const ptv_words *words, ptv_op op);
bool ptv_day_parse(int64_t *day, const char *text); /* "2026-01-31" */

/* tests.c: the test `op` of a field, a column or counted rows called with the arguments from `first` on; pushes a condition.
 */
int ptv_test_call(lua_State *L, ptv_loading *l, const ptv_thing *test, int first);
/* Rows: the filter table at `index`. false: reported. */
bool ptv_filter_read(ptv_thing *rows, lua_State *L, ptv_loading *l, int index, const char *what);
ptv_built *ptv_cond_push(lua_State *L, ptv_loading *l, ptv_op op, const char *text); /* pushes its thing */
/* The condition at `index`, marked used; NULL: reported as "`what` is a boolean, not a condition". */
const ptv_cond *ptv_cond_take(lua_State *L, ptv_loading *l, int index, int line, const char *what);
const ptv_cond *ptv_cond_join(lua_State *L, ptv_loading *l, ptv_op op, const ptv_cond *const *kids, size_t count, int line);

/* declare.c: the table of a rule or an allowance, on top of the stack. */
int ptv_declare_rule(lua_State *L, ptv_loading *l, const ptv_thing *partial, int table);
int ptv_declare_allow(lua_State *L, ptv_loading *l, const ptv_thing *partial, int table);
bool ptv_is_rule_key(const char *name);
bool ptv_id_check(ptv_loading *l, int line, const char *what, const char *id, size_t len);

/* check.c: what only shows once the whole set is there. */
void ptv_check_file(ptv_loading *l); /* conditions used nowhere, rules without a table */
void ptv_check_set(ptv_loader *set);

#endif
