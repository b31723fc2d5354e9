/*
 * files.c: folders and files made for the user.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/files.h"

#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static ptv_code failed(ptv_error *err, const char *path)
{
    return ptv_fail_detail(err, PTV_EIO, errno, "%s: %s", path, strerror(errno));
}

ptv_code cli_folder_create(const char *path, ptv_error *err)
{
    char *part = ptv_strdup(path);
    if (!part)
        return ptv_fail_nomem(err);
    ptv_code rc = PTV_OK;
    for (char *p = part + 1; !rc; p++) {
        bool last = !*p;
        if (*p != '/' && !last)
            continue;
        *p = '\0';
        if (mkdir(part, 0777) && !(errno == EEXIST && ptv_is_dir(part)))
            rc = failed(err, part);
        if (last)
            break;
        *p = '/';
    }
    ptv_free(part);
    return rc;
}

ptv_code cli_file_create(const char *path, const void *bytes, size_t len, bool private, ptv_error *err)
{
    const char *slash = strrchr(path, '/');
    if (slash && slash > path) {
        char *folder = ptv_strndup(path, (size_t)(slash - path));
        ptv_code rc = folder ? cli_folder_create(folder, err) : ptv_fail_nomem(err);
        ptv_free(folder);
        if (rc)
            return rc;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, private ? 0600 : 0666);
    if (fd < 0)
        return failed(err, path);
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            ptv_code rc = failed(err, path);
            close(fd);
            unlink(path);
            return rc;
        }
        at += n;
        len -= (size_t)n;
    }
    return close(fd) ? failed(err, path) : PTV_OK;
}
