/*
 * cmd_apply.c: apply: a rule folder checked, tested, compared with the one in use over the recent decisions, and put in its
 * place.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/folder.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/diff.h"
#include "cli/findings.h"
#include "cli/session.h"
#include "cli/talk.h"

#include <string.h>

#define TEXT_LIMIT ((size_t)256 << 20)
enum { SINCE_DAYS = 7, SHOWN_DIGITS = 12 };

typedef struct applying {
    const cli_options *o;
    cli_session session;
    ptv_applied place; /* of the rules in use */
    ptv_client *before, *after;
    char digest[80]; /* of the new ones */
    /* the comparison */
    ptv_compare *compare;
    ptv_arena scratch;
    int64_t since;
    diff_side sides[2];
    diff_page page;
    diff_counts counts;
    ptv_buf rows;
    ptv_code failed;
    ptv_error why;
} applying;

/* ------------------------------------------------------------------------------------------- check, test */

static ptv_code open_rules(ptv_client **out, const applying *a, const char *folder, ptv_findings *findings, ptv_error *err)
{
    const ptv_client_options how = { .rules = folder ? &folder : NULL,
                                     .rules_count = folder != NULL,
                                     .offline = true,
                                     .check_sources = folder != NULL,
                                     .now_utc = a->o->now };
    return ptv_client_new(out, a->session.config, &how, findings, err);
}

static cli_exit check(applying *a)
{
    ptv_findings *findings = NULL;
    ptv_error err = { 0 };
    const char *folder = a->o->operands[0];
    ptv_code rc = ptv_findings_new(&findings, &err);
    if (!rc)
        rc = open_rules(&a->after, a, folder, findings, &err);
    if (!rc || rc == PTV_ERULES)
        cli_findings_text(findings);
    ptv_findings_free(findings);
    if (rc)
        return rc == PTV_ERULES ? CLI_PROBLEMS : cli_fail(&err);
    ptv_rules_view view;
    ptv_client_rules(a->after, &view);
    snprintf(a->digest, sizeof a->digest, "%s", view.digest);
    return CLI_OK;
}

static int keep_text(void *to, const char *bytes, size_t len)
{
    ptv_buf *b = to;
    ptv_buf_append(b, bytes, len);
    return b->failed != PTV_OK;
}

/* All of a failure, of a success only how many there were. */
static void print_cases(const ptv_buf *text, bool passed)
{
    const char *from = text->data ? text->data : "";
    const char *last = text->len > 1 ? memrchr(from, '\n', text->len - 1) : NULL;
    cli_print("%s", passed && last ? last + 1 : from);
}

static cli_exit test(applying *a)
{
    const char *folder = a->o->operands[0];
    const ptv_test_options options = { .paths = &folder, .path_count = 1, .now_utc = a->o->now };
    ptv_test_report *report = NULL;
    ptv_findings *findings = NULL;
    ptv_error err = { 0 };
    ptv_buf text = PTV_BUF(TEXT_LIMIT);
    ptv_code rc = ptv_findings_new(&findings, &err);
    if (!rc)
        rc = ptv_test(&report, a->session.config, &options, findings, &err);
    if (findings)
        cli_findings_say(findings, PTV_ERROR);
    ptv_findings_free(findings);
    if (!rc)
        rc = ptv_test_write(report, PTV_FORMAT_TEXT, a->o->color ? PTV_WRITE_COLOR : 0u, keep_text, &text, &err);
    bool passed = !rc && ptv_test_passed(report);
    if (!rc)
        print_cases(&text, passed);
    ptv_buf_release(&text);
    ptv_test_free(report);
    return rc ? cli_fail(&err) : passed ? CLI_OK : CLI_PROBLEMS;
}

/* ---------------------------------------------------------------------------------------------- compare */

/* Is this line of the log recent? One that cannot be read is the comparison's business. */
static bool is_recent(applying *a, const char *line, size_t len)
{
    const ptv_json *json;
    ptv_error err;
    int64_t now;
    ptv_arena_reset(&a->scratch);
    if (ptv_json_parse(&json, &a->scratch, line, len, &err))
        return true;
    const char *when = ptv_json_text(ptv_json_find(json, "now"));
    return !when || !ptv_time_parse(&now, when, 0) || now >= a->since;
}

static int compare_line(void *to, const char *line, size_t len)
{
    applying *a = to;
    const ptv_comparison *c = NULL;
    if (!is_recent(a, line, len))
        return 0;
    ptv_code rc = ptv_compare_record(&c, a->compare, line, len, &a->why);
    a->counts.records++;
    if (rc == PTV_ENOMEM || rc == PTV_EBUG) {
        a->failed = rc;
        return 1;
    }
    if (rc) {
        a->counts.refused++;
        return 0;
    }
    if (!c->changed)
        return 0;
    a->counts.moved[c->before][c->severity_before][c->after][c->severity_after]++;
    if (a->counts.changed++ < DIFF_MOST_ROWS)
        diff_write_row(&a->rows, &a->page, c);
    return 0;
}

static void print_comparison(applying *a)
{
    ptv_rule_total *rules = NULL;
    diff_total total = { 0 };
    while (ptv_compare_total(a->compare, total.count))
        total.count++;
    rules = ptv_calloc(total.count + 1, sizeof *rules);
    if (!rules)
        total.count = 0;
    for (size_t i = 0; i < total.count; i++)
        rules[i] = *ptv_compare_total(a->compare, i);
    total.rules = rules;
    if (a->counts.changed > DIFF_MOST_ROWS)
        ptv_buf_printf(&a->rows, "and %llu more: ptverdict diff %s %s --over the log shows all\n",
                       (unsigned long long)(a->counts.changed - DIFF_MOST_ROWS), a->place.path, a->o->operands[0]);
    diff_write_end(&a->rows, &a->page, &a->counts, &total, NULL);
    cli_write(NULL, a->rows.data ? a->rows.data : "", a->rows.len);
    ptv_free(rules);
}

/* What would have come out otherwise lately. Not to know it does not stop anybody: rules in use that do not load are a
 * reason to apply others. */
static cli_exit compare(applying *a)
{
    ptv_error err = { 0 };
    ptv_code rc = open_rules(&a->before, a, NULL, NULL, &err);
    if (rc && rc != PTV_ENOMEM) {
        cli_say("no comparison: the rules in use do not load: %s", err.msg);
        return CLI_OK;
    }
    if (!rc)
        rc = ptv_compare_new(&a->compare, a->before, a->after, &err);
    if (!rc && (rc = ptv_decision_log_read(a->session.config, compare_line, a, &err)) == PTV_ESETTINGS) {
        cli_say("no comparison: there is no decision log (%s)", err.msg);
        return CLI_OK;
    }
    if (!rc && a->failed)
        rc = (err = a->why).code;
    if (rc)
        return cli_fail(&err);
    char day[32];
    ptv_time_format(day, a->since);
    cli_print("decisions since %s:\n", day);
    print_comparison(a);
    return CLI_OK;
}

/* ------------------------------------------------------------------------------------------------- swap */

static cli_exit swap(applying *a)
{
    ptv_error err = { 0 };
    ptv_applied done;
    if (a->o->dry_run) {
        cli_print("%s is left as it is (--dry-run)\n", a->place.path);
        return CLI_OK;
    }
    if (ptv_rules_apply(&done, a->session.config, a->o->operands[0], a->digest, &err))
        return cli_fail(&err);
    cli_print("%s is now %.*s", done.path, SHOWN_DIGITS, a->digest);
    if (*done.kept)
        cli_print("; what was there before is %s", done.kept);
    cli_print("\n");
    if (!a->o->quiet)
        cli_say("a running serve takes it on SIGHUP, or by itself with watch_rules = yes");
    return CLI_OK;
}

static cli_exit run_apply(const cli_options *o)
{
    applying a = { .o = o,
                   .scratch = PTV_ARENA(TEXT_LIMIT),
                   .rows = PTV_BUF(TEXT_LIMIT),
                   .since = o->since == PTV_NO_TIME ? ptv_clock_utc() - SINCE_DAYS * PTV_DAY_S : o->since };
    ptv_error err = { 0 };
    cli_exit code = cli_session_configure(&a.session, o);
    if (!code && ptv_rules_place(&a.place, a.session.config, &err))
        code = cli_fail(&err);
    if (!code && ptv_folder_same(o->operands[0], a.place.path)) {
        cli_say("%s is the folder in use: there is nothing to put in its place", o->operands[0]);
        code = CLI_USAGE;
    }
    a.sides[0] = (diff_side){ .named = a.place.path };
    a.sides[1] = (diff_side){ .named = o->operands[0] };
    a.page = (diff_page){ .format = DIFF_TEXT, .color = o->color, .before = &a.sides[0], .after = &a.sides[1] };
    cli_exit (*const steps[])(applying *) = { check, test, compare, swap };
    for (size_t i = 0; !code && i < sizeof steps / sizeof *steps; i++)
        code = steps[i](&a);
    if (code == CLI_PROBLEMS)
        cli_say("%s is not applied; %s is left as it is", o->operands[0], a.place.path);
    ptv_compare_free(a.compare);
    ptv_client_free(a.before);
    ptv_client_free(a.after);
    ptv_arena_release(&a.scratch);
    ptv_buf_release(&a.rows);
    cli_session_close(&a.session);
    return code;
}

const cli_command cli_cmd_apply = {
    .name = "apply",
    .operands = "DIR",
    .summary = "Check, test and compare a rule folder, then put it in the place of the one in use",
    .about =
        "The folder in use is the setting `rules`. DIR is checked, its cases are run, and the decisions of the log since\n"
        "--since (7d) are judged by both: what comes out differently is shown. Then a copy of DIR takes the place of the\n"
        "folder in use, in one step; the old one is kept beside it. Nothing is asked. Exit code 1, and nothing changed, "
        "when\n"
        "a rule does not load or a case fails.",
    .example = "  ptverdict apply --dry-run checkout/rules\n  ptverdict apply checkout/rules",
    .flags = CLI_BIT(FLAG_NOW) | CLI_BIT(FLAG_SINCE) | CLI_BIT(FLAG_DRY_RUN),
    .least = 1,
    .most = 1,
    .run = run_apply,
};
