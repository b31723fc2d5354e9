/*
 * clock.h: time as whole seconds since 1970 in UTC, PTV_NO_TIME when absent. Days are civil days in UTC.
 * Only ptv_clock_utc() and ptv_clock_ms() look at a clock.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_BASE_CLOCK_H
#define PTV_BASE_CLOCK_H
#include "base/err.h"

#define PTV_DAY_S INT64_C(86400)

int64_t ptv_clock_utc(void); /* seconds since 1970, UTC */
int64_t ptv_clock_ms(void);  /* monotonic milliseconds */

int64_t ptv_day_of(int64_t utc); /* days since 1970-01-01, floor: right for times before 1970 */
/*
 * Read a date the way sources write them (record.md): "2020-01-02", "2020-01-02 03:04:05", "2020-01-02T03:04:05",
 * with fraction, with Z or ±HH:MM or ±HHMM, "YYYY/MM/DD", "YYYYMMDD", "Mon, 02 Jan 2020 03:04:05 GMT", epoch seconds and
 * epoch milliseconds as text. Impossible dates (2021-02-29, 0000-00-00, hour 25) are refused. A time without a zone is
 * taken to be `offset_s` east of UTC; a day without a time is that day, whatever the offset.
 */
bool ptv_time_parse(int64_t *utc, const char *text, int offset_s);
bool ptv_time_from_number(int64_t *utc, double number); /* seconds, or milliseconds when ≥ 1e11; 0 and below: not set */
void ptv_time_format(char out[32], int64_t utc);        /* "2026-05-01T00:00:00Z" */
void ptv_time_format_day(char out[32], int64_t utc);    /* "2026-05-01" */

#endif
