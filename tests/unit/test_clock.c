/* test_clock.c: dates by arithmetic, and every date form that sources write.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/clock.h"
#include <math.h>
#include <string.h>
#include <time.h>

#define NOT_A_DATE "-"

static const char *read_back(const char *text, int offset_s)
{
    static char out[32];
    int64_t utc = 42;
    if (ptv_time_parse(&utc, text, offset_s)) {
        ptv_time_format(out, utc);
        return out;
    }
    assert_int_equal(utc, 42);
    return NOT_A_DATE;
}

typedef struct form {
    const char *text, *utc;
} form;

static void check_forms(const form *forms, size_t count, int offset_s)
{
    for (size_t i = 0; i < count; i++) {
        const char *got = read_back(forms[i].text, offset_s);
        if (strcmp(got, forms[i].utc))
            fail_msg("\"%s\": got %s, not %s", forms[i].text, got, forms[i].utc);
    }
}
#define CHECK_FORMS(forms, offset_s) check_forms(forms, sizeof(forms) / sizeof *(forms), offset_s)

static void reads_the_forms_of_sources(void **state)
{
    (void)state;
    static const form forms[] = {
        { "2020-01-02", "2020-01-02T00:00:00Z" },
        { "2020-01-02 03:04:05", "2020-01-02T03:04:05Z" },
        { "2020-01-02 03:04", "2020-01-02T03:04:00Z" },
        { "2020-01-02T03:04:05", "2020-01-02T03:04:05Z" },
        { "2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z" },
        { "2020-01-02t03:04:05z", "2020-01-02T03:04:05Z" },
        { "2020-01-02T03:04:05.678Z", "2020-01-02T03:04:05Z" },
        { "2020-01-02 03:04:05,678", "2020-01-02T03:04:05Z" },
        { "2020-01-02T03:04:05.678901234567890+00:00", "2020-01-02T03:04:05Z" },
        { "2020-01-01T00:00:00.123-0800", "2020-01-01T08:00:00Z" },
        { "2020-01-02T03:04:05+05:30", "2020-01-01T21:34:05Z" },
        { "2020-01-02 03:04:05 +01", "2020-01-02T02:04:05Z" },
        { "2020-01-02 03:04:05 UTC", "2020-01-02T03:04:05Z" },
        { "2020/01/02", "2020-01-02T00:00:00Z" },
        { "2020/01/02 03:04:05", "2020-01-02T03:04:05Z" },
        { "20200102", "2020-01-02T00:00:00Z" },
        { "20200102030405", "2020-01-02T03:04:05Z" },
        { "Thu, 02 Jan 2020 03:04:05 GMT", "2020-01-02T03:04:05Z" },
        { "Thu, 2 jan 2020 03:04:05 +0100", "2020-01-02T02:04:05Z" },
        { "02 Jan 2020 03:04:05", "2020-01-02T03:04:05Z" },
        { "1577934245", "2020-01-02T03:04:05Z" },
        { "1577934245678", "2020-01-02T03:04:05Z" },
        { "999999999", "2001-09-09T01:46:39Z" },
        { "  2020-01-02 03:04:05\t\r\n", "2020-01-02T03:04:05Z" },
        { "2020-02-29", "2020-02-29T00:00:00Z" },
        { "2000-02-29 23:59:59", "2000-02-29T23:59:59Z" },
        { "2016-12-31 23:59:60", "2017-01-01T00:00:00Z" },
        { "1968-04-03 02:12:09", "1968-04-03T02:12:09Z" },
        { "2999-01-01 00:00:00", "2999-01-01T00:00:00Z" },
        { "0001-01-01", "0001-01-01T00:00:00Z" },
        { "9999-12-31 23:59:59", "9999-12-31T23:59:59Z" },
    };
    CHECK_FORMS(forms, 0);
}

static void refuses_what_is_no_date(void **state)
{
    (void)state;
    static const form forms[] = {
        { "", NOT_A_DATE },
        { " ", NOT_A_DATE },
        { "N/A", NOT_A_DATE },
        { "now", NOT_A_DATE },
        { "0000-00-00", NOT_A_DATE },
        { "0000-00-00 00:00:00", NOT_A_DATE },
        { "0000-01-01", NOT_A_DATE },
        { "2021-02-29", NOT_A_DATE },
        { "1900-02-29", NOT_A_DATE },
        { "2021-13-01", NOT_A_DATE },
        { "2021-04-31", NOT_A_DATE },
        { "2021-01-00", NOT_A_DATE },
        { "2021-00-01", NOT_A_DATE },
        { "20210229", NOT_A_DATE },
        { "20210101250000", NOT_A_DATE },
        { "00000000", NOT_A_DATE },
        { "2021-01-01 25:00:00", NOT_A_DATE },
        { "2021-01-01 24:00:00", NOT_A_DATE },
        { "2021-01-01 23:60:00", NOT_A_DATE },
        { "2021-01-01 23:59:61", NOT_A_DATE },
        { "2021-01-01 1:02:03", NOT_A_DATE },
        { "2021-01-01T", NOT_A_DATE },
        { "2021-01-01T10", NOT_A_DATE },
        { "2021-01-01T10:00:", NOT_A_DATE },
        { "2021-01-01T10:00:00.", NOT_A_DATE },
        { "2021-01-01T10:00:00+", NOT_A_DATE },
        { "2021-01-01T10:00:00+1", NOT_A_DATE },
        { "2021-01-01T10:00:00+01:", NOT_A_DATE },
        { "2021-01-01T10:00:00+15:00", NOT_A_DATE },
        { "2021-01-01T10:00:00+01:60", NOT_A_DATE },
        { "2021-01-01T10:00:00 PST", NOT_A_DATE },
        { "2021-01-01 10:00:00 x", NOT_A_DATE },
        { "2021-01-01x", NOT_A_DATE },
        { "2021-01/01", NOT_A_DATE },
        { "2021-1-1", NOT_A_DATE },
        { "2021-01", NOT_A_DATE },
        { "2021", NOT_A_DATE },
        { "21-01-01", NOT_A_DATE },
        { "12021-01-01", NOT_A_DATE },
        { "-1", NOT_A_DATE },
        { "0", NOT_A_DATE },
        { "12345", NOT_A_DATE },
        { "9999999999999999", NOT_A_DATE },
        { "1577934245x", NOT_A_DATE },
        { "Thu, 32 Jan 2020 03:04:05 GMT", NOT_A_DATE },
        { "Thu, 02 Foo 2020 03:04:05 GMT", NOT_A_DATE },
        { "Thu, 02 Jan 2020", NOT_A_DATE },
        { "Thu,", NOT_A_DATE },
        { "Jan", NOT_A_DATE },
    };
    CHECK_FORMS(forms, 0);
    int64_t utc;
    assert_false(ptv_time_parse(&utc, NULL, 0));
}

static void takes_a_time_without_zone_in_the_offset_given(void **state)
{
    (void)state;
    static const form forms[] = {
        { "2020-01-02 03:04:05", "2020-01-02T10:04:05Z" }, /* 7 h behind UTC */
        { "20200102030405", "2020-01-02T10:04:05Z" },
        { "Thu, 02 Jan 2020 03:04:05", "2020-01-02T10:04:05Z" },
        { "2020-01-02 03:04:05Z", "2020-01-02T03:04:05Z" },
        { "2020-01-02 03:04:05+01:00", "2020-01-02T02:04:05Z" },
        { "2020-01-02", "2020-01-02T00:00:00Z" }, /* a day is that day */
        { "20200102", "2020-01-02T00:00:00Z" },
        { "1577934245", "2020-01-02T03:04:05Z" },
    };
    CHECK_FORMS(forms, -7 * 3600);
}

static void reads_numbers_as_seconds_or_milliseconds(void **state)
{
    (void)state;
    int64_t utc = 0;
    assert_true(ptv_time_from_number(&utc, 1577934245));
    assert_int_equal(utc, 1577934245);
    assert_true(ptv_time_from_number(&utc, 1577934245.9));
    assert_int_equal(utc, 1577934245);
    assert_true(ptv_time_from_number(&utc, 1577934245999.0));
    assert_int_equal(utc, 1577934245);
    assert_true(ptv_time_from_number(&utc, 99999999999.0));
    assert_int_equal(utc, INT64_C(99999999999));
    assert_true(ptv_time_from_number(&utc, 1e11));
    assert_int_equal(utc, 100000000);
    utc = 7;
    const double refused[] = { 0, -1, 0.5, -1e300, 1e300, 253402300800e3, NAN, INFINITY, -INFINITY };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(ptv_time_from_number(&utc, refused[i]));
    assert_int_equal(utc, 7);
}

static void agrees_with_libc_on_every_day_of_centuries(void **state)
{
    (void)state;
    char ours[32], theirs[32];
    for (int64_t day = -100000; day < 200000; day += 1) {
        time_t t = day * PTV_DAY_S + (day * 7919) % PTV_DAY_S;
        struct tm tm;
        gmtime_r(&t, &tm);
        strftime(theirs, sizeof theirs, "%Y-%m-%dT%H:%M:%SZ", &tm);
        ptv_time_format(ours, t);
        int64_t back = 0;
        if (strcmp(ours, theirs) || !ptv_time_parse(&back, ours, 3600) || back != t)
            fail_msg("%lld: %s, not %s", (long long)t, ours, theirs);
    }
}

static void puts_times_before_1970_into_the_right_day(void **state)
{
    (void)state;
    assert_int_equal(ptv_day_of(0), 0);
    assert_int_equal(ptv_day_of(86399), 0);
    assert_int_equal(ptv_day_of(86400), 1);
    assert_int_equal(ptv_day_of(-1), -1);
    assert_int_equal(ptv_day_of(-86400), -1);
    assert_int_equal(ptv_day_of(-86401), -2);
    char out[32];
    ptv_time_format_day(out, -1);
    assert_string_equal(out, "1969-12-31");
}

static void formats_any_number_within_its_room(void **state)
{
    (void)state;
    char out[32];
    ptv_time_format(out, INT64_MAX);
    assert_string_equal(out, "292277026596-12-04T15:30:07Z");
    ptv_time_format(out, INT64_MIN);
    assert_string_equal(out, "-292277022657-01-27T08:29:52Z");
    ptv_time_format_day(out, INT64_MIN);
    ptv_time_format(out, INT64_C(253402300800));
    assert_string_equal(out, "10000-01-01T00:00:00Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_forms_of_sources),
        cmocka_unit_test(refuses_what_is_no_date),
        cmocka_unit_test(takes_a_time_without_zone_in_the_offset_given),
        cmocka_unit_test(reads_numbers_as_seconds_or_milliseconds),
        cmocka_unit_test(agrees_with_libc_on_every_day_of_centuries),
        cmocka_unit_test(puts_times_before_1970_into_the_right_day),
        cmocka_unit_test(formats_any_number_within_its_room),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
