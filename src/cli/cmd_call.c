/*
 * cmd_call.c: call: one function call of the SOAR platform, inputs as JSON on stdin, the function's result on stdout.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/buf.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/talk.h"
#include "config/config.h"

#include <errno.h>
#include <unistd.h>

#define INPUTS_LIMIT ((size_t)16 << 20)

static ptv_code read_stdin(ptv_buf *out, ptv_error *err)
{
    char chunk[65536];
    ssize_t n;
    while ((n = read(STDIN_FILENO, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ptv_fail_detail(err, PTV_EIO, errno, "reading the inputs: %s", strerror(errno));
        ptv_buf_append(out, chunk, (size_t)n);
        if (out->failed)
            break;
    }
    return ptv_buf_check(out, err);
}

static ptv_code answer(cli_session *session, const ptv_soar_call *call, ptv_error *err)
{
    ptv_report *report = NULL;
    if (call->refusal)
        return ptv_soar_refusal(call->inputs, call->refusal, cli_write, NULL, err);
    ptv_code rc = ptv_lookup(&report, session->client, call->value, call->type, err);
    if (rc == PTV_EINVAL) {
        ptv_error why = *err;
        return ptv_soar_refusal(call->inputs, why.msg, cli_write, NULL, err);
    }
    if (!rc)
        rc = ptv_report_write_soar(report, call->inputs, cli_write, NULL, err);
    if (!rc && ptv_config_bool(session->config, PTV_OPT_DECISION_LOG))
        cli_log_decision(session->client, report, call->incident_id, call->artifact_id);
    ptv_report_free(report);
    return rc;
}

static cli_exit run_call(const cli_options *o)
{
    cli_session session = { 0 };
    ptv_error err = { 0 };
    ptv_buf given = PTV_BUF(INPUTS_LIMIT);
    const ptv_soar_call *call = NULL;
    ptv_client_options how = cli_client_options(o);
    how.keep_answers = true;
    cli_exit code = cli_session_open(&session, o, how);
    if (!code) {
        ptv_code rc = read_stdin(&given, &err);
        if (!rc && (rc = ptv_soar_call_read(&call, given.len ? given.data : "", given.len, &err)) != PTV_OK)
            ptv_wrap(&err, "inputs");
        if (!rc)
            rc = answer(&session, call, &err);
        code = rc && !cli_output_failed() ? cli_fail(&err) : CLI_OK;
    }
    ptv_soar_call_free(call);
    ptv_buf_release(&given);
    cli_session_close(&session);
    return code;
}

const cli_command cli_cmd_call = {
    .name = "call",
    .operands = "",
    .summary = "Run one SOAR function call: inputs as JSON on stdin, the function result on stdout",
    .about =
        "The inputs are those of fn_passivetotal: passivetotal_artifact_type (\"DNS Name\", \"IP Address\" or \"URL\") and\n"
        "passivetotal_artifact_value; a whole function call message with \"inputs\" in it is taken too. The result has\n"
        "success false and a reason when the input is refused; the exit code is 0 whenever a result was printed.",
    .example =
        "  echo '{\"passivetotal_artifact_type\": \"DNS Name\", \"passivetotal_artifact_value\": \"evil.example\"}' | "
        "ptverdict call",
    .flags = CLI_BIT(FLAG_RULES),
    .run = run_call,
};
