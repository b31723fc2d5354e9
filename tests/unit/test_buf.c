/* test_buf.c: bytes that grow up to a ceiling; errors stick.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/mem.h"
#include <string.h>

static void grows_and_stays_terminated(void **state)
{
    (void)state;
    size_t before = ptv_mem_live();
    ptv_buf b = PTV_BUF(1 << 20);
    assert_null(b.data);
    ptv_buf_append(&b, "", 0);
    ptv_buf_puts(&b, "");
    assert_null(b.data);
    for (int i = 0; i < 3000; i++) {
        ptv_buf_putc(&b, (char)('a' + i % 26));
        assert_int_equal(strlen(b.data), i + 1);
    }
    ptv_buf_append(&b, "\0z", 2);
    assert_int_equal(b.len, 3002);
    assert_int_equal(b.data[3001], 'z');
    assert_int_equal(b.data[3002], 0);
    ptv_buf_release(&b);
    assert_int_equal(ptv_mem_live(), before);
    assert_int_equal(b.limit_bytes, 1 << 20);
}

static void formats_at_any_room_left(void **state)
{
    (void)state;
    for (int used = 0; used < 300; used++) {
        ptv_buf b = PTV_BUF(1000);
        for (int i = 0; i < used; i++)
            ptv_buf_putc(&b, '.');
        ptv_buf_printf(&b, "%s", "");
        ptv_buf_printf(&b, "%d-%s", 12345, "abcdefghij");
        assert_int_equal(b.len, used + 16);
        assert_string_equal(b.data + used, "12345-abcdefghij");
        ptv_buf_release(&b);
    }
}

static void stops_at_its_ceiling_and_sticks(void **state)
{
    (void)state;
    ptv_error e = { 0 };
    ptv_buf b = PTV_BUF(10);
    ptv_buf_puts(&b, "0123456789");
    assert_int_equal(ptv_buf_check(&b, &e), PTV_OK);
    ptv_buf_putc(&b, 'x');
    assert_int_equal(b.failed, PTV_ETOOBIG);
    assert_int_equal(ptv_buf_check(&b, &e), PTV_ETOOBIG);
    assert_string_equal(e.msg, "over 10 bytes");
    assert_null(ptv_buf_take(&b, NULL));
    ptv_buf_clear(&b);
    assert_int_equal(b.failed, PTV_OK);
    assert_string_equal(b.data, "");
    ptv_buf_puts(&b, "01234");
    ptv_buf_printf(&b, "%s", "56789x");
    assert_string_equal(b.data, "01234");
    ptv_buf_puts(&b, "1"); /* would fit, but an error sticks */
    assert_string_equal(b.data, "01234");
    ptv_buf_release(&b);

    ptv_buf none = PTV_BUF(0);
    ptv_buf_putc(&none, 'x');
    assert_int_equal(none.failed, PTV_ETOOBIG);
    assert_null(none.data);
    ptv_buf_release(&none);
}

static void survives_no_memory(void **state)
{
    (void)state;
    ptv_error e = { 0 };
    ptv_buf b = PTV_BUF(1000);
    ptv_buf_puts(&b, "kept");
    ptv_mem_fail_at(1);
    ptv_buf_printf(&b, "%500d", 1);
    assert_int_equal(ptv_buf_check(&b, &e), PTV_ENOMEM);
    assert_string_equal(b.data, "kept");
    ptv_buf_release(&b);
}

static void moves_out(void **state)
{
    (void)state;
    size_t len = 99;
    ptv_buf b = PTV_BUF(100);
    char *empty = ptv_buf_take(&b, &len);
    assert_string_equal(empty, "");
    assert_int_equal(len, 0);
    ptv_buf_puts(&b, "text");
    char *text = ptv_buf_take(&b, &len);
    assert_string_equal(text, "text");
    assert_int_equal(len, 4);
    assert_null(b.data);
    ptv_buf_puts(&b, "more");
    assert_string_equal(b.data, "more");
    ptv_free(empty);
    ptv_free(text);
    ptv_buf_release(&b);
    ptv_mem_fail_at(1);
    assert_null(ptv_buf_take(&b, NULL));
}

static void lets_hot_writers_write_in_place(void **state)
{
    (void)state;
    ptv_buf b = PTV_BUF(600);
    for (int i = 0; i < 200; i++) {
        char *at = ptv_buf_reserve(&b, 3);
        assert_non_null(at);
        memcpy(at, "abc", 3);
        ptv_buf_advance(&b, 3);
    }
    assert_int_equal(strlen(b.data), 600);
    assert_non_null(ptv_buf_reserve(&b, 0));
    assert_null(ptv_buf_reserve(&b, 1));
    ptv_buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_and_stays_terminated),
        cmocka_unit_test(formats_at_any_room_left),
        cmocka_unit_test(stops_at_its_ceiling_and_sticks),
        cmocka_unit_test(survives_no_memory),
        cmocka_unit_test(moves_out),
        cmocka_unit_test(lets_hot_writers_write_in_place),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
