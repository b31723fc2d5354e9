/*
 * test_load.c: the rule language, word by word, as the tree it becomes; and what identifies a set.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "rules/template_parse.h"
#include "rules_help.h"

static void load(rules_test *t, const char *text)
{
    if (rules_load_text(t, text))
        print_error("%s\n%s", text, t->said);
    assert_non_null(t->rs);
}

/* The condition of a rule with this `when`. */
static const ptv_cond *when(rules_test *t, const char *text)
{
    ptv_buf source = PTV_BUF(1 << 20);
    ptv_buf_printf(&source, "rule 'a' { severity = 'low', when = %s }", text);
    load(t, source.data);
    ptv_buf_release(&source);
    return t->rs->rules[0]->levels[0].when;
}

static void loads_the_files_that_ship(void **state)
{
    rules_test *t = *state;
    assert_int_equal(fchdir(t->home), 0);
    static const ptv_rule_setting settings[] = { { "passivetotal_tags", "compromised, ransomware", "app.config:3", false } };
    t->options.settings = settings;
    t->options.setting_count = 1;
    ptv_code rc = rules_load_paths(t, (const char *const[]){ "rules", "examples/rules", NULL });
    assert_int_equal(chdir(t->folder), 0);
    if (rc)
        print_error("%s", t->said);
    assert_int_equal(rc, PTV_OK);
    assert_says_only(t, "");
    assert_int_equal(t->rs->rule_count, 4);
    static const char *const ids[] = { "flagged-tags", "fresh-and-busy", "classification", "random-label" };
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(t->rs->rules[i]->id, ids[i]);
    const ptv_rule *flagged = t->rs->rules[0], *fresh = t->rs->rules[1], *levels = t->rs->rules[2];
    assert_string_equal(flagged->title, "Carries a tag from our list");
    assert_string_equal(flagged->levels[0].when->text, "tags:has_any{\"compromised\", \"ransomware\"}");
    assert_int_equal(flagged->judged_sections, PTV_BIT(PTV_TAGS));
    assert_int_equal(flagged->hit_count, 2);
    assert_true(flagged->hit[0].standard);
    assert_string_equal(flagged->hit[1].name, "Matched tags");
    assert_int_equal(flagged->note.count, 3);
    assert_true(!flagged->note.lines[0].optional && flagged->note.lines[1].optional);
    assert_int_equal(fresh->status, PTV_SHADOW);
    const ptv_cond *count = fresh->levels[0].when->kids[2]->kids[1];
    assert_string_equal(count->text, "passive_dns.records:count{type = \"A\", first_seen = within \"7d\"}:at_least(5)");
    assert_string_equal(fresh->levels[0].when->kids[0]->text, "passive_dns.first_seen:within \"30d\"");
    assert_int_equal(levels->level_count, 3);
    assert_int_equal(levels->levels[0].level, PTV_LEVEL_CRITICAL);
    assert_int_equal(levels->levels[2].level, PTV_LEVEL_LOW);
    assert_int_equal(t->rs->allow_count, 1);
    assert_true(t->rs->allows[0]->artifact_only);
    assert_int_equal(t->rs->file_count, 5); /* with lists and exceptions.csv, without tests */
}

static void reads_every_test_of_every_type(void **state)
{
    rules_test *t = *state;
    static const struct {
        const char *source, *text;
        ptv_op op;
        size_t words;
    } rows[] = {
        { "tags:has_any { 'B', ' a ', 'b' }", "tags:has_any{\"B\", \" a \", \"b\"}", PTV_OP_HAS_ANY, 2 },
        { "tags.has_any { 'b' }", "tags:has_any{\"b\"}", PTV_OP_HAS_ANY, 1 },
        { "tags:has_any 'b'", "tags:has_any{\"b\"}", PTV_OP_HAS_ANY, 1 },
        { "tags:has_all { 'a', 'b' }", "tags:has_all{\"a\", \"b\"}", PTV_OP_HAS_ALL, 2 },
        { "tags:has_none { 'a' }", "tags:has_none{\"a\"}", PTV_OP_HAS_NONE, 1 },
        { "tags:like_any { 'APT*' }", "tags:like_any{\"APT*\"}", PTV_OP_LIKE_ANY, 1 },
        { "tags:count_at_least(3)", "tags:count_at_least(3)", PTV_OP_COUNT_AT_LEAST, 0 },
        { "classification:is 'malicious'", "classification:is \"malicious\"", PTV_OP_IS, 1 },
        { "classification.is 'Malicious'", "classification:is \"Malicious\"", PTV_OP_IS, 1 },
        { "classification:is_any { 'malicious', 'suspicious' }", "classification:is_any{\"malicious\", \"suspicious\"}",
          PTV_OP_IS_ANY, 2 },
        { "classification:is_not 'unknown'", "classification:is_not \"unknown\"", PTV_OP_IS_NOT, 1 },
        { "classification:in_list { 'unknown' }", "classification:in_list{\"unknown\"}", PTV_OP_IN_LIST, 1 },
        { "artifact:like '*.evil.*'", "artifact:like \"*.evil.*\"", PTV_OP_LIKE, 1 },
        { "artifact:in_list { 'evil.example', '192.0.2.0/24' }", "artifact:in_list{\"evil.example\", \"192.0.2.0/24\"}",
          PTV_OP_IN_LIST, 2 },
        { "artifact:in_zone 'corp.example'", "artifact:in_zone{\"corp.example\"}", PTV_OP_IN_ZONE, 1 },
        { "artifact:in_cidr { '10.0.0.0/8' }", "artifact:in_cidr{\"10.0.0.0/8\"}", PTV_OP_IN_CIDR, 1 },
        { "artifact_type:is 'ip'", "artifact_type:is \"ip\"", PTV_OP_IS, 1 },
        { "passive_dns.count:at_least(10)", "passive_dns.count:at_least(10)", PTV_OP_AT_LEAST, 0 },
        { "passive_dns.count.at_most(2.5)", "passive_dns.count:at_most(2.5)", PTV_OP_AT_MOST, 0 },
        { "passive_dns.count:between(1, 5)", "passive_dns.count:between(1, 5)", PTV_OP_BETWEEN, 0 },
        { "passive_dns.count:equals(7)", "passive_dns.count:equals(7)", PTV_OP_EQUALS, 0 },
        { "account.quota_exceeded:is(true)", "account.quota_exceeded:is(true)", PTV_OP_IS, 0 },
        { "passive_dns.first_seen:within '30d'", "passive_dns.first_seen:within \"30d\"", PTV_OP_WITHIN, 0 },
        { "passive_dns.first_seen:older_than '12h'", "passive_dns.first_seen:older_than \"12h\"", PTV_OP_OLDER_THAN, 0 },
        { "passive_dns.last_seen:before '2026-01-31'", "passive_dns.last_seen:before \"2026-01-31\"", PTV_OP_BEFORE, 0 },
        { "passive_dns.last_seen:after '2026-01-31'", "passive_dns.last_seen:after \"2026-01-31\"", PTV_OP_AFTER, 0 },
        { "link:is_present()", "link:is_present()", PTV_OP_IS_PRESENT, 0 },
        { "passive_dns.records:is_missing()", "passive_dns.records:is_missing()", PTV_OP_IS_MISSING, 0 },
        { "passive_dns.records:any { resolve = '192.0.2.1' }", "passive_dns.records:any{resolve = \"192.0.2.1\"}",
          PTV_OP_AT_LEAST, 0 },
        { "passive_dns.records:count {}:equals(0)", "passive_dns.records:count{}:equals(0)", PTV_OP_EQUALS, 0 },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const ptv_cond *c = when(t, rows[i].source);
        assert_string_equal(c->text, rows[i].text);
        assert_int_equal(c->op, rows[i].op);
        assert_int_equal(c->args.word_count, rows[i].words);
        assert_int_equal(c->sections, c->field->section == PTV_ALWAYS ? 0 : PTV_BIT(c->field->section));
        assert_int_equal(c->line, 1);
    }
}

static void folds_words_and_reads_spans_and_days(void **state)
{
    rules_test *t = *state;
    const ptv_cond *c = when(t, "tags:has_any { 'Zeus', ' apt ', 'zeus' }");
    assert_string_equal(c->args.words[0], "apt");
    assert_string_equal(c->args.words[1], "zeus");
    c = when(t, "passive_dns.first_seen:within '2w'");
    assert_int_equal(c->args.span_s, 14 * 86400);
    assert_true(c->args.by_day);
    c = when(t, "passive_dns.first_seen:within '12h'");
    assert_int_equal(c->args.span_s, 12 * 3600);
    assert_false(c->args.by_day);
    c = when(t, "passive_dns.first_seen:before '1970-01-02'");
    assert_int_equal(c->args.day, 1);
    c = when(t, "passive_dns.count:between(2, 3)");
    assert_true(c->args.low == 2 && c->args.high == 3);
    c = when(t, "passive_dns.count:at_most(3)");
    assert_true(c->args.high == 3);
}

static void reads_filters_in_table_order(void **state)
{
    rules_test *t = *state;
    const ptv_cond *c =
        when(t, "passive_dns.records:count { sources = { 'kaspersky', 'RiskIQ' }, last_seen = after '2026-01-01', "
                "resolve = like '192.0.2.*', type = { 'A', 'AAAA' } }:at_least(2)");
    assert_string_equal(
        c->text, "passive_dns.records:count{type = {\"A\", \"AAAA\"}, resolve = like{\"192.0.2.*\"}, last_seen = after "
                 "\"2026-01-01\", sources = {\"kaspersky\", \"RiskIQ\"}}:at_least(2)");
    assert_int_equal(c->filter_count, 4);
    assert_int_equal(c->filter[0].op, PTV_OP_IS_ANY);
    assert_string_equal(c->filter[0].args.words[0], "a");
    assert_int_equal(c->filter[1].op, PTV_OP_LIKE);
    assert_int_equal(c->filter[2].op, PTV_OP_AFTER);
    assert_int_equal(c->filter[3].op, PTV_OP_HAS_ANY);
    assert_string_equal(c->filter[3].args.words[1], "riskiq");
}

static void combines(void **state)
{
    rules_test *t = *state;
    const ptv_cond *c =
        when(t, "all { any { tags:has_any 'a', link:is_present() },\n none { classification:is 'malicious' },\n"
                "at_least_of(2) { tags:has_any 'a', tags:has_any 'b', passive_dns.count:at_least(1) } }");
    assert_string_equal(c->text, "all");
    assert_int_equal(c->kid_count, 3);
    assert_int_equal(c->sections, PTV_BIT(PTV_TAGS) | PTV_BIT(PTV_CLASSIFICATION) | PTV_BIT(PTV_PASSIVE_DNS));
    assert_int_equal(c->kids[1]->op, PTV_OP_NONE);
    assert_int_equal(c->kids[1]->line, 2);
    assert_string_equal(c->kids[2]->text, "at_least_of(2)");
    assert_true(c->kids[2]->args.low == 2);
    for (unsigned i = 0; i < t->rs->node_count; i++)
        assert_int_equal(t->rs->nodes[i]->node, i);
    assert_int_equal(t->rs->node_count, 10);
}

static void folds_unless_into_every_level(void **state)
{
    rules_test *t = *state;
    load(t, "rule 'a' {\n severity = 'high', when = tags:has_any 'a',\n unless = artifact:in_zone 'corp.example' }\n"
            "rule 'b' { unless = tags:has_any 'x', levels = { low = tags:has_any 'a', high = tags:has_any 'b' } }");
    const ptv_cond *c = t->rs->rules[0]->levels[0].when;
    assert_int_equal(c->op, PTV_OP_ALL);
    assert_int_equal(c->kids[1]->op, PTV_OP_NONE);
    assert_int_equal(c->kids[1]->line, 3);
    assert_string_equal(c->kids[1]->kids[0]->text, "artifact:in_zone{\"corp.example\"}");
    const ptv_rule *b = t->rs->rules[1];
    assert_int_equal(b->level_count, 2);
    assert_int_equal(b->levels[0].level, PTV_LEVEL_HIGH);
    assert_ptr_equal(b->levels[0].when->kids[1]->kids[0], b->levels[1].when->kids[1]->kids[0]);
}

static void reads_every_key_of_a_rule(void **state)
{
    rules_test *t = *state;
    load(t, "rule 'a' { title = 'T', severity = 'info', when = tags:has_any 'a', status = 'off', on_unknown = 'match',\n"
            "when_unsupported = 'off', description = 'D', owner = 'O', references = { 'r1', 'r2' }, false_positives = 'F',\n"
            "next_step = 'N', attack = { 'T1566', 'T1583' }, hit = { { 'One', passive_dns.count }, { 'Two', '{link}' }, { "
            "'Three', 3 },\n"
            "{ 'Four', 'x {tags|list} y' }, { 'Five', subdomains.names.matched } }, note = 'first\\nsecond' }\n"
            "rule 'b' { severity = 'low', when = tags:has_any 'a', hit = standard }");
    const ptv_rule *r = t->rs->rules[0];
    assert_string_equal(r->title, "T");
    assert_int_equal(r->status, PTV_OFF);
    assert_true(r->on_unknown_match && r->off_when_unsupported);
    assert_string_equal(r->description, "D");
    assert_string_equal(r->owner, "O");
    assert_string_equal(r->references, "r1, r2");
    assert_string_equal(r->false_positives, "F");
    assert_string_equal(r->next_step, "N");
    assert_string_equal(r->attack, "T1566, T1583");
    assert_int_equal(r->hit_count, 5);
    static const ptv_hit_type types[] = { PTV_HIT_NUMBER, PTV_HIT_URI, PTV_HIT_NUMBER, PTV_HIT_STRING, PTV_HIT_STRING };
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(r->hit[i].type, types[i]);
    assert_int_equal(r->hit[4].value.lines[0].pieces[0].word, PTV_PH_MATCHED);
    assert_int_equal(r->shown_sections, PTV_BIT(PTV_PASSIVE_DNS) | PTV_BIT(PTV_TAGS) | PTV_BIT(PTV_SUBDOMAINS));
    assert_int_equal(r->note.count, 2);
    assert_string_equal(t->rs->rules[1]->title, "b");
    assert_int_equal(t->rs->rules[1]->shown_sections,
                     PTV_BIT(PTV_TAGS) | PTV_BIT(PTV_CLASSIFICATION) | PTV_BIT(PTV_PASSIVE_DNS) | PTV_BIT(PTV_SUBDOMAINS));
}

static void reads_settings(void **state)
{
    rules_test *t = *state;
    static const ptv_rule_setting settings[] = { { "fresh", "7d", "app.config:2", true },
                                                 { "busy", "12", "app.config:3", true },
                                                 { "words", "A, b ,,c", "app.config:4", true } };
    t->options.settings = settings;
    t->options.setting_count = 3;
    load(t, "local n = tonumber(setting 'busy')\n"
            "rule 'a' { severity = 'low', when = all { passive_dns.first_seen:within(setting 'fresh'), "
            "passive_dns.count:at_least(setting 'busy'), tags:has_any(setting 'words'), passive_dns.count:at_most(n * 2),\n"
            "passive_dns.last_seen:within(setting('stale', '90d')), tags:has_none(setting('none', 'x,y')) } }");
    const ptv_cond *c = t->rs->rules[0]->levels[0].when;
    assert_string_equal(c->kids[0]->text, "passive_dns.first_seen:within \"7d\"");
    assert_true(c->kids[1]->args.low == 12);
    assert_int_equal(c->kids[2]->args.word_count, 3);
    assert_string_equal(c->kids[2]->text, "tags:has_any{\"A\", \"b\", \"c\"}");
    assert_true(c->kids[3]->args.high == 24);
    assert_int_equal(c->kids[4]->args.span_s, 90 * 86400);
    assert_int_equal(c->kids[5]->args.word_count, 2);
}

static void reads_an_allowance(void **state)
{
    rules_test *t = *state;
    load(t, "allow 'ours' { reason = 'R', owner = 'O', expires = '2027-01-31', when = artifact:in_zone { 'corp.example' }, "
            "applies_to = 'a' }\n"
            "allow 'known' { reason = 'R', owner = 'O', expires = '2027-01-31', when = tags:has_any 'sinkhole' }\n"
            "rule 'a' { severity = 'low', when = tags:has_any 'a' }");
    assert_int_equal(t->rs->allow_count, 2);
    const ptv_allow *a = t->rs->allows[0];
    assert_string_equal(a->id, "ours");
    assert_int_equal(a->expires_day, 20849);
    assert_int_equal(a->applies_count, 1);
    assert_true(a->artifact_only);
    assert_false(t->rs->allows[1]->artifact_only);
    assert_null(t->rs->allows[1]->applies_to);
}

static void lets_lua_build_conditions(void **state)
{
    rules_test *t = *state;
    load(t, "local bad = {}\nfor _, word in ipairs { 'a', 'b' } do insert(bad, tags:has_any(word)) end\n"
            "local busy = passive_dns.count:at_least(10)\n"
            "rule 'x' { severity = 'low', when = all { any(bad), busy } }\nrule('y', { severity = 'low', when = busy })");
    assert_int_equal(t->rs->rule_count, 2);
    assert_int_equal(t->rs->rules[0]->levels[0].when->kids[0]->kid_count, 2);
    assert_int_equal(t->rs->rules[0]->levels[0].when->kids[0]->kids[0]->line, 2);
    assert_ptr_equal(t->rs->rules[0]->levels[0].when->kids[1], t->rs->rules[1]->levels[0].when);
    assert_string_equal(t->said, "");
}

static void takes_files_in_byte_order_of_names(void **state)
{
    rules_test *t = *state;
    mkdir("x", 0700);
    rules_write(
        "20-b.lua",
        "rule 'b1' { severity = 'low', when = tags:has_any 'a' } rule 'b2' { severity = 'low', when = tags:has_any 'a' }");
    rules_write("x/10-a.lua", "rule 'a' { severity = 'low', when = tags:has_any 'a' }");
    rules_write("30-c.lua", "rule 'c' { severity = 'low', when = tags:has_any 'a' }");
    rules_write("30-c.test.lua", "this is no rule file");
    rules_write(".#30-c.lua", "nor this");
    rules_write("notes.txt", "nor this");
    static const char *const orders[][4] = { { ".", "x", NULL }, { "x", ".", NULL }, { "x/", "./30-c.lua", ".", NULL } };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rules_load_paths(t, orders[i]), PTV_OK);
        assert_int_equal(t->rs->rule_count, 4);
        assert_string_equal(t->rs->rules[0]->id, "a");
        assert_string_equal(t->rs->rules[1]->id, "b1");
        assert_string_equal(t->rs->rules[3]->id, "c");
    }
    assert_string_equal(t->said, "");
}

static void warns_of_a_file_that_is_misnamed(void **state)
{
    rules_test *t = *state;
    rules_write("10-a.lua", "rule 'a' { severity = 'low', when = tags:has_any 'a' }");
    rules_write("20-b.lua.txt", "rule 'b' { severity = 'low', when = tags:has_any 'a' }");
    rules_write("30-c.Lua", "rule 'c' { severity = 'low', when = tags:has_any 'a' }");
    assert_int_equal(rules_load_paths(t, NULL), PTV_OK);
    assert_says_only(
        t, "./20-b.lua.txt:0: warning: not loaded: rule files end in .lua; an editor may have added .txt [W-FILENAME]\n"
           "./30-c.Lua:0: warning: not loaded: rule files end in .lua, in small letters [W-FILENAME]\n");
}

static void refuses_a_folder_without_rules(void **state)
{
    rules_test *t = *state;
    assert_int_equal(rules_load_paths(t, NULL), PTV_ERULES);
    assert_says_only(t, ".:0: error: no rule files (*.lua) here: nothing could ever match [E-FILE]\n");
    assert_int_equal(rules_load_paths(t, (const char *const[]){ "absent", NULL }), PTV_ERULES);
    assert_says_only(t, "absent:0: error: cannot be read: No such file or directory [E-FILE]\n");
    assert_string_equal(t->err.msg, "absent: cannot be read: No such file or directory");
}

static void takes_crlf_and_a_byte_order_mark(void **state)
{
    rules_test *t = *state;
    load(t, "\xef\xbb\xbf-- a\r\nrule 'a' {\r\n  severity = 'low',\r\n  when = tags:has_any 'a',\r\n}\r\n");
    assert_int_equal(t->rs->rules[0]->line, 2);
    assert_int_equal(t->rs->rules[0]->levels[0].when->line, 4);
}

static void identifies_a_set_by_what_it_holds(void **state)
{
    rules_test *t = *state;
    char first[PTV_DIGEST_HEX], settings_first[PTV_DIGEST_HEX];
    ptv_rule_setting settings[] = { { "n", "1", "app.config:1", true }, { "unread", "1", "app.config:2", false } };
    t->options.settings = settings;
    t->options.setting_count = 2;
    mkdir("r", 0700);
    mkdir("r/lists", 0700);
    rules_write("r/a.lua", "rule 'a' { severity = 'low', when = passive_dns.count:at_least(setting 'n') }");
    rules_write("r/lists/l.txt", "x.example\n");
    static const char *const folder[] = { "r", NULL };
    assert_int_equal(rules_load_paths(t, folder), PTV_OK);
    snprintf(first, sizeof first, "%s", t->rs->digest);
    snprintf(settings_first, sizeof settings_first, "%s", t->rs->settings_digest);
    assert_int_equal(strlen(first), 64);

    assert_int_equal(rename("r", "renamed"), 0); /* the folder's own name is no part of it */
    rules_write("renamed/a.test.lua", "tests are no part of it");
    assert_int_equal(rules_load_paths(t, (const char *const[]){ "renamed/", NULL }), PTV_OK);
    assert_string_equal(t->rs->digest, first);
    settings[1].value = "2"; /* nobody reads it */
    assert_int_equal(rules_load_paths(t, (const char *const[]){ "renamed", NULL }), PTV_OK);
    assert_string_equal(t->rs->settings_digest, settings_first);

    settings[0].value = "2";
    assert_int_equal(rules_load_paths(t, (const char *const[]){ "renamed", NULL }), PTV_OK);
    assert_string_equal(t->rs->digest, first);
    assert_string_not_equal(t->rs->settings_digest, settings_first);

    settings[0].value = "1";
    rules_write("renamed/lists/l.txt", "y.example\n");
    assert_int_equal(rules_load_paths(t, (const char *const[]){ "renamed", NULL }), PTV_OK);
    assert_string_not_equal(t->rs->digest, first);
    assert_string_equal(t->rs->settings_digest, settings_first);

    rules_write("renamed/lists/l.txt", "x.example\n");
    assert_int_equal(rename("renamed/a.lua", "renamed/b.lua"), 0);
    assert_int_equal(rules_load_paths(t, (const char *const[]){ "renamed", NULL }), PTV_OK);
    assert_string_not_equal(t->rs->digest, first);
}

static void keeps_a_set_while_somebody_holds_it(void **state)
{
    rules_test *t = *state;
    load(t, "rule 'a' { severity = 'low', when = tags:has_any 'a' }");
    ptv_ruleset *mine = ptv_ruleset_ref(t->rs);
    rules_drop(t);
    assert_string_equal(mine->rules[0]->id, "a");
    ptv_ruleset_unref(mine);
    ptv_ruleset_unref(NULL);
}

static void leaves_everything_as_it_was_when_memory_ends(void **state)
{
    rules_test *t = *state;
    rules_write("lists/l.txt", "corp.example\n192.0.2.1\n");
    rules_write("lists/exceptions.csv", "a.example,r,o,2027-01-31,\n");
    rules_write(
        "a.lua",
        "allow 'l' { reason = 'R', owner = 'O', expires = '2027-01-31', when = artifact:in_zone(list 'l') }\n"
        "rule 'a' { severity = 'low', when = all { tags:has_any { 'a', 'b' }, passive_dns.records:any { type = 'A' } },\n"
        "hit = { standard, { 'T', tags.matched } }, note = { 'x {artifact}', '?{link}' } }\n"
        "rule 'b' { severity = 'low', when = custom({ 'artifact' }, function(r) return true end) }");
    static const char *const here[] = { ".", NULL };
    t->options.paths = here;
    t->options.path_count = 1;
    size_t live = ptv_mem_live();
    unsigned long before = ptv_mem_count();
    ptv_ruleset *rs = NULL;
    ptv_error err = { 0 };
    assert_int_equal(ptv_ruleset_load(&rs, &t->options, NULL, &err), PTV_OK);
    unsigned long allocations = ptv_mem_count() - before;
    ptv_ruleset_unref(rs);
    unsigned long refused = 0, stride = allocations / 700 + 1;
    for (unsigned long nth = 1; nth <= allocations; nth += nth < 300 ? 1 : stride) {
        rs = NULL;
        ptv_mem_fail_at(nth);
        ptv_code rc = ptv_ruleset_load(&rs, &t->options, NULL, &err);
        ptv_mem_fail_at(0);
        if (rc != PTV_OK && rc != PTV_ENOMEM)
            print_error("%lu: %d %s\n", nth, rc, err.msg);
        assert_true(rc == PTV_OK || rc == PTV_ENOMEM); /* Lua collects and tries again: that may save it */
        assert_int_equal(rc == PTV_OK, rs != NULL);
        refused += rc == PTV_ENOMEM;
        if (rs)
            assert_int_equal(rs->rule_count, 2);
        ptv_ruleset_unref(rs);
        assert_int_equal(ptv_mem_live(), live);
    }
    assert_true(refused > 50);
}

/* -------------------------------------------------------------------------------------------- templates */

static void reads_templates(void **state)
{
    (void)state;
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_template_line line;
    ptv_sections sections = 0;
    ptv_error err = { 0 };
    const char *all =
        "?a {{b}} { artifact } {tags.matched|first(3)|list}{passive_dns.first_seen|date|else \"n|o}\"} {reason}}";
    assert_int_equal(ptv_template_parse(&line, &sections, &mem, &all, &err), PTV_OK);
    assert_string_equal(all, "");
    assert_true(line.optional);
    assert_int_equal(sections, PTV_BIT(PTV_TAGS) | PTV_BIT(PTV_PASSIVE_DNS));
    ptv_buf text = PTV_BUF(4096);
    for (size_t i = 0; i < line.count; i++) {
        const ptv_piece *p = &line.pieces[i];
        if (p->literal)
            ptv_buf_puts(&text, p->literal);
        else
            ptv_buf_printf(&text, "<%s %d %d %d %s>", p->field ? p->field->name : "-", (int)p->word, (int)p->show,
                           (int)p->first, p->otherwise ? p->otherwise : "-");
    }
    assert_string_equal(text.data,
                        "a {b} <artifact 0 0 -1 -> <tags 3 1 3 -><passive_dns.first_seen 0 2 -1 n|o}> <- 2 0 -1 ->}");
    ptv_buf_release(&text);
    static const struct {
        const char *text, *says;
    } bad[] = {
        { "{artifcat}", "no placeholder '{artifcat}' (did you mean '{artifact}'?)" },
        { "{tags.mached}", "no placeholder '{tags.mached}' (did you mean '{tags.matched}'?)" },
        { "{artifact.matched}", "'{artifact.matched}': only a set has matched words; artifact is a word" },
        { "{artifact", "'{artifact' is not closed; write {{ for a bracket of the text" },
        { "{tags|lst}", "no filter 'lst' (did you mean 'list'?); there are list, date, number, first(n), else \"text\"" },
        { "{passive_dns.count|date}", "|date does not fit passive_dns.count" },
        { "{artifact|list}", "|list does not fit artifact" },
        { "{tags|first}", "first needs a number: {tags|first(3)|list}" },
        { "{tags|first(0)}", "first needs a number from 1 to 10000: {tags|first(3)|list}" },
        { "{link|else no}", "else needs a text in quotes: {link|else \"no page\"}" },
        { "{severity|list}", "|list does not fit severity" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *at = bad[i].text;
        assert_int_equal(ptv_template_parse(&line, &sections, &mem, &at, &err), PTV_ERULES);
        assert_string_equal(err.msg, bad[i].says);
        assert_string_equal(at, "");
    }
    ptv_arena_release(&mem);
}

int main(void)
{
#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, rules_setup, rules_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(loads_the_files_that_ship),
        IN_FOLDER(reads_every_test_of_every_type),
        IN_FOLDER(folds_words_and_reads_spans_and_days),
        IN_FOLDER(reads_filters_in_table_order),
        IN_FOLDER(combines),
        IN_FOLDER(folds_unless_into_every_level),
        IN_FOLDER(reads_every_key_of_a_rule),
        IN_FOLDER(reads_settings),
        IN_FOLDER(reads_an_allowance),
        IN_FOLDER(lets_lua_build_conditions),
        IN_FOLDER(takes_files_in_byte_order_of_names),
        IN_FOLDER(warns_of_a_file_that_is_misnamed),
        IN_FOLDER(refuses_a_folder_without_rules),
        IN_FOLDER(takes_crlf_and_a_byte_order_mark),
        IN_FOLDER(identifies_a_set_by_what_it_holds),
        IN_FOLDER(keeps_a_set_while_somebody_holds_it),
        IN_FOLDER(leaves_everything_as_it_was_when_memory_ends),
        cmocka_unit_test(reads_templates),
    };
    return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
