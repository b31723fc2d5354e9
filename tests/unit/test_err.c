/* test_err.c: one error, told from the outside in.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/err.h"
#include <string.h>

static void sets_code_detail_and_message(void **state)
{
    (void)state;
    ptv_error e = { 0 };
    assert_int_equal(ptv_fail_detail(&e, PTV_EHTTP, 429, "HTTP %d", 429), PTV_EHTTP);
    assert_int_equal(e.code, PTV_EHTTP);
    assert_int_equal(e.detail, 429);
    assert_string_equal(e.msg, "HTTP 429");
    assert_int_equal(ptv_fail(&e, PTV_EINVAL, "no artifact"), PTV_EINVAL);
    assert_int_equal(e.detail, 0);
}

static void puts_context_in_front(void **state)
{
    (void)state;
    ptv_error e = { 0 };
    ptv_fail_detail(&e, PTV_EQUOTA, 429, "HTTP %d", 429);
    assert_int_equal(ptv_wrap(&e, "GET %s", "/dns"), PTV_EQUOTA);
    assert_int_equal(ptv_wrap(&e, "lookup %s", "a.test"), PTV_EQUOTA);
    assert_string_equal(e.msg, "lookup a.test: GET /dns: HTTP 429");
    assert_int_equal(e.detail, 429);
}

static void cuts_the_context_and_keeps_the_cause(void **state)
{
    (void)state;
    char longest[2000];
    memset(longest, 'c', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    ptv_error e = { 0 };
    ptv_fail(&e, PTV_EIO, "disk full");
    ptv_wrap(&e, "%s", longest);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    assert_string_equal(e.msg + sizeof e.msg - 1 - strlen(": disk full"), ": disk full");

    ptv_fail(&e, PTV_EIO, "%s", longest);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    ptv_wrap(&e, "lost");
    assert_int_equal(e.msg[0], 'c');
}

static void fits_exactly_at_every_length(void **state)
{
    (void)state;
    char cause[600], context[600];
    for (size_t i = 495; i < 515; i++) {
        for (size_t j = 0; j < 16; j++) {
            memset(cause, 'x', i);
            memset(context, 'y', j);
            cause[i] = context[j] = '\0';
            ptv_error e = { 0 };
            ptv_fail(&e, PTV_EIO, "%s", cause);
            ptv_wrap(&e, "%s", context);
            size_t kept = i < sizeof e.msg - 1 ? i : sizeof e.msg - 1, len = strlen(e.msg);
            assert_true(len < sizeof e.msg && len >= kept);
            assert_memory_equal(e.msg + len - kept, cause, kept);
        }
    }
}

static void never_leaves_half_a_character(void **state)
{
    (void)state;
    char text[1024] = "";
    for (int shift = 0; shift < 4; shift++) {
        size_t len = 0;
        while (len < (size_t)shift)
            text[len++] = 'a';
        for (; len + 3 < sizeof text; len += 3)
            memcpy(text + len, "\xE2\x82\xAC", 4);
        ptv_error e = { 0 };
        ptv_fail(&e, PTV_EIO, "%s", text);
        assert_int_equal((strlen(e.msg) - (size_t)shift) % 3, 0);
        assert_true(strlen(e.msg) > sizeof e.msg - 4);
        ptv_fail(&e, PTV_EIO, "cause");
        ptv_wrap(&e, "%s", text);
        assert_int_equal((strlen(e.msg) - (size_t)shift - strlen(": cause")) % 3, 0);
    }
}

static void is_one_line(void **state)
{
    (void)state;
    ptv_error e = { 0 };
    ptv_fail(&e, PTV_ESHAPE, "a\r\nb\x1b[31m\x7F");
    ptv_wrap(&e, "x\ny");
    assert_string_equal(e.msg, "x y: a  b [31m ");
}

static void may_take_its_own_message_as_argument(void **state)
{
    (void)state;
    ptv_error e = { 0 };
    ptv_fail(&e, PTV_EIO, "disk full");
    ptv_fail(&e, PTV_ERULES, "again: %s", e.msg);
    assert_string_equal(e.msg, "again: disk full");
    ptv_wrap(&e, "<%s>", e.msg);
    assert_string_equal(e.msg, "<again: disk full>: again: disk full");
}

static void says_out_of_memory(void **state)
{
    (void)state;
    ptv_error e = { 0 };
    assert_int_equal(ptv_fail_nomem(&e), PTV_ENOMEM);
    assert_string_equal(e.msg, "out of memory");
}

static void has_a_word_for_every_code(void **state)
{
    (void)state;
    assert_string_equal(ptv_code_name(PTV_OK), "OK");
    assert_string_equal(ptv_code_name(PTV_EQUOTA), "EQUOTA");
    for (int code = PTV_OK; code <= PTV_EBUG; code++) {
        assert_non_null(ptv_code_name((ptv_code)code));
        assert_string_not_equal(ptv_code_name((ptv_code)code), "?");
    }
    assert_string_equal(ptv_code_name((ptv_code)999), "?");
    assert_string_equal(ptv_verdict_name(PTV_VERDICT_NO_MATCH), "no_match");
    assert_string_equal(ptv_verdict_name(PTV_VERDICT_COMPROMISED), "compromised");
    assert_string_equal(ptv_section_name(PTV_PASSIVE_DNS), "passive_dns");
    assert_string_equal(ptv_section_name(PTV_ALWAYS), "artifact");
}

static void reads_every_level_back(void **state)
{
    (void)state;
    ptv_level level = PTV_LEVEL_LOW;
    for (int l = PTV_LEVEL_NONE; l <= PTV_LEVEL_CRITICAL; l++) {
        assert_true(ptv_level_parse(&level, ptv_level_name((ptv_level)l)));
        assert_int_equal(level, l);
    }
    assert_false(ptv_level_parse(&level, "High"));
    assert_false(ptv_level_parse(&level, ""));
    assert_int_equal(level, PTV_LEVEL_CRITICAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_code_detail_and_message),
        cmocka_unit_test(puts_context_in_front),
        cmocka_unit_test(cuts_the_context_and_keeps_the_cause),
        cmocka_unit_test(fits_exactly_at_every_length),
        cmocka_unit_test(never_leaves_half_a_character),
        cmocka_unit_test(is_one_line),
        cmocka_unit_test(may_take_its_own_message_as_argument),
        cmocka_unit_test(says_out_of_memory),
        cmocka_unit_test(has_a_word_for_every_code),
        cmocka_unit_test(reads_every_level_back),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
