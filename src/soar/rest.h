/*
 * rest.h: the platform's REST API as far as a worker needs it: log in, choose the organisation, find the function's queue;
 * import a customization. A state machine over ptv_transport: begin something, then call ptv_rest_step() after each poll of
 * the transport until it is done.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SOAR_REST_H
#define PTV_SOAR_REST_H
#include "base/arena.h"
#include "net/transport.h"

/* Exit codes of the framework's self-test, which come as err->detail (soar.md 3.5). */
typedef enum ptv_soar_exit {
    PTV_EXIT_REST = 20,         /* no answer that can be used */
    PTV_EXIT_UNAUTHORISED = 21, /* API key refused */
    PTV_EXIT_CA_FILE = 22,      /* not found */
    PTV_EXIT_TLS = 23,
    PTV_EXIT_ORG = 24,   /* not a member */
    PTV_EXIT_LOGIN = 25, /* e-mail or password refused */
    PTV_EXIT_STOMP = 30,
    PTV_EXIT_STOMP_LOGIN = 31,
    PTV_EXIT_STOMP_QUEUE = 32, /* not authorised to read it */
    PTV_EXIT_STOMP_LATE = 33   /* no subscription in time */
} ptv_soar_exit;

typedef struct ptv_rest_options {
    const char *base_url; /* "https://host:443" with resource_prefix */
    const char *org;
    const char *key_id, *key_secret; /* wins over e-mail */
    const char *email, *password;
    const char *function; /* "fn_passivetotal" */
    long connect_timeout_ms, timeout_ms;
} ptv_rest_options; /* copied */

typedef struct ptv_rest_session {
    int64_t org_id;
    const char *org_name;
    const char *queue;            /* "actions.201.passivetotal"; NULL: the function is not installed */
    const char *login, *passcode; /* for STOMP */
    const char *server_version;   /* NULL: the platform did not say */
    int64_t api_key_handle;       /* -1: logged in by e-mail */
    bool actions_enabled;
} ptv_rest_session;

typedef struct ptv_rest ptv_rest;
/* net is borrowed, and not touched while nothing is under way. NULL: no memory. */
ptv_rest *ptv_rest_new(const ptv_rest_options *options, const ptv_transport *net);
/* Begin to log in, from the start also when something was under way. Errors: PTV_ESETTINGS what is missing, PTV_ENOMEM. */
ptv_code ptv_rest_login(ptv_rest *r, ptv_error *err);
/* PTV_OK with *done false: still under way. Errors carry a ptv_soar_exit in err->detail: PTV_EKEY (21, 25), PTV_ESETTINGS
 * (24), PTV_ENET, PTV_ETIMEOUT, PTV_EHTTP, PTV_ESHAPE (20, 23); PTV_ENOMEM. */
ptv_code ptv_rest_step(ptv_rest *r, bool *done, ptv_error *err);
bool ptv_rest_refused(const ptv_rest *r);                       /* the last answer was 401 or 403 */
const ptv_rest_session *ptv_rest_session_of(const ptv_rest *r); /* borrowed; after done, until the next login */
/* Begin to import an export.res, once logged in: import, accept, allow our key to use each message destination in it. */
ptv_code ptv_rest_import(ptv_rest *r, const char *json, size_t len, ptv_error *err);
void ptv_rest_free(ptv_rest *r); /* NULL is fine */

#endif
