/*
 * template_parse.h: the text of a note or a hit value into pieces; template.c renders them.
 *
 *   line   ::= ["?"] { text | "{{" | "}}" | "{" name { "|" filter } "}" }
 *   name   ::= a field of `ptverdict fields` | FIELD.matched (of a set) | severity | reason
 *   filter ::= list | date | number | first(n) | else "text"
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_RULES_TEMPLATE_PARSE_H
#define PTV_RULES_TEMPLATE_PARSE_H
#include "rules/tree.h"

/* One line without newline, NUL-terminated; *text is then its end. `sections` gets those it shows. PTV_ERULES says what is
 * wrong, and *text stands behind it, for the next mistake; PTV_ENOMEM. */
ptv_code ptv_template_parse(ptv_template_line *out, ptv_sections *sections, ptv_arena *mem, const char **text,
                            ptv_error *err);

#endif
