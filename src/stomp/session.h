/*
 * session.h: one STOMP 1.2 session as a pure state machine: feed it bytes and the time, ask it for bytes. No socket.
 *
 *   CONNECT (heart-beat 10000,15000) → CONNECTED → SUBSCRIBE a queue → MESSAGE … → answers in transactions → DISCONNECT
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_STOMP_SESSION_H
#define PTV_STOMP_SESSION_H
#include "stomp/frame.h"

#define PTV_STOMP_GOODBYE "goodbye" /* receipt id of DISCONNECT */

typedef struct ptv_session ptv_session;

typedef struct ptv_session_options {
    const char *host, *login, *passcode; /* used during the call; the passcode is wiped once CONNECT has gone out */
    int beat_out_ms, beat_in_ms;         /* 10000, 15000; 0: none */
    size_t body_limit_bytes;             /* of a message */
} ptv_session_options;

typedef struct ptv_session_events { /* called from ptv_session_feed(); may call all below but feed and free */
    void *owner;
    void (*connected)(void *owner, const ptv_frame *connected);
    void (*message)(void *owner, const ptv_frame *message);
    void (*receipt)(void *owner, const char *receipt_id);
    void (*refused)(void *owner, const ptv_frame *error); /* an ERROR frame; the broker may close or not */
} ptv_session_events;

/* CONNECT is pending at once. PTV_ESETTINGS: login or passcode hold a line break. PTV_ENOMEM. */
ptv_code ptv_session_new(ptv_session **out, const ptv_session_options *options, const ptv_session_events *events,
                         int64_t now_ms, ptv_error *err);
void ptv_session_free(ptv_session *s);
/* Errors: those of ptv_frame_feed(); PTV_ESHAPE for frames that have no place here. The session is then over. */
ptv_code ptv_session_feed(ptv_session *s, const char *bytes, size_t len, int64_t now_ms, ptv_error *err);
/* Bytes to send; the caller tells how many went out. */
const char *ptv_session_pending(const ptv_session *s, size_t *len);
void ptv_session_sent(ptv_session *s, size_t len, int64_t now_ms);
/* Heart-beats: queues one when due. PTV_ETIMEOUT: the peer has been silent for 2.2 times what it promised (33 s of 15), or
 * CONNECTED has not come within 2.2 times what we ask for. PTV_ENOMEM, PTV_ETOOBIG: what was to be sent did not fit; nothing
 * more is sent. */
ptv_code ptv_session_tick(ptv_session *s, int64_t now_ms, ptv_error *err);
int64_t ptv_session_next_tick_ms(const ptv_session *s); /* INT64_MAX: never */
bool ptv_session_is_connected(const ptv_session *s);

/* These queue a frame; receipt NULL: none. Text is copied. Values are sent as given: "/queue/acks.201.passivetotal". */
void ptv_session_subscribe(ptv_session *s, const char *queue, int prefetch, const char *receipt);
/* Persistent, all of them: a broker may deliver such a message before one of another kind that was sent earlier. */
void ptv_session_send(ptv_session *s, const char *destination, const char *correlation_id, const char *transaction,
                      const char *body, size_t len);
void ptv_session_begin(ptv_session *s, const char *transaction);
void ptv_session_ack(ptv_session *s, const char *ack_id, const char *transaction); /* NULL: outside of any */
void ptv_session_nack(ptv_session *s, const char *ack_id);
void ptv_session_commit(ptv_session *s, const char *transaction, const char *receipt);
void ptv_session_disconnect(ptv_session *s); /* receipt PTV_STOMP_GOODBYE: then the broker has all that was sent */

#endif
