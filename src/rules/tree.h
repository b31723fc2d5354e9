/*
 * tree.h: rules as data. words.c and load.c build these while a file is loaded; eval.c, explain.c and needs.c read them.
 * Everything lives in the rule set's arena and is immutable after loading.
 */
#ifndef PTV_RULES_TREE_H
#define PTV_RULES_TREE_H
#include "core/indicators.h"
#include "core/verdict.h"
#include "rules/rules.h"

typedef enum ptv_op {
    /* combinators */
    PTV_OP_ALL,
    PTV_OP_ANY,
    PTV_OP_NONE,
    PTV_OP_AT_LEAST_OF,
    /* sets */
    PTV_OP_HAS_ANY,
    PTV_OP_HAS_ALL,
    PTV_OP_HAS_NONE,
    PTV_OP_LIKE_ANY,
    PTV_OP_COUNT_AT_LEAST,
    /* words, enums; PTV_OP_IS also yes/no */
    PTV_OP_IS,
    PTV_OP_IS_ANY,
    PTV_OP_IS_NOT,
    PTV_OP_LIKE,
    PTV_OP_IN_LIST,
    PTV_OP_IN_ZONE,
    PTV_OP_IN_CIDR,
    /* numbers; also on passive_dns.records with a filter (how many rows pass) */
    PTV_OP_AT_LEAST,
    PTV_OP_AT_MOST,
    PTV_OP_BETWEEN,
    PTV_OP_EQUALS,
    /* times */
    PTV_OP_WITHIN,
    PTV_OP_OLDER_THAN,
    PTV_OP_BEFORE,
    PTV_OP_AFTER,
    /* every field */
    PTV_OP_IS_MISSING,
    PTV_OP_IS_PRESENT,
    PTV_OP_CUSTOM
} ptv_op;
const char *ptv_op_name(ptv_op op); /* "has_any", "all" */
/* Which tests a type has; NULL-terminated list of ops ended by -1. */
const int *ptv_ops_of(ptv_type type);

typedef struct ptv_args {
    const char **words; /* folded, sorted by bytes, unique: has_*, is, is_any, is_not; globs as written: like, like_any */
    size_t word_count;
    const struct ptv_list *list;      /* what the indicators were made of */
    const ptv_indicators *indicators; /* in_list, in_zone, in_cidr on names and addresses */
    double low, high;                 /* low: at_least, equals, count_at_least, at_least_of; high: at_most; both: between */
    int64_t span_s;                   /* within, older_than */
    bool by_day;                      /* compare calendar days (d w y), else seconds */
    int64_t day;                      /* before, after: days since 1970 */
    bool yes;                         /* is(true) on yes/no */
} ptv_args;

/* One column test of records:count{…} */
typedef struct ptv_column_test {
    const ptv_column *column;
    ptv_op op; /* IS_ANY, LIKE, WITHIN, OLDER_THAN, BEFORE, AFTER, HAS_ANY */
    ptv_args args;
} ptv_column_test;

/* A loop in a rule file can nest conditions, or use one twice in the next, further than anybody writes: whoever walks a tree
 * may rely on these. */
enum { PTV_TREE_DEPTH = 100, PTV_TREE_WEIGHT = 20000 };

typedef struct ptv_custom ptv_custom; /* sandbox.c: a Lua function, its state and what to put back before a call */

typedef struct ptv_cond {
    ptv_op op;
    const ptv_field *field; /* leaves but custom */
    ptv_args args;
    const ptv_column_test *filter; /* records */
    size_t filter_count;
    const struct ptv_cond *const *kids; /* combinators */
    size_t kid_count;
    ptv_custom *custom;
    const ptv_field **custom_fields;
    size_t custom_field_count;
    unsigned depth, weight; /* conditions below, along the longest path and in all, one used twice counted twice */
    ptv_sections sections;  /* every section this condition or one below it reads; PTV_ALWAYS is no bit */
    const char *text;       /* in the rule's own words, canonical: `tags:has_any{"compromised", "ransomware"}` */
    const char *file;
    int line;
    unsigned node; /* index over the rule set: truths, coverage */
} ptv_cond;

/* A value in a note or a hit: literal text, or a placeholder with filters. */
typedef struct ptv_piece {
    const char *literal;                                                        /* NULL: a placeholder */
    const ptv_field *field;                                                     /* NULL with word != NONE */
    enum { PTV_PH_FIELD, PTV_PH_SEVERITY, PTV_PH_REASON, PTV_PH_MATCHED } word; /* matched: of `field` (a set) */
    enum { PTV_SHOW_PLAIN, PTV_SHOW_LIST, PTV_SHOW_DATE, PTV_SHOW_NUMBER } show;
    int64_t first;         /* |first(n); -1: all */
    const char *otherwise; /* |else "text"; NULL */
} ptv_piece;
typedef struct ptv_template_line {
    bool optional; /* started with ? : left out when a value in it is missing */
    const ptv_piece *pieces;
    size_t count;
} ptv_template_line;
typedef struct ptv_template {
    const ptv_template_line *lines;
    size_t count;
} ptv_template;

/* Fields of a hit card that are not a rule's own: the standard hit, then ours. */
typedef enum ptv_card_field {
    PTV_CARD_DNS_RECORDS,
    PTV_CARD_FIRST_SEEN,
    PTV_CARD_LAST_SEEN,
    PTV_CARD_SUBDOMAINS,
    PTV_CARD_FIRST_TEN,
    PTV_CARD_TAGS,
    PTV_CARD_CLASSIFICATION,
    PTV_CARD_LINK,
    PTV_CARD_STANDARD, /* how many are the standard hit */
    PTV_CARD_RULES = PTV_CARD_STANDARD,
    PTV_CARD_NOT_READ,
    PTV_CARD_COUNT
} ptv_card_field;
extern const char *const ptv_card_names[PTV_CARD_COUNT];

typedef struct ptv_hit_item {
    bool standard; /* the app's eight fields */
    const char *name;
    ptv_hit_type type;
    ptv_template value; /* one line */
} ptv_hit_item;

typedef struct ptv_level_rule {
    ptv_level level;
    const ptv_cond *when; /* `unless` already folded in as all{ when, none{ unless } } */
} ptv_level_rule;

typedef struct ptv_rule {
    const char *id, *title, *file;
    int line;
    ptv_rule_status status;
    const ptv_level_rule *levels; /* highest first */
    size_t level_count;
    bool on_unknown_match;
    bool off_when_unsupported; /* when_unsupported = "off" */
    const ptv_hit_item *hit;
    size_t hit_count;
    ptv_template note;
    ptv_sections judged_sections; /* of all levels */
    ptv_sections shown_sections;  /* of hit and note */
    const char *description, *owner, *references, *false_positives, *next_step, *attack;
} ptv_rule;

typedef struct ptv_allow {
    const char *id, *reason, *owner, *file;
    int line;
    int64_t expires_day; /* last day it holds */
    const ptv_cond *when;
    const char **applies_to; /* rule ids; NULL: all */
    size_t applies_count;
    bool artifact_only; /* decided before any call */
} ptv_allow;

struct ptv_ruleset {
    ptv_arena mem;
    unsigned references;
    const ptv_rule **rules; /* files in byte order of names, rules in file order */
    size_t rule_count;
    const ptv_allow **allows;
    size_t allow_count;
    const ptv_cond **nodes; /* by node index */
    size_t node_count;
    char digest[PTV_DIGEST_HEX], settings_digest[PTV_DIGEST_HEX];
    const ptv_rule_file *covered; /* by the digest: rule and list files, sorted by name */
    size_t file_count;
    const ptv_setting_used *settings; /* by the settings digest */
    size_t setting_count;
    struct ptv_sandbox **sandboxes; /* one Lua state a file; kept only while custom conditions need it */
    size_t sandbox_count;
    struct ptv_rule_process *process; /* in their place, once the set is separated */
    const char *noted;                /* of the owner */
    ptv_digest *hasher; /* made by the loader, freed with the set: decision ids cost no allocation. A set is one thread's */
    struct ptv_list *lists; /* entries and the indicator sets that conditions borrow; freed with the set */
};

#endif
