/*
 * test_store.c: the state directory: what outlives a process, several of them at once, a full disk, a damaged file, clocks
 * set back, memory that ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store.h"
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW INT64_C(1777593600)
#define DAY INT64_C(86400)

typedef struct test_room {
    char dir[64], path[256];
    ptv_arena mem;
    ptv_store *store;
    ptv_error err;
    char log[4096], lines[1 << 18];
} test_room;

static test_room the_room;

static void keep_log(void *to, ptv_log_level level, const char *area, const char *message)
{
    test_room *r = to;
    size_t len = strlen(r->log);
    (void)level;
    snprintf(r->log + len, sizeof r->log - len, "%s: %s\n", area, message);
}

static int open_room(void **state)
{
    the_room = (test_room){ .dir = "/tmp/ptv-test-XXXXXX", .mem = PTV_ARENA(64 << 20) };
    *state = &the_room;
    ptv_log_to(keep_log, &the_room, PTV_LOG_DEBUG);
    return mkdtemp(the_room.dir) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static int close_room(void **state)
{
    test_room *r = *state;
    ptv_mem_fail_at(0);
    ptv_log_to(NULL, NULL, PTV_LOG_ERROR);
    ptv_store_close(r->store);
    ptv_arena_release(&r->mem);
    nftw(r->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

static const char *path_of(test_room *r, const char *name)
{
    snprintf(r->path, sizeof r->path, "%s/%s", r->dir, name);
    return r->path;
}

static ptv_store *open_with(test_room *r, ptv_store_options options)
{
    ptv_store_close(r->store);
    r->store = NULL;
    ptv_code rc = ptv_store_open(&r->store, r->dir, &options, &r->err);
    if (rc)
        fail_msg("%s", r->err.msg);
    return r->store;
}

static ptv_store *reopen(test_room *r)
{
    return open_with(r, (ptv_store_options){ 0 });
}

/* "new 1", "interrupted 2", "finished 1 REPLY", "finished 1 -": as begin() sees the call. */
static const char *begin(test_room *r, const char *key, int64_t now)
{
    static const char *const names[] = { "new", "interrupted", "finished" };
    static char seen[128];
    ptv_call_state state;
    int attempts;
    char *reply;
    size_t len;
    if (ptv_store_call_begin(r->store, key, now, &state, &attempts, &reply, &len, &r->err))
        return r->err.msg;
    snprintf(seen, sizeof seen, "%s %d%s%.*s", names[state], attempts, state == PTV_CALL_FINISHED ? " " : "",
             reply ? (int)len : (state == PTV_CALL_FINISHED), reply ? reply : "-");
    ptv_free(reply);
    return seen;
}

static void finish(test_room *r, const char *key, const char *reply)
{
    assert_int_equal(ptv_store_call_finish(r->store, key, NOW, reply, strlen(reply), &r->err), PTV_OK);
}

static void put(test_room *r, const char *artifact, const char *body, int64_t at)
{
    ptv_cached answer = { 200, at, body, strlen(body) };
    if (ptv_store_cache_put(r->store, "passivetotal", "https://a.test/v2/tags", artifact, &answer, &r->err))
        fail_msg("%s", r->err.msg);
}

static const char *get(test_room *r, const char *artifact)
{
    ptv_cached answer;
    bool found;
    ptv_code rc =
        ptv_store_cache_get(r->store, &answer, &found, &r->mem, "passivetotal", "https://a.test/v2/tags", artifact, &r->err);
    return rc ? r->err.msg : found ? answer.body : "none";
}

static bool due(test_room *r, const char *cause, const char *incident, int64_t now)
{
    bool is_due = false;
    if (ptv_store_note_due(r->store, &is_due, cause, incident, now, 3600, &r->err))
        fail_msg("%s", r->err.msg);
    return is_due;
}

static int add_line(void *to, const char *line, size_t len)
{
    test_room *r = to;
    size_t used = strlen(r->lines);
    snprintf(r->lines + used, sizeof r->lines - used, "%.*s\n", (int)len, line);
    return 0;
}

static const char *read_log(test_room *r)
{
    r->lines[0] = '\0';
    if (ptv_store_log_read(r->dir, add_line, r, &r->err))
        fail_msg("%s", r->err.msg);
    return r->lines;
}

static ptv_code append(test_room *r, const char *line)
{
    return ptv_store_log(r->store, line, strlen(line), &r->err);
}

static void overwrite(test_room *r, const char *name, long at, const char *bytes, size_t len)
{
    FILE *f = fopen(path_of(r, name), "r+b");
    assert_non_null(f);
    fseek(f, at, SEEK_SET);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static bool has_file(test_room *r, const char *start)
{
    const char **names;
    size_t count;
    assert_int_equal(ptv_dir_list(&names, &count, &r->mem, r->dir, &r->err), PTV_OK);
    for (size_t i = 0; i < count; i++)
        if (strncmp(names[i], start, strlen(start)) == 0)
            return true;
    return false;
}

/* The child's assertions would print into our TAP: it only returns a number. */
static int in_child(int (*body)(test_room *r), test_room *r)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        ptv_log_to(NULL, NULL, PTV_LOG_ERROR);
        int number = body(r);
        _exit(number);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* ------------------------------------------------------------------------------------------------ calls */

static void it_answers_a_call_again_after_a_restart(void **state)
{
    test_room *r = *state;
    reopen(r);
    assert_string_equal(begin(r, "ID:1 invid:80", NOW), "new 1");
    finish(r, "ID:1 invid:80", "{\"a\":1}");
    assert_int_equal(ptv_store_commit(r->store, &r->err), PTV_OK);
    assert_int_equal(ptv_store_commit(r->store, &r->err), PTV_OK);
    reopen(r);
    assert_string_equal(begin(r, "ID:1 invid:80", NOW + 5), "finished 1 {\"a\":1}");
    assert_string_equal(begin(r, "ID:1 invid:80", NOW + 5), "finished 1 {\"a\":1}");
    assert_string_equal(begin(r, "ID:1 invid:81", NOW + 5), "new 1");
}

static void it_counts_attempts_of_a_call_that_never_finished(void **state)
{
    test_room *r = *state;
    reopen(r);
    assert_string_equal(begin(r, "k", NOW), "new 1");
    reopen(r);
    assert_string_equal(begin(r, "k", NOW), "interrupted 2");
    assert_string_equal(begin(r, "k", NOW), "interrupted 3");
    finish(r, "k", "x");
    assert_string_equal(begin(r, "k", NOW), "finished 3 x");
}

static void it_forgets_the_reply_that_was_delivered_but_not_the_call(void **state)
{
    test_room *r = *state;
    reopen(r);
    begin(r, "k", NOW);
    assert_int_equal(ptv_store_call_delivered(r->store, "k", NOW, &r->err), PTV_OK); /* not finished: nothing to forget */
    assert_string_equal(begin(r, "k", NOW), "interrupted 2");
    finish(r, "k", "reply");
    assert_int_equal(ptv_store_call_delivered(r->store, "k", NOW, &r->err), PTV_OK);
    assert_string_equal(begin(r, "k", NOW), "finished 2 -");
    finish(r, "never begun", "r");
    assert_string_equal(begin(r, "never begun", NOW), "finished 1 r");
}

static void it_keeps_any_bytes_as_a_reply(void **state)
{
    test_room *r = *state;
    reopen(r);
    const char bytes[] = "a\0b\xff";
    ptv_call_state call;
    int attempts;
    char *reply;
    size_t len;
    assert_int_equal(ptv_store_call_finish(r->store, "k", NOW, bytes, 4, &r->err), PTV_OK);
    assert_int_equal(ptv_store_call_begin(r->store, "k", NOW, &call, &attempts, &reply, &len, &r->err), PTV_OK);
    assert_int_equal(len, 4);
    assert_memory_equal(reply, bytes, 4);
    ptv_free(reply);
    finish(r, "empty", "");
    assert_string_equal(begin(r, "empty", NOW), "finished 1 ");
}

static void it_forgets_calls_after_their_time_whichever_way_the_clock_went(void **state)
{
    test_room *r = *state;
    reopen(r);
    begin(r, "old", NOW);
    reopen(r); /* the first call after opening prunes */
    assert_string_equal(begin(r, "other", NOW + DAY), "new 1");
    assert_string_equal(begin(r, "old", NOW + DAY), "interrupted 2");
    reopen(r);
    begin(r, "other", NOW + 3 * DAY);
    assert_string_equal(begin(r, "old", NOW + 3 * DAY), "new 1");
    reopen(r); /* set back by a week: what lies more than a day ahead goes */
    assert_string_equal(begin(r, "old", NOW - 7 * DAY), "new 1");
}

static int child_finishes_and_dies(test_room *r)
{
    ptv_store *s;
    if (ptv_store_open(&s, r->dir, NULL, &r->err))
        return 1;
    r->store = s;
    begin(r, "running", NOW);
    begin(r, "done", NOW);
    if (ptv_store_call_finish(s, "done", NOW, "reply", 5, &r->err))
        return 2;
    kill(getpid(), SIGKILL);
    return 3;
}

static void it_loses_nothing_when_the_process_is_killed(void **state)
{
    test_room *r = *state;
    assert_int_equal(in_child(child_finishes_and_dies, r), -SIGKILL);
    reopen(r);
    assert_string_equal(begin(r, "running", NOW), "interrupted 2");
    assert_string_equal(begin(r, "done", NOW), "finished 1 reply");
}

static int child_works(test_room *r)
{
    ptv_store *s;
    char key[32], line[64];
    if (ptv_store_open(&s, r->dir, NULL, &r->err))
        return 1;
    for (int i = 0; i < 60; i++) {
        ptv_cached answer = { 200, NOW, "{}", 2 };
        snprintf(key, sizeof key, "%d-%d", (int)getpid(), i);
        snprintf(line, sizeof line, "{\"n\":\"%s\"}", key);
        r->store = s;
        if (strcmp(begin(r, key, NOW), "new 1") != 0 || ptv_store_call_finish(s, key, NOW, "r", 1, &r->err) ||
            ptv_store_cache_put(s, "s", "e", key, &answer, &r->err) || ptv_store_commit(s, &r->err) ||
            ptv_store_log(s, line, strlen(line), &r->err))
            return 2;
    }
    ptv_store_close(s);
    return 0;
}

static void it_is_shared_by_several_processes(void **state)
{
    test_room *r = *state;
    pid_t pids[3];
    int status;
    fflush(NULL);
    for (int i = 0; i < 3; i++) {
        pids[i] = fork(); /* all of them make folder and tables at once */
        if (pids[i] == 0) {
            ptv_log_to(NULL, NULL, PTV_LOG_ERROR);
            _exit(child_works(r));
        }
    }
    for (int i = 0; i < 3; i++) {
        waitpid(pids[i], &status, 0);
        assert_int_equal(status, 0);
    }
    reopen(r);
    size_t lines = 0;
    for (const char *p = read_log(r); *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, 180);
    for (int i = 0; i < 3; i++) {
        char key[32];
        snprintf(key, sizeof key, "%d-59", (int)pids[i]);
        assert_string_equal(begin(r, key, NOW), "finished 1 r");
    }
}

/* ------------------------------------------------------------------------------------------------ cache */

static void it_gives_back_answers_as_they_came(void **state)
{
    test_room *r = *state;
    ptv_cached answer;
    bool found;
    reopen(r);
    assert_string_equal(get(r, "a.test"), "none");
    put(r, "a.test", "{\"tags\":[]}", NOW);
    put(r, "b.test", "{}", NOW);
    put(r, "a.test", "{\"tags\":null}", NOW + 1);
    reopen(r);
    assert_string_equal(get(r, "a.test"), "{\"tags\":null}");
    assert_int_equal(
        ptv_store_cache_get(r->store, &answer, &found, &r->mem, "passivetotal", "https://a.test/v2/tags", "a.test", &r->err),
        PTV_OK);
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.fetched_at, NOW + 1);
    assert_int_equal(answer.body_len, 13);
    assert_int_equal(
        ptv_store_cache_get(r->store, &answer, &found, &r->mem, "passivetotal", "https://b.test/v2/tags", "a.test", &r->err),
        PTV_OK);
    assert_false(found);
}

static void it_drops_what_was_used_longest_ago(void **state)
{
    test_room *r = *state;
    char body[1001], name[32];
    memset(body, 'x', 1000);
    body[1000] = '\0';
    open_with(r, (ptv_store_options){ .cache_max_bytes = 20 * 1200 });
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "%d.test", i);
        put(r, name, body, NOW - i); /* by use, not by time */
    }
    assert_string_equal(get(r, "0.test"), body);
    for (int i = 20; i < 30; i++) {
        snprintf(name, sizeof name, "%d.test", i);
        put(r, name, body, NOW - i);
    }
    assert_string_equal(get(r, "0.test"), body);
    assert_string_equal(get(r, "1.test"), "none");
    assert_string_equal(get(r, "29.test"), body);
    char *huge = test_calloc(1, 10000);
    memset(huge, 'x', 9999);
    put(r, "huge.test", huge, NOW); /* more than a quarter of all room: not kept */
    test_free(huge);
    assert_string_equal(get(r, "huge.test"), "none");
    assert_string_equal(get(r, "29.test"), body);
}

/* ------------------------------------------------------------------------------------------------ notes */

static void it_notes_a_cause_once_in_its_time(void **state)
{
    test_room *r = *state;
    reopen(r);
    assert_true(due(r, "tags: HTTP 503", NULL, NOW));
    assert_false(due(r, "tags: HTTP 503", NULL, NOW + 3599));
    assert_true(due(r, "tags: HTTP 503", "2095", NOW));
    assert_true(due(r, "tags: HTTP 502", NULL, NOW));
    reopen(r);
    assert_false(due(r, "tags: HTTP 503", "2095", NOW + 10));
    assert_true(due(r, "tags: HTTP 503", NULL, NOW + 3600));
    assert_false(due(r, "tags: HTTP 503", NULL, NOW + 3601));
}

static void it_notes_again_when_the_clock_was_set_back(void **state)
{
    test_room *r = *state;
    reopen(r);
    assert_true(due(r, "c", NULL, NOW));
    assert_false(due(r, "c", NULL, NOW - 10));
    assert_true(due(r, "c", NULL, NOW - DAY));
    assert_false(due(r, "c", NULL, NOW - DAY + 1));
}

/* ------------------------------------------------------------------------------------------- what goes wrong */

static void it_begins_anew_beside_a_damaged_file(void **state)
{
    test_room *r = *state;
    FILE *f = fopen(path_of(r, "state.db"), "wb");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database, ", f);
    fclose(f);
    reopen(r);
    assert_string_equal(begin(r, "k", NOW), "new 1");
    assert_non_null(strstr(r->log, "state.db is damaged: moved to "));
    assert_true(has_file(r, "state.db.damaged-"));
    reopen(r);
    assert_string_equal(begin(r, "k", NOW), "interrupted 2");
}

static void it_begins_anew_when_the_file_is_damaged_while_open(void **state)
{
    test_room *r = *state;
    char junk[4096], key[32];
    memset(junk, 0xa5, sizeof junk);
    reopen(r);
    for (int i = 0; i < 300; i++) {
        snprintf(key, sizeof key, "key number %d", i);
        begin(r, key, NOW);
        finish(r, key, "some reply that takes some room in the file so that there are many pages of it");
    }
    ptv_store *writer = r->store;
    ptv_store *other;
    assert_int_equal(ptv_store_open(&other, r->dir, NULL, &r->err), PTV_OK);
    ptv_store_close(writer); /* not the last: the log of writes stays, and is copied into the file by the next one */
    r->store = other;
    begin(r, "key number 5", NOW);
    ptv_store_close(r->store);
    r->store = NULL;
    reopen(r);
    struct stat st;
    stat(path_of(r, "state.db"), &st);
    for (long at = 4096; at + 4096 <= st.st_size; at += 4096)
        overwrite(r, "state.db", at, junk, sizeof junk);
    const char *seen = begin(r, "key number 5", NOW);
    assert_non_null(strstr(seen, "damaged"));
    assert_int_equal(r->err.code, PTV_EIO);
    assert_string_equal(begin(r, "key number 5", NOW), "new 1");
    assert_string_equal(begin(r, "key number 5", NOW), "interrupted 2");
    assert_true(has_file(r, "state.db.damaged-"));
}

static void it_does_not_touch_the_file_of_a_newer_version(void **state)
{
    test_room *r = *state;
    reopen(r);
    ptv_store_close(r->store);
    r->store = NULL;
    overwrite(r, "state.db", 60, "\0\0\0\x63", 4); /* user_version */
    assert_int_equal(ptv_store_open(&r->store, r->dir, NULL, &r->err), PTV_EIO);
    assert_non_null(strstr(r->err.msg, "made by a newer version of this program (99, known: 1)"));
    assert_false(has_file(r, "state.db.damaged-"));
}

static void it_says_which_folder_cannot_be_made(void **state)
{
    test_room *r = *state;
    char dir[300];
    snprintf(dir, sizeof dir, "%s/no/such", r->dir);
    assert_int_equal(ptv_store_open(&r->store, dir, NULL, &r->err), PTV_EIO);
    assert_non_null(strstr(r->err.msg, "/no/such: No such file or directory"));
    assert_int_equal(ptv_store_open(&r->store, "/dev/null", NULL, &r->err), PTV_EIO);
    assert_non_null(strstr(r->err.msg, "/dev/null: File exists"));
}

/* A file system that takes no more: the limit on a file's size does the same to one process. */
static int child_fills_the_disk(test_room *r)
{
    ptv_store *s;
    struct rlimit least = { 100000, 100000 };
    char body[3000], key[32];
    memset(body, 'x', sizeof body);
    signal(SIGXFSZ, SIG_IGN);
    if (ptv_store_open(&s, r->dir, NULL, &r->err) || ptv_store_call_finish(s, "first", NOW, "reply", 5, &r->err) ||
        ptv_store_log(s, "{\"n\":1}", 7, &r->err) || setrlimit(RLIMIT_FSIZE, &least))
        return 1;
    ptv_code rc = PTV_OK;
    for (int i = 0; i < 1000 && !rc; i++) {
        snprintf(key, sizeof key, "%d", i);
        rc = ptv_store_call_finish(s, key, NOW, body, sizeof body, &r->err);
    }
    if (rc != PTV_EIO || !strstr(r->err.msg, "storing a result: "))
        return 2;
    ptv_cached answer = { 200, NOW, body, sizeof body };
    if (ptv_store_cache_put(s, "s", "e", "a", &answer, &r->err) != PTV_EIO)
        return 3;
    r->store = s;
    if (strcmp(begin(r, "first", NOW), "finished 1 reply") != 0 && !strstr(r->err.msg, "storing a call: "))
        return 4;
    for (rc = PTV_OK; !rc;)
        rc = ptv_store_log(s, body, sizeof body, &r->err);
    if (rc != PTV_EIO || !strstr(r->err.msg, "writing the decision log: File too large"))
        return 5;
    if (ptv_store_log(s, "{\"n\":2}", 7, &r->err) && r->err.code != PTV_EIO)
        return 6;
    ptv_store_close(s);
    return 0;
}

static void it_says_when_the_disk_is_full_and_loses_nothing_kept(void **state)
{
    test_room *r = *state;
    assert_int_equal(in_child(child_fills_the_disk, r), 0);
    reopen(r);
    assert_string_equal(begin(r, "first", NOW), "finished 1 reply");
    const char *lines = read_log(r);
    assert_int_equal(strncmp(lines, "{\"n\":1}\nxxx", 11), 0);
    for (const char *p = lines + 8; *p == 'x'; p = strchr(p, '\n') + 1)
        assert_int_equal(strcspn(p, "\n"), 3000); /* whole ones only */
}

static void it_works_in_memory_without_a_folder(void **state)
{
    test_room *r = *state;
    assert_int_equal(ptv_store_open(&r->store, NULL, NULL, &r->err), PTV_OK);
    assert_string_equal(begin(r, "k", NOW), "new 1");
    finish(r, "k", "x");
    assert_int_equal(ptv_store_commit(r->store, &r->err), PTV_OK);
    assert_string_equal(begin(r, "k", NOW), "finished 1 x");
    put(r, "a.test", "{}", NOW);
    assert_string_equal(get(r, "a.test"), "{}");
    assert_true(due(r, "c", "1", NOW));
    assert_int_equal(append(r, "{}"), PTV_OK);
    assert_int_equal(ptv_store_rules_keep(r->store, "x", NULL, 0, &r->err), PTV_OK);
}

/* -------------------------------------------------------------------------------------------------- log */

static void it_rotates_the_log_by_size(void **state)
{
    test_room *r = *state;
    char line[64];
    open_with(r, (ptv_store_options){ .log_max_bytes = 100, .log_backups = 2 });
    for (int i = 0; i < 30; i++) {
        snprintf(line, sizeof line, "{\"number\":%d}", 1000 + i); /* 15 bytes: six a file */
        assert_int_equal(append(r, line), PTV_OK);
    }
    const char *lines = read_log(r);
    assert_int_equal(strncmp(lines, "{\"number\":1012}\n", 16), 0); /* three files, in order */
    assert_string_equal(lines + strlen(lines) - 16, "{\"number\":1029}\n");
    assert_int_equal(strlen(lines), 18 * 16);
    assert_true(has_file(r, "decisions.2.ndjson"));
    assert_false(has_file(r, "decisions.3.ndjson"));
}

static void it_leaves_out_a_line_that_was_cut(void **state)
{
    test_room *r = *state;
    reopen(r);
    append(r, "{\"a\":1}");
    FILE *f = fopen(path_of(r, "decisions.ndjson"), "ab");
    fputs("{\"cut", f);
    fclose(f);
    assert_string_equal(read_log(r), "{\"a\":1}\n");
    append(r, "{\"a\":2}"); /* the cut one is ended, and is its reader's business */
    assert_string_equal(read_log(r), "{\"a\":1}\n{\"cut\n{\"a\":2}\n");
}

static int stop_at_once(void *to, const char *line, size_t len)
{
    (void)line, (void)len;
    return ++*(int *)to;
}

static void it_stops_reading_when_told(void **state)
{
    test_room *r = *state;
    int seen = 0;
    reopen(r);
    append(r, "{\"a\":1}");
    append(r, "{\"a\":2}");
    assert_int_equal(ptv_store_log_read(r->dir, stop_at_once, &seen, &r->err), PTV_OK);
    assert_int_equal(seen, 1);
}

static void it_reads_no_log_as_an_empty_one(void **state)
{
    test_room *r = *state;
    assert_string_equal(read_log(r), "");
    assert_int_equal(ptv_store_log_read("/no/such/folder", add_line, r, &r->err), PTV_OK);
}

/* -------------------------------------------------------------------------------------------- rule sets */

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *sha_of(test_room *r, const char *text)
{
    char *hex = ptv_arena_alloc(&r->mem, PTV_DIGEST_HEX);
    ptv_digest *d = ptv_digest_new();
    ptv_digest_begin(d);
    ptv_digest_add(d, text, strlen(text));
    ptv_digest_end(d, hex);
    ptv_digest_free(d);
    return hex;
}

static ptv_kept_file rule_file(test_room *r, const char *folder, const char *name, const char *text)
{
    ptv_kept_file file = { .folder = ptv_arena_printf(&r->mem, "%s/%s", r->dir, folder), .name = name };
    file.path = ptv_arena_printf(&r->mem, "%s/%s", file.folder, name);
    file.digest = sha_of(r, text);
    mkdir(file.folder, 0700);
    mkdir(ptv_arena_printf(&r->mem, "%s/lists", file.folder), 0700);
    assert_int_equal(ptv_file_replace(file.path, text, strlen(text), &r->err), PTV_OK);
    return file;
}

static const char *content(test_room *r, const char *folder, const char *name)
{
    ptv_buf text = PTV_BUF(1000);
    if (ptv_file_read(&text, ptv_arena_printf(&r->mem, "%s/%s", folder, name), &r->err))
        return r->err.msg;
    const char *copy = ptv_arena_strdup(&r->mem, text.data);
    ptv_buf_release(&text);
    return copy;
}

static void it_keeps_a_rule_set_by_its_digest(void **state)
{
    test_room *r = *state;
    const char **folders;
    size_t count;
    reopen(r);
    const ptv_kept_file files[] = { rule_file(r, "one", "a.lua", "-- a"), rule_file(r, "two", "a.lua", "-- another"),
                                    rule_file(r, "one", "lists/x.txt", "x"), rule_file(r, "two", "lists/x..y.txt", "y") };
    assert_int_equal(ptv_store_rules_folders(&folders, &count, &r->mem, r->dir, DIGEST, &r->err), PTV_OK);
    assert_int_equal(count, 0);
    for (int again = 0; again < 2; again++)
        assert_int_equal(ptv_store_rules_keep(r->store, DIGEST, files, 4, &r->err), PTV_OK);
    assert_int_equal(ptv_store_rules_folders(&folders, &count, &r->mem, r->dir, DIGEST, &r->err), PTV_OK);
    assert_int_equal(count, 2);
    assert_string_equal(content(r, folders[0], "a.lua"), "-- a");
    assert_string_equal(content(r, folders[0], "lists/x.txt"), "x");
    assert_string_equal(content(r, folders[1], "a.lua"), "-- another");
    assert_string_equal(content(r, folders[1], "lists/x..y.txt"), "y");
    assert_int_equal(ptv_store_rules_folders(&folders, &count, &r->mem, r->dir, "../one", &r->err), PTV_OK);
    assert_int_equal(count, 0);
}

static void it_keeps_no_rule_set_that_changed_since_it_was_loaded(void **state)
{
    test_room *r = *state;
    const char **names;
    size_t count;
    reopen(r);
    ptv_kept_file files[] = { rule_file(r, "one", "a.lua", "-- a"), rule_file(r, "one", "b.lua", "-- b") };
    rule_file(r, "one", "b.lua", "-- changed");
    assert_int_equal(ptv_store_rules_keep(r->store, DIGEST, files, 2, &r->err), PTV_EIO);
    assert_non_null(strstr(r->err.msg, "b.lua has changed since it was loaded"));
    files[1].path = "/no/such/file";
    assert_int_equal(ptv_store_rules_keep(r->store, DIGEST, files, 2, &r->err), PTV_EIO);
    files[1].name = "../b.lua";
    assert_int_equal(ptv_store_rules_keep(r->store, DIGEST, files, 2, &r->err), PTV_EINVAL);
    assert_int_equal(ptv_store_rules_keep(r->store, "no digest", files, 1, &r->err), PTV_EINVAL);
    assert_int_equal(ptv_dir_list(&names, &count, &r->mem, path_of(r, "rules"), &r->err), PTV_OK);
    assert_int_equal(count, 0); /* nothing half made stays */
}

/* ----------------------------------------------------------------------------------------------- memory */

static ptv_code live_once(test_room *r, const char *dir, const ptv_kept_file *files)
{
    ptv_store *s = NULL;
    ptv_call_state state;
    int attempts;
    char *reply = NULL;
    size_t len, count;
    bool flag;
    const char **folders;
    ptv_cached answer = { 200, NOW, "{\"tags\":[]}", 11 }, got;
    ptv_code rc = ptv_store_open(&s, dir, NULL, &r->err);
    if (!rc)
        rc = ptv_store_call_begin(s, "k", NOW, &state, &attempts, &reply, &len, &r->err);
    if (!rc)
        rc = ptv_store_call_finish(s, "k", NOW, "reply", 5, &r->err);
    if (!rc)
        ptv_free(reply), reply = NULL;
    if (!rc)
        rc = ptv_store_call_begin(s, "k", NOW, &state, &attempts, &reply, &len, &r->err);
    if (!rc)
        rc = ptv_store_commit(s, &r->err);
    if (!rc)
        rc = ptv_store_cache_put(s, "s", "e", "a", &answer, &r->err);
    if (!rc)
        rc = ptv_store_cache_get(s, &got, &flag, &r->mem, "s", "e", "a", &r->err);
    if (!rc)
        rc = ptv_store_note_due(s, &flag, "c", "i", NOW, 60, &r->err);
    if (!rc)
        rc = ptv_store_log(s, "{}", 2, &r->err);
    if (!rc && dir)
        rc = ptv_store_log_read(dir, add_line, r, &r->err);
    if (!rc && dir)
        rc = ptv_store_rules_keep(s, DIGEST, files, 1, &r->err);
    if (!rc && dir)
        rc = ptv_store_rules_folders(&folders, &count, &r->mem, dir, DIGEST, &r->err);
    ptv_free(reply);
    ptv_store_close(s);
    return rc;
}

static void fail_each(test_room *r, const char *dir, const ptv_kept_file *files)
{
    assert_int_equal(live_once(r, dir, files), PTV_OK);
    ptv_arena_release(&r->mem);
    size_t live = ptv_mem_live(), failed = 0;
    for (unsigned long nth = 1;; nth += dir ? 1 + nth / 16 : 1) { /* files are synced: not each one of those */
        ptv_mem_fail_at(nth);
        unsigned long before = ptv_mem_count();
        ptv_code rc = live_once(r, dir, files);
        bool reached = ptv_mem_count() - before >= nth;
        ptv_mem_fail_at(0);
        ptv_arena_release(&r->mem);
        r->lines[0] = '\0';
        assert_int_equal(ptv_mem_live(), live);
        if (rc && rc != PTV_ENOMEM)
            fail_msg("allocation %lu: %s", nth, r->err.msg);
        failed += rc != PTV_OK;
        if (!reached)
            break;
    }
    assert_true(failed > 20); /* SQLite gets along without some of them */
    assert_int_equal(live_once(r, dir, files), PTV_OK);
}

static void it_says_when_memory_ends_and_keeps_nothing_of_it(void **state)
{
    test_room *r = *state;
    const char *text = "-- a";
    char *folder = test_malloc(300), *path = test_malloc(300), *hex = test_malloc(PTV_DIGEST_HEX);
    ptv_kept_file file = rule_file(r, "one", "a.lua", text);
    snprintf(folder, 300, "%s", file.folder);
    snprintf(path, 300, "%s", file.path);
    memcpy(hex, file.digest, PTV_DIGEST_HEX);
    file = (ptv_kept_file){ .path = path, .folder = folder, .name = "a.lua", .digest = hex };
    fail_each(r, r->dir, &file);
    fail_each(r, NULL, &file);
    test_free(folder);
    test_free(path);
    test_free(hex);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_room, close_room)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_answers_a_call_again_after_a_restart),
        TEST(it_counts_attempts_of_a_call_that_never_finished),
        TEST(it_forgets_the_reply_that_was_delivered_but_not_the_call),
        TEST(it_keeps_any_bytes_as_a_reply),
        TEST(it_forgets_calls_after_their_time_whichever_way_the_clock_went),
        TEST(it_loses_nothing_when_the_process_is_killed),
        TEST(it_is_shared_by_several_processes),
        TEST(it_gives_back_answers_as_they_came),
        TEST(it_drops_what_was_used_longest_ago),
        TEST(it_notes_a_cause_once_in_its_time),
        TEST(it_notes_again_when_the_clock_was_set_back),
        TEST(it_begins_anew_beside_a_damaged_file),
        TEST(it_begins_anew_when_the_file_is_damaged_while_open),
        TEST(it_does_not_touch_the_file_of_a_newer_version),
        TEST(it_says_which_folder_cannot_be_made),
        TEST(it_says_when_the_disk_is_full_and_loses_nothing_kept),
        TEST(it_works_in_memory_without_a_folder),
        TEST(it_rotates_the_log_by_size),
        TEST(it_leaves_out_a_line_that_was_cut),
        TEST(it_stops_reading_when_told),
        TEST(it_reads_no_log_as_an_empty_one),
        TEST(it_keeps_a_rule_set_by_its_digest),
        TEST(it_keeps_no_rule_set_that_changed_since_it_was_loaded),
        TEST(it_says_when_memory_ends_and_keeps_nothing_of_it),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
