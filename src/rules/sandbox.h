/*
 * sandbox.h: one Lua state for one file, with a ceiling on everything: instructions, memory, block size, source size.
 * It knows no word of ours: a vocabulary brings them (rules today, test cases beside them), and nothing else is there.
 *
 * Any Lua call may jump. Functions marked "jumps on error" run only under ptv_sandbox_run(), ptv_sandbox_call() or the
 * `open` of a vocabulary, and hold nothing that would leak.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_RULES_SANDBOX_H
#define PTV_RULES_SANDBOX_H
#include "core/verdict.h"
#include "rules/tree.h"
#include <lua.h>

enum {
    PTV_SOURCE_LIMIT = 256 << 10, /* bytes of one file */
    PTV_LUA_BUDGET = 100000,      /* instructions of one load, of one call */
    PTV_LUA_MEMORY = 4 << 20,     /* bytes of one state */
    PTV_LUA_BLOCK = 64 << 10      /* bytes of one block while running: one instruction cannot copy more */
};

typedef struct ptv_sandbox ptv_sandbox;

typedef struct ptv_vocabulary {
    void (*open)(lua_State *L); /* the table of words is on top: add to it. Jumps on error */
    lua_CFunction unknown;      /* (words, name): a name that is no word; returns its value */
    lua_CFunction assign;       /* (env, name, value): a global was assigned; returns nothing */
} ptv_vocabulary;

/* `file` is borrowed and named in errors; `owner` is what ptv_sandbox_owner() hands to the vocabulary. PTV_ENOMEM. */
ptv_code ptv_sandbox_new(ptv_sandbox **out, const char *file, const ptv_vocabulary *words, void *owner, ptv_error *err);
void ptv_sandbox_free(ptv_sandbox *sb); /* NULL is fine */

/* Compile text, then run it once. Errors, without the file's name: PTV_ERULES (compile: syntax; run: what the file raised),
 * PTV_ELIMIT (which limit), PTV_ENOMEM; err->detail is the line, 0 when there is none. */
ptv_code ptv_sandbox_compile(ptv_sandbox *sb, const char *source, size_t len, ptv_error *err);
ptv_code ptv_sandbox_run(ptv_sandbox *sb, ptv_error *err);
/* Run a C function of ours with one light userdata in the sandbox; `limited`: with a fresh budget, as one call. */
ptv_code ptv_sandbox_call(ptv_sandbox *sb, lua_CFunction f, void *arg, bool limited, ptv_error *err);
/* The file has been loaded: words no longer work, and what loading left behind is collected. */
void ptv_sandbox_close_words(ptv_sandbox *sb);
void ptv_sandbox_collect(ptv_sandbox *sb); /* after a call: free what it left behind, when that is much */

bool ptv_sandbox_is_loading(const ptv_sandbox *sb); /* false once the words are closed */

unsigned long ptv_sandbox_instructions(const ptv_sandbox *sb); /* charged by the last run or call */
size_t ptv_sandbox_peak_bytes(const ptv_sandbox *sb);          /* since the state was made */

/* For vocabularies, inside Lua calls. */
void *ptv_sandbox_owner(lua_State *L); /* jumps on error: inside a custom function there are no words */
void ptv_sandbox_charge(lua_State *L,
                        size_t bytes); /* own functions cost an instruction and one for every 32 bytes; jumps on error */
void ptv_sandbox_charge_memory(lua_State *L, size_t bytes); /* memory outside the state costs what memory inside does */
void ptv_sandbox_trust(lua_State *L, bool on);              /* blocks of ours (a record's lists) may be larger than 64 KB */
int ptv_sandbox_line(lua_State *L);                         /* line of the Lua function that called us; 0: none */
void ptv_sandbox_open_library(lua_State *L);                /* library.c: adds to the table on top; jumps on error */
void ptv_sandbox_push_env(lua_State *L);                    /* the table that a file sees as _ENV */
ptv_sandbox *ptv_sandbox_of(lua_State *L);

/* custom.c: conditions that words cannot say. Takes the function at `index`; fields are the arena's. Jumps on error. */
ptv_custom *ptv_custom_new(lua_State *L, int index, ptv_arena *mem, const char *file, const ptv_field *const *fields,
                           size_t count, int line); /* NULL: arena full */
/* After the file has run: note what the function captured, to put it back before each call. PTV_ERULES: it captures what it
 * may not, "captures the table 'seen': …". */
ptv_code ptv_custom_seal(ptv_custom *c, ptv_error *err);
/*
 * Run it on a record of which every field named is readable. `*out` is yes, no or unsure (it returned nil); `*reason` is
 * what it said, in `mem`, or NULL. Errors: PTV_ELIMIT, PTV_ERULES (it raised an error, or returned what it may not),
 * PTV_ENOMEM; the text begins with file:line.
 */
ptv_code ptv_custom_run(ptv_truth *out, const char **reason, ptv_arena *mem, const ptv_custom *c, const ptv_record *r,
                        ptv_error *err);

#endif
