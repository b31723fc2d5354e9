/*
 * log.c: the decision log: lines appended by several processes, rotated by size.
 *
 *     decisions.2.ndjson   decisions.1.ndjson   decisions.ndjson ◄── appended
 *
 * Writers take turns by a lock on a file of its own, since the log itself is renamed. A line goes out in one write, and is
 * taken back when it did not fit; a line cut by a death is ended by the next writer and left out by readers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "store/db.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MOST    (96u << 20) /* a record and its decision */
#define CHUNK        65536
#define BACKUPS_MOST 1000

/* Number 0 is the log itself. */
static bool log_path(char out[PATH_MAX], const char *dir, int number)
{
    int len = number ? snprintf(out, PATH_MAX, "%s/decisions.%d.ndjson", dir, number)
                     : snprintf(out, PATH_MAX, "%s/decisions.ndjson", dir);
    return len < PATH_MAX;
}

static ptv_code fail_errno(const char *dir, const char *doing, ptv_error *err)
{
    char text[128];
    int number = errno;
    return ptv_fail_detail(err, PTV_EIO, number, "state %s: %s: %s", dir, doing, strerror_r(number, text, sizeof text));
}

static int open_lock(const char *dir)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/decisions.lock", dir) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static void lock(int fd, int how)
{
    while (flock(fd, how) && errno == EINTR)
        continue;
}

/* ------------------------------------------------------------------------------------------------ writing */

/* Each backup one number up; the last one goes. */
static void rotate(const ptv_store *s)
{
    char from[PATH_MAX], to[PATH_MAX];
    for (int n = s->options.log_backups; n > 0; n--)
        if (log_path(from, s->dir, n - 1) && log_path(to, s->dir, n))
            rename(from, to); /* one that is not there is no backup yet */
}

static int open_log(const ptv_store *s, struct stat *st)
{
    char path[PATH_MAX];
    if (!log_path(path, s->dir, 0)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0 && fstat(fd, st)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool ends_in_newline(int fd, off_t size)
{
    char last = '\n';
    return size == 0 || pread(fd, &last, 1, size - 1) != 1 || last == '\n';
}

static ptv_code append(ptv_store *s, const ptv_buf *line, ptv_error *err)
{
    struct stat st;
    int fd = open_log(s, &st);
    if (fd >= 0 && st.st_size > 0 && st.st_size + (off_t)line->len > s->options.log_max_bytes) {
        close(fd);
        rotate(s);
        fd = open_log(s, &st);
    }
    if (fd < 0)
        return fail_errno(s->dir, "opening the decision log", err);
    ptv_code rc = PTV_OK;
    bool is_cut = !ends_in_newline(fd, st.st_size);
    if ((is_cut && !ptv_write_all(fd, "\n", 1)) || !ptv_write_all(fd, line->data, line->len)) {
        rc = fail_errno(s->dir, "writing the decision log", err);
        if (ftruncate(fd, st.st_size)) /* else the next writer ends it */
            rc = err->code;
    }
    close(fd);
    return rc;
}

ptv_code ptv_store_log(ptv_store *s, const char *line, size_t len, ptv_error *err)
{
    if (!s->dir)
        return PTV_OK;
    if (s->log_lock < 0)
        s->log_lock = open_lock(s->dir);
    if (s->log_lock < 0)
        return fail_errno(s->dir, "opening the decision log", err);
    ptv_buf whole = PTV_BUF(LINE_MOST);
    ptv_buf_append(&whole, line, len);
    ptv_buf_putc(&whole, '\n');
    ptv_code rc = ptv_buf_check(&whole, err);
    if (!rc) {
        lock(s->log_lock, LOCK_EX);
        rc = append(s, &whole, err);
        lock(s->log_lock, LOCK_UN);
    }
    ptv_buf_release(&whole);
    return rc;
}

/* ------------------------------------------------------------------------------------------------ reading */

typedef struct reader {
    int (*each)(void *to, const char *line, size_t len);
    void *to;
    ptv_buf line;
    bool ended; /* each() said so */
} reader;

static void take(reader *r, const char *bytes, size_t len)
{
    while (len && !r->ended && !r->line.failed) {
        const char *end = memchr(bytes, '\n', len);
        size_t part = end ? (size_t)(end - bytes) : len;
        ptv_buf_append(&r->line, bytes, part);
        if (end && !r->line.failed) {
            if (r->line.len)
                r->ended = r->each(r->to, r->line.data, r->line.len) != 0;
            ptv_buf_clear(&r->line);
        }
        bytes += part + (end != NULL);
        len -= part + (end != NULL);
    }
}

/* What follows the last newline was cut. */
static ptv_code read_one(reader *r, int fd, char *chunk, const char *dir, ptv_error *err)
{
    ptv_buf_clear(&r->line);
    while (!r->ended) {
        ssize_t n = read(fd, chunk, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(dir, "reading the decision log", err);
        if (n == 0)
            break;
        take(r, chunk, (size_t)n);
        if (r->line.failed)
            return ptv_buf_check(&r->line, err);
    }
    return PTV_OK;
}

/* All are opened at once under the lock, so that none is renamed between two; numbers may have gaps. */
static ptv_code open_all(int **fds, size_t *count, const char *dir, ptv_error *err)
{
    char path[PATH_MAX];
    ptv_code rc = PTV_OK;
    int *all = *fds = ptv_calloc(BACKUPS_MOST + 1, sizeof *all);
    *count = 0;
    if (!all)
        return ptv_fail_nomem(err);
    int lock_fd = open_lock(dir); /* a folder of which nothing may be written has no writers */
    if (lock_fd >= 0)
        lock(lock_fd, LOCK_SH);
    for (int n = BACKUPS_MOST; !rc && n >= 0; n--) {
        int fd = log_path(path, dir, n) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd >= 0)
            all[(*count)++] = fd;
        else if (errno != ENOENT && errno != ENOTDIR)
            rc = fail_errno(dir, "opening the decision log", err);
    }
    if (lock_fd >= 0)
        close(lock_fd);
    return rc;
}

ptv_code ptv_store_log_read(const char *dir, int (*each)(void *to, const char *line, size_t len), void *to, ptv_error *err)
{
    reader r = { .each = each, .to = to, .line = PTV_BUF(LINE_MOST) };
    int *fds;
    size_t count;
    char *chunk = ptv_malloc(CHUNK);
    if (!chunk)
        return ptv_fail_nomem(err);
    ptv_code rc = open_all(&fds, &count, dir, err);
    for (size_t i = 0; i < count; i++) {
        if (!rc && !r.ended)
            rc = read_one(&r, fds[i], chunk, dir, err);
        close(fds[i]);
    }
    ptv_free(fds);
    ptv_free(chunk);
    ptv_buf_release(&r.line);
    return rc;
}
