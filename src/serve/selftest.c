/*
 * selftest.c: can we work for this platform? Log in, find the queue, subscribe to it with a prefetch of 0, so that the
 * broker checks everything and hands nothing over.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "base/text.h"
#include "serve/serve.h"
#include "serve/settings.h"
#include <poll.h>

enum { LOGIN_TRIES = 3, BETWEEN_TRIES_MS = 500, STEP_MS = 100, GOODBYE_MS = 1000 };

typedef struct probe {
    ptv_selftest_fn *line;
    void *to;
    ptv_serve_settings settings;
    int64_t until_ms;
    int exit_code;
    /* the subscription */
    bool is_subscribed, is_refused, was_up;
    ptv_error why; /* of the last failure */
} probe;

static void say(const probe *p, const char *what, bool passed, const char *message)
{
    p->line(p->to, what, passed, message);
}

static void failed(probe *p, const char *what, int exit_code, const char *message)
{
    p->exit_code = exit_code;
    say(p, what, false, message);
}

/* ------------------------------------------------------------------------------------------------ REST */

static ptv_code log_in(ptv_rest *rest, const ptv_transport *net, ptv_error *err)
{
    bool done = false;
    ptv_code rc = ptv_rest_login(rest, err);
    while (!rc && !done) {
        rc = net->poll(net->self, STEP_MS, err);
        if (!rc)
            rc = ptv_rest_step(rest, &done, err);
    }
    return rc;
}

/* What may mend itself is tried again. */
static ptv_code log_in_patiently(probe *p, ptv_rest *rest, const ptv_transport *net, ptv_error *err)
{
    ptv_code rc = PTV_OK;
    for (int i = 0; i < LOGIN_TRIES; i++) {
        rc = log_in(rest, net, err);
        if (!rc || rc == PTV_EKEY || rc == PTV_ESETTINGS || rc == PTV_ENOMEM || ptv_clock_ms() >= p->until_ms)
            break;
        poll(NULL, 0, BETWEEN_TRIES_MS);
    }
    return rc;
}

/* Nobody was reached: where we looked is a matter of settings. TLS has words of its own for what mends it. */
static void say_where(ptv_error *err, const char *settings)
{
    size_t len = strlen(err->msg);
    if ((err->code == PTV_ENET || err->code == PTV_ETIMEOUT) && !strstr(err->msg, "TLS: "))
        snprintf(err->msg + len, sizeof err->msg - len, "; check %s and the proxy in [resilient]", settings);
}

static bool test_rest(probe *p, ptv_rest *rest, const ptv_transport *net)
{
    ptv_error err = { 0 };
    char text[700];
    if (log_in_patiently(p, rest, net, &err)) {
        say_where(&err, "host, port");
        failed(p, "platform", err.detail >= PTV_EXIT_REST ? err.detail : PTV_EXIT_REST, err.msg);
        return false;
    }
    const ptv_rest_session *session = ptv_rest_session_of(rest);
    snprintf(text, sizeof text, "logged in at %.200s, organisation %.100s (%lld), version %.40s", p->settings.rest.base_url,
             session->org_name ? session->org_name : "?", (long long)session->org_id,
             session->server_version ? session->server_version : "not known");
    say(p, "platform", true, text);
    if (!session->actions_enabled)
        failed(p, "actions", PTV_EXIT_STOMP, "actions are switched off for this organisation: no calls would be sent");
    else if (!session->queue)
        failed(
            p, "function", PTV_EXIT_STOMP_LATE,
            "fn_passivetotal is not installed on the platform: import it (ptverdict customize export.res), or let this API "
            "key see it");
    else
        say(p, "function", true, session->queue);
    return session->actions_enabled && session->queue;
}

/* ----------------------------------------------------------------------------------------------- STOMP */

static void on_up(void *owner)
{
    probe *p = owner;
    p->was_up = true;
}

static void on_down(void *owner, const ptv_error *why, int64_t retry_ms)
{
    probe *p = owner;
    if (retry_ms >= 0)
        p->why = *why;
}

static void on_message(void *owner, const ptv_frame *message) /* not acknowledged: it goes back */
{
    (void)owner;
    (void)message;
}

static void on_receipt(void *owner, const char *receipt_id)
{
    probe *p = owner;
    p->is_subscribed |= ptv_text_equal(receipt_id, "subscribed");
}

static void on_refused(void *owner, const ptv_frame *error)
{
    probe *p = owner;
    const char *text = ptv_frame_get(error, "message");
    p->is_refused = true;
    ptv_fail(&p->why, PTV_EHTTP, "%.400s", text ? text : "no reason given");
}

static void drive(probe *p, ptv_consumer *c)
{
    bool is_over = false;
    while (!is_over && ptv_clock_ms() < p->until_ms) {
        ptv_consumer_step(c, ptv_clock_ms());
        is_over = p->is_subscribed || p->is_refused || p->why.code == PTV_EKEY || p->why.code == PTV_ESETTINGS;
        struct pollfd fd = { .fd = ptv_consumer_fd(c), .events = POLLIN };
        if (!is_over)
            poll(&fd, 1, STEP_MS);
    }
    ptv_consumer_stop(c, ptv_clock_ms(), GOODBYE_MS);
    while (!ptv_consumer_is_stopped(c)) {
        struct pollfd fd = { .fd = ptv_consumer_fd(c), .events = POLLIN };
        ptv_consumer_step(c, ptv_clock_ms());
        if (!ptv_consumer_is_stopped(c))
            poll(&fd, 1, STEP_MS);
    }
}

static void tell_of_stomp(probe *p)
{
    char text[800];
    if (p->is_subscribed) {
        snprintf(text, sizeof text, "%s port %d lets us read the queue", p->settings.consumer.stream.host,
                 p->settings.consumer.stream.port);
        say(p, "broker", true, text);
    } else if (p->why.code == PTV_EKEY) {
        failed(p, "broker", PTV_EXIT_STOMP_LOGIN, p->why.msg);
    } else if (p->is_refused && strstr(p->why.msg, "not authorized")) {
        snprintf(text, sizeof text, "%s: let this API key read the message destination on the platform", p->why.msg);
        failed(p, "broker", PTV_EXIT_STOMP_QUEUE, text);
    } else if (p->is_refused || p->why.code) {
        say_where(&p->why, "stomp_host, stomp_port");
        failed(p, "broker", PTV_EXIT_STOMP, p->why.msg);
    } else {
        snprintf(text, sizeof text, "%s within %lld s (selftest_timeout)",
                 p->was_up ? "the broker has not confirmed the subscription" : "not connected to the broker",
                 (long long)p->settings.selftest_ms / 1000);
        failed(p, "broker", PTV_EXIT_STOMP_LATE, text);
    }
}

static void test_stomp(probe *p, const ptv_rest_session *session)
{
    ptv_consumer *c = NULL;
    ptv_consumer_options o = p->settings.consumer;
    ptv_consumer_events events = {
        .owner = p, .up = on_up, .down = on_down, .message = on_message, .receipt = on_receipt, .refused = on_refused
    };
    o.login = session->login;
    o.passcode = session->passcode;
    o.queue = session->queue;
    o.prefetch = 0;
    o.subscribe_receipt = "subscribed";
    if (!ptv_consumer_new(&c, &o, &events, ptv_clock_ms(), &p->why))
        drive(p, c);
    ptv_consumer_free(c);
    tell_of_stomp(p);
}

/* ------------------------------------------------------------------------------------------------ together */

ptv_code ptv_serve_selftest(const ptv_config *config, ptv_selftest_fn *line, void *to, int *exit_code, ptv_error *err)
{
    probe p = { .line = line, .to = to };
    ptv_transport net = { 0 };
    ptv_rest *rest = NULL;
    ptv_error why = { 0 };
    ptv_code rc = ptv_serve_settings_read(&p.settings, config, &why);
    if (!rc && !p.settings.has_platform)
        goto out;
    p.until_ms = ptv_clock_ms() + p.settings.selftest_ms;
    if (!rc)
        rc = ptv_http_new(&net, &p.settings.rest_http, &why);
    if (!rc) {
        rest = ptv_rest_new(&p.settings.rest, &net);
        rc = rest ? PTV_OK : ptv_fail_nomem(&why);
    }
    if (rc)
        failed(&p, "platform", why.detail == PTV_EXIT_CA_FILE ? PTV_EXIT_CA_FILE : 1, why.msg);
    else if (test_rest(&p, rest, &net) && p.settings.wants_stomp)
        test_stomp(&p, ptv_rest_session_of(rest));
out:
    ptv_rest_free(rest);
    if (net.free)
        net.free(net.self);
    ptv_serve_settings_release(&p.settings);
    *exit_code = p.exit_code;
    if (rc == PTV_ENOMEM)
        *err = why;
    return rc == PTV_ENOMEM ? rc : PTV_OK;
}
