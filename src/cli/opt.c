/*
 * opt.c: parsing of the command line by the tables of opt.h, and the help texts made from them.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/opt.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/talk.h"
#include "config/config.h"

#include <unistd.h>

const cli_flag_info cli_flags[FLAG_COUNT] = {
    [FLAG_CONFIG] = { "config", 'c', "FILE", "read settings from FILE, not from the usual places" },
    [FLAG_RULES] = { "rules", 0, "DIR", "rule folder or file instead of the configured one; may be repeated" },
    [FLAG_SET] = { "set", 0, "KEY=VALUE", "one setting, before environment and file; may be repeated" },
    [FLAG_FORMAT] = { "format", 0, "FORMAT", "how to print" },
    [FLAG_EXPLAIN] = { "explain", 0, NULL, "add each rule's conditions: yes, no or UNKNOWN, and the value seen" },
    [FLAG_NOW] = { "now", 0, "TIME", "judge as if it were TIME (2026-05-01 or 2026-05-01T12:00:00Z)" },
    [FLAG_EXIT_CODE] = { "exit-code", 0, NULL, "exit 10 when one is compromised, else 20 when one is unknown" },
    [FLAG_SINCE] = { "since", 0, "TIME", "from TIME on: a date, a time, or how long ago (24h, 7d)" },
    [FLAG_DRY_RUN] = { "dry-run", 0, NULL, "show what would come of it, and change nothing" },
    [FLAG_SKIP] = { "skip", 0, "N", "leave out the first N inputs: resume a run that stopped" },
    [FLAG_JOBS] = { "jobs", 'j', "N", "judge on N cores (default: all there are)" },
    [FLAG_WHY_NOT] = { "why-not", 0, "RULE", "say which conditions would have to change for RULE to match" },
    [FLAG_OVER] = { "over", 0, "PATH", "a file or a folder of records, or the decision log; may be repeated; -: stdin" },
    [FLAG_FAIL_ON_CHANGE] = { "fail-on-change", 0, NULL,
                              "exit 1 when a verdict or severity changes, or a record cannot be judged" },
    [FLAG_SAVE] = { "save", 0, "DIR", "keep the raw answers in DIR, one file an artifact: an archive" },
    [FLAG_COMPACT] = { "compact", 0, NULL, "with --save: compact records instead of raw answers" },
    [FLAG_RUN] = { "run", 0, "PATTERN", "only cases whose name holds PATTERN, or fits it as a glob (* ?)" },
    [FLAG_FAIL_FAST] = { "fail-fast", 0, NULL, "stop at the first case that fails" },
    [FLAG_COVERAGE] = { "coverage", 0, "PERCENT",
                        "show which conditions were seen yes, no, unknown; fail below PERCENT (0: only show)" },
    [FLAG_INVERT] = { "invert", 0, NULL, "turn each condition round; fail when no case notices" },
    [FLAG_FAIL_SECTIONS] = { "fail-sections", 0, NULL,
                             "fail each section in turn; fail when that turns match and no_match round" },
    [FLAG_STRICT] = { "strict", 0, NULL, "--coverage 100 --invert --fail-sections" },
    [FLAG_WATCH] = { "watch", 0, NULL, "run again whenever a rule, test, list, fixture or archive is saved" },
    [FLAG_EDITOR] = { "editor", 0, NULL, "write files that make an editor know the words into DIR (default: here)" },
    [FLAG_QUIET] = { "quiet", 'q', NULL, "no progress, summary or warnings on stderr" },
    [FLAG_VERBOSE] = { "verbose", 'v', NULL, "say more on stderr; twice: every request" },
    [FLAG_COLOR] = { "color", 0, "WHEN", "auto (default; NO_COLOR is honoured), always or never" },
    [FLAG_HELP] = { "help", 'h', NULL, "this text" },
    [FLAG_VERSION] = { "version", 0, NULL, "print the version" },
};

typedef struct parsing {
    cli_options *o;
    int argc, at; /* at: the next word */
    char **argv;
    uint64_t seen; /* flags given, checked against the command at the end */
    const char *color, *now, *since, *skip, *jobs, *coverage;
} parsing;

static cli_exit usage(const cli_options *o, const char *fmt, ...) PTV_PRINTF(2, 3);
static cli_exit usage(const cli_options *o, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    cli_vsay(fmt, args);
    va_end(args);
    if (o->command)
        cli_say("see: ptverdict %s --help", o->command->name);
    else
        cli_say("see: ptverdict --help");
    return CLI_USAGE;
}

static const cli_command *find_command(const char *name)
{
    for (const cli_command *const *c = cli_commands; *c; c++)
        if (strcmp((*c)->name, name) == 0)
            return *c;
    return NULL;
}

static cli_exit unknown_command(const cli_options *o, const char *name)
{
    const char *names[64];
    size_t count = 0;
    for (const cli_command *const *c = cli_commands; *c && count < 64; c++)
        names[count++] = (*c)->name;
    const char *near = ptv_text_nearest(name, names, count);
    return usage(o, "unknown command '%s'%s%s%s", name, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

static cli_exit unknown_option(const cli_options *o, const char *name, size_t len)
{
    const char *names[FLAG_COUNT];
    char word[64];
    for (int f = 0; f < FLAG_COUNT; f++)
        names[f] = cli_flags[f].name;
    snprintf(word, sizeof word, "%.*s", (int)len, name);
    const char *near = ptv_text_nearest(word, names, FLAG_COUNT);
    return usage(o, "unknown option '--%s'%s%s%s", word, near ? " (did you mean '--" : "", near ? near : "",
                 near ? "'?)" : "");
}

/* A secret on the command line is there for every user of the machine to see: at least not for long. */
void cli_wipe_secret(char *assignment)
{
    char *equals = strchr(assignment, '=');
    if (!equals)
        return;
    size_t len = (size_t)(equals - assignment);
    for (int i = 0; i < PTV_OPT_COUNT; i++) {
        const ptv_opt_info *info = &ptv_opt_table[i];
        size_t key = strlen(info->key);
        if (info->secret && len >= key && strncmp(equals - key, info->key, key) == 0)
            memset(equals + 1, 'x', strlen(equals + 1));
    }
}

static cli_exit take_flag(parsing *p, cli_flag f, char *value)
{
    cli_options *o = p->o;
    p->seen |= CLI_BIT(f);
    switch (f) {
    case FLAG_CONFIG:
        o->config = value;
        break;
    case FLAG_RULES:
        o->rules[o->rules_count++] = value;
        break;
    case FLAG_SET:
        o->sets[o->set_count++] = value;
        break;
    case FLAG_FORMAT:
        o->format = value;
        break;
    case FLAG_EXPLAIN:
        o->explain = true;
        break;
    case FLAG_NOW:
        p->now = value;
        break;
    case FLAG_EXIT_CODE:
        o->exit_code = true;
        break;
    case FLAG_SINCE:
        p->since = value;
        break;
    case FLAG_DRY_RUN:
        o->dry_run = true;
        break;
    case FLAG_SKIP:
        p->skip = value;
        break;
    case FLAG_SAVE:
        o->save = value;
        break;
    case FLAG_JOBS:
        p->jobs = value;
        break;
    case FLAG_WHY_NOT:
        o->why_not = value;
        break;
    case FLAG_OVER:
        o->over[o->over_count++] = value;
        break;
    case FLAG_FAIL_ON_CHANGE:
        o->fail_on_change = true;
        break;
    case FLAG_COMPACT:
        o->compact = true;
        break;
    case FLAG_RUN:
        o->run = value;
        break;
    case FLAG_FAIL_FAST:
        o->fail_fast = true;
        break;
    case FLAG_COVERAGE:
        p->coverage = value;
        break;
    case FLAG_INVERT:
        o->invert = true;
        break;
    case FLAG_FAIL_SECTIONS:
        o->fail_sections = true;
        break;
    case FLAG_STRICT:
        o->strict = true;
        break;
    case FLAG_WATCH:
        o->watch = true;
        break;
    case FLAG_EDITOR:
        o->editor = true;
        break;
    case FLAG_QUIET:
        o->quiet = true;
        break;
    case FLAG_VERBOSE:
        o->verbose++;
        break;
    case FLAG_COLOR:
        p->color = value;
        break;
    case FLAG_HELP:
        o->help = true;
        break;
    case FLAG_VERSION:
        o->version = true;
        break;
    case FLAG_COUNT:
        break;
    }
    return CLI_OK;
}

/* `given` is the value that stood in the same word, or NULL. */
static cli_exit take(parsing *p, cli_flag f, char *given)
{
    const cli_flag_info *info = &cli_flags[f];
    if (!info->value && given)
        return usage(p->o, "--%s takes no value", info->name);
    if (info->value && !given) {
        if (p->at >= p->argc)
            return usage(p->o, "--%s needs a value: --%s %s", info->name, info->name, info->value);
        given = p->argv[p->at++];
    }
    return take_flag(p, f, given);
}

static cli_exit parse_long(parsing *p, char *word)
{
    size_t len = strcspn(word, "=");
    for (int f = 0; f < FLAG_COUNT; f++)
        if (strlen(cli_flags[f].name) == len && strncmp(cli_flags[f].name, word, len) == 0)
            return take(p, (cli_flag)f, word[len] ? word + len + 1 : NULL);
    return unknown_option(p->o, word, len);
}

static cli_exit parse_short(parsing *p, char *letters)
{
    for (char *l = letters; *l; l++) {
        int f = 0;
        while (f < FLAG_COUNT && cli_flags[f].letter != *l)
            f++;
        if (f == FLAG_COUNT)
            return usage(p->o, "unknown option '-%c'", *l);
        if (cli_flags[f].value)
            return take(p, (cli_flag)f, l[1] ? l + 1 : NULL);
        cli_exit rc = take(p, (cli_flag)f, NULL);
        if (rc)
            return rc;
    }
    return CLI_OK;
}

static cli_exit parse_words(parsing *p)
{
    bool only_operands = false;
    while (p->at < p->argc) {
        char *word = p->argv[p->at++];
        cli_exit rc = CLI_OK;
        if (only_operands || word[0] != '-' || !word[1]) {
            if (p->o->command)
                p->o->operands[p->o->operand_count++] = word;
            else if (strcmp(word, "help") == 0)
                p->o->help = true;
            else if (!(p->o->command = find_command(word)))
                rc = unknown_command(p->o, word);
        } else if (strcmp(word, "--") == 0) {
            only_operands = true;
        } else if (word[1] == '-') {
            rc = parse_long(p, word + 2);
        } else {
            rc = parse_short(p, word + 1);
        }
        if (rc)
            return rc;
    }
    return CLI_OK;
}

static bool is_among(const char *word, const char *list)
{
    size_t len = strlen(word);
    for (const char *p = list; p && *p; p += strcspn(p, " "), p += *p == ' ')
        if (strcspn(p, " ") == len && strncmp(p, word, len) == 0)
            return true;
    return false;
}

static cli_exit check_values(parsing *p)
{
    cli_options *o = p->o;
    const char *color = p->color ? p->color : "auto";
    if (!is_among(color, "auto always never"))
        return usage(o, "--color takes auto, always or never, not '%s'", color);
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    bool wanted = isatty(STDOUT_FILENO) && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
    o->color = strcmp(color, "auto") == 0 ? wanted : strcmp(color, "always") == 0;
    if (p->now && (!ptv_time_parse(&o->now, p->now, 0) || o->now == PTV_NO_TIME))
        return usage(o, "--now takes a time like 2026-05-01 or 2026-05-01T12:00:00Z, not '%s'", p->now);
    int64_t ago;
    bool by_day;
    if (p->since && ptv_duration_parse(&ago, &by_day, p->since))
        o->since = ptv_clock_utc() - ago;
    else if (p->since && (!ptv_time_parse(&o->since, p->since, 0) || o->since == PTV_NO_TIME))
        return usage(o, "--since takes a time like 2026-05-01 or 2026-05-01T12:00:00Z, or 24h or 7d, not '%s'", p->since);
    int64_t skip = 0;
    if (p->skip && (!ptv_int_parse(&skip, p->skip) || skip < 0))
        return usage(o, "--skip takes a count, not '%s'", p->skip);
    o->skip = (uint64_t)skip;
    int64_t jobs = 0;
    if (p->jobs && (!ptv_int_parse(&jobs, p->jobs) || jobs < 1))
        return usage(o, "--jobs takes a count from 1, not '%s'", p->jobs);
    o->jobs = (uint64_t)jobs;
    int64_t percent = -1;
    if (p->coverage && (!ptv_int_parse(&percent, p->coverage) || percent < 0 || percent > 100))
        return usage(o, "--coverage takes 0 to 100, not '%s'", p->coverage);
    o->coverage_percent = (int)percent;
    if (o->format && !is_among(o->format, o->command->formats))
        return usage(o, "--format of %s is one of: %s; not '%s'", o->command->name, o->command->formats, o->format);
    return CLI_OK;
}

static cli_exit check_command(parsing *p)
{
    cli_options *o = p->o;
    const cli_command *c = o->command;
    if (o->help || o->version)
        return CLI_OK;
    if (!c)
        return usage(o, "which command?");
    uint64_t allowed = CLI_COMMON | c->flags | (c->formats ? CLI_BIT(FLAG_FORMAT) : 0);
    for (int f = 0; f < FLAG_COUNT; f++)
        if (p->seen & ~allowed & CLI_BIT(f))
            return usage(o, "--%s is not an option of %s", cli_flags[f].name, c->name);
    if (o->operand_count < c->least)
        return usage(o, "%s needs: %s", c->name, c->operands);
    if (o->operand_count > c->most)
        return usage(o, "'%s' is too much: %s takes %s", o->operands[c->most], c->name,
                     *c->operands ? c->operands : "no operands");
    return check_values(p);
}

cli_exit cli_options_parse(cli_options *out, int argc, char **argv)
{
    size_t room = (size_t)argc + 1;
    *out = (cli_options){ .now = PTV_NO_TIME, .since = PTV_NO_TIME };
    out->rules = ptv_calloc(room, sizeof *out->rules);
    out->sets = ptv_calloc(room, sizeof *out->sets);
    out->operands = ptv_calloc(room, sizeof *out->operands);
    out->over = ptv_calloc(room, sizeof *out->over);
    if (!out->over || !out->rules || !out->sets || !out->operands) {
        cli_say("out of memory");
        return CLI_BUG;
    }
    parsing p = { .o = out, .argc = argc, .at = 1, .argv = argv };
    cli_exit rc = parse_words(&p);
    return rc ? rc : check_command(&p);
}

void cli_options_release(cli_options *o)
{
    ptv_free(o->rules);
    ptv_free(o->sets);
    ptv_free(o->operands);
    ptv_free(o->over);
}

/* --------------------------------------------------------------------------------------------------- help */

static void print_flag(cli_flag f, const cli_command *c)
{
    const cli_flag_info *i = &cli_flags[f];
    char names[64];
    snprintf(names, sizeof names, "%c%c%c --%s%s%s", i->letter ? '-' : ' ', i->letter ? i->letter : ' ',
             i->letter ? ',' : ' ', i->name, i->value ? " " : "", i->value ? i->value : "");
    cli_print("  %-22s  %s", names, i->help);
    if (f == FLAG_FORMAT && c && c->formats)
        cli_print(": %s (default %.*s)", c->formats, (int)strcspn(c->formats, " "), c->formats);
    cli_print("\n");
}

static void print_program_help(void)
{
    cli_print("usage: ptverdict COMMAND [options] ...\n\n"
              "Is this site compromised, by our own definition?\n\nCommands:\n");
    for (const cli_command *const *c = cli_commands; *c; c++) {
        char head[64];
        snprintf(head, sizeof head, "%s %s", (*c)->name, (*c)->operands);
        cli_print("  %-24s  %s\n", head, (*c)->summary);
    }
    cli_print("\nOptions of every command:\n");
    for (int f = 0; f < FLAG_COUNT; f++)
        if (CLI_COMMON & CLI_BIT(f))
            print_flag((cli_flag)f, NULL);
    cli_print("\nExample:\n  ptverdict lookup 'evil[.]example'\n\n"
              "ptverdict COMMAND --help tells more; the man page has settings and exit codes.\n");
}

void cli_print_help(const cli_command *c)
{
    if (!c) {
        print_program_help();
        return;
    }
    cli_print("usage: ptverdict %s [options]%s%s\n\n%s.\n", c->name, *c->operands ? " " : "", c->operands, c->summary);
    if (c->about)
        cli_print("\n%s\n", c->about);
    cli_print("\nOptions:\n");
    for (int f = 0; f < FLAG_COUNT; f++)
        if ((CLI_COMMON | c->flags | (c->formats ? CLI_BIT(FLAG_FORMAT) : 0)) & CLI_BIT(f))
            print_flag((cli_flag)f, c);
    cli_print("\nExample:\n%s\n", c->example);
}
