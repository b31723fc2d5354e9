/*
 * test_cached.c: kept answers in the place of calls: while they are young, and while the source fails; what is never kept.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "answers.h"
#include "fake_net.h"
#include "scratch_dir.h"
#include "sources/fetch.h"

#define NOW  INT64_C(1777593600)
#define TAGS "/actions/tags"
#define WORD "/actions/classification"
#define ACCT "/account"

typedef struct kept {
    char key[256], body[256];
    int status;
    int64_t fetched_at;
} kept;

typedef struct test_room {
    scratch_dir dir;
    ptv_arena mem;
    ptv_source_settings s;
    fake_net net;
    ptv_transport transport;
    ptv_fetcher *fetcher;
    ptv_fetch fetch;
    kept entries[8];
    size_t count;
    ptv_error err;
} test_room;

static test_room the_room;
static int64_t the_time;

static int64_t told_time(void)
{
    return the_time;
}

static kept *find(test_room *room, const char *source, const char *endpoint, const char *artifact)
{
    char key[256];
    snprintf(key, sizeof key, "%s %s %s", source, endpoint, artifact);
    size_t i = 0;
    while (i < room->count && strcmp(room->entries[i].key, key) != 0)
        i++;
    snprintf(room->entries[i].key, sizeof room->entries[i].key, "%s", key);
    return &room->entries[i];
}

static bool get(void *self, ptv_answer *out, ptv_arena *mem, const char *source, const char *endpoint, const char *artifact)
{
    test_room *room = self;
    kept *k = find(room, source, endpoint, artifact);
    if (k == &room->entries[room->count])
        return false;
    out->status = k->status;
    out->fetched_at = k->fetched_at;
    out->body = ptv_arena_strdup(mem, k->body);
    out->body_len = strlen(k->body);
    return out->body != NULL;
}

static void put(void *self, const ptv_answer *answer, const char *source, const char *endpoint, const char *artifact)
{
    test_room *room = self;
    kept *k = find(room, source, endpoint, artifact);
    room->count += k == &room->entries[room->count];
    snprintf(k->body, sizeof k->body, "%s", answer->body);
    k->status = answer->status;
    k->fetched_at = answer->fetched_at;
}

static int open_room(void **state)
{
    the_room = (test_room){ .mem = PTV_ARENA(64 << 20), .s = plain_settings(), .net = { .now = 1000000 } };
    the_room.transport = fake_transport(&the_room.net);
    the_room.s.cache = (ptv_section_cache){ &the_room, get, put };
    for (int i = 0; i < PTV_SECTION_COUNT; i++)
        the_room.s.cache_s[i] = 3600;
    the_room.s.stale_s = 7 * PTV_DAY_S;
    the_room.s.retry_within_ms = 0;
    the_room.s.clock_utc = told_time;
    the_time = NOW;
    *state = &the_room;
    return scratch_dir_make(&the_room.dir) ? 0 : -1;
}

static int close_room(void **state)
{
    test_room *room = *state;
    if (room->fetch.pending)
        ptv_fetch_cancel(&room->fetch);
    ptv_fetcher_free(room->fetcher);
    ptv_arena_release(&room->mem);
    scratch_dir_remove(&room->dir);
    return ptv_mem_live() == 0 && room->net.under_way == 0 ? 0 : -1;
}

static void done(void *owner)
{
    (void)owner;
}

/* Another process with the same cache: a new fetcher, another script. */
static void serve(test_room *room, const fake_answer *script)
{
    ptv_fetcher_free(room->fetcher);
    room->fetcher = NULL;
    room->net.script = script;
    memset(room->net.used, 0, sizeof room->net.used);
    room->net.started = 0;
    if (ptv_fetcher_new(&room->fetcher, &room->s, &room->transport, &room->err))
        fail_msg("%s", room->err.msg);
}

static void begin(test_room *room, const char *artifact, ptv_sections sections)
{
    room->fetch = (ptv_fetch){
        .fetcher = room->fetcher, .record = new_record(&room->mem, artifact), .mem = &room->mem, .done = done, .owner = room
    };
    assert_int_equal(ptv_fetch_ask(&room->fetch, sections, &room->err), PTV_OK);
}

static const char *ask_of(test_room *room, const char *artifact, ptv_section section)
{
    begin(room, artifact, PTV_BIT(section));
    for (int i = 0; room->fetch.pending && i < 1000; i++) {
        ptv_fetcher_run(room->fetcher);
        room->transport.poll(room->transport.self, ptv_fetcher_next_ms(room->fetcher), &room->err);
    }
    return tell(&room->mem, room->fetch.record, section);
}

static const char *ask(test_room *room, ptv_section section)
{
    return ask_of(room, "evil.example", section);
}

static const ptv_section_info *info(test_room *room, ptv_section section)
{
    return &room->fetch.record->sections[section];
}

static const fake_answer good[] = {
    { .path = TAGS, .status = 200, .body = "{\"tags\":[\"net\"]}" },
    { .path = WORD, .status = 200, .body = "{\"classification\":\"suspicious\"}" },
    { .path = ACCT, .status = 200, .body = "{\"username\":\"a\",\"searchApiQuotaExceeded\":false}" },
    { .path = NULL },
};
static const fake_answer down[] = {
    { .path = TAGS, .status = 503 },
    { .path = WORD, .status = 503 },
    { .path = NULL },
};

static void it_asks_once_for_thirty_incidents(void **state)
{
    test_room *room = *state;
    serve(room, good);
    for (int i = 0; i < 30; i++, the_time += 100) {
        assert_string_equal(ask(room, PTV_TAGS), "ok [net]");
        assert_int_equal(info(room, PTV_TAGS)->age_s, i * 100);
        assert_int_equal(info(room, PTV_TAGS)->calls, i == 0);
        assert_int_equal(info(room, PTV_TAGS)->fetched_at, NOW);
        assert_string_equal(info(room, PTV_TAGS)->source, "passivetotal");
        assert_string_equal(ask(room, PTV_CLASSIFICATION), "ok suspicious");
    }
    assert_int_equal(room->net.started, 2);
    ask_of(room, "other.example", PTV_TAGS);
    assert_int_equal(room->net.started, 3);
}

static void it_asks_again_after_its_time(void **state)
{
    test_room *room = *state;
    serve(room, good);
    ask(room, PTV_TAGS);
    the_time += 3599;
    ask(room, PTV_TAGS);
    assert_int_equal(room->net.started, 1);
    the_time += 1;
    ask(room, PTV_TAGS);
    assert_int_equal(room->net.started, 2);
    assert_int_equal(info(room, PTV_TAGS)->age_s, 0);
    room->s.cache_s[PTV_TAGS] = 0;
    ask(room, PTV_TAGS);
    assert_int_equal(room->net.started, 3);
}

static void it_does_not_trust_an_answer_from_the_future(void **state)
{
    test_room *room = *state;
    serve(room, good);
    ask(room, PTV_TAGS);
    the_time -= 30; /* put right a little */
    ask(room, PTV_TAGS);
    assert_int_equal(room->net.started, 1);
    assert_int_equal(info(room, PTV_TAGS)->age_s, 0);
    the_time -= 365 * PTV_DAY_S;
    ask(room, PTV_TAGS);
    assert_int_equal(room->net.started, 2); /* and the new answer takes its place */
    ask(room, PTV_TAGS);
    assert_int_equal(room->net.started, 2);
}

static void it_never_keeps_a_failure(void **state)
{
    static const fake_answer bad[] = {
        { .path = TAGS, .status = 200, .body = "{\"message\":\"quota_exceeded\"}" },
        { .path = WORD, .status = 200, .body = "{}" },
        { .path = NULL },
    };
    test_room *room = *state;
    serve(room, down);
    assert_string_equal(ask(room, PTV_TAGS), "failed outage: HTTP 503: service unavailable");
    serve(room, bad);
    ask(room, PTV_CLASSIFICATION);
    ask(room, PTV_TAGS);
    assert_int_equal(room->count, 0);
}

static void it_never_keeps_the_account(void **state)
{
    test_room *room = *state;
    serve(room, good);
    assert_string_equal(ask(room, PTV_ACCOUNT), "ok exceeded=0 left=-1");
    assert_int_equal(room->count, 0);
}

static void it_lets_an_older_answer_stand_in_while_the_source_fails(void **state)
{
    test_room *room = *state;
    serve(room, good);
    ask(room, PTV_TAGS);
    the_time += 2 * PTV_DAY_S;
    serve(room, down);
    assert_string_equal(ask(room, PTV_TAGS), "stale none: HTTP 503: service unavailable");
    assert_int_equal(info(room, PTV_TAGS)->age_s, 2 * PTV_DAY_S);
    assert_int_equal(info(room, PTV_TAGS)->calls, 1);
    assert_true(ptv_set_has(&room->fetch.record->tags, "net"));
    assert_string_equal(ask(room, PTV_CLASSIFICATION), "failed outage: HTTP 503: service unavailable");
    the_time = NOW + 3600 + 7 * PTV_DAY_S;
    assert_string_equal(ask(room, PTV_TAGS), "failed outage: HTTP 503: service unavailable");
}

static void it_lets_it_stand_in_when_the_quota_is_used_up(void **state)
{
    static const fake_answer used_up[] = { { .path = TAGS, .status = 429 },
                                           { .path = WORD, .status = 429 },
                                           { .path = NULL } };
    test_room *room = *state;
    serve(room, good);
    ask(room, PTV_TAGS);
    ask(room, PTV_CLASSIFICATION);
    the_time += 7200;
    serve(room, used_up);
    ask(room, PTV_TAGS);
    assert_int_equal(info(room, PTV_TAGS)->state, PTV_STATE_STALE);
    ask(room, PTV_CLASSIFICATION); /* not even asked */
    assert_int_equal(info(room, PTV_CLASSIFICATION)->state, PTV_STATE_STALE);
    assert_int_equal(room->net.started, 1);
}

static void it_lets_it_stand_in_when_the_deadline_comes_first(void **state)
{
    test_room *room = *state;
    serve(room, good);
    ask(room, PTV_TAGS);
    the_time += 7200;
    begin(room, "evil.example", PTV_BIT(PTV_TAGS));
    ptv_fetch_cancel(&room->fetch);
    assert_string_equal(tell(&room->mem, room->fetch.record, PTV_TAGS), "stale none: no answer before the deadline");
}

static void it_does_not_cover_up_a_refused_key_or_wrong_settings(void **state)
{
    static const fake_answer refused[] = { { .path = TAGS, .status = 401 }, { .path = NULL } };
    static const fake_answer nowhere[] = { { .path = TAGS, .status = 404 }, { .path = NULL } };
    test_room *room = *state;
    serve(room, good);
    ask(room, PTV_TAGS);
    the_time += 7200;
    serve(room, refused);
    ask(room, PTV_TAGS);
    assert_int_equal(info(room, PTV_TAGS)->state, PTV_STATE_FAILED);
    serve(room, nowhere);
    ask(room, PTV_TAGS);
    assert_int_equal(info(room, PTV_TAGS)->state, PTV_STATE_FAILED);
}

static void it_prefers_another_source_to_an_older_answer(void **state)
{
    test_room *room = *state;
    room->s.archive = scratch_write(&room->dir, "a.ndjson",
                                    "{\"endpoint\":\"/v2/actions/tags\",\"query\":\"evil.example\",\"status\":200,"
                                    "\"fetched_at\":\"2026-01-01T00:00:00Z\",\"body\":{\"tags\":[\"filed\"]}}\n");
    char *path = test_malloc(strlen(room->s.archive) + 1);
    memcpy(path, room->s.archive, strlen(room->s.archive) + 1);
    room->s.archive = path;
    room->s.route[PTV_TAGS] = "passivetotal, archive";
    room->s.route[PTV_CLASSIFICATION] = "passivetotal, archive";
    serve(room, good);
    ask(room, PTV_TAGS);
    ask(room, PTV_CLASSIFICATION);
    the_time += 7200;
    serve(room, down);
    assert_string_equal(ask(room, PTV_TAGS), "ok [filed]");
    ask(room, PTV_CLASSIFICATION);
    assert_int_equal(info(room, PTV_CLASSIFICATION)->state, PTV_STATE_STALE); /* the archive has no entry */
    test_free(path);
}

static void it_marks_a_join_with_an_older_part(void **state)
{
    test_room *room = *state;
    char path[512];
    snprintf(path, sizeof path, "%s", scratch_write(&room->dir, "l.csv", "indicator,tags\nevil.example,ours\n"));
    room->s.lists = path;
    room->s.route[PTV_TAGS] = "passivetotal + lists";
    serve(room, good);
    assert_string_equal(ask(room, PTV_TAGS), "ok [net|ours]");
    the_time += 100;
    assert_string_equal(ask(room, PTV_TAGS), "ok [net|ours]");
    assert_int_equal(info(room, PTV_TAGS)->age_s, 100);
    assert_int_equal(room->net.started, 1);
    the_time += 7200;
    serve(room, down);
    assert_string_equal(ask(room, PTV_TAGS), "stale none: HTTP 503: service unavailable");
    assert_true(ptv_set_has(&room->fetch.record->tags, "net"));
    assert_true(ptv_set_has(&room->fetch.record->tags, "ours"));
    room->s.route[PTV_TAGS] = "lists + passivetotal";
    serve(room, down);
    assert_string_equal(ask(room, PTV_TAGS), "stale none: HTTP 503: service unavailable");
    assert_true(ptv_set_has(&room->fetch.record->tags, "ours"));
}

static void it_reads_a_kept_answer_by_the_settings_of_now(void **state)
{
    static const fake_answer none[] = {
        { .path = TAGS, .status = 404, .body = "{\"message\":\"no results found\"}" },
        { .path = NULL },
    };
    test_room *room = *state;
    room->s.not_found_is_empty = true;
    serve(room, none);
    assert_string_equal(ask(room, PTV_TAGS), "ok []");
    ask(room, PTV_TAGS);
    assert_int_equal(room->net.started, 1);
    room->s.not_found_is_empty = false;
    serve(room, good);
    assert_string_equal(ask(room, PTV_TAGS), "ok [net]");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_room, close_room)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_asks_once_for_thirty_incidents),
        TEST(it_asks_again_after_its_time),
        TEST(it_does_not_trust_an_answer_from_the_future),
        TEST(it_never_keeps_a_failure),
        TEST(it_never_keeps_the_account),
        TEST(it_lets_an_older_answer_stand_in_while_the_source_fails),
        TEST(it_lets_it_stand_in_when_the_quota_is_used_up),
        TEST(it_lets_it_stand_in_when_the_deadline_comes_first),
        TEST(it_does_not_cover_up_a_refused_key_or_wrong_settings),
        TEST(it_prefers_another_source_to_an_older_answer),
        TEST(it_marks_a_join_with_an_older_part),
        TEST(it_reads_a_kept_answer_by_the_settings_of_now),
    };
    return cmocka_run_group_tests_name("cached", tests, NULL, NULL);
}
