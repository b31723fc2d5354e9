/*
 * record_json.c: a record as the JSON that `fetch` prints. The reader is in record_read.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/record_json.h"
#include <string.h>

/* The part of a field's name inside its section's object: "count" of "passive_dns.count"; "tags" stands alone. */
static const char *name_in_section(const ptv_field *f)
{
    const char *dot = strchr(f->name, '.');
    return dot ? dot + 1 : f->name;
}

static void write_set(ptv_json_out *out, const char *key, const ptv_set *set)
{
    if (!set->items) {
        ptv_json_put_null(out, key);
        return;
    }
    ptv_json_open(out, key, '[');
    for (size_t i = 0; i < set->shown_count; i++)
        ptv_json_put_text(out, NULL, set->shown[i]);
    ptv_json_close(out, ']');
}

static void write_row(ptv_json_out *out, const ptv_dns *row)
{
    ptv_json_open(out, NULL, '{');
    for (size_t i = 0; i < ptv_column_count; i++) {
        const ptv_column *c = &ptv_columns[i];
        const void *at = (const char *)row + c->offset;
        if (c->type == PTV_TIME && *(const ptv_c_TIME *)at != PTV_NO_TIME)
            ptv_json_put_time(out, c->name, *(const ptv_c_TIME *)at);
        else if (c->type == PTV_SET && ((const ptv_c_SET *)at)->items)
            write_set(out, c->name, at);
        else if (c->type == PTV_WORD && *(const ptv_c_WORD *)at)
            ptv_json_put_text(out, c->name, *(const ptv_c_WORD *)at);
    }
    ptv_json_put_bool(out, "live", row->live);
    ptv_json_close(out, '}');
}

static void write_field(ptv_json_out *out, const ptv_record *r, const ptv_field *f)
{
    const char *key = name_in_section(f);
    if (ptv_field_absent(r, f)) {
        ptv_json_put_null(out, key);
        return;
    }
    switch (f->type) {
    case PTV_WORD:
    case PTV_ENUM:
    case PTV_URI:
        ptv_json_put_text(out, key, *PTV_FIELD_AT(r, f, WORD));
        break;
    case PTV_NUMBER:
        ptv_json_put_int(out, key, *PTV_FIELD_AT(r, f, NUMBER));
        break;
    case PTV_YESNO:
        ptv_json_put_bool(out, key, *PTV_FIELD_AT(r, f, YESNO) == 1);
        break;
    case PTV_TIME:
        ptv_json_put_time(out, key, *PTV_FIELD_AT(r, f, TIME));
        break;
    case PTV_SET:
        write_set(out, key, PTV_FIELD_AT(r, f, SET));
        break;
    case PTV_RECORDS:
        ptv_json_open(out, key, '[');
        for (size_t i = 0; i < PTV_FIELD_AT(r, f, RECORDS)->count; i++)
            write_row(out, PTV_FIELD_AT(r, f, RECORDS)->rows[i]);
        ptv_json_close(out, ']');
        break;
    }
}

static void write_info(ptv_json_out *out, const char *key, const ptv_section_info *s)
{
    ptv_json_open(out, key, '{');
    ptv_json_put_text(out, "state", ptv_state_name(s->state));
    if (s->state != PTV_STATE_OK && s->state != PTV_STATE_STALE)
        ptv_json_put_text(out, "cause", ptv_cause_name(s->cause));
    if (s->reason)
        ptv_json_put_text(out, "reason", s->reason);
    if (s->source)
        ptv_json_put_text(out, "source", s->source);
    if (s->http)
        ptv_json_put_int(out, "http", s->http);
    if (s->fetched_at != PTV_NO_TIME)
        ptv_json_put_time(out, "fetched_at", s->fetched_at);
    if (s->retry_after_s >= 0)
        ptv_json_put_int(out, "retry_after_s", s->retry_after_s);
    if (s->age_s)
        ptv_json_put_int(out, "age_s", s->age_s);
    if (s->calls)
        ptv_json_put_int(out, "calls", s->calls);
    if (s->warnings)
        ptv_json_put_text(out, "warnings", s->warnings);
    ptv_json_close(out, '}');
}

void ptv_record_write(ptv_json_out *out, const ptv_record *r)
{
    ptv_json_open(out, NULL, '{');
    ptv_json_put_text(out, "schema", PTV_RECORD_SCHEMA);
    ptv_json_put_text(out, "artifact", r->artifact);
    ptv_json_put_text(out, "artifact_type", r->artifact_type);
    if (r->fetched_at != PTV_NO_TIME)
        ptv_json_put_time(out, "fetched_at", r->fetched_at);
    if (r->link)
        ptv_json_put_text(out, "link", r->link);
    ptv_json_open(out, "sections", '{');
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        write_info(out, ptv_section_name((ptv_section)s), &r->sections[s]);
    ptv_json_close(out, '}');

    ptv_section open = PTV_ALWAYS;
    for (size_t i = 0; i < ptv_field_count; i++) {
        const ptv_field *f = &ptv_fields[i];
        bool nested = strchr(f->name, '.') != NULL;
        if (open != PTV_ALWAYS && (f->section != open || !nested)) {
            ptv_json_close(out, '}');
            open = PTV_ALWAYS;
        }
        /* `records` is a part of `all_records`. */
        if (f->section == PTV_ALWAYS || !ptv_section_readable(r, f->section) || f->offset == offsetof(ptv_record, records))
            continue;
        if (nested && open == PTV_ALWAYS) {
            open = f->section;
            ptv_json_open(out, ptv_section_name(open), '{');
        }
        write_field(out, r, f);
    }
    if (open != PTV_ALWAYS)
        ptv_json_close(out, '}');
    ptv_json_close(out, '}');
}
