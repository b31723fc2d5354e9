/*
 * fetch.h: from a set of sections to answered sections: routes, retries with backoff and jitter, quota, key refusals.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SOURCES_FETCH_H
#define PTV_SOURCES_FETCH_H
#include "sources/source.h"

typedef struct ptv_fetcher ptv_fetcher; /* the open sources and what is known of the key; one a client */

/* `net` is borrowed. Errors: PTV_ESETTINGS (a route names an unknown source or one that is not configured; user, key or URL
 * missing while a route needs passivetotal), PTV_EIO, PTV_ENOMEM. */
ptv_code ptv_fetcher_new(ptv_fetcher **out, const ptv_source_settings *s, const ptv_transport *net, ptv_error *err);
void ptv_fetcher_free(ptv_fetcher *f);                    /* NULL is fine */
ptv_sections ptv_fetcher_supported(const ptv_fetcher *f); /* sections some configured source can fill */
ptv_sections ptv_fetcher_local(const ptv_fetcher *f);     /* sections whose route begins with a local source */
/* Quota or key used up: no network section can be asked now, nor within retry_within. `why` lives as long as f. */
bool ptv_fetcher_exhausted(const ptv_fetcher *f, const char **why);
int64_t ptv_fetcher_quota_left(const ptv_fetcher *f); /* by the last answer on the account; -1: not known */
/* Milliseconds until a retry is due; -1: none waits. Bounds the next poll. */
int ptv_fetcher_next_ms(const ptv_fetcher *f);
void ptv_fetcher_run(ptv_fetcher *f);                 /* start what is due */
void ptv_fetcher_seed(ptv_fetcher *f, uint64_t seed); /* of the jitter: the same seed, the same waits */

typedef struct ptv_fetch { /* one lookup's fetching; embed it, zero it */
    ptv_fetcher *fetcher;
    ptv_record *record;
    ptv_arena *mem;
    const char *name;          /* stands for the artifact in the log; NULL: itself. Lives with the record */
    bool local_only;           /* not routable: network sources are not asked */
    int64_t deadline_ms;       /* on the transport's clock; 0: none */
    ptv_sections pending;      /* asked, not answered yet */
    void (*done)(void *owner); /* called when pending becomes empty; possibly before ptv_fetch_ask() returns */
    void *owner;
    void *first_ask; /* fetch.c's */
} ptv_fetch;
/* Ask these sections, each by its route; every one ends ok, failed, not_asked (with cause) or unsupported. On an error
 * (PTV_ENOMEM, PTV_ETOOBIG: the arena) nothing is pending and done() is not called. */
ptv_code ptv_fetch_ask(ptv_fetch *f, ptv_sections sections, ptv_error *err);
/* Drop what is under way without calling done(); pending ones become not_asked, cause deadline, or stay failed where a try
 * had failed already. Needed before the arena of a fetch that is pending is released. */
void ptv_fetch_cancel(ptv_fetch *f);

#endif
