/*
 * cmd_fields.c: fields and needs: the words rules may use, and what each rule makes us fetch.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/commands.h"
#include "cli/editor.h"
#include "cli/session.h"
#include "cli/talk.h"

#include <string.h>

static cli_exit run_fields(const cli_options *o)
{
    ptv_error err = { 0 };
    ptv_code rc;
    if (o->operand_count && !o->editor) {
        cli_say("'%s' is too much: fields takes a folder with --editor only", o->operands[0]);
        return CLI_USAGE;
    }
    if (o->editor) {
        ptv_arena mem = PTV_ARENA(1 << 20);
        rc = cli_editor_write(o->operand_count ? o->operands[0] : ".", &mem, &err);
        ptv_arena_release(&mem);
    } else if (o->format && strcmp(o->format, "luacheck") == 0) {
        rc = ptv_editor_write(PTV_EDITOR_LUACHECK, cli_write, NULL, &err);
    } else {
        rc = ptv_fields_write(cli_format(o->format), cli_write, NULL, &err);
    }
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
    .operands = "[DIR]",
    .summary = "Print the words that rules may use, an example each, and the call each costs",
    .about = "luacheck: a .luacheckrc for rule files and tests.",
    .example = "  ptverdict fields --editor rules\n"
               "  ptverdict fields --format luacheck >.luacheckrc",
    .formats = "text json luacheck",
    .flags = CLI_BIT(FLAG_EDITOR),
    .least = 0,
    .most = 1,
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
