/*
 * frame.h: STOMP 1.2 frames as bytes: a reader that takes them cut anywhere, and a writer. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_STOMP_FRAME_H
#define PTV_STOMP_FRAME_H
#include "base/arena.h"
#include "base/buf.h"

typedef struct ptv_frame_header {
    const char *name, *value; /* unescaped */
} ptv_frame_header;

typedef struct ptv_frame {
    const char *command;             /* "MESSAGE" */
    const ptv_frame_header *headers; /* in order; a repeated name: the first counts */
    size_t header_count;
    const char *body; /* NUL-terminated; may hold NULs when content-length was given */
    size_t body_len;
} ptv_frame; /* borrowed from the reader until the next call */

const char *ptv_frame_get(const ptv_frame *f, const char *name); /* NULL: absent */

typedef struct ptv_frame_reader ptv_frame_reader;
ptv_frame_reader *ptv_frame_reader_new(size_t header_limit_bytes, size_t body_limit_bytes); /* yours; NULL: no memory */
/* Take up to len bytes; *used says how many. *out is a frame when one became whole, else NULL. Heart-beat newlines between
 * frames are eaten. Call again with the rest, also when that is empty: the memory of a large body is given back then.
 * Errors: PTV_ESHAPE (malformed: what, detail is the byte), PTV_ETOOBIG, PTV_ENOMEM; the reader is then dead. */
ptv_code ptv_frame_feed(ptv_frame_reader *r, const char *bytes, size_t len, size_t *used, const ptv_frame **out,
                        ptv_error *err);
void ptv_frame_reader_free(ptv_frame_reader *r);

/* Append one frame. Headers are escaped, but for CONNECT and CONNECTED: there the caller sees to it that none holds a line
 * break. content-length goes first, when body is not NULL. */
void ptv_frame_write(ptv_buf *out, const char *command, const ptv_frame_header *headers, size_t header_count,
                     const char *body, size_t body_len);

#endif
