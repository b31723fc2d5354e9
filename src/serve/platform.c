/*
 * platform.c: log in at the platform's REST API, then keep a subscription alive.
 *
 *   begin ──► LOGIN ──► BROKER (the consumer reconnects by itself)
 *               │ ▲
 *               ▼ │ after a second at first, then a quarter of the time it has been down, 60 s at most
 *             WAITING   function not installed, actions switched off: every 60 s
 *                       refused (401, 403): every 10 minutes, since accounts get locked
 *
 * When the broker refuses the login, REST is asked again, after 60 s: it knows whether the key is no longer good.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "serve/parts.h"

enum {
    RETRY_FIRST_MS = 1000,
    RETRY_MOST_MS = 60000,
    RETRY_REFUSED_MS = 600000,
    GOODBYE_MS = 500,
    RENEW_ACKS = 1000,
    RENEW_LATEST_ACKS = 4000
};

/* ------------------------------------------------------------------------------------------------ the broker */

static void on_up(void *owner)
{
    ptv_serve *s = owner;
    ptv_platform *p = &s->platform;
    p->deaf_at_ms = 0;
    ptv_worker_up(s->worker, ptv_consumer_session(p->consumer));
    ptv_metrics_add(s->metrics, PTV_METRIC_BROKER_CONNECTS, 1);
    ptv_metrics_set(s->metrics, PTV_METRIC_BROKER_UP, 1);
    ptv_metrics_text(s->metrics, PTV_TEXT_BROKER_ERROR, "");
    ptv_log(PTV_LOG_INFO, "broker", "connected to %s port %d and subscribed to %s", s->now->settings.consumer.stream.host,
            s->now->settings.consumer.stream.port, ptv_rest_session_of(p->rest)->queue);
    ptv_notify("STATUS=connected to the platform's broker");
    s->status_at_ms = 0;
}

static void on_down(void *owner, const ptv_error *why, int64_t retry_ms)
{
    ptv_serve *s = owner;
    bool was_up = ptv_metrics_get(s->metrics, PTV_METRIC_BROKER_UP) != 0;
    if (why->code == PTV_EKEY && retry_ms >= 0)
        s->platform.login_at_ms = ptv_clock_ms() + retry_ms;
    ptv_worker_lost(s->worker);
    ptv_metrics_set(s->metrics, PTV_METRIC_BROKER_UP, 0);
    ptv_notify("STATUS=not connected to the platform's broker");
    if (was_up && retry_ms >= 0)
        ptv_metrics_add(s->metrics, PTV_METRIC_BROKER_LOSSES, 1);
    ptv_metrics_text(s->metrics, PTV_TEXT_BROKER_ERROR, why->msg);
    if (retry_ms < 0)
        ptv_log(PTV_LOG_INFO, "broker", "%s", why->msg);
    else
        ptv_log(was_up ? PTV_LOG_WARNING : PTV_LOG_ERROR, "broker", "%s; next try in %lld.%lld s", why->msg,
                (long long)retry_ms / 1000, (long long)retry_ms % 1000 / 100);
    s->status_at_ms = 0;
}

static void on_message(void *owner, const ptv_frame *message)
{
    ptv_serve *s = owner;
    ptv_worker_message(s->worker, message, ptv_clock_ms(), ptv_clock_utc());
}

static void on_receipt(void *owner, const char *receipt_id)
{
    ptv_serve *s = owner;
    ptv_worker_receipt(s->worker, receipt_id, ptv_clock_utc());
}

/* A frame of ours was refused. A transaction that was is delivered again after a new connect; so is everything when we may
 * not read the queue, but then there is no hurry. */
static void on_refused(void *owner, const ptv_frame *error)
{
    ptv_serve *s = owner;
    ptv_platform *p = &s->platform;
    const char *text = ptv_frame_get(error, "message");
    ptv_error why = { 0 };
    ptv_fail(&why, PTV_EHTTP, "the broker refused: %.300s", text ? text : "no reason given");
    if (text && strstr(text, "not authorized to read")) {
        ptv_log(PTV_LOG_ERROR, "broker",
                "%s: let this API key read the message destination on the platform (api_keys of the destination)", why.msg);
        ptv_metrics_set(s->metrics, PTV_METRIC_BROKER_UP, 0);
        ptv_metrics_text(s->metrics, PTV_TEXT_BROKER_ERROR, why.msg);
        p->deaf_at_ms = ptv_clock_ms() + RETRY_MOST_MS;
        return;
    }
    ptv_log(PTV_LOG_ERROR, "broker", "%s", why.msg);
    if (ptv_frame_get(error, "receipt-id"))
        ptv_consumer_drop(p->consumer, &why);
}

static ptv_code subscribe(ptv_serve *s, int64_t now_ms, ptv_error *err)
{
    ptv_platform *p = &s->platform;
    const ptv_rest_session *session = ptv_rest_session_of(p->rest);
    ptv_consumer_options o = s->now->settings.consumer;
    ptv_consumer_events events = {
        .owner = s, .up = on_up, .down = on_down, .message = on_message, .receipt = on_receipt, .refused = on_refused
    };
    o.login = session->login;
    o.passcode = session->passcode;
    o.queue = session->queue;
    ptv_code rc = ptv_consumer_new(&p->consumer, &o, &events, now_ms, err);
    if (!rc)
        p->state = PTV_PLATFORM_BROKER;
    return rc;
}

/*
 * ActiveMQ 5 keeps every message that was acknowledged in a transaction until the connection ends, and looks through all of
 * them at each COMMIT: after 20,000 calls it managed 60 a second, and its heap grew by 4 kB with each. So we leave before
 * that matters, at a moment with nothing under way, made if need be, and are back at once.
 */
static ptv_code renew(ptv_serve *s, int64_t now_ms, ptv_error *err)
{
    ptv_platform *p = &s->platform;
    p->is_renewing |= ptv_worker_acks(s->worker) >= RENEW_ACKS;
    if (!p->is_renewing || s->phase != PTV_SERVING) /* who reloads or stops may end the connection as well */
        return PTV_OK;
    if (ptv_worker_acks(s->worker) >= RENEW_LATEST_ACKS)
        ptv_worker_hold(s->worker);
    if (ptv_worker_running(s->worker) + ptv_worker_undelivered(s->worker) == 0)
        ptv_consumer_stop(p->consumer, now_ms, GOODBYE_MS);
    if (!ptv_consumer_is_stopped(p->consumer))
        return PTV_OK;
    p->is_renewing = false;
    ptv_worker_go_on(s->worker);
    ptv_consumer_free(p->consumer);
    p->consumer = NULL;
    return subscribe(s, now_ms, err);
}

/* ----------------------------------------------------------------------------------------------------- REST */

static void end_rest(ptv_platform *p)
{
    if (p->net.free)
        p->net.free(p->net.self);
    p->net = (ptv_transport){ 0 };
}

static void wait_for(ptv_serve *s, int64_t now_ms, int64_t ms)
{
    ptv_platform *p = &s->platform;
    ptv_rest_free(p->rest);
    p->rest = NULL;
    end_rest(p);
    p->state = PTV_PLATFORM_WAITING;
    p->retry_at_ms = now_ms + ms;
}

/* PTV_OK: it is tried again. Else there is no hope without somebody changing something. */
static ptv_code failed(ptv_serve *s, int64_t now_ms, ptv_error *err)
{
    ptv_platform *p = &s->platform;
    bool is_hopeless = err->code == PTV_EKEY || err->code == PTV_ESETTINGS;
    ptv_metrics_add(s->metrics, PTV_METRIC_REST_FAILURES, 1);
    ptv_metrics_text(s->metrics, PTV_TEXT_REST_ERROR, err->msg);
    if (p->tries_left > 0)
        p->tries_left--;
    if (!p->was_up && (is_hopeless || p->tries_left == 0))
        return err->code;
    int64_t most = (now_ms - p->down_since_ms) / 4;
    most = most < RETRY_FIRST_MS ? RETRY_FIRST_MS : most > RETRY_MOST_MS ? RETRY_MOST_MS : most;
    int64_t pause = p->rest && ptv_rest_refused(p->rest) ? RETRY_REFUSED_MS
                    : is_hopeless                        ? RETRY_MOST_MS
                                                         : most / 2 + arc4random_uniform((uint32_t)(most / 2));
    ptv_log(PTV_LOG_ERROR, "rest", "%s; next try in %lld.%lld s", err->msg, (long long)pause / 1000,
            (long long)pause % 1000 / 100);
    wait_for(s, now_ms, pause);
    return PTV_OK;
}

static ptv_code log_in(ptv_serve *s, ptv_error *err)
{
    ptv_platform *p = &s->platform;
    const ptv_serve_settings *settings = &s->now->settings;
    ptv_consumer_free(p->consumer);
    p->consumer = NULL;
    p->login_at_ms = 0;
    ptv_rest_free(p->rest);
    p->rest = NULL;
    end_rest(p);
    ptv_code rc = ptv_http_new(&p->net, &settings->rest_http, err);
    if (rc == PTV_ESETTINGS)
        err->detail = PTV_EXIT_CA_FILE;
    if (rc)
        return rc;
    p->state = PTV_PLATFORM_LOGIN;
    p->rest = ptv_rest_new(&settings->rest, &p->net);
    return p->rest ? ptv_rest_login(p->rest, err) : ptv_fail_nomem(err);
}

static ptv_code logged_in(ptv_serve *s, int64_t now_ms, ptv_error *err)
{
    ptv_platform *p = &s->platform;
    const ptv_rest_session *session = ptv_rest_session_of(p->rest);
    p->was_up = true;
    p->down_since_ms = now_ms;
    ptv_metrics_add(s->metrics, PTV_METRIC_REST_LOGINS, 1);
    ptv_metrics_text(s->metrics, PTV_TEXT_REST_ERROR, "");
    ptv_metrics_text(s->metrics, PTV_TEXT_ORG, session->org_name);
    ptv_metrics_text(s->metrics, PTV_TEXT_QUEUE, session->queue);
    ptv_log(PTV_LOG_INFO, "rest", "logged in at %s, organisation %s (%lld), platform version %s",
            s->now->settings.rest.base_url, session->org_name ? session->org_name : "?", (long long)session->org_id,
            session->server_version ? session->server_version : "not known");
    const char *reason = !session->actions_enabled ? "actions are switched off for this organisation"
                         : !session->queue         ? "the function fn_passivetotal is not installed on the platform"
                                                   : NULL;
    if (reason) {
        ptv_log(PTV_LOG_WARNING, "rest", "%s: no calls are taken; looking again in 60 s", reason);
        ptv_metrics_text(s->metrics, PTV_TEXT_REST_ERROR, reason);
        wait_for(s, now_ms, RETRY_MOST_MS);
        return PTV_OK;
    }
    if (!s->now->settings.wants_stomp) {
        ptv_log(PTV_LOG_INFO, "rest", "stomp = 0: no calls are taken");
        p->state = PTV_PLATFORM_OFF;
        return PTV_OK;
    }
    ptv_code rc = subscribe(s, now_ms, err);
    end_rest(p); /* what the session says stays with p->rest */
    return rc;
}

/* ------------------------------------------------------------------------------------------------ together */

void ptv_platform_begin(ptv_serve *s, int64_t now_ms)
{
    ptv_platform *p = &s->platform;
    const ptv_serve_settings *settings = &s->now->settings;
    ptv_platform_end(s);
    ptv_metrics_wants_broker(s->metrics, settings->has_platform && settings->wants_stomp);
    if (!settings->has_platform)
        return;
    if (!settings->rest_http.verify || !settings->consumer.stream.verify)
        ptv_log(
            PTV_LOG_WARNING, "rest",
            "the certificate of the %s is NOT verified (cafile or stomp_cafile = false): anybody on the way can read the "
            "key",
            settings->rest_http.verify ? "broker" : "platform");
    p->state = PTV_PLATFORM_WAITING;
    p->retry_at_ms = p->down_since_ms = now_ms;
    p->tries_left = settings->retries;
}

ptv_code ptv_platform_step(ptv_serve *s, int64_t now_ms, ptv_error *err)
{
    ptv_platform *p = &s->platform;
    ptv_code rc = PTV_OK;
    bool done = false;
    if ((p->state == PTV_PLATFORM_WAITING && now_ms >= p->retry_at_ms) || (p->login_at_ms && now_ms >= p->login_at_ms))
        rc = log_in(s, err);
    if (!rc && p->state == PTV_PLATFORM_LOGIN)
        rc = p->net.poll(p->net.self, 0, err);
    if (!rc && p->state == PTV_PLATFORM_LOGIN)
        rc = ptv_rest_step(p->rest, &done, err);
    if (!rc && done)
        rc = logged_in(s, now_ms, err);
    if (rc)
        return failed(s, now_ms, err);
    if (p->consumer) {
        if (p->deaf_at_ms && now_ms >= p->deaf_at_ms) {
            ptv_error why = { 0 };
            p->deaf_at_ms = 0;
            ptv_fail(&why, PTV_EHTTP, "the subscription was refused a minute ago");
            ptv_consumer_drop(p->consumer, &why);
        }
        ptv_consumer_step(p->consumer, now_ms);
        ptv_metrics_heard(s->metrics, ptv_consumer_health_of(p->consumer).heard_ms);
        rc = renew(s, now_ms, err);
    }
    return rc ? failed(s, now_ms, err) : PTV_OK;
}

int ptv_platform_fd(const ptv_serve *s)
{
    return s->platform.consumer ? ptv_consumer_fd(s->platform.consumer) : -1;
}

int64_t ptv_platform_next_ms(const ptv_serve *s)
{
    const ptv_platform *p = &s->platform;
    if (p->state == PTV_PLATFORM_WAITING)
        return p->retry_at_ms;
    if (!p->consumer)
        return INT64_MAX;
    if (p->is_renewing && ptv_consumer_is_stopped(p->consumer))
        return 0;
    int64_t next = ptv_consumer_next_ms(p->consumer);
    return p->deaf_at_ms && p->deaf_at_ms < next ? p->deaf_at_ms : next;
}

bool ptv_platform_is_asking(const ptv_serve *s)
{
    return s->platform.state == PTV_PLATFORM_LOGIN;
}

void ptv_platform_stop(ptv_serve *s, int64_t now_ms)
{
    ptv_platform *p = &s->platform;
    if (p->consumer)
        ptv_consumer_stop(p->consumer, now_ms, GOODBYE_MS);
    else
        ptv_platform_end(s);
}

bool ptv_platform_is_stopped(const ptv_serve *s)
{
    return !s->platform.consumer || ptv_consumer_is_stopped(s->platform.consumer);
}

void ptv_platform_end(ptv_serve *s)
{
    ptv_platform *p = &s->platform;
    if (p->consumer)
        ptv_worker_lost(s->worker);
    ptv_consumer_free(p->consumer);
    ptv_rest_free(p->rest);
    end_rest(p);
    *p = (ptv_platform){ .was_up = p->was_up };
    ptv_metrics_set(s->metrics, PTV_METRIC_BROKER_UP, 0);
}
