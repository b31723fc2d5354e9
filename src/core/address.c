/*
 * address.c: reading, writing and classing addresses, and nets of them.
 *
 * The classes follow the IANA special-purpose registries (RFC 6890 and its updates): an address that no public server
 * can have is not worth a paid question, and asking tells a vendor about the inside of somebody's network.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/address.h"
#include "base/text.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const unsigned char mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool ptv_address_parse4(unsigned char ip[16], const char *text, size_t len)
{
    unsigned char parts[4];
    size_t at = 0;
    for (int i = 0; i < 4; i++) {
        if (i > 0 && (at >= len || text[at++] != '.'))
            return false;
        size_t start = at;
        unsigned value = 0;
        while (at < len && text[at] >= '0' && text[at] <= '9' && at - start < 3)
            value = value * 10 + (unsigned)(text[at++] - '0');
        if (at == start || value > 255 || (at - start > 1 && text[start] == '0'))
            return false;
        parts[i] = (unsigned char)value;
    }
    if (at != len)
        return false;
    memcpy(ip, mapped_prefix, sizeof mapped_prefix);
    memcpy(ip + 12, parts, sizeof parts);
    return true;
}

bool ptv_address_parse6(unsigned char ip[16], const char *text, size_t len)
{
    char copy[PTV_ADDRESS_TEXT];
    struct in6_addr address;
    if (len >= sizeof copy || memchr(text, '\0', len) != NULL)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (inet_pton(AF_INET6, copy, &address) != 1)
        return false;
    memcpy(ip, address.s6_addr, 16);
    return true;
}

bool ptv_address_is4(const unsigned char ip[16])
{
    return memcmp(ip, mapped_prefix, sizeof mapped_prefix) == 0;
}

void ptv_address_format(char out[PTV_ADDRESS_TEXT], const unsigned char ip[16])
{
    struct in6_addr address;
    if (ptv_address_is4(ip)) {
        snprintf(out, PTV_ADDRESS_TEXT, "%u.%u.%u.%u", ip[12], ip[13], ip[14], ip[15]);
        return;
    }
    memcpy(address.s6_addr, ip, 16);
    if (inet_ntop(AF_INET6, &address, out, PTV_ADDRESS_TEXT) == NULL) /* cannot happen: the room is enough */
        out[0] = '\0';
}

/* ------------------------------------------------------------------------------------------- reach */

typedef struct special_net {
    unsigned char start[8];
    int prefix_len;
    ptv_reach reach;
    const char *reason;
} special_net;

/* The first that holds wins. */
static const special_net nets4[] = {
    { { 255, 255, 255, 255 }, 32, PTV_PRIVATE, "broadcast address (RFC 919)" },
    { { 0 }, 8, PTV_PRIVATE, "address of \"this network\" (RFC 6890)" },
    { { 10 }, 8, PTV_PRIVATE, "private address (RFC 1918)" },
    { { 100, 64 }, 10, PTV_PRIVATE, "shared address behind a carrier's NAT (RFC 6598)" },
    { { 127 }, 8, PTV_PRIVATE, "loopback address (RFC 6890)" },
    { { 169, 254 }, 16, PTV_PRIVATE, "link-local address (RFC 3927)" },
    { { 172, 16 }, 12, PTV_PRIVATE, "private address (RFC 1918)" },
    { { 192, 0, 0, 9 }, 32, PTV_ROUTABLE, NULL },  /* PCP anycast, RFC 7723 */
    { { 192, 0, 0, 10 }, 32, PTV_ROUTABLE, NULL }, /* TURN anycast, RFC 8155 */
    { { 192, 0, 0 }, 24, PTV_PRIVATE, "address kept for protocols (RFC 6890)" },
    { { 192, 0, 2 }, 24, PTV_RESERVED, "documentation address (RFC 5737)" },
    { { 192, 168 }, 16, PTV_PRIVATE, "private address (RFC 1918)" },
    { { 198, 18 }, 15, PTV_PRIVATE, "benchmark address (RFC 2544)" },
    { { 198, 51, 100 }, 24, PTV_RESERVED, "documentation address (RFC 5737)" },
    { { 203, 0, 113 }, 24, PTV_RESERVED, "documentation address (RFC 5737)" },
    { { 224 }, 4, PTV_PRIVATE, "multicast address (RFC 5771)" },
    { { 240 }, 4, PTV_PRIVATE, "address kept for the future (RFC 1112)" },
};

static const special_net nets6[] = {
    { { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48, PTV_PRIVATE, "local translation prefix (RFC 8215)" },
    { { 0x01, 0x00 }, 64, PTV_PRIVATE, "discard-only address (RFC 6666)" },
    { { 0x20, 0x01, 0x00, 0x02 }, 48, PTV_PRIVATE, "benchmark address (RFC 5180)" },
    { { 0x20, 0x01, 0x00, 0x10 }, 28, PTV_PRIVATE, "hash identifier, not an address (RFC 4843)" },
    { { 0x20, 0x01, 0x00, 0x20 }, 28, PTV_PRIVATE, "hash identifier, not an address (RFC 7343)" },
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32, PTV_RESERVED, "documentation address (RFC 3849)" },
    { { 0x3f, 0xff }, 20, PTV_RESERVED, "documentation address (RFC 9637)" },
    { { 0x20 }, 3, PTV_ROUTABLE, NULL },
    { { 0xfc }, 7, PTV_PRIVATE, "unique local address (RFC 4193)" },
    { { 0xfe, 0x80 }, 10, PTV_PRIVATE, "link-local address (RFC 4291)" },
    { { 0xfe, 0xc0 }, 10, PTV_PRIVATE, "site-local address (RFC 3879)" },
    { { 0xff }, 8, PTV_PRIVATE, "multicast address (RFC 4291)" },
};

static bool starts_with_bits(const unsigned char *address, const unsigned char *start, int bits)
{
    int whole = bits / 8, rest = bits % 8;
    if (memcmp(address, start, (size_t)whole) != 0)
        return false;
    return rest == 0 || ((address[whole] ^ start[whole]) >> (8 - rest)) == 0;
}

static ptv_reach reach4(const unsigned char four[4], const char **reason)
{
    for (size_t i = 0; i < sizeof nets4 / sizeof *nets4; i++)
        if (starts_with_bits(four, nets4[i].start, nets4[i].prefix_len)) {
            *reason = nets4[i].reason;
            return nets4[i].reach;
        }
    *reason = NULL;
    return PTV_ROUTABLE;
}

/* An IPv6 address that carries an IPv4 one leads where that one leads. */
static ptv_reach reach_embedded(const unsigned char four[4], const char *how, const char **reason)
{
    ptv_reach reach = reach4(four, reason);
    if (reach != PTV_ROUTABLE)
        *reason = how;
    return reach;
}

ptv_reach ptv_address_reach(const unsigned char ip[16], const char **reason)
{
    static const unsigned char zeros[15];
    static const unsigned char nat64[12] = { 0x00, 0x64, 0xff, 0x9b };
    if (ptv_address_is4(ip))
        return reach4(ip + 12, reason);
    if (memcmp(ip, zeros, 15) == 0 && ip[15] <= 1) {
        *reason = ip[15] ? "loopback address (RFC 4291)" : "unspecified address (RFC 4291)";
        return PTV_PRIVATE;
    }
    if (memcmp(ip, nat64, sizeof nat64) == 0)
        return reach_embedded(ip + 12, "NAT64 form of an address that is not routable (RFC 6052)", reason);
    if (ip[0] == 0x20 && ip[1] == 0x02)
        return reach_embedded(ip + 2, "6to4 form of an address that is not routable (RFC 3056)", reason);
    for (size_t i = 0; i < sizeof nets6 / sizeof *nets6; i++)
        if (starts_with_bits(ip, nets6[i].start, nets6[i].prefix_len)) {
            *reason = nets6[i].reason;
            return nets6[i].reach;
        }
    *reason = "not a global unicast address (RFC 4291)";
    return PTV_PRIVATE;
}

/* -------------------------------------------------------------------------------------------- nets */

bool ptv_cidr_contains(const unsigned char net[16], int prefix_len, const unsigned char ip[16])
{
    return starts_with_bits(ip, net, prefix_len);
}

ptv_code ptv_cidr_parse(unsigned char net[16], int *prefix_len, const char *text, ptv_error *err)
{
    unsigned char ip[16], start[16];
    char shown[PTV_ADDRESS_TEXT];
    size_t len = strlen(text);
    ptv_text_trim(&text, &len);
    const char *slash = memchr(text, '/', len);
    size_t address_len = slash ? (size_t)(slash - text) : len;
    bool four = ptv_address_parse4(ip, text, address_len);
    if (!four && !ptv_address_parse6(ip, text, address_len))
        return ptv_fail(err, PTV_EINVAL, "not a net: write it as 192.0.2.0/24 or 2001:db8::/32");

    int width = four ? 32 : 128, bits = width;
    if (slash) {
        const char *digits = slash + 1;
        size_t digit_count = len - address_len - 1;
        bits = 0;
        for (size_t i = 0; i < digit_count && i < 4; i++)
            bits = digits[i] >= '0' && digits[i] <= '9' ? bits * 10 + (digits[i] - '0') : 1000;
        if (digit_count == 0 || digit_count > 3 || bits > width)
            return ptv_fail(err, PTV_EINVAL, "not a net: after '/' stands a number from 0 to %d", width);
    }
    int all_bits = four ? bits + 96 : bits;
    memcpy(start, ip, 16);
    for (int i = all_bits; i < 128; i++)
        start[i / 8] &= (unsigned char)~(0x80u >> (i % 8));
    if (memcmp(start, ip, 16) != 0) {
        ptv_address_format(shown, start);
        return ptv_fail(err, PTV_EINVAL, "the address goes beyond its net: the net is %s/%d", shown, bits);
    }
    memcpy(net, ip, 16);
    *prefix_len = all_bits;
    return PTV_OK;
}
