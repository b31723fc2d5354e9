/*
 * metrics.c: counters under one lock, and the texts made from them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "serve/metrics.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES = 256, STUCK_MS = 30000, SILENT_MS = 35000 };

/* Upper bounds of the buckets, milliseconds; one more holds the rest. */
static const int64_t bounds_ms[] = { 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000 };
#define BOUNDS (sizeof bounds_ms / sizeof *bounds_ms)

typedef struct histogram {
    uint64_t buckets[BOUNDS + 1], count;
    int64_t sum_ms;
} histogram;

struct ptv_metrics {
    pthread_mutex_t lock;
    int64_t started_ms, started_utc;
    int64_t values[PTV_METRIC_COUNT];
    histogram latencies[PTV_LATENCY_COUNT];
    uint64_t upstream[PTV_SECTION_COUNT][PTV_UPSTREAM_COUNT];
    char texts[PTV_TEXT_COUNT][TEXT_BYTES];
    int64_t beat_ms, heard_ms; /* heard 0: never */
    bool wants_broker, is_stopping;
};

typedef enum kind { COUNTER, GAUGE } kind;

static const struct {
    kind kind;
    const char *name, *labels, *help;
} table[] = {
#define METRIC(id, kind, name, labels, help) { kind, name, labels, help },
    PTV_METRICS(METRIC)
#undef METRIC
};

static const char *const latency_names[] = { "call_seconds", "http_lookup_seconds" };
static const char *const latency_helps[] = { "a function call, from its message to its result being handed to the broker",
                                             "a request to the threat service or the REST API" };
static const char *const upstream_names[] = { "ok", "cached", "key", "quota", "http", "transport" };
static const char *const text_names[] = { "ruleset",    "rules_on_disk", "organisation",   "queue",    "broker_error",
                                          "rest_error", "rules_error",   "settings_error", "rules_off" };

/* ------------------------------------------------------------------------------------------------ writing in */

ptv_code ptv_metrics_new(ptv_metrics **out, int64_t now_ms, ptv_error *err)
{
    ptv_metrics *m = ptv_calloc(1, sizeof *m);
    if (!m)
        return ptv_fail_nomem(err);
    pthread_mutex_init(&m->lock, NULL);
    m->started_ms = m->beat_ms = now_ms;
    m->started_utc = ptv_clock_utc();
    m->values[PTV_METRIC_QUOTA_LEFT] = -1;
    *out = m;
    return PTV_OK;
}

void ptv_metrics_free(ptv_metrics *m)
{
    if (!m)
        return;
    pthread_mutex_destroy(&m->lock);
    ptv_free(m);
}

void ptv_metrics_add(ptv_metrics *m, ptv_metric metric, int64_t more)
{
    pthread_mutex_lock(&m->lock);
    m->values[metric] += more;
    pthread_mutex_unlock(&m->lock);
}

void ptv_metrics_set(ptv_metrics *m, ptv_metric metric, int64_t value)
{
    pthread_mutex_lock(&m->lock);
    m->values[metric] = value;
    pthread_mutex_unlock(&m->lock);
}

int64_t ptv_metrics_get(ptv_metrics *m, ptv_metric metric)
{
    pthread_mutex_lock(&m->lock);
    int64_t value = m->values[metric];
    pthread_mutex_unlock(&m->lock);
    return value;
}

void ptv_metrics_observe(ptv_metrics *m, ptv_latency latency, int64_t ms)
{
    histogram *h = &m->latencies[latency];
    size_t i = 0;
    while (i < BOUNDS && ms > bounds_ms[i])
        i++;
    pthread_mutex_lock(&m->lock);
    h->buckets[i]++;
    h->count++;
    h->sum_ms += ms;
    pthread_mutex_unlock(&m->lock);
}

void ptv_metrics_upstream(ptv_metrics *m, ptv_section section, ptv_upstream result)
{
    pthread_mutex_lock(&m->lock);
    m->upstream[section][result]++;
    pthread_mutex_unlock(&m->lock);
}

bool ptv_metrics_text(ptv_metrics *m, ptv_metric_text text, const char *value)
{
    if (!value)
        value = "";
    pthread_mutex_lock(&m->lock);
    bool is_new = strncmp(m->texts[text], value, TEXT_BYTES - 1) != 0;
    snprintf(m->texts[text], TEXT_BYTES, "%s", value);
    pthread_mutex_unlock(&m->lock);
    return is_new;
}

void ptv_metrics_beat(ptv_metrics *m, int64_t now_ms)
{
    pthread_mutex_lock(&m->lock);
    m->beat_ms = now_ms;
    pthread_mutex_unlock(&m->lock);
}

void ptv_metrics_heard(ptv_metrics *m, int64_t at_ms)
{
    pthread_mutex_lock(&m->lock);
    m->heard_ms = at_ms;
    pthread_mutex_unlock(&m->lock);
}

void ptv_metrics_wants_broker(ptv_metrics *m, bool wanted)
{
    pthread_mutex_lock(&m->lock);
    m->wants_broker = wanted;
    pthread_mutex_unlock(&m->lock);
}

void ptv_metrics_stopping(ptv_metrics *m)
{
    pthread_mutex_lock(&m->lock);
    m->is_stopping = true;
    pthread_mutex_unlock(&m->lock);
}

/* ----------------------------------------------------------------------------------------------- judging */

static bool is_healthy(const ptv_metrics *m, int64_t now_ms, ptv_buf *why)
{
    int64_t stuck = now_ms - m->beat_ms, silent = now_ms - m->heard_ms;
    if (stuck > STUCK_MS) {
        ptv_buf_printf(why, "the loop has not come round for %lld s", (long long)stuck / 1000);
        return false;
    }
    if (m->values[PTV_METRIC_BROKER_UP] && silent > SILENT_MS) {
        ptv_buf_printf(why, "nothing heard from the broker for %lld s", (long long)silent / 1000);
        return false;
    }
    return true;
}

static bool is_ready(const ptv_metrics *m, int64_t now_ms, ptv_buf *why)
{
    if (!is_healthy(m, now_ms, why))
        return false;
    const char *reason = m->is_stopping ? "stopping"
                         : m->texts[PTV_TEXT_RULES_ERROR][0] && !m->texts[PTV_TEXT_RULESET][0]
                             ? m->texts[PTV_TEXT_RULES_ERROR]
                         : !m->wants_broker || m->values[PTV_METRIC_BROKER_UP] ? NULL
                         : m->texts[PTV_TEXT_BROKER_ERROR][0]                  ? m->texts[PTV_TEXT_BROKER_ERROR]
                         : m->texts[PTV_TEXT_REST_ERROR][0]                    ? m->texts[PTV_TEXT_REST_ERROR]
                                                                               : "not connected to the broker yet";
    if (reason)
        ptv_buf_puts(why, reason);
    return reason == NULL;
}

bool ptv_metrics_healthy(ptv_metrics *m, int64_t now_ms, ptv_buf *why)
{
    pthread_mutex_lock(&m->lock);
    bool healthy = is_healthy(m, now_ms, why);
    pthread_mutex_unlock(&m->lock);
    if (healthy)
        ptv_buf_puts(why, "ok");
    return healthy;
}

bool ptv_metrics_ready(ptv_metrics *m, int64_t now_ms, ptv_buf *why)
{
    pthread_mutex_lock(&m->lock);
    bool ready = is_ready(m, now_ms, why);
    pthread_mutex_unlock(&m->lock);
    if (ready)
        ptv_buf_puts(why, "ok");
    return ready;
}

/* ------------------------------------------------------------------------------------------- writing out */

static void put_head(ptv_buf *out, const char *name, const char *type, const char *help)
{
    ptv_buf_printf(out, "# HELP ptverdict_%s %s\n# TYPE ptverdict_%s %s\n", name, help, name, type);
}

static void put_latency(ptv_buf *out, const char *name, const char *help, const histogram *h)
{
    uint64_t so_far = 0;
    put_head(out, name, "histogram", help);
    for (size_t i = 0; i < BOUNDS; i++) {
        so_far += h->buckets[i];
        ptv_buf_printf(out, "ptverdict_%s_bucket{le=\"%g\"} %llu\n", name, (double)bounds_ms[i] / 1000,
                       (unsigned long long)so_far);
    }
    ptv_buf_printf(out, "ptverdict_%s_bucket{le=\"+Inf\"} %llu\nptverdict_%s_sum %.3f\nptverdict_%s_count %llu\n", name,
                   (unsigned long long)h->count, name, (double)h->sum_ms / 1000, name, (unsigned long long)h->count);
}

static void put_label(ptv_buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '\n')
            ptv_buf_puts(out, "\\n");
        else if (*p == '"' || *p == '\\')
            ptv_buf_printf(out, "\\%c", *p);
        else
            ptv_buf_putc(out, *p);
    }
}

/* A copy, so that nobody waits while text is made. */
static void look(ptv_metrics *out, ptv_metrics *m)
{
    pthread_mutex_lock(&m->lock);
    *out = *m;
    pthread_mutex_unlock(&m->lock);
}

void ptv_metrics_prometheus(ptv_buf *out, ptv_metrics *metrics, int64_t now_ms)
{
    ptv_metrics m;
    look(&m, metrics);
    for (int i = 0; i < PTV_METRIC_COUNT; i++) {
        if (table[i].help)
            put_head(out, table[i].name, table[i].kind == COUNTER ? "counter" : "gauge", table[i].help);
        ptv_buf_printf(out, "ptverdict_%s", table[i].name);
        if (table[i].labels)
            ptv_buf_printf(out, "{%s}", table[i].labels);
        ptv_buf_printf(out, " %lld\n", (long long)m.values[i]);
    }
    put_head(out, "upstream_total", "counter", "sections read, or not, by what came back from the source");
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        for (int u = 0; u < PTV_UPSTREAM_COUNT; u++)
            ptv_buf_printf(out, "ptverdict_upstream_total{section=\"%s\",result=\"%s\"} %llu\n",
                           ptv_section_name((ptv_section)s), upstream_names[u], (unsigned long long)m.upstream[s][u]);
    for (int i = 0; i < PTV_LATENCY_COUNT; i++)
        put_latency(out, latency_names[i], latency_helps[i], &m.latencies[i]);
    put_head(out, "broker_heard_seconds", "gauge", "since the broker was heard of last; -1: never");
    ptv_buf_printf(out, "ptverdict_broker_heard_seconds %.3f\n", m.heard_ms ? (double)(now_ms - m.heard_ms) / 1000 : -1.0);
    put_head(out, "uptime_seconds", "gauge", "since the start");
    ptv_buf_printf(out, "ptverdict_uptime_seconds %.3f\n", (double)(now_ms - m.started_ms) / 1000);
    put_head(out, "rules_info", "gauge",
             "digests of the rules that are loaded, and of those on disk; none: they cannot be read");
    ptv_buf_puts(out, "ptverdict_rules_info{loaded=\"");
    put_label(out, m.texts[PTV_TEXT_RULESET]);
    ptv_buf_puts(out, "\",on_disk=\"");
    put_label(out, m.texts[PTV_TEXT_RULES_ON_DISK]);
    ptv_buf_puts(out, "\"} 1\n");
    put_head(out, "build_info", "gauge", "version, and the rules that are loaded");
    ptv_buf_puts(out, "ptverdict_build_info{version=\"" PTV_VERSION "\",ruleset=\"");
    put_label(out, m.texts[PTV_TEXT_RULESET]);
    ptv_buf_puts(out, "\"} 1\n");
}

void ptv_metrics_status(ptv_buf *out, ptv_metrics *metrics, int64_t now_ms)
{
    ptv_metrics m;
    ptv_buf why = PTV_BUF(4096);
    ptv_json_out o = { .buf = out };
    look(&m, metrics);
    bool healthy = is_healthy(&m, now_ms, &why), ready = is_ready(&m, now_ms, &why);
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "version", PTV_VERSION);
    ptv_json_put_int(&o, "pid", getpid());
    ptv_json_put_time(&o, "at", ptv_clock_utc());
    ptv_json_put_time(&o, "started", m.started_utc);
    ptv_json_put_bool(&o, "healthy", healthy);
    ptv_json_put_bool(&o, "ready", ready);
    ptv_json_put_text(&o, "why_not_ready", ready ? NULL : why.data);
    ptv_json_put_bool(&o, "broker_wanted", m.wants_broker);
    ptv_json_put_number(&o, "broker_heard_seconds_ago", m.heard_ms ? (double)(now_ms - m.heard_ms) / 1000 : -1);
    for (int i = 0; i < PTV_TEXT_COUNT; i++)
        ptv_json_put_text(&o, text_names[i], m.texts[i][0] ? m.texts[i] : NULL);
    const char *name = NULL;
    for (int i = 0; i < PTV_METRIC_COUNT; i++) { /* rows of one name become an object */
        if (!table[i].labels) {
            ptv_json_put_int(&o, table[i].name, m.values[i]);
            continue;
        }
        char key[64];
        const char *value = strchr(table[i].labels, '"') + 1;
        snprintf(key, sizeof key, "%.*s", (int)strcspn(value, "\""), value);
        if (!name || strcmp(name, table[i].name) != 0)
            ptv_json_open(&o, table[i].name, '{');
        name = table[i].name;
        ptv_json_put_int(&o, key, m.values[i]);
        if (i + 1 == PTV_METRIC_COUNT || strcmp(name, table[i + 1].name) != 0)
            ptv_json_close(&o, '}');
    }
    ptv_json_close(&o, '}');
    ptv_buf_release(&why);
}
