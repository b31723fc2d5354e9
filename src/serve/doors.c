/*
 * doors.c: the HTTP server beside the loop: its lookups are submitted here, its questions on health answered.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "serve/parts.h"

static const char asked_source[] = "cts", asked_endpoint[] = "query";

/* ------------------------------------------------------------------------------- called by the HTTP thread */

static void wake(void *to)
{
    ptv_serve *s = to;
    ptv_serve_wakeup(s);
}

static bool healthy(void *to, ptv_buf *why)
{
    ptv_serve *s = to;
    return ptv_metrics_healthy(s->metrics, ptv_clock_ms(), why);
}

static bool ready(void *to, ptv_buf *why)
{
    ptv_serve *s = to;
    return ptv_metrics_ready(s->metrics, ptv_clock_ms(), why);
}

static void metrics(void *to, ptv_buf *out)
{
    ptv_serve *s = to;
    ptv_metrics_prometheus(out, s->metrics, ptv_clock_ms());
}

static void served(void *to, int status, bool is_lookup, int64_t ms)
{
    ptv_serve *s = to;
    ptv_metric metric = status < 300   ? PTV_METRIC_HTTP_2XX
                        : status < 400 ? PTV_METRIC_HTTP_3XX
                        : status < 500 ? PTV_METRIC_HTTP_4XX
                                       : PTV_METRIC_HTTP_5XX;
    ptv_metrics_add(s->metrics, metric, 1);
    if (is_lookup)
        ptv_metrics_observe(s->metrics, PTV_LATENCY_HTTP, ms);
}

/* --------------------------------------------------------------------------------------------- the loop's */

typedef struct door_lookup {
    ptv_lookup_tag tag; /* first: what a report comes back with */
    ptv_serve *serve;
    ptv_httpd_job *job;
    char name[32]; /* in the log */
} door_lookup;

static void lookup_done(ptv_lookup_tag *tag, ptv_report *report)
{
    door_lookup *l = (door_lookup *)tag;
    ptv_serve *s = l->serve;
    ptv_error none = { 0 };
    ptv_log(PTV_LOG_INFO, "http", "[%s] %s is %s, decision %s", l->name, ptv_report_artifact(report),
            ptv_verdict_name(ptv_report_verdict(report)), ptv_report_decision_id(report));
    ptv_serve_decided(s, report, NULL, NULL);
    if (s->httpd)
        ptv_httpd_answer(s->httpd, l->job, report, &none);
    s->http_lookups--;
    ptv_report_free(report);
    ptv_free(l);
}

/* What a poll's id stands for, so that another process, or this one after a restart, knows it. */
static void keep_query(ptv_serve *s, const ptv_httpd_job *job)
{
    ptv_error err = { 0 };
    ptv_buf body = PTV_BUF(1 << 20);
    ptv_buf_printf(&body, "%s\n%s", job->type ? job->type : "", job->value);
    ptv_cached kept = { .status = 200, .fetched_at = ptv_clock_utc(), .body = body.data, .body_len = body.len };
    if (!body.failed && ptv_store_cache_put(s->store, asked_source, asked_endpoint, job->id, &kept, &err))
        ptv_serve_store_failed(s, &err);
    ptv_buf_release(&body);
}

static void recall(ptv_serve *s, ptv_httpd_job *job)
{
    ptv_error err = { 0 };
    ptv_arena mem = PTV_ARENA(2 << 20);
    ptv_cached kept = { 0 };
    bool found = false;
    if (ptv_store_cache_get(s->store, &kept, &found, &mem, asked_source, asked_endpoint, job->id, &err))
        ptv_serve_store_failed(s, &err);
    const char *line = found ? memchr(kept.body, '\n', kept.body_len) : NULL;
    const char *type = line ? ptv_arena_strndup(&mem, kept.body, (size_t)(line - kept.body)) : NULL;
    const char *value = line ? ptv_arena_strndup(&mem, line + 1, kept.body_len - (size_t)(line + 1 - kept.body)) : NULL;
    ptv_httpd_recalled(s->httpd, job, type, type ? value : NULL);
    ptv_arena_release(&mem);
}

static void look_up(ptv_serve *s, ptv_httpd_job *job)
{
    ptv_error err = { 0 };
    door_lookup *l = ptv_calloc(1, sizeof *l);
    if (job->id)
        keep_query(s, job);
    if (l) {
        *l = (door_lookup){ .tag = { lookup_done }, .serve = s, .job = job };
        snprintf(l->name, sizeof l->name, "http:%llu", (unsigned long long)job->number);
    }
    if (s->now->broken)
        ptv_fail(&err, PTV_ERULES, "%s", s->now->broken);
    else if (!l)
        ptv_fail_nomem(&err);
    else if (!ptv_submit_named(s->now->client, job->value, job->type, l->name, &l->tag, &err)) {
        s->http_lookups++;
        return;
    }
    ptv_free(l);
    ptv_httpd_answer(s->httpd, job, NULL, &err);
}

void ptv_doors_take(ptv_serve *s)
{
    ptv_httpd_job *job;
    if (!s->httpd)
        return;
    for (;;) {
        bool room = s->phase == PTV_SERVING || s->phase == PTV_STOPPING || ptv_clock_ms() < s->doors_by_ms;
        room = room && ptv_in_flight(s->now->client) < (size_t)ptv_config_int(s->now->config, PTV_OPT_MAX_IN_FLIGHT);
        job = ptv_httpd_take(s->httpd, room);
        if (!job)
            return;
        if (job->kind == PTV_HTTPD_RECALL)
            recall(s, job);
        else
            look_up(s, job);
    }
}

size_t ptv_doors_busy(const ptv_serve *s)
{
    return s->httpd ? ptv_httpd_waiting(s->httpd) : 0;
}

/* -------------------------------------------------------------------------------------- opening and closing */

static const char *place_of(const ptv_config *c)
{
    const char *listen = ptv_config_text(c, PTV_OPT_HTTP_LISTEN);
    return listen && !ptv_text_equal_fold(listen, "off") ? listen : NULL;
}

bool ptv_doors_wanted(const ptv_config *c)
{
    return place_of(c) != NULL;
}

ptv_code ptv_doors_open(ptv_serve *s, ptv_error *err)
{
    const ptv_config *c = s->now->config;
    ptv_error why = { 0 };
    const char *listen = place_of(c);
    if (!listen)
        return PTV_OK;
    ptv_httpd_options o = {
        .listen = listen,
        .tls_cert = ptv_config_text(c, PTV_OPT_HTTP_TLS_CERT),
        .tls_key = ptv_config_text(c, PTV_OPT_HTTP_TLS_KEY),
        .user = ptv_config_text(c, PTV_OPT_HTTP_USER),
        .password = ptv_config_text(c, PTV_OPT_HTTP_PASSWORD),
        .token = ptv_config_text(c, PTV_OPT_HTTP_TOKEN),
        .cts_name = ptv_config_text(c, PTV_OPT_CTS_NAME),
        .cts_wait_ms = ptv_config_int(c, PTV_OPT_CTS_WAIT),
        .cts_keep_ms = ptv_config_int(c, PTV_OPT_CTS_KEEP),
        .cts_max = (size_t)ptv_config_int(c, PTV_OPT_CTS_MAX),
        .deadline_ms = ptv_config_int(c, PTV_OPT_HTTP_DEADLINE),
        .lookup_ms = ptv_config_int(c, PTV_OPT_DEADLINE),
        .max_body_bytes = (size_t)ptv_config_int(c, PTV_OPT_HTTP_MAX_BODY),
        .max_connections = (unsigned)ptv_config_int(c, PTV_OPT_HTTP_MAX_CONNECTIONS),
        .max_per_address = (unsigned)ptv_config_int(c, PTV_OPT_HTTP_MAX_PER_ADDRESS),
        .requests = &s->http_requests,
        .hooks = { .to = s, .wake = wake, .healthy = healthy, .ready = ready, .metrics = metrics, .served = served },
    };
    ptv_code rc = ptv_httpd_start(&s->httpd, &o, &why);
    if (rc == PTV_EIO && ptv_text_equal(ptv_config_where(c, PTV_OPT_HTTP_LISTEN), "default")) {
        ptv_log(PTV_LOG_WARNING, "serve", "%s; going on without HTTP doors", why.msg);
        return PTV_OK;
    }
    if (rc) /* an address or a file that cannot be used is a setting that cannot be */
        return ptv_fail(err, rc == PTV_EIO ? PTV_ESETTINGS : rc, "%s", why.msg);
    ptv_log(PTV_LOG_INFO, "serve", "HTTP on port %d", ptv_httpd_port(s->httpd));
    return PTV_OK;
}

void ptv_doors_close(ptv_serve *s)
{
    ptv_httpd_stop(s->httpd);
    s->httpd = NULL;
}

bool ptv_doors_same(const ptv_config *a, const ptv_config *b)
{
    static const ptv_opt texts[] = { PTV_OPT_HTTP_LISTEN,   PTV_OPT_HTTP_TLS_CERT, PTV_OPT_HTTP_TLS_KEY,
                                     PTV_OPT_HTTP_USER,     PTV_OPT_HTTP_PASSWORD, PTV_OPT_HTTP_TOKEN,
                                     PTV_OPT_HTTP_DEADLINE, PTV_OPT_HTTP_MAX_BODY, PTV_OPT_HTTP_MAX_CONNECTIONS,
                                     PTV_OPT_CTS_NAME,      PTV_OPT_CTS_WAIT,      PTV_OPT_CTS_KEEP,
                                     PTV_OPT_CTS_MAX,       PTV_OPT_DEADLINE,      PTV_OPT_HTTP_MAX_PER_ADDRESS };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!ptv_text_equal(ptv_config_text(a, texts[i]), ptv_config_text(b, texts[i])))
            return false;
    return true;
}
