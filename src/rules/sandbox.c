/*
 * sandbox.c: the Lua state of one file: allocator with ceilings, instruction budget, error texts.
 *
 * Why two kinds of limit: the count hook does not fire inside one instruction, and one instruction (`..`, a table that
 * grows) can copy whole blocks. So blocks are small and what is allocated is charged too. A refused block ends the run:
 * Lua would otherwise collect the whole heap at every further refusal, and a run could crawl for minutes on its budget.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/sandbox.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include <lauxlib.h>
#include <locale.h>
#include <string.h>

enum {
    STEP = 1000,         /* instructions between two looks at the budget */
    ALLOCATED_PER = 256, /* bytes allocated that cost one instruction */
    CHARGE_PER = 32      /* bytes an own function reads that cost one */
};
#define CHUNK "r" /* short: Lua cuts long chunk names in its messages */

typedef enum phase { SETTING_UP, COMPILING, RUNNING } phase;
typedef enum limit { NO_LIMIT, OVER_BUDGET, OVER_MEMORY, OVER_BLOCK } limit;

struct ptv_sandbox {
    lua_State *L;
    const char *file;
    void *owner; /* NULL once the file has been loaded */
    phase phase;
    bool trusted;
    size_t used, peak, kept; /* kept: what loading left */
    size_t allocated;        /* of this run, growth only */
    unsigned long charged;   /* of this run, without what was allocated */
    int step;                /* 1 once the budget is spent: nothing hides from the hook */
    limit hit;
    int hit_line;
    bool no_memory;
};

static char words_key, main_key, env_key; /* addresses are keys of the registry */

ptv_sandbox *ptv_sandbox_of(lua_State *L)
{
    ptv_sandbox *sb;
    memcpy(&sb, lua_getextraspace(L), sizeof sb);
    return sb;
}

int ptv_sandbox_line(lua_State *L)
{
    lua_Debug ar;
    for (int level = 0; lua_getstack(L, level, &ar); level++) {
        lua_getinfo(L, "l", &ar);
        if (ar.currentline > 0)
            return ar.currentline;
    }
    return 0;
}

static void count_hook(lua_State *L, lua_Debug *ar);

static void spend(ptv_sandbox *sb, limit which)
{
    if (sb->hit)
        return;
    sb->hit = which;
    /* Reading the call chain allocates nothing, so this is safe inside the allocator as well. */
    sb->hit_line = ptv_sandbox_line(sb->L);
    sb->step = 1;
    lua_sethook(sb->L, count_hook, LUA_MASKCOUNT, 1);
}

static bool refused(ptv_sandbox *sb, size_t old_size, size_t new_size)
{
    if (sb->phase == SETTING_UP)
        return false;
    if (sb->hit)
        return true;
    limit which = NO_LIMIT;
    if (sb->used + (new_size - old_size) > PTV_LUA_MEMORY)
        which = OVER_MEMORY;
    else if (sb->phase == RUNNING && !sb->trusted && new_size > PTV_LUA_BLOCK)
        which = OVER_BLOCK;
    if (!which)
        return false;
    if (sb->phase == RUNNING)
        spend(sb, which);
    else
        sb->hit = which;
    return true;
}

static void *allocate(void *ud, void *old, size_t old_size, size_t new_size)
{
    ptv_sandbox *sb = ud;
    if (!old)
        old_size = 0; /* Lua passes the kind of object here */
    if (new_size == 0) {
        ptv_free(old);
        sb->used -= old_size;
        return NULL;
    }
    if (new_size > old_size && refused(sb, old_size, new_size))
        return NULL;
    void *p = ptv_realloc(old, new_size);
    if (!p) {
        if (new_size <= old_size)
            return old; /* Lua relies on shrinking to work */
        sb->no_memory = true;
        return NULL;
    }
    sb->used = sb->used - old_size + new_size;
    if (new_size > old_size)
        sb->allocated += new_size - old_size;
    if (sb->used > sb->peak)
        sb->peak = sb->used;
    return p;
}

unsigned long ptv_sandbox_instructions(const ptv_sandbox *sb)
{
    return sb->charged + sb->allocated / ALLOCATED_PER;
}

size_t ptv_sandbox_peak_bytes(const ptv_sandbox *sb)
{
    return sb->peak;
}

static void count_hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    ptv_sandbox *sb = ptv_sandbox_of(L);
    sb->charged += (unsigned long)sb->step;
    if (!sb->hit && ptv_sandbox_instructions(sb) >= PTV_LUA_BUDGET)
        spend(sb, OVER_BUDGET);
    if (sb->hit) {
        lua_pushliteral(L, "over a limit");
        lua_error(L);
    }
}

void ptv_sandbox_charge(lua_State *L, size_t bytes)
{
    ptv_sandbox *sb = ptv_sandbox_of(L);
    sb->charged += 1 + bytes / CHARGE_PER;
    if (!sb->hit && sb->phase == RUNNING && ptv_sandbox_instructions(sb) >= PTV_LUA_BUDGET)
        spend(sb, OVER_BUDGET);
    if (sb->hit)
        luaL_error(L, "over a limit");
}

void ptv_sandbox_charge_memory(lua_State *L, size_t bytes)
{
    ptv_sandbox_of(L)->allocated += bytes;
}

void ptv_sandbox_trust(lua_State *L, bool on)
{
    ptv_sandbox_of(L)->trusted = on;
}

void *ptv_sandbox_owner(lua_State *L)
{
    ptv_sandbox *sb = ptv_sandbox_of(L);
    if (!sb->owner)
        luaL_error(L,
                   "words build rules while a file loads; a custom function reads its fields from its argument: r.artifact");
    return sb->owner;
}

/* What went wrong, from the message on top of the stack, which is popped. */
static ptv_code explain(ptv_sandbox *sb, ptv_error *err)
{
    static const char *const during[] = { "while setting up", "while compiling", "while running" };
    lua_State *L = sb->L;
    ptv_code rc = PTV_ERULES;
    int line = 0;
    if (sb->no_memory)
        rc = ptv_fail_nomem(err);
    else if (sb->hit == OVER_BUDGET)
        rc = ptv_fail(err, PTV_ELIMIT, "over the limit of 100,000 instructions %s", during[sb->phase]);
    else if (sb->hit == OVER_MEMORY)
        rc = ptv_fail(err, PTV_ELIMIT, "over the limit of 4 MB of memory %s", during[sb->phase]);
    else if (sb->hit == OVER_BLOCK)
        rc = ptv_fail(err, PTV_ELIMIT, "over the limit of 64 KB for one text, table or call chain %s", during[sb->phase]);
    else if (lua_type(L, -1) == LUA_TSTRING) {
        size_t len;
        const char *text = lua_tolstring(L, -1, &len);
        if (ptv_text_starts(text, CHUNK ":")) {
            const char *p = text + sizeof CHUNK;
            while (*p >= '0' && *p <= '9' && line < 100000000)
                line = line * 10 + (*p++ - '0');
            if (*p == ':' && p[1] == ' ') {
                len -= (size_t)(p + 2 - text);
                text = p + 2;
            }
        }
        ptv_buf safe = PTV_BUF(4096);
        ptv_escape_terminal(&safe, text, len < 400 ? len : 400);
        rc = safe.failed == PTV_ENOMEM ? ptv_fail_nomem(err) : ptv_fail(err, PTV_ERULES, "%s", safe.data ? safe.data : "");
        ptv_buf_release(&safe);
    } else
        ptv_fail(err, PTV_ERULES, "an error that is no text");
    if (sb->hit && sb->hit_line)
        line = sb->hit_line;
    err->detail = line;
    lua_settop(L, 0);
    return rc;
}

ptv_code ptv_sandbox_call(ptv_sandbox *sb, lua_CFunction f, void *arg, bool limited, ptv_error *err)
{
    lua_State *L = sb->L;
    phase before = sb->phase;
    sb->hit = NO_LIMIT;
    sb->hit_line = 0;
    sb->no_memory = false;
    sb->trusted = false;
    if (limited) {
        sb->phase = RUNNING;
        sb->charged = sb->allocated = 0;
        sb->step = STEP;
        lua_sethook(L, count_hook, LUA_MASKCOUNT, STEP);
    }
    lua_settop(L, 0);
    lua_pushcfunction(L, f);
    lua_pushlightuserdata(L, arg);
    /* Lua compares texts and writes numbers by the locale, which is the host's to choose: the same answer everywhere. */
    locale_t hosts = uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0)); /* "C" is a constant: nothing to free */
    ptv_code rc = lua_pcall(L, 1, 0, 0) == LUA_OK ? PTV_OK : explain(sb, err);
    uselocale(hosts);
    lua_sethook(L, NULL, 0, 0);
    sb->phase = before;
    return rc;
}

/* The words sit in a table of their own behind an empty _ENV: a file can neither replace nor list them. Jumps on error. */
static int set_up(lua_State *L)
{
    const ptv_vocabulary *v = lua_touserdata(L, 1);
    lua_settop(L, 0);
    lua_newtable(L); /* 1: words */
    ptv_sandbox_open_library(L);
    v->open(L);
    lua_settop(L, 1);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, v->unknown);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, 1);
    lua_newtable(L); /* 2: env */
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, v->assign);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, 2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &env_key);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &words_key);
    return 0;
}

void ptv_sandbox_push_env(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &env_key);
}

ptv_code ptv_sandbox_new(ptv_sandbox **out, const char *file, const ptv_vocabulary *words, void *owner, ptv_error *err)
{
    ptv_sandbox *sb = ptv_calloc(1, sizeof *sb);
    if (!sb)
        return ptv_fail_nomem(err);
    sb->file = file;
    sb->owner = owner;
    sb->L = lua_newstate(allocate, sb);
    if (!sb->L) {
        ptv_free(sb);
        return ptv_fail_nomem(err);
    }
    memcpy(lua_getextraspace(sb->L), &sb, sizeof sb);
    ptv_vocabulary v = *words;
    ptv_code rc = ptv_sandbox_call(sb, set_up, &v, false, err);
    if (rc) {
        ptv_sandbox_free(sb);
        return rc;
    }
    *out = sb;
    return PTV_OK;
}

void ptv_sandbox_free(ptv_sandbox *sb)
{
    if (!sb)
        return;
    sb->phase = SETTING_UP;
    lua_close(sb->L);
    ptv_free(sb);
}

struct source {
    const char *text;
    size_t len;
};

static const char *read_source(lua_State *L, void *ud, size_t *len)
{
    (void)L;
    struct source *s = ud;
    *len = s->len;
    s->len = 0;
    return *len ? s->text : NULL;
}

static int compile(lua_State *L)
{
    struct source *s = lua_touserdata(L, 1);
    if (lua_load(L, read_source, s, "=" CHUNK, "t") != LUA_OK)
        return lua_error(L);
    ptv_sandbox_push_env(L);
    if (!lua_setupvalue(L, -2, 1))
        lua_pop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &main_key);
    return 0;
}

ptv_code ptv_sandbox_compile(ptv_sandbox *sb, const char *source, size_t len, ptv_error *err)
{
    if (len > PTV_SOURCE_LIMIT)
        return ptv_fail(err, PTV_ELIMIT, "over the limit of 256 KB for one file; long lists belong into lists/");
    struct source s = { .text = source, .len = len };
    if (s.len >= 3 && memcmp(s.text, "\xef\xbb\xbf", 3) == 0) {
        s.text += 3;
        s.len -= 3;
    }
    sb->phase = COMPILING;
    ptv_code rc = ptv_sandbox_call(sb, compile, &s, false, err);
    sb->phase = SETTING_UP;
    return rc;
}

static int run_main(lua_State *L)
{
    lua_settop(L, 0);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &main_key);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &main_key);
    lua_call(L, 0, 0);
    return 0;
}

ptv_code ptv_sandbox_run(ptv_sandbox *sb, ptv_error *err)
{
    return ptv_sandbox_call(sb, run_main, NULL, true, err);
}

bool ptv_sandbox_is_loading(const ptv_sandbox *sb)
{
    return sb->owner != NULL;
}

void ptv_sandbox_close_words(ptv_sandbox *sb)
{
    sb->owner = NULL;
    lua_gc(sb->L, LUA_GCCOLLECT);
    sb->kept = sb->used;
}

void ptv_sandbox_collect(ptv_sandbox *sb)
{
    enum { MUCH = 256 << 10 };
    if (sb->used > sb->kept + MUCH)
        lua_gc(sb->L, LUA_GCCOLLECT);
}
