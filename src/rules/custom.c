/*
 * custom.c: conditions that words cannot say: a Lua function with the fields it may read, and what it captured.
 *
 * A call must not depend on an earlier one. Globals are read-only and tables cannot be captured, so the only memory a
 * function has are its captured variables, and those of functions among them: they are noted when the file has run, and
 * put back before each call.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include "rules/process.h"
#include <lauxlib.h>
#include <string.h>

struct ptv_custom {
    ptv_sandbox *sandbox;
    const char *file;
    int line;
    const ptv_field *const *fields;
    size_t count;
    ptv_custom_run_fn *elsewhere; /* NULL: here */
    void *self;
};
/* The registry holds, by the address of the ptv_custom, { f, f₁, index₁, value₁, f₂, … }. */

static char record_meta, row_meta;

/* Jumps on error. */
ptv_custom *ptv_custom_new(lua_State *L, int index, ptv_arena *mem, const char *file, const ptv_field *const *fields,
                           size_t count, int line)
{
    ptv_custom *c = ptv_arena_calloc(mem, 1, sizeof *c);
    if (!c)
        return NULL;
    *c = (ptv_custom){ .sandbox = ptv_sandbox_of(L), .file = file, .line = line, .fields = fields, .count = count };
    index = lua_absindex(L, index);
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, index);
    lua_rawseti(L, -2, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, c);
    return c;
}

/* ------------------------------------------------------------------------------------------------- seal */

/* Stack: 1 custom, 2 noted, 3 list of functions to look at, 4 the same as a set. Jumps on error. */
static void note_captured(lua_State *L, lua_Integer *todo, lua_Integer *noted)
{
    int f = lua_gettop(L);
    const char *name;
    for (int i = 1; (name = lua_getupvalue(L, f, i)); i++) { /* pushes the value */
        ptv_sandbox_push_env(L);
        bool env = lua_rawequal(L, -1, -2);
        lua_pop(L, 1);
        int type = lua_type(L, -1);
        if (type == LUA_TTABLE && !env)
            luaL_error(
                L,
                "captures the table '%s'; it may capture numbers, texts, yes/no and functions, so that no call depends on "
                "an earlier one",
                name);
        if (type == LUA_TUSERDATA)
            luaL_error(L, "captures '%s', a word of rules; a custom function reads its fields from its argument: r.artifact",
                       name);
        if (lua_iscfunction(L, -1) && lua_getupvalue(L, -1, 1)) /* the iterator of pairs counts in there */
            luaL_error(L, "captures '%s', a function that remembers; call pairs inside the custom function", name);
        if (type == LUA_TFUNCTION && !lua_iscfunction(L, -1)) {
            lua_pushvalue(L, -1);
            if (lua_rawget(L, 4) == LUA_TNIL) {
                lua_pushvalue(L, -2);
                lua_pushboolean(L, 1);
                lua_rawset(L, 4);
                lua_pushvalue(L, -2);
                lua_rawseti(L, 3, ++*todo);
            }
            lua_pop(L, 1);
        }
        lua_pushvalue(L, f);
        lua_rawseti(L, 2, *noted + 1);
        lua_pushinteger(L, i);
        lua_rawseti(L, 2, *noted + 2);
        lua_rawseti(L, 2, *noted + 3); /* the value */
        *noted += 3;
    }
}

static int seal(lua_State *L)
{
    ptv_custom *c = lua_touserdata(L, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, c); /* 2 */
    lua_newtable(L);                      /* 3 */
    lua_newtable(L);                      /* 4 */
    lua_Integer todo = 1, noted = 1;
    lua_rawgeti(L, 2, 1);
    lua_pushvalue(L, -1);
    lua_pushboolean(L, 1);
    lua_rawset(L, 4);
    lua_rawseti(L, 3, 1);
    for (lua_Integer i = 1; i <= todo; i++) {
        lua_rawgeti(L, 3, i);
        note_captured(L, &todo, &noted);
        lua_settop(L, 4);
    }
    lua_pushinteger(L, noted);
    lua_setfield(L, 2, "n");
    return 0;
}

ptv_code ptv_custom_seal(ptv_custom *c, ptv_error *err)
{
    return ptv_sandbox_call(c->sandbox, seal, c, true, err);
}

/* ----------------------------------------------------------------------------------------------- record */

typedef struct call {
    const ptv_custom *custom;
    const ptv_record *record;
    ptv_arena *mem;
    ptv_truth truth;
    const char *reason;
    bool no_memory;
} call;

/* What the function gets: the whole record, or the fields below a section. */
typedef struct view {
    const call *call;
    const char *group; /* NULL, "passive_dns" */
} view;

static void push_text(lua_State *L, const char *text)
{
    if (text) {
        ptv_sandbox_charge(L, strlen(text));
        lua_pushstring(L, text);
    } else
        lua_pushnil(L);
}

static void push_number(lua_State *L, int64_t n, bool absent)
{
    if (absent)
        lua_pushnil(L);
    else
        lua_pushinteger(L, n);
}

/* Lists of a record may be longer than a block of the file's own; they still count as memory. */
static void push_set(lua_State *L, const ptv_set *set)
{
    if (!set->items) {
        lua_pushnil(L);
        return;
    }
    ptv_sandbox_trust(L, true);
    lua_createtable(L, (int)set->count, 0);
    ptv_sandbox_trust(L, false);
    for (size_t i = 0; i < set->count; i++) {
        lua_pushstring(L, set->items[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_rows(lua_State *L, const ptv_dns_list *list)
{
    if (!list->rows) {
        lua_pushnil(L);
        return;
    }
    ptv_sandbox_trust(L, true);
    lua_createtable(L, (int)list->count, 0);
    ptv_sandbox_trust(L, false);
    for (size_t i = 0; i < list->count; i++) {
        lua_pushlightuserdata(L, (void *)(uintptr_t)list->rows[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

static void push_field(lua_State *L, const ptv_record *r, const ptv_field *f)
{
    switch (f->type) {
    case PTV_WORD:
    case PTV_ENUM:
    case PTV_URI:
        push_text(L, *PTV_FIELD_AT(r, f, WORD));
        break;
    case PTV_NUMBER:
        push_number(L, *PTV_FIELD_AT(r, f, NUMBER), ptv_field_absent(r, f));
        break;
    case PTV_TIME:
        push_number(L, *PTV_FIELD_AT(r, f, TIME), ptv_field_absent(r, f));
        break;
    case PTV_YESNO:
        if (ptv_field_absent(r, f))
            lua_pushnil(L);
        else
            lua_pushboolean(L, *PTV_FIELD_AT(r, f, YESNO) == 1);
        break;
    case PTV_SET:
        push_set(L, PTV_FIELD_AT(r, f, SET));
        break;
    case PTV_RECORDS:
        push_rows(L, PTV_FIELD_AT(r, f, RECORDS));
        break;
    }
}

/* A view with a table beside it: a list that was read once is the same list again. Jumps on error. */
static void push_view(lua_State *L, const call *c, const char *group)
{
    view *v = lua_newuserdatauv(L, sizeof *v, 1);
    *v = (view){ .call = c, .group = group };
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &record_meta);
    lua_setmetatable(L, -2);
}

static int view_index(lua_State *L)
{
    const view *v = lua_touserdata(L, 1);
    const ptv_custom *c = v->call->custom;
    ptv_sandbox_charge(L, 32 * c->count);
    if (lua_type(L, 2) != LUA_TSTRING)
        return luaL_error(L, "the record has no list items; read r.artifact");
    lua_getiuservalue(L, 1, 1);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, 3) != LUA_TNIL)
        return 1;
    lua_settop(L, 3);
    size_t len, group_len = v->group ? strlen(v->group) : 0;
    const char *key = lua_tolstring(L, 2, &len);
    if (!v->group && strcmp(key, "now") == 0) {
        push_number(L, v->call->record->now, v->call->record->now == PTV_NO_TIME);
        return 1;
    }
    for (size_t i = 0; i < c->count; i++) {
        const char *name = c->fields[i]->name;
        if (v->group) {
            if (strncmp(name, v->group, group_len) != 0 || name[group_len] != '.')
                continue;
            name += group_len + 1;
        }
        if (strcmp(name, key) == 0)
            push_field(L, v->call->record, c->fields[i]);
        else if (!v->group && strncmp(name, key, len) == 0 && name[len] == '.')
            push_view(L, v->call, ptv_section_name(c->fields[i]->section));
        else
            continue;
        lua_pushvalue(L, 2);
        lua_pushvalue(L, -2);
        lua_rawset(L, 3);
        return 1;
    }
    return luaL_error(L, "reads %s%s%s, which is not among the fields it names", v->group ? v->group : "",
                      v->group ? "." : "", key);
}

static int row_index(lua_State *L)
{
    const ptv_dns *row = lua_touserdata(L, 1);
    ptv_sandbox_charge(L, 32);
    const ptv_column *column = lua_type(L, 2) == LUA_TSTRING ? ptv_column_find(lua_tostring(L, 2)) : NULL;
    if (!column)
        return luaL_error(L, "records have no column '%s'",
                          lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2));
    const void *at = (const char *)row + column->offset;
    if (column->type == PTV_TIME)
        push_number(L, *(const int64_t *)at, *(const int64_t *)at == PTV_NO_TIME);
    else if (column->type == PTV_SET)
        push_set(L, at);
    else
        push_text(L, *(const char *const *)at);
    return 1;
}

static int no_writing(lua_State *L)
{
    return luaL_error(L, "the record cannot be changed");
}

/* ------------------------------------------------------------------------------------------------- call */

static void set_metas(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &record_meta) != LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    lua_pop(L, 1);
    static const struct {
        char *key;
        lua_CFunction index;
    } metas[] = { { &record_meta, view_index }, { &row_meta, row_index } };
    for (size_t i = 0; i < 2; i++) {
        lua_createtable(L, 0, 2);
        lua_pushcfunction(L, metas[i].index);
        lua_setfield(L, -2, "__index");
        lua_pushcfunction(L, no_writing);
        lua_setfield(L, -2, "__newindex");
        lua_rawsetp(L, LUA_REGISTRYINDEX, metas[i].key);
    }
    lua_pushlightuserdata(L, NULL);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &row_meta);
    lua_setmetatable(L, -2); /* all light userdata share it; nothing else of ours reaches the file */
    lua_pop(L, 1);
}

static int run(lua_State *L)
{
    call *c = lua_touserdata(L, 1);
    set_metas(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, c->custom); /* 2 */
    lua_getfield(L, 2, "n");
    lua_Integer noted = lua_tointeger(L, -1);
    lua_pop(L, 1);
    for (lua_Integer i = 2; i <= noted; i += 3) {
        lua_rawgeti(L, 2, i);
        lua_rawgeti(L, 2, i + 1);
        int index = (int)lua_tointeger(L, -1);
        lua_pop(L, 1);
        lua_rawgeti(L, 2, i + 2);
        lua_setupvalue(L, -2, index);
        lua_pop(L, 1);
    }
    lua_rawgeti(L, 2, 1);
    push_view(L, c, NULL);
    lua_call(L, 1, 2);
    switch (lua_type(L, -2)) {
    case LUA_TBOOLEAN:
        c->truth = lua_toboolean(L, -2) ? PTV_YES : PTV_NO;
        break;
    case LUA_TNIL:
        c->truth = PTV_UNSURE;
        break;
    default:
        return luaL_error(L, "returned a %s, not true, false or nil", luaL_typename(L, -2));
    }
    if (lua_type(L, -1) == LUA_TSTRING || lua_type(L, -1) == LUA_TNUMBER) {
        size_t len;
        const char *text = lua_tolstring(L, -1, &len);
        c->reason = ptv_arena_strndup(c->mem, text, len < 300 ? len : 300);
        c->no_memory = !c->reason;
    } else if (!lua_isnil(L, -1))
        return luaL_error(L, "returned a %s as its reason, not a text", luaL_typename(L, -1));
    return 0;
}

ptv_code ptv_custom_run(ptv_truth *out, const char **reason, ptv_arena *mem, const ptv_custom *c, const ptv_record *r,
                        ptv_error *err)
{
    if (c->elsewhere)
        return c->elsewhere(c->self, out, reason, mem, r, err);
    call k = { .custom = c, .record = r, .mem = mem };
    ptv_code rc = ptv_sandbox_call(c->sandbox, run, &k, true, err);
    if (!rc && k.no_memory)
        rc = ptv_arena_fail(mem, err);
    ptv_sandbox_collect(c->sandbox);
    if (rc)
        return ptv_wrap(err, "%s:%d", c->file, err->detail ? err->detail : c->line);
    *out = k.truth;
    *reason = k.reason;
    return PTV_OK;
}

void ptv_custom_move(ptv_custom *c, ptv_custom_run_fn *run_elsewhere, void *self)
{
    c->sandbox = NULL;
    c->elsewhere = run_elsewhere;
    c->self = self;
}
