/*
 * registry.c: the sources that exist, and the routes by which a section is asked of them. A new source is one row here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sources/registry.h"
#include "base/text.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static bool given(const char *text)
{
    return text && *text;
}

static const char *lists_missing(const ptv_source_settings *s)
{
    return given(s->lists) ? NULL : "[ptverdict] lists";
}

static const char *archive_missing(const ptv_source_settings *s)
{
    return given(s->archive) ? NULL : "[ptverdict] archive";
}

static const char *passivetotal_missing(const ptv_source_settings *s)
{
    if (!given(s->user))
        return "[fn_passivetotal] passivetotal_username";
    if (!given(s->key))
        return "[fn_passivetotal] passivetotal_api_key";
    return given(s->base_url) ? NULL : "[fn_passivetotal] passivetotal_base_url";
}

static bool passivetotal_begun(const ptv_source_settings *s)
{
    return given(s->user) || given(s->key);
}

static bool never_begun(const ptv_source_settings *s)
{
    (void)s;
    return false;
}

ptv_code ptv_source_there(const char *setting, const char *path, ptv_error *err)
{
    struct stat st;
    int wrong = stat(path, &st) ? errno : 0;
    if (!wrong && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
        return PTV_OK;
    return ptv_fail_detail(err, PTV_ESETTINGS, wrong, "[ptverdict] %s = %s: %s", setting, path,
                           wrong ? strerror(wrong) : "neither a file nor a folder");
}

#define EVERY_SECTION (PTV_BIT(PTV_SECTION_COUNT) - 1)

const ptv_source_kind ptv_source_kinds[PTV_SOURCE_KINDS] = {
    { .name = "lists",
      .missing = lists_missing,
      .begun = never_begun,
      .fills = PTV_BIT(PTV_TAGS) | PTV_BIT(PTV_CLASSIFICATION) | PTV_BIT(PTV_PASSIVE_DNS),
      .open = ptv_lists_open },
    { .name = "archive",
      .missing = archive_missing,
      .begun = never_begun,
      .fills = EVERY_SECTION,
      .open = ptv_archive_open },
    { .name = "passivetotal",
      .missing = passivetotal_missing,
      .begun = passivetotal_begun,
      .fills = EVERY_SECTION,
      .request = ptv_passivetotal_request,
      .read = ptv_passivetotal_read },
};

static ptv_code add_step(ptv_route *route, const char *name, size_t len, bool joined, ptv_section section, ptv_error *err)
{
    const char *names[PTV_SOURCE_KINDS];
    char word[32];
    ptv_text_trim(&name, &len);
    if (len == 0)
        return ptv_fail(err, PTV_ESETTINGS, "a source is missing");
    for (size_t i = 0; i < PTV_SOURCE_KINDS; i++)
        names[i] = ptv_source_kinds[i].name;
    size_t kept = len < sizeof word - 1 ? len : sizeof word - 1;
    memcpy(word, name, kept);
    word[kept] = '\0';
    size_t kind = 0;
    while (kind < PTV_SOURCE_KINDS && (kept < len || !ptv_text_equal_fold(word, names[kind])))
        kind++;
    if (kind == PTV_SOURCE_KINDS) {
        const char *nearest = ptv_text_nearest(word, names, PTV_SOURCE_KINDS);
        return ptv_fail(err, PTV_ESETTINGS, "no source '%s'%s%s%s; there are lists, archive and passivetotal", word,
                        nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
    }
    for (size_t i = 0; i < route->count; i++)
        if (route->steps[i].kind == kind)
            return ptv_fail(err, PTV_ESETTINGS, "'%s' is named twice", names[kind]);
    if (!(ptv_source_kinds[kind].fills & PTV_BIT(section)))
        return ptv_fail(err, PTV_ESETTINGS, "'%s' cannot fill this section", names[kind]);
    route->steps[route->count++] = (ptv_route_step){ kind, joined };
    return PTV_OK;
}

ptv_code ptv_route_parse(ptv_route *out, const char *text, ptv_section section, ptv_error *err)
{
    ptv_route route = { .count = 0 };
    bool joined = false;
    for (const char *at = text;;) {
        size_t len = strcspn(at, ",+");
        if (add_step(&route, at, len, joined, section, err))
            return ptv_wrap(err, "setting %s = %s", ptv_section_name(section), text);
        if (at[len] == '\0')
            break;
        joined = at[len] == '+';
        at += len + 1;
    }
    *out = route;
    return PTV_OK;
}

ptv_code ptv_sources_supported(ptv_sections *out, const ptv_source_settings *s, ptv_error *err)
{
    bool configured[PTV_SOURCE_KINDS];
    ptv_sections by_default = 0, routed = 0;
    for (size_t kind = 0; kind < PTV_SOURCE_KINDS; kind++)
        configured[kind] = !ptv_source_kinds[kind].missing(s) || ptv_source_kinds[kind].begun(s);
    for (int section = 0; section < PTV_SECTION_COUNT; section++) {
        ptv_route route = { .count = 0 };
        if (s->route[section] && ptv_route_parse(&route, s->route[section], (ptv_section)section, err))
            return err->code;
        for (size_t i = 0; i < route.count; i++) /* its key may be elsewhere: rules are checked on many machines */
            configured[route.steps[i].kind] = true;
        if (route.count)
            routed |= PTV_BIT(section);
    }
    for (size_t kind = 0; kind < PTV_SOURCE_KINDS; kind++)
        if (configured[kind])
            by_default |= ptv_source_kinds[kind].fills;
    *out = by_default ? routed | by_default : EVERY_SECTION;
    return PTV_OK;
}
