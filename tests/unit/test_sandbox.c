/*
 * test_sandbox.c: what a hostile or careless rule file may try, each with its outcome. Instructions charged and bytes used
 * are asserted, not time: neither depends on the machine.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "rules/sandbox.h"
#include "rules_help.h"
#include <lauxlib.h>

/* ---------------------------------------------------------------------------------- the sandbox alone */

/* No words at all, as a second vocabulary may have others than rules. */
static int no_name(lua_State *L)
{
    return luaL_error(L, "unknown name '%s'", lua_tostring(L, 2));
}

static int no_assignment(lua_State *L)
{
    return luaL_error(L, "'%s' cannot be assigned", lua_tostring(L, 2));
}

static void no_words(lua_State *L)
{
    (void)L;
}

static const ptv_vocabulary empty = { .open = no_words, .unknown = no_name, .assign = no_assignment };

typedef struct trial {
    ptv_code rc;
    ptv_error err;
    unsigned long instructions;
    size_t peak;
} trial;

static trial run_bytes(const char *source, size_t len)
{
    trial t = { 0 };
    ptv_sandbox *sb = NULL;
    int owner = 1;
    size_t live = ptv_mem_live();
    assert_int_equal(ptv_sandbox_new(&sb, "x.lua", &empty, &owner, &t.err), PTV_OK);
    t.rc = ptv_sandbox_compile(sb, source, len, &t.err);
    if (!t.rc)
        t.rc = ptv_sandbox_run(sb, &t.err);
    t.instructions = ptv_sandbox_instructions(sb);
    t.peak = ptv_sandbox_peak_bytes(sb);
    ptv_sandbox_free(sb);
    assert_int_equal(ptv_mem_live(), live);
    assert_true(t.peak <= PTV_LUA_MEMORY);
    return t;
}

static trial run(const char *source)
{
    return run_bytes(source, strlen(source));
}

static void assert_budget(const char *source)
{
    trial t = run(source);
    if (t.rc != PTV_ELIMIT)
        print_error("%s\n→ %d %s\n", source, t.rc, t.err.msg);
    assert_int_equal(t.rc, PTV_ELIMIT);
    assert_string_equal(t.err.msg, "over the limit of 100,000 instructions while running");
    assert_true(t.instructions >= PTV_LUA_BUDGET);
    assert_true(t.instructions <= PTV_LUA_BUDGET + 100000); /* the last call may cost more than what was left */
}

static void assert_limit(const char *source, const char *which)
{
    trial t = run(source);
    if (t.rc != PTV_ELIMIT || !strstr(t.err.msg, which))
        print_error("%s\n→ %d %s\n", source, t.rc, t.err.msg);
    assert_int_equal(t.rc, PTV_ELIMIT);
    assert_non_null(strstr(t.err.msg, which));
}

static void assert_refused(const char *source, const char *why)
{
    trial t = run(source);
    if (t.rc != PTV_ERULES || !strstr(t.err.msg, why))
        print_error("%s\n→ %d %s\n", source, t.rc, t.err.msg);
    assert_int_equal(t.rc, PTV_ERULES);
    assert_non_null(strstr(t.err.msg, why));
}

static void assert_runs(const char *source)
{
    trial t = run(source);
    if (t.rc)
        print_error("%s\n→ %d line %d: %s\n", source, t.rc, t.err.detail, t.err.msg);
    assert_int_equal(t.rc, PTV_OK);
}

static void ends_an_endless_while_at_its_budget(void **state)
{
    (void)state;
    trial t = run("local n = 0\nwhile true do\n n = n + 1\nend");
    assert_int_equal(t.rc, PTV_ELIMIT);
    assert_int_equal(t.instructions, PTV_LUA_BUDGET);
    assert_true(t.err.detail >= 2 && t.err.detail <= 4);
    assert_true(t.peak < 64 << 10);
    assert_int_equal(run("while true do end").instructions, PTV_LUA_BUDGET);
}

static void ends_an_endless_goto(void **state)
{
    (void)state;
    assert_budget("::again:: goto again");
}

static void ends_a_for_with_huge_bounds(void **state)
{
    (void)state;
    assert_budget("for i = 1, 9223372036854775807 do end");
    assert_budget("for i = 1.0, 1e308, 1e-300 do end");
    assert_budget("for i = -9223372036854775807, 9223372036854775807 do local x = i end");
}

static void ends_recursion_without_end(void **state)
{
    (void)state;
    assert_limit("local function f(n) return 1 + f(n + 1) end f(1)", "64 KB for one text, table or call chain");
    assert_budget("local function f(n) return f(n + 1) end f(1)"); /* a tail call needs no room */
}

static void ends_mutual_recursion(void **state)
{
    (void)state;
    assert_limit("local g\nlocal function f(n) return 1 + g(n) end\nfunction g(n) return 1 + f(n) end\nf(1)",
                 "64 KB for one text, table or call chain");
}

static void ends_closures_that_grow_a_table(void **state)
{
    (void)state;
    assert_limit("local t = {} local n = 0 while true do n = n + 1 t[n] = function() return t, n end end", "64 KB");
    trial t = run("local all = {}\nfor i = 1, 1000 do local t = {} all[i] = t for j = 1, 100 do t[j] = function() return t, "
                  "j end end end");
    assert_int_equal(t.rc, PTV_ELIMIT);
}

static void ends_a_text_that_doubles(void **state)
{
    (void)state;
    trial t = run("local s = 'x'\nwhile true do\n s = s .. s\nend");
    assert_int_equal(t.rc, PTV_ELIMIT);
    assert_non_null(strstr(t.err.msg, "64 KB"));
    assert_true(t.peak < 256 << 10);
    assert_true(t.instructions < 2000);
    assert_int_equal(t.err.detail, 3);
}

static void stops_many_texts_at_the_memory_limit(void **state)
{
    (void)state;
    assert_limit("local s = 'x' for i = 1, 15 do s = s .. s end\nlocal t = {} for i = 1, 1000 do t[i] = s .. i end",
                 "4 MB of memory");
    /* Garbage does not count: what is copied does. */
    assert_budget("local s = 'x' for i = 1, 15 do s = s .. s end\nwhile true do local t = s .. 'y' end");
}

static void charges_text_functions_by_bytes(void **state)
{
    (void)state;
    static const char *const calls[] = { "s:lower()",       "s:sub(1, -2)",  "s:before('y')", "s:after('y')",
                                         "s:contains('y')", "s:contains(s)", "s:starts(s)",   "s:ends(s)",
                                         "s:like('*y')",    "tonumber(s)",   "concat({ s })" };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char source[300];
        snprintf(source, sizeof source, "local s = 'x' for i = 1, 15 do s = s .. s end\nfor i = 1, 100 do local t = %s end",
                 calls[i]);
        assert_budget(source); /* a hundred calls on 32 KB are too many; a hundred on a short text are nothing */
        snprintf(source, sizeof source, "local s = 'abc'\nfor i = 1, 100 do local t = %s end", calls[i]);
        assert_runs(source);
    }
    assert_budget("while true do ('x'):len() end");
    assert_budget("while true do ('x'):byte(1) end");
}

static void stops_a_table_with_a_million_entries(void **state)
{
    (void)state;
    assert_limit("local t = {} for i = 1, 1000000 do t[i] = i end", "64 KB");
    assert_limit("local t = {} for i = 1, 1000000 do t['k' .. i] = true end", "64 KB");
    assert_limit("local t = {} for i = 1, 1000000 do insert(t, i) end", "64 KB");
    assert_budget("local t = {} for i = 1, 4000 do t[i] = i end while true do insert(t, 1, 0) t[4001] = nil end");
    assert_budget("local t = {} for i = 1, 2000 do t[i] = i end while true do for k in pairs(t) do end end");
}

static char *repeat(const char *a, size_t n, const char *middle, const char *b)
{
    ptv_buf text = PTV_BUF(16 << 20);
    for (size_t i = 0; i < n; i++)
        ptv_buf_puts(&text, a);
    ptv_buf_puts(&text, middle);
    for (size_t i = 0; i < n; i++)
        ptv_buf_puts(&text, b);
    return ptv_buf_take(&text, NULL);
}

static void refuses_deep_nesting_of_tables(void **state)
{
    (void)state;
    char *open = repeat("{", 100000, "", ""), *both = repeat("local x = {", 1, "", ""), *deep;
    ptv_free(both);
    deep = repeat("{", 100000, "", "}");
    ptv_buf source = PTV_BUF(1 << 20);
    ptv_buf_printf(&source, "local x = %s", open);
    assert_refused(source.data, "overflow");
    ptv_buf_clear(&source);
    ptv_buf_printf(&source, "local x = %s", deep);
    assert_refused(source.data, "overflow");
    ptv_buf_release(&source);
    ptv_free(open);
    ptv_free(deep);
}

static void refuses_300_nested_parentheses(void **state)
{
    (void)state;
    char *nested = repeat("(", 300, "1", ")");
    ptv_buf source = PTV_BUF(1 << 20);
    ptv_buf_printf(&source, "local x = %s", nested);
    assert_refused(source.data, "overflow");
    ptv_buf_release(&source);
    ptv_free(nested);
}

static void refuses_bytecode(void **state)
{
    (void)state;
    assert_refused("\x1bLuaT", "binary chunk");
    assert_refused("\xef\xbb\xbf\x1bLuaT", "binary chunk");
}

static void has_no_stock_library(void **state)
{
    (void)state;
    static const char *const names[] = { "os",           "io",           "package", "require",  "debug",
                                         "load",         "loadstring",   "dofile",  "loadfile", "collectgarbage",
                                         "setmetatable", "getmetatable", "rawset",  "rawget",   "rawequal",
                                         "rawlen",       "coroutine",    "pcall",   "xpcall",   "string",
                                         "table",        "math",         "utf8",    "print",    "next",
                                         "select",       "unpack",       "warn",    "assert",   "_G",
                                         "_VERSION" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char source[80], why[80];
        snprintf(source, sizeof source, "local x = %s", names[i]);
        snprintf(why, sizeof why, "unknown name '%s'", names[i]);
        assert_refused(source, why);
        snprintf(source, sizeof source, "local x = _ENV['%s']", names[i]);
        assert_refused(source, why);
    }
    static const char *const methods[] = { "dump", "rep", "gsub", "gmatch", "find", "format", "pack", "match" };
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        char source[80];
        snprintf(source, sizeof source, "local x = ('a'):%s('b')", methods[i]);
        assert_refused(source, "texts have no");
    }
}

static void keeps_the_string_metatable(void **state)
{
    (void)state;
    assert_refused("('x').lower = 1", "attempt to index a string value");
    assert_refused("local s = 'x' s.__index = {}", "attempt to index a string value");
    assert_refused("local m = ('x').__index", "texts have no '__index'");
    assert_refused("local n = '1' + 1", "attempt to perform arithmetic");
}

static void tells_an_error_that_is_no_text(void **state)
{
    (void)state;
    trial t = run("\n\nerror({ 'x' })");
    assert_string_equal(t.err.msg, "error() takes a text, not a table");
    assert_int_equal(t.err.detail, 3);
    assert_refused("error(nil)", "error() takes a text, not a nil");
    assert_refused("error()", "error() takes a text, not a no value");
    assert_refused("error(function() end)", "not a function");
}

static void cuts_a_huge_error_text(void **state)
{
    (void)state;
    trial t = run("local s = 'x' for i = 1, 15 do s = s .. s end\nerror(s)");
    assert_int_equal(t.rc, PTV_ERULES);
    assert_int_equal(strlen(t.err.msg), 300);
    assert_int_equal(t.err.detail, 2);
    t = run("error('a\\0b\\27[31m\\200')");
    assert_string_equal(t.err.msg, "a\\x00b\\x1b[31m\\xc8");
}

static void counts_a_for_at_the_edge_of_integers(void **state)
{
    (void)state;
    assert_runs(
        "local n = 0 for i = 9223372036854775806, 9223372036854775807 do n = n + 1 end if n ~= 2 then error('n') end");
    assert_runs(
        "local n = 0 for i = -9223372036854775807, -9223372036854775808, -1 do n = n + 1 end if n ~= 2 then error('n') end");
    assert_runs(
        "local n = 0 for i = 1, 9223372036854775807, 9223372036854775806 do n = n + 1 end if n ~= 2 then error('n') end");
    assert_refused("for i = 1, 2, 0 do end", "'for' step is zero");
}

static void takes_the_length_of_tables_with_holes(void **state)
{
    (void)state;
    assert_runs("local t = { 1, 2, nil, 4 } local n = #t if n ~= 4 and n ~= 2 then error('n') end");
    assert_runs(
        "local t = {} t[9007199254740993] = 1 if #t ~= 0 then error('n') end for i, v in ipairs(t) do error('x') end");
    assert_runs("local t = {} t[4611686018427387904] = 1 t[1] = 2 insert(t, 3) local s = concat(t, ',')");
}

static void reads_long_numeric_literals(void **state)
{
    (void)state;
    char *digits = repeat("9", 200000, "", "");
    ptv_buf source = PTV_BUF(1 << 20);
    ptv_buf_printf(&source, "local x = %s", digits);
    trial t = run(source.data);
    assert_true(t.rc == PTV_OK || t.rc == PTV_ERULES);
    ptv_buf_clear(&source);
    ptv_buf_printf(&source, "local x = 0x%s", digits);
    t = run(source.data);
    assert_true(t.rc == PTV_OK || t.rc == PTV_ERULES);
    ptv_buf_release(&source);
    ptv_free(digits);
    assert_runs("local x = 1e999999 local y = 0x1p-999999 local z = tonumber('1e' .. '99999')");
}

static void takes_odd_bytes_in_a_source(void **state)
{
    (void)state;
    trial t = run_bytes("local x = 1\0\0", 13);
    assert_int_equal(t.rc, PTV_ERULES);
    t = run_bytes("local x = 'a\0b'", 15);
    assert_int_equal(t.rc, PTV_OK);
    assert_refused("local \xff\xfe = 1", "");
    assert_runs("-- \xff\xfe\nlocal x = '\xff\xfe'");
    assert_runs("\xef\xbb\xbflocal x = 1\r\nlocal y = 2\r\n");
    assert_runs("");
}

static void lists_pairs_in_order(void **state)
{
    (void)state;
    assert_runs(
        "local s = '' for k, v in pairs({ b = 1, a = 2, [3] = 3, [1.5] = 4, [true] = 5, [-1] = 6, [false] = 7 }) do\n"
        "s = s .. tostring(k) .. v end if s ~= 'false7true5-161.54331b1' and s ~= 'false7true5-161.5433a2b1' then error(s) "
        "end");
    assert_refused("for k in pairs({ [{}] = 1 }) do end", "a key is a table");
    assert_runs("if tostring({}) ~= 'table' or tostring(error) ~= 'function' then error('address') end");
}

static void offers_its_small_library(void **state)
{
    (void)state;
    assert_runs(
        "local t = 'www.Evil.example'\n"
        "if t:before '.' ~= 'www' or t:after '.' ~= 'Evil.example' or t:before '#' ~= t or t:after '#' ~= '' then error "
        "'before' end\n"
        "if t:lower() ~= 'www.evil.example' or t:sub(1, 3) ~= 'www' or t:sub(-7) ~= 'example' or t:sub(5, 4) ~= '' then "
        "error 'sub' end\n"
        "if t:byte(1) ~= 119 or t:byte(-1) ~= 101 or t:byte(99) ~= nil or t:len() ~= 16 then error 'byte' end\n"
        "if not t:contains 'Evil' or t:contains 'x.y' or not t:starts 'www' or not t:ends 'example' then error 'contains' "
        "end\n"
        "if not t:like '*evil*' or t:like 'evil' then error 'like' end\n"
        "local l = { 'a', 'c' } insert(l, 2, 'b') insert(l, 'd') if concat(l, '-') ~= 'a-b-c-d' then error 'insert' end\n"
        "if min(3, 1, 2) ~= 1 or max(1, 3) ~= 3 or floor(2.7) ~= 2 or floor(-2.5) ~= -3 then error 'min' end\n"
        "if type(1) ~= 'number' or tonumber '10' ~= 10 or tonumber 'x' ~= nil or tostring(nil) ~= 'nil' then error 'type' "
        "end");
}

/* ------------------------------------------------------------------------------------- custom functions */

static ptv_arena record_mem = PTV_ARENA(1 << 20);

static const ptv_record *record_of(const char *name)
{
    ptv_artifact *a = ptv_arena_calloc(&record_mem, 1, sizeof *a);
    ptv_record *r = ptv_arena_calloc(&record_mem, 1, sizeof *r);
    ptv_error err = { 0 };
    assert_int_equal(ptv_artifact_parse(a, &record_mem, name, strlen(name), NULL, &err), PTV_OK);
    ptv_record_init(r, a);
    r->artifact = a->value;
    r->artifact_type = ptv_artifact_type_names[a->type];
    r->now = INT64_C(1777593600);
    static const char *const tags[] = { "b", "a" };
    assert_true(ptv_set_build(&r->tags, &record_mem, tags, 2));
    r->sections[PTV_TAGS].state = PTV_STATE_OK;
    return r;
}

static int drop_records(void **state)
{
    ptv_arena_release(&record_mem);
    return rules_teardown(state);
}

typedef struct ran {
    ptv_code rc;
    ptv_truth truth;
    char reason[sizeof(((ptv_error *)0)->msg)];
    unsigned long instructions;
} ran;

/* The n-th custom function of the set on a record. */
static ran run_custom(rules_test *t, size_t n, const ptv_record *r)
{
    ran out = { 0 };
    ptv_arena mem = PTV_ARENA(1 << 20);
    const char *reason = NULL;
    for (size_t i = 0; i < t->rs->node_count; i++) {
        const ptv_cond *c = t->rs->nodes[i];
        if (!c->custom || n-- > 0)
            continue;
        out.rc = ptv_custom_run(&out.truth, &reason, &mem, c->custom, r, &t->err);
        snprintf(out.reason, sizeof out.reason, "%s", out.rc ? t->err.msg : reason ? reason : "");
    }
    out.instructions = ptv_sandbox_instructions(t->rs->sandboxes[0]);
    ptv_arena_release(&mem);
    return out;
}

static void load_customs(rules_test *t, const char *before, const char *const *functions)
{
    ptv_buf source = PTV_BUF(1 << 20);
    ptv_buf_puts(&source, before);
    for (size_t i = 0; functions[i]; i++)
        ptv_buf_printf(&source, "\nrule 'r%zu' { severity = 'low', when = custom({ 'artifact', 'tags' }, %s) }", i,
                       functions[i]);
    if (rules_load_text(t, source.data))
        print_error("%s", t->said);
    ptv_buf_release(&source);
    assert_non_null(t->rs);
}

static void puts_a_captured_counter_back(void **state)
{
    rules_test *t = *state;
    load_customs(t, "local n = 0 local function count() n = n + 1 return n end",
                 (const char *const[]){ "function(r) return count() == 1, n .. '' end", NULL });
    for (int i = 0; i < 3; i++) {
        ran got = run_custom(t, 0, record_of("evil.example"));
        assert_int_equal(got.rc, PTV_OK);
        assert_int_equal(got.truth, PTV_YES);
        assert_string_equal(got.reason, "1");
    }
}

static void puts_a_replaced_function_back(void **state)
{
    rules_test *t = *state;
    load_customs(t, "local function answer() return false end",
                 (const char *const[]){ "function(r) local a = answer() answer = function() return true end return a end",
                                        "function(r) return answer() end", NULL });
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run_custom(t, 0, record_of("evil.example")).truth, PTV_NO);
        assert_int_equal(run_custom(t, 1, record_of("evil.example")).truth, PTV_NO);
    }
}

static void puts_a_replaced_environment_back(void **state)
{
    rules_test *t = *state;
    load_customs(
        t, "",
        (const char *const[]){ "function(r) _ENV = nil return true end", "function(r) return min(1, 2) == 1 end", NULL });
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run_custom(t, 0, record_of("evil.example")).truth, PTV_YES);
        assert_int_equal(run_custom(t, 1, record_of("evil.example")).truth, PTV_YES);
    }
}

static void refuses_a_captured_table(void **state)
{
    rules_test *t = *state;
    assert_int_equal(
        rules_load_text(t, "local seen = {}\nrule 'a' { severity = 'low',\n when = custom({ 'artifact' }, function(r) "
                           "seen[r.artifact] = true return true end) }"),
        PTV_ERULES);
    assert_says(t, "bad.lua:3: error: custom captures the table 'seen'");
    assert_int_equal(rules_load_text(t,
                                     "local seen = {} local function note(x) seen[x] = 1 end\nrule 'a' { severity = 'low',\n"
                                     " when = custom({ 'artifact' }, function(r) note(1) return true end) }"),
                     PTV_ERULES);
    assert_says(t, "captures the table 'seen'");
    assert_int_equal(
        rules_load_text(t, "local t = tags\nrule 'a' { severity = 'low',\n when = custom({ 'artifact' }, function(r) return "
                           "t ~= nil end) }"),
        PTV_ERULES);
    assert_says(t, "captures 't', a word of rules");
    assert_int_equal(rules_load_text(t, "local following = pairs { 1, 2, 3 }\nrule 'a' { severity = 'low',\n"
                                        " when = custom({ 'artifact' }, function(r) return following({ 1 }) ~= nil end) }"),
                     PTV_ERULES);
    assert_says(t, "bad.lua:3: error: custom captures 'following', a function that remembers");
}

static void refuses_to_write_to_the_record(void **state)
{
    rules_test *t = *state;
    load_customs(t, "",
                 (const char *const[]){
                     "function(r) r.artifact = 'good.example' return true end",
                     "function(r) r.tags[1] = 'x' insert(r.tags, 'y') return #r.tags == 3 end",
                     "function(r) return r.artifact == 'evil.example' and concat(r.tags, ',') == 'a,b' end", NULL });
    const ptv_record *r = record_of("evil.example");
    for (int i = 0; i < 2; i++) {
        ran got = run_custom(t, 0, r);
        assert_int_equal(got.rc, PTV_ERULES);
        assert_string_equal(got.reason, "bad.lua:2: the record cannot be changed");
        assert_int_equal(run_custom(t, 1, r).truth, PTV_YES); /* its own copy */
        assert_int_equal(run_custom(t, 2, r).truth, PTV_YES);
    }
    assert_int_equal(r->tags.count, 2);
}

static void keeps_nothing_from_call_to_call(void **state)
{
    rules_test *t = *state;
    assert_int_equal(
        rules_load_text(t,
                        "rule 'a' { severity = 'low', when = custom({ 'artifact' }, function(r) x = 1 return true end) }"),
        PTV_ERULES);
    assert_says(t, "unknown name 'x' in a custom function");
    load_customs(t, "",
                 (const char *const[]){ "function(r) local e = _ENV e.x = 1 return true end",
                                        "function(r) local e = _ENV return e.x == nil end", NULL });
    assert_string_equal(run_custom(t, 0, record_of("evil.example")).reason,
                        "bad.lua:2: 'x' is no local: nothing can be kept from one call to the next");
    assert_string_equal(run_custom(t, 1, record_of("evil.example")).reason, "bad.lua:3: unknown name 'x'");
}

static void builds_no_rules_in_a_call(void **state)
{
    rules_test *t = *state;
    load_customs(t, "",
                 (const char *const[]){ "function(r) local e = _ENV e.rule('x') return true end",
                                        "function(r) local e = _ENV return e.tags.has_any ~= nil end", NULL });
    for (size_t i = 0; i < 2; i++) {
        ran got = run_custom(t, i, record_of("evil.example"));
        assert_int_equal(got.rc, PTV_ERULES);
        assert_non_null(strstr(got.reason, "words build rules while a file loads"));
    }
    assert_int_equal(t->rs->rule_count, 2);
}

static void ends_a_call_at_its_limits_and_leaves_the_others(void **state)
{
    rules_test *t = *state;
    load_customs(t, "",
                 (const char *const[]){ "function(r) while true do end end",
                                        "function(r) local s = r.artifact while true do s = s .. s end end",
                                        "function(r) local s = 'x' for i = 1, 15 do s = s .. s end local t = {} while true "
                                        "do insert(t, s .. #t) end end",
                                        "function(r) local function f() return 1 + f() end return f() end",
                                        "function(r) error({}) end", "function(r) return 5 end",
                                        "function(r) return true, {} end",
                                        "function(r) return #r.artifact == 12, 'fine' end", NULL });
    static const struct {
        ptv_code rc;
        const char *text;
    } expected[] = {
        { PTV_ELIMIT, "bad.lua:2: over the limit of 100,000 instructions while running" },
        { PTV_ELIMIT, "bad.lua:3: over the limit of 64 KB for one text, table or call chain while running" },
        { PTV_ELIMIT, "bad.lua:4: over the limit of 4 MB of memory while running" },
        { PTV_ELIMIT, "bad.lua:5: over the limit of 64 KB for one text, table or call chain while running" },
        { PTV_ERULES, "bad.lua:6: error() takes a text, not a table" },
        { PTV_ERULES, "bad.lua:7: returned a number, not true, false or nil" },
        { PTV_ERULES, "bad.lua:8: returned a table as its reason, not a text" },
        { PTV_OK, "fine" },
    };
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < 8; i++) {
            ran got = run_custom(t, i, record_of("evil.example"));
            assert_int_equal(got.rc, expected[i].rc);
            assert_string_equal(got.reason, expected[i].text);
            assert_true(got.instructions <= PTV_LUA_BUDGET + 100000);
            if (i == 0)
                assert_int_equal(got.instructions / 1000, PTV_LUA_BUDGET / 1000);
            if (i == 7)
                assert_true(got.truth == PTV_YES && got.instructions < 100);
        }
    assert_true(ptv_sandbox_peak_bytes(t->rs->sandboxes[0]) <= PTV_LUA_MEMORY);
}

static void gives_a_call_its_fields_and_nothing_else(void **state)
{
    rules_test *t = *state;
    load_customs(t, "",
                 (const char *const[]){
                     "function(r) return r.now == 1777593600 and r.tags[1] == 'a' and r['artifact'] == 'evil.example' end",
                     "function(r) local k = 'link' return r[k] == nil end", "function(r) return nil, 'cannot tell' end",
                     NULL });
    assert_int_equal(run_custom(t, 0, record_of("evil.example")).truth, PTV_YES);
    assert_string_equal(run_custom(t, 1, record_of("evil.example")).reason,
                        "bad.lua:3: reads link, which is not among the fields it names");
    ran got = run_custom(t, 2, record_of("evil.example"));
    assert_int_equal(got.truth, PTV_UNSURE);
    assert_string_equal(got.reason, "cannot tell");
}

static void gives_records_as_rows(void **state)
{
    rules_test *t = *state;
    assert_int_equal(
        rules_load_text(t,
                        "rule 'a' { severity = 'low', when = custom({ 'passive_dns.records', 'passive_dns.count' }, "
                        "function(r)\nlocal n = 0\nfor _, row in ipairs(r.passive_dns.records) do\n"
                        "if row.type == 'A' and row.first_seen == 86400 and row.last_seen == nil and row.sources[1] == 's' "
                        "then n = n + 1 end end\nreturn n == r['passive_dns.count'], n .. '' end) }"),
        PTV_OK);
    ptv_record *r = (ptv_record *)(uintptr_t)record_of("evil.example");
    ptv_dns *row = ptv_arena_calloc(&record_mem, 1, sizeof *row);
    static const char *const source[] = { "S" };
    *row = (ptv_dns){ .type = "A", .first_seen = 86400, .last_seen = PTV_NO_TIME, .collected = PTV_NO_TIME };
    assert_true(ptv_set_build(&row->sources, &record_mem, source, 1));
    enum { ROWS = 10000 };
    const ptv_dns **rows = ptv_arena_calloc(&record_mem, ROWS, sizeof *rows);
    for (size_t i = 0; i < ROWS; i++)
        rows[i] = row;
    r->records = (ptv_dns_list){ rows, 100 };
    r->pdns_count = 100;
    ran got = run_custom(t, 0, r);
    assert_string_equal(got.reason, "100");
    assert_int_equal(got.truth, PTV_YES);
    r->records.count = ROWS; /* more than the budget walks, but not more than fits */
    got = run_custom(t, 0, r);
    assert_string_equal(got.reason, "bad.lua:4: over the limit of 100,000 instructions while running");
}

/* ------------------------------------------------------------------------------------------ rule files */

static void refuses_to_replace_a_word(void **state)
{
    rules_test *t = *state;
    rules_write("a.lua", "rule = nil\ntags = 1\nlocal e = _ENV\ne.setting = 2\n");
    rules_write("b.lua", "rule 'b' { severity = 'low', when = tags:has_any { 'x' } }");
    assert_int_equal(rules_load_paths(t, NULL), PTV_ERULES);
    assert_says_only(t, "./a.lua:1: error: \"rule\" is a word of the language and cannot be replaced [E-GLOBAL]\n"
                        "./a.lua:2: error: \"tags\" is a word of the language and cannot be replaced [E-GLOBAL]\n"
                        "./a.lua:4: error: \"setting\" is a word of the language and cannot be replaced [E-GLOBAL]\n");
    rules_write("a.lua", "local rule, tags = nil, 1"); /* its own business */
    assert_int_equal(rules_load_paths(t, NULL), PTV_OK);
    assert_int_equal(t->rs->rule_count, 1);
}

static void names_the_stock_library_unknown(void **state)
{
    rules_test *t = *state;
    assert_int_equal(rules_load_text(t, "os.execute('x')\nlocal f = io.open('/etc/passwd')\nrequire 'x'"), PTV_ERULES);
    assert_says(t, "bad.lua:1: error: unknown name 'os'");
    assert_says(t, "bad.lua:2: error: unknown name 'io'");
    assert_says(t, "bad.lua:3: error: unknown name 'require'");
}

static void refuses_an_endless_list_at_load(void **state)
{
    rules_test *t = *state;
    rules_write("good.lua", "rule 'b' { severity = 'low', when = tags:has_any { 'x' } }");
    rules_write("bad.lua", "local names, n = {}, 0\nwhile n >= 0 do\n n = n + 1 names[n % 100] = 'x' .. n\nend");
    assert_int_equal(rules_load_paths(t, NULL), PTV_ERULES);
    assert_says(t, "./bad.lua:");
    assert_says(t, "error: over the limit of 100,000 instructions while running [E-LIMIT]");
    unlink("bad.lua");
    assert_int_equal(rules_load_paths(t, NULL), PTV_OK);
}

static void refuses_a_source_of_8_MB(void **state)
{
    rules_test *t = *state;
    char *text = repeat("-- comment\n", 800000, "", "");
    rules_write("bad.lua", text);
    ptv_free(text);
    assert_int_equal(rules_load_paths(t, NULL), PTV_ERULES);
    assert_says_only(t,
                     "./bad.lua:0: error: over the limit of 256 KB for one file; long lists belong into lists/ [E-LIMIT]\n");
}

static char *many_rules(size_t count)
{
    ptv_buf text = PTV_BUF(16 << 20);
    for (size_t i = 0; i < count; i++)
        ptv_buf_printf(
            &text,
            "rule \"rule-%zu\" {\n  title = \"Rule number %zu\", severity = \"low\",\n  when = all { tags:has_any { "
            "\"tag-%zu\", "
            "\"x\" }, passive_dns.count:at_least(%zu) },\n  hit = { standard },\n  note = \"{artifact}: %zu.\",\n}\n",
            i, i, i, i, i);
    return ptv_buf_take(&text, NULL);
}

static void loads_1000_rules_of_one_file(void **state)
{
    rules_test *t = *state;
    char *text = many_rules(1000);
    assert_true(strlen(text) < PTV_SOURCE_LIMIT);
    rules_write("many.lua", text);
    ptv_free(text);
    if (rules_load_paths(t, NULL))
        print_error("%s", t->said);
    assert_non_null(t->rs);
    assert_int_equal(t->rs->rule_count, 1000);
    assert_string_equal(t->rs->rules[999]->id, "rule-999");
    assert_int_equal(t->rs->node_count, 3000);
}

static void refuses_more_rules_than_fit(void **state)
{
    rules_test *t = *state;
    char *text = many_rules(2000);
    assert_true(strlen(text) > PTV_SOURCE_LIMIT);
    rules_write("many.lua", text);
    ptv_free(text);
    assert_int_equal(rules_load_paths(t, NULL), PTV_ERULES);
    assert_says(t, "[E-LIMIT]");
}

static void refuses_ids_that_are_no_plain_word(void **state)
{
    rules_test *t = *state;
    static const char *const ids[] = { "../../etc/passwd",
                                       "a/b",
                                       "a\\nb",
                                       "a\\27[31mb",
                                       "",
                                       "-x",
                                       "a b",
                                       "a\\0b",
                                       "\\255",
                                       "\xc3\xa9",
                                       "a<b",
                                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char text[300];
        snprintf(text, sizeof text, "rule \"%s\" { severity = 'low', when = tags:has_any { 'x' } }", ids[i]);
        assert_int_equal(rules_load_text(t, text), PTV_ERULES);
        assert_says(t, "bad.lua:1: error: rule: the name ");
        assert_null(strchr(t->said, '\x1b'));
    }
}

static void refuses_a_NUL_and_bad_UTF_8_in_texts(void **state)
{
    rules_test *t = *state;
    assert_int_equal(
        rules_load_text(
            t, "rule 'a' { title = 'a\\0b',\n severity = 'low', when = tags:has_any { 'x\\0y' },\n note = '\xff' }"),
        PTV_ERULES);
    assert_says(t, "bad.lua:1: error: rule \"a\": title holds a NUL [E-KEY]");
    assert_says(t, "bad.lua:2: error: tags:has_any: the text \"x\" holds a NUL [E-ARG]");
    assert_says(t, "bad.lua:3: error: rule \"a\": note is not UTF-8 [E-KEY]");
}

static void refuses_a_note_of_1_MB(void **state)
{
    rules_test *t = *state;
    assert_int_equal(
        rules_load_text(t,
                        "local s = 'x' for i = 1, 15 do s = s .. s end\nlocal lines = {} for i = 1, 32 do lines[i] = s end\n"
                        "rule 'a' { severity = 'low', when = tags:has_any { 'x' },\n note = lines }"),
        PTV_ERULES);
    assert_says(t, "bad.lua:4: error: rule \"a\": note is longer than 64 KB [E-KEY]");
}

static void matches_a_backtracking_glob_in_linear_time(void **state)
{
    rules_test *t = *state;
    load_customs(t, "",
                 (const char *const[]){
                     "function(r) local s = 'a' for i = 1, 15 do s = s .. s end return s:like '*a*a*a*a*b' end", NULL });
    ran got = run_custom(t, 0, record_of("evil.example"));
    assert_int_equal(got.rc, PTV_OK);
    assert_int_equal(got.truth, PTV_NO);
    assert_true(got.instructions < 32768); /* one per byte at most, not 32768⁴ */
}

static void loads_100000_nets_of_a_list(void **state)
{
    rules_test *t = *state;
    ptv_buf text = PTV_BUF(16 << 20);
    for (unsigned i = 0; i < 100000; i++)
        ptv_buf_printf(&text, "10.%u.%u.%u/30\n", i >> 14 & 255, i >> 6 & 255, (i & 63) << 2);
    rules_write("lists/nets.txt", "");
    rules_write_bytes("lists/nets.txt", text.data, text.len);
    ptv_buf_release(&text);
    if (rules_load_text(t, "rule 'a' { severity = 'low', when = artifact:in_cidr(list 'nets') }"))
        print_error("%s", t->said);
    assert_non_null(t->rs);
    assert_int_equal(ptv_indicators_count(t->rs->nodes[0]->args.indicators), 100000);
    assert_true(ptv_indicators_find(t->rs->nodes[0]->args.indicators, record_of("10.1.2.3")->subject, NULL, NULL));
    assert_false(ptv_indicators_find(t->rs->nodes[0]->args.indicators, record_of("11.1.2.3")->subject, NULL, NULL));
}

static void refuses_regular_expressions_in_a_zone_list(void **state)
{
    rules_test *t = *state;
    rules_write("lists/z.txt", "good.example\n.*\\.corp\n(a+)+$\n");
    assert_int_equal(rules_load_text(t, "rule 'a' { severity = 'low', when = artifact:in_zone(list 'z') }"), PTV_ERULES);
    assert_says(t, "./lists/z.txt:2: error: in_zone: \".*\\\\.corp\": ");
    assert_says(t, "./lists/z.txt:3: error: in_zone: \"(a+)+$\": ");
}

static void refuses_one_id_in_two_files(void **state)
{
    rules_test *t = *state;
    rules_write("1.lua", "rule 'same' { severity = 'low', when = tags:has_any { 'x' } }");
    rules_write("2.lua", "\nrule 'same' { severity = 'high', when = tags:has_any { 'y' } }");
    assert_int_equal(rules_load_paths(t, NULL), PTV_ERULES);
    assert_says_only(t, "./2.lua:2: error: rule \"same\" is there already: ./1.lua:1 [E-DUP]\n");
}

static void takes_files_but_not_ids_that_differ_by_case(void **state)
{
    rules_test *t = *state;
    rules_write("A.lua", "rule 'one' { severity = 'low', when = tags:has_any { 'x' } }");
    rules_write("a.lua", "rule 'two' { severity = 'low', when = tags:has_any { 'x' } }");
    assert_int_equal(rules_load_paths(t, NULL), PTV_OK);
    assert_int_equal(t->rs->rule_count, 2);
    assert_string_equal(t->rs->rules[0]->id, "one");
    rules_write("a.lua", "rule 'One' { severity = 'low', when = tags:has_any { 'x' } }");
    assert_int_equal(rules_load_paths(t, NULL), PTV_ERULES);
    assert_says(t, "./a.lua:1: error: rule \"One\" differs from \"one\" (./A.lua:1) in letter case only [E-DUP]");
}

static void refuses_what_is_no_file(void **state)
{
    rules_test *t = *state;
    rules_write("0.lua", "rule 'one' { severity = 'low', when = tags:has_any { 'x' } }");
    assert_int_equal(mkdir("1.lua", 0700), 0);
    assert_int_equal(mkfifo("2.lua", 0600), 0);
    assert_int_equal(symlink("3.lua", "3.lua"), 0); /* cannot be opened, not even by root */
    assert_int_equal(rules_load_paths(t, NULL), PTV_ERULES);
    assert_says_only(t, "./1.lua:0: error: cannot be read: is a folder [E-FILE]\n"
                        "./2.lua:0: error: cannot be read: not a regular file [E-FILE]\n"
                        "./3.lua:0: error: cannot be read: Too many levels of symbolic links [E-FILE]\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_an_endless_while_at_its_budget),
        cmocka_unit_test(ends_an_endless_goto),
        cmocka_unit_test(ends_a_for_with_huge_bounds),
        cmocka_unit_test(ends_recursion_without_end),
        cmocka_unit_test(ends_mutual_recursion),
        cmocka_unit_test(ends_closures_that_grow_a_table),
        cmocka_unit_test(ends_a_text_that_doubles),
        cmocka_unit_test(stops_many_texts_at_the_memory_limit),
        cmocka_unit_test(charges_text_functions_by_bytes),
        cmocka_unit_test(stops_a_table_with_a_million_entries),
        cmocka_unit_test(refuses_deep_nesting_of_tables),
        cmocka_unit_test(refuses_300_nested_parentheses),
        cmocka_unit_test(refuses_bytecode),
        cmocka_unit_test(has_no_stock_library),
        cmocka_unit_test(keeps_the_string_metatable),
        cmocka_unit_test(tells_an_error_that_is_no_text),
        cmocka_unit_test(cuts_a_huge_error_text),
        cmocka_unit_test(counts_a_for_at_the_edge_of_integers),
        cmocka_unit_test(takes_the_length_of_tables_with_holes),
        cmocka_unit_test(reads_long_numeric_literals),
        cmocka_unit_test(takes_odd_bytes_in_a_source),
        cmocka_unit_test(lists_pairs_in_order),
        cmocka_unit_test(offers_its_small_library),
#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, rules_setup, drop_records)
        IN_FOLDER(puts_a_captured_counter_back),
        IN_FOLDER(puts_a_replaced_function_back),
        IN_FOLDER(puts_a_replaced_environment_back),
        IN_FOLDER(refuses_a_captured_table),
        IN_FOLDER(refuses_to_write_to_the_record),
        IN_FOLDER(keeps_nothing_from_call_to_call),
        IN_FOLDER(builds_no_rules_in_a_call),
        IN_FOLDER(ends_a_call_at_its_limits_and_leaves_the_others),
        IN_FOLDER(gives_a_call_its_fields_and_nothing_else),
        IN_FOLDER(gives_records_as_rows),
        IN_FOLDER(refuses_to_replace_a_word),
        IN_FOLDER(names_the_stock_library_unknown),
        IN_FOLDER(refuses_an_endless_list_at_load),
        IN_FOLDER(refuses_a_source_of_8_MB),
        IN_FOLDER(loads_1000_rules_of_one_file),
        IN_FOLDER(refuses_more_rules_than_fit),
        IN_FOLDER(refuses_ids_that_are_no_plain_word),
        IN_FOLDER(refuses_a_NUL_and_bad_UTF_8_in_texts),
        IN_FOLDER(refuses_a_note_of_1_MB),
        IN_FOLDER(matches_a_backtracking_glob_in_linear_time),
        IN_FOLDER(loads_100000_nets_of_a_list),
        IN_FOLDER(refuses_regular_expressions_in_a_zone_list),
        IN_FOLDER(refuses_one_id_in_two_files),
        IN_FOLDER(takes_files_but_not_ids_that_differ_by_case),
        IN_FOLDER(refuses_what_is_no_file),
    };
    return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
