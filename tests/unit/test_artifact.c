/*
 * test_artifact.c: every row of the artifact table of docs/record.md, and the classes of what is not asked.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "core/artifact.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static ptv_code parse_as(ptv_artifact *a, ptv_arena *mem, const char *text, const char *type, ptv_error *err)
{
    return ptv_artifact_parse(a, mem, text, strlen(text), type, err);
}

/* -------------------------------------------------------------------------------------- what is taken */

static const struct {
    const char *input, *value;
} taken[] = {
    /* as typed */
    { "evil.example", "evil.example" },
    { "Evil.EXAMPLE.", "evil.example" },
    { "evil.example:8080", "evil.example" },
    { "evil.example:", "evil.example" },
    { "evil.example|443", "evil.example" },
    { "1.2.3.4:53", "1.2.3.4" },
    { "1.2.3.4|53", "1.2.3.4" },
    { "1.2.3.4.", "1.2.3.4" },
    { "evil.example/8", "evil.example" },
    { "1.2.3.4/index.html", "1.2.3.4" },
    { "10.0.0.0/8/x", "10.0.0.0" },
    { "evil.example?x=a@b", "evil.example" },
    { "evil.example#fragment", "evil.example" },
    { "1.2.3.4#53", "1.2.3.4" },
    { "printer", "printer" },
    /* names that the DNS really holds */
    { "_dmarc.example.com", "_dmarc.example.com" },
    { "_sip._tcp.evil.example", "_sip._tcp.evil.example" },
    { "r3---sn-4g5e6nz7.evil.example", "r3---sn-4g5e6nz7.evil.example" },
    { "-evil-.example", "-evil-.example" },
    { "1and1.example", "1and1.example" },
    { "4.3.2.1.in-addr.arpa", "4.3.2.1.in-addr.arpa" },
    /* defanged */
    { "hxxp://evil[.]example/path?q", "evil.example" },
    { "hXXps://evil[.]example", "evil.example" },
    { "hxxps[:]//evil[.]example/a", "evil.example" },
    { "hxxps[://]evil[.]example", "evil.example" },
    { "hxxp[:][/][/]evil[.]example", "evil.example" },
    { "h**p://evil[.]example", "evil.example" },
    { "evil(.)example", "evil.example" },
    { "evil{.}example", "evil.example" },
    { "evil[dot]example", "evil.example" },
    { "evil(DOT)example", "evil.example" },
    { "evil[ . ]example", "evil.example" },
    { "evil[.example", "evil.example" },
    { "evil.]example", "evil.example" },
    { "evil\\.example", "evil.example" },
    { "1[.]2[.]3[.]4", "1.2.3.4" },
    { "1.2.3[.]4:53", "1.2.3.4" },
    { "2001[:]db8[:][:]1", "2001:db8::1" },
    /* URLs */
    { "https://evil.example", "evil.example" },
    { "https://user:pass@evil.example:8443/x?y#z", "evil.example" },
    { "https://good.example@evil.example/", "evil.example" },
    { "http://us@er:p@ss@evil.example/@x", "evil.example" },
    { "http:\\\\evil.example\\path", "evil.example" },
    { "http://evil.example\\@good.example/", "evil.example" },
    { "http:/evil.example", "evil.example" },
    { "http:///evil.example/x", "evil.example" },
    { "//evil.example/x", "evil.example" },
    { "ldap://evil.example:389/x", "evil.example" },
    { "http://evil%2Eexample/", "evil.example" },
    { "http://evil.example./x", "evil.example" },
    { "http://10.0.0.0/8", "10.0.0.0" },
    { "http://evil.example/a b", "evil.example" },
    { "http://[2001:db8::1]:8080/x", "2001:db8::1" },
    { "http://[::ffff:1.2.3.4]/", "1.2.3.4" },
    { "http://[fe80::1%25eth0]/", "fe80::1" },
    { "http://2001:db8::1/", "2001:db8::1" },
    /* international names */
    { "b\xc3\xbc"
      "cher.example",
      "xn--bcher-kva.example" },
    { "B\xc3\x9c"
      "CHER.Example",
      "xn--bcher-kva.example" },
    { "bu\xcc\x88"
      "cher.example",
      "xn--bcher-kva.example" },
    { "xn--bcher-kva.example", "xn--bcher-kva.example" },
    { "XN--Bcher-KVA.example", "xn--bcher-kva.example" },
    { "evil\xe3\x80\x82"
      "example",
      "evil.example" },
    { "evil\xef\xbc\x8e"
      "example",
      "evil.example" },
    { "evil\xef\xbd\xa1"
      "example",
      "evil.example" },
    { "\xef\xbd\x85vil.example", "evil.example" },
    { "\xef\xbc\x91.\xef\xbc\x92.\xef\xbc\x93.\xef\xbc\x94", "1.2.3.4" },
    { "\xf0\x9d\x9f\x8f.2.3.4", "1.2.3.4" },
    { "_dmarc.b\xc3\xbc"
      "cher.example",
      "_dmarc.xn--bcher-kva.example" },
    { "fa\xc3\x9f.example", "xn--fa-hia.example" },
    { "xn--ls8h.la", "xn--ls8h.la" },
    /* addresses */
    { "2001:DB8:0:0::1", "2001:db8::1" },
    { "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
    { "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
    { "::ffff:192.0.2.1", "192.0.2.1" },
    { "::FFFF:C000:0201", "192.0.2.1" },
    { "fe80::1%eth0", "fe80::1" },
    { "[2001:db8::1]", "2001:db8::1" },
    { "[2001:db8::1]:443", "2001:db8::1" },
    { "2001:db8::1|443", "2001:db8::1" },
    { "[1.2.3.4]:22", "1.2.3.4" },
    { "::", "::" },
    /* wrapped */
    { "  evil.example\r\n", "evil.example" },
    { "\"evil.example\"", "evil.example" },
    { "'evil.example',", "evil.example" },
    { "`evil.example`", "evil.example" },
    { "<evil.example>", "evil.example" },
    { "<https://evil.example/x>;", "evil.example" },
    { "\xe2\x80\x9c"
      "evil.example\xe2\x80\x9d",
      "evil.example" },
    { "\xc2\xab"
      "evil.example\xc2\xbb",
      "evil.example" },
    { "\xef\xbb\xbf"
      "evil.example",
      "evil.example" },
    { "\xe2\x80\x8b"
      "evil.example\xe2\x80\x8b",
      "evil.example" },
    { "\xc2\xa0"
      "evil.example\xe3\x80\x80",
      "evil.example" },
    { "ev\xc2\xadil.exa\xe2\x80\x8bmple", "evil.example" },
    { "1.2.\xe2\x80\x8b"
      "3.4",
      "1.2.3.4" },
};

static void artifact_takes_what_people_paste(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(taken); i++) {
        ptv_arena mem = PTV_ARENA(1 << 20);
        ptv_artifact a;
        ptv_error err = { 0 };
        ptv_code rc = parse_as(&a, &mem, taken[i].input, NULL, &err);
        if (rc)
            fail_msg("'%s': %s", taken[i].input, err.msg);
        if (strcmp(a.value, taken[i].value) != 0)
            fail_msg("'%s' became '%s', not '%s'", taken[i].input, a.value, taken[i].value);
        assert_string_equal(a.input, taken[i].input);
        ptv_arena_release(&mem);
    }
}

static void artifact_is_stable_under_a_second_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(taken); i++) {
        ptv_arena mem = PTV_ARENA(1 << 20);
        ptv_artifact a;
        ptv_error err = { 0 };
        assert_int_equal(parse_as(&a, &mem, taken[i].value, NULL, &err), PTV_OK);
        assert_string_equal(a.value, taken[i].value);
        assert_int_equal(parse_as(&a, &mem, a.display, NULL, &err), strcmp(a.value, "xn--ls8h.la") ? PTV_OK : PTV_EINVAL);
        ptv_arena_release(&mem);
    }
}

static void artifact_keeps_the_u_label_for_people(void **state)
{
    (void)state;
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_artifact a;
    ptv_error err = { 0 };
    assert_int_equal(parse_as(&a, &mem, "XN--BCHER-KVA.example", NULL, &err), PTV_OK);
    assert_string_equal(a.display, "b\xc3\xbc"
                                   "cher.example");
    assert_int_equal(parse_as(&a, &mem, "evil.example", NULL, &err), PTV_OK);
    assert_string_equal(a.display, a.value);
    ptv_arena_release(&mem);
}

/* ------------------------------------------------------------------------------------ what is refused */

#define X63   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX8  "0123abcd"
#define HEX32 HEX8 HEX8 HEX8 HEX8

static const struct {
    const char *input, *says;
} refused[] = {
    { "", "is empty" },
    { "  \t ", "is empty" },
    { "\"\"", "is empty" },
    { ".", "nothing before the dot" },
    { "..", "empty label" },
    { "evil..example", "empty label" },
    { ".evil.example", "empty label" },
    { X63 "a.example", "more than 63 bytes" },
    { X63 "." X63 "." X63 "." X63, "longer than the 253 bytes" },
    { "b\xc3\xbc" X63 ".example", "more than 63 bytes" },
    { "xn--a.example", "bad punycode" },
    { "xn--.example", "bad punycode" },
    { "xn--999999999999.example", "bad punycode" },
    { "xn--zzzzzz99999.example", "bad punycode" },
    { "\xf0\x9f\x92\xa9.la", "try its xn-- form" },
    { "evil!.example", "a character that names do not have: '!'" },
    { "evil$.example", "'$'" },
    { "010.8.8.8", "octal" },
    { "8.8.010.8", "octal" },
    { "0x08080808", "hexadecimal" },
    { "0x8.0x8.0x8.0x8", "hexadecimal" },
    { "evil.0x1f", "hexadecimal" },
    { "134744072", "one decimal number" },
    { "8.8.8", "has not four numbers" },
    { "1.2.3.4.5", "has not four numbers" },
    { "256.1.1.1", "a number over 255" },
    { "1.1.1.999", "a number over 255" },
    { "evil.123", "ends in a number" },
    { "http://010.8.8.8/", "octal" },
    { "http://3232235777/", "one decimal number" },
    { "10.0.0.0/8", "a net (CIDR)" },
    { "10/8", "a net (CIDR)" },
    { "192.0.2.1/32", "a net (CIDR)" },
    { "2001:db8::/32", "a net (CIDR)" },
    { "[2001:db8::]/32", "a net (CIDR)" },
    { "192.0.2.0/255.255.255.0", "a net (CIDR)" },
    { "10[.]0[.]0[.]0/8", "a net (CIDR)" },
    { "192.0.2.1-192.0.2.9", "a range" },
    { "192.0.2.1-9", "a range" },
    { "192.0.2.1-9.", "a range" },
    { "http://192.0.2.1-9/", "a range" },
    { HEX32 ".", "an MD5 hash" },
    { "http://00-11-22-33-44-55/", "a MAC address" },
    { "*.evil.example", "a pattern" },
    { "192.0.2.*", "a pattern" },
    { "user@evil.example", "an e-mail address" },
    { "user[at]evil[.]example", "an e-mail address" },
    { "mailto:user@evil.example", "an e-mail address" },
    { HEX32, "an MD5 hash" },
    { HEX32 HEX8, "a SHA-1 hash" },
    { HEX32 HEX8 HEX8 HEX8, "a SHA-224 hash" },
    { HEX32 HEX32, "a SHA-256 hash" },
    { HEX32 HEX32 HEX32, "a SHA-384 hash" },
    { HEX32 HEX32 HEX32 HEX32, "a SHA-512 hash" },
    { "00:11:22:33:44:55", "a MAC address" },
    { "00-11-22-33-44-55", "a MAC address" },
    { "2001:db8::g", "an IPv6 address, but is not one" },
    { "1:2:3:4:5:6:7:8:9", "an IPv6 address, but is not one" },
    { "[2001:db8::1", "'[' without its ']'" },
    { "[evil.example]", "brackets around something" },
    { "evil.example:99999", "no port" },
    { "evil.example:http", "no port" },
    { "[2001:db8::1]x", "no port" },
    { "evil.example|1.2.3.4", "no port" },
    { "http://", "a URL without a host" },
    { "https:///", "a URL without a host" },
    { "http://user@/", "has no host" },
    { "http://evil.example%2fx/", "no browser would open" },
    { "http://%00/", "no browser would open" },
    { "http://evil.example http://other.example", "more than one word" },
    { "evil.example other.example", "more than one word" },
    { "a.example,b.example", "a list" },
    { "C:\\windows\\evil.exe", "a file path" },
    { "\\\\server\\share", "a file path" },
    { "/etc/passwd", "a file path" },
    { "./evil.example", "a file path" },
    { "file:///etc/passwd", "a file path" },
    { "evil.\x01"
      "example",
      "control characters" },
    { "\xff\xfe", "not UTF-8" },
};

static void artifact_says_what_a_refused_input_looks_like(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        ptv_arena mem = PTV_ARENA(1 << 20);
        ptv_artifact a = { .value = "untouched" };
        ptv_error err = { 0 };
        ptv_code rc = parse_as(&a, &mem, refused[i].input, NULL, &err);
        if (rc != PTV_EINVAL)
            fail_msg("'%s' was not refused but became '%s'", refused[i].input, a.value);
        if (!strstr(err.msg, refused[i].says))
            fail_msg("'%s': the message does not say '%s': %s", refused[i].input, refused[i].says, err.msg);
        if (!strstr(err.msg, "accepted: a DNS name, an IPv4 or IPv6 address, or a URL"))
            fail_msg("'%s': the message does not say what is accepted: %s", refused[i].input, err.msg);
        assert_string_equal(a.value, "untouched");
        ptv_arena_release(&mem);
    }
}

static void artifact_refuses_a_nul_and_what_is_too_long(void **state)
{
    (void)state;
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_artifact a;
    ptv_error err = { 0 };
    static char longest[65537];
    assert_int_equal(ptv_artifact_parse(&a, &mem, "evil\0.example", 13, NULL, &err), PTV_EINVAL);
    memset(longest, 'a', sizeof longest);
    assert_int_equal(ptv_artifact_parse(&a, &mem, longest, sizeof longest, NULL, &err), PTV_EINVAL);
    assert_non_null(strstr(err.msg, "longer than 65,536 bytes"));
    ptv_arena_release(&mem);
}

static void artifact_keeps_at_most_2048_bytes_of_input(void **state)
{
    (void)state;
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_artifact a;
    ptv_error err = { 0 };
    char url[4000] = "https://evil.example/x";
    size_t start = strlen(url);
    for (size_t i = start; i + 2 < sizeof url; i += 2)
        memcpy(url + i, "\xc3\xbc", 2);
    url[sizeof url - 2] = '\0';
    assert_int_equal(parse_as(&a, &mem, url, NULL, &err), PTV_OK);
    assert_string_equal(a.value, "evil.example");
    assert_int_equal(strlen(a.input), 2048); /* 22 bytes, then two a character */
    memmove(url + 1, url, sizeof url - 1);
    url[0] = ' ';
    assert_int_equal(parse_as(&a, &mem, url, NULL, &err), PTV_OK);
    assert_int_equal(strlen(a.input), 2047); /* no half character */
    ptv_arena_release(&mem);
}

static void artifact_escapes_hostile_bytes_in_its_message(void **state)
{
    (void)state;
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_artifact a;
    ptv_error err = { 0 };
    assert_int_equal(parse_as(&a, &mem, "a\x1b[31m b", NULL, &err), PTV_EINVAL);
    assert_null(strchr(err.msg, '\x1b'));
    ptv_arena_release(&mem);
}

/* --------------------------------------------------------------------------------------------- types */

static void artifact_compares_the_type_with_the_value(void **state)
{
    (void)state;
    static const struct {
        const char *type, *input;
        bool fits;
    } rows[] = {
        { "IP Address", "1.2.3.4", true },
        { "ip address", "2001:db8::1", true },
        { "IP Address", "evil.example", false },
        { "DNS Name", "evil.example", true },
        { "DNS Name", "1.2.3.4", false },
        { "URL", "http://evil.example/", true },
        { "URL", "http://1.2.3.4/", true },
        { "URL", "evil.example", true },
        { "net.ip", "1.2.3.4", true },
        { "net.ip", "evil.example", false },
        { "net.name", "evil.example", true },
        { "net.name", "::1", false },
        { "net.uri", "hxxp://evil[.]example", true },
        { "ip", "1.2.3.4", true },
        { "domain", "evil.example", true },
        { "domain", "1.2.3.4", false },
        { "Email Sender", "evil.example", false },
        { "", "evil.example", false },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        ptv_arena mem = PTV_ARENA(1 << 20);
        ptv_artifact a;
        ptv_error err = { 0 };
        ptv_code rc = parse_as(&a, &mem, rows[i].input, rows[i].type, &err);
        if ((rc == PTV_OK) != rows[i].fits)
            fail_msg("'%s' as %s: %s", rows[i].input, rows[i].type, rc ? err.msg : "taken");
        ptv_arena_release(&mem);
    }
}

static void artifact_names_the_contradiction(void **state)
{
    (void)state;
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_artifact a;
    ptv_error err = { 0 };
    assert_int_equal(parse_as(&a, &mem, "evil.example", "ip address", &err), PTV_EINVAL);
    assert_string_equal(err.msg, "artifact type 'IP Address' contradicts the value: 'evil.example' is a DNS name");
    assert_int_equal(parse_as(&a, &mem, "evil.example", "Mutex", &err), PTV_EINVAL);
    assert_string_equal(err.msg,
                        "artifact type 'Mutex' is not one of: IP Address, DNS Name, URL, net.ip, net.name, net.uri, "
                        "ip, domain");
    ptv_arena_release(&mem);
}

/* --------------------------------------------------------------------------------------------- reach */

static const struct {
    const char *value;
    ptv_reach reach;
} reached[] = {
    { "8.8.8.8", PTV_ROUTABLE },
    { "1.1.1.1", PTV_ROUTABLE },
    { "9.255.255.255", PTV_ROUTABLE },
    { "10.0.0.0", PTV_PRIVATE },
    { "10.255.255.255", PTV_PRIVATE },
    { "11.0.0.0", PTV_ROUTABLE },
    { "0.0.0.0", PTV_PRIVATE },
    { "0.255.255.255", PTV_PRIVATE },
    { "100.63.255.255", PTV_ROUTABLE },
    { "100.64.0.0", PTV_PRIVATE },
    { "100.127.255.255", PTV_PRIVATE },
    { "100.128.0.0", PTV_ROUTABLE },
    { "127.0.0.1", PTV_PRIVATE },
    { "127.255.255.255", PTV_PRIVATE },
    { "128.0.0.1", PTV_ROUTABLE },
    { "169.254.0.1", PTV_PRIVATE },
    { "169.253.255.255", PTV_ROUTABLE },
    { "172.15.255.255", PTV_ROUTABLE },
    { "172.16.0.0", PTV_PRIVATE },
    { "172.31.255.255", PTV_PRIVATE },
    { "172.32.0.0", PTV_ROUTABLE },
    { "192.0.0.1", PTV_PRIVATE },
    { "192.0.0.9", PTV_ROUTABLE },
    { "192.0.0.10", PTV_ROUTABLE },
    { "192.0.1.1", PTV_ROUTABLE },
    { "192.0.2.1", PTV_RESERVED },
    { "192.0.3.1", PTV_ROUTABLE },
    { "192.167.255.255", PTV_ROUTABLE },
    { "192.168.0.1", PTV_PRIVATE },
    { "192.169.0.0", PTV_ROUTABLE },
    { "198.17.255.255", PTV_ROUTABLE },
    { "198.18.0.0", PTV_PRIVATE },
    { "198.19.255.255", PTV_PRIVATE },
    { "198.20.0.0", PTV_ROUTABLE },
    { "198.51.100.7", PTV_RESERVED },
    { "203.0.113.7", PTV_RESERVED },
    { "223.255.255.255", PTV_ROUTABLE },
    { "224.0.0.1", PTV_PRIVATE },
    { "239.255.255.255", PTV_PRIVATE },
    { "240.0.0.1", PTV_PRIVATE },
    { "255.255.255.255", PTV_PRIVATE },

    { "::", PTV_PRIVATE },
    { "::1", PTV_PRIVATE },
    { "::2", PTV_PRIVATE },
    { "::ffff:10.0.0.1", PTV_PRIVATE },
    { "::ffff:8.8.8.8", PTV_ROUTABLE },
    { "64:ff9b::808:808", PTV_ROUTABLE },
    { "64:ff9b::a00:1", PTV_PRIVATE },
    { "64:ff9b::c000:201", PTV_RESERVED },
    { "64:ff9b:1::1", PTV_PRIVATE },
    { "100::1", PTV_PRIVATE },
    { "2001:2::1", PTV_PRIVATE },
    { "2001:10::1", PTV_PRIVATE },
    { "2001:20::1", PTV_PRIVATE },
    { "2001:db8::1", PTV_RESERVED },
    { "2001:db9::1", PTV_ROUTABLE },
    { "2001:4860:4860::8888", PTV_ROUTABLE },
    { "2002:808:808::1", PTV_ROUTABLE },
    { "2002:a00:1::1", PTV_PRIVATE },
    { "2002:c000:201::1", PTV_RESERVED },
    { "2606:4700::1111", PTV_ROUTABLE },
    { "3fff:fff::1", PTV_RESERVED },
    { "3fff:1000::1", PTV_ROUTABLE },
    { "4000::1", PTV_PRIVATE },
    { "fc00::1", PTV_PRIVATE },
    { "fdff::1", PTV_PRIVATE },
    { "fe80::1", PTV_PRIVATE },
    { "febf::1", PTV_PRIVATE },
    { "fec0::1", PTV_PRIVATE },
    { "ff02::1", PTV_PRIVATE },

    { "localhost", PTV_PRIVATE },
    { "a.localhost", PTV_PRIVATE },
    { "printer", PTV_PRIVATE },
    { "com", PTV_PRIVATE },
    { "a.local", PTV_PRIVATE },
    { "a.internal", PTV_PRIVATE },
    { "a.home.arpa", PTV_PRIVATE },
    { "1.0.0.127.in-addr.arpa", PTV_PRIVATE },
    { "a.onion", PTV_PRIVATE },
    { "a.alt", PTV_PRIVATE },
    { "a.lan", PTV_PRIVATE },
    { "a.corp", PTV_PRIVATE },
    { "a.test", PTV_RESERVED },
    { "a.example", PTV_RESERVED },
    { "a.invalid", PTV_RESERVED },
    { "example.com", PTV_RESERVED },
    { "a.example.com", PTV_RESERVED },
    { "example.net", PTV_RESERVED },
    { "example.org", PTV_RESERVED },
    { "notexample.com", PTV_ROUTABLE },
    { "example.com.evil.net", PTV_ROUTABLE },
    { "evil.com", PTV_ROUTABLE },
    { "thelocal.com", PTV_ROUTABLE },
    { "xn--ls8h.la", PTV_ROUTABLE },
};

static void artifact_is_classed_by_where_a_call_may_go(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(reached); i++) {
        ptv_arena mem = PTV_ARENA(1 << 20);
        ptv_artifact a;
        ptv_error err = { 0 };
        if (parse_as(&a, &mem, reached[i].value, NULL, &err))
            fail_msg("%s", err.msg);
        if (a.reach != reached[i].reach)
            fail_msg("'%s': reach %d (%s), not %d", a.value, a.reach, a.reach_reason ? a.reach_reason : "-",
                     reached[i].reach);
        assert_int_equal(a.reach_reason != NULL, a.reach != PTV_ROUTABLE);
        ptv_arena_release(&mem);
    }
}

static void artifact_holds_an_address_as_bytes(void **state)
{
    (void)state;
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_artifact a;
    ptv_error err = { 0 };
    static const unsigned char four[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4 };
    assert_int_equal(parse_as(&a, &mem, "1.2.3.4", NULL, &err), PTV_OK);
    assert_memory_equal(a.ip, four, 16);
    assert_true(a.ip4);
    assert_int_equal(parse_as(&a, &mem, "2001:db8::1", NULL, &err), PTV_OK);
    assert_false(a.ip4);
    assert_int_equal(a.ip[0], 0x20);
    assert_int_equal(a.ip[15], 1);
    ptv_arena_release(&mem);
}

/* -------------------------------------------------------------------------------------- nets and zones */

static void cidr_reads_nets_and_single_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int prefix_len; /* -1: refused */
    } rows[] = {
        { "192.0.2.0/24", 120 },
        { " 192.0.2.0/24 ", 120 },
        { "0.0.0.0/0", 96 },
        { "192.0.2.1", 128 },
        { "192.0.2.1/32", 128 },
        { "2001:db8::/32", 32 },
        { "2001:db8::1", 128 },
        { "::/0", 0 },
        { "192.0.2.1/24", -1 },
        { "2001:db8::1/32", -1 },
        { "192.0.2.0/33", -1 },
        { "2001:db8::/129", -1 },
        { "192.0.2.0/", -1 },
        { "192.0.2.0/x", -1 },
        { "192.0.2/24", -1 },
        { "evil.example/24", -1 },
        { "", -1 },
        { "/24", -1 },
        { "192.0.2.0/0024", -1 },
        { "192.0.2.0/-1", -1 },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned char net[16];
        int prefix_len = -1;
        ptv_error err = { 0 };
        ptv_code rc = ptv_cidr_parse(net, &prefix_len, rows[i].text, &err);
        if ((rc == PTV_OK) != (rows[i].prefix_len >= 0) || prefix_len != rows[i].prefix_len)
            fail_msg("'%s': %d, /%d: %s", rows[i].text, rc, prefix_len, err.msg);
    }
}

static void cidr_names_the_net_when_host_bits_are_set(void **state)
{
    (void)state;
    unsigned char net[16];
    int prefix_len;
    ptv_error err = { 0 };
    assert_int_equal(ptv_cidr_parse(net, &prefix_len, "192.0.2.77/24", &err), PTV_EINVAL);
    assert_non_null(strstr(err.msg, "the net is 192.0.2.0/24"));
}

static void cidr_contains_by_bits(void **state)
{
    (void)state;
    unsigned char net[16], low[16], high[16], outside[16];
    int len, any;
    ptv_error err = { 0 };
    assert_int_equal(ptv_cidr_parse(net, &len, "172.16.0.0/12", &err), PTV_OK);
    assert_int_equal(ptv_cidr_parse(low, &any, "172.16.0.0", &err), PTV_OK);
    assert_int_equal(ptv_cidr_parse(high, &any, "172.31.255.255", &err), PTV_OK);
    assert_int_equal(ptv_cidr_parse(outside, &any, "172.32.0.0", &err), PTV_OK);
    assert_true(ptv_cidr_contains(net, len, low));
    assert_true(ptv_cidr_contains(net, len, high));
    assert_false(ptv_cidr_contains(net, len, outside));
}

static void name_is_normalised_without_guessing(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name; /* NULL: refused */
    } rows[] = {
        { "Corp.Example.", "corp.example" },
        { " b\xc3\xbc"
          "cher.example",
          "xn--bcher-kva.example" },
        { "_x.example", "_x.example" },
        { "corp", "corp" },
        { "evil[.]example", NULL },
        { "http://evil.example", NULL },
        { "1.2.3.4", NULL },
        { "*.corp.example", NULL },
        { "", NULL },
        { "a b", NULL },
        { "\xff", NULL },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        ptv_arena mem = PTV_ARENA(1 << 20);
        const char *name = NULL;
        ptv_error err = { 0 };
        ptv_code rc = ptv_name_normalise(&name, &mem, rows[i].text, strlen(rows[i].text), &err);
        if (rows[i].name)
            assert_string_equal(name, rows[i].name);
        else
            assert_int_equal(rc, PTV_EINVAL);
        ptv_arena_release(&mem);
    }
}

static void name_knows_public_suffixes(void **state)
{
    (void)state;
    assert_true(ptv_name_is_public_suffix("com"));
    assert_true(ptv_name_is_public_suffix("co.uk"));
    assert_false(ptv_name_is_public_suffix("evil.co.uk"));
    assert_false(ptv_name_is_public_suffix("corp.example"));
}

/* -------------------------------------------------------------------------------------------- memory */

static void artifact_survives_each_failed_allocation(void **state)
{
    (void)state;
    static const char *const inputs[] = { "evil.example", "hxxp://bücher[.]example/x", "::ffff:1.2.3.4",
                                          "user@evil.example" };
    for (size_t i = 0; i < COUNT(inputs); i++) {
        ptv_code rc = PTV_ENOMEM;
        for (unsigned long nth = 1; rc == PTV_ENOMEM; nth++) {
            ptv_arena mem = PTV_ARENA(1 << 20);
            ptv_artifact a;
            ptv_error err = { 0 };
            size_t live = ptv_mem_live();
            ptv_mem_fail_at(nth);
            rc = parse_as(&a, &mem, inputs[i], NULL, &err);
            ptv_mem_fail_at(0);
            ptv_arena_release(&mem);
            assert_int_equal(ptv_mem_live(), live);
            assert_true(nth < 100);
        }
        assert_true(rc == PTV_OK || rc == PTV_EINVAL);
    }
}

static void artifact_minds_the_ceiling_of_its_arena(void **state)
{
    (void)state;
    ptv_arena mem = PTV_ARENA(16);
    ptv_artifact a;
    ptv_error err = { 0 };
    assert_int_equal(parse_as(&a, &mem, "https://evil.example/path", NULL, &err), PTV_ETOOBIG);
    ptv_arena_release(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(artifact_takes_what_people_paste),
        cmocka_unit_test(artifact_is_stable_under_a_second_parse),
        cmocka_unit_test(artifact_keeps_the_u_label_for_people),
        cmocka_unit_test(artifact_says_what_a_refused_input_looks_like),
        cmocka_unit_test(artifact_refuses_a_nul_and_what_is_too_long),
        cmocka_unit_test(artifact_keeps_at_most_2048_bytes_of_input),
        cmocka_unit_test(artifact_escapes_hostile_bytes_in_its_message),
        cmocka_unit_test(artifact_compares_the_type_with_the_value),
        cmocka_unit_test(artifact_names_the_contradiction),
        cmocka_unit_test(artifact_is_classed_by_where_a_call_may_go),
        cmocka_unit_test(artifact_holds_an_address_as_bytes),
        cmocka_unit_test(cidr_reads_nets_and_single_addresses),
        cmocka_unit_test(cidr_names_the_net_when_host_bits_are_set),
        cmocka_unit_test(cidr_contains_by_bits),
        cmocka_unit_test(name_is_normalised_without_guessing),
        cmocka_unit_test(name_knows_public_suffixes),
        cmocka_unit_test(artifact_survives_each_failed_allocation),
        cmocka_unit_test(artifact_minds_the_ceiling_of_its_arena),
    };
    return cmocka_run_group_tests_name("artifact", tests, NULL, NULL);
}
