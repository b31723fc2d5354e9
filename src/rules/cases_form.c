/*
 * cases_form.c: a Lua table as a form that was filled in: keys of known names and types, each mistake with its line.
 *
 * Functions that take a lua_State or a form jump on error and hold nothing that would leak: everything goes into the arena.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/cases_form.h"

#include "base/text.h"

#include <assert.h>
#include <lauxlib.h>

void ptv_form_problem(ptv_form *f, int line, const char *code, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (!f->problem && !(f->problem = ptv_arena_strdup(f->mem, text)))
        f->problem = "it holds mistakes";
    ptv_finding_add(f->findings, PTV_ERROR, f->file, line, code, "%s", text);
}

void *ptv_form_keep(lua_State *L, ptv_arena *mem, size_t size)
{
    void *p = ptv_arena_calloc(mem, 1, size);
    if (!p)
        luaL_error(L, "out of memory");
    return p;
}

const char *ptv_form_keep_text(lua_State *L, ptv_arena *mem, int index)
{
    const char *text = ptv_arena_strdup(mem, lua_tostring(L, index));
    if (!text)
        luaL_error(L, "out of memory");
    assert(text); /* the line above jumped */
    return text;
}

int ptv_form_line(const ptv_form *f, const char *key)
{
    const ptv_scan_item *item = ptv_scan_key(f->source, key);
    return item ? item->line : f->line;
}

const char *ptv_form_suggestion(ptv_arena *mem, const char *word, const char *const *words, size_t count)
{
    const char *near = ptv_text_nearest(word, words, count);
    const char *text = near ? ptv_arena_printf(mem, " (did you mean '%s'?)", near) : NULL;
    return text ? text : "";
}

static size_t count_words(const char *const *words)
{
    size_t n = 0;
    while (words[n])
        n++;
    return n;
}

void ptv_form_check(ptv_form *f, const char *const *names)
{
    for (lua_pushnil(f->L); lua_next(f->L, f->table); lua_pop(f->L, 1)) {
        if (lua_type(f->L, -2) != LUA_TSTRING) {
            ptv_form_problem(f, f->line, "E-KEY", "%s: item %s stands without a key", f->where,
                             lua_isinteger(f->L, -2) ? lua_pushfstring(f->L, "%I", (LUAI_UACINT)lua_tointeger(f->L, -2))
                                                     : "?");
            lua_settop(f->L, f->table);
            return;
        }
        const char *key = lua_tostring(f->L, -2);
        bool known = false;
        for (size_t i = 0; names[i]; i++)
            known |= strcmp(names[i], key) == 0;
        if (!known)
            ptv_form_problem(f, ptv_form_line(f, key), "E-KEY", "%s has no key '%.60s'%s", f->where, key,
                             ptv_form_suggestion(f->mem, key, names, count_words(names)));
    }
}

const char *ptv_form_type(lua_State *L, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        return "a text";
    case LUA_TNUMBER:
        return "a number";
    case LUA_TBOOLEAN:
        return "a boolean";
    case LUA_TTABLE:
        return "a table";
    case LUA_TNIL:
        return "nothing";
    case LUA_TUSERDATA:
        return "a marked value";
    default:
        return "something else";
    }
}

/* The text under a key; NULL: not there, or reported. */
const char *ptv_form_text(ptv_form *f, const char *key)
{
    const char *text = NULL;
    int type = lua_getfield(f->L, f->table, key);
    if (type == LUA_TSTRING)
        text = ptv_form_keep_text(f->L, f->mem, -1);
    else if (type != LUA_TNIL)
        ptv_form_problem(f, ptv_form_line(f, key), "E-ARG", "%s: %s is %s, not a text", f->where, key,
                         ptv_form_type(f->L, -1));
    lua_pop(f->L, 1);
    return text;
}

/* One of a few words as its index; -1: not there, or reported. */
int ptv_form_word(ptv_form *f, const char *key, const char *const *words)
{
    const char *text = ptv_form_text(f, key);
    if (!text)
        return -1;
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    ptv_buf list = PTV_BUF(1024);
    for (size_t i = 0; words[i]; i++)
        ptv_buf_printf(&list, "%s%s", i ? ", " : "", words[i]);
    ptv_form_problem(f, ptv_form_line(f, key), "E-ENUM", "%s: %s: '%.60s' is not one of %s%s", f->where, key, text,
                     list.data ? list.data : "", ptv_form_suggestion(f->mem, text, words, count_words(words)));
    ptv_buf_release(&list);
    return -1;
}

int ptv_form_yesno(ptv_form *f, const char *key)
{
    int value = -1;
    int type = lua_getfield(f->L, f->table, key);
    if (type == LUA_TBOOLEAN)
        value = lua_toboolean(f->L, -1);
    else if (type != LUA_TNIL)
        ptv_form_problem(f, ptv_form_line(f, key), "E-ARG", "%s: %s is %s, not true or false", f->where, key,
                         ptv_form_type(f->L, -1));
    lua_pop(f->L, 1);
    return value;
}

const char *ptv_form_name_in_list(lua_State *L, int index)
{
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            const char *name = lua_tostring(L, -2); /* the table holds it */
            lua_pop(L, 2);
            return name;
        }
    }
    return NULL;
}

/* What stands under a key, and its line; nothing is pushed when that is nil. */
static int push_key(ptv_case_pairs *out, ptv_form *f, const char *key)
{
    int type = lua_getfield(f->L, f->table, key);
    if (type == LUA_TNIL)
        lua_pop(f->L, 1);
    else
        out->line = ptv_form_line(f, key);
    return type;
}

/* A list of texts, or one text. */
ptv_case_pairs ptv_form_list(ptv_form *f, const char *key, const char *const *words)
{
    lua_State *L = f->L;
    ptv_case_pairs out = { 0 };
    int type = push_key(&out, f, key), at = lua_gettop(L);
    if (type == LUA_TNIL)
        return out;
    size_t count = type == LUA_TTABLE ? lua_rawlen(L, at) : 1;
    const char *name = type == LUA_TTABLE ? ptv_form_name_in_list(L, at) : NULL;
    if (name)
        ptv_form_problem(f, out.line, "E-KEY", "%s: %s takes a list of texts; '%.60s' stands as a name in it", f->where, key,
                         name);
    ptv_case_pair *items = ptv_form_keep(L, f->mem, (count + 1) * sizeof *items);
    for (size_t i = 0; i < count && i < 1000; i++) {
        if (type == LUA_TTABLE)
            lua_rawgeti(L, at, (lua_Integer)i + 1);
        else
            lua_pushvalue(L, at);
        if (lua_type(L, -1) != LUA_TSTRING) {
            ptv_form_problem(f, out.line, "E-ARG", "%s: %s takes texts, not %s", f->where, key, ptv_form_type(L, -1));
        } else {
            items[out.count] = (ptv_case_pair){ .key = ptv_form_keep_text(L, f->mem, -1), .line = out.line };
            bool known = !words;
            for (size_t k = 0; words && words[k]; k++)
                known |= strcmp(words[k], items[out.count].key) == 0;
            if (!known)
                ptv_form_problem(f, out.line, "E-ENUM", "%s: %s: '%.60s' is not a section%s", f->where, key,
                                 items[out.count].key,
                                 ptv_form_suggestion(f->mem, items[out.count].key, words, count_words(words)));
            out.count++;
        }
        lua_pop(L, 1);
    }
    out.items = items;
    lua_settop(L, at - 1);
    return out;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const ptv_case_pair *)a)->key, ((const ptv_case_pair *)b)->key);
}

/* A table of named texts; numbers are taken as their text. `absent`: false stands for "must not be there". */
ptv_case_pairs ptv_form_pairs(ptv_form *f, const char *key, bool absent)
{
    lua_State *L = f->L;
    ptv_case_pairs out = { 0 };
    int type = push_key(&out, f, key), at = lua_gettop(L);
    if (type == LUA_TNIL)
        return out;
    if (type != LUA_TTABLE) {
        ptv_form_problem(f, out.line, "E-ARG", "%s: %s is %s, not a table", f->where, key, ptv_form_type(L, at));
        lua_pop(L, 1);
        return out;
    }
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1))
        count++;
    const ptv_scan_item *item = ptv_scan_key(f->source, key);
    ptv_case_pair *items = ptv_form_keep(L, f->mem, (count + 1) * sizeof *items);
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            ptv_form_problem(f, out.line, "E-KEY", "%s: %s: write name = value", f->where, key);
            continue;
        }
        ptv_case_pair *pair = &items[out.count];
        pair->key = ptv_form_keep_text(L, f->mem, -2);
        const ptv_scan_item *line = item ? ptv_scan_key(item->table, pair->key) : NULL;
        pair->line = line ? line->line : out.line;
        if (lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER) {
            lua_pushvalue(L, -1); /* tostring changes numbers in place */
            pair->value = ptv_form_keep_text(L, f->mem, -1);
            lua_pop(L, 1);
        } else if (!absent || lua_type(L, -1) != LUA_TBOOLEAN || lua_toboolean(L, -1)) {
            ptv_form_problem(f, pair->line, "E-ARG", "%s: %s.%.60s is %s, not a text%s", f->where, key, pair->key,
                             ptv_form_type(L, -1), absent ? " (false: must not be there)" : "");
            continue;
        }
        out.count++;
    }
    qsort(items, out.count, sizeof *items, by_key);
    out.items = items;
    lua_settop(L, at - 1);
    return out;
}
