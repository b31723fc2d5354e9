/*
 * cache.c: answers as they came, by source, endpoint and artifact. When they take more than their room, those used longest
 * ago go.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/db.h"

/* One text key: a newline stands in none of the three. In s->scratch. */
static ptv_code make_key(ptv_store *s, const char *source, const char *endpoint, const char *artifact, ptv_error *err)
{
    ptv_buf_clear(&s->scratch);
    ptv_buf_printf(&s->scratch, "%s\n%s\n%s", source, endpoint, artifact);
    return ptv_buf_check(&s->scratch, err);
}

/* A use that cannot be noted is no reason not to answer. */
static void note_use(ptv_store *s, int64_t id)
{
    int result;
    sqlite3_stmt *st = ptv_db_statement(s, PTV_SQL_CACHE_USED, &result);
    if (st && !sqlite3_bind_int64(st, 1, id))
        sqlite3_step(st);
    ptv_db_done(st);
}

ptv_code ptv_store_cache_get(ptv_store *s, ptv_cached *out, bool *found, ptv_arena *mem, const char *source,
                             const char *endpoint, const char *artifact, ptv_error *err)
{
    int result;
    ptv_code rc = ptv_db_ready(s, err);
    if (!rc)
        rc = make_key(s, source, endpoint, artifact, err);
    if (rc)
        return rc;
    sqlite3_stmt *st = ptv_db_statement(s, PTV_SQL_CACHE_GET, &result);
    if (!result)
        result = ptv_db_bind_text(st, 1, s->scratch.data);
    if (!result)
        result = sqlite3_step(st);
    if (result != SQLITE_ROW) {
        ptv_db_done(st);
        *found = false;
        return result == SQLITE_DONE ? PTV_OK : ptv_db_fail(s, result, "reading the cache", err);
    }
    int64_t id = sqlite3_column_int64(st, 0);
    const void *body = sqlite3_column_blob(st, 3);
    size_t len = (size_t)sqlite3_column_bytes(st, 3);
    char *copy = ptv_arena_strndup(mem, body ? body : "", body ? len : 0);
    ptv_cached answer = { sqlite3_column_int(st, 1), sqlite3_column_int64(st, 2), copy, len };
    bool lost = !body && sqlite3_errcode(s->db) == SQLITE_NOMEM;
    ptv_db_done(st);
    if (lost)
        return ptv_fail_nomem(err);
    if (!copy)
        return ptv_arena_fail(mem, err);
    note_use(s, id);
    *out = answer;
    *found = true;
    return PTV_OK;
}

static int cache_bytes(ptv_store *s, int64_t *bytes)
{
    int result;
    sqlite3_stmt *st = ptv_db_statement(s, PTV_SQL_CACHE_BYTES, &result);
    if (!st)
        return result;
    result = sqlite3_step(st);
    *bytes = sqlite3_column_int64(st, 0);
    ptv_db_done(st);
    return result == SQLITE_ROW ? SQLITE_OK : result == SQLITE_DONE ? SQLITE_CORRUPT : result;
}

static int make_room(ptv_store *s)
{
    int64_t bytes = 0;
    int result = cache_bytes(s, &bytes);
    while (!result && bytes > s->options.cache_max_bytes) {
        result = ptv_db_run(s, PTV_SQL_CACHE_EVICT);
        if (!result && sqlite3_changes(s->db) == 0)
            break;
        if (!result)
            result = cache_bytes(s, &bytes);
    }
    return result;
}

static int put(ptv_store *s, const ptv_cached *answer)
{
    int result;
    sqlite3_stmt *st = ptv_db_statement(s, PTV_SQL_CACHE_PUT, &result);
    if (!result)
        result = ptv_db_bind_text(st, 1, s->scratch.data);
    if (!result)
        result = sqlite3_bind_int(st, 2, answer->status);
    if (!result)
        result = sqlite3_bind_int64(st, 3, answer->fetched_at);
    if (!result)
        result = sqlite3_bind_blob64(st, 4, answer->body_len ? answer->body : "", answer->body_len, SQLITE_STATIC);
    if (!result)
        result = sqlite3_step(st);
    ptv_db_done(st);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

ptv_code ptv_store_cache_put(ptv_store *s, const char *source, const char *endpoint, const char *artifact,
                             const ptv_cached *answer, ptv_error *err)
{
    if ((int64_t)answer->body_len > s->options.cache_max_bytes / 4) /* one answer must not drive out all others */
        return PTV_OK;
    ptv_code rc = ptv_db_ready(s, err);
    if (!rc)
        rc = make_key(s, source, endpoint, artifact, err);
    if (rc)
        return rc;
    int result = ptv_db_run(s, PTV_SQL_BEGIN);
    if (!result) {
        result = put(s, answer);
        if (!result)
            result = make_room(s);
        if (!result)
            result = ptv_db_run(s, PTV_SQL_COMMIT);
        if (result) {
            rc = ptv_db_fail(s, result, "writing the cache", err); /* before the rollback changes what is known of it */
            ptv_db_roll_back(s);
            return rc;
        }
    }
    return result ? ptv_db_fail(s, result, "writing the cache", err) : PTV_OK;
}
