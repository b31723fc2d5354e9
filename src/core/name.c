/*
 * name.c: DNS names: A-labels by libidn2, public suffixes by libpsl, special-use names by the RFCs.
 *
 * What is in passive DNS must be accepted: underscores (_dmarc), hyphens in the third and fourth place, hyphens at the
 * edges. So only labels that are not ASCII, and those that claim to be punycode, go through libidn2.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/name.h"
#include "base/text.h"
#include <idn2.h>
#include <libpsl.h>
#include <string.h>

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool is_number(const char *text, size_t len)
{
    if (len >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        return strspn(text + 2, "0123456789abcdefABCDEF") >= len - 2;
    return len > 0 && strspn(text, "0123456789") >= len;
}

bool ptv_name_is_plain(const char *text, size_t len)
{
    size_t label = 0, labels = 1;
    if (len == 0 || len > PTV_NAME_LIMIT)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (is_name_byte(text[i]))
            continue;
        if (text[i] != '.' || i == label || i - label > PTV_LABEL_LIMIT)
            return false;
        label = i + 1;
        labels++;
        if (len - label >= 4 && memcmp(text + label, "xn--", 4) == 0)
            return false;
    }
    size_t last = len - label;
    return labels > 1 && last > 0 && last <= PTV_LABEL_LIMIT && (text[label] < '0' || text[label] > '9') &&
           (len < 4 || memcmp(text, "xn--", 4) != 0);
}

bool ptv_name_ends_in_number(const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *last = dot ? dot + 1 : name;
    return is_number(last, strlen(last));
}

/* ----------------------------------------------------------------------------------------- mapping */

static ptv_code refuse_label(ptv_arena *mem, int idn_code, const char *label, const char **why)
{
    switch (idn_code) {
    case IDN2_MALLOC:
        mem->over_limit = false;
        return PTV_ENOMEM;
    case IDN2_TOO_BIG_LABEL:
    case IDN2_TOO_BIG_DOMAIN:
    case IDN2_PUNYCODE_BIG_OUTPUT:
        *why = "has a label of more than 63 bytes";
        return PTV_EINVAL;
    default:
        break;
    }
    if (ptv_text_starts(label, "xn--"))
        *why = "has a label that begins with xn-- but is bad punycode";
    else
        *why = "has a character that international names may not hold (IDNA 2008); try its xn-- form";
    return PTV_EINVAL;
}

/* Emoji and other symbols: IDNA 2008 forbids them, some registries sell them. Their A-label is good punycode. */
static bool is_forbidden_but_sold(int idn_code, const char *label)
{
    return idn_code == IDN2_DISALLOWED && ptv_text_starts(label, "xn--");
}

static bool is_ascii(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

/* One label, NUL-terminated, into the name being built. */
static ptv_code map_label(ptv_buf *name, ptv_arena *mem, char *label, size_t len, const char **why)
{
    bool ascii = is_ascii(label, len);
    if (ascii)
        for (size_t i = 0; i < len; i++)
            label[i] = ptv_lower(label[i]);
    if (ascii && !ptv_text_starts(label, "xn--")) {
        ptv_buf_append(name, label, len);
        return PTV_OK;
    }
    uint8_t *mapped = NULL;
    int rc = idn2_lookup_u8((const uint8_t *)label, &mapped, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (rc == IDN2_OK) {
        ptv_buf_puts(name, (const char *)mapped);
        idn2_free(mapped);
        return PTV_OK;
    }
    if (!is_forbidden_but_sold(rc, label))
        return refuse_label(mem, rc, label, why);
    ptv_buf_append(name, label, len);
    return PTV_OK;
}

static ptv_code check_mapped(const char *name, ptv_arena *mem, const char **why)
{
    size_t len = strlen(name), label = 0;
    if (len > PTV_NAME_LIMIT) {
        *why = "is longer than the 253 bytes a name may have";
        return PTV_EINVAL;
    }
    for (size_t i = 0; i <= len; i++) {
        if (i < len && name[i] != '.') {
            if (is_name_byte(name[i]))
                continue;
            ptv_buf shown = PTV_BUF(64);
            ptv_escape_terminal(&shown, name + i, 1);
            *why = ptv_arena_printf(mem, "has a character that names do not have: '%s'", shown.data ? shown.data : "?");
            ptv_buf_release(&shown);
            return *why ? PTV_EINVAL : mem->over_limit ? PTV_ETOOBIG : PTV_ENOMEM;
        }
        if (i == label || i - label > PTV_LABEL_LIMIT) {
            *why =
                i == label ? "has an empty label (two dots in a row, or one in front)" : "has a label of more than 63 bytes";
            return PTV_EINVAL;
        }
        label = i + 1;
    }
    return PTV_OK;
}

ptv_code ptv_name_map(const char **out, ptv_arena *mem, const char *text, size_t len, const char **why)
{
    /* A label of n bytes in UTF-8 may shrink to fewer in punycode, but not below a quarter. */
    enum { LABEL_BYTES = 4 * PTV_LABEL_LIMIT, TEXT_BYTES = 4 * PTV_NAME_LIMIT };
    char label[LABEL_BYTES + 1];
    ptv_buf name = PTV_BUF(2 * TEXT_BYTES);
    ptv_code rc = PTV_OK;
    *why = NULL;
    if (len > 0 && text[len - 1] == '.')
        len--;
    if (len == 0 || len > TEXT_BYTES) {
        *why = len ? "is longer than the 253 bytes a name may have" : "has nothing before the dot";
        return PTV_EINVAL;
    }
    for (size_t at = 0; at <= len && rc == PTV_OK;) {
        const char *dot = memchr(text + at, '.', len - at);
        size_t label_len = dot ? (size_t)(dot - text) - at : len - at;
        if (label_len > LABEL_BYTES) {
            *why = "has a label of more than 63 bytes";
            rc = PTV_EINVAL;
            break;
        }
        memcpy(label, text + at, label_len);
        label[label_len] = '\0';
        if (at > 0)
            ptv_buf_putc(&name, '.');
        rc = label_len ? map_label(&name, mem, label, label_len, why) : PTV_OK; /* an empty one is refused below */
        at += label_len + 1;
    }
    if (rc == PTV_OK && name.failed == PTV_ENOMEM) {
        mem->over_limit = false;
        rc = PTV_ENOMEM;
    }
    if (rc == PTV_OK && (name.failed || strlen(name.data ? name.data : "") != name.len)) {
        *why = "is longer than the 253 bytes a name may have";
        rc = PTV_EINVAL;
    }
    if (rc == PTV_OK)
        rc = check_mapped(name.data ? name.data : "", mem, why);
    if (rc == PTV_OK) {
        char *copy = ptv_arena_strndup(mem, name.data, name.len);
        if (copy)
            *out = copy;
        else
            rc = mem->over_limit ? PTV_ETOOBIG : PTV_ENOMEM;
    }
    ptv_buf_release(&name);
    return rc;
}

ptv_code ptv_name_normalise(const char **out, ptv_arena *mem, const char *text, size_t len, ptv_error *err)
{
    const char *why = NULL, *name = NULL;
    ptv_code rc;
    ptv_text_trim(&text, &len);
    if (memchr(text, '\0', len) != NULL || !ptv_utf8_valid(text, len))
        return ptv_fail(err, PTV_EINVAL, "not a name: it is not UTF-8 text");
    rc = ptv_name_map(&name, mem, text, len, &why);
    if (rc == PTV_EINVAL)
        return ptv_fail(err, rc, "not a name: it %s", why);
    if (rc)
        return ptv_arena_fail(mem, err);
    if (ptv_name_ends_in_number(name))
        return ptv_fail(err, PTV_EINVAL, "not a name: its last label is a number");
    *out = name;
    return PTV_OK;
}

const char *ptv_name_display(ptv_arena *mem, const char *name)
{
    char *unicode = NULL;
    if (strstr(name, "xn--") == NULL)
        return name;
    int rc = idn2_to_unicode_8z8z(name, &unicode, IDN2_NONTRANSITIONAL);
    if (rc == IDN2_MALLOC) {
        mem->over_limit = false;
        return NULL;
    }
    if (rc != IDN2_OK)
        return name;
    const char *display = ptv_arena_strdup(mem, unicode);
    idn2_free(unicode);
    return display;
}

/* ------------------------------------------------------------------------------------------- reach */

static const struct {
    const char *zone;
    ptv_reach reach;
    const char *reason;
} special_names[] = {
    { "localhost", PTV_PRIVATE, "localhost (RFC 6761)" },
    { "local", PTV_PRIVATE, "multicast DNS name (RFC 6762)" },
    { "internal", PTV_PRIVATE, "name kept for private use (ICANN 2024)" },
    { "home.arpa", PTV_PRIVATE, "home network name (RFC 8375)" },
    { "arpa", PTV_PRIVATE, "name of the address tree or of a protocol (RFC 3172)" },
    { "onion", PTV_PRIVATE, "Tor name (RFC 7686)" },
    { "alt", PTV_PRIVATE, "name outside the DNS (RFC 9476)" },
    { "test", PTV_RESERVED, "test name (RFC 6761)" },
    { "example", PTV_RESERVED, "documentation name (RFC 6761)" },
    { "invalid", PTV_RESERVED, "invalid on purpose (RFC 6761)" },
    { "example.com", PTV_RESERVED, "documentation name (RFC 6761)" },
    { "example.net", PTV_RESERVED, "documentation name (RFC 6761)" },
    { "example.org", PTV_RESERVED, "documentation name (RFC 6761)" },
    { "intranet", PTV_PRIVATE, "private top-level name (RFC 6762 appendix G)" },
    { "private", PTV_PRIVATE, "private top-level name (RFC 6762 appendix G)" },
    { "corp", PTV_PRIVATE, "private top-level name (RFC 6762 appendix G)" },
    { "home", PTV_PRIVATE, "private top-level name (RFC 6762 appendix G)" },
    { "lan", PTV_PRIVATE, "private top-level name (RFC 6762 appendix G)" },
};

ptv_reach ptv_name_reach(const char *name, const char **reason)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof special_names / sizeof *special_names; i++) {
        const char *zone = special_names[i].zone;
        size_t zone_len = strlen(zone);
        if (len < zone_len || name[len - 1] != zone[zone_len - 1] || memcmp(name + len - zone_len, zone, zone_len) != 0)
            continue;
        if (len == zone_len || name[len - zone_len - 1] == '.') {
            *reason = special_names[i].reason;
            return special_names[i].reach;
        }
    }
    if (strchr(name, '.') == NULL) {
        *reason = "single label";
        return PTV_PRIVATE;
    }
    *reason = NULL;
    return PTV_ROUTABLE;
}

bool ptv_name_is_public_suffix(const char *name)
{
    const psl_ctx_t *list = psl_builtin(); /* constant data of the library: no file is read */
    return list != NULL && psl_is_public_suffix(list, name) != 0;
}
