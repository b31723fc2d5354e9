/*
 * options.h: the table of settings as data, and the reading of one value by its row. The table itself is in config.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CONFIG_OPTIONS_H
#define PTV_CONFIG_OPTIONS_H
#include "config/config.h"

/* Check a value by its row; *number is what ptv_config_int() gives. Errors: PTV_ESETTINGS without place or key; a secret's
 * value is not in the message. */
ptv_code ptv_opt_parse(int64_t *number, ptv_opt o, const char *text, ptv_error *err);
/* The row of a key; section NULL: [ptverdict], then [fn_passivetotal]. PTV_OPT_COUNT: none. */
ptv_opt ptv_opt_find(const char *section, const char *key);
/* " (did you mean 'plan'?)", or that the key belongs to another section, or "". Arena-free: fits `out`. */
void ptv_opt_hint(char out[160], const char *section, const char *key);

#endif
