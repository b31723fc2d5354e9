/*
 * scan_custom.c: names in a custom function.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/scan_custom.h"
#include "base/text.h"
#include "rules/tree.h"
#include <stdlib.h>
#include <string.h>

static const ptv_token *token(const ptv_custom_scan *s, size_t at)
{
    return &s->tokens.items[at < s->tokens.count ? at : s->tokens.count - 1];
}

static bool same(const ptv_token *a, const ptv_token *b)
{
    return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

/* The fields named as texts; none when they come from a variable, so that only the run can tell. */
static void read_fields(ptv_custom_scan *s)
{
    for (size_t i = s->fields_first; i < s->fields_last; i++) {
        s->fields_unknown |= token(s, i)->kind == PTV_TOK_NAME;
        if (token(s, i)->kind == PTV_TOK_TEXT && s->field_count < PTV_CUSTOM_FIELDS)
            s->fields[s->field_count++] = ptv_token_text(s->mem, token(s, i));
    }
}

static bool is_named(const char *const *names, size_t count, const char *path, bool as_group)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < count; i++)
        if (strncmp(names[i], path, len) == 0 && names[i][len] == (as_group ? '.' : '\0'))
            return true;
    return false;
}

/* r.a, r.a.b or r["a.b"], at the token behind r: the path read, NULL: something else. *single: only its first part. */
static const char *read_path(const ptv_custom_scan *s, size_t at, const char **single)
{
    *single = NULL;
    if (ptv_token_is(token(s, at), "[") && token(s, at + 1)->kind == PTV_TOK_TEXT)
        return ptv_token_text(s->mem, token(s, at + 1));
    if (!ptv_token_is(token(s, at), ".") || token(s, at + 1)->kind != PTV_TOK_NAME)
        return NULL;
    const char *first = ptv_token_text(s->mem, token(s, at + 1));
    if (!ptv_token_is(token(s, at + 2), ".") || token(s, at + 3)->kind != PTV_TOK_NAME)
        return first;
    *single = first;
    const char *both = ptv_arena_printf(s->mem, "%s.%s", first, ptv_token_text(s->mem, token(s, at + 3)));
    return both ? both : first;
}

static const char *reads_unnamed(const ptv_custom_scan *s, const ptv_token *parameter, size_t at)
{
    const char *const *names = s->fields, *single = NULL;
    size_t count = s->field_count;
    const char *path = s->fields_unknown ? NULL : read_path(s, at + 1, &single);
    if (!path || strcmp(path, "now") == 0 || is_named(names, count, path, false) || is_named(names, count, path, true) ||
        (single && is_named(names, count, single, false)))
        return NULL;
    const char *shown = single && !ptv_field_find(path) && ptv_field_find(single) ? single : path;
    const char *nearest = ptv_text_nearest(shown, names, count);
    char *r = ptv_token_text(s->mem, parameter);
    if (!nearest && ptv_field_find(shown))
        return ptv_arena_printf(
            s->mem, "custom reads %s.%s, which is not among its fields: name it: custom({ …, \"%s\" }, …)", r, shown, shown);
    return ptv_arena_printf(s->mem, "custom reads %s.%s, which is not among its fields%s%s%s", r, shown,
                            nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
}

static int by_text(const void *a, const void *b)
{
    const ptv_token *x = *(const ptv_token *const *)a, *y = *(const ptv_token *const *)b;
    int order = memcmp(x->at, y->at, x->len < y->len ? x->len : y->len);
    return order ? order : x->len < y->len ? -1 : x->len > y->len;
}

bool ptv_declared_find(ptv_token_set *out, ptv_arena *mem, const ptv_tokens *tokens)
{
    bool declaring = false;
    out->count = 0;
    out->items = ptv_arena_calloc(mem, tokens->count, sizeof *out->items);
    for (size_t i = 0; out->items && i < tokens->count; i++) {
        const ptv_token *t = &tokens->items[i];
        if (ptv_token_is(t, "local") || ptv_token_is(t, "function") || ptv_token_is(t, "for") || ptv_token_is(t, "goto") ||
            ptv_token_is(t, "::"))
            declaring = true;
        else if (declaring && t->kind == PTV_TOK_NAME)
            out->items[out->count++] = t;
        else if (!ptv_token_is(t, ",") && !ptv_token_is(t, "(") && !ptv_token_is(t, "<") && !ptv_token_is(t, ">"))
            declaring = false;
    }
    if (out->items)
        qsort(out->items, out->count, sizeof *out->items, by_text);
    return out->items != NULL;
}

static bool is_declared(const ptv_custom_scan *s, const ptv_token *name)
{
    return bsearch(&name, s->declared.items, s->declared.count, sizeof *s->declared.items, by_text) != NULL;
}

static bool is_key_or_target(const ptv_custom_scan *s, size_t at)
{
    const ptv_token *before = token(s, at - 1), *behind = token(s, at + 1);
    return ptv_token_is(behind, "=") &&
           (ptv_token_is(before, "{") || ptv_token_is(before, ",") || ptv_token_is(before, ";"));
}

static const char *unknown_name(const ptv_custom_scan *s, size_t at, const char **code)
{
    static const char *const library[] = { "concat",   "insert", "ipairs", "pairs", "type", "tostring",
                                           "tonumber", "error",  "min",    "max",   "floor" };
    enum { FUNCTIONS = sizeof library / sizeof *library };
    const ptv_token *t = token(s, at);
    if (ptv_token_is(token(s, at - 1), ".") || ptv_token_is(token(s, at - 1), ":") || is_key_or_target(s, at))
        return NULL;
    for (size_t i = 0; i < FUNCTIONS; i++)
        if (ptv_token_is(t, library[i]))
            return NULL;
    if (ptv_token_is(t, "_ENV") || is_declared(s, t))
        return NULL;
    char *name = ptv_token_text(s->mem, t);
    for (size_t i = 0; i < ptv_field_count; i++) {
        size_t len = strlen(name);
        if (strncmp(ptv_fields[i].name, name, len) != 0 ||
            (ptv_fields[i].name[len] != '\0' && ptv_fields[i].name[len] != '.'))
            continue;
        *code = "E-CUSTOM";
        return ptv_arena_printf(s->mem, "%s is a word of rules; a custom function names it as a field and reads r.%s", name,
                                name);
    }
    *code = "E-NAME";
    const char *nearest = ptv_text_nearest(name, library, FUNCTIONS);
    return ptv_arena_printf(s->mem, "unknown name '%.80s' in a custom function%s%s%s", name,
                            nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
}

int ptv_custom_scan_next(ptv_custom_scan *s, const char **code, const char **message)
{
    if (!s->at) {
        s->at = s->first + 1;
        read_fields(s);
    }
    if (!ptv_token_is(token(s, s->first + 1), "(") || token(s, s->first + 2)->kind != PTV_TOK_NAME)
        return 0;
    const ptv_token *parameter = token(s, s->first + 2);
    while (s->at < s->last) {
        size_t at = s->at++;
        const ptv_token *t = token(s, at);
        if (t->kind != PTV_TOK_NAME)
            continue;
        *code = "E-CUSTOM";
        bool member = ptv_token_is(token(s, at - 1), ".") || ptv_token_is(token(s, at - 1), ":");
        *message = same(t, parameter) ? (member ? NULL : reads_unnamed(s, parameter, at)) : unknown_name(s, at, code);
        if (*message)
            return t->line;
    }
    return 0;
}
