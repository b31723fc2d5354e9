/*
 * talk.h: stdout is the answer, stderr is the talk. What goes to stderr is escaped for a terminal.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_TALK_H
#define PTV_CLI_TALK_H
#include "cli/exit.h"
#include "ptverdict.h"

#include <stdarg.h>

void cli_print(const char *fmt, ...) PTV_PRINTF(1, 2);
int cli_write(void *unused, const char *bytes, size_t len); /* a ptv_write_fn to stdout */
void cli_flush(void);
bool cli_output_failed(void);
/* Flush for the last time. Says what could not be written and returns CLI_OUTPUT, else `rc`. */
cli_exit cli_close(cli_exit rc);

/* One line on stderr, "ptverdict: " in front. */
void cli_say(const char *fmt, ...) PTV_PRINTF(1, 2);
void cli_vsay(const char *fmt, va_list args);
void cli_say_lines(const char *lines); /* each that ends in '\n'; NULL: none */
/* The exit code that an error means. */
cli_exit cli_exit_of(const ptv_error *err);
/* Say the error, and the same. */
cli_exit cli_fail(const ptv_error *err);
/* A line on the terminal that the next one replaces; NULL takes it away. Nothing when stderr is no terminal. */
void cli_status(const char *line);
/* Library log lines go to stderr up to `level`. */
void cli_log(ptv_log_level level);

#endif
