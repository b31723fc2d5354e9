/*
 * fake_net.h: a transport of memory and no time: answers come from a script, the clock is a number.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_TEST_FAKE_NET_H
#define PTV_TEST_FAKE_NET_H
#include "base/mem.h"
#include "net/transport.h"
#include <stdio.h>
#include <string.h>

#define FAKE_MOST 64

typedef struct fake_answer {
    const char *path; /* found in the URL; answers of one path are used up in order, the last one stays */
    int status;
    const char *body;
    int64_t retry_after_s; /* 0: none */
    ptv_code code;         /* a failure of the transport, with status 0 */
    bool retryable;
    const char *message;
} fake_answer;

typedef struct fake_net {
    int64_t now;
    const fake_answer *script;
    size_t used[FAKE_MOST];
    struct fake_call {
        char url[256];
        ptv_response_fn *done;
        void *tag;
        long timeout_ms;
    } calls[FAKE_MOST];
    size_t started, under_way; /* calls[0..under_way) wait for poll() */
    char log[4096];            /* every URL started, a line each, without the host */
    ptv_code refuse;           /* start() fails so */
} fake_net;

static inline const fake_answer *fake_find(fake_net *net, const char *url)
{
    const fake_answer *found = NULL;
    for (size_t i = 0; net->script[i].path; i++) {
        if (!strstr(url, net->script[i].path))
            continue;
        found = &net->script[i];
        if (net->used[i] == 0) {
            net->used[i] = 1;
            break;
        }
    }
    return found;
}

static inline ptv_code fake_start(void *self, const ptv_request *request, ptv_response_fn *done, void *tag, ptv_error *err)
{
    fake_net *net = self;
    void *copy = ptv_malloc(16); /* so that a test can let it fail */
    if (!copy)
        return ptv_fail_nomem(err);
    ptv_free(copy);
    if (net->refuse)
        return ptv_fail(err, net->refuse, "http to other machines needs allow_http = yes");
    assert_true(net->under_way < FAKE_MOST);
    struct fake_call *call = &net->calls[net->under_way++];
    snprintf(call->url, sizeof call->url, "%s", request->url);
    call->done = done;
    call->tag = tag;
    call->timeout_ms = request->timeout_ms;
    net->started++;
    size_t len = strlen(net->log);
    const char *path = strstr(request->url, "/v2");
    snprintf(net->log + len, sizeof net->log - len, "%s\n", path ? path : request->url);
    return PTV_OK;
}

static inline void fake_cancel(void *self, void *tag)
{
    fake_net *net = self;
    for (size_t i = 0; i < net->under_way;) {
        if (net->calls[i].tag == tag)
            memmove(&net->calls[i], &net->calls[i + 1], (--net->under_way - i) * sizeof net->calls[0]);
        else
            i++;
    }
}

/* Answer what is under way now, in the order it was asked; whatever that starts waits for the next poll. */
static inline ptv_code fake_poll(void *self, int timeout_ms, ptv_error *err)
{
    fake_net *net = self;
    (void)err;
    if (net->under_way == 0 && timeout_ms > 0)
        net->now += timeout_ms;
    for (size_t n = net->under_way; n > 0 && net->under_way > 0; n--) {
        struct fake_call call = net->calls[0];
        fake_cancel(net, call.tag);
        const fake_answer *a = fake_find(net, call.url);
        if (!a)
            fail_msg("no answer for %s", call.url);
        ptv_response response = { .code = a->code,
                                  .retryable = a->retryable,
                                  .message = a->message,
                                  .status = a->status,
                                  .body = a->body,
                                  .body_len = a->body ? strlen(a->body) : 0,
                                  .retry_after_s = a->retry_after_s > 0 ? a->retry_after_s : -1,
                                  .elapsed_ms = 1 };
        call.done(call.tag, &response);
    }
    return PTV_OK;
}

static inline void fake_wakeup(void *self)
{
    (void)self;
}

static inline int64_t fake_now(void *self)
{
    return ((fake_net *)self)->now;
}

static inline ptv_transport fake_transport(fake_net *net)
{
    return (ptv_transport){
        .self = net, .start = fake_start, .cancel = fake_cancel, .poll = fake_poll, .wakeup = fake_wakeup, .now_ms = fake_now
    };
}

#endif
