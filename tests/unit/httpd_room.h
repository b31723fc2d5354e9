/*
 * httpd_room.h: for tests of the HTTP doors: a server in this process, a client that says exactly the bytes it is told to,
 * and the loop's part played by the test itself, which takes jobs and answers them from records.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_TEST_HTTPD_ROOM_H
#define PTV_TEST_HTTPD_ROOM_H
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "httpd/httpd.h"
#include "scratch_dir.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>

#define WAIT_MS 10000

#define HIT    "{\"artifact\":\"%s\",\"tags\":[\"ransomware\"],\"passive_dns\":{\"total_records\":12}}"
#define NO_HIT "{\"artifact\":\"%s\",\"tags\":[\"cdn\"]}"
#define LATER  "{\"artifact\":\"%s\",\"tags\":{\"failed\":\"HTTP 429\",\"cause\":\"quota\",\"retry_after_s\":%d}}"
#define FIX    "{\"artifact\":\"%s\",\"tags\":{\"failed\":\"HTTP 401\",\"cause\":\"key\"}}"

typedef struct httpd_room {
    ptv_httpd *h;
    ptv_httpd_options o;
    ptv_client *judge;
    scratch_dir rules;
    ptv_error err;
    pthread_mutex_t lock; /* the log and the counts are written by the HTTP thread */
    char log[1 << 16];
    int served, lookups, last_status;
    bool is_sick;
    size_t live_at_begin; /* allocations */
} httpd_room;

static const char HTTPD_RULE[] =
    "rule \"flagged\" {\n  title = \"flagged\", severity = \"high\",\n"
    "  when = tags:has_any { \"ransomware\" },\n  hit = { standard },\n  note = \"{artifact}\",\n}\n";

static inline void room_log(void *to, ptv_log_level level, const char *area, const char *message)
{
    httpd_room *room = to;
    pthread_mutex_lock(&room->lock);
    size_t len = strlen(room->log);
    snprintf(room->log + len, sizeof room->log - len, "%d %s: %s\n", (int)level, area, message);
    pthread_mutex_unlock(&room->lock);
}

static inline bool room_log_has(httpd_room *room, const char *text)
{
    pthread_mutex_lock(&room->lock);
    bool has = strstr(room->log, text) != NULL;
    pthread_mutex_unlock(&room->lock);
    return has;
}

static inline void room_wake(void *to)
{
    (void)to;
}

static inline bool room_well(void *to, ptv_buf *why)
{
    httpd_room *room = to;
    ptv_buf_puts(why, room->is_sick ? "the broker is down" : "all is well");
    return !room->is_sick;
}

static inline void room_metrics(void *to, ptv_buf *out)
{
    (void)to;
    ptv_buf_puts(out, "ptverdict_test 1\n");
}

static inline void room_served(void *to, int status, bool is_lookup, int64_t ms)
{
    httpd_room *room = to;
    (void)ms;
    pthread_mutex_lock(&room->lock);
    room->served++;
    room->lookups += is_lookup;
    room->last_status = status;
    pthread_mutex_unlock(&room->lock);
}

static inline void room_open_judge(httpd_room *room)
{
    ptv_config *config = NULL;
    assert_true(scratch_dir_make(&room->rules));
    const char *path = scratch_write(&room->rules, "rules.lua", HTTPD_RULE);
    ptv_client_options options = { .rules = &path, .rules_count = 1, .offline = true, .now_utc = INT64_C(1777593600) };
    assert_int_equal(ptv_config_new(&config, &room->err), PTV_OK);
    assert_int_equal(ptv_client_new(&room->judge, config, &options, NULL, &room->err), PTV_OK);
    ptv_config_free(config);
}

/* Options may be changed between this and room_start(). */
static inline void room_begin(httpd_room *room)
{
    *room = (httpd_room){ .lock = PTHREAD_MUTEX_INITIALIZER, .live_at_begin = ptv_mem_live() };
    room->o = (ptv_httpd_options){ .listen = "127.0.0.1:0",
                                   .cts_name = "pt",
                                   .cts_wait_ms = 5000,
                                   .deadline_ms = 5000,
                                   .hooks = { .to = room,
                                              .wake = room_wake,
                                              .healthy = room_well,
                                              .ready = room_well,
                                              .metrics = room_metrics,
                                              .served = room_served } };
    ptv_log_to(room_log, room, PTV_LOG_DEBUG);
    room_open_judge(room);
}

static inline void room_start(httpd_room *room)
{
    if (ptv_httpd_start(&room->h, &room->o, &room->err))
        fail_msg("%s", room->err.msg);
}

static inline void room_end(httpd_room *room)
{
    ptv_httpd_stop(room->h);
    ptv_client_free(room->judge);
    scratch_dir_remove(&room->rules);
    ptv_log_to(NULL, NULL, PTV_LOG_ERROR);
}

/* ---------------------------------------------------------------------------------------- the loop's part */

static inline ptv_httpd_job *take_job(httpd_room *room)
{
    int64_t end = ptv_clock_ms() + WAIT_MS;
    ptv_httpd_job *job;
    while (!(job = ptv_httpd_take(room->h, true)) && ptv_clock_ms() < end)
        poll(NULL, 0, 1);
    assert_non_null(job);
    return job;
}

static inline bool no_job(httpd_room *room, int ms)
{
    poll(NULL, 0, ms);
    return !ptv_httpd_take(room->h, true);
}

/* With a record as HIT, NO_HIT …, printed with the job's value. */
__attribute__((format(printf, 3, 0))) static inline void answer_with(httpd_room *room, ptv_httpd_job *job, const char *form,
                                                                     int retry_s)
{
    char record[1024];
    ptv_report *report = NULL;
    snprintf(record, sizeof record, form, job->value, retry_s);
    if (ptv_eval(&report, room->judge, record, strlen(record), &room->err))
        fail_msg("%s", room->err.msg);
    ptv_httpd_answer(room->h, job, report, NULL);
    ptv_report_free(report);
}
#define ANSWER(room, job, form) answer_with(room, job, form, 0)

/* ------------------------------------------------------------------------------------------- the client */

typedef struct http_reply {
    int status; /* 0: the connection ended without one */
    char head[4096], body[1 << 16];
    size_t body_len;
    bool is_open; /* the connection goes on */
} http_reply;

static inline int dial(const httpd_room *room)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)ptv_httpd_port(room->h)),
                              .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    struct timeval limit = { .tv_sec = WAIT_MS / 1000 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static inline bool send_bytes(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static inline bool send_text(int fd, const char *text)
{
    return send_bytes(fd, text, strlen(text));
}

static inline const char *head_of(const http_reply *r, const char *name)
{
    static char value[512];
    size_t len = strlen(name);
    for (const char *line = strchr(r->head, '\n'); line; line = strchr(line, '\n')) {
        line++;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
            line += len + 1 + strspn(line + len + 1, " ");
            snprintf(value, sizeof value, "%.*s", (int)strcspn(line, "\r\n"), line);
            return value;
        }
    }
    return NULL;
}

static inline ssize_t read_some(int fd, char *out, size_t room)
{
    return recv(fd, out, room, 0);
}

/* One byte at a time for what ends at a mark: nothing of the next reply may be eaten. */
static inline bool read_to(int fd, char *out, size_t room, const char *mark)
{
    size_t len = 0, mark_len = strlen(mark);
    while (len + 1 < room && read_some(fd, out + len, 1) == 1) {
        out[++len] = '\0';
        if (len >= mark_len && strcmp(out + len - mark_len, mark) == 0)
            return true;
    }
    out[len] = '\0';
    return false;
}

static inline bool read_count(int fd, char *out, size_t count)
{
    size_t have = 0;
    while (have < count) {
        ssize_t n = read_some(fd, out + have, count - have);
        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    return true;
}

static inline bool read_chunk(int fd, http_reply *r)
{
    char size[32], end[3];
    if (!read_to(fd, size, sizeof size, "\r\n"))
        return false;
    size_t len = strtoul(size, NULL, 16);
    if (!len)
        return read_to(fd, size, sizeof size, "\r\n") && false;
    assert_true(r->body_len + len < sizeof r->body);
    if (!read_count(fd, r->body + r->body_len, len) || !read_count(fd, end, 2))
        return false;
    r->body_len += len;
    r->body[r->body_len] = '\0';
    return true;
}

static inline void read_head(int fd, http_reply *r)
{
    *r = (http_reply){ 0 };
    while (read_to(fd, r->head, sizeof r->head, "\r\n\r\n")) {
        r->status = (int)strtol(r->head + strcspn(r->head, " "), NULL, 10);
        if (r->status != 100)
            return;
    }
    r->status = 0;
}

static inline void read_reply(int fd, http_reply *r)
{
    read_head(fd, r);
    const char *length = head_of(r, "Content-Length"), *coding = head_of(r, "Transfer-Encoding");
    if (r->status && length) {
        r->body_len = strtoul(length, NULL, 10);
        assert_true(r->body_len < sizeof r->body);
        if (!read_count(fd, r->body, r->body_len))
            r->status = 0;
    } else if (r->status && coding) {
        while (read_chunk(fd, r))
            ;
    }
    const char *connection = head_of(r, "Connection");
    r->is_open = r->status && !(connection && strcasecmp(connection, "close") == 0);
}

/* The peer closed: an end or a reset, within the time given. */
static inline bool is_closed(int fd, int ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char rest[4096];
    int64_t end = ptv_clock_ms() + ms;
    while (ptv_clock_ms() < end && poll(&p, 1, (int)(end - ptv_clock_ms())) == 1) {
        ssize_t n = recv(fd, rest, sizeof rest, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return true;
    }
    return false;
}

/* A whole request on a connection of its own; the reply is read later. `more`: headers, each with its line end. */
static inline int send_request(const httpd_room *room, const char *method, const char *path, const char *more,
                               const char *body)
{
    char head[4096];
    int fd = dial(room);
    snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n", method, path, more,
             strlen(body));
    assert_true(send_text(fd, head));
    (void)send_text(fd, body);
    return fd;
}

static inline void finish_request(int fd, http_reply *r)
{
    read_reply(fd, r);
    close(fd);
}

static inline void ask_http(const httpd_room *room, http_reply *r, const char *method, const char *path, const char *more,
                            const char *body)
{
    finish_request(send_request(room, method, path, more, body), r);
}

#endif
