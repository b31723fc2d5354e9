/*
 * tests.c: a test called with its value becomes a condition; conditions taken into rules and combinators.
 *
 * Every function here jumps when memory ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include "rules/loading.h"
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

ptv_built *ptv_cond_push(lua_State *L, ptv_loading *l, ptv_op op, const char *text)
{
    ptv_built *b = ptv_keep(L, l, sizeof *b);
    b->cond = (ptv_cond){ .op = op, .text = text, .file = l->file, .line = ptv_sandbox_line(L), .node = PTV_NO_NODE };
    b->next = l->conds;
    l->conds = b;
    ptv_thing_push(L, PTV_THING_COND)->cond = b;
    return b;
}

/* What to write instead, when a value stands where a condition should. */
static const char *advice(lua_State *L, ptv_loading *l, int index)
{
    const ptv_thing *t = ptv_thing_at(L, index);
    if (lua_type(L, index) == LUA_TBOOLEAN)
        return "; write a test with ':', such as classification:is \"malicious\", not ==";
    if (lua_type(L, index) == LUA_TTABLE)
        return "; write all { …, … } or any { …, … }";
    const char *text = NULL;
    if (t && t->kind == PTV_THING_FIELD && t->field->type != PTV_RECORDS)
        text = ptv_arena_printf(l->mem, "; write a test of it, such as %s:%s …", t->text,
                                ptv_op_name((ptv_op)ptv_ops_of(t->field->type)[0]));
    else if (t && (t->kind == PTV_THING_ROWS || t->kind == PTV_THING_FIELD))
        text = ptv_arena_printf(l->mem, "; write how many, such as %s%s:at_least(1)", t->text,
                                t->kind == PTV_THING_ROWS ? "" : ":count{}");
    else if (t && t->kind == PTV_THING_TEST && t->op < PTV_ROWS_COUNT)
        text = ptv_arena_printf(l->mem, ": what %s:%s compares with is missing", t->text, ptv_op_name((ptv_op)t->op));
    return text ? text : "";
}

const ptv_cond *ptv_cond_take(lua_State *L, ptv_loading *l, int index, int line, const char *what)
{
    const ptv_thing *t = ptv_thing_at(L, index);
    if (t && t->kind == PTV_THING_COND) {
        t->cond->used = true;
        return &t->cond->cond;
    }
    if (t && t->kind == PTV_THING_POISON)
        return NULL;
    /* The scan of the source knows better than "a boolean" what was written on this line. */
    if (lua_type(L, index) == LUA_TBOOLEAN && (ptv_scan_slipped(l->scan, line) || ptv_problem_at(l, line, "E-COND")))
        return NULL;
    ptv_use_all(L, lua_absindex(L, index), 2);
    ptv_problem(l, line, "E-COND", "%s is %s, not a condition%s", what, ptv_describe(L, l, index), advice(L, l, index));
    return NULL;
}

const ptv_cond *ptv_cond_join(lua_State *L, ptv_loading *l, ptv_op op, const ptv_cond *const *kids, size_t count, int line)
{
    ptv_cond *c = ptv_keep(L, l, sizeof *c);
    const ptv_cond **copy = ptv_keep(L, l, count * sizeof *copy);
    memcpy(copy, kids, count * sizeof *copy);
    *c = (ptv_cond){ .op = op,
                     .text = ptv_op_name(op),
                     .file = l->file,
                     .line = line,
                     .kids = copy,
                     .kid_count = count,
                     .node = PTV_NO_NODE };
    for (size_t i = 0; i < count; i++) {
        c->sections |= kids[i]->sections;
        c->depth = kids[i]->depth + 1 > c->depth ? kids[i]->depth + 1 : c->depth;
        c->weight += kids[i]->weight + 1;
    }
    return c;
}

/* Reads the value; *text becomes it in canonical form, brackets or a blank in front. */
static bool read_value(ptv_args *args, const char **text, lua_State *L, ptv_loading *l, ptv_op op, const ptv_thing *test,
                       int first, const char *what)
{
    ptv_words words = { 0 };
    const char *word, *part;
    char number[80];
    switch (op) {
    case PTV_OP_IS:
        if (test->field->type == PTV_YESNO) {
            if (lua_type(L, first) != LUA_TBOOLEAN) {
                const ptv_thing *t = ptv_thing_at(L, first);
                if (!t || t->kind != PTV_THING_POISON)
                    ptv_problem(l, ptv_sandbox_line(L), "E-ARG", "%s needs true or false, not %s", what,
                                ptv_describe(L, l, first));
                return false;
            }
            args->yes = lua_toboolean(L, first);
            *text = args->yes ? "(true)" : "(false)";
            return true;
        }
        /* fall through */
    case PTV_OP_IS_NOT:
        if (!ptv_arg_word(&word, L, l, first, what))
            return false;
        words.items = &word;
        words.count = 1;
        *text = ptv_keep_printf(L, l, " %s", ptv_quoted(l->mem, word));
        return ptv_args_fold(args, L, l, &words, what, test->field);
    case PTV_OP_HAS_ANY:
    case PTV_OP_HAS_ALL:
    case PTV_OP_HAS_NONE:
    case PTV_OP_IS_ANY:
        if (!ptv_arg_words(&words, L, l, first, what))
            return false;
        *text = words.text;
        return ptv_args_fold(args, L, l, &words, what, test->field);
    case PTV_OP_LIKE:
        if (!ptv_arg_word(&word, L, l, first, what))
            return false;
        args->words = ptv_keep(L, l, sizeof *args->words);
        args->words[0] = word;
        args->word_count = 1;
        *text = ptv_keep_printf(L, l, " %s", ptv_quoted(l->mem, word));
        return true;
    case PTV_OP_LIKE_ANY:
        if (!ptv_arg_words(&words, L, l, first, what))
            return false;
        ptv_args_plain(args, &words);
        *text = words.text;
        return true;
    case PTV_OP_IN_LIST:
    case PTV_OP_IN_ZONE:
    case PTV_OP_IN_CIDR:
        if (!ptv_arg_words(&words, L, l, first, what))
            return false;
        *text = words.text;
        return test->field->type == PTV_ENUM ? ptv_args_fold(args, L, l, &words, what, test->field)
                                             : ptv_args_indicators(args, L, l, &words, op);
    case PTV_OP_BETWEEN:
        if (!ptv_arg_number(&args->low, L, l, first, what) || !ptv_arg_number(&args->high, L, l, first + 1, what))
            return false;
        if (args->low > args->high) {
            ptv_problem(l, ptv_sandbox_line(L), "E-NEVER", "%s: %.14g is greater than %.14g: it can never match", what,
                        args->low, args->high);
            return false;
        }
        snprintf(number, sizeof number, "(%.14g, %.14g)", args->low, args->high);
        break;
    case PTV_OP_AT_LEAST:
    case PTV_OP_AT_MOST:
    case PTV_OP_EQUALS:
    case PTV_OP_COUNT_AT_LEAST:
        if (!ptv_arg_number(&args->low, L, l, first, what))
            return false;
        args->high = args->low;
        snprintf(number, sizeof number, "(%.14g)", args->low);
        break;
    case PTV_OP_WITHIN:
    case PTV_OP_OLDER_THAN:
        if (!ptv_arg_span(args, &part, L, l, first, what))
            return false;
        *text = ptv_keep_printf(L, l, " %s", part);
        return true;
    case PTV_OP_BEFORE:
    case PTV_OP_AFTER:
        if (!ptv_arg_day(&args->day, &part, L, l, first, what))
            return false;
        *text = ptv_keep_printf(L, l, " %s", part);
        return true;
    default: /* is_missing, is_present */
        *text = "()";
        return true;
    }
    *text = ptv_keep_printf(L, l, "%s", number);
    return true;
}

int ptv_test_call(lua_State *L, ptv_loading *l, const ptv_thing *test, int first)
{
    ptv_op op = (ptv_op)test->op;
    const char *what = ptv_keep_printf(L, l, "%s:%s", test->text, ptv_op_name(op)), *value = "";
    int most = op == PTV_OP_IS_MISSING || op == PTV_OP_IS_PRESENT ? 0 : op == PTV_OP_BETWEEN ? 2 : 1;
    ptv_args args = { 0 };
    if (lua_gettop(L) - first + 1 > most) {
        static const char *const takes[] = { "takes nothing between the brackets", "takes one value; a list goes into { }",
                                             "takes two numbers" };
        ptv_problem(l, ptv_sandbox_line(L), "E-ARG", "%s %s", what, takes[most]);
        return ptv_push_poison(L);
    }
    if (!read_value(&args, &value, L, l, op, test, first, what))
        return ptv_push_poison(L);
    ptv_built *b = ptv_cond_push(L, l, op, ptv_keep_printf(L, l, "%s%s", what, value));
    b->cond.field = test->field;
    b->cond.args = args;
    b->cond.filter = test->filter;
    b->cond.filter_count = test->filter_count;
    if (test->field->section != PTV_ALWAYS)
        b->cond.sections = PTV_BIT(test->field->section);
    return 1;
}

/* ----------------------------------------------------------------------------------------------- filter */

static bool column_test(ptv_column_test *out, const char **text, lua_State *L, ptv_loading *l, const ptv_column *column,
                        int index, const char *what)
{
    const ptv_thing *t = ptv_thing_at(L, index);
    const char *label = ptv_keep_printf(L, l, "%s: %s", what, column->name);
    out->column = column;
    if (t && t->kind == PTV_THING_POISON)
        return false;
    if (t && t->kind == PTV_THING_MOMENT) {
        bool of_time = t->op != PTV_OP_LIKE;
        if (of_time != (column->type == PTV_TIME)) {
            ptv_problem(l, ptv_sandbox_line(L), "E-ARG", "%s is a %s: %s does not fit", label, ptv_type_name(column->type),
                        ptv_op_name((ptv_op)t->op));
            return false;
        }
        out->op = column->type == PTV_SET ? PTV_OP_LIKE_ANY : (ptv_op)t->op;
        out->args = t->args;
        *text = t->text;
        return true;
    }
    if (column->type == PTV_TIME) {
        ptv_problem(l, ptv_sandbox_line(L), "E-ARG", "%s is a time: write %s = within \"7d\", or older_than, before, after",
                    label, column->name);
        return false;
    }
    ptv_words words;
    if (!ptv_arg_words(&words, L, l, index, label))
        return false;
    out->op = column->type == PTV_SET ? PTV_OP_HAS_ANY : PTV_OP_IS_ANY;
    *text = words.count == 1 && !words.list ? ptv_quoted(l->mem, words.items[0]) : words.text;
    return ptv_args_fold(&out->args, L, l, &words, label, NULL);
}

bool ptv_filter_read(ptv_thing *rows, lua_State *L, ptv_loading *l, int index, const char *what)
{
    int line = ptv_sandbox_line(L);
    if (ptv_is_poison(L, index))
        return false;
    if (lua_type(L, index) != LUA_TTABLE) {
        ptv_problem(l, line, "E-ARG", "%s needs a filter in curly brackets, not %s: %s { type = \"A\" }", what,
                    ptv_describe(L, l, index), what);
        return false;
    }
    const char *head = strrchr(what, ':') + 1;
    const ptv_scan_table *source = ptv_scan_find(l->scan, head, line, NULL);
    ptv_column_test *tests = ptv_keep(L, l, (ptv_column_count + 1) * sizeof *tests);
    const char *text = ptv_keep_printf(L, l, "%s{", what);
    size_t count = 0;
    bool sound = true;
    for (size_t i = 0; i < ptv_column_count; i++) { /* table order: the same text however it was written */
        const char *value = "";
        lua_getfield(L, index, ptv_columns[i].name);
        if (!lua_isnil(L, -1)) {
            if (column_test(&tests[count], &value, L, l, &ptv_columns[i], lua_gettop(L), what)) {
                text = ptv_keep_printf(L, l, "%s%s%s = %s", text, count ? ", " : "", ptv_columns[i].name, value);
                count++;
            } else
                sound = false;
        }
        lua_pop(L, 1);
    }
    const char **names = ptv_keep(L, l, ptv_column_count * sizeof *names);
    for (size_t i = 0; i < ptv_column_count; i++)
        names[i] = ptv_columns[i].name;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING && ptv_column_find(lua_tostring(L, -2)))
            continue;
        sound = false;
        if (lua_type(L, -2) == LUA_TSTRING) {
            const char *key = lua_tostring(L, -2);
            const ptv_scan_item *item = ptv_scan_key(source, key);
            ptv_problem(l, item ? item->line : line, "E-FIELD", "%s: no column %s%s", what, ptv_ticked(l->mem, key),
                        ptv_did_you_mean(l->mem, key, names, ptv_column_count));
        } else
            ptv_problem(l, line, "E-ARG", "%s takes column = value, not a list", what);
    }
    rows->filter = tests;
    rows->filter_count = count;
    rows->text = ptv_keep_printf(L, l, "%s}", text);
    return sound;
}
