/*
 * test_lists.c: our own indicators: CSV and NDJSON, exact, zone and net, rows joined, bad rows named by file and line.
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
#include "base/mem.h"

typedef struct test_room {
    scratch_dir dir;
    ptv_arena mem;
    ptv_source_settings s;
    ptv_local_source source;
    ptv_error err;
} test_room;

static test_room the_room;

static int open_room(void **state)
{
    the_room = (test_room){ .mem = PTV_ARENA(64 << 20), .s = plain_settings() };
    *state = &the_room;
    return scratch_dir_make(&the_room.dir) ? 0 : -1;
}

static int close_room(void **state)
{
    test_room *room = *state;
    if (room->source.free)
        room->source.free(room->source.self);
    ptv_arena_release(&room->mem);
    scratch_dir_remove(&room->dir);
    return ptv_mem_live() == 0 ? 0 : -1;
}

static void open_lists(test_room *room, const char *path)
{
    room->s.lists = path;
    if (ptv_lists_open(&room->source, &room->s, &room->err))
        fail_msg("%s", room->err.msg);
}

static const char *ask(test_room *room, ptv_section section, const char *artifact)
{
    ptv_record *r = new_record(&room->mem, artifact);
    ptv_code rc = room->source.answer(room->source.self, r, &room->mem, section, &room->err);
    if (rc == PTV_ENOENTRY) {
        assert_int_equal(r->sections[section].state, PTV_STATE_NOT_ASKED);
        return "none";
    }
    assert_int_equal(rc, PTV_OK);
    assert_string_equal(r->sections[section].source, "lists");
    assert_int_equal(r->sections[section].fetched_at, fixed_utc());
    assert_int_equal(r->fetched_at, fixed_utc());
    return tell(&room->mem, r, section);
}

#define HEADER "indicator,tags,classification,first_seen,last_seen\n"
static const char one_csv[] = HEADER "# our own\n"
                                     "\n"
                                     "evil.example,Ransomware; c2|dropper,malicious,2026-01-31,2026-02-03 10:00:00\n"
                                     "*.zone.example,zoned,suspicious,,\n"
                                     "192.0.2.0/24,net,,2025-01-01,\n"
                                     "192.0.2.7,host,,,\n"
                                     "2001:DB8::/32,six,,,\n"
                                     "\"quoted.example\",\"a, b\",\"benign\",\"2026-01-01\",\n"
                                     "bare.example,,,,\r\n"
                                     "last.example,end,,,";

static void it_matches_names_zones_and_nets(void **state)
{
    test_room *room = *state;
    open_lists(room, scratch_write(&room->dir, "a.csv", one_csv));
    assert_int_equal(room->source.fills, PTV_BIT(PTV_TAGS) | PTV_BIT(PTV_CLASSIFICATION) | PTV_BIT(PTV_PASSIVE_DNS));
    assert_int_equal(room->source.denies, PTV_BIT(PTV_TAGS) | PTV_BIT(PTV_CLASSIFICATION));
    assert_string_equal(ask(room, PTV_TAGS, "evil.example"), "ok [c2|dropper|ransomware]");
    assert_string_equal(ask(room, PTV_TAGS, "EVIL.example."), "ok [c2|dropper|ransomware]");
    assert_string_equal(ask(room, PTV_TAGS, "sub.evil.example"), "none");
    assert_string_equal(ask(room, PTV_TAGS, "zone.example"), "ok [zoned]");
    assert_string_equal(ask(room, PTV_TAGS, "a.b.zone.example"), "ok [zoned]");
    assert_string_equal(ask(room, PTV_TAGS, "ozone.example"), "none");
    assert_string_equal(ask(room, PTV_TAGS, "192.0.2.8"), "ok [net]");
    assert_string_equal(ask(room, PTV_TAGS, "192.0.2.7"), "ok [host]");
    assert_string_equal(ask(room, PTV_TAGS, "2001:db8::99"), "ok [six]");
    assert_string_equal(ask(room, PTV_TAGS, "192.0.3.1"), "none");
    assert_string_equal(ask(room, PTV_TAGS, "quoted.example"), "ok [a|b]");
    assert_string_equal(ask(room, PTV_TAGS, "last.example"), "ok [end]");
}

static void it_fills_what_the_row_holds_and_nothing_else(void **state)
{
    test_room *room = *state;
    open_lists(room, scratch_write(&room->dir, "a.csv", one_csv));
    assert_string_equal(ask(room, PTV_CLASSIFICATION, "evil.example"), "ok malicious");
    assert_string_equal(ask(room, PTV_CLASSIFICATION, "quoted.example"), "ok non-malicious");
    assert_string_equal(ask(room, PTV_CLASSIFICATION, "192.0.2.7"), "none");
    assert_string_equal(ask(room, PTV_TAGS, "bare.example"), "none");
    assert_string_equal(ask(room, PTV_PASSIVE_DNS, "bare.example"), "none");
    assert_string_equal(ask(room, PTV_SUBDOMAINS, "evil.example"), "none");
    assert_string_equal(ask(room, PTV_PASSIVE_DNS, "evil.example"),
                        "ok count=1 total=-1 rows=1/1 truncated=1 first=2026-01-31T00:00:00Z last=2026-02-03T10:00:00Z");
    assert_string_equal(ask(room, PTV_PASSIVE_DNS, "192.0.2.9"),
                        "ok count=1 total=-1 rows=1/1 truncated=1 first=2025-01-01T00:00:00Z last=-");
}

static void it_joins_rows_of_one_indicator(void **state)
{
    test_room *room = *state;
    scratch_write(&room->dir, "a.csv",
                  HEADER "evil.example,one,non-malicious,2026-02-01,2026-02-02\nEvil.Example.,four,,,\n");
    scratch_write(&room->dir, "b.ndjson",
                  "{\"indicator\":\"EVIL.example\",\"tags\":[\"three\",\"two\"],\"classification\":\"suspicious\","
                  "\"first_seen\":\"2026-01-15\",\"comment\":7}\n\n"
                  "{\"indicator\":\"other.example\",\"tags\":\"x;y\",\"last_seen\":null}");
    scratch_write(&room->dir, "readme.txt", "not a list");
    open_lists(room, room->dir.path);
    assert_string_equal(ask(room, PTV_TAGS, "evil.example"), "ok [four|one|three|two]");
    assert_string_equal(ask(room, PTV_CLASSIFICATION, "evil.example"), "ok suspicious");
    assert_string_equal(ask(room, PTV_PASSIVE_DNS, "evil.example"),
                        "ok count=1 total=-1 rows=1/1 truncated=1 first=2026-01-15T00:00:00Z last=2026-02-02T00:00:00Z");
    assert_string_equal(ask(room, PTV_TAGS, "other.example"), "ok [x|y]");
}

static void it_reads_columns_by_name_and_quotes_by_the_book(void **state)
{
    test_room *room = *state;
    open_lists(room, scratch_write(&room->dir, "a.csv",
                                   "\xEF\xBB\xBFid, Tags ,note,INDICATOR\r\n"
                                   "1,\"a \"\"b\"\"\",\"two\nlines, and a comma\",evil.example\r\n"
                                   "2,c,\"\",good.example\r\n"));
    assert_int_equal(room->source.fills, PTV_BIT(PTV_TAGS));
    assert_string_equal(ask(room, PTV_TAGS, "evil.example"), "ok [a \"b\"]");
    assert_string_equal(ask(room, PTV_TAGS, "good.example"), "ok [c]");
    assert_string_equal(ask(room, PTV_CLASSIFICATION, "good.example"), "none");
}

static void it_names_file_and_line_of_what_is_wrong(void **state)
{
    static const struct {
        const char *name, *text, *message;
    } wrong[] = {
        { "a.csv", HEADER "evil.example,a,malicous,,\n", "a.csv:2: 'malicous' is no classification" },
        { "a.csv", HEADER "# x\n\nevil.example,a,,yesterday,\n", "a.csv:4: 'yesterday' is no date" },
        { "a.csv", HEADER "evil.example,a,,,\nevil .example,a,,,\n", "a.csv:3: " },
        { "a.csv", HEADER "evil.example,a\n", "a.csv:2: 2 cells, the header has 5" },
        { "a.csv", HEADER ",a,,,\n", "a.csv:2: no indicator" },
        { "a.csv", HEADER "evil.example,\"a\nb\nc", "a.csv:2: a quoted cell has no end" },
        { "a.csv", HEADER "evil.example,\"a\"b,,,\n", "a.csv:2: text after the closing quote of a cell" },
        { "a.csv", HEADER "evil.example,a\"b,,,\n", "a.csv:2: a quote inside a cell that is not quoted" },
        { "a.csv", HEADER "x.example,\"two\nlines\",,,\nevil.example,a,bad,,\n", "a.csv:4: 'bad' is no classification" },
        { "a.csv", "indicator,tag\n", "a.csv:1: 'tag' is no column (did you mean 'tags'?)" },
        { "a.csv", "name,tags\nx,y\n", "a.csv:1: the header has no column 'indicator'" },
        { "a.csv", "indicator,tags,Tags\n", "a.csv:1: two columns 'Tags'" },
        { "a.csv", "# nothing\n", "a.csv:1: no header" },
        { "a.csv", "", "a.csv:1: no header" },
        { "a.ndjson", "{\"indicator\":\"a.example\"}\n{\"indicator\":", "a.ndjson:2: JSON ends at byte 13" },
        { "a.ndjson", "{\"indicator\":7}\n", "a.ndjson:1: \"indicator\" is a number" },
        { "a.ndjson", "{\"tags\":[]}\n", "a.ndjson:1: no indicator" },
        { "a.ndjson", "{\"indicator\":\"a.example\",\"tags\":[1]}\n", "a.ndjson:1: \"tags\" holds a number" },
        { "a.ndjson", "{\"indicator\":\"a.example\",\"clasification\":\"malicious\"}\n",
          "a.ndjson:1: 'clasification' is no column (did you mean 'classification'?)" },
    };
    test_room *room = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        room->s.lists = scratch_write(&room->dir, wrong[i].name, wrong[i].text);
        ptv_code rc = ptv_lists_open(&room->source, &room->s, &room->err);
        if (rc != PTV_ESETTINGS || !strstr(room->err.msg, wrong[i].message))
            fail_msg("%s: '%s' lacks '%s'", ptv_code_name(rc), room->err.msg, wrong[i].message);
        assert_null(room->source.free);
        unlink(room->s.lists);
    }
    room->s.lists = "/nowhere.csv";
    assert_int_equal(ptv_lists_open(&room->source, &room->s, &room->err), PTV_ESETTINGS);
}

static void it_opens_an_empty_folder(void **state)
{
    test_room *room = *state;
    open_lists(room, room->dir.path);
    assert_int_equal(room->source.fills, 0);
    assert_string_equal(ask(room, PTV_TAGS, "evil.example"), "none");
}

static void it_holds_many_entries(void **state)
{
    test_room *room = *state;
    ptv_buf text = PTV_BUF(16 << 20);
    ptv_buf_puts(&text, HEADER);
    for (int i = 0; i < 20000; i++)
        ptv_buf_printf(&text, "h%d.many.example,tag%d,malicious,2026-01-01,\n", i, i);
    const char *path = scratch_write(&room->dir, "a.csv", text.data);
    ptv_buf_release(&text);
    open_lists(room, path);
    assert_string_equal(ask(room, PTV_TAGS, "h0.many.example"), "ok [tag0]");
    assert_string_equal(ask(room, PTV_TAGS, "h19999.many.example"), "ok [tag19999]");
    assert_string_equal(ask(room, PTV_TAGS, "h20000.many.example"), "none");
}

static ptv_code use_once(test_room *room)
{
    ptv_local_source source;
    ptv_error err;
    ptv_arena mem = PTV_ARENA(8 << 20);
    ptv_code rc = ptv_lists_open(&source, &room->s, &err);
    if (!rc) {
        ptv_record *r = new_record(&mem, "evil.example");
        rc = r ? source.answer(source.self, r, &mem, PTV_TAGS, &err) : PTV_ENOMEM;
        if (!rc)
            rc = source.answer(source.self, r, &mem, PTV_PASSIVE_DNS, &err);
        source.free(source.self);
    }
    ptv_arena_release(&mem);
    return rc;
}

static void it_survives_every_allocation_failing_once(void **state)
{
    test_room *room = *state;
    scratch_write(&room->dir, "a.csv",
                  HEADER "evil.example,\"a \"\"q\"\"\",malicious,2026-01-01,\n*.b.example,b,,,\n192.0.2.0/24,b,,,\n");
    scratch_write(&room->dir, "b.ndjson", "{\"indicator\":\"Evil.example\",\"tags\":[\"c\"]}");
    room->s.lists = room->dir.path;
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
        TEST(it_matches_names_zones_and_nets),
        TEST(it_fills_what_the_row_holds_and_nothing_else),
        TEST(it_joins_rows_of_one_indicator),
        TEST(it_reads_columns_by_name_and_quotes_by_the_book),
        TEST(it_names_file_and_line_of_what_is_wrong),
        TEST(it_opens_an_empty_folder),
        TEST(it_holds_many_entries),
        TEST(it_survives_every_allocation_failing_once),
    };
    return cmocka_run_group_tests_name("lists", tests, NULL, NULL);
}
