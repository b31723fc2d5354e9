/*
 * transport.h: how requests leave the house. net/http.c in life, a replay in tests. One thread; callbacks run inside poll().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_NET_TRANSPORT_H
#define PTV_NET_TRANSPORT_H
#include "base/arena.h"
#include "base/buf.h"
#include <poll.h>

typedef struct ptv_request {
    const char *method; /* "GET" */
    const char *url;    /* https, or http as settings allow; percent-encoded */
    const char *body;   /* NULL: none */
    size_t body_len;
    const char *content_type;   /* with a body */
    const char *user, *secret;  /* basic auth; NULL: none. Never printed */
    const char *const *headers; /* further ones, "Name: value", NULL at the end; NULL: none. Not sent to another place */
    long connect_timeout_ms, timeout_ms; /* total, from start() on; 0: no limit */
    size_t body_limit_bytes;             /* unpacked; 0: what all bodies together may take */
} ptv_request;                           /* all borrowed during start() only: the transport copies */

typedef struct ptv_response {
    ptv_code code;       /* PTV_OK when an HTTP status arrived; else PTV_ENET, PTV_ETIMEOUT, PTV_ETOOBIG, PTV_ENOMEM */
    int detail;          /* CURLcode of a failure */
    bool retryable;      /* transport failure that a second try can mend (reset, cut, time-out before the answer) */
    const char *message; /* failure in words, no secrets: "connection refused by 127.0.0.1 port 9" */
    int status;          /* HTTP status; 0 on failure */
    const char *body;    /* NUL-terminated */
    size_t body_len;
    const char *content_type; /* NULL: none */
    const char *location;     /* of a redirect that was not followed, without user and password; NULL */
    const char *cookies;      /* what Set-Cookie headers set, ready for a Cookie header: "a=1; b=2"; NULL: nothing */
    int64_t retry_after_s;    /* Retry-After in seconds from now (both forms of the header read); -1 none */
    double elapsed_ms;
} ptv_response; /* borrowed during the callback */

typedef void ptv_response_fn(void *tag, const ptv_response *response);

typedef struct ptv_transport {
    void *self;
    /* Send; `done` is called exactly once from poll(), unless cancelled first. PTV_EINVAL: url refused by the settings. */
    ptv_code (*start)(void *self, const ptv_request *request, ptv_response_fn *done, void *tag, ptv_error *err);
    void (*cancel)(void *self, void *tag); /* every request with this tag; done is not called */
    /* Wait at most timeout_ms for something to happen, run callbacks. PTV_OK also when nothing happened. */
    ptv_code (*poll)(void *self, int timeout_ms, ptv_error *err);
    void (*wakeup)(void *self);    /* ends a poll early; any thread, any signal handler */
    int64_t (*now_ms)(void *self); /* monotonic; tests inject it */
    /* Have poll() end when this descriptor is ready too, and set its revents; NULL: no longer. Borrowed. */
    void (*watch)(void *self, struct pollfd *also);
    void (*free)(void *self);
} ptv_transport;

#endif
