/*
 * fuzz_stomp.c: frames read the same however they are cut; what was read can be written and reads back; a session fed with
 * anything stays whole. The first byte says how it is cut.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "base/text.h"
#include "stomp/session.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADERS = 4096, BODY = 1 << 16 };

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* Every frame written again, into one buffer. */
static ptv_code copy(ptv_buf *out, const char *bytes, size_t len, size_t step)
{
    ptv_frame_reader *r = ptv_frame_reader_new(HEADERS, BODY);
    ptv_error err = { 0 };
    ptv_code rc = PTV_OK;
    must(r != NULL);
    for (size_t at = 0; !rc && at < len;) {
        const ptv_frame *f;
        size_t used, part = len - at < step ? len - at : step;
        rc = ptv_frame_feed(r, bytes + at, part, &used, &f, &err);
        must(used <= part && (rc || f || used == part));
        at += used;
        if (f) {
            must(f->body[f->body_len] == '\0');
            bool is_connected = ptv_text_equal(f->command, "CONNECTED") || ptv_text_equal(f->command, "CONNECT");
            bool is_one_line = true; /* a bare \r may stand in a value; such a frame is not written unescaped */
            for (size_t i = 0; i < f->header_count; i++)
                is_one_line = is_one_line && !f->headers[i].value[strcspn(f->headers[i].value, "\r\n")];
            if (!is_connected || is_one_line)
                ptv_frame_write(out, f->command, f->headers, f->header_count, f->body, f->body_len);
        }
    }
    ptv_frame_reader_free(r);
    return rc;
}

static ptv_session *session;

static void on_frame(void *owner, const ptv_frame *f)
{
    (void)owner;
    const char *ack = ptv_frame_get(f, "ack");
    if (ack)
        ptv_session_ack(session, ack, NULL);
}

static void on_receipt(void *owner, const char *id)
{
    (void)owner;
    ptv_session_commit(session, id, id);
}

static void talk(const char *bytes, size_t len, size_t step)
{
    ptv_session_options o = {
        .host = "h", .login = "l", .passcode = "p", .beat_out_ms = 10, .beat_in_ms = 15, .body_limit_bytes = BODY
    };
    ptv_session_events events = { .connected = on_frame, .message = on_frame, .receipt = on_receipt, .refused = on_frame };
    ptv_error err = { 0 };
    must(ptv_session_new(&session, &o, &events, 0, &err) == PTV_OK);
    ptv_code rc = PTV_OK;
    for (size_t at = 0; !rc && at < len; at += step) {
        size_t pending;
        rc = ptv_session_feed(session, bytes + at, len - at < step ? len - at : step, (int64_t)at, &err);
        if (!rc)
            rc = ptv_session_tick(session, (int64_t)at, &err);
        ptv_session_pending(session, &pending);
        ptv_session_sent(session, pending / 2, (int64_t)at);
    }
    ptv_session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    const char *bytes = (const char *)data + 1;
    size_t len = size - 1, step = 1 + data[0] % 64u;
    ptv_buf whole = PTV_BUF(32 << 20), cut = PTV_BUF(32 << 20), again = PTV_BUF(32 << 20);
    ptv_code rc = copy(&whole, bytes, len, len + 1);
    must(copy(&cut, bytes, len, step) == rc);
    must(whole.len == cut.len && (!whole.len || !memcmp(whole.data, cut.data, whole.len)));
    if (whole.len) {
        must(copy(&again, whole.data, whole.len, step) != PTV_ESHAPE); /* a ceiling is met: the copy has one more header */
    }
    talk(bytes, len, step);
    ptv_buf_release(&whole);
    ptv_buf_release(&cut);
    ptv_buf_release(&again);
    return 0;
}
