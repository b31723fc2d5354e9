/*
 * store.h: the state directory: what must outlive a process. docs/state.md is its page for users.
 *
 *   state.db            SQLite (WAL): calls, cached answers, noted causes
 *   decisions.ndjson    the decision log; decisions.1.ndjson is the rotated one before it, and so on
 *   rules/DIGEST/       each loaded rule set
 *
 * Every function works without a directory (dir NULL): then all is in memory, nothing outlives, and the log and the rule
 * sets are not kept. Several processes may share one. Each change is a transaction of its own, seen by the others at once
 * and safe when this process is killed; ptv_store_commit() makes finished calls safe from a power cut too.
 *
 * A failure never stops the caller's work: say it, and go on as if nothing were kept. A database found damaged on the way
 * fails that one function; the next one moves it aside and begins a new one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_STORE_STORE_H
#define PTV_STORE_STORE_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"

typedef struct ptv_store ptv_store; /* one thread's */

typedef struct ptv_store_options { /* zero: the default in brackets */
    int64_t calls_kept_s;          /* after the last that was heard of them (86400) */
    int64_t log_max_bytes;         /* of one decision log file before it is rotated (10 MB) */
    int log_backups;               /* rotated files that stay (10) */
    int64_t cache_max_bytes;       /* the least recently used answers go first (256 MB) */
} ptv_store_options;

/* The folder is made when it is missing, its parent is not. A damaged database is moved aside (state.db.damaged-TIME) with
 * a warning and a new one begun. Errors: PTV_EIO, PTV_ENOMEM. */
ptv_code ptv_store_open(ptv_store **out, const char *dir, const ptv_store_options *options, ptv_error *err);
void ptv_store_close(ptv_store *s); /* NULL is fine */
/*
 * Every call finished since the last commit survives a power cut from now on. One sync of the disk for all of them, none
 * when none was finished. What is lost without it costs the work again, never a reply: the broker still has the message.
 */
ptv_code ptv_store_commit(ptv_store *s, ptv_error *err);

/* ---- calls: a redelivered function call is answered from here, across restarts. key: message id and correlation id */
typedef enum ptv_call_state { PTV_CALL_NEW, PTV_CALL_INTERRUPTED, PTV_CALL_FINISHED } ptv_call_state;
/*
 * Count an attempt, unless the call is finished. INTERRUPTED: begun before, never finished; *attempts ≥ 2. FINISHED: *reply
 * is the stored body (yours, ptv_free), or NULL when the broker has it already (ptv_store_call_delivered): then there is
 * nothing left but to acknowledge. *reply is NULL in the other states.
 */
ptv_code ptv_store_call_begin(ptv_store *s, const char *key, int64_t now, ptv_call_state *state, int *attempts, char **reply,
                              size_t *reply_len, ptv_error *err);
ptv_code ptv_store_call_finish(ptv_store *s, const char *key, int64_t now, const char *reply, size_t len, ptv_error *err);
/* The broker has it: the reply goes, the key is remembered for calls_kept_s. */
ptv_code ptv_store_call_delivered(ptv_store *s, const char *key, int64_t now, ptv_error *err);

/* ---- cached answers, keyed by source, endpoint and artifact; how old one may be is the caller's judgement */
typedef struct ptv_cached {
    int status;
    int64_t fetched_at;
    const char *body;
    size_t body_len;
} ptv_cached; /* in the arena given */
ptv_code ptv_store_cache_get(ptv_store *s, ptv_cached *out, bool *found, ptv_arena *mem, const char *source,
                             const char *endpoint, const char *artifact, ptv_error *err);
ptv_code ptv_store_cache_put(ptv_store *s, const char *source, const char *endpoint, const char *artifact,
                             const ptv_cached *answer, ptv_error *err);

/* ---- soar_unknown = once: has this cause been noted (for this incident; NULL: none) within every_s? Marks it noted when
 * not. After a clock that was set back it may take up to twice that time. */
ptv_code ptv_store_note_due(ptv_store *s, bool *due, const char *cause, const char *incident, int64_t now, int64_t every_s,
                            ptv_error *err);

/* ---- decision log: one JSON object a line, without its newline */
ptv_code ptv_store_log(ptv_store *s, const char *line, size_t len, ptv_error *err);
/* Lines in order of time, rotated files first; a last line that was cut is left out. `each` returning non-zero ends it. No
 * log is no error. Errors: PTV_EIO, PTV_ENOMEM, PTV_ETOOBIG. */
ptv_code ptv_store_log_read(const char *dir, int (*each)(void *to, const char *line, size_t len), void *to, ptv_error *err);

/* ---- rule sets by digest: copies of the files, so that `why` can judge with the rules of that time */
typedef struct ptv_kept_file {
    const char *path;   /* where it is now */
    const char *folder; /* that it was loaded from: each one becomes a subfolder, "0", "1" … in order of first use */
    const char *name;   /* below that: "10-tags.lua", "lists/zones.txt" */
    const char *digest; /* SHA-256 in hex of what was loaded: a file that has changed since is not kept */
    const char *text;   /* what was loaded; NULL: read it from path */
    size_t len;
} ptv_kept_file;
/* Nothing to do when that digest is kept already. All of it or nothing. */
ptv_code ptv_store_rules_keep(ptv_store *s, const char *digest, const ptv_kept_file *files, size_t count, ptv_error *err);
/* The folders of a kept set, to be loaded together; *count 0: it is not kept. Arena. Errors: PTV_ENOMEM, PTV_EIO. */
ptv_code ptv_store_rules_folders(const char ***folders, size_t *count, ptv_arena *mem, const char *dir, const char *digest,
                                 ptv_error *err);

/* The kept set that is in use: what to go on with when the rules no longer load. *digest "": none was. */
ptv_code ptv_store_rules_use(ptv_store *s, const char *digest, ptv_error *err);
ptv_code ptv_store_rules_in_use(char digest[PTV_DIGEST_HEX], const char *dir, ptv_error *err);

#endif
