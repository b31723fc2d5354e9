/*
 * test_judge.c: rules and a record become a decision: outcomes, verdict, what is missing, the words for it.
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
static ptv_judge HOW;
static ptv_decision D;

static int setup(void **state)
{
    (void)state;
    tree_init(&T);
    MEM = (ptv_arena)PTV_ARENA(8 << 20);
    HOW = (ptv_judge)PTV_JUDGE;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tree_release(&T);
    ptv_arena_release(&MEM);
    return 0;
}

static const char NOW[] = "2026-05-01T12:00:00Z";

static void judge_record(ptv_record *r)
{
    ptv_error err = { 0 };
    assert_int_equal(ptv_ruleset_judge(&D, &MEM, &T.rs, r, &HOW, &err), PTV_OK);
}

static ptv_record *judge(const char *json)
{
    ptv_record *r = tree_record(&MEM, json, NOW);
    judge_record(r);
    return r;
}

static const ptv_cond *bad_tag(void)
{
    return tree_text(&T, PTV_OP_HAS_ANY, "tags", "compromised ransomware");
}

static const ptv_cond *malicious(void)
{
    return tree_text(&T, PTV_OP_IS, "classification", "malicious");
}

static const ptv_cond *recent(void)
{
    return tree_time(&T, PTV_OP_WITHIN, "passive_dns.last_seen", "7d");
}

#define SITE(rest)  "{'artifact':'evil.example'" rest "}"
#define TAGGED      SITE(",'tags':['Ransomware','apt32']")
#define UNTAGGED    SITE(",'tags':['apt32']")
#define TAGS_FAILED SITE(",'tags':{'failed':'HTTP 503'}")

/* ------------------------------------------------------------------------------------------------ verdict */

static void a_rule_that_holds_makes_it_compromised(void **state)
{
    (void)state;
    tree_rule(&T, "flagged-tags", PTV_LEVEL_HIGH, bad_tag());
    judge(TAGGED);
    assert_int_equal(D.verdict, PTV_VERDICT_COMPROMISED);
    assert_int_equal(D.severity, PTV_LEVEL_HIGH);
    assert_int_equal(D.could_be, PTV_LEVEL_NONE);
    assert_true(D.complete);
    assert_int_equal(D.unknown_kind, PTV_UNKNOWN_NONE);
    assert_int_equal(D.rule_count, 1);
    assert_int_equal(D.rules[0].outcome, PTV_OUT_MATCH);
    assert_int_equal(D.rules[0].severity, PTV_LEVEL_HIGH);
    assert_string_equal(D.rules[0].reason, "tags has ransomware");
    assert_string_equal(D.summary, "compromised, high");
    assert_null(D.warnings);
    assert_null(D.note);
}

static void no_match_says_what_was_read(void **state)
{
    (void)state;
    tree_rule(&T, "one", PTV_LEVEL_HIGH, bad_tag());
    judge(UNTAGGED);
    assert_int_equal(D.verdict, PTV_VERDICT_NO_MATCH);
    assert_string_equal(D.summary, "no_match: the only rule did not match (read: tags). Not a clean bill.");
    assert_string_equal(D.rules[0].reason, "its conditions do not hold");
    tree_rule(&T, "two", PTV_LEVEL_HIGH, bad_tag());
    tree_rule(&T, "three", PTV_LEVEL_HIGH, bad_tag());
    tree_rule(&T, "shadow", PTV_LEVEL_HIGH, bad_tag())->status = PTV_SHADOW;
    judge(UNTAGGED);
    assert_string_equal(D.summary, "no_match: none of 3 rules matched (read: tags). Not a clean bill.");
    assert_int_equal(D.severity, PTV_LEVEL_NONE);
    assert_null(D.hit);
}

static void without_live_rules_it_says_so(void **state)
{
    (void)state;
    judge(UNTAGGED);
    assert_int_equal(D.verdict, PTV_VERDICT_UNKNOWN);
    assert_int_equal(D.unknown_kind, PTV_UNKNOWN_FIX);
    assert_string_equal(D.summary, "unknown: no rule is live, so nothing was judged; asking again is useless until one is");
}

static void a_failed_call_makes_it_unknown(void **state)
{
    (void)state;
    tree_rule(&T, "flagged-tags", PTV_LEVEL_HIGH, bad_tag());
    ptv_record *r = judge(TAGS_FAILED);
    assert_int_equal(D.verdict, PTV_VERDICT_UNKNOWN);
    assert_int_equal(D.severity, PTV_LEVEL_NONE);
    assert_int_equal(D.could_be, PTV_LEVEL_HIGH);
    assert_false(D.complete);
    assert_int_equal(D.rules[0].outcome, PTV_OUT_UNKNOWN);
    assert_string_equal(D.rules[0].reason, "tags: HTTP 503");
    assert_int_equal(D.missing_count, 1);
    assert_int_equal(D.missing[0].section, PTV_TAGS);
    assert_int_equal(D.missing[0].rule_count, 1);
    assert_string_equal(D.missing[0].rules[0], "flagged-tags");
    r->sections[PTV_TAGS].cause = PTV_CAUSE_OUTAGE;
    judge_record(r);
    assert_int_equal(D.unknown_kind, PTV_UNKNOWN_LATER);
    assert_int_equal(D.retry_after_s, -1);
    assert_string_equal(D.summary, "unknown: flagged-tags not decided (tags: HTTP 503); ask again later");
    r->sections[PTV_TAGS].cause = PTV_CAUSE_QUOTA;
    r->sections[PTV_TAGS].retry_after_s = 60;
    judge_record(r);
    assert_int_equal(D.retry_after_s, 60);
    assert_string_equal(D.summary, "unknown: flagged-tags not decided (tags: HTTP 503); ask again in 1m");
    r->sections[PTV_TAGS].cause = PTV_CAUSE_KEY;
    judge_record(r);
    assert_int_equal(D.unknown_kind, PTV_UNKNOWN_FIX);
    assert_string_equal(D.summary,
                        "unknown: flagged-tags not decided (tags: HTTP 503); asking again is useless until that is mended");
}

static void one_cause_that_passes_is_enough_to_ask_again(void **state)
{
    (void)state;
    tree_rule(&T, "tags", PTV_LEVEL_HIGH, bad_tag());
    tree_rule(&T, "class", PTV_LEVEL_HIGH, malicious());
    ptv_record *r = judge(SITE(",'tags':{'failed':'HTTP 503'},'classification':{'failed':'HTTP 401'}"));
    r->sections[PTV_TAGS].cause = PTV_CAUSE_OUTAGE;
    r->sections[PTV_TAGS].retry_after_s = 5;
    r->sections[PTV_CLASSIFICATION].cause = PTV_CAUSE_KEY;
    r->sections[PTV_CLASSIFICATION].retry_after_s = 9;
    judge_record(r);
    assert_int_equal(D.unknown_kind, PTV_UNKNOWN_LATER);
    assert_int_equal(D.retry_after_s, 9);
    assert_int_equal(D.missing_count, 2);
    r->sections[PTV_TAGS].cause = PTV_CAUSE_SETTINGS;
    judge_record(r);
    assert_int_equal(D.unknown_kind, PTV_UNKNOWN_FIX);
    r->sections[PTV_TAGS].state = PTV_STATE_UNSUPPORTED;
    r->sections[PTV_TAGS].cause = PTV_CAUSE_NONE;
    r->sections[PTV_TAGS].reason = NULL;
    judge_record(r);
    assert_int_equal(D.unknown_kind, PTV_UNKNOWN_FIX);
    assert_string_equal(D.rules[0].reason, "tags: no configured source knows it");
}

static void an_undecided_higher_level_is_named(void **state)
{
    (void)state;
    ptv_rule *rule = tree_rule(&T, "classification", PTV_LEVEL_CRITICAL, ALL_OF(&T, malicious(), recent()));
    tree_level(&T, rule, PTV_LEVEL_HIGH, malicious());
    tree_level(&T, rule, PTV_LEVEL_LOW, tree_text(&T, PTV_OP_IS, "classification", "suspicious"));
    judge(SITE(",'classification':'malicious','passive_dns':{'failed':'HTTP 503'}"));
    assert_int_equal(D.verdict, PTV_VERDICT_COMPROMISED);
    assert_int_equal(D.severity, PTV_LEVEL_HIGH);
    assert_int_equal(D.could_be, PTV_LEVEL_CRITICAL);
    assert_int_equal(D.rules[0].could_be, PTV_LEVEL_CRITICAL);
    assert_false(D.complete);
    assert_int_equal(D.missing[0].section, PTV_PASSIVE_DNS);
    assert_string_equal(D.summary, "compromised, high; critical not ruled out (passive_dns: HTTP 503)");
    judge(SITE(",'classification':'malicious','passive_dns.last_seen':'2026-04-30'"));
    assert_int_equal(D.severity, PTV_LEVEL_CRITICAL);
    assert_true(D.complete);
    assert_string_equal(D.rules[0].reason, "classification is malicious; passive_dns.last_seen is 2026-04-30, within 7d");
    judge(SITE(",'classification':'suspicious','passive_dns':{'failed':'HTTP 503'}"));
    assert_int_equal(D.severity, PTV_LEVEL_LOW);
    assert_int_equal(D.could_be, PTV_LEVEL_NONE);
    assert_true(D.complete); /* what could not matter is not missing */
}

static void only_levels_from_alert_from_count(void **state)
{
    (void)state;
    tree_rule(&T, "note", PTV_LEVEL_INFO, bad_tag());
    judge(TAGGED);
    assert_int_equal(D.verdict, PTV_VERDICT_NO_MATCH);
    assert_int_equal(D.severity, PTV_LEVEL_INFO);
    assert_string_equal(D.summary, "no_match: note matched at info, below low (read: tags). Not a clean bill.");
    judge(TAGS_FAILED); /* it could not reach the level */
    assert_int_equal(D.verdict, PTV_VERDICT_NO_MATCH);
    assert_false(D.complete);
    HOW.alert_from = PTV_LEVEL_INFO;
    judge(TAGGED);
    assert_int_equal(D.verdict, PTV_VERDICT_COMPROMISED);
    judge(TAGS_FAILED);
    assert_int_equal(D.verdict, PTV_VERDICT_UNKNOWN);
    HOW.alert_from = PTV_LEVEL_CRITICAL;
    ptv_rule *rule = tree_rule(&T, "levels", PTV_LEVEL_CRITICAL, malicious());
    tree_level(&T, rule, PTV_LEVEL_LOW, bad_tag());
    judge(SITE(",'tags':['ransomware'],'classification':{'failed':'HTTP 500'}"));
    assert_int_equal(D.verdict, PTV_VERDICT_UNKNOWN);
    assert_int_equal(D.severity, PTV_LEVEL_LOW);
    assert_int_equal(D.could_be, PTV_LEVEL_CRITICAL);
}

static void a_rule_may_count_unknown_as_a_match(void **state)
{
    (void)state;
    tree_rule(&T, "closed", PTV_LEVEL_HIGH, bad_tag())->on_unknown_match = true;
    judge(TAGS_FAILED);
    assert_int_equal(D.verdict, PTV_VERDICT_COMPROMISED);
    assert_int_equal(D.rules[0].outcome, PTV_OUT_MATCH);
    assert_int_equal(D.rules[0].severity, PTV_LEVEL_HIGH);
    assert_true(D.rules[0].on_unknown);
    assert_string_equal(D.rules[0].reason, "unknown counts as a match (tags: HTTP 503)");
    assert_false(D.complete);
    judge(TAGGED);
    assert_false(D.rules[0].on_unknown);
    judge(UNTAGGED);
    assert_int_equal(D.rules[0].outcome, PTV_OUT_NO_MATCH);
}

static void shadow_and_off_change_nothing(void **state)
{
    (void)state;
    tree_rule(&T, "shadow", PTV_LEVEL_HIGH, bad_tag())->status = PTV_SHADOW;
    tree_rule(&T, "off", PTV_LEVEL_HIGH, bad_tag())->status = PTV_OFF;
    judge(TAGGED);
    assert_int_equal(D.verdict, PTV_VERDICT_UNKNOWN);
    assert_int_equal(D.severity, PTV_LEVEL_NONE);
    assert_int_equal(D.rules[0].outcome, PTV_OUT_SHADOW_MATCH);
    assert_int_equal(D.rules[0].severity, PTV_LEVEL_HIGH);
    assert_string_equal(D.rules[0].reason, "tags has ransomware");
    assert_int_equal(D.rules[1].outcome, PTV_OUT_OFF);
    assert_string_equal(D.rules[1].reason, "its status is off");
    judge(TAGS_FAILED);
    assert_int_equal(D.verdict, PTV_VERDICT_UNKNOWN);
    assert_int_equal(D.rules[0].outcome, PTV_OUT_UNKNOWN);
    assert_true(D.complete);
}

static void a_rule_may_be_off_where_no_source_knows(void **state)
{
    (void)state;
    tree_rule(&T, "class", PTV_LEVEL_HIGH, malicious())->off_when_unsupported = true;
    ptv_record *r = tree_record(&MEM, UNTAGGED, NOW);
    r->sections[PTV_CLASSIFICATION].state = PTV_STATE_UNSUPPORTED;
    judge_record(r);
    assert_int_equal(D.rules[0].outcome, PTV_OUT_OFF);
    assert_int_equal(D.verdict, PTV_VERDICT_UNKNOWN);
    r->sections[PTV_CLASSIFICATION].state = PTV_STATE_FAILED;
    judge_record(r);
    assert_int_equal(D.verdict, PTV_VERDICT_UNKNOWN);
}

static void a_cut_list_can_leave_it_unknown(void **state)
{
    (void)state;
    tree_rule(&T, "busy", PTV_LEVEL_LOW, tree_number(&T, PTV_OP_AT_LEAST, "passive_dns.count", 10, 0));
    judge(SITE(",'passive_dns.count':4,'passive_dns.truncated':true"));
    assert_int_equal(D.verdict, PTV_VERDICT_UNKNOWN);
    assert_int_equal(D.unknown_kind, PTV_UNKNOWN_FIX); /* the same answer would come again */
    assert_string_equal(D.rules[0].reason, "passive_dns: more records exist than were sent");
    assert_int_equal(D.missing_count, 0);
    judge(SITE(",'passive_dns.count':12,'passive_dns.truncated':true"));
    assert_string_equal(D.rules[0].reason, "passive_dns.count is 12, at least 10");
}

static void not_routable_is_skipped_unless_something_matched(void **state)
{
    (void)state;
    tree_rule(&T, "flagged-tags", PTV_LEVEL_HIGH, bad_tag());
    ptv_record *r = tree_record(&MEM, "{'artifact':'10.0.0.1'}", NOW);
    r->sections[PTV_TAGS].cause = PTV_CAUSE_SETTINGS;
    HOW.not_routable = true;
    judge_record(r);
    assert_int_equal(D.verdict, PTV_VERDICT_SKIPPED);
    assert_int_equal(D.unknown_kind, PTV_UNKNOWN_NONE);
    assert_int_equal(D.could_be, PTV_LEVEL_NONE);
    assert_non_null(strstr(D.summary, "skipped: "));
    /* A local source that failed is another matter. */
    r->sections[PTV_TAGS].state = PTV_STATE_FAILED;
    judge_record(r);
    assert_int_equal(D.verdict, PTV_VERDICT_UNKNOWN);
    r = tree_record(&MEM, "{'artifact':'10.0.0.1','tags':['ransomware']}", NOW);
    judge_record(r);
    assert_int_equal(D.verdict, PTV_VERDICT_COMPROMISED);
    r = tree_record(&MEM, "{'artifact':'10.0.0.1','tags':[]}", NOW);
    judge_record(r);
    assert_int_equal(D.verdict, PTV_VERDICT_NO_MATCH); /* a local source answered all that was needed */
    tree_rule(&T, "class", PTV_LEVEL_HIGH, malicious());
    judge_record(r);
    assert_int_equal(D.verdict, PTV_VERDICT_SKIPPED); /* and here it did not */
}

/* --------------------------------------------------------------------------------------------- allowances */

static const ptv_cond *ours(void)
{
    return tree_text(&T, PTV_OP_LIKE, "artifact", "*.example");
}

static void an_allowance_on_the_artifact_suppresses_always(void **state)
{
    (void)state;
    tree_rule(&T, "flagged-tags", PTV_LEVEL_HIGH, bad_tag());
    tree_rule(&T, "class", PTV_LEVEL_HIGH, malicious());
    tree_rule(&T, "shadow", PTV_LEVEL_HIGH, bad_tag())->status = PTV_SHADOW;
    tree_allow(&T, "our-zones", ours(), "2027-01-31");
    const char *records[] = { TAGGED, UNTAGGED, TAGS_FAILED };
    for (size_t i = 0; i < 3; i++) {
        judge(records[i]);
        assert_int_equal(D.verdict, PTV_VERDICT_NO_MATCH);
        for (size_t rule = 0; rule < 3; rule++)
            assert_int_equal(D.rules[rule].outcome, PTV_OUT_SUPPRESSED);
        assert_string_equal(D.rules[0].suppressed_by, "our-zones");
        assert_string_equal(D.rules[0].suppress_reason, "because");
        assert_string_equal(D.summary, "no_match; flagged-tags, class suppressed by our-zones until 2027-01-31");
        assert_true(D.complete);
        assert_null(D.hit);
    }
}

static void another_allowance_suppresses_match_and_unknown(void **state)
{
    (void)state;
    tree_rule(&T, "flagged-tags", PTV_LEVEL_HIGH, bad_tag());
    ptv_rule *other = tree_rule(&T, "class", PTV_LEVEL_HIGH, malicious());
    ptv_allow *a = tree_allow(&T, "parked", tree_number(&T, PTV_OP_AT_LEAST, "subdomains.count", 5, 0), "2027-01-31");
    a->applies_to = (const char *[]){ "flagged-tags" };
    a->applies_count = 1;
    judge(SITE(",'tags':['ransomware'],'classification':'unknown','subdomains.count':5"));
    assert_int_equal(D.rules[0].outcome, PTV_OUT_SUPPRESSED);
    assert_int_equal(D.rules[0].severity, PTV_LEVEL_HIGH);
    assert_string_equal(D.rules[0].reason, "tags has ransomware");
    assert_int_equal(D.rules[0].suppressed_until, tree_day("2027-01-31").day * PTV_DAY_S);
    assert_string_equal(D.summary, "no_match; flagged-tags suppressed by parked until 2027-01-31");
    judge(SITE(",'tags':{'failed':'HTTP 503'},'classification':'unknown','subdomains.count':5"));
    assert_int_equal(D.rules[0].outcome, PTV_OUT_SUPPRESSED);
    assert_int_equal(D.verdict, PTV_VERDICT_NO_MATCH);
    judge(SITE(",'tags':[],'classification':'unknown','subdomains.count':5"));
    assert_int_equal(D.rules[0].outcome, PTV_OUT_NO_MATCH);
    judge(SITE(",'tags':[],'classification':'malicious','subdomains.count':5"));
    assert_int_equal(D.rules[1].outcome, PTV_OUT_MATCH); /* it does not apply */
    other->status = PTV_OFF;
    judge(SITE(",'tags':['ransomware'],'subdomains':{'failed':'HTTP 503'}"));
    assert_int_equal(D.verdict, PTV_VERDICT_COMPROMISED);
    assert_string_equal(D.warnings,
                        "flagged-tags is not suppressed: allowance parked could not be decided (subdomains: HTTP 503)");
}

static void an_expired_allowance_only_would_have(void **state)
{
    (void)state;
    tree_rule(&T, "flagged-tags", PTV_LEVEL_HIGH, bad_tag());
    tree_allow(&T, "old", ours(), "2026-04-30");
    judge(TAGGED);
    assert_int_equal(D.verdict, PTV_VERDICT_COMPROMISED);
    assert_string_equal(D.rules[0].would_suppress, "old");
    assert_null(D.rules[0].suppressed_by);
    judge(UNTAGGED);
    assert_null(D.rules[0].would_suppress);
    tree_allow(&T, "last-day", ours(), "2026-05-01");
    judge(TAGGED);
    assert_int_equal(D.rules[0].outcome, PTV_OUT_SUPPRESSED);
    assert_string_equal(D.rules[0].suppressed_by, "last-day");
}

/* --------------------------------------------------------------------------------------- card, note, words */

#define FULL                                                                                                                \
    SITE(",'link':'https://x.example/search/evil.example','tags':['Ransomware','apt32'],'classification':'malicious',"      \
         "'passive_dns':{'total_records':12,'count':9,'first_seen_text':'2019-01-02 03:04:05',"                             \
         "'last_seen_text':'2026-04-30 00:00:00'},'subdomains':{'count':12,'names':['a.evil.example',"                      \
         "'b.evil.example','c.evil.example','d.evil.example','e.evil.example','f.evil.example','g.evil.example',"           \
         "'h.evil.example','i.evil.example','j.evil.example','k.evil.example','l.evil.example']}")

static void assert_property(size_t i, const char *name, ptv_hit_type type, const char *value)
{
    assert_true(i < D.hit_count);
    assert_string_equal(D.hit[i].name, name);
    assert_string_equal(D.hit[i].value, value);
    assert_int_equal(D.hit[i].type, type);
}

static void the_standard_hit_is_the_old_apps(void **state)
{
    (void)state;
    ptv_rule *rule = tree_rule(&T, "flagged-tags", PTV_LEVEL_HIGH, bad_tag());
    tree_hit(&T, rule, NULL, 0, (ptv_piece){ 0 });
    ptv_piece matched = tree_value("tags");
    matched.word = PTV_PH_MATCHED;
    tree_hit(&T, rule, "Matched tags", PTV_HIT_STRING, matched);
    judge(FULL);
    assert_int_equal(D.hit_count, 10);
    assert_property(0, "Number of Passive DNS Records", PTV_HIT_NUMBER, "12");
    assert_property(1, "First Seen", PTV_HIT_STRING, "2019-01-02 03:04:05");
    assert_property(2, "Last Seen", PTV_HIT_STRING, "2026-04-30 00:00:00");
    assert_property(3, "Subdomains - All", PTV_HIT_NUMBER, "12");
    assert_property(4, "Subdomains - First ten Hostnames", PTV_HIT_STRING,
                    "a.evil.example, b.evil.example, c.evil.example, d.evil.example, e.evil.example, f.evil.example, "
                    "g.evil.example, h.evil.example, i.evil.example, j.evil.example");
    assert_property(5, "Tags", PTV_HIT_STRING, "Ransomware, apt32");
    assert_property(6, "Classification", PTV_HIT_STRING, "malicious");
    assert_property(7, "Report Link", PTV_HIT_URI, "https://x.example/search/evil.example");
    assert_property(8, "Matched tags", PTV_HIT_STRING, "ransomware");
    assert_property(9, "Rules", PTV_HIT_STRING, "flagged-tags");
    assert_true(D.complete);
}

static void what_a_match_could_not_show_is_named(void **state)
{
    (void)state;
    ptv_rule *rule = tree_rule(&T, "flagged-tags", PTV_LEVEL_HIGH, bad_tag());
    tree_hit(&T, rule, NULL, 0, (ptv_piece){ 0 });
    judge(SITE(
        ",'tags':['ransomware'],'classification':null,'passive_dns':{'failed':'HTTP 503'},'subdomains':{'failed':'quota'}"));
    assert_int_equal(D.verdict, PTV_VERDICT_COMPROMISED);
    assert_int_equal(D.hit_count, 4);
    assert_property(0, "Tags", PTV_HIT_STRING, "ransomware");
    assert_property(2, "Rules", PTV_HIT_STRING, "flagged-tags");
    assert_property(3, "Not read", PTV_HIT_STRING, "passive_dns (HTTP 503), subdomains (quota)");
    assert_false(D.complete);
    assert_int_equal(D.missing_count, 2);
    assert_int_equal(D.missing[0].section, PTV_PASSIVE_DNS);
    assert_int_equal(D.missing[1].section, PTV_SUBDOMAINS);
    assert_int_equal(D.unknown_kind, PTV_UNKNOWN_NONE);
}

static void names_on_a_card_are_unique(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        ptv_rule *rule = tree_rule(&T, i == 0 ? "a" : i == 1 ? "b" : "c", PTV_LEVEL_LOW, bad_tag());
        if (i < 2)
            tree_hit(&T, rule, NULL, 0, (ptv_piece){ 0 });
        tree_hit(&T, rule, i < 2 ? "Class" : "Rules", PTV_HIT_STRING, tree_value("classification"));
    }
    judge(SITE(",'tags':['ransomware'],'classification':'malicious','passive_dns.count':null,'subdomains.count':null"));
    assert_int_equal(D.hit_count, 6);
    assert_property(0, "Tags", PTV_HIT_STRING, "ransomware");
    assert_property(1, "Classification", PTV_HIT_STRING, "malicious");
    assert_property(2, "Class", PTV_HIT_STRING, "malicious");
    assert_property(3, "Class (b)", PTV_HIT_STRING, "malicious");
    assert_property(4, "Rules (c)", PTV_HIT_STRING, "malicious");
    assert_property(5, "Rules", PTV_HIT_STRING, "a, b, c");
    assert_string_equal(D.warnings, "hit field 'Class' is named by more than one rule: shown as 'Class (b)'\n"
                                    "hit field 'Rules' is named by more than one rule: shown as 'Rules (c)'");
}

static void notes_are_a_paragraph_a_rule(void **state)
{
    (void)state;
    ptv_rule *a = tree_rule(&T, "a", PTV_LEVEL_LOW, bad_tag()), *b = tree_rule(&T, "b", PTV_LEVEL_HIGH, bad_tag());
    LINE(&T, &a->note, false, tree_value("artifact"), tree_literal(" is bad."));
    LINE(&T, &a->note, false, tree_literal("See to it."));
    ptv_piece severity = { .word = PTV_PH_SEVERITY, .first = -1 }, reason = { .word = PTV_PH_REASON, .first = -1 };
    LINE(&T, &b->note, false, severity, tree_literal(": "), reason);
    judge(TAGGED);
    assert_string_equal(D.note, "evil.example is bad.\nSee to it.\n\nhigh: tags has ransomware");
}

static void reasons_are_words(void **state)
{
    (void)state;
    struct {
        const ptv_cond *c;
        const char *reason;
    } rows[] = {
        { tree_text(&T, PTV_OP_HAS_ALL, "tags", "apt32 ransomware"), "tags has apt32, ransomware" },
        { tree_text(&T, PTV_OP_HAS_NONE, "tags", "sinkhole"), "tags has none of sinkhole" },
        { tree_text(&T, PTV_OP_LIKE_ANY, "tags", "apt*"), "tags has apt32" },
        { tree_number(&T, PTV_OP_COUNT_AT_LEAST, "tags", 2, 0), "tags has 2, at least 2" },
        { tree_text(&T, PTV_OP_IS_NOT, "classification", "unknown"), "classification is malicious, not unknown" },
        { tree_text(&T, PTV_OP_LIKE, "artifact", "evil.*"), "artifact is evil.example, like evil.*" },
        { tree_number(&T, PTV_OP_AT_MOST, "passive_dns.count", 0, 10), "passive_dns.count is 9, at most 10" },
        { tree_number(&T, PTV_OP_BETWEEN, "passive_dns.count", 1, 10), "passive_dns.count is 9, between 1 and 10" },
        { tree_number(&T, PTV_OP_EQUALS, "passive_dns.count", 9, 9), "passive_dns.count is 9" },
        { tree_leaf(&T, PTV_OP_IS_MISSING, "passive_dns.first_seen"), "passive_dns.first_seen is missing" },
        { tree_leaf(&T, PTV_OP_IS_PRESENT, "tags"), "tags is present" },
        { NONE_OF(&T, tree_text(&T, PTV_OP_HAS_ANY, "tags", "x")), "nothing that was excluded holds" },
        { ALL_OF(&T, malicious(), NONE_OF(&T, tree_text(&T, PTV_OP_HAS_ANY, "tags", "x"))), "classification is malicious" },
        { ANY_OF(&T, tree_text(&T, PTV_OP_HAS_ANY, "tags", "x"), malicious(), bad_tag()), "classification is malicious" },
        { AT_LEAST_OF(&T, 2, bad_tag(), tree_text(&T, PTV_OP_HAS_ANY, "tags", "x"), malicious()),
          "tags has ransomware; classification is malicious" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        tree_rule(&T, "r", PTV_LEVEL_LOW, rows[i].c);
    judge(FULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(D.rules[i].outcome, PTV_OUT_MATCH);
        assert_string_equal(D.rules[i].reason, rows[i].reason);
    }
}

static void a_time_in_the_future_is_warned_of(void **state)
{
    (void)state;
    tree_rule(&T, "fresh", PTV_LEVEL_LOW, tree_time(&T, PTV_OP_WITHIN, "passive_dns.first_seen", "30d"));
    judge(SITE(",'passive_dns.first_seen':'2026-05-02'"));
    assert_int_equal(D.verdict, PTV_VERDICT_COMPROMISED);
    assert_string_equal(D.warnings, "passive_dns.first_seen lies in the future; it counts as recent");
    judge(SITE(",'passive_dns.first_seen':'2026-05-01T23:00:00Z'")); /* the same day: sources write times without a zone */
    assert_null(D.warnings);
    T.rs.rule_count = 0;
    tree_rule(
        &T, "rows", PTV_LEVEL_LOW,
        tree_column(&T, tree_number(&T, PTV_OP_AT_LEAST, "passive_dns.records", 1, 0), PTV_OP_WITHIN, "first_seen", "12h"));
    judge(SITE(",'passive_dns.records':[{'type':'A','resolve':'192.0.2.1','first_seen':'2026-05-01T12:00:01Z'}]"));
    assert_string_equal(D.warnings, "passive_dns.records has times in the future; they count as recent");
}

static void values_from_outside_are_escaped_in_words(void **state)
{
    (void)state;
    ptv_rule *rule = tree_rule(&T, "r", PTV_LEVEL_LOW, tree_text(&T, PTV_OP_LIKE_ANY, "tags", "x*"));
    LINE(&T, &rule->note, false, tree_value("tags"));
    tree_hit(&T, rule, "Tags", PTV_HIT_STRING, tree_value("tags"));
    judge(SITE(",'tags':['x\\u001b[31m\\nred']"));
    assert_string_equal(D.rules[0].reason, "tags has x\\x1b[31m\\x0ared");
    assert_string_equal(D.note, "x\\x1b[31m\\x0ared");
    assert_property(0, "Tags", PTV_HIT_STRING, "x\033[31m\nred"); /* escaped by whoever prints it */
    judge(SITE(",'tags':{'failed':'HTTP 503: \\u001b]0;title'}"));
    assert_non_null(strstr(D.summary, "HTTP 503: \\x1b]0;title"));
}

/* ---------------------------------------------------------------------------------------- trace and truths */

static void a_trace_evaluates_everything_and_decides_nothing(void **state)
{
    (void)state;
    const ptv_cond *tags = bad_tag(), *class = malicious(), *seen = recent();
    ptv_rule *rule = tree_rule(&T, "r", PTV_LEVEL_HIGH, ANY_OF(&T, tags, class, seen));
    tree_level(&T, rule, PTV_LEVEL_LOW, tree_number(&T, PTV_OP_AT_LEAST, "passive_dns.count", 3, 0));
    const char *json =
        SITE(",'tags':['ransomware'],'classification':{'failed':'HTTP 503'},'passive_dns.last_seen':'2030-01-01'");
    uint8_t truths[8];
    HOW.truths = truths;
    judge(json);
    assert_null(D.rules[0].trace);
    assert_int_equal(truths[tags->node], PTV_YES);
    assert_int_equal(truths[class->node], PTV_NOT_EVALUATED);
    HOW.trace = true;
    judge(json);
    assert_null(D.warnings); /* the test of the future time was not needed to decide */
    assert_int_equal(D.rules[0].trace_count, 2);
    const ptv_trace *root = D.rules[0].trace;
    assert_string_equal(root[0].text, "high: any");
    assert_int_equal(root[0].truth, PTV_YES);
    assert_null(root[0].seen);
    assert_int_equal(root[0].kid_count, 3);
    assert_string_equal(root[0].kids[0].text, "tags:has_any");
    assert_string_equal(root[0].kids[0].seen, "ransomware");
    assert_string_equal(root[0].kids[0].file, "by-hand.lua");
    assert_int_equal(root[0].kids[1].truth, PTV_UNSURE);
    assert_string_equal(root[0].kids[1].seen, "classification: HTTP 503");
    assert_string_equal(root[0].kids[2].seen, "2030-01-01");
    assert_int_equal(root[1].truth, PTV_NO);
    assert_string_equal(root[1].seen, "absent");
    assert_int_equal(truths[class->node], PTV_UNSURE);
    assert_int_equal(truths[seen->node], PTV_YES);
    HOW.invert = (int)tags->node;
    judge(json);
    assert_int_equal(D.rules[0].trace[0].kids[0].truth, PTV_NO);
}

static void an_inverted_condition_changes_the_outcome(void **state)
{
    (void)state;
    const ptv_cond *tags = bad_tag();
    tree_rule(&T, "r", PTV_LEVEL_HIGH, tags);
    HOW.invert = (int)tags->node;
    judge(TAGGED);
    assert_int_equal(D.verdict, PTV_VERDICT_NO_MATCH);
    judge(UNTAGGED);
    assert_int_equal(D.verdict, PTV_VERDICT_COMPROMISED);
    judge(TAGS_FAILED);
    assert_int_equal(D.verdict, PTV_VERDICT_UNKNOWN);
}

static void a_time_test_needs_a_time(void **state)
{
    (void)state;
    tree_rule(&T, "r", PTV_LEVEL_HIGH, ANY_OF(&T, bad_tag(), recent()));
    HOW.time_required = true;
    HOW.trace = true;
    ptv_error err = { 0 };
    ptv_record *r = tree_record(&MEM, SITE(",'tags':['ransomware'],'passive_dns.last_seen':'2026-04-30'"), NULL);
    judge_record(r); /* it did not run; the trace says what it would have needed */
    assert_string_equal(D.rules[0].trace->kids[1].seen, "2026-04-30 (needs --now)");
    r = tree_record(&MEM, SITE(",'tags':[],'passive_dns.last_seen':'2026-04-30'"), NULL);
    ptv_decision untouched = { .rule_count = 77 };
    assert_int_equal(ptv_ruleset_judge(&untouched, &MEM, &T.rs, r, &HOW, &err), PTV_EINVAL);
    assert_string_equal(err.msg, "needs --now: the record has no fetched_at");
    assert_int_equal(untouched.rule_count, 77);
    /* Whether an allowance has expired is a time test too. */
    T.rs.rule_count = 0;
    tree_rule(&T, "t", PTV_LEVEL_HIGH, bad_tag());
    tree_allow(&T, "our-zones", ours(), "2027-01-31");
    assert_int_equal(ptv_ruleset_judge(&untouched, &MEM, &T.rs, r, &HOW, &err), PTV_EINVAL);
}

/* ------------------------------------------------------------------------------------- identity and memory */

static void the_same_input_has_the_same_id(void **state)
{
    (void)state;
    tree_rule(&T, "flagged-tags", PTV_LEVEL_HIGH, bad_tag());
    char first[PTV_DIGEST_HEX];
    ptv_record *r = judge(TAGGED);
    memcpy(first, D.id, sizeof first);
    assert_int_equal(strlen(first), 32);
    judge(TAGGED);
    assert_string_equal(D.id, first);
    r->now++;
    judge_record(r);
    assert_string_not_equal(D.id, first);
    r->now--;
    T.rs.settings_digest[0]++;
    judge_record(r);
    assert_string_not_equal(D.id, first);
    assert_string_equal(D.settings_digest, T.rs.settings_digest);
    T.rs.settings_digest[0]--;
    judge(UNTAGGED);
    assert_string_not_equal(D.id, first);
    ptv_digest *hasher = T.rs.hasher;
    T.rs.hasher = NULL; /* a set made without one */
    judge(TAGGED);
    T.rs.hasher = hasher;
    assert_string_equal(D.id, first);
}

static void running_out_of_memory_anywhere_is_said(void **state)
{
    (void)state;
    ptv_rule *rule = tree_rule(&T, "flagged-tags", PTV_LEVEL_HIGH, bad_tag());
    tree_level(&T, rule, PTV_LEVEL_LOW, malicious());
    tree_hit(&T, rule, NULL, 0, (ptv_piece){ 0 });
    ptv_piece matched = tree_value("tags");
    matched.word = PTV_PH_MATCHED;
    tree_hit(&T, rule, "Tags", PTV_HIT_STRING, matched);
    ptv_piece rows = tree_value("passive_dns.records");
    rows.show = PTV_SHOW_LIST;
    LINE(&T, &rule->note, false, tree_value("tags"), rows);
    tree_rule(&T, "class", PTV_LEVEL_HIGH, malicious());
    tree_allow(&T, "never", tree_number(&T, PTV_OP_AT_LEAST, "subdomains.count", 5, 0), "2027-01-31");
    ptv_record *r = tree_record(&MEM,
                                SITE(",'tags':['ransomware'],'classification':{'failed':'HTTP 503'},"
                                     "'passive_dns.records':[{'type':'A','resolve':'192.0.2.1'}]"),
                                NOW);
    HOW.trace = true;
    size_t before = ptv_mem_live();
    ptv_code rc = PTV_ENOMEM;
    unsigned long n = 0;
    for (; rc; n++) {
        ptv_arena mem = PTV_ARENA(1 << 20);
        ptv_error err = { 0 };
        ptv_decision d = { .rule_count = 77 };
        ptv_mem_fail_at(n + 1);
        rc = ptv_ruleset_judge(&d, &mem, &T.rs, r, &HOW, &err);
        ptv_mem_fail_at(0);
        if (rc) {
            assert_int_equal(rc, PTV_ENOMEM);
            assert_int_equal(err.code, PTV_ENOMEM);
            assert_int_equal(d.rule_count, 77);
        }
        ptv_arena_release(&mem);
        assert_int_equal(ptv_mem_live(), before);
    }
    assert_true(n > 3);
    for (size_t limit = 0; limit < 6000; limit += 64) { /* and the same for the arena's ceiling */
        ptv_arena mem = PTV_ARENA(limit);
        ptv_error err = { 0 };
        rc = ptv_ruleset_judge(&D, &mem, &T.rs, r, &HOW, &err);
        assert_true(rc == PTV_OK || rc == PTV_ETOOBIG);
        ptv_arena_release(&mem);
    }
    assert_int_equal(rc, PTV_OK);
}

int main(void)
{
#define T_(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T_(a_rule_that_holds_makes_it_compromised),
        T_(no_match_says_what_was_read),
        T_(without_live_rules_it_says_so),
        T_(a_failed_call_makes_it_unknown),
        T_(one_cause_that_passes_is_enough_to_ask_again),
        T_(an_undecided_higher_level_is_named),
        T_(only_levels_from_alert_from_count),
        T_(a_rule_may_count_unknown_as_a_match),
        T_(shadow_and_off_change_nothing),
        T_(a_rule_may_be_off_where_no_source_knows),
        T_(a_cut_list_can_leave_it_unknown),
        T_(not_routable_is_skipped_unless_something_matched),
        T_(an_allowance_on_the_artifact_suppresses_always),
        T_(another_allowance_suppresses_match_and_unknown),
        T_(an_expired_allowance_only_would_have),
        T_(the_standard_hit_is_the_old_apps),
        T_(what_a_match_could_not_show_is_named),
        T_(names_on_a_card_are_unique),
        T_(notes_are_a_paragraph_a_rule),
        T_(reasons_are_words),
        T_(a_time_in_the_future_is_warned_of),
        T_(values_from_outside_are_escaped_in_words),
        T_(a_trace_evaluates_everything_and_decides_nothing),
        T_(an_inverted_condition_changes_the_outcome),
        T_(a_time_test_needs_a_time),
        T_(the_same_input_has_the_same_id),
        T_(running_out_of_memory_anywhere_is_said),
    };
    return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
