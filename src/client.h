/*
 * client.h: what stands behind the public header: client, lookup, report. Only the .c files beside it include this.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLIENT_H
#define PTV_CLIENT_H
#include "base/clock.h"
#include "config/config.h"
#include "core/record_json.h"
#include "net/http.h"
#include "report/report.h"
#include "rules/rules.h"
#include "sources/fetch.h"

/* Everything one answer is made of; reports of the same fetch share it. */
typedef struct ptv_answered {
    unsigned references;
    ptv_arena mem;
    ptv_artifact artifact;
    ptv_record *record;
    ptv_decision decision;
    bool judged;
    ptv_buf text;       /* scratch of whoever writes the report; its memory serves the next */
    ptv_ruleset *rules; /* what the decision borrows from; NULL when not judged */
} ptv_answered;

ptv_answered *ptv_answered_new(size_t limit_bytes, ptv_error *err);
void ptv_answered_unref(ptv_answered *a); /* NULL is fine */
/* Let go of one that was eval's: as unref, but the client may keep its memory for the next. */
void ptv_answered_recycle(ptv_client *c, ptv_answered *a);

struct ptv_report {
    ptv_answered *answered;
    const char *input; /* as this caller gave it; lives with `answered` */
    int64_t elapsed_ms;
    ptv_soar_options soar;
    bool fetched_for_another; /* asked for while the same artifact was under way: its calls are the other's */
    void *tag;                /* of ptv_submit() */
    struct ptv_report *next;  /* in the client's finished queue */
};

typedef struct ptv_lookup_job ptv_lookup_job; /* lookup.c: one artifact on its way */

/* What a client's rules have been through. Digests are "" where there is none. */
typedef struct ptv_rules_life {
    char tried[PTV_DIGEST_HEX];   /* the files that were loaded or refused last */
    char on_disk[PTV_DIGEST_HEX]; /* the files when they were looked at last */
    uint64_t print;               /* of their names, sizes and times: nothing to read while it is the same */
    int64_t since_ms, said_ms;    /* on_disk is what it is; what is wrong was last said */
    char refused[512], unreadable[512];
    bool last_good;
} ptv_rules_life;

struct ptv_client {
    ptv_client_options options; /* its rules: our copies */
    ptv_arena mem;              /* copies of settings */
    ptv_source_settings sources;
    ptv_soar_options soar;
    ptv_judge how;
    bool fast, shadow_fetch, lookup_private, allow_reserved;
    int64_t deadline_ms;
    size_t max_in_flight;

    ptv_ruleset *rules; /* NULL with without_rules */
    ptv_transport net;  /* free NULL: offline */
    ptv_fetcher *fetcher;
    ptv_rules_life life;
    struct ptv_store *store; /* NULL: nothing is kept */
    ptv_digest *digest;
    ptv_arena scratch;   /* JSON trees of eval */
    ptv_answered *spare; /* emptied, its memory kept for the next eval; NULL */

    ptv_lookup_job *jobs; /* under way */
    size_t job_count;
    ptv_report *finished, **finished_tail;
    volatile bool woken;
    struct pollfd also; /* of ptv_watch(); fd -1: none */
};

/* A record that is already there, in any of its forms: normalised, short, compact, or the saved answers of one artifact.
 * JSON trees go into `scratch`, which is reset. */
ptv_code ptv_record_of_text(ptv_record **out, ptv_arena *mem, ptv_arena *scratch, const ptv_source_settings *sources,
                            const char *text, size_t len, ptv_error *err);

/* A report over `answered` (one more reference), queued nowhere. NULL: no memory. */
ptv_report *ptv_report_new(ptv_client *c, ptv_answered *answered, const char *input, int64_t elapsed_ms);
void ptv_lookup_drop_all(ptv_client *c);
/* Seal the record and, where there are rules, judge it. */
ptv_code ptv_answered_judge(ptv_answered *a, ptv_client *c, ptv_ruleset *rules, const ptv_judge *how, ptv_error *err);
/* How judging and looking up are set. */
void ptv_client_set_how(ptv_client *c, const ptv_config *config);
/* reload.c: the rules of a new client. */
ptv_code ptv_client_load(ptv_client *c, const ptv_config *config, ptv_findings *findings, ptv_error *err);

/* state.c: the folder of the setting `state`, lent to the sources; after the rules are loaded. PTV_ENOMEM only. */
ptv_code ptv_state_open(ptv_client *c, const ptv_config *config, ptv_error *err);
/* Keep the rules just loaded, and what they were set to, for those who ask later. PTV_ENOMEM only. */
ptv_code ptv_state_keep_rules(ptv_client *c, const ptv_config *config, ptv_error *err);
#define PTV_LOG_SCHEMA "ptverdict.log/1"

/* This machine and this moment, for the metrics of a SOAR result; options->host points at `host`. */
void ptv_soar_here(ptv_soar_options *options, char *host, size_t room);
/* Give what a buffer holds to the caller's writer, and release it. Errors: PTV_EIO, the buffer's own. */
ptv_code ptv_hand_over(ptv_buf *b, ptv_write_fn *write, void *to, ptv_error *err);

/* settings.c: the configuration, translated for each stage. All text is copied into `mem` or borrowed from `config`. */
ptv_code ptv_settings_sources(ptv_source_settings *out, ptv_arena *mem, const ptv_config *config, bool keep_answers,
                              ptv_error *err);
ptv_code ptv_settings_http(ptv_http_options *out, ptv_arena *mem, const ptv_config *config, ptv_error *err);
ptv_code ptv_settings_rules(ptv_rules_options *out, ptv_arena *mem, const ptv_config *config,
                            const ptv_client_options *options, ptv_error *err);
ptv_level ptv_settings_level(const ptv_config *config, ptv_opt o);
/* True, false, or a PEM file, from the app's or the shared section. */
const char *ptv_settings_verify(const ptv_config *config);

#endif
