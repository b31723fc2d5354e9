/* test_digest.c: SHA-256 against known sums, and fields that cannot run together.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/digest.h"
#include "base/mem.h"
#include <string.h>

static ptv_digest *digest;
static char sum[PTV_DIGEST_HEX], other[PTV_DIGEST_HEX];

static int setup(void **state)
{
    (void)state;
    digest = ptv_digest_new();
    return !digest;
}

static int teardown(void **state)
{
    (void)state;
    ptv_digest_free(digest);
    ptv_digest_free(NULL);
    return 0;
}

static void gives_the_known_sums(void **state)
{
    (void)state;
    ptv_digest_begin(digest);
    ptv_digest_end(digest, sum);
    assert_string_equal(sum, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    ptv_digest_begin(digest);
    ptv_digest_add(digest, "a", 1);
    ptv_digest_add(digest, "bc", 2);
    ptv_digest_end(digest, sum);
    assert_string_equal(sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void does_not_care_how_bytes_are_cut(void **state)
{
    (void)state;
    static char bytes[1000000];
    memset(bytes, 'a', sizeof bytes);
    const size_t steps[] = { 1000000, 1, 7, 1023, 1024, 1025, 4096 };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        ptv_digest_begin(digest);
        for (size_t at = 0, step = steps[i]; at < sizeof bytes; at += step) {
            if (step > sizeof bytes - at)
                step = sizeof bytes - at;
            ptv_digest_add(digest, bytes + at, step);
        }
        ptv_digest_end(digest, sum);
        assert_string_equal(sum, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
}

static void forgets_what_was_not_ended(void **state)
{
    (void)state;
    ptv_digest_begin(digest);
    ptv_digest_add(digest, "left over", 9);
    ptv_digest_begin(digest);
    ptv_digest_add(digest, "abc", 3);
    ptv_digest_end(digest, sum);
    assert_string_equal(sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static const char *of_texts(char out[PTV_DIGEST_HEX], const char *a, const char *b)
{
    ptv_digest_begin(digest);
    ptv_digest_add_text(digest, a);
    ptv_digest_add_text(digest, b);
    ptv_digest_end(digest, out);
    return out;
}

static void keeps_neighbouring_texts_apart(void **state)
{
    (void)state;
    assert_string_not_equal(of_texts(sum, "ab", "c"), of_texts(other, "a", "bc"));
    assert_string_not_equal(of_texts(sum, NULL, "x"), of_texts(other, "", "x"));
    assert_string_not_equal(of_texts(sum, NULL, ""), of_texts(other, "", NULL));
    assert_string_equal(of_texts(sum, NULL, ""), of_texts(other, NULL, ""));
}

static void takes_integers_low_byte_first(void **state)
{
    (void)state;
    ptv_digest_begin(digest);
    ptv_digest_add_int(digest, INT64_C(0x0102030405060708));
    ptv_digest_add_int(digest, -2);
    ptv_digest_end(digest, sum);
    ptv_digest_begin(digest);
    ptv_digest_add(digest, "\x08\x07\x06\x05\x04\x03\x02\x01\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 16);
    ptv_digest_end(digest, other);
    assert_string_equal(sum, other);
}

static void survives_no_memory(void **state)
{
    (void)state;
    size_t before = ptv_mem_live();
    ptv_mem_fail_at(1);
    assert_null(ptv_digest_new());
    assert_int_equal(ptv_mem_live(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_known_sums),          cmocka_unit_test(does_not_care_how_bytes_are_cut),
        cmocka_unit_test(forgets_what_was_not_ended),    cmocka_unit_test(keeps_neighbouring_texts_apart),
        cmocka_unit_test(takes_integers_low_byte_first), cmocka_unit_test(survives_no_memory),
    };
    return cmocka_run_group_tests_name("digest", tests, setup, teardown);
}
