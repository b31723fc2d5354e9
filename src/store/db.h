/*
 * db.h: the open database, shared by the files of this folder. SQLite is spoken through it alone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_STORE_DB_H
#define PTV_STORE_DB_H
#include "store/store.h"

#include <sqlite3.h>
#include <sys/types.h>

/* Statements, prepared when first used. STATEMENT(id, sql) */
#define PTV_STATEMENTS(STATEMENT)                                                                                           \
    STATEMENT(BEGIN, "BEGIN IMMEDIATE")                                                                                     \
    STATEMENT(COMMIT, "COMMIT")                                                                                             \
    STATEMENT(ROLLBACK, "ROLLBACK")                                                                                         \
    STATEMENT(SYNC, "UPDATE totals SET syncs = syncs + 1")                                                                  \
    STATEMENT(CALL_BEGIN, "INSERT INTO calls(key, attempts, heard_at) VALUES(?1, 1, ?2) ON CONFLICT(key) DO UPDATE SET "    \
                          "attempts = attempts + (finished_at IS NULL), heard_at = excluded.heard_at "                      \
                          "RETURNING attempts, finished_at IS NOT NULL, reply")                                             \
    STATEMENT(CALL_FINISH, "INSERT INTO calls(key, attempts, heard_at, finished_at, reply) VALUES(?1, 1, ?2, ?2, ?3) "      \
                           "ON CONFLICT(key) DO UPDATE SET heard_at = ?2, finished_at = ?2, reply = ?3")                    \
    STATEMENT(CALL_DELIVERED, "UPDATE calls SET reply = NULL, heard_at = ?2 WHERE key = ?1 AND finished_at IS NOT NULL")    \
    STATEMENT(CALL_PRUNE, "DELETE FROM calls WHERE heard_at < ?1 - ?2 OR heard_at > ?1 + ?2")                               \
    STATEMENT(CACHE_GET, "SELECT id, status, fetched_at, body FROM cache WHERE key = ?1")                                   \
    STATEMENT(CACHE_USED, "UPDATE cache SET used = (SELECT max(used) FROM cache) + 1 WHERE id = ?1")                        \
    STATEMENT(CACHE_PUT,                                                                                                    \
              "INSERT INTO cache(key, status, fetched_at, body, used) "                                                     \
              "VALUES(?1, ?2, ?3, ?4, ifnull((SELECT max(used) FROM cache), 0) + 1) ON CONFLICT(key) DO UPDATE SET "        \
              "status = excluded.status, fetched_at = excluded.fetched_at, body = excluded.body, used = excluded.used")     \
    STATEMENT(CACHE_BYTES, "SELECT cache_bytes FROM totals")                                                                \
    STATEMENT(CACHE_EVICT, "DELETE FROM cache WHERE id IN (SELECT id FROM cache ORDER BY used LIMIT 1)")                    \
    STATEMENT(NOTE,                                                                                                         \
              "INSERT INTO notes(cause, incident, noted_at) VALUES(?1, ?2, ?3) ON CONFLICT(cause, incident) DO UPDATE "     \
              "SET noted_at = ?3 WHERE noted_at <= ?3 - ?4 OR noted_at > ?3 + ?4")                                          \
    STATEMENT(NOTE_PRUNE, "DELETE FROM notes WHERE noted_at < ?1 - ?2 OR noted_at > ?1 + ?2")

typedef enum ptv_statement {
#define STATEMENT(id, sql) PTV_SQL_##id,
    PTV_STATEMENTS(STATEMENT)
#undef STATEMENT
        PTV_SQL_COUNT
} ptv_statement;

struct ptv_store {
    sqlite3 *db; /* NULL: found damaged and not yet begun anew */
    sqlite3_stmt *prepared[PTV_SQL_COUNT];
    char *dir; /* NULL: in memory */
    ptv_store_options options;
    ino_t inode;     /* of the database opened: another process may have moved it aside */
    bool damaged;    /* the next function begins anew */
    bool must_sync;  /* a call was finished since the last commit */
    unsigned begun;  /* calls since the last pruning */
    ptv_buf scratch; /* keys, paths */
    int log_lock;    /* the lock file of the log; -1: not open yet */
};

/* Ready to be used: a damaged database is moved aside and begun anew first. */
ptv_code ptv_db_ready(ptv_store *s, ptv_error *err);
/* What a SQLite result means: PTV_ENOMEM, PTV_EIO. "state /var/lib/x: storing a call: the disk is full". */
ptv_code ptv_db_fail(ptv_store *s, int result, const char *doing, ptv_error *err);
/* A statement ready for binding; NULL: *result says why. Reset it (ptv_db_done) before the next function. */
sqlite3_stmt *ptv_db_statement(ptv_store *s, ptv_statement which, int *result);
void ptv_db_done(sqlite3_stmt *st); /* NULL is fine */
/* A statement without results or parameters. */
int ptv_db_run(ptv_store *s, ptv_statement which);
/* End a transaction that did not get to its end; most failures have done so already. */
void ptv_db_roll_back(ptv_store *s);
int ptv_db_bind_text(sqlite3_stmt *st, int at, const char *text); /* borrowed until the reset */

#endif
