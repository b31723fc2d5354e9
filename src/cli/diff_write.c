/*
 * diff_write.c: a comparison of two rule sets as text, JSON, CSV and markdown for a merge request.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/diff.h"

#include "base/json.h"
#include "base/text.h"

#include <string.h>

enum { PATH_ROOM = 4096 };
static const char *const states[] = {
    [PTV_RULE_SAME] = "same", [PTV_RULE_EDITED] = "edited", [PTV_RULE_ADDED] = "added", [PTV_RULE_REMOVED] = "removed"
};

static void put(ptv_buf *out, const char *text)
{
    ptv_escape_terminal(out, text, strlen(text));
}

static void put_ink(ptv_buf *out, const diff_page *p, const char *ink, const char *text)
{
    if (p->color)
        ptv_buf_printf(out, "\033[%sm", ink);
    put(out, text);
    if (p->color)
        ptv_buf_puts(out, "\033[0m");
}

static const char *verdict_ink(ptv_verdict v)
{
    return v == PTV_VERDICT_COMPROMISED ? "1;31" : v == PTV_VERDICT_UNKNOWN ? "33" : "36";
}

/* "compromised, high" */
static const char *outcome(char room[64], ptv_verdict v, ptv_level level)
{
    snprintf(room, 64, "%s%s%s", ptv_verdict_name(v), level ? ", " : "", level ? ptv_level_name(level) : "");
    return room;
}

static const char *place(const diff_page *p, const ptv_condition *c, char room[PATH_ROOM])
{
    return diff_side_shown(c->after ? p->after : p->before, c->file, room, PATH_ROOM);
}

static const char *allowance_place(const diff_page *p, const ptv_rule_change *r, char room[PATH_ROOM])
{
    return diff_side_shown(r->allowance_after ? p->after : p->before, r->allowance_file, room, PATH_ROOM);
}

/* What no condition says, with the place of the allowance that it is about; escaped by put_text. */
static void put_what(ptv_buf *out, const diff_page *p, const ptv_rule_change *r, void (*put_text)(ptv_buf *, const char *))
{
    char room[PATH_ROOM];
    put_text(out, r->what ? r->what : "");
    if (!r->what || !r->allowance)
        return;
    ptv_buf_puts(out, " (");
    put_text(out, allowance_place(p, r, room));
    ptv_buf_printf(out, ":%d)", r->allowance_line);
}

/* ------------------------------------------------------------------------------------------------- text */

static void text_condition(ptv_buf *out, const diff_page *p, const ptv_condition *c)
{
    char room[PATH_ROOM];
    bool is_unknown = strcmp(c->truth, "unknown") == 0;
    ptv_buf_printf(out, "      %s ", c->after ? "now" : "was");
    put_ink(out, p, is_unknown ? "33" : "1", is_unknown ? "UNKNOWN" : c->truth);
    ptv_buf_puts(out, "  ");
    put(out, c->text);
    if (c->seen) {
        ptv_buf_puts(out, "  seen: ");
        put(out, c->seen);
    }
    ptv_buf_puts(out, "  ");
    put(out, place(p, c, room));
    ptv_buf_printf(out, ":%d\n", c->line);
}

static void text_row(ptv_buf *out, const diff_page *p, const ptv_comparison *c)
{
    char room[64];
    put(out, c->artifact);
    ptv_buf_puts(out, "  ");
    put_ink(out, p, verdict_ink(c->before), outcome(room, c->before, c->severity_before));
    ptv_buf_puts(out, " -> ");
    put_ink(out, p, verdict_ink(c->after), outcome(room, c->after, c->severity_after));
    ptv_buf_putc(out, '\n');
    for (size_t i = 0; i < c->rule_count; i++) {
        const ptv_rule_change *r = &c->rules[i];
        ptv_buf_puts(out, "    ");
        put(out, r->rule);
        ptv_buf_printf(out, ": %s -> %s", r->before ? r->before : "(no such rule)", r->after ? r->after : "(no such rule)");
        if (r->what) {
            ptv_buf_puts(out, "; ");
            put_what(out, p, r, put);
        }
        ptv_buf_putc(out, '\n');
        for (size_t k = 0; k < r->condition_count; k++)
            text_condition(out, p, &r->conditions[k]);
    }
}

typedef void put_move_fn(void *to, ptv_verdict v, ptv_level l, ptv_verdict w, ptv_level m, uint64_t count);

static void each_move(const diff_counts *counts, put_move_fn *put_move, void *to)
{
    for (int v = 0; v < DIFF_VERDICTS; v++)
        for (int l = 0; l < DIFF_LEVELS; l++)
            for (int w = 0; w < DIFF_VERDICTS; w++)
                for (int m = 0; m < DIFF_LEVELS; m++)
                    if (counts->moved[v][l][w][m])
                        put_move(to, (ptv_verdict)v, (ptv_level)l, (ptv_verdict)w, (ptv_level)m, counts->moved[v][l][w][m]);
}

static void text_move(void *to, ptv_verdict v, ptv_level l, ptv_verdict w, ptv_level m, uint64_t count)
{
    char from[64], into[64];
    ptv_buf_printf(to, "  %s -> %s: %llu\n", outcome(from, v, l), outcome(into, w, m), (unsigned long long)count);
}

static void put_counts(ptv_buf *out, const diff_counts *c)
{
    ptv_buf_printf(out, "%llu record%s: %llu changed, %llu unchanged, %llu could not be judged",
                   (unsigned long long)c->records, c->records == 1 ? "" : "s", (unsigned long long)c->changed,
                   (unsigned long long)(c->records - c->refused - c->changed), (unsigned long long)c->refused);
}

/* A rule that nobody touched and that came out alike everywhere is not worth a line. */
static bool is_worth_a_line(const ptv_rule_total *t)
{
    return t->state != PTV_RULE_SAME || t->differs;
}

static void put_rule_words(ptv_buf *out, const ptv_rule_total *t)
{
    ptv_buf_printf(out, " (%s): ", states[t->state]);
    if (t->differs)
        ptv_buf_printf(out, "came out differently on %llu, decided %llu", (unsigned long long)t->differs,
                       (unsigned long long)t->decided);
    else
        ptv_buf_puts(out, "changed nothing");
}

static void put_shadow_words(ptv_buf *out, const ptv_rule_total *t)
{
    ptv_buf_printf(out, " would have matched %llu; live rules had %llu of them already", (unsigned long long)t->would_match,
                   (unsigned long long)t->had_already);
}

static void text_end(ptv_buf *out, const diff_page *p, const diff_counts *counts, const diff_total *total)
{
    if (counts->changed)
        ptv_buf_putc(out, '\n');
    put_counts(out, counts);
    ptv_buf_putc(out, '\n');
    each_move(counts, text_move, out);
    for (size_t i = 0; i < total->count; i++) {
        if (!is_worth_a_line(&total->rules[i]))
            continue;
        ptv_buf_puts(out, "rule ");
        put_ink(out, p, "1", total->rules[i].rule);
        put_rule_words(out, &total->rules[i]);
        ptv_buf_putc(out, '\n');
    }
    for (size_t i = 0; i < total->count; i++) {
        if (!total->rules[i].shadow)
            continue;
        ptv_buf_puts(out, "shadow ");
        put_ink(out, p, "1", total->rules[i].rule);
        put_shadow_words(out, &total->rules[i]);
        ptv_buf_putc(out, '\n');
    }
}

/* ------------------------------------------------------------------------------------------------- JSON */

static void json_outcome(ptv_json_out *o, const char *key, ptv_verdict v, ptv_level level)
{
    ptv_json_open(o, key, '{');
    ptv_json_put_text(o, "verdict", ptv_verdict_name(v));
    ptv_json_put_text(o, "severity", level ? ptv_level_name(level) : NULL);
    ptv_json_close(o, '}');
}

static void json_conditions(ptv_json_out *o, const diff_page *p, const ptv_rule_change *r)
{
    char room[PATH_ROOM];
    ptv_json_open(o, "conditions", '[');
    for (size_t i = 0; i < r->condition_count; i++) {
        const ptv_condition *c = &r->conditions[i];
        ptv_json_open(o, NULL, '{');
        ptv_json_put_text(o, "side", c->after ? "after" : "before");
        ptv_json_put_text(o, "truth", c->truth);
        ptv_json_put_text(o, "text", c->text);
        ptv_json_put_text(o, "seen", c->seen);
        ptv_json_put_text(o, "file", place(p, c, room));
        ptv_json_put_int(o, "line", c->line);
        ptv_json_close(o, '}');
    }
    ptv_json_close(o, ']');
}

static void json_allowance(ptv_json_out *o, const diff_page *p, const ptv_rule_change *r)
{
    char room[PATH_ROOM];
    if (!r->allowance)
        return;
    ptv_json_open(o, "allowance", '{');
    ptv_json_put_text(o, "id", r->allowance);
    ptv_json_put_text(o, "side", r->allowance_after ? "after" : "before");
    ptv_json_put_text(o, "file", allowance_place(p, r, room));
    ptv_json_put_int(o, "line", r->allowance_line);
    ptv_json_close(o, '}');
}

static void json_row(ptv_buf *out, const diff_page *p, const ptv_comparison *c)
{
    ptv_json_out o = { .buf = out };
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "schema", "ptverdict.change/1");
    ptv_json_put_text(&o, "artifact", c->artifact);
    json_outcome(&o, "before", c->before, c->severity_before);
    json_outcome(&o, "after", c->after, c->severity_after);
    ptv_json_open(&o, "rules", '[');
    for (size_t i = 0; i < c->rule_count; i++) {
        const ptv_rule_change *r = &c->rules[i];
        ptv_json_open(&o, NULL, '{');
        ptv_json_put_text(&o, "rule", r->rule);
        ptv_json_put_text(&o, "before", r->before);
        ptv_json_put_text(&o, "after", r->after);
        ptv_json_put_text(&o, "what", r->what);
        json_allowance(&o, p, r);
        json_conditions(&o, p, r);
        ptv_json_close(&o, '}');
    }
    ptv_json_close(&o, ']');
    ptv_json_close(&o, '}');
    ptv_buf_putc(out, '\n');
}

static void json_move(void *to, ptv_verdict v, ptv_level l, ptv_verdict w, ptv_level m, uint64_t count)
{
    ptv_json_out *o = to;
    ptv_json_open(o, NULL, '{');
    json_outcome(o, "before", v, l);
    json_outcome(o, "after", w, m);
    ptv_json_put_int(o, "records", (int64_t)count);
    ptv_json_close(o, '}');
}

static void json_end(ptv_buf *out, const diff_page *p, const diff_counts *c, const diff_total *total)
{
    ptv_json_out o = { .buf = out };
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "schema", "ptverdict.diff/1");
    ptv_json_put_text(&o, "before", p->before->named);
    ptv_json_put_text(&o, "after", p->after->named);
    ptv_json_put_int(&o, "records", (int64_t)c->records);
    ptv_json_put_int(&o, "changed", (int64_t)c->changed);
    ptv_json_put_int(&o, "unchanged", (int64_t)(c->records - c->refused - c->changed));
    ptv_json_put_int(&o, "refused", (int64_t)c->refused);
    ptv_json_open(&o, "moves", '[');
    each_move(c, json_move, &o);
    ptv_json_close(&o, ']');
    ptv_json_open(&o, "rules", '[');
    for (size_t i = 0; i < total->count; i++) {
        const ptv_rule_total *t = &total->rules[i];
        ptv_json_open(&o, NULL, '{');
        ptv_json_put_text(&o, "rule", t->rule);
        ptv_json_put_text(&o, "state", states[t->state]);
        ptv_json_put_bool(&o, "shadow", t->shadow);
        ptv_json_put_int(&o, "differs", (int64_t)t->differs);
        ptv_json_put_int(&o, "decided", (int64_t)t->decided);
        ptv_json_put_int(&o, "would_match", (int64_t)t->would_match);
        ptv_json_put_int(&o, "had_already", (int64_t)t->had_already);
        ptv_json_close(&o, '}');
    }
    ptv_json_close(&o, ']');
    ptv_json_close(&o, '}');
    ptv_buf_putc(out, '\n');
}

/* -------------------------------------------------------------------------------------------------- CSV */

static void csv_cell(ptv_buf *out, const char *text, char after)
{
    ptv_buf safe = PTV_BUF(1 << 20);
    put(&safe, text ? text : "");
    ptv_escape_csv(out, safe.data ? safe.data : "", safe.len);
    ptv_buf_putc(out, after);
    ptv_buf_release(&safe);
}

static void csv_what(ptv_buf *out, const diff_page *p, const ptv_rule_change *r)
{
    ptv_buf words = PTV_BUF(1 << 20);
    put_what(&words, p, r, ptv_buf_puts);
    csv_cell(out, words.data, ',');
    ptv_buf_release(&words);
}

static void csv_rule(ptv_buf *out, const diff_page *p, const ptv_comparison *c, const ptv_rule_change *r)
{
    static const ptv_condition no_condition;
    char room[PATH_ROOM], line[16] = "";
    const ptv_condition *why = r->condition_count ? &r->conditions[0] : &no_condition;
    if (why->file)
        snprintf(line, sizeof line, "%d", why->line);
    csv_cell(out, c->artifact, ',');
    csv_cell(out, ptv_verdict_name(c->before), ',');
    csv_cell(out, c->severity_before ? ptv_level_name(c->severity_before) : NULL, ',');
    csv_cell(out, ptv_verdict_name(c->after), ',');
    csv_cell(out, c->severity_after ? ptv_level_name(c->severity_after) : NULL, ',');
    csv_cell(out, r->rule, ',');
    csv_cell(out, r->before, ',');
    csv_cell(out, r->after, ',');
    csv_what(out, p, r);
    csv_cell(out, why->text, ',');
    csv_cell(out, why->truth, ',');
    csv_cell(out, why->seen, ',');
    csv_cell(out, why->file ? place(p, why, room) : NULL, ',');
    csv_cell(out, line, '\n');
}

/* A row for each rule that came out differently, with the first of its conditions. */
static void csv_row(ptv_buf *out, const diff_page *p, const ptv_comparison *c)
{
    static const ptv_rule_change no_rule;
    if (!c->rule_count)
        csv_rule(out, p, c, &no_rule);
    for (size_t i = 0; i < c->rule_count; i++)
        csv_rule(out, p, c, &c->rules[i]);
}

/* --------------------------------------------------------------------------------------------- markdown */

/* What a table cell and a merge request would take for something else; a code span for what is like code. */
static void md(ptv_buf *out, const char *text)
{
    ptv_buf safe = PTV_BUF(1 << 20);
    put(&safe, text);
    for (const char *p = safe.data ? safe.data : ""; *p; p++) {
        if (*p == '<' || *p == '>' || *p == '&')
            ptv_buf_puts(out, *p == '<' ? "&lt;" : *p == '>' ? "&gt;" : "&amp;");
        else
            ptv_buf_printf(out, strchr("\\`*_[]|~@#", *p) ? "\\%c" : "%c", *p);
    }
    ptv_buf_release(&safe);
}

static void md_code(ptv_buf *out, const char *text)
{
    if (strpbrk(text, "`|")) { /* nothing can be escaped in a code span */
        md(out, text);
        return;
    }
    ptv_buf_putc(out, '`');
    put(out, text);
    ptv_buf_putc(out, '`');
}

static void md_condition(ptv_buf *out, const diff_page *p, const ptv_condition *c)
{
    char room[PATH_ROOM];
    if (!c->after)
        ptv_buf_puts(out, "was: ");
    md_code(out, c->text);
    ptv_buf_printf(out, " %s", c->truth);
    if (c->seen) {
        ptv_buf_puts(out, ", seen: ");
        md(out, c->seen);
    }
    ptv_buf_puts(out, " (");
    md(out, place(p, c, room));
    ptv_buf_printf(out, ":%d)", c->line);
}

static void md_row(ptv_buf *out, const diff_page *p, const ptv_comparison *c)
{
    char room[64];
    ptv_buf_puts(out, "| ");
    md_code(out, c->artifact);
    ptv_buf_printf(out, " | %s", outcome(room, c->before, c->severity_before));
    ptv_buf_printf(out, " | %s | ", outcome(room, c->after, c->severity_after));
    for (size_t i = 0; i < c->rule_count; i++) {
        const ptv_rule_change *r = &c->rules[i];
        if (i)
            ptv_buf_puts(out, "<br>");
        ptv_buf_puts(out, "**");
        md(out, r->rule);
        ptv_buf_puts(out, "** ");
        if (r->what)
            put_what(out, p, r, md);
        for (size_t k = 0; k < r->condition_count; k++) {
            ptv_buf_puts(out, k || r->what ? "; " : "");
            md_condition(out, p, &r->conditions[k]);
        }
    }
    ptv_buf_puts(out, " |\n");
}

static void md_move(void *to, ptv_verdict v, ptv_level l, ptv_verdict w, ptv_level m, uint64_t count)
{
    char from[64], into[64];
    ptv_buf_printf(to, "| %s | %s | %llu |\n", outcome(from, v, l), outcome(into, w, m), (unsigned long long)count);
}

static void md_end(ptv_buf *out, const diff_page *p, const diff_counts *c, const diff_total *total, const ptv_buf *rows)
{
    ptv_buf_puts(out, "### Rules: ");
    md_code(out, p->before->named);
    ptv_buf_puts(out, " to ");
    md_code(out, p->after->named);
    ptv_buf_puts(out, "\n\n");
    put_counts(out, c);
    ptv_buf_puts(out, ".\n");
    if (c->changed) {
        ptv_buf_puts(out, "\n| before | after | records |\n|---|---|---|\n");
        each_move(c, md_move, out);
        ptv_buf_puts(out, "\n| artifact | before | after | what made the difference |\n|---|---|---|---|\n");
        ptv_buf_append(out, rows->data ? rows->data : "", rows->len);
        if (c->changed > DIFF_MOST_ROWS)
            ptv_buf_printf(out, "\n… and %llu more.\n", (unsigned long long)(c->changed - DIFF_MOST_ROWS));
    }
    ptv_buf_putc(out, '\n');
    for (size_t i = 0; i < total->count; i++) {
        if (is_worth_a_line(&total->rules[i])) {
            ptv_buf_puts(out, "- rule ");
            md_code(out, total->rules[i].rule);
            put_rule_words(out, &total->rules[i]);
            ptv_buf_putc(out, '\n');
        }
        if (total->rules[i].shadow) {
            ptv_buf_puts(out, "- shadow rule ");
            md_code(out, total->rules[i].rule);
            put_shadow_words(out, &total->rules[i]);
            ptv_buf_putc(out, '\n');
        }
    }
}

/* ---------------------------------------------------------------------------------------- by format */

void diff_write_head(ptv_buf *out, const diff_page *p)
{
    if (p->format == DIFF_CSV)
        ptv_buf_puts(
            out, "artifact,verdict_before,severity_before,verdict_after,severity_after,rule,outcome_before,outcome_after,"
                 "what,condition,truth,seen,file,line\n");
}

void diff_write_row(ptv_buf *out, const diff_page *p, const ptv_comparison *c)
{
    void (*const rows[])(ptv_buf *, const diff_page *, const ptv_comparison *) = { text_row, json_row, csv_row, md_row };
    rows[p->format](out, p, c);
}

void diff_write_refusal(ptv_buf *out, const diff_page *p, const char *start, const char *why)
{
    if (p->format == DIFF_JSON) {
        ptv_json_out o = { .buf = out };
        ptv_json_open(&o, NULL, '{');
        ptv_json_put_text(&o, "schema", "ptverdict.refused/1");
        ptv_json_put_text(&o, "input", start);
        ptv_json_put_text(&o, "error", why);
        ptv_json_close(&o, '}');
        ptv_buf_putc(out, '\n');
    } else if (p->format == DIFF_CSV) {
        csv_cell(out, start, ',');
        ptv_buf_puts(out, "refused,,refused,,,,,");
        csv_cell(out, why, ',');
        ptv_buf_puts(out, ",,,,\n");
    }
}

void diff_write_end(ptv_buf *out, const diff_page *p, const diff_counts *counts, const diff_total *total,
                    const ptv_buf *rows)
{
    if (p->format == DIFF_TEXT)
        text_end(out, p, counts, total);
    else if (p->format == DIFF_JSON)
        json_end(out, p, counts, total);
    else if (p->format == DIFF_MARKDOWN)
        md_end(out, p, counts, total, rows);
}
