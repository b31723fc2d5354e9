/*
 * settings.h: the table of settings as text for people: docs/settings.md, and the app.config of init.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_SETTINGS_H
#define PTV_CLI_SETTINGS_H
#include "base/buf.h"

void cli_settings_markdown(ptv_buf *out); /* one table a section */
void cli_settings_template(ptv_buf *out); /* a commented app.config with every setting in it */

#endif
