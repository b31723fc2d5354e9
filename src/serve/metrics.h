/*
 * metrics.h: what serve counts, and how it is doing: for /metrics, /healthz, /readyz and `ptverdict status`. The loop
 * writes, any thread may read: every function takes the lock of the struct, none waits for anything else.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_SERVE_METRICS_H
#define PTV_SERVE_METRICS_H
#include "base/buf.h"

/* METRIC(ID, kind, name without "ptverdict_", labels, help). Rows of one name stand together; the first has the help. */
#define PTV_METRICS(METRIC)                                                                                                 \
    METRIC(CALLS_OK, COUNTER, "calls_total", "result=\"answered\"", "function calls by how they ended")                     \
    METRIC(CALLS_REFUSED, COUNTER, "calls_total", "result=\"refused\"", NULL)                                               \
    METRIC(CALLS_FAILED, COUNTER, "calls_total", "result=\"failed\"", NULL)                                                 \
    METRIC(CALLS_REPEATED, COUNTER, "calls_total", "result=\"repeated\"", NULL)                                             \
    METRIC(CALLS_FOREIGN, COUNTER, "calls_total", "result=\"not_ours\"", NULL)                                              \
    METRIC(CALLS_MALFORMED, COUNTER, "calls_total", "result=\"malformed\"", NULL)                                           \
    METRIC(VERDICT_COMPROMISED, COUNTER, "verdicts_total", "verdict=\"compromised\"", "verdicts given, through every door") \
    METRIC(VERDICT_UNKNOWN, COUNTER, "verdicts_total", "verdict=\"unknown\"", NULL)                                         \
    METRIC(VERDICT_NO_MATCH, COUNTER, "verdicts_total", "verdict=\"no_match\"", NULL)                                       \
    METRIC(VERDICT_SKIPPED, COUNTER, "verdicts_total", "verdict=\"skipped\"", NULL)                                         \
    METRIC(OUTAGE_OUTAGE, COUNTER, "outages_total", "cause=\"outage\"", "sections wanted and not read, by cause")           \
    METRIC(OUTAGE_QUOTA, COUNTER, "outages_total", "cause=\"quota\"", NULL)                                                 \
    METRIC(OUTAGE_DEADLINE, COUNTER, "outages_total", "cause=\"deadline\"", NULL)                                           \
    METRIC(OUTAGE_KEY, COUNTER, "outages_total", "cause=\"key\"", NULL)                                                     \
    METRIC(OUTAGE_SETTINGS, COUNTER, "outages_total", "cause=\"settings\"", NULL)                                           \
    METRIC(RULE_ERRORS, COUNTER, "rule_errors_total", NULL, "rules that failed on an artifact")                             \
    METRIC(IN_FLIGHT, GAUGE, "calls_in_flight", NULL, "function calls being worked on")                                     \
    METRIC(WORKERS, GAUGE, "calls_in_flight_limit", NULL, "num_workers")                                                    \
    METRIC(QUOTA_LEFT, GAUGE, "quota_left", NULL, "searches left on the key; -1: not known")                                \
    METRIC(BROKER_UP, GAUGE, "broker_up", NULL, "1 while connected and subscribed")                                         \
    METRIC(BROKER_CONNECTS, COUNTER, "broker_connects_total", NULL, "times the broker connection came up")                  \
    METRIC(BROKER_LOSSES, COUNTER, "broker_losses_total", NULL, "times it was lost")                                        \
    METRIC(REST_LOGINS, COUNTER, "rest_logins_total", "result=\"ok\"", "logins at the platform's REST API")                 \
    METRIC(REST_FAILURES, COUNTER, "rest_logins_total", "result=\"failed\"", NULL)                                          \
    METRIC(RELOADS, COUNTER, "reloads_total", "result=\"loaded\"", "settings and rules read again")                         \
    METRIC(RELOADS_REFUSED, COUNTER, "reloads_total", "result=\"refused\"", NULL)                                           \
    METRIC(RULES_CHANGED, GAUGE, "rules_on_disk_differ", NULL, "1 while the rules on disk are not the ones loaded")         \
    METRIC(RULES_LAST_GOOD, GAUGE, "rules_last_good", NULL, "1 while kept rules stand in for others that do not load")      \
    METRIC(RULES_OFF, GAUGE, "rule_conditions_off", NULL, "custom conditions that are an error until the next reload")      \
    METRIC(RULE_PROCESS_STARTS, GAUGE, "rule_process_starts", NULL, "of the rules that are loaded now")                     \
    METRIC(RULE_PROCESS_KILLS, GAUGE, "rule_process_kills", NULL, "calls of theirs that ended with the process")            \
    METRIC(STORE_FAILURES, COUNTER, "store_failures_total", NULL, "writes to the state directory that failed")              \
    METRIC(HTTP_2XX, COUNTER, "http_requests_total", "status=\"2xx\"", "requests to our own HTTP doors")                    \
    METRIC(HTTP_3XX, COUNTER, "http_requests_total", "status=\"3xx\"", NULL)                                                \
    METRIC(HTTP_4XX, COUNTER, "http_requests_total", "status=\"4xx\"", NULL)                                                \
    METRIC(HTTP_5XX, COUNTER, "http_requests_total", "status=\"5xx\"", NULL)

typedef enum ptv_metric {
#define METRIC(id, kind, name, labels, help) PTV_METRIC_##id,
    PTV_METRICS(METRIC)
#undef METRIC
        PTV_METRIC_COUNT
} ptv_metric;

typedef enum ptv_latency {
    PTV_LATENCY_CALL, /* a function call: from its message to its result being handed to the broker */
    PTV_LATENCY_HTTP, /* a request to /cts or /v1 */
    PTV_LATENCY_COUNT
} ptv_latency;

/* What came back from the source for one section. */
typedef enum ptv_upstream {
    PTV_UPSTREAM_OK,
    PTV_UPSTREAM_CACHED,
    PTV_UPSTREAM_KEY,
    PTV_UPSTREAM_QUOTA,
    PTV_UPSTREAM_HTTP,      /* another status */
    PTV_UPSTREAM_TRANSPORT, /* no connection, time-out, cut, not the shape expected */
    PTV_UPSTREAM_COUNT
} ptv_upstream;

/* Texts: shown in status, some as labels of an info metric. */
typedef enum ptv_metric_text {
    PTV_TEXT_RULESET,       /* digest of what is loaded */
    PTV_TEXT_RULES_ON_DISK, /* digest of what lies on disk; "none": it cannot be read */
    PTV_TEXT_ORG,
    PTV_TEXT_QUEUE,
    PTV_TEXT_BROKER_ERROR, /* why it is down; "" while up */
    PTV_TEXT_REST_ERROR,
    PTV_TEXT_RULES_ERROR,    /* why the set on disk, or at the start any set, was refused; "" when it loads */
    PTV_TEXT_SETTINGS_ERROR, /* why the settings on disk are not those in force; "" when they are */
    PTV_TEXT_RULES_OFF,      /* of the first custom condition that is off; "" */
    PTV_TEXT_COUNT
} ptv_metric_text;

typedef struct ptv_metrics ptv_metrics;

ptv_code ptv_metrics_new(ptv_metrics **out, int64_t now_ms, ptv_error *err);
void ptv_metrics_free(ptv_metrics *m); /* NULL is fine */

void ptv_metrics_add(ptv_metrics *m, ptv_metric metric, int64_t more);
void ptv_metrics_set(ptv_metrics *m, ptv_metric metric, int64_t value);
int64_t ptv_metrics_get(ptv_metrics *m, ptv_metric metric);
void ptv_metrics_observe(ptv_metrics *m, ptv_latency latency, int64_t ms);
void ptv_metrics_upstream(ptv_metrics *m, ptv_section section, ptv_upstream result);
/* Copied, cut at 255 bytes; NULL: "". True: it is another than before. */
bool ptv_metrics_text(ptv_metrics *m, ptv_metric_text text, const char *value);

/* The loop has come round / the broker was heard of last. On the clock of ptv_clock_ms(). */
void ptv_metrics_beat(ptv_metrics *m, int64_t now_ms);
void ptv_metrics_heard(ptv_metrics *m, int64_t at_ms);
/* What must hold to be ready: a broker connection (false with stomp = 0: only the HTTP doors), rules that load. */
void ptv_metrics_wants_broker(ptv_metrics *m, bool wanted);
/* No new calls are taken: /readyz says no from now on. */
void ptv_metrics_stopping(ptv_metrics *m);

/* /healthz: the loop came round within 30 s, and the broker, while up, was heard of within 35 s. /readyz: that, broker up
 * where wanted, rules loaded, not stopping. `why` gets one line of text in either case. */
bool ptv_metrics_healthy(ptv_metrics *m, int64_t now_ms, ptv_buf *why);
bool ptv_metrics_ready(ptv_metrics *m, int64_t now_ms, ptv_buf *why);

void ptv_metrics_prometheus(ptv_buf *out, ptv_metrics *m, int64_t now_ms); /* text format 0.0.4 */
void ptv_metrics_status(ptv_buf *out, ptv_metrics *m, int64_t now_ms);     /* one JSON object, no newline */

#endif
