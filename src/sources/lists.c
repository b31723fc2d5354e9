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
#include <string.h>

#define MAX_FILE_BYTES (1u << 30)
#define MAX_NAMES_BYTES (64u << 20)
#define ROW_ARENA_BYTES (64u << 20) /* what one row may need to be read */
#define NO_ROW UINT32_MAX

typedef struct list_file {
    const char *path;
    ptv_buf text;
    ptv_list_format format;
} list_file;

typedef struct row_at {
    uint64_t offset;
    uint32_t file, next; /* the next row with the same indicator, or NO_ROW */
} row_at;

typedef struct lists {
    const ptv_source_settings *s;
    ptv_arena names;
    list_file *files;
    size_t file_count;
    row_at *rows;
    size_t count, cap;
    ptv_indicators *indicators;
    ptv_sections fills;
} lists;

/* --------------------------------------------------------------------------------------------- rows */

/* Rows by indicator while the lists are read: open addressing, at most half full. */
typedef struct row_table {
    struct slot {
        uint32_t tag, row;
    } *slots;
    size_t size;
} row_table;

/* As people vary it: case, and a dot at the end. */
static char folded_at(const char *text, size_t i)
{
    return ptv_lower(text[i]);
}

static size_t folded_len(const ptv_list_cell *cell)
{
    return cell->len > 1 && cell->text[cell->len - 1] == '.' ? cell->len - 1 : cell->len;
}

static uint64_t hash_of(const ptv_list_cell *cell)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0, len = folded_len(cell); i < len; i++)
        h = (h ^ (unsigned char)folded_at(cell->text, i)) * UINT64_C(0x100000001b3);
    return h ^ (h >> 32);
}

static bool same_indicator(const ptv_list_cell *a, const ptv_list_cell *b)
{
    size_t len = folded_len(a);
    if (len != folded_len(b))
        return false;
    for (size_t i = 0; i < len; i++)
        if (folded_at(a->text, i) != folded_at(b->text, i))
            return false;
    return true;
}

static ptv_code read_row(ptv_list_row *out, ptv_arena *mem, const lists *l, uint32_t row, ptv_error *err)
{
    const list_file *file = &l->files[l->rows[row].file];
    ptv_list_cursor c = { file->text.data + l->rows[row].offset, file->text.data + file->text.len, 0 };
    return ptv_list_row_read(out, mem, &file->format, &c, err);
}

static ptv_code grow_table(row_table *t, ptv_error *err)
{
    size_t size = t->size ? t->size * 2 : 1024;
    struct slot *slots = ptv_calloc(size, sizeof *slots);
    if (!slots)
        return ptv_fail_nomem(err);
    memset(slots, 0xFF, size * sizeof *slots);
    for (size_t i = 0; i < t->size; i++) {
        if (t->slots[i].row == NO_ROW)
            continue;
        size_t at = t->slots[i].tag & (size - 1);
        while (slots[at].row != NO_ROW)
            at = (at + 1) & (size - 1);
        slots[at] = t->slots[i];
    }
    ptv_free(t->slots);
    *t = (row_table){ slots, size };
    return PTV_OK;
}

/* *first: the first row with this indicator, which is `row` itself when it is new. */
static ptv_code table_add(uint32_t *first, row_table *t, ptv_arena *mem, const lists *l, uint32_t row, const ptv_list_cell *cell,
                          ptv_error *err)
{
    if (2 * (size_t)row >= t->size) {
        ptv_code rc = grow_table(t, err);
        if (rc)
            return rc;
    }
    uint32_t tag = (uint32_t)hash_of(cell);
    size_t at = tag & (t->size - 1);
    for (; t->slots[at].row != NO_ROW; at = (at + 1) & (t->size - 1)) {
        ptv_list_row other;
        if (t->slots[at].tag != tag)
            continue;
        ptv_code rc = read_row(&other, mem, l, t->slots[at].row, err);
        if (rc)
            return rc;
        if (same_indicator(cell, &other.cells[PTV_LIST_INDICATOR])) {
            *first = t->slots[at].row;
            return PTV_OK;
        }
    }
    t->slots[at] = (struct slot){ tag, row };
    *first = row;
    return PTV_OK;
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

static ptv_code add_row(lists *l, uint32_t file, uint64_t offset, ptv_error *err)
{
    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 1024;
        row_at *grown = cap < NO_ROW ? ptv_realloc(l->rows, cap * sizeof *grown) : NULL;
        if (!grown)
            return ptv_fail_nomem(err);
        l->rows = grown;
        l->cap = cap;
    }
    l->rows[l->count++] = (row_at){ offset, file, NO_ROW };
    return PTV_OK;
}

static ptv_code add_indicator(lists *l, row_table *table, ptv_arena *scratch, const ptv_list_cell *cell, ptv_error *err)
{
    uint32_t row = (uint32_t)l->count - 1, first;
    ptv_code rc = table_add(&first, table, scratch, l, row, cell, err);
    if (rc)
        return rc;
    if (first == row)
        return ptv_indicators_add(l->indicators, cell->text, cell->len, row, err);
    l->rows[row].next = l->rows[first].next;
    l->rows[first].next = row;
    return PTV_OK;
}

static ptv_code read_file(lists *l, uint32_t index, row_table *table, ptv_arena *scratch, ptv_error *err)
{
    list_file *file = &l->files[index];
    ptv_code rc = ptv_file_read(&file->text, file->path, err);
    if (rc)
        return ptv_wrap(err, "lists %s", file->path);
    const char *start = file->text.data ? file->text.data : "";
    ptv_list_cursor c = { start, start + file->text.len, 1 };
    recent seen = { .classification = { NULL, 0 } };
    unsigned line = 1;
    ptv_arena_reset(scratch);
    rc = ptv_list_format_read(&file->format, scratch, &c, err);
    while (!rc && ptv_list_seek(&c)) {
        ptv_list_row row;
        line = c.line;
        rc = add_row(l, index, (uint64_t)(c.at - start), err);
        if (!rc)
            rc = ptv_list_row_read(&row, scratch, &file->format, &c, err);
        if (!rc)
            rc = check_row(l, &seen, &row, !file->format.is_json, err);
        if (!rc)
            rc = add_indicator(l, table, scratch, &row.cells[PTV_LIST_INDICATOR], err);
        if (scratch->used_bytes > 0)
            ptv_arena_reset(scratch);
    }
    if (rc == PTV_EINVAL)
        err->code = PTV_ESETTINGS;
    return rc ? ptv_wrap(err, "%s:%u", file->path, line) : PTV_OK;
}

static bool is_list(const char *name)
{
    return *name != '.' && (ptv_text_ends(name, ".csv") || ptv_text_ends(name, ".ndjson") || ptv_text_ends(name, ".jsonl"));
}

static ptv_code find_files(lists *l, const char *path, ptv_error *err)
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
        list_file *file = &l->files[l->file_count++];
        file->text = (ptv_buf)PTV_BUF(MAX_FILE_BYTES);
        file->path = is_folder ? ptv_path_join(&l->names, path, names[i]) : ptv_arena_strdup(&l->names, path);
        if (!file->path)
            return ptv_arena_fail(&l->names, err);
    }
    return PTV_OK;
}

static ptv_code read_files(lists *l, ptv_error *err)
{
    row_table table = { NULL, 0 };
    ptv_arena scratch = PTV_ARENA(ROW_ARENA_BYTES);
    ptv_code rc = find_files(l, l->s->lists, err);
    for (size_t i = 0; !rc && i < l->file_count; i++)
        rc = read_file(l, (uint32_t)i, &table, &scratch, err);
    if (!rc)
        rc = ptv_indicators_seal(l->indicators, err);
    ptv_arena_release(&scratch);
    ptv_free(table.slots);
    return rc;
}

static void lists_free(void *self)
{
    lists *l = self;
    for (size_t i = 0; i < l->file_count; i++)
        ptv_buf_release(&l->files[i].text);
    ptv_indicators_free(l->indicators);
    ptv_free(l->rows);
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
    const ptv_dns **rows = ptv_arena_calloc(mem, 1, sizeof *rows);
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
    r->sections[section] = (ptv_section_info){ .state = PTV_STATE_OK, .source = "lists", .fetched_at = now, .retry_after_s = -1 };
    if (now > r->fetched_at)
        r->fetched_at = now;
    return PTV_OK;
}

static ptv_code lists_answer(void *self, ptv_record *r, ptv_arena *mem, ptv_section section, ptv_error *err)
{
    const lists *l = self;
    uint32_t row;
    gathered g = { .first = PTV_NO_TIME, .last = PTV_NO_TIME };
    if (!ptv_indicators_find(l->indicators, r->subject, &row, NULL))
        return ptv_fail(err, PTV_ENOENTRY, "not listed");
    ptv_arena scratch = PTV_ARENA(ROW_ARENA_BYTES);
    ptv_code rc = PTV_OK;
    for (; !rc && row != NO_ROW; row = l->rows[row].next) {
        ptv_list_row cells;
        rc = read_row(&cells, &scratch, l, row, err);
        if (!rc)
            rc = gather_row(&g, mem, l, &cells, err);
    }
    if (!rc)
        rc = fill(r, mem, l, section, &g, err);
    ptv_arena_release(&scratch);
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
    ptv_code rc = l->indicators ? read_files(l, err) : ptv_fail_nomem(err);
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
