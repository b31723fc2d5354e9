/*
 * jwe.h: protected secrets: compact JWE (RFC 7516) with alg dir and enc A256GCM, as the SOAR platform's App Host writes
 * them.
 *
 *   BASE64URL(header) . (no encrypted key) . BASE64URL(iv, 12 bytes) . BASE64URL(ciphertext) . BASE64URL(tag, 16 bytes)
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_BASE_JWE_H
#define PTV_BASE_JWE_H
#include "base/buf.h"

bool ptv_jwe_looks_like(const char *text, size_t len); /* five parts, the first of which can be a header */
/*
 * Append what the token holds to `out`. `jwk` is the key: a JSON object of kty oct with 32 bytes in k. Errors: PTV_ESHAPE
 * tells what is wrong, without a byte of key, token or secret; PTV_ENOMEM; out's own. On an error nothing is appended.
 */
ptv_code ptv_jwe_open(ptv_buf *out, const char *token, size_t len, const char *jwk, size_t jwk_len, ptv_error *err);

#endif
