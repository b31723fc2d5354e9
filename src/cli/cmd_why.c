/*
 * cmd_why.c: why: a decision of the log judged again, by the record, the rules and the settings of that time, and explained.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "cli/talk.h"

#define LINE_LIMIT  ((size_t)256 << 20)
#define SHORTEST_ID 6

typedef struct search {
    const char *wanted;
    ptv_buf line;  /* the last one found: calls for one artifact within a second share a decision */
    ptv_buf heads; /* of each, a line; a call that was delivered again has the same */
    bool ambiguous;
} search;

/* "decision_id":"…" of a line; it stands near the start. */
static const char *id_of(const char *line, size_t len)
{
    static const char key[] = "\"decision_id\":\"";
    const char *at = memmem(line, len < 256 ? len : 256, key, sizeof key - 1);
    return at ? at + sizeof key - 1 : NULL;
}

static const char *text_of(const ptv_json *line, const char *key)
{
    const char *text = ptv_json_text(ptv_json_find(line, key));
    return text ? text : "";
}

static void add_part(ptv_buf *out, const char *name, const char *value)
{
    if (!*value)
        return;
    ptv_buf_puts(out, name);
    ptv_escape_terminal(out, value, strlen(value));
}

static void add_head(search *s, const char *text, size_t len)
{
    ptv_arena mem = PTV_ARENA(LINE_LIMIT);
    ptv_buf head = PTV_BUF(LINE_LIMIT);
    ptv_error err;
    const ptv_json *line;
    if (!ptv_json_parse(&line, &mem, text, len, &err)) {
        add_part(&head, "decision ", text_of(line, "decision_id"));
        add_part(&head, " of ", text_of(line, "now"));
        add_part(&head, ", incident ", text_of(line, "incident_id"));
        add_part(&head, ", artifact ", text_of(line, "artifact_id"));
        ptv_buf_putc(&head, '\n');
        if (!head.failed && !(s->heads.len && strstr(s->heads.data, head.data)))
            ptv_buf_puts(&s->heads, head.data);
    }
    ptv_buf_release(&head);
    ptv_arena_release(&mem);
}

static int look_at(void *to, const char *line, size_t len)
{
    search *s = to;
    const char *id = id_of(line, len);
    size_t wanted = strlen(s->wanted);
    if (!id || (size_t)(line + len - id) < wanted || strncmp(id, s->wanted, wanted) != 0)
        return 0;
    const char *before = s->line.len ? id_of(s->line.data, s->line.len) : NULL;
    size_t whole = strcspn(id, "\"");
    s->ambiguous |= before && strncmp(before, id, whole) != 0;
    ptv_buf_clear(&s->line);
    ptv_buf_append(&s->line, line, len);
    add_head(s, line, len);
    return s->line.failed != PTV_OK;
}

static cli_exit find_line(search *s, const ptv_config *config, ptv_error *err)
{
    if (strlen(s->wanted) < SHORTEST_ID || strspn(s->wanted, "0123456789abcdef") != strlen(s->wanted)) {
        cli_say("'%s' is no decision id: give at least %d of its hexadecimal digits", s->wanted, SHORTEST_ID);
        return CLI_USAGE;
    }
    ptv_code rc = ptv_decision_log_read(config, look_at, s, err);
    if (s->line.failed)
        rc = ptv_buf_check(&s->line, err);
    if (rc)
        return cli_fail(err);
    if (s->ambiguous) {
        cli_say("more than one decision begins with %s: give more digits", s->wanted);
        return CLI_USAGE;
    }
    if (!s->line.len) {
        cli_say("no decision %s in the log; it may have been rotated out (decision_log_size, decision_log_backups)",
                s->wanted);
        return CLI_DATA;
    }
    return CLI_OK;
}

/* What rules read then, before all that is set now. */
static ptv_code set_settings(ptv_config *config, const ptv_json *line, ptv_error *err)
{
    ptv_code rc = PTV_OK;
    const ptv_json *s = ptv_json_first(ptv_json_find(line, "settings"));
    for (; !rc && s; s = ptv_json_next(s)) {
        ptv_buf text = PTV_BUF(LINE_LIMIT);
        const char *section = ptv_text_starts(ptv_json_key(s), "passivetotal_") ? "fn_passivetotal" : "rules";
        ptv_buf_printf(&text, "%s.%s=%s", section, ptv_json_key(s), ptv_json_text(s) ? ptv_json_text(s) : "");
        rc = ptv_buf_check(&text, err);
        if (!rc)
            rc = ptv_config_set(config, text.data, err);
        ptv_buf_release(&text);
    }
    return rc;
}

static void print_head(const search *s, const ptv_json *line)
{
    ptv_buf summary = PTV_BUF(LINE_LIMIT);
    add_part(&summary, "then: ", text_of(line, "summary"));
    cli_print("%s%s\n", s->heads.len ? s->heads.data : "", summary.len ? summary.data : "");
    ptv_buf_release(&summary);
}

/* The same digests at the same time make the same id; the verdict also depends on settings that no digest covers. */
static void compare(const ptv_json *line, const ptv_report *r)
{
    const char *then = text_of(line, "verdict"), *now = ptv_verdict_name(ptv_report_verdict(r));
    const char *id = text_of(line, "decision_id");
    if (strcmp(ptv_report_decision_id(r), id) != 0)
        cli_say("this is not exactly that decision: a secret setting, or how the program reads records, has changed since");
    else if (strcmp(then, now) != 0)
        cli_say("it was %s then and is %s now: alert_from, stale, or the program, has changed since", then, now);
}

static ptv_code judge_again(cli_session *s, const cli_options *o, const search *found, const ptv_json *line, char **rules,
                            size_t count, ptv_error *err)
{
    ptv_report *report = NULL;
    bool json = o->format && strcmp(o->format, "json") == 0;
    unsigned flags = PTV_WRITE_EXPLAIN | (o->color ? PTV_WRITE_COLOR : 0u);
    const ptv_client_options how = { .rules = (const char *const *)rules,
                                     .rules_count = count,
                                     .offline = true,
                                     .explain = true,
                                     .not_routable = strcmp(text_of(line, "verdict"), "skipped") == 0 };
    ptv_code rc = set_settings(s->config, line, err);
    if (!rc)
        rc = ptv_client_new(&s->client, s->config, &how, NULL, err);
    if (!rc)
        rc = ptv_eval(&report, s->client, found->line.data, found->line.len, err);
    if (!rc) {
        if (!json) {
            print_head(found, line);
            cli_print("\n");
        }
        rc = ptv_report_write(report, json ? PTV_FORMAT_JSON : PTV_FORMAT_TEXT, flags, cli_write, NULL, err);
        compare(line, report);
    }
    ptv_report_free(report);
    return rc;
}

static cli_exit explain(cli_session *s, const cli_options *o, const search *found, ptv_arena *mem)
{
    const ptv_json *line;
    char **rules = NULL;
    size_t count = 0;
    ptv_error err = { 0 };
    cli_exit code = CLI_OK;
    ptv_code rc = ptv_json_parse(&line, mem, found->line.data, found->line.len, &err);
    if (!rc)
        rc = ptv_rules_kept(&rules, &count, s->config, text_of(line, "ruleset"), &err);
    if (!rc && count == 0) {
        print_head(found, line);
        cli_say("the rules of that time were not kept (digest %s): what the log says is all there is",
                text_of(line, "ruleset"));
        code = CLI_DATA;
    } else if (!rc) {
        rc = judge_again(s, o, found, line, rules, count, &err);
    }
    ptv_rules_kept_free(rules);
    return rc && !cli_output_failed() ? cli_fail(&err) : code;
}

static cli_exit run_why(const cli_options *o)
{
    cli_session session = { 0 };
    ptv_error err = { 0 };
    ptv_arena mem = PTV_ARENA(LINE_LIMIT);
    search s = { .wanted = o->operands[0], .line = PTV_BUF(LINE_LIMIT), .heads = PTV_BUF(LINE_LIMIT) };
    cli_exit code = cli_session_configure(&session, o);
    if (!code)
        code = find_line(&s, session.config, &err);
    if (!code)
        code = explain(&session, o, &s, &mem);
    ptv_buf_release(&s.line);
    ptv_buf_release(&s.heads);
    ptv_arena_release(&mem);
    cli_session_close(&session);
    return code;
}

const cli_command cli_cmd_why = {
    .name = "why",
    .operands = "DECISION_ID",
    .summary = "Explain a decision of the log by the record and the rules of that time",
    .about = "Needs the setting `state`, whose folder keeps the log and the rules. The first digits of the id are enough.",
    .example = "  ptverdict why 3fb1c2a09d --set state=/var/lib/ptverdict",
    .formats = "text json",
    .least = 1,
    .most = 1,
    .run = run_why,
};
