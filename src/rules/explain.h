/*
 * explain.h: conditions in words: why a rule holds, why it could not be decided, and the tree of --explain.
 * Internal to this folder. Values from outside are escaped here, so that every text may be shown as it is.
 */
#ifndef PTV_RULES_EXPLAIN_H
#define PTV_RULES_EXPLAIN_H
#include "base/buf.h"
#include "rules/cond.h"

/* What keeps a section from being read: "HTTP 503", "not asked", "stale, 3d old". */
void ptv_trouble_write(ptv_buf *out, const ptv_trial *e, ptv_section s);
/* "passive_dns (HTTP 503), subdomains (quota)". */
void ptv_troubles_write(ptv_buf *out, const ptv_trial *e, ptv_sections sections);
/* Why something is unsure: "tags: HTTP 503; passive_dns: more records exist than were sent". `where` is what was
 * judged: a custom condition in it that failed or did not know is quoted. */
void ptv_why_write(ptv_buf *out, const ptv_trial *e, ptv_why why, const ptv_level_rule *where, size_t count);
/* Why a condition that is yes is yes: "tags has ransomware", "passive_dns.count is 12, at least 10". */
void ptv_reason_write(ptv_buf *out, ptv_trial *e, const ptv_cond *c);

/* The tree below `c` with the value each leaf saw; every condition is evaluated and noted in truths. NULL: e->rc is set. */
const ptv_trace *ptv_trace_rule(ptv_trial *e, const ptv_rule *rule);
/* The same for conditions that no rule owns: noted in truths only. */
void ptv_trace_note(ptv_trial *e, const ptv_cond *c);

/* The buffer's text as an arena string, the buffer emptied; NULL: e->rc is set. */
const char *ptv_words_keep(ptv_trial *e, ptv_buf *text);

/* "a, b and 3 more": at most `most` items and 64 KB. Escaped when `escaped`. */
void ptv_list_write(ptv_buf *out, const char *const *items, size_t count, size_t most, bool escaped);

#endif
