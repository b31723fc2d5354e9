/*
 * files.h: new files for the user, never over an old one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_FILES_H
#define PTV_CLI_FILES_H
#include "ptverdict.h"

/* Make the folders of `path`, and the file with these bytes; PTV_EIO when there is one already, or on any failure. */
ptv_code cli_file_create(const char *path, const void *bytes, size_t len, bool private, ptv_error *err);
/* Make a folder and those above it; one that is there is fine. */
ptv_code cli_folder_create(const char *path, ptv_error *err);

#endif
