/*
 * process.c: one instance only, what it says of itself, and the service manager.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "serve/parts.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LOCK_TRIES = 10, LOCK_PAUSE_MS = 100, STATUS_BYTES = 1 << 20, STATUS_OLD_S = 30, PATH_BYTES = 4096 };

/* ----------------------------------------------------------------------------------------------- lock file */

static int open_lock(const char *path)
{
    char folder[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    if (slash && slash > path && snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path) < (int)sizeof folder)
        mkdir(folder, 0750); /* one that is there, or cannot be made, shows with open() */
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
}

static void write_pid(int fd, const char *path)
{
    char pid[32];
    int len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) || pwrite(fd, pid, (size_t)len, 0) != len)
        ptv_log(PTV_LOG_WARNING, "serve", "%s: %s", path, strerror(errno));
}

ptv_code ptv_lock_take(int *fd, const char *path, bool is_ours, ptv_error *err)
{
    char pid[32] = "";
    *fd = open_lock(path);
    if (*fd < 0 && is_ours) {
        ptv_log(PTV_LOG_WARNING, "serve", "no lock file %s (%s): a second instance would not be noticed; set lock_file",
                path, strerror(errno));
        return PTV_OK;
    }
    if (*fd < 0)
        return ptv_fail_detail(err, PTV_EIO, errno, "the lock file %s: %s", path, strerror(errno));
    for (int i = 0; i < LOCK_TRIES; i++) { /* one that is just ending may have a moment */
        if (flock(*fd, LOCK_EX | LOCK_NB) == 0) {
            write_pid(*fd, path);
            return PTV_OK;
        }
        nanosleep(&(struct timespec){ .tv_nsec = LOCK_PAUSE_MS * 1000000L }, NULL);
    }
    ssize_t len = pread(*fd, pid, sizeof pid - 1, 0);
    pid[len > 0 ? strcspn(pid, "\n") : 0] = '\0';
    close(*fd);
    *fd = -1;
    return ptv_fail(err, PTV_EFULL, "another instance runs (process %s holds %s)", *pid ? pid : "?", path);
}

void ptv_lock_keep(ptv_serve *s)
{
    const char *path = s->now->settings.lock_path;
    struct stat held, there;
    if (s->lock < 0 || fstat(s->lock, &held) ||
        (stat(path, &there) == 0 && there.st_dev == held.st_dev && there.st_ino == held.st_ino))
        return;
    int fd = open_lock(path);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB)) {
        if (fd >= 0)
            close(fd);
        return;
    }
    write_pid(fd, path);
    close(s->lock);
    s->lock = fd;
    ptv_log(PTV_LOG_WARNING, "serve", "%s was taken away: made anew", path);
}

/* --------------------------------------------------------------------------------------------- status file */

static const char status_suffix[] = ".status";

void ptv_status_write(ptv_serve *s, int64_t now_ms)
{
    ptv_buf text = PTV_BUF(STATUS_BYTES);
    ptv_error err = { 0 };
    char path[PATH_BYTES];
    if (s->lock < 0)
        return;
    ptv_metrics_status(&text, s->metrics, now_ms);
    ptv_buf_putc(&text, '\n');
    snprintf(path, sizeof path, "%s%s", s->now->settings.lock_path, status_suffix);
    if (!text.failed && ptv_file_replace(path, text.data, text.len, &err))
        ptv_log(PTV_LOG_DEBUG, "serve", "%s: %s", path, err.msg);
    ptv_buf_release(&text);
}

static bool is_locked(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0;
    if (fd >= 0)
        close(fd);
    return locked;
}

ptv_code ptv_serve_status(const ptv_config *config, char **json, bool *healthy, ptv_error *err)
{
    ptv_serve_settings settings;
    char path[PATH_BYTES];
    struct stat st;
    ptv_buf text = PTV_BUF(STATUS_BYTES);
    ptv_code rc = ptv_serve_settings_read(&settings, config, err);
    if (!rc && !is_locked(settings.lock_path))
        rc = ptv_fail(err, PTV_EIO, "no instance runs here (nobody holds %s)", settings.lock_path);
    snprintf(path, sizeof path, "%s%s", rc ? "" : settings.lock_path, status_suffix);
    if (!rc && (rc = ptv_file_read(&text, path, err)) != PTV_OK)
        ptv_wrap(err, "%s", path);
    if (!rc) {
        bool is_fresh = stat(path, &st) == 0 && llabs(ptv_clock_utc() - st.st_mtime) <= STATUS_OLD_S; /* clocks jump */
        *healthy = is_fresh && strstr(text.data, "\"ready\":true") != NULL;
        *json = ptv_buf_take(&text, NULL);
    }
    ptv_buf_release(&text);
    ptv_serve_settings_release(&settings);
    return rc;
}

/* ----------------------------------------------------------------------------------------- service manager */

void ptv_notify(const char *what)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t len = path ? strlen(path) : 0;
    if (!len || len >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, len);
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0'; /* an abstract one */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (sendto(fd, what, strlen(what), MSG_NOSIGNAL, (struct sockaddr *)&to, size) < 0)
        ptv_log(PTV_LOG_DEBUG, "serve", "service manager: %s", strerror(errno));
    close(fd);
}
