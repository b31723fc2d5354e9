/*
 * chunks.c: reading a file in stretches of whole subjects. Memory is bounded by the longest subject allowed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/chunks.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GOOD_LENGTH  ((size_t)256 << 10)
#define READ_AT_ONCE ((size_t)128 << 10)

void cli_source_open(cli_source *s, int fd, const char *name)
{
    struct stat st;
    *s = (cli_source){ .fd = fd, .name = name, .line = 1, .size = -1, .rest = PTV_BUF(2 * CLI_RECORD_LIMIT) };
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        s->size = st.st_size;
}

void cli_source_close(cli_source *s)
{
    ptv_buf_release(&s->rest);
}

static uint64_t count_lines(const char *text, size_t len)
{
    uint64_t lines = 0;
    for (const char *end = text + len; (text = memchr(text, '\n', (size_t)(end - text))) != NULL; text++)
        lines++;
    return lines;
}

static bool would_wait(const cli_source *s)
{
    struct pollfd p = { .fd = s->fd, .events = POLLIN };
    return poll(&p, 1, 0) == 0;
}

/* More bytes behind what `out` holds. */
static cli_got read_more(cli_source *s, ptv_buf *out, ptv_error *err)
{
    struct pollfd p = { .fd = s->fd, .events = POLLIN };
    if (poll(&p, 1, -1) < 0 && errno == EINTR)
        return CLI_GOT_NOTHING_YET;
    char *at = ptv_buf_reserve(out, READ_AT_ONCE);
    if (!at) {
        ptv_buf_check(out, err);
        return CLI_GOT_FAILURE;
    }
    ssize_t n = read(s->fd, at, READ_AT_ONCE);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return CLI_GOT_NOTHING_YET;
    if (n < 0) {
        ptv_fail_detail(err, PTV_EIO, errno, "%s: %s", s->name, strerror(errno));
        return CLI_GOT_FAILURE;
    }
    ptv_buf_advance(out, (size_t)n);
    s->bytes += (size_t)n;
    s->ended = n == 0;
    return n ? CLI_GOT_ONE : CLI_GOT_END;
}

/* Keep `out` up to `place`, the rest for later. */
static cli_got part(cli_source *s, ptv_buf *out, size_t place, ptv_error *err)
{
    s->line += count_lines(out->data, place);
    ptv_buf_append(&s->rest, out->data + place, out->len - place);
    if (ptv_buf_check(&s->rest, err))
        return CLI_GOT_FAILURE;
    out->len = place;
    out->data[place] = '\0';
    return CLI_GOT_ONE;
}

/* Leave out what is read until a line begins that can only be a subject of its own. */
static void drop(cli_source *s, ptv_buf *out)
{
    const char *at = out->data, *end = out->data + out->len, *newline;
    while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        s->line++;
        at = newline + 1;
        if (at < end && (*at == '{' || *at == 'P')) {
            memmove(out->data, at, (size_t)(end - at));
            out->len = (size_t)(end - at);
            out->data[out->len] = '\0';
            s->dropping = false;
            return;
        }
    }
    bool at_line_end = out->len && end[-1] == '\n'; /* the line that follows decides */
    s->line -= at_line_end;
    ptv_buf_clear(out);
    if (at_line_end)
        ptv_buf_putc(out, '\n');
}

/* What has been read stays for the next call. */
static cli_got nothing_yet(cli_source *s, ptv_buf *out, ptv_error *err)
{
    cli_got got = out->len ? part(s, out, 0, err) : CLI_GOT_ONE;
    ptv_buf_clear(out);
    return got == CLI_GOT_ONE ? CLI_GOT_NOTHING_YET : got;
}

cli_got cli_source_next(cli_source *s, ptv_buf *out, uint64_t *line, bool *too_long, bool *is_short, bool wait,
                        ptv_error *err)
{
    size_t enough = GOOD_LENGTH;
    *too_long = *is_short = false;
    ptv_buf_clear(out);
    ptv_buf_append(out, s->rest.data ? s->rest.data : "", s->rest.len);
    ptv_buf_clear(&s->rest);
    for (;;) {
        size_t place = 0;
        if (s->dropping && out->len)
            drop(s, out);
        *line = s->line;
        if (s->ended)
            return out->len ? CLI_GOT_ONE : CLI_GOT_END;
        if (out->len >= enough) {
            place = cli_cut_place(out->data, out->len);
            if (!place)
                place = cli_cut_closed(out->data, out->len);
            enough = 2 * out->len;
        }
        bool dry = !place && would_wait(s);
        if (dry && out->len && !s->dropping && (place = cli_cut_closed(out->data, out->len)) > 0)
            *is_short = true;
        if (place)
            return part(s, out, place, err);
        if (out->len > CLI_RECORD_LIMIT) {
            *too_long = s->dropping = true;
            s->line += count_lines(out->data, out->len);
            return CLI_GOT_ONE;
        }
        if (dry && !wait)
            return nothing_yet(s, out, err);
        cli_got got = read_more(s, out, err);
        if (got == CLI_GOT_NOTHING_YET)
            return nothing_yet(s, out, err);
        if (got == CLI_GOT_FAILURE)
            return got;
    }
}
