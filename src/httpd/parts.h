/*
 * parts.h: what the files of this folder share. Everything belongs to the HTTP thread, except what jobs.c guards.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_HTTPD_PARTS_H
#define PTV_HTTPD_PARTS_H
#include "base/arena.h"
#include "httpd/httpd.h"
#include "httpd/queries.h"
#include <pthread.h>
#include <stdatomic.h>

struct MHD_Connection;
struct MHD_Daemon;

/* ---- jobs.c: the queue between the two threads */
typedef enum ptv_job_place { PTV_JOB_QUEUED, PTV_JOB_TAKEN, PTV_JOB_ANSWERED, PTV_JOB_PLACES } ptv_job_place;

typedef struct ptv_job {
    ptv_httpd_job seen; /* first: what the loop is given */
    ptv_job_place place;
    struct ptv_job *previous, *next;
    char *value, *type, *id;
    /* HTTP thread: who waits; both NULL: nobody any more */
    struct ptv_exchange *request;
    ptv_query *query;
    bool is_back; /* answered, and with its request */
    /* the answer: written by the loop's thread before the job comes back */
    ptv_code code;
    char why[sizeof((ptv_error *)0)->msg];
    bool is_later;
    int64_t retry_after_s;
    ptv_buf body; /* the decision, or the hits; empty: none */
    char *found_type, *found_value;
} ptv_job;

typedef struct ptv_jobs {
    pthread_mutex_t lock;
    ptv_job *first[PTV_JOB_PLACES], *last[PTV_JOB_PLACES];
} ptv_jobs;

/* A job in the queue; texts are copied. NULL: no memory. */
ptv_job *ptv_job_add(ptv_httpd *h, ptv_httpd_kind kind, uint64_t number, const char *id, const char *type,
                     const char *value);
/* Nobody waits for it any more: gone from the queue, or as soon as it comes back. */
void ptv_job_abandon(ptv_httpd *h, ptv_job *job);
ptv_job *ptv_job_answered(ptv_httpd *h); /* the next that came back: yours, ptv_job_free(); NULL: none */
void ptv_job_free(ptv_httpd *h, ptv_job *job);
void ptv_jobs_free_all(ptv_httpd *h);

/* ---- requests */
typedef struct ptv_connection {
    struct MHD_Connection *mhd;
    struct ptv_connection *previous, *next;
    struct ptv_exchange *request;
    int64_t deadline_ms; /* 0: none while we are the ones who take long */
    bool is_used;        /* a request was answered on it */
    bool is_suspended;
} ptv_connection;

#define PTV_MARGIN_MS    10000 /* beyond a lookup's own deadline: then the loop is stuck, or far behind */
#define PTV_LIST_AT_ONCE 16

/* A list on its way out, in order: a ring of lines. */
typedef struct ptv_list {
    const char *rest; /* of the request's body */
    size_t rest_len;
    struct {
        ptv_job *job; /* NULL: the line is there */
        ptv_buf line;
    } ring[PTV_LIST_AT_ONCE];
    size_t first, count, sent;         /* sent: bytes of the first line */
    char input[PTV_LIST_AT_ONCE][256]; /* what a refusal repeats */
    int64_t waits_since_ms;
} ptv_list;

typedef struct ptv_exchange {
    ptv_httpd *h;
    ptv_connection *connection;
    uint64_t number;
    ptv_route route;
    bool is_options;
    bool is_last; /* answered before its body came: the connection ends */
    char id[PTV_QUERY_ID];
    char content_type[256], peer[64], line[128]; /* line: "POST /cts/x", for the log */
    ptv_buf body;
    uint64_t received;
    int64_t began_ms;
    /* refused while it arrived: the rest is read and dropped */
    int refused;
    const char *refusal;
    /* waiting */
    bool is_begun, is_waiting;
    int64_t until_ms;
    ptv_job *job;
    ptv_query *query;
    bool is_recalled; /* the query was of a process before us */
    ptv_list *list;
    /* the reply */
    int status;
    ptv_buf reply;
    const char *reply_type;
    int64_t retry_after_s; /* of a 503; 0: not said */
} ptv_exchange;

/* ---- reply.c: what a whole request is answered with */
typedef enum ptv_step { PTV_STEP_REPLY, PTV_STEP_LIST, PTV_STEP_WAIT } ptv_step;
ptv_step ptv_exchange_step(ptv_exchange *r, int64_t now_ms);
void ptv_reply_error(ptv_exchange *r, int status, const char *fmt, ...) PTV_PRINTF(3, 4);
void ptv_exchange_release(ptv_exchange *r); /* jobs, query, list, buffers */
/* Bytes of a list: > 0 written; 0: nothing yet; -1: the end; -2: no memory. */
ptrdiff_t ptv_list_read(ptv_exchange *r, char *out, size_t room, int64_t now_ms);
/* A job came back; wakes whoever waits. Frees it. */
void ptv_job_deliver(ptv_httpd *h, ptv_job *job, int64_t now_ms);

void ptv_cts_expire(ptv_httpd *h, int64_t now_ms); /* results whose time is over, work that was never answered */

/* ---- server.c */
void ptv_exchange_wake(ptv_exchange *r);

struct ptv_httpd {
    ptv_arena mem; /* copies of options */
    ptv_httpd_options o;
    ptv_door_key basic, bearer;
    bool is_local; /* listens on this machine alone */
    int listen_fd, event_fd, port;
    struct MHD_Daemon *daemon;
    pthread_t thread;
    ptv_jobs jobs;
    atomic_bool stopping, draining, forgetting;
    atomic_size_t waiting;
    char mhd_says[256]; /* the library's last complaint, while it starts */
    /* HTTP thread */
    ptv_digest *digest;
    ptv_queries queries;
    ptv_connection *connections;
    uint64_t requests;
    size_t buffered; /* bytes of all bodies */
    int64_t expired_ms;
};

/* When an answer does not come any more: well beyond a lookup's own deadline. The loop is stuck then, or far behind. */
static inline int64_t ptv_given_up_ms(const ptv_httpd *h, int64_t since_ms)
{
    return since_ms + h->o.lookup_ms + (h->o.lookup_ms < 10000 ? h->o.lookup_ms : 10000);
}

#endif
