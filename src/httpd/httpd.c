/*
 * httpd.c: opening and closing our HTTP doors.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "httpd/httpd.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "httpd/server.h"
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PEM_LIMIT    ((size_t)1 << 20)
#define OPTION_BYTES ((size_t)1 << 20)

static ptv_code keep_text(const char **text, ptv_arena *mem, const char *fallback, ptv_error *err)
{
    const char *given = *text && **text ? *text : fallback;
    *text = NULL;
    if (given && !(*text = ptv_arena_strdup(mem, given)))
        return ptv_arena_fail(mem, err);
    return PTV_OK;
}

static ptv_code keep_options(ptv_httpd *h, const ptv_httpd_options *given, ptv_error *err)
{
    ptv_httpd_options *o = &h->o;
    *o = *given;
    o->user = o->password = o->token = o->tls_cert = o->tls_key = NULL; /* used while starting, then kept as digests alone */
    ptv_code rc = keep_text(&o->listen, &h->mem, "127.0.0.1:9000", err);
    rc = rc ? rc : keep_text(&o->cts_name, &h->mem, "passivetotal", err);
    if (rc)
        return rc;
    if (o->cts_name[strcspn(o->cts_name, "/?#% ")] != '\0')
        return ptv_fail(err, PTV_ESETTINGS, "cts_name = %.80s: one word of an address, without / ? # %% and blanks",
                        o->cts_name);
    o->cts_keep_ms = o->cts_keep_ms ? o->cts_keep_ms : 600000;
    o->cts_max = o->cts_max ? o->cts_max : 10000;
    o->deadline_ms = o->deadline_ms ? o->deadline_ms : 30000;
    o->lookup_ms = o->lookup_ms ? o->lookup_ms : 120000;
    o->max_body_bytes = o->max_body_bytes ? o->max_body_bytes : 1 << 20;
    o->max_connections = o->max_connections ? o->max_connections : 256;
    o->max_per_address = o->max_per_address ? o->max_per_address : 128;
    o->requests = o->requests ? o->requests : &h->requests;
    return PTV_OK;
}

static ptv_code make_keys(ptv_httpd *h, const ptv_httpd_options *given, ptv_error *err)
{
    h->digest = ptv_digest_new();
    if (!h->digest)
        return ptv_fail_nomem(err);
    ptv_door_key_bearer(&h->bearer, h->digest, given->token && *given->token ? given->token : NULL);
    return ptv_door_key_basic(&h->basic, h->digest, given->user && *given->user ? given->user : NULL,
                              given->password && *given->password ? given->password : NULL, err);
}

static void warn_of_doors(const ptv_httpd *h, bool has_tls)
{
    if (h->is_local)
        return;
    if (!*h->basic.digest)
        ptv_log(PTV_LOG_WARNING, "http", "/cts/%s is closed to other machines until http_user and http_password are set",
                h->o.cts_name);
    if (!*h->bearer.digest)
        ptv_log(PTV_LOG_WARNING, "http", "/v1 and /metrics are closed to other machines until http_token is set");
    if (!has_tls)
        ptv_log(PTV_LOG_WARNING, "http",
                "http_listen = %s speaks plain HTTP: set http_tls_cert and http_tls_key, or keep it "
                "behind a proxy that speaks TLS",
                h->o.listen);
}

static ptv_code read_pem(ptv_buf *out, const char *setting, const char *path, ptv_error *err)
{
    ptv_code rc = ptv_file_read(out, path, err);
    return rc ? ptv_wrap(err, "%s = %.200s", setting, path) : PTV_OK;
}

static ptv_code open_server(ptv_httpd *h, const ptv_httpd_options *given, ptv_error *err)
{
    ptv_buf cert = PTV_BUF(PEM_LIMIT), key = PTV_BUF(PEM_LIMIT);
    bool has_cert = given->tls_cert && *given->tls_cert, has_key = given->tls_key && *given->tls_key;
    ptv_listener at;
    ptv_code rc = PTV_OK;
    if (has_cert != has_key)
        rc = ptv_fail(err, PTV_ESETTINGS, "http_tls_cert and http_tls_key belong together: one of them is missing");
    if (!rc && has_cert)
        rc = read_pem(&cert, "http_tls_cert", given->tls_cert, err);
    if (!rc && has_cert)
        rc = read_pem(&key, "http_tls_key", given->tls_key, err);
    if (!rc)
        rc = ptv_listen(&at, h->o.listen, err);
    if (!rc) {
        h->listen_fd = at.fd;
        h->port = at.port;
        h->is_local = at.is_local;
        rc = ptv_server_start(h, &at, has_cert ? cert.data : NULL, has_cert ? key.data : NULL, err);
    }
    if (!rc)
        warn_of_doors(h, has_cert);
    if (!rc)
        rc = ptv_server_run(h, err);
    if (key.data)
        explicit_bzero(key.data, key.len);
    ptv_buf_release(&key);
    ptv_buf_release(&cert);
    return rc;
}

static void free_httpd(ptv_httpd *h)
{
    ptv_jobs_free_all(h);
    ptv_queries_release(&h->queries);
    ptv_digest_free(h->digest);
    if (h->event_fd >= 0)
        close(h->event_fd);
    pthread_mutex_destroy(&h->jobs.lock);
    ptv_arena_release(&h->mem);
    ptv_free(h);
}

ptv_code ptv_httpd_start(ptv_httpd **out, const ptv_httpd_options *options, ptv_error *err)
{
    if (options->listen && ptv_text_equal_fold(options->listen, "off")) {
        *out = NULL;
        return PTV_OK;
    }
    ptv_httpd *h = ptv_calloc(1, sizeof *h);
    if (!h)
        return ptv_fail_nomem(err);
    h->mem = (ptv_arena)PTV_ARENA(OPTION_BYTES);
    pthread_mutex_init(&h->jobs.lock, NULL);
    h->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ptv_code rc = h->event_fd < 0 ? ptv_fail_detail(err, PTV_EIO, errno, "eventfd: %s", strerror(errno)) : PTV_OK;
    rc = rc ? rc : keep_options(h, options, err);
    rc = rc ? rc : make_keys(h, options, err);
    rc = rc ? rc : ptv_queries_init(&h->queries, h->o.cts_max, h->o.cts_keep_ms, err);
    rc = rc ? rc : open_server(h, options, err);
    if (rc) {
        free_httpd(h);
        return rc;
    }
    *out = h;
    return PTV_OK;
}

int ptv_httpd_port(const ptv_httpd *h)
{
    return h ? h->port : 0;
}

static void say(ptv_httpd *h, atomic_bool *what)
{
    atomic_store(what, true);
    (void)!write(h->event_fd, &(uint64_t){ 1 }, sizeof(uint64_t)); /* only fails when it is awake already */
}

void ptv_httpd_drain(ptv_httpd *h)
{
    if (h)
        say(h, &h->draining);
}

void ptv_httpd_forget(ptv_httpd *h)
{
    if (h)
        say(h, &h->forgetting);
}

size_t ptv_httpd_waiting(ptv_httpd *h)
{
    return h ? atomic_load(&h->waiting) : 0;
}

void ptv_httpd_stop(ptv_httpd *h)
{
    if (!h)
        return;
    say(h, &h->stopping);
    pthread_join(h->thread, NULL);
    free_httpd(h);
}
