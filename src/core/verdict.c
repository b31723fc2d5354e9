/*
 * verdict.c: the words of a decision.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "core/verdict.h"
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const char *const outcome_names[] = {
    [PTV_OUT_MATCH] = "match",     [PTV_OUT_NO_MATCH] = "no_match",
    [PTV_OUT_UNKNOWN] = "unknown", [PTV_OUT_SUPPRESSED] = "suppressed",
    [PTV_OUT_ERROR] = "error",     [PTV_OUT_SHADOW_MATCH] = "shadow_match",
    [PTV_OUT_OFF] = "off",
};

const char *ptv_outcome_name(ptv_outcome o)
{
    return (size_t)o < COUNT(outcome_names) ? outcome_names[o] : "?";
}

bool ptv_outcome_parse(ptv_outcome *out, const char *name)
{
    for (size_t i = 0; i < COUNT(outcome_names); i++)
        if (strcmp(outcome_names[i], name) == 0) {
            *out = (ptv_outcome)i;
            return true;
        }
    return false;
}

bool ptv_any_judged(const ptv_rule_result *rules, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rules[i].status == PTV_LIVE && rules[i].outcome != PTV_OUT_OFF)
            return true;
    return false;
}

const char *ptv_hit_type_name(ptv_hit_type t)
{
    static const char *const names[] = {
        [PTV_HIT_STRING] = "string",
        [PTV_HIT_NUMBER] = "number",
        [PTV_HIT_URI] = "uri",
        [PTV_HIT_IP] = "ip",
    };
    return (size_t)t < COUNT(names) ? names[t] : "?";
}

const char *ptv_unknown_kind_name(ptv_unknown_kind k)
{
    return k == PTV_UNKNOWN_LATER ? "later" : k == PTV_UNKNOWN_FIX ? "fix" : NULL;
}
