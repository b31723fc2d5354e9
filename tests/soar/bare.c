/*
 * bare.c: the least that a worker can be: receives, sends one persistent reply, ACKs, in one transaction. What `make
 * bench-soar` compares the worker with, and what soak tests of the line alone drive.
 *
 *   bare PORT CA-FILE LOGIN PASSCODE QUEUE PREFETCH     serves until SIGTERM, then says goodbye
 *   bare PORT CA-FILE LOGIN PASSCODE QUEUE connect N    connects N times in a row, prints how many failed
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "stomp/consumer.h"
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static ptv_consumer *consumer;
static unsigned long replies, failures;
static volatile sig_atomic_t is_ending;

static void on_signal(int number)
{
    (void)number;
    is_ending = 1;
}

static void on_up(void *owner)
{
    (void)owner;
}

static void on_down(void *owner, const ptv_error *why, int64_t retry_ms)
{
    (void)owner;
    if (retry_ms >= 0) {
        failures++;
        fprintf(stderr, "down: %s\n", why->msg);
    }
}

static void on_message(void *owner, const ptv_frame *f)
{
    (void)owner;
    static const char done[] = "{\"message_type\": 0, \"message\": \"Completed\", \"complete\": true}";
    ptv_session *s = ptv_consumer_session(consumer);
    char transaction[32];
    snprintf(transaction, sizeof transaction, "t%lu", ++replies);
    ptv_session_begin(s, transaction);
    ptv_session_send(s, ptv_frame_get(f, "reply-to"), ptv_frame_get(f, "correlation-id"), transaction, done,
                     sizeof done - 1);
    ptv_session_ack(s, ptv_frame_get(f, "ack"), transaction);
    ptv_session_commit(s, transaction, transaction);
}

static void on_receipt(void *owner, const char *id)
{
    (void)owner;
    (void)id;
}

static void on_refused(void *owner, const ptv_frame *f)
{
    (void)owner;
    fprintf(stderr, "refused: %s\n", ptv_frame_get(f, "message"));
}

static void begin(const ptv_consumer_options *o)
{
    static const ptv_consumer_events events = { NULL, on_up, on_down, on_message, on_receipt, on_refused };
    ptv_error err = { 0 };
    if (ptv_consumer_new(&consumer, o, &events, ptv_clock_ms(), &err)) {
        fprintf(stderr, "%s\n", err.msg);
        exit(1);
    }
}

static void step(void)
{
    int64_t wait_ms = ptv_consumer_next_ms(consumer) - ptv_clock_ms();
    struct pollfd p = { .fd = ptv_consumer_fd(consumer), .events = POLLIN };
    poll(&p, 1, wait_ms < 0 ? 0 : wait_ms < 500 ? (int)wait_ms : 500);
    ptv_consumer_step(consumer, ptv_clock_ms());
}

int main(int argc, char **argv)
{
    if (argc < 7)
        return 64;
    long connects = argc > 7 ? strtol(argv[7], NULL, 10) : 0;
    ptv_consumer_options o = { .stream = { .host = "localhost",
                                           .port = (int)strtol(argv[1], NULL, 10),
                                           .verify = true,
                                           .ca_file = argv[2],
                                           .connect_timeout_ms = 10000 },
                               .login = argv[3],
                               .passcode = argv[4],
                               .queue = argv[5],
                               .prefetch = connects ? 1 : (int)strtol(argv[6], NULL, 10),
                               .beat_out_ms = 10000,
                               .beat_in_ms = 15000,
                               .body_limit_bytes = 100 << 20 };
    signal(SIGTERM, on_signal);
    mallopt(M_MMAP_THRESHOLD, 128 << 10); /* else glibc keeps large blocks once they were freed */
    begin(&o);
    for (long i = 0; i < connects && !is_ending; i++) {
        while (!ptv_consumer_health_of(consumer).is_up && !is_ending)
            step();
        ptv_consumer_free(consumer);
        begin(&o);
    }
    if (connects)
        printf("%ld connects, %lu failures\n", connects, failures);
    while (!connects && !ptv_consumer_is_stopped(consumer)) {
        step();
        if (is_ending)
            ptv_consumer_stop(consumer, ptv_clock_ms(), 5000);
    }
    ptv_consumer_free(consumer);
    return failures > 0;
}
