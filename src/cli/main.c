/*
 * main.c: the command line program: which commands there are, and the way in and out.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/commands.h"
#include "cli/talk.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

const cli_command *const cli_commands[] = {
    &cli_cmd_lookup, &cli_cmd_fetch,  &cli_cmd_eval,     &cli_cmd_check,     &cli_cmd_test,
    &cli_cmd_diff,   &cli_cmd_apply,  &cli_cmd_fields,   &cli_cmd_needs,     &cli_cmd_call,
    &cli_cmd_serve,  &cli_cmd_status, &cli_cmd_selftest, &cli_cmd_customize, &cli_cmd_config,
    &cli_cmd_init,   &cli_cmd_new,    &cli_cmd_why,      &cli_cmd_undecided, NULL,
};

/* A closed 0, 1 or 2 must not be given to the next file opened; what writes there fails, as it should. */
static void hold_standard_files(void)
{
    for (int fd = open("/dev/null", O_RDONLY); fd >= 0 && fd <= STDERR_FILENO; fd = open("/dev/null", O_RDONLY))
        continue;
}

static cli_exit run(const cli_options *o)
{
    if (o->version) {
        cli_print("ptverdict %s\n", PTV_VERSION);
        return CLI_OK;
    }
    if (o->help) {
        cli_print_help(o->command);
        return CLI_OK;
    }
    cli_log(o->quiet ? PTV_LOG_ERROR : o->verbose > 1 ? PTV_LOG_DEBUG : o->verbose ? PTV_LOG_INFO : PTV_LOG_WARNING);
    return o->command->run(o);
}

int main(int argc, char **argv)
{
    cli_options o;
    if (argc == 2 && strcmp(argv[1], "rule-process") == 0) /* we started ourselves: no command for people */
        return ptv_rule_process_main();
    hold_standard_files();
    signal(SIGPIPE, SIG_IGN);
    cli_exit code = cli_options_parse(&o, argc, argv);
    if (!code)
        code = run(&o);
    cli_options_release(&o);
    return cli_close(code);
}
