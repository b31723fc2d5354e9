/*
 * problem.c: how a mistake in a rule file is told, and memory that outlives the file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/findings.h"
#include "base/text.h"
#include "rules/loading.h"
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

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

_Noreturn void ptv_no_memory(lua_State *L, ptv_loading *l)
{
    l->set->no_memory = true;
    luaL_error(L, "no memory left for the rule set");
    __builtin_unreachable();
}

void *ptv_keep(lua_State *L, ptv_loading *l, size_t size)
{
    ptv_sandbox_charge_memory(L, size);
    void *p = ptv_arena_calloc(l->mem, 1, size ? size : 1);
    if (!p)
        ptv_no_memory(L, l);
    return p;
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
