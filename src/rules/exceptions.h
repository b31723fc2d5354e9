/*
 * exceptions.h: lists/exceptions.csv: allowances that people without Lua keep.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_RULES_EXCEPTIONS_H
#define PTV_RULES_EXCEPTIONS_H
#include <stddef.h>

struct ptv_loader;

/*
 *   artifact,reason,owner,expires,rules,wide      this line may be left out, and so may rules and wide
 *   *.corp.example,"Ours, all of it",netops,2027-01-31,,
 *
 * artifact: a name, an address, a zone as *.name or a net in CIDR form. rules: ids with blanks between, empty = all. Each
 * line is an allowance of its own, "exceptions.csv:12". `text` is the rule set's and is cut up.
 */
void ptv_exceptions_read(struct ptv_loader *set, const char *path, char *text, size_t len);

#endif
