/*
 * fetcher.c: the sources of a fetcher, opened; the route of each section; what is known of the key.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sources/fetcher.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include <stdio.h>
#include <string.h>

#define KEY_REFUSED_MS      60000            /* a refused key is not tried again for so long */
#define LONGEST_STOP_S      (31 * PTV_DAY_S) /* whatever Retry-After says */
#define ACCOUNT_ARENA_BYTES (1u << 20)

int64_t ptv_fetcher_now_ms(const ptv_fetcher *f)
{
    return f->net->now_ms(f->net->self);
}

int64_t ptv_fetcher_now_utc(const ptv_fetcher *f)
{
    return f->s->clock_utc ? f->s->clock_utc() : ptv_clock_utc();
}

/* ------------------------------------------------------------------------------------ open and close */

static ptv_code open_source(ptv_fetcher *f, size_t kind, ptv_error *err)
{
    const ptv_source_kind *k = &ptv_source_kinds[kind];
    if (!k->open || f->local[kind].answer)
        return PTV_OK;
    return k->open(&f->local[kind], f->s, err);
}

static ptv_sections fills(const ptv_fetcher *f, size_t kind)
{
    return ptv_source_kinds[kind].open ? f->local[kind].fills : ptv_source_kinds[kind].fills;
}

static const char *place_of(const ptv_fetcher *f)
{
    return f->s->place ? f->s->place : "";
}

/* Every configured source that can fill the section, local ones first. */
static ptv_code default_route(ptv_fetcher *f, ptv_section section, ptv_error *err)
{
    ptv_route *route = &f->routes[section];
    for (size_t kind = 0; kind < PTV_SOURCE_KINDS; kind++) {
        const char *missing = ptv_source_kinds[kind].missing(f->s);
        if (missing && ptv_source_kinds[kind].begun(f->s))
            return ptv_fail(err, PTV_ESETTINGS, "%s is not set%s", missing, place_of(f));
        if (missing)
            continue;
        ptv_code rc = open_source(f, kind, err);
        if (rc)
            return rc;
        if (fills(f, kind) & PTV_BIT(section))
            route->steps[route->count++] = (ptv_route_step){ kind, false };
    }
    return PTV_OK;
}

static ptv_code given_route(ptv_fetcher *f, ptv_section section, ptv_error *err)
{
    ptv_route *route = &f->routes[section];
    ptv_code rc = ptv_route_parse(route, f->s->route[section], section, err);
    for (size_t i = 0; !rc && i < route->count; i++) {
        const ptv_source_kind *kind = &ptv_source_kinds[route->steps[i].kind];
        const char *missing = kind->missing(f->s);
        if (missing)
            return ptv_fail(err, PTV_ESETTINGS, "%s is not set%s; %s = %s needs it", missing, place_of(f),
                            ptv_section_name(section), f->s->route[section]);
        rc = open_source(f, route->steps[i].kind, err);
        if (!rc && !(fills(f, route->steps[i].kind) & PTV_BIT(section)))
            return ptv_fail(err, PTV_ESETTINGS, "setting %s = %s: the %s given hold nothing for this section",
                            ptv_section_name(section), f->s->route[section], kind->name);
    }
    return rc;
}

static ptv_code make_routes(ptv_fetcher *f, ptv_error *err)
{
    for (int section = 0; section < PTV_SECTION_COUNT; section++) {
        ptv_code rc =
            f->s->route[section] ? given_route(f, (ptv_section)section, err) : default_route(f, (ptv_section)section, err);
        if (rc)
            return rc;
    }
    if (ptv_fetcher_supported(f) == 0)
        return ptv_fail(
            err, PTV_ESETTINGS,
            "no source is configured%s: set passivetotal_username and passivetotal_api_key in [fn_passivetotal], "
            "or archive or lists in [ptverdict]",
            place_of(f));
    return PTV_OK;
}

static void check_done(void *owner)
{
    (void)owner;
}

ptv_code ptv_fetcher_new(ptv_fetcher **out, const ptv_source_settings *s, const ptv_transport *net, ptv_error *err)
{
    ptv_fetcher *f = ptv_calloc(1, sizeof *f);
    if (!f)
        return ptv_fail_nomem(err);
    f->s = s;
    f->net = net;
    f->check_mem = (ptv_arena)PTV_ARENA(ACCOUNT_ARENA_BYTES);
    f->check_subject = (ptv_artifact){ .input = "", .value = "", .display = "", .type = PTV_DOMAIN };
    f->check =
        (ptv_fetch){ .fetcher = f, .record = &f->check_record, .mem = &f->check_mem, .name = "quota", .done = check_done };
    f->key.refused_until_ms = f->key.quota_until_ms = f->account_due_ms = INT64_MIN;
    ptv_fetcher_seed(f, (uint64_t)(uintptr_t)f ^ (uint64_t)ptv_fetcher_now_ms(f));
    ptv_code rc = make_routes(f, err);
    if (rc)
        ptv_fetcher_free(f);
    else
        *out = f;
    return rc;
}

void ptv_fetcher_free(ptv_fetcher *f)
{
    if (!f)
        return;
    if (f->check.pending)
        ptv_fetch_cancel(&f->check);
    ptv_arena_release(&f->check_mem);
    for (size_t kind = 0; kind < PTV_SOURCE_KINDS; kind++)
        if (f->local[kind].answer)
            f->local[kind].free(f->local[kind].self);
    ptv_free(f);
}

ptv_sections ptv_fetcher_supported(const ptv_fetcher *f)
{
    ptv_sections set = 0;
    for (unsigned section = 0; section < PTV_SECTION_COUNT; section++)
        if (f->routes[section].count > 0)
            set |= PTV_BIT(section);
    return set;
}

ptv_sections ptv_fetcher_local(const ptv_fetcher *f)
{
    ptv_sections set = 0;
    for (unsigned section = 0; section < PTV_SECTION_COUNT; section++)
        if (f->routes[section].count > 0 && ptv_source_kinds[f->routes[section].steps[0].kind].open)
            set |= PTV_BIT(section);
    return set;
}

/* ------------------------------------------------------------------------------------------- the key */

static int64_t seconds_until(int64_t until_ms, int64_t now)
{
    return until_ms > now ? (until_ms - now + 999) / 1000 : 0;
}

bool ptv_key_is_good(const ptv_fetcher *f, ptv_section_info *why)
{
    int64_t now = ptv_fetcher_now_ms(f);
    *why = (ptv_section_info){ .fetched_at = PTV_NO_TIME, .retry_after_s = -1 };
    if (now < f->key.refused_until_ms) {
        why->state = PTV_STATE_FAILED;
        why->cause = PTV_CAUSE_KEY;
        why->reason = f->key.refused;
    } else if (now < f->key.quota_until_ms) {
        why->state = PTV_STATE_NOT_ASKED;
        why->cause = PTV_CAUSE_QUOTA;
        why->reason = f->key.used_up;
        why->retry_after_s = seconds_until(f->key.quota_until_ms, now);
    } else {
        return true;
    }
    return false;
}

int64_t ptv_fetcher_quota_left(const ptv_fetcher *f)
{
    return f->account.is_known ? f->account.quota_left : -1;
}

bool ptv_fetcher_exhausted(const ptv_fetcher *f, const char **why)
{
    ptv_section_info info;
    if (ptv_key_is_good(f, &info) || (info.cause == PTV_CAUSE_QUOTA && info.retry_after_s * 1000 <= f->s->retry_within_ms))
        return false;
    if (why)
        *why = info.reason;
    return true;
}

void ptv_key_refused(ptv_fetcher *f, const char *source)
{
    f->key.refused_until_ms = ptv_fetcher_now_ms(f) + KEY_REFUSED_MS;
    snprintf(f->key.refused, sizeof f->key.refused, "%s: user or key refused", source);
    ptv_log(PTV_LOG_WARNING, "fetch", "%s; nothing more is asked with them for %d s", f->key.refused, KEY_REFUSED_MS / 1000);
}

int64_t ptv_key_used_up(ptv_fetcher *f, const char *source, int64_t retry_after_s)
{
    char until[32];
    int64_t utc = ptv_fetcher_now_utc(f);
    if (retry_after_s > LONGEST_STOP_S)
        retry_after_s = LONGEST_STOP_S;
    if (retry_after_s < 0)
        retry_after_s = (ptv_day_of(utc) + 1) * PTV_DAY_S - utc;
    f->key.quota_until_ms = ptv_fetcher_now_ms(f) + retry_after_s * 1000;
    ptv_time_format(until, utc + retry_after_s);
    snprintf(f->key.used_up, sizeof f->key.used_up, "%s: quota used up until %s", source, until);
    ptv_log(PTV_LOG_WARNING, "fetch", "%s", f->key.used_up);
    return retry_after_s;
}
