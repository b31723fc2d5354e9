/*
 * lookup.c: the walk through the house. One artifact becomes one report:
 *
 *     artifact ──► plan ──► fetch ──► record ──► rules ──► verdict ──► report
 *                   ▲         │
 *                   └─────────┘   asked again after every answer, until no live rule can change
 *
 * Jobs are driven by ptv_wait(): a job that is ready takes its next step, all others wait for the transport.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client.h"

#include "base/log.h"
#include "base/mem.h"

#define JOB_LIMIT ((size_t)96 << 20) /* of one record with its kept answers */

typedef struct waiter { /* one ptv_submit() */
    char *input;
    void *tag;
    int64_t started_ms;
    struct waiter *next;
} waiter;

struct ptv_lookup_job {
    ptv_client *client;
    ptv_lookup_job *next;
    ptv_answered *answered;
    ptv_fetch fetch;
    ptv_ruleset *rules; /* those it began with; NULL */
    ptv_judge how;
    waiter *waiters;
    bool ready; /* nothing pending: the next step can be taken */
    bool late;  /* the deadline passed */
};

static int64_t now_ms(const ptv_client *c)
{
    return c->net.now_ms ? c->net.now_ms(c->net.self) : ptv_clock_ms();
}

static void free_waiter(waiter *w)
{
    ptv_free(w->input);
    ptv_free(w);
}

static void free_job(ptv_lookup_job *job)
{
    ptv_client *c = job->client;
    for (ptv_lookup_job **at = &c->jobs; *at; at = &(*at)->next) {
        if (*at == job) {
            *at = job->next;
            c->job_count--;
            break;
        }
    }
    while (job->waiters) {
        waiter *w = job->waiters;
        job->waiters = w->next;
        free_waiter(w);
    }
    ptv_answered_unref(job->answered);
    ptv_ruleset_unref(job->rules);
    ptv_free(job);
}

void ptv_lookup_drop_all(ptv_client *c)
{
    while (c->jobs) {
        ptv_fetch_cancel(&c->jobs->fetch);
        free_job(c->jobs);
    }
}

/* --------------------------------------------------------------------------------------------- artifact */

static ptv_code add_waiter(ptv_lookup_job *job, const char *text, void *tag, ptv_error *err)
{
    waiter *w = ptv_calloc(1, sizeof *w);
    if (!w)
        return ptv_fail_nomem(err);
    w->input = ptv_strdup(text);
    if (!w->input) {
        ptv_free(w);
        return ptv_fail_nomem(err);
    }
    w->tag = tag;
    w->started_ms = now_ms(job->client);
    waiter **tail = &job->waiters;
    while (*tail)
        tail = &(*tail)->next;
    *tail = w;
    return PTV_OK;
}

static ptv_lookup_job *find_same(const ptv_client *c, const ptv_artifact *a)
{
    for (ptv_lookup_job *job = c->jobs; job; job = job->next)
        if (strcmp(job->answered->artifact.value, a->value) == 0)
            return job;
    return NULL;
}

static bool is_blocked(const ptv_client *c, const ptv_artifact *a)
{
    return (a->reach == PTV_PRIVATE && !c->lookup_private) || (a->reach == PTV_RESERVED && !c->allow_reserved);
}

static void fetch_done(void *owner)
{
    ptv_lookup_job *job = owner;
    job->ready = true;
}

static ptv_code start_job(ptv_lookup_job **out, ptv_client *c, ptv_answered *answered, ptv_error *err)
{
    ptv_lookup_job *job = ptv_calloc(1, sizeof *job);
    ptv_record *record = ptv_arena_calloc(&answered->mem, 1, sizeof *record);
    if (!job || !record) {
        ptv_free(job);
        return ptv_fail_nomem(err);
    }
    ptv_record_init(record, &answered->artifact);
    bool now_given = c->options.now_utc && c->options.now_utc != PTV_NO_TIME;
    record->now = now_given ? c->options.now_utc : ptv_clock_utc();
    ptv_code rc = ptv_passivetotal_link(&record->link, &answered->mem, &c->sources, &answered->artifact, err);
    if (rc) {
        ptv_free(job);
        return rc;
    }
    answered->record = record;

    job->client = c;
    job->answered = answered;
    job->rules = c->rules ? ptv_ruleset_ref(c->rules) : NULL;
    job->how = c->how;
    job->how.not_routable = is_blocked(c, &answered->artifact);
    job->ready = true;
    job->fetch = (ptv_fetch){ .fetcher = c->fetcher,
                              .record = record,
                              .mem = &answered->mem,
                              .local_only = job->how.not_routable,
                              .deadline_ms = now_ms(c) + c->deadline_ms,
                              .done = fetch_done,
                              .owner = job };
    ptv_lookup_job **tail = &c->jobs;
    while (*tail)
        tail = &(*tail)->next;
    *tail = job;
    c->job_count++;
    *out = job;
    return PTV_OK;
}

/* ------------------------------------------------------------------------------------- plan, fetch, judge */

/* Sections that may still be asked: nobody has asked them, and nothing stands against it. */
static bool is_open(const ptv_record *r, ptv_section s)
{
    return r->sections[s].state == PTV_STATE_NOT_ASKED && r->sections[s].cause == PTV_CAUSE_NONE;
}

static ptv_code plan(ptv_sections *want, ptv_lookup_job *job, bool fast, ptv_error *err)
{
    ptv_client *c = job->client;
    ptv_record *r = job->answered->record;
    if (job->rules)
        return ptv_ruleset_next_sections(want, &job->answered->mem, job->rules, r, &job->how, fast, c->shadow_fetch, err);
    *want = 0;
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        if (s != PTV_ACCOUNT && is_open(r, (ptv_section)s))
            *want |= PTV_BIT(s);
    return PTV_OK;
}

/* What was wanted and can no longer be asked says so; what nobody wanted is not needed. */
static ptv_code close_sections(ptv_lookup_job *job, ptv_error *err)
{
    ptv_record *r = job->answered->record;
    ptv_sections wanted = 0;
    if (job->late) {
        ptv_code rc = plan(&wanted, job, true, err);
        if (rc)
            return rc;
    }
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        if (!is_open(r, (ptv_section)s))
            continue;
        if (wanted & PTV_BIT(s))
            ptv_section_fail(r, &job->answered->mem, (ptv_section)s, PTV_STATE_NOT_ASKED, PTV_CAUSE_DEADLINE,
                             "not asked: the deadline of this lookup had passed");
        else
            r->sections[s].state = PTV_STATE_NOT_NEEDED;
    }
    return PTV_OK;
}

static ptv_code finish(ptv_lookup_job *job, ptv_error *err)
{
    ptv_client *c = job->client;
    ptv_answered *a = job->answered;
    ptv_code rc = close_sections(job, err);
    if (rc)
        return rc;
    a->record->fetched_at = a->record->now;
    rc = ptv_answered_judge(a, c, job->rules, &job->how, err);
    if (rc)
        return rc;
    /* Reports first, queue last: when memory ends half way nothing was handed out. */
    ptv_report *made = NULL;
    ptv_report **tail = &made;
    for (const waiter *w = job->waiters; w; w = w->next) {
        ptv_report *report = ptv_report_new(c, a, w->input, now_ms(c) - w->started_ms);
        if (!report) {
            while (made) {
                ptv_report *next = made->next;
                ptv_report_free(made);
                made = next;
            }
            return ptv_fail_nomem(err);
        }
        report->tag = w->tag;
        report->fetched_for_another = made != NULL;
        *tail = report;
        tail = &report->next;
    }
    *c->finished_tail = made;
    c->finished_tail = tail;
    free_job(job);
    return PTV_OK;
}

/* One step of a ready job: ask what the rules still want, or finish. */
static ptv_code step(ptv_lookup_job *job, ptv_error *err)
{
    ptv_sections want = 0;
    if (!job->late) {
        ptv_code rc = plan(&want, job, job->client->fast, err);
        if (rc)
            return rc;
    }
    if (!want)
        return finish(job, err);
    job->ready = false;
    return ptv_fetch_ask(&job->fetch, want, err);
}

/* A job that cannot go on (no memory) ends the call that drives it; its artifact is named, nothing is queued for it. */
static ptv_code pump(ptv_client *c, ptv_error *err)
{
    for (ptv_lookup_job *job = c->jobs; job;) {
        if (!job->ready && now_ms(c) >= job->fetch.deadline_ms) {
            ptv_fetch_cancel(&job->fetch);
            job->late = true;
            job->ready = true;
        }
        ptv_lookup_job *next = job->next;
        if (job->ready) {
            ptv_code rc = step(job, err);
            if (rc) {
                ptv_wrap(err, "lookup %s", job->answered->artifact.value);
                ptv_fetch_cancel(&job->fetch);
                free_job(job);
                return rc;
            }
            /* Local sources answer at once: the same job may be ready again. A finished one is gone. */
            ptv_lookup_job *alive = c->jobs;
            while (alive && alive != job)
                alive = alive->next;
            if (alive && alive->ready)
                continue;
        }
        job = next;
    }
    return PTV_OK;
}

/* ----------------------------------------------------------------------------------------- the public door */

ptv_code ptv_submit(ptv_client *c, const char *text, const char *type, void *tag, ptv_error *err)
{
    return ptv_submit_named(c, text, type, NULL, tag, err);
}

ptv_code ptv_submit_named(ptv_client *c, const char *text, const char *type, const char *name, void *tag, ptv_error *err)
{
    if (!c->fetcher)
        return ptv_fail(err, PTV_EINVAL, "this client was opened offline: it can judge records, not look up");
    ptv_answered *answered = ptv_answered_new(JOB_LIMIT, err);
    if (!answered)
        return PTV_ENOMEM;
    ptv_code rc = ptv_artifact_parse(&answered->artifact, &answered->mem, text, strlen(text), type, err);
    ptv_lookup_job *job = rc ? NULL : find_same(c, &answered->artifact);
    if (job && name && job->fetch.name)
        ptv_log(PTV_LOG_DEBUG, "fetch", "[%s] is looked up with [%s]", name, job->fetch.name);
    if (rc || job) {
        ptv_answered_unref(answered);
        return rc ? rc : add_waiter(job, text, tag, err);
    }
    if (c->job_count >= c->max_in_flight) {
        ptv_answered_unref(answered);
        return ptv_fail(err, PTV_EFULL, "%zu lookups are under way (max_in_flight): wait for one", c->job_count);
    }
    rc = start_job(&job, c, answered, err);
    if (rc) {
        ptv_answered_unref(answered);
        return rc;
    }
    job->fetch.name = ptv_arena_strdup(&answered->mem, name);
    rc = name && !job->fetch.name ? ptv_arena_fail(&answered->mem, err) : add_waiter(job, text, tag, err);
    if (rc)
        free_job(job);
    return rc;
}

static int poll_ms(const ptv_client *c, int64_t left_ms)
{
    int64_t wait = left_ms;
    int retry = ptv_fetcher_next_ms(c->fetcher);
    if (retry >= 0 && retry < wait)
        wait = retry;
    for (const ptv_lookup_job *job = c->jobs; job; job = job->next) {
        int64_t left = job->fetch.deadline_ms - now_ms(c);
        if (left < wait)
            wait = left > 0 ? left : 0;
    }
    return (int)wait;
}

ptv_code ptv_wait(ptv_client *c, int timeout_ms, ptv_error *err)
{
    int64_t end = now_ms(c) + timeout_ms;
    for (;;) {
        ptv_code rc = pump(c, err);
        if (rc)
            return rc;
        if (c->finished)
            return PTV_OK;
        int64_t left = end - now_ms(c);
        bool idle = !c->jobs && (c->also.fd < 0 || !c->net.watch);
        if (idle || c->woken || c->also.revents || left <= 0) {
            c->woken = false;
            c->also.revents = 0;
            return ptv_fail(err, PTV_ETIMEOUT, "no lookup has finished yet");
        }
        rc = c->net.poll(c->net.self, poll_ms(c, left), err);
        if (rc)
            return rc;
        ptv_fetcher_run(c->fetcher);
    }
}

void ptv_watch(ptv_client *c, int fd, short events)
{
    if (c->also.fd == fd && c->also.events == events)
        return;
    c->also = (struct pollfd){ .fd = fd, .events = events };
    if (c->net.watch)
        c->net.watch(c->net.self, fd >= 0 ? &c->also : NULL);
}

bool ptv_next(ptv_client *c, ptv_report **out, void **tag)
{
    ptv_report *r = c->finished;
    if (!r)
        return false;
    c->finished = r->next;
    if (!c->finished)
        c->finished_tail = &c->finished;
    r->next = NULL;
    if (tag)
        *tag = r->tag;
    *out = r;
    return true;
}

ptv_code ptv_lookup(ptv_report **out, ptv_client *c, const char *text, const char *type, ptv_error *err)
{
    ptv_code rc = ptv_submit(c, text, type, NULL, err);
    while (!rc) {
        rc = ptv_wait(c, 1000, err);
        if (rc == PTV_ETIMEOUT)
            rc = PTV_OK;
        if (!rc && ptv_next(c, out, NULL))
            return PTV_OK;
    }
    return rc;
}
