/*
 * worker.h: function calls from message to delivered result.
 *
 *   MESSAGE ──► queued ──► running ──► done ──► sent ──► (receipt) gone
 *                 │          │ lookup    │ BEGIN SEND ACK COMMIT, several results together
 *                 └── refused, foreign, malformed, finished before: done at once
 *
 * Result and ACK are one transaction, so that a result is never lost and never sent twice. What was run is in the store: a
 * call that is delivered again is answered from there. A call that is delivered again while it runs keeps running, with the
 * new ack id. When the line is lost nothing is lost: the broker delivers again, here or elsewhere.
 *
 * One thread. All times are of the transport's clock (ms) and UTC (s), given by the caller.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SOAR_WORKER_H
#define PTV_SOAR_WORKER_H
#include "stomp/session.h"
#include "store/store.h"

typedef struct ptv_worker ptv_worker;

/* What a lookup is submitted with (the tag of ptv_submit()): whoever takes reports calls done(). */
typedef struct ptv_lookup_tag {
    void (*done)(struct ptv_lookup_tag *self, ptv_report *report); /* the report is moved */
} ptv_lookup_tag;

typedef enum ptv_unknown_policy { PTV_UNKNOWN_ONCE_EACH, PTV_UNKNOWN_ALWAYS_FAILS, PTV_UNKNOWN_IS_EMPTY } ptv_unknown_policy;

typedef struct ptv_worker_options {
    const char *function; /* "fn_passivetotal" */
    int at_once;          /* num_workers */
    int attempts;         /* a call begun so often without an end is answered as failed */
    bool trap_exception;
    ptv_unknown_policy unknown;
    int64_t note_every_s;
    int64_t give_up_ms; /* a lookup that takes longer is answered as failed: more than its own deadline */
} ptv_worker_options;   /* copied */

typedef enum ptv_call_end {
    PTV_CALL_ANSWERED, /* with a verdict */
    PTV_CALL_REFUSED,  /* success false: the input, or no rules */
    PTV_CALL_FAILED,   /* message_type 1 */
    PTV_CALL_REPEATED, /* answered from the store */
    PTV_CALL_FOREIGN,  /* an action, or another function */
    PTV_CALL_MALFORMED,
    PTV_CALL_ENDS
} ptv_call_end;

typedef struct ptv_worker_hooks { /* each may be NULL */
    void *owner;
    void (*ended)(void *owner, ptv_call_end how, int64_t took_ms);
    /* A verdict was reached. */
    void (*decided)(void *owner, const ptv_report *r, const ptv_soar_call *call);
    /* An artifact value after $NAME expansion (yours, ptv_free()); NULL: as it is. */
    char *(*expand)(void *owner, const char *value);
    void (*store_failed)(void *owner, const ptv_error *why);
} ptv_worker_hooks;

/* The store is borrowed. NULL: no memory. */
ptv_worker *ptv_worker_new(const ptv_worker_options *options, const ptv_worker_hooks *hooks, ptv_store *store);
void ptv_worker_move(ptv_worker *w, ptv_store *store); /* to another one; nothing may be running */
void ptv_worker_free(ptv_worker *w);                   /* with lookups under way: free the client first. NULL is fine */

/* Who looks up from now on, and how (the function stays); only while nothing runs. `broken` not NULL: nobody can, and calls
 * are answered with this reason. */
void ptv_worker_use(ptv_worker *w, const ptv_worker_options *options, ptv_client *c, const char *broken);

/* From the consumer's events. The session is borrowed until it is lost; with it all ack ids are void. */
void ptv_worker_up(ptv_worker *w, ptv_session *s);
void ptv_worker_lost(ptv_worker *w);
void ptv_worker_message(ptv_worker *w, const ptv_frame *message, int64_t now_ms, int64_t now_utc);
void ptv_worker_receipt(ptv_worker *w, const char *receipt_id, int64_t now_utc);

/* Start what waits, give up what takes too long, forget what will not come back. */
void ptv_worker_pump(ptv_worker *w, int64_t now_ms, int64_t now_utc);
/* Queue every finished result, with its ACK, on the session; without one they stay. */
void ptv_worker_flush(ptv_worker *w);

/* Begin no more: what runs goes on, what comes waits, until ptv_worker_go_on() or the connection's end. */
void ptv_worker_hold(ptv_worker *w);
void ptv_worker_go_on(ptv_worker *w);
size_t ptv_worker_running(const ptv_worker *w);     /* lookups under way */
size_t ptv_worker_undelivered(const ptv_worker *w); /* results that the broker has not confirmed, on a live connection */
size_t ptv_worker_acks(const ptv_worker *w);        /* sent on this connection */
int64_t ptv_worker_next_ms(const ptv_worker *w);    /* pump no later than this; INT64_MAX: any time */

#endif
