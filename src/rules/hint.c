/*
 * hint.c: Lua says "'}' expected near 'hit'"; an analyst forgot a comma. What people usually mean by a syntax error.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include "rules/lex.h"
#include "rules/scan.h"
#include "rules/tree.h"
#include <string.h>

/* Bytes outside texts and comments that only look like Lua's; their line, 0: none. */
static int find_sign(const ptv_tokens *tokens, const char *source, size_t len, const char *sign)
{
    for (size_t i = 0; i + 1 < tokens->count; i++) {
        const ptv_token *t = &tokens->items[i];
        size_t left = (size_t)(source + len - t->at);
        if (t->kind == PTV_TOK_SIGN && left >= strlen(sign) && memcmp(t->at, sign, strlen(sign)) == 0)
            return t->line;
    }
    return 0;
}

static bool is_test(const ptv_token *t)
{
    for (int op = PTV_OP_AT_LEAST_OF; op < PTV_OP_CUSTOM; op++)
        if (t->kind == PTV_TOK_NAME && ptv_token_is(t, ptv_op_name((ptv_op)op)))
            return true;
    return false;
}

/* `at_least 10`, `within 30d`, `has_any list "bad"` on the line of the error. */
static const char *bracket_slip(ptv_arena *mem, const ptv_tokens *tokens, int line)
{
    for (size_t i = 1; i + 1 < tokens->count; i++) {
        const ptv_token *t = &tokens->items[i];
        if (t->line < line - 1 || t->line > line)
            continue;
        if (is_test(t - 1) && (ptv_token_is(t, "list") || ptv_token_is(t, "setting")))
            return ptv_arena_printf(mem, "a word behind a test needs round brackets: %s(%s …)", ptv_token_text(mem, t - 1),
                                    ptv_token_text(mem, t));
        if (t->kind != PTV_TOK_NUMBER)
            continue;
        char *number = ptv_token_text(mem, t);
        int64_t seconds;
        bool by_day;
        if (ptv_duration_parse(&seconds, &by_day, number))
            return ptv_arena_printf(mem, "a duration needs quotes: \"%s\"", number);
        if (is_test(t - 1))
            return ptv_arena_printf(mem, "numbers need round brackets: %s(%s)", ptv_token_text(mem, t - 1), number);
    }
    return NULL;
}

static bool is_form(const ptv_token *t)
{
    return ptv_token_is(t, "rule") || ptv_token_is(t, "allow") || ptv_token_is(t, "case");
}

/* `# a comment`, `// a comment`, `- a comment`: where a comment could begin, and nothing of ours does. */
static const char *comment_slip(const ptv_tokens *tokens, int line)
{
    for (size_t i = 0; i + 1 < tokens->count; i++) {
        const ptv_token *t = &tokens->items[i];
        bool first = i == 0 || t[-1].line < t->line;
        bool like_one = ptv_token_is(t, "#") || ptv_token_is(t, "//") || (first && ptv_token_is(t, "-"));
        if (like_one && (first || ptv_token_is(t - 1, ",")) && (t->line == line || t->line == line - 1))
            return "a comment starts with two dashes: -- …";
    }
    return NULL;
}

/* `rule bad-tag {`, `rule "a" ( … )`, `all [ … ]`. */
static const char *form_slip(ptv_arena *mem, const ptv_tokens *tokens, int line)
{
    for (size_t i = 1; i + 1 < tokens->count; i++) {
        const ptv_token *t = &tokens->items[i], *before = t - 1;
        bool named = is_form(before) || ptv_token_is(before, "list") || ptv_token_is(before, "setting");
        if (named && t->kind == PTV_TOK_NAME && t->line == line)
            return ptv_arena_printf(mem, "a name stands in double quotes: %s \"%s…\"", ptv_token_text(mem, before),
                                    ptv_token_text(mem, t));
        if (is_form(before) && t->kind == PTV_TOK_TEXT && ptv_token_is(t + 1, "(") && !ptv_token_is(t + 2, "{"))
            return ptv_arena_printf(mem, "a form stands in curly brackets: %s \"%s\" { … }", ptv_token_text(mem, before),
                                    ptv_token_text(mem, t));
        bool listed = is_test(before) || ptv_token_is(before, "all") || ptv_token_is(before, "any") ||
                      ptv_token_is(before, "none") || ptv_token_is(before, "=");
        if (listed && ptv_token_is(t, "["))
            return "a list stands in curly brackets: { …, … }";
    }
    return NULL;
}

/* `severity: "high"`, `when : …`. */
static const char *colon_slip(ptv_arena *mem, const ptv_tokens *tokens, int line)
{
    for (size_t i = 1; i + 1 < tokens->count; i++) {
        const ptv_token *t = &tokens->items[i], *before = t - 1, *behind = t + 1;
        if (t->line != line || !ptv_token_is(t, ":") || before->kind != PTV_TOK_NAME ||
            ptv_field_find(ptv_token_text(mem, before)))
            continue;
        if (behind->kind == PTV_TOK_TEXT || ptv_token_is(behind, "{"))
            return ptv_arena_printf(mem, "a key is followed by '=': %s = …", ptv_token_text(mem, before));
    }
    for (size_t i = 1; i + 1 < tokens->count; i++) {
        const ptv_token *t = &tokens->items[i];
        bool joined = ptv_token_is(t, "=") || t->kind == PTV_TOK_NAME;
        if (t->line == line && joined && is_test(t + 1) && (t + 1)->line == line)
            return ptv_arena_printf(mem, "a test follows ':', as in tags:%s …", ptv_token_text(mem, t + 1));
    }
    return NULL;
}

/* Where Lua stopped, a new item could begin, and the one before it has just ended. */
static const char *missing_comma(ptv_arena *mem, const ptv_tokens *tokens, int line, const char *lua_message)
{
    const char *near = strstr(lua_message, " near '");
    if (!near || !strstr(lua_message, "expected") || lua_message[strlen(lua_message) - 1] != '\'')
        return NULL;
    near += strlen(" near '");
    size_t near_len = strlen(near) - 1;
    for (size_t i = 1; i + 1 < tokens->count; i++) {
        const ptv_token *t = &tokens->items[i], *before = t - 1;
        bool begins = t->kind == PTV_TOK_NAME || t->kind == PTV_TOK_TEXT || t->kind == PTV_TOK_NUMBER ||
                      ptv_token_is(t, "{") || ptv_token_is(t, "not") || ptv_token_is(t, "function");
        bool ends = before->kind == PTV_TOK_TEXT || before->kind == PTV_TOK_NUMBER || before->kind == PTV_TOK_NAME ||
                    ptv_token_is(before, "}") || ptv_token_is(before, ")") || ptv_token_is(before, "end") ||
                    ptv_token_is(before, "true") || ptv_token_is(before, "false") || ptv_token_is(before, "nil");
        size_t quote = t->kind == PTV_TOK_TEXT;
        bool here = near_len == t->len + 2 * quote && memcmp(near + quote, t->at, t->len) == 0;
        if (t->line != line || !begins || !ends || !here)
            continue;
        if (before->line != line && is_form(t)) /* the one before it is not closed */
            return NULL;
        if (before->kind == PTV_TOK_TEXT && t->kind == PTV_TOK_NAME && t->at == before->at + before->len + 1)
            return ptv_arena_printf(mem, "the text before %s ends there: a quote is missing, or is one too many",
                                    ptv_token_text(mem, t));
        if (before->line == line && before->kind == PTV_TOK_NAME && t->kind == PTV_TOK_NAME)
            return ptv_arena_printf(mem, "a comma is missing before %s (or '_', where it is one word: %s_%s)",
                                    ptv_token_text(mem, t), ptv_token_text(mem, before), ptv_token_text(mem, t));
        return before->line == line
                   ? ptv_arena_printf(mem, "a comma is missing before %.*s", (int)(t->len < 40 ? t->len : 40), t->at)
                   : ptv_arena_printf(mem, "a comma is missing at the end of line %d", before->line);
    }
    return NULL;
}

/* Brackets that do not pair. */
static const char *missing_bracket(ptv_arena *mem, const ptv_tokens *tokens)
{
    enum { DEEPEST = 200 };
    const ptv_token *open[DEEPEST];
    size_t depth = 0;
    for (size_t i = 0; i + 1 < tokens->count; i++) {
        const ptv_token *t = &tokens->items[i];
        if (t->kind != PTV_TOK_SIGN || t->len != 1 || !*t->at || !strchr("{}()", *t->at))
            continue;
        if (*t->at == '{' || *t->at == '(') {
            if (depth == DEEPEST)
                return NULL;
            open[depth++] = t;
        } else if (depth == 0) {
            return ptv_arena_printf(mem, "'%c' on line %d closes nothing", *t->at, t->line);
        } else if (*open[--depth]->at != (*t->at == '}' ? '{' : '(')) {
            return ptv_arena_printf(mem, "'%c' of line %d is not closed before '%c' on line %d", *open[depth]->at,
                                    open[depth]->line, *t->at, t->line);
        }
    }
    return depth ? ptv_arena_printf(mem, "'%c' of line %d is never closed", *open[depth - 1]->at, open[depth - 1]->line)
                 : NULL;
}

const char *ptv_scan_hint(ptv_arena *mem, const char *source, size_t len, int line, const char *lua_message)
{
    static const struct {
        const char *sign, *hint;
    } signs[] = {
        { "\xe2\x80\x9c", "typographic quotes on line %d: type plain \" instead" },
        { "\xe2\x80\x9d", "typographic quotes on line %d: type plain \" instead" },
        { "\xe2\x80\x9e", "typographic quotes on line %d: type plain \" instead" },
        { "\xe2\x80\x98", "typographic quotes on line %d: type plain \" instead" },
        { "\xe2\x80\x99", "typographic quotes on line %d: type plain \" instead" },
        { "\xc2\xab", "typographic quotes on line %d: type plain \" instead" },
        { "\xc2\xa0", "a non-breaking blank on line %d: delete it and type a plain blank" },
        { "\xe2\x80\xaf", "a non-breaking blank on line %d: delete it and type a plain blank" },
        { "\xe2\x80\x8b", "an invisible blank on line %d: delete it" },
        { "\xef\xbb\xbf", "an invisible byte order mark on line %d: delete it" },
    };
    ptv_tokens tokens;
    if (ptv_text_starts(lua_message, "attempt to load a binary chunk"))
        return "this is compiled Lua, and rules are text";
    if (!ptv_lex(&tokens, mem, source, len))
        return NULL;
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        int at = find_sign(&tokens, source, len, signs[i].sign);
        if (at && at <= line) {
            const char *mark = strstr(signs[i].hint, "%d");
            return ptv_arena_printf(mem, "%.*s%d%s", (int)(mark - signs[i].hint), signs[i].hint, at, mark + 2);
        }
    }
    const char *hint = comment_slip(&tokens, line);
    if (!hint)
        hint = form_slip(mem, &tokens, line);
    if (!hint)
        hint = bracket_slip(mem, &tokens, line);
    if (!hint)
        hint = colon_slip(mem, &tokens, line);
    if (!hint)
        hint = missing_comma(mem, &tokens, line, lua_message);
    if (!hint)
        hint = missing_bracket(mem, &tokens);
    return hint;
}
