/*
 * fetch.c: from a set of sections to answered sections. Each section wanted is an *ask* that walks its route step by step:
 *
 *     step ──► local source: answers at once ──────────────┐
 *          └─► network source: in flight ──► waiting ──► …─┴─► next step, or finished
 *
 * A network source is not asked while an answer of its is kept that is young enough; an older one stands in when it fails.
 * A step that has no entry or failed leads to the next; joined steps ('+') are asked one after the other and united.
 * Nothing here waits: answers come in through the transport's poll(), retries through ptv_fetcher_run().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sources/cached.h"
#include "sources/sections.h"
#include "base/log.h"
#include <stdio.h>
#include <string.h>

#define FIRST_WAIT_MS   200 /* before the second try; doubled each time */
#define LONGEST_WAIT_MS 5000
#define ASKING          PTV_BIT(31) /* in `pending` while ptv_fetch_ask() runs, so that done() waits for its end */

typedef struct ptv_ask {
    ptv_fetch *fetch;
    struct ptv_ask *next;         /* of the same fetch */
    struct ptv_ask *next_waiting; /* of the fetcher */
    ptv_section section;
    size_t step;
    unsigned calls, tries;    /* requests in all; of this step */
    int64_t first_ms, due_ms; /* of this step: its first try, the next one */
    bool in_flight, waiting;
    bool skipped;             /* a network source was left out: not routable */
    ptv_record *joined;       /* what the steps joined so far said; NULL: nothing */
    ptv_section_info failure; /* the last step that failed; state not_asked and no reason: none did */
    bool has_failure;
} ask;

/* ------------------------------------------------------------------------------------------- waiting */

void ptv_fetcher_seed(ptv_fetcher *f, uint64_t seed)
{
    f->jitter = seed ? seed : 1;
}

/* Half of the wait is fixed, half is chance, so that many clients do not come back together (xorshift64). */
static int64_t next_wait_ms(ptv_fetcher *f, unsigned tries)
{
    int64_t wait = FIRST_WAIT_MS;
    for (unsigned i = 1; i < tries && wait < LONGEST_WAIT_MS; i++)
        wait *= 2;
    if (wait > LONGEST_WAIT_MS)
        wait = LONGEST_WAIT_MS;
    f->jitter ^= f->jitter << 13;
    f->jitter ^= f->jitter >> 7;
    f->jitter ^= f->jitter << 17;
    return wait / 2 + (int64_t)(f->jitter % (uint64_t)(wait / 2 + 1));
}

int ptv_fetcher_next_ms(const ptv_fetcher *f)
{
    int64_t now = ptv_fetcher_now_ms(f), next = -1;
    for (const ask *a = f->waiting; a; a = a->next_waiting) {
        int64_t left = a->due_ms > now ? a->due_ms - now : 0;
        if (next < 0 || left < next)
            next = left;
    }
    return (int)next;
}

static void stop_waiting(ptv_fetcher *f, ask *a)
{
    for (ask **at = &f->waiting; *at; at = &(*at)->next_waiting) {
        if (*at == a) {
            *at = a->next_waiting;
            break;
        }
    }
    a->waiting = false;
}

/* True: the ask waits for another try. */
static bool wait_for_retry(ask *a, int64_t retry_after_s)
{
    ptv_fetcher *f = a->fetch->fetcher;
    int64_t now = ptv_fetcher_now_ms(f), wait = next_wait_ms(f, a->tries);
    if (retry_after_s >= 0 && retry_after_s < INT64_MAX / 2000)
        wait += retry_after_s * 1000;
    if (now - a->first_ms + wait > f->s->retry_within_ms)
        return false;
    if (a->fetch->deadline_ms > 0 && now + wait >= a->fetch->deadline_ms)
        return false;
    a->due_ms = now + wait;
    a->waiting = true;
    a->next_waiting = f->waiting;
    f->waiting = a;
    return true;
}

/* ---------------------------------------------------------------------------------------- asking */

typedef enum result { GOT, NOTHING, FAILED, UNDER_WAY } result;

static void advance(ask *a, result last);
static void respond(void *tag, const ptv_response *response);

static ptv_section_info *info_of(ask *a)
{
    return &a->fetch->record->sections[a->section];
}

static const ptv_source_kind *kind_of(const ask *a)
{
    return &ptv_source_kinds[a->fetch->fetcher->routes[a->section].steps[a->step].kind];
}

static void fail_section(ask *a, ptv_state state, ptv_cause cause, const char *reason)
{
    ptv_section_clear(a->fetch->record, a->section);
    ptv_section_fail(a->fetch->record, a->fetch->mem, a->section, state, cause, reason);
    info_of(a)->retry_after_s = -1;
}

static ptv_cause cause_of_error(ptv_code code)
{
    return code == PTV_EINVAL || code == PTV_ESETTINGS ? PTV_CAUSE_SETTINGS : PTV_CAUSE_OUTAGE;
}

/* The account, when it was asked not long ago. */
static bool account_from_memory(ask *a)
{
    ptv_fetcher *f = a->fetch->fetcher;
    int64_t age_ms = ptv_fetcher_now_ms(f) - f->account.at_ms;
    if (a->section != PTV_ACCOUNT || !f->account.is_known || age_ms >= f->s->quota_check_every_s * 1000)
        return false;
    ptv_record *r = a->fetch->record;
    r->quota_exceeded = f->account.quota_exceeded;
    r->quota_left = f->account.quota_left;
    *info_of(a) = (ptv_section_info){ .state = PTV_STATE_OK,
                                      .source = kind_of(a)->name,
                                      .http = f->account.http,
                                      .fetched_at = f->account.fetched_at,
                                      .retry_after_s = -1,
                                      .age_s = age_ms / 1000 };
    return true;
}

static void check_account(ptv_fetcher *f)
{
    ptv_error err;
    if (f->s->quota_check_every_s <= 0 || f->check.pending || ptv_fetcher_now_ms(f) < f->account_due_ms)
        return;
    f->account_due_ms = ptv_fetcher_now_ms(f) + f->s->quota_check_every_s * 1000;
    ptv_arena_reset(&f->check_mem);
    ptv_record_init(&f->check_record, &f->check_subject);
    ptv_fetch_ask(&f->check, PTV_BIT(PTV_ACCOUNT), &err);
}

static result start(ask *a)
{
    ptv_fetch *fetch = a->fetch;
    ptv_fetcher *f = fetch->fetcher;
    ptv_request request;
    ptv_error err;
    ptv_section_info why;
    if (account_from_memory(a))
        return GOT;
    if (!ptv_key_is_good(f, &why)) {
        if (why.cause == PTV_CAUSE_QUOTA && wait_for_retry(a, why.retry_after_s))
            return UNDER_WAY; /* a short stop is waited out */
        fail_section(a, why.state, why.cause, why.reason);
        info_of(a)->retry_after_s = why.retry_after_s;
        return FAILED;
    }
    int64_t left = fetch->deadline_ms > 0 ? fetch->deadline_ms - ptv_fetcher_now_ms(f) : INT64_MAX;
    if (left <= 0) {
        if (a->tries == 0)
            fail_section(a, PTV_STATE_NOT_ASKED, PTV_CAUSE_DEADLINE, "no time left before the deadline");
        return FAILED;
    }
    ptv_code rc = kind_of(a)->request(&request, fetch->mem, f->s, a->section, fetch->record->subject, &err);
    if (!rc && left < INT64_MAX && (request.timeout_ms <= 0 || request.timeout_ms > left))
        request.timeout_ms = (long)left;
    if (!rc)
        rc = f->net->start(f->net->self, &request, respond, a, &err);
    if (rc) {
        fail_section(a, PTV_STATE_FAILED, cause_of_error(rc), err.msg);
        info_of(a)->source = kind_of(a)->name;
        return FAILED;
    }
    a->tries++;
    a->calls++;
    a->in_flight = true;
    if (a->section == PTV_ACCOUNT)
        f->account_due_ms = ptv_fetcher_now_ms(f) + f->s->quota_check_every_s * 1000;
    else
        check_account(f);
    return UNDER_WAY;
}

static result ask_step(ask *a)
{
    ptv_fetcher *f = a->fetch->fetcher;
    const ptv_local_source *local = &f->local[f->routes[a->section].steps[a->step].kind];
    ptv_error err = { .code = PTV_OK };
    a->tries = 0;
    a->first_ms = ptv_fetcher_now_ms(f);
    if (kind_of(a)->open) {
        ptv_code rc = local->answer(local->self, a->fetch->record, a->fetch->mem, a->section, &err);
        return rc == PTV_OK ? GOT : rc == PTV_ENOENTRY ? NOTHING : FAILED;
    }
    if (a->fetch->local_only) {
        a->skipped = true;
        return NOTHING;
    }
    if (ptv_cached_fresh(f, a->fetch->record, a->fetch->mem, a->section, kind_of(a)))
        return GOT;
    return start(a);
}

/* ---------------------------------------------------------------------------------------- the route */

/* What a step said is in the record: add what the steps joined with it had said before. */
static result join(ask *a)
{
    ptv_error err;
    ptv_fetch *fetch = a->fetch;
    if (!a->joined) {
        a->joined = ptv_arena_calloc(fetch->mem, 1, sizeof *a->joined);
        if (!a->joined) {
            ptv_arena_fail(fetch->mem, &err);
            fail_section(a, PTV_STATE_FAILED, PTV_CAUSE_OUTAGE, err.msg);
            return FAILED;
        }
    } else if (ptv_section_join(fetch->record, fetch->mem, a->joined, a->section, &err)) {
        fail_section(a, PTV_STATE_FAILED, PTV_CAUSE_OUTAGE, err.msg);
        return FAILED;
    }
    ptv_section_copy(a->joined, fetch->record, a->section);
    return GOT;
}

static bool next_is_joined(const ask *a)
{
    const ptv_route *route = &a->fetch->fetcher->routes[a->section];
    return a->step + 1 < route->count && route->steps[a->step + 1].joined;
}

/* A later step can answer for this one. */
static bool has_alternative(const ask *a)
{
    const ptv_route *route = &a->fetch->fetcher->routes[a->section];
    for (size_t i = a->step + 1; i < route->count; i++)
        if (!route->steps[i].joined)
            return true;
    return false;
}

/* What failed is in the record: an older answer of that source in its place. */
static bool use_stale(ask *a, const ptv_source_kind *kind)
{
    return kind->request && ptv_cached_stale(a->fetch->fetcher, a->fetch->record, a->fetch->mem, a->section, kind);
}

/* No alternative had an answer: an older one of a source that stands for the whole section. */
static bool use_stale_of_route(ask *a)
{
    const ptv_route *route = &a->fetch->fetcher->routes[a->section];
    for (size_t i = 0; i < route->count; i++) {
        bool is_part = route->steps[i].joined || (i + 1 < route->count && route->steps[i + 1].joined);
        if (!is_part && use_stale(a, &ptv_source_kinds[route->steps[i].kind]))
            return true;
    }
    return false;
}

/* No step had an answer: why. */
static void give_up(ask *a)
{
    ptv_fetch *fetch = a->fetch;
    ptv_fetcher *f = fetch->fetcher;
    const ptv_route *route = &f->routes[a->section];
    ptv_error err;
    if (a->has_failure) {
        ptv_section_clear(fetch->record, a->section);
        *info_of(a) = a->failure;
        use_stale_of_route(a);
        return;
    }
    bool denied = route->count == 1 && (f->local[route->steps[0].kind].denies & PTV_BIT(a->section));
    if (a->skipped || (fetch->local_only && !denied)) { /* nothing is kept here on what nobody else may be asked about */
        const char *reason = fetch->record->subject->reach_reason;
        fail_section(a, PTV_STATE_NOT_ASKED, PTV_CAUSE_SETTINGS, reason ? reason : "not routable");
        return;
    }
    if (denied) {
        if (ptv_section_none(fetch->record, fetch->mem, a->section, &err)) {
            fail_section(a, PTV_STATE_FAILED, PTV_CAUSE_OUTAGE, err.msg);
            return;
        }
        *info_of(a) = (ptv_section_info){ .state = PTV_STATE_OK,
                                          .source = ptv_source_kinds[route->steps[0].kind].name,
                                          .fetched_at = ptv_fetcher_now_utc(f),
                                          .retry_after_s = -1 };
        if (info_of(a)->fetched_at > fetch->record->fetched_at)
            fetch->record->fetched_at = info_of(a)->fetched_at;
        return;
    }
    char reason[96] = "no entry in ";
    for (size_t i = 0; i < route->count; i++) {
        size_t len = strlen(reason);
        snprintf(reason + len, sizeof reason - len, "%s%s", i ? " or " : "", ptv_source_kinds[route->steps[i].kind].name);
    }
    fail_section(a, PTV_STATE_FAILED, PTV_CAUSE_SETTINGS, reason);
}

static void unlink_ask(ask *a)
{
    ask *first = a->fetch->first_ask;
    for (ask **at = &first; *at; at = &(*at)->next) {
        if (*at == a) {
            *at = a->next;
            break;
        }
    }
    a->fetch->first_ask = first;
    a->fetch->pending &= ~PTV_BIT(a->section);
}

/* Walk on from what the last step came to, until a request is under way or the route ends. */
static void advance(ask *a, result last)
{
    ptv_fetcher *f = a->fetch->fetcher;
    const ptv_route *route = &f->routes[a->section];
    while (last != UNDER_WAY) {
        if (last == FAILED && !has_alternative(a) && use_stale(a, kind_of(a)))
            last = GOT;
        if (last == GOT && (a->joined || next_is_joined(a)))
            last = join(a);
        if (last == FAILED) {
            a->failure = *info_of(a);
            a->has_failure = true;
            ptv_section_clear(a->fetch->record, a->section);
            while (next_is_joined(a)) /* one part missing: the others cannot stand for the whole */
                a->step++;
            a->joined = NULL;
        }
        if (!next_is_joined(a)) {
            bool has_answer = last == GOT || a->joined;
            if (has_answer && a->joined)
                ptv_section_copy(a->fetch->record, a->joined, a->section);
            if (has_answer || a->step + 1 == route->count) {
                if (!has_answer)
                    give_up(a);
                break;
            }
            a->joined = NULL;
        }
        a->step++;
        if (a->joined)
            ptv_section_clear(a->fetch->record, a->section);
        last = ask_step(a);
    }
    if (last == UNDER_WAY)
        return;
    info_of(a)->calls = a->calls;
    unlink_ask(a);
}

static void finish_if_done(ptv_fetch *fetch)
{
    if (fetch->pending == 0)
        fetch->done(fetch->owner); /* may ask again, or end the lookup: nothing of it is touched after this */
}

/* ------------------------------------------------------------------------------------------- answers */

static void remember_account(ask *a)
{
    ptv_fetcher *f = a->fetch->fetcher;
    const ptv_record *r = a->fetch->record;
    f->account = (ptv_account_state){
        true, ptv_fetcher_now_ms(f), r->quota_left, info_of(a)->fetched_at, r->quota_exceeded, info_of(a)->http
    };
    if (r->quota_exceeded == 1)
        ptv_key_used_up(f, kind_of(a)->name, -1);
}

/* What the transport or the source made of it is in the record; *retry: asking again can help. */
static ptv_code read_response(ask *a, const ptv_response *response, bool *retry)
{
    ptv_fetch *fetch = a->fetch;
    ptv_fetcher *f = fetch->fetcher;
    ptv_error err = { .code = PTV_OK };
    if (response->code) {
        *retry = response->retryable;
        fail_section(a, PTV_STATE_FAILED, cause_of_error(response->code),
                     response->message ? response->message : "no answer");
        info_of(a)->source = kind_of(a)->name;
        return response->code;
    }
    ptv_answer answer = { .status = response->status,
                          .body = response->body ? response->body : "",
                          .body_len = response->body ? response->body_len : 0,
                          .content_type = response->content_type,
                          .location = response->location,
                          .fetched_at = ptv_fetcher_now_utc(f),
                          .retry_after_s = response->retry_after_s };
    ptv_code rc = kind_of(a)->read(fetch->record, fetch->mem, f->s, a->section, &answer, retry, &err);
    if (!rc)
        ptv_cached_keep(f, fetch->record, a->section, kind_of(a), &answer);
    return rc;
}

static void respond(void *tag, const ptv_response *response)
{
    ask *a = tag;
    ptv_fetch *fetch = a->fetch;
    ptv_fetcher *f = fetch->fetcher;
    bool retry = false;
    a->in_flight = false;
    ptv_code rc = read_response(a, response, &retry);
    ptv_section_info *info = info_of(a);
    ptv_log(PTV_LOG_DEBUG, "fetch", fetch->name ? "[%s] %s: %s, %.0f ms" : "%s %s: %s, %.0f ms",
            fetch->name ? fetch->name : fetch->record->subject->value, ptv_section_name(a->section),
            rc ? info->reason : "ok", response->elapsed_ms);
    if (rc == PTV_OK && a->section == PTV_ACCOUNT)
        remember_account(a);
    if (rc == PTV_EKEY)
        ptv_key_refused(f, kind_of(a)->name);
    if (rc == PTV_EQUOTA) {
        info->retry_after_s = ptv_key_used_up(f, kind_of(a)->name, response->retry_after_s);
        retry = response->retry_after_s >= 0;
    }
    info->calls = a->calls;
    if (rc && retry && wait_for_retry(a, info->retry_after_s))
        return;
    if (rc && a->tries > 1) {
        const char *reason = ptv_arena_printf(fetch->mem, "%s (%u tries)", info->reason, a->tries);
        info->reason = reason ? reason : info->reason;
    }
    advance(a, rc ? FAILED : GOT);
    finish_if_done(fetch);
}

void ptv_fetcher_run(ptv_fetcher *f)
{
    int64_t now = ptv_fetcher_now_ms(f);
    for (ask *a = f->waiting; a;) {
        if (a->due_ms > now) {
            a = a->next_waiting;
            continue;
        }
        ptv_fetch *fetch = a->fetch;
        ptv_section_info why;
        stop_waiting(f, a);
        /* A key that went bad meanwhile: what the last try said stays. */
        advance(a, a->tries == 0 || ptv_key_is_good(f, &why) ? start(a) : FAILED);
        finish_if_done(fetch);
        a = f->waiting; /* done() may have changed the list; whoever waits again is not due yet */
    }
}

/* --------------------------------------------------------------------------------------------- door */

ptv_code ptv_fetch_ask(ptv_fetch *fetch, ptv_sections sections, ptv_error *err)
{
    ptv_fetcher *f = fetch->fetcher;
    sections &= ~fetch->pending;
    fetch->pending |= ASKING;
    for (unsigned i = 0; i < PTV_SECTION_COUNT; i++) {
        if (!(sections & PTV_BIT(i)))
            continue;
        ask *a = ptv_arena_calloc(fetch->mem, 1, sizeof *a);
        if (!a) {
            ptv_fetch_cancel(fetch);
            return ptv_arena_fail(fetch->mem, err);
        }
        a->fetch = fetch;
        a->section = (ptv_section)i;
        a->next = fetch->first_ask;
        fetch->first_ask = a;
        fetch->pending |= PTV_BIT(i);
        if (f->routes[i].count > 0) {
            advance(a, ask_step(a));
        } else {
            fail_section(a, PTV_STATE_UNSUPPORTED, PTV_CAUSE_SETTINGS, "no configured source can fill it");
            unlink_ask(a);
        }
    }
    fetch->pending &= ~ASKING;
    finish_if_done(fetch);
    return PTV_OK;
}

void ptv_fetch_cancel(ptv_fetch *fetch)
{
    ptv_fetcher *f = fetch->fetcher;
    for (ask *a = fetch->first_ask; a; a = a->next) {
        if (a->waiting)
            stop_waiting(f, a);
        if (a->in_flight)
            f->net->cancel(f->net->self, a);
        if (a->has_failure && info_of(a)->state != PTV_STATE_FAILED)
            *info_of(a) = a->failure;
        if (info_of(a)->state != PTV_STATE_FAILED)
            fail_section(a, PTV_STATE_NOT_ASKED, PTV_CAUSE_DEADLINE, "no answer before the deadline");
        use_stale_of_route(a);
        info_of(a)->calls = a->calls;
    }
    fetch->first_ask = NULL;
    fetch->pending = 0;
}
