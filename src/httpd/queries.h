/*
 * queries.h: what the threat service was asked, and what came of it, by id. One thread's; times are handed in.
 *
 *     NEW ──begin──► WORKING ──finish──► FINISHED   kept for keep_ms, then gone
 *                      ▲  └─────later──► LATER      until due, then the next poll begins again
 *                      └────────────────────┘
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_HTTPD_QUERIES_H
#define PTV_HTTPD_QUERIES_H
#include "base/buf.h"
#include "httpd/wire.h"

#define PTV_QUERY_POLLS 60 /* unanswered polls after which a query is given up, as the service before us did */

typedef enum ptv_query_state { PTV_QUERY_NEW, PTV_QUERY_WORKING, PTV_QUERY_LATER, PTV_QUERY_FINISHED } ptv_query_state;

typedef struct ptv_query {
    char id[PTV_QUERY_ID];
    ptv_query_state state;
    const char *type; /* for ever */
    char *value;
    char *hits;          /* FINISHED: a JSON list; NULL: none */
    int64_t due_ms;      /* LATER */
    int64_t expires_ms;  /* FINISHED, LATER */
    struct ptv_job *job; /* WORKING */
    int64_t began_ms;
    unsigned polls;    /* unanswered so far */
    unsigned watchers; /* requests that hold it: it stays as long as there are any */
    bool outdated;     /* other rules are in force since its lookup began */
    struct ptv_query *next_in_slot, *older, *newer;
} ptv_query;

typedef struct ptv_queries {
    ptv_query **slots, *oldest, *newest;
    size_t slot_count, count, most;
    int64_t keep_ms;
} ptv_queries;

ptv_code ptv_queries_init(ptv_queries *q, size_t most, int64_t keep_ms, ptv_error *err);
void ptv_queries_release(ptv_queries *q);
ptv_query *ptv_queries_find(ptv_queries *q, const char *id, int64_t now_ms); /* NULL: not known, or expired */
/* A new one. The finished one that is oldest makes room. PTV_EFULL: none is finished; PTV_ENOMEM. */
ptv_code ptv_queries_add(ptv_query **out, ptv_queries *q, const char *id, const char *type, const char *value,
                         int64_t now_ms, ptv_error *err);
/* Nothing came of a NEW one: forget it. */
void ptv_queries_drop(ptv_queries *q, ptv_query *query);

void ptv_query_begin(ptv_query *query, struct ptv_job *job, int64_t now_ms);
void ptv_query_finish(ptv_queries *q, ptv_query *query, char *hits, int64_t now_ms);           /* hits: moved; NULL: none */
void ptv_query_later(ptv_queries *q, ptv_query *query, int64_t retry_after_s, int64_t now_ms); /* -1: nobody said when */
/* Does the query have to begin (again)? */
bool ptv_query_is_due(const ptv_query *query, int64_t now_ms);
/* Seconds after which to ask again, for an answer that is not finished. */
int64_t ptv_query_retry_s(const ptv_query *query, bool is_poll, int64_t now_ms);
/* Count an unanswered poll; true: it was one too many, and the query is given up. */
bool ptv_query_polled(ptv_query *query, int64_t now_ms);

void ptv_queries_expire(ptv_queries *q, int64_t now_ms);
void ptv_queries_outdate(ptv_queries *q, int64_t now_ms); /* results so far are no longer true */

#endif
