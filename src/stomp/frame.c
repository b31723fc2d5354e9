/*
 * frame.c: STOMP 1.2 frames.
 *
 *   MESSAGE \n  name:value \n ... \n  \n  body \0  \n*
 *   '- head, gathered until its empty line ---'   '- heart-beats and padding
 *
 * Lines end with \n or \r\n. With content-length the body may hold NULs; without, it ends at the first.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "stomp/frame.h"
#include "base/mem.h"
#include "base/text.h"
#include <assert.h>
#include <limits.h>
#include <string.h>

enum { COMMAND_BYTES = 16, KEPT_BODY_BYTES = 64 << 10 };
enum { FOLLOWING = 4096 }; /* bytes behind a large body: its NUL, ACKs and COMMIT */

typedef enum ptv_frame_part { PART_HEAD, PART_BODY, PART_COUNTED_BODY, PART_NUL } ptv_frame_part;

struct ptv_frame_reader {
    ptv_frame_part part;
    ptv_buf head; /* as received */
    size_t line;  /* where its last line begins */
    ptv_buf body;
    size_t body_limit_bytes;
    ptv_frame_header *headers;
    size_t header_room;
    ptv_frame frame;
    bool is_out; /* `frame` was handed out and is over with the next call */
    bool is_dead;
    uint64_t bytes; /* taken since the beginning, for errors */
};

const char *ptv_frame_get(const ptv_frame *f, const char *name)
{
    for (size_t i = 0; i < f->header_count; i++) {
        if (ptv_text_equal(f->headers[i].name, name))
            return f->headers[i].value;
    }
    return NULL;
}

ptv_frame_reader *ptv_frame_reader_new(size_t header_limit_bytes, size_t body_limit_bytes)
{
    ptv_frame_reader *r = ptv_calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->head = (ptv_buf)PTV_BUF(header_limit_bytes);
    r->body = (ptv_buf)PTV_BUF(body_limit_bytes);
    r->body_limit_bytes = body_limit_bytes;
    return r;
}

void ptv_frame_reader_free(ptv_frame_reader *r)
{
    if (!r)
        return;
    ptv_buf_release(&r->head);
    ptv_buf_release(&r->body);
    ptv_free(r->headers);
    ptv_free(r);
}

/* ---------------------------------------------------------------------------------------------- head */

static ptv_code malformed(const ptv_frame_reader *r, ptv_error *err, const char *what)
{
    return ptv_fail_detail(err, PTV_ESHAPE, r->bytes > INT_MAX ? INT_MAX : (int)r->bytes,
                           "not STOMP 1.2: %s before byte %llu", what, (unsigned long long)r->bytes);
}

/* In place; false: an escape that 1.2 does not know. */
static bool unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        if (*from != '\\') {
            *to++ = *from;
            continue;
        }
        switch (*++from) {
        case 'c':
            *to++ = ':';
            break;
        case 'n':
            *to++ = '\n';
            break;
        case 'r':
            *to++ = '\r';
            break;
        case '\\':
            *to++ = '\\';
            break;
        default:
            return false;
        }
    }
    *to = '\0';
    return true;
}

static bool is_command(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return len && len < COMMAND_BYTES && !text[len];
}

/* Cut off the line at *at, without its ending; *at moves behind it. */
static char *next_line(char **at)
{
    char *line = *at, *end = strchr(line, '\n');
    *at = end + 1;
    if (end > line && end[-1] == '\r')
        end--;
    *end = '\0';
    return line;
}

static ptv_code room_for_headers(ptv_frame_reader *r, ptv_error *err)
{
    size_t lines = 0;
    for (const char *p = r->head.data; (p = strchr(p, '\n')); p++)
        lines++;
    if (lines <= r->header_room)
        return PTV_OK;
    ptv_frame_header *headers = ptv_realloc(r->headers, lines * sizeof *headers);
    if (!headers)
        return ptv_fail_nomem(err);
    r->headers = headers;
    r->header_room = lines;
    return PTV_OK;
}

/* Where the body ends. */
static ptv_code begin_body(ptv_frame_reader *r, ptv_error *err)
{
    const char *text = ptv_frame_get(&r->frame, "content-length");
    int64_t length = 0;
    r->part = PART_BODY;
    r->body.limit_bytes = r->body_limit_bytes;
    if (!text)
        return PTV_OK;
    if (text[0] < '0' || text[0] > '9' || !ptv_int_parse(&length, text))
        return malformed(r, err, "a content-length that is no number");
    if ((uint64_t)length > r->body_limit_bytes)
        return ptv_fail(err, PTV_ETOOBIG, "a message of %lld bytes, over the limit of %zu", (long long)length,
                        r->body_limit_bytes);
    r->part = length ? PART_COUNTED_BODY : PART_NUL;
    r->body.limit_bytes = (size_t)length; /* so that it grows to this and no further */
    return PTV_OK;
}

static ptv_code parse_head(ptv_frame_reader *r, ptv_error *err)
{
    if (memchr(r->head.data, '\0', r->head.len))
        return malformed(r, err, "a NUL among the headers");
    ptv_code rc = room_for_headers(r, err);
    if (rc)
        return rc;
    char *at = r->head.data;
    r->frame = (ptv_frame){ .command = next_line(&at), .headers = r->headers, .body = "" };
    if (!is_command(r->frame.command))
        return malformed(r, err, "something that is no command");
    bool is_escaped = !ptv_text_equal(r->frame.command, "CONNECTED") && !ptv_text_equal(r->frame.command, "CONNECT");
    for (char *line = next_line(&at); *line; line = next_line(&at)) {
        char *colon = strchr(line, ':');
        if (!colon || colon == line)
            return malformed(r, err, "a header without a name");
        *colon = '\0';
        if (is_escaped && (!unescape(line) || !unescape(colon + 1)))
            return malformed(r, err, "an unknown escape in a header");
        r->headers[r->frame.header_count++] = (ptv_frame_header){ line, colon + 1 };
    }
    return begin_body(r, err);
}

/* One line, or what there is of it. */
static ptv_code take_head(ptv_frame_reader *r, const char *bytes, size_t len, size_t *took, ptv_error *err)
{
    const char *end = memchr(bytes, '\n', len);
    *took = end ? (size_t)(end - bytes) + 1 : len;
    r->bytes += *took;
    ptv_buf_append(&r->head, bytes, *took);
    if (r->head.failed == PTV_ETOOBIG)
        return ptv_fail(err, PTV_ETOOBIG, "the headers of a message are over %zu bytes", r->head.limit_bytes);
    if (r->head.failed)
        return ptv_buf_check(&r->head, err);
    if (!r->line && !is_command((char[]){ r->head.data[0], '\0' }) && r->head.data[0] != '\n' && r->head.data[0] != '\r')
        return malformed(r, err, "something that is no command"); /* at once: what follows may never hold a newline */
    if (!end)
        return PTV_OK;
    const char *line = r->head.data + r->line;
    bool is_empty = line[0] == '\n' || (line[0] == '\r' && line[1] == '\n');
    if (!is_empty) {
        r->line = r->head.len;
        return PTV_OK;
    }
    if (r->line)
        return parse_head(r, err);
    ptv_buf_clear(&r->head); /* a heart-beat */
    return PTV_OK;
}

/* ---------------------------------------------------------------------------------------------- body */

static ptv_code take_body(ptv_frame_reader *r, const char *bytes, size_t len, size_t *took, ptv_error *err)
{
    const char *end = NULL;
    if (r->part == PART_COUNTED_BODY) {
        size_t missing = r->body.limit_bytes - r->body.len;
        *took = len < missing ? len : missing;
    } else {
        end = memchr(bytes, '\0', len);
        *took = end ? (size_t)(end - bytes) : len;
    }
    r->bytes += *took;
    ptv_buf_append(&r->body, bytes, *took);
    if (r->body.failed == PTV_ETOOBIG)
        return ptv_fail(err, PTV_ETOOBIG, "a message of more than %zu bytes", r->body_limit_bytes);
    if (r->body.failed)
        return ptv_buf_check(&r->body, err);
    if (end || (r->part == PART_COUNTED_BODY && r->body.len == r->body.limit_bytes))
        r->part = PART_NUL;
    return PTV_OK;
}

static ptv_code take_nul(ptv_frame_reader *r, const char *bytes, const ptv_frame **out, ptv_error *err)
{
    if (*bytes)
        return malformed(r, err, "a body longer than its content-length");
    r->bytes++;
    if (r->body.len) {
        r->frame.body = r->body.data;
        r->frame.body_len = r->body.len;
    }
    r->is_out = true;
    *out = &r->frame;
    return PTV_OK;
}

static void forget_frame(ptv_frame_reader *r)
{
    r->is_out = false;
    r->part = PART_HEAD;
    r->line = 0;
    ptv_buf_clear(&r->head);
    if (r->body.cap > KEPT_BODY_BYTES)
        ptv_buf_release(&r->body);
    else
        ptv_buf_clear(&r->body);
}

ptv_code ptv_frame_feed(ptv_frame_reader *r, const char *bytes, size_t len, size_t *used, const ptv_frame **out,
                        ptv_error *err)
{
    *used = 0;
    *out = NULL;
    if (r->is_dead)
        return malformed(r, err, "what was refused earlier");
    if (r->is_out)
        forget_frame(r);
    ptv_code rc = PTV_OK;
    while (!rc && !*out && *used < len) {
        size_t took = 0;
        switch (r->part) {
        case PART_HEAD:
            rc = take_head(r, bytes + *used, len - *used, &took, err);
            break;
        case PART_BODY:
        case PART_COUNTED_BODY:
            rc = take_body(r, bytes + *used, len - *used, &took, err);
            break;
        case PART_NUL:
            rc = take_nul(r, bytes + *used, out, err);
            took = rc ? 0 : 1;
            break;
        }
        *used += took;
    }
    r->is_dead = rc != PTV_OK;
    return rc;
}

/* -------------------------------------------------------------------------------------------- writing */

static void write_escaped(ptv_buf *out, const char *text)
{
    static const char special[] = ":\n\r\\", written[] = "cnr\\";
    while (*text) {
        size_t plain = strcspn(text, special);
        ptv_buf_append(out, text, plain);
        text += plain;
        if (*text) {
            ptv_buf_putc(out, '\\');
            ptv_buf_putc(out, written[strchr(special, *text++) - special]);
        }
    }
}

void ptv_frame_write(ptv_buf *out, const char *command, const ptv_frame_header *headers, size_t header_count,
                     const char *body, size_t body_len)
{
    bool is_escaped = !ptv_text_equal(command, "CONNECT") && !ptv_text_equal(command, "CONNECTED");
    ptv_buf_puts(out, command);
    ptv_buf_putc(out, '\n');
    if (body)
        ptv_buf_printf(out, "content-length:%zu\n", body_len);
    for (size_t i = 0; i < header_count; i++) {
        const ptv_frame_header *h = &headers[i];
        assert(is_escaped || !h->value[strcspn(h->value, "\r\n")]);
        (is_escaped ? write_escaped : ptv_buf_puts)(out, h->name);
        ptv_buf_putc(out, ':');
        (is_escaped ? write_escaped : ptv_buf_puts)(out, h->value);
        ptv_buf_putc(out, '\n');
    }
    ptv_buf_putc(out, '\n');
    if (body &&
        ptv_buf_reserve(out, body_len + (body_len > KEPT_BODY_BYTES ? FOLLOWING : 1))) /* once, not twice what is needed */
        ptv_buf_append(out, body, body_len);
    ptv_buf_append(out, "", 1);
}
