/*
 * verdict.h: a decision: what rules/ makes of a record and report/ prints. Plain data, arena-owned, immutable once made.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CORE_VERDICT_H
#define PTV_CORE_VERDICT_H
#include "core/record.h"

typedef enum ptv_truth { PTV_NO, PTV_YES, PTV_UNSURE, PTV_NOT_EVALUATED } ptv_truth; /* three-valued, Kleene */

typedef enum ptv_outcome {
    PTV_OUT_MATCH,
    PTV_OUT_NO_MATCH,
    PTV_OUT_UNKNOWN,
    PTV_OUT_SUPPRESSED,
    PTV_OUT_ERROR,
    PTV_OUT_SHADOW_MATCH,
    PTV_OUT_OFF
} ptv_outcome;
const char *ptv_outcome_name(ptv_outcome o); /* "match" "no_match" … */
bool ptv_outcome_parse(ptv_outcome *out, const char *name);

typedef enum ptv_rule_status { PTV_LIVE, PTV_SHADOW, PTV_OFF } ptv_rule_status;

/* One line of --explain. */
typedef struct ptv_trace {
    ptv_truth truth;
    const char *text; /* the condition in the rule's own words: `passive_dns.count:at_least(10)`, `all` */
    const char *seen; /* the value seen, "12", "absent", "passive_dns: HTTP 503"; NULL for all/any/none */
    const char *file;
    int line;
    const struct ptv_trace *kids;
    size_t kid_count;
} ptv_trace;

typedef struct ptv_rule_result {
    const char *id, *title, *file;
    int line;
    ptv_rule_status status;
    ptv_outcome outcome;
    ptv_level severity;          /* level reached (match, shadow_match, suppressed match); else NONE */
    ptv_level could_be;          /* a higher level that is unknown; NONE when there is none */
    bool on_unknown;             /* matched because its author wrote on_unknown = "match" */
    const char *reason;          /* in words: "tags has ransomware", "tags: HTTP 503"; never NULL */
    const char *suppressed_by;   /* allowance id, NULL */
    const char *suppress_reason; /* its reason */
    int64_t suppressed_until;    /* PTV_NO_TIME for none */
    const char *would_suppress;  /* id of an expired allowance, NULL */
    const char *description, *owner, *references, *false_positives, *next_step, *attack; /* NULL when not given */
    const ptv_trace *trace; /* NULL unless asked for; the root of its condition(s) */
    size_t trace_count;     /* one per level */
} ptv_rule_result;

/* Has any live rule had its say? Where none has, nothing was judged. */
bool ptv_any_judged(const ptv_rule_result *rules, size_t count);

typedef enum ptv_hit_type { PTV_HIT_STRING, PTV_HIT_NUMBER, PTV_HIT_URI, PTV_HIT_IP } ptv_hit_type;
const char *ptv_hit_type_name(ptv_hit_type t); /* "string" "number" "uri" "ip" */
typedef struct ptv_hit_property {
    const char *name, *value;
    ptv_hit_type type;
} ptv_hit_property;

typedef struct ptv_missing {
    ptv_section section;
    const char **rules; /* ids of live rules that needed it */
    size_t rule_count;
} ptv_missing; /* state and reason: the record's section */

typedef enum ptv_unknown_kind { PTV_UNKNOWN_NONE, PTV_UNKNOWN_LATER, PTV_UNKNOWN_FIX } ptv_unknown_kind;
const char *ptv_unknown_kind_name(ptv_unknown_kind k); /* NULL, "later", "fix" */

/* A condition that would have to change for a rule to match. */
typedef struct ptv_turn {
    const char *text, *seen, *file; /* as in ptv_trace */
    int line;
    ptv_truth truth;
    bool must_be; /* yes, or no where it stands below none{} */
    bool unread;  /* unknown because its section was not read; `seen` says why */
} ptv_turn;

/* Why a rule does not match: the fewest conditions that would have to change for it to. */
typedef struct ptv_why_not {
    const char *rule;
    ptv_outcome outcome;
    ptv_level level;       /* the level that these conditions would reach */
    const ptv_turn *turns; /* in file order */
    size_t turn_count;
    const char *besides; /* what stands in the way beside conditions, or "it matches"; NULL */
} ptv_why_not;

typedef struct ptv_decision {
    char id[PTV_DIGEST_HEX]; /* decision_id: 32 digits */
    int64_t now;
    ptv_verdict verdict;
    bool complete;
    ptv_level severity; /* the highest match of live rules */
    ptv_level could_be;
    ptv_unknown_kind unknown_kind;
    int64_t retry_after_s; /* -1 unknown */
    const ptv_missing *missing;
    size_t missing_count;
    const ptv_rule_result *rules; /* every rule, file order; live, shadow and off */
    size_t rule_count;
    const ptv_hit_property *hit; /* one merged card; absent values left out */
    size_t hit_count;
    const ptv_why_not *why_not; /* NULL unless asked for */
    const char *note;           /* one text, a paragraph a rule; NULL */
    const char *summary;        /* "no_match: none of 3 rules matched (read: tags). Not a clean bill." */
    const char *warnings;       /* one a line: a time in the future, a clash of hit names …; NULL */
    char ruleset_digest[PTV_DIGEST_HEX], settings_digest[PTV_DIGEST_HEX];
    size_t ruleset_files;
} ptv_decision;

#endif
