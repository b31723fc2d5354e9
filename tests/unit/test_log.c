/* test_log.c: one line to the sink of the process.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/log.h"
#include <stdio.h>
#include <string.h>

static char seen[16384];

static void sink(void *to, ptv_log_level level, const char *area, const char *message)
{
    snprintf(seen, sizeof seen, "%s %d %s: %s", (const char *)to, (int)level, area, message);
}

static int silence(void **state)
{
    (void)state;
    ptv_log_to(NULL, NULL, PTV_LOG_ERROR);
    seen[0] = '\0';
    return 0;
}

static void goes_nowhere_until_it_is_told(void **state)
{
    (void)state;
    assert_false(ptv_log_wanted(PTV_LOG_ERROR));
    ptv_log(PTV_LOG_ERROR, "net", "lost");
    assert_string_equal(seen, "");
}

static void passes_lines_up_to_a_level(void **state)
{
    (void)state;
    char name[] = "sink";
    ptv_log_to(sink, name, PTV_LOG_WARNING);
    ptv_log(PTV_LOG_INFO, "net", "GET %s", "/dns");
    assert_string_equal(seen, "");
    ptv_log(PTV_LOG_WARNING, "net", "GET %s", "/dns");
    assert_string_equal(seen, "sink 1 net: GET /dns");
    ptv_log(PTV_LOG_ERROR, "net", "%s", "");
    assert_string_equal(seen, "sink 0 net: ");
}

static void escapes_what_came_from_outside(void **state)
{
    (void)state;
    char name[] = "sink";
    ptv_log_to(sink, name, PTV_LOG_DEBUG);
    ptv_log(PTV_LOG_DEBUG, "tags", "got %s", "a\nERROR forged\x1b[2J");
    assert_string_equal(seen, "sink 3 tags: got a\\x0aERROR forged\\x1b[2J");
}

static void cuts_long_lines(void **state)
{
    (void)state;
    static char longest[10000];
    char name[] = "sink";
    memset(longest, '\x01', sizeof longest - 1);
    ptv_log_to(sink, name, PTV_LOG_DEBUG);
    ptv_log(PTV_LOG_DEBUG, "tags", "%s", longest);
    assert_true(strlen(seen) > 2000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(goes_nowhere_until_it_is_told, silence, silence),
        cmocka_unit_test_setup_teardown(passes_lines_up_to_a_level, silence, silence),
        cmocka_unit_test_setup_teardown(escapes_what_came_from_outside, silence, silence),
        cmocka_unit_test_setup_teardown(cuts_long_lines, silence, silence),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
