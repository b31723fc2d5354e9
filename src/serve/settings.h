/*
 * settings.h: what serve reads from app.config: [resilient] as the platform's framework reads it, and its own rows of
 * [ptverdict]. Checked once, translated for each part; all text is borrowed from the configuration or lives in `mem`.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SERVE_SETTINGS_H
#define PTV_SERVE_SETTINGS_H
#include "config/config.h"
#include "net/http.h"
#include "serve/log.h"
#include "soar/rest.h"
#include "soar/worker.h"
#include "stomp/consumer.h"

typedef struct ptv_serve_settings {
    ptv_arena mem;
    /* the platform */
    bool has_platform; /* there is a section [resilient] */
    bool wants_stomp;  /* false with stomp = 0 */
    ptv_rest_options rest;
    ptv_http_options rest_http;
    ptv_consumer_options consumer; /* without login, passcode and queue */
    int64_t retries;               /* max_connection_retries; -1: for ever */
    ptv_worker_options worker;
    bool expand_inputs;
    int64_t selftest_ms;
    /* this process */
    ptv_serve_log_options log;
    const char *lock_path;
    bool lock_is_ours; /* the path is our own choice: do without when it cannot be used */
    const char *state; /* folder; NULL */
    int64_t stop_within_ms;
} ptv_serve_settings;

/* Release it in either case. Errors: PTV_ESETTINGS, with a ptv_soar_exit in err->detail where there is one (22); PTV_ENOMEM.
 */
ptv_code ptv_serve_settings_read(ptv_serve_settings *out, const ptv_config *config, ptv_error *err);
void ptv_serve_settings_release(ptv_serve_settings *s);
/* Do both lead to the same platform, with the same login and the same limits? Then a reload need not reconnect. */
bool ptv_serve_settings_same_platform(const ptv_serve_settings *a, const ptv_serve_settings *b);
/* Where settings have another default in serve: retry_within, max_in_flight. Call it on each new configuration. */
ptv_code ptv_serve_settings_adjust(ptv_config *config, ptv_error *err);

#endif
