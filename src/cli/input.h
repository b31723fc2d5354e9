/*
 * input.h: artifacts to look up, one at a time: operands, or lines of stdin. A line is an artifact, or a JSON object with
 * `value` and `type`; empty lines and lines that begin with # are passed over. Memory is bounded by the longest line
 * allowed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_INPUT_H
#define PTV_CLI_INPUT_H
#include "base/buf.h"
#include "cli/opt.h"

#define CLI_LINE_LIMIT 65536

typedef struct cli_lines { /* lines of a file descriptor */
    int fd;
    char *chunk;
    size_t at, len; /* unread part of chunk */
    ptv_buf line;
    bool whole, too_long, ended; /* whole: `line` was given out */
    uint64_t bytes;              /* consumed */
    int64_t size;                /* of a regular file, else -1 */
    ptv_error failed;
} cli_lines;

typedef enum cli_got { CLI_GOT_ONE, CLI_GOT_NOTHING_YET, CLI_GOT_END, CLI_GOT_FAILURE } cli_got;

/* limit: of one line; a longer one is cut there and too_long set. */
ptv_code cli_lines_open(cli_lines *l, int fd, size_t limit, ptv_error *err);
/* The next line is in l->line (no newline, NUL-terminated). Never blocks longer than wait_ms (-1: as long as it takes,
 * or until a signal). */
cli_got cli_lines_next(cli_lines *l, int wait_ms);
void cli_lines_close(cli_lines *l);

typedef struct cli_input {
    const char *text, *type; /* type NULL: look */
    char refusal[256];       /* not empty: what is wrong with the line */
    uint64_t number;         /* 1-based, refused ones included */
} cli_input;

typedef struct cli_inputs {
    const cli_options *o;
    size_t next_operand;
    bool from_stdin;
    cli_lines lines;
    uint64_t number;
    char *value, *type; /* of a JSON line */
} cli_inputs;

ptv_code cli_inputs_open(cli_inputs *in, const cli_options *o, ptv_error *err);
/* Text is borrowed until the next call. */
cli_got cli_inputs_next(cli_inputs *in, cli_input *out, int wait_ms);
void cli_inputs_close(cli_inputs *in);

#endif
