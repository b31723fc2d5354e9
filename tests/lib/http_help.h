/*
 * http_help.h: for unit tests of the transport: the mock and the proxy as child processes, one request at a time or many.
 * Children end when their stdin closes, so none outlives the test.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_TEST_HTTP_HELP_H
#define PTV_TEST_HTTP_HELP_H
#include "net/http.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct server {
    pid_t pid;
    int in, out; /* its stdin and stdout */
    char url[64];
} server;

/* A program with arguments; `argv[0]` is looked for in PATH. */
static inline void server_start(server *s, const char *const *argv)
{
    int in[2], out[2];
    *s = (server){ .pid = -1 };
    if (pipe(in) || pipe(out))
        abort();
    s->pid = fork();
    if (s->pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    s->in = in[1];
    s->out = out[0];
}

/* Wait for "ready URL"; false when there is none within ten seconds. */
static inline bool server_ready(server *s)
{
    char line[128];
    size_t len = 0;
    struct pollfd p = { .fd = s->out, .events = POLLIN };
    while (len < sizeof line - 1 && poll(&p, 1, 10000) == 1) {
        ssize_t n = read(s->out, line + len, sizeof line - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        line[len] = '\0';
        if (line[len - 1] == '\n')
            return sscanf(line, "ready %63s", s->url) == 1;
    }
    return false;
}

static inline void server_stop(server *s)
{
    if (s->pid <= 0)
        return;
    close(s->in);
    close(s->out);
    kill(s->pid, SIGTERM);
    waitpid(s->pid, NULL, 0);
    s->pid = -1;
}

/* What came of one request, copied. */
typedef struct result {
    int calls; /* of the callback */
    ptv_code code;
    int detail, status;
    bool retryable;
    char message[512], body[4096], content_type[64], location[256];
    size_t body_len;
    int64_t retry_after_s;
} result;

static inline void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text ? text : "");
}

static inline void on_result(void *tag, const ptv_response *r)
{
    result *out = tag;
    out->calls++;
    out->code = r->code;
    out->detail = r->detail;
    out->status = r->status;
    out->retryable = r->retryable;
    out->body_len = r->body_len;
    out->retry_after_s = r->retry_after_s;
    copy_text(out->message, sizeof out->message, r->message);
    copy_text(out->body, sizeof out->body, r->body);
    copy_text(out->content_type, sizeof out->content_type, r->content_type);
    copy_text(out->location, sizeof out->location, r->location);
}

/* Poll until `count` results are there, at most ten seconds. */
static inline bool poll_until(const ptv_transport *t, const result *results, size_t count)
{
    ptv_error err = { 0 };
    int64_t end = t->now_ms(t->self) + 10000;
    for (;;) {
        size_t done = 0;
        for (size_t i = 0; i < count; i++)
            done += results[i].calls > 0;
        if (done == count)
            return true;
        if (t->now_ms(t->self) > end || t->poll(t->self, 100, &err))
            return false;
    }
}

static inline result ask(const ptv_transport *t, const ptv_request *q)
{
    result r = { 0 };
    ptv_error err = { 0 };
    ptv_code rc = t->start(t->self, q, on_result, &r, &err);
    if (rc) {
        r.code = rc;
        copy_text(r.message, sizeof r.message, err.msg);
    } else {
        poll_until(t, &r, 1);
    }
    return r;
}

#define REQUEST(text)                                                                                                       \
    {                                                                                                                       \
        .method = "GET", .url = (text), .connect_timeout_ms = 3000, .timeout_ms = 5000, .body_limit_bytes = 1 << 20         \
    }

/* GET base + path. */
static inline result get(const ptv_transport *t, const char *base, const char *path)
{
    char url[1024];
    snprintf(url, sizeof url, "%s%s", base, path);
    ptv_request q = REQUEST(url);
    return ask(t, &q);
}

/* The number behind "name": in the mock's statistics. */
static inline long stat_of(const char *json, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(json, key);
    return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

#endif
