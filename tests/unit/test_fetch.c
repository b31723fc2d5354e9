/*
 * test_fetch.c: routes, joining, retries, key and quota stops, deadlines, the account; on a scripted transport.
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
#include "base/log.h"
#include "sources/fetch.h"
#include "sources/registry.h"

#define T PTV_BIT(PTV_TAGS)
#define C PTV_BIT(PTV_CLASSIFICATION)
#define P PTV_BIT(PTV_PASSIVE_DNS)
#define S PTV_BIT(PTV_SUBDOMAINS)
#define A PTV_BIT(PTV_ACCOUNT)

typedef struct test_room {
    scratch_dir dir;
    ptv_arena mem;
    ptv_source_settings s;
    fake_net net;
    ptv_transport transport;
    ptv_fetcher *fetcher;
    ptv_fetch fetch;
    unsigned dones;
    ptv_error err;
    char log[8192];
} test_room;

static test_room the_room;

static void keep_log(void *to, ptv_log_level level, const char *area, const char *message)
{
    test_room *room = to;
    size_t len = strlen(room->log);
    (void)level;
    snprintf(room->log + len, sizeof room->log - len, "%s: %s\n", area, message);
}

static int open_room(void **state)
{
    the_room = (test_room){ .mem = PTV_ARENA(64 << 20), .s = plain_settings(), .net = { .now = 1000000 } };
    the_room.transport = fake_transport(&the_room.net);
    *state = &the_room;
    ptv_log_to(keep_log, &the_room, PTV_LOG_DEBUG);
    return scratch_dir_make(&the_room.dir) ? 0 : -1;
}

static int close_room(void **state)
{
    test_room *room = *state;
    ptv_log_to(NULL, NULL, PTV_LOG_ERROR);
    if (room->fetch.pending)
        ptv_fetch_cancel(&room->fetch);
    ptv_fetcher_free(room->fetcher);
    ptv_arena_release(&room->mem);
    scratch_dir_remove(&room->dir);
    if (strstr(room->log, "0123secret") || strstr(room->log, "ana@example.test"))
        return -1;
    return ptv_mem_live() == 0 && room->net.under_way == 0 ? 0 : -1;
}

static void count_done(void *owner)
{
    ((test_room *)owner)->dones++;
}

static void open_fetcher(test_room *room, const fake_answer *script)
{
    room->net.script = script;
    if (ptv_fetcher_new(&room->fetcher, &room->s, &room->transport, &room->err))
        fail_msg("%s", room->err.msg);
    ptv_fetcher_seed(room->fetcher, 7);
}

static void begin(test_room *room, const char *artifact)
{
    room->fetch = (ptv_fetch){ .fetcher = room->fetcher,
                               .record = new_record(&room->mem, artifact),
                               .mem = &room->mem,
                               .done = count_done,
                               .owner = room };
    room->dones = 0;
    assert_non_null(room->fetch.record);
}

/* Until nothing is pending; time passes only while nothing else can happen. */
static void run(test_room *room)
{
    for (int i = 0; room->fetch.pending && i < 1000; i++) {
        ptv_fetcher_run(room->fetcher);
        room->transport.poll(room->transport.self, ptv_fetcher_next_ms(room->fetcher), &room->err);
    }
    assert_int_equal(room->fetch.pending, 0);
}

static void ask(test_room *room, ptv_sections sections)
{
    begin(room, "evil.example");
    assert_int_equal(ptv_fetch_ask(&room->fetch, sections, &room->err), PTV_OK);
    run(room);
    assert_int_equal(room->dones, 1);
}

static const char *told(test_room *room, ptv_section section)
{
    return tell(&room->mem, room->fetch.record, section);
}

static const ptv_section_info *info(test_room *room, ptv_section section)
{
    return &room->fetch.record->sections[section];
}

#define TAGS "/actions/tags"
#define WORD "/actions/classification"
#define PDNS "/dns/passive"
#define SUBS "/enrichment/subdomains"
#define ACCT "/account"

static const fake_answer all_good[] = {
    { .path = TAGS, .status = 200, .body = "{\"tags\":[\"net\"]}" },
    { .path = WORD, .status = 200, .body = "{\"classification\":\"suspicious\"}" },
    { .path = PDNS,
      .status = 200,
      .body =
          "{\"totalRecords\":1,\"results\":[{\"resolve\":\"192.0.2.1\",\"firstSeen\":\"2026-01-02\",\"source\":[\"x\"]}]}" },
    { .path = SUBS, .status = 200, .body = "{\"primaryDomain\":\"evil.example\",\"subdomains\":[\"www\"]}" },
    { .path = ACCT, .status = 200, .body = "{\"username\":\"a\",\"searchApiQuotaExceeded\":false}" },
    { .path = NULL },
};

/* ------------------------------------------------------------------------------------------- network */

static void it_asks_every_section_once(void **state)
{
    test_room *room = *state;
    open_fetcher(room, all_good);
    assert_int_equal(ptv_fetcher_supported(room->fetcher), T | C | P | S | A);
    assert_int_equal(ptv_fetcher_local(room->fetcher), 0);
    ask(room, T | C | P | S | A);
    assert_int_equal(room->net.started, 5);
    assert_string_equal(told(room, PTV_TAGS), "ok [net]");
    assert_string_equal(told(room, PTV_CLASSIFICATION), "ok suspicious");
    assert_string_equal(told(room, PTV_SUBDOMAINS), "ok 1 [www.evil.example]");
    assert_string_equal(told(room, PTV_ACCOUNT), "ok exceeded=0 left=-1");
    assert_string_equal(info(room, PTV_TAGS)->source, "passivetotal");
    assert_int_equal(info(room, PTV_TAGS)->calls, 1);
    assert_int_equal(info(room, PTV_TAGS)->fetched_at, fixed_utc());
    assert_int_equal(room->fetch.record->fetched_at, fixed_utc());
    assert_non_null(strstr(room->net.log, "/v2/actions/tags?query=evil.example\n"));
    assert_int_equal(ptv_fetcher_next_ms(room->fetcher), -1);
    assert_non_null(strstr(room->log, "fetch: evil.example tags: ok, 1 ms"));
}

static void it_is_done_at_once_when_nothing_is_asked(void **state)
{
    test_room *room = *state;
    open_fetcher(room, all_good);
    ask(room, 0);
    assert_int_equal(room->net.started, 0);
}

static void it_asks_more_while_some_are_pending_and_none_twice(void **state)
{
    test_room *room = *state;
    open_fetcher(room, all_good);
    begin(room, "evil.example");
    ptv_fetch_ask(&room->fetch, T, &room->err);
    ptv_fetch_ask(&room->fetch, T | C, &room->err);
    assert_int_equal(room->fetch.pending, T | C);
    assert_int_equal(room->net.started, 2);
    run(room);
    assert_int_equal(room->dones, 1);
}

static void it_tries_again_where_that_can_help(void **state)
{
    static const fake_answer script[] = {
        { .path = TAGS, .status = 503, .body = "" },
        { .path = TAGS, .code = PTV_ENET, .retryable = true, .message = "connection reset" },
        { .path = TAGS, .status = 200, .body = "{\"tags\":[" },
        { .path = TAGS, .status = 200, .body = "{\"tags\":[\"x\"]}" },
        { .path = NULL },
    };
    test_room *room = *state;
    open_fetcher(room, script);
    int64_t before = room->net.now;
    ask(room, T);
    assert_string_equal(told(room, PTV_TAGS), "ok [x]");
    assert_int_equal(info(room, PTV_TAGS)->calls, 4);
    assert_true(room->net.now - before >= 100 + 200 + 400);
    assert_true(room->net.now - before <= 200 + 400 + 800);
}

static void it_waits_the_same_for_the_same_seed(void **state)
{
    static const fake_answer script[] = { { .path = TAGS, .status = 503, .body = "" }, { .path = NULL } };
    test_room *room = *state;
    open_fetcher(room, script);
    int64_t waited[2];
    for (int i = 0; i < 2; i++) {
        ptv_fetcher_seed(room->fetcher, 99);
        waited[i] = room->net.now;
        ask(room, T);
        waited[i] = room->net.now - waited[i];
    }
    assert_int_equal(waited[0], waited[1]);
    assert_true(waited[0] <= room->s.retry_within_ms);
    assert_true(info(room, PTV_TAGS)->calls >= 4);
    char expected[64];
    snprintf(expected, sizeof expected, "failed outage: HTTP 503: service unavailable (%u tries)",
             info(room, PTV_TAGS)->calls);
    assert_string_equal(told(room, PTV_TAGS), expected);
}

static void it_does_not_try_again_where_that_cannot_help(void **state)
{
    static const fake_answer script[] = {
        { .path = TAGS, .code = PTV_ETOOBIG, .message = "the answer is over 16 MB" },
        { .path = WORD, .status = 404, .body = "" },
        { .path = PDNS, .status = 200, .body = "{}" },
        { .path = SUBS, .code = PTV_ENET, .message = "certificate refused" },
        { .path = NULL },
    };
    test_room *room = *state;
    open_fetcher(room, script);
    ask(room, T | C | P | S);
    assert_int_equal(room->net.started, 4);
    assert_string_equal(told(room, PTV_TAGS), "failed outage: the answer is over 16 MB");
    assert_string_equal(told(room, PTV_CLASSIFICATION), "failed settings: HTTP 404: not found");
    assert_string_equal(told(room, PTV_SUBDOMAINS), "failed outage: certificate refused");
    assert_string_equal(info(room, PTV_SUBDOMAINS)->source, "passivetotal");
    assert_int_equal(info(room, PTV_SUBDOMAINS)->calls, 1);
}

static void it_never_waits_with_retry_within_zero(void **state)
{
    static const fake_answer script[] = { { .path = TAGS, .status = 500, .body = "" }, { .path = NULL } };
    test_room *room = *state;
    room->s.retry_within_ms = 0;
    open_fetcher(room, script);
    ask(room, T);
    assert_string_equal(told(room, PTV_TAGS), "failed outage: HTTP 500: the API failed");
}

static void it_obeys_retry_after_when_there_is_time(void **state)
{
    static const fake_answer script[] = {
        { .path = TAGS, .status = 503, .body = "", .retry_after_s = 3 },
        { .path = TAGS, .status = 200, .body = "{\"tags\":[]}" },
        { .path = WORD, .status = 503, .body = "", .retry_after_s = 120 },
        { .path = NULL },
    };
    test_room *room = *state;
    open_fetcher(room, script);
    int64_t before = room->net.now;
    ask(room, T | C);
    assert_true(room->net.now - before >= 3100 && room->net.now - before <= 3200);
    assert_string_equal(told(room, PTV_TAGS), "ok []");
    assert_string_equal(told(room, PTV_CLASSIFICATION), "failed outage: HTTP 503: service unavailable");
    assert_int_equal(info(room, PTV_CLASSIFICATION)->retry_after_s, 120);
    assert_int_equal(info(room, PTV_CLASSIFICATION)->calls, 1);
}

static void it_says_when_the_transport_refuses(void **state)
{
    test_room *room = *state;
    room->net.refuse = PTV_EINVAL;
    open_fetcher(room, all_good);
    ask(room, T);
    assert_string_equal(told(room, PTV_TAGS), "failed settings: http to other machines needs allow_http = yes");
    assert_int_equal(info(room, PTV_TAGS)->calls, 0);
}

/* ------------------------------------------------------------------------------------- key and quota */

static void it_stops_for_a_minute_when_the_key_is_refused(void **state)
{
    static const fake_answer script[] = {
        { .path = TAGS, .status = 401, .body = "{\"message\":\"bad key 0123secret\"}" },
        { .path = TAGS, .status = 200, .body = "{\"tags\":[]}" },
        { .path = NULL },
    };
    test_room *room = *state;
    const char *why = NULL;
    open_fetcher(room, script);
    assert_false(ptv_fetcher_exhausted(room->fetcher, &why));
    ask(room, T);
    assert_string_equal(told(room, PTV_TAGS), "failed key: HTTP 401: user or key refused: bad key ***");
    assert_true(ptv_fetcher_exhausted(room->fetcher, &why));
    assert_string_equal(why, "passivetotal: user or key refused");
    room->net.now += 59999;
    ask(room, T | C);
    assert_string_equal(told(room, PTV_TAGS), "failed key: passivetotal: user or key refused");
    assert_string_equal(told(room, PTV_CLASSIFICATION), "failed key: passivetotal: user or key refused");
    assert_int_equal(info(room, PTV_TAGS)->calls, 0);
    assert_int_equal(room->net.started, 1);
    room->net.now += 1;
    assert_false(ptv_fetcher_exhausted(room->fetcher, &why));
    ask(room, T);
    assert_string_equal(told(room, PTV_TAGS), "ok []");
}

static void it_stops_until_the_quota_is_back(void **state)
{
    static const fake_answer script[] = {
        { .path = TAGS, .status = 429, .body = "", .retry_after_s = 30 },
        { .path = TAGS, .status = 200, .body = "{\"message\":\"quota_exceeded\"}" },
        { .path = TAGS, .status = 200, .body = "{\"tags\":[]}" },
        { .path = NULL },
    };
    test_room *room = *state;
    const char *why = NULL;
    open_fetcher(room, script);
    ask(room, T);
    assert_string_equal(told(room, PTV_TAGS), "failed quota: HTTP 429: quota used up");
    assert_int_equal(info(room, PTV_TAGS)->retry_after_s, 30);
    room->net.now += 9500;
    ask(room, T | P);
    assert_string_equal(told(room, PTV_PASSIVE_DNS),
                        "not_asked quota: passivetotal: quota used up until 2026-05-01T00:00:30Z");
    assert_int_equal(info(room, PTV_PASSIVE_DNS)->retry_after_s, 21);
    assert_true(ptv_fetcher_exhausted(room->fetcher, &why));
    room->net.now += 20500;
    ask(room, T);
    assert_string_equal(told(room, PTV_TAGS), "failed quota: HTTP 200: quota used up: quota_exceeded");
    assert_int_equal(info(room, PTV_TAGS)->retry_after_s, 86400); /* the clock stands at midnight */
    ask(room, T);
    assert_string_equal(told(room, PTV_TAGS), "not_asked quota: passivetotal: quota used up until 2026-05-02T00:00:00Z");
    room->net.now += 86400 * 1000;
    ask(room, T);
    assert_string_equal(told(room, PTV_TAGS), "ok []");
    assert_int_equal(room->net.started, 3);
}

static void it_waits_out_a_short_stop(void **state)
{
    static const fake_answer script[] = {
        { .path = TAGS, .status = 429, .body = "", .retry_after_s = 2 },
        { .path = TAGS, .status = 200, .body = "{\"tags\":[]}" },
        { .path = WORD, .status = 200, .body = "{\"classification\":null}" },
        { .path = PDNS, .status = 429, .body = "", .retry_after_s = 4 },
        { .path = PDNS, .status = 200, .body = "{\"results\":[]}" },
        { .path = NULL },
    };
    test_room *room = *state;
    const char *why;
    open_fetcher(room, script);
    begin(room, "evil.example");
    ptv_fetch_ask(&room->fetch, T, &room->err);
    room->transport.poll(room->transport.self, 0, &room->err);
    ptv_fetch_ask(&room->fetch, C, &room->err); /* not sent before the stop is over */
    assert_int_equal(room->net.started, 1);
    assert_false(ptv_fetcher_exhausted(room->fetcher, &why));
    run(room);
    assert_string_equal(told(room, PTV_TAGS), "ok []");
    assert_string_equal(told(room, PTV_CLASSIFICATION), "ok unclassified");
    assert_int_equal(info(room, PTV_CLASSIFICATION)->calls, 1);
    ask(room, P);
    assert_int_equal(info(room, PTV_PASSIVE_DNS)->calls, 2);
    begin(room, "evil.example");
    room->net.used[3] = room->net.used[4] = 0;
    room->fetch.deadline_ms = room->net.now + 1000;
    ptv_fetch_ask(&room->fetch, P, &room->err);
    run(room);
    assert_string_equal(told(room, PTV_PASSIVE_DNS), "failed quota: HTTP 429: quota used up");
    ptv_fetch_ask(&room->fetch, T, &room->err); /* nor has this one the time to wait */
    assert_string_equal(told(room, PTV_TAGS), "not_asked quota: passivetotal: quota used up until 2026-05-01T00:00:04Z");
}

static void it_does_not_stop_for_ever_whatever_the_service_says(void **state)
{
    static const fake_answer script[] = { { .path = TAGS, .status = 429, .body = "", .retry_after_s = INT64_MAX },
                                          { .path = NULL } };
    test_room *room = *state;
    open_fetcher(room, script);
    ask(room, T);
    assert_int_equal(info(room, PTV_TAGS)->retry_after_s, 31 * 86400);
}

static void it_lets_a_waiting_call_fail_with_its_own_reason_when_the_key_goes_bad(void **state)
{
    static const fake_answer script[] = {
        { .path = WORD, .status = 503, .body = "" },
        { .path = TAGS, .status = 401, .body = "" },
        { .path = NULL },
    };
    test_room *room = *state;
    open_fetcher(room, script);
    ask(room, T | C);
    assert_string_equal(told(room, PTV_CLASSIFICATION), "failed outage: HTTP 503: service unavailable");
    assert_int_equal(room->net.started, 2);
}

static void it_goes_on_when_one_endpoint_is_not_ours(void **state)
{
    static const fake_answer script[] = {
        { .path = SUBS, .status = 403, .body = "" },
        { .path = PDNS, .status = 402, .body = "" },
        { .path = TAGS, .status = 200, .body = "{\"tags\":[]}" },
        { .path = NULL },
    };
    test_room *room = *state;
    open_fetcher(room, script);
    ask(room, S | P | T);
    ask(room, S | T);
    assert_string_equal(told(room, PTV_SUBDOMAINS), "failed key: HTTP 403: the key may not use this endpoint");
    assert_string_equal(told(room, PTV_TAGS), "ok []");
}

/* --------------------------------------------------------------------------------------- deadline */

static void it_asks_nothing_after_the_deadline(void **state)
{
    test_room *room = *state;
    open_fetcher(room, all_good);
    begin(room, "evil.example");
    room->fetch.deadline_ms = room->net.now;
    assert_int_equal(ptv_fetch_ask(&room->fetch, T, &room->err), PTV_OK);
    assert_string_equal(told(room, PTV_TAGS), "not_asked deadline: no time left before the deadline");
    assert_int_equal(room->net.started, 0);
    assert_int_equal(room->dones, 1);
}

static void it_gives_a_call_no_more_time_than_is_left(void **state)
{
    test_room *room = *state;
    open_fetcher(room, all_good);
    begin(room, "evil.example");
    room->fetch.deadline_ms = room->net.now + 700;
    ptv_fetch_ask(&room->fetch, T, &room->err);
    assert_int_equal(room->net.calls[0].timeout_ms, 700);
    ptv_fetch_cancel(&room->fetch);
    room->fetch.deadline_ms = 0;
    ptv_fetch_ask(&room->fetch, T, &room->err);
    assert_int_equal(room->net.calls[0].timeout_ms, 30000);
    run(room);
}

static void it_does_not_wait_beyond_the_deadline(void **state)
{
    static const fake_answer script[] = { { .path = TAGS, .status = 503, .body = "", .retry_after_s = 2 },
                                          { .path = NULL } };
    test_room *room = *state;
    open_fetcher(room, script);
    begin(room, "evil.example");
    room->fetch.deadline_ms = room->net.now + 2000;
    ptv_fetch_ask(&room->fetch, T, &room->err);
    run(room);
    assert_int_equal(room->net.started, 1);
    assert_string_equal(told(room, PTV_TAGS), "failed outage: HTTP 503: service unavailable");
}

static void it_drops_what_is_under_way(void **state)
{
    static const fake_answer script[] = {
        { .path = TAGS, .status = 503, .body = "" },
        { .path = WORD, .status = 200, .body = "{\"classification\":null}" },
        { .path = NULL },
    };
    test_room *room = *state;
    open_fetcher(room, script);
    begin(room, "evil.example");
    ptv_fetch_ask(&room->fetch, T | C, &room->err);
    room->transport.poll(room->transport.self, 0, &room->err); /* tags waits, classification is there */
    ptv_fetch_ask(&room->fetch, P, &room->err);                /* passive DNS is under way */
    assert_true(ptv_fetcher_next_ms(room->fetcher) > 0);
    ptv_fetch_cancel(&room->fetch);
    assert_int_equal(room->fetch.pending, 0);
    assert_int_equal(room->dones, 0);
    assert_int_equal(ptv_fetcher_next_ms(room->fetcher), -1);
    assert_int_equal(room->net.under_way, 0);
    assert_string_equal(told(room, PTV_TAGS), "failed outage: HTTP 503: service unavailable");
    assert_string_equal(told(room, PTV_CLASSIFICATION), "ok unclassified");
    assert_string_equal(told(room, PTV_PASSIVE_DNS), "not_asked deadline: no answer before the deadline");
    assert_int_equal(info(room, PTV_PASSIVE_DNS)->calls, 1);
}

/* ------------------------------------------------------------------------------------------ routes */

#define ANSWER(endpoint, body)                                                                                              \
    "{\"endpoint\":\"" endpoint "\",\"query\":\"evil.example\",\"status\":200,\"fetched_at\":\"2026-04-01\",\"body\":" body \
    "}\n"

static void with_archive(test_room *room, const char *text)
{
    static char path[512];
    snprintf(path, sizeof path, "%s", scratch_write(&room->dir, "a.ndjson", text));
    room->s.archive = path;
}

static void with_lists(test_room *room, const char *text)
{
    static char path[512];
    snprintf(path, sizeof path, "%s", scratch_write(&room->dir, "l.csv", text));
    room->s.lists = path;
}

#define LIST "indicator,tags,classification,first_seen\nevil.example,Listed,malicious,2025-01-01\n10.0.0.0/8,inside,,\n"

static void without_key(test_room *room)
{
    room->s.user = room->s.key = NULL;
}

static void it_asks_lists_then_archive_then_the_network(void **state)
{
    test_room *room = *state;
    with_lists(room, LIST);
    with_archive(room, ANSWER("/v2/enrichment/subdomains", "{\"subdomains\":[]}")
                           ANSWER("/v2/actions/tags", "{\"tags\":[\"old\"]}"));
    open_fetcher(room, all_good);
    assert_int_equal(ptv_fetcher_local(room->fetcher), T | C | P | S | A);
    ask(room, T | C | P | S | A);
    assert_string_equal(told(room, PTV_TAGS), "ok [listed]");
    assert_string_equal(info(room, PTV_TAGS)->source, "lists");
    assert_string_equal(info(room, PTV_SUBDOMAINS)->source, "archive");
    assert_string_equal(info(room, PTV_ACCOUNT)->source, "passivetotal");
    assert_string_equal(room->net.log, "/v2/account\n");
    begin(room, "other.example");
    ptv_fetch_ask(&room->fetch, T, &room->err);
    run(room);
    assert_string_equal(told(room, PTV_TAGS), "ok [net]");
}

static void it_asks_the_next_where_the_first_failed(void **state)
{
    test_room *room = *state;
    with_archive(room,
                 "{\"endpoint\":\"/v2/actions/tags\",\"query\":\"evil.example\",\"status\":200,\"bo\n"
                 "{\"endpoint\":\"/v2/actions/classification\",\"query\":\"evil.example\",\"status\":503,\"body\":\"\"}\n");
    open_fetcher(room, all_good);
    ask(room, T | C);
    assert_string_equal(told(room, PTV_TAGS), "ok [net]");
    assert_string_equal(told(room, PTV_CLASSIFICATION), "ok suspicious");
}

static void it_keeps_the_failure_when_the_next_has_no_entry(void **state)
{
    static const fake_answer script[] = { { .path = TAGS, .status = 404, .body = "" }, { .path = NULL } };
    test_room *room = *state;
    with_archive(room, ANSWER("/v2/account", "{\"username\":\"a\"}"));
    room->s.route[PTV_TAGS] = "passivetotal, archive";
    open_fetcher(room, script);
    ask(room, T);
    assert_string_equal(told(room, PTV_TAGS), "failed settings: HTTP 404: not found");
    assert_int_equal(info(room, PTV_TAGS)->calls, 1);
    assert_string_equal(info(room, PTV_TAGS)->source, "passivetotal");
}

static void it_uses_the_archive_when_the_quota_is_used_up(void **state)
{
    static const fake_answer script[] = { { .path = WORD, .status = 429, .body = "" }, { .path = NULL } };
    test_room *room = *state;
    with_archive(room, ANSWER("/v2/actions/tags", "{\"tags\":[\"old\"]}"));
    room->s.route[PTV_TAGS] = room->s.route[PTV_CLASSIFICATION] = " PassiveTotal , archive ";
    open_fetcher(room, script);
    ask(room, C);
    assert_string_equal(told(room, PTV_CLASSIFICATION), "failed quota: HTTP 429: quota used up");
    ask(room, T | C);
    assert_string_equal(told(room, PTV_TAGS), "ok [old]");
    assert_string_equal(told(room, PTV_CLASSIFICATION),
                        "not_asked quota: passivetotal: quota used up until 2026-05-02T00:00:00Z");
}

static void it_says_where_there_was_no_entry(void **state)
{
    test_room *room = *state;
    with_archive(room, ANSWER("/v2/account", "{\"username\":\"a\"}"));
    with_lists(room, LIST);
    without_key(room);
    open_fetcher(room, all_good);
    begin(room, "other.example");
    ptv_fetch_ask(&room->fetch, T | S, &room->err);
    assert_string_equal(told(room, PTV_TAGS), "failed settings: no entry in lists or archive");
    assert_string_equal(told(room, PTV_SUBDOMAINS), "failed settings: no entry in archive");
}

static void it_lets_lists_alone_say_none(void **state)
{
    test_room *room = *state;
    with_lists(room, LIST);
    without_key(room);
    open_fetcher(room, all_good);
    assert_int_equal(ptv_fetcher_supported(room->fetcher), T | C | P);
    begin(room, "other.example");
    ptv_fetch_ask(&room->fetch, T | C | P | S | A, &room->err);
    assert_int_equal(room->dones, 1);
    assert_string_equal(told(room, PTV_TAGS), "ok []");
    assert_string_equal(info(room, PTV_TAGS)->source, "lists");
    assert_string_equal(told(room, PTV_CLASSIFICATION), "ok unclassified");
    assert_string_equal(told(room, PTV_PASSIVE_DNS), "failed settings: no entry in lists");
    assert_string_equal(told(room, PTV_SUBDOMAINS), "unsupported settings: no configured source can fill it");
    assert_string_equal(told(room, PTV_ACCOUNT), "unsupported settings: no configured source can fill it");
    assert_int_equal(room->fetch.record->fetched_at, fixed_utc());
}

static void it_asks_no_network_about_what_is_not_routable(void **state)
{
    test_room *room = *state;
    with_lists(room, LIST);
    room->s.route[PTV_TAGS] = "lists + passivetotal";
    open_fetcher(room, all_good);
    begin(room, "10.1.2.3");
    room->fetch.local_only = true;
    ptv_fetch_ask(&room->fetch, T | C | S, &room->err);
    assert_int_equal(room->dones, 1);
    assert_int_equal(room->net.started, 0);
    assert_string_equal(told(room, PTV_TAGS), "ok [inside]");
    assert_int_equal(info(room, PTV_CLASSIFICATION)->state, PTV_STATE_NOT_ASKED);
    assert_int_equal(info(room, PTV_CLASSIFICATION)->cause, PTV_CAUSE_SETTINGS);
    assert_string_equal(info(room, PTV_SUBDOMAINS)->reason, room->fetch.record->subject->reach_reason);
}

static void it_joins_sources(void **state)
{
    test_room *room = *state;
    with_lists(room, LIST);
    with_archive(room, ANSWER("/v2/enrichment/subdomains", "{\"subdomains\":[\"old\",\"www\"]}"));
    room->s.route[PTV_TAGS] = room->s.route[PTV_CLASSIFICATION] = room->s.route[PTV_PASSIVE_DNS] = "lists+passivetotal";
    room->s.route[PTV_SUBDOMAINS] = "archive + passivetotal";
    room->s.keep_answers = true;
    open_fetcher(room, all_good);
    ask(room, T | C | P | S);
    assert_string_equal(told(room, PTV_TAGS), "ok [listed|net]");
    assert_string_equal(told(room, PTV_CLASSIFICATION), "ok malicious");
    assert_string_equal(told(room, PTV_PASSIVE_DNS),
                        "ok count=2 total=2 rows=2/2 truncated=0 first=2025-01-01T00:00:00Z last=-");
    assert_string_equal(told(room, PTV_SUBDOMAINS), "ok 2 [old.evil.example|www.evil.example]");
    assert_string_equal(info(room, PTV_TAGS)->source, "lists + passivetotal");
    assert_int_equal(info(room, PTV_TAGS)->http, 200);
    assert_int_equal(info(room, PTV_TAGS)->calls, 1);
    assert_string_equal(info(room, PTV_TAGS)->raw, "{\"tags\":[\"net\"]}");
    begin(room, "other.example"); /* not listed: the network alone */
    ptv_fetch_ask(&room->fetch, T | S, &room->err);
    run(room);
    assert_string_equal(told(room, PTV_TAGS), "ok [net]");
    assert_string_equal(info(room, PTV_TAGS)->source, "passivetotal");
}

static void it_joins_in_either_order_and_keeps_warnings(void **state)
{
    static const fake_answer script[] = { { .path = TAGS, .status = 200, .body = "{\"tags\":[\"net\",null]}" },
                                          { .path = NULL } };
    test_room *room = *state;
    with_lists(room, LIST);
    with_archive(room, ANSWER("/v2/actions/tags", "{\"tags\":[null,\"old\"]}"));
    room->s.route[PTV_TAGS] = "passivetotal + archive + lists";
    open_fetcher(room, script);
    ask(room, T);
    assert_string_equal(told(room, PTV_TAGS), "ok [listed|net|old] (tags[1]: no text: null\ntags[0]: no text: null)");
    assert_string_equal(info(room, PTV_TAGS)->source, "passivetotal + archive + lists");
}

static void it_fails_a_join_when_a_part_of_it_fails(void **state)
{
    static const fake_answer script[] = { { .path = TAGS, .status = 404, .body = "" }, { .path = NULL } };
    test_room *room = *state;
    with_lists(room, LIST);
    with_archive(room, ANSWER("/v2/actions/tags", "{\"tags\":[\"old\"]}"));
    room->s.route[PTV_TAGS] = "lists + passivetotal";
    open_fetcher(room, script);
    ask(room, T);
    assert_string_equal(told(room, PTV_TAGS), "failed settings: HTTP 404: not found");
    assert_null(room->fetch.record->tags.items);
    ptv_fetcher_free(room->fetcher);
    room->s.route[PTV_TAGS] = "passivetotal + lists, archive"; /* the group failed, the next answers */
    open_fetcher(room, script);
    ask(room, T);
    assert_string_equal(told(room, PTV_TAGS), "ok [old]");
}

static const char *refusal(test_room *room)
{
    assert_int_equal(ptv_fetcher_new(&room->fetcher, &room->s, &room->transport, &room->err), PTV_ESETTINGS);
    assert_null(room->fetcher);
    return room->err.msg;
}

static void it_refuses_routes_and_settings_that_cannot_be(void **state)
{
    test_room *room = *state;
    static const struct {
        const char *route, *message;
    } wrong[] = {
        { "lists, pasivetotal", "setting tags = lists, pasivetotal: no source 'pasivetotal' (did you mean 'passivetotal'?); "
                                "there are lists, archive and passivetotal" },
        { "virustotal", "setting tags = virustotal: no source 'virustotal'; there are lists, archive and passivetotal" },
        { "lists, passivetotal, lists", "setting tags = lists, passivetotal, lists: 'lists' is named twice" },
        { "lists,,passivetotal", "setting tags = lists,,passivetotal: a source is missing" },
        { "", "setting tags = : a source is missing" },
        { "archive", "[ptverdict] archive is not set; tags = archive needs it" },
    };
    with_lists(room, LIST);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        room->s.route[PTV_TAGS] = wrong[i].route;
        assert_string_equal(refusal(room), wrong[i].message);
    }
    room->s.route[PTV_TAGS] = NULL;
    room->s.route[PTV_SUBDOMAINS] = "lists";
    assert_string_equal(refusal(room), "setting subdomains = lists: 'lists' cannot fill this section");
    room->s.route[PTV_SUBDOMAINS] = NULL;
    room->s.route[PTV_CLASSIFICATION] = "lists";
    with_lists(room, "indicator,tags\nevil.example,a\n");
    assert_string_equal(refusal(room), "setting classification = lists: the lists given hold nothing for this section");
    room->s.route[PTV_CLASSIFICATION] = NULL;
    room->s.place = " in my.config";
    room->s.key = "";
    assert_string_equal(refusal(room), "[fn_passivetotal] passivetotal_api_key is not set in my.config");
    room->s.user = NULL;
    room->s.route[PTV_TAGS] = "passivetotal";
    assert_string_equal(refusal(room),
                        "[fn_passivetotal] passivetotal_username is not set in my.config; tags = passivetotal needs it");
    room->s.route[PTV_TAGS] = NULL;
    room->s.lists = NULL;
    assert_string_equal(refusal(room),
                        "no source is configured in my.config: set passivetotal_username and passivetotal_api_key in "
                        "[fn_passivetotal], or archive or lists in [ptverdict]");
}

static void it_reads_routes(void **state)
{
    test_room *room = *state;
    ptv_route route;
    assert_int_equal(ptv_route_parse(&route, "lists + Archive , passivetotal", PTV_TAGS, &room->err), PTV_OK);
    assert_int_equal(route.count, 3);
    assert_false(route.steps[0].joined);
    assert_true(route.steps[1].joined);
    assert_false(route.steps[2].joined);
    assert_string_equal(ptv_source_kinds[route.steps[2].kind].name, "passivetotal");
}

/* ------------------------------------------------------------------------------------------ account */

static void it_checks_the_account_beside_the_first_call_and_seldom(void **state)
{
    test_room *room = *state;
    room->s.quota_check_every_s = 900;
    open_fetcher(room, all_good);
    ask(room, T);
    assert_string_equal(room->net.log, "/v2/actions/tags?query=evil.example\n/v2/account\n");
    assert_int_equal(info(room, PTV_ACCOUNT)->state, PTV_STATE_NOT_ASKED);
    assert_int_equal(info(room, PTV_TAGS)->calls, 1);
    ask(room, T);
    assert_int_equal(room->net.started, 3);
    room->net.now += 900 * 1000;
    ask(room, T);
    assert_int_equal(room->net.started, 5);
}

static void it_answers_the_account_from_memory_for_a_while(void **state)
{
    test_room *room = *state;
    room->s.quota_check_every_s = 900;
    open_fetcher(room, all_good);
    ask(room, A);
    room->net.now += 60 * 1000;
    ask(room, A | T);
    assert_int_equal(room->net.started, 2);
    assert_string_equal(told(room, PTV_ACCOUNT), "ok exceeded=0 left=-1");
    assert_int_equal(info(room, PTV_ACCOUNT)->age_s, 60);
    assert_int_equal(info(room, PTV_ACCOUNT)->calls, 0);
    assert_int_equal(info(room, PTV_ACCOUNT)->http, 200);
    room->net.now += 900 * 1000;
    ask(room, A);
    assert_int_equal(room->net.started, 3);
}

static void it_stops_when_the_account_says_so(void **state)
{
    static const fake_answer script[] = {
        { .path = TAGS, .status = 200, .body = "{\"tags\":[]}" },
        { .path = ACCT, .status = 200, .body = "{\"searchApiQuotaExceeded\":true}" },
        { .path = NULL },
    };
    test_room *room = *state;
    room->s.quota_check_every_s = 900;
    open_fetcher(room, script);
    ask(room, T);
    room->transport.poll(room->transport.self, 0, &room->err);
    ask(room, T);
    assert_string_equal(told(room, PTV_TAGS), "not_asked quota: passivetotal: quota used up until 2026-05-02T00:00:00Z");
}

static void it_does_not_ask_the_account_unless_told(void **state)
{
    test_room *room = *state;
    open_fetcher(room, all_good);
    ask(room, T);
    assert_string_equal(room->net.log, "/v2/actions/tags?query=evil.example\n");
    ask(room, A);
    ask(room, A);
    assert_int_equal(room->net.started, 3);
}

static void it_drops_the_account_check_when_freed(void **state)
{
    test_room *room = *state;
    room->s.quota_check_every_s = 900;
    open_fetcher(room, all_good);
    begin(room, "evil.example");
    ptv_fetch_ask(&room->fetch, T, &room->err);
    assert_int_equal(room->net.under_way, 2);
    ptv_fetch_cancel(&room->fetch);
    ptv_fetcher_free(room->fetcher);
    room->fetcher = NULL;
    assert_int_equal(room->net.under_way, 0);
}

/* ----------------------------------------------------------------------------------- done, memory */

static void ask_next(void *owner)
{
    test_room *room = owner;
    if (room->dones++ == 0)
        ptv_fetch_ask(&room->fetch, C | S, &room->err);
}

static void it_may_be_asked_for_more_when_done(void **state)
{
    test_room *room = *state;
    open_fetcher(room, all_good);
    begin(room, "evil.example");
    room->fetch.done = ask_next;
    ptv_fetch_ask(&room->fetch, T, &room->err);
    run(room);
    assert_int_equal(room->dones, 2);
    assert_string_equal(told(room, PTV_SUBDOMAINS), "ok 1 [www.evil.example]");
}

static void end_lookup(void *owner)
{
    test_room *room = owner;
    room->dones++;
    ptv_arena_release(&room->mem);
    memset(&room->fetch, 0, sizeof room->fetch);
}

static void it_touches_nothing_of_a_lookup_that_ends_when_done(void **state)
{
    static const fake_answer script[] = {
        { .path = TAGS, .status = 503, .body = "" },
        { .path = TAGS, .status = 200, .body = "{\"tags\":[]}" },
        { .path = NULL },
    };
    test_room *room = *state;
    open_fetcher(room, script);
    for (int i = 0; i < 2; i++) { /* the second ends in respond(), the first after a retry */
        begin(room, "evil.example");
        room->fetch.done = end_lookup;
        ptv_fetch_ask(&room->fetch, T, &room->err);
        while (room->dones == 0) {
            ptv_fetcher_run(room->fetcher);
            room->transport.poll(room->transport.self, ptv_fetcher_next_ms(room->fetcher), &room->err);
        }
    }
    room->net.refuse = PTV_EINVAL; /* and the third inside ptv_fetch_ask() */
    begin(room, "evil.example");
    room->fetch.done = end_lookup;
    ptv_fetch_ask(&room->fetch, T | C, &room->err);
    assert_int_equal(room->dones, 1);
}

static void it_fails_cleanly_when_the_arena_is_full(void **state)
{
    test_room *room = *state;
    open_fetcher(room, all_good);
    begin(room, "evil.example");
    ptv_fetch_ask(&room->fetch, T, &room->err);
    room->mem.limit_bytes = room->mem.used_bytes;
    assert_int_equal(ptv_fetch_ask(&room->fetch, C, &room->err), PTV_ETOOBIG);
    assert_int_equal(room->fetch.pending, 0);
    assert_int_equal(room->dones, 0);
    assert_int_equal(room->net.under_way, 0);
}

static const fake_answer mixed[] = {
    { .path = TAGS, .status = 503, .body = "" },
    { .path = TAGS, .status = 200, .body = "{\"tags\":[\"x\",null]}" },
    { .path = WORD, .status = 401, .body = "{\"message\":\"no\"}" },
    { .path = PDNS, .status = 200, .body = "{\"results\":[{\"resolve\":\"a\",\"source\":[\"s\"]}]}" },
    { .path = SUBS, .status = 404, .body = "" },
    { .path = ACCT, .status = 200, .body = "{\"searchApiQuotaExceeded\":true}" },
    { .path = NULL },
};

/* Whatever runs out of memory, no section ends as answered unless it was, and nothing leaks. */
static void use_once(test_room *room)
{
    ptv_fetcher *fetcher = NULL;
    ptv_arena mem = PTV_ARENA(8 << 20);
    ptv_error err;
    room->net = (fake_net){ .now = 1000000, .script = mixed };
    ptv_code rc = ptv_fetcher_new(&fetcher, &room->s, &room->transport, &err);
    ptv_record *r = rc ? NULL : new_record(&mem, "evil.example");
    if (r) {
        unsigned dones = room->dones;
        ptv_fetch fetch = { .fetcher = fetcher, .record = r, .mem = &mem, .done = count_done, .owner = room };
        rc = ptv_fetch_ask(&fetch, T | C | P | S, &err);
        for (int i = 0; !rc && fetch.pending && i < 100; i++) {
            ptv_fetcher_run(fetcher);
            room->transport.poll(room->transport.self, ptv_fetcher_next_ms(fetcher), &err);
        }
        assert_int_equal(fetch.pending, 0);
        assert_int_equal(room->dones, dones + (rc ? 0 : 1));
        assert_true(r->sections[PTV_CLASSIFICATION].state != PTV_STATE_OK);
        for (int i = 0; i < PTV_SECTION_COUNT; i++)
            if (i != PTV_ACCOUNT && r->sections[i].state != PTV_STATE_OK)
                assert_true(rc || r->sections[i].reason);
        if (r->sections[PTV_TAGS].state == PTV_STATE_OK)
            assert_true(r->tags.count == 2);
    } else {
        assert_true(rc == PTV_OK || rc == PTV_ENOMEM);
    }
    ptv_fetcher_free(fetcher);
    ptv_arena_release(&mem);
}

static void it_survives_every_allocation_failing_once(void **state)
{
    test_room *room = *state;
    with_lists(room, LIST);
    with_archive(room, ANSWER("/v2/enrichment/subdomains", "{\"subdomains\":[\"www\"]}"));
    room->s.route[PTV_TAGS] = "lists + passivetotal";
    room->s.route[PTV_CLASSIFICATION] = "passivetotal";
    room->s.quota_check_every_s = 900;
    room->s.keep_answers = true;
    unsigned long before = ptv_mem_count();
    use_once(room);
    unsigned long count = ptv_mem_count() - before;
    size_t live = ptv_mem_live();
    for (unsigned long n = 1; n <= count; n++) {
        ptv_mem_fail_at(n);
        use_once(room);
        ptv_mem_fail_at(0);
        assert_int_equal(ptv_mem_live(), live);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_room, close_room)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_asks_every_section_once),
        TEST(it_is_done_at_once_when_nothing_is_asked),
        TEST(it_asks_more_while_some_are_pending_and_none_twice),
        TEST(it_tries_again_where_that_can_help),
        TEST(it_waits_the_same_for_the_same_seed),
        TEST(it_does_not_try_again_where_that_cannot_help),
        TEST(it_never_waits_with_retry_within_zero),
        TEST(it_obeys_retry_after_when_there_is_time),
        TEST(it_says_when_the_transport_refuses),
        TEST(it_stops_for_a_minute_when_the_key_is_refused),
        TEST(it_stops_until_the_quota_is_back),
        TEST(it_waits_out_a_short_stop),
        TEST(it_does_not_stop_for_ever_whatever_the_service_says),
        TEST(it_lets_a_waiting_call_fail_with_its_own_reason_when_the_key_goes_bad),
        TEST(it_goes_on_when_one_endpoint_is_not_ours),
        TEST(it_asks_nothing_after_the_deadline),
        TEST(it_gives_a_call_no_more_time_than_is_left),
        TEST(it_does_not_wait_beyond_the_deadline),
        TEST(it_drops_what_is_under_way),
        TEST(it_asks_lists_then_archive_then_the_network),
        TEST(it_asks_the_next_where_the_first_failed),
        TEST(it_keeps_the_failure_when_the_next_has_no_entry),
        TEST(it_uses_the_archive_when_the_quota_is_used_up),
        TEST(it_says_where_there_was_no_entry),
        TEST(it_lets_lists_alone_say_none),
        TEST(it_asks_no_network_about_what_is_not_routable),
        TEST(it_joins_sources),
        TEST(it_joins_in_either_order_and_keeps_warnings),
        TEST(it_fails_a_join_when_a_part_of_it_fails),
        TEST(it_refuses_routes_and_settings_that_cannot_be),
        TEST(it_reads_routes),
        TEST(it_checks_the_account_beside_the_first_call_and_seldom),
        TEST(it_answers_the_account_from_memory_for_a_while),
        TEST(it_stops_when_the_account_says_so),
        TEST(it_does_not_ask_the_account_unless_told),
        TEST(it_drops_the_account_check_when_freed),
        TEST(it_may_be_asked_for_more_when_done),
        TEST(it_touches_nothing_of_a_lookup_that_ends_when_done),
        TEST(it_fails_cleanly_when_the_arena_is_full),
        TEST(it_survives_every_allocation_failing_once),
    };
    return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
