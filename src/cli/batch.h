/*
 * batch.h: what lookup, fetch and eval share: decisions to stdout in one format, refusals, counts, the progress line, the
 * summary, and the exit code that all of it adds up to.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_BATCH_H
#define PTV_CLI_BATCH_H
#include "base/buf.h"
#include "cli/opt.h"

typedef struct cli_batch {
    const cli_options *o;
    ptv_format format;
    unsigned flags; /* of ptv_report_write() */
    bool many;      /* a list: progress and summary */
    bool offline;   /* eval: nothing was asked, so nothing can be unavailable */
    uint64_t verdicts[PTV_VERDICT_COMPROMISED + 1];
    uint64_t judged, answered, refused, calls;
    uint64_t printed;    /* decisions and refusals */
    uint64_t stopped_at; /* inputs that need not be repeated; valid when stopped */
    const char *stopped; /* why; NULL: the input was read to its end */
    int64_t started_ms, shown_ms;
} cli_batch;

void cli_batch_begin(cli_batch *b, const cli_options *o, bool many, const char *piped_format);
/* Serialise into `out` (cleared first) and count. */
ptv_code cli_batch_render(cli_batch *b, ptv_buf *out, const ptv_report *r, ptv_error *err);
/* The same for an input that was refused: a line of its own in machine formats. Nothing where records are written: what
 * comes out is read again, and only records belong there. */
ptv_code cli_batch_refusal(cli_batch *b, ptv_buf *out, const char *input, const char *why, ptv_error *err);
/* And a line on stderr. */
ptv_code cli_batch_refuse(cli_batch *b, ptv_buf *out, uint64_t number, const char *input, const char *why, ptv_error *err);
void cli_batch_print(cli_batch *b, const ptv_buf *out);
/* Counts of a batch that was rendered elsewhere. */
void cli_batch_add(cli_batch *b, const cli_batch *part);
/* At most five times a second. bytes/size: of the input, size -1 when it is not known; total: of inputs, 0 not known. */
void cli_batch_progress(cli_batch *b, uint64_t done, uint64_t bytes, int64_t size);
/* Is a summary wanted? For a list; of records also when more than one came or one was refused; never with --quiet. */
bool cli_batch_is_summed(const cli_batch *b);
/* Summary on stderr, and the exit code. */
cli_exit cli_batch_end(cli_batch *b);

/* True once Ctrl-C or SIGTERM came; the first one lets what is in flight finish, the second ends the program. */
bool cli_interrupted(void);
/* Watch for Ctrl-C; `client` (NULL: none) is woken by it. */
void cli_watch_interrupt(ptv_client *client);

#endif
