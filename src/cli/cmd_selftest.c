/*
 * cmd_selftest.c: selftest: one line a thing tested. Exit codes are those of the SOAR platform's framework.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/buf.h"
#include "base/json.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/talk.h"
#include "serve/serve.h"
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
    int platform = 0;
    const ptv_client_options how = cli_client_options(o);
    cli_exit code = cli_session_configure(&session, o);
    if (!code) {
        ptv_code rc = ptv_serve_selftest(session.config, print_line, &t, &platform, &err);
        if (!rc)
            rc = ptv_selftest(session.config, &how, print_line, &t, &err);
        if (rc && !t.failed)
            cli_fail(&err);
        code = platform ? (cli_exit)platform : rc || t.failed ? CLI_PROBLEMS : CLI_OK;
    } else {
        code = CLI_PROBLEMS;
    }
    cli_session_close(&session);
    return code;
}

const cli_command cli_cmd_selftest = {
    .name = "selftest",
    .operands = "",
    .summary = "Test settings, platform, rules, sources, TLS, key and quota; one line each, no paid query",
    .about =
        "With a section [resilient] the platform is tested too: login, function, broker, queue; no call is taken off it.\n"
        "Exit codes are those of the SOAR platform's framework: 0 all passed, 1 something of our own did not, 20 REST\n"
        "connection, 21 API key refused, 22 CA file not found, 23 TLS, 24 not a member of the organisation, 25 e-mail or\n"
        "password refused, 30 STOMP, 31 STOMP login refused, 32 not authorised to read the queue, 33 no subscription in "
        "time.",
    .example = "  ptverdict selftest -c /etc/ptverdict/app.config",
    .formats = "text json",
    .flags = CLI_BIT(FLAG_RULES),
    .run = run_selftest,
};
