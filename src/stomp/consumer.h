/*
 * consumer.h: a subscription that keeps itself alive: connect over TLS, log in, subscribe, and all of it again when the line
 * or the broker is lost. One thread owns it; nothing blocks.
 *
 *   loop:  poll { fd: ptv_consumer_fd(), POLLIN } until ptv_consumer_next_ms()
 *          ptv_consumer_step(c, now)             events come from in here
 *          answer with ptv_session_…(ptv_consumer_session(c)), then step again: it sends
 *
 *   down ──► connecting ──► logging in ──► up          lost at any point: down, after telling why
 *    ▲ 1 s at most, then a quarter of the time it has been down, 60 s at most, with jitter
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_STOMP_CONSUMER_H
#define PTV_STOMP_CONSUMER_H
#include "net/stream.h"
#include "stomp/session.h"

typedef struct ptv_consumer ptv_consumer;

typedef struct ptv_consumer_options {
    ptv_stream_options stream;
    const char *login, *passcode;
    const char *queue; /* "actions.201.passivetotal" */
    int prefetch;
    const char *subscribe_receipt; /* ask for a receipt of SUBSCRIBE (selftest); NULL: none */
    int beat_out_ms, beat_in_ms;   /* 10000, 15000 */
    size_t body_limit_bytes;       /* of a message */
} ptv_consumer_options;            /* copied */

typedef struct ptv_consumer_events { /* called from ptv_consumer_step(); may call all below but step and free */
    void *owner;
    void (*up)(void *owner); /* logged in; SUBSCRIBE is on its way */
    /* Not connected, or no longer: whatever was queued is gone, what was not acked will be redelivered. PTV_ENET,
     * PTV_ETIMEOUT, PTV_ESHAPE…; PTV_EKEY: the broker refused the login. Tried again in retry_ms; -1: it was stopped. */
    void (*down)(void *owner, const ptv_error *why, int64_t retry_ms);
    void (*message)(void *owner, const ptv_frame *message);
    void (*receipt)(void *owner, const char *receipt_id);
    void (*refused)(void *owner, const ptv_frame *error); /* ERROR while up: header "message", maybe "receipt-id" */
} ptv_consumer_events;

typedef struct ptv_consumer_health {
    bool is_up;
    int64_t since_ms;  /* up or down since */
    int64_t heard_ms;  /* last byte from the broker; 0: never */
    unsigned long ups; /* times it came up */
} ptv_consumer_health;

/* First connect with the first step. PTV_ENOMEM; settings that cannot work come with the first `down`, as PTV_ESETTINGS. */
ptv_code ptv_consumer_new(ptv_consumer **out, const ptv_consumer_options *options, const ptv_consumer_events *events,
                          int64_t now_ms, ptv_error *err);
void ptv_consumer_free(ptv_consumer *c); /* the line is cut, not closed; NULL is fine */

/* All that can be done now: connect, read until nothing is left, send, keep time. Failures of the line come as `down`. */
void ptv_consumer_step(ptv_consumer *c, int64_t now_ms);
int ptv_consumer_fd(const ptv_consumer *c);          /* changes with each connection; -1 while there is none */
int64_t ptv_consumer_next_ms(const ptv_consumer *c); /* step no later than this; INT64_MAX: nothing planned */

/* To answer on; NULL while down. Another one after each `up`: transactions and receipts of the old one are gone. */
ptv_session *ptv_consumer_session(ptv_consumer *c);
/* Give this connection up, as if it were lost, with the next step: the broker redelivers. `why` is what `down` gets. */
void ptv_consumer_drop(ptv_consumer *c, const ptv_error *why);
/* Send all that is queued, DISCONNECT, wait for its receipt at most limit_ms; then `down` with retry_ms -1. */
void ptv_consumer_stop(ptv_consumer *c, int64_t now_ms, int64_t limit_ms);
bool ptv_consumer_is_stopped(const ptv_consumer *c);
ptv_consumer_health ptv_consumer_health_of(const ptv_consumer *c);

#endif
