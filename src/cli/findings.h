/*
 * findings.h: what rule files have to say, printed. One writer a format; check chooses by --format.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_FINDINGS_H
#define PTV_CLI_FINDINGS_H
#include "ptverdict.h"

/* "bad.lua:5: error: unknown name 'tag' [E-NAME]" on stderr, for every finding at or above `least`. */
void cli_findings_say(const ptv_findings *f, ptv_grade least);
void cli_findings_text(const ptv_findings *f); /* the same on stdout, and a last line that counts */
ptv_code cli_findings_json(const ptv_findings *f, ptv_error *err);
ptv_code cli_findings_sarif(const ptv_findings *f, ptv_error *err); /* SARIF 2.1.0: code hosts show it beside the line */

#endif
