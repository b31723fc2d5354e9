/*
 * options.c: the table of settings (options.def) and what its types accept.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "config/options.h"
#include "base/text.h"
#include <ctype.h>

#define PTV_T(type) PTV_T_##type
const ptv_opt_info ptv_opt_table[PTV_OPT_COUNT] = {
#define OPT(id, section, key, type, def, min, max, env, secret, help)                                                       \
    [PTV_OPT_##id] = { section, key, def, env, help, min, max, PTV_T(type), secret },
#include "config/options.def"
#undef OPT
};

void ptv_opt_env(char out[PTV_OPT_ENV_MAX], ptv_opt o)
{
    const ptv_opt_info *i = &ptv_opt_table[o];
    out[0] = '\0';
    if (i->env) {
        snprintf(out, PTV_OPT_ENV_MAX, "%s", i->env);
    } else if (strcmp(i->section, "integrations") != 0) {
        snprintf(out, PTV_OPT_ENV_MAX, "PTVERDICT_%s", i->key);
        for (char *p = out; *p; p++)
            *p = (char)toupper((unsigned char)*p);
    }
}

ptv_opt ptv_opt_find(const char *section, const char *key)
{
    static const char *const ours[] = { "ptverdict", "fn_passivetotal" };
    size_t tries = section ? 1 : sizeof ours / sizeof *ours;
    for (size_t t = 0; t < tries; t++) {
        const char *in = section ? section : ours[t];
        for (int o = 0; o < PTV_OPT_COUNT; o++)
            if (strcmp(ptv_opt_table[o].section, in) == 0 && strcmp(ptv_opt_table[o].key, key) == 0)
                return (ptv_opt)o;
    }
    return PTV_OPT_COUNT;
}

void ptv_opt_hint(char out[160], const char *section, const char *key)
{
    const char *keys[PTV_OPT_COUNT];
    size_t count = 0;
    out[0] = '\0';
    for (int o = 0; o < PTV_OPT_COUNT; o++) {
        const ptv_opt_info *i = &ptv_opt_table[o];
        if (section && strcmp(i->section, section) != 0 && strcmp(i->key, key) == 0)
            snprintf(out, 160, " (it belongs into [%s])", i->section);
        if (!section || strcmp(i->section, section) == 0)
            keys[count++] = i->key;
    }
    const char *near = ptv_text_nearest(key, keys, count);
    if (!*out && near)
        snprintf(out, 160, " (did you mean '%s'?)", near);
}

static ptv_code outside(const ptv_opt_info *i, const char *unit, ptv_error *err)
{
    return ptv_fail(err, PTV_ESETTINGS, "must be from %lld to %lld%s", (long long)i->min, (long long)i->max, unit);
}

static ptv_code parse_bytes(int64_t *out, const ptv_opt_info *i, const char *text, ptv_error *err)
{
    char digits[24];
    size_t len = strlen(text);
    int shift = 0;
    const char *unit = len ? strchr("KMG", toupper((unsigned char)text[len - 1])) : NULL;
    if (unit && *unit) {
        shift = *unit == 'K' ? 10 : *unit == 'M' ? 20 : 30;
        len--;
    }
    if (len >= sizeof digits)
        return outside(i, " bytes", err);
    memcpy(digits, text, len);
    digits[len] = '\0';
    if (!ptv_int_parse(out, digits) || *out < 0)
        return ptv_fail(err, PTV_ESETTINGS, "'%.80s' is not a size; write 16M, 512K or bytes", text);
    if (*out > (INT64_MAX >> shift) || (*out <<= shift) < i->min || *out > i->max)
        return outside(i, " bytes", err);
    return PTV_OK;
}

static ptv_code parse_seconds(int64_t *out, const ptv_opt_info *i, const char *text, ptv_error *err)
{
    bool by_day;
    if (!ptv_int_parse(out, text) && !ptv_duration_parse(out, &by_day, text))
        return ptv_fail(err, PTV_ESETTINGS, "'%.80s' is not a time; write 30, 30s, 5m or 2h", text);
    if (*out < i->min || *out > i->max)
        return outside(i, " seconds", err);
    *out *= 1000;
    return PTV_OK;
}

/* The help of an ENUM begins with its words: "a|b|c: …". */
static ptv_code parse_enum(int64_t *out, const ptv_opt_info *i, const char *text, ptv_error *err)
{
    char words[160];
    snprintf(words, sizeof words, "%.*s", (int)strcspn(i->help, ":"), i->help);
    const char *list[16];
    size_t count = 0;
    for (char *p = words; p && count < 16;) {
        list[count] = p;
        p = strchr(p, '|');
        if (p)
            *p++ = '\0';
        if (strcmp(list[count], text) == 0) {
            *out = (int64_t)count;
            return PTV_OK;
        }
        count++;
    }
    const char *near = ptv_text_nearest(text, list, count);
    ptv_fail(err, PTV_ESETTINGS, "'%.80s' is not one of", text);
    for (size_t w = 0; w < count; w++) {
        size_t used = strlen(err->msg);
        snprintf(err->msg + used, sizeof err->msg - used, "%s %s", w ? "," : "", list[w]);
    }
    size_t used = strlen(err->msg);
    if (near)
        snprintf(err->msg + used, sizeof err->msg - used, " (did you mean '%s'?)", near);
    return PTV_ESETTINGS;
}

ptv_code ptv_opt_parse(int64_t *number, ptv_opt o, const char *text, ptv_error *err)
{
    const ptv_opt_info *i = &ptv_opt_table[o];
    bool yes;
    *number = 0;
    switch (i->type) {
    case PTV_T_INT:
        if (!ptv_int_parse(number, text))
            return ptv_fail(err, PTV_ESETTINGS, "'%.80s' is not a whole number", text);
        return *number < i->min || *number > i->max ? outside(i, "", err) : PTV_OK;
    case PTV_T_BOOL:
        if (!ptv_bool_parse(&yes, text))
            return ptv_fail(err, PTV_ESETTINGS, "'%.80s' is neither yes nor no", text);
        *number = yes;
        return PTV_OK;
    case PTV_T_SECONDS:
        return parse_seconds(number, i, text, err);
    case PTV_T_BYTES:
        return parse_bytes(number, i, text, err);
    case PTV_T_ENUM:
        return parse_enum(number, i, text, err);
    case PTV_T_URL:
        if (!ptv_text_starts(text, "https://") && !ptv_text_starts(text, "http://"))
            return ptv_fail(err, PTV_ESETTINGS, "must begin with https:// or http://");
        for (const char *p = text; *p; p++)
            if ((unsigned char)*p <= ' ' || *p == 0x7f)
                return ptv_fail(err, PTV_ESETTINGS, "holds a blank or control character");
        return PTV_OK;
    case PTV_T_TEXT:
    case PTV_T_PATH:
    case PTV_T_WORDS:
        return PTV_OK;
    }
    return ptv_fail(err, PTV_EBUG, "a setting of no type");
}
