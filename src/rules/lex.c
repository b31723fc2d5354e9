/*
 * lex.c: Lua source into tokens.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/lex.h"
#include <string.h>

typedef struct reader {
    const char *at, *end;
    int line;
} reader;

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char peek(const reader *r, size_t ahead)
{
    return (size_t)(r->end - r->at) > ahead ? r->at[ahead] : '\0';
}

/* `[[`, `[==[`: its level, or -1. */
static int long_bracket(const reader *r)
{
    size_t level = 0;
    if (peek(r, 0) != '[')
        return -1;
    while (peek(r, level + 1) == '=')
        level++;
    return peek(r, level + 1) == '[' ? (int)level : -1;
}

/* Behind `[==[`, to its end; returns the length of what is inside. */
static size_t skip_long(reader *r, int level)
{
    const char *start = r->at;
    for (; r->at < r->end; r->at++) {
        if (*r->at == '\n')
            r->line++;
        if (*r->at != ']')
            continue;
        int same = 0;
        while (peek(r, (size_t)same + 1) == '=')
            same++;
        if (same == level && peek(r, (size_t)level + 1) == ']') {
            size_t len = (size_t)(r->at - start);
            r->at += level + 2;
            return len;
        }
    }
    return (size_t)(r->at - start);
}

static void skip_blanks(reader *r)
{
    while (r->at < r->end) {
        if (*r->at == '\n') {
            r->line++;
            r->at++;
        } else if (*r->at == ' ' || *r->at == '\t' || *r->at == '\r' || *r->at == '\v' || *r->at == '\f') {
            r->at++;
        } else if (*r->at == '-' && peek(r, 1) == '-') {
            r->at += 2;
            int level = long_bracket(r);
            if (level >= 0) {
                r->at += level + 2;
                skip_long(r, level);
            } else
                while (r->at < r->end && *r->at != '\n')
                    r->at++;
        } else
            return;
    }
}

static bool is_keyword(const char *at, size_t len)
{
    static const char *const words[] = { "and",      "break",  "do",   "else", "elseif", "end",  "false", "for",
                                         "function", "goto",   "if",   "in",   "local",  "nil",  "not",   "or",
                                         "repeat",   "return", "then", "true", "until",  "while" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == len && memcmp(words[i], at, len) == 0)
            return true;
    return false;
}

static void read_text(reader *r, ptv_token *t)
{
    char quote = *r->at++;
    t->kind = PTV_TOK_TEXT;
    t->at = r->at;
    while (r->at < r->end && *r->at != quote && *r->at != '\n') {
        if (*r->at == '\\' && r->at + 1 < r->end) {
            r->at++;
            if (*r->at == '\n')
                r->line++;
        }
        r->at++;
    }
    t->len = (size_t)(r->at - t->at);
    if (r->at < r->end && *r->at == quote)
        r->at++;
}

static void read_token(reader *r, ptv_token *t)
{
    static const char *const signs[] = { "...", "..", "==", "~=", "<=", ">=", "//", "::", "<<", ">>" };
    *t = (ptv_token){ .line = r->line, .at = r->at, .len = 1, .kind = PTV_TOK_SIGN };
    if (is_letter(*r->at)) {
        while (is_letter(peek(r, 0)) || is_digit(peek(r, 0)))
            r->at++;
        t->len = (size_t)(r->at - t->at);
        t->kind = is_keyword(t->at, t->len) ? PTV_TOK_WORD : PTV_TOK_NAME;
    } else if (is_digit(*r->at) || (*r->at == '.' && is_digit(peek(r, 1)))) {
        while (is_letter(peek(r, 0)) || is_digit(peek(r, 0)) || peek(r, 0) == '.' ||
               ((peek(r, 0) == '+' || peek(r, 0) == '-') && strchr("eEpP", r->at[-1])))
            r->at++;
        t->len = (size_t)(r->at - t->at);
        t->kind = PTV_TOK_NUMBER;
    } else if (*r->at == '"' || *r->at == '\'') {
        read_text(r, t);
    } else if (long_bracket(r) >= 0) {
        int level = long_bracket(r);
        r->at += level + 2;
        t->kind = PTV_TOK_TEXT;
        t->at = r->at;
        t->len = skip_long(r, level);
    } else {
        for (size_t i = 0; i < sizeof signs / sizeof *signs && t->len == 1; i++)
            if ((size_t)(r->end - r->at) >= strlen(signs[i]) && memcmp(signs[i], r->at, strlen(signs[i])) == 0)
                t->len = strlen(signs[i]);
        r->at += t->len;
    }
}

bool ptv_lex(ptv_tokens *out, ptv_arena *mem, const char *source, size_t len)
{
    reader r = { .at = source, .end = source + len, .line = 1 };
    ptv_token *items = ptv_arena_alloc(mem, (len + 1) * sizeof *items);
    size_t count = 0;
    if (!items)
        return false;
    if (len >= 3 && memcmp(source, "\xef\xbb\xbf", 3) == 0)
        r.at += 3;
    for (skip_blanks(&r); r.at < r.end; skip_blanks(&r))
        read_token(&r, &items[count++]);
    items[count++] = (ptv_token){ .kind = PTV_TOK_END, .line = r.line, .at = r.end };
    *out = (ptv_tokens){ items, count };
    return true;
}

bool ptv_token_is(const ptv_token *t, const char *text)
{
    return t->kind != PTV_TOK_TEXT && t->kind != PTV_TOK_NUMBER && strlen(text) == t->len &&
           memcmp(text, t->at, t->len) == 0;
}

char *ptv_token_text(ptv_arena *mem, const ptv_token *t)
{
    static char nothing[1];
    char *text = ptv_arena_strndup(mem, t->at, t->len);
    return text ? text : nothing;
}
