/*
 * cmd_check.c: check: every problem in every rule file, in one run.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/commands.h"
#include "cli/findings.h"
#include "cli/session.h"
#include "cli/talk.h"

#include <string.h>

static cli_exit run_check(const cli_options *o)
{
    cli_session session = { 0 };
    ptv_error err = { 0 };
    ptv_findings *findings = NULL;
    cli_exit code = cli_session_configure(&session, o);
    if (code)
        goto out;
    ptv_client_options how = cli_client_options(o);
    if (o->operand_count) {
        how.rules = o->operands;
        how.rules_count = o->operand_count;
    }
    ptv_code rc = ptv_findings_new(&findings, &err);
    if (!rc)
        rc = ptv_check(findings, session.config, &how, &err);
    if (rc && rc != PTV_ERULES) {
        code = cli_fail(&err);
        goto out;
    }
    code = rc ? CLI_PROBLEMS : CLI_OK;
    if (!o->format || strcmp(o->format, "text") == 0)
        cli_findings_text(findings);
    else if (strcmp(o->format, "sarif") == 0 ? cli_findings_sarif(findings, &err) : cli_findings_json(findings, &err))
        code = cli_fail(&err);
out:
    ptv_findings_free(findings);
    cli_session_close(&session);
    return code;
}

const cli_command cli_cmd_check = {
    .name = "check",
    .operands = "[RULES...]",
    .summary = "Report every problem of every rule file, in one run",
    .about =
        "RULES are rule files or folders; without any, those that lookup would use. Exit code 1 when there is an error.",
    .example = "  ptverdict check rules/",
    .formats = "text json sarif",
    .flags = CLI_BIT(FLAG_RULES) | CLI_BIT(FLAG_NOW),
    .least = 0,
    .most = SIZE_MAX,
    .run = run_check,
};
