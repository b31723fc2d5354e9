/*
 * log.h: one line to the sink that ptv_log_to() set. Bytes from outside are escaped here; secrets never get here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_BASE_LOG_H
#define PTV_BASE_LOG_H
#include "ptverdict.h"

bool ptv_log_wanted(ptv_log_level level);
void ptv_log(ptv_log_level level, const char *area, const char *fmt, ...) PTV_PRINTF(3, 4);

#endif
