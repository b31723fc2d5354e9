/*
 * findings.c: the list behind ptv_findings. What no longer fits is not lost silently: one last finding of the worst
 * grade left out says so.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/findings.h"
#include "base/arena.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

enum { LIMIT_BYTES = 16 << 20 };

typedef struct entry {
    ptv_finding finding;
    size_t order; /* of adding */
} entry;

struct ptv_findings {
    ptv_arena mem; /* texts */
    entry *entries;
    size_t count, room;
    ptv_finding left_out;
    bool has_left_out;
};

ptv_code ptv_findings_new(ptv_findings **out, ptv_error *err)
{
    ptv_findings *f = ptv_calloc(1, sizeof *f);
    if (!f)
        return ptv_fail_nomem(err);
    f->mem = (ptv_arena)PTV_ARENA(LIMIT_BYTES);
    f->left_out = (ptv_finding){ .file = "", .code = "E-TOO-MANY", .message = "more findings than can be kept" };
    *out = f;
    return PTV_OK;
}

static bool add(ptv_findings *f, ptv_finding finding)
{
    if (!finding.file || !finding.code || !finding.message)
        return false;
    if (f->count == f->room) {
        size_t room = f->room ? f->room * 2 : 16;
        entry *entries = ptv_realloc(f->entries, room * sizeof *entries);
        if (!entries)
            return false;
        f->entries = entries;
        f->room = room;
    }
    f->entries[f->count] = (entry){ finding, f->count };
    f->count++;
    return true;
}

void ptv_finding_add(ptv_findings *f, ptv_grade grade, const char *file, int line, const char *code, const char *fmt, ...)
{
    if (!f)
        return;
    va_list args;
    va_start(args, fmt);
    ptv_finding finding = {
        .grade = grade,
        .file = ptv_arena_strdup(&f->mem, file),
        .line = line,
        .code = ptv_arena_strdup(&f->mem, code),
        .message = ptv_arena_vprintf(&f->mem, fmt, args),
    };
    va_end(args);
    if (!add(f, finding)) {
        if (!f->has_left_out || grade > f->left_out.grade)
            f->left_out.grade = grade;
        f->has_left_out = true;
    }
}

static int compare(const void *left, const void *right)
{
    const entry *a = left, *b = right;
    int order = strcmp(a->finding.file, b->finding.file);
    if (order)
        return order;
    if (a->finding.line != b->finding.line)
        return a->finding.line < b->finding.line ? -1 : 1;
    return a->order < b->order ? -1 : a->order > b->order;
}

void ptv_findings_sort(ptv_findings *f)
{
    if (f && f->count)
        qsort(f->entries, f->count, sizeof *f->entries, compare);
}

size_t ptv_findings_count(const ptv_findings *f, ptv_grade at_least)
{
    size_t count = 0;
    const ptv_finding *finding;
    for (size_t i = 0; f && (finding = ptv_findings_at(f, i)); i++)
        count += finding->grade >= at_least;
    return count;
}

const char *ptv_grade_name(ptv_grade g)
{
    static const char *const names[] = { [PTV_NOTE] = "note", [PTV_WARNING] = "warning", [PTV_ERROR] = "error" };
    return names[g];
}

void ptv_findings_json(ptv_json_out *o, const ptv_findings *f)
{
    const ptv_finding *one;
    ptv_json_open(o, "findings", '[');
    for (size_t i = 0; (one = ptv_findings_at(f, i)) != NULL; i++) {
        ptv_json_open(o, NULL, '{');
        ptv_json_put_text(o, "file", one->file);
        if (one->line > 0)
            ptv_json_put_int(o, "line", one->line);
        else
            ptv_json_put_null(o, "line");
        ptv_json_put_text(o, "grade", ptv_grade_name(one->grade));
        ptv_json_put_text(o, "code", one->code);
        ptv_json_put_text(o, "message", one->message);
        ptv_json_close(o, '}');
    }
    ptv_json_close(o, ']');
}

const ptv_finding *ptv_findings_at(const ptv_findings *f, size_t index)
{
    if (index < f->count)
        return &f->entries[index].finding;
    return index == f->count && f->has_left_out ? &f->left_out : NULL;
}

void ptv_findings_free(ptv_findings *f)
{
    if (!f)
        return;
    ptv_arena_release(&f->mem);
    ptv_free(f->entries);
    ptv_free(f);
}
