/* test_arena.c: memory with a ceiling that leaves all at once.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/arena.h"
#include "base/mem.h"
#include <string.h>

static void hands_out_aligned_memory_that_does_not_overlap(void **state)
{
    (void)state;
    size_t before = ptv_mem_live();
    ptv_arena a = PTV_ARENA(64 << 20);
    unsigned char *parts[400];
    size_t sizes[400];
    for (size_t i = 0; i < 400; i++) {
        sizes[i] = i % 40 == 39 ? i * 400 : i % 23; /* some are larger than the block they come to */
        parts[i] = ptv_arena_alloc(&a, sizes[i]);
        assert_non_null(parts[i]);
        assert_int_equal((uintptr_t)parts[i] % 16, 0);
        memset(parts[i], (int)(i & 0xFF), sizes[i]);
    }
    for (size_t i = 0; i < 400; i++) {
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(parts[i][j], i & 0xFF);
    }
    ptv_arena_release(&a);
    assert_int_equal(ptv_mem_live(), before);
    assert_int_equal(a.limit_bytes, 64 << 20);
    assert_int_equal(a.used_bytes, 0);
}

static void stops_at_its_ceiling(void **state)
{
    (void)state;
    ptv_arena a = PTV_ARENA(64);
    ptv_error e = { 0 };
    assert_non_null(ptv_arena_alloc(&a, 48));
    assert_non_null(ptv_arena_alloc(&a, 10));
    assert_int_equal(a.used_bytes, 64);
    assert_null(ptv_arena_alloc(&a, 1));
    assert_int_equal(ptv_arena_fail(&a, &e), PTV_ETOOBIG);
    assert_string_equal(e.msg, "over 64 bytes");
    assert_null(ptv_arena_alloc(&a, SIZE_MAX));
    assert_null(ptv_arena_alloc(&a, SIZE_MAX - 7));
    assert_null(ptv_arena_calloc(&a, SIZE_MAX / 2, 3));
    assert_int_equal(ptv_arena_fail(&a, &e), PTV_ETOOBIG);
    ptv_arena_release(&a);

    ptv_arena none = PTV_ARENA(0);
    assert_null(ptv_arena_alloc(&none, 0));
    ptv_arena_release(&none);
}

static void tells_no_memory_from_a_full_arena(void **state)
{
    (void)state;
    ptv_arena a = PTV_ARENA(1 << 20);
    ptv_error e = { 0 };
    assert_null(ptv_arena_alloc(&a, 2 << 20));
    ptv_mem_fail_at(1);
    assert_null(ptv_arena_alloc(&a, 100));
    assert_int_equal(ptv_arena_fail(&a, &e), PTV_ENOMEM);
    assert_int_equal(a.used_bytes, 0);
    assert_non_null(ptv_arena_alloc(&a, 100));
    ptv_arena_release(&a);
}

static void zeroes_on_request(void **state)
{
    (void)state;
    ptv_arena a = PTV_ARENA(1 << 20);
    memset(ptv_arena_alloc(&a, 1000), 0xAA, 1000);
    ptv_arena_reset(&a);
    char *zeroes = ptv_arena_calloc(&a, 100, 10);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(zeroes[i], 0);
    ptv_arena_release(&a);
}

static void copies_and_formats_text(void **state)
{
    (void)state;
    ptv_arena a = PTV_ARENA(1 << 20);
    char longest[2000];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_null(ptv_arena_strdup(&a, NULL));
    assert_string_equal(ptv_arena_strdup(&a, ""), "");
    assert_string_equal(ptv_arena_strndup(&a, "abcdef", 3), "abc");
    assert_string_equal(ptv_arena_printf(&a, "%s-%d", "n", 7), "n-7");
    assert_string_equal(ptv_arena_printf(&a, "%s", longest), longest);
    longest[255] = '\0';
    assert_string_equal(ptv_arena_printf(&a, "%s", longest), longest);
    assert_string_equal(ptv_arena_printf(&a, "%s!", longest) + 250, "xxxxx!");
    ptv_arena_release(&a);

    ptv_arena small = PTV_ARENA(100);
    assert_null(ptv_arena_printf(&small, "%s", longest));
    assert_true(small.over_limit);
    ptv_arena_release(&small);
}

static void starts_over_after_reset(void **state)
{
    (void)state;
    size_t before = ptv_mem_live();
    ptv_arena a = PTV_ARENA(1 << 20);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 200; i++)
            assert_non_null(memset(ptv_arena_alloc(&a, 300), round, 300));
        assert_true(a.used_bytes >= 200 * 300);
        ptv_arena_reset(&a);
        assert_int_equal(a.used_bytes, 0);
    }
    ptv_arena_reset(&a);
    ptv_arena_release(&a);
    ptv_arena_release(&a);
    assert_int_equal(ptv_mem_live(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_out_aligned_memory_that_does_not_overlap),
        cmocka_unit_test(stops_at_its_ceiling),
        cmocka_unit_test(tells_no_memory_from_a_full_arena),
        cmocka_unit_test(zeroes_on_request),
        cmocka_unit_test(copies_and_formats_text),
        cmocka_unit_test(starts_over_after_reset),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
