/*
 * records.h: recorded records and saved answers cut out of files and stdin, one subject at a time, in bounded memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_RECORDS_H
#define PTV_CLI_RECORDS_H
#include "base/buf.h"
#include "cli/input.h"

#define CLI_RECORD_LIMIT ((size_t)128 << 20) /* one subject: five answers of 16 MiB and room */

/*
 * One subject is
 *   a JSON object over as many lines as it takes, one if its first line ends with }; a line that begins with { begins the
 *   next one, whatever came before, so that a damaged object costs itself only;
 *   or saved answers (objects with "endpoint" and "query") on consecutive lines with the same query;
 *   or any other line: a compact record, or something to refuse.
 */
typedef struct cli_records {
    cli_lines lines;
    bool has_line, ended; /* has_line: the next subject begins with the line that is held in lines */
    ptv_buf now;          /* the subject being put together */
    uint64_t first_line, line;
    bool too_long;
} cli_records;

ptv_code cli_records_open(cli_records *r, int fd, ptv_error *err);
/* The next subject is in r->now, and began on r->first_line. CLI_GOT_ONE, _END, _NOTHING_YET (a signal), _FAILURE. */
cli_got cli_records_next(cli_records *r);
void cli_records_close(cli_records *r);

/* The raw text of the value of "query" when the line is a saved answer, else NULL: what groups lines. */
const char *cli_answer_query(size_t *len, const char *line, size_t line_len);

#endif
