/*
 * test_archive.c: recorded answers found again, damaged ones told, and written so that they read the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "answers.h"
#include "scratch_dir.h"
#include "base/log.h"
#include "base/mem.h"

typedef struct test_room {
    scratch_dir dir;
    ptv_arena mem;
    ptv_source_settings s;
    ptv_local_source source;
    ptv_error err;
    char log[4096];
} test_room;

static test_room the_room;

static void keep_log(void *to, ptv_log_level level, const char *area, const char *message)
{
    test_room *room = to;
    size_t len = strlen(room->log);
    if (level <= PTV_LOG_WARNING)
        snprintf(room->log + len, sizeof room->log - len, "%s: %s\n", area, message);
}

static int open_room(void **state)
{
    the_room = (test_room){ .mem = PTV_ARENA(64 << 20), .s = plain_settings() };
    *state = &the_room;
    ptv_log_to(keep_log, &the_room, PTV_LOG_DEBUG);
    return scratch_dir_make(&the_room.dir) ? 0 : -1;
}

static int close_room(void **state)
{
    test_room *room = *state;
    ptv_log_to(NULL, NULL, PTV_LOG_ERROR);
    if (room->source.free)
        room->source.free(room->source.self);
    ptv_arena_release(&room->mem);
    scratch_dir_remove(&room->dir);
    return ptv_mem_live() == 0 ? 0 : -1;
}

static void open_archive(test_room *room, const char *path)
{
    room->s.archive = path;
    if (ptv_archive_open(&room->source, &room->s, &room->err))
        fail_msg("%s", room->err.msg);
}

/* "EHTTP failed outage: …", "ENOENTRY": the code and the section. */
static const char *ask(test_room *room, ptv_section section, const char *artifact)
{
    ptv_record *r = new_record(&room->mem, artifact);
    ptv_code rc = room->source.answer(room->source.self, r, &room->mem, section, &room->err);
    if (rc == PTV_ENOENTRY) {
        assert_int_equal(r->sections[section].state, PTV_STATE_NOT_ASKED);
        return "none";
    }
    assert_int_equal(rc == PTV_OK, r->sections[section].state == PTV_STATE_OK);
    assert_string_equal(r->sections[section].source, "archive");
    return tell(&room->mem, r, section);
}

#define TAGS(query, at, tags)                                                                                               \
    "{\"endpoint\":\"/v2/actions/tags\",\"query\":\"" query "\",\"status\":200,\"fetched_at\":\"" at                        \
    "\",\"body\":{\"tags\":" tags "}}\n"

static void it_answers_from_one_file(void **state)
{
    test_room *room = *state;
    open_archive(
        room,
        scratch_write(
            &room->dir, "a.ndjson",
            TAGS("evil.example", "2026-01-01",
                 "[\"ransomware\"]") "\n"
                                     "{\"endpoint\":\"/v2/actions/"
                                     "classification\",\"query\":\"evil.example\",\"status\":503,\"body\":\"\"}\n"
                                     "{\"endpoint\":\"/v2/whois\",\"query\":\"evil.example\",\"status\":200,\"body\":{}}\n"
                                     "{\"endpoint\":\"/v2/"
                                     "account\",\"query\":null,\"status\":200,\"body\":{\"username\":\"a\"}}"));
    assert_string_equal(ask(room, PTV_TAGS, "evil.example"), "ok [ransomware]");
    assert_string_equal(ask(room, PTV_CLASSIFICATION, "evil.example"), "failed outage: HTTP 503: service unavailable");
    assert_string_equal(ask(room, PTV_ACCOUNT, "whatever.example"), "ok exceeded=-1 left=-1");
    assert_string_equal(ask(room, PTV_TAGS, "good.example"), "none");
    assert_string_equal(ask(room, PTV_SUBDOMAINS, "evil.example"), "none");
    assert_string_equal(room->log, "");
}

static void it_answers_from_a_folder_and_lets_the_newest_win(void **state)
{
    test_room *room = *state;
    scratch_write(&room->dir, "b.ndjson",
                  TAGS("evil.example", "2026-03-01T00:00:00Z", "[\"new\"]")
                      TAGS("evil.example", "2026-02-01T00:00:00Z", "[\"old\"]"));
    scratch_write(&room->dir, "c.ndjson",
                  TAGS("evil.example", "2026-02-15T00:00:00Z", "[\"middle\"]")
                      TAGS("same.example", "2026-02-15T00:00:00Z", "[\"first\"]")
                          TAGS("same.example", "2026-02-15T00:00:00Z", "[\"last\"]"));
    scratch_write(&room->dir, "d.json",
                  "{\n  \"endpoint\": \"/v2/actions/tags\",\n  \"query\": \"many.example\",\n"
                  "  \"fetched_at\": 1770000000,\n  \"status\": 200,\n  \"body\": {\n    \"tags\": [\"x\"]\n  }\n}\n");
    scratch_write(&room->dir, "e.json",
                  TAGS("one.example", "2026-01-01", "[null,\"e\"]") TAGS("two.example", "2026-01-01", "[\"f\"]"));
    scratch_write(&room->dir, ".hidden.ndjson", TAGS("hidden.example", "2026-01-01", "[]"));
    scratch_write(&room->dir, "notes.txt", TAGS("hidden.example", "2026-01-01", "[]"));
    open_archive(room, room->dir.path);
    assert_string_equal(ask(room, PTV_TAGS, "evil.example"), "ok [new]");
    assert_string_equal(ask(room, PTV_TAGS, "same.example"), "ok [last]");
    assert_string_equal(ask(room, PTV_TAGS, "many.example"), "ok [x]");
    assert_string_equal(ask(room, PTV_TAGS, "one.example"), "ok [e] (tags[0]: no text: null)");
    assert_string_equal(ask(room, PTV_TAGS, "two.example"), "ok [f]");
    assert_string_equal(ask(room, PTV_TAGS, "hidden.example"), "none");
}

static void it_finds_a_query_however_it_is_written(void **state)
{
    test_room *room = *state;
    open_archive(room, scratch_write(&room->dir, "a.ndjson",
                                     TAGS("Evil.EXAMPLE.", "2026-01-01", "[\"a\"]")
                                         TAGS("2001:DB8:0:0::1", "2026-01-01", "[\"b\"]")
                                             TAGS("b\\u00fccher.example", "2026-01-01", "[\"c\"]")
                                                 TAGS("192.0.2.7", "2026-01-01", "[\"d\"]")
                                                     TAGS("hxxp://bad[.]example/x", "2026-01-01", "[\"e\"]")));
    assert_string_equal(ask(room, PTV_TAGS, "evil.example"), "ok [a]");
    assert_string_equal(ask(room, PTV_TAGS, "2001:db8::1"), "ok [b]");
    assert_string_equal(ask(room, PTV_TAGS, "bücher.example"), "ok [c]");
    assert_string_equal(ask(room, PTV_TAGS, "192.0.2.7"), "ok [d]");
    assert_string_equal(ask(room, PTV_TAGS, "bad.example"), "ok [e]");
}

static void it_reads_bodies_that_are_texts(void **state)
{
    test_room *room = *state;
    open_archive(room, scratch_write(
                           &room->dir, "a.ndjson",
                           "{\"query\":\"a.example\",\"body\":\"{\\\"tags\\\":[\\\"x\\\"]}\",\"status\":200,\"endpoint\":\"/"
                           "v2/actions/tags\"}\n"
                           "{\"query\":\"b.example\",\"body\":\"<html>\",\"status\":200,\"endpoint\":\"/v2/actions/tags\"}\n"
                           "{\"query\":\"c.example\",\"body\":null,\"status\":200,\"endpoint\":\"/v2/actions/tags\"}\n"
                           "{\"query\":\"d.example\",\"status\":204,\"endpoint\":\"/v2/actions/tags\"}\n"));
    assert_string_equal(ask(room, PTV_TAGS, "a.example"), "ok [x]");
    assert_string_equal(ask(room, PTV_TAGS, "b.example"), "failed outage: HTML instead of JSON");
    assert_string_equal(ask(room, PTV_TAGS, "c.example"), "failed outage: HTTP 200 with an empty body");
    assert_string_equal(ask(room, PTV_TAGS, "d.example"), "failed outage: HTTP 204: no content");
}

static void it_tells_a_damaged_line_from_no_entry(void **state)
{
    test_room *room = *state;
    const char *path = scratch_write(
        &room->dir, "a.ndjson",
        "{\"endpoint\":\"/v2/actions/tags\",\"query\":\"cut.example\",\"status\":200,\"body\":{\"tags\":[\"ranso\n"
        "{\"endpoint\":\"/v2/actions/tags\",\"query\":\"status.example\",\"status\":\"fine\",\"body\":{\"tags\":[]}}\n"
        "{\"endpoint\":\"/v2/actions/"
        "tags\",\"query\":\"when.example\",\"status\":200,\"fetched_at\":\"soon\",\"body\":{\"tags\":[]}}\n"
        "{\"endpoint\":\"/v2/actions/tags\",\"query\":\"body.example\",\"status\":200,\"body\":{\"tags\":[}]}}\n"
        "{\"endpoint\":\"/v2/actions/tags\",\"query\":[],\"status\":200,\"body\":{}}\n"
        "not JSON\n" TAGS("mended.example", "2026-01-01",
                          "[\"a\"]") "{\"endpoint\":\"/v2/actions/"
                                     "tags\",\"query\":\"mended.example\",\"status\":200,\"fetched_at\":\"2026-02-01\","
                                     "\"bo\n" TAGS("whole.example", "2026-01-01", "[\"a\"]"));
    char expected[1024];
    open_archive(room, path);
    snprintf(expected, sizeof expected, "failed settings: archive %s:1: JSON ends at byte 88", path);
    assert_string_equal(ask(room, PTV_TAGS, "cut.example"), expected);
    snprintf(expected, sizeof expected, "failed settings: archive %s:2: \"status\" is not what it should be", path);
    assert_string_equal(ask(room, PTV_TAGS, "status.example"), expected);
    snprintf(expected, sizeof expected, "failed settings: archive %s:3: \"fetched_at\" is not what it should be", path);
    assert_string_equal(ask(room, PTV_TAGS, "when.example"), expected);
    assert_non_null(strstr(ask(room, PTV_TAGS, "body.example"), "failed"));
    assert_string_equal(ask(room, PTV_TAGS, "mended.example"), "ok [a]");
    assert_string_equal(ask(room, PTV_TAGS, "whole.example"), "ok [a]");
    static const int logged[] = { 1, 2, 3, 4, 5, 6, 8 };
    for (size_t i = 0; i < sizeof logged / sizeof *logged; i++) {
        snprintf(expected, sizeof expected, "%s:%d: skipped: ", path, logged[i]);
        if (!strstr(room->log, expected))
            fail_msg("no '%s' in\n%s", expected, room->log);
    }
    assert_null(strstr(room->log, ":7: skipped"));
}

static void it_tells_a_file_that_changed_under_it(void **state)
{
    test_room *room = *state;
    open_archive(room, scratch_write(&room->dir, "a.ndjson", TAGS("evil.example", "2026-01-01", "[\"a\"]")));
    scratch_write(&room->dir, "a.ndjson", "{\"endpoint\":\"/v2/actions/tags\",\"query\":\"evil.example\",");
    assert_non_null(strstr(ask(room, PTV_TAGS, "evil.example"), "failed settings: archive "));
    scratch_write(&room->dir, "a.ndjson", TAGS("else.example", "2026-01-01", "[\"a\"]"));
    assert_string_equal(ask(room, PTV_TAGS, "evil.example"), "none");
    unlink(scratch_path(&room->dir, "a.ndjson"));
    assert_non_null(strstr(ask(room, PTV_TAGS, "evil.example"), "cannot be opened"));
}

static void it_reads_lines_longer_than_a_chunk_and_passes_over_endless_ones(void **state)
{
    test_room *room = *state;
    ptv_buf text = PTV_BUF(8 << 20);
    for (int k = 0; k < 3; k++) {
        ptv_buf_printf(
            &text,
            "{\"endpoint\":\"/v2/actions/tags\",\"query\":\"long%d.example\",\"status\":200,\"body\":{\"tags\":[\"z\"", k);
        for (int i = 0; i < (k == 1 ? 300000 : 60000); i++)
            ptv_buf_puts(&text, ",\"abcd\"");
        ptv_buf_puts(&text, "]}}\n");
    }
    const char *path = scratch_write(&room->dir, "a.ndjson", text.data);
    ptv_buf_release(&text);
    room->s.body_limit_bytes = 500 << 10;
    open_archive(room, path);
    assert_string_equal(ask(room, PTV_TAGS, "long0.example"), "ok [abcd|z]");
    assert_string_equal(ask(room, PTV_TAGS, "long2.example"), "ok [abcd|z]");
    assert_non_null(strstr(ask(room, PTV_TAGS, "long1.example"), "failed settings: archive "));
    assert_non_null(strstr(room->log, ":2: skipped: longer than "));
}

static void it_refuses_what_is_no_archive(void **state)
{
    test_room *room = *state;
    ptv_local_source source;
    room->s.archive = "/nowhere/at/all.ndjson";
    assert_int_equal(ptv_archive_open(&source, &room->s, &room->err), PTV_ESETTINGS);
    assert_string_equal(room->err.msg, "[ptverdict] archive = /nowhere/at/all.ndjson: No such file or directory");
    room->s.archive = "/dev/null";
    assert_int_equal(ptv_archive_open(&source, &room->s, &room->err), PTV_ESETTINGS);
    assert_string_equal(room->err.msg, "[ptverdict] archive = /dev/null: neither a file nor a folder");
}

/* ------------------------------------------------------------------------------------ write and read */

static void it_writes_answers_that_read_the_same(void **state)
{
    static const struct {
        ptv_section section;
        int status;
        const char *body;
    } answers[] = {
        { PTV_TAGS, 200, "{\n \"tags\": [\n  \"a b\\n\",\n\t\"c\"\n ]\n}\n" },
        { PTV_TAGS, 200, "\xEF\xBB\xBF{\"tags\":[\"a\"]}" },
        { PTV_TAGS, 200, "{\"tags\":[\"raw\ttab\"]}" },
        { PTV_TAGS, 200, "{\"tags\":[\"caf\xe9\"]}" }, /* refused, and must stay refused */
        { PTV_TAGS, 200, "{\"tags\":[]}\xff" },
        { PTV_TAGS, 200, "{\"tags\":[" },
        { PTV_TAGS, 200, "{\"tags\":[]} <!-- proxy -->" },
        { PTV_TAGS, 504, "" },
        { PTV_TAGS, 502, "<html>\r\n<b>\"bad\"</b>" },
        { PTV_CLASSIFICATION, 401, "{\"message\":\"no\"}" },
        { PTV_PASSIVE_DNS, 200, "{\"totalRecords\": 18446744073709551616, \"results\": [{\"resolve\":\"192.0.2.1\"}]}" },
        { PTV_ACCOUNT, 200, "{\"username\": \"a\"}" },
    };
    test_room *room = *state;
    room->s.keep_answers = true;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        ptv_record *r = new_record(&room->mem, "evil.example"), *again;
        ptv_buf line = PTV_BUF(1 << 20);
        bool retry;
        ptv_answer answer = { .status = answers[i].status,
                              .body = answers[i].body,
                              .body_len = strlen(answers[i].body),
                              .fetched_at = 1777593600,
                              .retry_after_s = -1 };
        ptv_passivetotal_read(r, &room->mem, &room->s, answers[i].section, &answer, &retry, &room->err);
        ptv_archive_write(&line, r, answers[i].section);
        assert_int_equal(line.failed, PTV_OK);
        assert_ptr_equal(strchr(line.data, '\n'), line.data + line.len - 1);
        if (ptv_archive_record(&again, &room->mem, &room->s, line.data, line.len, &room->err))
            fail_msg("%s: %s", line.data, room->err.msg);
        const char *first = tell(&room->mem, r, answers[i].section), *second = tell(&room->mem, again, answers[i].section);
        if (r->sections[answers[i].section].state == PTV_STATE_OK)
            assert_string_equal(second, first);
        else
            assert_string_not_equal(ptv_state_name(again->sections[answers[i].section].state), "ok");
        assert_int_equal(again->sections[answers[i].section].fetched_at, 1777593600);
        assert_int_equal(again->sections[answers[i].section].http, answers[i].status);
        ptv_buf_release(&line);
    }
}

static void it_writes_nothing_where_nothing_was_kept(void **state)
{
    test_room *room = *state;
    ptv_record *r = new_record(&room->mem, "evil.example");
    ptv_buf line = PTV_BUF(1 << 20);
    ptv_archive_write(&line, r, PTV_TAGS);
    assert_int_equal(line.len, 0);
    ptv_buf_release(&line);
}

static const char *record_error(test_room *room, const char *lines)
{
    ptv_record *r = NULL;
    assert_int_equal(ptv_archive_record(&r, &room->mem, &room->s, lines, strlen(lines), &room->err), PTV_EINVAL);
    assert_null(r);
    return room->err.msg;
}

static void it_makes_a_record_of_the_lines_of_one_artifact(void **state)
{
    test_room *room = *state;
    ptv_record *r;
    const char *lines =
        "{\"endpoint\":\"/v2/account\",\"query\":\"\",\"status\":200,\"fetched_at\":5,\"body\":{\"username\":\"a\"}}\n" TAGS(
            "Evil.example", "2026-02-01",
            "[\"new\"]") "\n" TAGS("evil.example.", "2026-01-01",
                                   "[\"old\"]") "{\"endpoint\":\"/v2/dns/"
                                                "passive\",\"query\":\"evil.example\",\"status\":429,\"body\":\"\"}\n"
                                                "{\"endpoint\":\"/v2/"
                                                "whois\",\"query\":\"evil.example\",\"status\":200,\"body\":{}}\n";
    assert_int_equal(ptv_archive_record(&r, &room->mem, &room->s, lines, strlen(lines), &room->err), PTV_OK);
    assert_string_equal(r->subject->value, "evil.example");
    assert_string_equal(r->artifact, "evil.example");
    assert_string_equal(tell(&room->mem, r, PTV_TAGS), "ok [new]");
    assert_string_equal(tell(&room->mem, r, PTV_ACCOUNT), "ok exceeded=-1 left=-1");
    assert_string_equal(tell(&room->mem, r, PTV_PASSIVE_DNS), "failed quota: HTTP 429: quota used up");
    assert_string_equal(tell(&room->mem, r, PTV_SUBDOMAINS), "not_asked record: not in the record");
    assert_int_equal(r->fetched_at, 1769904000);
}

static void it_knows_the_report_page(void **state)
{
    test_room *room = *state;
    ptv_record *r;
    const char *line = TAGS("2001:DB8::1", "2026-02-01", "[]");
    room->s.community_url = "https://people.example/search/";
    assert_int_equal(ptv_archive_record(&r, &room->mem, &room->s, line, strlen(line), &room->err), PTV_OK);
    assert_string_equal(r->link, "https://people.example/search/2001%3Adb8%3A%3A1");
    room->s.community_url = NULL;
    assert_int_equal(ptv_archive_record(&r, &room->mem, &room->s, line, strlen(line), &room->err), PTV_OK);
    assert_null(r->link);
}

static void it_says_which_line_is_wrong(void **state)
{
    test_room *room = *state;
    assert_string_equal(record_error(room, TAGS("a.example", "2026-01-01", "[]") TAGS("b.example", "2026-01-01", "[]")),
                        "line 2: an answer about b.example among those about a.example");
    assert_string_equal(record_error(room, "\n{\"endpoint\":\"/v2/actions/tags\",\"query\":\"a.exa"),
                        "line 2: JSON ends at byte 45");
    assert_string_equal(record_error(room, "{\"endpoint\":\"/v2/actions/tags\",\"status\":200}"), "line 1: no \"query\"");
    assert_string_equal(record_error(room, "{\"query\":\"a.example\",\"status\":200}"), "line 1: no \"endpoint\"");
    assert_string_equal(record_error(room, "{\"endpoint\":\"/v2/actions/tags\",\"query\":\"a.example\"}"),
                        "line 1: no \"status\"");
    assert_string_equal(record_error(room, "{\"endpoint\":\"/v2/account\",\"query\":null,\"status\":200,\"body\":{}}"),
                        "no answer with a query");
    assert_string_equal(record_error(room, ""), "no answer with a query");
    assert_non_null(strstr(record_error(room, "{\"endpoint\":\"/v2/actions/tags\",\"query\":\"10.0.0.0/8\",\"status\":200}"),
                           "line 1: "));
}

static void it_knows_an_answer_when_it_sees_one(void **state)
{
    test_room *room = *state;
    const ptv_json *v;
    const char *text = "[{\"endpoint\":\"e\",\"query\":null,\"status\":1},{\"endpoint\":\"e\",\"query\":\"q\"},{}]";
    assert_int_equal(ptv_json_parse(&v, &room->mem, text, strlen(text), &room->err), PTV_OK);
    v = ptv_json_first(v);
    assert_true(ptv_archive_is_answer(v));
    assert_false(ptv_archive_is_answer(ptv_json_next(v)));
    assert_false(ptv_archive_is_answer(ptv_json_next(ptv_json_next(v))));
}

/* ------------------------------------------------------------------------------------------- memory */

static ptv_code use_once(test_room *room)
{
    ptv_local_source source;
    ptv_error err;
    ptv_arena mem = PTV_ARENA(8 << 20);
    ptv_code rc = ptv_archive_open(&source, &room->s, &err);
    if (!rc) {
        ptv_record *r = new_record(&mem, "evil.example"), *again;
        rc = r ? source.answer(source.self, r, &mem, PTV_TAGS, &err) : PTV_ENOMEM;
        if (!rc) {
            ptv_buf line = PTV_BUF(1 << 20);
            ptv_archive_write(&line, r, PTV_TAGS);
            rc = ptv_buf_check(&line, &err);
            if (!rc)
                rc = ptv_archive_record(&again, &mem, &room->s, line.data, line.len, &err);
            ptv_buf_release(&line);
        }
        source.free(source.self);
    }
    ptv_arena_release(&mem);
    return rc;
}

static void it_survives_every_allocation_failing_once(void **state)
{
    test_room *room = *state;
    scratch_write(&room->dir, "a.ndjson",
                  TAGS("EVIL.example", "2026-01-01", "[\"a\",null]") TAGS("\\u0062.example", "2026-01-01", "[]"));
    scratch_write(&room->dir, "b.json", "{\"endpoint\":\"/v2/actions/tags\",\n\"query\":\"c.example\",\"status\":200}");
    room->s.archive = room->dir.path;
    room->s.keep_answers = true;
    ptv_log_to(NULL, NULL, PTV_LOG_ERROR); /* a log line without memory is lost, and that is all */
    unsigned long before = ptv_mem_count();
    assert_int_equal(use_once(room), PTV_OK);
    unsigned long count = ptv_mem_count() - before;
    size_t live = ptv_mem_live();
    for (unsigned long n = 1; n <= count; n++) {
        ptv_mem_fail_at(n);
        ptv_code rc = use_once(room);
        ptv_mem_fail_at(0);
        if (rc != PTV_ENOMEM)
            fail_msg("allocation %lu of %lu failed, and that was %s", n, count, ptv_code_name(rc));
        assert_int_equal(ptv_mem_live(), live);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_room, close_room)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_answers_from_one_file),
        TEST(it_answers_from_a_folder_and_lets_the_newest_win),
        TEST(it_finds_a_query_however_it_is_written),
        TEST(it_reads_bodies_that_are_texts),
        TEST(it_tells_a_damaged_line_from_no_entry),
        TEST(it_tells_a_file_that_changed_under_it),
        TEST(it_reads_lines_longer_than_a_chunk_and_passes_over_endless_ones),
        TEST(it_refuses_what_is_no_archive),
        TEST(it_writes_answers_that_read_the_same),
        TEST(it_writes_nothing_where_nothing_was_kept),
        TEST(it_makes_a_record_of_the_lines_of_one_artifact),
        TEST(it_knows_the_report_page),
        TEST(it_says_which_line_is_wrong),
        TEST(it_knows_an_answer_when_it_sees_one),
        TEST(it_survives_every_allocation_failing_once),
    };
    return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
