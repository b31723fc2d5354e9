/*
 * cmd_serve.c: serve: the SOAR platform's function calls and the HTTP doors, until it is told to stop.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/talk.h"
#include "serve/serve.h"

/* The framework's exit codes come as detail; what runs already is not a failure of ours, but never 0. */
static cli_exit exit_of(const ptv_error *err)
{
    cli_exit code = cli_fail(err);
    if (err->code == PTV_EFULL)
        return CLI_STOPPED;
    return err->detail >= 20 && err->detail <= 34 && err->code != PTV_EIO ? (cli_exit)err->detail : code;
}

static cli_exit run_serve(const cli_options *o)
{
    ptv_serve *serve = NULL;
    ptv_error err = { 0 };
    ptv_serve_options options = { .config = o->config,
                                  .sets = (const char *const *)o->sets,
                                  .set_count = o->set_count,
                                  .rules = o->rules_count ? o->rules : NULL,
                                  .rules_count = o->rules_count };
    ptv_code rc = ptv_serve_new(&serve, &options, &err);
    for (size_t i = 0; i < o->set_count; i++)
        cli_wipe_secret(o->sets[i]);
    if (!rc)
        rc = ptv_serve_run(serve, &err);
    ptv_serve_free(serve);
    return rc ? exit_of(&err) : CLI_OK;
}

const cli_command cli_cmd_serve = {
    .name = "serve",
    .operands = "",
    .summary = "Answer the SOAR platform: function calls from its broker, and HTTP",
    .about =
        "Logs in at the platform of [resilient], subscribes to the queue of fn_passivetotal and answers its calls; answers "
        "the\n"
        "custom threat service, /v1/verdict, /healthz, /readyz and /metrics on http_listen. SIGTERM stops it: running "
        "calls\n"
        "come to their end within stop_within. SIGHUP, or a change of the settings file, reads settings and rules anew.\n"
        "Exit codes beside the usual ones: 20 to 25 when the platform refuses us (see selftest), 75 another instance runs.",
    .example = "  ptverdict serve -c app.config",
    .flags = CLI_BIT(FLAG_RULES),
    .run = run_serve,
};
