/*
 * jwe.c: protected secrets opened with libcrypto. What held key or secret is wiped.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/jwe.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

enum { HEADER, ENCRYPTED_KEY, IV, CIPHERTEXT, TAG, PARTS };
enum { KEY_BYTES = 32, IV_BYTES = 12, TAG_BYTES = 16 };
#define TOKEN_MOST (1u << 20)
#define JSON_MOST  (256u << 10)

typedef struct part {
    const char *text;
    size_t len;
} part;

static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* BASE64URL without padding; `out` has room for len * 3 / 4 bytes. false: not that. */
static bool decode(unsigned char *out, size_t *out_len, const char *text, size_t len)
{
    uint32_t bits = 0;
    size_t n = 0;
    if (len % 4 == 1)
        return false;
    for (size_t i = 0; i < len; i++) {
        int digit = digit_of(text[i]);
        if (digit < 0)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4)
            out[n++] = (unsigned char)(bits >> (2 * (3 - i % 4)));
    }
    *out_len = n;
    return true;
}

/* Of a size known before. */
static bool decode_exactly(unsigned char *out, size_t size, const char *text, size_t len)
{
    size_t n;
    return len == (size * 4 + 2) / 3 && decode(out, &n, text, len) && n == size;
}

static bool split(part parts[PARTS], const char *token, size_t len)
{
    size_t count = 0;
    for (const char *at = token, *end = token + len;; at++) {
        const char *dot = memchr(at, '.', (size_t)(end - at));
        if (count == PARTS)
            return false;
        parts[count++] = (part){ at, (size_t)((dot ? dot : end) - at) };
        if (!dot)
            return count == PARTS;
        at = dot;
    }
}

bool ptv_jwe_looks_like(const char *text, size_t len)
{
    part parts[PARTS];
    return split(parts, text, len) && parts[HEADER].len > 3 && memcmp(parts[HEADER].text, "eyJ", 3) == 0; /* {" */
}

/* The text of a member, NULL when it is none; in the arena. */
static const char *member(const ptv_json *object, const char *key)
{
    return ptv_json_text(ptv_json_find(object, key));
}

static ptv_code check_header(ptv_arena *mem, const part *p, ptv_error *err)
{
    const ptv_json *header;
    size_t len;
    unsigned char *bytes = ptv_arena_alloc(mem, p->len + 1);
    if (!bytes)
        return ptv_arena_fail(mem, err);
    if (!decode(bytes, &len, p->text, p->len))
        return ptv_fail(err, PTV_ESHAPE, "its header is not BASE64URL");
    ptv_code rc = ptv_json_parse(&header, mem, (const char *)bytes, len, err);
    if (rc == PTV_ESHAPE || (!rc && ptv_json_kind_of(header) != PTV_JSON_OBJECT))
        return ptv_fail(err, PTV_ESHAPE, "its header is not a JSON object");
    if (rc)
        return rc;
    if (!ptv_text_equal(member(header, "alg"), "dir") || !ptv_text_equal(member(header, "enc"), "A256GCM"))
        return ptv_fail(err, PTV_ESHAPE, "it is not encrypted with alg dir and enc A256GCM");
    if (ptv_json_find(header, "crit") || ptv_json_find(header, "zip"))
        return ptv_fail(err, PTV_ESHAPE, "its header asks for more than is known here (crit, zip)");
    return PTV_OK;
}

static ptv_code read_key(unsigned char key[KEY_BYTES], ptv_arena *mem, const char *jwk, size_t len, ptv_error *err)
{
    const ptv_json *json;
    ptv_code rc = ptv_json_parse(&json, mem, jwk, len, err);
    if (rc == PTV_ESHAPE)
        return ptv_fail(err, PTV_ESHAPE, "the key file is not JSON");
    if (rc)
        return rc;
    const char *k = member(json, "k");
    bool is_key = ptv_text_equal(member(json, "kty"), "oct") && k && decode_exactly(key, KEY_BYTES, k, strlen(k));
    if (k)
        OPENSSL_cleanse((char *)(uintptr_t)k, strlen(k)); /* our copy, in the arena */
    return is_key ? PTV_OK : ptv_fail(err, PTV_ESHAPE, "the key file holds no JWK of kty oct with 32 bytes");
}

/* The tag covers the header as it was sent. */
static bool decrypt(unsigned char *out, int *out_len, const unsigned char key[KEY_BYTES], const unsigned char iv[IV_BYTES],
                    const part *header, const unsigned char *sealed, int sealed_len, unsigned char tag[TAG_BYTES],
                    bool *has_memory)
{
    int n = 0, last = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    *has_memory = c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, iv);
    bool is_right = *has_memory && EVP_DecryptUpdate(c, NULL, &n, (const unsigned char *)header->text, (int)header->len) &&
                    EVP_DecryptUpdate(c, out, &n, sealed, sealed_len) &&
                    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) &&
                    EVP_DecryptFinal_ex(c, out + n, &last) > 0;
    EVP_CIPHER_CTX_free(c);
    *out_len = n + last;
    return is_right;
}

static ptv_code open_parts(ptv_buf *out, ptv_arena *mem, const part parts[PARTS], const unsigned char key[KEY_BYTES],
                           ptv_error *err)
{
    unsigned char iv[IV_BYTES], tag[TAG_BYTES];
    size_t len;
    int clear_len;
    bool has_memory;
    unsigned char *sealed = ptv_arena_alloc(mem, parts[CIPHERTEXT].len + 1);
    unsigned char *clear = ptv_arena_alloc(mem, parts[CIPHERTEXT].len + TAG_BYTES);
    if (!sealed || !clear)
        return ptv_arena_fail(mem, err);
    if (parts[ENCRYPTED_KEY].len)
        return ptv_fail(err, PTV_ESHAPE, "it has an encrypted key, which alg dir has not");
    if (!decode_exactly(iv, IV_BYTES, parts[IV].text, parts[IV].len) ||
        !decode_exactly(tag, TAG_BYTES, parts[TAG].text, parts[TAG].len) ||
        !decode(sealed, &len, parts[CIPHERTEXT].text, parts[CIPHERTEXT].len))
        return ptv_fail(err, PTV_ESHAPE, "it is damaged: a part is not BASE64URL of the right size");
    ptv_code rc = PTV_OK;
    if (decrypt(clear, &clear_len, key, iv, &parts[HEADER], sealed, (int)len, tag, &has_memory))
        ptv_buf_append(out, (const char *)clear, (size_t)clear_len);
    else if (!has_memory)
        rc = ptv_fail_nomem(err);
    else
        rc = ptv_fail(err, PTV_ESHAPE, "it does not open with this key: another key, or it was changed");
    OPENSSL_cleanse(clear, len); /* also of a token that did not prove genuine */
    return rc ? rc : ptv_buf_check(out, err);
}

ptv_code ptv_jwe_open(ptv_buf *out, const char *token, size_t len, const char *jwk, size_t jwk_len, ptv_error *err)
{
    part parts[PARTS];
    unsigned char key[KEY_BYTES];
    if (len > TOKEN_MOST || !split(parts, token, len))
        return ptv_fail(err, PTV_ESHAPE, len > TOKEN_MOST ? "it is too long" : "it has not the five parts of a compact JWE");
    ptv_arena mem = PTV_ARENA(4 * TOKEN_MOST + 4 * JSON_MOST);
    ptv_code rc = check_header(&mem, &parts[HEADER], err);
    if (!rc)
        rc = read_key(key, &mem, jwk, jwk_len, err);
    if (!rc)
        rc = open_parts(out, &mem, parts, key, err);
    OPENSSL_cleanse(key, sizeof key);
    ptv_arena_release(&mem);
    return rc;
}
