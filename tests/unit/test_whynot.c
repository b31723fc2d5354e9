/*
 * test_whynot.c: the fewest conditions that would have to change for a rule to match; checked against trying every set on
 * random trees.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../lib/rules_text.h"
#include "../lib/tree_build.h"
#include "rules/cond.h"

static ptv_ruleset *RS;
static ptv_arena MEM;
static ptv_judge HOW;
static ptv_decision D;

static int setup(void **state)
{
    (void)state;
    MEM = (ptv_arena)PTV_ARENA(64 << 20);
    HOW = (ptv_judge)PTV_JUDGE;
    RS = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ptv_ruleset_unref(RS);
    ptv_arena_release(&MEM);
    return 0;
}

static const ptv_why_not *why_not(const char *lua, const char *json)
{
    char why[512] = "";
    ptv_error err = { 0 };
    ptv_ruleset_unref(RS);
    RS = rules_from(lua, why);
    assert_string_equal(why, "");
    HOW.why_not = "r";
    assert_int_equal(ptv_ruleset_judge(&D, &MEM, RS, tree_record(&MEM, json, "2026-05-01T12:00:00Z"), &HOW, &err), PTV_OK);
    assert_non_null(D.why_not);
    return D.why_not;
}

#define RULE(when) "rule 'r' { title = 't', severity = 'high', note = 'n', when = " when " }\n"
#define SITE(rest) "{'artifact':'evil.example'" rest "}"
#define DNS(n)     ",'passive_dns':{'count':" #n "}"
#define TURN(w, i) (w)->turns[i]

static void all_needs_each_that_is_not_yes(void **state)
{
    (void)state;
    const ptv_why_not *w =
        why_not(RULE("all { tags:has_any { 'a' }, passive_dns.count:at_least(10), classification:is 'malicious' }"),
                SITE(",'tags':['a'],'classification':{'failed':'HTTP 503'}" DNS(3)));
    assert_int_equal(w->turn_count, 2);
    assert_string_equal(TURN(w, 0).text, "passive_dns.count:at_least(10)");
    assert_string_equal(TURN(w, 0).seen, "3");
    assert_int_equal(TURN(w, 0).truth, PTV_NO);
    assert_true(TURN(w, 0).must_be);
    assert_false(TURN(w, 0).unread);
    assert_true(TURN(w, 0).line > 0);
    assert_string_equal(TURN(w, 1).text, "classification:is \"malicious\"");
    assert_string_equal(TURN(w, 1).seen, "classification: HTTP 503");
    assert_int_equal(TURN(w, 1).truth, PTV_UNSURE);
    assert_true(TURN(w, 1).unread);
    assert_null(w->besides);
    assert_int_equal(w->level, PTV_LEVEL_HIGH);
}

static void any_takes_the_cheapest_the_first_of_several(void **state)
{
    (void)state;
    const ptv_why_not *w = why_not(
        RULE("any { all { tags:has_any { 'a' }, tags:has_any { 'b' } }, tags:has_any { 'c' }, tags:has_any { 'd' } }"),
        SITE(",'tags':[]"));
    assert_int_equal(w->turn_count, 1);
    assert_string_equal(TURN(w, 0).text, "tags:has_any{\"c\"}");
}

static void none_and_unless_must_be_no(void **state)
{
    (void)state;
    const ptv_why_not *w = why_not("rule 'r' { title = 't', severity = 'high', note = 'n', when = tags:has_any { 'a' },\n"
                                   "  unless = any { tags:has_any { 'b' }, classification:is 'non-malicious' } }",
                                   SITE(",'tags':['a','b'],'classification':{'failed':'HTTP 500'}"));
    assert_int_equal(w->turn_count, 2);
    assert_false(TURN(w, 0).must_be);
    assert_int_equal(TURN(w, 0).truth, PTV_YES);
    assert_false(TURN(w, 1).must_be);
    assert_int_equal(TURN(w, 1).truth, PTV_UNSURE);
}

static void at_least_of_takes_the_cheapest_that_are_missing(void **state)
{
    (void)state;
    const ptv_why_not *w =
        why_not(RULE("at_least_of(3) { tags:has_any { 'a' }, all { tags:has_any { 'b' }, tags:has_any { 'c' } },"
                     " tags:has_any { 'd' }, tags:has_any { 'e' } }"),
                SITE(",'tags':['a']"));
    assert_int_equal(w->turn_count, 2);
    assert_string_equal(TURN(w, 0).text, "tags:has_any{\"d\"}");
    assert_string_equal(TURN(w, 1).text, "tags:has_any{\"e\"}");
}

static void what_stands_there_twice_changes_everywhere(void **state)
{
    (void)state;
    const char *const rule = RULE("all { any { tags:has_any { 'q' }, classification:is 'malicious' },"
                                  " any { passive_dns.count:at_least(5), classification:is 'malicious' } }");
    const ptv_why_not *w = why_not(rule, SITE(",'tags':[],'classification':''" DNS(1)));
    assert_int_equal(w->turn_count, 1);
    assert_string_equal(TURN(w, 0).text, "classification:is \"malicious\"");
    w = why_not(RULE("all { tags:has_any { 'q' }, none { tags:has_any { 'q' } } }"), SITE(",'tags':[]"));
    assert_int_equal(w->turn_count, 0);
    assert_string_equal(w->besides, "its conditions contradict one another: it can never match");
}

static void the_nearest_level_is_told(void **state)
{
    (void)state;
    const ptv_why_not *w = why_not("rule 'r' { title = 't', note = 'n', levels = {\n"
                                   "  critical = all { classification:is 'malicious', passive_dns.count:at_least(10) },\n"
                                   "  high = classification:is 'malicious', low = classification:is 'suspicious' } }",
                                   SITE(",'classification':'unknown'" DNS(3)));
    assert_int_equal(w->level, PTV_LEVEL_LOW);
    assert_int_equal(w->turn_count, 1);
    assert_string_equal(TURN(w, 0).text, "classification:is \"suspicious\"");
}

static void what_conditions_cannot_mend_is_told_besides(void **state)
{
    (void)state;
    const ptv_why_not *w = why_not(RULE("tags:has_any { 'a' }"), SITE(",'tags':['a']"));
    assert_string_equal(w->besides, "it matches");
    assert_int_equal(w->turn_count, 0);
    w = why_not(
        "allow 'ours' { reason = 'r', owner = 'o', expires = '2027-01-31', when = artifact:is 'evil.example' }\n" RULE(
            "tags:has_any { 'a' }"),
        SITE(",'tags':[]"));
    assert_string_equal(w->besides, "allowance ours suppresses it until 2027-01-31");
    assert_int_equal(w->turn_count, 1);
    w = why_not("rule 'r' { title = 't', severity = 'high', status = 'off', note = 'n', when = tags:has_any { 'a' } }",
                SITE(",'tags':[]"));
    assert_string_equal(w->besides, "its status is off");
    assert_int_equal(w->turn_count, 0);
}

static void a_rule_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    why_not(RULE("tags:has_any { 'a' }"), SITE(",'tags':[]"));
    ptv_error err = { 0 };
    HOW.why_not = "nobody";
    assert_int_equal(ptv_ruleset_judge(&D, &MEM, RS, tree_record(&MEM, SITE(""), "2026-05-01"), &HOW, &err), PTV_EINVAL);
    assert_string_equal(err.msg, "no rule has the id 'nobody'");
}

static void every_allocation_that_fails_is_no_memory(void **state)
{
    (void)state;
    why_not(RULE("any { all { tags:has_any { 'a' }, tags:has_any { 'b' } }, at_least_of(2) { passive_dns.count:at_least(1),"
                 " tags:has_any { 'c' }, tags:has_any { 'd' } } }"),
            SITE(",'tags':['x']"));
    const ptv_record *record = tree_record(&MEM, SITE(",'tags':['x']"), "2026-05-01");
    for (unsigned long nth = 1;; nth++) {
        ptv_arena mem = PTV_ARENA(1 << 20);
        ptv_error err = { 0 };
        size_t live = ptv_mem_live();
        ptv_mem_fail_at(nth);
        ptv_code rc = ptv_ruleset_judge(&D, &mem, RS, record, &HOW, &err);
        ptv_mem_fail_at(0);
        ptv_arena_release(&mem);
        assert_int_equal(ptv_mem_live(), live);
        if (!rc)
            break;
        assert_int_equal(rc, PTV_ENOMEM);
    }
}

/* ------------------------------------------------------------------------------------ against trying every set */

enum { LEAVES = 9, TREES = 3000 };
static uint64_t seed = 20260501;

static unsigned dice(unsigned sides)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(seed >> 33) % sides;
}

/* Leaf i is about tag ti, or, every third one, about a section that was not read. */
static const ptv_cond *random_tree(tree *t, const ptv_cond **leaves, size_t *count, int depth)
{
    if (*count && dice(6) == 0) /* once more */
        return leaves[dice((unsigned)*count)];
    if (depth == 0 || dice(4) == 0 || *count >= LEAVES - 1) {
        char tag[8];
        snprintf(tag, sizeof tag, "t%zu", *count);
        ptv_cond *leaf =
            dice(3) ? tree_text(t, PTV_OP_HAS_ANY, "tags", tag) : tree_number(t, PTV_OP_AT_LEAST, "passive_dns.count", 1, 0);
        leaf->text = ptv_arena_printf(&t->rs.mem, "leaf %zu", *count);
        if (*count < LEAVES)
            leaves[(*count)++] = leaf;
        return leaf;
    }
    const ptv_cond *kids[4] = { NULL };
    unsigned many = 1 + dice(3);
    size_t made = 0;
    while (made < many && *count < LEAVES)
        kids[made++] = random_tree(t, leaves, count, depth - 1);
    if (!made)
        return leaves[0];
    ptv_op ops[] = { PTV_OP_ALL, PTV_OP_ANY, PTV_OP_NONE, PTV_OP_AT_LEAST_OF };
    return tree_join(t, ops[dice(4)], 1 + dice((unsigned)made), kids);
}

static ptv_truth value_of(const ptv_cond *c, const ptv_truth *by_node)
{
    if (ptv_cond_is_leaf(c))
        return by_node[c->node];
    size_t yes = 0, unsure = 0;
    for (size_t i = 0; i < c->kid_count; i++) {
        ptv_truth kid = value_of(c->kids[i], by_node);
        yes += kid == PTV_YES;
        unsure += kid == PTV_UNSURE;
    }
    return ptv_kleene(c, c->kid_count, yes, unsure);
}

/* Each leaf may stay, or become yes or no: the fewest that have to change. */
static size_t fewest(const ptv_cond *root, const ptv_cond *const *leaves, size_t count, ptv_truth *by_node)
{
    size_t best = SIZE_MAX, ways = 1;
    for (size_t i = 0; i < count; i++)
        ways *= 3;
    ptv_truth was[LEAVES];
    for (size_t i = 0; i < count; i++)
        was[i] = by_node[leaves[i]->node];
    for (size_t way = 0; way < ways; way++) {
        size_t changed = 0, rest = way;
        for (size_t i = 0; i < count; i++, rest /= 3) {
            ptv_truth now = rest % 3 == 0 ? was[i] : rest % 3 == 1 ? PTV_YES : PTV_NO;
            by_node[leaves[i]->node] = now;
            changed += now != was[i];
        }
        if (changed < best && value_of(root, by_node) == PTV_YES)
            best = changed;
    }
    for (size_t i = 0; i < count; i++)
        by_node[leaves[i]->node] = was[i];
    return best;
}

static void check_tree(void)
{
    tree t;
    tree_init(&t);
    const ptv_cond *leaves[LEAVES];
    size_t count = 0;
    const ptv_cond *root = random_tree(&t, leaves, &count, 3);
    ptv_truth by_node[8 * TREE_MOST] = { PTV_NO };
    char json[256];
    size_t len =
        (size_t)snprintf(json, sizeof json, "{'artifact':'evil.example','passive_dns':{'failed':'HTTP 503'},'tags':['x'");
    for (size_t i = 0; i < count; i++) {
        bool is_tag = leaves[i]->op == PTV_OP_HAS_ANY, has = is_tag && dice(2);
        by_node[leaves[i]->node] = !is_tag ? PTV_UNSURE : has ? PTV_YES : PTV_NO;
        if (has)
            len += (size_t)snprintf(json + len, sizeof json - len, ",'%s'", leaves[i]->args.words[0]);
    }
    snprintf(json + len, sizeof json - len, "]}");
    tree_rule(&t, "r", PTV_LEVEL_HIGH, root);
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_error err = { 0 };
    HOW.why_not = "r";
    assert_int_equal(ptv_ruleset_judge(&D, &mem, &t.rs, tree_record(&mem, json, "2026-05-01"), &HOW, &err), PTV_OK);
    const ptv_why_not *w = D.why_not;
    size_t least = fewest(root, leaves, count, by_node);
    assert_int_equal(w->turn_count, least == SIZE_MAX ? 0 : least);
    for (size_t i = 0; i < w->turn_count; i++)
        for (size_t k = 0; k < count; k++)
            if (strcmp(w->turns[i].text, leaves[k]->text) == 0)
                by_node[leaves[k]->node] = w->turns[i].must_be ? PTV_YES : PTV_NO;
    assert_int_equal(value_of(root, by_node) == PTV_YES, least != SIZE_MAX);
    assert_int_equal(w->besides && strstr(w->besides, "contradict"), least == SIZE_MAX);
    ptv_arena_release(&mem);
    tree_release(&t);
}

static void no_smaller_set_does_it(void **state)
{
    (void)state;
    for (int i = 0; i < TREES; i++)
        check_tree();
}

#define IT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IT(all_needs_each_that_is_not_yes),
        IT(any_takes_the_cheapest_the_first_of_several),
        IT(none_and_unless_must_be_no),
        IT(at_least_of_takes_the_cheapest_that_are_missing),
        IT(what_stands_there_twice_changes_everywhere),
        IT(the_nearest_level_is_told),
        IT(what_conditions_cannot_mend_is_told_besides),
        IT(a_rule_that_is_not_there_is_an_error),
        IT(every_allocation_that_fails_is_no_memory),
        IT(no_smaller_set_does_it),
    };
    return cmocka_run_group_tests_name("whynot", tests, NULL, NULL);
}
