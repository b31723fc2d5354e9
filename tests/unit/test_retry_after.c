/*
 * test_retry_after.c: both forms of Retry-After, and what is neither.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "net/retry_after.h"

#define NOW INT64_C(784111777) /* Sun, 06 Nov 1994 08:49:37 GMT */

static void it_reads_seconds(void **state)
{
    (void)state;
    assert_int_equal(ptv_retry_after_parse("120", NULL, NOW), 120);
    assert_int_equal(ptv_retry_after_parse(" \t7 ", NULL, NOW), 7);
    assert_int_equal(ptv_retry_after_parse("0", NULL, NOW), 0);
    assert_int_equal(ptv_retry_after_parse("000120", NULL, NOW), 120);
}

static void it_reads_the_three_forms_of_a_date(void **state)
{
    (void)state;
    assert_int_equal(ptv_retry_after_parse("Sun, 06 Nov 1994 08:50:37 GMT", NULL, NOW), 60);
    assert_int_equal(ptv_retry_after_parse("Sunday, 06-Nov-94 08:50:37 GMT", NULL, NOW), 60);
    assert_int_equal(ptv_retry_after_parse("Sun Nov  6 08:50:37 1994", NULL, NOW), 60);
}

static void it_takes_the_servers_clock_for_a_date(void **state)
{
    (void)state;
    const char *date = "Sun, 06 Nov 1994 09:00:00 GMT";
    assert_int_equal(ptv_retry_after_parse("Sun, 06 Nov 1994 09:01:00 GMT", date, NOW), 60);
    assert_int_equal(ptv_retry_after_parse("Sun, 06 Nov 1994 08:50:37 GMT", "no date", NOW), 60);
    assert_int_equal(ptv_retry_after_parse("30", date, NOW), 30);
}

static void it_never_leaves_its_bounds(void **state)
{
    (void)state;
    assert_int_equal(ptv_retry_after_parse("99999999999999999999999999", NULL, NOW), PTV_RETRY_AFTER_MOST_S);
    assert_int_equal(ptv_retry_after_parse("Sun, 06 Nov 2094 08:50:37 GMT", NULL, NOW), PTV_RETRY_AFTER_MOST_S);
    assert_int_equal(ptv_retry_after_parse("Sat, 05 Nov 1994 08:50:37 GMT", NULL, NOW), 0);
}

static void it_refuses_everything_else(void **state)
{
    (void)state;
    static const char *const bad[] = { "",
                                       " ",
                                       "-5",
                                       "1.5",
                                       "120, 60",
                                       "120s",
                                       "soon",
                                       "never",
                                       "12:30",
                                       "1994-11-06",
                                       "+7",
                                       "\x01",
                                       "Sun, 99 Nov 1994 08:50:37 GMT" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (ptv_retry_after_parse(bad[i], NULL, NOW) != -1)
            fail_msg("\"%s\" was read", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_reads_seconds),
        cmocka_unit_test(it_reads_the_three_forms_of_a_date),
        cmocka_unit_test(it_takes_the_servers_clock_for_a_date),
        cmocka_unit_test(it_never_leaves_its_bounds),
        cmocka_unit_test(it_refuses_everything_else),
    };
    return cmocka_run_group_tests_name("retry_after", tests, NULL, NULL);
}
