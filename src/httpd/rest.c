/*
 * rest.c: POST /v1/verdict: one artifact, or a list of them whose decisions go out in order while later ones are still
 * being looked up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "httpd/reply.h"

#include "base/mem.h"
#include "base/text.h"

#define LINE_LIMIT ((size_t)64 << 20)

/* The form that `ptverdict lookup` prints for an input that is no artifact. */
static void write_refusal(ptv_buf *out, const char *input, size_t len, const char *why)
{
    ptv_json_out o = { .buf = out };
    ptv_buf shown = PTV_BUF(4096);
    ptv_buf_append(&shown, input, len < 256 ? len : 256);
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "schema", "ptverdict.refused/1");
    ptv_json_put_text(&o, "input", shown.data ? shown.data : "");
    ptv_json_put_text(&o, "error", why);
    ptv_json_close(&o, '}');
    ptv_buf_putc(out, '\n');
    ptv_buf_release(&shown);
}

/* ------------------------------------------------------------------------------------------------- one */

static ptv_step answered(ptv_exchange *r)
{
    ptv_job *job = r->job;
    ptv_error err = { .code = job->code };
    if (!job->code) {
        ptv_reply_begin(r, 200, PTV_JSON_TYPE);
        ptv_buf_release(&r->reply);
        r->reply = job->body;
        job->body = (ptv_buf){ 0 };
    } else if (job->code == PTV_EINVAL) {
        ptv_reply_begin(r, 422, PTV_JSON_TYPE);
        write_refusal(&r->reply, job->value, strlen(job->value), job->why);
    } else {
        snprintf(err.msg, sizeof err.msg, "%s", job->why);
        ptv_reply_busy(r, &err);
    }
    ptv_exchange_drop_job(r);
    return PTV_STEP_REPLY;
}

static ptv_step ask_one(ptv_exchange *r, int64_t now_ms)
{
    ptv_arena mem = PTV_ARENA(PTV_BODY_MEMORY);
    ptv_error err = { 0 };
    const char *type, *value;
    ptv_job *job;
    ptv_step step = PTV_STEP_WAIT;
    ptv_code rc = ptv_body_artifact(&type, &value, &mem, r->body.data ? r->body.data : "", r->body.len, &err);
    if (rc == PTV_EINVAL) {
        ptv_reply_error(r, 400, "%s (a list goes as application/x-ndjson)", err.msg);
        step = PTV_STEP_REPLY;
    } else if (rc || !(job = ptv_job_add(r->h, PTV_HTTPD_LOOKUP, r->number, NULL, type, value))) {
        step = ptv_reply_no_memory(r);
    } else {
        job->request = r;
        r->job = job;
        r->until_ms = ptv_given_up_ms(r->h, now_ms);
        r->is_waiting = true;
    }
    ptv_arena_release(&mem);
    return step;
}

/* ------------------------------------------------------------------------------------------------ many */

static ptv_step begin_list(ptv_exchange *r, int64_t now_ms)
{
    r->list = ptv_calloc(1, sizeof *r->list);
    if (!r->list)
        return ptv_reply_no_memory(r);
    r->list->rest = r->body.data ? r->body.data : "";
    r->list->rest_len = r->body.len;
    r->list->waits_since_ms = now_ms;
    if (r->list->rest_len >= 3 && memcmp(r->list->rest, "\xef\xbb\xbf", 3) == 0) {
        r->list->rest += 3;
        r->list->rest_len -= 3;
    }
    ptv_reply_begin(r, 200, "application/x-ndjson");
    return PTV_STEP_LIST;
}

/* More lines into the ring, as far as it has room. false: no memory. */
static bool fill(ptv_exchange *r)
{
    ptv_list *l = r->list;
    const char *line, *type, *value;
    size_t len;
    while (l->count < PTV_LIST_AT_ONCE && ptv_body_line(&line, &len, &l->rest, &l->rest_len)) {
        size_t at = (l->first + l->count) % PTV_LIST_AT_ONCE;
        ptv_arena mem = PTV_ARENA(PTV_BODY_MEMORY);
        ptv_error err = { 0 };
        snprintf(l->input[at], sizeof l->input[at], "%.*s", (int)(len < 255 ? len : 255), line);
        l->ring[at].line = (ptv_buf)PTV_BUF(LINE_LIMIT);
        ptv_code rc = ptv_line_artifact(&type, &value, &mem, line, len, &err);
        ptv_job *job = rc ? NULL : ptv_job_add(r->h, PTV_HTTPD_LOOKUP, r->number, NULL, type, value);
        l->ring[at].job = job;
        if (job)
            job->request = r;
        else if (rc)
            write_refusal(&l->ring[at].line, line, len, err.msg);
        ptv_arena_release(&mem);
        if ((!job && !rc) || rc == PTV_ENOMEM || l->ring[at].line.failed)
            return false;
        l->count++;
    }
    return true;
}

/* The first line, once its job is back or will not come any more. */
static bool first_is_there(ptv_exchange *r, int64_t now_ms)
{
    ptv_list *l = r->list;
    ptv_job *job = l->ring[l->first].job;
    ptv_buf *line = &l->ring[l->first].line;
    if (!job)
        return true;
    bool is_back = job->is_back;
    if (!is_back && now_ms < ptv_given_up_ms(r->h, l->waits_since_ms))
        return false;
    const char *input = l->input[l->first];
    if (!is_back) {
        write_refusal(line, input, strlen(input), "no answer in time");
    } else if (job->code) {
        write_refusal(line, input, strlen(input), job->why);
    } else {
        *line = job->body;
        job->body = (ptv_buf){ 0 };
    }
    l->ring[l->first].job = NULL;
    if (is_back)
        ptv_job_free(r->h, job);
    else
        ptv_job_abandon(r->h, job);
    return true;
}

ptrdiff_t ptv_list_read(ptv_exchange *r, char *out, size_t room, int64_t now_ms)
{
    ptv_list *l = r->list;
    size_t written = 0;
    if (!fill(r))
        return -2;
    while (written < room && l->count && first_is_there(r, now_ms)) {
        ptv_buf *line = &l->ring[l->first].line;
        if (line->failed)
            return -2;
        size_t part = line->len - l->sent < room - written ? line->len - l->sent : room - written;
        memcpy(out + written, line->data + l->sent, part);
        written += part;
        l->sent += part;
        if (l->sent < line->len)
            break;
        ptv_buf_release(line);
        l->first = (l->first + 1) % PTV_LIST_AT_ONCE;
        l->count--;
        l->sent = 0;
        l->waits_since_ms = now_ms;
        if (!fill(r))
            return -2;
    }
    if (written)
        return (ptrdiff_t)written;
    r->until_ms = ptv_given_up_ms(r->h, l->waits_since_ms);
    return l->count ? 0 : -1;
}

/* ------------------------------------------------------------------------------------------------ door */

ptv_step ptv_verdict_step(ptv_exchange *r, int64_t now_ms)
{
    if (r->job && r->job->is_back)
        return answered(r);
    if (r->job) {
        ptv_exchange_drop_job(r);
        ptv_reply_error(r, 504, "the lookup gave no answer in time");
        return PTV_STEP_REPLY;
    }
    if (ptv_content_is(r->content_type, "application/x-ndjson") || ptv_content_is(r->content_type, "application/ndjson") ||
        ptv_content_is(r->content_type, "application/jsonl"))
        return begin_list(r, now_ms);
    return ask_one(r, now_ms);
}
