/*
 * cmd_call.c: call: one function call of the SOAR platform, inputs as JSON on stdin, the function's result on stdout.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/talk.h"
#include "config/config.h"

#include <errno.h>
#include <unistd.h>

#define INPUTS_LIMIT ((size_t)16 << 20)
#define VALUE        "passivetotal_artifact_value"
#define TYPE         "passivetotal_artifact_type"

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

/*
 * One input as the platform's framework hands it to a function: {"id", "name"} of a select becomes its name, {"format",
 * "content"} of a text area its content unless that is empty, a list of selects the list of names; all else stays.
 */
static void put_input(ptv_json_out *o, const ptv_json *v)
{
    const char *key = ptv_json_key(v);
    const ptv_json *name = ptv_json_find(v, "name"), *content = ptv_json_find(v, "content");
    if (ptv_json_kind_of(v) == PTV_JSON_OBJECT && name && ptv_json_find(v, "id")) {
        ptv_json_put_tree(o, key, name);
    } else if (ptv_json_kind_of(v) == PTV_JSON_OBJECT && ptv_json_find(v, "format") && ptv_json_text(content) &&
               *ptv_json_text(content)) {
        ptv_json_put_tree(o, key, content);
    } else if (ptv_json_kind_of(v) == PTV_JSON_LIST) {
        ptv_json_open(o, key, '[');
        for (const ptv_json *item = ptv_json_first(v); item; item = ptv_json_next(item)) {
            const ptv_json *item_name = ptv_json_find(item, "name");
            ptv_json_put_tree(o, NULL, item_name ? item_name : item);
        }
        ptv_json_close(o, ']');
    } else {
        ptv_json_put_tree(o, key, v);
    }
}

/* `inputs` after that, as a tree and as text; a whole function call with "inputs" in it is taken too. */
static ptv_code normalise(const ptv_json **out, ptv_buf *text, ptv_arena *mem, const ptv_buf *given, ptv_error *err)
{
    const ptv_json *json = NULL;
    ptv_code rc = ptv_json_parse(&json, mem, given->len ? given->data : "", given->len, err);
    if (rc)
        return rc == PTV_ESHAPE ? (err->code = PTV_EINVAL, ptv_wrap(err, "inputs")) : rc;
    const ptv_json *inside = ptv_json_find(json, "inputs");
    if (ptv_json_kind_of(inside) == PTV_JSON_OBJECT)
        json = inside;
    if (ptv_json_kind_of(json) != PTV_JSON_OBJECT)
        return ptv_fail(err, PTV_EINVAL, "the inputs must be a JSON object with \"" VALUE "\" and \"" TYPE "\"");
    ptv_json_out o = { .buf = text };
    ptv_json_open(&o, NULL, '{');
    for (const ptv_json *v = ptv_json_first(json); v; v = ptv_json_next(v))
        put_input(&o, v);
    ptv_json_close(&o, '}');
    rc = ptv_buf_check(text, err);
    return rc ? rc : ptv_json_parse(out, mem, text->data, text->len, err);
}

/* What is wrong with the inputs before anything is looked up; NULL: nothing. */
static const char *refusal_of(const ptv_json *inputs)
{
    const char *value = ptv_json_text(ptv_json_find(inputs, VALUE));
    if (!ptv_json_find(inputs, VALUE))
        return "the input " VALUE " is missing";
    if (!ptv_json_find(inputs, TYPE))
        return "the input " TYPE " is missing";
    if (!value || !*value)
        return "the input " VALUE " is not a text";
    if (!ptv_json_text(ptv_json_find(inputs, TYPE)))
        return "the input " TYPE " is not a text";
    return NULL;
}

/* An id of the SOAR: a number, or a text of digits. */
static const char *id_input(char out[32], const ptv_json *inputs, const char *key)
{
    const ptv_json *v = ptv_json_find(inputs, key);
    double number;
    if (ptv_json_number(&number, v) && number >= 0 && number < 1e15) {
        snprintf(out, 32, "%lld", (long long)number);
        return out;
    }
    return ptv_json_text(v);
}

static void log_decision(const cli_session *session, const ptv_report *report, const ptv_json *inputs)
{
    char incident[32], artifact[32];
    if (ptv_config_bool(session->config, PTV_OPT_DECISION_LOG))
        cli_log_decision(session->client, report, id_input(incident, inputs, "incident_id"),
                         id_input(artifact, inputs, "artifact_id"));
}

static ptv_code answer(cli_session *session, const ptv_json *inputs, const char *text, ptv_error *err)
{
    ptv_report *report = NULL;
    const char *refusal = refusal_of(inputs);
    if (refusal)
        return ptv_soar_refusal(text, refusal, cli_write, NULL, err);
    ptv_code rc = ptv_lookup(&report, session->client, ptv_json_text(ptv_json_find(inputs, VALUE)),
                             ptv_json_text(ptv_json_find(inputs, TYPE)), err);
    if (rc == PTV_EINVAL) {
        ptv_error why = *err;
        return ptv_soar_refusal(text, why.msg, cli_write, NULL, err);
    }
    if (!rc)
        rc = ptv_report_write_soar(report, text, cli_write, NULL, err);
    if (!rc)
        log_decision(session, report, inputs);
    ptv_report_free(report);
    return rc;
}

static cli_exit run_call(const cli_options *o)
{
    cli_session session = { 0 };
    ptv_error err = { 0 };
    ptv_arena mem = PTV_ARENA((size_t)256 << 20);
    ptv_buf given = PTV_BUF(INPUTS_LIMIT), text = PTV_BUF(INPUTS_LIMIT * 2);
    const ptv_json *inputs = NULL;
    ptv_client_options how = cli_client_options(o);
    how.keep_answers = true;
    cli_exit code = cli_session_open(&session, o, how);
    if (!code) {
        ptv_code rc = read_stdin(&given, &err);
        if (!rc)
            rc = normalise(&inputs, &text, &mem, &given, &err);
        if (!rc)
            rc = answer(&session, inputs, text.data, &err);
        code = rc && !cli_output_failed() ? cli_fail(&err) : CLI_OK;
    }
    ptv_buf_release(&given);
    ptv_buf_release(&text);
    ptv_arena_release(&mem);
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
