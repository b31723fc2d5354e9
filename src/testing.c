/*
 * testing.c: runs the cases beside the rules, and what comes free from rules being data: which conditions the cases saw,
 * whether a case would notice a condition turned round, whether a failed section could ever turn match and no_match round.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "testing_run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

enum { REPORT_BYTES = 256 << 20 };

typedef struct trees {
    ptv_buf in[PTV_TEST_INKS];
} trees;

static void put_tree(trees *t, const char *heading, const ptv_rule_result *rule)
{
    for (int ink = 0; ink < PTV_TEST_INKS; ink++) {
        ptv_buf_puts(&t->in[ink], heading);
        ptv_report_tree(&t->in[ink], rule, ink == PTV_TEST_INKED ? PTV_WRITE_COLOR : 0);
    }
}

/* NULL where there is none, or more than fits. */
static ptv_code keep_trees(const char *out[PTV_TEST_INKS], ptv_arena *mem, trees *t, ptv_error *err)
{
    ptv_code rc = PTV_OK;
    for (int ink = 0; ink < PTV_TEST_INKS; ink++) {
        const char *text = t->in[ink].failed ? NULL : t->in[ink].data;
        out[ink] = ptv_arena_strdup(mem, text);
        if (text && !out[ink])
            rc = ptv_arena_fail(mem, err);
        ptv_buf_release(&t->in[ink]);
    }
    return rc;
}

/* ------------------------------------------------------------------------------------------- the four reports */

static ptv_code judge(ptv_decision *out, ptv_arena *mem, ptv_test_case *p, bool trace, uint8_t *truths, int invert,
                      ptv_error *err)
{
    ptv_judge how = p->how;
    how.trace = trace;
    how.truths = truths;
    how.invert = invert;
    return ptv_ruleset_judge(out, mem, p->set->rules, p->record, &how, err);
}

static ptv_code note_coverage(ptv_test_case *p, ptv_test_report *report, const uint8_t *truths, const char *name,
                              ptv_error *err)
{
    for (size_t i = 0; i < p->set->rules->node_count; i++) {
        ptv_covered *v = p->set->covered[i];
        if (!v || truths[i] > PTV_UNSURE)
            continue;
        v->times[truths[i]]++;
        ptv_name *by = ptv_test_keep(&report->mem, sizeof *by, err);
        if (!by)
            return err->code;
        by->name = name;
        if (v->by[truths[i]])
            v->last[truths[i]]->next = by;
        else
            v->by[truths[i]] = by;
        v->last[truths[i]] = by;
    }
    return PTV_OK;
}

static ptv_code try_inverted(ptv_test_case *p, ptv_arena *mem, ptv_error *err)
{
    ptv_code rc = PTV_OK;
    for (size_t i = 0; i < p->set->rules->node_count && !rc; i++) {
        ptv_covered *v = p->set->covered[i];
        if (!v || v->noticed)
            continue;
        ptv_decision d;
        ptv_arena_reset(mem);
        rc = judge(&d, mem, p, false, NULL, (int)i, err);
        if (rc)
            break;
        v->inverted = true;
        v->noticed |= ptv_expect_differs(NULL, NULL, &d, &p->data->expect);
    }
    return rc;
}

static bool is_flip(ptv_outcome before, ptv_outcome after)
{
    return (before == PTV_OUT_MATCH && after == PTV_OUT_NO_MATCH) || (before == PTV_OUT_NO_MATCH && after == PTV_OUT_MATCH);
}

static ptv_code add_flip(ptv_test_run *r, ptv_test_case *p, ptv_section s, const ptv_rule_result *before,
                         const ptv_rule_result *after, ptv_error *err)
{
    ptv_test_report *report = r->report;
    ptv_flip *flip = ptv_test_keep(&report->mem, sizeof *flip, err);
    if (!flip)
        return err->code;
    trees both = { { PTV_BUF(1 << 20), PTV_BUF(1 << 20) } };
    char heading[64];
    snprintf(heading, sizeof heading, "with %s failed:\n", ptv_section_name(s));
    put_tree(&both, "as given:\n", before);
    put_tree(&both, heading, after);
    *flip = (ptv_flip){ .file = ptv_arena_strdup(&report->mem, p->data->file),
                        .name = ptv_arena_strdup(&report->mem, p->data->name),
                        .rule = ptv_arena_strdup(&report->mem, before->id),
                        .line = p->data->line,
                        .section = s,
                        .before = ptv_outcome_name(before->outcome),
                        .after = ptv_outcome_name(after->outcome) };
    ptv_code rc = keep_trees(flip->trees, &report->mem, &both, err);
    if (rc)
        return rc;
    if (!flip->file || !flip->name || !flip->rule)
        return ptv_arena_fail(&report->mem, err);
    *report->flips_end = flip;
    report->flips_end = &flip->next;
    return PTV_OK;
}

/* on_unknown = "match" is its author's word, unknown may alert there: named instead. */
static ptv_code name_left_out(ptv_test_run *r, const ptv_rule_result *rule, ptv_error *err)
{
    ptv_test_report *report = r->report;
    ptv_name **end = &report->left_out;
    for (; *end; end = &(*end)->next)
        if (strcmp((*end)->name, rule->id) == 0)
            return PTV_OK;
    ptv_name *name = ptv_test_keep(&report->mem, sizeof *name, err);
    if (!name)
        return err->code;
    name->name = ptv_arena_strdup(&report->mem, rule->id);
    *end = name;
    return name->name ? PTV_OK : ptv_arena_fail(&report->mem, err);
}

static ptv_code try_failed_sections(ptv_test_run *r, ptv_test_case *p, ptv_arena *mem, ptv_error *err)
{
    ptv_record whole = *p->record;
    ptv_decision before;
    ptv_decision after;
    ptv_code rc = judge(&before, &p->mem, p, true, NULL, -1, err);
    for (int s = 0; s < PTV_SECTION_COUNT && !rc; s++) {
        if (!ptv_section_readable(&whole, (ptv_section)s))
            continue;
        ptv_arena_reset(mem);
        ptv_section_fail(p->record, mem, (ptv_section)s, PTV_STATE_FAILED, PTV_CAUSE_OUTAGE, "failed by --fail-sections");
        rc = judge(&after, mem, p, true, NULL, -1, err);
        *p->record = whole;
        for (size_t i = 0; i < before.rule_count && !rc; i++) {
            if (!is_flip(before.rules[i].outcome, after.rules[i].outcome))
                continue;
            if (after.rules[i].on_unknown || before.rules[i].on_unknown)
                rc = name_left_out(r, &after.rules[i], err);
            else
                rc = add_flip(r, p, (ptv_section)s, &before.rules[i], &after.rules[i], err);
        }
    }
    return rc;
}

/* shown: the trees, released here; NULL: none. */
static ptv_code add_result(ptv_test_run *r, const ptv_case *c, const char *failure, trees *shown, int64_t elapsed_us,
                           ptv_error *err)
{
    const char *tree[PTV_TEST_INKS] = { NULL };
    ptv_test_report *report = r->report;
    ptv_code rc = shown ? keep_trees(tree, &report->mem, shown, err) : PTV_OK;
    ptv_case_result *result = rc ? NULL : ptv_test_keep(&report->mem, sizeof *result, err);
    if (!result)
        return err->code;
    *result = (ptv_case_result){ .file = ptv_arena_strdup(&report->mem, c->file),
                                 .name = ptv_arena_strdup(&report->mem, c->name),
                                 .line = c->line,
                                 .failed = failure != NULL,
                                 .failure = ptv_arena_strdup(&report->mem, failure),
                                 .tree = { tree[PTV_TEST_PLAIN], tree[PTV_TEST_INKED] },
                                 .elapsed_us = elapsed_us };
    if (!result->file || !result->name || (failure && !result->failure))
        return ptv_arena_fail(&report->mem, err);
    report->failed += result->failed;
    report->passed += !result->failed;
    *report->cases_end = result;
    report->cases_end = &result->next;
    r->last = result;
    return PTV_OK;
}

/* Why an allowance that a case expects did not hold. */
static void add_expiry(ptv_buf *failure, const ptv_test_case *p, const ptv_decision *d)
{
    const char *id = p->data->expect.suppressed_by;
    const ptv_ruleset *rs = p->set->rules;
    bool would = false;
    for (size_t i = 0; i < d->rule_count && id; i++)
        would |= ptv_text_equal(d->rules[i].would_suppress, id);
    for (size_t i = 0; i < rs->allow_count && would; i++) {
        char day[32];
        ptv_time_format_day(day, rs->allows[i]->expires_day * PTV_DAY_S);
        if (strcmp(rs->allows[i]->id, id) == 0)
            ptv_buf_printf(failure, "suppressed_by: %s expired %s\n", id, day);
    }
}

static ptv_code run_prepared(ptv_test_run *r, ptv_test_case *p, ptv_error *err)
{
    if (!p->set->rules)
        return add_result(r, p->data, "the rules do not load; the findings say where\n", NULL, 0, err);
    if (!ptv_expect_check(r->findings, p->data, p->set->rules, p->set->path, r->alert_from))
        return add_result(r, p->data, "it expects what does not exist; the findings say what\n", NULL, 0, err);
    ptv_decision d;
    uint8_t *truths = ptv_arena_calloc(&p->mem, p->set->rules->node_count + 1, 1);
    if (!truths)
        return ptv_arena_fail(&p->mem, err);
    ptv_arena mem = PTV_ARENA(PTV_TEST_RECORD_BYTES);
    int64_t started = ptv_clock_ms();
    ptv_code rc = judge(&d, &mem, p, true, truths, -1, err);
    if (!rc) {
        ptv_buf failure = PTV_BUF(1 << 20);
        trees shown = { { PTV_BUF(1 << 20), PTV_BUF(1 << 20) } };
        const ptv_rule_result *culprit = NULL;
        bool differs = ptv_expect_differs(&failure, &culprit, &d, &p->data->expect);
        if (differs)
            add_expiry(&failure, p, &d);
        for (size_t i = 0; r->report->options.explain && i < d.rule_count; i++)
            put_tree(&shown, "", &d.rules[i]);
        if (culprit && !r->report->options.explain)
            put_tree(&shown, "", culprit);
        const char *lines = !differs ? NULL : failure.failed ? "more differs than fits here\n" : failure.data;
        rc = add_result(r, p->data, lines, &shown, (ptv_clock_ms() - started) * 1000, err);
        ptv_buf_release(&failure);
        if (!rc)
            rc = note_coverage(p, r->report, truths, r->last->name, err);
        if (!rc && r->report->options.invert && !differs)
            rc = try_inverted(p, &mem, err);
        if (!rc && r->report->options.fail_sections)
            rc = try_failed_sections(r, p, &mem, err);
    } else if (rc == PTV_EINVAL) { /* a time test without a now */
        char line[600];
        snprintf(line, sizeof line, "%s; give the case a now\n", err->msg);
        rc = add_result(r, p->data, line, NULL, 0, err);
    }
    ptv_arena_release(&mem);
    return rc;
}

static bool is_wanted(const char *pattern, const char *name)
{
    if (!pattern || ptv_glob(pattern, name))
        return true;
    if (strpbrk(pattern, "*?"))
        return false;
    for (const char *at = name; *at; at++)
        if (strncasecmp(at, pattern, strlen(pattern)) == 0)
            return true;
    return false;
}

static ptv_code run_case(ptv_test_run *r, ptv_test_file *file, const ptv_case *c, ptv_error *err)
{
    ptv_test_case p;
    if (c->problem) {
        char line[640];
        snprintf(line, sizeof line, "%s\n", c->problem);
        return add_result(r, c, line, NULL, 0, err);
    }
    ptv_code rc = ptv_test_prepare(&p, r, file, c, err);
    if (!rc && !ptv_test_check_settings(r, file, c)) {
        rc = add_result(r, c, "it sets what no rule reads; the findings say what\n", NULL, 0, err);
    } else if (!rc) {
        rc = run_prepared(r, &p, err);
    } else if (rc != PTV_ENOMEM) { /* a fixture that is missing or broken fails its case only */
        char line[600];
        snprintf(line, sizeof line, "%s\n", err->msg);
        rc = add_result(r, c, line, NULL, 0, err);
    }
    ptv_arena_release(&p.mem);
    return rc;
}

/* Rules and allowances of the files under test that no case judged. */
static void report_untested(ptv_test_run *r)
{
    for (const ptv_covered *v = r->report->covered; v; v = v->next) {
        bool seen = v->times[PTV_NO] || v->times[PTV_YES] || v->times[PTV_UNSURE];
        if (v->ordinal == 0 && !seen)
            ptv_finding_add(r->findings, PTV_WARNING, v->file, v->line, "W-NO-CASE", "no case judges %s \"%s\"",
                            v->of_allow ? "allowance" : "rule", v->id);
    }
}

static ptv_code run_cases(ptv_test_run *r, ptv_error *err)
{
    const ptv_test_options *o = &r->report->options;
    for (ptv_test_file *file = r->files; file; file = file->next) {
        for (size_t i = 0; i < file->cases.count; i++) {
            if (!is_wanted(o->run, file->cases.items[i].name))
                continue;
            ptv_code rc = run_case(r, file, &file->cases.items[i], err);
            if (rc)
                return rc;
            if (o->fail_fast && r->report->failed) {
                r->report->stopped = true;
                return PTV_OK;
            }
        }
        if (!o->run)
            ptv_test_check_settings(r, file, NULL);
    }
    return PTV_OK;
}

static ptv_code run_all(ptv_test_run *r, ptv_error *err)
{
    const char *pattern = r->report->options.run;
    ptv_code rc = run_cases(r, err);
    if (!rc)
        rc = ptv_test_load_rest(r, err);
    if (!rc && !pattern)
        report_untested(r);
    if (!rc && pattern && !r->report->passed && !r->report->failed)
        ptv_finding_add(r->findings, PTV_ERROR, r->base.path_count ? r->base.paths[0] : "rules", 0, "E-NO-CASE",
                        "no case fits '%.100s'", pattern);
    return rc;
}

static void release(ptv_test_run *r)
{
    for (ptv_test_set *set = r->sets; set; set = set->next)
        ptv_ruleset_unref(set->rules);
    for (ptv_test_file *file = r->files; file; file = file->next)
        ptv_cases_release(&file->cases);
    for (ptv_test_archive *a = r->archives; a; a = a->next)
        a->source.free(a->source.self);
    ptv_digest_free(r->digest);
    ptv_arena_release(&r->scratch);
    ptv_arena_release(&r->mem);
}

static ptv_code keep_findings(ptv_test_report *report, const ptv_findings *findings, ptv_error *err)
{
    const ptv_finding *f;
    ptv_code rc = ptv_findings_new(&report->findings, err);
    for (size_t i = 0; !rc && (f = ptv_findings_at(findings, i)); i++)
        ptv_finding_add(report->findings, f->grade, f->file, f->line, f->code, "%s", f->message);
    return rc;
}

ptv_code ptv_test(ptv_test_report **out, const ptv_config *config, const ptv_test_options *options, ptv_findings *findings,
                  ptv_error *err)
{
    static const ptv_test_options defaults;
    ptv_test_report *report = ptv_calloc(1, sizeof *report);
    if (!report)
        return ptv_fail_nomem(err);
    report->mem = (ptv_arena)PTV_ARENA(REPORT_BYTES);
    report->options = options ? *options : defaults;
    report->cases_end = &report->cases;
    report->covered_end = &report->covered;
    report->flips_end = &report->flips;
    ptv_test_run r = { .report = report,
                       .config = config,
                       .findings = findings,
                       .mem = PTV_ARENA(REPORT_BYTES),
                       .scratch = PTV_ARENA(REPORT_BYTES),
                       .alert_from = ptv_settings_level(config, PTV_OPT_ALERT_FROM),
                       .stale_is_unknown = ptv_text_equal_fold(ptv_config_text(config, PTV_OPT_STALE), "unknown") };
    r.files_end = &r.files;
    r.rule_files_end = &r.rule_files;
    r.digest = ptv_digest_new();
    ptv_client_options where = { .rules = report->options.paths,
                                 .rules_count = report->options.path_count,
                                 .now_utc = report->options.now_utc };
    ptv_code rc = r.digest ? PTV_OK : ptv_fail_nomem(err);
    if (!rc)
        rc = ptv_settings_sources(&r.sources, &r.mem, config, false, err);
    if (!rc)
        rc = ptv_settings_rules(&r.base, &r.mem, config, &where, err);
    if (!rc && r.base.files)
        ptv_finding_add(
            findings, PTV_ERROR, ptv_config_file(config), 0, "E-FILE",
            "the rules are values of [rules.files]: no case can stand beside them; test the folder they come from");
    for (size_t i = 0; i < r.base.path_count && !rc; i++)
        rc = ptv_test_add_path(&r, r.base.paths[i], err);
    if (!rc)
        rc = run_all(&r, err);
    ptv_findings_sort(findings);
    report->problems = ptv_findings_count(findings, PTV_ERROR);
    if (!rc)
        rc = keep_findings(report, findings, err);
    report->options.paths = NULL;
    report->options.run = NULL;
    release(&r);
    if (rc) {
        ptv_test_free(report);
        return rc;
    }
    *out = report;
    return PTV_OK;
}

double ptv_test_coverage(const ptv_test_report *r)
{
    size_t wanted = 0;
    size_t seen = 0;
    for (const ptv_covered *v = r->covered; v; v = v->next) {
        wanted += 2;
        seen += (v->times[PTV_NO] > 0) + (v->times[PTV_YES] > 0);
    }
    return wanted ? 100.0 * (double)seen / (double)wanted : 100.0;
}

size_t ptv_test_unnoticed(const ptv_test_report *r)
{
    size_t count = 0;
    for (const ptv_covered *v = r->covered; v; v = v->next)
        count += !v->noticed;
    return count;
}

bool ptv_test_passed(const ptv_test_report *r)
{
    const ptv_test_options *o = &r->options;
    return !r->failed && !r->problems && (!o->coverage_percent || ptv_test_coverage(r) >= o->coverage_percent) &&
           (!o->invert || !ptv_test_unnoticed(r)) && !r->flips;
}

void ptv_test_free(ptv_test_report *r)
{
    if (!r)
        return;
    ptv_findings_free(r->findings);
    ptv_arena_release(&r->mem);
    ptv_free(r);
}
