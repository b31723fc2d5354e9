/*
 * things.c: the values of the language while a file loads, and what happens when one is indexed, called or compared. A
 * mistake is reported with its line and becomes a poison value that works everywhere in silence, so that one run of a file
 * tells all there is to tell.
 *
 * Every function here that takes a lua_State jumps on error and holds nothing that would leak.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include "rules/loading.h"
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

static char thing_meta; /* its address is the registry key of the one metatable */

static ptv_loading *loading(lua_State *L)
{
    return ptv_sandbox_owner(L);
}

ptv_thing *ptv_thing_push(lua_State *L, ptv_thing_kind kind)
{
    ptv_thing *t = lua_newuserdatauv(L, sizeof *t, 0);
    *t = (ptv_thing){ .kind = kind };
    lua_rawgetp(L, LUA_REGISTRYINDEX, &thing_meta);
    lua_setmetatable(L, -2);
    return t;
}

ptv_thing *ptv_thing_at(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index))
        return NULL;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &thing_meta);
    bool ours = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return ours ? lua_touserdata(L, index) : NULL;
}

int ptv_push_poison(lua_State *L)
{
    ptv_thing_push(L, PTV_THING_POISON);
    return 1;
}

static const char *thing_name(const ptv_thing *t)
{
    static const char *const names[] = {
        [PTV_THING_POISON] = "a mistake",
        [PTV_THING_GROUP] = "a group of fields",
        [PTV_THING_FIELD] = "a field",
        [PTV_THING_ROWS] = "a count without a test",
        [PTV_THING_TEST] = "a test without its value",
        [PTV_THING_COND] = "a condition",
        [PTV_THING_PARTIAL] = "a word without its { … }",
        [PTV_THING_MOMENT] = "a test for a column",
        [PTV_THING_SETTING] = "a setting",
        [PTV_THING_LIST] = "a list file",
        [PTV_THING_MATCHED] = "the matched words",
        [PTV_THING_STANDARD] = "standard",
    };
    return names[t->kind];
}

const char *ptv_describe(lua_State *L, ptv_loading *l, int index)
{
    switch (lua_type(L, index)) {
    case LUA_TNONE:
    case LUA_TNIL:
        return "nothing";
    case LUA_TBOOLEAN:
        return "a boolean";
    case LUA_TNUMBER: {
        char number[40];
        snprintf(number, sizeof number, "%.14g", (double)lua_tonumber(L, index));
        const char *copy = ptv_arena_strdup(l->mem, number);
        return copy ? copy : "a number";
    }
    case LUA_TSTRING:
        return ptv_quoted(l->mem, lua_tostring(L, index));
    case LUA_TTABLE:
        return "a table";
    case LUA_TFUNCTION:
        return "a function";
    default: {
        const ptv_thing *t = ptv_thing_at(L, index);
        return t ? thing_name(t) : "something else";
    }
    }
}

static const ptv_field *field_below(const char *group, const char *name, size_t len)
{
    for (size_t i = 0; i < ptv_field_count; i++) {
        size_t n = strlen(group);
        const char *full = ptv_fields[i].name;
        if (strncmp(full, group, n) == 0 && full[n] == '.' && strlen(full + n + 1) == len &&
            !memcmp(full + n + 1, name, len))
            return &ptv_fields[i];
    }
    return NULL;
}

int ptv_push_field(lua_State *L, const ptv_field *field)
{
    ptv_thing *t = ptv_thing_push(L, PTV_THING_FIELD);
    t->field = field;
    t->text = field->name;
    return 1;
}

/* tags.has_any, passive_dns.count, passive_dns.records.count … */
static int index_group(lua_State *L, ptv_loading *l, const ptv_thing *group)
{
    size_t len;
    const char *name = lua_tolstring(L, 2, &len);
    const ptv_field *field = field_below(group->name, name, len);
    if (field)
        return ptv_push_field(L, field);
    const char *near[64];
    size_t count = 0, n = strlen(group->name);
    for (size_t i = 0; i < ptv_field_count && count < 64; i++)
        if (strncmp(ptv_fields[i].name, group->name, n) == 0 && ptv_fields[i].name[n] == '.')
            near[count++] = ptv_fields[i].name + n + 1;
    const char *guess = ptv_did_you_mean(l->mem, name, near, count);
    for (size_t i = 0; i < count && (i || !*guess); i++)
        guess = ptv_keep_printf(L, l, "%s%s%s", guess, i ? ", " : "; it has ", near[i]);
    ptv_problem(l, ptv_sandbox_line(L), "E-FIELD", "%s has no field %s%s", group->name, ptv_ticked(l->mem, name), guess);
    return ptv_push_poison(L);
}

static size_t tests_of(const ptv_thing *t, const char **names, int *ops, size_t room)
{
    size_t count = 0;
    ptv_type type = t->kind == PTV_THING_ROWS ? PTV_NUMBER : t->field->type;
    if (type == PTV_RECORDS) {
        names[count] = "count";
        ops[count++] = PTV_ROWS_COUNT;
        names[count] = "any";
        ops[count++] = PTV_ROWS_ANY;
        names[count] = ptv_op_name(PTV_OP_IS_MISSING);
        ops[count++] = PTV_OP_IS_MISSING;
        names[count] = ptv_op_name(PTV_OP_IS_PRESENT);
        ops[count++] = PTV_OP_IS_PRESENT;
        return count;
    }
    for (const int *op = ptv_ops_of(type); *op >= 0 && count < room; op++) {
        if (t->kind == PTV_THING_ROWS && (*op == PTV_OP_IS_MISSING || *op == PTV_OP_IS_PRESENT))
            continue;
        names[count] = ptv_op_name((ptv_op)*op);
        ops[count++] = *op;
    }
    return count;
}

static int index_field(lua_State *L, ptv_loading *l, const ptv_thing *t)
{
    enum { MOST = 32 };
    const char *name = lua_tostring(L, 2), *names[MOST];
    int ops[MOST];
    size_t count = tests_of(t, names, ops, MOST);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], name) != 0)
            continue;
        ptv_thing copy = *t, *test = ptv_thing_push(L, PTV_THING_TEST);
        *test = copy;
        test->kind = PTV_THING_TEST;
        test->name = copy.kind == PTV_THING_ROWS ? "rows" : NULL;
        test->op = ops[i];
        return 1;
    }
    if (t->kind == PTV_THING_FIELD && t->field->type == PTV_SET && strcmp(name, "matched") == 0) {
        ptv_thing *matched = ptv_thing_push(L, PTV_THING_MATCHED);
        matched->field = t->field;
        return 1;
    }
    if (t->kind == PTV_THING_FIELD) {
        const ptv_field *deeper = field_below(t->field->name, name, strlen(name));
        if (deeper)
            return ptv_push_field(L, deeper);
    }
    luaL_Buffer all;
    luaL_buffinit(L, &all);
    for (size_t i = 0; i < count; i++) {
        luaL_addstring(&all, i ? ", " : "");
        luaL_addstring(&all, names[i]);
    }
    luaL_pushresult(&all);
    ptv_type type = t->kind == PTV_THING_ROWS ? PTV_NUMBER : t->field->type;
    const char *guess = ptv_did_you_mean(l->mem, name, names, count);
    ptv_problem(l, ptv_sandbox_line(L), "E-TEST", "%s (%s) has no test %s%s%s", t->text, ptv_type_name(type),
                ptv_ticked(l->mem, name), *guess ? guess : "; it has ", *guess ? "" : lua_tostring(L, -1));
    return ptv_push_poison(L);
}

static int thing_index(lua_State *L)
{
    ptv_loading *l = loading(L);
    ptv_sandbox_charge(L, 0);
    const ptv_thing *t = ptv_thing_at(L, 1);
    if (!t || t->kind == PTV_THING_POISON)
        return ptv_push_poison(L);
    if (lua_type(L, 2) != LUA_TSTRING) {
        ptv_problem(l, ptv_sandbox_line(L), "E-TEST", "%s is no list", thing_name(t));
        return ptv_push_poison(L);
    }
    if (t->kind == PTV_THING_GROUP)
        return index_group(L, l, t);
    if (t->kind == PTV_THING_FIELD || t->kind == PTV_THING_ROWS)
        return index_field(L, l, t);
    const char *name = ptv_quoted(l->mem, lua_tostring(L, 2));
    if (t->kind == PTV_THING_TEST)
        ptv_problem(l, ptv_sandbox_line(L), "E-TEST", "%s:%s needs its value before %s", t->text,
                    t->op == PTV_ROWS_COUNT ? "count" : ptv_op_name((ptv_op)t->op), name);
    else
        ptv_problem(l, ptv_sandbox_line(L), "E-TEST", "%s has no %s", thing_name(t), name);
    return ptv_push_poison(L);
}

/* What stands under a mistake is not also reported as used nowhere. */
void ptv_use_all(lua_State *L, int index, int deep)
{
    const ptv_thing *t = ptv_thing_at(L, index);
    if (t && t->cond)
        t->cond->used = true;
    if (lua_type(L, index) != LUA_TTABLE || !deep)
        return;
    ptv_sandbox_charge(L, lua_rawlen(L, index) * 32);
    luaL_checkstack(L, 4, NULL);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
        ptv_use_all(L, lua_gettop(L), deep - 1);
}

static int poison_with(lua_State *L)
{
    for (int i = lua_gettop(L); i > 0; i--)
        ptv_use_all(L, i, 2);
    return ptv_push_poison(L);
}

/* `tags:has_any{…}` hands the field over as the first argument, `tags.has_any{…}` does not. */
static int call_test(lua_State *L, ptv_loading *l, const ptv_thing *test)
{
    const ptv_thing *self = ptv_thing_at(L, 2);
    bool by_colon = self && (self->kind == PTV_THING_FIELD || self->kind == PTV_THING_ROWS) && self->field == test->field;
    int first = by_colon ? 3 : 2;
    if (test->op != PTV_ROWS_COUNT && test->op != PTV_ROWS_ANY)
        return ptv_test_call(L, l, test, first);
    bool any = test->op == PTV_ROWS_ANY;
    const char *what = ptv_keep_printf(L, l, "%s:%s", test->text, any ? "any" : "count");
    ptv_thing rows = *test;
    rows.kind = PTV_THING_ROWS;
    if (!ptv_filter_read(&rows, L, l, first, what))
        return ptv_push_poison(L);
    if (any) { /* at least one row */
        ptv_built *b = ptv_cond_push(L, l, PTV_OP_AT_LEAST, rows.text);
        b->cond.field = rows.field;
        b->cond.filter = rows.filter;
        b->cond.filter_count = rows.filter_count;
        b->cond.args.low = 1;
        b->cond.sections = PTV_BIT(rows.field->section);
        return 1;
    }
    *ptv_thing_push(L, PTV_THING_ROWS) = rows;
    return 1;
}

static int thing_call(lua_State *L)
{
    ptv_loading *l = loading(L);
    ptv_sandbox_charge(L, 0);
    const ptv_thing *t = ptv_thing_at(L, 1);
    if (!t || t->kind == PTV_THING_POISON)
        return poison_with(L);
    int line = ptv_sandbox_line(L);
    if (t->kind == PTV_THING_TEST)
        return call_test(L, l, t);
    if (t->kind == PTV_THING_PARTIAL) {
        if (t->pending)
            t->pending->done = true;
        if (t->op == PTV_PARTIAL_RULE)
            return ptv_declare_rule(L, l, t, 2);
        if (t->op == PTV_PARTIAL_ALLOW)
            return ptv_declare_allow(L, l, t, 2);
        return ptv_combine(L, l, t, 2);
    }
    if (t->kind == PTV_THING_FIELD || t->kind == PTV_THING_GROUP)
        ptv_problem(l, line, "E-CALL", "%s is called like a test; write one: %s:%s",
                    t->kind == PTV_THING_FIELD ? t->text : t->name, t->kind == PTV_THING_FIELD ? t->text : t->name,
                    t->kind == PTV_THING_FIELD ? "is_present()" : "…");
    else
        ptv_problem(l, line, "E-CALL", "%s is called; a comma is missing before the bracket that follows %s", thing_name(t),
                    t->kind == PTV_THING_COND ? t->cond->cond.text : "it");
    return poison_with(L);
}

/* a > 5, a .. "x", #a: fields have no value while a file loads. Values of rules may be in poison: stay silent there. */
bool ptv_is_poison(lua_State *L, int index)
{
    const ptv_thing *t = ptv_thing_at(L, index);
    return t && t->kind == PTV_THING_POISON;
}

static void no_operator(lua_State *L)
{
    ptv_loading *l = loading(L);
    if (ptv_is_poison(L, 1) || ptv_is_poison(L, 2))
        return;
    int line = ptv_sandbox_line(L);
    const ptv_thing *t = ptv_thing_at(L, 1) ? ptv_thing_at(L, 1) : ptv_thing_at(L, 2);
    if (t && t->cond)
        t->cond->used = true;
    if (!ptv_problem_at(l, line, "E-COND"))
        ptv_problem(l, line, "E-COND",
                    "an operator on %s, which has no value while a file loads; write a test, such as :at_least(10)",
                    t ? thing_name(t) : "a field");
}

static int thing_compare(lua_State *L)
{
    no_operator(L);
    lua_pushboolean(L, 0);
    return 1;
}

static int thing_arithmetic(lua_State *L)
{
    no_operator(L);
    return ptv_push_poison(L);
}

static int thing_assign(lua_State *L)
{
    ptv_loading *l = loading(L);
    if (!ptv_is_poison(L, 1))
        ptv_problem(l, ptv_sandbox_line(L), "E-GLOBAL", "%s cannot be changed", thing_name(ptv_thing_at(L, 1)));
    return 0;
}

static int thing_text(lua_State *L)
{
    const ptv_thing *t = ptv_thing_at(L, 1);
    lua_pushstring(L, t->kind == PTV_THING_SETTING ? t->value : thing_name(t));
    return 1;
}

void ptv_things_open(lua_State *L)
{
    static const luaL_Reg meta[] = {
        { "__index", thing_index },
        { "__call", thing_call },
        { "__newindex", thing_assign },
        { "__tostring", thing_text },
        { "__lt", thing_compare },
        { "__le", thing_compare },
        { "__concat", thing_arithmetic },
        { "__len", thing_arithmetic },
        { "__add", thing_arithmetic },
        { "__sub", thing_arithmetic },
        { "__mul", thing_arithmetic },
        { "__div", thing_arithmetic },
        { "__mod", thing_arithmetic },
        { "__unm", thing_arithmetic },
        { "__idiv", thing_arithmetic },
        { "__pow", thing_arithmetic },
        { NULL, NULL },
    };
    lua_createtable(L, 0, 20);
    luaL_setfuncs(L, meta, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &thing_meta);
}
