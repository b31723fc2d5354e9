/*
 * fetcher.h: what a fetcher is made of: for fetcher.c, which opens the sources and keeps what is known of the key, and
 * fetch.c, which asks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SOURCES_FETCHER_H
#define PTV_SOURCES_FETCHER_H
#include "sources/fetch.h"
#include "sources/registry.h"

struct ptv_ask; /* fetch.c's: one section on its way */

typedef struct ptv_key_state { /* what is known of the key of the network source */
    int64_t refused_until_ms, quota_until_ms;
    char refused[96], used_up[96];
} ptv_key_state;

typedef struct ptv_account_state { /* the last answer on the account */
    bool is_known;
    int64_t at_ms, quota_left, fetched_at;
    int8_t quota_exceeded;
    int http;
} ptv_account_state;

struct ptv_fetcher {
    const ptv_source_settings *s;
    const ptv_transport *net;
    ptv_local_source local[PTV_SOURCE_KINDS]; /* open ones have an answer() */
    ptv_route routes[PTV_SECTION_COUNT];
    struct ptv_ask *waiting; /* for another try */
    ptv_key_state key;
    ptv_account_state account;
    uint64_t jitter;
    /* The account asked beside the first call, for the quota alone. */
    int64_t account_due_ms;
    ptv_arena check_mem;
    ptv_artifact check_subject;
    ptv_record check_record;
    ptv_fetch check;
};

int64_t ptv_fetcher_now_ms(const ptv_fetcher *f);
int64_t ptv_fetcher_now_utc(const ptv_fetcher *f);
/* False: nothing may be asked with the key now, and why: state, cause, reason, retry_after_s. */
bool ptv_key_is_good(const ptv_fetcher *f, ptv_section_info *why);
void ptv_key_refused(ptv_fetcher *f, const char *source);
/* Until the time the service gave, else (< 0) until midnight UTC. Returns the seconds. */
int64_t ptv_key_used_up(ptv_fetcher *f, const char *source, int64_t retry_after_s);

#endif
