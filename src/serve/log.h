/*
 * log.h: where the log of serve goes: standard error, and a file of its own that is rotated. Lines as the framework writes
 * them ("2026-11-24 02:26:22,123 INFO [worker] [main] text"), or as JSON. Any thread may log.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SERVE_LOG_H
#define PTV_SERVE_LOG_H
#include "base/buf.h"

typedef struct ptv_serve_log_options {
    const char *path;  /* NULL: standard error alone */
    bool path_is_ours; /* our own choice: do without when it cannot be written */
    int64_t max_bytes; /* 0: never rotated */
    int backups;
    ptv_log_level level;
    bool json;
} ptv_serve_log_options;

/* From now on, for the whole process; called again it changes over. Errors: PTV_ESETTINGS the file (path named), PTV_ENOMEM.
 */
ptv_code ptv_serve_log_open(const ptv_serve_log_options *options, ptv_error *err);
void ptv_serve_log_close(void); /* nothing is logged any more */

#endif
