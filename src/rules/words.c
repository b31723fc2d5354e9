/*
 * words.c: the words of rule files: all any none at_least_of, custom, setting, list, rule, allow, and the fields.
 *
 * Every function here that takes a lua_State jumps on error and holds nothing that would leak.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include "rules/loading.h"
#include <lauxlib.h>
#include <string.h>

static ptv_loading *loading(lua_State *L)
{
    return ptv_sandbox_owner(L);
}

/* ---------------------------------------------------------------------------------------------- combine */

/* {…} of conditions at `table` under all, any, none or at_least_of(n). */
int ptv_combine(lua_State *L, ptv_loading *l, const ptv_thing *partial, int table)
{
    ptv_op op = (ptv_op)partial->op;
    int line = ptv_sandbox_line(L);
    const char *name = partial->name;
    if (ptv_is_poison(L, table))
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
        ptv_problem(l, item ? item->line : line, "E-COND",
                    "%s{} takes conditions, not '%s ='; a test follows ':' as in %s:is …", name, key,
                    ptv_field_find(key) ? key : "classification");
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
    return ptv_combine(L, loading(L), &partial, 1);
}

static int word_at_least_of(lua_State *L)
{
    ptv_loading *l = loading(L);
    lua_Number n = lua_tonumber(L, 1);
    if (lua_type(L, 1) != LUA_TNUMBER || n < 1 || n > 1000 || n != (lua_Number)(int)n) {
        if (!ptv_is_poison(L, 1))
            ptv_problem(l, ptv_sandbox_line(L), "E-ARG",
                        "at_least_of needs a whole number from 1 on, not %s: at_least_of(2) { …, … }",
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
        if (!ptv_is_poison(L, 1))
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
        if (!ptv_is_poison(L, 1))
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
    const char *place = o->place ? o->place : "";
    if (tags)
        ptv_problem(
            l, line, "E-SETTING",
            "[fn_passivetotal] passivetotal_tags is not set%s: write passivetotal_tags = compromised,ransomware (your "
            "own tags)",
            place);
    else
        ptv_problem(l, line, "E-SETTING", "[rules] %s is not set%s%s; add it there, or give a default: setting(%s, …)",
                    ptv_quoted(l->mem, name), place, ptv_did_you_mean(l->mem, name, names, count), ptv_quoted(l->mem, name));
    return ptv_push_poison(L);
}

static int word_list(lua_State *L)
{
    ptv_loading *l = loading(L);
    int line = ptv_sandbox_line(L);
    ptv_sandbox_charge(L, 0);
    if (lua_type(L, 1) != LUA_TSTRING) {
        if (!ptv_is_poison(L, 1))
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
        if (!ptv_is_poison(L, 1) && !ptv_is_poison(L, 2))
            ptv_problem(l, line, "E-ARG",
                        "custom needs the fields it reads and a function: custom({ \"artifact\" }, function(r) … end)");
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

static void open_words(lua_State *L)
{
    ptv_things_open(L);
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
            ptv_push_field(L, f);
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
    static const char *const library[] = { "concat",   "insert", "ipairs", "pairs", "type",  "tostring",
                                           "tonumber", "error",  "min",    "max",   "floor", "standard" };
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
    else if (ptv_is_rule_key(name))
        guess = ptv_keep_printf(L, l, "; as a key it is followed by one '=': %s = …", name);
    else if (!*guess && strlen(name) <= 64)
        guess = ptv_keep_printf(L, l, "; a text stands in double quotes: \"%s\"", name);
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
