/*
 * test_jwe.c: protected secrets: tokens of a JOSE library open, all else is refused by name, each bit counts.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "base/file.h"
#include "base/jwe.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

static ptv_buf token = PTV_BUF(1 << 20), key = PTV_BUF(1 << 20), clear = PTV_BUF(1 << 20);
static ptv_error err;

static void load(ptv_buf *into, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "tests/fixtures/jwe/%s", name);
    ptv_buf_clear(into);
    if (ptv_file_read(into, path, &err))
        fail_msg("%s: %s", path, err.msg);
    while (into->len && into->data[into->len - 1] == '\n')
        into->data[--into->len] = '\0';
}

/* What the first line of a fixture holds, or why it does not open. */
static const char *opened_with(const char *name, const char *key_name)
{
    load(&token, name);
    load(&key, key_name);
    ptv_buf_clear(&clear);
    if (ptv_jwe_open(&clear, token.data, strcspn(token.data, "\n"), key.data, key.len, &err)) {
        assert_int_equal(clear.len, 0);
        assert_int_equal(err.code, PTV_ESHAPE);
        return err.msg;
    }
    return clear.len ? clear.data : "";
}

static const char *opened(const char *name)
{
    return opened_with(name, "key.jwk");
}

static const char *opened_text(const char *text, const char *jwk)
{
    ptv_buf_clear(&clear);
    return ptv_jwe_open(&clear, text, strlen(text), jwk, strlen(jwk), &err) ? err.msg : clear.len ? clear.data : "";
}

static int release(void **state)
{
    (void)state;
    ptv_mem_fail_at(0);
    ptv_buf_release(&token);
    ptv_buf_release(&key);
    ptv_buf_release(&clear);
    return 0;
}

static void it_opens_what_a_jose_library_sealed(void **state)
{
    (void)state;
    assert_string_equal(opened("plain.jwe"), "s3cret-key");
    assert_string_equal(opened("empty.jwe"), "");
    assert_string_equal(opened("utf8.jwe"), "geheim€ $NAME ^x\tüñ");
    assert_string_equal(opened("header.jwe"), "with more in the header");
    assert_string_equal(opened("newline.jwe"), "first line only");
    assert_int_equal(strlen(opened("long.jwe")), 16000);
}

static void it_opens_every_length(void **state)
{
    (void)state;
    load(&token, "lengths.jwe");
    load(&key, "key.jwk");
    const char *line = token.data;
    for (size_t n = 1; n <= 17; n++) {
        size_t len = strcspn(line, "\n");
        ptv_buf_clear(&clear);
        assert_int_equal(ptv_jwe_open(&clear, line, len, key.data, key.len, &err), PTV_OK);
        assert_int_equal(clear.len, n);
        assert_int_equal(strspn(clear.data, "x"), n);
        line += len + 1;
    }
}

static void it_refuses_other_keys_and_other_ways_to_seal(void **state)
{
    (void)state;
    static const char wrong_key[] = "it does not open with this key: another key, or it was changed";
    static const char wrong_way[] = "it is not encrypted with alg dir and enc A256GCM";
    static const char no_key[] = "the key file holds no JWK of kty oct with 32 bytes";
    assert_string_equal(opened("other-key.jwe"), wrong_key);
    assert_string_equal(opened_with("plain.jwe", "other.jwk"), wrong_key);
    assert_string_equal(opened("a128gcm.jwe"), wrong_way);
    assert_string_equal(opened("cbc.jwe"), wrong_way);
    assert_string_equal(opened("rsa.jwe"), wrong_way);
    assert_string_equal(opened("critical.jwe"), "its header asks for more than is known here (crit, zip)");
    assert_string_equal(opened_with("plain.jwe", "short.jwk"), no_key);
    assert_string_equal(opened_with("plain.jwe", "public.jwk"), no_key);
    assert_string_equal(opened_with("plain.jwe", "plain.jwe"), "the key file is not JSON");
}

#define DIR  "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0"
#define GOOD "fjNmQgrzXMvBkr3A.-tFN14jBXytH4g.DTpNLIpSPwEVFN6FFJ5NxQ"
#define K    "tK3sjXxOw3cwudbJT-6j74scG24jT1aKBYbDTLmK7Rs"

static void it_refuses_what_is_no_token(void **state)
{
    (void)state;
    static const struct {
        const char *token, *why;
    } cases[] = {
        { DIR ".." GOOD, "s3cret-key" },
        { "", "it has not the five parts of a compact JWE" },
        { DIR "." GOOD, "it has not the five parts of a compact JWE" },
        { DIR "..." GOOD, "it has not the five parts of a compact JWE" },
        { "....", "its header is not a JSON object" },
        { "e!J.." GOOD, "its header is not BASE64URL" },
        { "eyJhbGciOiJkaXIi.." GOOD, "its header is not a JSON object" },
        { "WzFd.." GOOD, "its header is not a JSON object" },
        { "e30.." GOOD, "it is not encrypted with alg dir and enc A256GCM" },
        { DIR ".AAAA." GOOD, "it has an encrypted key, which alg dir has not" },
        { DIR "..fjNmQgrzXMvBkr.-tFN14jBXytH4g.DTpNLIpSPwEVFN6FFJ5NxQ",
          "it is damaged: a part is not BASE64URL of the right size" },
        { DIR "..fjNmQgrzXMvBkr3A.-tFN14jBXytH4g.DTpNLIpSPwEVFN6FFJ5N",
          "it is damaged: a part is not BASE64URL of the right size" },
        { DIR "..fjNmQgrzXMvBkr3A.-tFN14jBXytH4+.DTpNLIpSPwEVFN6FFJ5NxQ",
          "it is damaged: a part is not BASE64URL of the right size" },
        { DIR "..fjNmQgrzXMvBkr3A.-tFN14jBXytH4g==.DTpNLIpSPwEVFN6FFJ5NxQ",
          "it is damaged: a part is not BASE64URL of the right size" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(opened_text(cases[i].token, "{\"kty\":\"oct\",\"k\":\"" K "\"}"), cases[i].why);
}

static void it_refuses_what_is_no_key(void **state)
{
    (void)state;
    static const char *const keys[] = { "{}",
                                        "[]",
                                        "7",
                                        "{\"kty\":\"oct\"}",
                                        "{\"kty\":\"oct\",\"k\":7}",
                                        "{\"kty\":\"oct\",\"k\":\"\"}",
                                        "{\"kty\":\"RSA\",\"k\":\"" K "\"}",
                                        "{\"kty\":\"oct\",\"k\":\"" K "AA\"}",
                                        "{\"kty\":\"oct\",\"k\":\"" K "=\"}" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_string_equal(opened_text(DIR ".." GOOD, keys[i]), "the key file holds no JWK of kty oct with 32 bytes");
    assert_string_equal(opened_text(DIR ".." GOOD, ""), "the key file is not JSON");
}

static void it_notices_each_changed_character(void **state)
{
    (void)state;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    load(&token, "plain.jwe");
    load(&key, "key.jwk");
    for (size_t i = 0; i < token.len; i++) {
        char was = token.data[i];
        const char *digit = strchr(digits, was);
        token.data[i] =
            digit ? digits[(size_t)(digit - digits) ^ 32] : '-'; /* the highest bit: the last character has spare ones */
        ptv_buf_clear(&clear);
        assert_int_equal(ptv_jwe_open(&clear, token.data, token.len, key.data, key.len, &err), PTV_ESHAPE);
        assert_int_equal(clear.len, 0);
        token.data[i] = was;
    }
    for (size_t len = 0; len < token.len; len++)
        assert_int_equal(ptv_jwe_open(&clear, token.data, len, key.data, key.len, &err), PTV_ESHAPE);
}

static void it_knows_a_token_by_its_looks(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_one;
    } cases[] = { { DIR ".." GOOD, true },     { "eyJh....", true },     { "", false },
                  { "eyJ....", false },        { "eyJhbGci...", false }, { "eyJhbGci.....", false },
                  { "s3cret.key....", false }, { "a.b.c.d.e", false } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(ptv_jwe_looks_like(cases[i].text, strlen(cases[i].text)), cases[i].is_one);
}

static void it_says_when_memory_ends(void **state)
{
    (void)state;
    load(&token, "plain.jwe");
    load(&key, "key.jwk");
    ptv_buf_release(&clear);
    clear = (ptv_buf)PTV_BUF(1 << 20);
    size_t live = ptv_mem_live();
    for (unsigned long nth = 1;; nth++) {
        ptv_mem_fail_at(nth);
        ptv_code rc = ptv_jwe_open(&clear, token.data, token.len, key.data, key.len, &err);
        ptv_mem_fail_at(0);
        size_t len = clear.len;
        ptv_buf_release(&clear);
        clear = (ptv_buf)PTV_BUF(1 << 20);
        assert_int_equal(ptv_mem_live(), live);
        if (!rc) {
            assert_int_equal(len, 10);
            assert_true(nth > 3);
            return;
        }
        assert_int_equal(rc, PTV_ENOMEM);
    }
}

#define TEST(f) cmocka_unit_test_teardown(f, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_opens_what_a_jose_library_sealed),
        TEST(it_opens_every_length),
        TEST(it_refuses_other_keys_and_other_ways_to_seal),
        TEST(it_refuses_what_is_no_token),
        TEST(it_refuses_what_is_no_key),
        TEST(it_notices_each_changed_character),
        TEST(it_knows_a_token_by_its_looks),
        TEST(it_says_when_memory_ends),
    };
    return cmocka_run_group_tests_name("jwe", tests, NULL, NULL);
}
