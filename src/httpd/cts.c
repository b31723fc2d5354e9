/*
 * cts.c: the custom threat service: what the platform asks, and what it is told. A hit is sent for compromised alone;
 * unknown is either asked again (later) or ends without one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "httpd/reply.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

static void reply_hits(ptv_exchange *r, const char *id, const char *hits, int64_t retry_s)
{
    ptv_reply_begin(r, retry_s ? 303 : 200, PTV_JSON_TYPE);
    ptv_json_out o = { .buf = &r->reply };
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "id", id);
    if (!hits)
        hits = "[]";
    ptv_json_put_raw(&o, "hits", hits, strlen(hits));
    if (retry_s)
        ptv_json_put_int(&o, "retry_secs", retry_s);
    ptv_json_close(&o, '}');
    ptv_buf_putc(&r->reply, '\n');
}

static ptv_step start_lookup(ptv_exchange *r, ptv_query *query, int64_t now_ms)
{
    ptv_job *job = ptv_job_add(r->h, PTV_HTTPD_LOOKUP, r->number, query->id, query->type, query->value);
    if (!job) {
        if (query->state == PTV_QUERY_NEW)
            ptv_queries_drop(&r->h->queries, query);
        return ptv_reply_no_memory(r);
    }
    job->query = query;
    ptv_query_begin(query, job, now_ms);
    return PTV_STEP_WAIT;
}

/* What is known by now, or a moment's wait for more. */
static ptv_step tell(ptv_exchange *r, int64_t now_ms)
{
    ptv_query *query = r->query;
    bool is_poll = r->route == PTV_ROUTE_CTS_POLL;
    if (query->state == PTV_QUERY_WORKING && now_ms < r->until_ms) {
        r->is_waiting = true;
        return PTV_STEP_WAIT;
    }
    if (query->state == PTV_QUERY_FINISHED) {
        reply_hits(r, query->id, query->hits, 0);
    } else if (is_poll && ptv_query_polled(query, now_ms)) {
        ptv_log(PTV_LOG_WARNING, "http", "[http:%llu] %s %s: given up after %d polls without a verdict",
                (unsigned long long)r->number, query->type, query->value, PTV_QUERY_POLLS);
        reply_hits(r, query->id, NULL, 0);
    } else {
        reply_hits(r, query->id, NULL, ptv_query_retry_s(query, is_poll, now_ms));
    }
    return PTV_STEP_REPLY;
}

static ptv_step join(ptv_exchange *r, ptv_query *query, int64_t now_ms)
{
    if (ptv_query_is_due(query, now_ms) && start_lookup(r, query, now_ms) == PTV_STEP_REPLY)
        return PTV_STEP_REPLY;
    query->watchers++;
    r->query = query;
    r->until_ms = r->began_ms + r->h->o.cts_wait_ms;
    return tell(r, now_ms);
}

static ptv_step ask(ptv_exchange *r, const char *type, const char *value, int64_t now_ms)
{
    ptv_httpd *h = r->h;
    ptv_error err = { 0 };
    ptv_query *query = ptv_queries_find(&h->queries, r->id, now_ms);
    if (!query && ptv_queries_add(&query, &h->queries, r->id, type, value, now_ms, &err))
        return ptv_reply_busy(r, &err);
    return join(r, query, now_ms);
}

/* ------------------------------------------------------------------------------------------------ POST */

static ptv_step ignore(ptv_exchange *r, const char *why)
{
    ptv_log(PTV_LOG_INFO, "http", "[http:%llu] no lookup: %s", (unsigned long long)r->number, why);
    reply_hits(r, r->id, NULL, 0);
    return PTV_STEP_REPLY;
}

static ptv_step post(ptv_exchange *r, int64_t now_ms)
{
    ptv_arena mem = PTV_ARENA(PTV_BODY_MEMORY);
    ptv_error err = { 0 };
    const char *type = NULL, *value = NULL, *part = r->body.data ? r->body.data : "";
    size_t len = r->body.len;
    char why[256];
    ptv_step step;
    if (ptv_content_is(r->content_type, "multipart/form-data") &&
        !ptv_multipart_first(&part, &len, r->content_type, part, len))
        len = 0;
    ptv_code rc = ptv_body_artifact(&type, &value, &mem, part, len, &err);
    const char *ours = ptv_query_type(type);
    char *trimmed = NULL;
    if (!rc) {
        size_t value_len = strlen(value);
        ptv_text_trim(&value, &value_len);
        trimmed = ptv_arena_strndup(&mem, value, value_len);
        rc = trimmed ? PTV_OK : ptv_fail_nomem(&err);
    }
    ptv_query_id(r->id, r->h->digest, ours ? ours : type, trimmed);
    if (rc == PTV_ENOMEM) {
        step = ptv_reply_busy(r, &err);
    } else if (rc) {
        step = ignore(r, err.msg);
    } else if (!ours) {
        snprintf(why, sizeof why, "artifacts of type '%.100s' are not looked up", type ? type : "");
        step = ignore(r, why);
    } else if (ptv_text_equal_fold(trimmed, "localhost") && strcmp(ours, "net.name") == 0) {
        step = ignore(r, "localhost: the platform's connection test");
    } else {
        step = ask(r, ours, trimmed, now_ms);
    }
    ptv_arena_release(&mem);
    return step;
}

/* ------------------------------------------------------------------------------------------------ GET */

/* An id that we do not know may be of a process before us: the loop is asked what it was about. */
static ptv_step recall(ptv_exchange *r, int64_t now_ms)
{
    if (!ptv_is_query_id(r->id))
        return ignore(r, "no query has such an id");
    ptv_job *job = ptv_job_add(r->h, PTV_HTTPD_RECALL, r->number, r->id, NULL, NULL);
    if (!job)
        return ptv_reply_no_memory(r);
    job->request = r;
    r->job = job;
    r->until_ms = now_ms + r->h->o.deadline_ms;
    r->is_waiting = true;
    return PTV_STEP_WAIT;
}

static ptv_step recalled(ptv_exchange *r, int64_t now_ms)
{
    ptv_job *job = r->job;
    char id[PTV_QUERY_ID];
    ptv_step step;
    r->job = NULL;
    const char *type = ptv_query_type(job->found_type);
    if (type && job->found_value)
        ptv_query_id(id, r->h->digest, type, job->found_value);
    if (job->code) {
        step = ptv_reply_no_memory(r);
    } else if (!type || !job->found_value || strcmp(id, r->id) != 0) {
        step = ignore(r, "no query has this id");
    } else {
        step = ask(r, type, job->found_value, now_ms);
    }
    ptv_job_free(r->h, job);
    return step;
}

static ptv_step poll_step(ptv_exchange *r, int64_t now_ms)
{
    if (r->job && r->job->is_back)
        return recalled(r, now_ms);
    if (r->job) { /* the loop is stuck */
        ptv_exchange_drop_job(r);
        ptv_reply_error(r, 504, "no answer in time");
        return PTV_STEP_REPLY;
    }
    ptv_query *query = ptv_queries_find(&r->h->queries, r->id, now_ms);
    return query ? join(r, query, now_ms) : recall(r, now_ms);
}

ptv_step ptv_cts_step(ptv_exchange *r, int64_t now_ms)
{
    if (r->query)
        return tell(r, now_ms);
    if (r->route == PTV_ROUTE_CTS_POLL)
        return poll_step(r, now_ms);
    if (!r->is_options)
        return post(r, now_ms);
    ptv_reply_begin(r, 200, PTV_JSON_TYPE);
    ptv_buf_puts(&r->reply, "{\"upload_file\":false}\n");
    return PTV_STEP_REPLY;
}

/* ---------------------------------------------------------------------------------------------- answers */

static void wake_watchers(ptv_httpd *h, const ptv_query *query)
{
    for (ptv_connection *c = h->connections; c && query->watchers; c = c->next)
        if (c->request && c->request->query == query)
            ptv_exchange_wake(c->request);
}

void ptv_cts_deliver(ptv_httpd *h, ptv_job *job, int64_t now_ms)
{
    ptv_query *query = job->query;
    if (!job->code && !job->is_later) {
        ptv_query_finish(&h->queries, query, job->body.len ? ptv_buf_take(&job->body, NULL) : NULL, now_ms);
    } else if (job->code == PTV_EINVAL) {
        ptv_log(PTV_LOG_INFO, "http", "[http:%llu] %s %s: no lookup: %s", (unsigned long long)job->seen.number, query->type,
                query->value, job->why);
        ptv_query_finish(&h->queries, query, NULL, now_ms);
    } else {
        if (job->code)
            ptv_log(PTV_LOG_WARNING, "http", "[http:%llu] %s %s: %s", (unsigned long long)job->seen.number, query->type,
                    query->value, job->why);
        ptv_query_later(&h->queries, query, job->code ? -1 : job->retry_after_s, now_ms);
    }
    wake_watchers(h, query);
}

/* Work that the loop took and never answered would be waited for until the end. */
void ptv_cts_expire(ptv_httpd *h, int64_t now_ms)
{
    for (ptv_query *query = h->queries.oldest, *next; query; query = next) {
        next = query->newer;
        if (query->state != PTV_QUERY_WORKING || now_ms < ptv_given_up_ms(h, query->began_ms))
            continue;
        ptv_log(PTV_LOG_WARNING, "http", "[http:%llu] %s %s: no answer in time", (unsigned long long)query->job->seen.number,
                query->type, query->value);
        ptv_job_abandon(h, query->job);
        ptv_query_later(&h->queries, query, -1, now_ms);
        wake_watchers(h, query);
    }
    ptv_queries_expire(&h->queries, now_ms);
}
