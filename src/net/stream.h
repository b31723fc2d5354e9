/*
 * stream.h: a byte pipe over TLS, through an HTTP proxy where settings say so: libcurl's connect-only mode. Nothing blocks:
 * the owner polls ptv_stream_fd() for reading, whatever it waits for, then calls step, read or write.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_NET_STREAM_H
#define PTV_NET_STREAM_H
#include "net/http.h"

typedef struct ptv_stream ptv_stream; /* one connection; one thread owns it */

typedef struct ptv_stream_options {
    const char *host; /* also SNI and the name verified; an IPv6 address without brackets */
    int port;
    bool verify;
    const char *ca_file; /* PEM or hashed folder; NULL: the system's */
    const char *proxy;   /* URL, http:// or https://, may hold user:password; NULL: none, and the environment is not asked */
    const char *no_proxy;        /* "a.example,.b.example"; NULL: none */
    long connect_timeout_ms;     /* name, TCP, proxy and TLS together */
    const ptv_http_names *names; /* for messages; static */
} ptv_stream_options;            /* copied */

ptv_code ptv_stream_open(ptv_stream **out, const ptv_stream_options *options, ptv_error *err); /* begins to connect; yours */
/* Drive the connecting. *connected turns true once. Errors: PTV_ENET, PTV_ETIMEOUT with a text that names host, port and
 * what to do. */
ptv_code ptv_stream_step(ptv_stream *s, bool *connected, ptv_error *err);
/* Move bytes, once connected. *moved 0 with PTV_OK: nothing now, poll. Read until 0 before polling: TLS may hold bytes that
 * poll cannot see. What write() took may still be on its way: write 0 bytes when the poll ends. Errors: PTV_ENET "closed by
 * the peer after N bytes", "lost: reason"; the stream is then dead. */
ptv_code ptv_stream_read(ptv_stream *s, char *into, size_t room, size_t *moved, ptv_error *err);
ptv_code ptv_stream_write(ptv_stream *s, const char *bytes, size_t len, size_t *moved, ptv_error *err);
/* One descriptor for sockets, timers and both directions, the same for the life of the stream: poll it for POLLIN. */
int ptv_stream_fd(const ptv_stream *s);
void ptv_stream_close(ptv_stream *s); /* at once, what is on its way may be lost; NULL is fine */

#endif
