/*
 * calls.c: function calls by their key, so that a redelivered one is answered and not run again; and causes already noted.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/db.h"
#include "base/clock.h"
#include "base/mem.h"

#define PRUNED_EVERY 256 /* calls */

/* Old ones go, and those of a time that has not come: a clock set back must not keep them for ever. */
static void prune(ptv_store *s, ptv_statement which, int64_t now, int64_t kept_s)
{
    int result;
    sqlite3_stmt *st = ptv_db_statement(s, which, &result);
    if (!st)
        return;
    if (!sqlite3_bind_int64(st, 1, now) && !sqlite3_bind_int64(st, 2, kept_s))
        sqlite3_step(st); /* what fails here fails again where it is told */
    ptv_db_done(st);
}

/* The statement ready with key and time bound. */
static sqlite3_stmt *about_call(ptv_store *s, ptv_statement which, const char *key, int64_t now, int *result)
{
    sqlite3_stmt *st = ptv_db_statement(s, which, result);
    if (st)
        *result = ptv_db_bind_text(st, 1, key);
    if (!*result)
        *result = sqlite3_bind_int64(st, 2, now);
    return st;
}

static char *copy_reply(sqlite3_stmt *st, int column, size_t *len)
{
    const void *bytes = sqlite3_column_blob(st, column);
    *len = (size_t)sqlite3_column_bytes(st, column);
    return ptv_strndup(bytes ? bytes : "", bytes ? *len : 0);
}

ptv_code ptv_store_call_begin(ptv_store *s, const char *key, int64_t now, ptv_call_state *state, int *attempts, char **reply,
                              size_t *reply_len, ptv_error *err)
{
    int result;
    ptv_code rc = ptv_db_ready(s, err);
    if (rc)
        return rc;
    if (s->begun++ % PRUNED_EVERY == 0)
        prune(s, PTV_SQL_CALL_PRUNE, now, s->options.calls_kept_s);
    sqlite3_stmt *st = about_call(s, PTV_SQL_CALL_BEGIN, key, now, &result);
    if (!result)
        result = sqlite3_step(st);
    if (result != SQLITE_ROW) {
        ptv_db_done(st);
        return ptv_db_fail(s, result, "storing a call", err);
    }
    int tries = sqlite3_column_int(st, 0);
    bool finished = sqlite3_column_int(st, 1), has_reply = sqlite3_column_type(st, 2) != SQLITE_NULL;
    size_t len = 0;
    char *copy = finished && has_reply ? copy_reply(st, 2, &len) : NULL;
    result = sqlite3_step(st); /* RETURNING: the change is written with the last row */
    ptv_db_done(st);
    if (result != SQLITE_DONE) {
        ptv_free(copy);
        return ptv_db_fail(s, result, "storing a call", err);
    }
    if (finished && has_reply && !copy)
        return ptv_fail_nomem(err);
    *state = finished ? PTV_CALL_FINISHED : tries > 1 ? PTV_CALL_INTERRUPTED : PTV_CALL_NEW;
    *attempts = tries;
    *reply = copy;
    *reply_len = len;
    return PTV_OK;
}

ptv_code ptv_store_call_finish(ptv_store *s, const char *key, int64_t now, const char *reply, size_t len, ptv_error *err)
{
    int result;
    ptv_code rc = ptv_db_ready(s, err);
    if (rc)
        return rc;
    sqlite3_stmt *st = about_call(s, PTV_SQL_CALL_FINISH, key, now, &result);
    if (!result)
        result = sqlite3_bind_blob64(st, 3, reply, len, SQLITE_STATIC);
    if (!result)
        result = sqlite3_step(st);
    ptv_db_done(st);
    if (result != SQLITE_DONE)
        return ptv_db_fail(s, result, "storing a result", err);
    s->must_sync = true;
    return PTV_OK;
}

ptv_code ptv_store_call_delivered(ptv_store *s, const char *key, int64_t now, ptv_error *err)
{
    int result;
    ptv_code rc = ptv_db_ready(s, err);
    if (rc)
        return rc;
    sqlite3_stmt *st = about_call(s, PTV_SQL_CALL_DELIVERED, key, now, &result);
    if (!result)
        result = sqlite3_step(st);
    ptv_db_done(st);
    return result == SQLITE_DONE ? PTV_OK : ptv_db_fail(s, result, "storing a delivery", err);
}

/* ------------------------------------------------------------------------------------------------ notes */

ptv_code ptv_store_note_due(ptv_store *s, bool *due, const char *cause, const char *incident, int64_t now, int64_t every_s,
                            ptv_error *err)
{
    int result;
    ptv_code rc = ptv_db_ready(s, err);
    if (rc)
        return rc;
    sqlite3_stmt *st = ptv_db_statement(s, PTV_SQL_NOTE, &result);
    if (!result)
        result = ptv_db_bind_text(st, 1, cause);
    if (!result)
        result = ptv_db_bind_text(st, 2, incident ? incident : "");
    if (!result)
        result = sqlite3_bind_int64(st, 3, now);
    if (!result)
        result = sqlite3_bind_int64(st, 4, every_s);
    if (!result)
        result = sqlite3_step(st);
    ptv_db_done(st);
    if (result != SQLITE_DONE)
        return ptv_db_fail(s, result, "storing a note", err);
    *due = sqlite3_changes(s->db) > 0;
    if (*due)
        prune(s, PTV_SQL_NOTE_PRUNE, now, every_s > PTV_DAY_S ? every_s : PTV_DAY_S);
    return PTV_OK;
}
