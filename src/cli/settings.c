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
    case PTV_T_TEXT: return "text";
    case PTV_T_INT: return "number";
    case PTV_T_BOOL: return "yes or no";
    case PTV_T_SECONDS: return "time";
    case PTV_T_BYTES: return "size";
    case PTV_T_PATH: return "path";
    case PTV_T_URL: return "URL";
    case PTV_T_WORDS: return "words";
    case PTV_T_ENUM: return "one of";
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

/* What somebody has to fill in stands bare; all else is there as a comment with its default. */
static bool is_to_fill_in(ptv_opt o)
{
    return o == PTV_OPT_USERNAME || o == PTV_OPT_API_KEY || o == PTV_OPT_TAGS_WANTED || o == PTV_OPT_BASE_URL;
}

void cli_settings_template(ptv_buf *out)
{
    const char *section = "";
    ptv_buf_puts(out, "# Settings of ptverdict: the SOAR platform's app.config. Every setting is here; a line with # in front\n"
                      "# shows the default. $NAME and ${NAME} stand for a mounted secret or an environment variable.\n");
    for (int o = 0; o < PTV_OPT_COUNT; o++) {
        const ptv_opt_info *i = &ptv_opt_table[o];
        if (strcmp(section, i->section) != 0)
            ptv_buf_printf(out, "\n[%s]\n", i->section);
        section = i->section;
        ptv_buf_printf(out, "\n# %s\n", i->help);
        if (o == PTV_OPT_USERNAME || o == PTV_OPT_API_KEY)
            ptv_buf_printf(out, "%s =\n", i->key);
        else if (o == PTV_OPT_TAGS_WANTED)
            ptv_buf_printf(out, "%s = compromised,ransomware\n", i->key);
        else if (o == PTV_OPT_ARCHIVE || o == PTV_OPT_RULES)
            ptv_buf_printf(out, "%s = %s\n", i->key, o == PTV_OPT_RULES ? "rules" : "archive");
        else
            ptv_buf_printf(out, "%s%s =%s%s\n", is_to_fill_in((ptv_opt)o) ? "" : "#", i->key, i->def ? " " : "",
                           i->def ? i->def : "");
    }
    ptv_buf_puts(out, "\n# What rules read as setting \"name\".\n[rules]\n\n#fresh = 30d\n");
}
