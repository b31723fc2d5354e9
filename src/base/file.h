/*
 * file.h: whole files, folders and safe replacement.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_BASE_FILE_H
#define PTV_BASE_FILE_H
#include "base/arena.h"
#include "base/buf.h"

/* Read a regular file whole (never blocks on a FIFO or device: those are refused). PTV_EIO with errno text, PTV_ETOOBIG.
 * No message of this header names the path: the caller knows it and wraps. */
ptv_code ptv_file_read(ptv_buf *out, const char *path, ptv_error *err);
/* Write beside, fsync, rename: readers see the old or the new file, never half of one. */
ptv_code ptv_file_replace(const char *path, const char *bytes, size_t len, ptv_error *err);
bool ptv_write_all(int fd, const char *bytes, size_t len); /* however often it takes; false: errno says why */
/* Names in a folder in byte order, without "." and "..". Arena. PTV_EIO. */
ptv_code ptv_dir_list(const char ***names, size_t *count, ptv_arena *mem, const char *path, ptv_error *err);
bool ptv_is_dir(const char *path);
bool ptv_is_file(const char *path); /* exists and is a regular file */
char *ptv_path_join(ptv_arena *mem, const char *folder, const char *name);
bool ptv_path_is_below(const char *path); /* leads to what is below the folder it starts from: no '/' first, no ".." step */

#endif
