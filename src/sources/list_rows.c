/*
 * list_rows.c: rows of a list of indicators, CSV or NDJSON.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sources/list_rows.h"
#include "base/json.h"
#include "base/text.h"
#include <string.h>

static const char *const names[PTV_LIST_COLUMNS] = {
    [PTV_LIST_INDICATOR] = "indicator",   [PTV_LIST_TAGS] = "tags",           [PTV_LIST_CLASSIFICATION] = "classification",
    [PTV_LIST_FIRST_SEEN] = "first_seen", [PTV_LIST_LAST_SEEN] = "last_seen",
};

/* Which column a name means; -1: none of ours. PTV_EINVAL: so near one of ours that it must be a slip. */
static ptv_code find_column(int8_t *out, const char *name, ptv_error *err)
{
    *out = -1;
    for (int i = 0; i < PTV_LIST_COLUMNS; i++)
        if (ptv_text_equal_fold(name, names[i]))
            *out = (int8_t)i;
    const char *nearest = *out < 0 ? ptv_text_nearest(name, names, PTV_LIST_COLUMNS) : NULL;
    return nearest ? ptv_fail(err, PTV_EINVAL, "'%.40s' is no column (did you mean '%s'?)", name, nearest) : PTV_OK;
}

bool ptv_list_seek(ptv_list_cursor *c)
{
    while (c->at < c->end) {
        const char *at = c->at;
        while (at < c->end && ptv_is_blank(*at) && *at != '\n')
            at++;
        if (at < c->end && *at != '\n' && *at != '#')
            return true;
        const char *newline = memchr(at, '\n', (size_t)(c->end - at));
        c->at = newline ? newline + 1 : c->end;
        c->line++;
    }
    return false;
}

/* ---------------------------------------------------------------------------------------------- CSV */

/* "a ""b""" without its outer quotes: the doubled ones become one. */
static ptv_code unquote(ptv_list_cell *cell, ptv_arena *mem, ptv_error *err)
{
    char *plain = ptv_arena_alloc(mem, cell->len + 1);
    size_t len = 0;
    if (!plain)
        return ptv_arena_fail(mem, err);
    for (size_t i = 0; i < cell->len; i++) {
        plain[len++] = cell->text[i];
        i += cell->text[i] == '"';
    }
    plain[len] = '\0';
    *cell = (ptv_list_cell){ plain, len };
    return PTV_OK;
}

/* One cell; the cursor stands on what ended it: a comma, the end of the line, or the end. */
static ptv_code read_cell(ptv_list_cell *out, ptv_arena *mem, ptv_list_cursor *c, ptv_error *err)
{
    const char *at = c->at;
    bool has_quotes = false;
    if (at < c->end && *at == '"') {
        const char *start = ++at;
        for (;; at++) {
            if (at == c->end)
                return ptv_fail(err, PTV_EINVAL, "a quoted cell has no end");
            if (*at == '\n')
                c->line++;
            if (*at != '"')
                continue;
            if (at + 1 == c->end || at[1] != '"')
                break;
            has_quotes = true;
            at++;
        }
        *out = (ptv_list_cell){ start, (size_t)(at - start) };
        at++;
        if (at < c->end && *at == '\r')
            at++;
        if (at < c->end && *at != ',' && *at != '\n')
            return ptv_fail(err, PTV_EINVAL, "text after the closing quote of a cell");
    } else {
        while (at < c->end && *at != ',' && *at != '\n')
            at++;
        *out = (ptv_list_cell){ c->at, (size_t)(at - c->at) };
        if (memchr(out->text, '"', out->len))
            return ptv_fail(err, PTV_EINVAL, "a quote inside a cell that is not quoted");
    }
    c->at = at;
    ptv_text_trim(&out->text, &out->len);
    return has_quotes ? unquote(out, mem, err) : PTV_OK;
}

/* All cells of a line (or of several, when a quoted cell holds line ends). */
static ptv_code read_cells(ptv_list_cell *cells, size_t *count, ptv_arena *mem, ptv_list_cursor *c, ptv_error *err)
{
    for (*count = 0;; c->at++) {
        if (*count == PTV_LIST_MAX_COLUMNS)
            return ptv_fail(err, PTV_EINVAL, "more than %d columns", PTV_LIST_MAX_COLUMNS);
        ptv_code rc = read_cell(&cells[(*count)++], mem, c, err);
        if (rc)
            return rc;
        if (c->at == c->end)
            return PTV_OK;
        if (*c->at == '\n') {
            c->at++;
            c->line++;
            return PTV_OK;
        }
    }
}

ptv_code ptv_list_format_read(ptv_list_format *out, ptv_arena *mem, ptv_list_cursor *c, ptv_error *err)
{
    ptv_list_cell cells[PTV_LIST_MAX_COLUMNS];
    bool seen[PTV_LIST_COLUMNS] = { false };
    *out = (ptv_list_format){ .is_json = false };
    if (c->end - c->at >= 3 && memcmp(c->at, "\xEF\xBB\xBF", 3) == 0)
        c->at += 3;
    if (!ptv_list_seek(c))
        return ptv_fail(err, PTV_EINVAL, "no header: indicator,tags,classification,first_seen,last_seen");
    while (ptv_is_blank(*c->at))
        c->at++;
    out->is_json = *c->at == '{';
    if (out->is_json)
        return PTV_OK;
    ptv_code rc = read_cells(cells, &out->column_count, mem, c, err);
    for (size_t i = 0; !rc && i < out->column_count; i++) {
        const char *name = ptv_arena_strndup(mem, cells[i].text, cells[i].len);
        rc = name ? find_column(&out->meaning[i], name, err) : ptv_arena_fail(mem, err);
        if (rc || out->meaning[i] < 0)
            continue;
        if (seen[out->meaning[i]])
            return ptv_fail(err, PTV_EINVAL, "two columns '%s'", name);
        seen[out->meaning[i]] = true;
    }
    if (!rc && !seen[PTV_LIST_INDICATOR])
        return ptv_fail(err, PTV_EINVAL, "the header has no column 'indicator'");
    return rc;
}

static ptv_code read_csv(ptv_list_row *row, ptv_arena *mem, const ptv_list_format *format, ptv_list_cursor *c,
                         ptv_error *err)
{
    ptv_list_cell cells[PTV_LIST_MAX_COLUMNS];
    size_t count;
    ptv_code rc = read_cells(cells, &count, mem, c, err);
    if (rc)
        return rc;
    if (count != format->column_count)
        return ptv_fail(err, PTV_EINVAL, "%zu cells, the header has %zu", count, format->column_count);
    for (size_t i = 0; i < count; i++)
        if (format->meaning[i] >= 0)
            row->cells[format->meaning[i]] = cells[i];
    return PTV_OK;
}

/* ------------------------------------------------------------------------------------------- NDJSON */

/* ["a","b"] as one cell, a line each. */
static ptv_code join_list(ptv_list_cell *out, ptv_arena *mem, const char *name, const ptv_json *list, ptv_error *err)
{
    size_t len = 0;
    for (const ptv_json *v = ptv_json_first(list); v; v = ptv_json_next(v)) {
        if (!ptv_json_text(v))
            return ptv_fail(err, PTV_EINVAL, "\"%s\" holds %s", name, ptv_json_kind_name(ptv_json_kind_of(v)));
        len += strlen(ptv_json_text(v)) + 1;
    }
    char *text = ptv_arena_alloc(mem, len + 1), *at = text;
    if (!text)
        return ptv_arena_fail(mem, err);
    for (const ptv_json *v = ptv_json_first(list); v; v = ptv_json_next(v)) {
        size_t size = strlen(ptv_json_text(v));
        memcpy(at, ptv_json_text(v), size);
        at[size] = '\n';
        at += size + 1;
    }
    *out = (ptv_list_cell){ text, len };
    return PTV_OK;
}

static ptv_code read_value(ptv_list_cell *out, ptv_arena *mem, int8_t column, const ptv_json *v, ptv_error *err)
{
    const char *text = ptv_json_text(v);
    ptv_json_kind kind = ptv_json_kind_of(v);
    if (kind == PTV_JSON_NULL)
        return PTV_OK;
    if (kind == PTV_JSON_LIST && column == PTV_LIST_TAGS)
        return join_list(out, mem, names[column], v, err);
    if (!text)
        return ptv_fail(err, PTV_EINVAL, "\"%s\" is %s", names[column], ptv_json_kind_name(kind));
    *out = (ptv_list_cell){ text, strlen(text) };
    ptv_text_trim(&out->text, &out->len);
    return PTV_OK;
}

static ptv_code read_json(ptv_list_row *row, ptv_arena *mem, ptv_list_cursor *c, ptv_error *err)
{
    const ptv_json *object;
    const char *newline = memchr(c->at, '\n', (size_t)(c->end - c->at));
    const char *end = newline ? newline : c->end;
    ptv_code rc = ptv_json_parse(&object, mem, c->at, (size_t)(end - c->at), err);
    if (rc == PTV_ESHAPE)
        err->code = rc = PTV_EINVAL;
    if (rc)
        return rc;
    if (ptv_json_kind_of(object) != PTV_JSON_OBJECT)
        return ptv_fail(err, PTV_EINVAL, "not a JSON object");
    for (const ptv_json *v = ptv_json_first(object); v && !rc; v = ptv_json_next(v)) {
        int8_t column;
        rc = find_column(&column, ptv_json_key(v), err);
        if (!rc && column >= 0)
            rc = read_value(&row->cells[column], mem, column, v, err);
    }
    if (!rc) {
        c->at = newline ? newline + 1 : c->end;
        c->line++;
    }
    return rc;
}

ptv_code ptv_list_row_read(ptv_list_row *out, ptv_arena *mem, const ptv_list_format *format, ptv_list_cursor *c,
                           ptv_error *err)
{
    *out = (ptv_list_row){ .cells = { { NULL, 0 } } };
    ptv_code rc = format->is_json ? read_json(out, mem, c, err) : read_csv(out, mem, format, c, err);
    if (!rc && out->cells[PTV_LIST_INDICATOR].len == 0)
        rc = ptv_fail(err, PTV_EINVAL, "no indicator");
    return rc;
}
