/*
 * session.h: what every command begins with: settings read, a client opened, findings told.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_SESSION_H
#define PTV_CLI_SESSION_H
#include "cli/opt.h"

typedef struct cli_session {
    ptv_config *config;
    ptv_client *client;
} cli_session;

/* Settings only: file, then --set. Every problem is CLI_SETTINGS. */
cli_exit cli_session_configure(cli_session *s, const cli_options *o);
/* Settings and a client; rules, now and explain come from the command line. Findings that are errors go to stderr. */
cli_exit cli_session_open(cli_session *s, const cli_options *o, ptv_client_options how);
void cli_session_close(cli_session *s);

/* A decision into the log, with the SOAR's ids or NULL. One that cannot be written is told and no reason to stop; false: do
 * not try again. */
bool cli_log_decision(ptv_client *client, const ptv_report *report, const char *incident_id, const char *artifact_id);

/* The options of a client as the command line gives them. */
ptv_client_options cli_client_options(const cli_options *o);
/* "json" → PTV_FORMAT_JSON. */
ptv_format cli_format(const char *name);

#endif
