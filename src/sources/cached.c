/*
 * cached.c: answers kept from earlier, in the place of a call or of one that failed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sources/cached.h"
#include "sources/sections.h"
#include <stdio.h>

#define CLOCK_SLACK_S                                                                                                       \
    60 /* clocks are put right by seconds; what comes from further ahead has no age that means anything                     \
        */

/* The account changes with every call, its owner is no artifact, and fetcher.c remembers it. */
static bool is_kept(const ptv_fetcher *f, ptv_section section)
{
    return f->s->cache.self && section != PTV_ACCOUNT && f->s->cache_s[section] > 0;
}

/* Where the call goes: another server, another answer. */
static bool endpoint_of(char out[1024], const ptv_fetcher *f, ptv_section section)
{
    const char *base = f->s->base_url, *path = f->s->path[section];
    int len = snprintf(out, 1024, "%s%s", base ? base : "", path ? path : ptv_section_name(section));
    return len > 0 && len < 1024;
}

static bool read_kept(const ptv_fetcher *f, ptv_record *r, ptv_arena *mem, ptv_section section, const ptv_source_kind *kind,
                      int64_t oldest_s)
{
    ptv_answer answer = { .fetched_at = PTV_NO_TIME, .retry_after_s = -1 };
    char endpoint[1024];
    ptv_error err = { 0 };
    bool retry;
    if (!is_kept(f, section) || !endpoint_of(endpoint, f, section) ||
        !f->s->cache.get(f->s->cache.self, &answer, mem, kind->name, endpoint, r->subject->value))
        return false;
    int64_t age = ptv_fetcher_now_utc(f) - answer.fetched_at;
    if (age >= oldest_s || age < -CLOCK_SLACK_S)
        return false;
    ptv_record before;
    ptv_section_copy(&before, r, section);
    if (kind->read(r, mem, f->s, section, &answer, &retry, &err)) { /* by the settings of now it is no answer */
        ptv_section_copy(r, &before, section);
        return false;
    }
    r->sections[section].age_s = age > 0 ? age : 0;
    return true;
}

bool ptv_cached_fresh(const ptv_fetcher *f, ptv_record *r, ptv_arena *mem, ptv_section section, const ptv_source_kind *kind)
{
    return read_kept(f, r, mem, section, kind, f->s->cache_s[section]);
}

bool ptv_cached_stale(const ptv_fetcher *f, ptv_record *r, ptv_arena *mem, ptv_section section, const ptv_source_kind *kind)
{
    ptv_section_info *info = &r->sections[section];
    const char *reason = info->reason;
    unsigned calls = info->calls;
    if (!ptv_cause_is_later(info->cause) || !read_kept(f, r, mem, section, kind, f->s->cache_s[section] + f->s->stale_s))
        return false;
    info->state = PTV_STATE_STALE;
    info->reason = reason;
    info->calls = calls;
    return true;
}

void ptv_cached_keep(const ptv_fetcher *f, const ptv_record *r, ptv_section section, const ptv_source_kind *kind,
                     const ptv_answer *answer)
{
    char endpoint[1024];
    if (is_kept(f, section) && endpoint_of(endpoint, f, section))
        f->s->cache.put(f->s->cache.self, answer, kind->name, endpoint, r->subject->value);
}
