/*
 * serve.h: the resident program: the platform's function calls and our HTTP doors, answered by one client on one thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SERVE_SERVE_H
#define PTV_SERVE_SERVE_H
#include "ptverdict.h"

typedef struct ptv_serve ptv_serve;

typedef struct ptv_serve_options {
    const char *config;      /* settings file; NULL: the usual places */
    const char *const *sets; /* "key=value" */
    size_t set_count;
    const char *const *rules; /* rule folders; NULL: the setting `rules` */
    size_t rules_count;
} ptv_serve_options; /* copied */

/* Read settings, take the lock, load the rules, open log, store and doors. Rules that do not load are no error: calls are
 * answered with that. Errors: PTV_ESETTINGS (err->detail: an exit code of the framework where there is one), PTV_EFULL
 * another instance runs, PTV_EIO, PTV_ENOMEM. */
ptv_code ptv_serve_new(ptv_serve **out, const ptv_serve_options *options, ptv_error *err);
/* Until SIGTERM or SIGINT; SIGHUP, or a change of the settings file, reads settings and rules anew. PTV_OK: stopped in good
 * order. Else the platform refused us for good: err->detail is an exit code of the framework (20 to 25). */
ptv_code ptv_serve_run(ptv_serve *s, ptv_error *err);
void ptv_serve_free(ptv_serve *s); /* NULL is fine */

/*
 * The platform's side of the self-test: REST login and subscription, with the exit codes of the framework's self-test: 0, 20
 * to 25, 30 to 33. No message is taken off the queue.
 */
ptv_code ptv_serve_selftest(const ptv_config *config, ptv_selftest_fn *line, void *to, int *exit_code, ptv_error *err);
/* Bring an export.res to the platform and let our API key use the message destinations in it. Errors: PTV_EINVAL the file,
 * and with an exit code of the framework (20 to 25) in err->detail what ptv_rest_step() says. */
ptv_code ptv_serve_import(const ptv_config *config, const char *json, size_t len, ptv_error *err);
/* What a running serve with the same settings says of itself: one JSON object, NUL-terminated, yours: free(). *healthy: it
 * is alive, connected where it should be, and was heard of lately. PTV_EIO: none runs here. */
ptv_code ptv_serve_status(const ptv_config *config, char **json, bool *healthy, ptv_error *err);

#endif
