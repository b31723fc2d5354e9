/*
 * archive.c: recorded answers: a folder of *.json and *.ndjson files, or one file. Opening reads every line once and keeps
 * where it is, not what it says; an answer is read when it is asked for, and goes through the same reader as a live one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sources/archive_line.h"
#include "sources/sections.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES     (256u << 10)
#define MAX_PATHS_BYTES (256u << 20)

typedef struct entry {
    uint64_t hash; /* of section and query */
    uint64_t offset;
    int64_t fetched_at;
    uint32_t len, file, line;
    bool damaged; /* broken, but it can be told whose answer it was */
    bool is_cut;  /* damaged since it is longer than the limit: `len` is its beginning */
} entry;

typedef struct archive {
    const ptv_source_settings *s;
    ptv_arena names;
    const char **files;
    size_t file_count;
    entry *entries; /* by hash; of one hash, whole ones first, newest first */
    size_t count, cap, line_limit;
} archive;

/* FNV-1a with a last mix. Only finds: the line itself is compared before it is believed. */
static uint64_t hash_of(ptv_section section, const char *query)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)section;
    for (h *= UINT64_C(0x100000001b3); *query; query++)
        h = (h ^ (unsigned char)*query) * UINT64_C(0x100000001b3);
    return h ^ (h >> 29);
}

static int by_hash(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    if (x->damaged != y->damaged)
        return x->damaged ? 1 : -1;
    if (x->fetched_at != y->fetched_at)
        return x->fetched_at > y->fetched_at ? -1 : 1;
    if (x->file != y->file)
        return x->file > y->file ? -1 : 1;
    return x->line > y->line ? -1 : x->line < y->line;
}

/* --------------------------------------------------------------------------------------------- open */

static ptv_code add_entry(archive *a, const entry *e, ptv_error *err)
{
    if (a->count == a->cap) {
        size_t cap = a->cap ? a->cap * 2 : 64;
        entry *grown = ptv_realloc(a->entries, cap * sizeof *grown);
        if (!grown)
            return ptv_fail_nomem(err);
        a->entries = grown;
        a->cap = cap;
    }
    a->entries[a->count++] = *e;
    return PTV_OK;
}

/* Put one line into the index. Lines that are no answer, or of a call we do not know, are left out. */
static ptv_code add_line(archive *a, ptv_arena *scratch, const char *text, size_t len, entry e, ptv_error *err)
{
    ptv_archive_line line;
    ptv_archive_key key;
    ptv_answer facts = { .fetched_at = PTV_NO_TIME };
    ptv_error why = { .code = PTV_OK };
    ptv_arena_reset(scratch);
    if (ptv_archive_line_scan(&line, text, len, &why) || e.is_cut)
        e.damaged = true;
    if (e.is_cut)
        ptv_fail(&why, PTV_ETOOBIG, "longer than %zu bytes", a->line_limit);
    ptv_error no_key = { .code = PTV_OK };
    ptv_code rc = ptv_archive_line_key(&key, scratch, &line, &no_key);
    if (rc == PTV_ENOMEM)
        return ptv_fail_nomem(err);
    if (!e.damaged && !rc && key.is_known && ptv_archive_line_facts(&facts, scratch, &line, &why)) {
        if (why.code == PTV_ENOMEM)
            return ptv_fail_nomem(err);
        e.damaged = true;
    }
    if (e.damaged || rc)
        ptv_log(PTV_LOG_WARNING, "archive", "%s:%u: skipped: %s", a->files[e.file], e.line,
                e.damaged ? why.msg : no_key.msg);
    if (rc || !key.is_known)
        return PTV_OK;
    e.hash = hash_of(key.section, key.query);
    e.fetched_at = facts.fetched_at;
    e.len = (uint32_t)len;
    return add_entry(a, &e, err);
}

/* Lines of a file, one at a time, through one buffer; of a line over the limit only the beginning is kept. */
typedef struct lines {
    int fd;
    char *data;
    size_t len, cap, at, limit;
    uint64_t offset;  /* of data[at] in the file */
    uint64_t dropped; /* bytes of the line at data[at] that were not kept */
    bool at_end;
} lines;

static ptv_code fill(lines *in, ptv_error *err)
{
    if (in->at > 0) {
        memmove(in->data, in->data + in->at, in->len - in->at);
        in->len -= in->at;
        in->at = 0;
    }
    if (in->len > in->limit) {
        in->dropped += in->len - in->limit;
        in->len = in->limit;
    }
    if (in->cap - in->len < CHUNK_BYTES) {
        size_t cap = in->cap ? in->cap * 2 : 2 * CHUNK_BYTES;
        char *grown = ptv_realloc(in->data, cap);
        if (!grown)
            return ptv_fail_nomem(err);
        in->data = grown;
        in->cap = cap;
    }
    ssize_t got;
    do
        got = read(in->fd, in->data + in->len, CHUNK_BYTES);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return ptv_fail_detail(err, PTV_EIO, errno, "cannot be read");
    in->at_end = got == 0;
    in->len += (size_t)got;
    return PTV_OK;
}

/* The next line, valid until the next call; *cut: it is longer than the limit. *any false: there is none. */
static ptv_code next_line(lines *in, const char **text, size_t *len, bool *cut, bool *any, ptv_error *err)
{
    size_t scanned = 0;
    for (;;) {
        const char *start = in->data ? in->data + in->at : NULL;
        size_t have = in->len - in->at;
        const char *newline = start && have > scanned ? memchr(start + scanned, '\n', have - scanned) : NULL;
        *any = newline || (in->at_end && have > 0);
        if (*any) {
            size_t size = newline ? (size_t)(newline - start) : have;
            *cut = in->dropped > 0 || size > in->limit;
            *text = start;
            *len = size < in->limit ? size : in->limit;
            in->at += size + (newline ? 1 : 0);
            in->offset += size + (newline ? 1 : 0) + in->dropped;
            in->dropped = 0;
            return PTV_OK;
        }
        if (in->at_end)
            return PTV_OK;
        ptv_code rc = fill(in, err);
        if (rc)
            return rc;
        scanned = have < in->limit ? have : in->limit;
    }
}

static bool is_blank(const char *text, size_t len)
{
    ptv_text_trim(&text, &len);
    return len == 0;
}

static ptv_code add_lines(archive *a, uint32_t file, ptv_error *err)
{
    ptv_arena scratch = PTV_ARENA(1 << 20);
    lines in = { .fd = open(a->files[file], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), .limit = a->line_limit };
    if (in.fd < 0)
        return ptv_fail_detail(err, PTV_EIO, errno, "cannot be opened");
    entry e = { .file = file };
    ptv_code rc = PTV_OK;
    for (bool any = true; !rc && any;) {
        const char *text = NULL;
        size_t len = 0;
        e.offset = in.offset;
        rc = next_line(&in, &text, &len, &e.is_cut, &any, err);
        if (rc || !any)
            break;
        e.line++;
        if (!is_blank(text, len))
            rc = add_line(a, &scratch, text, len, e, err);
    }
    close(in.fd);
    ptv_free(in.data);
    ptv_arena_release(&scratch);
    return rc;
}

/* A .json file may hold one answer over many lines. */
static ptv_code add_whole(archive *a, uint32_t file, bool *done, ptv_error *err)
{
    ptv_buf text = PTV_BUF(a->line_limit);
    ptv_arena scratch = PTV_ARENA(1 << 20);
    ptv_archive_line line;
    ptv_error why;
    ptv_code rc = ptv_file_read(&text, a->files[file], err);
    *done = !rc && text.len > 0 && ptv_archive_line_scan(&line, text.data, text.len, &why) == PTV_OK;
    if (rc == PTV_ETOOBIG)
        rc = PTV_OK; /* so it is read line by line */
    if (*done)
        rc = add_line(a, &scratch, text.data, text.len, (entry){ .file = file, .line = 1 }, err);
    ptv_buf_release(&text);
    ptv_arena_release(&scratch);
    return rc;
}

static ptv_code add_file(archive *a, uint32_t file, ptv_error *err)
{
    bool done = false;
    ptv_code rc = PTV_OK;
    if (!ptv_is_file(a->files[file]))
        rc = ptv_fail(err, PTV_EIO, "not a regular file");
    if (!rc && ptv_text_ends(a->files[file], ".json"))
        rc = add_whole(a, file, &done, err);
    if (!rc && !done)
        rc = add_lines(a, file, err);
    return rc ? ptv_wrap(err, "archive %s", a->files[file]) : PTV_OK;
}

static ptv_code list_files(archive *a, const char *path, ptv_error *err)
{
    const char **names = NULL;
    size_t count = 0;
    if (!ptv_is_dir(path)) {
        a->files = ptv_arena_calloc(&a->names, 1, sizeof *a->files);
        if (!a->files || !(a->files[0] = ptv_arena_strdup(&a->names, path)))
            return ptv_arena_fail(&a->names, err);
        a->file_count = 1;
        return PTV_OK;
    }
    ptv_code rc = ptv_dir_list(&names, &count, &a->names, path, err);
    if (rc)
        return ptv_wrap(err, "archive %s", path);
    a->files = ptv_arena_calloc(&a->names, count + 1, sizeof *a->files);
    if (!a->files)
        return ptv_arena_fail(&a->names, err);
    for (size_t i = 0; i < count; i++) {
        if (*names[i] == '.' || (!ptv_text_ends(names[i], ".json") && !ptv_text_ends(names[i], ".ndjson")))
            continue;
        const char *file = ptv_path_join(&a->names, path, names[i]);
        if (!file)
            return ptv_arena_fail(&a->names, err);
        a->files[a->file_count++] = file;
    }
    return PTV_OK;
}

static void archive_free(void *self)
{
    archive *a = self;
    if (!a)
        return;
    ptv_free(a->entries);
    ptv_arena_release(&a->names);
    ptv_free(a);
}

/* -------------------------------------------------------------------------------------------- answer */

static ptv_code read_entry(ptv_buf *out, const archive *a, const entry *e, ptv_error *err)
{
    char chunk[16 << 10];
    int fd = open(a->files[e->file], O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return ptv_fail_detail(err, PTV_EIO, errno, "cannot be opened");
    for (uint64_t at = 0; at < e->len;) {
        size_t want = e->len - at < sizeof chunk ? (size_t)(e->len - at) : sizeof chunk;
        ssize_t got = pread(fd, chunk, want, (off_t)(e->offset + at));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        ptv_buf_append(out, chunk, (size_t)got);
        at += (uint64_t)got;
    }
    close(fd);
    return ptv_buf_check(out, err);
}

typedef struct asked {
    ptv_record *r;
    ptv_arena *mem;
    ptv_section section;
    const char *query;
} asked;

/* PTV_ENOENTRY: it is another's answer after all. */
static ptv_code answer_from(archive *a, const entry *e, const asked *q, ptv_error *err)
{
    ptv_buf text = PTV_BUF((size_t)e->len + 1);
    ptv_arena scratch = PTV_ARENA((size_t)e->len * 3 + (1 << 20));
    ptv_archive_line line;
    ptv_archive_key key = { .is_known = false };
    ptv_answer facts = { .status = 0 };
    ptv_error why = { .code = PTV_OK };
    ptv_code rc = read_entry(&text, a, e, err);
    if (!rc) {
        ptv_code scanned = ptv_archive_line_scan(&line, text.data ? text.data : "", text.len, &why);
        rc = ptv_archive_line_key(&key, &scratch, &line, err);
        if (!rc && (!key.is_known || key.section != q->section || strcmp(key.query, q->query) != 0))
            rc = PTV_ENOENTRY;
        else if (!rc && scanned && !e->is_cut)
            rc = ptv_fail(err, PTV_ESHAPE, "%s", why.msg);
        else if (!rc && !scanned)
            rc = ptv_archive_line_facts(&facts, &scratch, &line, err);
    }
    if (!rc && e->is_cut)
        rc = ptv_fail(err, PTV_ETOOBIG, "longer than %zu bytes", a->line_limit);
    if (rc && rc != PTV_ENOENTRY) {
        ptv_wrap(err, "archive %s:%u", a->files[e->file], e->line);
        ptv_section_clear(q->r, q->section);
        ptv_section_fail(q->r, q->mem, q->section, PTV_STATE_FAILED, PTV_CAUSE_SETTINGS, err->msg);
        q->r->sections[q->section].source = "archive";
    } else if (!rc) {
        rc = ptv_archive_line_read(q->r, q->mem, &scratch, a->s, q->section, &line, facts, err);
    }
    ptv_arena_release(&scratch);
    ptv_buf_release(&text);
    return rc;
}

static ptv_code answer_query(archive *a, const asked *q, ptv_error *err)
{
    uint64_t hash = hash_of(q->section, q->query);
    size_t low = 0, high = a->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (a->entries[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < a->count && a->entries[low].hash == hash; low++) {
        ptv_code rc = answer_from(a, &a->entries[low], q, err);
        if (rc != PTV_ENOENTRY)
            return rc;
    }
    return PTV_ENOENTRY;
}

static ptv_code archive_answer(void *self, ptv_record *r, ptv_arena *mem, ptv_section section, ptv_error *err)
{
    ptv_code rc = answer_query(self, &(asked){ r, mem, section, r->subject->value }, err);
    if (rc == PTV_ENOENTRY && section == PTV_ACCOUNT) /* an account belongs to no artifact */
        rc = answer_query(self, &(asked){ r, mem, section, "" }, err);
    if (!rc && !r->link) /* a record that is made of the archive alone */
        rc = ptv_passivetotal_link(&r->link, mem, ((archive *)self)->s, r->subject, err);
    return rc == PTV_ENOENTRY ? ptv_fail(err, PTV_ENOENTRY, "no entry in the archive") : rc;
}

ptv_code ptv_archive_open(ptv_local_source *out, const ptv_source_settings *s, ptv_error *err)
{
    archive *a = ptv_calloc(1, sizeof *a);
    if (!a)
        return ptv_fail_nomem(err);
    a->s = s;
    a->names = (ptv_arena)PTV_ARENA(MAX_PATHS_BYTES);
    /* A body as text has its quotes escaped: twice its size, and some room for the rest. */
    size_t body = s->body_limit_bytes ? s->body_limit_bytes : 16u << 20;
    a->line_limit = body < (UINT32_MAX - (64u << 10)) / 2 ? body * 2 + (64u << 10) : UINT32_MAX;
    ptv_code rc = ptv_source_there("archive", s->archive, err);
    if (!rc)
        rc = list_files(a, s->archive, err);
    for (size_t i = 0; !rc && i < a->file_count; i++)
        rc = add_file(a, (uint32_t)i, err);
    if (rc) {
        archive_free(a);
        return rc;
    }
    if (a->count > 1)
        qsort(a->entries, a->count, sizeof *a->entries, by_hash);
    ptv_log(PTV_LOG_INFO, "archive", "%s: %zu answers", s->archive, a->count);
    *out = (ptv_local_source){
        .name = "archive", .fills = PTV_BIT(PTV_SECTION_COUNT) - 1, .self = a, .answer = archive_answer, .free = archive_free
    };
    return PTV_OK;
}
