/*
 * record.c: the field and column tables, sets, what is derived from passive DNS rows, and the record's digest.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/record.h"
#include "base/text.h"
#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* ------------------------------------------------------------------------------------------- tables */

const char *const ptv_classification_names[] = {
    "malicious", "suspicious", "non-malicious", "unknown", "unclassified", NULL
};

#define FIELD(section, type, member, name, values, doc)                                                                     \
    { name, PTV_##section, PTV_##type, offsetof(ptv_record, member), values, doc },
const ptv_field ptv_fields[] = {
#include "core/record_fields.def"
};
#undef FIELD
const size_t ptv_field_count = COUNT(ptv_fields);

#define COLUMN(type, member, name, doc) { name, PTV_##type, offsetof(ptv_dns, member), doc },
const ptv_column ptv_columns[] = {
#include "core/record_fields.def"
};
#undef COLUMN
const size_t ptv_column_count = COUNT(ptv_columns);

const ptv_field *ptv_field_find(const char *name)
{
    for (size_t i = 0; i < ptv_field_count; i++)
        if (strcmp(ptv_fields[i].name, name) == 0)
            return &ptv_fields[i];
    return NULL;
}

const ptv_column *ptv_column_find(const char *name)
{
    for (size_t i = 0; i < ptv_column_count; i++)
        if (*ptv_columns[i].name == *name && strcmp(ptv_columns[i].name, name) == 0)
            return &ptv_columns[i];
    return NULL;
}

const char *ptv_type_name(ptv_type t)
{
    static const char *const names[] = {
        [PTV_WORD] = "word",    [PTV_ENUM] = "enum", [PTV_URI] = "uri", [PTV_NUMBER] = "number",
        [PTV_YESNO] = "yes/no", [PTV_TIME] = "time", [PTV_SET] = "set", [PTV_RECORDS] = "records",
    };
    return (size_t)t < COUNT(names) ? names[t] : "?";
}

static const char *const state_names[] = {
    [PTV_STATE_NOT_ASKED] = "not_asked",   [PTV_STATE_OK] = "ok",
    [PTV_STATE_STALE] = "stale",           [PTV_STATE_FAILED] = "failed",
    [PTV_STATE_NOT_NEEDED] = "not_needed", [PTV_STATE_UNSUPPORTED] = "unsupported",
};
static const char *const cause_names[] = {
    [PTV_CAUSE_NONE] = "none",         [PTV_CAUSE_OUTAGE] = "outage", [PTV_CAUSE_QUOTA] = "quota",
    [PTV_CAUSE_DEADLINE] = "deadline", [PTV_CAUSE_KEY] = "key",       [PTV_CAUSE_SETTINGS] = "settings",
    [PTV_CAUSE_RECORD] = "record",
};

static int word_index(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return -1;
}

const char *ptv_state_name(ptv_state s)
{
    return (size_t)s < COUNT(state_names) ? state_names[s] : "?";
}

bool ptv_state_parse(ptv_state *out, const char *name)
{
    int found = word_index(state_names, COUNT(state_names), name);
    if (found >= 0)
        *out = (ptv_state)found;
    return found >= 0;
}

const char *ptv_cause_name(ptv_cause c)
{
    return (size_t)c < COUNT(cause_names) ? cause_names[c] : "?";
}

bool ptv_cause_parse(ptv_cause *out, const char *name)
{
    int found = word_index(cause_names, COUNT(cause_names), name);
    if (found >= 0)
        *out = (ptv_cause)found;
    return found >= 0;
}

bool ptv_cause_is_later(ptv_cause c)
{
    return c == PTV_CAUSE_OUTAGE || c == PTV_CAUSE_QUOTA || c == PTV_CAUSE_DEADLINE;
}

const char *ptv_classification_parse(const char *text)
{
    enum { NON_MALICIOUS = 2, UNCLASSIFIED = 4 };
    static const struct {
        const char *word;
        int index;
    } spellings[] = {
        { "malicious", 0 },
        { "suspicious", 1 },
        { "non-malicious", NON_MALICIOUS },
        { "non_malicious", NON_MALICIOUS },
        { "unknown", 3 },
        { "unclassified", UNCLASSIFIED },
        { "benign", NON_MALICIOUS },
    };
    size_t len = text ? strlen(text) : 0;
    ptv_text_trim(&text, &len);
    if (len == 0)
        return ptv_classification_names[UNCLASSIFIED];
    for (size_t i = 0; i < COUNT(spellings); i++)
        if (strlen(spellings[i].word) == len && strncasecmp(text, spellings[i].word, len) == 0)
            return ptv_classification_names[spellings[i].index];
    return NULL;
}

/* ------------------------------------------------------------------------------------------- fields */

static void *member_of(ptv_record *r, const ptv_field *f)
{
    return (char *)r + f->offset;
}

void ptv_record_init(ptv_record *r, const ptv_artifact *subject)
{
    memset(r, 0, sizeof *r);
    r->subject = subject;
    r->fetched_at = PTV_NO_TIME;
    for (size_t i = 0; i < PTV_SECTION_COUNT; i++)
        r->sections[i] = (ptv_section_info){ .fetched_at = PTV_NO_TIME, .retry_after_s = -1 };
    for (size_t i = 0; i < ptv_field_count; i++) {
        const ptv_field *f = &ptv_fields[i];
        if (f->type == PTV_NUMBER)
            *(ptv_c_NUMBER *)member_of(r, f) = -1;
        else if (f->type == PTV_YESNO)
            *(ptv_c_YESNO *)member_of(r, f) = -1;
        else if (f->type == PTV_TIME)
            *(ptv_c_TIME *)member_of(r, f) = PTV_NO_TIME;
    }
    r->artifact = subject->value;
    r->artifact_type = ptv_artifact_type_names[subject->type];
}

bool ptv_section_readable(const ptv_record *r, ptv_section s)
{
    return s == PTV_ALWAYS || r->sections[s].state == PTV_STATE_OK || r->sections[s].state == PTV_STATE_STALE;
}

bool ptv_field_absent(const ptv_record *r, const ptv_field *f)
{
    switch (f->type) {
    case PTV_WORD:
    case PTV_ENUM:
    case PTV_URI:
        return *PTV_FIELD_AT(r, f, WORD) == NULL;
    case PTV_NUMBER:
        return *PTV_FIELD_AT(r, f, NUMBER) < 0;
    case PTV_YESNO:
        return *PTV_FIELD_AT(r, f, YESNO) < 0;
    case PTV_TIME:
        return *PTV_FIELD_AT(r, f, TIME) == PTV_NO_TIME;
    case PTV_SET:
        return PTV_FIELD_AT(r, f, SET)->items == NULL;
    case PTV_RECORDS:
        return PTV_FIELD_AT(r, f, RECORDS)->rows == NULL;
    }
    return true;
}

void ptv_section_fail(ptv_record *r, ptv_arena *mem, ptv_section s, ptv_state state, ptv_cause cause, const char *reason)
{
    const char *kept = ptv_arena_strdup(mem, reason);
    r->sections[s].state = state;
    r->sections[s].cause = cause;
    r->sections[s].reason = kept || !reason ? kept : "no memory to say why";
}

/* --------------------------------------------------------------------------------------------- sets */

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool ptv_set_build(ptv_set *out, ptv_arena *mem, const char *const *shown, size_t count)
{
    size_t kept = 0, unique = 0;
    const char **items = ptv_arena_calloc(mem, count + 1, sizeof *items);
    const char **as_sent = ptv_arena_calloc(mem, count + 1, sizeof *as_sent);
    if (!items || !as_sent)
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *folded = shown[i] ? ptv_text_fold(mem, shown[i], strlen(shown[i])) : "";
        if (!folded)
            return false;
        if (*folded == '\0')
            continue;
        as_sent[kept] = strcmp(folded, shown[i]) == 0 ? folded : ptv_arena_strdup(mem, shown[i]);
        if (!as_sent[kept])
            return false;
        items[kept++] = folded;
    }
    if (kept > 1)
        qsort(items, kept, sizeof *items, by_bytes);
    for (size_t i = 0; i < kept; i++)
        if (unique == 0 || strcmp(items[unique - 1], items[i]) != 0)
            items[unique++] = items[i];
    *out = (ptv_set){ items, unique, as_sent, kept };
    return true;
}

bool ptv_set_has(const ptv_set *s, const char *folded)
{
    return s->count > 0 && bsearch(&folded, s->items, s->count, sizeof *s->items, by_bytes) != NULL;
}

/* -------------------------------------------------------------------------------------- passive DNS */

typedef struct aged_row {
    const ptv_dns *row;
    size_t index;
} aged_row;

/* A total order: the same rows are kept on every machine. PTV_NO_TIME is the smallest time. */
static int newest_first(const void *a, const void *b)
{
    const aged_row *x = a, *y = b;
    if (x->row->last_seen != y->row->last_seen)
        return x->row->last_seen > y->row->last_seen ? -1 : 1;
    if (x->row->first_seen != y->row->first_seen)
        return x->row->first_seen > y->row->first_seen ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static int by_index(const void *a, const void *b)
{
    return ((const aged_row *)a)->index < ((const aged_row *)b)->index ? -1 : 1;
}

/* The PTV_DNS_KEPT newest rows, in the order they came in. NULL: arena full. */
static const ptv_dns **keep_newest(ptv_arena *mem, const ptv_dns **rows, size_t count)
{
    aged_row *aged = ptv_arena_calloc(mem, count, sizeof *aged);
    const ptv_dns **kept = ptv_arena_calloc(mem, PTV_DNS_KEPT, sizeof(const ptv_dns *));
    if (!aged || !kept)
        return NULL;
    for (size_t i = 0; i < count; i++)
        aged[i] = (aged_row){ rows[i], i };
    qsort(aged, count, sizeof *aged, newest_first);
    qsort(aged, PTV_DNS_KEPT, sizeof *aged, by_index);
    for (size_t i = 0; i < PTV_DNS_KEPT; i++)
        kept[i] = aged[i].row;
    return kept;
}

const char *ptv_dns_type(ptv_arena *mem, const char *text)
{
    static const char *const known[] = { "A", "AAAA", "CNAME", "MX", "NS", "SOA", "TXT", "PTR", "SRV", "CAA", "DS", "SPF" };
    for (size_t i = 0; i < COUNT(known); i++)
        if (!((*known[i] ^ *text) & ~0x20) && strcasecmp(known[i], text) == 0)
            return known[i];
    char *type = ptv_arena_strdup(mem, text);
    for (char *c = type; c && *c; c++)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
    return type;
}

bool ptv_record_set_rows(ptv_record *r, ptv_arena *mem, const ptv_dns **rows, size_t count)
{
    size_t live = 0, passive = 0;
    for (size_t i = 0; i < count; i++)
        live += rows[i]->live;
    r->all_records = (ptv_dns_list){ rows, count };
    if (live == 0) { /* the common case needs no second list */
        r->records = r->all_records;
        return true;
    }
    const ptv_dns **kept = ptv_arena_calloc(mem, count - live + 1, sizeof(const ptv_dns *));
    if (!kept)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!rows[i]->live)
            kept[passive++] = rows[i];
    r->records = (ptv_dns_list){ kept, passive };
    return true;
}

bool ptv_record_derive_dns(ptv_record *r, ptv_arena *mem, const ptv_dns **rows, size_t count, int64_t top_first,
                           int64_t top_last)
{
    size_t sent = count;
    int64_t first = PTV_NO_TIME, last = PTV_NO_TIME, passive = 0;
    for (size_t i = 0; i < count; i++) {
        if (rows[i]->live)
            continue;
        passive++;
        if (rows[i]->first_seen != PTV_NO_TIME && (first == PTV_NO_TIME || rows[i]->first_seen < first))
            first = rows[i]->first_seen;
        if (rows[i]->last_seen > last)
            last = rows[i]->last_seen;
    }
    /* Dates at the top are the source's own summary, live look-ups included: good only where it counts records but sends
     * none. */
    if (sent == 0 && r->total_records > 0) {
        first = top_first;
        last = top_last;
    }
    if (count > PTV_DNS_KEPT) {
        rows = keep_newest(mem, rows, count);
        count = PTV_DNS_KEPT;
    } else if (count == 0) {
        rows = ptv_arena_calloc(mem, 1, sizeof(const ptv_dns *)); /* not NULL: answered, none */
    }
    if (!rows || !ptv_record_set_rows(r, mem, rows, count))
        return false;
    r->pdns_count = passive;
    r->first_seen = first;
    r->last_seen = last;
    r->truncated = r->truncated == 1 || sent > PTV_DNS_KEPT || r->total_records > (int64_t)sent;
    return true;
}

/* ------------------------------------------------------------------------------------------- digest */

/*
 * What is digested, in bytes that can be read in one way only: texts with their NUL, numbers in eight bytes, each field
 * behind its name, absent ones left out, and a row as what differs from the row before. Hashing is most of the cost of
 * reading a compact record, and rows repeat each other.
 */
typedef struct sink {
    ptv_digest *digest;
    size_t len;
    unsigned char bytes[4096];
} sink;

static void put_bytes(sink *s, const void *bytes, size_t len)
{
    if (len > sizeof s->bytes - s->len) {
        ptv_digest_add(s->digest, s->bytes, s->len);
        s->len = 0;
    }
    if (len > sizeof s->bytes) {
        ptv_digest_add(s->digest, bytes, len);
        return;
    }
    memcpy(s->bytes + s->len, bytes, len);
    s->len += len;
}

/* No UTF-8 text is "\xff". */
static void put_text(sink *s, const char *text)
{
    if (!text)
        text = "\xff";
    put_bytes(s, text, strlen(text) + 1);
}

static void put_int(sink *s, int64_t value)
{
    uint64_t bytes = htole64((uint64_t)value); /* low byte first on every machine */
    put_bytes(s, &bytes, sizeof bytes);
}

static void put_set(sink *s, const ptv_set *set)
{
    put_int(s, set->items ? (int64_t)set->shown_count : -1);
    for (size_t i = 0; i < set->shown_count; i++)
        put_text(s, set->shown[i]);
}

static bool same_set(const ptv_set *a, const ptv_set *b)
{
    if (!a->items || !b->items || a->shown_count != b->shown_count)
        return !a->items && !b->items;
    if (a->shown == b->shown)
        return true;
    for (size_t i = 0; i < a->shown_count; i++)
        if (strcmp(a->shown[i], b->shown[i]) != 0)
            return false;
    return true;
}

static void put_row(sink *s, const ptv_dns *row, const ptv_dns *before)
{
    enum { LIVE = 1, VALUE = 2, TYPE = 4, RESOLVE = 8, FIRST = 16, LAST = 32, COLLECTED = 64, SOURCES = 128 };
    unsigned char differs = row->live ? LIVE : 0;
    differs |= ptv_text_equal(row->value, before->value) ? 0 : VALUE;
    differs |= ptv_text_equal(row->type, before->type) ? 0 : TYPE;
    differs |= ptv_text_equal(row->resolve, before->resolve) ? 0 : RESOLVE;
    differs |= row->first_seen == before->first_seen ? 0 : FIRST;
    differs |= row->last_seen == before->last_seen ? 0 : LAST;
    differs |= row->collected == before->collected ? 0 : COLLECTED;
    differs |= same_set(&row->sources, &before->sources) ? 0 : SOURCES;
    put_bytes(s, &differs, 1);
    if (differs & VALUE)
        put_text(s, row->value);
    if (differs & TYPE)
        put_text(s, row->type);
    if (differs & RESOLVE)
        put_text(s, row->resolve);
    if (differs & FIRST)
        put_int(s, row->first_seen);
    if (differs & LAST)
        put_int(s, row->last_seen);
    if (differs & COLLECTED)
        put_int(s, row->collected);
    if (differs & SOURCES)
        put_set(s, &row->sources);
}

static void put_field(sink *s, const ptv_record *r, const ptv_field *f)
{
    static const ptv_dns nothing = { .first_seen = PTV_NO_TIME, .last_seen = PTV_NO_TIME, .collected = PTV_NO_TIME };
    const ptv_dns *before = &nothing;
    put_text(s, f->name);
    switch (f->type) {
    case PTV_WORD:
    case PTV_ENUM:
    case PTV_URI:
        put_text(s, *PTV_FIELD_AT(r, f, WORD));
        break;
    case PTV_NUMBER:
        put_int(s, *PTV_FIELD_AT(r, f, NUMBER));
        break;
    case PTV_TIME:
        put_int(s, *PTV_FIELD_AT(r, f, TIME));
        break;
    case PTV_YESNO:
        put_int(s, *PTV_FIELD_AT(r, f, YESNO));
        break;
    case PTV_SET:
        put_set(s, PTV_FIELD_AT(r, f, SET));
        break;
    case PTV_RECORDS: {
        const ptv_dns_list *list = PTV_FIELD_AT(r, f, RECORDS);
        put_int(s, (int64_t)list->count);
        for (size_t i = 0; i < list->count; before = list->rows[i++])
            put_row(s, list->rows[i], before);
        break;
    }
    }
}

void ptv_record_seal(ptv_record *r, ptv_digest *scratch)
{
    sink s;
    s.digest = scratch;
    s.len = 0;
    ptv_digest_begin(scratch);
    put_text(&s, "ptverdict.record/1");
    for (size_t i = 0; i < PTV_SECTION_COUNT; i++) {
        /* Why it was not read; what was read has no cause, whatever a record says that somebody wrote. */
        ptv_cause cause = ptv_section_readable(r, (ptv_section)i) ? PTV_CAUSE_NONE : r->sections[i].cause;
        unsigned char info[2] = { (unsigned char)r->sections[i].state, (unsigned char)cause };
        put_bytes(&s, info, sizeof info);
    }
    for (size_t i = 0; i < ptv_field_count; i++) {
        const ptv_field *f = &ptv_fields[i];
        /* `now` is the time of judging, `records` a part of `all_records`. */
        if (f->offset != offsetof(ptv_record, now) && f->offset != offsetof(ptv_record, records) &&
            ptv_section_readable(r, f->section) && !ptv_field_absent(r, f))
            put_field(&s, r, f);
    }
    ptv_digest_add(scratch, s.bytes, s.len);
    ptv_digest_end(scratch, r->digest);
}
