/*
 * settings.c: options.def as a table for the documentation and as an app.config to start from.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/settings.h"

#include "config/config.h"

static const char *type_name(ptv_opt_type t)
{
    switch (t) {
    case PTV_T_TEXT:
        return "text";
    case PTV_T_INT:
        return "number";
    case PTV_T_BOOL:
        return "yes or no";
    case PTV_T_SECONDS:
        return "time";
    case PTV_T_BYTES:
        return "size";
    case PTV_T_PATH:
        return "path";
    case PTV_T_URL:
        return "URL";
    case PTV_T_WORDS:
        return "words";
    case PTV_T_ENUM:
        return "one of";
    }
    return "";
}

/* In a table cell a bar would end it. */
static void put_cell(ptv_buf *out, const char *text)
{
    for (const char *p = text; *p; p++)
        ptv_buf_printf(out, *p == '|' ? "\\%c" : "%c", *p);
}

void cli_settings_markdown(ptv_buf *out)
{
    const char *section = "";
    for (int o = 0; o < PTV_OPT_COUNT; o++) {
        const ptv_opt_info *i = &ptv_opt_table[o];
        char env[PTV_OPT_ENV_MAX];
        if (strcmp(section, i->section) != 0)
            ptv_buf_printf(out,
                           "%s### `[%s]`\n\n| setting | type | default | environment | meaning |\n|---|---|---|---|---|\n",
                           *section ? "\n" : "", i->section);
        section = i->section;
        ptv_opt_env(env, (ptv_opt)o);
        ptv_buf_printf(out, "| `%s` | %s%s | ", i->key, type_name(i->type), i->secret ? ", secret" : "");
        if (i->def)
            ptv_buf_printf(out, "`%s`", i->def);
        else
            ptv_buf_puts(out, "none");
        ptv_buf_printf(out, *env ? " | `%s` | " : " | %s | ", *env ? env : "");
        put_cell(out, i->help);
        ptv_buf_puts(out, " |\n");
    }
}

/* What a starter sets, "" for what somebody has to fill in; NULL: left as a comment that shows the default. */
static const char *starter_value(ptv_opt o)
{
    switch (o) {
    case PTV_OPT_BASE_URL:
        return ptv_opt_table[o].def;
    case PTV_OPT_TAGS_WANTED:
        return "compromised,ransomware";
    case PTV_OPT_USERNAME:
    case PTV_OPT_API_KEY:
        return "";
    case PTV_OPT_RULES:
        return "rules";
    case PTV_OPT_ARCHIVE:
        return "archive";
    case PTV_OPT_ALLOW_RESERVED:
        return "yes"; /* the starter's archive is about such names */
    default:
        return NULL;
    }
}

void cli_settings_template(ptv_buf *out)
{
    const char *section = "";
    ptv_buf_puts(out,
                 "# Settings of ptverdict: the SOAR platform's app.config. Every setting is here; a line with # in front\n"
                 "# shows the default. $NAME and ${NAME} stand for a mounted secret or an environment variable.\n");
    for (int o = 0; o < PTV_OPT_COUNT; o++) {
        const ptv_opt_info *i = &ptv_opt_table[o];
        if (strcmp(section, i->section) != 0)
            ptv_buf_printf(out, "\n[%s]\n", i->section);
        section = i->section;
        ptv_buf_printf(out, "\n# %s\n", i->help);
        const char *set = starter_value((ptv_opt)o), *value = set ? set : i->def ? i->def : "";
        ptv_buf_printf(out, "%s%s =%s%s\n", set ? "" : "#", i->key, *value ? " " : "", value);
    }
    ptv_buf_puts(out, "\n# What rules read as setting \"name\".\n[rules]\n\n#fresh = 30d\n");
}
