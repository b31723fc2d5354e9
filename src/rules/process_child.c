/*
 * process_child.c: the rule process itself: guarded before it reads, it loads one set from texts and runs its custom
 * functions on the records it is sent, until the other end closes or kills it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "core/name.h"
#include "core/record_json.h"
#include "rules/process.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOCKET = 0, RECORD_LIMIT = 96 << 20 };

typedef struct child {
    ptv_ruleset *rs;
    ptv_buf in;
    ptv_arena mem;  /* of the record */
    ptv_arena said; /* of what the last call said */
    ptv_record *record;
} child;

/* ------------------------------------------------------------------------------------------------- wire */

void ptv_wire_put(ptv_buf *out, const char *text, size_t len)
{
    uint32_t bytes = (uint32_t)len;
    ptv_buf_append(out, (const char *)&bytes, sizeof bytes);
    ptv_buf_append(out, text, len);
    ptv_buf_putc(out, '\0');
}

void ptv_wire_bytes(ptv_wire *in, void *to, size_t len)
{
    in->bad = in->bad || (size_t)(in->end - in->at) < len;
    if (in->bad) {
        memset(to, 0, len);
        return;
    }
    memcpy(to, in->at, len);
    in->at += len;
}

const char *ptv_wire_text(ptv_wire *in, size_t *len)
{
    uint32_t bytes;
    ptv_wire_bytes(in, &bytes, sizeof bytes);
    in->bad = in->bad || (size_t)(in->end - in->at) <= bytes || in->at[bytes] != '\0';
    if (in->bad) {
        *len = 0;
        return "";
    }
    const char *text = in->at;
    *len = bytes;
    in->at += bytes + 1;
    return text;
}

/* The other end has gone: so do we, at once and without a word. */
_Noreturn static void leave(void)
{
    _exit(0);
}

static void read_all(char *to, size_t len)
{
    while (len) {
        ssize_t got = read(SOCKET, to, len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            leave();
        to += got;
        len -= (size_t)got;
    }
}

static void write_all(const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len) {
        ssize_t put = write(SOCKET, at, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            leave();
        at += put;
        len -= (size_t)put;
    }
}

/* The next frame into c->in. PTV_ENOMEM: it was read over. */
static ptv_code read_frame(child *c, uint32_t *kind, ptv_error *err)
{
    ptv_frame head;
    read_all((char *)&head, sizeof head);
    if (head.len > PTV_FRAME_MOST)
        leave();
    *kind = head.kind;
    ptv_buf_clear(&c->in);
    char *room = ptv_buf_reserve(&c->in, head.len);
    if (room) {
        read_all(room, head.len);
        ptv_buf_advance(&c->in, head.len);
        return PTV_OK;
    }
    for (char scrap[4096]; head.len;) {
        uint32_t part = head.len < sizeof scrap ? head.len : sizeof scrap;
        read_all(scrap, part);
        head.len -= part;
    }
    return ptv_fail_nomem(err);
}

/* ------------------------------------------------------------------------------------------------- load */

static ptv_code load(child *c, ptv_error *err)
{
    ptv_wire in = { .at = c->in.data, .end = c->in.data + c->in.len };
    ptv_frame_load head;
    size_t len;
    ptv_wire_bytes(&in, &head, sizeof head);
    if (head.settings > c->in.len || head.files > c->in.len)
        return ptv_fail(err, PTV_EBUG, "the rules arrived garbled");
    ptv_rule_setting *settings = ptv_arena_calloc(&c->mem, head.settings + 1, sizeof *settings);
    ptv_rule_file *files = ptv_arena_calloc(&c->mem, head.files + 1, sizeof *files);
    if (!settings || !files)
        return ptv_arena_fail(&c->mem, err);
    for (uint32_t i = 0; i < head.settings; i++) {
        settings[i].name = ptv_wire_text(&in, &len);
        settings[i].value = ptv_wire_text(&in, &len);
        settings[i].where = "settings";
    }
    for (uint32_t i = 0; i < head.files; i++) {
        files[i].path = ptv_wire_text(&in, &len);
        files[i].folder = ptv_wire_text(&in, &len);
        files[i].name = ptv_wire_text(&in, &len);
        files[i].text = ptv_wire_text(&in, &files[i].len);
    }
    if (in.bad || in.at != in.end)
        return ptv_fail(err, PTV_EBUG, "the rules arrived garbled");
    const ptv_rules_options options = { .files = files,
                                        .file_count = head.files,
                                        .settings = settings,
                                        .setting_count = head.settings,
                                        .supported = head.supported,
                                        .now = head.now,
                                        .shadow_fetch = head.shadow_fetch != 0,
                                        .part = head.part != 0 };
    return ptv_ruleset_load(&c->rs, &options, NULL, err);
}

static void answer_load(child *c, ptv_code rc, const ptv_error *err)
{
    struct {
        ptv_frame head;
        ptv_frame_ready ready;
    } out = { { PTV_FRAME_READY, sizeof out.ready }, { .code = rc } };
    if (rc) {
        snprintf(out.ready.text, sizeof out.ready.text, "%s", err->msg);
    } else {
        out.ready.nodes = (uint32_t)c->rs->node_count;
        memcpy(out.ready.digest, c->rs->digest, sizeof out.ready.digest);
        memcpy(out.ready.settings_digest, c->rs->settings_digest, sizeof out.ready.settings_digest);
    }
    write_all(&out, sizeof out);
}

/* ------------------------------------------------------------------------------------------------ calls */

static ptv_code run(child *c, ptv_truth *truth, const char **reason, ptv_error *err)
{
    ptv_frame_call call;
    if (c->in.len < sizeof call)
        return ptv_fail(err, PTV_EBUG, "the call arrived garbled");
    memcpy(&call, c->in.data, sizeof call);
    if (call.node >= c->rs->node_count || !c->rs->nodes[call.node]->custom)
        return ptv_fail(err, PTV_EBUG, "no custom condition has the number %u", call.node);
    if (c->in.len > sizeof call) {
        c->record = NULL;
        ptv_arena_reset(&c->mem);
        ptv_code rc = ptv_record_read_compact(&c->record, &c->mem, c->in.data + sizeof call, c->in.len - sizeof call, err);
        if (rc)
            return rc;
    }
    if (!c->record)
        return ptv_fail(err, PTV_EBUG, "no record has been sent");
    c->record->now = call.now;
    ptv_arena_reset(&c->said);
    return ptv_custom_run(truth, reason, &c->said, c->rs->nodes[call.node]->custom, c->record, err);
}

static void answer_call(ptv_code rc, ptv_truth truth, const char *text)
{
    struct {
        ptv_frame head;
        ptv_frame_answer answer;
    } out;
    size_t fixed = offsetof(ptv_frame_answer, text), len = text ? strlen(text) : 0;
    len = len < PTV_TEXT_MOST ? len : PTV_TEXT_MOST;
    out.head = (ptv_frame){ PTV_FRAME_ANSWER, (uint32_t)(fixed + len) };
    out.answer.code = rc;
    out.answer.truth = truth;
    out.answer.has_text = text != NULL;
    out.answer.len = (uint32_t)len;
    if (len)
        memcpy(out.answer.text, text, len);
    write_all(&out, sizeof out.head + fixed + len);
}

/* What the libraries behind us open or ask for on first use, they do now. */
static bool warm_up(void)
{
    char hex[PTV_DIGEST_HEX];
    ptv_digest *d = ptv_digest_new();
    if (!d)
        return false;
    ptv_digest_begin(d);
    ptv_digest_end(d, hex);
    ptv_digest_free(d);
    ptv_name_is_public_suffix("co.uk");
    return true;
}

int ptv_rule_process_main(void)
{
    struct stat st;
    if (fstat(SOCKET, &st) || !S_ISSOCK(st.st_mode))
        return 64; /* somebody typed it */
    child c = { .in = PTV_BUF(PTV_FRAME_MOST), .mem = PTV_ARENA(RECORD_LIMIT), .said = PTV_ARENA(1 << 16) };
    ptv_error err = { 0 };
    uint32_t kind;
    ptv_code rc = PTV_OK;
    closefrom(SOCKET + 1);
    if (!warm_up())
        rc = ptv_fail_nomem(&err);
    else if (!ptv_process_guard(&err))
        rc = err.code;
    if (!rc)
        rc = read_frame(&c, &kind, &err);
    if (!rc)
        rc = kind == PTV_FRAME_LOAD ? load(&c, &err) : ptv_fail(&err, PTV_EBUG, "rules come first");
    answer_load(&c, rc, &err);
    if (rc)
        leave();
    ptv_buf_release(&c.in);
    ptv_arena_reset(&c.mem);
    for (;;) {
        ptv_truth truth = PTV_UNSURE;
        const char *text = NULL;
        err = (ptv_error){ 0 };
        rc = read_frame(&c, &kind, &err);
        if (!rc)
            rc = run(&c, &truth, &text, &err);
        answer_call(rc, truth, rc ? err.msg : text);
    }
}
