/*
 * retry_after.h: the Retry-After header.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_NET_RETRY_AFTER_H
#define PTV_NET_RETRY_AFTER_H
#include "base/err.h"

#define PTV_RETRY_AFTER_MOST_S (INT64_C(30) * 86400) /* a month: longer than any quota lasts */

/*
 * Seconds from now, 0 to PTV_RETRY_AFTER_MOST_S, or -1 when the text is neither a number of seconds nor an HTTP date.
 *
 *   date     the answer's own Date header, so that a wrong clock on either side does no harm; NULL: none
 *   now_utc  used when there is no such date
 */
int64_t ptv_retry_after_parse(const char *text, const char *date, int64_t now_utc);

#endif
