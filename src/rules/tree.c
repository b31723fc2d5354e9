/*
 * tree.c: the names of the tests and of the fields of a hit card, and which test goes with which type of field.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/tree.h"

static const char *const op_names[] = {
    [PTV_OP_ALL] = "all",
    [PTV_OP_ANY] = "any",
    [PTV_OP_NONE] = "none",
    [PTV_OP_AT_LEAST_OF] = "at_least_of",
    [PTV_OP_HAS_ANY] = "has_any",
    [PTV_OP_HAS_ALL] = "has_all",
    [PTV_OP_HAS_NONE] = "has_none",
    [PTV_OP_LIKE_ANY] = "like_any",
    [PTV_OP_COUNT_AT_LEAST] = "count_at_least",
    [PTV_OP_IS] = "is",
    [PTV_OP_IS_ANY] = "is_any",
    [PTV_OP_IS_NOT] = "is_not",
    [PTV_OP_LIKE] = "like",
    [PTV_OP_IN_LIST] = "in_list",
    [PTV_OP_IN_ZONE] = "in_zone",
    [PTV_OP_IN_CIDR] = "in_cidr",
    [PTV_OP_AT_LEAST] = "at_least",
    [PTV_OP_AT_MOST] = "at_most",
    [PTV_OP_BETWEEN] = "between",
    [PTV_OP_EQUALS] = "equals",
    [PTV_OP_WITHIN] = "within",
    [PTV_OP_OLDER_THAN] = "older_than",
    [PTV_OP_BEFORE] = "before",
    [PTV_OP_AFTER] = "after",
    [PTV_OP_IS_MISSING] = "is_missing",
    [PTV_OP_IS_PRESENT] = "is_present",
    [PTV_OP_CUSTOM] = "custom",
};

const char *const ptv_card_names[PTV_CARD_COUNT] = {
    [PTV_CARD_DNS_RECORDS] = "Number of Passive DNS Records",
    [PTV_CARD_FIRST_SEEN] = "First Seen",
    [PTV_CARD_LAST_SEEN] = "Last Seen",
    [PTV_CARD_SUBDOMAINS] = "Subdomains - All",
    [PTV_CARD_FIRST_TEN] = "Subdomains - First ten Hostnames",
    [PTV_CARD_TAGS] = "Tags",
    [PTV_CARD_CLASSIFICATION] = "Classification",
    [PTV_CARD_LINK] = "Report Link",
    [PTV_CARD_RULES] = "Rules",
    [PTV_CARD_NOT_READ] = "Not read",
};

const char *ptv_op_name(ptv_op op)
{
    return op_names[op];
}

#define EVERY_FIELD PTV_OP_IS_MISSING, PTV_OP_IS_PRESENT, -1

static const int word_ops[] = { PTV_OP_IS,      PTV_OP_IS_ANY,  PTV_OP_IS_NOT,  PTV_OP_LIKE,
                                PTV_OP_IN_LIST, PTV_OP_IN_ZONE, PTV_OP_IN_CIDR, EVERY_FIELD };
static const int enum_ops[] = { PTV_OP_IS, PTV_OP_IS_ANY, PTV_OP_IS_NOT, PTV_OP_LIKE, PTV_OP_IN_LIST, EVERY_FIELD };
static const int number_ops[] = { PTV_OP_AT_LEAST, PTV_OP_AT_MOST, PTV_OP_BETWEEN, PTV_OP_EQUALS, EVERY_FIELD };
static const int yesno_ops[] = { PTV_OP_IS, EVERY_FIELD };
static const int time_ops[] = { PTV_OP_WITHIN, PTV_OP_OLDER_THAN, PTV_OP_BEFORE, PTV_OP_AFTER, EVERY_FIELD };
static const int set_ops[] = { PTV_OP_HAS_ANY,  PTV_OP_HAS_ALL,        PTV_OP_HAS_NONE,
                               PTV_OP_LIKE_ANY, PTV_OP_COUNT_AT_LEAST, EVERY_FIELD };

const int *ptv_ops_of(ptv_type type)
{
    switch (type) {
    case PTV_WORD:
    case PTV_URI:
        return word_ops;
    case PTV_ENUM:
        return enum_ops;
    case PTV_YESNO:
        return yesno_ops;
    case PTV_TIME:
        return time_ops;
    case PTV_SET:
        return set_ops;
    case PTV_NUMBER:
    case PTV_RECORDS: /* the number of rows that pass the filter */
        return number_ops;
    }
    return number_ops;
}

size_t ptv_ruleset_rule_count(const ptv_ruleset *rs)
{
    return rs->rule_count;
}

ptv_rule_needs ptv_ruleset_needs(const ptv_ruleset *rs, size_t index)
{
    const ptv_rule *rule = rs->rules[index];
    return (ptv_rule_needs){ .id = rule->id,
                             .file = rule->file,
                             .line = rule->line,
                             .status = rule->status,
                             .judged = rule->judged_sections,
                             .shown = rule->shown_sections };
}
