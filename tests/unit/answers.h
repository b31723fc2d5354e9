/*
 * answers.h: what the tests of the sources share: settings, a record, and one section of it told in a line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_TEST_ANSWERS_H
#define PTV_TEST_ANSWERS_H
#include "base/clock.h"
#include "base/file.h"
#include "sources/source.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline int64_t fixed_utc(void)
{
    return INT64_C(1777593600); /* 2026-05-01 00:00:00 */
}

static const char *pingly[] = { "pingly" };

static inline ptv_source_settings plain_settings(void)
{
    return (ptv_source_settings){
        .base_url = "https://api.test",
        .user = "ana@example.test",
        .key = "0123secret",
        .live_sources = pingly,
        .live_source_count = 1,
        .timeout_ms = 30000,
        .retry_within_ms = 5000,
        .body_limit_bytes = 16 << 20,
        .clock_utc = fixed_utc,
    };
}

static inline ptv_record *new_record(ptv_arena *mem, const char *artifact)
{
    ptv_error err;
    ptv_record *r = ptv_arena_alloc(mem, sizeof *r);
    ptv_artifact *a = ptv_arena_alloc(mem, sizeof *a);
    if (!r || !a || ptv_artifact_parse(a, mem, artifact, strlen(artifact), NULL, &err))
        return NULL;
    ptv_record_init(r, a);
    return r;
}

static inline void tell_set(ptv_buf *out, const ptv_set *set)
{
    ptv_buf_putc(out, '[');
    for (size_t i = 0; i < set->count && i < 12; i++)
        ptv_buf_printf(out, "%s%s", i ? "|" : "", set->items[i]);
    ptv_buf_puts(out, set->count > 12 ? "|…]" : "]");
}

static inline void tell_time(ptv_buf *out, const char *name, int64_t utc)
{
    char text[32] = "-";
    if (utc != PTV_NO_TIME)
        ptv_time_format(text, utc);
    ptv_buf_printf(out, " %s=%s", name, text);
}

/* "ok [a|b]", "failed outage: HTTP 503: …"; warnings follow in round brackets. Arena. */
static inline const char *tell(ptv_arena *mem, const ptv_record *r, ptv_section section)
{
    const ptv_section_info *info = &r->sections[section];
    ptv_buf out = PTV_BUF(64 << 10);
    ptv_buf_puts(&out, ptv_state_name(info->state));
    if (info->state != PTV_STATE_OK) {
        ptv_buf_printf(&out, " %s: %s", ptv_cause_name(info->cause), info->reason);
    } else if (section == PTV_ACCOUNT) {
        ptv_buf_printf(&out, " exceeded=%d left=%lld", r->quota_exceeded, (long long)r->quota_left);
    } else if (section == PTV_TAGS) {
        ptv_buf_putc(&out, ' ');
        tell_set(&out, &r->tags);
    } else if (section == PTV_CLASSIFICATION) {
        ptv_buf_printf(&out, " %s", r->classification);
    } else if (section == PTV_PASSIVE_DNS) {
        ptv_buf_printf(&out, " count=%lld total=%lld rows=%zu/%zu truncated=%d", (long long)r->pdns_count,
                       (long long)r->total_records, r->records.count, r->all_records.count, r->truncated);
        tell_time(&out, "first", r->first_seen);
        tell_time(&out, "last", r->last_seen);
    } else {
        ptv_buf_printf(&out, " %lld ", (long long)r->subdomain_count);
        tell_set(&out, &r->subdomain_names);
    }
    if (info->warnings)
        ptv_buf_printf(&out, " (%s)", info->warnings);
    const char *text = ptv_arena_strndup(mem, out.data, out.len);
    ptv_buf_release(&out);
    return text;
}

static inline const char *shared_data(void)
{
    const char *path = getenv("PTV_SHARED_DATA");
    return path ? path : "../shared/data/passivetotal";
}

#endif
