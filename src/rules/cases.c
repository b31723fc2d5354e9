/*
 * cases.c: reads the cases beside the rules into plain data; src/testing.c runs them.
 *
 * Functions that take a lua_State jump on error and hold nothing that would leak: everything goes into the arena.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/cases.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "rules/cases_form.h"
#include "rules/sandbox.h"

#include <lauxlib.h>

enum { MOST_CASES = 10000, MOST_DEPTH = 16 };
static const size_t FILE_ARENA = (size_t)64 << 20;
static const size_t GIVEN_LIMIT = (size_t)4 << 20;

typedef struct built_case {
    ptv_case data;
    struct built_case *next;
} built_case;

typedef struct pending_case { /* case "x" seen, its table not yet */
    int line;
    bool done;
    struct pending_case *next;
} pending_case;

typedef struct reader {
    ptv_arena *mem;
    ptv_findings *findings;
    const char *file;
    const ptv_scan *scan;
    built_case *cases, **cases_end;
    pending_case *pending;
    size_t count, errors_before; /* of other files */
    ptv_case_pairs settings;
} reader;

typedef enum mark_kind { MARK_CASE, MARK_STATE, MARK_RECORDED, MARK_FIXTURE } mark_kind;
typedef struct mark { /* a value of ours in a test file */
    mark_kind kind;
    const char *word; /* state name; artifact; file; case name */
    const char *reason;
    pending_case *pending;
    int line;
} mark;

static const char MARK_TYPE[] = "ptv.case";

static mark *mark_at(lua_State *L, int index)
{
    return luaL_testudata(L, index, MARK_TYPE);
}

/* ------------------------------------------------------------------------------- given: a Lua table as JSON */

static void write_value(lua_State *L, ptv_form *f, ptv_json_out *o, const char *key, int index, int depth);

static void write_table(lua_State *L, ptv_form *f, ptv_json_out *o, const char *key, int index, int depth)
{
    luaL_checkstack(L, 8, "given is nested too deep");
    size_t count = lua_rawlen(L, index);
    lua_pushnil(L);
    bool empty = !lua_next(L, index);
    if (!empty)
        lua_pop(L, 2);
    if (count || (empty && depth)) { /* given itself is no list, and {} lacks its artifact */
        const char *name = ptv_form_name_in_list(L, index);
        if (name)
            ptv_form_problem(f, f->line, "E-KEY", "%s: given: '%.60s' stands as a name among items of a list", f->where,
                             name);
        ptv_json_open(o, key, '[');
        for (size_t i = 1; i <= count; i++) {
            lua_rawgeti(L, index, (lua_Integer)i);
            write_value(L, f, o, NULL, lua_gettop(L), depth);
            lua_pop(L, 1);
        }
        ptv_json_close(o, ']');
        return;
    }
    ptv_json_open(o, key, '{');
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            ptv_form_problem(f, f->line, "E-KEY", "%s: given: write name = value", f->where);
        else
            write_value(L, f, o, lua_tostring(L, -2), lua_gettop(L), depth);
    }
    ptv_json_close(o, '}');
}

static void write_value(lua_State *L, ptv_form *f, ptv_json_out *o, const char *key, int index, int depth)
{
    const mark *m = mark_at(L, index);
    lua_Number number;
    if (m && m->kind == MARK_STATE) {
        ptv_json_open(o, key, '{');
        ptv_json_put_text(o, m->word, m->reason);
        ptv_json_close(o, '}');
        return;
    }
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        ptv_json_put_text(o, key, lua_tostring(L, index));
        return;
    case LUA_TNUMBER:
        number = lua_tonumber(L, index);
        if (lua_isinteger(L, index))
            ptv_json_put_int(o, key, lua_tointeger(L, index));
        else
            ptv_json_put_number(o, key, number);
        return;
    case LUA_TBOOLEAN:
        ptv_json_put_bool(o, key, lua_toboolean(L, index));
        return;
    case LUA_TTABLE:
        if (depth < MOST_DEPTH) {
            write_table(L, f, o, key, index, depth + 1);
            return;
        }
        ptv_form_problem(f, f->line, "E-ARG", "%s: given is nested too deep", f->where);
        break;
    default:
        ptv_form_problem(f, f->line, "E-ARG", "%s: given: %s is %s; it takes texts, numbers, booleans, tables, failed \"…\"",
                         f->where, key ? key : "an item", ptv_form_type(L, index));
    }
    ptv_json_put_null(o, key);
}

static void read_given(ptv_form *f, ptv_case *c)
{
    lua_State *L = f->L;
    int type = lua_getfield(L, f->table, "given");
    const mark *m = mark_at(L, -1);
    if (m && m->kind == MARK_RECORDED) {
        c->recorded = m->word;
        c->given = c->fixture = NULL;
    } else if (m && m->kind == MARK_FIXTURE) {
        if (!ptv_path_is_below(m->word))
            ptv_form_problem(f, m->line, "E-ARG",
                             "%s: fixture: '%.60s' must be a file name below fixtures/ beside the tests", f->where, m->word);
        c->fixture = m->word;
        c->given = c->recorded = NULL;
    } else if (type == LUA_TTABLE) {
        /* The buffer is ours while Lua may jump: it lives in the arena's reader only after the walk. */
        size_t room = 1 << 16;
        const char *text = NULL;
        for (; !text && room <= GIVEN_LIMIT; room *= 4) {
            ptv_buf *b = lua_newuserdatauv(L, sizeof *b, 0);
            *b = (ptv_buf)PTV_BUF(room);
            luaL_setmetatable(L, "ptv.case.buf"); /* released by its __gc, whatever happens */
            lua_pushvalue(L, -2);
            ptv_json_out o = { .buf = b };
            write_table(L, f, &o, NULL, lua_gettop(L), 0);
            lua_pop(L, 1);
            if (!b->failed)
                text = ptv_arena_strdup(f->mem, b->data);
            ptv_buf_release(b);
            lua_pop(L, 1);
        }
        if (!text)
            ptv_form_problem(f, ptv_form_line(f, "given"), "E-ARG", "%s: given is over 4 MB", f->where);
        c->given = text;
        c->recorded = c->fixture = NULL;
    } else if (type != LUA_TNIL) {
        ptv_form_problem(f, ptv_form_line(f, "given"), "E-ARG",
                         "%s: given is %s; it takes a table, recorded \"artifact\" or fixture \"file.json\"", f->where,
                         ptv_form_type(L, -1));
    }
    lua_pop(L, 1);
}

/* ------------------------------------------------------------------------------------------------- expect */

static const char *const VERDICTS[] = { "no_match", "skipped", "unknown", "compromised", NULL };
static const char *const LEVELS[] = { "none", "info", "low", "medium", "high", "critical", NULL };
static const char *const SECTIONS[] = { "account", "tags", "classification", "passive_dns", "subdomains", NULL };
static const char *const EXPECT_KEYS[] = { "verdict",  "severity",   "could_be", "complete", "rules",         "hit",
                                           "note_has", "note_lacks", "missing",  "shadow",   "suppressed_by", NULL };

/* What says nothing could not fail. */
static void refuse_empty(ptv_form *f, const char *key, const ptv_case_pairs *p)
{
    if (p->line && !p->count && !f->problem)
        ptv_form_problem(f, p->line, "E-ARG", "%s: %s is empty, so that it expects nothing", f->where, key);
}

static ptv_case_pairs read_texts(ptv_form *f, const char *key)
{
    ptv_case_pairs texts = ptv_form_list(f, key, NULL);
    refuse_empty(f, key, &texts);
    for (size_t i = 0; i < texts.count; i++)
        if (!*texts.items[i].key)
            ptv_form_problem(f, texts.line, "E-ARG", "%s: %s: an empty text stands in every note", f->where, key);
    return texts;
}

static void read_expect(ptv_form *outer, ptv_case *c)
{
    lua_State *L = outer->L;
    int type = lua_getfield(L, outer->table, "expect");
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    const ptv_scan_item *item = ptv_scan_key(outer->source, "expect");
    if (type != LUA_TTABLE) {
        ptv_form_problem(outer, ptv_form_line(outer, "expect"), "E-ARG", "%s: expect is %s, not a table", outer->where,
                         ptv_form_type(L, -1));
        lua_pop(L, 1);
        return;
    }
    const char *where = ptv_arena_printf(outer->mem, "%s: expect", outer->where);
    ptv_form f = *outer; /* L, arena, findings, file */
    f.table = lua_gettop(L);
    f.line = ptv_form_line(outer, "expect");
    f.source = item ? item->table : NULL;
    f.where = where ? where : "expect";
    f.problem = NULL;
    ptv_form_check(&f, EXPECT_KEYS);
    ptv_expect e = { .line = f.line };
    e.verdict = ptv_form_word(&f, "verdict", VERDICTS);
    e.severity = ptv_form_word(&f, "severity", LEVELS);
    e.could_be = ptv_form_word(&f, "could_be", LEVELS);
    e.complete = ptv_form_yesno(&f, "complete");
    e.suppressed_by = ptv_form_text(&f, "suppressed_by");
    e.rules = ptv_form_pairs(&f, "rules", false);
    refuse_empty(&f, "rules", &e.rules);
    for (size_t i = 0; i < e.rules.count; i++) {
        ptv_outcome outcome;
        if (!ptv_outcome_parse(&outcome, e.rules.items[i].value))
            ptv_form_problem(
                &f, e.rules.items[i].line, "E-ENUM",
                "%s: rules.%.60s: '%.60s' is not one of match, no_match, unknown, suppressed, error, shadow_match, off",
                f.where, e.rules.items[i].key, e.rules.items[i].value);
    }
    e.hit = ptv_form_pairs(&f, "hit", true);
    refuse_empty(&f, "hit", &e.hit);
    e.note_has = read_texts(&f, "note_has");
    e.note_lacks = read_texts(&f, "note_lacks");
    e.missing = ptv_form_list(&f, "missing", SECTIONS);
    e.shadow = ptv_form_list(&f, "shadow", NULL);
    lua_pushnil(L);
    if (!lua_next(L, f.table))
        ptv_form_problem(&f, f.line, "E-ARG", "%s is empty: a case that expects nothing cannot fail", f.where);
    lua_settop(L, f.table - 1);
    if (!outer->problem)
        outer->problem = f.problem;
    c->expect = e;
}

/* -------------------------------------------------------------------------------------------------- a case */

static const char *const CASE_KEYS[] = { "now", "given", "expect", "settings", "scope", "rows", NULL };
static const char *const ROW_KEYS[] = { "name", "now", "given", "expect", "settings", "scope", NULL };
static const char *const SCOPES[] = { "file", "all", NULL };

/* The keys that a case and a row share; what is not given keeps its value. */
static void read_common(ptv_form *f, ptv_case *c)
{
    const char *now = ptv_form_text(f, "now");
    if (now && !ptv_time_parse(&c->now, now, 0))
        ptv_form_problem(f, ptv_form_line(f, "now"), "E-ARG",
                         "%s: now: '%.60s' is not a time; write \"2026-05-01T00:00:00Z\"", f->where, now);
    int scope = ptv_form_word(f, "scope", SCOPES);
    if (scope >= 0)
        c->every_rule = scope == 1;
    ptv_case_pairs settings = ptv_form_pairs(f, "settings", false);
    if (settings.line)
        c->settings = settings;
    read_given(f, c);
    read_expect(f, c);
}

/* The finding is there already, as for keys outside of cases. */
static void fail_doubled(ptv_form *f)
{
    const ptv_scan_slip *doubled = ptv_scan_doubled(f->source, "rows");
    if (doubled && !f->problem)
        f->problem = doubled->message;
}

static void add_case(ptv_form *f, const ptv_case *c)
{
    reader *r = ptv_sandbox_owner(f->L);
    if (!c->given && !c->recorded && !c->fixture)
        ptv_form_problem(f, c->line, "E-KEY", "%s has no given", f->where);
    if (!c->expect.line)
        ptv_form_problem(f, c->line, "E-KEY", "%s has no expect", f->where);
    const built_case *same = r->cases;
    while (same && strcmp(same->data.name, c->name) != 0)
        same = same->next;
    if (same) /* --run, reports and build servers know a case by its name */
        ptv_form_problem(f, c->line, "E-DUP", "%s: the case of line %d has that name", f->where, same->data.line);
    if (++r->count > MOST_CASES)
        luaL_error(f->L, "more than %d cases in one file", MOST_CASES);
    built_case *built = ptv_form_keep(f->L, r->mem, sizeof *built);
    built->data = *c;
    built->data.problem = f->problem;
    *r->cases_end = built;
    r->cases_end = &built->next;
}

static void read_rows(ptv_form *f, const ptv_case *base)
{
    lua_State *L = f->L;
    int at = lua_gettop(L);
    const ptv_scan_item *rows = ptv_scan_key(f->source, "rows");
    size_t count = lua_rawlen(L, at);
    if (!count)
        ptv_form_problem(f, ptv_form_line(f, "rows"), "E-ARG", "%s: rows is an empty list", f->where);
    for (size_t i = 1; i <= count; i++) {
        const ptv_scan_item *item = rows ? ptv_scan_nth(rows->table, i) : NULL;
        int line = item ? item->line : ptv_form_line(f, "rows");
        if (lua_rawgeti(L, at, (lua_Integer)i) != LUA_TTABLE) {
            ptv_form_problem(f, line, "E-ARG", "%s: row %d is %s, not a table", f->where, (int)i, ptv_form_type(L, -1));
            lua_pop(L, 1);
            continue;
        }
        ptv_form row = *f;
        row.table = lua_gettop(L);
        row.line = line;
        row.source = item ? item->table : NULL;
        ptv_form_check(&row, ROW_KEYS);
        fail_doubled(&row);
        ptv_case c = *base;
        c.line = line;
        const char *name = ptv_form_text(&row, "name");
        if (!name)
            ptv_form_problem(&row, line, "E-KEY", "%s: row %d has no name", f->where, (int)i);
        const char *where = ptv_arena_printf(f->mem, "case \"%s / %s\"", base->name, name ? name : "?");
        c.name = ptv_arena_printf(f->mem, "%s / %s", base->name, name ? name : "?");
        if (!where || !c.name)
            luaL_error(L, "out of memory");
        row.where = where;
        read_common(&row, &c);
        add_case(&row, &c);
        lua_settop(L, at);
    }
}

/* The table is the second on the stack. */
static ptv_form form_of(const reader *r, lua_State *L, int line, const char *where)
{
    return (ptv_form){
        .L = L, .mem = r->mem, .findings = r->findings, .file = r->file, .table = 2, .line = line, .where = where
    };
}

static int take_case(lua_State *L)
{
    reader *r = ptv_sandbox_owner(L);
    mark *m = mark_at(L, 1);
    if (!m || m->kind != MARK_CASE)
        return luaL_error(L, "this value cannot be called");
    if (lua_type(L, 2) != LUA_TTABLE)
        return luaL_error(L, "case \"%s\" takes a table: case \"%s\" { given = …, expect = … }", m->word, m->word);
    m->pending->done = true;
    lua_settop(L, 2);
    const char *where = ptv_arena_printf(r->mem, "case \"%s\"", m->word);
    ptv_form f = form_of(r, L, m->line, where ? where : "case");
    f.source = ptv_scan_find(r->scan, "case", m->line, m->word);
    ptv_form_check(&f, CASE_KEYS);
    fail_doubled(&f);
    ptv_case c = { .name = m->word, .file = r->file, .line = m->line, .now = PTV_NO_TIME };
    c.expect.verdict = c.expect.severity = c.expect.could_be = c.expect.complete = -1;
    read_common(&f, &c);
    int type = lua_getfield(L, 2, "rows");
    if (type == LUA_TTABLE)
        read_rows(&f, &c);
    else if (type != LUA_TNIL)
        ptv_form_problem(&f, ptv_form_line(&f, "rows"), "E-ARG", "%s: rows is %s, not a list of tables", f.where,
                         ptv_form_type(L, -1));
    if (type != LUA_TTABLE)
        add_case(&f, &c);
    return 0;
}

/* ------------------------------------------------------------------------------------------------ the words */

static mark *push_mark(lua_State *L, mark_kind kind, int text_index)
{
    reader *r = ptv_sandbox_owner(L);
    size_t len;
    const char *text = luaL_checklstring(L, text_index, &len);
    if (strlen(text) != len || !ptv_utf8_valid(text, len) || len > 4096)
        luaL_error(L, "the text is not sound UTF-8 of at most 4 KB");
    mark *m = lua_newuserdatauv(L, sizeof *m, 0);
    *m = (mark){ .kind = kind, .line = ptv_sandbox_line(L) };
    luaL_setmetatable(L, MARK_TYPE);
    m->word = ptv_form_keep_text(L, r->mem, text_index);
    return m;
}

static int word_case(lua_State *L)
{
    reader *r = ptv_sandbox_owner(L);
    mark *m = push_mark(L, MARK_CASE, 1);
    if (!*m->word)
        return luaL_error(L, "a case needs a name");
    m->pending = ptv_form_keep(L, r->mem, sizeof *m->pending);
    m->pending->line = m->line;
    m->pending->next = r->pending;
    r->pending = m->pending;
    return 1;
}

static int state_word(lua_State *L, const char *state)
{
    mark *m = push_mark(L, MARK_STATE, 1);
    m->reason = m->word;
    m->word = state;
    return 1;
}

static int word_failed(lua_State *L)
{
    return state_word(L, "failed");
}

static int word_not_asked(lua_State *L)
{
    return state_word(L, "not_asked");
}

static int word_unsupported(lua_State *L)
{
    return state_word(L, "unsupported");
}

static int word_recorded(lua_State *L)
{
    push_mark(L, MARK_RECORDED, 1);
    return 1;
}

static int word_fixture(lua_State *L)
{
    push_mark(L, MARK_FIXTURE, 1);
    return 1;
}

static int word_settings(lua_State *L)
{
    reader *r = ptv_sandbox_owner(L);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_createtable(L, 0, 1);
    lua_pushvalue(L, 1);
    lua_setfield(L, 2, "settings");
    ptv_form f = form_of(r, L, ptv_sandbox_line(L), "file");
    if (r->settings.line)
        ptv_form_problem(&f, f.line, "E-DUP", "settings stand on line %d already: only one of the two would count",
                         r->settings.line);
    r->settings = ptv_form_pairs(&f, "settings", false);
    return 0;
}

static int release_buf(lua_State *L)
{
    ptv_buf_release(lua_touserdata(L, 1));
    return 0;
}

static const luaL_Reg WORDS[] = { { "case", word_case },
                                  { "failed", word_failed },
                                  { "not_asked", word_not_asked },
                                  { "recorded", word_recorded },
                                  { "unsupported", word_unsupported },
                                  { "fixture", word_fixture },
                                  { "settings", word_settings },
                                  { NULL, NULL } };

static void open_words(lua_State *L)
{
    luaL_newmetatable(L, MARK_TYPE);
    lua_pushcfunction(L, take_case);
    lua_setfield(L, -2, "__call");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    luaL_newmetatable(L, "ptv.case.buf");
    lua_pushcfunction(L, release_buf);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_setfuncs(L, WORDS, 0);
}

static int unknown_word(lua_State *L)
{
    const reader *r = ptv_sandbox_owner(L);
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?";
    const char *names[sizeof WORDS / sizeof *WORDS];
    size_t count = 0;
    for (const luaL_Reg *w = WORDS; w->name; w++)
        names[count++] = w->name;
    return luaL_error(
        L, "unknown name '%s'%s; a test file knows case, settings, failed, not_asked, unsupported, recorded, fixture", name,
        ptv_form_suggestion(r->mem, name, names, count));
}

static int assigned(lua_State *L)
{
    return luaL_error(L, "globals cannot be set; write local %s = …",
                      lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "x");
}

static const ptv_vocabulary CASE_WORDS = { open_words, unknown_word, assigned };

/* ------------------------------------------------------------------------------------------------- the file */

static ptv_code run_file(reader *r, const char *source, size_t len, ptv_error *err)
{
    ptv_sandbox *sb = NULL;
    ptv_code rc = ptv_sandbox_new(&sb, r->file, &CASE_WORDS, r, err);
    if (rc)
        return rc;
    rc = ptv_sandbox_compile(sb, source, len, err);
    if (rc == PTV_ERULES) {
        const char *hint = ptv_scan_hint(r->mem, source, len, err->detail, err->msg);
        ptv_finding_add(r->findings, PTV_ERROR, r->file, err->detail, "E-SYNTAX", "%s%s%s", err->msg, hint ? "; " : "",
                        hint ? hint : "");
    } else if (!rc) {
        r->scan = ptv_scan_read(r->mem, source, len);
        for (const ptv_scan_slip *s = r->scan ? r->scan->slips : NULL; s; s = s->next)
            if (strcmp(s->code, "E-DUP") == 0)
                ptv_finding_add(r->findings, PTV_ERROR, r->file, s->line, s->code, "%s", s->message);
        rc = r->scan ? ptv_sandbox_run(sb, err) : ptv_arena_fail(r->mem, err);
        if (rc == PTV_ERULES || rc == PTV_ELIMIT)
            ptv_finding_add(r->findings, PTV_ERROR, r->file, err->detail, rc == PTV_ELIMIT ? "E-LIMIT" : "E-RUN", "%s",
                            err->msg);
    }
    ptv_sandbox_free(sb);
    return rc == PTV_ELIMIT ? (err->code = PTV_ERULES) : rc;
}

static ptv_code collect(ptv_cases *out, reader *r, ptv_error *err)
{
    size_t count = 0;
    for (const built_case *b = r->cases; b; b = b->next)
        count++;
    out->items = ptv_arena_calloc(r->mem, count + 1, sizeof *out->items);
    if (!out->items)
        return ptv_arena_fail(r->mem, err);
    for (const built_case *b = r->cases; b; b = b->next)
        out->items[out->count++] = b->data;
    out->settings = r->settings;
    for (const pending_case *p = r->pending; p; p = p->next)
        if (!p->done)
            ptv_finding_add(r->findings, PTV_ERROR, r->file, p->line, "E-KEY",
                            "this case has no table: case \"name\" { given = …, expect = … }");
    if (!r->count && ptv_findings_count(r->findings, PTV_ERROR) == r->errors_before)
        ptv_finding_add(r->findings, PTV_WARNING, r->file, 0, "W-NO-CASE", "this test file has no case");
    return PTV_OK;
}

ptv_code ptv_cases_load(ptv_cases *out, const char *path, ptv_findings *findings, ptv_error *err)
{
    ptv_cases cases = { .mem = PTV_ARENA(FILE_ARENA) };
    ptv_buf source = PTV_BUF(PTV_SOURCE_LIMIT);
    reader r = { .mem = &cases.mem, .findings = findings, .errors_before = ptv_findings_count(findings, PTV_ERROR) };
    r.cases_end = &r.cases;
    r.file = cases.file = ptv_arena_strdup(&cases.mem, path);
    ptv_code rc = cases.file ? ptv_file_read(&source, path, err) : ptv_fail_nomem(err);
    if (rc == PTV_EIO)
        ptv_finding_add(findings, PTV_ERROR, path, 0, "E-FILE", "cannot be read: %s", err->msg);
    if (!rc)
        rc = run_file(&r, source.data ? source.data : "", source.len, err);
    ptv_buf_release(&source);
    if (!rc)
        rc = collect(&cases, &r, err);
    if (rc == PTV_ETOOBIG)
        ptv_finding_add(findings, PTV_ERROR, path, 0, "E-LIMIT", "too much for one file: %s", err->msg);
    if (rc) {
        ptv_arena_release(&cases.mem);
        return rc;
    }
    *out = cases;
    return PTV_OK;
}

void ptv_cases_release(ptv_cases *c)
{
    ptv_arena_release(&c->mem);
}
