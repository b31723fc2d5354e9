/*
 * record_read.c: a record out of JSON: the form that `fetch` prints and the short one that people write.
 *
 * What a record says must not be guessed at: an unknown key, a field given twice, a section that claims to be ok without
 * any of its fields are errors, because a rule would read the gap as "absent".
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "base/text.h"
#include "core/record_json.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const top_keys[] = { "schema", "artifact", "artifact_type", "fetched_at", "sections" };
enum {
    KEY_SHOWN = 60,
    NAME_ROOM = 128,
    MOST_COLUMNS = 16,
    FIELDS = 0
#define FIELD(...) +1
#include "core/record_fields.def"
#undef FIELD
};
_Static_assert(FIELDS <= 64, "reader.given has a bit a field");
#define COUNT(table) (sizeof(table) / sizeof *(table))

typedef struct reader {
    ptv_record *r;
    ptv_arena *mem;
    ptv_error *err;
    uint64_t given;          /* bit: index in ptv_fields */
    ptv_sections with_field; /* sections of which a field is given */
    ptv_sections with_state; /* sections whose state is given */
    const ptv_dns **rows;    /* of records or all_records */
    size_t row_count;
} reader;

static ptv_code no_room(const reader *in)
{
    return ptv_arena_fail(in->mem, in->err);
}

static ptv_code wrong_type(const reader *in, const char *name, const char *wanted, const ptv_json *v)
{
    return ptv_fail(in->err, PTV_EINVAL, "%s: needs %s, not %s", name, wanted, ptv_json_kind_name(ptv_json_kind_of(v)));
}

/* A stranger's word in a message, with the word it was perhaps meant to be. */
static ptv_code not_known(const reader *in, const char *fmt, const char *word, const char *const *words, size_t count)
{
    ptv_buf shown = PTV_BUF(4 * KEY_SHOWN + 1);
    const char *nearest = ptv_text_nearest(word, words, count);
    ptv_escape_terminal(&shown, word, strnlen(word, KEY_SHOWN));
    ptv_fail(in->err, PTV_EINVAL, "%s '%s'%s%s%s", fmt, shown.data ? shown.data : "", nearest ? " (did you mean '" : "",
             nearest ? nearest : "", nearest ? "'?)" : "");
    ptv_buf_release(&shown);
    return PTV_EINVAL;
}

/* A text that stands for itself; "" is absent. */
static ptv_code read_word(const reader *in, const char *name, const char **out, const ptv_json *v)
{
    const char *text = ptv_json_text(v);
    *out = NULL;
    if (ptv_json_kind_of(v) == PTV_JSON_NULL)
        return PTV_OK;
    if (!text)
        return wrong_type(in, name, "a text", v);
    if (*text == '\0')
        return PTV_OK;
    *out = ptv_arena_strdup(in->mem, text);
    return *out ? PTV_OK : no_room(in);
}

static ptv_code read_int(const reader *in, const char *name, int64_t *out, const ptv_json *v)
{
    double number;
    if (ptv_json_kind_of(v) == PTV_JSON_NULL)
        return PTV_OK;
    if (!ptv_json_number(&number, v))
        return wrong_type(in, name, "a number", v);
    if (number < 0 || number > 9007199254740992.0 || number != floor(number))
        return ptv_fail(in->err, PTV_EINVAL, "%s: needs a whole number from 0", name);
    *out = (int64_t)number;
    return PTV_OK;
}

static ptv_code read_time(const reader *in, const char *name, int64_t *out, const ptv_json *v)
{
    double number;
    const char *text = ptv_json_text(v);
    int64_t utc;
    *out = PTV_NO_TIME;
    if (ptv_json_kind_of(v) == PTV_JSON_NULL)
        return PTV_OK;
    if (!text && !ptv_json_number(&number, v))
        return wrong_type(in, name, "a date", v);
    if (!(text ? ptv_time_parse(&utc, text, 0) : ptv_time_from_number(&utc, number)) || utc < PTV_TIME_FIRST ||
        utc > PTV_TIME_LAST)
        return ptv_fail(in->err, PTV_EINVAL, "%s: not a date; write it as 2026-05-01 or 2026-05-01T00:00:00Z", name);
    *out = utc;
    return PTV_OK;
}

static ptv_code read_set(const reader *in, const char *name, ptv_set *out, const ptv_json *v)
{
    const char *one = ptv_json_text(v);
    if (ptv_json_kind_of(v) == PTV_JSON_NULL)
        return PTV_OK;
    if (!one && ptv_json_kind_of(v) != PTV_JSON_LIST)
        return wrong_type(in, name, "a list of texts", v);
    size_t count = one ? 1 : ptv_json_size(v), at = 0;
    const char **texts = ptv_arena_calloc(in->mem, count + 1, sizeof *texts);
    if (!texts)
        return no_room(in);
    if (one)
        texts[0] = one;
    for (const ptv_json *item = one ? NULL : ptv_json_first(v); item; item = ptv_json_next(item))
        if ((texts[at++] = ptv_json_text(item)) == NULL)
            return wrong_type(in, name, "a list of texts", item);
    return ptv_set_build(out, in->mem, texts, count) ? PTV_OK : no_room(in);
}

static ptv_code read_enum(const reader *in, const ptv_field *f, const char **out, const ptv_json *v)
{
    const char *text = ptv_json_text(v);
    size_t count = 0;
    if (!text && ptv_json_kind_of(v) != PTV_JSON_NULL)
        return wrong_type(in, f->name, "a text", v);
    if (f->values == ptv_classification_names)
        *out = ptv_classification_parse(text);
    for (; f->values[count]; count++)
        if (text && ptv_text_equal_fold(text, f->values[count]))
            *out = f->values[count];
    if (*out)
        return PTV_OK;
    not_known(in, "no such word:", text ? text : "", f->values, count);
    return ptv_wrap(in->err, "%s", f->name);
}

/* ------------------------------------------------------------------------------------------- rows */

/* Is the list what a set was made of, as it stands? Rows mostly share their sources. */
static bool is_made_of(const ptv_set *set, const ptv_json *list)
{
    size_t at = 0;
    if (!set->items || ptv_json_kind_of(list) != PTV_JSON_LIST)
        return false;
    for (const ptv_json *item = ptv_json_first(list); item; item = ptv_json_next(item)) {
        const char *text = ptv_json_text(item);
        if (!text || at == set->shown_count || strcmp(text, set->shown[at++]) != 0)
            return false;
    }
    return at == set->shown_count;
}

/* `row` is one of in->rows: the one before it, when there is one, lies before it. */
static ptv_code read_column(const reader *in, ptv_dns *row, const ptv_column *c, const ptv_json *v)
{
    void *at = (char *)row + c->offset;
    switch (c->type) {
    case PTV_TIME:
        return read_time(in, c->name, at, v);
    case PTV_SET:
        if (in->row_count && is_made_of(&row[-1].sources, v)) {
            row->sources = row[-1].sources;
            return PTV_OK;
        }
        return read_set(in, c->name, at, v);
    default:
        if (c->offset == offsetof(ptv_dns, type) && ptv_json_text(v) && *ptv_json_text(v))
            return (row->type = ptv_dns_type(in->mem, ptv_json_text(v))) ? PTV_OK : no_room(in);
        return read_word(in, c->name, at, v);
    }
}

/* Rows of one writer have their keys in one order: the column that stood here in the row before is tried first. */
static const ptv_column *column_find(const ptv_column *guess[MOST_COLUMNS], size_t place, const char *key)
{
    if (place >= MOST_COLUMNS)
        return ptv_column_find(key);
    if (!guess[place] || strcmp(guess[place]->name, key) != 0)
        guess[place] = ptv_column_find(key);
    return guess[place];
}

static ptv_code read_row_key(const reader *in, ptv_dns *row, const ptv_column *c, const ptv_json *v)
{
    const char *key = ptv_json_key(v), *words[16] = { "live" };
    if (c)
        return read_column(in, row, c, v);
    if (strcmp(key, "live") == 0) {
        if (!ptv_json_bool(&row->live, v))
            return wrong_type(in, "live", "true or false", v);
        return PTV_OK;
    }
    size_t count = 1;
    for (size_t i = 0; i < ptv_column_count && count < COUNT(words); i++)
        words[count++] = ptv_columns[i].name;
    return not_known(in, "unknown key", key, words, count);
}

static ptv_code read_row(const reader *in, ptv_dns *row, const ptv_column *guess[MOST_COLUMNS], const ptv_json *v)
{
    ptv_code rc = PTV_OK;
    size_t place = 0;
    if (ptv_json_kind_of(v) != PTV_JSON_OBJECT)
        return wrong_type(in, "a record", "an object", v);
    row->first_seen = row->last_seen = row->collected = PTV_NO_TIME;
    for (const ptv_json *cell = ptv_json_first(v); cell && !rc; cell = ptv_json_next(cell))
        rc = read_row_key(in, row, column_find(guess, place++, ptv_json_key(cell)), cell);
    return rc;
}

static ptv_code read_rows(reader *in, const char *name, const ptv_json *v)
{
    if (in->rows)
        return ptv_fail(in->err, PTV_EINVAL, "give passive_dns.records or passive_dns.all_records, not both");
    if (ptv_json_kind_of(v) == PTV_JSON_NULL)
        return PTV_OK;
    if (ptv_json_kind_of(v) != PTV_JSON_LIST)
        return wrong_type(in, name, "a list of records", v);
    size_t count = ptv_json_size(v);
    const ptv_column *guess[MOST_COLUMNS] = { NULL };
    ptv_dns *rows = ptv_arena_calloc(in->mem, count + 1, sizeof *rows);
    in->rows = ptv_arena_calloc(in->mem, count + 1, sizeof(const ptv_dns *));
    if (!rows || !in->rows)
        return no_room(in);
    for (const ptv_json *item = ptv_json_first(v); item; item = ptv_json_next(item)) {
        ptv_code rc = read_row(in, &rows[in->row_count], guess, item);
        if (rc)
            return ptv_wrap(in->err, "%s[%zu]", name, in->row_count);
        in->rows[in->row_count] = &rows[in->row_count];
        in->row_count++;
    }
    return PTV_OK;
}

/* --------------------------------------------------------------------------------- fields and states */

static ptv_code read_field(reader *in, const ptv_field *f, const ptv_json *v)
{
    uint64_t bit = UINT64_C(1) << (f - ptv_fields);
    void *at = (char *)in->r + f->offset;
    bool yes;
    if (in->given & bit)
        return ptv_fail(in->err, PTV_EINVAL, "%s: given twice", f->name);
    in->given |= bit;
    if (f->section != PTV_ALWAYS)
        in->with_field |= PTV_BIT(f->section);
    switch (f->type) {
    case PTV_WORD:
    case PTV_URI:
        return read_word(in, f->name, at, v);
    case PTV_ENUM:
        return read_enum(in, f, at, v);
    case PTV_NUMBER:
        return read_int(in, f->name, at, v);
    case PTV_TIME:
        return read_time(in, f->name, at, v);
    case PTV_SET:
        /* The field that is the whole section: null is an answer, "none". */
        if (ptv_json_kind_of(v) == PTV_JSON_NULL && !strchr(f->name, '.'))
            return ptv_set_build(at, in->mem, NULL, 0) ? PTV_OK : no_room(in);
        return read_set(in, f->name, at, v);
    case PTV_RECORDS:
        return read_rows(in, f->name, v);
    case PTV_YESNO:
        break;
    }
    if (ptv_json_kind_of(v) == PTV_JSON_NULL)
        return PTV_OK;
    if (!ptv_json_bool(&yes, v))
        return wrong_type(in, f->name, "true or false", v);
    *(ptv_c_YESNO *)at = yes;
    return PTV_OK;
}

static bool mentions(const char *reason, const char *const *words)
{
    for (; *words; words++)
        if (strcasestr(reason, *words))
            return true;
    return false;
}

/* What would mend it, where the record does not say. */
static ptv_cause likely_cause(ptv_state state, const char *reason)
{
    static const char *const quota[] = { "quota", "429", NULL };
    static const char *const key[] = { "401", "402", "403", "key refused", NULL };
    static const char *const settings[] = { "HTTP 400", "HTTP 404", "HTTP 407", "redirect", NULL };
    static const char *const deadline[] = { "deadline", NULL };
    if (state == PTV_STATE_OK || state == PTV_STATE_STALE || state == PTV_STATE_NOT_NEEDED)
        return PTV_CAUSE_NONE;
    if (state == PTV_STATE_UNSUPPORTED)
        return PTV_CAUSE_SETTINGS;
    if (mentions(reason, quota))
        return PTV_CAUSE_QUOTA;
    if (mentions(reason, key))
        return PTV_CAUSE_KEY;
    if (state == PTV_STATE_NOT_ASKED)
        return mentions(reason, deadline) ? PTV_CAUSE_DEADLINE : PTV_CAUSE_RECORD;
    return mentions(reason, settings) ? PTV_CAUSE_SETTINGS : PTV_CAUSE_OUTAGE;
}

static ptv_code set_state(reader *in, ptv_section s, ptv_state state)
{
    if (in->with_state & PTV_BIT(s))
        return ptv_fail(in->err, PTV_EINVAL, "%s: its state is given twice", ptv_section_name(s));
    in->with_state |= PTV_BIT(s);
    in->r->sections[s].state = state;
    in->r->sections[s].cause = likely_cause(state, in->r->sections[s].reason ? in->r->sections[s].reason : "");
    return PTV_OK;
}

static ptv_code read_cause(reader *in, ptv_section s, const ptv_json *v)
{
    const char *words[PTV_CAUSE_RECORD + 1], *word = ptv_json_text(v);
    for (int i = 0; i <= PTV_CAUSE_RECORD; i++)
        words[i] = ptv_cause_name((ptv_cause)i);
    if (word && ptv_cause_parse(&in->r->sections[s].cause, word))
        return PTV_OK;
    not_known(in, "cause: no such word:", word ? word : "", words, COUNT(words));
    return ptv_wrap(in->err, "%s", ptv_section_name(s));
}

/* {"failed": "HTTP 503"}: the state as key, the reason as value. */
static ptv_code read_short_state(reader *in, ptv_section s, ptv_state state, const ptv_json *v)
{
    ptv_code rc = read_word(in, ptv_section_name(s), &in->r->sections[s].reason, v);
    if (rc)
        return rc;
    if (state == PTV_STATE_OK || state == PTV_STATE_STALE)
        return ptv_fail(in->err, PTV_EINVAL, "%s: give the value itself, not '%s'", ptv_section_name(s),
                        ptv_state_name(state));
    return set_state(in, s, state);
}

static ptv_code read_info_key(reader *in, ptv_section s, const char *key, const ptv_json *v)
{
    static const char *const keys[] = { "state",      "cause",         "reason", "source", "http",
                                        "fetched_at", "retry_after_s", "age_s",  "calls",  "warnings" };
    ptv_section_info *info = &in->r->sections[s];
    int64_t number = 0;
    ptv_code rc;
    if (!strcmp(key, "state") || !strcmp(key, "cause")) /* read before the others */
        return PTV_OK;
    if (!strcmp(key, "reason"))
        return read_word(in, key, &info->reason, v);
    if (!strcmp(key, "source"))
        return read_word(in, key, &info->source, v);
    if (!strcmp(key, "warnings"))
        return read_word(in, key, &info->warnings, v);
    if (!strcmp(key, "fetched_at"))
        return read_time(in, key, &info->fetched_at, v);
    if (!strcmp(key, "retry_after_s"))
        return read_int(in, key, &info->retry_after_s, v);
    if (!strcmp(key, "age_s"))
        return read_int(in, key, &info->age_s, v);
    if (strcmp(key, "http") != 0 && strcmp(key, "calls") != 0)
        return not_known(in, "unknown key", key, keys, COUNT(keys));
    rc = read_int(in, key, &number, v);
    if (rc)
        return rc;
    if (number > 999999)
        return ptv_fail(in->err, PTV_EINVAL, "%s: the number is too large", key);
    if (!strcmp(key, "http"))
        info->http = (int)number;
    else
        info->calls = (unsigned)number;
    return PTV_OK;
}

/* One member of "sections". */
static ptv_code read_info(reader *in, ptv_section s, const ptv_json *object)
{
    const char *words[PTV_STATE_UNSUPPORTED + 1], *state_word = ptv_json_text(ptv_json_find(object, "state"));
    const ptv_json *cause = ptv_json_find(object, "cause");
    ptv_state state;
    ptv_code rc = PTV_OK;
    if (ptv_json_kind_of(object) != PTV_JSON_OBJECT)
        return wrong_type(in, ptv_section_name(s), "an object", object);
    for (int i = 0; i <= PTV_STATE_UNSUPPORTED; i++)
        words[i] = ptv_state_name((ptv_state)i);
    for (const ptv_json *item = ptv_json_first(object); item && !rc; item = ptv_json_next(item))
        rc = read_info_key(in, s, ptv_json_key(item), item);
    if (!rc && (!state_word || !ptv_state_parse(&state, state_word)))
        rc = not_known(in, "state: no such word:", state_word ? state_word : "", words, COUNT(words));
    if (rc)
        return ptv_wrap(in->err, "sections.%s", ptv_section_name(s));
    rc = set_state(in, s, state);
    return !rc && cause ? read_cause(in, s, cause) : rc;
}

static bool section_find(ptv_section *out, const char *name, size_t len)
{
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        if (strlen(ptv_section_name((ptv_section)s)) == len && memcmp(ptv_section_name((ptv_section)s), name, len) == 0) {
            *out = (ptv_section)s;
            return true;
        }
    return false;
}

static ptv_code read_infos(reader *in, const ptv_json *object)
{
    if (ptv_json_kind_of(object) != PTV_JSON_OBJECT)
        return wrong_type(in, "sections", "an object", object);
    for (const ptv_json *item = ptv_json_first(object); item; item = ptv_json_next(item)) {
        const char *key = ptv_json_key(item), *words[PTV_SECTION_COUNT];
        ptv_section s;
        for (int i = 0; i < PTV_SECTION_COUNT; i++)
            words[i] = ptv_section_name((ptv_section)i);
        if (!section_find(&s, key, strlen(key)))
            return not_known(in, "sections: unknown key", key, words, COUNT(words));
        ptv_code rc = read_info(in, s, item);
        if (rc)
            return rc;
    }
    return PTV_OK;
}

static ptv_code unknown_name(const reader *in, const char *name)
{
    static const char *const in_section[] = { "failed", "not_asked", "not_needed", "unsupported", "cause", "retry_after_s" };
    const char *words[FIELDS + PTV_SECTION_COUNT + COUNT(top_keys) + COUNT(in_section)];
    const char *dot = strchr(name, '.');
    size_t count = 0;
    ptv_section section;
    for (size_t i = 0; dot && section_find(&section, name, (size_t)(dot - name)) && i < COUNT(in_section); i++)
        if (!(words[count++] = ptv_arena_printf(in->mem, "%s.%s", ptv_section_name(section), in_section[i])))
            return no_room(in);
    for (size_t i = 0; i < ptv_field_count; i++)
        words[count++] = ptv_fields[i].name;
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        words[count++] = ptv_section_name((ptv_section)s);
    for (size_t i = 0; i < COUNT(top_keys); i++)
        words[count++] = top_keys[i];
    return not_known(in, "unknown key", name, words, count);
}

/* A dotted name, written flat or nested: a field, or a section's state. */
static ptv_code read_named(reader *in, const char *name, const ptv_json *v)
{
    const ptv_field *f = ptv_field_find(name);
    const char *dot = strchr(name, '.');
    ptv_section s;
    ptv_state state;
    if (f)
        return read_field(in, f, v);
    if (dot && section_find(&s, name, (size_t)(dot - name)) && ptv_state_parse(&state, dot + 1))
        return read_short_state(in, s, state, v);
    if (section_find(&s, name, strlen(name)))
        return wrong_type(in, name, "an object", v);
    return unknown_name(in, name);
}

/* {"total_records": 3}, {"failed": "HTTP 503", "cause": "outage"} */
static ptv_code read_section(reader *in, ptv_section s, const ptv_json *object)
{
    const ptv_json *cause = NULL;
    ptv_code rc = PTV_OK;
    for (const ptv_json *item = ptv_json_first(object); item && !rc; item = ptv_json_next(item)) {
        const char *key = ptv_json_key(item);
        char name[NAME_ROOM];
        snprintf(name, sizeof name, "%s.%s", ptv_section_name(s), key);
        if (!strcmp(key, "cause"))
            cause = item;
        else if (!strcmp(key, "retry_after_s"))
            rc = read_int(in, name, &in->r->sections[s].retry_after_s, item);
        else
            rc = read_named(in, name, item);
    }
    return !rc && cause ? read_cause(in, s, cause) : rc;
}

static ptv_code read_top(reader *in, const char *key, const ptv_json *v)
{
    ptv_section s;
    if (!strcmp(key, "artifact") || !strcmp(key, "artifact_type"))
        return PTV_OK; /* read before the others */
    if (!strcmp(key, "fetched_at"))
        return read_time(in, key, &in->r->fetched_at, v);
    if (!strcmp(key, "sections"))
        return read_infos(in, v);
    if (!strcmp(key, "schema")) {
        if (ptv_text_equal(ptv_json_text(v), PTV_RECORD_SCHEMA))
            return PTV_OK;
        return ptv_fail(in->err, PTV_EINVAL, "schema: this version reads %s", PTV_RECORD_SCHEMA);
    }
    if (section_find(&s, key, strlen(key)) && ptv_json_kind_of(v) == PTV_JSON_OBJECT)
        return read_section(in, s, v);
    return read_named(in, key, v);
}

/* ----------------------------------------------------------------------------------------- finishing */

static bool is_given(const reader *in, const void *member)
{
    for (size_t i = 0; i < ptv_field_count; i++)
        if (ptv_fields[i].offset == (size_t)((const char *)member - (const char *)in->r))
            return (in->given >> i) & 1;
    return false;
}

/* What follows from the rows and names given, except where the record says otherwise. */
static ptv_code derive(reader *in)
{
    ptv_record *r = in->r, said = *r;
    if (in->rows) {
        r->truncated = 0;
        if (!ptv_record_derive_dns(r, in->mem, in->rows, in->row_count, PTV_NO_TIME, PTV_NO_TIME))
            return no_room(in);
        if (is_given(in, &r->pdns_count))
            r->pdns_count = said.pdns_count;
        if (is_given(in, &r->first_seen))
            r->first_seen = said.first_seen;
        if (is_given(in, &r->last_seen))
            r->last_seen = said.last_seen;
        if (is_given(in, &r->truncated))
            r->truncated = said.truncated;
    }
    if (r->subdomain_names.items && !is_given(in, &r->subdomain_count))
        r->subdomain_count = (int64_t)r->subdomain_names.count;
    return PTV_OK;
}

static ptv_code settle_states(reader *in)
{
    for (int i = 0; i < PTV_SECTION_COUNT; i++) {
        ptv_section s = (ptv_section)i;
        bool stated = in->with_state & PTV_BIT(s), has_field = in->with_field & PTV_BIT(s);
        if (!stated && has_field) {
            in->r->sections[s].state = PTV_STATE_OK;
        } else if (!stated) {
            in->r->sections[s].cause = PTV_CAUSE_RECORD;
            in->r->sections[s].reason = "not in the record";
        } else if (has_field != ptv_section_readable(in->r, s)) {
            return ptv_fail(in->err, PTV_EINVAL,
                            has_field ? "%s: is '%s' and has a value" : "%s: is '%s', but no field of it is there",
                            ptv_section_name(s), ptv_state_name(in->r->sections[s].state));
        }
    }
    return PTV_OK;
}

static ptv_code read_artifact(reader *in, const ptv_json *json)
{
    const ptv_json *type = ptv_json_find(json, "artifact_type");
    const char *text = ptv_json_text(ptv_json_find(json, "artifact"));
    if (!text)
        return ptv_fail(in->err, PTV_EINVAL, "no \"artifact\" in the record");
    if (ptv_json_kind_of(type) != PTV_JSON_NULL && !ptv_json_text(type))
        return wrong_type(in, "artifact_type", "a text", type);
    ptv_artifact *artifact = ptv_arena_alloc(in->mem, sizeof *artifact);
    ptv_record *record = ptv_arena_alloc(in->mem, sizeof *record);
    if (!artifact || !record)
        return no_room(in);
    if (ptv_artifact_parse(artifact, in->mem, text, strlen(text), ptv_json_text(type), in->err))
        return ptv_wrap(in->err, "artifact");
    ptv_record_init(record, artifact);
    in->r = record;
    return PTV_OK;
}

ptv_code ptv_record_read(ptv_record **out, ptv_arena *mem, const ptv_json *json, ptv_error *err)
{
    reader in = { .mem = mem, .err = err };
    ptv_code rc;
    if (ptv_json_kind_of(json) != PTV_JSON_OBJECT)
        return ptv_fail(err, PTV_EINVAL, "a record is an object, not %s", ptv_json_kind_name(ptv_json_kind_of(json)));
    rc = read_artifact(&in, json);
    if (!in.r)
        return rc;
    for (const ptv_json *item = ptv_json_first(json); item && !rc; item = ptv_json_next(item))
        rc = read_top(&in, ptv_json_key(item), item);
    if (!rc)
        rc = settle_states(&in);
    if (!rc)
        rc = derive(&in);
    if (!rc)
        *out = in.r;
    return rc;
}
