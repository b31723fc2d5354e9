/*
 * sections.c: whole sections of a record: emptied, copied, answered with none, joined from two sources.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sources/sections.h"
#include <string.h>

static size_t size_of(ptv_type type)
{
    static const size_t sizes[] = {
        [PTV_WORD] = sizeof(ptv_c_WORD),     [PTV_ENUM] = sizeof(ptv_c_ENUM),       [PTV_URI] = sizeof(ptv_c_URI),
        [PTV_NUMBER] = sizeof(ptv_c_NUMBER), [PTV_YESNO] = sizeof(ptv_c_YESNO),     [PTV_TIME] = sizeof(ptv_c_TIME),
        [PTV_SET] = sizeof(ptv_c_SET),       [PTV_RECORDS] = sizeof(ptv_c_RECORDS),
    };
    return sizes[type];
}

void ptv_section_copy(ptv_record *to, const ptv_record *from, ptv_section section)
{
    for (size_t i = 0; i < ptv_field_count; i++) {
        const ptv_field *f = &ptv_fields[i];
        if (f->section == section)
            memcpy((char *)to + f->offset, (const char *)from + f->offset, size_of(f->type));
    }
    to->sections[section] = from->sections[section];
}

void ptv_section_clear(ptv_record *r, ptv_section section)
{
    ptv_record empty;
    ptv_record_init(&empty, r->subject);
    ptv_section_copy(r, &empty, section);
}

ptv_code ptv_section_none(ptv_record *r, ptv_arena *mem, ptv_section section, ptv_error *err)
{
    bool built = true;
    switch (section) {
    case PTV_TAGS:
        built = ptv_set_build(&r->tags, mem, NULL, 0);
        break;
    case PTV_CLASSIFICATION:
        r->classification = ptv_classification_parse(NULL);
        break;
    case PTV_PASSIVE_DNS:
        r->total_records = 0;
        built = ptv_record_derive_dns(r, mem, NULL, 0, PTV_NO_TIME, PTV_NO_TIME);
        break;
    case PTV_SUBDOMAINS:
        r->subdomain_count = 0;
        built = ptv_set_build(&r->subdomain_names, mem, NULL, 0) && ptv_set_build(&r->subdomain_first_ten, mem, NULL, 0);
        break;
    default:
        return ptv_fail(err, PTV_ESHAPE, "%s cannot be empty", ptv_section_name(section));
    }
    return built ? PTV_OK : ptv_arena_fail(mem, err);
}

/* ---------------------------------------------------------------------------------------------- join */

static bool join_sets(ptv_set *into, ptv_arena *mem, const ptv_set *other)
{
    if (!other->items)
        return true;
    size_t count = into->shown_count + other->shown_count;
    const char **shown = ptv_arena_calloc(mem, count + 1, sizeof *shown);
    if (!shown)
        return false;
    for (size_t i = 0; i < count; i++)
        shown[i] = i < into->shown_count ? into->shown[i] : other->shown[i - into->shown_count];
    return ptv_set_build(into, mem, shown, count);
}

const char *ptv_classification_worse(const char *a, const char *b)
{
    static const char *const worst_first[] = { "malicious", "suspicious", "unknown", "unclassified", "non-malicious" };
    for (size_t i = 0; i < sizeof worst_first / sizeof *worst_first; i++) {
        if (a && strcmp(a, worst_first[i]) == 0)
            return a;
        if (b && strcmp(b, worst_first[i]) == 0)
            return b;
    }
    return a ? a : b;
}

static bool join_dns(ptv_record *r, ptv_arena *mem, const ptv_record *other)
{
    size_t own = r->all_records.count, count = own + other->all_records.count;
    const ptv_dns **rows = ptv_arena_calloc(mem, count + 1, sizeof(const ptv_dns *));
    if (!rows)
        return false;
    for (size_t i = 0; i < count; i++)
        rows[i] = i < own ? r->all_records.rows[i] : other->all_records.rows[i - own];
    /* A list of indicators cannot count records: whether there are more is for the source to say that does. */
    bool own_counts = r->total_records >= 0, other_counts = other->total_records >= 0;
    int8_t truncated = own_counts == other_counts ? (r->truncated == 1 || other->truncated == 1)
                                                  : (own_counts ? r->truncated : other->truncated);
    int64_t total = r->total_records > other->total_records ? r->total_records : other->total_records;
    int64_t first = r->first_seen, last = r->last_seen;
    if (other->first_seen != PTV_NO_TIME && (first == PTV_NO_TIME || other->first_seen < first))
        first = other->first_seen;
    if (other->last_seen != PTV_NO_TIME && other->last_seen > last)
        last = other->last_seen;
    int64_t passive = r->pdns_count + other->pdns_count; /* may be more than were kept */
    r->truncated = truncated;
    r->total_records = total >= 0 && total < (int64_t)count ? (int64_t)count : total;
    if (!r->first_seen_text)
        r->first_seen_text = other->first_seen_text;
    if (!r->last_seen_text)
        r->last_seen_text = other->last_seen_text;
    if (!ptv_record_derive_dns(r, mem, rows, count, first, last))
        return false;
    r->first_seen = first; /* of what both know, also where the rows behind it were not sent */
    r->last_seen = last;
    r->pdns_count = passive;
    return true;
}

static bool join_info(ptv_section_info *into, ptv_arena *mem, const ptv_section_info *other)
{
    const ptv_section_info own = *into;
    into->source = ptv_arena_printf(mem, "%s + %s", other->source, own.source);
    if (own.http == 0)
        into->http = other->http;
    if (other->state == PTV_STATE_STALE) { /* one part beyond its time: the whole is */
        into->state = PTV_STATE_STALE;
        into->reason = other->reason;
    }
    if (other->age_s > own.age_s)
        into->age_s = other->age_s;
    if (other->fetched_at > own.fetched_at)
        into->fetched_at = other->fetched_at;
    if (!own.raw) {
        into->raw = other->raw;
        into->raw_len = other->raw_len;
    }
    if (own.warnings && other->warnings)
        into->warnings = ptv_arena_printf(mem, "%s\n%s", other->warnings, own.warnings);
    else if (other->warnings)
        into->warnings = other->warnings;
    return into->source && (into->warnings || !own.warnings);
}

ptv_code ptv_section_join(ptv_record *r, ptv_arena *mem, const ptv_record *other, ptv_section section, ptv_error *err)
{
    bool joined = true;
    switch (section) {
    case PTV_ACCOUNT:
        if (other->quota_exceeded > r->quota_exceeded)
            r->quota_exceeded = other->quota_exceeded;
        if (r->quota_left < 0 || (other->quota_left >= 0 && other->quota_left < r->quota_left))
            r->quota_left = other->quota_left;
        break;
    case PTV_TAGS:
        joined = join_sets(&r->tags, mem, &other->tags);
        break;
    case PTV_CLASSIFICATION:
        r->classification = ptv_classification_worse(r->classification, other->classification);
        break;
    case PTV_PASSIVE_DNS:
        joined = join_dns(r, mem, other);
        break;
    case PTV_SUBDOMAINS:
        joined = join_sets(&r->subdomain_names, mem, &other->subdomain_names) &&
                 join_sets(&r->subdomain_first_ten, mem, &other->subdomain_first_ten);
        if (joined && (int64_t)r->subdomain_names.count > r->subdomain_count)
            r->subdomain_count = (int64_t)r->subdomain_names.count;
        if (joined && r->subdomain_first_ten.shown_count > 10)
            joined = ptv_set_build(&r->subdomain_first_ten, mem, r->subdomain_first_ten.shown, 10);
        break;
    default:
        break;
    }
    joined = joined && join_info(&r->sections[section], mem, &other->sections[section]);
    return joined ? PTV_OK : ptv_arena_fail(mem, err);
}
