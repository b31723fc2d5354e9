/*
 * reply.c: what a whole request is answered with; health and metrics. The doors to lookups are cts.c and rest.c.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "httpd/reply.h"

#include "base/mem.h"
#include <stdarg.h>

#define TEXT_LIMIT ((size_t)4 << 20)

void ptv_reply_begin(ptv_exchange *r, int status, const char *type)
{
    r->status = status;
    r->reply_type = type;
    ptv_buf_release(&r->reply);
    r->reply = (ptv_buf)PTV_BUF(TEXT_LIMIT);
}

void ptv_reply_error(ptv_exchange *r, int status, const char *fmt, ...)
{
    char text[sizeof((ptv_error *)0)->msg];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    ptv_reply_begin(r, status, PTV_JSON_TYPE);
    ptv_json_out o = { .buf = &r->reply };
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "error", text);
    ptv_json_close(&o, '}');
    ptv_buf_putc(&r->reply, '\n');
}

ptv_step ptv_reply_busy(ptv_exchange *r, const ptv_error *err)
{
    ptv_reply_error(r, 503, "%s", err->msg);
    r->retry_after_s = PTV_BUSY_RETRY_S;
    return PTV_STEP_REPLY;
}

ptv_step ptv_reply_no_memory(ptv_exchange *r)
{
    ptv_error err = { .code = PTV_ENOMEM, .msg = "out of memory" };
    return ptv_reply_busy(r, &err);
}

/* One question of yes or no, with a line that says why. */
static void reply_health(ptv_exchange *r, bool (*ask)(void *, ptv_buf *))
{
    ptv_buf why = PTV_BUF(TEXT_LIMIT);
    bool is_well = !ask || ask(r->h->o.hooks.to, &why);
    ptv_reply_begin(r, is_well ? 200 : 503, "text/plain; charset=utf-8");
    ptv_buf_append(&r->reply, why.data ? why.data : "", why.len);
    if (!why.len)
        ptv_buf_puts(&r->reply, is_well ? "ok" : "not well");
    if (r->reply.len && r->reply.data[r->reply.len - 1] != '\n')
        ptv_buf_putc(&r->reply, '\n');
    ptv_buf_release(&why);
}

ptv_step ptv_exchange_step(ptv_exchange *r, int64_t now_ms)
{
    const ptv_httpd_hooks *hooks = &r->h->o.hooks;
    r->is_waiting = false;
    if (r->refused) {
        ptv_reply_error(r, r->refused, "%s", r->refusal);
        return PTV_STEP_REPLY;
    }
    switch (r->route) {
    case PTV_ROUTE_CTS:
    case PTV_ROUTE_CTS_POLL:
        return ptv_cts_step(r, now_ms);
    case PTV_ROUTE_VERDICT:
        return ptv_verdict_step(r, now_ms);
    case PTV_ROUTE_HEALTHZ:
        reply_health(r, hooks->healthy);
        break;
    case PTV_ROUTE_READYZ:
        reply_health(r, hooks->ready);
        break;
    case PTV_ROUTE_METRICS:
        ptv_reply_begin(r, 200, "text/plain; version=0.0.4; charset=utf-8");
        if (hooks->metrics)
            hooks->metrics(hooks->to, &r->reply);
        break;
    case PTV_ROUTE_NONE:
        ptv_reply_error(r, 404, "nothing is here; there are /cts/%s, /v1/verdict, /healthz, /readyz, /metrics",
                        r->h->o.cts_name);
        break;
    }
    return PTV_STEP_REPLY;
}

void ptv_job_deliver(ptv_httpd *h, ptv_job *job, int64_t now_ms)
{
    if (job->query) {
        ptv_cts_deliver(h, job, now_ms);
        ptv_job_free(h, job);
    } else if (job->request) {
        job->is_back = true; /* the request frees it */
        ptv_exchange_wake(job->request);
    } else {
        ptv_job_free(h, job);
    }
}

static void let_go(ptv_exchange *r, ptv_job *job)
{
    if (job && job->is_back)
        ptv_job_free(r->h, job);
    else if (job)
        ptv_job_abandon(r->h, job);
}

void ptv_exchange_drop_job(ptv_exchange *r)
{
    let_go(r, r->job);
    r->job = NULL;
}

void ptv_exchange_release(ptv_exchange *r)
{
    ptv_exchange_drop_job(r);
    if (r->query)
        r->query->watchers--;
    r->query = NULL;
    if (r->list) {
        for (size_t i = 0; i < PTV_LIST_AT_ONCE; i++) {
            let_go(r, r->list->ring[i].job);
            ptv_buf_release(&r->list->ring[i].line);
        }
        ptv_free(r->list);
        r->list = NULL;
    }
    r->h->buffered -= r->body.len;
    ptv_buf_release(&r->body);
    ptv_buf_release(&r->reply);
}
