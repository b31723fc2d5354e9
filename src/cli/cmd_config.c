/*
 * cmd_config.c: config: the settings in force and where each came from; the table of all settings for docs/settings.md.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/settings.h"
#include "cli/talk.h"
#include "config/config.h"

#define MASK "********"

static void put_line(ptv_buf *out, const char *key, const char *value, const char *where)
{
    ptv_buf_printf(out, "%s = ", key);
    if (value)
        ptv_escape_terminal(out, value, strlen(value));
    ptv_buf_printf(out, "%*s# ", value && *value ? 2 : 1, "");
    ptv_escape_terminal(out, value ? where : "not set", strlen(value ? where : "not set"));
    ptv_buf_putc(out, '\n');
}

static void as_text(ptv_buf *out, const ptv_config *c)
{
    const char *section = "";
    ptv_buf_puts(out, "# settings file: ");
    ptv_escape_terminal(out, ptv_config_file(c), strlen(ptv_config_file(c)));
    ptv_buf_putc(out, '\n');
    for (int i = 0; i < PTV_OPT_COUNT; i++) {
        const ptv_opt_info *info = &ptv_opt_table[i];
        if (strcmp(section, info->section) != 0)
            ptv_buf_printf(out, "\n[%s]\n", info->section);
        section = info->section;
        put_line(out, info->key, ptv_config_shown(c, (ptv_opt)i), ptv_config_where(c, (ptv_opt)i));
    }
    bool headed = false;
    for (size_t i = 0; i < ptv_config_rules_count(c); i++) {
        ptv_config_pair p = ptv_config_rules_at(c, i);
        if (strcmp(p.section, "rules") != 0)
            continue;
        if (!headed)
            ptv_buf_puts(out, "\n[rules]\n");
        headed = true;
        put_line(out, p.key, p.secret ? MASK : p.value, p.where);
    }
}

static void put_setting(ptv_json_out *o, const char *section, const char *key, const char *value, const char *where,
                        bool secret)
{
    ptv_json_open(o, NULL, '{');
    ptv_json_put_text(o, "section", section);
    ptv_json_put_text(o, "key", key);
    ptv_json_put_text(o, "value", value);
    ptv_json_put_text(o, "where", value ? where : NULL);
    ptv_json_put_bool(o, "secret", secret);
    ptv_json_close(o, '}');
}

static void as_json(ptv_buf *out, const ptv_config *c)
{
    ptv_json_out o = { .buf = out };
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "schema", "ptverdict.config/1");
    ptv_json_put_text(&o, "file", ptv_config_file(c));
    ptv_json_open(&o, "settings", '[');
    for (int i = 0; i < PTV_OPT_COUNT; i++) {
        const ptv_opt_info *info = &ptv_opt_table[i];
        put_setting(&o, info->section, info->key, ptv_config_shown(c, (ptv_opt)i), ptv_config_where(c, (ptv_opt)i),
                    info->secret);
    }
    for (size_t i = 0; i < ptv_config_rules_count(c); i++) {
        ptv_config_pair p = ptv_config_rules_at(c, i);
        if (strcmp(p.section, "rules") == 0)
            put_setting(&o, p.section, p.key, p.secret ? MASK : p.value, p.where, p.secret);
    }
    ptv_json_close(&o, ']');
    ptv_json_close(&o, '}');
    ptv_buf_putc(out, '\n');
}

static cli_exit run_config(const cli_options *o)
{
    cli_session session = { 0 };
    ptv_error err = { 0 };
    ptv_buf out = PTV_BUF(64 << 20);
    cli_exit code = CLI_OK;
    if (o->format && strcmp(o->format, "markdown") == 0) {
        cli_settings_markdown(&out);
    } else {
        code = cli_session_configure(&session, o);
        if (!code && o->format && strcmp(o->format, "json") == 0)
            as_json(&out, session.config);
        else if (!code)
            as_text(&out, session.config);
    }
    if (!code && ptv_buf_check(&out, &err))
        code = cli_fail(&err);
    else if (!code)
        cli_write(NULL, out.data, out.len);
    ptv_buf_release(&out);
    cli_session_close(&session);
    return code;
}

const cli_command cli_cmd_config = {
    .name = "config",
    .operands = "",
    .summary = "Print the settings in force and where each came from; secrets masked",
    .about = "markdown prints the table of all settings instead, with types, defaults and environment names.",
    .example = "  ptverdict config --set plan=fast",
    .formats = "text json markdown",
    .run = run_config,
};
