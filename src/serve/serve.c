/*
 * serve.c: the loop. One thread waits for lookups, broker, signals and HTTP doors together in ptv_wait().
 *
 *   SERVING ──SIGHUP, new settings──► DRAINING ──nothing runs──► SERVING      same platform
 *      │                                  └──────► MOVING ──disconnected──► SERVING      another one
 *      └──SIGTERM──► STOPPING ──nothing runs, or time is up──► LEAVING ──disconnected──► end
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "serve/serve.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/secret.h"
#include "serve/parts.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    STATUS_MS = 5000,
    LOOK_MS = 2000,
    ASKING_MS = 20,
    MOST_WAIT_MS = 10000,
    SAY_AGAIN_MS = 600000,
    MEMORY_BYTES = 1 << 20
};

/* ---------------------------------------------------------------------------------------------- signals */

static volatile sig_atomic_t told_to_stop, told_to_reload;
static ptv_client *volatile to_wake; /* a client is replaced while signals may come; the old one is freed afterwards */
static pthread_mutex_t waking = PTHREAD_MUTEX_INITIALIZER; /* and while another thread wakes it */

static void on_signal(int number)
{
    int kept = errno;
    if (number == SIGHUP)
        told_to_reload = 1;
    else
        told_to_stop = 1;
    ptv_client *c = to_wake;
    if (c)
        ptv_wakeup(c);
    errno = kept;
}

static void catch_signals(bool on)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
    struct sigaction action = { .sa_handler = on ? on_signal : SIG_DFL, .sa_flags = SA_RESTART };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

void ptv_serve_wakeup(const ptv_serve *s)
{
    (void)s;
    pthread_mutex_lock(&waking);
    if (to_wake)
        ptv_wakeup(to_wake);
    pthread_mutex_unlock(&waking);
}

static void wake_this(ptv_client *c)
{
    pthread_mutex_lock(&waking);
    to_wake = c;
    pthread_mutex_unlock(&waking);
}

/* ------------------------------------------------------------------------------------------------ counting */

void ptv_serve_store_failed(ptv_serve *s, const ptv_error *why)
{
    ptv_metrics_add(s->metrics, PTV_METRIC_STORE_FAILURES, 1);
    ptv_log(PTV_LOG_ERROR, "store", "%s", why->msg);
}

static void count_section(ptv_serve *s, const ptv_report *r, ptv_section section)
{
    static const struct {
        const char *cause;
        ptv_metric outage;
        ptv_upstream upstream;
    } causes[] = { { "outage", PTV_METRIC_OUTAGE_OUTAGE, PTV_UPSTREAM_TRANSPORT },
                   { "quota", PTV_METRIC_OUTAGE_QUOTA, PTV_UPSTREAM_QUOTA },
                   { "deadline", PTV_METRIC_OUTAGE_DEADLINE, PTV_UPSTREAM_TRANSPORT },
                   { "key", PTV_METRIC_OUTAGE_KEY, PTV_UPSTREAM_KEY },
                   { "settings", PTV_METRIC_OUTAGE_SETTINGS, PTV_UPSTREAM_HTTP } };
    ptv_section_view v;
    ptv_report_section(r, section, &v);
    if (strcmp(v.state, "ok") == 0 || strcmp(v.state, "stale") == 0)
        ptv_metrics_upstream(s->metrics, section, v.calls ? PTV_UPSTREAM_OK : PTV_UPSTREAM_CACHED);
    if (v.cause && strcmp(v.cause, "settings") == 0 && strcmp(v.state, "not_asked") == 0)
        return; /* an artifact that settings keep from being looked up: nothing is out */
    for (size_t i = 0; v.cause && i < sizeof causes / sizeof *causes; i++) {
        if (strcmp(v.cause, causes[i].cause) != 0)
            continue;
        ptv_metrics_add(s->metrics, causes[i].outage, 1);
        if (v.calls)
            ptv_metrics_upstream(s->metrics, section,
                                 causes[i].upstream == PTV_UPSTREAM_TRANSPORT && v.http ? PTV_UPSTREAM_HTTP
                                                                                        : causes[i].upstream);
    }
}

void ptv_serve_decided(ptv_serve *s, const ptv_report *r, const char *incident_id, const char *artifact_id)
{
    static const ptv_metric verdicts[] = { [PTV_VERDICT_NO_MATCH] = PTV_METRIC_VERDICT_NO_MATCH,
                                           [PTV_VERDICT_SKIPPED] = PTV_METRIC_VERDICT_SKIPPED,
                                           [PTV_VERDICT_UNKNOWN] = PTV_METRIC_VERDICT_UNKNOWN,
                                           [PTV_VERDICT_COMPROMISED] = PTV_METRIC_VERDICT_COMPROMISED };
    ptv_error err = { 0 };
    const char *outcome;
    ptv_metrics_add(s->metrics, verdicts[ptv_report_verdict(r)], 1);
    for (int i = 0; i < PTV_SECTION_COUNT; i++)
        count_section(s, r, (ptv_section)i);
    for (size_t i = 0; ptv_report_rule(r, i, &outcome); i++)
        if (strcmp(outcome, "error") == 0)
            ptv_metrics_add(s->metrics, PTV_METRIC_RULE_ERRORS, 1);
    if (ptv_decision_log(s->now->client, r, incident_id, artifact_id, &err))
        ptv_serve_store_failed(s, &err);
}

static void on_decided(void *owner, const ptv_report *r, const ptv_soar_call *call)
{
    ptv_serve_decided(owner, r, call->incident_id, call->artifact_id);
}

static void on_ended(void *owner, ptv_call_end how, int64_t took_ms)
{
    static const ptv_metric metrics[PTV_CALL_ENDS] = {
        [PTV_CALL_ANSWERED] = PTV_METRIC_CALLS_OK,     [PTV_CALL_REFUSED] = PTV_METRIC_CALLS_REFUSED,
        [PTV_CALL_FAILED] = PTV_METRIC_CALLS_FAILED,   [PTV_CALL_REPEATED] = PTV_METRIC_CALLS_REPEATED,
        [PTV_CALL_FOREIGN] = PTV_METRIC_CALLS_FOREIGN, [PTV_CALL_MALFORMED] = PTV_METRIC_CALLS_MALFORMED
    };
    ptv_serve *s = owner;
    s->has_worked = true;
    ptv_metrics_add(s->metrics, metrics[how], 1);
    if (how == PTV_CALL_ANSWERED)
        ptv_metrics_observe(s->metrics, PTV_LATENCY_CALL, took_ms);
}

static void on_store_failed(void *owner, const ptv_error *why)
{
    ptv_serve_store_failed(owner, why);
}

/* The old framework's way, for who asks for it: an artifact value of $NAME stands for that secret or variable. */
static char *on_expand(void *owner, const char *value)
{
    const ptv_serve *s = owner;
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_error err = { 0 };
    const char *out = NULL;
    bool secret = false;
    char *copy = NULL;
    if (s->now->settings.expand_inputs && strchr(value, '$') && !ptv_secret_expand(&out, &secret, &mem, value, &err))
        copy = ptv_strdup(out);
    ptv_arena_release(&mem);
    return copy;
}

/* ------------------------------------------------------------------------------------------------- store */

/* A folder that cannot be used is not worth standing still for: without one the broker still has every message. */
static ptv_code open_store(ptv_serve *s, ptv_error *err)
{
    const ptv_config *c = s->now->config;
    ptv_store_options o = { .calls_kept_s = ptv_config_int(c, PTV_OPT_CALLS_KEPT) / 1000 };
    ptv_error why = { 0 };
    ptv_code rc = ptv_store_open(&s->store, s->now->settings.state, &o, &why);
    if (rc == PTV_EIO && s->now->settings.state) {
        ptv_serve_store_failed(s, &why);
        ptv_log(PTV_LOG_ERROR, "store", "going on without the state folder: calls are remembered until the program ends");
        return ptv_store_open(&s->store, NULL, &o, err);
    }
    if (rc)
        *err = why;
    return rc;
}

/* --------------------------------------------------------------------------------------------- reloading */

static struct ptv_file_mark mark_of(const char *path)
{
    struct stat st;
    if (!path || stat(path, &st))
        return (struct ptv_file_mark){ 0 };
    return (struct ptv_file_mark){ st.st_size, st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec, st.st_ino };
}

/* Why what is on disk is not in force, or not all of it; "": it is. */
static void settings_are(ptv_serve *s, const char *why)
{
    s->waits_for_rules = false;
    snprintf(s->refused, sizeof s->refused, "%s", why);
    s->said_ms = ptv_clock_ms();
    s->status_at_ms = 0;
    ptv_metrics_text(s->metrics, PTV_TEXT_SETTINGS_ERROR, why);
}

static void refuse_settings(ptv_serve *s, const char *why)
{
    settings_are(s, why);
    ptv_log(PTV_LOG_ERROR, "serve", "%s; what was loaded before stays in force", why);
}

static bool settings_changed(ptv_serve *s, int64_t now_ms)
{
    const char *path = ptv_config_file(s->now->config);
    struct ptv_file_mark mark = mark_of(path);
    bool changed = memcmp(&mark, &s->mark, sizeof mark) != 0;
    s->mark = mark;
    if (*s->refused && now_ms - s->said_ms >= SAY_AGAIN_MS) {
        s->said_ms = now_ms;
        ptv_log(PTV_LOG_ERROR, "serve", "still refused: %s", s->refused);
    }
    if (!changed || mark.inode)
        return changed;
    char why[512];
    snprintf(why, sizeof why, "%s: no such file any more", path);
    refuse_settings(s, why);
    return false;
}

static void show_generation(ptv_serve *s)
{
    ptv_metrics_set(s->metrics, PTV_METRIC_WORKERS, s->now->settings.worker.at_once);
    ptv_rules_watch(s);
    const char *refused = ptv_generation_refused(s->now);
    if (refused)
        ptv_log(PTV_LOG_ERROR, "rules", "%s%s", refused, s->now->broken ? "" : "; the rules in use before stand in");
}

static ptv_code check_work(const ptv_generation *g, bool has_doors, ptv_error *err)
{
    if (g->settings.has_platform || has_doors)
        return PTV_OK;
    return ptv_fail(err, PTV_ESETTINGS, "nothing to serve: there is no section [resilient] and no http_listen%s",
                    ptv_config_place(g->config));
}

static void drop_next(ptv_serve *s)
{
    ptv_generation_free(s->next);
    s->next = NULL;
    if (s->next_lock >= 0)
        close(s->next_lock);
    s->next_lock = -1;
    s->doors_by_ms = 0;
}

/* A second instance with the settings of now must find this one, and so must status. */
static ptv_code take_next_lock(ptv_serve *s, const ptv_serve_settings *next, ptv_error *err)
{
    if (ptv_text_equal(next->lock_path, s->now->settings.lock_path))
        return PTV_OK;
    return ptv_lock_take(&s->next_lock, next->lock_path, next->lock_is_ours, err);
}

static void begin_reload(ptv_serve *s)
{
    ptv_error err = { 0 };
    ptv_generation *g = NULL;
    ptv_log(PTV_LOG_INFO, "serve", "reading settings and rules anew");
    ptv_code rc = ptv_generation_new(&g, &s->options, s->now, &err);
    if (!rc)
        rc = check_work(g, ptv_doors_wanted(g->config), &err);
    bool is_worse = !rc && g->broken && !s->now->broken;
    if (is_worse) {
        ptv_client_refuse(s->now->client, g->broken);
        ptv_rules_show(s);
    }
    if (!rc && !is_worse)
        rc = take_next_lock(s, &g->settings, &err);
    if (rc || is_worse) {
        ptv_metrics_add(s->metrics, PTV_METRIC_RELOADS_REFUSED, 1);
        refuse_settings(s, rc ? err.msg : g->broken);
        s->waits_for_rules = is_worse;
        ptv_generation_free(g);
        return;
    }
    s->next = g;
    s->phase = PTV_DRAINING;
    ptv_worker_hold(s->worker);
}

/* To another state folder, another lock file. */
static void move(ptv_serve *s, const ptv_serve_settings *old)
{
    const ptv_serve_settings *now = &s->now->settings;
    ptv_store *before = s->store;
    ptv_error err = { 0 };
    if (!ptv_text_equal(now->lock_path, old->lock_path)) {
        if (s->lock >= 0)
            close(s->lock);
        s->lock = s->next_lock;
        s->next_lock = -1;
    }
    if (ptv_text_equal(now->state, old->state))
        return;
    if (open_store(s, &err)) {
        ptv_serve_store_failed(s, &err);
        s->store = before;
        return;
    }
    ptv_worker_move(s->worker, s->store);
    ptv_store_close(before);
}

static void use_generation(ptv_serve *s)
{
    ptv_error err = { 0 };
    bool same_doors = s->httpd && ptv_doors_same(s->now->config, s->next->config);
    ptv_generation *old = s->now;
    s->now = s->next;
    s->next = NULL;
    move(s, &old->settings);
    wake_this(s->now->client);
    ptv_worker_use(s->worker, &s->now->settings.worker, s->now->client, s->now->broken);
    if (ptv_serve_log_open(&s->now->settings.log, &err))
        ptv_log(PTV_LOG_ERROR, "serve", "%s", err.msg);
    if (same_doors) {
        ptv_httpd_forget(s->httpd);
    } else {
        ptv_doors_close(s);
        if (ptv_doors_open(s, &err))
            ptv_log(PTV_LOG_ERROR, "serve", "%s", err.msg);
    }
    ptv_generation_free(old);
    show_generation(s);
    ptv_worker_go_on(s->worker);
    ptv_metrics_add(s->metrics, PTV_METRIC_RELOADS, 1);
    s->doors_by_ms = 0;
    settings_are(s, err.msg);
    ptv_log(PTV_LOG_INFO, "serve", "settings and rules are in force");
    s->phase = PTV_SERVING;
}

/* Whom the new doors would turn away, or never know, is answered first. */
static bool doors_can_go(ptv_serve *s, int64_t now_ms)
{
    if (!s->httpd || ptv_doors_same(s->now->config, s->next->config))
        return true;
    if (!s->doors_by_ms) {
        s->doors_by_ms = now_ms + s->now->settings.stop_within_ms;
        ptv_httpd_drain(s->httpd);
    }
    return ptv_doors_busy(s) == 0 || now_ms >= s->doors_by_ms;
}

static void keep_reloading(ptv_serve *s, int64_t now_ms)
{
    bool is_idle = ptv_worker_running(s->worker) == 0 && s->http_lookups == 0;
    /* Where we are not connected, whoever reloads has mended something, or hopes so: no waiting for the next try. */
    bool same = ptv_metrics_get(s->metrics, PTV_METRIC_BROKER_UP) &&
                ptv_serve_settings_same_platform(&s->now->settings, &s->next->settings);
    if (s->phase == PTV_DRAINING && is_idle && doors_can_go(s, now_ms)) {
        if (same) {
            use_generation(s);
            return;
        }
        if (ptv_worker_undelivered(s->worker) == 0) {
            ptv_platform_stop(s, now_ms);
            s->phase = PTV_MOVING;
        }
    }
    if (s->phase == PTV_MOVING && ptv_platform_is_stopped(s)) {
        use_generation(s);
        ptv_platform_begin(s, now_ms);
    }
}

/* ---------------------------------------------------------------------------------------------- stopping */

static void begin_stop(ptv_serve *s, int64_t now_ms)
{
    ptv_log(PTV_LOG_INFO, "serve", "stopping: %zu calls run", ptv_worker_running(s->worker));
    ptv_notify("STOPPING=1");
    drop_next(s);
    s->phase = PTV_STOPPING;
    s->stop_by_ms = now_ms + s->now->settings.stop_within_ms;
    ptv_metrics_stopping(s->metrics);
    ptv_worker_hold(s->worker);
    if (s->httpd)
        ptv_httpd_drain(s->httpd);
}

static void keep_stopping(ptv_serve *s, int64_t now_ms)
{
    if (s->phase == PTV_STOPPING) {
        bool is_deaf = !ptv_metrics_get(s->metrics, PTV_METRIC_BROKER_UP);
        size_t running = is_deaf ? 0 : ptv_worker_running(s->worker); /* nobody would get their results */
        bool is_done = running + ptv_worker_undelivered(s->worker) + ptv_doors_busy(s) == 0;
        if (!is_done && now_ms < s->stop_by_ms)
            return;
        if (!is_done)
            ptv_log(PTV_LOG_WARNING, "serve", "%zu calls still run after %lld s: handed back to the broker", running,
                    (long long)s->now->settings.stop_within_ms / 1000);
        ptv_platform_stop(s, now_ms);
        s->phase = PTV_LEAVING;
    }
}

/* --------------------------------------------------------------------------------------------- the loop */

static void take_signals(ptv_serve *s, int64_t now_ms)
{
    bool reload = told_to_reload;
    told_to_reload = 0;
    if (reload || now_ms >= s->look_at_ms) {
        s->look_at_ms = now_ms + LOOK_MS;
        reload |= settings_changed(s, now_ms);
        ptv_rules_watch(s);
        reload |= s->waits_for_rules && !ptv_generation_refused(s->now);
    }
    if (told_to_stop && s->phase < PTV_STOPPING)
        begin_stop(s, now_ms);
    else if (reload && s->phase == PTV_SERVING)
        begin_reload(s);
    else if (reload && s->phase < PTV_STOPPING)
        told_to_reload = 1; /* when this one is through */
}

static void show_life(ptv_serve *s, int64_t now_ms)
{
    ptv_metrics_beat(s->metrics, now_ms);
    ptv_metrics_set(s->metrics, PTV_METRIC_IN_FLIGHT, (int64_t)ptv_worker_running(s->worker));
    if (now_ms < s->status_at_ms)
        return;
    s->status_at_ms = now_ms + STATUS_MS;
    ptv_metrics_set(s->metrics, PTV_METRIC_QUOTA_LEFT, ptv_quota_left(s->now->client));
    ptv_lock_keep(s);
    ptv_status_write(s, now_ms);
    ptv_notify("WATCHDOG=1");
    if (s->has_worked && !ptv_in_flight(s->now->client) && !ptv_worker_undelivered(s->worker)) {
        s->has_worked = false;
        ptv_mem_trim();
    }
}

static int wait_ms(const ptv_serve *s, int64_t now_ms)
{
    int64_t times[] = { ptv_platform_next_ms(s),
                        ptv_worker_next_ms(s->worker),
                        s->status_at_ms,
                        s->look_at_ms,
                        s->phase == PTV_STOPPING ? s->stop_by_ms : INT64_MAX,
                        now_ms + MOST_WAIT_MS };
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        next = times[i] < next ? times[i] : next;
    if ((ptv_platform_is_asking(s) || s->doors_by_ms) && next > now_ms + ASKING_MS)
        next = now_ms + ASKING_MS;
    return next > now_ms ? (int)(next - now_ms) : 0;
}

static void wait(ptv_serve *s)
{
    ptv_error err = { 0 };
    ptv_client *c = s->now->client;
    ptv_report *report = NULL;
    void *tag = NULL;
    int fd = ptv_platform_fd(s);
    ptv_watch(c, fd >= 0 ? fd : s->quiet, POLLIN); /* with nothing to watch and no lookup it would not wait */
    ptv_code rc = ptv_wait(c, wait_ms(s, ptv_clock_ms()), &err);
    if (rc && rc != PTV_ETIMEOUT)
        ptv_log(PTV_LOG_ERROR, "serve", "%s", err.msg); /* the call it was for is given up in time */
    while (ptv_next(c, &report, &tag)) {
        ptv_lookup_tag *waiting = tag;
        waiting->done(waiting, report);
    }
}

ptv_code ptv_serve_run(ptv_serve *s, ptv_error *err)
{
    ptv_code rc = PTV_OK;
    ptv_platform_begin(s, ptv_clock_ms());
    ptv_notify("READY=1\nSTATUS=not connected to the platform's broker"); /* it may be away when this machine starts */
    while (!rc && !(s->phase == PTV_LEAVING && ptv_platform_is_stopped(s))) {
        int64_t now_ms = ptv_clock_ms();
        take_signals(s, now_ms);
        rc = ptv_platform_step(s, now_ms, err); /* messages come from here */
        ptv_doors_take(s);
        ptv_worker_pump(s->worker, now_ms, ptv_clock_utc());
        ptv_worker_flush(s->worker);
        if (s->next)
            keep_reloading(s, now_ms);
        else
            keep_stopping(s, now_ms);
        if (!rc && s->platform.consumer)
            ptv_consumer_step(s->platform.consumer, now_ms); /* results leave */
        show_life(s, now_ms);
        if (!rc && !(s->phase == PTV_LEAVING && ptv_platform_is_stopped(s)))
            wait(s);
    }
    ptv_log(rc ? PTV_LOG_ERROR : PTV_LOG_INFO, "serve", "%s", rc ? err->msg : "stopped");
    return rc;
}

/* ------------------------------------------------------------------------------------- birth and death */

static ptv_code copy_texts(const char *const **out, ptv_arena *mem, const char *const *texts, size_t count, ptv_error *err)
{
    const char **copies = ptv_arena_calloc(mem, count + 1, sizeof *copies);
    if (!copies)
        return ptv_arena_fail(mem, err);
    for (size_t i = 0; i < count; i++) {
        copies[i] = ptv_arena_strdup(mem, texts[i]);
        if (!copies[i])
            return ptv_arena_fail(mem, err);
    }
    *out = copies;
    return PTV_OK;
}

static ptv_code copy_options(ptv_serve *s, const ptv_serve_options *o, ptv_error *err)
{
    s->options = *o;
    s->options.config = ptv_arena_strdup(&s->mem, o->config);
    if (o->config && !s->options.config)
        return ptv_arena_fail(&s->mem, err);
    ptv_code rc = copy_texts(&s->options.sets, &s->mem, o->sets, o->set_count, err);
    if (!rc && o->rules_count)
        rc = copy_texts(&s->options.rules, &s->mem, o->rules, o->rules_count, err);
    return rc;
}

static ptv_code open_worker(ptv_serve *s, ptv_error *err)
{
    ptv_worker_hooks hooks = {
        .owner = s, .ended = on_ended, .decided = on_decided, .expand = on_expand, .store_failed = on_store_failed
    };
    s->worker = ptv_worker_new(&s->now->settings.worker, &hooks, s->store);
    if (!s->worker)
        return ptv_fail_nomem(err);
    ptv_worker_use(s->worker, &s->now->settings.worker, s->now->client, s->now->broken);
    return PTV_OK;
}

static ptv_code open_all(ptv_serve *s, const ptv_serve_options *options, ptv_error *err)
{
    ptv_code rc = copy_options(s, options, err);
    if (!rc)
        rc = ptv_generation_new(&s->now, &s->options, NULL, err);
    if (!rc && !s->options.config && ptv_is_file(ptv_config_file(s->now->config))) { /* found: it stays the one */
        s->options.config = ptv_arena_strdup(&s->mem, ptv_config_file(s->now->config));
        rc = s->options.config ? PTV_OK : ptv_arena_fail(&s->mem, err);
    }
    if (!rc)
        rc = ptv_serve_log_open(&s->now->settings.log, err);
    if (!rc)
        rc = ptv_lock_take(&s->lock, s->now->settings.lock_path, s->now->settings.lock_is_ours, err);
    if (!rc)
        rc = ptv_metrics_new(&s->metrics, ptv_clock_ms(), err);
    if (!rc)
        rc = open_store(s, err);
    if (!rc)
        rc = open_worker(s, err);
    if (!rc)
        rc = ptv_doors_open(s, err);
    if (!rc)
        rc = check_work(s->now, s->httpd, err);
    if (rc)
        return rc;
    s->mark = mark_of(ptv_config_file(s->now->config));
    ptv_log(PTV_LOG_INFO, "serve", "ptverdict " PTV_VERSION ", settings: %s", ptv_config_file(s->now->config));
    show_generation(s);
    return PTV_OK;
}

ptv_code ptv_serve_new(ptv_serve **out, const ptv_serve_options *options, ptv_error *err)
{
    ptv_serve *s = ptv_calloc(1, sizeof *s);
    if (!s)
        return ptv_fail_nomem(err);
    s->mem = (ptv_arena)PTV_ARENA(MEMORY_BYTES);
    s->lock = s->next_lock = -1;
    s->quiet = eventfd(0, EFD_CLOEXEC);
    told_to_stop = told_to_reload = 0;
    catch_signals(true);
    ptv_code rc = open_all(s, options, err);
    if (rc) {
        ptv_serve_free(s);
        return rc;
    }
    wake_this(s->now->client);
    *out = s;
    return PTV_OK;
}

void ptv_serve_free(ptv_serve *s)
{
    if (!s)
        return;
    catch_signals(false);
    wake_this(NULL);
    ptv_doors_close(s);
    if (s->worker)
        ptv_platform_end(s);
    drop_next(s);
    ptv_generation_free(s->now);
    ptv_worker_free(s->worker);
    ptv_store_close(s->store);
    ptv_serve_log_close();
    ptv_metrics_free(s->metrics);
    if (s->lock >= 0)
        close(s->lock);
    if (s->quiet >= 0)
        close(s->quiet);
    ptv_arena_release(&s->mem);
    ptv_free(s);
}
