/*
 * listen.c: "127.0.0.1:9000" becomes a listening socket, before the library that serves it comes in: so that what is wrong
 * with the address can be said.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "httpd/listen.h"

#include "base/text.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 128

typedef union place {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} place;

static ptv_code parse(place *out, socklen_t *len, const char *text, ptv_error *err)
{
    const char *colon = strrchr(text, ':');
    size_t host_len = colon ? (size_t)(colon - text) : 0;
    char host[INET6_ADDRSTRLEN];
    int64_t port = 0;
    if (!colon || host_len >= sizeof host || !colon[1] || colon[1 + strspn(colon + 1, "0123456789")] ||
        !ptv_int_parse(&port, colon + 1) || port > 65535)
        return ptv_fail(err, PTV_ESETTINGS, "http_listen = %.80s: write ADDRESS:PORT, [IPV6]:PORT, *:PORT or off", text);
    memcpy(host, text, host_len);
    host[host_len] = '\0';
    *out = (place){ 0 };
    if (strcmp(host, "*") == 0) {
        out->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
        *len = sizeof out->v6;
        return PTV_OK;
    }
    const char *v4 = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    if (inet_pton(AF_INET, v4, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons((uint16_t)port);
        *len = sizeof out->v4;
        return PTV_OK;
    }
    if (host_len > 2 && host[0] == '[' && host[host_len - 1] == ']') {
        host[host_len - 1] = '\0';
        if (inet_pton(AF_INET6, host + 1, &out->v6.sin6_addr) == 1) {
            out->v6.sin6_family = AF_INET6;
            out->v6.sin6_port = htons((uint16_t)port);
            *len = sizeof out->v6;
            return PTV_OK;
        }
    }
    return ptv_fail(err, PTV_ESETTINGS, "http_listen = %.80s: '%.40s' is no address of this machine, localhost or *", text,
                    host);
}

static int open_socket(const place *at, socklen_t len, bool both)
{
    int fd = socket(at->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, off = 0;
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at->any.sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, both ? &off : &on, sizeof on);
    if (bind(fd, &at->any, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static bool is_loopback(const place *at)
{
    if (at->any.sa_family == AF_INET)
        return ntohl(at->v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&at->v6.sin6_addr) != 0;
}

ptv_code ptv_listen(ptv_listener *out, const char *text, ptv_error *err)
{
    place at = { 0 };
    socklen_t len = 0;
    ptv_code rc = parse(&at, &len, text, err);
    if (rc)
        return rc;
    bool both = text[0] == '*';
    int fd = open_socket(&at, len, both);
    if (fd < 0 && both && errno == EAFNOSUPPORT) { /* a machine without IPv6 */
        in_port_t port = at.v6.sin6_port;
        at = (place){ .v4 = { .sin_family = AF_INET, .sin_port = port } };
        len = sizeof at.v4;
        fd = open_socket(&at, len, false);
    }
    if (fd < 0)
        return ptv_fail_detail(err, PTV_EIO, errno, "http_listen = %.80s: %s", text, strerror(errno));
    len = sizeof at;
    if (getsockname(fd, &at.any, &len)) {
        rc = ptv_fail_detail(err, PTV_EIO, errno, "http_listen = %.80s: %s", text, strerror(errno));
        close(fd);
        return rc;
    }
    *out = (ptv_listener){ .fd = fd,
                           .port = ntohs(at.any.sa_family == AF_INET ? at.v4.sin_port : at.v6.sin6_port),
                           .is_v6 = at.any.sa_family == AF_INET6,
                           .is_local = is_loopback(&at) };
    return PTV_OK;
}

void ptv_peer_text(char out[64], const void *address)
{
    const place *at = address;
    char text[INET6_ADDRSTRLEN] = "?";
    int port = 0;
    if (at && at->any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &at->v4.sin_addr, text, sizeof text);
        port = ntohs(at->v4.sin_port);
    } else if (at && at->any.sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &at->v6.sin6_addr, text, sizeof text);
        port = ntohs(at->v6.sin6_port);
    }
    snprintf(out, 64, "%s port %d", text, port);
}
