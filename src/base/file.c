/*
 * file.c: whole files, folders and safe replacement.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/file.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ptv_code fail_errno(ptv_error *err)
{
    int number = errno;
    char text[128];
    return ptv_fail_detail(err, PTV_EIO, number, "%s", strerror_r(number, text, sizeof text));
}

static ptv_code fail_irregular(ptv_error *err, mode_t mode)
{
    return ptv_fail_detail(err, PTV_EIO, S_ISDIR(mode) ? EISDIR : EINVAL,
                           S_ISDIR(mode) ? "is a folder" : "not a regular file");
}

static ptv_code read_all(ptv_buf *out, int fd, size_t expected, ptv_error *err)
{
    enum { LEAST = 4096 };
    size_t left = out->limit_bytes - out->len;
    if (expected > left) {
        out->failed = PTV_ETOOBIG;
        return ptv_buf_check(out, err);
    }
    ptv_buf_reserve(out, expected);
    for (;;) {
        /* The size is only a hint: the file may grow. The last read must find the end, so one byte over the ceiling. */
        char probe, *to = &probe;
        size_t room = 1;
        if (!out->failed && out->cap - out->len > 1) {
            to = out->data + out->len;
            room = out->cap - out->len - 1;
        }
        ssize_t got = read(fd, to, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(err);
        if (got == 0 || out->failed)
            return ptv_buf_check(out, err);
        if (to == &probe) {
            ptv_buf_putc(out, probe);
            left = out->limit_bytes - out->len;
            if (!out->failed && left)
                ptv_buf_reserve(out, left < LEAST ? left : LEAST);
        } else {
            ptv_buf_advance(out, (size_t)got);
        }
    }
}

ptv_code ptv_file_read(ptv_buf *out, const char *path, ptv_error *err)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* O_NONBLOCK: opening a FIFO does not wait */
    if (fd < 0)
        return fail_errno(err);
    ptv_code rc;
    if (fstat(fd, &st))
        rc = fail_errno(err);
    else if (!S_ISREG(st.st_mode))
        rc = fail_irregular(err, st.st_mode);
    else
        rc = read_all(out, fd, st.st_size > 0 ? (size_t)st.st_size : 0, err);
    close(fd);
    return rc;
}

bool ptv_write_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t wrote = write(fd, bytes, len);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return false;
        bytes += wrote;
        len -= (size_t)wrote;
    }
    return true;
}

/* A file of our own beside the one to replace: "app.config.1234.1.new". */
static int create_beside(char out[PATH_MAX], const char *path)
{
    static atomic_uint serial;
    for (int tries = 0; tries < 100; tries++) {
        int len = snprintf(out, PATH_MAX, "%s.%ld.%u.new", path, (long)getpid(), atomic_fetch_add(&serial, 1));
        if (len >= PATH_MAX) {
            errno = ENAMETOOLONG;
            return -1;
        }
        int fd = open(out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); /* less the umask, as any new file */
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

/* The rename is on disk only when the folder is. A folder that cannot be opened or synced still holds the new file. */
static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int len = slash ? (int)(slash - path) + 1 : 1;
    snprintf(folder, sizeof folder, "%.*s", len, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

ptv_code ptv_file_replace(const char *path, const char *bytes, size_t len, ptv_error *err)
{
    char real[PATH_MAX], fresh[PATH_MAX];
    struct stat st;
    if (realpath(path, real)) /* a link stays a link: what it points at is replaced */
        path = real;
    bool is_there = !stat(path, &st);
    if (is_there && !S_ISREG(st.st_mode))
        return fail_irregular(err, st.st_mode);
    int fd = create_beside(fresh, path);
    if (fd < 0)
        return fail_errno(err);
    bool is_kept = ptv_write_all(fd, bytes, len) && (!is_there || !fchmod(fd, st.st_mode & 07777)) && !fsync(fd);
    int number = errno;
    if (close(fd) && is_kept) {
        is_kept = false;
        number = errno;
    }
    if (is_kept && !rename(fresh, path)) {
        sync_folder(path);
        return PTV_OK;
    }
    if (!is_kept)
        errno = number;
    ptv_code rc = fail_errno(err);
    unlink(fresh);
    return rc;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

ptv_code ptv_dir_list(const char ***names, size_t *count, ptv_arena *mem, const char *path, ptv_error *err)
{
    DIR *folder = opendir(path);
    if (!folder)
        return fail_errno(err);
    size_t found = 0, room = 16;
    const char **list = ptv_arena_alloc(mem, room * sizeof *list);
    struct dirent *entry;
    while (list && (errno = 0, entry = readdir(folder))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (found == room) {
            const char **longer = ptv_arena_alloc(mem, 2 * room * sizeof *list);
            if (longer)
                memcpy(longer, list, room * sizeof *list);
            list = longer;
            room *= 2;
        }
        if (list && !(list[found++] = ptv_arena_strdup(mem, entry->d_name)))
            list = NULL;
    }
    int number = errno;
    closedir(folder);
    if (!list)
        return ptv_arena_fail(mem, err);
    if (number) {
        errno = number;
        return fail_errno(err);
    }
    qsort(list, found, sizeof *list, compare_names);
    *names = list;
    *count = found;
    return PTV_OK;
}

bool ptv_is_dir(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

bool ptv_is_file(const char *path)
{
    struct stat st;
    return !stat(path, &st) && S_ISREG(st.st_mode);
}

bool ptv_path_is_below(const char *path)
{
    for (const char *at = path; (at = strstr(at, "..")); at += 2)
        if ((at == path || at[-1] == '/') && (!at[2] || at[2] == '/'))
            return false;
    return *path && *path != '/';
}

char *ptv_path_join(ptv_arena *mem, const char *folder, const char *name)
{
    size_t len = strlen(folder);
    return ptv_arena_printf(mem, "%s%s%s", folder, len && folder[len - 1] != '/' ? "/" : "", name);
}
