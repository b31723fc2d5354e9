/*
 * words.c: the words of rule files: fields and their tests, all any none at_least_of, custom, setting, list, rule, allow.
 * A mistake is reported with its line and becomes a poison value that works everywhere in silence, so that one run of a
 * file tells all there is to tell.
 *
 * Every function here that takes a lua_State jumps on error and holds nothing that would leak.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/findings.h"
#include "base/text.h"
#include "rules/loading.h"
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

static char thing_meta; /* its address is the registry key of the one metatable */

/* --------------------------------------------------------------------------------------------- findings */

bool ptv_problem_at(const ptv_loading *l, int line, const char *code)
{
    const ptv_finding *f;
    for (size_t i = l->first_finding; (f = ptv_findings_at(l->set->findings, i)); i++)
        if (f->line == line && ptv_text_equal(f->code, code) && ptv_text_equal(f->file, l->file))
            return true;
    return false;
}

void ptv_problem(ptv_loading *l, int line, const char *code, const char *fmt, ...)
{
    enum { MOST = 100, LONGEST = 1200 };
    char raw[LONGEST];
    ptv_buf safe = PTV_BUF(8 * LONGEST);
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(raw, sizeof raw, fmt, args);
    va_end(args);
    if (len >= (int)sizeof raw) /* not in the middle of a character */
        for (size_t end = sizeof raw - 1; end && !ptv_utf8_valid(raw, end) && end > sizeof raw - 4; raw[end] = '\0')
            end--;
    ptv_escape_terminal(&safe, raw, strlen(raw)); /* keys and names in it come from the file */
    const char *text = safe.data ? safe.data : "";
    bool said = false;
    const ptv_finding *f;
    for (size_t i = l->first_finding; (f = ptv_findings_at(l->set->findings, i)) && !said; i++)
        said = f->line == line && ptv_text_equal(f->code, code) && ptv_text_equal(f->message, text);
    if (safe.failed)
        l->set->no_memory = true;
    else if (!said && ++l->finding_count <= MOST) {
        ptv_finding_add(l->set->findings, PTV_ERROR, l->file, line, code, "%s", text);
        if (l->finding_count == MOST)
            ptv_finding_add(l->set->findings, PTV_ERROR, l->file, line, "E-MORE", "more problems follow; mend these first");
    }
    ptv_buf_release(&safe);
}

const char *ptv_did_you_mean(ptv_arena *mem, const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = ptv_text_nearest(word, candidates, count);
    const char *text = nearest ? ptv_arena_printf(mem, " (did you mean '%s'?)", nearest) : NULL;
    return text ? text : "";
}

/* In marks, what could harm a terminal escaped, cut at 60 characters. */
static const char *marked(ptv_arena *mem, const char *text, char mark)
{
    enum { SHOWN = 60 };
    ptv_buf safe = PTV_BUF(4096);
    ptv_buf_putc(&safe, mark);
    for (size_t shown = 0; *text && shown < SHOWN; shown++) {
        uint32_t point;
        size_t step = ptv_utf8_next(&point, text, strnlen(text, 4));
        if (*text == mark || *text == '\\')
            ptv_buf_putc(&safe, '\\');
        ptv_escape_terminal(&safe, text, step ? step : 1);
        text += step ? step : 1;
    }
    ptv_buf_puts(&safe, *text ? "…" : "");
    ptv_buf_putc(&safe, mark);
    char *copy = safe.failed ? NULL : ptv_arena_strndup(mem, safe.data, safe.len);
    ptv_buf_release(&safe);
    return copy ? copy : "…";
}

const char *ptv_quoted(ptv_arena *mem, const char *text)
{
    return marked(mem, text, '"');
}

const char *ptv_ticked(ptv_arena *mem, const char *text)
{
    return marked(mem, text, '\'');
}

/* ----------------------------------------------------------------------------------------------- memory */

static ptv_loading *loading(lua_State *L)
{
    return ptv_sandbox_owner(L);
}

void *ptv_no_memory(lua_State *L, ptv_loading *l)
{
    l->set->no_memory = true;
    luaL_error(L, "no memory left for the rule set");
    return NULL;
}

void *ptv_keep(lua_State *L, ptv_loading *l, size_t size)
{
    ptv_sandbox_charge_memory(L, size);
    void *p = ptv_arena_calloc(l->mem, 1, size ? size : 1);
    return p ? p : ptv_no_memory(L, l);
}

const char *ptv_keep_text(lua_State *L, ptv_loading *l, int index)
{
    size_t len;
    const char *text = lua_tolstring(L, index, &len);
    char *copy = ptv_keep(L, l, len + 1);
    memcpy(copy, text, len);
    return copy;
}

const char *ptv_keep_printf(lua_State *L, ptv_loading *l, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = ptv_arena_vprintf(l->mem, fmt, args);
    va_end(args);
    if (!text)
        ptv_no_memory(L, l);
    ptv_sandbox_charge_memory(L, strlen(text));
    return text;
}

/* ----------------------------------------------------------------------------------------------- things */

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
        [PTV_THING_POISON] = "a mistake",         [PTV_THING_GROUP] = "a group of fields",
        [PTV_THING_FIELD] = "a field",            [PTV_THING_ROWS] = "a count without a test",
        [PTV_THING_TEST] = "a test without its value", [PTV_THING_COND] = "a condition",
        [PTV_THING_PARTIAL] = "a word without its { … }", [PTV_THING_MOMENT] = "a test for a column",
        [PTV_THING_SETTING] = "a setting",        [PTV_THING_LIST] = "a list file",
        [PTV_THING_MATCHED] = "the matched words", [PTV_THING_STANDARD] = "standard",
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
        if (strncmp(full, group, n) == 0 && full[n] == '.' && strlen(full + n + 1) == len && !memcmp(full + n + 1, name, len))
            return &ptv_fields[i];
    }
    return NULL;
}

static int push_field(lua_State *L, const ptv_field *field)
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
        return push_field(L, field);
    const char *near[64];
    size_t count = 0, n = strlen(group->name);
    for (size_t i = 0; i < ptv_field_count && count < 64; i++)
        if (strncmp(ptv_fields[i].name, group->name, n) == 0 && ptv_fields[i].name[n] == '.')
            near[count++] = ptv_fields[i].name + n + 1;
    ptv_problem(l, ptv_sandbox_line(L), "E-FIELD", "%s has no field %s%s", group->name, ptv_ticked(l->mem, name),
                ptv_did_you_mean(l->mem, name, near, count));
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
            return push_field(L, deeper);
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

static int combine(lua_State *L, ptv_loading *l, const ptv_thing *partial, int table);

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
        return combine(L, l, t, 2);
    }
    if (t->kind == PTV_THING_FIELD || t->kind == PTV_THING_GROUP)
        ptv_problem(l, line, "E-CALL", "%s is called like a test; write one: %s:%s", t->kind == PTV_THING_FIELD ? t->text : t->name,
                    t->kind == PTV_THING_FIELD ? t->text : t->name, t->kind == PTV_THING_FIELD ? "is_present()" : "…");
    else
        ptv_problem(l, line, "E-CALL", "%s is called; a comma is missing before the bracket that follows %s",
                    thing_name(t), t->kind == PTV_THING_COND ? t->cond->cond.text : "it");
    return poison_with(L);
}

/* a > 5, a .. "x", #a: fields have no value while a file loads. Values of rules may be in poison: stay silent there. */
static bool is_poison(lua_State *L, int index)
{
    const ptv_thing *t = ptv_thing_at(L, index);
    return t && t->kind == PTV_THING_POISON;
}

static void no_operator(lua_State *L)
{
    ptv_loading *l = loading(L);
    if (is_poison(L, 1) || is_poison(L, 2))
        return;
    int line = ptv_sandbox_line(L);
    const ptv_thing *t = ptv_thing_at(L, 1) ? ptv_thing_at(L, 1) : ptv_thing_at(L, 2);
    if (t && t->cond)
        t->cond->used = true;
    if (!ptv_problem_at(l, line, "E-COND"))
        ptv_problem(l, line, "E-COND", "an operator on %s, which has no value while a file loads; write a test, such as :at_least(10)",
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
    if (!is_poison(L, 1))
        ptv_problem(l, ptv_sandbox_line(L), "E-GLOBAL", "%s cannot be changed", thing_name(ptv_thing_at(L, 1)));
    return 0;
}

static int thing_text(lua_State *L)
{
    const ptv_thing *t = ptv_thing_at(L, 1);
    lua_pushstring(L, t->kind == PTV_THING_SETTING ? t->value : thing_name(t));
    return 1;
}

/* ---------------------------------------------------------------------------------------------- combine */

/* {…} of conditions at `table` under all, any, none or at_least_of(n). */
static int combine(lua_State *L, ptv_loading *l, const ptv_thing *partial, int table)
{
    ptv_op op = (ptv_op)partial->op;
    int line = ptv_sandbox_line(L);
    const char *name = partial->name;
    if (is_poison(L, table))
        return ptv_push_poison(L);
    if (lua_type(L, table) != LUA_TTABLE) {
        ptv_problem(l, line, "E-ARG", "%s needs conditions in curly brackets, not %s: %s { …, … }", name,
                    ptv_describe(L, l, table), name);
        return ptv_push_poison(L);
    }
    const ptv_scan_table *source = ptv_scan_find(l->scan, ptv_op_name(op), line, NULL);
    size_t count = lua_rawlen(L, table), kept = 0;
    ptv_sandbox_charge(L, count * 32);
    const ptv_cond **kids = ptv_keep(L, l, (count + 1) * sizeof *kids);
    ptv_sections sections = 0;
    unsigned depth = 0, weight = 0;
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, table, (lua_Integer)i);
        const ptv_thing *t = ptv_thing_at(L, -1);
        bool fine = t && t->kind == PTV_THING_COND;
        const ptv_scan_item *item = fine ? NULL : ptv_scan_nth(source, i);
        const char *what = fine ? name : ptv_keep_printf(L, l, "item %zu of %s{}", i, name);
        const ptv_cond *c = ptv_cond_take(L, l, -1, item ? item->line : line, what);
        lua_pop(L, 1);
        if (c) {
            kids[kept++] = c;
            sections |= c->sections;
            depth = c->depth + 1 > depth ? c->depth + 1 : depth;
            weight += weight > PTV_TREE_WEIGHT ? 0 : c->weight + 1;
        }
    }
    bool sound = kept == count;
    for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            continue;
        const char *key = lua_tostring(L, -2);
        const ptv_scan_item *item = ptv_scan_key(source, key);
        const ptv_thing *value = ptv_thing_at(L, -1);
        if (value && value->cond)
            value->cond->used = true;
        ptv_problem(l, item ? item->line : line, "E-COND", "%s{} takes conditions, not '%s ='; a test follows ':' as in %s:is …", name,
                    key, ptv_field_find(key) ? key : "classification");
        sound = false;
    }
    if (sound && count == 0) {
        ptv_problem(l, line, "E-EMPTY", "%s{} is empty: it says nothing", name);
        sound = false;
    }
    if (sound && op == PTV_OP_AT_LEAST_OF && partial->args.low > (double)count) {
        ptv_problem(l, line, "E-NEVER", "%s of %zu conditions can never match", name, count);
        sound = false;
    }
    if (sound && (depth > PTV_TREE_DEPTH || weight > PTV_TREE_WEIGHT)) {
        ptv_problem(l, line, "E-DEEP", "%s{} holds too much: at most %d conditions inside one another, %d in all", name,
                    PTV_TREE_DEPTH, PTV_TREE_WEIGHT);
        sound = false;
    }
    if (!sound)
        return ptv_push_poison(L);
    ptv_built *b = ptv_cond_push(L, l, op, name);
    b->cond.depth = depth;
    b->cond.weight = weight;
    b->cond.kids = kids;
    b->cond.kid_count = kept;
    b->cond.sections = sections;
    b->cond.args.low = partial->args.low;
    return 1;
}

static int word_combine(lua_State *L)
{
    ptv_thing partial = { .kind = PTV_THING_PARTIAL, .op = (int)lua_tointeger(L, lua_upvalueindex(1)) };
    partial.name = ptv_op_name((ptv_op)partial.op);
    lua_settop(L, 1);
    return combine(L, loading(L), &partial, 1);
}

static int word_at_least_of(lua_State *L)
{
    ptv_loading *l = loading(L);
    lua_Number n = lua_tonumber(L, 1);
    if (lua_type(L, 1) != LUA_TNUMBER || n < 1 || n > 1000 || n != (lua_Number)(int)n) {
        if (!is_poison(L, 1))
            ptv_problem(l, ptv_sandbox_line(L), "E-ARG", "at_least_of needs a whole number from 1 on, not %s: at_least_of(2) { …, … }",
                        ptv_describe(L, l, 1));
        return ptv_push_poison(L);
    }
    const char *name = ptv_keep_printf(L, l, "at_least_of(%d)", (int)n);
    ptv_thing *t = ptv_thing_push(L, PTV_THING_PARTIAL);
    t->op = PTV_OP_AT_LEAST_OF;
    t->name = name;
    t->args.low = n;
    return 1;
}

/* ------------------------------------------------------------------------------------------ small words */

/* rule "x" and allow "x"; the table comes with the next call. */
static int word_declare(lua_State *L)
{
    ptv_loading *l = loading(L);
    int op = (int)lua_tointeger(L, lua_upvalueindex(1)), line = ptv_sandbox_line(L);
    const char *what = op == PTV_PARTIAL_RULE ? "rule" : "allow";
    if (lua_type(L, 1) != LUA_TSTRING) {
        if (!is_poison(L, 1))
            ptv_problem(l, line, "E-KEY", "%s needs a name first: %s \"name\" { … }", what, what);
        return ptv_push_poison(L);
    }
    const char *id = ptv_keep_text(L, l, 1);
    if (!ptv_id_check(l, line, what, id, lua_rawlen(L, 1)))
        id = NULL;
    ptv_pending *pending = ptv_keep(L, l, sizeof *pending);
    *pending = (ptv_pending){ .what = what, .id = id, .line = line, .next = l->pending };
    l->pending = pending;
    ptv_thing partial = { .kind = PTV_THING_PARTIAL, .op = op, .name = id, .pending = pending };
    if (lua_gettop(L) > 1) { /* rule("x", { … }) */
        pending->done = true;
        return op == PTV_PARTIAL_RULE ? ptv_declare_rule(L, l, &partial, 2) : ptv_declare_allow(L, l, &partial, 2);
    }
    *ptv_thing_push(L, PTV_THING_PARTIAL) = partial;
    return 1;
}

static int word_setting(lua_State *L)
{
    ptv_loading *l = loading(L);
    const ptv_rules_options *o = l->set->options;
    int line = ptv_sandbox_line(L);
    ptv_sandbox_charge(L, 32 * o->setting_count);
    if (lua_type(L, 1) != LUA_TSTRING) {
        if (!is_poison(L, 1))
            ptv_problem(l, line, "E-ARG", "setting needs a name, not %s: setting \"fresh\"", ptv_describe(L, l, 1));
        return ptv_push_poison(L);
    }
    const char *name = lua_tostring(L, 1);
    int kind = lua_type(L, 2);
    if (kind != LUA_TNONE && kind != LUA_TNIL && kind != LUA_TSTRING && kind != LUA_TNUMBER) {
        ptv_problem(l, line, "E-ARG", "the default of setting %s is %s, not a text or number", ptv_quoted(l->mem, name),
                    ptv_describe(L, l, 2));
        return ptv_push_poison(L);
    }
    for (size_t i = 0; i < o->setting_count; i++) {
        const ptv_rule_setting *s = &o->settings[i];
        if (!ptv_text_equal(s->name, name) || !s->value)
            continue;
        l->set->setting_used[i] = true;
        ptv_thing *t = ptv_thing_push(L, PTV_THING_SETTING);
        t->name = s->name;
        t->value = s->value;
        t->where = s->where;
        return 1;
    }
    bool tags = strcmp(name, "passivetotal_tags") == 0;
    if (kind == LUA_TSTRING || kind == LUA_TNUMBER) {
        const char *kept = ptv_keep_text(L, l, 1), *value = ptv_keep_text(L, l, 2);
        ptv_default_use(L, l, kept, value);
        ptv_thing *t = ptv_thing_push(L, PTV_THING_SETTING);
        t->name = kept;
        t->value = value;
        t->where = "its default";
        return 1;
    }
    const char **names = ptv_keep(L, l, (o->setting_count + 1) * sizeof *names);
    size_t count = 0;
    for (size_t i = 0; i < o->setting_count; i++)
        names[count++] = o->settings[i].name;
    if (tags)
        ptv_problem(l, line, "E-SETTING",
                    "setting \"passivetotal_tags\" has no value: write passivetotal_tags = compromised,ransomware (your own tags) "
                    "in section [fn_passivetotal] of app.config");
    else
        ptv_problem(l, line, "E-SETTING", "no setting %s in section [rules]%s; add it there, or give a default: setting(%s, …)",
                    ptv_quoted(l->mem, name), ptv_did_you_mean(l->mem, name, names, count), ptv_quoted(l->mem, name));
    return ptv_push_poison(L);
}

static int word_list(lua_State *L)
{
    ptv_loading *l = loading(L);
    int line = ptv_sandbox_line(L);
    ptv_sandbox_charge(L, 0);
    if (lua_type(L, 1) != LUA_TSTRING) {
        if (!is_poison(L, 1))
            ptv_problem(l, line, "E-ARG", "list needs the name of a file in lists/, not %s: list \"corp-domains\"",
                        ptv_describe(L, l, 1));
        return ptv_push_poison(L);
    }
    ptv_list *list = ptv_list_find(l, lua_tostring(L, 1), line);
    if (!list)
        return ptv_push_poison(L);
    ptv_thing *t = ptv_thing_push(L, PTV_THING_LIST);
    t->list = list;
    t->name = list->name;
    return 1;
}

/* within "7d" and its kin, for a column of records. */
static int word_moment(lua_State *L)
{
    ptv_loading *l = loading(L);
    ptv_op op = (ptv_op)lua_tointeger(L, lua_upvalueindex(1));
    const char *name = ptv_op_name(op), *text = NULL;
    ptv_args args = { 0 };
    bool read;
    if (op == PTV_OP_WITHIN || op == PTV_OP_OLDER_THAN)
        read = ptv_arg_span(&args, &text, L, l, 1, name);
    else if (op == PTV_OP_LIKE) {
        ptv_words words;
        read = ptv_arg_words(&words, L, l, 1, name);
        if (read) {
            ptv_args_plain(&args, &words);
            text = words.text;
        }
    } else
        read = ptv_arg_day(&args.day, &text, L, l, 1, name);
    if (!read)
        return ptv_push_poison(L);
    const char *whole = ptv_keep_printf(L, l, "%s%s%s", name, op == PTV_OP_LIKE ? "" : " ", text);
    ptv_thing *t = ptv_thing_push(L, PTV_THING_MOMENT);
    t->op = op;
    t->args = args;
    t->text = whole;
    return 1;
}

static int word_custom(lua_State *L)
{
    ptv_loading *l = loading(L);
    int line = ptv_sandbox_line(L);
    ptv_words names;
    if (lua_type(L, 2) != LUA_TFUNCTION || lua_iscfunction(L, 2)) {
        if (!is_poison(L, 1) && !is_poison(L, 2))
            ptv_problem(l, line, "E-ARG", "custom needs the fields it reads and a function: custom({ \"artifact\" }, function(r) … end)");
        return ptv_push_poison(L);
    }
    if (!ptv_arg_words(&names, L, l, 1, "custom"))
        return ptv_push_poison(L);
    const ptv_field **fields = ptv_keep(L, l, (names.count + 1) * sizeof *fields);
    const char **all = ptv_keep(L, l, ptv_field_count * sizeof *all);
    for (size_t i = 0; i < ptv_field_count; i++)
        all[i] = ptv_fields[i].name;
    ptv_sections sections = 0;
    bool sound = true;
    for (size_t i = 0; i < names.count; i++) {
        fields[i] = ptv_field_find(names.items[i]);
        if (fields[i] && fields[i]->section != PTV_ALWAYS)
            sections |= PTV_BIT(fields[i]->section);
        if (fields[i])
            continue;
        ptv_problem(l, line, "E-FIELD", "custom: no field %s%s", ptv_ticked(l->mem, names.items[i]),
                    ptv_did_you_mean(l->mem, names.items[i], all, ptv_field_count));
        sound = false;
    }
    if (!sound)
        return ptv_push_poison(L);
    ptv_custom *custom = ptv_custom_new(L, 2, l->mem, l->file, fields, names.count, line);
    if (!custom)
        ptv_no_memory(L, l);
    const char *text = ptv_keep_printf(L, l, "custom(%s, function)", names.text);
    ptv_built *b = ptv_cond_push(L, l, PTV_OP_CUSTOM, text);
    b->cond.custom = custom;
    b->cond.custom_fields = fields;
    b->cond.custom_field_count = names.count;
    b->cond.sections = sections;
    return 1;
}

/* --------------------------------------------------------------------------------------- the vocabulary */

static const struct {
    const char *name;
    int op;
    lua_CFunction f;
} word_table[] = {
    { "all", PTV_OP_ALL, word_combine },
    { "any", PTV_OP_ANY, word_combine },
    { "none", PTV_OP_NONE, word_combine },
    { "at_least_of", 0, word_at_least_of },
    { "custom", 0, word_custom },
    { "rule", PTV_PARTIAL_RULE, word_declare },
    { "allow", PTV_PARTIAL_ALLOW, word_declare },
    { "setting", 0, word_setting },
    { "list", 0, word_list },
    { "within", PTV_OP_WITHIN, word_moment },
    { "older_than", PTV_OP_OLDER_THAN, word_moment },
    { "before", PTV_OP_BEFORE, word_moment },
    { "after", PTV_OP_AFTER, word_moment },
    { "like", PTV_OP_LIKE, word_moment },
};
enum { WORDS = sizeof word_table / sizeof *word_table };

static void open_things(lua_State *L)
{
    static const luaL_Reg meta[] = {
        { "__index", thing_index },      { "__call", thing_call },        { "__newindex", thing_assign },
        { "__tostring", thing_text },    { "__lt", thing_compare },       { "__le", thing_compare },
        { "__concat", thing_arithmetic }, { "__len", thing_arithmetic },  { "__add", thing_arithmetic },
        { "__sub", thing_arithmetic },   { "__mul", thing_arithmetic },   { "__div", thing_arithmetic },
        { "__mod", thing_arithmetic },   { "__unm", thing_arithmetic },   { "__idiv", thing_arithmetic },
        { "__pow", thing_arithmetic },   { NULL, NULL },
    };
    lua_createtable(L, 0, 20);
    luaL_setfuncs(L, meta, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &thing_meta);
}

static void open_words(lua_State *L)
{
    open_things(L);
    for (size_t i = 0; i < WORDS; i++) {
        lua_pushinteger(L, word_table[i].op);
        lua_pushcclosure(L, word_table[i].f, 1);
        lua_setfield(L, -2, word_table[i].name);
    }
    ptv_thing_push(L, PTV_THING_STANDARD);
    lua_setfield(L, -2, "standard");
    for (size_t i = 0; i < ptv_field_count; i++) {
        const ptv_field *f = &ptv_fields[i];
        const char *dot = strchr(f->name, '.');
        if (!dot) {
            push_field(L, f);
            lua_setfield(L, -2, f->name);
            continue;
        }
        lua_pushlstring(L, f->name, (size_t)(dot - f->name));
        if (lua_rawget(L, -2) == LUA_TNIL) {
            ptv_thing *group = ptv_thing_push(L, PTV_THING_GROUP);
            group->name = ptv_section_name(f->section);
            lua_setfield(L, -3, group->name);
        }
        lua_pop(L, 1);
    }
}

static size_t known_names(const char **names, size_t room)
{
    static const char *const library[] = { "concat", "insert", "ipairs", "pairs", "type", "tostring", "tonumber",
                                           "error",  "min",    "max",    "floor", "standard" };
    size_t count = 0;
    for (size_t i = 0; i < ptv_field_count && count < room; i++) /* fields first: ties go to them */
        if (!strchr(ptv_fields[i].name, '.'))
            names[count++] = ptv_fields[i].name;
    for (int s = 0; s < PTV_SECTION_COUNT && count < room; s++)
        names[count++] = ptv_section_name((ptv_section)s);
    for (size_t i = 0; i < WORDS && count < room; i++)
        names[count++] = word_table[i].name;
    for (size_t i = 0; i < sizeof library / sizeof *library && count < room; i++)
        names[count++] = library[i];
    return count;
}

static bool is_test_name(const char *name)
{
    for (int op = PTV_OP_HAS_ANY; op < PTV_OP_CUSTOM; op++)
        if (strcmp(ptv_op_name((ptv_op)op), name) == 0)
            return true;
    return false;
}

/* (words, name): __index of the table of words. */
static int unknown_name(lua_State *L)
{
    ptv_sandbox_charge(L, 0);
    const char *names[96];
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
    if (!ptv_sandbox_is_loading(ptv_sandbox_of(L)))
        return luaL_error(L, "unknown name '%s'", name);
    ptv_loading *l = loading(L);
    const char *guess = ptv_did_you_mean(l->mem, name, names, known_names(names, 96));
    if (is_test_name(name))
        guess = ": it is a test and follows a field and ':', as in tags:has_any { … }";
    ptv_problem(l, ptv_sandbox_line(L), "E-NAME", "unknown name %s%s", ptv_ticked(l->mem, name), guess);
    return ptv_push_poison(L);
}

/* (env, name, value): __newindex of _ENV. */
static int assign_name(lua_State *L)
{
    ptv_sandbox_charge(L, 0);
    ptv_sandbox *sb = ptv_sandbox_of(L);
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
    if (!ptv_sandbox_is_loading(sb))
        return luaL_error(L, "'%s' is no local: nothing can be kept from one call to the next", name);
    ptv_loading *l = loading(L);
    const char *names[96];
    size_t count = known_names(names, 96);
    bool word = false;
    for (size_t i = 0; i < count; i++)
        word |= strcmp(names[i], name) == 0;
    const char *shown = ptv_quoted(l->mem, name);
    if (word)
        ptv_problem(l, ptv_sandbox_line(L), "E-GLOBAL", "%s is a word of the language and cannot be replaced", shown);
    else
        ptv_problem(l, ptv_sandbox_line(L), "E-GLOBAL", "write local in front of %s: files share no names", shown);
    const ptv_thing *t = ptv_thing_at(L, 3);
    if (t && t->cond)
        t->cond->used = true;
    if (!word) { /* known from here on, so that each later use is not reported as well */
        lua_getmetatable(L, 1);
        lua_getfield(L, -1, "__index");
        lua_pushvalue(L, 2);
        lua_pushvalue(L, 3);
        lua_rawset(L, -3);
    }
    return 0;
}

const ptv_vocabulary ptv_rule_words = { .open = open_words, .unknown = unknown_name, .assign = assign_name };
