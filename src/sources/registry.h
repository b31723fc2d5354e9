/*
 * registry.h: the sources that exist, and the routes by which a section is asked of them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SOURCES_REGISTRY_H
#define PTV_SOURCES_REGISTRY_H
#include "sources/source.h"

/* A kind of source: local ones have open(), network ones request() and read(). */
typedef struct ptv_source_kind {
    const char *name;
    /* The first setting that it lacks ("[fn_passivetotal] passivetotal_username"); NULL: it is configured. */
    const char *(*missing)(const ptv_source_settings *s);
    bool (*begun)(const ptv_source_settings *s); /* some of its own settings are there, so a missing one is a slip */
    ptv_sections fills;                          /* at most; a local source may fill less once it is open */
    ptv_code (*open)(ptv_local_source *out, const ptv_source_settings *s, ptv_error *err);
    ptv_code (*request)(ptv_request *out, ptv_arena *mem, const ptv_source_settings *s, ptv_section section,
                        const ptv_artifact *a, ptv_error *err);
    ptv_code (*read)(ptv_record *r, ptv_arena *mem, const ptv_source_settings *s, ptv_section section,
                     const ptv_answer *answer, bool *retry, ptv_error *err);
} ptv_source_kind;

#define PTV_SOURCE_KINDS 3
/* In the order of the default route: local and cheap first. */
extern const ptv_source_kind ptv_source_kinds[PTV_SOURCE_KINDS];

typedef struct ptv_route_step {
    size_t kind; /* index of ptv_source_kinds */
    bool joined; /* '+': with the step before; else asked where the steps before have no entry or failed */
} ptv_route_step;

typedef struct ptv_route {
    ptv_route_step steps[PTV_SOURCE_KINDS]; /* a source stands in a route once */
    size_t count;
} ptv_route;

/* "lists, passivetotal", "lists + passivetotal". PTV_ESETTINGS: unknown source (with did-you-mean), named twice, cannot
 * fill. */
ptv_code ptv_route_parse(ptv_route *out, const char *text, ptv_section section, ptv_error *err);

/*
 * The sections that the sources of these settings can give, told without opening any: a list may hold nothing for a section
 * today, and that is no reason to refuse rules. Nothing configured yet: every section. PTV_ESETTINGS: a route is wrong.
 */
ptv_code ptv_sources_supported(ptv_sections *out, const ptv_source_settings *s, ptv_error *err);

#endif
