/*
 * declare.c: the tables behind rule "x" { … } and allow "x" { … }.
 *
 * Every function here jumps when memory ends.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include "rules/loading.h"
#include "rules/template_parse.h"
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

enum { MOST_TEXT = 4096, MOST_NOTE = 64 << 10, MOST_HITS = 64 };

/* The table being read. */
typedef struct form {
    lua_State *L;
    ptv_loading *l;
    int table, line;
    const char *what, *id; /* "rule", "x" */
    const ptv_scan_table *source;
    bool sound;
} form;

static int key_line(const form *f, const char *key)
{
    const ptv_scan_item *item = ptv_scan_key(f->source, key);
    return item ? item->line : f->line;
}

#define PROBLEM(f, line, code, ...) ((f)->sound = false, ptv_problem((f)->l, line, code, __VA_ARGS__))

/* Pushes the value; false (nothing pushed): the key is not there. A mistake that was reported counts as not there. */
static bool push_key(form *f, const char *key)
{
    lua_getfield(f->L, f->table, key);
    if (!lua_isnil(f->L, -1) && !ptv_is_poison(f->L, -1))
        return true;
    f->sound &= lua_isnil(f->L, -1);
    lua_pop(f->L, 1);
    return false;
}

static bool has_key(form *f, const char *key)
{
    bool there = lua_getfield(f->L, f->table, key) != LUA_TNIL;
    lua_pop(f->L, 1);
    return there;
}

static void check_keys(form *f, const char *const *names, size_t count)
{
    for (lua_pushnil(f->L); lua_next(f->L, f->table); lua_pop(f->L, 1)) {
        bool text = lua_type(f->L, -2) == LUA_TSTRING, known = false;
        const char *key = text ? lua_tostring(f->L, -2) : "";
        for (size_t i = 0; i < count; i++)
            known |= strcmp(names[i], key) == 0;
        if (known)
            continue;
        const ptv_thing *t = ptv_thing_at(f->L, -1);
        if (t && t->cond)
            t->cond->used = true; /* said here, so not once more */
        if (text)
            PROBLEM(f, key_line(f, key), "E-KEY", "%s \"%s\" has no key %s%s", f->what, f->id, ptv_ticked(f->l->mem, key),
                    ptv_did_you_mean(f->l->mem, key, names, count));
        else if (!ptv_is_poison(f->L, -1)) {
            const ptv_scan_item *item =
                lua_isinteger(f->L, -2) ? ptv_scan_nth(f->source, (size_t)lua_tointeger(f->L, -2)) : NULL;
            PROBLEM(f, item ? item->line : f->line, "E-KEY", "%s \"%s\": %s stands without a key; write when = …, hit = …",
                    f->what, f->id, ptv_describe(f->L, f->l, -1));
        }
    }
}

/* A text that people will read: whole, printable UTF-8. */
static bool text_is_sound(form *f, int line, const char *key, const char *text, size_t len, size_t most)
{
    const char *problem = NULL;
    if (strlen(text) != len)
        problem = "holds a NUL";
    else if (len > most)
        problem = most == MOST_NOTE ? "is longer than 64 KB" : "is longer than 4 KB";
    else if (!ptv_utf8_valid(text, len))
        problem = "is not UTF-8";
    for (size_t i = 0; i < len && !problem; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\n' && text[i] != '\t') || text[i] == 0x7f)
            problem = "holds a control character";
    if (problem)
        PROBLEM(f, line, "E-KEY", "%s \"%s\": %s %s", f->what, f->id, key, problem);
    return !problem;
}

/* A text, or with `lists` a list of texts joined by ", "; NULL: not there, or reported. */
static const char *text_key(form *f, const char *key, bool lists)
{
    lua_State *L = f->L;
    const char *text = NULL;
    int line = key_line(f, key);
    if (!push_key(f, key))
        return NULL;
    int at = lua_gettop(L);
    if (lua_type(L, at) == LUA_TSTRING) {
        text = ptv_keep_text(L, f->l, at);
        if (!text_is_sound(f, line, key, text, lua_rawlen(L, at), MOST_TEXT))
            text = NULL;
    } else if (lists && lua_type(L, at) == LUA_TTABLE) {
        size_t count = lua_rawlen(L, at);
        for (size_t i = 1; i <= count && i <= 64; i++) {
            if (lua_rawgeti(L, at, (lua_Integer)i) == LUA_TSTRING &&
                text_is_sound(f, line, key, lua_tostring(L, -1), lua_rawlen(L, -1), MOST_TEXT))
                text = ptv_keep_printf(L, f->l, "%s%s%s", text ? text : "", text ? ", " : "", lua_tostring(L, -1));
            else if (lua_type(L, -1) != LUA_TSTRING)
                PROBLEM(f, line, "E-KEY", "%s \"%s\": item %zu of %s is %s, not a text", f->what, f->id, i, key,
                        ptv_describe(L, f->l, -1));
            lua_pop(L, 1);
        }
    } else
        PROBLEM(f, line, "E-KEY", "%s \"%s\": %s is %s, not a text", f->what, f->id, key, ptv_describe(L, f->l, at));
    lua_settop(L, at - 1);
    return text;
}

/* One of a few words: its index; -1: not there, or reported. */
static int word_key(form *f, const char *key, const char *const *words, size_t count)
{
    if (!push_key(f, key))
        return -1;
    int found = -1;
    const char *given = lua_type(f->L, -1) == LUA_TSTRING ? lua_tostring(f->L, -1) : NULL;
    for (size_t i = 0; given && i < count; i++)
        if (strcmp(given, words[i]) == 0)
            found = (int)i;
    if (found < 0) {
        const char *all = words[0];
        for (size_t i = 1; i < count; i++)
            all = ptv_keep_printf(f->L, f->l, "%s, %s", all, words[i]);
        if (given)
            PROBLEM(f, key_line(f, key), "E-ENUM", "%s: %s is not %s%s%s", key, ptv_ticked(f->l->mem, given),
                    count > 1 ? "one of " : "", all, ptv_did_you_mean(f->l->mem, given, words, count));
        else
            PROBLEM(f, key_line(f, key), "E-KEY", "%s \"%s\": %s is %s, not %s%s", f->what, f->id, key,
                    ptv_describe(f->L, f->l, -1), count > 1 ? "one of " : "", all);
    }
    lua_pop(f->L, 1);
    return found;
}

static const ptv_cond *cond_key(form *f, const char *key)
{
    if (!push_key(f, key))
        return NULL;
    const char *what = ptv_keep_printf(f->L, f->l, "'%s'", key);
    const ptv_cond *c = ptv_cond_take(f->L, f->l, -1, key_line(f, key), what);
    f->sound &= c != NULL;
    lua_pop(f->L, 1);
    return c;
}

/* ----------------------------------------------------------------------------------------- hit and note */

static bool parse_line(form *f, ptv_template_line *out, ptv_sections *sections, int line, const char *key, const char *text)
{
    bool sound = true;
    do {
        ptv_error err = { 0 };
        size_t before = f->l->mem->used_bytes;
        ptv_code rc = ptv_template_parse(out, sections, f->l->mem, &text, &err);
        ptv_sandbox_charge_memory(f->L, f->l->mem->used_bytes - before);
        if (rc == PTV_ERULES)
            PROBLEM(f, line, "E-TEMPLATE", "%s: %s", key, err.msg);
        else if (rc)
            ptv_no_memory(f->L, f->l);
        sound &= !rc;
    } while (!sound && *text);
    return sound;
}

/* A field, FIELD.matched, a template or a number as the value of a hit. */
static bool hit_value(form *f, ptv_hit_item *item, ptv_sections *sections, int line, int index)
{
    lua_State *L = f->L;
    const ptv_thing *t = ptv_thing_at(L, index);
    ptv_template_line *one = ptv_keep(L, f->l, sizeof *one);
    item->type = PTV_HIT_STRING;
    if (t && (t->kind == PTV_THING_FIELD || t->kind == PTV_THING_MATCHED)) {
        ptv_piece *piece = ptv_keep(L, f->l, sizeof *piece);
        *piece = (ptv_piece){ .field = t->field,
                              .word = t->kind == PTV_THING_MATCHED ? PTV_PH_MATCHED : PTV_PH_FIELD,
                              .show = t->field->type == PTV_SET ? PTV_SHOW_LIST : PTV_SHOW_PLAIN,
                              .first = -1 };
        *one = (ptv_template_line){ .pieces = piece, .count = 1 };
        if (t->field->section != PTV_ALWAYS)
            *sections |= PTV_BIT(t->field->section);
    } else if (lua_type(L, index) == LUA_TSTRING || lua_type(L, index) == LUA_TNUMBER) {
        lua_pushvalue(L, index);
        const char *text = ptv_keep_text(L, f->l, -1);
        size_t len = lua_rawlen(L, -1);
        lua_pop(L, 1);
        if (!text_is_sound(f, line, "hit", text, len, MOST_TEXT) || !parse_line(f, one, sections, line, "hit", text))
            return false;
        if (lua_type(L, index) == LUA_TNUMBER)
            item->type = PTV_HIT_NUMBER;
    } else {
        if (!ptv_is_poison(L, index))
            PROBLEM(f, line, "E-HIT", "hit \"%s\": its value is %s, not a field or a text", item->name,
                    ptv_describe(L, f->l, index));
        return false;
    }
    item->value = (ptv_template){ .lines = one, .count = 1 };
    if (one->count == 1 && one->pieces[0].field && one->pieces[0].word == PTV_PH_FIELD) {
        if (one->pieces[0].field->type == PTV_NUMBER && one->pieces[0].show == PTV_SHOW_PLAIN)
            item->type = PTV_HIT_NUMBER;
        else if (one->pieces[0].field->type == PTV_URI)
            item->type = PTV_HIT_URI;
    }
    return true;
}

static bool hit_name_is_new(form *f, const ptv_hit_item *items, size_t count, const char *name, int line)
{
    bool new = true;
    for (size_t i = 0; i < count; i++) {
        if (!items[i].standard)
            new &= !ptv_text_equal(items[i].name, name);
        for (size_t s = 0; items[i].standard && s < PTV_CARD_STANDARD; s++)
            new &= !ptv_text_equal(ptv_card_names[s], name);
    }
    if (!new)
        PROBLEM(f, line, "E-HIT", "hit: the name %s is there already; names are unique", ptv_quoted(f->l->mem, name));
    return new;
}

static void read_hit(form *f, ptv_rule *rule)
{
    lua_State *L = f->L;
    if (!push_key(f, "hit"))
        return;
    int at = lua_gettop(L), line = key_line(f, "hit");
    const ptv_thing *t = ptv_thing_at(L, at);
    const ptv_scan_item *key = ptv_scan_key(f->source, "hit");
    size_t count = lua_type(L, at) == LUA_TTABLE ? lua_rawlen(L, at) : 0;
    ptv_hit_item *items = ptv_keep(L, f->l, (count < MOST_HITS ? count + 1 : MOST_HITS) * sizeof *items);
    if (t && t->kind == PTV_THING_STANDARD) { /* hit = standard */
        items[0].standard = true;
        rule->hit_count = 1;
    } else if (lua_type(L, at) != LUA_TTABLE)
        PROBLEM(f, line, "E-HIT", "hit is %s, not a list: hit = { standard, { \"Name\", field } }",
                ptv_describe(L, f->l, at));
    if (count > MOST_HITS) {
        PROBLEM(f, line, "E-HIT", "hit has %zu items; %d are possible", count, MOST_HITS);
        count = MOST_HITS;
    }
    for (size_t i = 1; i <= count; i++) {
        const ptv_scan_item *item = key ? ptv_scan_nth(key->table, i) : NULL;
        int item_line = item ? item->line : line;
        lua_rawgeti(L, at, (lua_Integer)i);
        int entry = lua_gettop(L);
        ptv_hit_item *hit = &items[rule->hit_count];
        t = ptv_thing_at(L, entry);
        if (t && t->kind == PTV_THING_STANDARD) {
            hit->standard = true;
            rule->hit_count++;
        } else if (lua_type(L, entry) == LUA_TTABLE && lua_rawgeti(L, entry, 1) == LUA_TSTRING) {
            hit->name = ptv_keep_text(L, f->l, -1);
            lua_rawgeti(L, entry, 2);
            if (text_is_sound(f, item_line, "hit", hit->name, lua_rawlen(L, -2), 200) &&
                hit_name_is_new(f, items, rule->hit_count, hit->name, item_line) &&
                hit_value(f, hit, &rule->shown_sections, item_line, lua_gettop(L)))
                rule->hit_count++;
        } else if (!t || t->kind != PTV_THING_POISON)
            PROBLEM(f, item_line, "E-HIT", "item %zu of hit is %s; write standard or { \"Name\", field }", i,
                    ptv_describe(L, f->l, entry));
        else
            f->sound = false;
        lua_settop(L, at);
    }
    for (size_t i = 0; i < rule->hit_count; i++)
        if (items[i].standard)
            rule->shown_sections |=
                PTV_BIT(PTV_TAGS) | PTV_BIT(PTV_CLASSIFICATION) | PTV_BIT(PTV_PASSIVE_DNS) | PTV_BIT(PTV_SUBDOMAINS);
    rule->hit = items;
    lua_settop(L, at - 1);
}

/* Lines of one text of the note. */
static void note_text(form *f, ptv_rule *rule, ptv_template_line *lines, size_t room, int line, const char *text)
{
    while (rule->note.count < room) {
        size_t len = strcspn(text, "\n");
        char *one = ptv_keep(f->L, f->l, len + 1);
        memcpy(one, text, len);
        if (parse_line(f, &lines[rule->note.count], &rule->shown_sections, line, "note", one))
            rule->note.count++;
        text += len;
        if (!*text++)
            return;
    }
}

static void read_note(form *f, ptv_rule *rule)
{
    lua_State *L = f->L;
    if (!push_key(f, "note"))
        return;
    int at = lua_gettop(L), line = key_line(f, "note");
    const ptv_scan_item *key = ptv_scan_key(f->source, "note");
    bool list = lua_type(L, at) == LUA_TTABLE;
    if (!list && lua_type(L, at) != LUA_TSTRING) {
        PROBLEM(f, line, "E-KEY", "%s \"%s\": note is %s, not a text or a list of texts", f->what, f->id,
                ptv_describe(L, f->l, at));
        lua_settop(L, at - 1);
        return;
    }
    size_t count = list ? lua_rawlen(L, at) : 1, bytes = 0, room = 0;
    bool sound = true;
    for (size_t i = 1; i <= count; i++) { /* first the size of it all */
        if (list)
            lua_rawgeti(L, at, (lua_Integer)i);
        else
            lua_pushvalue(L, at);
        const ptv_scan_item *item = list && key ? ptv_scan_nth(key->table, i) : NULL;
        int item_line = item ? item->line : line;
        if (lua_type(L, -1) != LUA_TSTRING) {
            if (!ptv_is_poison(L, -1))
                PROBLEM(f, item_line, "E-KEY", "%s \"%s\": item %zu of note is %s, not a text", f->what, f->id, i,
                        ptv_describe(L, f->l, -1));
            f->sound = sound = false;
        } else if (text_is_sound(f, item_line, "note", lua_tostring(L, -1), lua_rawlen(L, -1), MOST_NOTE)) {
            bytes += lua_rawlen(L, -1);
            for (const char *p = lua_tostring(L, -1); *p; p++)
                room += *p == '\n';
            room++;
        } else
            sound = false;
        lua_pop(L, 1);
    }
    sound &= bytes <= MOST_NOTE;
    if (bytes > MOST_NOTE)
        PROBLEM(f, line, "E-KEY", "%s \"%s\": note is longer than 64 KB", f->what, f->id);
    ptv_template_line *lines = sound ? ptv_keep(L, f->l, (room + 1) * sizeof *lines) : NULL;
    for (size_t i = 1; lines && i <= count; i++) {
        if (list)
            lua_rawgeti(L, at, (lua_Integer)i);
        else
            lua_pushvalue(L, at);
        const ptv_scan_item *item = list && key ? ptv_scan_nth(key->table, i) : NULL;
        note_text(f, rule, lines, room, item ? item->line : line, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    rule->note.lines = lines;
    lua_settop(L, at - 1);
}

/* ---------------------------------------------------------------------------------------------- levels */

static const ptv_cond *fold_unless(form *f, const ptv_cond *when, const ptv_cond *unless)
{
    if (!when || !unless)
        return when;
    const ptv_cond *not = ptv_cond_join(f->L, f->l, PTV_OP_NONE, &unless, 1, key_line(f, "unless"));
    return ptv_cond_join(f->L, f->l, PTV_OP_ALL, (const ptv_cond *[]){ when, not }, 2, when->line);
}

static const char *const level_words[] = { "info", "low", "medium", "high", "critical" };
enum { LEVELS = sizeof level_words / sizeof *level_words };

static void read_level_table(form *f, ptv_rule *rule, ptv_level_rule *levels, const ptv_cond *unless)
{
    lua_State *L = f->L;
    const ptv_scan_item *key = ptv_scan_key(f->source, "levels");
    int line = key_line(f, "levels"), at = lua_gettop(L);
    for (int i = LEVELS - 1; i >= 0; i--) {
        if (lua_getfield(L, at, level_words[i]) != LUA_TNIL) {
            const ptv_scan_item *item = key ? ptv_scan_key(key->table, level_words[i]) : NULL;
            const char *what = ptv_keep_printf(L, f->l, "level '%s'", level_words[i]);
            const ptv_cond *c = ptv_cond_take(L, f->l, -1, item ? item->line : line, what);
            f->sound &= c != NULL;
            if (c)
                levels[rule->level_count++] =
                    (ptv_level_rule){ .level = (ptv_level)(PTV_LEVEL_INFO + i), .when = fold_unless(f, c, unless) };
        }
        lua_settop(L, at);
    }
    for (lua_pushnil(L); lua_next(L, at); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        ptv_level level;
        if (name && ptv_level_parse(&level, name) && level != PTV_LEVEL_NONE)
            continue;
        const ptv_thing *t = ptv_thing_at(L, -1);
        if (t && t->cond)
            t->cond->used = true;
        const ptv_scan_item *item = key && name ? ptv_scan_key(key->table, name) : NULL;
        if (name)
            PROBLEM(f, item ? item->line : line, "E-ENUM", "levels: %s is not one of info, low, medium, high, critical%s",
                    ptv_ticked(f->l->mem, name), ptv_did_you_mean(f->l->mem, name, level_words, LEVELS));
        else
            PROBLEM(f, line, "E-KEY", "levels takes level = condition: levels = { high = … }");
    }
    if (f->sound && !rule->level_count)
        PROBLEM(f, line, "E-EMPTY", "levels is empty: the rule can never match");
}

static void read_levels(form *f, ptv_rule *rule)
{
    ptv_level_rule *levels = ptv_keep(f->L, f->l, LEVELS * sizeof *levels);
    const ptv_cond *unless = cond_key(f, "unless"), *when = cond_key(f, "when");
    int severity = word_key(f, "severity", level_words, LEVELS);
    rule->levels = levels;
    if (!has_key(f, "levels")) {
        if (!has_key(f, "when"))
            PROBLEM(f, f->line, "E-KEY", "rule \"%s\" has no condition: it needs when = …, or levels = { … }", f->id);
        if (!has_key(f, "severity"))
            PROBLEM(f, f->line, "E-KEY", "rule \"%s\" has no severity: info, low, medium, high or critical", f->id);
        if (when && severity >= 0) {
            levels[0] =
                (ptv_level_rule){ .level = (ptv_level)(PTV_LEVEL_INFO + severity), .when = fold_unless(f, when, unless) };
            rule->level_count = 1;
        }
        return;
    }
    if (has_key(f, "when"))
        PROBLEM(f, key_line(f, "when"), "E-KEY", "rule \"%s\" has levels and when; a rule has one of them", f->id);
    if (has_key(f, "severity"))
        PROBLEM(f, key_line(f, "severity"), "E-KEY",
                "rule \"%s\" has levels and severity; the level that holds is the severity", f->id);
    if (!push_key(f, "levels"))
        return;
    if (lua_type(f->L, -1) == LUA_TTABLE)
        read_level_table(f, rule, levels, unless);
    else
        PROBLEM(f, key_line(f, "levels"), "E-KEY", "levels is %s, not a table: levels = { high = … }",
                ptv_describe(f->L, f->l, -1));
    lua_pop(f->L, 1);
}

/* ------------------------------------------------------------------------------------------ rule, allow */

/* Ids stand in logs, files, JUnit names and hit fields: a plain word each. */
bool ptv_id_check(ptv_loading *l, int line, const char *what, const char *id, size_t len)
{
    bool sound = len > 0 && len <= 64 && strlen(id) == len;
    for (const char *p = id; *p && sound; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        sound = letter || (p != id && (*p == '-' || *p == '_' || *p == '.'));
    }
    if (!sound)
        ptv_problem(l, line, "E-KEY",
                    "%s: the name %s is not made of letters, digits, - _ . (at most 64, a letter or digit first)", what,
                    ptv_quoted(l->mem, id));
    return sound;
}

static bool open_form(form *f, lua_State *L, ptv_loading *l, const ptv_thing *partial, const char *what, int table)
{
    *f = (form){
        .L = L, .l = l, .table = table, .line = ptv_sandbox_line(L), .what = what, .id = partial->name, .sound = true
    };
    if (partial->pending && partial->pending->line)
        f->line = partial->pending->line;
    if (lua_type(L, table) != LUA_TTABLE) {
        if (!ptv_is_poison(L, table))
            ptv_problem(l, f->line, "E-KEY", "%s \"%s\" needs a table: %s \"%s\" { … }", what, f->id ? f->id : "", what,
                        f->id ? f->id : "");
        return false;
    }
    if (!f->id) { /* its name was refused; read the rest for what else there is to say */
        f->id = "?";
        f->sound = false;
    }
    f->source = ptv_scan_find(l->scan, what, f->line, f->id);
    return true;
}

static const char *const rule_keys[] = { "title",      "severity",         "when",      "unless", "levels",      "status",
                                         "on_unknown", "when_unsupported", "hit",       "note",   "description", "owner",
                                         "references", "false_positives",  "next_step", "attack" };

bool ptv_is_rule_key(const char *name)
{
    for (size_t i = 0; i < sizeof rule_keys / sizeof *rule_keys; i++)
        if (strcmp(rule_keys[i], name) == 0)
            return true;
    return false;
}

int ptv_declare_rule(lua_State *L, ptv_loading *l, const ptv_thing *partial, int table)
{
    static const char *const statuses[] = { "live", "shadow", "off" }, *const on_unknown[] = { "match", "unknown" },
                             *const off[] = { "off" };
    form f;
    luaL_checkstack(L, 20, NULL);
    if (!open_form(&f, L, l, partial, "rule", table))
        return 0;
    check_keys(&f, rule_keys, sizeof rule_keys / sizeof *rule_keys);
    ptv_built_rule *built = ptv_keep(L, l, sizeof *built);
    ptv_rule *rule = &built->rule;
    *rule = (ptv_rule){ .id = f.id, .file = l->file, .line = f.line };
    rule->title = text_key(&f, "title", false);
    if (!rule->title)
        rule->title = rule->id;
    int status = word_key(&f, "status", statuses, 3);
    rule->status = status == 1 ? PTV_SHADOW : status == 2 ? PTV_OFF : PTV_LIVE;
    rule->on_unknown_match = word_key(&f, "on_unknown", on_unknown, 2) == 0;
    rule->off_when_unsupported = word_key(&f, "when_unsupported", off, 1) == 0;
    rule->description = text_key(&f, "description", false);
    rule->owner = text_key(&f, "owner", false);
    rule->references = text_key(&f, "references", true);
    rule->false_positives = text_key(&f, "false_positives", true);
    rule->next_step = text_key(&f, "next_step", false);
    rule->attack = text_key(&f, "attack", true);
    read_levels(&f, rule);
    read_hit(&f, rule);
    read_note(&f, rule);
    for (size_t i = 0; i < rule->level_count; i++)
        rule->judged_sections |= rule->levels[i].when->sections;
    *l->set->rules_end = built;
    l->set->rules_end = &built->next;
    l->set->rule_count++;
    return 0;
}

int ptv_declare_allow(lua_State *L, ptv_loading *l, const ptv_thing *partial, int table)
{
    static const char *const keys[] = { "reason", "owner", "expires", "when", "applies_to", "wide" };
    form f;
    luaL_checkstack(L, 20, NULL);
    if (!open_form(&f, L, l, partial, "allow", table))
        return 0;
    check_keys(&f, keys, sizeof keys / sizeof *keys);
    ptv_built_allow *built = ptv_keep(L, l, sizeof *built);
    ptv_allow *allow = &built->allow;
    *allow = (ptv_allow){ .id = f.id, .file = l->file, .line = f.line };
    allow->reason = text_key(&f, "reason", false);
    allow->owner = text_key(&f, "owner", false);
    static const char *const required[] = { "reason", "owner", "expires", "when" };
    for (size_t i = 0; i < 4; i++)
        if (!has_key(&f, required[i]))
            PROBLEM(&f, f.line, "E-ALLOW", "allow \"%s\" has no %s; reason, owner, expires and when are all required", f.id,
                    required[i]);
    const char *expires = text_key(&f, "expires", false);
    if (expires && !ptv_day_parse(&allow->expires_day, expires))
        PROBLEM(&f, key_line(&f, "expires"), "E-ALLOW", "allow \"%s\": expires needs a date such as \"2027-01-31\", not %s",
                f.id, ptv_quoted(l->mem, expires));
    allow->when = cond_key(&f, "when");
    allow->artifact_only = allow->when && allow->when->sections == 0;
    if (push_key(&f, "applies_to")) {
        ptv_words words;
        if (ptv_arg_words(&words, L, l, lua_gettop(L), "applies_to")) {
            allow->applies_to = words.items;
            allow->applies_count = words.count;
        } else
            f.sound = false;
        lua_pop(L, 1);
    }
    if (push_key(&f, "wide")) {
        if (lua_type(L, -1) != LUA_TBOOLEAN)
            PROBLEM(&f, key_line(&f, "wide"), "E-KEY", "allow \"%s\": wide needs true or false, not %s", f.id,
                    ptv_describe(L, l, -1));
        built->wide = lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
    *l->set->allows_end = built;
    l->set->allows_end = &built->next;
    l->set->allow_count++;
    return 0;
}
