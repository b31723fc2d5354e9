/*
 * settings.c: see settings.h. Keys, defaults and environment variables of [resilient] are the framework's (51.0.8.3).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "serve/settings.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include <limits.h>
#include <unistd.h>

enum { SETTINGS_BYTES = 1 << 20, MOST_WORKERS = 2000, ROOM_FOR_HTTP = 16 };
enum { BEAT_OUT_MS = 10000, BEAT_IN_MS = 15000, REST_CONNECT_MS = 10000, REST_TOTAL_MS = 30000 };
#define MESSAGE_BYTES ((size_t)100 << 20) /* ActiveMQ's own limit of a frame */
#define FUNCTION      "fn_passivetotal"

/* What all readers of one configuration share; `rc` holds the first failure, then the others do nothing. */
typedef struct reader {
    const ptv_config *config;
    ptv_serve_settings *s;
    ptv_error *err;
    ptv_code rc;
} reader;

/* ------------------------------------------------------------------------------------------------- values */

static const char *env(const char *name)
{
    const char *value = name ? getenv(name) : NULL;
    return value && *value ? value : NULL;
}

/* Trimmed; NULL: not set, or empty. */
static const char *text(reader *r, const char *key)
{
    const char *value = ptv_config_raw(r->config, "resilient", key);
    size_t len = value ? strlen(value) : 0;
    if (value)
        ptv_text_trim(&value, &len);
    if (r->rc || !len)
        return NULL;
    const char *kept = ptv_arena_strndup(&r->s->mem, value, len);
    if (!kept)
        r->rc = ptv_arena_fail(&r->s->mem, r->err);
    return kept;
}

static void refuse(reader *r, const char *key, const char *value, const char *wanted)
{
    if (!r->rc)
        r->rc = ptv_fail(r->err, PTV_ESETTINGS, "%s in [resilient] must be %s, not '%.60s' (%s)", key, wanted, value,
                         ptv_config_file(r->config));
}

static int64_t number(reader *r, const char *key, const char *variable, int64_t def, int64_t least, int64_t most)
{
    char wanted[64];
    int64_t value = def;
    const char *given = text(r, key);
    if (env(variable))
        given = env(variable);
    if (!given || (ptv_int_parse(&value, given) && value >= least && value <= most))
        return value;
    snprintf(wanted, sizeof wanted, "a number from %lld to %lld", (long long)least, (long long)most);
    refuse(r, key, given, wanted);
    return def;
}

static bool yes(reader *r, const char *key, bool def)
{
    bool value = def;
    const char *given = text(r, key);
    if (given && !ptv_bool_parse(&value, given))
        refuse(r, key, given, "true or false");
    return value;
}

static const char *format(reader *r, const char *fmt, ...) PTV_PRINTF(2, 3);
static const char *format(reader *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *out = ptv_arena_vprintf(&r->s->mem, fmt, args);
    va_end(args);
    if (!out && !r->rc)
        r->rc = ptv_arena_fail(&r->s->mem, r->err);
    return out;
}

static const char *with_home(reader *r, const char *path)
{
    const char *home = env("HOME");
    return path && ptv_text_starts(path, "~/") && home ? format(r, "%s/%s", home, path + 2) : path;
}

/* --------------------------------------------------------------------------------------------- TLS, proxy */

/* "false": no verification; a path: that file; else the bundle of the environment, or the system's. */
static const char *trust(reader *r, const char *key, const char *given, bool *verify)
{
    bool on = true;
    *verify = true;
    if (given && ptv_bool_parse(&on, given)) {
        *verify = on;
        given = NULL;
    }
    if (!given)
        return env("REQUESTS_CA_BUNDLE") ? env("REQUESTS_CA_BUNDLE") : env("CURL_CA_BUNDLE");
    const char *path = with_home(r, given);
    if (!r->rc && access(path, R_OK) != 0)
        r->rc = ptv_fail_detail(r->err, PTV_ESETTINGS, PTV_EXIT_CA_FILE,
                                "%s in [resilient]: the CA file %s cannot be read: give the path of a PEM file, or false",
                                key, path);
    return path;
}

/* As libcurl wants it: scheme, user, password and port in one URL. */
static const char *proxy_url(reader *r)
{
    const char *host = text(r, "proxy_host"), *user = text(r, "proxy_user"), *password = text(r, "proxy_password");
    int64_t port = number(r, "proxy_port", NULL, 0, 0, 65535);
    if (!host)
        return NULL;
    const char *rest = strstr(host, "://");
    int scheme = rest ? (int)(rest - host) : 0;
    rest = rest ? rest + 3 : host;
    ptv_buf url = PTV_BUF(64 << 10);
    ptv_buf_printf(&url, "%.*s://", rest == host ? 5 : scheme, rest == host ? "https" : host);
    if (user && password) {
        ptv_escape_url(&url, user, strlen(user));
        ptv_buf_putc(&url, ':');
        ptv_escape_url(&url, password, strlen(password));
        ptv_buf_putc(&url, '@');
    }
    ptv_buf_puts(&url, rest);
    if (port)
        ptv_buf_printf(&url, ":%lld", (long long)port);
    const char *out = url.failed ? NULL : format(r, "%s", url.data);
    ptv_buf_release(&url);
    return out;
}

/* ------------------------------------------------------------------------------------------------- parts */

static void read_platform(reader *r)
{
    static const ptv_http_names names = { .place = "host and port in [resilient]",
                                          .ca = "cafile in [resilient]",
                                          .proxy_login = "set proxy_user and proxy_password in [resilient]",
                                          .connect_timeout = "the network between here and the platform" };
    ptv_serve_settings *s = r->s;
    const char *host = text(r, "host"), *cafile = text(r, "cafile"), *proxy = proxy_url(r);
    const char *stomp_host = text(r, "stomp_host"), *stomp_cafile = text(r, "stomp_cafile");
    const char *prefix = env("RESOURCE_PREFIX") ? env("RESOURCE_PREFIX") : text(r, "resource_prefix");
    bool is_env_proxy = env("HTTPS_PROXY") || env("HTTP_PROXY");
    if (!host && !r->rc)
        r->rc = ptv_fail(r->err, PTV_ESETTINGS, "[resilient] host is not set%s: write the name of the SOAR platform",
                         ptv_config_place(r->config));
    if (r->rc)
        return;
    s->rest = (ptv_rest_options){ .org = text(r, "org"),
                                  .key_id = text(r, "api_key_id"),
                                  .key_secret = text(r, "api_key_secret"),
                                  .email = text(r, "email"),
                                  .password = text(r, "password"),
                                  .function = FUNCTION,
                                  .connect_timeout_ms = REST_CONNECT_MS,
                                  .timeout_ms = REST_TOTAL_MS };
    s->rest.base_url =
        format(r, strchr(host, ':') ? "https://[%s]:%lld%s%s" : "https://%s:%lld%s%s", host,
               (long long)number(r, "port", NULL, 443, 1, 65535), prefix && *prefix != '/' ? "/" : "", prefix ? prefix : "");
    s->rest_http = (ptv_http_options){ .max_connections = 1,
                                       .proxy_https = is_env_proxy ? NULL : proxy,
                                       .proxy_from_env = is_env_proxy || !proxy,
                                       .names = &names };
    s->rest_http.ca_file = trust(r, "cafile", cafile, &s->rest_http.verify);
    s->retries = number(r, "max_connection_retries", env("APP_HOST_CONTAINER") ? "RESILIENT_MAX_CONNECTION_RETRIES" : NULL,
                        -1, -1, INT_MAX);
    if (s->retries == 0)
        s->retries = -1;

    int64_t timeout = number(r, "stomp_timeout", "RESILIENT_STOMP_TIMEOUT", 60, 1, 86400);
    s->wants_stomp = yes(r, "stomp", true);
    s->consumer = (ptv_consumer_options){
        .stream = { .host = stomp_host ? stomp_host : host,
                    .port = (int)number(r, "stomp_port", NULL, 65001, 1, 65535),
                    .proxy = is_env_proxy ? env("HTTPS_PROXY") : proxy,
                    .no_proxy = env("NO_PROXY") ? env("NO_PROXY") : env("no_proxy"),
                    .connect_timeout_ms = (long)(timeout < 30 ? 45 : timeout) * 1000 },
        .beat_out_ms = BEAT_OUT_MS,
        .beat_in_ms = BEAT_IN_MS,
        .body_limit_bytes = MESSAGE_BYTES,
    };
    s->consumer.stream.ca_file =
        trust(r, stomp_cafile ? "stomp_cafile" : "cafile", stomp_cafile ? stomp_cafile : cafile, &s->consumer.stream.verify);
    s->selftest_ms = number(r, "selftest_timeout", NULL, 10, 1, 3600) * 1000;
}

static void read_worker(reader *r)
{
    ptv_serve_settings *s = r->s;
    const char *unknown = ptv_config_text(r->config, PTV_OPT_SOAR_UNKNOWN);
    int64_t at_once = number(r, "num_workers", NULL, 25, 1, MOST_WORKERS);
    s->worker = (ptv_worker_options){ .function = FUNCTION,
                                      .at_once = (int)at_once,
                                      .attempts = (int)ptv_config_int(r->config, PTV_OPT_CALL_ATTEMPTS),
                                      .trap_exception = yes(r, "trap_exception", false),
                                      .note_every_s = ptv_config_int(r->config, PTV_OPT_UNKNOWN_NOTE_EVERY) / 1000,
                                      .give_up_ms = ptv_config_int(r->config, PTV_OPT_DEADLINE) + 10000 };
    s->worker.unknown = ptv_text_equal_fold(unknown, "fail")    ? PTV_UNKNOWN_ALWAYS_FAILS
                        : ptv_text_equal_fold(unknown, "empty") ? PTV_UNKNOWN_IS_EMPTY
                                                                : PTV_UNKNOWN_ONCE_EACH;
    s->consumer.prefetch = (int)number(r, "stomp_prefetch_limit", NULL, at_once, 1, MOST_WORKERS);
    s->expand_inputs = ptv_config_bool(r->config, PTV_OPT_EXPAND_INPUTS);
}

static void read_log(reader *r)
{
    static const struct {
        const char *name;
        ptv_log_level level;
    } levels[] = { { "CRITICAL", PTV_LOG_ERROR },  { "FATAL", PTV_LOG_ERROR },  { "ERROR", PTV_LOG_ERROR },
                   { "WARNING", PTV_LOG_WARNING }, { "WARN", PTV_LOG_WARNING }, { "INFO", PTV_LOG_INFO },
                   { "DEBUG", PTV_LOG_DEBUG } };
    ptv_serve_log_options *o = &r->s->log;
    const char *level = text(r, "loglevel"), *folder = text(r, "logdir"), *name = text(r, "logfile");
    bool is_alone = env("APP_HOST_CONTAINER") != NULL;
    if (env("LOGLEVEL"))
        level = env("LOGLEVEL");
    o->level = PTV_LOG_INFO;
    bool is_known = !level;
    for (size_t i = 0; level && i < sizeof levels / sizeof *levels; i++) {
        if (ptv_text_equal_fold(level, levels[i].name)) {
            o->level = levels[i].level;
            is_known = true;
        }
    }
    if (!is_known)
        refuse(r, "loglevel", level, "DEBUG, INFO, WARNING, ERROR or CRITICAL");
    o->json = ptv_text_equal_fold(ptv_config_text(r->config, PTV_OPT_LOG_FORMAT), "json");
    o->max_bytes = number(r, "log_max_bytes", NULL, 10000000, 0, INT64_MAX / 2);
    if (o->max_bytes && o->max_bytes < 100000)
        refuse(r, "log_max_bytes", text(r, "log_max_bytes"), "0, or 100000 at least");
    o->backups = (int)number(r, "log_backup_count", NULL, 10, 0, 10000);
    /* Other apps of the machine read the same file and write into its logfile: two that rotate one file lose lines. In its
     * container it is alone. */
    name = is_alone ? (name ? name : "app.log") : "ptverdict.log";
    folder = folder ? with_home(r, folder) : env("APP_LOG_DIR");
    o->path_is_ours = !folder;
    if (folder || ptv_is_dir("logs"))
        o->path = format(r, "%s/%s", folder ? folder : "logs", name);
}

static void read_process(reader *r)
{
    ptv_serve_settings *s = r->s;
    const char *home = env("HOME");
    s->state = ptv_config_text(r->config, PTV_OPT_STATE);
    s->stop_within_ms = ptv_config_int(r->config, PTV_OPT_STOP_WITHIN);
    s->lock_path = ptv_config_text(r->config, PTV_OPT_LOCK_FILE);
    if (!s->lock_path)
        s->lock_path = env("APP_LOCK_FILE");
    if (s->lock_path)
        return;
    s->lock_is_ours = true;
    if (s->state)
        s->lock_path = format(r, "%s/serve.lock", s->state);
    else
        s->lock_path = format(r, "%s/.resilient/ptverdict.lock", home ? home : "/tmp");
}

ptv_code ptv_serve_settings_read(ptv_serve_settings *out, const ptv_config *config, ptv_error *err)
{
    reader r = { config, out, err, PTV_OK };
    *out = (ptv_serve_settings){ .mem = PTV_ARENA(SETTINGS_BYTES),
                                 .has_platform = ptv_config_has_section(config, "resilient") };
    if (out->has_platform)
        read_platform(&r);
    read_worker(&r);
    read_log(&r);
    read_process(&r);
    return r.rc;
}

void ptv_serve_settings_release(ptv_serve_settings *s)
{
    ptv_arena_release(&s->mem);
    *s = (ptv_serve_settings){ 0 };
}

bool ptv_serve_settings_same_platform(const ptv_serve_settings *a, const ptv_serve_settings *b)
{
    const ptv_rest_options *x = &a->rest, *y = &b->rest;
    const ptv_stream_options *v = &a->consumer.stream, *w = &b->consumer.stream;
    if (a->has_platform != b->has_platform || a->wants_stomp != b->wants_stomp)
        return false;
    if (!a->has_platform)
        return true;
    return ptv_text_equal(x->base_url, y->base_url) && ptv_text_equal(x->org, y->org) &&
           ptv_text_equal(x->key_id, y->key_id) && ptv_text_equal(x->key_secret, y->key_secret) &&
           ptv_text_equal(x->email, y->email) && ptv_text_equal(x->password, y->password) &&
           ptv_text_equal(a->rest_http.ca_file, b->rest_http.ca_file) && a->rest_http.verify == b->rest_http.verify &&
           ptv_text_equal(a->rest_http.proxy_https, b->rest_http.proxy_https) && ptv_text_equal(v->host, w->host) &&
           v->port == w->port && v->verify == w->verify && ptv_text_equal(v->ca_file, w->ca_file) &&
           ptv_text_equal(v->proxy, w->proxy) && v->connect_timeout_ms == w->connect_timeout_ms &&
           a->consumer.prefetch == b->consumer.prefetch;
}

ptv_code ptv_serve_settings_adjust(ptv_config *config, ptv_error *err)
{
    char text_of[64];
    int64_t workers = 25;
    ptv_code rc = PTV_OK;
    const char *given = ptv_config_raw(config, "resilient", "num_workers");
    if (ptv_text_equal(ptv_config_where(config, PTV_OPT_RETRY_WITHIN), "default"))
        rc = ptv_config_set(config, "retry_within=20s", err);
    if (!given || !ptv_int_parse(&workers, given) || workers < 1 || workers > MOST_WORKERS)
        workers = 25;
    workers += ROOM_FOR_HTTP;
    if (rc || ptv_config_int(config, PTV_OPT_MAX_IN_FLIGHT) >= workers)
        return rc;
    snprintf(text_of, sizeof text_of, "max_in_flight=%lld", (long long)(workers > 1000 ? 1000 : workers));
    return ptv_config_set(config, text_of, err);
}
