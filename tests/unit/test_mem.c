/* test_mem.c: the one heap door.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/mem.h"
#include <stdint.h>
#include <string.h>

static void counts_what_is_alive(void **state)
{
    (void)state;
    size_t before = ptv_mem_live();
    char *a = ptv_malloc(10), *b = ptv_calloc(3, 4), *c = ptv_strdup("text"), *d = ptv_strndup("text", 2);
    assert_int_equal(ptv_mem_live(), before + 4);
    assert_string_equal(c, "text");
    assert_string_equal(d, "te");
    for (int i = 0; i < 12; i++)
        assert_int_equal(b[i], 0);
    a = ptv_realloc(a, 1000);
    assert_int_equal(ptv_mem_live(), before + 4);
    char *e = ptv_realloc(NULL, 5);
    assert_int_equal(ptv_mem_live(), before + 5);
    ptv_free(a);
    ptv_free(b);
    ptv_free(c);
    ptv_free(d);
    ptv_free(e);
    ptv_free(NULL);
    assert_int_equal(ptv_mem_live(), before);
}

static void refuses_a_product_that_overflows(void **state)
{
    (void)state;
    size_t before = ptv_mem_live();
    assert_null(ptv_calloc(SIZE_MAX / 2, 3));
    assert_int_equal(ptv_mem_live(), before);
}

static void fails_the_nth_and_only_that(void **state)
{
    (void)state;
    size_t before = ptv_mem_live();
    unsigned long asked = ptv_mem_count();
    char *first = ptv_malloc(1);
    ptv_mem_fail_at(2);
    char *second = ptv_malloc(1);
    assert_null(ptv_strdup("no"));
    char *fourth = ptv_malloc(1);
    assert_non_null(second);
    assert_non_null(fourth);
    ptv_mem_fail_at(1);
    assert_null(ptv_realloc(first, 100)); /* the old one is still ours */
    ptv_mem_fail_at(1);
    ptv_mem_fail_at(0);
    char *last = ptv_calloc(1, 1);
    assert_non_null(last);
    assert_int_equal(ptv_mem_count() - asked, 6);
    ptv_free(first);
    ptv_free(second);
    ptv_free(fourth);
    ptv_free(last);
    assert_int_equal(ptv_mem_live(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_is_alive),
        cmocka_unit_test(refuses_a_product_that_overflows),
        cmocka_unit_test(fails_the_nth_and_only_that),
    };
    return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
