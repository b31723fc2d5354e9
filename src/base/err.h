/*
 * err.h: one error, told from the outside in; the types are in ptverdict.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_BASE_ERR_H
#define PTV_BASE_ERR_H
#include "ptverdict.h"

/* The cause, once: sets code and message, detail to 0. Returns `code`. When room runs out the tail is cut. */
ptv_code ptv_fail(ptv_error *e, ptv_code code, const char *fmt, ...) PTV_PRINTF(3, 4);
/* The same with a detail (errno, CURLcode, HTTP status, byte offset). */
ptv_code ptv_fail_detail(ptv_error *e, ptv_code code, int detail, const char *fmt, ...) PTV_PRINTF(4, 5);
/* Context in front: "fmt: old message". When room runs out the context is cut, not the cause. Returns e->code. */
ptv_code ptv_wrap(ptv_error *e, const char *fmt, ...) PTV_PRINTF(2, 3);
/* "out of memory" as PTV_ENOMEM. */
ptv_code ptv_fail_nomem(ptv_error *e);

#endif
