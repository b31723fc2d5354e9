/*
 * control.h: for tests in C that drive broker.js, tap.js and platform.js of tests/soar: one command over HTTP, and the
 * answer as text. Start them with server_start() of http_help.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_TEST_CONTROL_H
#define PTV_TEST_CONTROL_H
#include "base/buf.h"
#include "http_help.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static inline int control_connect(const char *url)
{
    int port = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sscanf(url, "http://127.0.0.1:%d", &port);
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at))
        abort();
    return fd;
}

/* GET url/command, or POST with a JSON text. `out` receives head and body; false: the command failed. */
static inline bool control(ptv_buf *out, const server *s, const char *command, const char *json)
{
    ptv_buf request = PTV_BUF(64 << 20);
    char part[16384];
    int fd = control_connect(s->url);
    ptv_buf_printf(&request, "%s /%s HTTP/1.0\r\nContent-Length: %zu\r\n\r\n", json ? "POST" : "GET", command,
                   json ? strlen(json) : (size_t)0);
    ptv_buf_puts(&request, json ? json : "");
    for (size_t at = 0; at < request.len;) {
        ssize_t sent = send(fd, request.data + at, request.len - at, MSG_NOSIGNAL);
        if (sent <= 0)
            abort();
        at += (size_t)sent;
    }
    ptv_buf_clear(out);
    for (ssize_t got; (got = recv(fd, part, sizeof part, 0)) > 0;)
        ptv_buf_append(out, part, (size_t)got);
    close(fd);
    ptv_buf_release(&request);
    return out->len > 12 && memcmp(out->data + 8, " 200", 4) == 0;
}

/* The number behind "name": in its state. */
static inline long control_number(const server *s, const char *name)
{
    ptv_buf out = PTV_BUF(1 << 20);
    control(&out, s, "", NULL);
    long number = stat_of(out.data, name);
    ptv_buf_release(&out);
    return number;
}

/* As server_ready(), but a broker on a busy machine may take a minute. */
static inline bool server_ready_slow(server *s)
{
    for (int i = 0; i < 9; i++) {
        struct pollfd p = { .fd = s->out, .events = POLLIN };
        if (poll(&p, 1, 10000) == 1)
            return server_ready(s);
    }
    return false;
}

#endif
