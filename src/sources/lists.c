/*
 * lists.c: indicators of our own: names, zones and nets with tags, a classification, first and last seen. Opening checks
 * every row and keeps where it begins; a row that is hit is read again. Of several entries that cover an artifact the most
 * specific one answers; rows with the same indicator answer together.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sources/list_rows.h"
#include "sources/sections.h"
#include "sources/source.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/indicators.h"
#include <stdlib.h>
#include <string.h>

#define MAX_FILE_BYTES  (1u << 30)
#define MAX_NAMES_BYTES (64u << 20)
#define ROW_ARENA_BYTES (64u << 20) /* what one row may need to be read */

typedef struct list_file {
    const char *path;
    ptv_buf text;
    uint32_t base; /* of its offsets: the bytes of the files before it */
    ptv_list_format format;
} list_file;

typedef struct twin { /* a row whose indicator stood in an earlier row */
    uint32_t first, row;
} twin;

typedef struct lists {
    const ptv_source_settings *s;
    ptv_arena names;
    list_file *files;
    size_t file_count;
    uint32_t *rows; /* where each begins */
    uint64_t *keys; /* while the lists are read: tag of the indicator, row */
    size_t count, cap;
    twin *twins; /* by first row */
    size_t twin_count, twin_cap;
    ptv_indicators *indicators;
    ptv_sections fills;
} lists;

/* --------------------------------------------------------------------------------------------- rows */

/* Room for `count` items in an array of the heap. */
static void *grow(void *old, size_t *cap, size_t count, size_t size)
{
    size_t wanted = *cap ? *cap : 64;
    while (wanted < count)
        wanted *= 2;
    if (wanted == *cap)
        return old;
    void *grown = ptv_realloc(old, wanted * size);
    if (grown)
        *cap = wanted;
    return grown;
}

static ptv_code read_row(ptv_list_row *out, ptv_arena *mem, const lists *l, uint32_t row, ptv_error *err)
{
    size_t i = l->file_count - 1;
    while (l->files[i].base > l->rows[row])
        i--;
    const list_file *file = &l->files[i];
    ptv_list_cursor c = { file->text.data + (l->rows[row] - file->base), file->text.data + file->text.len, 0 };
    return ptv_list_row_read(out, mem, &file->format, &c, err);
}

/* As people vary it: case, and a dot at the end. */
static size_t plain_len(const ptv_list_cell *cell)
{
    return cell->len > 1 && cell->text[cell->len - 1] == '.' ? cell->len - 1 : cell->len;
}

static bool same_indicator(const ptv_list_cell *a, const ptv_list_cell *b)
{
    size_t len = plain_len(a);
    return len == plain_len(b) && strncasecmp(a->text, b->text, len) == 0;
}

/* Eight bytes at a time; bit 5 set makes upper case lower, and what else it makes equal does no harm here. */
static uint32_t tag_of(const ptv_list_cell *cell)
{
    uint64_t word, h = plain_len(cell);
    size_t len = plain_len(cell), i = 0;
    for (; i < len; i += 8) {
        word = 0;
        memcpy(&word, cell->text + i, len - i < 8 ? len - i : 8);
        h = (h ^ (word | UINT64_C(0x2020202020202020))) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    return (uint32_t)(h >> 32);
}

/* By the upper halves, the order of the lower ones kept: a pass for each byte. `other` is as large. */
static void sort_keys(uint64_t *keys, uint64_t *other, size_t count)
{
    for (int shift = 32; shift < 64; shift += 8) {
        size_t starts[257] = { 0 };
        for (size_t i = 0; i < count; i++)
            starts[(keys[i] >> shift & 0xFF) + 1]++;
        for (size_t i = 0; i < 256; i++)
            starts[i + 1] += starts[i];
        for (size_t i = 0; i < count; i++)
            other[starts[keys[i] >> shift & 0xFF]++] = keys[i];
        uint64_t *sorted = other;
        other = keys;
        keys = sorted;
    }
}

static ptv_code add_twin(lists *l, uint32_t first, uint32_t row, ptv_error *err)
{
    twin *twins = grow(l->twins, &l->twin_cap, l->twin_count + 1, sizeof *twins);
    if (!twins)
        return ptv_fail_nomem(err);
    l->twins = twins;
    l->twins[l->twin_count++] = (twin){ first, row };
    return PTV_OK;
}

/* The rows of equal tags, the earliest first: which of them have equal indicators? */
static ptv_code pair_up(lists *l, uint64_t *keys, size_t count, ptv_error *err)
{
    ptv_code rc = PTV_OK;
    while (!rc && count > 1) { /* the earliest and its twins go, the others stay in order */
        size_t left = 0;
        for (size_t i = 1; !rc && i < count; i++) {
            ptv_list_row first, other;
            ptv_arena scratch = PTV_ARENA(2 * ROW_ARENA_BYTES);
            rc = read_row(&first, &scratch, l, (uint32_t)keys[0], err);
            if (!rc)
                rc = read_row(&other, &scratch, l, (uint32_t)keys[i], err);
            if (!rc && same_indicator(&first.cells[PTV_LIST_INDICATOR], &other.cells[PTV_LIST_INDICATOR]))
                rc = add_twin(l, (uint32_t)keys[0], (uint32_t)keys[i], err);
            else
                keys[left++] = keys[i];
            ptv_arena_release(&scratch);
        }
        count = left;
    }
    return rc;
}

static int by_first(const void *a, const void *b)
{
    const twin *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static ptv_code find_twins(lists *l, ptv_error *err)
{
    uint64_t *sorted = ptv_malloc((l->count + 1) * sizeof *sorted);
    ptv_code rc = sorted ? PTV_OK : ptv_fail_nomem(err);
    if (!rc)
        sort_keys(l->keys, sorted, l->count);
    for (size_t start = 0, end; !rc && start < l->count; start = end) {
        for (end = start + 1; end < l->count && l->keys[end] >> 32 == l->keys[start] >> 32;)
            end++;
        if (end - start > 1)
            rc = pair_up(l, l->keys + start, end - start, err);
    }
    if (l->twin_count > 1)
        qsort(l->twins, l->twin_count, sizeof *l->twins, by_first);
    ptv_free(sorted);
    ptv_free(l->keys);
    l->keys = NULL;
    return rc;
}

/* --------------------------------------------------------------------------------------------- open */

/* Checked cells that came before: neighbours are often equal. */
typedef struct recent {
    ptv_list_cell classification, dates[2];
} recent;

static bool same_cell(const ptv_list_cell *a, const ptv_list_cell *b)
{
    return a->text && a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* A short cell as a C text. false: too long to be a word or a date. */
static bool cell_text(char out[64], const ptv_list_cell *cell)
{
    if (cell->len >= 64)
        return false;
    memcpy(out, cell->text, cell->len);
    out[cell->len] = '\0';
    return true;
}

static ptv_code bad_cell(ptv_error *err, const char *what, const ptv_list_cell *cell)
{
    return ptv_fail(err, PTV_EINVAL, "'%.*s' is no %s", (int)(cell->len < 60 ? cell->len : 60), cell->text, what);
}

static ptv_code check_row(lists *l, recent *seen, const ptv_list_row *row, bool is_stable, ptv_error *err)
{
    char text[64];
    int64_t utc;
    const ptv_list_cell *word = &row->cells[PTV_LIST_CLASSIFICATION];
    if (row->cells[PTV_LIST_TAGS].len > 0)
        l->fills |= PTV_BIT(PTV_TAGS);
    if (word->len > 0 && !same_cell(&seen->classification, word)) {
        if (!cell_text(text, word) || !ptv_classification_parse(text))
            return bad_cell(err, "classification", word);
        l->fills |= PTV_BIT(PTV_CLASSIFICATION);
        if (is_stable)
            seen->classification = *word;
    }
    for (int i = 0; i < 2; i++) {
        const ptv_list_cell *date = &row->cells[PTV_LIST_FIRST_SEEN + i];
        if (date->len == 0 || same_cell(&seen->dates[i], date))
            continue;
        if (!cell_text(text, date) || !ptv_time_parse(&utc, text, l->s->timezone_offset_s))
            return bad_cell(err, "date", date);
        l->fills |= PTV_BIT(PTV_PASSIVE_DNS);
        if (is_stable)
            seen->dates[i] = *date;
    }
    return PTV_OK;
}

static ptv_code add_row(lists *l, uint32_t offset, const ptv_list_cell *indicator, ptv_error *err)
{
    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 1024;
        uint32_t *rows = cap < UINT32_MAX ? ptv_realloc(l->rows, cap * sizeof *rows) : NULL;
        if (rows)
            l->rows = rows;
        uint64_t *keys = rows ? ptv_realloc(l->keys, cap * sizeof *keys) : NULL;
        if (!keys)
            return ptv_fail_nomem(err);
        l->keys = keys;
        l->cap = cap;
    }
    l->rows[l->count] = offset;
    l->keys[l->count] = (uint64_t)tag_of(indicator) << 32 | l->count;
    return ptv_indicators_add(l->indicators, indicator->text, indicator->len, (uint32_t)l->count++, err);
}

static ptv_code read_rows(lists *l, list_file *file, ptv_arena *scratch, unsigned *line, ptv_error *err)
{
    const char *start = file->text.data ? file->text.data : "";
    ptv_list_cursor c = { start, start + file->text.len, 1 };
    recent seen = { .classification = { NULL, 0 } };
    ptv_code rc = ptv_list_format_read(&file->format, scratch, &c, err);
    while (!rc && ptv_list_seek(&c)) {
        ptv_list_row row;
        uint32_t offset = file->base + (uint32_t)(c.at - start);
        *line = c.line;
        rc = ptv_list_row_read(&row, scratch, &file->format, &c, err);
        if (!rc)
            rc = check_row(l, &seen, &row, !file->format.is_json, err);
        if (!rc)
            rc = add_row(l, offset, &row.cells[PTV_LIST_INDICATOR], err);
        if (scratch->used_bytes > 0)
            ptv_arena_reset(scratch);
    }
    return rc;
}

static ptv_code read_file(lists *l, list_file *file, ptv_arena *scratch, ptv_error *err)
{
    unsigned line = 1;
    const list_file *before = file > l->files ? file - 1 : NULL;
    ptv_code rc = ptv_file_read(&file->text, file->path, err);
    if (!rc && before && (uint64_t)before->base + before->text.len + file->text.len > UINT32_MAX)
        rc = ptv_fail(err, PTV_ETOOBIG, "more than 4 GB of lists");
    if (rc)
        return ptv_wrap(err, "lists %s", file->path);
    file->base = before ? before->base + (uint32_t)before->text.len : 0;
    l->file_count++;
    ptv_arena_reset(scratch);
    rc = read_rows(l, file, scratch, &line, err);
    if (rc == PTV_EINVAL)
        err->code = PTV_ESETTINGS;
    return rc ? ptv_wrap(err, "%s:%u", file->path, line) : PTV_OK;
}

static bool is_list(const char *name)
{
    return *name != '.' && (ptv_text_ends(name, ".csv") || ptv_text_ends(name, ".ndjson") || ptv_text_ends(name, ".jsonl"));
}

/* The files, not read yet. */
static ptv_code find_files(lists *l, size_t *found, const char *path, ptv_error *err)
{
    const char **names = NULL;
    size_t count = 1;
    bool is_folder = ptv_is_dir(path);
    ptv_code rc = is_folder ? ptv_dir_list(&names, &count, &l->names, path, err) : PTV_OK;
    if (rc)
        return ptv_wrap(err, "lists %s", path);
    l->files = ptv_arena_calloc(&l->names, count + 1, sizeof *l->files);
    if (!l->files)
        return ptv_arena_fail(&l->names, err);
    for (size_t i = 0; i < count; i++) {
        if (is_folder && !is_list(names[i]))
            continue;
        list_file *file = &l->files[(*found)++];
        file->text = (ptv_buf)PTV_BUF(MAX_FILE_BYTES);
        file->path = is_folder ? ptv_path_join(&l->names, path, names[i]) : ptv_arena_strdup(&l->names, path);
        if (!file->path)
            return ptv_arena_fail(&l->names, err);
    }
    return PTV_OK;
}

static ptv_code read_files(lists *l, ptv_error *err)
{
    size_t found = 0;
    ptv_arena scratch = PTV_ARENA(ROW_ARENA_BYTES);
    ptv_code rc = find_files(l, &found, l->s->lists, err);
    for (size_t i = 0; !rc && i < found; i++)
        rc = read_file(l, &l->files[i], &scratch, err);
    if (!rc)
        rc = ptv_indicators_seal(l->indicators, err);
    if (!rc)
        rc = find_twins(l, err);
    ptv_arena_release(&scratch);
    return rc;
}

static void lists_free(void *self)
{
    lists *l = self;
    for (size_t i = 0; l->files && l->files[i].path; i++)
        ptv_buf_release(&l->files[i].text);
    ptv_indicators_free(l->indicators);
    ptv_free(l->rows);
    ptv_free(l->keys);
    ptv_free(l->twins);
    ptv_arena_release(&l->names);
    ptv_free(l);
}

/* ------------------------------------------------------------------------------------------- answer */

typedef struct gathered { /* from all rows of one indicator */
    const char **tags;
    size_t tag_count, tag_cap;
    const char *classification;
    int64_t first, last;
    const char *first_text, *last_text;
} gathered;

static ptv_code gather_tags(gathered *g, ptv_arena *mem, const ptv_list_cell *cell, ptv_error *err)
{
    for (size_t i = 0; i < cell->len;) {
        size_t end = i;
        while (end < cell->len && !strchr(";|,\n", cell->text[end]))
            end++;
        const char *tag = cell->text + i;
        size_t len = end - i;
        i = end + 1;
        ptv_text_trim(&tag, &len);
        if (len == 0)
            continue;
        if (g->tag_count == g->tag_cap) {
            size_t cap = g->tag_cap ? g->tag_cap * 2 : 16;
            const char **grown = ptv_arena_calloc(mem, cap, sizeof *grown);
            if (!grown)
                return ptv_arena_fail(mem, err);
            for (size_t k = 0; k < g->tag_count; k++)
                grown[k] = g->tags[k];
            g->tags = grown;
            g->tag_cap = cap;
        }
        g->tags[g->tag_count] = ptv_arena_strndup(mem, tag, len);
        if (!g->tags[g->tag_count++])
            return ptv_arena_fail(mem, err);
    }
    return PTV_OK;
}

static ptv_code gather_row(gathered *g, ptv_arena *mem, const lists *l, const ptv_list_row *row, ptv_error *err)
{
    char text[64];
    int64_t utc;
    const ptv_list_cell *word = &row->cells[PTV_LIST_CLASSIFICATION], *first = &row->cells[PTV_LIST_FIRST_SEEN],
                        *last = &row->cells[PTV_LIST_LAST_SEEN];
    if (word->len > 0 && cell_text(text, word))
        g->classification = ptv_classification_worse(g->classification, ptv_classification_parse(text));
    if (first->len > 0 && cell_text(text, first) && ptv_time_parse(&utc, text, l->s->timezone_offset_s) &&
        (g->first == PTV_NO_TIME || utc < g->first)) {
        g->first = utc;
        g->first_text = ptv_arena_strdup(mem, text);
        if (!g->first_text)
            return ptv_arena_fail(mem, err);
    }
    if (last->len > 0 && cell_text(text, last) && ptv_time_parse(&utc, text, l->s->timezone_offset_s) && utc > g->last) {
        g->last = utc;
        g->last_text = ptv_arena_strdup(mem, text);
        if (!g->last_text)
            return ptv_arena_fail(mem, err);
    }
    return gather_tags(g, mem, &row->cells[PTV_LIST_TAGS], err);
}

/* One record of ours; how many others know is not for a list to say. */
static bool fill_dns(ptv_record *r, ptv_arena *mem, const gathered *g)
{
    static const char *const source[] = { "lists" };
    ptv_dns *row = ptv_arena_calloc(mem, 1, sizeof *row);
    const ptv_dns **rows = ptv_arena_calloc(mem, 1, sizeof(const ptv_dns *));
    if (!row || !rows)
        return false;
    *row = (ptv_dns){ .value = r->subject->value, .first_seen = g->first, .last_seen = g->last, .collected = PTV_NO_TIME };
    rows[0] = row;
    r->truncated = 1;
    r->first_seen_text = g->first_text;
    r->last_seen_text = g->last_text;
    return ptv_set_build(&row->sources, mem, source, 1) && ptv_record_derive_dns(r, mem, rows, 1, PTV_NO_TIME, PTV_NO_TIME);
}

static ptv_code fill(ptv_record *r, ptv_arena *mem, const lists *l, ptv_section section, const gathered *g, ptv_error *err)
{
    bool built = true;
    if (section == PTV_TAGS && g->tag_count > 0)
        built = ptv_set_build(&r->tags, mem, g->tags, g->tag_count);
    else if (section == PTV_CLASSIFICATION && g->classification)
        r->classification = g->classification;
    else if (section == PTV_PASSIVE_DNS && (g->first != PTV_NO_TIME || g->last != PTV_NO_TIME))
        built = fill_dns(r, mem, g);
    else
        return ptv_fail(err, PTV_ENOENTRY, "listed, but without %s", ptv_section_name(section));
    if (!built)
        return ptv_arena_fail(mem, err);
    int64_t now = l->s->clock_utc ? l->s->clock_utc() : ptv_clock_utc();
    r->sections[section] =
        (ptv_section_info){ .state = PTV_STATE_OK, .source = "lists", .fetched_at = now, .retry_after_s = -1 };
    if (now > r->fetched_at)
        r->fetched_at = now;
    return PTV_OK;
}

static ptv_code gather(gathered *g, ptv_arena *mem, const lists *l, uint32_t row, ptv_error *err)
{
    ptv_list_row cells;
    ptv_arena scratch = PTV_ARENA(ROW_ARENA_BYTES);
    ptv_code rc = read_row(&cells, &scratch, l, row, err);
    if (!rc)
        rc = gather_row(g, mem, l, &cells, err);
    ptv_arena_release(&scratch);
    return rc;
}

/* The row found, and those with the same indicator. */
static ptv_code gather_all(gathered *g, ptv_arena *mem, const lists *l, uint32_t row, ptv_error *err)
{
    size_t low = 0, high = l->twin_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->twins[middle].first < row)
            low = middle + 1;
        else
            high = middle;
    }
    ptv_code rc = gather(g, mem, l, row, err);
    for (; !rc && low < l->twin_count && l->twins[low].first == row; low++)
        rc = gather(g, mem, l, l->twins[low].row, err);
    return rc;
}

static ptv_code lists_answer(void *self, ptv_record *r, ptv_arena *mem, ptv_section section, ptv_error *err)
{
    const lists *l = self;
    uint32_t row;
    gathered g = { .first = PTV_NO_TIME, .last = PTV_NO_TIME };
    if (!ptv_indicators_find(l->indicators, r->subject, &row, NULL))
        return ptv_fail(err, PTV_ENOENTRY, "not listed");
    ptv_code rc = gather_all(&g, mem, l, row, err);
    if (!rc)
        rc = fill(r, mem, l, section, &g, err);
    if (rc && rc != PTV_ENOENTRY) {
        ptv_section_clear(r, section);
        ptv_section_fail(r, mem, section, PTV_STATE_FAILED, PTV_CAUSE_OUTAGE, err->msg);
        r->sections[section].source = "lists";
    }
    return rc;
}

ptv_code ptv_lists_open(ptv_local_source *out, const ptv_source_settings *s, ptv_error *err)
{
    lists *l = ptv_calloc(1, sizeof *l);
    if (!l)
        return ptv_fail_nomem(err);
    l->s = s;
    l->names = (ptv_arena)PTV_ARENA(MAX_NAMES_BYTES);
    l->indicators = ptv_indicators_new();
    ptv_code rc = l->indicators ? ptv_source_there("lists", s->lists, err) : ptv_fail_nomem(err);
    if (!rc)
        rc = read_files(l, err);
    if (rc) {
        lists_free(l);
        return rc;
    }
    ptv_log(PTV_LOG_INFO, "lists", "%s: %zu entries", s->lists, l->count);
    *out = (ptv_local_source){ .name = "lists",
                               .fills = l->fills,
                               .denies = l->fills & (PTV_BIT(PTV_TAGS) | PTV_BIT(PTV_CLASSIFICATION)),
                               .self = l,
                               .answer = lists_answer,
                               .free = lists_free };
    return PTV_OK;
}
