/*
 * digest.c: SHA-256 through libcrypto. The algorithm is fetched once (an implicit fetch costs more than hashing a
 * record) and small pieces are gathered before they are handed over.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/digest.h"
#include "base/mem.h"
#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

struct ptv_digest {
    EVP_MD *sha256;
    EVP_MD_CTX *ctx;
    size_t gathered;
    unsigned char bytes[1024];
};

ptv_digest *ptv_digest_new(void)
{
    ptv_digest *d = ptv_calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    d->ctx = EVP_MD_CTX_new();
    if (!d->sha256 || !d->ctx || !EVP_DigestInit_ex2(d->ctx, d->sha256, NULL)) {
        ptv_digest_free(d);
        return NULL;
    }
    return d;
}

static void must(int worked)
{
    assert(worked); /* once set up, SHA-256 neither allocates nor fails */
    (void)worked;
}

void ptv_digest_begin(ptv_digest *d)
{
    d->gathered = 0;
    must(EVP_DigestInit_ex2(d->ctx, NULL, NULL));
}

static void flush(ptv_digest *d)
{
    must(EVP_DigestUpdate(d->ctx, d->bytes, d->gathered));
    d->gathered = 0;
}

void ptv_digest_add(ptv_digest *d, const void *bytes, size_t len)
{
    if (len > sizeof d->bytes - d->gathered)
        flush(d);
    if (len > sizeof d->bytes) {
        must(EVP_DigestUpdate(d->ctx, bytes, len));
    } else if (len) {
        memcpy(d->bytes + d->gathered, bytes, len);
        d->gathered += len;
    }
}

void ptv_digest_add_text(ptv_digest *d, const char *text)
{
    size_t len = text ? strlen(text) : 0;
    ptv_digest_add_int(d, text ? (int64_t)len : -1);
    ptv_digest_add(d, text, len);
}

/* Low byte first on every machine, so that digests can be compared between them. */
void ptv_digest_add_int(ptv_digest *d, int64_t value)
{
    unsigned char bytes[8];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)((uint64_t)value >> (8 * i));
    ptv_digest_add(d, bytes, sizeof bytes);
}

void ptv_digest_end(ptv_digest *d, char hex[PTV_DIGEST_HEX])
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    flush(d);
    must(EVP_DigestFinal_ex(d->ctx, sum, NULL));
    for (size_t i = 0; i < (PTV_DIGEST_HEX - 1) / 2; i++) {
        hex[2 * i] = "0123456789abcdef"[sum[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[sum[i] & 15];
    }
    hex[PTV_DIGEST_HEX - 1] = '\0';
}

void ptv_digest_free(ptv_digest *d)
{
    if (!d)
        return;
    EVP_MD_CTX_free(d->ctx);
    EVP_MD_free(d->sha256);
    ptv_free(d);
}
