/*
 * cmd_new.c: new: a rule file and its three cases, to be filled in.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/session.h"
#include "cli/talk.h"
#include "config/config.h"

#include <unistd.h>

static const char rule_text[] =
    "-- %s: say here in one sentence what this rule takes for evidence, and why.\n"
    "rule \"%s\" {\n"
    "  title    = \"What an analyst reads first\",\n"
    "  severity = \"medium\",                       -- info low medium high critical\n"
    "  status   = \"live\",                         -- live, shadow (judged and recorded, never alerts), off\n"
    "  when     = tags:has_any { \"put-a-tag-here\" }, -- `ptverdict fields` lists all words\n"
    "  hit      = { standard },\n"
    "  note     = {\n"
    "    \"{artifact} carries {tags|list}.\",\n"
    "    \"?First seen {passive_dns.first_seen|date}.\", -- a line with ? goes when a value in it is missing\n"
    "  },\n"
    "}\n";

static const char test_text[] =
    "-- Cases of %s: one that must match, one that must not, one in which the data could not be read.\n"
    "case \"matches\" {\n"
    "  given  = { artifact = \"evil.example\", tags = { \"put-a-tag-here\" } },\n"
    "  expect = { verdict = \"compromised\", rules = { [\"%s\"] = \"match\" } },\n"
    "}\n"
    "case \"does not match\" {\n"
    "  given  = { artifact = \"good.example\", tags = { \"something-else\" } },\n"
    "  expect = { verdict = \"no_match\", rules = { [\"%s\"] = \"no_match\" } },\n"
    "}\n"
    "case \"the tags could not be read: not a clean bill\" {\n"
    "  given  = { artifact = \"evil.example\", tags = failed \"HTTP 503\" },\n"
    "  expect = { verdict = \"unknown\", missing = { \"tags\" } },\n"
    "}\n";

static const char NAME_CHARACTERS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* "30-fresh.lua" → "fresh": a number in front orders files, and is no part of the name. NULL: not a name for a rule. */
static const char *id_of(ptv_arena *mem, const char *name)
{
    size_t len = strlen(name);
    if (ptv_text_ends(name, ".lua"))
        len -= 4;
    size_t digits = strspn(name, "0123456789");
    if (digits && digits < len && name[digits] == '-') {
        name += digits + 1;
        len -= digits + 1;
    }
    bool good = len > 0 && len <= 64 && strspn(name, NAME_CHARACTERS) >= len;
    return good ? ptv_arena_strndup(mem, name, len) : NULL;
}

static ptv_code create(const char *path, const char *text, ptv_error *err)
{
    ptv_code rc = cli_file_create(path, text, strlen(text), false, err);
    if (!rc)
        cli_print("wrote %s\n", path);
    return rc;
}

static ptv_code write_rule(const char *folder, const char *operand, ptv_arena *mem, ptv_error *err)
{
    const char *slash = strrchr(operand, '/');
    const char *name = slash ? slash + 1 : operand;
    const char *id = id_of(mem, name);
    if (!id)
        return ptv_fail(err, PTV_EINVAL, "'%.80s' is no name for a rule file: letters, digits, - and _, at most 64", name);
    if (slash)
        folder = ptv_arena_strndup(mem, operand, (size_t)(slash - operand) + (slash == operand));
    int stem = (int)(strlen(name) - (ptv_text_ends(name, ".lua") ? 4 : 0));
    char *rule = ptv_arena_printf(mem, "%s/%.*s.lua", folder ? folder : "", stem, name);
    char *test = ptv_arena_printf(mem, "%s/%.*s.test.lua", folder ? folder : "", stem, name);
    char *rule_body = ptv_arena_printf(mem, rule_text, id, id);
    char *test_body = ptv_arena_printf(mem, test_text, id, id, id);
    if (!folder || !rule || !test || !rule_body || !test_body)
        return ptv_arena_fail(mem, err);
    if (access(test, F_OK) == 0)
        return ptv_fail(err, PTV_EIO, "%s is there already; nothing was written", test);
    ptv_code rc = create(rule, rule_body, err);
    return rc ? rc : create(test, test_body, err);
}

static cli_exit run_new(const cli_options *o)
{
    cli_session session = { 0 };
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_error err = { 0 };
    cli_exit code = cli_session_configure(&session, o);
    if (!code) {
        const char *configured = ptv_config_text(session.config, PTV_OPT_RULES);
        const char *folder = o->rules_count ? o->rules[0] : configured ? configured : "rules";
        ptv_code rc = write_rule(folder, o->operands[0], &mem, &err);
        code = rc ? cli_fail(&err) : CLI_OK;
    }
    ptv_arena_release(&mem);
    cli_session_close(&session);
    return code;
}

const cli_command cli_cmd_new = {
    .name = "new",
    .operands = "RULE",
    .summary = "Make a rule file and its test file with three cases to fill in",
    .about = "RULE is a name, with a number in front if order matters (30-busy), made in the folder of --rules, of the\n"
             "setting `rules`, or in ./rules; or a path.",
    .example = "  ptverdict new 30-busy --rules rules",
    .flags = CLI_BIT(FLAG_RULES),
    .least = 1,
    .most = 1,
    .run = run_new,
};
