/*
 * scratch_dir.h: a folder for one test's files, gone after it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_TEST_SCRATCH_DIR_H
#define PTV_TEST_SCRATCH_DIR_H
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct scratch_dir {
    char path[64], file[512];
} scratch_dir;

static inline bool scratch_dir_make(scratch_dir *d)
{
    snprintf(d->path, sizeof d->path, "%s", "/tmp/ptv-test-XXXXXX");
    return mkdtemp(d->path) != NULL;
}

static inline const char *scratch_path(scratch_dir *d, const char *name)
{
    snprintf(d->file, sizeof d->file, "%s/%s", d->path, name);
    return d->file;
}

static inline const char *scratch_write(scratch_dir *d, const char *name, const char *text)
{
    FILE *f = fopen(scratch_path(d, name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
    return d->file;
}

static inline void scratch_dir_remove(scratch_dir *d)
{
    DIR *dir = opendir(d->path);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            unlinkat(dirfd(dir), e->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(d->path);
}

#endif
