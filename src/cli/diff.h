/*
 * diff.h: what diff.c counts and diff_write.c prints.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_DIFF_H
#define PTV_CLI_DIFF_H
#include "base/buf.h"
#include "cli/diff_side.h"
#include "cli/opt.h"

typedef enum diff_format { DIFF_TEXT, DIFF_JSON, DIFF_CSV, DIFF_MARKDOWN } diff_format;

enum { DIFF_VERDICTS = PTV_VERDICT_COMPROMISED + 1, DIFF_LEVELS = PTV_LEVEL_CRITICAL + 1, DIFF_MOST_ROWS = 100 };

typedef struct diff_counts {
    uint64_t records, refused, changed;
    uint64_t moved[DIFF_VERDICTS][DIFF_LEVELS][DIFF_VERDICTS][DIFF_LEVELS]; /* of the changed: from, to */
} diff_counts;

typedef struct diff_total { /* ptv_rule_total of all workers together; the id is borrowed from a client */
    ptv_rule_total *rules;
    size_t count;
} diff_total;

typedef struct diff_page {
    diff_format format;
    bool color;
    const diff_side *before, *after;
} diff_page;

/* What comes first; nothing for text and JSON. */
void diff_write_head(ptv_buf *out, const diff_page *p);
void diff_write_row(ptv_buf *out, const diff_page *p, const ptv_comparison *c);
/* A record that could not be judged: `start` is how it begins. Nothing in text and markdown, where stderr and the counts
 * say it. */
void diff_write_refusal(ptv_buf *out, const diff_page *p, const char *start, const char *why);
/* The summary. `rows` (markdown): rows kept until now; their number is counts->changed at most. */
void diff_write_end(ptv_buf *out, const diff_page *p, const diff_counts *counts, const diff_total *total,
                    const ptv_buf *rows);

#endif
