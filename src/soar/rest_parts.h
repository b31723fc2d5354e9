/*
 * rest_parts.h: what rest.c (asking, logging in) and import.c (importing) share.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SOAR_REST_PARTS_H
#define PTV_SOAR_REST_PARTS_H
#include "base/json.h"
#include "soar/rest.h"

typedef struct ptv_rest_reply {
    ptv_code code; /* no answer came: what, and why */
    int curl;
    char why[256];
    int status;
    ptv_buf body, cookies;
} ptv_rest_reply;

/* What an import still has to do. */
typedef struct ptv_rest_import_state {
    ptv_arena mem;
    const char **names; /* programmatic names of the message destinations */
    size_t count, next;
    int64_t id; /* of the destination being changed */
    int conflicts;
} ptv_rest_import_state;

typedef ptv_code ptv_rest_stage(ptv_rest *r, ptv_error *err); /* looks at r->reply; asks again or sets r->stage NULL */

struct ptv_rest {
    ptv_rest_options options; /* text in `mem` */
    ptv_arena mem;
    const ptv_transport *net;
    ptv_rest_stage *stage; /* what to do with the answer; NULL: nothing is under way */
    bool has_reply;
    ptv_rest_reply reply;
    char asked[512]; /* "GET /rest/session", for messages */
    ptv_arena session_mem, json_mem;
    ptv_rest_session session;
    const char *session_header, *cookie_header; /* of a login by e-mail; NULL */
    ptv_rest_import_state import;
};

/* Ask for base_url + path; `stage` is called with the answer. */
ptv_code ptv_rest_ask(ptv_rest *r, const char *method, const char *path, const char *body, size_t len, ptv_rest_stage *stage,
                      ptv_error *err);
/* The answer as a JSON tree (until the next one). Errors when there is none, or its status is not 2xx. */
ptv_code ptv_rest_json(const ptv_json **out, ptv_rest *r, ptv_error *err);
void ptv_rest_import_release(ptv_rest_import_state *s);

#endif
