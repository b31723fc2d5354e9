/*
 * args.c: arguments of tests: a list or one text, a number, a duration, a date; each may come from a setting.
 *
 * Every function here jumps when memory ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "base/text.h"
#include "rules/loading.h"
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const ptv_thing *setting_at(lua_State *L, int index)
{
    const ptv_thing *t = ptv_thing_at(L, index);
    return t && t->kind == PTV_THING_SETTING ? t : NULL;
}

/* ` of setting "fresh" (app.config:12)` or "". */
static const char *origin(ptv_loading *l, const ptv_thing *setting)
{
    const char *text =
        setting ? ptv_arena_printf(l->mem, " of setting %s (%s)", ptv_quoted(l->mem, setting->name), setting->where) : "";
    return text ? text : "";
}

/* The text at `index`, from a text or a setting; NULL: neither. */
static const char *text_at(lua_State *L, ptv_loading *l, int index, const ptv_thing **setting)
{
    *setting = setting_at(L, index);
    if (*setting)
        return (*setting)->value;
    return lua_type(L, index) == LUA_TSTRING ? ptv_keep_text(L, l, index) : NULL;
}

static bool word_is_sound(ptv_loading *l, int line, const char *what, const char *word, size_t len)
{
    const char *start = word;
    size_t trimmed = strlen(word);
    ptv_text_trim(&start, &trimmed);
    const char *problem = strlen(word) != len          ? "holds a NUL"
                          : !trimmed                   ? "is empty"
                          : !ptv_utf8_valid(word, len) ? "is not UTF-8"
                                                       : NULL;
    for (size_t i = 0; i < len && !problem; i++)
        if ((unsigned char)word[i] < 0x20 && !ptv_is_blank(word[i]))
            problem = "holds a control character";
    if (problem)
        ptv_problem(l, line, "E-ARG", "%s: the text %s %s", what, ptv_quoted(l->mem, word), problem);
    return !problem;
}

/* Split "a, b,c" of a setting. */
static size_t split(lua_State *L, ptv_loading *l, const char *value, const char ***out)
{
    size_t most = 1, count = 0;
    for (const char *p = value; *p; p++)
        most += *p == ',';
    const char **items = ptv_keep(L, l, most * sizeof *items);
    for (const char *p = value;; p++) {
        size_t len = strcspn(p, ",");
        const char *start = p;
        size_t trimmed = len;
        ptv_text_trim(&start, &trimmed);
        if (trimmed) {
            char *copy = ptv_keep(L, l, trimmed + 1);
            memcpy(copy, start, trimmed);
            items[count++] = copy;
        }
        p += len;
        if (!*p)
            break;
    }
    *out = items;
    return count;
}

/* `{"a", "b"}`, `"a"` behind a blank; long lists show their beginning. */
static const char *canonical(lua_State *L, ptv_loading *l, const ptv_words *w)
{
    enum { SHOWN = 12 };
    const char *text = "{";
    for (size_t i = 0; i < w->count && i < SHOWN; i++)
        text = ptv_keep_printf(L, l, "%s%s%s", text, i ? ", " : "", ptv_quoted(l->mem, w->items[i]));
    if (w->count > SHOWN)
        text = ptv_keep_printf(L, l, "%s, … %zu more", text, w->count - SHOWN);
    return ptv_keep_printf(L, l, "%s}", text);
}

bool ptv_arg_words(ptv_words *out, lua_State *L, ptv_loading *l, int index, const char *what)
{
    int line = ptv_sandbox_line(L);
    const ptv_thing *t = ptv_thing_at(L, index);
    *out = (ptv_words){ 0 };
    if (ptv_is_poison(L, index))
        return false;
    if (t && t->kind == PTV_THING_LIST) {
        *out = (ptv_words){ .items = t->list->words, .count = t->list->count, .list = t->list };
        out->text = ptv_keep_printf(L, l, "(list \"%s\")", t->list->name);
        if (!out->count)
            ptv_problem(l, line, "E-EMPTY", "%s: list \"%s\" is empty: it can never match", what, t->list->name);
        return out->count > 0;
    }
    const ptv_thing *setting;
    const char *one = text_at(L, l, index, &setting);
    if (setting) {
        out->count = split(L, l, one, &out->items);
        for (size_t i = 0; i < out->count; i++)
            if (!word_is_sound(l, line, what, out->items[i], strlen(out->items[i])))
                return false;
        if (!out->count && strcmp(setting->name, "passivetotal_tags") == 0)
            ptv_problem(
                l, line, "E-SETTING",
                "[fn_passivetotal] passivetotal_tags (%s) is empty: write passivetotal_tags = compromised,ransomware (your "
                "own tags)",
                setting->where);
        else if (!out->count)
            ptv_problem(l, line, "E-EMPTY", "%s: the list%s is empty: it can never match", what, origin(l, setting));
    } else if (one) {
        if (!word_is_sound(l, line, what, one, lua_rawlen(L, index)))
            return false;
        if (strchr(one, ',')) { /* the list of a setting is written so */
            ptv_words list = { 0 };
            list.count = split(L, l, one, &list.items);
            ptv_problem(l, line, "E-ARG", "%s: %s is one text, not a list; write %s, or {%s} for one text with a comma",
                        what, ptv_quoted(l->mem, one), canonical(L, l, &list), ptv_quoted(l->mem, one));
            return false;
        }
        out->items = ptv_keep(L, l, sizeof *out->items);
        out->items[0] = one;
        out->count = 1;
    } else if (lua_type(L, index) == LUA_TTABLE) {
        size_t count = lua_rawlen(L, index);
        bool sound = true;
        out->items = ptv_keep(L, l, (count + 1) * sizeof *out->items);
        for (size_t i = 1; i <= count; i++) {
            lua_rawgeti(L, index, (lua_Integer)i);
            if (lua_type(L, -1) == LUA_TSTRING) {
                const char *word = ptv_keep_text(L, l, -1);
                sound &= word_is_sound(l, line, what, word, lua_rawlen(L, -1));
                out->items[out->count++] = word;
            } else if (!ptv_is_poison(L, -1)) {
                ptv_problem(l, line, "E-ARG", "%s: item %zu of its list is %s, not a text%s", what, i,
                            ptv_describe(L, l, -1), lua_type(L, -1) == LUA_TNUMBER ? " (put it in quotes)" : "");
                sound = false;
            } else
                sound = false;
            lua_pop(L, 1);
        }
        for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
            if (lua_type(L, -2) != LUA_TSTRING)
                continue;
            ptv_problem(l, line, "E-ARG", "%s takes a list of texts, not keys: '%s ='", what, lua_tostring(L, -2));
            sound = false;
        }
        if (sound && !out->count)
            ptv_problem(l, line, "E-EMPTY", "%s: the list is empty: it can never match", what);
        if (!sound)
            return false;
    } else {
        ptv_problem(l, line, "E-ARG", "%s needs a list of texts, such as { \"a\", \"b\" }, not %s", what,
                    ptv_describe(L, l, index));
        return false;
    }
    out->text = canonical(L, l, out);
    return out->count > 0;
}

bool ptv_arg_word(const char **out, lua_State *L, ptv_loading *l, int index, const char *what)
{
    int line = ptv_sandbox_line(L);
    if (ptv_is_poison(L, index))
        return false;
    const ptv_thing *setting;
    const char *text = text_at(L, l, index, &setting);
    if (!text) {
        const char *given = ptv_describe(L, l, index);
        ptv_problem(l, line, "E-ARG", "%s needs a text, not %s%s", what, given,
                    lua_type(L, index) == LUA_TNUMBER  ? " (put it in quotes)"
                    : lua_type(L, index) == LUA_TTABLE ? "; a list goes into is_any"
                                                       : "");
        return false;
    }
    if (!word_is_sound(l, line, what, text, setting ? strlen(text) : lua_rawlen(L, index)))
        return false;
    *out = text;
    return true;
}

bool ptv_arg_number(double *out, lua_State *L, ptv_loading *l, int index, const char *what)
{
    int line = ptv_sandbox_line(L);
    if (ptv_is_poison(L, index))
        return false;
    const ptv_thing *setting = setting_at(L, index);
    if (setting) {
        if (ptv_number_parse(out, setting->value))
            return true;
        ptv_problem(l, line, "E-ARG", "%s needs a number, not %s%s", what, ptv_quoted(l->mem, setting->value),
                    origin(l, setting));
        return false;
    }
    if (lua_type(L, index) == LUA_TNUMBER) {
        *out = (double)lua_tonumber(L, index);
        if (isfinite(*out))
            return true;
    }
    double n;
    bool quoted = lua_type(L, index) == LUA_TSTRING && ptv_number_parse(&n, lua_tostring(L, index));
    ptv_problem(l, line, "E-ARG", "%s needs a number, not %s%s", what, ptv_describe(L, l, index),
                quoted ? " (drop the quotes)" : "");
    return false;
}

bool ptv_arg_span(ptv_args *out, const char **text, lua_State *L, ptv_loading *l, int index, const char *what)
{
    int line = ptv_sandbox_line(L);
    if (ptv_is_poison(L, index))
        return false;
    const ptv_thing *setting;
    const char *given = text_at(L, l, index, &setting);
    if (given && ptv_duration_parse(&out->span_s, &out->by_day, given)) {
        *text = ptv_quoted(l->mem, given);
        return true;
    }
    ptv_problem(l, line, "E-ARG", "%s needs a duration such as \"30d\", \"12h\" or \"1y\", not %s%s", what,
                given ? ptv_quoted(l->mem, given) : ptv_describe(L, l, index), origin(l, setting));
    return false;
}

bool ptv_day_parse(int64_t *day, const char *text)
{
    int64_t utc;
    if (strlen(text) != 10 || text[4] != '-' || text[7] != '-' || !ptv_time_parse(&utc, text, 0))
        return false;
    *day = ptv_day_of(utc);
    return true;
}

bool ptv_arg_day(int64_t *day, const char **text, lua_State *L, ptv_loading *l, int index, const char *what)
{
    int line = ptv_sandbox_line(L);
    if (ptv_is_poison(L, index))
        return false;
    const ptv_thing *setting;
    const char *given = text_at(L, l, index, &setting);
    if (given && ptv_day_parse(day, given)) {
        *text = ptv_quoted(l->mem, given);
        return true;
    }
    ptv_problem(l, line, "E-ARG", "%s needs a date such as \"2026-01-31\", not %s%s", what,
                given ? ptv_quoted(l->mem, given) : ptv_describe(L, l, index), origin(l, setting));
    return false;
}

static bool enum_word_is_known(lua_State *L, ptv_loading *l, const char *word, const char *what, const char *const *values)
{
    size_t count = 0;
    for (; values[count]; count++)
        if (ptv_text_equal(values[count], word))
            return true;
    luaL_Buffer all;
    luaL_buffinit(L, &all);
    for (size_t i = 0; i < count; i++) {
        luaL_addstring(&all, i ? ", " : "");
        luaL_addstring(&all, values[i]);
    }
    luaL_pushresult(&all);
    ptv_problem(l, ptv_sandbox_line(L), "E-ENUM", "%s: %s is not one of %s%s", what, ptv_ticked(l->mem, word),
                lua_tostring(L, -1), ptv_did_you_mean(l->mem, word, values, count));
    lua_pop(L, 1);
    return false;
}

bool ptv_args_fold(ptv_args *out, lua_State *L, ptv_loading *l, const ptv_words *words, const char *what,
                   const ptv_field *field)
{
    const char *const *values = field && field->type == PTV_ENUM ? field->values : NULL;
    ptv_list *list = words->list;
    if (!list) {
        ptv_sandbox_charge(L, words->count * 64);
        list = ptv_list_of_words(l->set, words->items, words->count, l->file, ptv_sandbox_line(L));
    }
    if (!list || !ptv_list_fold(l->set, list))
        ptv_no_memory(L, l);
    out->words = list->folded;
    out->word_count = list->folded_count;
    bool sound = !field || !ptv_text_equal(field->name, "artifact") || ptv_list_check_written(l->set, list);
    for (size_t i = 0; values && i < list->folded_count && i < 1000; i++)
        sound &= enum_word_is_known(L, l, list->folded[i], what, values);
    return sound;
}

void ptv_args_plain(ptv_args *out, const ptv_words *words)
{
    out->words = words->items;
    out->word_count = words->count;
}

bool ptv_args_indicators(ptv_args *out, lua_State *L, ptv_loading *l, const ptv_words *words, ptv_op op)
{
    ptv_list *list = words->list;
    if (!list) {
        ptv_sandbox_charge(L, words->count * 512);
        list = ptv_list_of_words(l->set, words->items, words->count, l->file, ptv_sandbox_line(L));
        if (!list)
            ptv_no_memory(L, l);
    }
    out->indicators = ptv_list_set(l->set, list, op);
    out->list = list;
    ptv_args_plain(out, words);
    if (l->set->no_memory)
        ptv_no_memory(L, l);
    return out->indicators != NULL;
}
