/*
 * wire.h: what a request says, as pure functions: which door, framed how, with which secret, about which artifact.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_HTTPD_WIRE_H
#define PTV_HTTPD_WIRE_H
#include "base/arena.h"
#include "base/digest.h"

/* ---- routes */
typedef enum ptv_route {
    PTV_ROUTE_NONE,
    PTV_ROUTE_CTS,      /* /cts/NAME: OPTIONS, POST */
    PTV_ROUTE_CTS_POLL, /* /cts/NAME/ID */
    PTV_ROUTE_VERDICT,  /* /v1/verdict */
    PTV_ROUTE_HEALTHZ,
    PTV_ROUTE_READYZ,
    PTV_ROUTE_METRICS
} ptv_route;
ptv_route ptv_route_find(const char **id, const char *path, const char *cts_name); /* *id: what stands behind /cts/NAME/ */
/* The methods of a route, as the header Allow lists them. */
const char *ptv_route_methods(ptv_route route);
bool ptv_route_takes(ptv_route route, const char *method);

/* ---- framing: see each header, then ask. A message whose end two readers could see in two places is refused. */
typedef struct ptv_framing {
    unsigned lengths, codings, hosts;
    bool odd_name, odd_length, odd_coding;
    uint64_t length; /* of the body, once given */
} ptv_framing;
void ptv_framing_see(ptv_framing *f, const char *name, const char *value);
const char *ptv_framing_refusal(const ptv_framing *f); /* NULL: fine */
/* "localhost:9000", "127.0.0.1", "[::1]:80": what a browser on this machine says when it means this machine. A page of
 * another site that had its name point here (DNS rebinding) gives that name. */
bool ptv_host_is_local(const char *host);

/* ---- secrets: compared by digest, in a time that does not depend on what was given */
typedef struct ptv_door_key {
    char digest[PTV_DIGEST_HEX]; /* of the credentials; "": none were set */
    const char *scheme;          /* "Basic", "Bearer" */
} ptv_door_key;
ptv_code ptv_door_key_basic(ptv_door_key *out, ptv_digest *d, const char *user, const char *password, ptv_error *err);
void ptv_door_key_bearer(ptv_door_key *out, ptv_digest *d, const char *token);
bool ptv_door_opens(const ptv_door_key *key, ptv_digest *d, const char *authorization); /* the header; NULL: none came */

/* ---- bodies */
/* The first part of multipart/form-data: views into `body`. false: it is none, or it is cut. */
bool ptv_multipart_first(const char **part, size_t *part_len, const char *content_type, const char *body, size_t len);
bool ptv_content_is(const char *content_type, const char *kind); /* without parameters, in any letter case; NULL: false */
/* { "type", "value" }: *type may come out NULL. Texts in the arena. PTV_EINVAL: what is wrong with it; PTV_ENOMEM. */
ptv_code ptv_body_artifact(const char **type, const char **value, ptv_arena *mem, const char *body, size_t len,
                           ptv_error *err);
/* The next line of a list that holds something, trimmed; moves *rest. false: no more. */
bool ptv_body_line(const char **line, size_t *line_len, const char **rest, size_t *rest_len);
/* One line: such an object, or the artifact as it is. */
ptv_code ptv_line_artifact(const char **type, const char **value, ptv_arena *mem, const char *line, size_t len,
                           ptv_error *err);

/* ---- the threat service's id: a UUID made of type and value, the same every time */
#define PTV_QUERY_ID 37
void ptv_query_id(char out[PTV_QUERY_ID], ptv_digest *d, const char *type, const char *value);
bool ptv_is_query_id(const char *text);
/* "net.name" and the two others that we know, in our spelling; NULL: not one of ours. */
const char *ptv_query_type(const char *type);

#endif
