/*
 * name.h: DNS names in lower-case A-label form, and where no call may be spent. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CORE_NAME_H
#define PTV_CORE_NAME_H
#include "core/artifact.h"

#define PTV_NAME_LIMIT  253
#define PTV_LABEL_LIMIT 63

/* A name of two labels or more that is already in its normal form and needs no library to see that: the common case. */
bool ptv_name_is_plain(const char *text, size_t len);
/* "1.2.3", "evil.123", "0x7f": the last label is a number, so no resolver takes it for a name. */
bool ptv_name_ends_in_number(const char *name);
/*
 * Lower case, A-labels, one trailing dot off. PTV_EINVAL with *why: "has a label of more than 63 bytes" (static text or
 * arena), PTV_ENOMEM, PTV_ETOOBIG. Names that end in a number come through: ptv_name_ends_in_number().
 */
ptv_code ptv_name_map(const char **out, ptv_arena *mem, const char *text, size_t len, const char **why);
/* The U-label form, for people; `name` itself when there is none. NULL: no memory. */
const char *ptv_name_display(ptv_arena *mem, const char *name);
ptv_reach ptv_name_reach(const char *name, const char **reason);

#endif
