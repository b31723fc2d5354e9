/*
 * log.c: lines into file and standard error, under one lock; a file that is full becomes NAME.1, that one NAME.2, and so on.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "serve/log.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_BYTES = 64 << 10, PATH_BYTES = 4096 };

static struct {
    pthread_mutex_t lock;
    ptv_serve_log_options options;
    char *path;
    int fd; /* -1: none */
    int64_t size;
    ptv_buf line;
    bool has_failed; /* said once */
} sink = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1, .line = PTV_BUF(LINE_BYTES) };

/* "2026-11-24 02:26:22,123", local time, as Python's logging writes it. */
static void put_time(ptv_buf *out)
{
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    if (!localtime_r(&now.tv_sec, &tm))
        return;
    ptv_buf_printf(out, "%04d-%02d-%02d %02d:%02d:%02d,%03ld", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                   tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000);
}

/* "[invid:80] rest": the id that goes through a whole call stands first in a message. */
static size_t id_length(const char *message)
{
    size_t len = *message == '[' ? strcspn(message, "]") : 0;
    return len && message[len] ? len + 1 : 0;
}

static void put_json(ptv_buf *out, const char *level, const char *area, const char *message)
{
    ptv_json_out o = { .buf = out };
    char when[64] = "", call[256] = "";
    ptv_buf time = { .data = NULL, .limit_bytes = sizeof when };
    size_t id = id_length(message);
    put_time(&time);
    snprintf(when, sizeof when, "%s", time.data ? time.data : "");
    ptv_buf_release(&time);
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "time", when);
    ptv_json_put_text(&o, "level", level);
    ptv_json_put_text(&o, "module", area);
    if (id) {
        snprintf(call, sizeof call, "%.*s", (int)(id - 2), message + 1);
        ptv_json_put_text(&o, "call", call);
        message += id + (message[id] == ' ');
    }
    ptv_json_put_text(&o, "message", message);
    ptv_json_close(&o, '}');
}

static void put_line(const char *level, const char *area, const char *message)
{
    ptv_buf *out = &sink.line;
    ptv_buf_clear(out);
    if (sink.options.json) {
        put_json(out, level, area, message);
    } else {
        char thread[16] = "";
        pthread_getname_np(pthread_self(), thread, sizeof thread);
        put_time(out);
        ptv_buf_printf(out, " %s [%s] [%s] %s", level, area, getpid() == gettid() ? "main" : thread, message);
    }
    ptv_buf_putc(out, '\n');
}

static void open_file(void)
{
    struct stat st;
    sink.fd = open(sink.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);
    sink.size = sink.fd >= 0 && fstat(sink.fd, &st) == 0 ? st.st_size : 0;
}

static void rotate(void)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    for (int i = sink.options.backups; i > 0; i--) {
        snprintf(to, sizeof to, "%s.%d", sink.path, i);
        snprintf(from, sizeof from, i > 1 ? "%s.%d" : "%s", sink.path, i - 1);
        rename(from, to); /* one that is not there has nothing to move */
    }
    close(sink.fd);
    if (sink.options.backups == 0)
        unlink(sink.path);
    open_file();
}

static void on_line(void *unused, ptv_log_level level, const char *area, const char *message)
{
    static const char *const names[] = { "ERROR", "WARNING", "INFO", "DEBUG" };
    (void)unused;
    pthread_mutex_lock(&sink.lock);
    put_line(names[level], area, message);
    if (!sink.line.failed) {
        ptv_write_all(STDERR_FILENO, sink.line.data, sink.line.len);
        bool is_full = sink.options.max_bytes && sink.size && sink.size + (int64_t)sink.line.len > sink.options.max_bytes;
        if (sink.fd >= 0 && is_full)
            rotate();
        bool is_written = sink.fd < 0 || ptv_write_all(sink.fd, sink.line.data, sink.line.len);
        if (is_written)
            sink.size += (int64_t)sink.line.len;
        else if (!sink.has_failed)
            dprintf(STDERR_FILENO, "%s: %s; the log goes on here\n", sink.path, strerror(errno));
        sink.has_failed = !is_written;
    }
    pthread_mutex_unlock(&sink.lock);
}

static void close_file(void)
{
    if (sink.fd >= 0)
        close(sink.fd);
    sink.fd = -1;
    ptv_free(sink.path);
    sink.path = NULL;
}

/* The folder is made when only it is missing. */
static ptv_code use_path(const char *path, ptv_error *err)
{
    char folder[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    sink.path = ptv_strdup(path);
    if (!sink.path)
        return ptv_fail_nomem(err);
    if (slash && slash > path && snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path) < (int)sizeof folder)
        mkdir(folder, 0750);
    open_file();
    return sink.fd >= 0
               ? PTV_OK
               : ptv_fail(err, PTV_ESETTINGS, "the log file %s: %s: set logdir in [resilient]", path, strerror(errno));
}

ptv_code ptv_serve_log_open(const ptv_serve_log_options *options, ptv_error *err)
{
    ptv_error why = { 0 };
    ptv_code rc = PTV_OK;
    pthread_mutex_lock(&sink.lock);
    close_file();
    sink.options = *options;
    sink.options.path = NULL;
    if (options->path)
        rc = use_path(options->path, &why);
    if (rc)
        close_file();
    pthread_mutex_unlock(&sink.lock);
    ptv_log_to(on_line, NULL, options->level);
    if (rc && rc != PTV_ENOMEM && options->path_is_ours) {
        ptv_log(PTV_LOG_INFO, "serve", "%s; the log goes to standard error alone", why.msg);
        return PTV_OK;
    }
    if (rc)
        *err = why;
    return rc;
}

void ptv_serve_log_close(void)
{
    ptv_log_to(NULL, NULL, PTV_LOG_ERROR);
    pthread_mutex_lock(&sink.lock);
    close_file();
    ptv_buf_release(&sink.line);
    pthread_mutex_unlock(&sink.lock);
}
