/*
 * records.h: where recorded records and saved answers begin and end in a stretch of text. Nothing is copied.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_RECORDS_H
#define PTV_CLI_RECORDS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One subject is
 *   a JSON object over as many lines as it takes, one if its first line ends with }; a line that begins with { or with the
 *   mark of a compact record begins the next one, whatever came before, so that a damaged object costs itself only;
 *   or saved answers (objects with "endpoint" and "query") on consecutive lines with the same query;
 *   or any other line: a compact record, or something to refuse.
 * Blank lines stand between subjects, or are part of one.
 */
typedef struct cli_record {
    const char *text;
    size_t len;
    uint64_t line; /* on which it begins */
    bool closed;   /* nothing that may follow can belong to it */
} cli_record;

typedef struct cli_cutter {
    const char *at, *end;
    uint64_t line; /* of `at` */
} cli_cutter;

bool cli_cut(cli_cutter *c, cli_record *out); /* false: nothing but blank lines is left */

/* Where the text can be parted so that both parts are cut as the whole would be: the last such place before a line that is
 * there whole; 0: none. Cheap: it looks at the end only. */
size_t cli_cut_place(const char *text, size_t len);
/* The same, when what has come so far must not wait: behind the last line if what it belongs to is closed. */
size_t cli_cut_closed(const char *text, size_t len);

/* The raw text of the value of "query" when the line is a saved answer, else NULL: what groups lines. */
const char *cli_answer_query(size_t *len, const char *line, size_t line_len);

#endif
