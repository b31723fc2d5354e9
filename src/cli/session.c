/*
 * session.c: from a command line to settings and a client.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/session.h"

#include "cli/findings.h"
#include "cli/talk.h"

#include <string.h>

ptv_client_options cli_client_options(const cli_options *o)
{
    ptv_client_options how = { .rules = o->rules_count ? o->rules : NULL, .rules_count = o->rules_count };
    how.explain = o->explain;
    how.why_not = o->why_not;
    how.now_utc = o->now;
    return how;
}

cli_exit cli_session_configure(cli_session *s, const cli_options *o)
{
    ptv_error err = { 0 };
    ptv_code rc = ptv_config_new(&s->config, &err);
    if (!rc)
        rc = ptv_config_read(s->config, o->config, &err);
    for (size_t i = 0; !rc && i < o->set_count; i++) {
        rc = ptv_config_set(s->config, o->sets[i], &err);
        cli_wipe_secret(o->sets[i]);
    }
    if (!rc)
        return CLI_OK;
    cli_exit code = cli_fail(&err);
    return code == CLI_BUG ? code : CLI_SETTINGS;
}

/* Do the rules lack nothing but values of settings? */
static bool is_settings_alone(const ptv_findings *findings)
{
    const ptv_finding *f;
    for (size_t i = 0; (f = ptv_findings_at(findings, i)) != NULL; i++)
        if (f->grade == PTV_ERROR && strcmp(f->code, "E-SETTING") != 0)
            return false;
    return true;
}

cli_exit cli_session_open(cli_session *s, const cli_options *o, ptv_client_options how)
{
    cli_exit code = cli_session_configure(s, o);
    if (code)
        return code;
    ptv_error err = { 0 };
    ptv_findings *findings = NULL;
    ptv_code rc = ptv_findings_new(&findings, &err);
    if (!rc)
        rc = ptv_client_new(&s->client, s->config, &how, findings, &err);
    bool told = findings && rc == PTV_ERULES; /* the error is the first of them */
    if (told || (!rc && o->verbose))
        cli_findings_say(findings, rc ? PTV_ERROR : PTV_WARNING);
    if (rc == PTV_ERULES && findings && is_settings_alone(findings))
        err.code = PTV_ESETTINGS;
    ptv_findings_free(findings);
    if (told)
        return cli_exit_of(&err);
    return rc ? cli_fail(&err) : CLI_OK;
}

void cli_session_close(cli_session *s)
{
    ptv_client_free(s->client);
    ptv_config_free(s->config);
    *s = (cli_session){ 0 };
}

bool cli_log_decision(ptv_client *client, const ptv_report *report, const char *incident_id, const char *artifact_id)
{
    ptv_error err = { 0 };
    if (!ptv_decision_log(client, report, incident_id, artifact_id, &err))
        return true;
    cli_say("%s; decisions are not logged from here on", err.msg);
    return false;
}

ptv_format cli_format(const char *name)
{
    static const char *const names[] = {
        [PTV_FORMAT_TEXT] = "text",       [PTV_FORMAT_JSON] = "json",     [PTV_FORMAT_CSV] = "csv",
        [PTV_FORMAT_SOAR] = "soar",       [PTV_FORMAT_RECORD] = "record", [PTV_FORMAT_ANSWERS] = "answers",
        [PTV_FORMAT_COMPACT] = "compact", [PTV_FORMAT_JUNIT] = "junit"
    };
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return (ptv_format)i;
    return PTV_FORMAT_TEXT;
}
