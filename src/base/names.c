/*
 * names.c: the stable words for the plain types of ptverdict.h.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "ptverdict.h"
#include <string.h>

#define COUNT(names) (sizeof(names) / sizeof *(names))

static const char *const code_names[] = {
    [PTV_OK] = "OK",
    [PTV_EINVAL] = "EINVAL",
    [PTV_ERULES] = "ERULES",
    [PTV_ESETTINGS] = "ESETTINGS",
    [PTV_ENOMEM] = "ENOMEM",
    [PTV_ETOOBIG] = "ETOOBIG",
    [PTV_ETIMEOUT] = "ETIMEOUT",
    [PTV_ENET] = "ENET",
    [PTV_EHTTP] = "EHTTP",
    [PTV_EKEY] = "EKEY",
    [PTV_EQUOTA] = "EQUOTA",
    [PTV_ESHAPE] = "ESHAPE",
    [PTV_ENOENTRY] = "ENOENTRY",
    [PTV_EIO] = "EIO",
    [PTV_EFULL] = "EFULL",
    [PTV_ELIMIT] = "ELIMIT",
    [PTV_EBUG] = "EBUG",
};
static const char *const verdict_names[] = {
    [PTV_VERDICT_NO_MATCH] = "no_match",
    [PTV_VERDICT_SKIPPED] = "skipped",
    [PTV_VERDICT_UNKNOWN] = "unknown",
    [PTV_VERDICT_COMPROMISED] = "compromised",
};
static const char *const level_names[] = {
    [PTV_LEVEL_NONE] = "none",     [PTV_LEVEL_INFO] = "info", [PTV_LEVEL_LOW] = "low",
    [PTV_LEVEL_MEDIUM] = "medium", [PTV_LEVEL_HIGH] = "high", [PTV_LEVEL_CRITICAL] = "critical",
};
static const char *const section_names[] = {
    [PTV_ACCOUNT] = "account",
    [PTV_TAGS] = "tags",
    [PTV_CLASSIFICATION] = "classification",
    [PTV_PASSIVE_DNS] = "passive_dns",
    [PTV_SUBDOMAINS] = "subdomains",
    [PTV_ALWAYS] = "artifact",
};

static const char *name_of(const char *const *names, size_t count, unsigned index)
{
    return index < count ? names[index] : "?";
}

const char *ptv_code_name(ptv_code code)
{
    return name_of(code_names, COUNT(code_names), (unsigned)code);
}

const char *ptv_verdict_name(ptv_verdict v)
{
    return name_of(verdict_names, COUNT(verdict_names), (unsigned)v);
}

const char *ptv_level_name(ptv_level l)
{
    return name_of(level_names, COUNT(level_names), (unsigned)l);
}

const char *ptv_section_name(ptv_section s)
{
    return name_of(section_names, COUNT(section_names), (unsigned)s);
}

bool ptv_level_parse(ptv_level *out, const char *name)
{
    for (size_t i = 0; i < COUNT(level_names); i++) {
        if (!strcmp(level_names[i], name)) {
            *out = (ptv_level)i;
            return true;
        }
    }
    return false;
}
