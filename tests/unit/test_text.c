/* test_text.c: small pure functions on text, and escapes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/mem.h"
#include "base/text.h"
#include <locale.h>
#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void compares_and_trims(void **state)
{
    (void)state;
    assert_true(ptv_text_equal(NULL, NULL));
    assert_false(ptv_text_equal("", NULL));
    assert_true(ptv_text_equal("a", "a"));
    assert_false(ptv_text_equal("a", "A"));
    assert_true(ptv_text_equal_fold("aBc", "AbC"));
    assert_false(ptv_text_equal_fold("abc", "ab"));
    assert_false(ptv_text_equal_fold("", NULL));
    assert_false(ptv_text_equal_fold("\xC3\xA9", "\xC3\x89")); /* ASCII only */
    assert_true(ptv_text_starts("abc", "ab"));
    assert_true(ptv_text_starts("abc", ""));
    assert_false(ptv_text_starts("a", "ab"));
    assert_false(ptv_text_starts(NULL, ""));
    assert_true(ptv_text_ends("x.test", ".test"));
    assert_false(ptv_text_ends("test", ".test"));
    assert_false(ptv_text_ends(NULL, ""));

    const char *text = " \t a b \r\n";
    size_t len = strlen(text);
    ptv_text_trim(&text, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(text, "a b", 3);
    text = " \t\v\f";
    len = 4;
    ptv_text_trim(&text, &len);
    assert_int_equal(len, 0);
}

static void folds_into_an_arena(void **state)
{
    (void)state;
    ptv_arena a = PTV_ARENA(64);
    assert_string_equal(ptv_text_fold(&a, "  RansomWare \n", 14), "ransomware");
    assert_string_equal(ptv_text_fold(&a, " ", 1), "");
    char longest[100] = "x";
    assert_null(ptv_text_fold(&a, memset(longest, 'x', sizeof longest), sizeof longest));
    ptv_arena_release(&a);
}

static void matches_globs(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        { "", "", true },
        { "", "a", false },
        { "*", "", true },
        { "*", "anything", true },
        { "***", "", true },
        { "?", "", false },
        { "?", "a", true },
        { "?", "\xC3\xA9", false }, /* one byte, not one character */
        { "ransom*", "Ransomware", true },
        { "RANSOM*", "ransomware", true },
        { "*ware", "ransomware", true },
        { "*ware", "ransomwares", false },
        { "r*m*e", "ransomware", true },
        { "r*m*x", "ransomware", false },
        { "*a*b*c*", "xxaxxbxxcxx", true },
        { "*a*b*c*", "xxaxxcxxbxx", false },
        { "a?c", "abc", true },
        { "a?c", "ac", false },
        { "*?", "", false },
        { "*?", "a", true },
        { "?*?", "a", false },
        { "*ab", "aab", true },
        { "a*a", "a", false },
        { "a*a", "aa", true },
        { "[a-z]", "b", false },
        { "[a-z]", "[a-z]", true },
        { "a.c", "abc", false },
        { "\\*", "\\x", true },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (ptv_glob(cases[i].pattern, cases[i].text) != cases[i].matches)
            fail_msg("%s against %s", cases[i].pattern, cases[i].text);
    }
}

static bool glob_by_definition(const char *p, const char *t)
{
    if (!*p)
        return !*t;
    if (*p == '*')
        return glob_by_definition(p + 1, t) || (*t && glob_by_definition(p, t + 1));
    return *t && (*p == '?' || *p == *t) && glob_by_definition(p + 1, t + 1);
}

static void matches_globs_as_defined(void **state)
{
    (void)state;
    char pattern[6] = "", text[7] = "";
    for (int p = 0; p < 4 * 4 * 4 * 4 * 4; p++) {
        for (int i = 0, rest = p; i < 5; i++, rest /= 4)
            pattern[i] = "ab?*"[rest % 4];
        for (int t = 0; t < 64; t++) {
            for (int i = 0; i < 6; i++)
                text[i] = "ab"[t >> i & 1];
            if (ptv_glob(pattern, text) != glob_by_definition(pattern, text))
                fail_msg("%s against %s", pattern, text);
        }
    }
}

static void does_not_hang_on_a_glob_built_to_backtrack(void **state)
{
    (void)state;
    static char text[64 * 1024 + 1];
    memset(text, 'a', sizeof text - 1);
    assert_false(ptv_glob("*a*a*a*a*a*a*a*a*a*b", text));
    assert_true(ptv_glob("*a*a*a*a*a*a*a*a*a*a", text));
}

static void measures_slips(void **state)
{
    (void)state;
    assert_int_equal(ptv_text_distance("tags", "tags", 2), 0);
    assert_int_equal(ptv_text_distance("tag", "tags", 2), 1);
    assert_int_equal(ptv_text_distance("tgas", "tags", 2), 1); /* a swap is one slip */
    assert_int_equal(ptv_text_distance("ransomeware", "ransomware", 2), 1);
    assert_int_equal(ptv_text_distance("abc", "xyz", 5), 3);
    assert_int_equal(ptv_text_distance("abc", "xyz", 1), 2);
    assert_int_equal(ptv_text_distance("", "ab", 2), 2);
    assert_int_equal(ptv_text_distance("", "abc", 2), 3);
    assert_int_equal(ptv_text_distance("ca", "abc", 5), 3); /* restricted: a swapped pair is not touched again */
    char long_a[300], long_b[300];
    memset(long_a, 'a', sizeof long_a);
    long_a[299] = '\0';
    memcpy(long_b, long_a, sizeof long_b);
    assert_int_equal(ptv_text_distance(long_a, long_b, 2), 0);
    long_b[0] = 'b';
    assert_int_equal(ptv_text_distance(long_a, long_b, 2), 3);
}

static void finds_the_nearest_word(void **state)
{
    (void)state;
    static const char *const words[] = { "tags", "classification", "passive_dns.count", "passive_dns.first_seen", "tag" };
    assert_string_equal(ptv_text_nearest("clasification", words, COUNT(words)), "classification");
    assert_string_equal(ptv_text_nearest("passive_dns.fisrt_sen", words, COUNT(words)), "passive_dns.first_seen");
    assert_string_equal(ptv_text_nearest("tags", words, COUNT(words)), "tags");
    assert_string_equal(ptv_text_nearest("tagz", words, COUNT(words)), "tags"); /* the first of two */
    assert_string_equal(ptv_text_nearest("tag", words, COUNT(words)), "tag");
    assert_null(ptv_text_nearest("xy", words, COUNT(words)));
    assert_null(ptv_text_nearest("xyz", words, COUNT(words)));
    assert_null(ptv_text_nearest("", words, COUNT(words)));
    assert_null(ptv_text_nearest("tags", NULL, 0));
}

static void reads_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
        bool by_day;
    } good[] = {
        { "30d", 2592000, true }, { "12h", 43200, false }, { "2w", 1209600, true },
        { "1y", 31536000, true }, { "90m", 5400, false },  { "45s", 45, false },
        { "0d", 0, true },        { "010s", 10, false },   { "10000y", INT64_C(315360000000), true },
    };
    static const char *const bad[] = {
        "", "d", "30", "30 d", "-1d", "+1d", "1.5d", "30D", "30dd", "1d2h", "10001y", " 1d", "99999999999999999999d", "1M"
    };
    int64_t seconds = 0;
    bool by_day = false;
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_true(ptv_duration_parse(&seconds, &by_day, good[i].text));
        assert_int_equal(seconds, good[i].seconds);
        assert_int_equal(by_day, good[i].by_day);
    }
    seconds = 7;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(ptv_duration_parse(&seconds, &by_day, bad[i]));
    assert_int_equal(seconds, 7);
    assert_true(ptv_duration_parse(&seconds, NULL, "1h"));
}

static void writes_durations_in_the_largest_unit(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        { 0, "0s" },        { 45, "45s" },     { 60, "1m" },         { 5400, "90m" },
        { 43200, "12h" },   { 86400, "1d" },   { 2592000, "30d" },   { 604800, "1w" },
        { 31536000, "1y" }, { 3601, "3601s" }, { -2592000, "-30d" }, { INT64_MAX, "9223372036854775807s" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[32];
        ptv_duration_format(out, cases[i].seconds);
        assert_string_equal(out, cases[i].text);
    }
}

static void reads_integers(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_true(ptv_int_parse(&value, "-9223372036854775808"));
    assert_true(value == INT64_MIN);
    assert_true(ptv_int_parse(&value, "+9223372036854775807"));
    assert_true(value == INT64_MAX);
    assert_true(ptv_int_parse(&value, "007"));
    assert_int_equal(value, 7);
    static const char *const bad[] = { "",
                                       "-",
                                       "+",
                                       "1 ",
                                       " 1",
                                       "1.0",
                                       "1e3",
                                       "0x1",
                                       "--1",
                                       "9223372036854775808",
                                       "-9223372036854775809",
                                       "18446744073709551616" };
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(ptv_int_parse(&value, bad[i]));
    assert_int_equal(value, 7);
}

static void reads_numbers_in_any_locale(void **state)
{
    (void)state;
    double value = 0;
    static const char *const locales[] = { "C", "de_DE.UTF-8" }; /* the second only where it is installed */
    for (size_t l = 0; l < COUNT(locales); l++) {
        setlocale(LC_ALL, locales[l]);
        assert_true(ptv_number_parse(&value, "-12.5e-1"));
        assert_true(value == -1.25);
        assert_true(ptv_number_parse(&value, "+3"));
        static const char *const bad[] = {
            "", "-", ".5", "5.", "1,5", "1e", "1e+", "nan", "inf", "0x10", "1e999", "1 ", "1f"
        };
        for (size_t i = 0; i < COUNT(bad); i++)
            assert_false(ptv_number_parse(&value, bad[i]));
        assert_true(value == 3);
    }
    setlocale(LC_ALL, "C");
}

static void reads_booleans(void **state)
{
    (void)state;
    bool value = false;
    static const char *const yes[] = { "yes", "TRUE", "On", "1" }, *const no[] = { "No", "false", "OFF", "0" };
    static const char *const bad[] = { "", "y", "2", "yes ", "truee" };
    for (size_t i = 0; i < COUNT(yes); i++) {
        assert_true(ptv_bool_parse(&value, yes[i]) && value);
        assert_true(ptv_bool_parse(&value, no[i]) && !value);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(ptv_bool_parse(&value, bad[i]));
}

static void knows_utf8(void **state)
{
    (void)state;
    static const char *const good[] = { "",
                                        "ascii only, longer than eight",
                                        "\xC2\x80",
                                        "\xE2\x82\xAC",
                                        "\xF0\x9F\x98\x80",
                                        "\xF4\x8F\xBF\xBF",
                                        "12345678\xC3\xA9",
                                        "\xEF\xBF\xBF" };
    static const struct {
        const char *text;
        size_t prefix;
    } bad[] = {
        { "\x80", 0 },
        { "\xC0\x80", 0 },
        { "\xC1\xBF", 0 },
        { "\xC3", 0 },
        { "a\xE2\x82", 1 },
        { "\xE0\x80\x80", 0 },
        { "\xED\xA0\x80", 0 },
        { "\xF0\x80\x80\x80", 0 },
        { "\xF4\x90\x80\x80", 0 },
        { "\xF5\x80\x80\x80", 0 },
        { "\xFF", 0 },
        { "1234567\xFE", 7 },
        { "12345678901\xC3(", 11 },
        { "\xC3\xA9\xC3", 2 },
    };
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(ptv_utf8_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(ptv_utf8_prefix(bad[i].text, strlen(bad[i].text)), bad[i].prefix);
    uint32_t point = 0;
    assert_int_equal(ptv_utf8_next(&point, "\xF0\x9F\x98\x80!", 5), 4);
    assert_int_equal(point, 0x1F600);
    assert_int_equal(ptv_utf8_next(&point, "\xF0\x9F\x98\x80", 3), 0);
    assert_true(ptv_utf8_valid("a\0b", 3));
}

typedef void escape(ptv_buf *out, const char *text, size_t len);

static void check_escape(escape *e, const char *text, size_t len, const char *expected)
{
    ptv_buf b = PTV_BUF(1 << 16);
    e(&b, text, len);
    assert_int_equal(b.failed, PTV_OK);
    assert_string_equal(b.data ? b.data : "", expected);
    ptv_buf_release(&b);
}
#define CHECK_ESCAPE(e, text, expected) check_escape(e, text, sizeof(text) - 1, expected)

static void escapes_for_the_terminal(void **state)
{
    (void)state;
    CHECK_ESCAPE(ptv_escape_terminal, "", "");
    CHECK_ESCAPE(ptv_escape_terminal, "plain \xC3\xA9 \xE6\xBC\xA2 \xF0\x9F\x98\x80 \\",
                 "plain \xC3\xA9 \xE6\xBC\xA2 \xF0\x9F\x98\x80 \\");
    CHECK_ESCAPE(ptv_escape_terminal, "a\x1b[31mred\a\x7f", "a\\x1b[31mred\\x07\\x7f");
    CHECK_ESCAPE(ptv_escape_terminal, "a\nb\tc\rd\0e", "a\\x0ab\\x09c\\x0dd\\x00e");
    CHECK_ESCAPE(ptv_escape_terminal,
                 "\xC2\x9B"
                 "31m \xC2\x85",
                 "\\u{009b}31m \\u{0085}");                                       /* C1: CSI, NEL */
    CHECK_ESCAPE(ptv_escape_terminal, "\xE2\x80\xAEgnp.exe", "\\u{202e}gnp.exe"); /* right-to-left override */
    CHECK_ESCAPE(ptv_escape_terminal,
                 "a\xE2\x80\x8B"
                 "b\xEF\xBB\xBF"
                 "c\xE2\x81\xA6",
                 "a\\u{200b}b\\u{feff}c\\u{2066}");
    CHECK_ESCAPE(ptv_escape_terminal, "\xF3\xA0\x81\x81", "\\u{e0041}"); /* a tag character */
    CHECK_ESCAPE(ptv_escape_terminal, "ok\xFF\xC3", "ok\\xff\\xc3");
    CHECK_ESCAPE(ptv_escape_lines, "a\nb\tc\rd\0\x1b", "a\nb\tc\\x0dd\\x00\\x1b");
}

static void escapes_for_csv(void **state)
{
    (void)state;
    CHECK_ESCAPE(ptv_escape_csv, "", "");
    CHECK_ESCAPE(ptv_escape_csv, "plain", "plain");
    CHECK_ESCAPE(ptv_escape_csv, "a,b", "\"a,b\"");
    CHECK_ESCAPE(ptv_escape_csv, "say \"x\"", "\"say \"\"x\"\"\"");
    CHECK_ESCAPE(ptv_escape_csv, "\"\"", "\"\"\"\"\"\"");
    CHECK_ESCAPE(ptv_escape_csv, "a\nb", "\"a\nb\"");
    CHECK_ESCAPE(ptv_escape_csv, "=1+1", "'=1+1");
    CHECK_ESCAPE(ptv_escape_csv, "=HYPERLINK(\"x\",1)", "\"'=HYPERLINK(\"\"x\"\",1)\"");
    CHECK_ESCAPE(ptv_escape_csv, "+1", "'+1");
    CHECK_ESCAPE(ptv_escape_csv, "-1", "'-1");
    CHECK_ESCAPE(ptv_escape_csv, "@a", "'@a");
    CHECK_ESCAPE(ptv_escape_csv, "\ta", "'\ta");
    CHECK_ESCAPE(ptv_escape_csv, "\ra", "\"'\ra\"");
    CHECK_ESCAPE(ptv_escape_csv, "a=b", "a=b");
}

static void escapes_for_html_and_urls(void **state)
{
    (void)state;
    CHECK_ESCAPE(ptv_escape_html, "", "");
    CHECK_ESCAPE(ptv_escape_html, "<a href=\"x\">&'</a>", "&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;");
    CHECK_ESCAPE(ptv_escape_html, "\xC3\xA9", "\xC3\xA9");
    CHECK_ESCAPE(ptv_escape_url, "AZaz09-._~", "AZaz09-._~");
    CHECK_ESCAPE(ptv_escape_url, "a b/c?d&e=f%\xC3\xA9", "a%20b%2Fc%3Fd%26e%3Df%25%C3%A9");
    CHECK_ESCAPE(ptv_escape_url, "2001:db8::1", "2001%3Adb8%3A%3A1");
    CHECK_ESCAPE(ptv_escape_base64, "", "");
    CHECK_ESCAPE(ptv_escape_base64, "f", "Zg==");
    CHECK_ESCAPE(ptv_escape_base64, "fo", "Zm8=");
    CHECK_ESCAPE(ptv_escape_base64, "foo\xFF", "Zm9v/w==");
}

static void stops_escaping_when_the_buffer_is_full(void **state)
{
    (void)state;
    escape *const all[] = { ptv_escape_terminal, ptv_escape_lines, ptv_escape_csv, ptv_escape_html, ptv_escape_url };
    for (size_t i = 0; i < COUNT(all); i++) {
        ptv_buf b = PTV_BUF(7);
        all[i](&b, NULL, 0); /* what an empty buffer holds */
        assert_null(b.data);
        all[i](&b, "\"<\x1b,\"<\x1b", 7);
        assert_int_equal(b.failed, PTV_ETOOBIG);
        ptv_buf_release(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_and_trims),
        cmocka_unit_test(folds_into_an_arena),
        cmocka_unit_test(matches_globs),
        cmocka_unit_test(matches_globs_as_defined),
        cmocka_unit_test(does_not_hang_on_a_glob_built_to_backtrack),
        cmocka_unit_test(measures_slips),
        cmocka_unit_test(finds_the_nearest_word),
        cmocka_unit_test(reads_durations),
        cmocka_unit_test(writes_durations_in_the_largest_unit),
        cmocka_unit_test(reads_integers),
        cmocka_unit_test(reads_numbers_in_any_locale),
        cmocka_unit_test(reads_booleans),
        cmocka_unit_test(knows_utf8),
        cmocka_unit_test(escapes_for_the_terminal),
        cmocka_unit_test(escapes_for_csv),
        cmocka_unit_test(escapes_for_html_and_urls),
        cmocka_unit_test(stops_escaping_when_the_buffer_is_full),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
