/*
 * test_indicators.c: exact entries, zones and nets; what wins; and that a large set is ready and asked in time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/indicators.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))
enum { NOT_FOUND = -1 };

static int setup(void **state)
{
    *state = ptv_indicators_new();
    return *state == NULL;
}

static int teardown(void **state)
{
    ptv_indicators_free(*state);
    return 0;
}

static void add(ptv_indicators *s, const char *text, uint32_t value)
{
    ptv_error err = { 0 };
    if (ptv_indicators_add(s, text, strlen(text), value, &err))
        fail_msg("%s", err.msg);
}

static void seal(ptv_indicators *s)
{
    ptv_error err = { 0 };
    assert_int_equal(ptv_indicators_seal(s, &err), PTV_OK);
}

static int find(const ptv_indicators *s, const char *text, ptv_indicator_kind *kind)
{
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_artifact a;
    ptv_error err = { 0 };
    uint32_t value = 0;
    if (ptv_artifact_parse(&a, &mem, text, strlen(text), NULL, &err))
        fail_msg("%s", err.msg);
    bool found = ptv_indicators_find(s, &a, &value, kind);
    ptv_arena_release(&mem);
    return found ? (int)value : NOT_FOUND;
}

static void set_finds_the_most_specific_entry(void **state)
{
    ptv_indicators *s = *state;
    static const char *const entries[] = {
        "evil.example",                /* 0: exact */
        "*.zone.example",              /* 1 */
        ".dot.example",                /* 2 */
        "a.zone.example",              /* 3: exact in a zone */
        "*.b.zone.example",            /* 4: a zone in a zone */
        "192.0.2.1",                   /* 5 */
        "192.0.2.0/24",                /* 6 */
        "192.0.2.128/25",              /* 7 */
        "192.0.0.0/16",                /* 8 */
        "2001:db8::/32",               /* 9 */
        "2001:db8:1::/48",             /* 10 */
        "BÜCHER.EXAMPLE.",             /* 11 */
        "hxxp://defanged[.]example/x", /* 12 */
        "*.com",                       /* 13 */
        "2001:DB8:0:0::7",             /* 14 */
    };
    static const struct {
        const char *text;
        int value;
        ptv_indicator_kind kind;
    } rows[] = {
        { "evil.example", 0, PTV_IND_EXACT },
        { "EVIL.example.", 0, PTV_IND_EXACT },
        { "www.evil.example", NOT_FOUND, 0 },
        { "notevil.example", NOT_FOUND, 0 },
        { "zone.example", 1, PTV_IND_ZONE },
        { "x.y.zone.example", 1, PTV_IND_ZONE },
        { "xzone.example", NOT_FOUND, 0 },
        { "dot.example", 2, PTV_IND_ZONE },
        { "a.dot.example", 2, PTV_IND_ZONE },
        { "a.zone.example", 3, PTV_IND_EXACT },
        { "x.a.zone.example", 1, PTV_IND_ZONE },
        { "b.zone.example", 4, PTV_IND_ZONE },
        { "x.b.zone.example", 4, PTV_IND_ZONE },
        { "192.0.2.1", 5, PTV_IND_EXACT },
        { "192.0.2.2", 6, PTV_IND_CIDR },
        { "192.0.2.200", 7, PTV_IND_CIDR },
        { "192.0.3.1", 8, PTV_IND_CIDR },
        { "192.1.0.1", NOT_FOUND, 0 },
        { "191.255.255.255", NOT_FOUND, 0 },
        { "2001:db8:ffff::1", 9, PTV_IND_CIDR },
        { "2001:db8:1::1", 10, PTV_IND_CIDR },
        { "2001:db9::1", NOT_FOUND, 0 },
        { "::ffff:192.0.2.2", 6, PTV_IND_CIDR },
        { "xn--bcher-kva.example", 11, PTV_IND_EXACT },
        { "defanged.example", 12, PTV_IND_EXACT },
        { "anything.com", 13, PTV_IND_ZONE },
        { "com", 13, PTV_IND_ZONE },
        { "2001:db8::7", 14, PTV_IND_EXACT },
    };
    for (size_t i = 0; i < COUNT(entries); i++)
        add(s, entries[i], (uint32_t)i);
    seal(s);
    assert_int_equal(ptv_indicators_count(s), COUNT(entries));
    for (size_t i = 0; i < COUNT(rows); i++) {
        ptv_indicator_kind kind = 0;
        int value = find(s, rows[i].text, &kind);
        if (value != rows[i].value || kind != rows[i].kind)
            fail_msg("'%s': entry %d kind %d, not %d kind %d", rows[i].text, value, kind, rows[i].value, rows[i].kind);
    }
}

static void set_takes_every_name_for_a_zone_when_asked_to(void **state)
{
    ptv_indicators *s = *state;
    static const char *const entries[] = { "corp.example", "*.x.example", "192.0.2.1", "10.0.0.0/8", "CORP2.example." };
    ptv_error err = { 0 };
    for (size_t i = 0; i < COUNT(entries); i++)
        assert_int_equal(ptv_indicators_add_zone(s, entries[i], strlen(entries[i]), (uint32_t)i, &err), PTV_OK);
    seal(s);
    assert_int_equal(find(s, "corp.example", NULL), 0);
    assert_int_equal(find(s, "a.b.corp.example", NULL), 0);
    assert_int_equal(find(s, "a.x.example", NULL), 1);
    assert_int_equal(find(s, "192.0.2.1", NULL), 2);
    assert_int_equal(find(s, "10.1.2.3", NULL), 3);
    assert_int_equal(find(s, "a.corp2.example", NULL), 4);
}

static void set_keeps_the_first_of_two_equal_entries(void **state)
{
    ptv_indicators *s = *state;
    add(s, "evil.example", 1);
    add(s, "EVIL.example", 2);
    add(s, "*.evil.example", 3);
    add(s, ".evil.example", 4);
    add(s, "10.0.0.0/8", 5);
    add(s, "10.0.0.0/8", 6);
    seal(s);
    assert_int_equal(ptv_indicators_count(s), 3);
    assert_int_equal(find(s, "evil.example", NULL), 1);
    assert_int_equal(find(s, "a.evil.example", NULL), 3);
    assert_int_equal(find(s, "10.0.0.1", NULL), 5);
}

static void set_refuses_what_it_cannot_match(void **state)
{
    ptv_indicators *s = *state;
    static const char *const bad[] = { "",
                                       "*",
                                       "*.",
                                       "..",
                                       "a b",
                                       "*.1.2.3.4",
                                       "192.0.2.1/24",
                                       "192.0.2.0/33",
                                       "user@evil.example",
                                       "*.*.example",
                                       "d41d8cd98f00b204e9800998ecf8427e",
                                       "10.0.0.0/8/x",
                                       "\xff" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        ptv_error err = { 0 };
        if (ptv_indicators_add(s, bad[i], strlen(bad[i]), 0, &err) != PTV_EINVAL)
            fail_msg("'%s' was taken", bad[i]);
        assert_true(err.msg[0] != '\0');
    }
    seal(s);
    assert_int_equal(ptv_indicators_count(s), 0);
    assert_int_equal(find(s, "evil.example", NULL), NOT_FOUND);
    assert_int_equal(find(s, "192.0.2.1", NULL), NOT_FOUND);
}

static void set_agrees_with_a_plain_search_over_nets(void **state)
{
    ptv_indicators *s = *state;
    enum { NETS = 400, ASKED = 2000 };
    static unsigned char net[NETS][16];
    static int prefix_len[NETS];
    uint32_t random = 12345;
    ptv_error err = { 0 };
    for (int i = 0; i < NETS; i++) { /* crowded, so that many nest */
        char text[64];
        random = random * 1664525 + 1013904223;
        int bits = 8 + (int)(random >> 8) % 25;
        uint32_t address = (10u << 24 | (random >> 3 & 0x0303ffff)) & (uint32_t)(0xffffffffull << (32 - bits));
        snprintf(text, sizeof text, "%u.%u.%u.%u/%d", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255,
                 bits);
        assert_int_equal(ptv_cidr_parse(net[i], &prefix_len[i], text, &err), PTV_OK);
        add(s, text, (uint32_t)i);
    }
    seal(s);
    for (int q = 0; q < ASKED; q++) {
        ptv_artifact a = { .type = PTV_IP, .ip4 = true, .ip = { [10] = 0xff, 0xff, 10 } };
        int longest = -1, expected = NOT_FOUND;
        uint32_t value = 0;
        random = random * 1664525 + 1013904223;
        a.ip[13] = (unsigned char)(random >> 24 & 3);
        a.ip[14] = (unsigned char)(random >> 16 & 255);
        a.ip[15] = (unsigned char)(random >> 8);
        a.value = "10.0.0.0"; /* no exact entries here */
        for (int i = 0; i < NETS; i++)
            if (prefix_len[i] > longest && ptv_cidr_contains(net[i], prefix_len[i], a.ip)) {
                longest = prefix_len[i];
                expected = i;
            }
        bool found = ptv_indicators_find(s, &a, &value, NULL);
        assert_int_equal(found ? (int)value : NOT_FOUND, expected);
    }
}

static void set_holds_very_many_entries(void **state)
{
    ptv_indicators *s = *state;
    enum { NAMES = 100000 };
    char text[64];
    ptv_error err = { 0 };
    for (int i = 0; i < NAMES; i++) {
        int len = snprintf(text, sizeof text, "%shost%d.evil%d.com", i % 10 ? "" : "*.", i, i / 7);
        assert_int_equal(ptv_indicators_add(s, text, (size_t)len, (uint32_t)i, &err), PTV_OK);
    }
    for (int i = 0; i < NAMES; i++) {
        int len = snprintf(text, sizeof text, "%d.%d.%d.0/24", 1 + i % 200, i / 200 % 256, i / 51200);
        assert_int_equal(ptv_indicators_add(s, text, (size_t)len, (uint32_t)i, &err), PTV_OK);
    }
    seal(s);
    assert_int_equal(ptv_indicators_count(s), 2 * NAMES);
    for (int i = 0; i < NAMES; i += 97) {
        snprintf(text, sizeof text, "%shost%d.evil%d.com", i % 10 ? "" : "a.b.", i, i / 7);
        assert_int_equal(find(s, text, NULL), i);
        snprintf(text, sizeof text, "%d.%d.%d.77", 1 + i % 200, i / 200 % 256, i / 51200);
        assert_int_equal(find(s, text, NULL), i);
    }
}

static void set_survives_each_failed_allocation(void **state)
{
    (void)state;
    ptv_code rc = PTV_ENOMEM;
    size_t live = ptv_mem_live();
    for (unsigned long nth = 1; rc == PTV_ENOMEM; nth++) {
        ptv_error err = { 0 };
        ptv_mem_fail_at(nth);
        ptv_indicators *s = ptv_indicators_new();
        rc = s ? PTV_OK : PTV_ENOMEM;
        for (int i = 0; i < 300 && !rc; i++) {
            char text[64];
            int len = snprintf(text, sizeof text, i % 3 ? "Host%d.example" : "10.%d.0.0/16", i % 3 ? i : i / 3);
            rc = ptv_indicators_add(s, text, (size_t)len, 0, &err);
        }
        if (!rc)
            rc = ptv_indicators_seal(s, &err);
        ptv_mem_fail_at(0);
        ptv_indicators_free(s);
        assert_int_equal(ptv_mem_live(), live);
        assert_true(nth < 5000);
    }
    assert_int_equal(rc, PTV_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(set_finds_the_most_specific_entry, setup, teardown),
        cmocka_unit_test_setup_teardown(set_takes_every_name_for_a_zone_when_asked_to, setup, teardown),
        cmocka_unit_test_setup_teardown(set_keeps_the_first_of_two_equal_entries, setup, teardown),
        cmocka_unit_test_setup_teardown(set_refuses_what_it_cannot_match, setup, teardown),
        cmocka_unit_test_setup_teardown(set_agrees_with_a_plain_search_over_nets, setup, teardown),
        cmocka_unit_test_setup_teardown(set_holds_very_many_entries, setup, teardown),
        cmocka_unit_test(set_survives_each_failed_allocation),
    };
    return cmocka_run_group_tests_name("indicators", tests, NULL, NULL);
}
