/*
 * cmd_selftest.c: selftest: one line a thing tested. Exit codes are the SOAR platform's: 0 passed, 1 failed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/buf.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/talk.h"
#include "base/text.h"

typedef struct tally {
    bool json;
    unsigned failed;
} tally;

static void print_line(void *to, const char *what, bool passed, const char *message)
{
    tally *t = to;
    ptv_buf line = PTV_BUF(1 << 16);
    t->failed += !passed;
    if (t->json) {
        ptv_json_out o = { .buf = &line };
        ptv_json_open(&o, NULL, '{');
        ptv_json_put_text(&o, "test", what);
        ptv_json_put_bool(&o, "passed", passed);
        ptv_json_put_text(&o, "message", message);
        ptv_json_close(&o, '}');
    } else {
        ptv_buf_printf(&line, "%-7s %-12s ", passed ? "ok" : "FAILED", what);
        ptv_escape_terminal(&line, message ? message : "", message ? strlen(message) : 0);
    }
    cli_print("%s\n", line.data ? line.data : "");
    cli_flush();
    ptv_buf_release(&line);
}

static cli_exit run_selftest(const cli_options *o)
{
    cli_session session = { 0 };
    ptv_error err = { 0 };
    tally t = { .json = cli_format(o->format) == PTV_FORMAT_JSON };
    cli_exit code = cli_session_configure(&session, o);
    if (!code) {
        ptv_code rc = ptv_selftest(session.config, print_line, &t, &err);
        if (rc && !t.failed)
            cli_fail(&err);
        code = rc || t.failed ? CLI_PROBLEMS : CLI_OK;
    } else {
        code = CLI_PROBLEMS;
    }
    cli_session_close(&session);
    return code;
}

const cli_command cli_cmd_selftest = {
    .name = "selftest",
    .operands = "",
    .summary = "Test settings, rules, sources, TLS, key and quota; one line each, no paid query",
    .about = "Exit code 0: all passed, 1: something did not; these are the SOAR platform's codes for its test button.",
    .example = "  ptverdict selftest -c /etc/ptverdict/app.config",
    .formats = "text json",
    .run = run_selftest,
};
