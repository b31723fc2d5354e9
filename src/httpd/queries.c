/*
 * queries.c: the threat service's memory.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "httpd/queries.h"

#include "base/mem.h"

#define FIRST_RETRY_S   5 /* the lookup runs: it will be there soon */
#define LATER_RETRY_S   60
#define LONGEST_RETRY_S 86400

ptv_code ptv_queries_init(ptv_queries *q, size_t most, int64_t keep_ms, ptv_error *err)
{
    size_t slots = 64;
    while (slots < most)
        slots *= 2;
    *q = (ptv_queries){ .slot_count = slots, .most = most, .keep_ms = keep_ms };
    q->slots = ptv_calloc(slots, sizeof *q->slots);
    return q->slots ? PTV_OK : ptv_fail_nomem(err);
}

/* An id begins with digits of a digest. */
static ptv_query **slot_of(const ptv_queries *q, const char *id)
{
    return &q->slots[strtoul((char[9]){ id[0], id[1], id[2], id[3], id[4], id[5], id[6], id[7], 0 }, NULL, 16) &
                     (q->slot_count - 1)];
}

static void unlink_age(ptv_queries *q, ptv_query *query)
{
    *(query->older ? &query->older->newer : &q->oldest) = query->newer;
    *(query->newer ? &query->newer->older : &q->newest) = query->older;
}

static void link_newest(ptv_queries *q, ptv_query *query)
{
    query->older = q->newest;
    query->newer = NULL;
    *(q->newest ? &q->newest->newer : &q->oldest) = query;
    q->newest = query;
}

static void free_query(ptv_query *query)
{
    ptv_free(query->value);
    ptv_free(query->hits);
    ptv_free(query);
}

void ptv_queries_drop(ptv_queries *q, ptv_query *query)
{
    ptv_query **at = slot_of(q, query->id);
    while (*at != query)
        at = &(*at)->next_in_slot;
    *at = query->next_in_slot;
    unlink_age(q, query);
    q->count--;
    free_query(query);
}

void ptv_queries_release(ptv_queries *q)
{
    while (q->oldest)
        ptv_queries_drop(q, q->oldest);
    ptv_free(q->slots);
    *q = (ptv_queries){ 0 };
}

static bool may_go(const ptv_query *query, int64_t now_ms)
{
    return (query->state == PTV_QUERY_FINISHED || query->state == PTV_QUERY_LATER) && query->expires_ms <= now_ms &&
           !query->watchers;
}

ptv_query *ptv_queries_find(ptv_queries *q, const char *id, int64_t now_ms)
{
    if (!ptv_is_query_id(id))
        return NULL;
    ptv_query *query = *slot_of(q, id);
    while (query && strcmp(query->id, id) != 0)
        query = query->next_in_slot;
    if (query && may_go(query, now_ms)) {
        ptv_queries_drop(q, query);
        query = NULL;
    }
    return query;
}

static bool make_room(ptv_queries *q, int64_t now_ms)
{
    if (q->count < q->most)
        return true;
    ptv_queries_expire(q, now_ms);
    ptv_query *query = q->oldest;
    while (q->count >= q->most && query && (query->state != PTV_QUERY_FINISHED || query->watchers))
        query = query->newer;
    if (q->count >= q->most && query)
        ptv_queries_drop(q, query);
    return q->count < q->most;
}

ptv_code ptv_queries_add(ptv_query **out, ptv_queries *q, const char *id, const char *type, const char *value,
                         int64_t now_ms, ptv_error *err)
{
    if (!make_room(q, now_ms))
        return ptv_fail(err, PTV_EFULL, "%zu queries are unfinished (cts_max): come again later", q->count);
    ptv_query *query = ptv_calloc(1, sizeof *query);
    char *copy = query ? ptv_strdup(value) : NULL;
    if (!copy) {
        ptv_free(query);
        return ptv_fail_nomem(err);
    }
    snprintf(query->id, sizeof query->id, "%s", id);
    query->type = type;
    query->value = copy;
    ptv_query **slot = slot_of(q, id);
    query->next_in_slot = *slot;
    *slot = query;
    link_newest(q, query);
    q->count++;
    *out = query;
    return PTV_OK;
}

/* ---------------------------------------------------------------------------------------------- states */

static void set_hits(ptv_query *query, char *hits)
{
    ptv_free(query->hits);
    query->hits = hits;
}

static void touch(ptv_queries *q, ptv_query *query)
{
    unlink_age(q, query);
    link_newest(q, query);
}

void ptv_query_begin(ptv_query *query, struct ptv_job *job, int64_t now_ms)
{
    query->state = PTV_QUERY_WORKING;
    query->job = job;
    query->began_ms = now_ms;
    query->outdated = false;
}

void ptv_query_finish(ptv_queries *q, ptv_query *query, char *hits, int64_t now_ms)
{
    query->state = PTV_QUERY_FINISHED;
    query->job = NULL;
    set_hits(query, hits);
    query->polls = 0;
    query->expires_ms = query->outdated ? now_ms : now_ms + q->keep_ms;
    touch(q, query);
}

void ptv_query_later(ptv_queries *q, ptv_query *query, int64_t retry_after_s, int64_t now_ms)
{
    if (retry_after_s < 0)
        retry_after_s = LATER_RETRY_S;
    if (retry_after_s < 1)
        retry_after_s = 1;
    if (retry_after_s > LONGEST_RETRY_S)
        retry_after_s = LONGEST_RETRY_S;
    query->state = PTV_QUERY_LATER;
    query->job = NULL;
    set_hits(query, NULL);
    query->due_ms = now_ms + retry_after_s * 1000;
    query->expires_ms = query->due_ms + q->keep_ms; /* the poll that it is kept for comes after it is due */
    touch(q, query);
}

bool ptv_query_is_due(const ptv_query *query, int64_t now_ms)
{
    return query->state == PTV_QUERY_NEW || (query->state == PTV_QUERY_LATER && query->due_ms <= now_ms);
}

int64_t ptv_query_retry_s(const ptv_query *query, bool is_poll, int64_t now_ms)
{
    if (query->state != PTV_QUERY_LATER)
        return is_poll ? LATER_RETRY_S : FIRST_RETRY_S;
    int64_t left_s = (query->due_ms - now_ms + 999) / 1000;
    return left_s > 1 ? left_s : 1;
}

bool ptv_query_polled(ptv_query *query, int64_t now_ms)
{
    if (++query->polls < PTV_QUERY_POLLS)
        return false;
    query->polls = 0;
    query->expires_ms = now_ms; /* a LATER one; the answer of a WORKING one is still welcome */
    return true;
}

void ptv_queries_expire(ptv_queries *q, int64_t now_ms)
{
    for (ptv_query *query = q->oldest, *next; query; query = next) {
        next = query->newer;
        if (may_go(query, now_ms))
            ptv_queries_drop(q, query);
    }
}

void ptv_queries_outdate(ptv_queries *q, int64_t now_ms)
{
    for (ptv_query *query = q->oldest, *next; query; query = next) {
        next = query->newer;
        query->outdated = true;
        query->expires_ms = now_ms;
        if (may_go(query, now_ms))
            ptv_queries_drop(q, query);
    }
}
