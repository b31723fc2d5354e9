/*
 * input.c: operands and lines of stdin as artifacts to look up.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/input.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536

/* -------------------------------------------------------------------------------------------------- lines */

ptv_code cli_lines_open(cli_lines *l, int fd, size_t limit, ptv_error *err)
{
    struct stat st;
    *l = (cli_lines){ .fd = fd, .line = PTV_BUF(limit), .size = -1 };
    l->chunk = ptv_malloc(CHUNK);
    if (!l->chunk)
        return ptv_fail_nomem(err);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        l->size = st.st_size;
    return PTV_OK;
}

void cli_lines_close(cli_lines *l)
{
    ptv_buf_release(&l->line);
    ptv_free(l->chunk);
    l->chunk = NULL;
}

/* More bytes into the empty chunk. */
static cli_got fill(cli_lines *l, int wait_ms)
{
    struct pollfd p = { .fd = l->fd, .events = POLLIN };
    int ready = poll(&p, 1, wait_ms);
    if (ready == 0 || (ready < 0 && errno == EINTR))
        return CLI_GOT_NOTHING_YET;
    ssize_t n = read(l->fd, l->chunk, CHUNK);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return CLI_GOT_NOTHING_YET;
    if (n < 0) {
        ptv_fail_detail(&l->failed, PTV_EIO, errno, "reading the input: %s", strerror(errno));
        return CLI_GOT_FAILURE;
    }
    l->at = 0;
    l->len = (size_t)n;
    if (n == 0)
        l->ended = true;
    return n ? CLI_GOT_ONE : CLI_GOT_END;
}

/* Append to the line; what goes over its limit is dropped, so that one endless line costs no memory. */
static void append(cli_lines *l, const char *bytes, size_t len)
{
    size_t room = l->line.limit_bytes - l->line.len;
    if (len > room) {
        l->too_long = true;
        len = room;
    }
    ptv_buf_append(&l->line, bytes, len);
}

cli_got cli_lines_next(cli_lines *l, int wait_ms)
{
    if (l->whole) {
        ptv_buf_clear(&l->line);
        l->too_long = l->whole = false;
    }
    for (;;) {
        if (l->at < l->len) {
            const char *start = l->chunk + l->at;
            const char *newline = memchr(start, '\n', l->len - l->at);
            size_t n = newline ? (size_t)(newline - start) : l->len - l->at;
            append(l, start, n);
            l->at += n + (newline != NULL);
            l->bytes += n + (newline != NULL);
            if (l->line.failed) {
                ptv_buf_check(&l->line, &l->failed);
                return CLI_GOT_FAILURE;
            }
            l->whole = newline != NULL;
            if (l->whole)
                return CLI_GOT_ONE;
        }
        if (l->ended)
            return CLI_GOT_END;
        cli_got got = fill(l, wait_ms);
        if (got == CLI_GOT_END && l->line.len) { /* the last line has no newline */
            l->whole = true;
            return CLI_GOT_ONE;
        }
        if (got != CLI_GOT_ONE)
            return got;
    }
}

/* ------------------------------------------------------------------------------------------------- inputs */

ptv_code cli_inputs_open(cli_inputs *in, const cli_options *o, ptv_error *err)
{
    *in = (cli_inputs){ .o = o };
    in->from_stdin = o->operand_count == 1 && strcmp(o->operands[0], "-") == 0;
    return in->from_stdin ? cli_lines_open(&in->lines, STDIN_FILENO, CLI_LINE_LIMIT, err) : PTV_OK;
}

void cli_inputs_close(cli_inputs *in)
{
    if (in->from_stdin)
        cli_lines_close(&in->lines);
    ptv_free(in->value);
    ptv_free(in->type);
}

static void read_object(cli_inputs *in, cli_input *out)
{
    ptv_arena mem = PTV_ARENA(4 << 20);
    ptv_error err = { 0 };
    const ptv_json *json = NULL;
    ptv_free(in->value);
    ptv_free(in->type);
    in->value = in->type = NULL;
    if (ptv_json_parse(&json, &mem, in->lines.line.data, in->lines.line.len, &err)) {
        snprintf(out->refusal, sizeof out->refusal, "%.200s", err.msg);
    } else {
        const ptv_json *value = ptv_json_find(json, "value"), *type = ptv_json_find(json, "type");
        if (!ptv_json_text(value) || (type && !ptv_json_text(type) && ptv_json_kind_of(type) != PTV_JSON_NULL))
            snprintf(out->refusal, sizeof out->refusal, "an object needs a text \"value\", and may have a text \"type\"");
        else if (!(in->value = ptv_strdup(ptv_json_text(value))) ||
                 (ptv_json_text(type) && !(in->type = ptv_strdup(ptv_json_text(type)))))
            snprintf(out->refusal, sizeof out->refusal, "out of memory");
    }
    ptv_arena_release(&mem);
    if (!*out->refusal) {
        out->text = in->value;
        out->type = in->type;
    }
}

static cli_got next_line(cli_inputs *in, cli_input *out, int wait_ms)
{
    for (;;) {
        cli_got got = cli_lines_next(&in->lines, wait_ms);
        if (got != CLI_GOT_ONE)
            return got;
        ptv_buf *whole = &in->lines.line;
        if (whole->len && whole->data[whole->len - 1] == '\r') /* a list from Windows: part of the line's end */
            whole->data[--whole->len] = '\0';
        const char *line = whole->data ? whole->data : "";
        const char *text = line;
        size_t len = in->lines.line.len;
        if (in->number == 0 && ptv_text_starts(text, "\xef\xbb\xbf")) {
            text += 3;
            len -= 3;
        }
        ptv_text_trim(&text, &len);
        if (len == 0 || *text == '#')
            continue;
        in->number++;
        *out = (cli_input){ .text = line, .number = in->number };
        if (in->lines.too_long)
            snprintf(out->refusal, sizeof out->refusal, "the line is longer than %d bytes", CLI_LINE_LIMIT);
        else if (strlen(line) != in->lines.line.len)
            snprintf(out->refusal, sizeof out->refusal, "the line holds a NUL byte");
        else if (*text == '{')
            read_object(in, out);
        if (in->number > in->o->skip)
            return CLI_GOT_ONE;
    }
}

cli_got cli_inputs_next(cli_inputs *in, cli_input *out, int wait_ms)
{
    if (in->from_stdin)
        return next_line(in, out, wait_ms);
    if (in->number < in->o->skip) {
        in->next_operand = in->o->skip < in->o->operand_count ? (size_t)in->o->skip : in->o->operand_count;
        in->number = in->next_operand;
    }
    if (in->next_operand >= in->o->operand_count)
        return CLI_GOT_END;
    *out = (cli_input){ .text = in->o->operands[in->next_operand++], .number = ++in->number };
    return CLI_GOT_ONE;
}
