/*
 * scan.c: reads the expressions of a rule file outside functions, with Lua's own precedence, to find what Lua swallows.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/scan.h"
#include "base/text.h"
#include "rules/lex.h"
#include "rules/scan_custom.h"
#include "rules/tree.h"
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 200, LOCALS = 256, TABLES_LOOKED_AT = 1000 };

typedef enum kind { OTHER, GROUP, FIELD, TEST, COND, CALLABLE } kind; /* CALLABLE: all, at_least_of(2), rule "x" */

typedef struct value {
    const char *text;            /* of a field: passive_dns.count; of a callable: its name */
    const char *id;              /* the text it was called with last: rule "id" */
    const ptv_scan_table *table; /* it is this table, or a call with it */
    size_t first, last;          /* tokens */
    kind kind;
    int local_line; /* where the local that holds it was made */
    bool slipped;   /* said already */
} value;

typedef struct parser {
    ptv_arena *mem;
    ptv_tokens tokens;
    size_t at;
    int depth;
    bool stopped; /* too deep for Lua as well, or no memory */
    bool no_memory;
    ptv_scan_table *first_table, **tables_end;
    ptv_scan_slip *first_slip, **slips_end;
    ptv_token_set declared; /* made for the first custom function */
    struct {
        const ptv_token *name;
        value value;
    } locals[LOCALS];
    size_t local_count;
} parser;

static const ptv_token *now(const parser *p)
{
    return &p->tokens.items[p->at];
}

static bool see(const parser *p, const char *text)
{
    return ptv_token_is(now(p), text);
}

static void step(parser *p)
{
    if (now(p)->kind != PTV_TOK_END)
        p->at++;
}

static bool accept(parser *p, const char *text)
{
    if (!see(p, text))
        return false;
    step(p);
    return true;
}

static void *keep(parser *p, size_t count, size_t size)
{
    void *kept = ptv_arena_calloc(p->mem, count, size);
    if (!kept)
        p->stopped = p->no_memory = true;
    return kept;
}

/* Lines first to last are silent about what the slip entails. */
static ptv_scan_slip *slip(parser *p, const char *code, int line, int first, int last, const char *message)
{
    ptv_scan_slip *s = message ? keep(p, 1, sizeof *s) : NULL;
    if (!s) {
        p->stopped = p->no_memory = true;
        return NULL;
    }
    *s = (ptv_scan_slip){ .code = code, .line = line, .first_line = first, .last_line = last, .message = message };
    *p->slips_end = s;
    p->slips_end = &s->next;
    return s;
}

static value parse(parser *p, int limit, const char *place);

/* ----------------------------------------------------------------------------------------------- slips */

static int line_of(const parser *p, size_t token)
{
    return p->tokens.items[token].line;
}

static bool is_ours(const value *v)
{
    return v->kind == FIELD || v->kind == COND || v->kind == TEST;
}

/* The operand as written, when it is one token. */
static const char *written(parser *p, const value *v)
{
    const ptv_token *t = &p->tokens.items[v->first];
    if (v->first != v->last)
        return "…";
    char *text = ptv_token_text(p->mem, t);
    if (t->kind != PTV_TOK_TEXT)
        return text;
    text = ptv_arena_printf(p->mem, "\"%s\"", text);
    return text ? text : "…";
}

static const char *instead_of(parser *p, const char *sign, const value *ours, const value *other)
{
    const ptv_field *f = ours->kind == FIELD ? ptv_field_find(ours->text) : NULL;
    const char *text = written(p, other), *test = NULL;
    ptv_type type = f ? f->type : PTV_NUMBER; /* counted rows have no field of their name */
    if (ours->kind != FIELD)
        return "none { … } to turn a condition round";
    if (strcmp(text, "nil") == 0)
        return ptv_arena_printf(p->mem, "%s:%s()", ours->text, *sign == '~' ? "is_present" : "is_missing");
    int64_t n;
    bool whole = ptv_int_parse(&n, text) && n > INT32_MIN && n < INT32_MAX;
    if (type == PTV_NUMBER || type == PTV_RECORDS) {
        const char *count = type == PTV_RECORDS ? ":count{}" : "";
        if (*sign == '=')
            test = ptv_arena_printf(p->mem, "%s%s:equals(%s)", ours->text, count, text);
        else if (*sign == '~')
            test = ptv_arena_printf(p->mem, "none { %s%s:equals(%s) }", ours->text, count, text);
        else if (whole)
            test = ptv_arena_printf(p->mem, "%s%s:%s(%lld)", ours->text, count, *sign == '>' ? "at_least" : "at_most",
                                    (long long)(sign[1]        ? n
                                                : *sign == '>' ? n + 1
                                                               : n - 1));
        else
            test = ptv_arena_printf(p->mem, "%s%s:%s(%s)", ours->text, count, *sign == '>' ? "at_least" : "at_most", text);
        return test;
    }
    if (type == PTV_TIME)
        return ptv_arena_printf(p->mem, "%s:within \"30d\", older_than, before or after", ours->text);
    if (type == PTV_SET)
        return ptv_arena_printf(p->mem, "%s:%s { %s }", ours->text, *sign == '~' ? "has_none" : "has_any", text);
    if (type == PTV_YESNO)
        return ptv_arena_printf(p->mem, "%s:is(%s)", ours->text, text);
    return ptv_arena_printf(p->mem, "%s:%s %s", ours->text, *sign == '~' ? "is_not" : "is", text);
}

/* `field > 5` or `5 < field`: a boolean, or an error of Lua's. */
static void slip_compare(parser *p, const ptv_token *sign, const value *left, const value *right, const char *place)
{
    static const char *const turned[][2] = { { "<", ">" }, { ">", "<" }, { "<=", ">=" }, { ">=", "<=" } };
    char *as_written = ptv_token_text(p->mem, sign);
    const char *facing = as_written;
    bool left_is_ours = is_ours(left);
    for (size_t i = 0; i < 4 && !left_is_ours; i++)
        if (strcmp(as_written, turned[i][0]) == 0) {
            facing = turned[i][1];
            break;
        }
    const char *better = instead_of(p, facing, left_is_ours ? left : right, left_is_ours ? right : left);
    slip(p, "E-COND", line_of(p, left->first), line_of(p, left->first), line_of(p, right->last),
         ptv_arena_printf(p->mem, "%s is a boolean, not a condition; write %s, not %s", place ? place : "this",
                          better ? better : "a test", as_written));
}

static void slip_logic(parser *p, bool is_and, const value *left, const value *right)
{
    const char *message = is_and ? "this condition is used nowhere; 'and' keeps only the last test: write all { …, … }"
                                 : "this condition is used nowhere; 'or' keeps only the first test: write any { …, … }";
    ptv_scan_slip *s = slip(p, "E-UNUSED", line_of(p, is_and ? left->first : right->first), line_of(p, left->first),
                            line_of(p, right->last), message);
    if (s) {
        s->local_lines[0] = left->local_line;
        s->local_lines[1] = right->local_line;
    }
}

/* ----------------------------------------------------------------------------------------------- tables */

static int by_key(const void *a, const void *b)
{
    const ptv_scan_item *x = *(const ptv_scan_item *const *)a, *y = *(const ptv_scan_item *const *)b;
    int order = strcmp(x->key, y->key);
    return order ? order : x < y ? -1 : x > y;
}

static void check_doubles(parser *p, ptv_scan_table *t, size_t count)
{
    const ptv_scan_item **keyed = keep(p, count + 1, sizeof *keyed);
    size_t kept = 0;
    if (!keyed)
        return;
    for (const ptv_scan_item *i = t->items; i; i = i->next)
        if (i->key)
            keyed[kept++] = i;
    qsort(keyed, kept, sizeof *keyed, by_key);
    for (size_t i = 1; i < kept; i++) {
        const ptv_scan_item *a = keyed[i - 1], *b = keyed[i];
        if (strcmp(a->key, b->key) != 0)
            continue;
        int line = a->line > b->line ? a->line : b->line, other = a->line > b->line ? b->line : a->line;
        const ptv_scan_slip *s =
            slip(p, "E-DUP", line, other, other, /* the condition that is lost is used nowhere, too */
                 ptv_arena_printf(p->mem, "key '%.80s' is there already, on line %d: only one of the two would count",
                                  a->key, other));
        if (!t->doubled)
            t->doubled = s;
    }
}

static bool is_combinator(const char *name)
{
    return name && (!strcmp(name, "all") || !strcmp(name, "any") || !strcmp(name, "none") || !strcmp(name, "at_least_of"));
}

static const char *place_in(parser *p, const ptv_scan_table *t, const ptv_scan_item *item)
{
    if (item->key)
        return ptv_arena_printf(p->mem, "'%.80s'", item->key);
    return is_combinator(t->head) ? ptv_arena_printf(p->mem, "item %zu of %s{}", item->index, t->head) : NULL;
}

static const ptv_scan_table *parse_table(parser *p, const char *head, const char *id, int line)
{
    ptv_scan_table *t = keep(p, 1, sizeof *t);
    if (!t)
        return NULL;
    *t = (ptv_scan_table){ .head = head, .id = id, .line = line };
    *p->tables_end = t;
    p->tables_end = &t->next;
    ptv_scan_item **end = &t->items;
    size_t index = 0, count = 0;
    for (step(p); !p->stopped && !see(p, "}") && now(p)->kind != PTV_TOK_END; count++) {
        ptv_scan_item *item = keep(p, 1, sizeof *item);
        if (!item)
            return t;
        const ptv_token *next = &p->tokens.items[p->at + (now(p)->kind != PTV_TOK_END)];
        if (now(p)->kind == PTV_TOK_NAME && ptv_token_is(next, "=")) {
            item->key = ptv_token_text(p->mem, now(p));
            p->at += 2;
        } else if (accept(p, "[")) {
            value key = parse(p, 0, NULL);
            const ptv_token *only = &p->tokens.items[key.first];
            item->key = key.first == key.last && only->kind == PTV_TOK_TEXT ? ptv_token_text(p->mem, only) : NULL;
            accept(p, "]");
            accept(p, "=");
        } else
            item->index = ++index;
        item->line = now(p)->line;
        size_t before = p->at;
        item->table = parse(p, 0, place_in(p, t, item)).table;
        *end = item;
        end = &item->next;
        if (!accept(p, ",") && !accept(p, ";") && p->at == before)
            step(p);
    }
    accept(p, "}");
    check_doubles(p, t, count);
    return t;
}

/* ----------------------------------------------------------------------------------------- expressions */

/* From `function` to behind its `end`. */
static void skip_function(parser *p)
{
    size_t open = 0;
    do {
        if (see(p, "function") || see(p, "if") || see(p, "do") || see(p, "repeat"))
            open++;
        else if (see(p, "end") || see(p, "until"))
            open--;
        step(p);
    } while (open && now(p)->kind != PTV_TOK_END);
}

/* ( … ) behind a name. A table in it belongs to the name: rule("x", { … }). */
static void parse_arguments(parser *p, value *callee, int line)
{
    bool custom = callee->text && strcmp(callee->text, "custom") == 0;
    size_t fields_first = 0, fields_last = 0, count = 0;
    step(p);
    while (!p->stopped && !see(p, ")") && now(p)->kind != PTV_TOK_END) {
        size_t before = p->at;
        if (see(p, "{")) {
            callee->table = parse_table(p, callee->text, callee->id, line);
        } else if (custom && see(p, "function")) {
            skip_function(p);
            if (!p->declared.items && !ptv_declared_find(&p->declared, p->mem, &p->tokens)) {
                p->stopped = p->no_memory = true;
                return;
            }
            ptv_custom_scan scan = { .mem = p->mem,
                                     .tokens = p->tokens,
                                     .declared = p->declared,
                                     .fields_first = fields_first,
                                     .fields_last = fields_last,
                                     .first = before,
                                     .last = p->at };
            const char *message, *code;
            for (int at; (at = ptv_custom_scan_next(&scan, &code, &message));)
                slip(p, code, at, 0, -1, message);
        } else {
            const ptv_token *t = now(p);
            value v = parse(p, 0, NULL);
            if (count == 0 && v.first == v.last && t->kind == PTV_TOK_TEXT)
                callee->id = ptv_token_text(p->mem, t);
        }
        if (count++ == 0) {
            fields_first = before;
            fields_last = p->at;
        }
        if (!accept(p, ",") && p->at == before)
            step(p);
    }
    accept(p, ")");
}

static const value *find_local(const parser *p, const ptv_token *name)
{
    for (size_t i = p->local_count; i-- > 0;)
        if (p->locals[i].name->len == name->len && memcmp(p->locals[i].name->at, name->at, name->len) == 0)
            return &p->locals[i].value;
    return NULL;
}

static value parse_name(parser *p)
{
    const value *local = find_local(p, now(p));
    value v = { .first = p->at, .last = p->at };
    if (local) {
        v.kind = local->kind;
        v.text = local->text;
        v.local_line = local->local_line;
    } else {
        v.text = ptv_token_text(p->mem, now(p));
        v.kind = ptv_field_find(v.text) ? FIELD : CALLABLE;
        for (size_t i = 0; i < ptv_field_count && v.kind == CALLABLE; i++)
            if (ptv_text_starts(ptv_fields[i].name, v.text) && ptv_fields[i].name[strlen(v.text)] == '.')
                v.kind = GROUP;
    }
    step(p);
    return v;
}

static value parse_primary(parser *p, const char *place)
{
    value v = { .first = p->at, .last = p->at };
    if (now(p)->kind == PTV_TOK_NAME)
        return parse_name(p);
    if (see(p, "{")) {
        v.table = parse_table(p, NULL, NULL, now(p)->line);
    } else if (see(p, "function")) {
        skip_function(p);
    } else if (accept(p, "(")) {
        size_t first = v.first;
        v = parse(p, 0, place);
        v.first = first;
        accept(p, ")");
    } else if (now(p)->kind == PTV_TOK_TEXT || now(p)->kind == PTV_TOK_NUMBER || see(p, "nil") || see(p, "true") ||
               see(p, "false") || see(p, "..."))
        step(p);
    v.last = p->at > v.first ? p->at - 1 : v.first;
    return v;
}

/* field.name: a deeper field, or a test. */
static void member(parser *p, value *v, const ptv_token *name)
{
    char *word = ptv_token_text(p->mem, name);
    char *path = v->kind == GROUP || v->kind == FIELD ? ptv_arena_printf(p->mem, "%s.%s", v->text, word) : NULL;
    if (path && ptv_field_find(path)) {
        v->kind = FIELD;
        v->text = path;
    } else if (v->kind == FIELD && strcmp(word, "matched") != 0) {
        v->kind = TEST;
        v->text = word;
    } else
        v->kind = OTHER;
}

static bool is_call(const parser *p)
{
    return see(p, "(") || see(p, "{") || now(p)->kind == PTV_TOK_TEXT;
}

/* What follows the name of a method or a callable, and what the call gives. */
static void call(parser *p, value *v, int line)
{
    const ptv_token *t = now(p);
    kind before = v->kind;
    v->table = NULL;
    if (see(p, "{"))
        v->table = parse_table(p, v->text, v->id, line);
    else if (t->kind == PTV_TOK_TEXT) {
        v->id = ptv_token_text(p->mem, t);
        step(p);
    } else
        parse_arguments(p, v, line);
    if (before == TEST)
        v->kind = COND;
    else if (before == CALLABLE && ((is_combinator(v->text) && v->table) || strcmp(v->text, "custom") == 0))
        v->kind = COND;
    else if (before != CALLABLE)
        v->kind = OTHER;
}

static value parse_suffixed(parser *p, const char *place)
{
    int line = now(p)->line;
    value v = parse_primary(p, place);
    while (!p->stopped) {
        size_t before = p->at;
        if (accept(p, ".")) {
            if (now(p)->kind == PTV_TOK_NAME) {
                member(p, &v, now(p));
                step(p);
            }
        } else if (see(p, ":") && p->tokens.items[p->at + 1].kind == PTV_TOK_NAME) {
            step(p);
            bool field = v.kind == FIELD;
            const char *of = v.text;
            v.text = ptv_token_text(p->mem, now(p));
            v.kind = field ? TEST : OTHER;
            v.id = NULL;
            step(p);
            if (is_call(p)) {
                bool counted = field && strcmp(v.text, "count") == 0;
                const char *test = v.text;
                call(p, &v, line);
                if (counted) {
                    v.kind = FIELD;
                    v.text = ptv_arena_printf(p->mem, "%s:%s{…}", of, test);
                    p->stopped |= p->no_memory |= !v.text;
                }
            }
        } else if (accept(p, "[")) {
            parse(p, 0, NULL);
            accept(p, "]");
            v.kind = OTHER;
        } else if (is_call(p) && (v.kind == CALLABLE || v.kind == TEST || v.kind == OTHER) && v.text) {
            call(p, &v, line);
        } else if (is_call(p) && v.kind == COND) {
            call(p, &v, line); /* a missing comma: the run will say so */
        } else
            break;
        if (p->at == before)
            break;
        v.last = p->at - 1;
    }
    return v;
}

static const struct {
    const char *sign;
    int left, right;
} operators[] = {
    { "or", 1, 1 },  { "and", 2, 2 }, { "<", 3, 3 },   { ">", 3, 3 },   { "<=", 3, 3 },   { ">=", 3, 3 },  { "~=", 3, 3 },
    { "==", 3, 3 },  { "|", 4, 4 },   { "~", 5, 5 },   { "&", 6, 6 },   { "<<", 7, 7 },   { ">>", 7, 7 },  { "..", 9, 8 },
    { "+", 10, 10 }, { "-", 10, 10 }, { "*", 11, 11 }, { "/", 11, 11 }, { "//", 11, 11 }, { "%", 11, 11 }, { "^", 14, 13 },
};
enum { OPERATORS = sizeof operators / sizeof *operators, UNARY = 12, COMPARISON = 3 };

static int operator_at(const parser *p)
{
    for (int i = 0; i < OPERATORS; i++)
        if (see(p, operators[i].sign))
            return i;
    return -1;
}

static value parse_operand(parser *p, const char *place)
{
    size_t first = p->at;
    bool not = see(p, "not");
    if (!not &&!see(p, "-") && !see(p, "#") && !see(p, "~"))
        return parse_suffixed(p, place);
    step(p);
    value v = parse(p, UNARY, NULL);
    if (not &&!p->stopped && is_ours(&v)) {
        slip(p, "E-COND", line_of(p, first), line_of(p, first), line_of(p, v.last),
             ptv_arena_printf(p->mem, "%s is a boolean, not a condition; write none { … }, not 'not'",
                              place ? place : "this"));
        return (value){ .first = first, .last = v.last, .slipped = true };
    }
    return (value){ .first = first, .last = v.last, .slipped = v.slipped };
}

static value parse(parser *p, int limit, const char *place)
{
    if (++p->depth > DEEPEST)
        p->stopped = true;
    if (p->stopped) {
        p->depth--;
        return (value){ .first = p->at, .last = p->at };
    }
    value left = parse_operand(p, place);
    for (int op; !p->stopped && (op = operator_at(p)) >= 0 && operators[op].left > limit;) {
        const ptv_token *sign = now(p);
        step(p);
        value right = parse(p, operators[op].right, place);
        if (p->stopped)
            break;
        bool ours = is_ours(&left) || is_ours(&right), said = left.slipped || right.slipped;
        value both = { .first = left.first, .last = right.last, .slipped = said };
        if (ours && op <= 1) {
            if (!said)
                slip_logic(p, op == 1, &left, &right);
            both.slipped = true;
        } else if (ours && operators[op].left == COMPARISON) {
            slip_compare(p, sign, &left, &right, place);
            both.slipped = true;
        }
        left = both;
    }
    p->depth--;
    return left;
}

/* ------------------------------------------------------------------------------------------ statements */

static void remember(parser *p, const ptv_token *name, value v)
{
    if (p->local_count == LOCALS) { /* more than Lua allows in one function: forget the oldest half */
        memmove(p->locals, p->locals + LOCALS / 2, sizeof p->locals / 2);
        p->local_count = LOCALS / 2;
    }
    p->locals[p->local_count].name = name;
    p->locals[p->local_count++].value = v;
}

static void parse_local(parser *p)
{
    const ptv_token *names[16];
    size_t count = 0;
    step(p);
    if (see(p, "function")) {
        remember(p, &p->tokens.items[p->at + 1], (value){ 0 });
        skip_function(p);
        return;
    }
    while (now(p)->kind == PTV_TOK_NAME) {
        if (count < 16)
            names[count++] = now(p);
        step(p);
        if (accept(p, "<")) { /* local x <const> */
            step(p);
            accept(p, ">");
        }
        if (!accept(p, ","))
            break;
    }
    value values[16] = { 0 };
    size_t given = 0;
    if (accept(p, "="))
        do {
            value v = parse(p, 0, NULL);
            v.local_line = line_of(p, v.first);
            if (given < 16)
                values[given++] = v;
        } while (!p->stopped && accept(p, ","));
    for (size_t i = 0; i < count; i++)
        remember(p, names[i], values[i]);
}

static void parse_statement(parser *p)
{
    static const char *const skipped[] = { "then", "do",     "end",   "else",  "repeat", "break", "goto", ";", "::",
                                           "if",   "elseif", "while", "until", "return", "in",    "=",    "," };
    size_t before = p->at;
    if (see(p, "local")) {
        parse_local(p);
        return;
    }
    if (see(p, "function")) {
        skip_function(p);
        return;
    }
    if (accept(p, "for")) {
        for (; now(p)->kind == PTV_TOK_NAME; step(p)) {
            remember(p, now(p), (value){ 0 });
            if (!ptv_token_is(&p->tokens.items[p->at + 1], ","))
                continue;
            step(p);
        }
        return;
    }
    for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++)
        if (accept(p, skipped[i]))
            return;
    parse(p, 0, NULL);
    if (p->at == before)
        step(p);
}

const ptv_scan *ptv_scan_read(ptv_arena *mem, const char *source, size_t len)
{
    parser *p = ptv_arena_calloc(mem, 1, sizeof *p);
    ptv_scan *scan = ptv_arena_calloc(mem, 1, sizeof *scan);
    if (!p || !scan || !ptv_lex(&p->tokens, mem, source, len))
        return NULL;
    p->mem = mem;
    p->tables_end = &p->first_table;
    p->slips_end = &p->first_slip;
    while (!p->stopped && now(p)->kind != PTV_TOK_END)
        parse_statement(p);
    scan->line_count = p->tokens.items[p->tokens.count - 1].line + 1;
    scan->by_line = ptv_arena_calloc(mem, (size_t)scan->line_count, sizeof *scan->by_line);
    ptv_scan_table **ends = ptv_arena_calloc(mem, (size_t)scan->line_count, sizeof *ends);
    if (!scan->by_line || !ends)
        return NULL;
    for (ptv_scan_table *t = p->first_table; t; t = t->next) {
        if (ends[t->line])
            ends[t->line]->same_line = t;
        else
            scan->by_line[t->line] = t;
        ends[t->line] = t;
    }
    scan->slips = p->first_slip;
    return p->no_memory ? NULL : scan;
}

/* ---------------------------------------------------------------------------------------------- answers */

const ptv_scan_table *ptv_scan_find(const ptv_scan *s, const char *head, int line, const char *id)
{
    if (!s || line < 0 || line >= s->line_count)
        return NULL;
    int looked = 0;
    for (const ptv_scan_table *t = s->by_line[line]; t && looked++ < TABLES_LOOKED_AT; t = t->same_line)
        if (t->head && strcmp(t->head, head) == 0 && (!id || ptv_text_equal(t->id, id)))
            return t;
    return NULL;
}

const ptv_scan_item *ptv_scan_key(const ptv_scan_table *t, const char *key)
{
    for (const ptv_scan_item *i = t ? t->items : NULL; i; i = i->next)
        if (i->key && strcmp(i->key, key) == 0)
            return i;
    return NULL;
}

const ptv_scan_item *ptv_scan_nth(const ptv_scan_table *t, size_t index)
{
    for (const ptv_scan_item *i = t ? t->items : NULL; i; i = i->next)
        if (!i->key && i->index == index)
            return i;
    return NULL;
}

const ptv_scan_slip *ptv_scan_doubled(const ptv_scan_table *t, const char *besides)
{
    const ptv_scan_slip *found = t ? t->doubled : NULL;
    for (const ptv_scan_item *i = t ? t->items : NULL; i && !found; i = i->next)
        if (!i->key || !besides || strcmp(i->key, besides) != 0)
            found = ptv_scan_doubled(i->table, NULL);
    return found;
}

bool ptv_scan_slipped(const ptv_scan *s, int line)
{
    for (const ptv_scan_slip *slip_at = s ? s->slips : NULL; slip_at; slip_at = slip_at->next)
        if ((line >= slip_at->first_line && line <= slip_at->last_line) || line == slip_at->local_lines[0] ||
            line == slip_at->local_lines[1])
            return true;
    return false;
}
