/*
 * digest.h: SHA-256, kept by libcrypto.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_BASE_DIGEST_H
#define PTV_BASE_DIGEST_H
#include "base/err.h"

#define PTV_DIGEST_HEX 65             /* 64 digits and a NUL */
typedef struct ptv_digest ptv_digest; /* a running digest; reusable */

ptv_digest *ptv_digest_new(void); /* yours; NULL: no memory */
void ptv_digest_begin(ptv_digest *d);
void ptv_digest_add(ptv_digest *d, const void *bytes, size_t len);
/* Text with its length in front, NULL distinct from "": so that neighbouring fields cannot run together. */
void ptv_digest_add_text(ptv_digest *d, const char *text);
void ptv_digest_add_int(ptv_digest *d, int64_t value);
void ptv_digest_end(ptv_digest *d, char hex[PTV_DIGEST_HEX]);
void ptv_digest_free(ptv_digest *d);

#endif
