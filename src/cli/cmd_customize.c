/*
 * cmd_customize.c: customize: import an export.res into the platform, and say what it brought.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/talk.h"
#include "serve/serve.h"

#define FILE_LIMIT ((size_t)64 << 20)

static void print_things(const ptv_json *file, const char *list, const char *what)
{
    for (const ptv_json *thing = ptv_json_first(ptv_json_find(file, list)); thing; thing = ptv_json_next(thing)) {
        const char *name = ptv_json_text(ptv_json_find(thing, "export_key"));
        char line[256];
        ptv_buf shown = PTV_BUF(sizeof line);
        ptv_escape_terminal(&shown, name ? name : "?", name ? strlen(name) : 1);
        cli_print("%-20s %s\n", what, shown.failed ? "?" : shown.data);
        ptv_buf_release(&shown);
    }
}

static void print_imported(const ptv_json *file)
{
    print_things(file, "functions", "function");
    print_things(file, "message_destinations", "message destination");
    print_things(file, "workflows", "workflow");
    print_things(file, "playbooks", "playbook");
    print_things(file, "scripts", "script");
    print_things(file, "actions", "rule");
}

static cli_exit run_customize(const cli_options *o)
{
    cli_session session = { 0 };
    ptv_error err = { 0 };
    ptv_arena mem = PTV_ARENA(FILE_LIMIT * 8);
    ptv_buf text = PTV_BUF(FILE_LIMIT);
    const ptv_json *file = NULL;
    cli_exit code = cli_session_configure(&session, o);
    if (!code) {
        ptv_code rc = ptv_file_read(&text, o->operands[0], &err);
        if (!rc)
            rc = ptv_json_parse(&file, &mem, text.len ? text.data : "", text.len, &err);
        if (rc)
            ptv_wrap(&err, "%s", o->operands[0]);
        else
            rc = ptv_serve_import(session.config, text.data, text.len, &err);
        code = rc ? cli_fail(&err) : CLI_OK;
        if (rc && err.detail >= 20 && err.detail <= 25 && err.code != PTV_EIO)
            code = (cli_exit)err.detail; /* the framework's */
        if (!rc)
            print_imported(file);
    }
    ptv_buf_release(&text);
    ptv_arena_release(&mem);
    cli_session_close(&session);
    return code;
}

const cli_command cli_cmd_customize = {
    .name = "customize",
    .operands = "EXPORT.RES",
    .summary = "Import functions, workflows and rules into the SOAR platform",
    .about = "Imports the file at the platform of [resilient], accepts it, and lets the API key of [resilient] read each "
             "message\n"
             "destination in it. What is there already under the same names is replaced by what the file holds.\n"
             "Exit codes beside the usual ones: 20 to 25 when the platform refuses us (see selftest).",
    .example = "  ptverdict customize -c app.config export.res",
    .least = 1,
    .most = 1,
    .run = run_customize,
};
