/*
 * indicators.h: a large set of names, zones and nets, matched exactly, by zone and by CIDR. Used by lists of rules and
 * by the source `lists`. 1,000,000 entries are ready in under a second and looked up in under 5 µs.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CORE_INDICATORS_H
#define PTV_CORE_INDICATORS_H
#include "core/artifact.h"

typedef struct ptv_indicators ptv_indicators;

typedef enum ptv_indicator_kind { PTV_IND_EXACT, PTV_IND_ZONE, PTV_IND_CIDR } ptv_indicator_kind;

ptv_indicators *ptv_indicators_new(void); /* yours; NULL: no memory */
/* "evil.example" (exact), "*.evil.example" or ".evil.example" (zone: the name itself and all below), "192.0.2.0/24" (CIDR),
 * "192.0.2.1" (exact). Normalised like an artifact; copied. `value` comes back from find (row number, say).
 * Errors: PTV_EINVAL says why, PTV_ENOMEM. */
ptv_code ptv_indicators_add(ptv_indicators *s, const char *text, size_t len, uint32_t value, ptv_error *err);
/* The same, every name taken as a zone ("corp.example" covers "a.corp.example"). */
ptv_code ptv_indicators_add_zone(ptv_indicators *s, const char *text, size_t len, uint32_t value, ptv_error *err);
/* Call once after the last add, before the first find. */
ptv_code ptv_indicators_seal(ptv_indicators *s, ptv_error *err);
size_t ptv_indicators_count(const ptv_indicators *s);
/* The most specific entry that covers the artifact (exact, then longest zone or prefix). false: none. out may be NULL. */
bool ptv_indicators_find(const ptv_indicators *s, const ptv_artifact *a, uint32_t *value, ptv_indicator_kind *kind);
void ptv_indicators_free(ptv_indicators *s); /* NULL is fine */

#endif
