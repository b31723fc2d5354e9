/*
 * commands.h: the commands, one a file. A new one is its file and its line in main.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_COMMANDS_H
#define PTV_CLI_COMMANDS_H
#include "cli/opt.h"

extern const cli_command cli_cmd_lookup, cli_cmd_fetch, cli_cmd_eval, cli_cmd_check, cli_cmd_test, cli_cmd_diff,
    cli_cmd_apply, cli_cmd_fields, cli_cmd_needs, cli_cmd_call, cli_cmd_selftest, cli_cmd_serve, cli_cmd_status,
    cli_cmd_config, cli_cmd_init, cli_cmd_new, cli_cmd_why, cli_cmd_undecided, cli_cmd_customize;

#endif
