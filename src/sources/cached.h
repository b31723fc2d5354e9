/*
 * cached.h: answers kept from earlier, in the place of a call or of one that failed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SOURCES_CACHED_H
#define PTV_SOURCES_CACHED_H
#include "sources/fetcher.h"

/* Fill the section from an answer still within its time. false: there is none, and the section is as it was. */
bool ptv_cached_fresh(const ptv_fetcher *f, ptv_record *r, ptv_arena *mem, ptv_section section, const ptv_source_kind *kind);
/*
 * The section failed for a while (outage, quota, deadline): fill it from an answer beyond its time. It is stale then, and
 * its reason is why. A refused key and wrong settings are not covered up. false: there is none, the failure stays.
 */
bool ptv_cached_stale(const ptv_fetcher *f, ptv_record *r, ptv_arena *mem, ptv_section section, const ptv_source_kind *kind);
/* Keep a good answer. */
void ptv_cached_keep(const ptv_fetcher *f, const ptv_record *r, ptv_section section, const ptv_source_kind *kind,
                     const ptv_answer *answer);

#endif
