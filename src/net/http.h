/*
 * http.h: ptv_transport over one libcurl multi handle.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_NET_HTTP_H
#define PTV_NET_HTTP_H
#include "net/transport.h"

/* What the user calls the settings that a message may ask him to change. */
typedef struct ptv_http_names {
    const char *place;           /* "the URL": where host and port come from */
    const char *ca;              /* "verify": a path of a PEM file can be written there */
    const char *proxy_login;     /* "https_proxy = http://user:password@host:port" */
    const char *connect_timeout; /* "connect_timeout" */
} ptv_http_names;

typedef struct ptv_http_options {
    bool allow_http;                      /* plain http beyond loopback */
    bool http2;                           /* else HTTP/1.1 keep-alive pool */
    long max_connections;                 /* requests under way at once, one connection each at most; 0: 16 */
    const char *proxy_http, *proxy_https; /* from settings; NULL: lower-case variables decide. May hold user:password */
    bool proxy_from_env;                  /* HTTPS_PROXY / HTTP_PROXY (upper case) were set: the environment decides */
    const char *no_proxy;                 /* NULL: the variables NO_PROXY, no_proxy */
    bool verify;                          /* default true */
    const char *ca_file; /* PEM or hashed folder; NULL: the system's hashed folder, or its bundle (limits: CA-store trap) */
    const char *client_cert, *client_key;
    size_t bodies_limit_bytes;   /* bodies in flight together, others pause; 0: 64 MiB */
    const char *user_agent;      /* NULL: ptverdict/VERSION */
    const ptv_http_names *names; /* NULL: the names of our own settings; else static, not copied */
} ptv_http_options;              /* copied */

/* Plain http to this machine never goes through a proxy unless allow_http is set. Errors: PTV_ESETTINGS a file that cannot
 * be read, PTV_ENOMEM. */
ptv_code ptv_http_new(ptv_transport *out, const ptv_http_options *options, ptv_error *err); /* out->free() it */

#endif
