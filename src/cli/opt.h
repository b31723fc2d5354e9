/*
 * opt.h: the command line as tables. One row an option, one row a command; parsing, --help and the man page read the same
 * rows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_OPT_H
#define PTV_CLI_OPT_H
#include "cli/exit.h"
#include "ptverdict.h"

typedef enum cli_flag {
    FLAG_CONFIG,
    FLAG_RULES,
    FLAG_SET,
    FLAG_FORMAT,
    FLAG_EXPLAIN,
    FLAG_NOW,
    FLAG_EXIT_CODE,
    FLAG_SKIP,
    FLAG_JOBS,
    FLAG_WHY_NOT,
    FLAG_OVER,
    FLAG_FAIL_ON_CHANGE,
    FLAG_SINCE,
    FLAG_DRY_RUN,
    FLAG_SAVE,
    FLAG_COMPACT,
    FLAG_RUN,
    FLAG_FAIL_FAST,
    FLAG_COVERAGE,
    FLAG_INVERT,
    FLAG_FAIL_SECTIONS,
    FLAG_STRICT,
    FLAG_WATCH,
    FLAG_EDITOR,
    FLAG_QUIET,
    FLAG_VERBOSE,
    FLAG_COLOR,
    FLAG_HELP,
    FLAG_VERSION,
    FLAG_COUNT
} cli_flag;
#define CLI_BIT(flag) (UINT64_C(1) << (flag))
/* Options that every command has. */
#define CLI_COMMON                                                                                                          \
    (CLI_BIT(FLAG_CONFIG) | CLI_BIT(FLAG_SET) | CLI_BIT(FLAG_QUIET) | CLI_BIT(FLAG_VERBOSE) | CLI_BIT(FLAG_COLOR) |         \
     CLI_BIT(FLAG_HELP) | CLI_BIT(FLAG_VERSION))

typedef struct cli_flag_info {
    const char *name;  /* "format" */
    char letter;       /* 'f', or 0 */
    const char *value; /* "FORMAT"; NULL: takes none */
    const char *help;
} cli_flag_info;
extern const cli_flag_info cli_flags[FLAG_COUNT];

/* A parsed command line. All text is borrowed from argv. */
typedef struct cli_options {
    const struct cli_command *command;
    const char *config, *format, *save;
    const char *why_not;
    const char **rules, **operands, **over; /* arrays of ours: cli_options_release() */
    char **sets;
    size_t rules_count, set_count, operand_count, over_count;
    uint64_t jobs; /* 0: as many as cores */
    bool fail_on_change, dry_run;
    int64_t now, since; /* PTV_NO_TIME: not given */
    uint64_t skip;
    const char *run;      /* test: which cases */
    int coverage_percent; /* test: the gate; -1: not given */
    bool explain, exit_code, compact, quiet, help, version;
    bool fail_fast, invert, fail_sections, strict, watch, editor;
    int verbose;
    bool color; /* decided: the flag, NO_COLOR, the terminal */
} cli_options;

typedef struct cli_command {
    const char *name, *operands, *summary;
    const char *about;   /* a paragraph or two for --help; NULL */
    const char *example; /* one or more lines */
    const char *formats; /* "text json", the first is the default; NULL: no --format */
    uint64_t flags;      /* beside CLI_COMMON */
    size_t least, most;  /* operands */
    cli_exit (*run)(const cli_options *o);
} cli_command;
extern const cli_command *const cli_commands[]; /* ends with NULL; in the order of --help */

/* Parse; on a wrong command line says so on stderr and returns CLI_USAGE. */
cli_exit cli_options_parse(cli_options *out, int argc, char **argv);
void cli_options_release(cli_options *o);
/* Overwrite the value of "key=value" in argv when the key is a secret. */
void cli_wipe_secret(char *assignment);
void cli_print_help(const cli_command *command); /* NULL: the program's */

#endif
