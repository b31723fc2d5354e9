/*
 * library.c: the only functions a file has beside its words. The stock library cannot be made safe: patterns, rep, sort and
 * table.move run for minutes inside one call, and pairs and tostring show addresses. Ours are linear and charge by bytes.
 *
 * Every function here jumps on error.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include "rules/sandbox.h"
#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *text_at(lua_State *L, int arg, size_t *len)
{
    const char *text = luaL_checklstring(L, arg, len);
    ptv_sandbox_charge(L, *len);
    return text;
}

/* A position as in Lua: from 1, negative from the end; clipped to [low, high]. */
static size_t position(lua_State *L, int arg, lua_Integer otherwise, size_t len, lua_Integer low, lua_Integer high)
{
    lua_Integer i = luaL_optinteger(L, arg, otherwise);
    if (i < 0)
        i = i < -(lua_Integer)len ? 0 : i + (lua_Integer)len + 1;
    return (size_t)(i < low ? low : i > high ? high : i);
}

static const char *find(const char *text, size_t len, const char *piece, size_t piece_len)
{
    return piece_len == 0 ? text : piece_len > len ? NULL : memmem(text, len, piece, piece_len);
}

static int text_lower(lua_State *L)
{
    size_t len;
    const char *text = text_at(L, 1, &len);
    luaL_Buffer b;
    char *to = luaL_buffinitsize(L, &b, len);
    for (size_t i = 0; i < len; i++)
        to[i] = ptv_lower(text[i]);
    luaL_pushresultsize(&b, len);
    return 1;
}

static int text_sub(lua_State *L)
{
    size_t len;
    const char *text = text_at(L, 1, &len);
    size_t from = position(L, 2, 1, len, 1, (lua_Integer)len + 1), to = position(L, 3, -1, len, 0, (lua_Integer)len);
    lua_pushlstring(L, text + from - 1, from <= to ? to - from + 1 : 0);
    return 1;
}

static int text_byte(lua_State *L)
{
    ptv_sandbox_charge(L, 0);
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    size_t i = position(L, 2, 1, len, 0, (lua_Integer)len + 1);
    if (i < 1 || i > len)
        return 0;
    lua_pushinteger(L, (unsigned char)text[i - 1]);
    return 1;
}

/* Up to the first `piece`; the whole text when it has none. */
static int text_before(lua_State *L)
{
    size_t len, piece_len;
    const char *text = text_at(L, 1, &len), *piece = text_at(L, 2, &piece_len);
    const char *at = find(text, len, piece, piece_len);
    lua_pushlstring(L, text, at ? (size_t)(at - text) : len);
    return 1;
}

/* Behind the first `piece`; "" when it has none. */
static int text_after(lua_State *L)
{
    size_t len, piece_len;
    const char *text = text_at(L, 1, &len), *piece = text_at(L, 2, &piece_len);
    const char *at = find(text, len, piece, piece_len);
    lua_pushlstring(L, at ? at + piece_len : "", at ? len - (size_t)(at - text) - piece_len : 0);
    return 1;
}

static int text_contains(lua_State *L)
{
    size_t len, piece_len;
    const char *text = text_at(L, 1, &len), *piece = text_at(L, 2, &piece_len);
    lua_pushboolean(L, find(text, len, piece, piece_len) != NULL);
    return 1;
}

static int text_starts(lua_State *L)
{
    size_t len, piece_len;
    const char *text = text_at(L, 1, &len), *piece = text_at(L, 2, &piece_len);
    lua_pushboolean(L, piece_len <= len && memcmp(text, piece, piece_len) == 0);
    return 1;
}

static int text_ends(lua_State *L)
{
    size_t len, piece_len;
    const char *text = text_at(L, 1, &len), *piece = text_at(L, 2, &piece_len);
    lua_pushboolean(L, piece_len <= len && memcmp(text + len - piece_len, piece, piece_len) == 0);
    return 1;
}

static int text_like(lua_State *L)
{
    size_t len, glob_len;
    const char *text = text_at(L, 1, &len), *glob = text_at(L, 2, &glob_len);
    ptv_sandbox_charge(L, len * (glob_len < 64 ? glob_len : 64)); /* the worst a glob can cost */
    lua_pushboolean(L, ptv_glob(glob, text));
    return 1;
}

static int text_len(lua_State *L)
{
    size_t len;
    ptv_sandbox_charge(L, 0);
    luaL_checklstring(L, 1, &len);
    lua_pushinteger(L, (lua_Integer)len);
    return 1;
}

static int text_has_no(lua_State *L)
{
    return luaL_error(L, "texts have no '%s'; there are lower sub byte before after contains starts ends like len",
                      lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2));
}

static int list_concat(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    size_t sep_len;
    const char *sep = luaL_optlstring(L, 2, "", &sep_len);
    lua_settop(L, 2);
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    lua_Unsigned n = lua_rawlen(L, 1);
    for (lua_Unsigned i = 1; i <= n; i++) {
        if (i > 1)
            luaL_addlstring(&b, sep, sep_len);
        int type = lua_rawgeti(L, 1, (lua_Integer)i);
        if (type != LUA_TSTRING && type != LUA_TNUMBER)
            return luaL_error(L, "concat: item %d is a %s, not a text or number", (int)i, lua_typename(L, type));
        ptv_sandbox_charge(L, sep_len + lua_rawlen(L, -1));
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
    return 1;
}

static int list_insert(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer n = (lua_Integer)lua_rawlen(L, 1), at = n + 1;
    if (lua_gettop(L) >= 3) {
        at = luaL_checkinteger(L, 2);
        luaL_argcheck(L, at >= 1 && at <= n + 1, 2, "no such place in the list");
    } else
        luaL_checkany(L, 2);
    int value = lua_gettop(L) >= 3 ? 3 : 2;
    ptv_sandbox_charge(L, (size_t)(n - at + 1) * 16);
    for (lua_Integer i = n; i >= at; i--) {
        lua_rawgeti(L, 1, i);
        lua_rawseti(L, 1, i + 1);
    }
    lua_pushvalue(L, value);
    lua_rawseti(L, 1, at);
    return 0;
}

static int next_item(lua_State *L)
{
    ptv_sandbox_charge(L, 0);
    lua_Integer i = luaL_checkinteger(L, 2) + 1;
    lua_pushinteger(L, i);
    return lua_rawgeti(L, 1, i) == LUA_TNIL ? 1 : 2;
}

static int base_ipairs(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    ptv_sandbox_charge(L, 0);
    lua_pushcfunction(L, next_item);
    lua_pushvalue(L, 1);
    lua_pushinteger(L, 0);
    return 3;
}

typedef struct key {
    union {
        lua_Number number; /* booleans too */
        const char *text;
    };
    uint32_t len;
    unsigned at : 24, type : 8; /* at: in the list of keys as found. Small, so that a block holds the keys of any table */
} key;

static int key_order(const void *a, const void *b)
{
    const key *x = a, *y = b;
    if (x->type != y->type) /* booleans, numbers, texts: in this order */
        return x->type < y->type ? -1 : 1;
    if (x->type != LUA_TSTRING)
        return x->number < y->number ? -1 : x->number > y->number;
    int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);
    return order ? order : x->len < y->len ? -1 : x->len > y->len;
}

static int next_pair(lua_State *L)
{
    ptv_sandbox_charge(L, 0);
    lua_Integer i = lua_tointeger(L, lua_upvalueindex(2)) + 1;
    lua_pushinteger(L, i);
    lua_replace(L, lua_upvalueindex(2));
    if (lua_rawgeti(L, lua_upvalueindex(1), i) == LUA_TNIL)
        return 1;
    lua_pushvalue(L, -1);
    lua_rawget(L, 1);
    return 2;
}

/* As Lua's own, in the order of keys, so that two runs see the same. */
static int base_pairs(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_newtable(L); /* 2: the keys as found; keeps their texts alive */
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        lua_rawseti(L, 2, (lua_Integer)++count);
    }
    ptv_sandbox_charge(L, count * 256);
    key *keys = lua_newuserdatauv(L, count * sizeof *keys, 0); /* 3 */
    for (size_t i = 0; i < count; i++) {
        keys[i] = (key){ .type = (unsigned char)lua_rawgeti(L, 2, (lua_Integer)i + 1), .at = (unsigned)i + 1 };
        size_t len = 0;
        if (keys[i].type == LUA_TSTRING)
            keys[i].text = lua_tolstring(L, -1, &len);
        else if (keys[i].type == LUA_TNUMBER)
            keys[i].number = lua_tonumber(L, -1);
        else if (keys[i].type == LUA_TBOOLEAN)
            keys[i].number = lua_toboolean(L, -1);
        else
            return luaL_error(L, "pairs: a key is a %s; only texts, numbers and booleans have an order",
                              luaL_typename(L, -1));
        keys[i].len = (uint32_t)len;
        lua_pop(L, 1);
    }
    qsort(keys, count, sizeof *keys, key_order);
    lua_createtable(L, (int)count, 0); /* 4 */
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, keys[i].at);
        lua_rawseti(L, 4, (lua_Integer)i + 1);
    }
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_pair, 2);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

static int base_type(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushstring(L, luaL_typename(L, 1));
    return 1;
}

static int base_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    ptv_sandbox_charge(L, 0);
    if (luaL_callmeta(L, 1, "__tostring"))
        return 1;
    switch (lua_type(L, 1)) {
    case LUA_TSTRING:
    case LUA_TNUMBER:
        lua_tolstring(L, 1, NULL);
        lua_settop(L, 1);
        break;
    case LUA_TBOOLEAN:
        lua_pushstring(L, lua_toboolean(L, 1) ? "true" : "false");
        break;
    default:
        lua_pushstring(L, luaL_typename(L, 1)); /* no address: it would differ from run to run */
    }
    return 1;
}

static int base_tonumber(lua_State *L)
{
    luaL_checkany(L, 1);
    if (luaL_callmeta(L, 1, "__tostring"))
        lua_replace(L, 1);
    lua_settop(L, 1);
    if (lua_type(L, 1) == LUA_TNUMBER)
        return 1;
    size_t len;
    const char *text = lua_type(L, 1) == LUA_TSTRING ? text_at(L, 1, &len) : NULL;
    if (!text || lua_stringtonumber(L, text) != len + 1)
        lua_pushnil(L);
    return 1;
}

/* The message is a text, with the line in front: a table or nil as an error could not be told to anybody. */
static int base_error(lua_State *L)
{
    if (lua_type(L, 1) != LUA_TSTRING && lua_type(L, 1) != LUA_TNUMBER)
        return luaL_error(L, "error() takes a text, not a %s", luaL_typename(L, 1));
    size_t len;
    const char *text = text_at(L, 1, &len);
    luaL_where(L, 1);
    lua_pushlstring(L, text, len < 300 ? len : 300);
    lua_concat(L, 2);
    return lua_error(L);
}

static int extreme(lua_State *L, bool largest)
{
    int n = lua_gettop(L), best = 1;
    luaL_checknumber(L, 1);
    ptv_sandbox_charge(L, (size_t)n);
    for (int i = 2; i <= n; i++) {
        luaL_checknumber(L, i);
        if (largest ? lua_compare(L, best, i, LUA_OPLT) : lua_compare(L, i, best, LUA_OPLT))
            best = i;
    }
    lua_pushvalue(L, best);
    return 1;
}

static int base_min(lua_State *L)
{
    return extreme(L, false);
}

static int base_max(lua_State *L)
{
    return extreme(L, true);
}

static int base_floor(lua_State *L)
{
    if (lua_isinteger(L, 1)) {
        lua_settop(L, 1);
        return 1;
    }
    lua_Number n = floor(luaL_checknumber(L, 1));
    lua_Integer whole;
    if (lua_numbertointeger(n, &whole))
        lua_pushinteger(L, whole);
    else
        lua_pushnumber(L, n);
    return 1;
}

static void add(lua_State *L, const luaL_Reg *functions)
{
    for (; functions->name; functions++) {
        lua_pushcfunction(L, functions->func);
        lua_setfield(L, -2, functions->name);
    }
}

void ptv_sandbox_open_library(lua_State *L)
{
    static const luaL_Reg texts[] = {
        { "lower", text_lower },   { "sub", text_sub },     { "byte", text_byte },
        { "before", text_before }, { "after", text_after }, { "contains", text_contains },
        { "starts", text_starts }, { "ends", text_ends },   { "like", text_like },
        { "len", text_len },       { NULL, NULL },
    };
    static const luaL_Reg base[] = {
        { "concat", list_concat }, { "insert", list_insert },     { "ipairs", base_ipairs },     { "pairs", base_pairs },
        { "type", base_type },     { "tostring", base_tostring }, { "tonumber", base_tonumber }, { "error", base_error },
        { "min", base_min },       { "max", base_max },           { "floor", base_floor },       { NULL, NULL },
    };
    add(L, base);
    lua_pushliteral(L, "");
    lua_createtable(L, 0, 1); /* metatable of all texts */
    lua_createtable(L, 0, 16);
    add(L, texts);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, text_has_no);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}
