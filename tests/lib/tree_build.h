/*
 * tree_build.h: rule trees and records built by hand, for tests of what judges them. The loader has its own tests.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_TEST_TREE_BUILD_H
#define PTV_TEST_TREE_BUILD_H
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "core/record_json.h"
#include "rules/tree.h"

#include <stdlib.h>

enum { TREE_MOST = 256 };

typedef struct tree {
    ptv_ruleset rs; /* its mem holds everything */
    const ptv_rule *rules[TREE_MOST];
    const ptv_allow *allows[TREE_MOST];
    const ptv_cond *nodes[8 * TREE_MOST];
} tree;

static inline void tree_init(tree *t)
{
    memset(t, 0, sizeof *t);
    t->rs.mem = (ptv_arena)PTV_ARENA(16 << 20);
    t->rs.rules = t->rules;
    t->rs.allows = t->allows;
    t->rs.nodes = t->nodes;
    t->rs.hasher = ptv_digest_new();
    snprintf(t->rs.digest, sizeof t->rs.digest, "digest of the rules");
    snprintf(t->rs.settings_digest, sizeof t->rs.settings_digest, "digest of the settings");
}

static inline void tree_release(tree *t)
{
    ptv_digest_free(t->rs.hasher);
    ptv_arena_release(&t->rs.mem);
}

static inline void *tree_new(tree *t, size_t size)
{
    void *p = ptv_arena_calloc(&t->rs.mem, 1, size);
    if (!p)
        abort();
    return p;
}

static inline ptv_cond *tree_node(tree *t, ptv_op op, const char *text)
{
    ptv_cond *c = tree_new(t, sizeof *c);
    *c = (ptv_cond){ .op = op, .text = text, .file = "by-hand.lua", .line = (int)t->rs.node_count + 1 };
    c->node = (unsigned)t->rs.node_count;
    t->nodes[t->rs.node_count++] = c;
    return c;
}

/* A test that takes nothing: is_missing, is_present. */
static inline ptv_cond *tree_leaf(tree *t, ptv_op op, const char *field)
{
    ptv_cond *c = tree_node(t, op, ptv_arena_printf(&t->rs.mem, "%s:%s", field, ptv_op_name(op)));
    c->field = ptv_field_find(field);
    if (!c->field)
        abort();
    c->sections = c->field->section == PTV_ALWAYS ? 0 : PTV_BIT(c->field->section);
    return c;
}

static inline int tree_by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Words separated by blanks, folded already. */
static inline ptv_args tree_words(tree *t, const char *words)
{
    ptv_args args = { .words = tree_new(t, 32 * sizeof *args.words) };
    while (*words) {
        size_t len = strcspn(words, " ");
        if (len)
            args.words[args.word_count++] = ptv_arena_strndup(&t->rs.mem, words, len);
        words += len + (words[len] == ' ');
    }
    qsort(args.words, args.word_count, sizeof *args.words, tree_by_bytes);
    return args;
}

static inline ptv_cond *tree_text(tree *t, ptv_op op, const char *field, const char *words)
{
    ptv_cond *c = tree_leaf(t, op, field);
    c->args = tree_words(t, words);
    return c;
}

static inline ptv_cond *tree_number(tree *t, ptv_op op, const char *field, double low, double high)
{
    ptv_cond *c = tree_leaf(t, op, field);
    c->args.low = low;
    c->args.high = high;
    return c;
}

static inline ptv_args tree_span(const char *span)
{
    ptv_args args = { 0 };
    if (!ptv_duration_parse(&args.span_s, &args.by_day, span))
        abort();
    return args;
}

static inline ptv_args tree_day(const char *day)
{
    int64_t utc;
    if (!ptv_time_parse(&utc, day, 0))
        abort();
    return (ptv_args){ .day = ptv_day_of(utc) };
}

/* within, older_than "30d"; before, after "2026-01-31". */
static inline ptv_cond *tree_time(tree *t, ptv_op op, const char *field, const char *value)
{
    ptv_cond *c = tree_leaf(t, op, field);
    c->args = op == PTV_OP_WITHIN || op == PTV_OP_OLDER_THAN ? tree_span(value) : tree_day(value);
    return c;
}

static inline ptv_cond *tree_yes(tree *t, const char *field, bool yes)
{
    ptv_cond *c = tree_leaf(t, PTV_OP_IS, field);
    c->args.yes = yes;
    return c;
}

static inline ptv_cond *tree_listed(tree *t, ptv_op op, const char *field, const ptv_indicators *list)
{
    ptv_cond *c = tree_leaf(t, op, field);
    c->args.indicators = list;
    return c;
}

/* One more column of the filter of a test of passive_dns.records. */
static inline ptv_cond *tree_column(tree *t, ptv_cond *c, ptv_op op, const char *column, const char *value)
{
    ptv_column_test *filter = tree_new(t, (c->filter_count + 1) * sizeof *filter);
    if (c->filter_count)
        memcpy(filter, c->filter, c->filter_count * sizeof *filter);
    ptv_column_test *test = &filter[c->filter_count];
    test->column = ptv_column_find(column);
    test->op = op;
    test->args = test->column->type != PTV_TIME                   ? tree_words(t, value)
                 : op == PTV_OP_WITHIN || op == PTV_OP_OLDER_THAN ? tree_span(value)
                                                                  : tree_day(value);
    c->filter = filter;
    c->filter_count++;
    return c;
}

static inline ptv_cond *tree_join(tree *t, ptv_op op, double n, const ptv_cond *const *kids)
{
    ptv_cond *c = tree_node(t, op, ptv_op_name(op));
    size_t count = 0;
    while (kids[count])
        count++;
    const ptv_cond **copy = tree_new(t, (count + 1) * sizeof *copy);
    memcpy(copy, kids, count * sizeof *copy);
    c->kids = copy;
    c->kid_count = count;
    c->args.low = n;
    for (size_t i = 0; i < count; i++)
        c->sections |= kids[i]->sections;
    return c;
}
#define KIDS(...)              ((const ptv_cond *const[]){ __VA_ARGS__, NULL })
#define ALL_OF(t, ...)         tree_join(t, PTV_OP_ALL, 0, KIDS(__VA_ARGS__))
#define ANY_OF(t, ...)         tree_join(t, PTV_OP_ANY, 0, KIDS(__VA_ARGS__))
#define NONE_OF(t, ...)        tree_join(t, PTV_OP_NONE, 0, KIDS(__VA_ARGS__))
#define AT_LEAST_OF(t, n, ...) tree_join(t, PTV_OP_AT_LEAST_OF, n, KIDS(__VA_ARGS__))

/* The rule is returned to be completed; levels are added highest first. */
static inline ptv_rule *tree_level(tree *t, ptv_rule *rule, ptv_level level, const ptv_cond *when)
{
    ptv_level_rule *levels = tree_new(t, (rule->level_count + 1) * sizeof *levels);
    if (rule->level_count)
        memcpy(levels, rule->levels, rule->level_count * sizeof *levels);
    levels[rule->level_count++] = (ptv_level_rule){ .level = level, .when = when };
    rule->levels = levels;
    rule->judged_sections |= when->sections;
    return rule;
}

static inline ptv_rule *tree_rule(tree *t, const char *id, ptv_level level, const ptv_cond *when)
{
    ptv_rule *rule = tree_new(t, sizeof *rule);
    rule->id = id;
    rule->title = id;
    rule->file = "by-hand.lua";
    rule->line = (int)t->rs.rule_count + 1;
    t->rules[t->rs.rule_count++] = rule;
    return when ? tree_level(t, rule, level, when) : rule;
}

static inline ptv_allow *tree_allow(tree *t, const char *id, const ptv_cond *when, const char *last_day)
{
    ptv_allow *allow = tree_new(t, sizeof *allow);
    *allow = (ptv_allow){ .id = id, .reason = "because", .owner = "netops", .file = "by-hand.lua", .line = 1, .when = when };
    allow->expires_day = tree_day(last_day).day;
    allow->artifact_only = when->sections == 0;
    t->allows[t->rs.allow_count++] = allow;
    return allow;
}

static inline ptv_piece tree_value(const char *field)
{
    return (ptv_piece){ .field = ptv_field_find(field), .first = -1 };
}

static inline ptv_piece tree_literal(const char *text)
{
    return (ptv_piece){ .literal = text, .first = -1 };
}

/* One line of a note or a hit value. */
static inline void tree_line(tree *t, ptv_template *to, bool optional, size_t count, const ptv_piece *pieces)
{
    ptv_template_line *lines = tree_new(t, (to->count + 1) * sizeof *lines);
    if (to->count)
        memcpy(lines, to->lines, to->count * sizeof *lines);
    ptv_piece *copy = tree_new(t, count * sizeof *copy);
    memcpy(copy, pieces, count * sizeof *copy);
    lines[to->count++] = (ptv_template_line){ .optional = optional, .pieces = copy, .count = count };
    to->lines = lines;
}
#define LINE(t, to, optional, ...)                                                                                          \
    tree_line(t, to, optional, sizeof((ptv_piece[]){ __VA_ARGS__ }) / sizeof(ptv_piece), (ptv_piece[]){ __VA_ARGS__ })

/* A hit item with the value of one field, or the standard hit where the name is NULL. */
static inline void tree_hit(tree *t, ptv_rule *rule, const char *name, ptv_hit_type type, ptv_piece value)
{
    ptv_hit_item *items = tree_new(t, (rule->hit_count + 1) * sizeof *items);
    if (rule->hit_count)
        memcpy(items, rule->hit, rule->hit_count * sizeof *items);
    ptv_hit_item *item = &items[rule->hit_count++];
    item->standard = !name;
    item->name = name;
    item->type = type;
    if (name)
        LINE(t, &item->value, false, value);
    else
        rule->shown_sections |=
            PTV_BIT(PTV_TAGS) | PTV_BIT(PTV_CLASSIFICATION) | PTV_BIT(PTV_PASSIVE_DNS) | PTV_BIT(PTV_SUBDOMAINS);
    if (value.field && value.field->section != PTV_ALWAYS)
        rule->shown_sections |= PTV_BIT(value.field->section);
    rule->hit = items;
}

/* A record in the short form people write ('' as quotes), sealed. A section not named may still be asked. */
static inline ptv_record *tree_record(ptv_arena *mem, const char *json, const char *now)
{
    char *text = ptv_arena_strdup(mem, json);
    for (char *c = text; c && *c; c++)
        if (*c == '\'')
            *c = '"';
    const ptv_json *tree_json;
    ptv_record *r = NULL;
    ptv_error err = { 0 };
    if (!text || ptv_json_parse(&tree_json, mem, text, strlen(text), &err) || ptv_record_read(&r, mem, tree_json, &err)) {
        fprintf(stderr, "tree_record: %s\n", err.msg);
        abort();
    }
    r->now = PTV_NO_TIME;
    if (now && !ptv_time_parse(&r->now, now, 0))
        abort();
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        if (r->sections[s].state == PTV_STATE_NOT_ASKED && r->sections[s].cause == PTV_CAUSE_RECORD) {
            r->sections[s].cause = PTV_CAUSE_NONE;
            r->sections[s].reason = NULL;
        }
    }
    ptv_digest *d = ptv_digest_new();
    ptv_record_seal(r, d);
    ptv_digest_free(d);
    return r;
}

#endif
