/*
 * testing_write.c: a test run as text for people, JSON for programs and JUnit XML for CI servers.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "testing.h"

#include "base/text.h"

static const size_t OUTPUT_LIMIT = (size_t)256 << 20;
static const char *const TRUTH_WORDS[] = { "no", "yes", "unknown" };

typedef struct rule_coverage {
    size_t conditions, seen; /* of yes and no: two a condition */
} rule_coverage;

/* Sums one rule or allowance from `v` on; *next is the first condition of the next. Conditions of one stand together. */
static rule_coverage sum_rule(const ptv_covered *v, const ptv_covered **next)
{
    rule_coverage sum = { 0 };
    const ptv_covered *at = v;
    for (; at && at->of_allow == v->of_allow && strcmp(at->id, v->id) == 0 && strcmp(at->file, v->file) == 0;
         at = at->next) {
        sum.conditions++;
        sum.seen += (at->times[PTV_NO] > 0) + (at->times[PTV_YES] > 0);
    }
    *next = at;
    return sum;
}

static double percent(const rule_coverage *c)
{
    return c->conditions ? 100.0 * (double)c->seen / (double)(2 * c->conditions) : 100.0;
}

/* ---------------------------------------------------------------------------------------------------- text */

static void indent_lines(ptv_buf *out, const char *text, const char *indent)
{
    while (text && *text) {
        size_t len = strcspn(text, "\n");
        ptv_buf_puts(out, indent);
        ptv_buf_append(out, text, len);
        ptv_buf_putc(out, '\n');
        text += len + (text[len] == '\n');
    }
}

static int ink_of(unsigned flags)
{
    return flags & PTV_WRITE_COLOR ? PTV_TEST_INKED : PTV_TEST_PLAIN;
}

static void put_ink(ptv_buf *out, unsigned flags, const char *code, const char *word)
{
    bool color = ink_of(flags) == PTV_TEST_INKED;
    ptv_buf_printf(out, "%s%s%s", color ? code : "", word, color ? "\033[0m" : "");
}

static void case_text(ptv_buf *out, const ptv_case_result *c, unsigned flags)
{
    put_ink(out, flags, c->failed ? "\033[31m" : "\033[32m", c->failed ? "FAIL" : "ok  ");
    ptv_buf_printf(out, "  %s:%d  ", c->file, c->line);
    ptv_escape_terminal(out, c->name, strlen(c->name));
    ptv_buf_putc(out, '\n');
    indent_lines(out, c->failure, "        ");
    indent_lines(out, c->tree[ink_of(flags)], "      ");
}

static void coverage_text(ptv_buf *out, const ptv_test_report *r)
{
    ptv_buf_puts(out, "\ncoverage of conditions\n");
    const ptv_covered *v = r->covered;
    while (v) {
        const ptv_covered *next;
        rule_coverage sum = sum_rule(v, &next);
        ptv_buf_printf(out, "  %s%s  %.0f %%  (%s)\n", v->of_allow ? "allowance " : "", v->id, percent(&sum), v->file);
        for (; v != next; v = v->next) {
            ptv_buf_printf(out, "    line %d: ", v->line);
            ptv_escape_terminal(out, v->text, strlen(v->text));
            ptv_buf_putc(out, '\n');
            for (int t = 0; t < 3; t++) {
                if (v->by[t]) {
                    ptv_buf_printf(out, "        %-8s %u case%s, first: ", TRUTH_WORDS[t], v->times[t],
                                   v->times[t] == 1 ? "" : "s");
                    ptv_escape_terminal(out, v->by[t]->name, strlen(v->by[t]->name));
                    ptv_buf_putc(out, '\n');
                } else if (t != PTV_UNSURE) {
                    ptv_buf_printf(out, "        %-8s never seen\n", TRUTH_WORDS[t]);
                }
            }
        }
    }
    ptv_buf_printf(out, "  all rules: %.0f %%\n", ptv_test_coverage(r));
}

static void unnoticed_text(ptv_buf *out, const ptv_test_report *r)
{
    for (const ptv_covered *v = r->covered; v; v = v->next) {
        if (v->noticed)
            continue;
        ptv_buf_printf(out, "  %s:%d: no case would notice if this line were wrong: ", v->file, v->line);
        ptv_escape_terminal(out, v->text, strlen(v->text));
        ptv_buf_putc(out, '\n');
    }
}

static void invert_text(ptv_buf *out, const ptv_test_report *r)
{
    size_t count = 0;
    for (const ptv_covered *v = r->covered; v; v = v->next)
        count++;
    ptv_buf_puts(out, "\nconditions turned round\n");
    unnoticed_text(out, r);
    ptv_buf_printf(out, "  %zu of %zu noticed\n", count - ptv_test_unnoticed(r), count);
}

static void put_flips(ptv_buf *out, const ptv_test_report *r, unsigned flags)
{
    for (const ptv_flip *f = r->flips; f; f = f->next) {
        ptv_buf_printf(out, "  %s:%d: ", f->file, f->line);
        ptv_escape_terminal(out, f->name, strlen(f->name));
        ptv_buf_printf(out, ": with %s failed, rule %s turns from %s to %s\n", ptv_section_name(f->section), f->rule,
                       f->before, f->after);
        indent_lines(out, f->trees[ink_of(flags)], "    ");
    }
}

static void flips_text(ptv_buf *out, const ptv_test_report *r)
{
    put_flips(out, r, 0);
}

static void sections_text(ptv_buf *out, const ptv_test_report *r, unsigned flags)
{
    ptv_buf_puts(out, "\nsections failed in turn\n");
    put_flips(out, r, flags);
    if (!r->flips)
        ptv_buf_puts(out, "  no rule turned between match and no_match\n");
    for (const ptv_name *n = r->left_out; n; n = n->next)
        ptv_buf_printf(out, "  left out: rule %s turns to match, as its on_unknown = \"match\" says\n", n->name);
}

static void run_text(ptv_buf *out, const ptv_test_report *r, unsigned flags)
{
    for (const ptv_case_result *c = r->cases; c; c = c->next)
        case_text(out, c, flags);
    if (r->options.coverage || r->options.coverage_percent)
        coverage_text(out, r);
    if (r->options.invert)
        invert_text(out, r);
    if (r->options.fail_sections)
        sections_text(out, r, flags);
    ptv_buf_printf(out, "%s%zu passed, %zu failed%s\n", r->cases ? "\n" : "", r->passed, r->failed,
                   r->stopped ? " (stopped at the first failure)" : "");
    if (r->options.coverage_percent && ptv_test_coverage(r) < r->options.coverage_percent)
        ptv_buf_printf(out, "gate: coverage is %.0f %%, below %d %%\n", ptv_test_coverage(r), r->options.coverage_percent);
    if (r->options.invert && ptv_test_unnoticed(r))
        ptv_buf_printf(out, "gate: %zu condition%s could be wrong and no case would notice\n", ptv_test_unnoticed(r),
                       ptv_test_unnoticed(r) == 1 ? "" : "s");
    if (r->flips)
        ptv_buf_puts(out, "gate: a failed section turns match and no_match round\n");
}

/* ---------------------------------------------------------------------------------------------------- json */

static void cases_json(ptv_json_out *o, const ptv_test_report *r)
{
    ptv_json_open(o, "cases", '[');
    for (const ptv_case_result *c = r->cases; c; c = c->next) {
        ptv_json_open(o, NULL, '{');
        ptv_json_put_text(o, "name", c->name);
        ptv_json_put_text(o, "file", c->file);
        ptv_json_put_int(o, "line", c->line);
        ptv_json_put_bool(o, "passed", !c->failed);
        ptv_json_put_text(o, "failure", c->failure);
        ptv_json_put_text(o, "tree", c->tree[PTV_TEST_PLAIN]);
        ptv_json_close(o, '}');
    }
    ptv_json_close(o, ']');
}

static void coverage_json(ptv_json_out *o, const ptv_test_report *r)
{
    ptv_json_open(o, "coverage", '{');
    ptv_json_put_number(o, "percent", ptv_test_coverage(r));
    if (r->options.coverage_percent)
        ptv_json_put_int(o, "wanted", r->options.coverage_percent);
    else
        ptv_json_put_null(o, "wanted");
    ptv_json_open(o, "rules", '[');
    for (const ptv_covered *v = r->covered; v;) {
        const ptv_covered *next;
        rule_coverage sum = sum_rule(v, &next);
        ptv_json_open(o, NULL, '{');
        ptv_json_put_text(o, "id", v->id);
        ptv_json_put_text(o, "kind", v->of_allow ? "allowance" : "rule");
        ptv_json_put_text(o, "file", v->file);
        ptv_json_put_number(o, "percent", percent(&sum));
        ptv_json_open(o, "conditions", '[');
        for (; v != next; v = v->next) {
            ptv_json_open(o, NULL, '{');
            ptv_json_put_int(o, "line", v->line);
            ptv_json_put_text(o, "text", v->text);
            for (int t = 0; t < 3; t++) {
                ptv_json_open(o, TRUTH_WORDS[t], '{');
                ptv_json_put_int(o, "cases", v->times[t]);
                ptv_json_put_text(o, "first", v->by[t] ? v->by[t]->name : NULL);
                ptv_json_open(o, "names", '[');
                for (const ptv_name *by = v->by[t]; by; by = by->next)
                    ptv_json_put_text(o, NULL, by->name);
                ptv_json_close(o, ']');
                ptv_json_close(o, '}');
            }
            if (r->options.invert)
                ptv_json_put_bool(o, "noticed_when_inverted", v->noticed);
            ptv_json_close(o, '}');
        }
        ptv_json_close(o, ']');
        ptv_json_close(o, '}');
    }
    ptv_json_close(o, ']');
    ptv_json_close(o, '}');
}

static void run_json(ptv_buf *out, const ptv_test_report *r)
{
    ptv_json_out o = { .buf = out };
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "schema", "ptverdict.test/1");
    ptv_json_put_bool(&o, "passed", ptv_test_passed(r));
    ptv_json_put_int(&o, "cases_passed", (int64_t)r->passed);
    ptv_json_put_int(&o, "cases_failed", (int64_t)r->failed);
    ptv_json_put_bool(&o, "stopped", r->stopped);
    ptv_json_put_int(&o, "problems", (int64_t)r->problems);
    cases_json(&o, r);
    coverage_json(&o, r);
    ptv_json_open(&o, "flips", '[');
    for (const ptv_flip *f = r->flips; f; f = f->next) {
        ptv_json_open(&o, NULL, '{');
        ptv_json_put_text(&o, "case", f->name);
        ptv_json_put_text(&o, "file", f->file);
        ptv_json_put_int(&o, "line", f->line);
        ptv_json_put_text(&o, "section", ptv_section_name(f->section));
        ptv_json_put_text(&o, "rule", f->rule);
        ptv_json_put_text(&o, "before", f->before);
        ptv_json_put_text(&o, "after", f->after);
        ptv_json_put_text(&o, "trees", f->trees[PTV_TEST_PLAIN]);
        ptv_json_close(&o, '}');
    }
    ptv_json_close(&o, ']');
    ptv_json_open(&o, "left_out", '[');
    for (const ptv_name *n = r->left_out; n; n = n->next)
        ptv_json_put_text(&o, NULL, n->name);
    ptv_json_close(&o, ']');
    ptv_findings_json(&o, r->findings);
    ptv_json_close(&o, '}');
    ptv_buf_putc(out, '\n');
}

/* --------------------------------------------------------------------------------------------------- junit */

/* XML 1.0 has no control characters at all: they go as escapes first, then & < > as entities. */
static void put_xml(ptv_buf *out, const char *text)
{
    ptv_buf plain = PTV_BUF(OUTPUT_LIMIT);
    ptv_escape_lines(&plain, text ? text : "", text ? strlen(text) : 0);
    if (plain.failed)
        out->failed = plain.failed;
    else
        ptv_escape_html(out, plain.data ? plain.data : "", plain.len);
    ptv_buf_release(&plain);
}

static void suite_junit(ptv_buf *out, const ptv_case_result **at)
{
    const ptv_case_result *first = *at;
    size_t tests = 0;
    size_t failures = 0;
    int64_t elapsed_us = 0;
    const ptv_case_result *end = first;
    for (; end && strcmp(end->file, first->file) == 0; end = end->next) {
        tests++;
        failures += end->failed;
        elapsed_us += end->elapsed_us;
    }
    ptv_buf_puts(out, "  <testsuite name=\"");
    put_xml(out, first->file);
    ptv_buf_printf(out, "\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\" time=\"%.3f\">\n", tests, failures,
                   (double)elapsed_us / 1e6);
    for (const ptv_case_result *c = first; c != end; c = c->next) {
        ptv_buf_puts(out, "    <testcase classname=\"");
        put_xml(out, c->file);
        ptv_buf_puts(out, "\" name=\"");
        put_xml(out, c->name);
        ptv_buf_printf(out, "\" time=\"%.3f\"", (double)c->elapsed_us / 1e6);
        if (c->failed) {
            ptv_buf_printf(out, ">\n      <failure message=\"line %d: ", c->line);
            size_t len = strcspn(c->failure, "\n");
            ptv_buf first_line = PTV_BUF(1 << 20);
            ptv_buf_append(&first_line, c->failure, len);
            put_xml(out, first_line.data);
            ptv_buf_release(&first_line);
            ptv_buf_puts(out, "\" type=\"expectation\">");
            put_xml(out, c->failure);
            put_xml(out, c->tree[PTV_TEST_PLAIN]);
            ptv_buf_puts(out, "</failure>\n    </testcase>\n");
        } else {
            ptv_buf_puts(out, "/>\n");
        }
    }
    ptv_buf_puts(out, "  </testsuite>\n");
    *at = end;
}

/* Findings, and what belongs to no case. */
static void findings_junit(ptv_buf *out, const ptv_test_report *r)
{
    const ptv_finding *f = ptv_findings_at(r->findings, 0);
    if (!f)
        return;
    ptv_buf_puts(out, "    <system-out>");
    for (size_t i = 0; (f = ptv_findings_at(r->findings, i)) != NULL; i++) {
        put_xml(out, f->file);
        if (f->line > 0)
            ptv_buf_printf(out, ":%d", f->line);
        ptv_buf_printf(out, ": %s: ", ptv_grade_name(f->grade));
        put_xml(out, f->message);
        ptv_buf_printf(out, " [%s]\n", f->code);
    }
    ptv_buf_puts(out, "</system-out>\n");
}

typedef void detail_fn(ptv_buf *out, const ptv_test_report *r);

static void gate_junit(ptv_buf *out, const ptv_test_report *r, const char *name, bool failed, const char *message,
                       detail_fn *detail)
{
    ptv_buf_printf(out, "    <testcase classname=\"gates\" name=\"%s\" time=\"0.000\"", name);
    if (!failed) {
        ptv_buf_puts(out, "/>\n");
        return;
    }
    ptv_buf text = PTV_BUF(OUTPUT_LIMIT);
    if (detail)
        detail(&text, r);
    ptv_buf_printf(out, ">\n      <failure message=\"%s\" type=\"gate\">", message);
    put_xml(out, text.len && !text.failed ? text.data : message);
    ptv_buf_puts(out, "</failure>\n    </testcase>\n");
    ptv_buf_release(&text);
}

static void run_junit(ptv_buf *out, const ptv_test_report *r)
{
    const ptv_test_options *o = &r->options;
    char coverage[64];
    snprintf(coverage, sizeof coverage, "coverage is %.0f %%, wanted %d %%", ptv_test_coverage(r), o->coverage_percent);
    bool low = o->coverage_percent && ptv_test_coverage(r) < o->coverage_percent;
    bool blind = o->invert && ptv_test_unnoticed(r);
    size_t gates = (o->coverage_percent > 0) + (size_t)o->invert + (size_t)o->fail_sections + 1;
    size_t failed = (size_t)low + (size_t)blind + (r->flips != NULL) + (r->problems != 0);
    ptv_buf_printf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"%zu\" failures=\"%zu\">\n",
                   r->passed + r->failed + gates, r->failed + failed);
    for (const ptv_case_result *c = r->cases; c;)
        suite_junit(out, &c);
    ptv_buf_printf(out,
                   "  <testsuite name=\"gates\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"0\" time=\"0.000\">\n",
                   gates, failed);
    gate_junit(out, r, "rule and test files", r->problems != 0, "rule or test files have errors; ptverdict check lists them",
               NULL);
    if (o->coverage_percent)
        gate_junit(out, r, "coverage", low, coverage, coverage_text);
    if (o->invert)
        gate_junit(out, r, "inverted conditions", blind, "some condition could be wrong and no case would notice",
                   unnoticed_text);
    if (o->fail_sections)
        gate_junit(out, r, "failed sections", r->flips != NULL, "a failed section turns match and no_match round",
                   flips_text);
    findings_junit(out, r);
    ptv_buf_puts(out, "  </testsuite>\n</testsuites>\n");
}

ptv_code ptv_test_write(const ptv_test_report *r, ptv_format format, unsigned flags, ptv_write_fn *write, void *to,
                        ptv_error *err)
{
    ptv_buf out = PTV_BUF(OUTPUT_LIMIT);
    if (format == PTV_FORMAT_JSON)
        run_json(&out, r);
    else if (format == PTV_FORMAT_JUNIT)
        run_junit(&out, r);
    else
        run_text(&out, r, flags);
    return ptv_hand_over(&out, write, to, err);
}
