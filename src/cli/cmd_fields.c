/*
 * cmd_fields.c: fields and needs: the words rules may use, and what each rule makes us fetch.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/talk.h"

static cli_exit run_fields(const cli_options *o)
{
    ptv_error err = { 0 };
    ptv_code rc = ptv_fields_write(cli_format(o->format), cli_write, NULL, &err);
    return rc && !cli_output_failed() ? cli_fail(&err) : CLI_OK;
}

static cli_exit run_needs(const cli_options *o)
{
    cli_session session = { 0 };
    ptv_error err = { 0 };
    ptv_client_options how = cli_client_options(o);
    how.offline = true;
    if (o->operand_count) {
        how.rules = o->operands;
        how.rules_count = o->operand_count;
    }
    cli_exit code = cli_session_open(&session, o, how);
    if (!code) {
        ptv_code rc = ptv_needs_write(session.client, cli_format(o->format), cli_write, NULL, &err);
        code = rc && !cli_output_failed() ? cli_fail(&err) : CLI_OK;
    }
    cli_session_close(&session);
    return code;
}

const cli_command cli_cmd_fields = {
    .name = "fields",
    .operands = "",
    .summary = "Print the words that rules may use, an example each, and the call each costs",
    .example = "  ptverdict fields --format json",
    .formats = "text json",
    .run = run_fields,
};

const cli_command cli_cmd_needs = {
    .name = "needs",
    .operands = "[RULES...]",
    .summary = "Print what each rule makes us fetch, and how many calls an artifact costs",
    .example = "  ptverdict needs rules/",
    .formats = "text json",
    .flags = CLI_BIT(FLAG_RULES),
    .least = 0,
    .most = SIZE_MAX,
    .run = run_needs,
};
