/*
 * test_needs.c: which sections are worth asking: by example, and on random rule sets and answers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../lib/tree_build.h"

static tree T;
static ptv_arena MEM;
static const char NOW[] = "2026-05-01T12:00:00Z";

enum {
    ACCOUNT = PTV_BIT(PTV_ACCOUNT),
    TAGS = PTV_BIT(PTV_TAGS),
    CLASS = PTV_BIT(PTV_CLASSIFICATION),
    DNS = PTV_BIT(PTV_PASSIVE_DNS),
    SUBS = PTV_BIT(PTV_SUBDOMAINS),
    EVERY = ACCOUNT | TAGS | CLASS | DNS | SUBS
};

static int setup(void **state)
{
    (void)state;
    tree_init(&T);
    MEM = (ptv_arena)PTV_ARENA(64 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tree_release(&T);
    ptv_arena_release(&MEM);
    return 0;
}

static ptv_sections next_of(const ptv_record *r, bool fast, bool shadow_fetch)
{
    ptv_judge how = PTV_JUDGE;
    ptv_error err = { 0 };
    ptv_sections next = ~0u;
    assert_int_equal(ptv_ruleset_next_sections(&next, &MEM, &T.rs, r, &how, fast, shadow_fetch, &err), PTV_OK);
    return next;
}

#define NEXT(json) next_of(tree_record(&MEM, json, NOW), false, false)
#define FAST(json) next_of(tree_record(&MEM, json, NOW), true, false)
#define SITE(rest) "{'artifact':'evil.example'" rest "}"

static const ptv_cond *tag(const char *words)
{
    return tree_text(&T, PTV_OP_HAS_ANY, "tags", words);
}

static const ptv_cond *malicious(void)
{
    return tree_text(&T, PTV_OP_IS, "classification", "malicious");
}

static const ptv_cond *busy(void)
{
    return tree_number(&T, PTV_OP_AT_LEAST, "passive_dns.count", 10, 0);
}

static const ptv_cond *wide(void)
{
    return tree_number(&T, PTV_OP_AT_LEAST, "subdomains.count", 5, 0);
}

/* ---------------------------------------------------------------------------------------------- examples */

static void the_shipped_rule_costs_one_call_or_four(void **state)
{
    (void)state;
    ptv_rule *rule = tree_rule(&T, "flagged-tags", PTV_LEVEL_HIGH, tag("compromised ransomware"));
    tree_hit(&T, rule, NULL, 0, (ptv_piece){ 0 });
    assert_int_equal(NEXT(SITE("")), TAGS);
    assert_int_equal(NEXT(SITE(",'tags':[]")), 0);
    assert_int_equal(NEXT(SITE(",'tags':{'failed':'HTTP 503'}")), 0);
    assert_int_equal(NEXT(SITE(",'tags':['ransomware']")), CLASS | DNS | SUBS);
    assert_int_equal(NEXT(SITE(",'tags':['ransomware'],'passive_dns':{'failed':'HTTP 503'}")), CLASS | SUBS);
    assert_int_equal(FAST(SITE("")), TAGS | CLASS | DNS | SUBS);
    assert_int_equal(FAST(SITE(",'tags':[]")), 0);
}

static void a_decided_branch_asks_for_nothing(void **state)
{
    (void)state;
    tree_rule(&T, "r", PTV_LEVEL_HIGH, ALL_OF(&T, ANY_OF(&T, tag("a"), wide()), busy()));
    assert_int_equal(FAST(SITE("")), TAGS | DNS | SUBS);
    assert_int_equal(FAST(SITE(",'tags':['a']")), DNS);
    assert_int_equal(FAST(SITE(",'tags':['b'],'subdomains.count':1")), 0);
    assert_int_equal(NEXT(SITE(",'tags':['b'],'passive_dns.count':1")), 0);
    /* An unknown that cannot be mended may still be settled by a no. */
    assert_int_equal(NEXT(SITE(",'tags':{'failed':'HTTP 503'},'subdomains.count':1")), DNS);
}

static void higher_levels_are_asked_for_after_a_lower_one_holds(void **state)
{
    (void)state;
    ptv_rule *rule = tree_rule(&T, "r", PTV_LEVEL_CRITICAL, ALL_OF(&T, malicious(), busy()));
    tree_level(&T, rule, PTV_LEVEL_HIGH, malicious());
    tree_level(&T, rule, PTV_LEVEL_LOW, wide());
    assert_int_equal(NEXT(SITE("")), CLASS); /* it can settle two of three levels; DNS alone would settle none */
    assert_int_equal(NEXT(SITE(",'classification':'malicious'")), DNS);
    assert_int_equal(NEXT(SITE(",'classification':'unknown'")), SUBS);
    assert_int_equal(NEXT(SITE(",'classification':'malicious','passive_dns.count':1")), 0);
}

static void the_section_that_settles_most_rules_comes_first(void **state)
{
    (void)state;
    tree_rule(&T, "one", PTV_LEVEL_HIGH, tag("a"));
    tree_rule(&T, "two", PTV_LEVEL_HIGH, ALL_OF(&T, busy(), malicious()));
    tree_rule(&T, "three", PTV_LEVEL_HIGH, busy());
    assert_int_equal(NEXT(SITE("")), DNS);
    assert_int_equal(NEXT(SITE(",'passive_dns.count':1")), TAGS);
    assert_int_equal(NEXT(SITE(",'passive_dns.count':11")), TAGS); /* a tie with classification: table order */
    T.rs.rule_count = 0;
    /* None settles anything alone: the one that most rules read. */
    tree_rule(&T, "x", PTV_LEVEL_HIGH, AT_LEAST_OF(&T, 2, tag("a"), busy(), malicious()));
    tree_rule(&T, "y", PTV_LEVEL_HIGH, AT_LEAST_OF(&T, 2, malicious(), busy(), wide()));
    assert_int_equal(NEXT(SITE("")), CLASS);
}

static void an_allowance_is_asked_for_once_a_rule_needs_it(void **state)
{
    (void)state;
    ptv_rule *rule = tree_rule(&T, "r", PTV_LEVEL_HIGH, tag("a"));
    tree_hit(&T, rule, "Class", PTV_HIT_STRING, tree_value("classification"));
    ptv_allow *allow = tree_allow(&T, "wide", wide(), "2027-01-31");
    assert_int_equal(NEXT(SITE("")), TAGS);
    assert_int_equal(NEXT(SITE(",'tags':[]")), 0);
    assert_int_equal(NEXT(SITE(",'tags':['a']")), SUBS);
    assert_int_equal(NEXT(SITE(",'tags':{'failed':'HTTP 503'}")), SUBS);
    assert_int_equal(NEXT(SITE(",'tags':['a'],'subdomains.count':1")), CLASS);
    assert_int_equal(NEXT(SITE(",'tags':['a'],'subdomains.count':9")), 0);
    assert_int_equal(FAST(SITE("")), TAGS | SUBS | CLASS);
    allow->expires_day = tree_day("2026-04-30").day;
    assert_int_equal(NEXT(SITE(",'tags':['a']")), CLASS);
    allow->expires_day = tree_day("2026-05-01").day;
    allow->applies_to = (const char *[]){ "another" };
    allow->applies_count = 1;
    assert_int_equal(NEXT(SITE(",'tags':['a']")), CLASS);
}

static void names_of_ours_cost_nothing(void **state)
{
    (void)state;
    ptv_rule *rule = tree_rule(&T, "r", PTV_LEVEL_HIGH, tag("a"));
    tree_hit(&T, rule, NULL, 0, (ptv_piece){ 0 });
    tree_allow(&T, "ours", tree_text(&T, PTV_OP_LIKE, "artifact", "*.example"), "2027-01-31");
    assert_int_equal(NEXT(SITE("")), 0);
    assert_int_equal(FAST(SITE("")), 0);
    assert_int_equal(NEXT("{'artifact':'evil.test'}"), TAGS);
}

static void shadow_off_and_unsupported_rules_cost_nothing(void **state)
{
    (void)state;
    ptv_rule *shadow = tree_rule(&T, "shadow", PTV_LEVEL_HIGH, tag("a"));
    shadow->status = PTV_SHADOW;
    tree_rule(&T, "off", PTV_LEVEL_HIGH, busy())->status = PTV_OFF;
    tree_rule(&T, "unsupported", PTV_LEVEL_HIGH, ALL_OF(&T, busy(), malicious()))->off_when_unsupported = true;
    ptv_record *r = tree_record(&MEM, SITE(""), NOW);
    r->sections[PTV_CLASSIFICATION].state = PTV_STATE_UNSUPPORTED;
    for (int fast = 0; fast < 2; fast++) {
        assert_int_equal(next_of(r, fast, false), 0);
        assert_int_equal(next_of(r, fast, true), TAGS);
    }
}

static void a_rule_that_matches_when_unknown_shows_its_card(void **state)
{
    (void)state;
    ptv_rule *rule = tree_rule(&T, "r", PTV_LEVEL_HIGH, tag("a"));
    rule->on_unknown_match = true;
    tree_hit(&T, rule, "Class", PTV_HIT_STRING, tree_value("classification"));
    assert_int_equal(NEXT(SITE("")), TAGS);
    assert_int_equal(NEXT(SITE(",'tags':{'failed':'HTTP 503'}")), CLASS);
    assert_int_equal(NEXT(SITE(",'tags':[]")), 0);
}

static void planning_without_memory_is_said(void **state)
{
    (void)state;
    tree_rule(&T, "r", PTV_LEVEL_HIGH, tag("a"));
    ptv_record *r = tree_record(&MEM, SITE(""), NOW);
    ptv_judge how = PTV_JUDGE;
    ptv_error err = { 0 };
    ptv_sections next = 77;
    ptv_arena none = PTV_ARENA(1);
    assert_int_equal(ptv_ruleset_next_sections(&next, &none, &T.rs, r, &how, false, false, &err), PTV_ETOOBIG);
    assert_int_equal(next, 77);
    ptv_arena_release(&none);
}

/* -------------------------------------------------------------------------------------- random rule sets */

static uint64_t SEED;

static unsigned below(unsigned n)
{
    SEED ^= SEED << 13;
    SEED ^= SEED >> 7;
    SEED ^= SEED << 17;
    return (unsigned)((SEED >> 11) % n);
}

static bool chance(unsigned percent)
{
    return below(100) < percent;
}

static const ptv_cond *random_leaf(void)
{
    static const char *const words[] = { "a", "b", "c", "a b", "b c", "a b c" };
    static const char *const classes[] = { "malicious", "suspicious", "unclassified" };
    static const ptv_op sets[] = { PTV_OP_HAS_ANY, PTV_OP_HAS_ALL, PTV_OP_HAS_NONE, PTV_OP_LIKE_ANY };
    static const ptv_op numbers[] = { PTV_OP_AT_LEAST, PTV_OP_AT_MOST, PTV_OP_BETWEEN, PTV_OP_EQUALS };
    static const ptv_op times[] = { PTV_OP_WITHIN, PTV_OP_OLDER_THAN, PTV_OP_BEFORE, PTV_OP_AFTER };
    unsigned time = below(4);
    switch (below(9)) {
    case 0:
        return tree_text(&T, sets[below(4)], "tags", words[below(6)]);
    case 1:
        return tree_number(&T, PTV_OP_COUNT_AT_LEAST, "tags", below(4), 0);
    case 2:
        return tree_text(&T, chance(50) ? PTV_OP_IS : PTV_OP_IS_NOT, "classification", classes[below(3)]);
    case 3:
        return tree_number(&T, numbers[below(4)], "passive_dns.count", below(3), 2 + below(3));
    case 4:
        return tree_time(&T, times[time], chance(50) ? "passive_dns.first_seen" : "passive_dns.last_seen",
                         time < 2 ? "7d" : "2026-04-24");
    case 5:
        return tree_number(&T, numbers[below(4)], "subdomains.count", below(3), 2 + below(3));
    case 6:
        return tree_yes(&T, "account.quota_exceeded", chance(50));
    case 7:
        return tree_leaf(&T, chance(50) ? PTV_OP_IS_MISSING : PTV_OP_IS_PRESENT,
                         chance(50) ? "passive_dns.first_seen" : "subdomains.count");
    default:
        return tree_text(&T, PTV_OP_LIKE, "artifact", chance(50) ? "*.example" : "*.test");
    }
}

static const ptv_cond *random_cond(unsigned depth)
{
    if (!depth || chance(30))
        return random_leaf();
    const ptv_cond *kids[5] = { 0 };
    unsigned count = 1 + below(4);
    for (unsigned i = 0; i < count; i++)
        kids[i] = random_cond(depth - 1);
    return tree_join(&T, (ptv_op)(PTV_OP_ALL + below(4)), 1 + below(count), kids);
}

static void random_rules(void)
{
    static const char *const ids[] = { "r0", "r1", "r2", "r3" };
    static const char *const days[] = { "2026-04-01", "2026-05-01", "2027-01-01" };
    unsigned rules = 1 + below(4), allows = chance(60) ? 0 : 1 + below(2);
    for (unsigned i = 0; i < rules; i++) {
        ptv_level level = (ptv_level)(PTV_LEVEL_INFO + below(5));
        ptv_rule *rule = tree_rule(&T, ids[i], level, random_cond(3));
        while (level > PTV_LEVEL_INFO && chance(40))
            tree_level(&T, rule, --level, random_cond(2));
        rule->status = chance(80) ? PTV_LIVE : chance(70) ? PTV_SHADOW : PTV_OFF;
        rule->on_unknown_match = chance(10);
        rule->off_when_unsupported = chance(10);
        rule->shown_sections = below(EVERY + 1) & EVERY & ~ACCOUNT;
    }
    for (unsigned i = 0; i < allows; i++) {
        ptv_allow *a = tree_allow(&T, i ? "a1" : "a0", random_cond(2), days[below(3)]);
        if (chance(40)) {
            const char **one = tree_new(&T, sizeof *one);
            *one = ids[below(rules)];
            a->applies_to = one;
            a->applies_count = 1;
        }
    }
}

static const ptv_artifact ARTIFACT = { .input = "evil.example", .value = "evil.example", .display = "evil.example" };

static int64_t random_day(void)
{
    int64_t now;
    assert_true(ptv_time_parse(&now, NOW, 0));
    return chance(15) ? PTV_NO_TIME : now - (int64_t)below(15) * PTV_DAY_S;
}

/* Everything the sources would say if asked. */
static void random_answers(ptv_record *r)
{
    static const char *words[] = { "a", "b", "c" };
    ptv_record_init(r, &ARTIFACT);
    assert_true(ptv_time_parse(&r->now, NOW, 0));
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        r->sections[s].state = PTV_STATE_OK;
    unsigned from = below(4);
    r->tags.items = words + (from < 3 ? from : 0);
    r->tags.count = from < 3 ? below(4 - from) : 0;
    r->tags.shown = r->tags.items;
    r->tags.shown_count = r->tags.count;
    r->classification = ptv_classification_names[below(5)];
    r->pdns_count = (int64_t)below(6) - 1;
    r->first_seen = random_day();
    r->last_seen = random_day();
    r->truncated = chance(30);
    r->subdomain_count = (int64_t)below(6) - 1;
    r->quota_exceeded = (int8_t)((int)below(3) - 1);
}

static size_t size_of(ptv_type t)
{
    switch (t) {
    case PTV_NUMBER:
    case PTV_TIME:
        return sizeof(int64_t);
    case PTV_YESNO:
        return sizeof(int8_t);
    case PTV_SET:
        return sizeof(ptv_set);
    case PTV_RECORDS:
        return sizeof(ptv_dns_list);
    default:
        return sizeof(const char *);
    }
}

static void answer(ptv_record *r, const ptv_record *world, ptv_sections sections)
{
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        if (!(sections & PTV_BIT(s)))
            continue;
        r->sections[s] = world->sections[s];
        for (size_t i = 0; i < ptv_field_count; i++)
            if (ptv_fields[i].section == (ptv_section)s)
                memcpy((char *)r + ptv_fields[i].offset, (const char *)world + ptv_fields[i].offset,
                       size_of(ptv_fields[i].type));
    }
}

/* Nothing asked yet. */
static void blank(ptv_record *r, const ptv_record *world)
{
    ptv_record_init(r, &ARTIFACT);
    r->now = world->now;
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        if (world->sections[s].state == PTV_STATE_UNSUPPORTED)
            r->sections[s].state = PTV_STATE_UNSUPPORTED;
        else
            assert_int_equal(r->sections[s].state, PTV_STATE_NOT_ASKED);
    }
}

static ptv_decision judge(const ptv_record *r)
{
    ptv_judge how = PTV_JUDGE;
    ptv_error err = { 0 };
    ptv_decision d;
    assert_int_equal(ptv_ruleset_judge(&d, &MEM, &T.rs, r, &how, &err), PTV_OK);
    return d;
}

/* Sections that a rule which may cost calls, or an allowance for one, can see. */
static ptv_sections readable_by_rules(bool shadow_fetch)
{
    ptv_sections all = 0;
    for (size_t i = 0; i < T.rs.rule_count; i++) {
        const ptv_rule *rule = T.rules[i];
        if (rule->status != PTV_LIVE && !(shadow_fetch && rule->status == PTV_SHADOW))
            continue;
        all |= rule->judged_sections | rule->shown_sections;
        for (size_t a = 0; a < T.rs.allow_count; a++)
            all |= T.allows[a]->when->sections;
    }
    return all;
}

/* Plan and ask until nothing is worth asking. */
static ptv_sections fetch(ptv_record *r, const ptv_record *world, bool fast, bool shadow_fetch)
{
    ptv_sections asked = 0;
    blank(r, world);
    for (int round = 0;; round++) {
        ptv_sections next = next_of(r, fast, shadow_fetch);
        if (!next)
            return asked;
        assert_true(round < PTV_SECTION_COUNT);
        assert_int_equal(next & asked, 0);
        assert_int_equal(next & ~readable_by_rules(shadow_fetch), 0);
        asked |= next;
        answer(r, world, next);
    }
}

static void close_open(ptv_record *r)
{
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        if (r->sections[s].state == PTV_STATE_NOT_ASKED)
            r->sections[s].state = PTV_STATE_NOT_NEEDED;
}

static void assert_same(const ptv_decision *a, const ptv_decision *b)
{
    assert_int_equal(a->verdict, b->verdict);
    assert_int_equal(a->severity, b->severity);
    assert_int_equal(a->could_be, b->could_be);
    for (size_t i = 0; i < T.rs.rule_count; i++) {
        if (T.rules[i]->status != PTV_LIVE)
            continue;
        assert_int_equal(a->rules[i].outcome, b->rules[i].outcome);
        assert_int_equal(a->rules[i].could_be, b->rules[i].could_be);
        if (a->rules[i].outcome == PTV_OUT_MATCH)
            assert_int_equal(a->rules[i].severity, b->rules[i].severity);
    }
}

enum { CASES = 20000 };

static void each_case(void (*check)(const ptv_record *world))
{
    for (unsigned i = 0; i < CASES; i++) {
        SEED = UINT64_C(0x9E3779B97F4A7C15) * (i + 1);
        for (int warm = 0; warm < 5; warm++)
            below(2);
        ptv_record world;
        random_rules();
        random_answers(&world);
        check(&world);
        tree_release(&T);
        tree_init(&T);
        ptv_arena_reset(&MEM);
    }
}

static void frugal_and_fast_agree_on(const ptv_record *answers)
{
    ptv_record world = *answers, frugal, fast, complete;
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        if (chance(25))
            world.sections[s].state = chance(80) ? PTV_STATE_FAILED : PTV_STATE_UNSUPPORTED;
    bool shadow_fetch = chance(20);
    ptv_sections few = fetch(&frugal, &world, false, shadow_fetch), many = fetch(&fast, &world, true, shadow_fetch);
    assert_int_equal(few & ~many, 0);
    /* Whatever those not asked would have said, nothing changes. */
    ptv_record other;
    random_answers(&other);
    complete = frugal;
    answer(&complete, &other, EVERY & ~few);
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        if (world.sections[s].state == PTV_STATE_UNSUPPORTED)
            complete.sections[s].state = PTV_STATE_UNSUPPORTED;
    close_open(&frugal);
    close_open(&fast);
    ptv_decision a = judge(&frugal), b = judge(&fast), c = judge(&complete);
    assert_same(&a, &b);
    assert_same(&a, &c);
}

static void frugal_and_fast_agree(void **state)
{
    (void)state;
    each_case(frugal_and_fast_agree_on);
}

/* `eval` of what `fetch` and `lookup` print. */
static void printed_records_judge_alike_on(const ptv_record *answers)
{
    ptv_record world = *answers, r, *again = NULL;
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        if (chance(25))
            ptv_section_fail(&world, &MEM, (ptv_section)s, PTV_STATE_FAILED, PTV_CAUSE_OUTAGE, "HTTP 503");
    ptv_buf text = PTV_BUF(1 << 16);
    ptv_json_out out = { .buf = &text };
    const ptv_json *json;
    ptv_error err = { 0 };
    fetch(&r, &world, false, false);
    close_open(&r);
    ptv_record_seal(&r, T.rs.hasher);
    ptv_record_write(&out, &r);
    assert_int_equal(ptv_json_parse(&json, &MEM, text.data, text.len, &err), PTV_OK);
    assert_int_equal(ptv_record_read(&again, &MEM, json, &err), PTV_OK);
    ptv_buf_release(&text);
    again->now = r.now;
    ptv_record_seal(again, T.rs.hasher);
    ptv_decision a = judge(&r), b = judge(again);
    assert_same(&a, &b);
    assert_string_equal(a.id, b.id);
    assert_string_equal(a.summary, b.summary);
    assert_int_equal(a.missing_count, b.missing_count);
}

static void printed_records_judge_alike(void **state)
{
    (void)state;
    each_case(printed_records_judge_alike_on);
}

/* Any part of the answers, read or not, against all of them. */
static void gaps_are_safe_in(const ptv_record *world)
{
    ptv_record part;
    blank(&part, world);
    answer(&part, world, below(EVERY + 1));
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        if (part.sections[s].state != PTV_STATE_OK)
            part.sections[s].state = (ptv_state[]){ PTV_STATE_NOT_ASKED, PTV_STATE_FAILED, PTV_STATE_NOT_NEEDED }[below(3)];
    ptv_decision some = judge(&part), all = judge(world);
    if (some.verdict == PTV_VERDICT_NO_MATCH)
        assert_int_equal(all.verdict, PTV_VERDICT_NO_MATCH);
    if (some.verdict == PTV_VERDICT_COMPROMISED && !T.rs.allow_count) {
        bool counted_unknown = false;
        for (size_t i = 0; i < some.rule_count; i++)
            counted_unknown |= some.rules[i].on_unknown;
        if (!counted_unknown)
            assert_true(all.verdict == PTV_VERDICT_COMPROMISED && all.severity >= some.severity);
    }
    if (some.verdict == PTV_VERDICT_UNKNOWN && some.complete)
        assert_true(all.verdict != PTV_VERDICT_NO_MATCH || T.rs.allow_count);
    for (size_t i = 0; i < some.rule_count; i++)
        if (some.rules[i].outcome == PTV_OUT_NO_MATCH)
            assert_true(all.rules[i].outcome == PTV_OUT_NO_MATCH);
}

static void what_was_not_read_never_looks_harmless(void **state)
{
    (void)state;
    each_case(gaps_are_safe_in);
}

/* The trace follows the same logic without stopping early. */
static void traces_agree_in(const ptv_record *world)
{
    ptv_record part;
    blank(&part, world);
    answer(&part, world, below(EVERY + 1));
    ptv_judge how = PTV_JUDGE;
    ptv_error err = { 0 };
    ptv_decision plain = judge(&part), traced;
    how.trace = true;
    assert_int_equal(ptv_ruleset_judge(&traced, &MEM, &T.rs, &part, &how, &err), PTV_OK);
    assert_same(&plain, &traced);
    assert_string_equal(plain.summary, traced.summary);
    assert_string_equal(plain.id, traced.id);
    for (size_t i = 0; i < traced.rule_count; i++) {
        const ptv_rule_result *r = &traced.rules[i];
        if (r->on_unknown || r->outcome == PTV_OUT_SUPPRESSED)
            continue;
        ptv_level reached = PTV_LEVEL_NONE;
        for (size_t l = 0; l < r->trace_count && !reached; l++)
            if (r->trace[l].truth == PTV_YES)
                reached = T.rules[i]->levels[l].level;
        assert_int_equal(reached, r->severity);
    }
}

static void traces_agree_with_judgements(void **state)
{
    (void)state;
    each_case(traces_agree_in);
}

int main(void)
{
#define T_(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T_(the_shipped_rule_costs_one_call_or_four),
        T_(a_decided_branch_asks_for_nothing),
        T_(higher_levels_are_asked_for_after_a_lower_one_holds),
        T_(the_section_that_settles_most_rules_comes_first),
        T_(an_allowance_is_asked_for_once_a_rule_needs_it),
        T_(names_of_ours_cost_nothing),
        T_(shadow_off_and_unsupported_rules_cost_nothing),
        T_(a_rule_that_matches_when_unknown_shows_its_card),
        T_(planning_without_memory_is_said),
        T_(frugal_and_fast_agree),
        T_(printed_records_judge_alike),
        T_(what_was_not_read_never_looks_harmless),
        T_(traces_agree_with_judgements),
    };
    return cmocka_run_group_tests_name("needs", tests, NULL, NULL);
}
