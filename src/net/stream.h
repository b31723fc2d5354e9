/*
 * stream.h: a byte pipe over TLS, through an HTTP proxy where settings say so: libcurl's connect-only mode. Nothing blocks:
 * connecting is driven by ptv_stream_step(); the owner polls ptv_stream_fd().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_NET_STREAM_H
#define PTV_NET_STREAM_H
#include "base/err.h"

typedef struct ptv_stream ptv_stream; /* one connection; one thread owns it */

typedef struct ptv_stream_options {
    const char *host; /* also SNI and the name verified */
    int port;
    bool verify;
    const char *ca_file;  /* PEM; NULL: the system's */
    const char *proxy;    /* URL, may hold user:password; NULL: none */
    const char *no_proxy; /* NULL */
    long connect_timeout_ms;
} ptv_stream_options; /* copied */

ptv_code ptv_stream_open(ptv_stream **out, const ptv_stream_options *options, ptv_error *err); /* begins to connect; yours */
/* Drive the connecting. *connected turns true once. Errors: PTV_ENET, PTV_ETIMEOUT with a text that names host, port and
 * what to do. */
ptv_code ptv_stream_step(ptv_stream *s, bool *connected, ptv_error *err);
/* Move bytes. *moved 0 with PTV_OK: nothing now, poll. Read until 0 before polling: TLS may hold bytes that poll cannot see.
 * Errors: PTV_ENET "closed by peer after N bytes", "connection lost". */
ptv_code ptv_stream_read(ptv_stream *s, char *into, size_t room, size_t *moved, ptv_error *err);
ptv_code ptv_stream_write(ptv_stream *s, const char *bytes, size_t len, size_t *moved, ptv_error *err);
int ptv_stream_fd(const ptv_stream *s);           /* -1 while there is none */
bool ptv_stream_wants_write(const ptv_stream *s); /* while connecting, or after a short write */
void ptv_stream_close(ptv_stream *s);             /* NULL is fine */

#endif
