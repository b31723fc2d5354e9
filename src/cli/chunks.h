/*
 * chunks.h: a file cut into stretches of whole subjects, to be judged apart and in any order.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_CHUNKS_H
#define PTV_CLI_CHUNKS_H
#include "base/buf.h"
#include "cli/input.h"
#include "cli/records.h"

#define CLI_RECORD_LIMIT ((size_t)128 << 20) /* one subject: five answers of 16 MiB and room */

typedef struct cli_source { /* a file being read */
    int fd;
    const char *name;     /* borrowed */
    ptv_buf rest;         /* read, but part of the next stretch */
    uint64_t line;        /* of the first byte of `rest` */
    bool ended, dropping; /* dropping: the rest of a subject that is too long */
    uint64_t bytes;
    int64_t size; /* of a regular file, else -1 */
} cli_source;

void cli_source_open(cli_source *s, int fd, const char *name);
void cli_source_close(cli_source *s);
/*
 * The next stretch into `out`, with the number of its first line. It is as long as is good for throughput; but what has
 * come does not wait for what has not: then it is shorter, and *is_short set.
 *
 *   wait  false: when nothing whole has come, return CLI_GOT_NOTHING_YET
 *
 * CLI_GOT_ONE, _END, _NOTHING_YET (also: a signal came), _FAILURE (err). too_long: `out` is the start of one subject, the
 * rest of which will be left out.
 */
cli_got cli_source_next(cli_source *s, ptv_buf *out, uint64_t *line, bool *too_long, bool *is_short, bool wait,
                        ptv_error *err);

#endif
