/*
 * session.c: what is said between CONNECT and DISCONNECT, and when silence means that nobody is there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stomp/session.h"
#include "base/mem.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>

enum { HEADERS_BYTES = 64 << 10, OUT_BYTES = 256 << 20, KEPT_OUT_BYTES = 64 << 10, FRAME_HEADERS = 8 };

struct ptv_session {
    ptv_session_events events;
    ptv_frame_reader *reader;
    ptv_buf out;
    size_t sent; /* of `out` */
    bool is_connected;
    bool holds_passcode;         /* `out` is CONNECT, not all of it sent */
    int beat_out_ms, beat_in_ms; /* asked for; after CONNECTED what both agreed on, 0: none */
    int64_t last_in_ms, last_out_ms;
};

/* -------------------------------------------------------------------------------------------- sending */

/* A frame being written: headers are added in order, absent ones left out. */
typedef struct ptv_outgoing {
    ptv_frame_header headers[FRAME_HEADERS];
    size_t count;
} ptv_outgoing;

static void add(ptv_outgoing *f, const char *name, const char *value)
{
    if (value)
        f->headers[f->count++] = (ptv_frame_header){ name, value };
}

static void queue(ptv_session *s, const char *command, const ptv_outgoing *f, const char *body, size_t body_len)
{
    ptv_frame_write(&s->out, command, f->headers, f->count, body, body_len);
}

void ptv_session_subscribe(ptv_session *s, const char *queue_name, int prefetch, const char *receipt)
{
    char number[16];
    snprintf(number, sizeof number, "%d", prefetch);
    ptv_outgoing f = { .count = 0 };
    add(&f, "ack", "client-individual");
    add(&f, "activemq.prefetchSize", number);
    add(&f, "destination", queue_name);
    add(&f, "id", queue_name);
    add(&f, "receipt", receipt);
    queue(s, "SUBSCRIBE", &f, NULL, 0);
}

void ptv_session_send(ptv_session *s, const char *destination, const char *correlation_id, const char *transaction,
                      const char *body, size_t len)
{
    ptv_outgoing f = { .count = 0 };
    add(&f, "correlation-id", correlation_id);
    add(&f, "destination", destination);
    add(&f, "persistent", "true");
    add(&f, "transaction", transaction);
    queue(s, "SEND", &f, body, len);
}

void ptv_session_begin(ptv_session *s, const char *transaction)
{
    ptv_outgoing f = { .count = 0 };
    add(&f, "transaction", transaction);
    queue(s, "BEGIN", &f, NULL, 0);
}

void ptv_session_ack(ptv_session *s, const char *ack_id, const char *transaction)
{
    ptv_outgoing f = { .count = 0 };
    add(&f, "id", ack_id);
    add(&f, "transaction", transaction);
    queue(s, "ACK", &f, NULL, 0);
}

void ptv_session_nack(ptv_session *s, const char *ack_id)
{
    ptv_outgoing f = { .count = 0 };
    add(&f, "id", ack_id);
    queue(s, "NACK", &f, NULL, 0);
}

void ptv_session_commit(ptv_session *s, const char *transaction, const char *receipt)
{
    ptv_outgoing f = { .count = 0 };
    add(&f, "transaction", transaction);
    add(&f, "receipt", receipt);
    queue(s, "COMMIT", &f, NULL, 0);
}

void ptv_session_disconnect(ptv_session *s)
{
    ptv_outgoing f = { .count = 0 };
    add(&f, "receipt", PTV_STOMP_GOODBYE);
    queue(s, "DISCONNECT", &f, NULL, 0);
}

const char *ptv_session_pending(const ptv_session *s, size_t *len)
{
    *len = s->out.failed ? 0 : s->out.len - s->sent; /* never half a frame */
    return *len ? s->out.data + s->sent : "";
}

/* Everything is out. Nothing can have moved the passcode meanwhile: only CONNECT is queued before CONNECTED. */
static void empty_out(ptv_session *s)
{
    if (s->holds_passcode)
        explicit_bzero(s->out.data, s->out.cap);
    s->holds_passcode = false;
    s->sent = 0;
    if (s->out.cap > KEPT_OUT_BYTES)
        ptv_buf_release(&s->out);
    else
        ptv_buf_clear(&s->out);
}

void ptv_session_sent(ptv_session *s, size_t len, int64_t now_ms)
{
    if (!len)
        return;
    s->last_out_ms = now_ms;
    s->sent += len;
    if (s->sent == s->out.len) {
        empty_out(s);
    } else if (s->sent >= KEPT_OUT_BYTES && s->sent >= s->out.len / 2) { /* a slow peer: let the buffer not grow for ever */
        s->out.len -= s->sent;
        memmove(s->out.data, s->out.data + s->sent, s->out.len + 1);
        s->sent = 0;
    }
}

/* ------------------------------------------------------------------------------------------ receiving */

/* "15000,10000": what the peer can send and what it wants to get. */
static void agree_on_beats(ptv_session *s, const char *text)
{
    char theirs[16];
    int64_t sends = 0, wants = 0;
    const char *comma = text ? strchr(text, ',') : NULL;
    if (comma && (size_t)(comma - text) < sizeof theirs) {
        memcpy(theirs, text, (size_t)(comma - text));
        theirs[comma - text] = '\0';
        if (!ptv_int_parse(&sends, theirs) || !ptv_int_parse(&wants, comma + 1))
            sends = wants = 0;
    }
    const int64_t most = 24 * 3600 * 1000; /* more is as good as none, and fits an int */
    if (sends <= 0 || sends > most)
        s->beat_in_ms = 0;
    else if (s->beat_in_ms && s->beat_in_ms < sends)
        s->beat_in_ms = (int)sends;
    if (wants <= 0 || wants > most)
        s->beat_out_ms = 0;
    else if (s->beat_out_ms && s->beat_out_ms < wants)
        s->beat_out_ms = (int)wants;
}

static ptv_code on_connected(ptv_session *s, const ptv_frame *f, ptv_error *err)
{
    const char *version = ptv_frame_get(f, "version");
    if (s->is_connected)
        return ptv_fail(err, PTV_ESHAPE, "the broker sent CONNECTED twice");
    if (!ptv_text_equal(version, "1.2"))
        return ptv_fail(err, PTV_ESHAPE, "the broker speaks STOMP %.16s, we need 1.2", version ? version : "1.0");
    agree_on_beats(s, ptv_frame_get(f, "heart-beat"));
    s->is_connected = true;
    s->events.connected(s->events.owner, f);
    return PTV_OK;
}

static ptv_code on_frame(ptv_session *s, const ptv_frame *f, ptv_error *err)
{
    if (ptv_text_equal(f->command, "CONNECTED"))
        return on_connected(s, f, err);
    if (ptv_text_equal(f->command, "ERROR")) {
        s->events.refused(s->events.owner, f);
        return PTV_OK;
    }
    if (!s->is_connected)
        return ptv_fail(err, PTV_ESHAPE, "the broker sent %s before CONNECTED", f->command);
    if (ptv_text_equal(f->command, "MESSAGE")) {
        s->events.message(s->events.owner, f);
        return PTV_OK;
    }
    if (!ptv_text_equal(f->command, "RECEIPT"))
        return ptv_fail(err, PTV_ESHAPE, "the broker sent %s, which is for clients to send", f->command);
    const char *receipt = ptv_frame_get(f, "receipt-id");
    if (receipt)
        s->events.receipt(s->events.owner, receipt);
    return PTV_OK;
}

ptv_code ptv_session_feed(ptv_session *s, const char *bytes, size_t len, int64_t now_ms, ptv_error *err)
{
    const ptv_frame *frame;
    bool is_heard = len > 0;
    do {
        size_t used;
        ptv_code rc = ptv_frame_feed(s->reader, bytes, len, &used, &frame, err);
        if (!rc && frame)
            rc = on_frame(s, frame, err);
        if (rc)
            return rc;
        bytes += used;
        len -= used;
    } while (frame);                 /* once more after the last one, which gives its memory back */
    if (is_heard && s->is_connected) /* before, a peer that drips bytes gains nothing */
        s->last_in_ms = now_ms;
    return PTV_OK;
}

/* ----------------------------------------------------------------------------------------------- time */

/* A fifth early, since a beat on its way takes time and the broker's patience may be exactly what it asked for. */
static int64_t beat_due_ms(const ptv_session *s)
{
    bool is_idle = s->is_connected && s->beat_out_ms && s->out.len == s->sent;
    return is_idle ? s->last_out_ms + s->beat_out_ms - s->beat_out_ms / 5 : INT64_MAX;
}

/* ActiveMQ looks each interval whether it has sent anything since it looked last, so its beats may be all but two intervals
 * apart (3,999 ms measured at 2,000): with a limit of exactly two, every other line would be given up for nothing. */
static int64_t silence_ends_ms(const ptv_session *s)
{
    return s->beat_in_ms ? s->last_in_ms + 2 * (int64_t)s->beat_in_ms + s->beat_in_ms / 5 : INT64_MAX;
}

int64_t ptv_session_next_tick_ms(const ptv_session *s)
{
    int64_t beat = beat_due_ms(s), silence = silence_ends_ms(s);
    return beat < silence ? beat : silence;
}

ptv_code ptv_session_tick(ptv_session *s, int64_t now_ms, ptv_error *err)
{
    ptv_code rc = ptv_buf_check(&s->out, err);
    if (rc)
        return ptv_wrap(err, "what is to be sent to the broker");
    if (now_ms >= silence_ends_ms(s)) {
        int seconds = (int)((now_ms - s->last_in_ms) / 1000);
        return s->is_connected
                   ? ptv_fail(err, PTV_ETIMEOUT, "nothing heard from the broker for %d s, not even a heart-beat", seconds)
                   : ptv_fail(err, PTV_ETIMEOUT, "the broker has not answered CONNECT within %d s", seconds);
    }
    if (now_ms >= beat_due_ms(s))
        ptv_buf_putc(&s->out, '\n');
    return PTV_OK;
}

bool ptv_session_is_connected(const ptv_session *s)
{
    return s->is_connected;
}

/* ------------------------------------------------------------------------------------- birth and death */

static bool is_one_line(const char *text)
{
    return !text[strcspn(text, "\r\n")];
}

static void queue_connect(ptv_session *s, const ptv_session_options *o)
{
    char beats[32];
    snprintf(beats, sizeof beats, "%d,%d", o->beat_out_ms, o->beat_in_ms);
    ptv_outgoing f = { .count = 0 };
    add(&f, "accept-version", "1.2");
    add(&f, "heart-beat", beats);
    add(&f, "host", o->host);
    add(&f, "login", o->login);
    add(&f, "passcode", o->passcode);
    /* Room for all at once: a buffer that grows leaves what it held behind. */
    size_t most = 256 + strlen(o->host) + strlen(o->login) + strlen(o->passcode);
    s->holds_passcode = ptv_buf_reserve(&s->out, most) != NULL;
    queue(s, "CONNECT", &f, NULL, 0);
}

ptv_code ptv_session_new(ptv_session **out, const ptv_session_options *options, const ptv_session_events *events,
                         int64_t now_ms, ptv_error *err)
{
    const char *wrong = !is_one_line(options->login)      ? "the login of the broker (api_key_id or email)"
                        : !is_one_line(options->passcode) ? "the passcode of the broker (api_key_secret or password)"
                        : !is_one_line(options->host)     ? "the host name of the broker (stomp_host)"
                                                          : NULL;
    if (wrong)
        return ptv_fail(err, PTV_ESETTINGS, "%s holds a line break", wrong);
    ptv_session *s = ptv_calloc(1, sizeof *s);
    if (!s)
        return ptv_fail_nomem(err);
    *s = (ptv_session){ .events = *events,
                        .out = PTV_BUF(OUT_BYTES),
                        .beat_out_ms = options->beat_out_ms,
                        .beat_in_ms = options->beat_in_ms,
                        .last_in_ms = now_ms,
                        .last_out_ms = now_ms };
    s->reader = ptv_frame_reader_new(HEADERS_BYTES, options->body_limit_bytes);
    queue_connect(s, options);
    if (!s->reader || s->out.failed) {
        ptv_session_free(s);
        return ptv_fail_nomem(err);
    }
    *out = s;
    return PTV_OK;
}

void ptv_session_free(ptv_session *s)
{
    if (!s)
        return;
    if (s->holds_passcode)
        explicit_bzero(s->out.data, s->out.cap);
    ptv_buf_release(&s->out);
    ptv_frame_reader_free(s->reader);
    ptv_free(s);
}
