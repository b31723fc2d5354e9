/*
 * cmd_status.c: status: how the serve of the same settings is doing, for people and for probes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/talk.h"
#include "serve/serve.h"

#include <string.h>

static void print_line(const char *key, const char *text)
{
    ptv_buf line = PTV_BUF(1 << 16);
    ptv_escape_terminal(&line, text, strlen(text));
    cli_print("%-26s %s\n", key, line.data ? line.data : "");
    ptv_buf_release(&line);
}

/* Whole numbers as such; counters of one name stand together, what is 0 among them is left out. */
static void print_value(const char *key, const ptv_json *v)
{
    char text[64];
    double number;
    bool yes;
    if (ptv_json_text(v)) {
        print_line(key, ptv_json_text(v));
    } else if (ptv_json_bool(&yes, v)) {
        print_line(key, yes ? "yes" : "no");
    } else if (ptv_json_number(&number, v)) {
        snprintf(text, sizeof text, "%.10g", number);
        print_line(key, text);
    } else if (ptv_json_kind_of(v) == PTV_JSON_OBJECT) {
        ptv_buf line = PTV_BUF(4096);
        for (const ptv_json *item = ptv_json_first(v); item; item = ptv_json_next(item))
            if (ptv_json_number(&number, item) && number != 0)
                ptv_buf_printf(&line, "%s%s %.10g", line.len ? ", " : "", ptv_json_key(item), number);
        print_line(key, line.len ? line.data : "none");
        ptv_buf_release(&line);
    }
}

static ptv_code print_status(const char *json, bool as_json, ptv_error *err)
{
    ptv_arena mem = PTV_ARENA(4 << 20);
    const ptv_json *tree = NULL;
    if (as_json) {
        cli_print("%.*s\n", (int)strcspn(json, "\n"), json);
        return PTV_OK;
    }
    ptv_code rc = ptv_json_parse(&tree, &mem, json, strlen(json), err);
    for (const ptv_json *v = ptv_json_first(tree); v; v = ptv_json_next(v))
        print_value(ptv_json_key(v), v);
    ptv_arena_release(&mem);
    return rc;
}

static cli_exit run_status(const cli_options *o)
{
    cli_session session = { 0 };
    ptv_error err = { 0 };
    char *json = NULL;
    bool healthy = false;
    cli_exit code = cli_session_configure(&session, o);
    if (!code) {
        ptv_code rc = ptv_serve_status(session.config, &json, &healthy, &err);
        if (!rc)
            rc = print_status(json, cli_format(o->format) == PTV_FORMAT_JSON, &err);
        if (rc)
            cli_say("%s", err.msg);
        code = rc == PTV_ESETTINGS ? CLI_SETTINGS : rc || !healthy ? CLI_PROBLEMS : CLI_OK;
    }
    ptv_free(json);
    cli_session_close(&session);
    return code;
}

const cli_command cli_cmd_status = {
    .name = "status",
    .operands = "",
    .summary = "How the serve of the same settings is doing",
    .about =
        "Exit code 0: it runs, is connected to the broker where it should be, and has been heard of within 30 seconds;\n"
        "1: not so. That is what a liveness probe wants to know.",
    .example = "  ptverdict status -c app.config",
    .formats = "text json",
    .run = run_status,
};
