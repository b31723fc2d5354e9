/*
 * jobs.c: the queue between the HTTP thread and the loop. The lock is held to move a job, never to work on it: a job in
 * a place belongs to the thread whose place that is (queued: whoever holds the lock).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "httpd/parts.h"

#include "base/json.h"
#include "base/mem.h"
#include <unistd.h>

#define ANSWER_LIMIT ((size_t)64 << 20)

/* ------------------------------------------------------------------------------------- under the lock */

static void take_out(ptv_jobs *jobs, ptv_job *job)
{
    *(job->previous ? &job->previous->next : &jobs->first[job->place]) = job->next;
    *(job->next ? &job->next->previous : &jobs->last[job->place]) = job->previous;
}

static void put_last(ptv_jobs *jobs, ptv_job *job, ptv_job_place place)
{
    job->place = place;
    job->previous = jobs->last[place];
    job->next = NULL;
    *(job->previous ? &job->previous->next : &jobs->first[place]) = job;
    jobs->last[place] = job;
}

/* ---------------------------------------------------------------------------------------- HTTP thread */

static char *copy(const char *text, bool *failed)
{
    char *kept = text ? ptv_strdup(text) : NULL;
    if (text && !kept)
        *failed = true;
    return kept;
}

void ptv_job_free(ptv_httpd *h, ptv_job *job)
{
    ptv_free(job->value);
    ptv_free(job->type);
    ptv_free(job->id);
    ptv_free(job->found_type);
    ptv_free(job->found_value);
    ptv_buf_release(&job->body);
    ptv_free(job);
    atomic_fetch_sub(&h->waiting, 1);
}

ptv_job *ptv_job_add(ptv_httpd *h, ptv_httpd_kind kind, uint64_t number, const char *id, const char *type, const char *value)
{
    bool failed = false;
    ptv_job *job = ptv_calloc(1, sizeof *job);
    if (!job)
        return NULL;
    atomic_fetch_add(&h->waiting, 1);
    job->body = (ptv_buf)PTV_BUF(ANSWER_LIMIT);
    job->value = copy(value, &failed);
    job->type = copy(type, &failed);
    job->id = copy(id, &failed);
    if (failed) {
        ptv_job_free(h, job);
        return NULL;
    }
    job->seen = (ptv_httpd_job){ .kind = kind, .number = number, .value = job->value, .type = job->type, .id = job->id };
    pthread_mutex_lock(&h->jobs.lock);
    put_last(&h->jobs, job, PTV_JOB_QUEUED);
    pthread_mutex_unlock(&h->jobs.lock);
    h->o.hooks.wake(h->o.hooks.to);
    return job;
}

void ptv_job_abandon(ptv_httpd *h, ptv_job *job)
{
    job->request = NULL;
    job->query = NULL;
    pthread_mutex_lock(&h->jobs.lock);
    bool is_queued = job->place == PTV_JOB_QUEUED;
    if (is_queued)
        take_out(&h->jobs, job);
    pthread_mutex_unlock(&h->jobs.lock);
    if (is_queued)
        ptv_job_free(h, job);
}

ptv_job *ptv_job_answered(ptv_httpd *h)
{
    pthread_mutex_lock(&h->jobs.lock);
    ptv_job *job = h->jobs.first[PTV_JOB_ANSWERED];
    if (job)
        take_out(&h->jobs, job);
    pthread_mutex_unlock(&h->jobs.lock);
    return job;
}

void ptv_jobs_free_all(ptv_httpd *h)
{
    for (int place = 0; place < PTV_JOB_PLACES; place++) {
        while (h->jobs.first[place]) {
            ptv_job *job = h->jobs.first[place];
            take_out(&h->jobs, job);
            ptv_job_free(h, job);
        }
    }
}

/* ------------------------------------------------------------------------------------- the loop's thread */

ptv_httpd_job *ptv_httpd_take(ptv_httpd *h, bool room)
{
    if (!h)
        return NULL;
    pthread_mutex_lock(&h->jobs.lock);
    ptv_job *job = h->jobs.first[PTV_JOB_QUEUED];
    while (job && !room && job->seen.kind == PTV_HTTPD_LOOKUP)
        job = job->next;
    if (job) {
        take_out(&h->jobs, job);
        put_last(&h->jobs, job, PTV_JOB_TAKEN);
    }
    pthread_mutex_unlock(&h->jobs.lock);
    return job ? &job->seen : NULL;
}

static void give_back(ptv_httpd *h, ptv_job *job)
{
    pthread_mutex_lock(&h->jobs.lock);
    take_out(&h->jobs, job);
    put_last(&h->jobs, job, PTV_JOB_ANSWERED);
    pthread_mutex_unlock(&h->jobs.lock);
    (void)!write(h->event_fd, &(uint64_t){ 1 }, sizeof(uint64_t)); /* only fails when it is awake already */
}

static int to_buf(void *to, const char *bytes, size_t len)
{
    ptv_buf *out = to;
    ptv_buf_append(out, bytes, len);
    return out->failed != PTV_OK;
}

/* The platform's form: a list of hits, each a list of properties. One card makes one hit. */
static void write_hits(ptv_buf *out, const ptv_report *report)
{
    ptv_json_out json = { .buf = out };
    const char *name, *type, *value;
    if (!ptv_report_hit(report, 0, &name, &type, &value))
        return;
    ptv_json_open(&json, NULL, '[');
    ptv_json_open(&json, NULL, '{');
    ptv_json_open(&json, "props", '[');
    for (size_t i = 0; ptv_report_hit(report, i, &name, &type, &value); i++) {
        ptv_json_open(&json, NULL, '{');
        ptv_json_put_text(&json, "type", type);
        ptv_json_put_text(&json, "name", name);
        ptv_json_put_text(&json, "value", value);
        ptv_json_close(&json, '}');
    }
    ptv_json_close(&json, ']');
    ptv_json_close(&json, '}');
    ptv_json_close(&json, ']');
}

void ptv_httpd_answer(ptv_httpd *h, ptv_httpd_job *seen, const ptv_report *report, const ptv_error *err)
{
    ptv_job *job = (ptv_job *)seen;
    ptv_error failed = { .code = PTV_EBUG, .msg = "no answer was given" };
    ptv_code rc = PTV_OK;
    if (!report)
        failed = err && err->code ? *err : failed;
    else if (!job->id)
        rc = ptv_report_write(report, PTV_FORMAT_JSON, 0, to_buf, &job->body, &failed);
    else if (ptv_report_verdict(report) == PTV_VERDICT_COMPROMISED)
        write_hits(&job->body, report);
    if (report && !rc)
        rc = ptv_buf_check(&job->body, &failed);
    job->code = report ? rc : failed.code;
    if (report)
        job->is_later = ptv_report_is_later(report, &job->retry_after_s);
    if (job->code)
        snprintf(job->why, sizeof job->why, "%s", failed.msg);
    give_back(h, job);
}

void ptv_httpd_recalled(ptv_httpd *h, ptv_httpd_job *seen, const char *type, const char *value)
{
    ptv_job *job = (ptv_job *)seen;
    bool failed = false;
    if (type && value) {
        job->found_type = copy(type, &failed);
        job->found_value = copy(value, &failed);
    }
    if (failed)
        job->code = PTV_ENOMEM;
    give_back(h, job);
}
