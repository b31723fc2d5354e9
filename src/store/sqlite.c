/*
 * sqlite.c: the database of the state directory: opened, made, and begun anew when it is damaged.
 *
 * Measured (700-byte bodies): a put as a transaction of its own costs 31 µs with synchronous NORMAL and 180 µs with FULL. So
 * everything is NORMAL, where a power cut loses the last moments and never the whole, and ptv_store_commit() syncs once for
 * all calls that were finished. No transaction is held open over functions: two connections of one thread (worker and
 * client) would wait for each other.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/db.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME    "state.db"
#define BUSY_MS      5000 /* another process's transaction takes microseconds */
#define SCHEMA       1
#define SCRATCH_MOST (64u << 10)

/* Ordinary rowid tables: WITHOUT ROWID would cluster the bodies by a text key, four times slower to put. */
static const char schema[] =
    "CREATE TABLE calls(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, attempts INTEGER NOT NULL, heard_at INTEGER NOT "
    "NULL,"
    " finished_at INTEGER, reply BLOB);"
    "CREATE INDEX calls_by_age ON calls(heard_at);"
    "CREATE TABLE cache(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, status INTEGER NOT NULL, fetched_at INTEGER NOT "
    "NULL,"
    " used INTEGER NOT NULL, body BLOB NOT NULL);" /* used: a counter, not a time: clocks are set back */
    "CREATE INDEX cache_by_use ON cache(used);"
    "CREATE TABLE notes(id INTEGER PRIMARY KEY, cause TEXT NOT NULL, incident TEXT NOT NULL, noted_at INTEGER NOT NULL,"
    " UNIQUE(cause, incident));"
    "CREATE TABLE totals(cache_bytes INTEGER NOT NULL, syncs INTEGER NOT NULL);"
    "INSERT INTO totals VALUES(0, 0);"
    /* 64: about what key and row cost beside the body */
    "CREATE TRIGGER cache_in AFTER INSERT ON cache BEGIN"
    " UPDATE totals SET cache_bytes = cache_bytes + length(new.body) + length(new.key) + 64; END;"
    "CREATE TRIGGER cache_changed AFTER UPDATE OF body ON cache BEGIN"
    " UPDATE totals SET cache_bytes = cache_bytes + length(new.body) - length(old.body); END;"
    "CREATE TRIGGER cache_out AFTER DELETE ON cache BEGIN"
    " UPDATE totals SET cache_bytes = cache_bytes - length(old.body) - length(old.key) - 64; END;"
    "PRAGMA user_version = 1;";

/* ------------------------------------------------------------------------------------- SQLite's memory */

/* SQLite asks for the size of what it got: it stands in front. SQLite needs 8-byte alignment. */
static void *lite_malloc(int size)
{
    uint64_t *p = ptv_malloc((size_t)size + sizeof *p);
    if (!p)
        return NULL;
    *p = (uint64_t)size;
    return p + 1;
}

static void lite_free(void *p)
{
    if (p)
        ptv_free((uint64_t *)p - 1);
}

static void *lite_realloc(void *old, int size)
{
    uint64_t *p = ptv_realloc((uint64_t *)old - 1, (size_t)size + sizeof *p);
    if (!p)
        return NULL;
    *p = (uint64_t)size;
    return p + 1;
}

static int lite_size(void *p)
{
    return p ? (int)((uint64_t *)p)[-1] : 0;
}

static int lite_roundup(int size)
{
    return (size + 7) & ~7;
}

static int lite_init(void *unused)
{
    (void)unused;
    return SQLITE_OK;
}

static void lite_shutdown(void *unused)
{
    (void)unused;
}

/* A program that has used SQLite before us keeps its own allocator: then this is refused, and nothing else changes. */
static void set_up_once(void)
{
    static const sqlite3_mem_methods methods = { lite_malloc,  lite_free, lite_realloc,  lite_size,
                                                 lite_roundup, lite_init, lite_shutdown, NULL };
    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* -------------------------------------------------------------------------------------------- errors */

ptv_code ptv_db_fail(ptv_store *s, int result, const char *doing, ptv_error *err)
{
    char text[128];
    int number = s->db ? sqlite3_system_errno(s->db) : 0, primary = result & 0xff;
    const char *why;
    if (result == SQLITE_IOERR_NOMEM || primary == SQLITE_NOMEM)
        return ptv_fail_nomem(err);
    switch (primary) {
    case SQLITE_FULL:
        number = number ? number : ENOSPC;
        why = "the disk is full";
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        s->damaged = s->dir != NULL;
        why = FILE_NAME " is damaged";
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        why = "another process has held " FILE_NAME " for too long";
        break;
    case SQLITE_READONLY:
        why = FILE_NAME " cannot be written";
        break;
    default: {
        const char *own = sqlite3_errstr(result);
        snprintf(text, sizeof text, "%s", own);
        why = text;
        if (number) {
            char system[96];
            snprintf(text, sizeof text, "%.60s: %s", own, strerror_r(number, system, sizeof system));
        }
    }
    }
    return ptv_fail_detail(err, PTV_EIO, number, "state %s: %s: %s", s->dir ? s->dir : "in memory", doing, why);
}

/* ------------------------------------------------------------------------------------------ statements */

static const char *const sql_of[PTV_SQL_COUNT] = {
#define STATEMENT(id, sql) [PTV_SQL_##id] = sql,
    PTV_STATEMENTS(STATEMENT)
#undef STATEMENT
};

sqlite3_stmt *ptv_db_statement(ptv_store *s, ptv_statement which, int *result)
{
    *result = SQLITE_OK;
    if (!s->prepared[which])
        *result = sqlite3_prepare_v3(s->db, sql_of[which], -1, SQLITE_PREPARE_PERSISTENT, &s->prepared[which], NULL);
    return s->prepared[which];
}

void ptv_db_done(sqlite3_stmt *st)
{
    if (!st)
        return;
    sqlite3_reset(st); /* repeats the error of the last step, which was seen there */
    sqlite3_clear_bindings(st);
}

int ptv_db_run(ptv_store *s, ptv_statement which)
{
    int result;
    sqlite3_stmt *st = ptv_db_statement(s, which, &result);
    if (!st)
        return result;
    result = sqlite3_step(st);
    ptv_db_done(st);
    return result == SQLITE_DONE || result == SQLITE_ROW ? SQLITE_OK : result;
}

void ptv_db_roll_back(ptv_store *s)
{
    if (!sqlite3_get_autocommit(s->db))
        ptv_db_run(s, PTV_SQL_ROLLBACK);
}

int ptv_db_bind_text(sqlite3_stmt *st, int at, const char *text)
{
    return sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
}

/* --------------------------------------------------------------------------------------- open and close */

static void close_db(ptv_store *s)
{
    for (int i = 0; i < PTV_SQL_COUNT; i++) {
        sqlite3_finalize(s->prepared[i]);
        s->prepared[i] = NULL;
    }
    sqlite3_close(s->db);
    s->db = NULL;
}

static int version_of(sqlite3 *db, int *version)
{
    sqlite3_stmt *st;
    int result = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL);
    if (result)
        return result;
    result = sqlite3_step(st);
    if (result == SQLITE_ROW)
        *version = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    return result == SQLITE_ROW ? SQLITE_OK : result;
}

/* Two processes may find the file empty at once: who comes second looks again inside the transaction. */
static int make_tables(ptv_store *s, int *version)
{
    int result = version_of(s->db, version);
    if (result || *version)
        return result;
    result = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (result)
        return result;
    result = version_of(s->db, version);
    if (!result && !*version) {
        result = sqlite3_exec(s->db, schema, NULL, NULL, NULL);
        *version = SCHEMA;
    }
    if (!result)
        result = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
    if (result)
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return result;
}

/* Under the lock of the folder, so that nobody moves the file aside meanwhile. */
static ptv_code open_db(ptv_store *s, const char *path, ptv_error *err)
{
    struct stat st;
    int version = 0;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int result = sqlite3_open_v2(path, &s->db, flags, NULL);
    if (!result)
        result = sqlite3_busy_timeout(s->db, BUSY_MS);
    if (!result)
        result = sqlite3_exec(s->db,
                              "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = 8388608; "
                              "PRAGMA cache_size = -512",
                              NULL, NULL, NULL);
    if (!result)
        result = make_tables(s, &version);
    if (!result && version > SCHEMA)
        return ptv_fail(err, PTV_EIO, "state %s: " FILE_NAME " was made by a newer version of this program (%d, known: %d)",
                        s->dir, version, SCHEMA);
    if (result)
        return ptv_db_fail(s, result, "opening " FILE_NAME, err);
    s->inode = s->dir && !stat(path, &st) ? st.st_ino : 0;
    s->damaged = false;
    return PTV_OK;
}

/* Out of the way, with the log that belongs to it: somebody may want to rescue something. */
static ptv_code move_aside(ptv_store *s, const char *path, ptv_error *err)
{
    char aside[PATH_MAX], wal[PATH_MAX], aside_wal[PATH_MAX], when[32];
    struct stat st;
    ptv_time_format(when, ptv_clock_utc());
    for (int serial = 0; serial == 0 || (serial < 100 && !stat(aside, &st)); serial++)
        if (snprintf(aside, sizeof aside, "%s.damaged-%s%.0d", path, when, serial) >= (int)sizeof aside - 4)
            return ptv_fail(err, PTV_EIO, "state %s: the path is too long", s->dir);
    snprintf(wal, sizeof wal, "%.*s-wal", (int)sizeof wal - 5, path);
    snprintf(aside_wal, sizeof aside_wal, "%.*s-wal", (int)sizeof wal - 5, aside);
    if (rename(path, aside) && errno != ENOENT)
        return ptv_fail_detail(err, PTV_EIO, errno, "state %s: " FILE_NAME " is damaged and cannot be moved aside", s->dir);
    rename(wal, aside_wal);
    snprintf(wal, sizeof wal, "%.*s-shm", (int)sizeof wal - 5, path);
    unlink(wal);
    ptv_log(PTV_LOG_WARNING, "state", "%s is damaged: moved to %s; a new one is begun", path, aside);
    return PTV_OK;
}

/* Processes that open or begin anew take turns. A folder that cannot be written is for the database to complain of. */
static int lock_folder(const char *dir)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/state.lock", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        while (flock(fd, LOCK_EX) && errno == EINTR)
            continue;
    return fd;
}

static ptv_code open_file(ptv_store *s, ptv_error *err)
{
    char path[PATH_MAX];
    struct stat st;
    if (snprintf(path, sizeof path, "%s/" FILE_NAME, s->dir) >= (int)sizeof path - 64)
        return ptv_fail(err, PTV_EIO, "state %s: the path is too long", s->dir);
    int lock = lock_folder(s->dir);
    ptv_code rc = PTV_OK;
    /* Damaged while it was open: whoever notices second finds a new file already. */
    if (s->damaged && s->inode && !stat(path, &st) && st.st_ino == s->inode)
        rc = move_aside(s, path, err);
    s->damaged = false;
    if (!rc)
        rc = open_db(s, path, err);
    if (rc && s->damaged) {
        close_db(s);
        rc = move_aside(s, path, err);
        if (!rc)
            rc = open_db(s, path, err);
    }
    if (rc)
        close_db(s);
    if (lock >= 0)
        close(lock);
    return rc;
}

ptv_code ptv_db_ready(ptv_store *s, ptv_error *err)
{
    if (s->db && !s->damaged) {
        ptv_db_roll_back(s); /* what memory or disk did not allow before */
        return PTV_OK;
    }
    close_db(s);
    s->must_sync = false;
    return open_file(s, err);
}

static ptv_code make_folder(const char *dir, ptv_error *err)
{
    char text[128];
    if (mkdir(dir, 0700) == 0 || (errno == EEXIST && ptv_is_dir(dir)))
        return PTV_OK;
    return ptv_fail_detail(err, PTV_EIO, errno, "state %s: %s", dir, strerror_r(errno, text, sizeof text));
}

ptv_code ptv_store_open(ptv_store **out, const char *dir, const ptv_store_options *options, ptv_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_up_once);
    ptv_store *s = ptv_calloc(1, sizeof *s);
    if (!s)
        return ptv_fail_nomem(err);
    s->log_lock = -1;
    s->scratch = (ptv_buf)PTV_BUF(SCRATCH_MOST);
    if (options)
        s->options = *options;
    if (s->options.calls_kept_s <= 0)
        s->options.calls_kept_s = PTV_DAY_S;
    if (s->options.log_max_bytes <= 0)
        s->options.log_max_bytes = 10 << 20;
    if (s->options.log_backups <= 0)
        s->options.log_backups = 10;
    if (s->options.cache_max_bytes <= 0)
        s->options.cache_max_bytes = 256 << 20;
    ptv_code rc;
    if (!dir)
        rc = open_db(s, ":memory:", err);
    else if (!(s->dir = ptv_strdup(dir)))
        rc = ptv_fail_nomem(err);
    else
        rc = make_folder(dir, err);
    if (!rc && dir)
        rc = open_file(s, err);
    if (rc)
        ptv_store_close(s);
    else
        *out = s;
    return rc;
}

void ptv_store_close(ptv_store *s)
{
    if (!s)
        return;
    close_db(s);
    if (s->log_lock >= 0)
        close(s->log_lock);
    ptv_buf_release(&s->scratch);
    ptv_free(s->dir);
    ptv_free(s);
}

/* In WAL the sync at the end of a FULL transaction covers all that was written before it. */
ptv_code ptv_store_commit(ptv_store *s, ptv_error *err)
{
    if (!s->must_sync || !s->dir)
        return PTV_OK;
    ptv_code rc = ptv_db_ready(s, err);
    if (rc)
        return rc;
    int result = sqlite3_exec(s->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    if (!result)
        result = ptv_db_run(s, PTV_SQL_SYNC);
    sqlite3_exec(s->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    if (result)
        return ptv_db_fail(s, result, "syncing", err);
    s->must_sync = false;
    return PTV_OK;
}
