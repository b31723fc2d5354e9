/*
 * artifact.c: from what people paste to a name or an address, or to a refusal that says what it looks like.
 *
 *   text ──► tidy: wrapping off, full-width forms, defanging ──► host out of URL, port ──► address or name ──► reach
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/artifact.h"
#include "base/text.h"
#include "core/address.h"
#include "core/name.h"
#include <string.h>

enum { INPUT_KEPT = 2048, INPUT_LIMIT = 65536, SHOWN = 80 };

const char *const ptv_artifact_type_names[] = { "domain", "ip", NULL };

/* A view of bytes: where the pieces of the text are looked at. */
typedef struct span {
    const char *at;
    size_t len;
} span;

static span span_from(const char *at, const char *end)
{
    return (span){ at, (size_t)(end - at) };
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool span_only(span s, const char *set)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_one_of(s.at[i], set))
            return false;
    return s.len > 0;
}

static const char *span_find(span s, const char *set)
{
    for (size_t i = 0; i < s.len; i++)
        if (is_one_of(s.at[i], set))
            return s.at + i;
    return NULL;
}

static const char DIGITS[] = "0123456789";
static const char HEX_DIGITS[] = "0123456789abcdefABCDEF";
static const char BLANKS[] = " \t\r\n\v\f";

/* What is known while one text is parsed. */
typedef struct reading {
    ptv_arena *mem;
    span input; /* as given: shown in refusals */
    ptv_error *err;
} reading;

static ptv_code refuse(const reading *r, const char *what)
{
    ptv_buf shown = PTV_BUF(1024);
    size_t len = r->input.len;
    bool cut = len > SHOWN;
    if (cut)
        for (len = SHOWN; len > 0 && ((unsigned char)r->input.at[len] & 0xc0) == 0x80;)
            len--;
    ptv_escape_terminal(&shown, r->input.at, len);
    ptv_fail(r->err, PTV_EINVAL, "'%s%s' %s; accepted: a DNS name, an IPv4 or IPv6 address, or a URL",
             shown.data ? shown.data : "", cut ? "…" : "", what);
    ptv_buf_release(&shown);
    return PTV_EINVAL;
}

/* ------------------------------------------------------------------------------------------ tidying */

/* One character of text known to be UTF-8. */
static uint32_t char_at(span s, size_t *step)
{
    uint32_t point = 0;
    *step = ptv_utf8_next(&point, s.at, s.len);
    return point;
}

/* Invisible, and without meaning inside a name: UTS 46 maps them to nothing, word processors put them everywhere. */
static bool is_ignorable(uint32_t c)
{
    return c == 0xad || c == 0x200b || c == 0x2060 || c == 0xfeff;
}

static bool is_wrapping(uint32_t c)
{
    if (c < 0x80)
        return is_one_of((char)c, " \t\r\n\v\f'\"`<>");
    return is_ignorable(c) || c == 0x85 || c == 0xa0 || c == 0xab || c == 0xbb || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200f) || (c >= 0x2018 && c <= 0x201f) || (c >= 0x2028 && c <= 0x202f) || c == 0x2039 ||
           c == 0x203a || (c >= 0x205f && c <= 0x206f) || c == 0x3000;
}

/* Blanks, quotes, <…>, zero-width characters and BOM around it; and the comma or semicolon of the list it was cut from. */
static span unwrap(span s)
{
    size_t step;
    while (s.len > 0 && is_wrapping(char_at(s, &step))) {
        s.at += step;
        s.len -= step;
    }
    while (s.len > 0) {
        const char *last = s.at + s.len - 1;
        while (last > s.at && ((unsigned char)*last & 0xc0) == 0x80)
            last--;
        uint32_t c = char_at(span_from(last, s.at + s.len), &step);
        if (!is_wrapping(c) && c != ',' && c != ';')
            break;
        s.len = (size_t)(last - s.at);
    }
    return s;
}

/* "[.]" "(dot)" "{.}" "[:]" "[://]" "[at]": what one bracket pair stands for; NULL: nothing of ours. */
static const char *fanged(span inner)
{
    static const struct {
        const char *defanged, *meant;
    } forms[] = {
        { ".", "." }, { "dot", "." }, { ":", ":" },  { "://", "://" },
        { "/", "/" }, { "//", "//" }, { "at", "@" }, { "@", "@" },
    };
    ptv_text_trim(&inner.at, &inner.len);
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t len = strlen(forms[i].defanged), same = 0;
        while (same < len && same < inner.len && ptv_lower(inner.at[same]) == forms[i].defanged[same])
            same++;
        if (same == len && inner.len == len)
            return forms[i].meant;
    }
    return NULL;
}

/* A defanged piece at `p`: its meaning, and how many bytes it took; NULL: none here. */
static const char *defanged_at(const char *p, const char *end, size_t *len)
{
    enum { LONGEST = 8 };
    static const char open[] = "[({", close[] = "])}";
    if (*p == '\\' && end - p > 1 && p[1] == '.') {
        *len = 2;
        return ".";
    }
    if (is_one_of(*p, open)) {
        char wanted = close[strchr(open, *p) - open];
        for (const char *q = p + 1; q < end && q - p < LONGEST; q++)
            if (*q == wanted) {
                *len = (size_t)(q - p) + 1;
                return fanged(span_from(p + 1, q));
            }
    }
    if (end - p > 1 && ((is_one_of(p[0], open) && p[1] == '.') || (p[0] == '.' && is_one_of(p[1], close)))) {
        *len = 2; /* half of it: "evil[.example", "evil.]example" */
        return ".";
    }
    return NULL;
}

/* Full-width ASCII and the dots of East Asian keyboards; 0: none of these. */
static char narrow(uint32_t c)
{
    if (c >= 0xff01 && c <= 0xff5e)
        return (char)(c - 0xff01 + 0x21);
    return c == 0x3002 || c == 0xff0e || c == 0xff61 ? '.' : '\0';
}

/* The text with full-width forms narrowed, then refanged; invisible characters dropped. Each pass only shrinks. */
static char *tidy(ptv_arena *mem, span s, size_t *len)
{
    char *text = ptv_arena_alloc(mem, s.len + 1), *to = text;
    if (!text)
        return NULL;
    for (const char *p = s.at, *end = s.at + s.len; p < end;) {
        size_t step;
        uint32_t c = char_at(span_from(p, end), &step);
        char ascii = narrow(c);
        if (ascii) {
            *to++ = ascii;
        } else if (!is_ignorable(c)) {
            memmove(to, p, step);
            to += step;
        }
        p += step;
    }
    const char *end = to;
    to = text;
    for (const char *p = text; p < end;) {
        size_t taken;
        const char *meant = defanged_at(p, end, &taken);
        if (meant) {
            size_t meant_len = strlen(meant);
            memcpy(to, meant, meant_len);
            to += meant_len;
            p += taken;
        } else {
            *to++ = *p++;
        }
    }
    *to = '\0';
    *len = (size_t)(to - text);
    return text;
}

/* ------------------------------------------------------------------------------------------- looks */

static const char *hash_look(span s)
{
    if (!span_only(s, HEX_DIGITS))
        return NULL;
    switch (s.len) {
    case 32:
        return "looks like an MD5 hash";
    case 40:
        return "looks like a SHA-1 hash";
    case 56:
        return "looks like a SHA-224 hash";
    case 64:
        return "looks like a SHA-256 hash";
    case 96:
        return "looks like a SHA-384 hash";
    case 128:
        return "looks like a SHA-512 hash";
    default:
        return NULL;
    }
}

static bool is_address(span s)
{
    unsigned char ip[16];
    if (s.len >= 2 && s.at[0] == '[' && s.at[s.len - 1] == ']')
        s = (span){ s.at + 1, s.len - 2 };
    return ptv_address_parse4(ip, s.at, s.len) || ptv_address_parse6(ip, s.at, s.len);
}

/* "10.0.0.0/8", "10/8", "192.0.2.0/255.255.255.0": a net; "192.0.2.1/a", "evil.example/8": a path. */
static bool is_net(span s)
{
    const char *slash = span_find(s, "/");
    if (!slash)
        return false;
    span before = span_from(s.at, slash), after = span_from(slash + 1, s.at + s.len);
    if (!is_address(before) && !span_only(before, "0123456789."))
        return false;
    return (after.len <= 3 && span_only(after, DIGITS)) || is_address(after);
}

/* "192.0.2.1-192.0.2.9", "192.0.2.1-9" */
static bool is_range(span s)
{
    const char *dash = span_find(s, "-");
    if (!dash)
        return false;
    span before = span_from(s.at, dash), after = span_from(dash + 1, s.at + s.len);
    return is_address(before) && (is_address(after) || span_only(after, DIGITS));
}

static bool is_mac(span s)
{
    if (s.len != 17)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (i % 3 == 2 ? !is_one_of(s.at[i], ":-") : !is_one_of(s.at[i], HEX_DIGITS))
            return false;
    return true;
}

static bool is_file_path(span s)
{
    if (s.len >= 3 && s.at[1] == ':' && s.at[2] == '\\')
        return true;
    return s.len >= 2 && ((s.at[0] == '/' && s.at[1] != '/') || (s.at[0] == '\\' && s.at[1] == '\\') ||
                          (s.at[0] == '.' && s.at[1] == '/') || (s.at[0] == '~' && s.at[1] == '/'));
}

/* A text whose last label is a number but that is no address in the form we take. */
static const char *odd_address_look(const char *text)
{
    int parts = 1;
    bool hex = false, octal = false, over = false, digits_only = true;
    for (const char *p = text;; p++) {
        size_t len = strcspn(p, ".");
        hex = hex || (len > 1 && p[0] == '0' && ptv_lower(p[1]) == 'x');
        octal = octal || (len > 1 && p[0] == '0' && span_only((span){ p, len }, DIGITS));
        over = over || len > 3 || (len == 3 && memcmp(p, "255", 3) > 0);
        digits_only = digits_only && span_only((span){ p, len }, DIGITS);
        p += len;
        if (*p == '\0')
            break;
        parts++;
    }
    if (hex)
        return "looks like an address in hexadecimal, which programs read in different ways";
    if (!digits_only)
        return "ends in a number, so it is neither a name nor an address";
    if (parts == 1)
        return "looks like an address written as one decimal number, or just a number";
    if (parts != 4)
        return "looks like an address, but has not four numbers";
    if (octal)
        return "looks like an address with octal numbers (a leading 0), which programs read in different ways";
    return over ? "looks like an address, but has a number over 255" : "looks like an address, but is not one";
}

/* ------------------------------------------------------------------------------------ host and port */

static bool is_scheme_byte(char c)
{
    return (ptv_lower(c) >= 'a' && ptv_lower(c) <= 'z') || is_one_of(c, "0123456789+-*_");
}

/* http, https, ftp, ws, wss and their defanged spellings: browsers take any number of slashes after these. */
static bool is_web_scheme(span scheme)
{
    static const char *const schemes[] = { "http", "https", "hxxp", "hxxps", "htxp", "htxps",
                                           "h**p", "h**ps", "ftp",  "fxp",   "ws",   "wss" };
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strlen(schemes[i]) == scheme.len) {
            size_t same = 0;
            while (same < scheme.len && ptv_lower(scheme.at[same]) == schemes[i][same])
                same++;
            if (same == scheme.len)
                return true;
        }
    return false;
}

/* Where the authority of a URL starts; NULL: no URL. */
static const char *after_scheme(span s)
{
    size_t len = 0;
    while (len < s.len && is_scheme_byte(s.at[len]))
        len++;
    const char *p = s.at + len, *end = s.at + s.len;
    bool web = is_web_scheme((span){ s.at, len });
    if (len == 0)
        return s.len >= 2 && s.at[0] == '/' && s.at[1] == '/' ? s.at + 2 : NULL;
    if (p == end || *p != ':')
        return NULL;
    p++;
    size_t slashes = 0;
    while (p + slashes < end && is_one_of(p[slashes], "/\\"))
        slashes++;
    if (web)
        return p + slashes;
    return slashes >= 2 ? p + 2 : NULL;
}

/* "%2E" in the host of a URL is a dot to every browser. In place. */
static void percent_decode(char *text, size_t *len)
{
    char *to = text;
    for (const char *p = text, *end = text + *len; p < end; p++) {
        if (*p == '%' && end - p > 2 && is_one_of(p[1], HEX_DIGITS) && is_one_of(p[2], HEX_DIGITS)) {
            unsigned value = 0;
            for (int i = 1; i <= 2; i++) {
                char c = ptv_lower(p[i]);
                value = value * 16 + (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
            }
            *to++ = (char)value;
            p += 2;
        } else {
            *to++ = *p;
        }
    }
    *to = '\0';
    *len = (size_t)(to - text);
}

/* "8080" or nothing; a number over 65535 is no port. */
static bool is_port(span s)
{
    unsigned value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_one_of(s.at[i], DIGITS) || (value = value * 10 + (unsigned)(s.at[i] - '0')) > 65535)
            return false;
    }
    return true;
}

static const char range_look[] = "looks like a range of addresses, not one", mac_look[] = "looks like a MAC address";
static const char bad_port[] = "has something after ':' or '|' that is no port (0 to 65535)";

/* Host out of "host:port", "host|port", "[host]:port"; brackets off. NULL in *why: fine. */
static span host_of(span s, bool *bracketed, const char **why)
{
    const char *end = s.at + s.len, *mark;
    *why = NULL;
    *bracketed = false;
    if (s.len > 0 && s.at[0] == '[') {
        const char *close = memchr(s.at, ']', s.len);
        if (!close) {
            *why = "has a '[' without its ']'";
            return s;
        }
        if (close + 1 < end && (!is_one_of(close[1], ":|") || !is_port(span_from(close + 2, end))))
            *why = bad_port;
        *bracketed = true;
        return span_from(s.at + 1, close);
    }
    mark = span_find(s, "|");
    if (!mark) {
        mark = span_find(s, ":");
        if (mark && span_find(span_from(mark + 1, end), ":"))
            mark = NULL; /* two colons: an IPv6 address, which has no port unless in brackets */
    }
    if (!mark)
        return s;
    if (!is_port(span_from(mark + 1, end)))
        *why = bad_port;
    return span_from(s.at, mark);
}

/* "fe80::1%eth0" → "fe80::1" */
static span zone_off(span s)
{
    const char *percent = memchr(s.at, '%', s.len);
    return percent && percent + 1 < s.at + s.len ? span_from(s.at, percent) : s;
}

/* ------------------------------------------------------------------------------------------ parsing */

static ptv_code take_address(ptv_artifact *a, const reading *r, const unsigned char ip[16])
{
    char text[PTV_ADDRESS_TEXT];
    memcpy(a->ip, ip, 16);
    a->ip4 = ptv_address_is4(ip);
    a->type = PTV_IP;
    ptv_address_format(text, ip);
    a->value = a->display = ptv_arena_strdup(r->mem, text);
    if (!a->value)
        return ptv_arena_fail(r->mem, r->err);
    a->reach = ptv_address_reach(ip, &a->reach_reason);
    return PTV_OK;
}

static ptv_code take_host(ptv_artifact *a, const reading *r, span host, bool bracketed)
{
    unsigned char ip[16];
    const char *why = NULL, *look;
    if (host.len == 0)
        return refuse(r, "has no host");
    if (span_find(host, ":")) {
        span address = zone_off(host);
        if (ptv_address_parse6(ip, address.at, address.len))
            return take_address(a, r, ip);
        return refuse(r, is_mac(host) ? mac_look : "looks like an IPv6 address, but is not one");
    }
    if ((look = hash_look(host)) != NULL) /* longer than a label may be */
        return refuse(r, look);
    if (bracketed && !ptv_address_parse4(ip, host.at, host.len))
        return refuse(r, "has brackets around something that is no address");

    ptv_code rc = ptv_name_map(&a->value, r->mem, host.at, host.len, &why);
    if (rc == PTV_EINVAL)
        return refuse(r, why);
    if (rc)
        return ptv_arena_fail(r->mem, r->err);
    /* Looks are taken of the normal form, so that it is read like what it was made from: a dot at the end hides nothing. */
    const span value = { a->value, strlen(a->value) };
    if ((look = hash_look(value)) != NULL)
        return refuse(r, look);
    if (is_range(value))
        return refuse(r, range_look);
    if (is_mac(value))
        return refuse(r, mac_look);
    if (ptv_name_ends_in_number(a->value)) {
        if (ptv_address_parse4(ip, a->value, strlen(a->value)))
            return take_address(a, r, ip);
        return refuse(r, odd_address_look(a->value));
    }
    a->type = PTV_DOMAIN;
    a->display = ptv_name_display(r->mem, a->value);
    if (!a->display)
        return ptv_arena_fail(r->mem, r->err);
    a->reach = ptv_name_reach(a->value, &a->reach_reason);
    return PTV_OK;
}

static ptv_code take_url(ptv_artifact *a, const reading *r, span s, const char *authority)
{
    const char *end = s.at + s.len, *why;
    bool bracketed;
    const char *stop = span_find(span_from(authority, end), "/?#\\");
    span host = span_from(authority, stop ? stop : end);
    if (host.len == 0)
        return refuse(r, ptv_lower(s.at[0]) == 'f' && ptv_lower(s.at[1]) == 'i' ? "looks like a file path"
                                                                                : "is a URL without a host");
    if (span_find(host, BLANKS))
        return refuse(r, "is more than one word: give one at a time");
    for (const char *p = host.at + host.len; p > host.at; p--)
        if (p[-1] == '@') { /* user and password end at the last @ */
            host = span_from(p, host.at + host.len);
            break;
        }
    host = host_of(host, &bracketed, &why);
    if (why)
        return refuse(r, why);
    char *decoded = ptv_arena_strndup(r->mem, host.at, host.len);
    if (!decoded)
        return ptv_arena_fail(r->mem, r->err);
    if (!bracketed) {
        percent_decode(decoded, &host.len);
        if (memchr(decoded, '\0', host.len) || !ptv_utf8_valid(decoded, host.len) ||
            span_find((span){ decoded, host.len }, "%/@"))
            return refuse(r, "is a URL with a host that no browser would open");
    }
    return take_host(a, r, (span){ decoded, host.len }, bracketed);
}

static ptv_code take_text(ptv_artifact *a, const reading *r, span s)
{
    const char *authority = after_scheme(s), *why;
    bool bracketed;
    if (s.len == 0)
        return refuse(r, "is empty");
    if (authority)
        return take_url(a, r, s, authority);
    if (is_file_path(s))
        return refuse(r, "looks like a file path");
    if (is_net(s))
        return refuse(r, "looks like a net (CIDR), not one address");
    const char *stop = span_find(s, "/?#\\");
    span host = span_from(s.at, stop ? stop : s.at + s.len);
    if (span_find(host, BLANKS))
        return refuse(r, "is more than one word: give one at a time");
    if (span_find(host, "@"))
        return refuse(r, "looks like an e-mail address");
    if (span_find(host, ",;"))
        return refuse(r, "looks like a list: give one at a time");
    if (span_find(host, "*"))
        return refuse(r, "looks like a pattern: give one name");
    if (is_range(host))
        return refuse(r, range_look);
    if (is_mac(host))
        return refuse(r, mac_look);
    host = host_of(host, &bracketed, &why);
    if (why)
        return refuse(r, why);
    return take_host(a, r, host, bracketed);
}

/* What the caller's word for the type allows. */
typedef struct type_word {
    const char *word;
    bool domain, ip;
} type_word;
static const type_word type_words[] = {
    { "IP Address", false, true }, { "DNS Name", true, false }, { "URL", true, true }, { "net.ip", false, true },
    { "net.name", true, false },   { "net.uri", true, true },   { "ip", false, true }, { "domain", true, false },
};

static const type_word *type_word_find(const char *type)
{
    for (size_t i = 0; i < sizeof type_words / sizeof *type_words; i++)
        if (ptv_text_equal_fold(type, type_words[i].word))
            return &type_words[i];
    return NULL;
}

static ptv_code refuse_type(const reading *r, const char *type)
{
    ptv_buf shown = PTV_BUF(512);
    ptv_escape_terminal(&shown, type, strnlen(type, SHOWN));
    ptv_fail(r->err, PTV_EINVAL,
             "artifact type '%s' is not one of: IP Address, DNS Name, URL, net.ip, net.name, net.uri, ip, domain",
             shown.data ? shown.data : "");
    ptv_buf_release(&shown);
    return PTV_EINVAL;
}

/* As given, at most INPUT_KEPT bytes of it, whole characters. */
static const char *keep_input(const reading *r)
{
    size_t len = r->input.len;
    if (len > INPUT_KEPT)
        for (len = INPUT_KEPT; len > 0 && ((unsigned char)r->input.at[len] & 0xc0) == 0x80;)
            len--;
    return ptv_arena_strndup(r->mem, r->input.at, len);
}

static ptv_code parse(ptv_artifact *a, const reading *r)
{
    size_t len = 0;
    a->input = keep_input(r);
    if (!a->input)
        return ptv_arena_fail(r->mem, r->err);
    if (ptv_name_is_plain(r->input.at, r->input.len)) {
        a->value = a->display = a->input;
        a->type = PTV_DOMAIN;
        a->reach = ptv_name_reach(a->value, &a->reach_reason);
        return PTV_OK;
    }
    char *text = tidy(r->mem, unwrap(r->input), &len);
    if (!text)
        return ptv_arena_fail(r->mem, r->err);
    span tidied = unwrap((span){ text, len }); /* narrowing may have made quotes */
    text[(size_t)(tidied.at - text) + tidied.len] = '\0';
    for (size_t i = 0; i < tidied.len; i++)
        if (((unsigned char)tidied.at[i] < 0x20 && !is_one_of(tidied.at[i], BLANKS)) || tidied.at[i] == 0x7f)
            return refuse(r, "has control characters in it");
    return take_text(a, r, tidied);
}

ptv_code ptv_artifact_parse(ptv_artifact *out, ptv_arena *mem, const char *text, size_t len, const char *type,
                            ptv_error *err)
{
    ptv_artifact a = { 0 };
    reading r = { mem, { text, len }, err };
    const type_word *word = NULL;
    if (type && (word = type_word_find(type)) == NULL)
        return refuse_type(&r, type);
    if (len > INPUT_LIMIT)
        return refuse(&r, "is longer than 65,536 bytes");
    if (memchr(text, '\0', len) != NULL || !ptv_utf8_valid(text, len))
        return refuse(&r, "is not UTF-8 text");
    ptv_code rc = parse(&a, &r);
    if (rc)
        return rc;
    if (word && !(a.type == PTV_IP ? word->ip : word->domain)) {
        ptv_fail(err, PTV_EINVAL, "artifact type '%s' contradicts the value: '%s' is %s", word->word, a.value,
                 a.type == PTV_IP ? "an IP address" : "a DNS name");
        return PTV_EINVAL;
    }
    *out = a;
    return PTV_OK;
}
