/*
 * record.h: what is known about one artifact, in one shape whatever the source. A record is a set of sections, each with a
 * state; the fields of a section hold only when its state is PTV_STATE_OK or PTV_STATE_STALE.
 *
 * Absent is NULL (text, sets with items NULL), -1 (numbers, yes/no), PTV_NO_TIME (times). Never 0, never "".
 * Everything a record points at lives in the arena it was built with.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CORE_RECORD_H
#define PTV_CORE_RECORD_H
#include "base/arena.h"
#include "base/digest.h"
#include "base/json.h"
#include "core/artifact.h"

typedef enum ptv_state {
    PTV_STATE_NOT_ASKED, /* wanted, but not asked (or not yet): reason says why */
    PTV_STATE_OK,
    PTV_STATE_STALE,      /* from a cache beyond its time: read as ok, flagged */
    PTV_STATE_FAILED,     /* asked; reason kept */
    PTV_STATE_NOT_NEEDED, /* no live rule could still use it */
    PTV_STATE_UNSUPPORTED /* no configured source can know it */
} ptv_state;
const char *ptv_state_name(ptv_state s); /* "ok" "failed" "not_asked" "not_needed" "unsupported" "stale" */
bool ptv_state_parse(ptv_state *out, const char *name);

/* What would mend a section that was not read: decides unknown_kind. */
typedef enum ptv_cause {
    PTV_CAUSE_NONE,
    PTV_CAUSE_OUTAGE,   /* 5xx, transport, time-out, bad body: later */
    PTV_CAUSE_QUOTA,    /* later; retry_after when known */
    PTV_CAUSE_DEADLINE, /* later */
    PTV_CAUSE_KEY,      /* 401, 402, 403: fix */
    PTV_CAUSE_SETTINGS, /* 400, 404, 407, redirect, no source: fix */
    PTV_CAUSE_RECORD    /* eval: not in the record: fix */
} ptv_cause;
const char *ptv_cause_name(ptv_cause c);
bool ptv_cause_parse(ptv_cause *out, const char *name);
bool ptv_cause_is_later(ptv_cause c);

typedef struct ptv_section_info {
    ptv_state state;
    ptv_cause cause;
    const char *reason;    /* "HTTP 503: service unavailable"; NULL when ok */
    const char *source;    /* "passivetotal"; NULL when none was asked */
    int http;              /* status, 0 when none */
    int64_t fetched_at;    /* seconds UTC or PTV_NO_TIME */
    int64_t retry_after_s; /* -1 unknown */
    int64_t age_s;         /* 0 for a fresh answer */
    unsigned calls;        /* requests sent, retries included */
    const char *raw;       /* the body as answered, NUL-terminated; NULL unless kept */
    size_t raw_len;
    const char *warnings; /* "passive_dns.records[3].first_seen: no date: '0000-…'", one a line; NULL none */
} ptv_section_info;

typedef struct ptv_set {
    const char **items; /* folded, sorted by bytes, unique; NULL: absent; non-NULL with count 0: answered, none */
    size_t count;
    const char **shown; /* as sent, in order; duplicates kept */
    size_t shown_count;
} ptv_set;

typedef struct ptv_dns {
    const char *value, *type, *resolve; /* type upper case */
    int64_t first_seen, last_seen, collected;
    ptv_set sources;
    bool live; /* every source it has is a live look-up */
} ptv_dns;

#define PTV_TIME_FIRST INT64_C(-62135596800) /* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: all that a record holds */
#define PTV_TIME_LAST  INT64_C(253402300799)
#define PTV_DNS_KEPT   10000 /* rows of a record: the newest */
typedef struct ptv_dns_list {
    const ptv_dns **rows; /* NULL: absent */
    size_t count;
} ptv_dns_list;

typedef enum ptv_type { PTV_WORD, PTV_ENUM, PTV_URI, PTV_NUMBER, PTV_YESNO, PTV_TIME, PTV_SET, PTV_RECORDS } ptv_type;
const char *ptv_type_name(ptv_type t); /* "word" "enum" "uri" "number" "yes/no" "time" "set" "records" */

typedef const char *ptv_c_WORD;
typedef const char *ptv_c_ENUM; /* one of the field's words: pointers of the table, compare with strcmp */
typedef const char *ptv_c_URI;
typedef int64_t ptv_c_NUMBER;
typedef int8_t ptv_c_YESNO; /* 1 yes, 0 no, -1 absent */
typedef int64_t ptv_c_TIME;
typedef ptv_set ptv_c_SET;
typedef ptv_dns_list ptv_c_RECORDS;

typedef struct ptv_record {
    const ptv_artifact *subject; /* borrowed from the same arena */
    ptv_section_info sections[PTV_SECTION_COUNT];
    int64_t fetched_at; /* of the whole record: latest section, or as recorded */
#define FIELD(section, type, member, name, values, doc) ptv_c_##type member;
#include "core/record_fields.def"
#undef FIELD
    char digest[PTV_DIGEST_HEX]; /* taken once, by ptv_record_seal() */
} ptv_record;

typedef struct ptv_field {
    const char *name; /* "passive_dns.count" */
    ptv_section section;
    ptv_type type;
    size_t offset;             /* in ptv_record */
    const char *const *values; /* ENUM: NULL-terminated words */
    const char *doc;
} ptv_field;
extern const ptv_field ptv_fields[];
extern const size_t ptv_field_count;
const ptv_field *ptv_field_find(const char *name); /* NULL: no such field */

typedef struct ptv_column {
    const char *name;
    ptv_type type; /* WORD, TIME or SET */
    size_t offset; /* in ptv_dns */
    const char *doc;
} ptv_column;
extern const ptv_column ptv_columns[];
extern const size_t ptv_column_count;
const ptv_column *ptv_column_find(const char *name);

extern const char *const ptv_classification_names[]; /* malicious suspicious non-malicious unknown unclassified NULL */
/* "" or NULL → unclassified; "non_malicious", "benign" → non-malicious; any case; NULL: not one of them. */
const char *ptv_classification_parse(const char *text);

/* Every field absent, every section not_asked. */
void ptv_record_init(ptv_record *r, const ptv_artifact *subject);
/* Typed reads through the table. */
#define PTV_FIELD_AT(record, field, type) ((const ptv_c_##type *)(const void *)((const char *)(record) + (field)->offset))
bool ptv_section_readable(const ptv_record *r, ptv_section s); /* ok, stale or PTV_ALWAYS */
bool ptv_field_absent(const ptv_record *r, const ptv_field *f);
/* Make a set from texts as sent: folds, sorts, drops doubles and empties. false: arena full. */
bool ptv_set_build(ptv_set *out, ptv_arena *mem, const char *const *shown, size_t count);
bool ptv_set_has(const ptv_set *s, const char *folded);
/* A record type in upper case: arena, or static for those that most rows have, so that rows share them. NULL: arena full. */
const char *ptv_dns_type(ptv_arena *mem, const char *text);
/* Derive records, count, first_seen, last_seen, truncated from all_records (rows in `rows`, live flags set) and the
 * top-level values, by the traps of docs/record.md. Keeps at most 10,000 newest rows. false: arena full. */
bool ptv_record_derive_dns(ptv_record *r, ptv_arena *mem, const ptv_dns **rows, size_t count, int64_t top_first,
                           int64_t top_last);
/* all_records and records from at most PTV_DNS_KEPT rows whose live flags are set. false: arena full. */
bool ptv_record_set_rows(ptv_record *r, ptv_arena *mem, const ptv_dns **rows, size_t count);
/* Take the digest over artifact, section states, causes and fields (not ages, calls, times of fetching). `scratch` reused.
 */
void ptv_record_seal(ptv_record *r, ptv_digest *scratch);

/* Section set to failed / not asked with a reason; `reason` is copied into the arena. */
void ptv_section_fail(ptv_record *r, ptv_arena *mem, ptv_section s, ptv_state state, ptv_cause cause, const char *reason);

#endif
