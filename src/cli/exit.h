/*
 * exit.h: what the program's exit codes mean. The man page prints this list (tests/cli/man.t compares them).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_EXIT_H
#define PTV_CLI_EXIT_H

typedef enum cli_exit {
    CLI_OK = 0,           /* an answer was given, unknown included */
    CLI_PROBLEMS = 1,     /* a check, test or self-test found problems */
    CLI_COMPROMISED = 10, /* with --exit-code: at least one artifact is compromised */
    CLI_UNKNOWN = 20,     /* with --exit-code: none is compromised, at least one is unknown */
    CLI_USAGE = 64,       /* the command line is wrong */
    CLI_DATA = 65,        /* all input was refused, or rule files do not load */
    CLI_UNAVAILABLE = 69, /* nothing at all could be read from any source */
    CLI_BUG = 70,         /* our mistake, or no memory */
    CLI_OUTPUT = 74,      /* the output could not be written: disk full, pipe closed */
    CLI_STOPPED = 75,     /* stopped before the end of the input: Ctrl-C, quota or key used up; --skip resumes */
    CLI_SETTINGS = 78     /* a setting is missing or wrong */
} cli_exit;

#endif
