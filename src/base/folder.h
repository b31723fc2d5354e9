/*
 * folder.h: whole folders: copied, removed, put in the place of another.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_BASE_FOLDER_H
#define PTV_BASE_FOLDER_H
#include "base/err.h"
#include <sys/types.h>

/*
 * Copy the regular files and folders below `from` into the new folder `to`; names that begin with a dot stay behind, links
 * are followed. Files become 0644, folders `mode`. Errors: PTV_EIO naming the file, PTV_ETOOBIG, PTV_ENOMEM; what was copied
 * until then is removed.
 */
ptv_code ptv_folder_copy(const char *to, const char *from, mode_t mode, ptv_error *err);
void ptv_folder_remove(const char *path); /* and all below it; what cannot be removed stays */
void ptv_folder_remove_at(int parent, const char *name);
/*
 * Put the folder `fresh` where `path` is, in one step, so that nobody sees half of either. What was there before comes to
 * `kept`, whose own content goes; *had_one tells whether there was something. A link `path` is made to point to `fresh`'s
 * content, beside the folder that it pointed to, which stays where it is. Errors: PTV_EIO; nothing has changed then.
 */
ptv_code ptv_folder_exchange(const char *path, const char *fresh, const char *kept, bool *had_one, ptv_error *err);
bool ptv_folder_same(const char *a, const char *b); /* one folder, whatever names lead to it */

#endif
