/*
 * starter.h: the files that init hands out; build/starter.c is made of them by scripts/embed.sh.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_STARTER_H
#define PTV_CLI_STARTER_H
#include <stddef.h>

typedef struct cli_starter_file {
    const char *path; /* "rules/10-flagged-tags.lua" */
    const unsigned char *bytes;
    size_t len;
} cli_starter_file;
extern const cli_starter_file cli_starter[]; /* ends with path NULL */

#endif
