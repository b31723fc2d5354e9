/*
 * address.h: IPv4 and IPv6 addresses as 16 bytes (IPv4 as ::ffff:a.b.c.d), and where no call may be spent. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CORE_ADDRESS_H
#define PTV_CORE_ADDRESS_H
#include "core/artifact.h"

#define PTV_ADDRESS_TEXT 46 /* the longest text of an address, its NUL included */

/* Four decimal numbers without leading zeros. */
bool ptv_address_parse4(unsigned char ip[16], const char *text, size_t len);
/* Any form of RFC 4291, without zone and brackets. */
bool ptv_address_parse6(unsigned char ip[16], const char *text, size_t len);
bool ptv_address_is4(const unsigned char ip[16]);
/* RFC 5952; an IPv4 address as four numbers. */
void ptv_address_format(char out[PTV_ADDRESS_TEXT], const unsigned char ip[16]);
ptv_reach ptv_address_reach(const unsigned char ip[16], const char **reason);

#endif
