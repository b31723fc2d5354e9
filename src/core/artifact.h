/*
 * artifact.h: what people paste, normalised once. Pure: no network, no globals.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CORE_ARTIFACT_H
#define PTV_CORE_ARTIFACT_H
#include "base/arena.h"

typedef enum ptv_artifact_type { PTV_DOMAIN, PTV_IP } ptv_artifact_type;
extern const char *const ptv_artifact_type_names[]; /* "domain", "ip", NULL: indexed by the enum */

/* Why no call may be spent on an artifact. Settings lift the first two kinds. */
typedef enum ptv_reach {
    PTV_ROUTABLE,
    PTV_PRIVATE, /* private, loopback, link-local, CGNAT, multicast …, localhost, single label, .local …: `lookup_private`
                    lifts it */
    PTV_RESERVED /* documentation names and nets (.example .test .invalid, 192.0.2.0/24 …): `allow_reserved` lifts it */
} ptv_reach;

typedef struct ptv_artifact {
    const char *input;   /* as given, at most 2,048 bytes of it */
    const char *value;   /* "evil.example", "192.0.2.1", "2001:db8::1": what is asked and compared */
    const char *display; /* U-label form for people; equal to value when there is none */
    ptv_artifact_type type;
    ptv_reach reach;
    const char *reach_reason; /* "private address (RFC 1918)", "single label"; NULL when routable. Static text */
    unsigned char ip[16];     /* PTV_IP: network order, IPv4 as ::ffff:a.b.c.d; else zeros */
    bool ip4;
} ptv_artifact; /* all text in the arena it was parsed with */

/*
 * Normalise `text` by every row of the table "Artifact" in docs/record.md.
 *
 *   type  what the caller says it is: "IP Address" "DNS Name" "URL" "net.ip" "net.name" "net.uri" "ip" "domain" (any case),
 *         or NULL. A type that contradicts the value, or one not listed, is an error.
 *
 * Errors: PTV_EINVAL with a text that says what it looks like and what is accepted, PTV_ENOMEM, PTV_ETOOBIG.
 */
ptv_code ptv_artifact_parse(ptv_artifact *out, ptv_arena *mem, const char *text, size_t len, const char *type,
                            ptv_error *err);

/* "192.0.2.0/24", "2001:db8::/32", or one address. Host bits set are an error. IPv4 nets come as ::ffff:/(96+n). */
ptv_code ptv_cidr_parse(unsigned char net[16], int *prefix_len, const char *text, ptv_error *err);
bool ptv_cidr_contains(const unsigned char net[16], int prefix_len, const unsigned char ip[16]);
/* Lower-case A-label form of a DNS name without any artifact guessing; PTV_EINVAL. Arena. For zones in lists. */
ptv_code ptv_name_normalise(const char **out, ptv_arena *mem, const char *text, size_t len, ptv_error *err);
/* True when `name` (normalised) is a public suffix, as libpsl knows them ("com", "co.uk"). */
bool ptv_name_is_public_suffix(const char *name);

#endif
