/*
 * diff_side.h: one side of a comparison: a rule folder or file, or one out of a git revision, put into a private folder.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_DIFF_SIDE_H
#define PTV_CLI_DIFF_SIDE_H
#include "base/err.h"

typedef struct diff_side {
    const char *named; /* as the user wrote it; borrowed */
    char *folder;      /* private, removed by diff_side_close(); NULL: none was needed */
    char *path;        /* what to load */
} diff_side;

/* `named`: a path, or REV:PATH as git names things when there is no such path. Errors: PTV_EINVAL, PTV_EIO. */
ptv_code diff_side_open(diff_side *s, const char *named, ptv_error *err);
void diff_side_close(diff_side *s);
/* Where a rule stands, as the user would say it: "HEAD:rules/10-flagged-tags.lua". The text lives as long as `file` or in
 * `room`. */
const char *diff_side_shown(const diff_side *s, const char *file, char *room, size_t size);

#endif
