/*
 * test_rule_lists.c: list files and exceptions.csv: what they become, and each bad line with its number.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buf.h"
#include "rules_help.h"

#define RULE(when) "rule 'a' { severity = 'low', when = " when " }"

static const ptv_cond *when(rules_test *t, const char *text)
{
    if (rules_load_text(t, text))
        print_error("%s", t->said);
    assert_non_null(t->rs);
    return t->rs->rules[0]->levels[0].when;
}

static bool covers(const ptv_indicators *set, const char *artifact)
{
    ptv_arena mem = PTV_ARENA(1 << 16);
    ptv_artifact a;
    ptv_error err = { 0 };
    assert_int_equal(ptv_artifact_parse(&a, &mem, artifact, strlen(artifact), NULL, &err), PTV_OK);
    bool found = ptv_indicators_find(set, &a, NULL, NULL);
    ptv_arena_release(&mem);
    return found;
}

static void reads_one_entry_a_line(void **state)
{
    rules_test *t = *state;
    rules_write("lists/words.txt", "\xef\xbb\xbf# a comment\r\n  APT1  \r\n\r\nzeus# no comment\r\nb\t# one\nlast");
    const ptv_cond *c = when(t, RULE("tags:has_any(list 'words')"));
    assert_string_equal(c->text, "tags:has_any(list \"words\")");
    assert_int_equal(c->args.word_count, 4);
    static const char *const words[] = { "apt1", "b", "last", "zeus# no comment" };
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(c->args.words[i], words[i]);
    c = when(t, RULE("tags:like_any(list 'words')"));
    assert_string_equal(c->args.words[0], "APT1"); /* globs as written */
}

static void reads_names_zones_and_nets(void **state)
{
    rules_test *t = *state;
    rules_write("lists/all.txt", "corp.example\n*.lab.test\n192.0.2.0/24\n2001:db8::1\nB\xc3\xbc"
                                 "cher.example\n");
    const ptv_indicators *exact = when(t, RULE("artifact:in_list(list 'all')"))->args.indicators;
    assert_true(covers(exact, "corp.example") && covers(exact, "a.lab.test") && covers(exact, "192.0.2.77") &&
                covers(exact, "2001:db8::1"));
    assert_true(covers(exact, "xn--bcher-kva.example"));
    assert_false(covers(exact, "www.corp.example") || covers(exact, "192.0.3.1"));
    rules_write("lists/zones.txt", "corp.example\n");
    const ptv_indicators *zones = when(t, RULE("artifact:in_zone(list 'zones')"))->args.indicators;
    assert_true(covers(zones, "corp.example") && covers(zones, "a.b.corp.example"));
    assert_false(covers(zones, "xcorp.example") || covers(zones, "example"));
    rules_write("lists/nets.txt", "192.0.2.0/25\n198.51.100.7\n");
    const ptv_indicators *nets = when(t, RULE("artifact:in_cidr(list 'nets')"))->args.indicators;
    assert_true(covers(nets, "192.0.2.1") && covers(nets, "198.51.100.7"));
    assert_false(covers(nets, "192.0.2.200"));
}

static void makes_each_set_once(void **state)
{
    rules_test *t = *state;
    rules_write("lists/z.txt", "corp.example\n");
    const ptv_cond *c =
        when(t, RULE("any { artifact:in_zone(list 'z'), artifact:in_zone(list 'z'), artifact:in_list(list 'z') }"));
    assert_ptr_equal(c->kids[0]->args.indicators, c->kids[1]->args.indicators);
    assert_ptr_not_equal(c->kids[0]->args.indicators, c->kids[2]->args.indicators);
}

static void refuses_a_bad_line_with_its_number(void **state)
{
    rules_test *t = *state;
    rules_write_bytes("lists/a.txt", "good\n\xff\xfe\nb\0d\nx\x1b[31m\n", 18);
    assert_int_equal(rules_load_text(t, RULE("tags:has_any(list 'a')")), PTV_ERULES);
    assert_says_only(t, "./lists/a.txt:2: error: not UTF-8 [E-LIST]\n./lists/a.txt:3: error: a NUL [E-LIST]\n"
                        "./lists/a.txt:4: error: a control character [E-LIST]\n");
    ptv_buf text = PTV_BUF(1 << 20);
    ptv_buf_puts(&text, "x\n");
    for (int i = 0; i < 1001; i++)
        ptv_buf_putc(&text, 'a');
    rules_write("lists/a.txt", text.data);
    ptv_buf_release(&text);
    assert_int_equal(rules_load_text(t, RULE("tags:has_any(list 'a')")), PTV_ERULES);
    assert_says_only(t, "./lists/a.txt:2: error: an entry of over 1,000 bytes [E-LIST]\n");
    rules_write("lists/a.txt", "corp.example\nnot a name\n");
    assert_int_equal(rules_load_text(t, RULE("artifact:in_zone(list 'a')")), PTV_ERULES);
    assert_says(t, "./lists/a.txt:2: error: in_zone: \"not a name\": ");
    assert_int_equal(rules_load_text(t, RULE("artifact:in_zone { 'corp.example', 'not a name' }")), PTV_ERULES);
    assert_says(t, "bad.lua:1: error: in_zone: \"not a name\": ");
}

static void refuses_an_empty_list_and_an_unknown_one(void **state)
{
    rules_test *t = *state;
    rules_write("lists/empty.txt", "# nothing yet\n");
    assert_int_equal(rules_load_text(t, RULE("tags:has_any(list 'empty')")), PTV_ERULES);
    assert_says_only(t, "bad.lua:1: error: tags:has_any: list \"empty\" is empty: it can never match [E-EMPTY]\n");
    assert_int_equal(rules_load_text(t, RULE("tags:has_any(list 'emtpy')")), PTV_ERULES);
    assert_says_only(t,
                     "bad.lua:1: error: no list 'emtpy' (did you mean 'empty'?): there is no ./lists/emtpy.txt [E-LIST]\n");
    rules_write("lists/enum.txt", "malicious\nsuspicous\n");
    assert_int_equal(rules_load_text(t, RULE("classification:in_list(list 'enum')")), PTV_ERULES);
    assert_says(t, "bad.lua:1: error: classification:in_list: 'suspicous' is not one of ");
}

static void refuses_a_list_that_cannot_be_read(void **state)
{
    rules_test *t = *state;
    rules_write("lists/x.txt", "a\n");
    mkdir("lists/y.txt", 0700);
    assert_int_equal(rules_load_text(t, RULE("tags:has_any(list 'x')")), PTV_ERULES);
    assert_says_only(t, "./lists/y.txt:0: error: is a folder [E-FILE]\n");
    assert_int_equal(rules_load_text(t, RULE("tags:has_any(list 'y')")), PTV_ERULES);
    assert_says_only(t, "./lists/y.txt:0: error: is a folder [E-FILE]\n"); /* it is there: no list 'y' would be untrue */
}

static void takes_lists_from_the_folder_of_the_rule(void **state)
{
    rules_test *t = *state;
    mkdir("a", 0700), mkdir("a/lists", 0700), mkdir("b", 0700), mkdir("b/lists", 0700);
    rules_write("a/lists/l.txt", "one\n");
    rules_write("b/lists/l.txt", "two\n");
    rules_write("a/1.lua", "rule 'a' { severity = 'low', when = tags:has_any(list 'l') }");
    rules_write("b/2.lua", "rule 'b' { severity = 'low', when = tags:has_any(list 'l') }");
    assert_int_equal(rules_load_paths(t, (const char *const[]){ "a", "b/2.lua", NULL }), PTV_OK);
    assert_string_equal(t->rs->rules[0]->levels[0].when->args.words[0], "one");
    assert_string_equal(t->rs->rules[1]->levels[0].when->args.words[0], "two");
    assert_int_equal(t->rs->file_count, 4);
}

/* ------------------------------------------------------------------------------------------- exceptions */

static ptv_code load_exceptions(rules_test *t, const char *csv)
{
    rules_write("lists/exceptions.csv", csv);
    return rules_load_text(t, RULE("tags:has_any 'x'"));
}

static void makes_an_allowance_of_each_line(void **state)
{
    rules_test *t = *state;
    if (load_exceptions(t, "# ours\r\nartifact,reason,owner,expires,rules\r\n*.corp.example,\"Ours, \"\"all\"\" of "
                           "it\",netops,2027-01-31,\r\n\r\n"
                           "192.0.2.0/24 , Lab , lab@corp.example , 2027-02-28 , a\r\nwww.x.example,r,o,2027-01-31\n"))
        print_error("%s", t->said);
    assert_non_null(t->rs);
    assert_string_equal(t->said, "");
    assert_int_equal(t->rs->allow_count, 3);
    const ptv_allow *zone = t->rs->allows[0], *net = t->rs->allows[1], *name = t->rs->allows[2];
    assert_string_equal(zone->id, "exceptions.csv:3");
    assert_string_equal(zone->reason, "Ours, \"all\" of it");
    assert_string_equal(zone->owner, "netops");
    assert_int_equal(zone->expires_day, 20849);
    assert_null(zone->applies_to);
    assert_true(zone->artifact_only);
    assert_string_equal(zone->file, "./lists/exceptions.csv");
    assert_int_equal(zone->line, 3);
    assert_string_equal(zone->when->text, "artifact:in_list{\"*.corp.example\"}");
    assert_true(covers(zone->when->args.indicators, "a.corp.example"));
    assert_string_equal(net->reason, "Lab");
    assert_int_equal(net->applies_count, 1);
    assert_string_equal(net->applies_to[0], "a");
    assert_true(covers(net->when->args.indicators, "192.0.2.9"));
    assert_true(covers(name->when->args.indicators, "www.x.example"));
    assert_false(covers(name->when->args.indicators, "a.www.x.example"));
}

static void takes_columns_in_any_order_and_no_header(void **state)
{
    rules_test *t = *state;
    assert_int_equal(load_exceptions(t, "Owner,expires,artifact,reason\nnetops,2027-01-31,x.example,why\n"), PTV_OK);
    assert_string_equal(t->rs->allows[0]->owner, "netops");
    assert_string_equal(t->rs->allows[0]->when->args.words[0], "x.example");
    assert_int_equal(load_exceptions(t, "x.example,why,netops,2027-01-31,a a\n"), PTV_OK);
    assert_int_equal(t->rs->allows[0]->applies_count, 2);
    assert_int_equal(load_exceptions(t, "# artifact,reason,owner,expires,rules\n"), PTV_OK);
    assert_int_equal(t->rs->allow_count, 0);
    assert_int_equal(load_exceptions(t, ""), PTV_OK);
}

static void refuses_each_bad_exception(void **state)
{
    rules_test *t = *state;
    static const struct {
        const char *csv, *says;
    } rows[] = {
        { "x.example,,netops,2027-01-31\n",
          ":1: error: reason is empty; artifact, reason, owner and expires are all required [E-ALLOW]\n" },
        { "x.example,r,o,31.1.2027\n", ":1: error: expires needs a date such as 2027-01-31, not \"31.1.2027\" [E-ALLOW]\n" },
        { "x.example,r,o\n",
          ":1: error: 3 fields where the columns are artifact,reason,owner,expires,rules; a comma in a text needs quotes "
          "around it [E-LIST]\n" },
        { "x.example,a, b, c, netops,2027-01-31,,\n",
          ":1: error: 8 fields where the columns are artifact,reason,owner,expires,rules; a comma "
          "in a text needs quotes around it [E-LIST]\n" },
        { "x.example,\"r,o,2027-01-31\n", ":1: error: a quote is not closed on this line [E-LIST]\n" },
        { "x.example,\"r\" x,o,2027-01-31\n", ":1: error: text behind a closing quote; a comma is missing [E-LIST]\n" },
        { "artifact,reason,owner,expries\n",
          ":1: error: no column 'expries' (did you mean 'expires'?); there are artifact, reason, owner, "
          "expires, rules, wide [E-LIST]\n" },
        { "artifact,reason,owner\nx.example,r,o\n", ":1: error: the column 'expires' is missing [E-LIST]\n" },
        { "x.example,r,o,2027-01-31,b\n",
          ":1: error: allowance \"exceptions.csv:1\": no rule 'b' (did you mean 'a'?) [E-ALLOW]\n" },
        { "*.co.uk,r,o,2027-01-31,\n",
          ":1: error: \"*.co.uk\" in an allowance covers a public suffix: everybody's names end in it; say wide = "
          "true where that is meant [E-WIDE]\n" },
        { "0.0.0.0/0,r,o,2027-01-31,\n",
          ":1: error: \"0.0.0.0/0\" in an allowance covers more than a /8; say wide = true where that is meant "
          "[E-WIDE]\n" },
        { "*.co.uk,r,o,2027-01-31,,maybe\n", ":1: error: wide needs true or false, not \"maybe\" [E-LIST]\n" },
        { "\n\xff,r,o,2027-01-31\n", ":2: error: not UTF-8, or a NUL in it [E-LIST]\n" },
        { "a\x01,r,o,2027-01-31\n", ":1: error: a control character [E-LIST]\n" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(load_exceptions(t, rows[i].csv), PTV_ERULES);
        assert_ptr_equal(strstr(t->said, "./lists/exceptions.csv"), t->said);
        assert_string_equal(t->said + strlen("./lists/exceptions.csv"), rows[i].says);
    }
    assert_int_equal(load_exceptions(t, "not a name!,r,o,2027-01-31,\n"), PTV_ERULES);
    assert_says(t, "./lists/exceptions.csv:1: error: in_list: \"not a name!\": ");
    assert_int_equal(load_exceptions(t, "*.co.uk,r,o,2027-01-31,,true\n"), PTV_OK);
    assert_int_equal(load_exceptions(t, "x.example,r,o,2026-04-30,\ny.example,r,o,2026-05-10,\n"), PTV_OK);
    assert_says_only(
        t, "./lists/exceptions.csv:1: warning: allowance \"exceptions.csv:1\" expired on 2026-04-30 and no longer holds "
           "[W-EXPIRED]\n"
           "./lists/exceptions.csv:2: warning: allowance \"exceptions.csv:2\" expires on 2026-05-10 [W-EXPIRES]\n");
}

static void finds_a_wide_entry_of_a_list_in_an_allowance(void **state)
{
    rules_test *t = *state;
    rules_write("lists/z.txt", "corp.example\ncom\n");
    assert_int_equal(
        rules_load_text(
            t, "allow 'o' { reason = 'R', owner = 'O', expires = '2027-01-31', when = artifact:in_zone(list 'z') }\n" RULE(
                   "tags:has_any 'x'")),
        PTV_ERULES);
    assert_says_only(t, "./lists/z.txt:2: error: \"com\" in an allowance covers a public suffix: everybody's names end in "
                        "it; say wide = true "
                        "where that is meant [E-WIDE]\n");
    assert_int_equal(rules_load_text(t, RULE("artifact:in_zone(list 'z')")), PTV_OK); /* a rule may look at all of them */
}

static void loads_ten_thousand_exceptions(void **state)
{
    rules_test *t = *state;
    ptv_buf text = PTV_BUF(4 << 20);
    for (int i = 0; i < 10000; i++)
        ptv_buf_printf(&text, "h%d.corp.example,r,o,2027-01-31,\n", i);
    assert_int_equal(load_exceptions(t, text.data), PTV_OK);
    ptv_buf_release(&text);
    assert_int_equal(t->rs->allow_count, 10000);
}

int main(void)
{
#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, rules_setup, rules_teardown)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(reads_one_entry_a_line),
        IN_FOLDER(reads_names_zones_and_nets),
        IN_FOLDER(makes_each_set_once),
        IN_FOLDER(refuses_a_bad_line_with_its_number),
        IN_FOLDER(refuses_an_empty_list_and_an_unknown_one),
        IN_FOLDER(refuses_a_list_that_cannot_be_read),
        IN_FOLDER(takes_lists_from_the_folder_of_the_rule),
        IN_FOLDER(makes_an_allowance_of_each_line),
        IN_FOLDER(takes_columns_in_any_order_and_no_header),
        IN_FOLDER(refuses_each_bad_exception),
        IN_FOLDER(finds_a_wide_entry_of_a_list_in_an_allowance),
        IN_FOLDER(loads_ten_thousand_exceptions),
    };
    return cmocka_run_group_tests_name("rule lists", tests, NULL, NULL);
}
