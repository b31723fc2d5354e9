/* test_json.c: JSON in and out, and every way in which it may be wrong.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/json.h"
#include "base/mem.h"
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

static ptv_arena mem;
static ptv_buf out;
static size_t live_before;

static int setup(void **state)
{
    (void)state;
    live_before = ptv_mem_live();
    mem = (ptv_arena)PTV_ARENA(8 << 20);
    out = (ptv_buf)PTV_BUF(1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ptv_mem_fail_at(0);
    ptv_arena_release(&mem);
    ptv_buf_release(&out);
    return ptv_mem_live() != live_before;
}

static const ptv_json *parsed(const char *text)
{
    const ptv_json *v = NULL;
    ptv_error e = { 0 };
    if (ptv_json_parse(&v, &mem, text, strlen(text), &e))
        fail_msg("%s: %s", text, e.msg);
    return v;
}

static const char *again(const char *text)
{
    ptv_buf_clear(&out);
    ptv_json_out o = { &out, false };
    ptv_json_put_tree(&o, NULL, parsed(text));
    return out.data;
}

static void reads_every_kind(void **state)
{
    (void)state;
    const ptv_json *v = parsed("{\"n\":null,\"b\":true,\"f\":false,\"d\":-1.5e2,\"t\":\"x\",\"l\":[1,2,3],\"o\":{}}");
    double number = 0;
    bool yes = false;
    assert_int_equal(ptv_json_kind_of(v), PTV_JSON_OBJECT);
    assert_int_equal(ptv_json_size(v), 7);
    assert_int_equal(ptv_json_kind_of(ptv_json_find(v, "n")), PTV_JSON_NULL);
    assert_true(ptv_json_bool(&yes, ptv_json_find(v, "b")) && yes);
    assert_true(ptv_json_bool(&yes, ptv_json_find(v, "f")) && !yes);
    assert_true(ptv_json_number(&number, ptv_json_find(v, "d")));
    assert_true(number == -150);
    assert_string_equal(ptv_json_text(ptv_json_find(v, "t")), "x");
    const ptv_json *list = ptv_json_find(v, "l");
    assert_int_equal(ptv_json_size(list), 3);
    assert_string_equal(ptv_json_key(list), "l");
    assert_null(ptv_json_key(ptv_json_first(list)));
    assert_true(ptv_json_number(&number, ptv_json_next(ptv_json_first(list))) && number == 2);
    assert_int_equal(ptv_json_size(ptv_json_find(v, "o")), 0);
    assert_null(ptv_json_first(ptv_json_find(v, "o")));
}

static void answers_for_what_is_not_there(void **state)
{
    (void)state;
    const ptv_json *v = parsed("{\"a\":1,\"a\":2,\"A\":3,\"\":4}");
    double number = 0;
    bool yes;
    assert_null(ptv_json_find(v, "b"));
    assert_true(ptv_json_number(&number, ptv_json_find(v, "a")) && number == 1); /* the first wins */
    assert_true(ptv_json_number(&number, ptv_json_find(v, "A")) && number == 3);
    assert_true(ptv_json_number(&number, ptv_json_find(v, "")) && number == 4);
    assert_null(ptv_json_find(NULL, "a"));
    assert_null(ptv_json_find(parsed("[1]"), "a"));
    assert_null(ptv_json_first(NULL));
    assert_int_equal(ptv_json_size(NULL), 0);
    assert_null(ptv_json_text(NULL));
    assert_null(ptv_json_text(parsed("1")));
    assert_false(ptv_json_number(&number, parsed("\"1\"")));
    assert_false(ptv_json_number(&number, NULL));
    assert_false(ptv_json_bool(&yes, parsed("1")));
    assert_int_equal(ptv_json_kind_of(NULL), PTV_JSON_NULL);
    assert_string_equal(ptv_json_kind_name(PTV_JSON_OBJECT), "an object");
    assert_string_equal(ptv_json_kind_name(PTV_JSON_NULL), "null");
}

static void does_not_take_infinity_for_a_number(void **state)
{
    (void)state;
    const ptv_json *v = parsed("{\"totalRecords\":18446744073709551616,\"score\":1e400,\"neg\":-1e400}");
    double number = 7;
    assert_false(ptv_json_number(&number, ptv_json_find(v, "score")));
    assert_false(ptv_json_number(&number, ptv_json_find(v, "neg")));
    assert_true(number == 7);
    assert_true(ptv_json_number(&number, ptv_json_find(v, "totalRecords")));
    assert_true(number == 18446744073709551616.0);
}

static void minds_no_byte_order_mark_and_no_blanks(void **state)
{
    (void)state;
    static const char *const texts[] = { "[1]", " \t\r\n[1]\n\n", "\xEF\xBB\xBF[1]", "\xEF\xBB\xBF [ 1 ] " };
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_int_equal(ptv_json_size(parsed(texts[i])), 1);
    assert_int_equal(ptv_json_kind_of(parsed("\xEF\xBB\xBF"
                                             "7")),
                     PTV_JSON_NUMBER);
}

static void refuses_and_says_where(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
        int offset;
    } cases[] = {
        { "", "JSON ends at byte 0", 0 },
        { " \n", "JSON ends at byte 0", 0 },
        { "\xEF\xBB\xBF", "JSON ends at byte 3", 3 },
        { "{\"a\":[1,2", "JSON ends at byte 9", 9 },
        { "{\"a\":[1,2,  ", "JSON ends at byte 10", 10 },
        { "[\"abc", "JSON ends at byte 5", 5 },
        { "[\"abc\\", "JSON ends at byte 6", 6 },
        { "[\"abc\\\"", "JSON ends at byte 7", 7 },
        { "{\"a", "JSON ends at byte 3", 3 },
        { "{\"a\"", "JSON ends at byte 4", 4 },
        { "{\"a\":", "JSON ends at byte 5", 5 },
        { "[tru", "JSON ends at byte 4", 4 },
        { "{", "JSON ends at byte 1", 1 },
        { "<html>", "bad JSON at byte 0", 0 },
        { "\xEF\xBB\xBF<", "bad JSON at byte 3", 3 },
        { "[1,,2]", "bad JSON at byte 3", 3 },
        { "[1 2]", "bad JSON at byte 3", 3 },
        { "{\"a\" 1}", "bad JSON at byte 5", 5 },
        { "[nil]", "bad JSON at byte 1", 1 },
        { "{\"a\":1}\n<!-- cached -->", "text after the JSON value at byte 8", 8 },
        { "[1]]", "text after the JSON value at byte 3", 3 },
        { "1 2", "text after the JSON value at byte 2", 2 },
        { "[\"a\\u0000b\"]", "NUL in JSON at byte 3", 3 },
        { "[\"a\\\\\\u000", "JSON ends at byte 10", 10 },
        { "[\"a\\uZZZZ\"]", "bad JSON at byte 3", 3 },
        { "[\"\\u00g0\\u0000\"]", "bad JSON at byte 2", 2 },
        { "[\"a\001b\"]", "control character in JSON at byte 3", 3 },
        { "\f[1]", "control character in JSON at byte 0", 0 },
        { "{\"eight bytes\":\n\t\"and more\",\v\"than\": 16}", "control character in JSON at byte 28", 28 },
        { "[\"\xFF\"]", "JSON is not UTF-8 at byte 2", 2 },
        { "  [\"\xC3(\"]", "JSON is not UTF-8 at byte 4", 4 },
        { "[\"\xED\xA0\x80\"]", "JSON is not UTF-8 at byte 2", 2 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        ptv_error e = { 0 };
        const ptv_json *v = NULL;
        ptv_code rc = ptv_json_parse(&v, &mem, cases[i].text, strlen(cases[i].text), &e);
        if (rc != PTV_ESHAPE || v || e.detail != cases[i].offset || strcmp(e.msg, cases[i].message))
            fail_msg("%s: %s %d \"%s\"", cases[i].text, ptv_code_name(rc), e.detail, e.msg);
    }
    ptv_error e;
    const ptv_json *v;
    assert_int_equal(ptv_json_parse(&v, &mem, "[1,\0 2]", 7, &e), PTV_ESHAPE);
    assert_string_equal(e.msg, "NUL in JSON at byte 3");
    assert_int_equal(ptv_json_parse(&v, &mem, "[\"\0\"]", 5, &e), PTV_ESHAPE);
}

static void refuses_lone_surrogates(void **state)
{
    (void)state;
    static const char *const bad[] = { "[\"\\ud800\"]", "[\"\\udc00\"]", "[\"\\ud800x\"]", "[\"\\ud800\\u0041\"]" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        ptv_error e;
        const ptv_json *v;
        assert_int_equal(ptv_json_parse(&v, &mem, bad[i], strlen(bad[i]), &e), PTV_ESHAPE);
    }
    assert_string_equal(ptv_json_text(parsed("\"\\ud83d\\ude00\"")), "\xF0\x9F\x98\x80");
}

static void takes_an_escaped_backslash_for_what_it_is(void **state)
{
    (void)state;
    assert_string_equal(ptv_json_text(parsed("\"\\\\u0000\"")), "\\u0000");
    assert_string_equal(ptv_json_text(parsed("\"\\\\\\\\u0000\\\"\"")), "\\\\u0000\"");
    assert_string_equal(ptv_json_text(parsed("\"\\\\\"")), "\\");
    assert_string_equal(ptv_json_text(parsed("\"\\u0001\"")), "\x01");
}

static ptv_code parse_nested(int depth, char open, bool is_closed, ptv_error *e)
{
    static char text[400000];
    size_t len = 0;
    const ptv_json *v;
    for (int i = 0; i < depth; i++) {
        if (open == '{' && i)
            len += (size_t)snprintf(text + len, sizeof text - len, "\"[[\\\"\":");
        text[len++] = open;
    }
    for (int i = 0; is_closed && i < depth; i++)
        text[len++] = open == '{' ? '}' : ']';
    return ptv_json_parse(&v, &mem, text, len, e);
}

static void refuses_more_than_a_hundred_levels(void **state)
{
    (void)state;
    ptv_error e = { 0 };
    assert_int_equal(parse_nested(100, '[', true, &e), PTV_OK);
    assert_int_equal(parse_nested(100, '{', true, &e), PTV_OK);
    for (int closed = 0; closed < 2; closed++) {
        const int depths[] = { 101, 999, 1000, 1001, 30000 };
        for (size_t i = 0; i < COUNT(depths); i++) {
            assert_int_equal(parse_nested(depths[i], '[', closed, &e), PTV_ESHAPE);
            assert_string_equal(e.msg, "JSON nests over 100 levels at byte 100");
            assert_int_equal(parse_nested(depths[i], '{', closed, &e), PTV_ESHAPE);
            assert_string_equal(e.msg, "JSON nests over 100 levels at byte 800");
        }
    }
}

static void stops_at_the_ceiling_of_the_arena(void **state)
{
    (void)state;
    ptv_arena small = PTV_ARENA(1000);
    ptv_error e = { 0 };
    const ptv_json *v = NULL;
    const char text[] = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]";
    assert_int_equal(ptv_json_parse(&v, &small, text, strlen(text), &e), PTV_ETOOBIG);
    assert_string_equal(e.msg, "over 1000 bytes");
    assert_null(v);
    ptv_arena_release(&small);
}

static void survives_every_failed_allocation(void **state)
{
    (void)state;
    const char text[] = "{\"a\":[1,\"two\",{\"three\":[null,true]}],\"b\":\"x\"}";
    ptv_error e = { 0 };
    const ptv_json *v = NULL;
    for (unsigned long nth = 1;; nth++) {
        ptv_arena a = PTV_ARENA(1 << 20);
        ptv_mem_fail_at(nth);
        ptv_code rc = ptv_json_parse(&v, &a, text, strlen(text), &e);
        ptv_mem_fail_at(0);
        ptv_arena_release(&a);
        assert_int_equal(ptv_mem_live(), live_before);
        if (!rc)
            break;
        assert_int_equal(rc, PTV_ENOMEM);
        assert_null(v);
    }
}

static void *parse_often(void *text)
{
    for (int i = 0; i < 300; i++) {
        ptv_arena a = PTV_ARENA(1 << 20);
        ptv_error e;
        const ptv_json *v;
        bool is_good = !ptv_json_parse(&v, &a, text, strlen(text), &e) && ptv_json_size(v) == 20;
        ptv_arena_release(&a);
        if (!is_good)
            return text;
    }
    return NULL;
}

static void parses_in_several_threads(void **state)
{
    (void)state;
    char text[] = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,\"twenty\"]";
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, parse_often, text), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

static void writes_in_document_order_with_commas(void **state)
{
    (void)state;
    ptv_json_out o = { &out, false };
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "text", "x");
    ptv_json_put_text(&o, "absent", NULL);
    ptv_json_open(&o, "list", '[');
    ptv_json_put_int(&o, NULL, -5);
    ptv_json_open(&o, NULL, '{');
    ptv_json_close(&o, '}');
    ptv_json_open(&o, NULL, '[');
    ptv_json_close(&o, ']');
    ptv_json_put_bool(&o, NULL, true);
    ptv_json_put_bool(&o, NULL, false);
    ptv_json_close(&o, ']');
    ptv_json_put_null(&o, "n");
    ptv_json_put_time(&o, "t", 1577934245);
    ptv_json_put_time(&o, "no_time", PTV_NO_TIME);
    ptv_json_put_raw(&o, "raw", "{\"y\":1}", 7);
    ptv_json_put_tree(&o, "tree", parsed("{\"z\":[1.5,\"q\"]}"));
    ptv_json_put_tree(&o, "none", NULL);
    const char *volatile strange = "a\"key"; /* not known to the compiler: measured and escaped */
    ptv_json_put_text(&o, strange, "");
    ptv_json_close(&o, '}');
    assert_string_equal(out.data, "{\"text\":\"x\",\"absent\":null,\"list\":[-5,{},[],true,false],\"n\":null,"
                                  "\"t\":\"2020-01-02T03:04:05Z\",\"no_time\":null,\"raw\":{\"y\":1},"
                                  "\"tree\":{\"z\":[1.5,\"q\"]},\"none\":null,\"a\\\"key\":\"\"}");
}

static const char *number(double value)
{
    ptv_buf_clear(&out);
    ptv_json_out o = { &out, false };
    ptv_json_put_number(&o, NULL, value);
    return out.data;
}

static void writes_numbers_that_read_back_the_same(void **state)
{
    (void)state;
    static const char *const locales[] = { "C", "de_DE.UTF-8" }; /* the second only where it is installed */
    for (size_t l = 0; l < COUNT(locales); l++) {
        setlocale(LC_ALL, locales[l]);
        assert_string_equal(number(0), "0");
        assert_string_equal(number(-3), "-3");
        assert_string_equal(number(0.1), "0.1");
        assert_string_equal(number(-1234.5), "-1234.5");
        assert_string_equal(number(1e15), "1e+15");
        assert_string_equal(number(1.5e300), "1.5e+300");
        assert_string_equal(number(1.0 / 3), "0.3333333333333333");
        assert_string_equal(number(5e-324), "4.94065645841247e-324");
        assert_string_equal(number(999999999999999.0), "999999999999999");
        assert_string_equal(number(18446744073709551616.0), "1.8446744073709552e+19");
        assert_string_equal(number(NAN), "null");
        assert_string_equal(number(-INFINITY), "null");
    }
    setlocale(LC_ALL, "C");
    const int64_t ints[] = { 0, 9, 10, -1, INT64_MAX, INT64_MIN };
    static const char *const texts[] = { "0", "9", "10", "-1", "9223372036854775807", "-9223372036854775808" };
    for (size_t i = 0; i < COUNT(ints); i++) {
        ptv_buf_clear(&out);
        ptv_json_out o = { &out, false };
        ptv_json_put_int(&o, NULL, ints[i]);
        assert_string_equal(out.data, texts[i]);
    }
}

static const char *written(const char *text)
{
    ptv_buf_clear(&out);
    ptv_json_out o = { &out, false };
    ptv_json_put_text(&o, NULL, text);
    return out.data;
}

static void escapes_what_it_writes(void **state)
{
    (void)state;
    assert_string_equal(written(""), "\"\"");
    assert_string_equal(written("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
    assert_string_equal(written("a\x1b[31m\n\t\x7f"), "\"a\\u001b[31m\\u000a\\u0009\\u007f\"");
    assert_string_equal(written("\xC2\x9B \xE2\x80\xA8\xE2\x80\xA9"), "\"\\u009b \\u2028\\u2029\"");
    assert_string_equal(written("\xC3\xA9\xF0\x9F\x98\x80"), "\"\xC3\xA9\xF0\x9F\x98\x80\"");
    assert_string_equal(written("a\xFF\xC3z"), "\"a\xEF\xBF\xBD\xEF\xBF\xBDz\"");
    assert_string_equal(written("\xC3"), "\"\xEF\xBF\xBD\"");
}

static void escapes_at_every_place_of_a_text(void **state)
{
    (void)state;
    for (size_t len = 1; len < 40; len++) {
        for (size_t at = 0; at < len; at++) {
            for (int c = 1; c < 256; c++) {
                char text[41], expected[64];
                memset(text, 'x', len);
                text[len] = '\0';
                text[at] = (char)c;
                const char *shown = c >= 0x80              ? "\xEF\xBF\xBD"
                                    : c < 0x20 || c == 127 ? "\\u00%02x"
                                    : c == '"'             ? "\\\""
                                    : c == '\\'            ? "\\\\"
                                                           : NULL;
                char escape[8];
                snprintf(escape, sizeof escape, shown && shown[1] == 'u' ? "\\u00%02x" : "%c", c);
                snprintf(expected, sizeof expected, "\"%.*s%s%s\"", (int)at, text, shown && shown[1] != 'u' ? shown : escape,
                         text + at + 1);
                if (strcmp(written(text), expected))
                    fail_msg("byte %d at %zu of %zu: %s", c, at, len, out.data);
            }
        }
    }
}

static void writes_again_what_it_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"a\":[1,2.5,\"x\",null,true,false,{}],\"b\":[]}",
        "[]",
        "\"\xC3\xA9\"",
        "-0.5",
        "null",
        "[\"\\u0001\\u2028\\\\\\\"\"]",
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_string_equal(again(texts[i]), texts[i]);
    assert_string_equal(again("[ 1e2 , 1e400, \"\\/\\n\" ]"), "[100,null,\"/\\u000a\"]");
}

static void stops_writing_when_the_buffer_is_full(void **state)
{
    (void)state;
    for (size_t limit = 0; limit < 40; limit++) {
        ptv_buf small = PTV_BUF(limit);
        ptv_json_out o = { &small, false };
        ptv_json_put_tree(&o, NULL, parsed("{\"key\\u0001\":[\"\xC3\xA9\\u001f\",12345,true,{}]}"));
        assert_int_equal(small.failed, PTV_ETOOBIG);
        assert_true(small.len <= limit);
        ptv_buf_release(&small);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(reads_every_kind),
        TEST(answers_for_what_is_not_there),
        TEST(does_not_take_infinity_for_a_number),
        TEST(minds_no_byte_order_mark_and_no_blanks),
        TEST(refuses_and_says_where),
        TEST(refuses_lone_surrogates),
        TEST(takes_an_escaped_backslash_for_what_it_is),
        TEST(refuses_more_than_a_hundred_levels),
        TEST(stops_at_the_ceiling_of_the_arena),
        TEST(survives_every_failed_allocation),
        TEST(parses_in_several_threads),
        TEST(writes_in_document_order_with_commas),
        TEST(writes_numbers_that_read_back_the_same),
        TEST(escapes_what_it_writes),
        TEST(escapes_at_every_place_of_a_text),
        TEST(writes_again_what_it_read),
        TEST(stops_writing_when_the_buffer_is_full),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
