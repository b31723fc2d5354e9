/*
 * folder.c: folders copied, removed and exchanged as wholes.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/folder.h"
#include "base/arena.h"
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEEPEST = 16, MOST_BYTES = 256 << 20, MOST_NAMES = 16 << 20 };

static ptv_code fail_errno(const char *path, ptv_error *err)
{
    char text[128];
    int number = errno;
    return ptv_fail_detail(err, PTV_EIO, number, "%s: %s", path, strerror_r(number, text, sizeof text));
}

/* ----------------------------------------------------------------------------------------------- remove */

static void remove_below(int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (!folder && fd >= 0)
        close(fd);
    for (struct dirent *e; folder && (e = readdir(folder));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && unlinkat(fd, e->d_name, 0) && depth < DEEPEST)
            remove_below(fd, e->d_name, depth + 1);
    if (folder)
        closedir(folder);
    unlinkat(parent, name, AT_REMOVEDIR);
}

void ptv_folder_remove_at(int parent, const char *name)
{
    remove_below(parent, name, 0);
}

void ptv_folder_remove(const char *path)
{
    remove_below(AT_FDCWD, path, 0);
}

/* ------------------------------------------------------------------------------------------------- copy */

static ptv_code copy_file(const char *to, const char *from, ptv_error *err)
{
    ptv_buf bytes = PTV_BUF(MOST_BYTES);
    ptv_code rc = ptv_file_read(&bytes, from, err);
    if (rc)
        ptv_wrap(err, "%s", from);
    else if ((rc = ptv_file_replace(to, bytes.data ? bytes.data : "", bytes.len, err)))
        ptv_wrap(err, "%s", to);
    else if (chmod(to, 0644))
        rc = fail_errno(to, err);
    ptv_buf_release(&bytes);
    return rc;
}

static ptv_code copy_below(const char *to, const char *from, mode_t mode, int depth, ptv_error *err)
{
    if (depth > DEEPEST)
        return ptv_fail(err, PTV_EIO, "%s: folders in folders, more than %d deep", from, DEEPEST);
    if (mkdir(to, 0700))
        return fail_errno(to, err);
    ptv_arena mem = PTV_ARENA(MOST_NAMES);
    const char **names = NULL;
    size_t count = 0;
    ptv_code rc = ptv_dir_list(&names, &count, &mem, from, err);
    if (rc)
        ptv_wrap(err, "%s", from);
    for (size_t i = 0; i < count && !rc; i++) {
        if (names[i][0] == '.') /* an editor's, or a version control's */
            continue;
        const char *source = ptv_path_join(&mem, from, names[i]), *target = ptv_path_join(&mem, to, names[i]);
        if (!source || !target)
            rc = ptv_arena_fail(&mem, err);
        else if (ptv_is_dir(source))
            rc = copy_below(target, source, mode, depth + 1, err);
        else
            rc = copy_file(target, source, err);
    }
    ptv_arena_release(&mem);
    if (!rc && chmod(to, mode))
        rc = fail_errno(to, err);
    return rc;
}

ptv_code ptv_folder_copy(const char *to, const char *from, mode_t mode, ptv_error *err)
{
    struct stat st;
    if (lstat(to, &st) == 0)
        return ptv_fail(err, PTV_EIO, "%s is there already", to);
    ptv_code rc = copy_below(to, from, mode, 0, err);
    if (rc)
        ptv_folder_remove(to);
    return rc;
}

/* --------------------------------------------------------------------------------------------- exchange */

static void sync_parent(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

/* The name that the content gets for good, beside what the link points to now: "rules-4711". */
static ptv_code turn_link(const char *path, const char *fresh, bool *had_one, ptv_error *err)
{
    char real[PATH_MAX], final[PATH_MAX], link[PATH_MAX];
    *had_one = realpath(path, real) != NULL;
    if (!*had_one)
        snprintf(real, sizeof real, "%s", path);
    for (int n = 1;; n++) {
        struct stat st;
        /* A name of its own each time: counted from the link's, not from the last one's. */
        if (snprintf(final, sizeof final, "%s.%d", path, n) >= (int)sizeof final)
            return ptv_fail(err, PTV_EIO, "%s: the name is too long", path);
        if (lstat(final, &st) == 0)
            continue;
        if (errno == ENOENT)
            break;
        return fail_errno(final, err);
    }
    const char *slash = strrchr(final, '/');
    snprintf(link, sizeof link, "%s.link", fresh);
    if (rename(fresh, final))
        return fail_errno(final, err);
    if (symlink(slash ? slash + 1 : final, link) || rename(link, path)) {
        ptv_code rc = fail_errno(path, err);
        unlink(link);
        if (rename(final, fresh))
            ptv_folder_remove(final);
        return rc;
    }
    sync_parent(path);
    return PTV_OK;
}

/* Where the system cannot exchange two names: a moment without a folder, which no reader takes for rules. */
static ptv_code move_twice(const char *path, const char *fresh, const char *kept, ptv_error *err)
{
    if (rename(path, kept))
        return fail_errno(path, err);
    if (rename(fresh, path) == 0)
        return PTV_OK;
    ptv_code rc = fail_errno(path, err);
    if (rename(kept, path))
        ptv_wrap(err, "what was there before is now %s", kept);
    return rc;
}

ptv_code ptv_folder_exchange(const char *path, const char *fresh, const char *kept, bool *had_one, ptv_error *err)
{
    struct stat st;
    ptv_code rc = PTV_OK;
    *had_one = lstat(path, &st) == 0;
    if (*had_one && S_ISLNK(st.st_mode))
        return turn_link(path, fresh, had_one, err);
    if (!*had_one) {
        rc = rename(fresh, path) ? fail_errno(path, err) : PTV_OK;
    } else if (renameat2(AT_FDCWD, fresh, AT_FDCWD, path, RENAME_EXCHANGE) == 0) {
        ptv_folder_remove(kept);
        if (rename(fresh, kept)) /* not worth undoing */
            ptv_folder_remove(fresh);
    } else if (errno == EINVAL || errno == ENOSYS) {
        ptv_folder_remove(kept);
        rc = move_twice(path, fresh, kept, err);
    } else if (errno == EBUSY || errno == EXDEV) {
        rc = ptv_fail_detail(err, PTV_EIO, errno, "%s is mounted here: change what is mounted, or mount the folder above it",
                             path);
    } else {
        rc = fail_errno(path, err);
    }
    sync_parent(path);
    return rc;
}

bool ptv_folder_same(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}
