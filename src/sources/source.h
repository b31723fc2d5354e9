/*
 * source.h: one interface for everything that can fill a section: passivetotal (network), archive and lists (local).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SOURCES_SOURCE_H
#define PTV_SOURCES_SOURCE_H
#include "core/record.h"
#include "net/transport.h"

struct ptv_answer;

/*
 * Answers of network sources kept from earlier, lent by whoever has a store; `self` NULL: none. Only good ones are kept, as
 * they came, so that settings which change how they are read count at once. What goes wrong in there is the lender's to
 * tell.
 */
typedef struct ptv_section_cache {
    void *self;
    /* status, body (arena) and fetched_at. false: none is kept. */
    bool (*get)(void *self, struct ptv_answer *out, ptv_arena *mem, const char *source, const char *endpoint,
                const char *artifact);
    void (*put)(void *self, const struct ptv_answer *answer, const char *source, const char *endpoint, const char *artifact);
} ptv_section_cache;

/* What sources read from the settings; client.c fills it. Text borrowed for the life of the fetcher. */
typedef struct ptv_source_settings {
    const char *place;                              /* where settings come from, for messages: " in app.config"; NULL */
    const char *base_url, *path[PTV_SECTION_COUNT]; /* "/v2/actions/tags" */
    const char *community_url;
    const char *user, *key;
    bool query_in_body;
    bool not_found_is_empty; /* not_found = empty */
    int timezone_offset_s;   /* of times without a zone */
    const char **live_sources;
    size_t live_source_count; /* folded; {"pingly"} */
    long connect_timeout_ms, timeout_ms, retry_within_ms;
    size_t body_limit_bytes;
    const char *archive;                  /* folder or NDJSON file; NULL */
    const char *lists;                    /* folder, CSV or NDJSON file; NULL */
    const char *route[PTV_SECTION_COUNT]; /* "lists, passivetotal" | "lists + passivetotal"; NULL: the default route */
    long quota_check_every_s;             /* 0: the account is asked only when a rule uses it */
    bool keep_answers;
    ptv_section_cache cache;
    int64_t cache_s[PTV_SECTION_COUNT]; /* how long an answer stands for a call; 0: never */
    int64_t stale_s;                    /* how much longer it may stand in, as stale, while the source fails */
    int64_t (*clock_utc)(void);         /* for quota resets and archives; injected by tests */
} ptv_source_settings;

/* One answer from anywhere: a network response, or a saved one. */
typedef struct ptv_answer {
    int status;
    const char *body;
    size_t body_len;
    const char *content_type, *location;
    int64_t fetched_at, retry_after_s;
} ptv_answer;

/* passivetotal.c: pure. */
ptv_code ptv_passivetotal_request(ptv_request *out, ptv_arena *mem, const ptv_source_settings *s, ptv_section section,
                                  const ptv_artifact *a, ptv_error *err);
/*
 * The table "answer → meaning" of docs/record.md: fill the section's fields and state from an answer; always leaves the
 * section ok or failed with reason and cause. Returns PTV_OK, or the code of the failure (PTV_EKEY, PTV_EQUOTA, PTV_EHTTP,
 * PTV_ESHAPE, PTV_ENOMEM …) with err saying what the reason says. `retry` is set when asking again can help (5xx, cut or
 * invalid JSON).
 */
ptv_code ptv_passivetotal_read(ptv_record *r, ptv_arena *mem, const ptv_source_settings *s, ptv_section section,
                               const ptv_answer *answer, bool *retry, ptv_error *err);
/* The report page for people; NULL without a community_url. */
ptv_code ptv_passivetotal_link(const char **out, ptv_arena *mem, const ptv_source_settings *s, const ptv_artifact *a,
                               ptv_error *err);
/* The endpoint's name in archives: "tags" → "/v2/actions/tags" whatever the configured path. */
const char *ptv_passivetotal_endpoint(ptv_section section);
bool ptv_passivetotal_section_of(ptv_section *out, const char *endpoint);

/* A local source answers at once. PTV_ENOENTRY: nothing on this artifact; any other failure: section left failed. */
typedef struct ptv_local_source {
    const char *name;
    ptv_sections fills;
    ptv_sections denies; /* where the route holds nothing else, "no entry" means "none": its owner keeps the whole list */
    void *self;
    ptv_code (*answer)(void *self, ptv_record *r, ptv_arena *mem, ptv_section section, ptv_error *err);
    void (*free)(void *self);
} ptv_local_source;
/* What the setting of a local source names is a file or a folder. PTV_ESETTINGS says which setting, and what is wrong. */
ptv_code ptv_source_there(const char *setting, const char *path, ptv_error *err);
ptv_code ptv_archive_open(ptv_local_source *out, const ptv_source_settings *s, ptv_error *err);
ptv_code ptv_lists_open(ptv_local_source *out, const ptv_source_settings *s, ptv_error *err);

/* Saved answers as one record (eval, diff, tests): lines of one artifact. PTV_EINVAL names line and what is wrong. */
bool ptv_archive_is_answer(const ptv_json *line); /* has endpoint, query and status */
ptv_code ptv_archive_record(ptv_record **out, ptv_arena *mem, const ptv_source_settings *s, const char *lines, size_t len,
                            ptv_error *err);
/* One saved answer as a line of an archive, from a section's kept raw body. */
void ptv_archive_write(ptv_buf *out, const ptv_record *r, ptv_section section);

#endif
