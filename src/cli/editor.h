/*
 * editor.h: the files that make an editor know the words of rule files: for init and `fields --editor`.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CLI_EDITOR_H
#define PTV_CLI_EDITOR_H
#include "base/arena.h"

/* Write the annotations into FOLDER, anew each time, and .luarc.json unless there is one. Says what it wrote. */
ptv_code cli_editor_write(const char *folder, ptv_arena *mem, ptv_error *err);

#endif
