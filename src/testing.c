/*
 * testing.c: runs the cases beside the rules, and what comes free from rules being data: which conditions the cases saw,
 * whether a case would notice a condition turned round, whether a failed section could ever turn match and no_match round.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "testing.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#include <assert.h>
#include <sys/stat.h>

enum { RECORD_BYTES = 64 << 20, REPORT_BYTES = 256 << 20 };
static const char TEST_END[] = ".test.lua";

/* A rule set as some cases see it: these files, with these settings. */
typedef struct test_set {
    const char *path;   /* rule file, or folder */
    const ptv_case *of; /* its settings: file's and case's */
    const ptv_cases *file;
    ptv_ruleset *rules;    /* NULL: does not load */
    ptv_covered **covered; /* by node index; NULL for combinators */
    struct test_set *next;
} test_set;

typedef struct test_file {
    ptv_cases cases;
    const char *folder, *rules; /* the rule file beside it */
    struct test_file *next;
} test_file;

typedef struct rule_file { /* under test, with cases or without */
    const char *path;
    struct rule_file *next;
} rule_file;

typedef struct runner {
    ptv_test_report *report;
    const ptv_config *config;
    ptv_findings *findings;
    ptv_source_settings sources;
    ptv_rules_options base; /* settings of the configuration */
    test_file *files, **files_end;
    rule_file *rule_files, **rule_files_end;
    test_set *sets;
    ptv_arena mem;     /* of the run */
    ptv_arena scratch; /* JSON trees */
    ptv_digest *digest;
    ptv_level alert_from;
    bool stale_is_unknown;
    ptv_case_result *last; /* the newest */
    size_t wanted;         /* cases that fit --run */
} runner;

/* One case, made ready: its record can be judged again and again. */
typedef struct prepared {
    const ptv_case *data;
    test_set *set;
    ptv_arena mem;
    ptv_record *record;
    ptv_judge how;
} prepared;

static void *keep(ptv_arena *mem, size_t size, ptv_error *err)
{
    void *p = ptv_arena_calloc(mem, 1, size);
    if (!p)
        ptv_arena_fail(mem, err);
    return p;
}

static const char *keep_buf(ptv_arena *mem, ptv_buf *b)
{
    const char *text = b->failed ? NULL : ptv_arena_strdup(mem, b->data ? b->data : "");
    ptv_buf_release(b);
    return text;
}

/* ----------------------------------------------------------------------------------------------- test files */

/* By one name or another: "r", "./r/10-a.lua". */
static bool is_same_file(const runner *r, const char *a, const char *b)
{
    struct stat x;
    struct stat y;
    if (strcmp(a, b) == 0)
        return true;
    return r->base.path_count > 1 && (!stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

static ptv_code add_rule_file(runner *r, const char *path, ptv_error *err)
{
    for (const rule_file *f = r->rule_files; f; f = f->next)
        if (is_same_file(r, f->path, path))
            return PTV_OK;
    rule_file *file = keep(&r->mem, sizeof *file, err);
    if (!file)
        return err->code;
    file->path = path;
    *r->rule_files_end = file;
    r->rule_files_end = &file->next;
    return PTV_OK;
}

static ptv_code add_file(runner *r, const char *path, ptv_error *err)
{
    for (const test_file *f = r->files; f; f = f->next)
        if (is_same_file(r, f->cases.file, path))
            return PTV_OK;
    test_file *file = keep(&r->mem, sizeof *file, err);
    const char *slash = strrchr(path, '/');
    if (!file)
        return err->code;
    size_t stem = strlen(path) - strlen(TEST_END);
    file->folder = slash ? ptv_arena_strndup(&r->mem, path, (size_t)(slash - path)) : ".";
    file->rules = ptv_arena_printf(&r->mem, "%.*s.lua", (int)stem, path);
    if (!file->folder || !file->rules)
        return ptv_arena_fail(&r->mem, err);
    ptv_code rc = add_rule_file(r, file->rules, err);
    if (!rc)
        rc = ptv_cases_load(&file->cases, path, r->findings, err);
    if (rc == PTV_ENOMEM || rc == PTV_ETOOBIG)
        return rc;
    if (rc) /* its finding is there; the other files go on */
        return PTV_OK;
    *r->files_end = file;
    r->files_end = &file->next;
    return PTV_OK;
}

static ptv_code add_folder(runner *r, const char *path, ptv_error *err)
{
    const char **names;
    size_t count;
    size_t found = 0;
    ptv_code rc = ptv_dir_list(&names, &count, &r->mem, path, err);
    if (rc)
        return ptv_wrap(err, "%s", path);
    for (size_t i = 0; i < count && !rc; i++) {
        if (names[i][0] == '.') /* an editor's, as for those that load the rules */
            continue;
        const char *file = ptv_path_join(&r->mem, path, names[i]);
        if (!file)
            return ptv_arena_fail(&r->mem, err);
        if (ptv_text_ends(names[i], TEST_END)) {
            rc = add_file(r, file, err);
            found++;
        } else if (ptv_text_ends(names[i], ".lua")) {
            const char *test = ptv_arena_printf(&r->mem, "%.*s%s", (int)(strlen(file) - 4), file, TEST_END);
            if (!test)
                return ptv_arena_fail(&r->mem, err);
            rc = add_rule_file(r, file, err);
            if (!ptv_is_file(test))
                ptv_finding_add(r->findings, PTV_WARNING, file, 0, "W-NO-TEST", "no case tests this file: write %.*s%s",
                                (int)(strlen(names[i]) - 4), names[i], TEST_END);
        }
    }
    if (!found && !rc)
        ptv_finding_add(r->findings, PTV_WARNING, path, 0, "W-NO-TEST", "no test files (*%s) here", TEST_END);
    return rc;
}

static ptv_code add_path(runner *r, const char *path, ptv_error *err)
{
    if (ptv_is_dir(path))
        return add_folder(r, path, err);
    if (ptv_text_ends(path, TEST_END))
        return add_file(r, path, err);
    if (!ptv_text_ends(path, ".lua"))
        return ptv_fail(err, PTV_EIO, "%s is no rule folder, rule file (.lua) or test file (%s)", path, TEST_END);
    const char *test = ptv_arena_printf(&r->mem, "%.*s%s", (int)(strlen(path) - 4), path, TEST_END);
    return test ? add_file(r, test, err) : ptv_arena_fail(&r->mem, err);
}

/* ------------------------------------------------------------------------------------------------ rule sets */

static bool same_pairs(const ptv_case_pairs *a, const ptv_case_pairs *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i].key, b->items[i].key) != 0 || strcmp(a->items[i].value, b->items[i].value) != 0)
            return false;
    return true;
}

static void put_setting(ptv_rule_setting *all, size_t *count, const char *name, const char *value, const char *where)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(all[i].name, name) == 0) {
            all[i].value = value;
            all[i].where = where;
            return;
        }
    }
    all[(*count)++] = (ptv_rule_setting){ name, value, where, false };
}

/* Configuration, then the file's settings, then the case's. A test needs no settings file: without any, the list of tags is
 * the documented example. */
static ptv_code settings_of(ptv_rules_options *out, runner *r, const ptv_case *c, const ptv_cases *file, ptv_error *err)
{
    size_t room = r->base.setting_count + file->settings.count + c->settings.count + 1;
    ptv_rule_setting *all = keep(&r->mem, room * sizeof *all, err);
    if (!all)
        return err->code;
    size_t count = 0;
    put_setting(all, &count, "passivetotal_tags", "compromised,ransomware", "the documented example");
    for (size_t i = 0; i < r->base.setting_count; i++)
        if (r->base.settings[i].value && *r->base.settings[i].value)
            put_setting(all, &count, r->base.settings[i].name, r->base.settings[i].value, r->base.settings[i].where);
    for (size_t i = 0; i < file->settings.count; i++)
        put_setting(all, &count, file->settings.items[i].key, file->settings.items[i].value, file->file);
    for (size_t i = 0; i < c->settings.count; i++)
        put_setting(all, &count, c->settings.items[i].key, c->settings.items[i].value, c->file);
    out->settings = all;
    out->setting_count = count;
    return PTV_OK;
}

static ptv_covered *find_covered(ptv_test_report *report, const ptv_rule *rule, const ptv_cond *c, unsigned ordinal,
                                 ptv_error *err)
{
    for (ptv_covered *v = report->covered; v; v = v->next)
        if (v->line == c->line && v->ordinal == ordinal && strcmp(v->file, c->file) == 0 && strcmp(v->rule, rule->id) == 0)
            return v;
    ptv_covered *v = keep(&report->mem, sizeof *v, err);
    if (!v)
        return NULL;
    v->file = ptv_arena_strdup(&report->mem, c->file);
    v->rule = ptv_arena_strdup(&report->mem, rule->id);
    v->text = ptv_arena_strdup(&report->mem, c->text);
    if (!v->file || !v->rule || !v->text) {
        ptv_arena_fail(&report->mem, err);
        return NULL;
    }
    v->line = c->line;
    v->ordinal = ordinal;
    *report->covered_end = v;
    report->covered_end = &v->next;
    return v;
}

static ptv_code cover_tree(test_set *set, ptv_test_report *report, const ptv_rule *rule, const ptv_cond *c,
                           unsigned *ordinal, ptv_error *err)
{
    if (c->op > PTV_OP_AT_LEAST_OF) {
        if (!set->covered[c->node])
            set->covered[c->node] = find_covered(report, rule, c, *ordinal, err);
        ++*ordinal;
        return set->covered[c->node] ? PTV_OK : err->code;
    }
    ptv_code rc = PTV_OK;
    for (size_t i = 0; i < c->kid_count && !rc; i++)
        rc = cover_tree(set, report, rule, c->kids[i], ordinal, err);
    return rc;
}

static ptv_code cover_set(test_set *set, runner *r, ptv_error *err)
{
    set->covered = keep(&r->mem, (set->rules->node_count + 1) * sizeof(ptv_covered *), err);
    if (!set->covered)
        return err->code;
    ptv_code rc = PTV_OK;
    for (size_t i = 0; i < set->rules->rule_count && !rc; i++) {
        const ptv_rule *rule = set->rules->rules[i];
        unsigned ordinal = 0;
        for (size_t k = 0; k < rule->level_count && !rc && rule->status != PTV_OFF; k++)
            rc = cover_tree(set, r->report, rule, rule->levels[k].when, &ordinal, err);
    }
    return rc;
}

static ptv_code find_set(test_set **out, runner *r, test_file *file, const ptv_case *c, ptv_error *err)
{
    const char *path = c->every_rule ? file->folder : file->rules;
    for (test_set *set = r->sets; set; set = set->next) {
        if (strcmp(set->path, path) == 0 && same_pairs(&set->file->settings, &file->cases.settings) &&
            same_pairs(&set->of->settings, &c->settings)) {
            *out = set;
            return PTV_OK;
        }
    }
    test_set *set = keep(&r->mem, sizeof *set, err);
    if (!set)
        return err->code;
    ptv_rules_options options = r->base;
    ptv_code rc = settings_of(&options, r, c, &file->cases, err);
    if (rc)
        return rc;
    *set = (test_set){ .path = path, .of = c, .file = &file->cases, .next = r->sets };
    options.paths = &set->path;
    options.part = !c->every_rule;
    options.path_count = 1;
    ptv_findings *found = NULL;
    rc = ptv_findings_new(&found, err);
    if (rc)
        return rc;
    rc = ptv_ruleset_load(&set->rules, &options, found, err);
    /* The same mistake shows in every set that holds the file: say it once. */
    const ptv_finding *f;
    for (size_t i = 0; (f = ptv_findings_at(found, i)); i++) {
        bool known = f->grade != PTV_ERROR;
        const ptv_finding *g;
        for (size_t k = 0; !known && (g = ptv_findings_at(r->findings, k)); k++)
            known = g->line == f->line && strcmp(g->file, f->file) == 0 && strcmp(g->message, f->message) == 0;
        if (!known)
            ptv_finding_add(r->findings, f->grade, f->file, f->line, f->code, "%s", f->message);
    }
    ptv_findings_free(found);
    if (rc && rc != PTV_ERULES)
        return rc;
    r->sets = set;                                    /* from here on released with the run */
    bool counts = c->file || !r->report->options.run; /* --run: what it left out is no gap */
    rc = set->rules && counts ? cover_set(set, r, err) : PTV_OK;
    *out = set;
    return rc;
}

/* -------------------------------------------------------------------------------------------------- records */

static ptv_code read_fixture(ptv_record **out, prepared *p, runner *r, const char *folder, ptv_error *err)
{
    const char *path = ptv_arena_printf(&p->mem, "%s/fixtures/%s", folder, p->data->fixture);
    ptv_buf text = PTV_BUF(RECORD_BYTES);
    ptv_code rc = path ? ptv_file_read(&text, path, err) : ptv_arena_fail(&p->mem, err);
    if (!rc)
        rc = ptv_record_of_text(out, &p->mem, &r->scratch, &r->sources, text.data ? text.data : "", text.len, err);
    ptv_buf_release(&text);
    return rc ? ptv_wrap(err, "fixture %s", path ? path : "") : PTV_OK;
}

static ptv_code read_recorded(ptv_record **out, prepared *p, runner *r, const char *folder, ptv_error *err)
{
    ptv_source_settings settings = r->sources;
    ptv_local_source archive = { 0 };
    ptv_artifact *subject = keep(&p->mem, sizeof *subject, err);
    ptv_record *record = subject ? keep(&p->mem, sizeof *record, err) : NULL;
    if (!record)
        return err->code;
    const char *name = p->data->recorded;
    ptv_code rc = ptv_artifact_parse(subject, &p->mem, name, strlen(name), NULL, err);
    const char *path = ptv_arena_printf(&p->mem, "%s/archive", folder);
    if (!rc && path && !ptv_is_dir(path)) {
        path = ptv_arena_printf(&p->mem, "%s/archive.ndjson", folder);
        if (path && !ptv_is_file(path))
            rc = ptv_fail(err, PTV_EINVAL, "recorded \"%s\": no archive/ or archive.ndjson beside the tests", name);
    }
    if (!rc && !path)
        rc = ptv_arena_fail(&p->mem, err);
    if (rc)
        return rc;
    settings.archive = path;
    rc = ptv_archive_open(&archive, &settings, err);
    if (rc)
        return ptv_wrap(err, "recorded \"%s\": %s", name, path);
    ptv_record_init(record, subject);
    bool found = false;
    for (int s = 0; s < PTV_SECTION_COUNT && !rc; s++) {
        ptv_error why = { 0 };
        ptv_code one = archive.answer(archive.self, record, &p->mem, (ptv_section)s, &why);
        if (one == PTV_ENOENTRY)
            ptv_section_fail(record, &p->mem, (ptv_section)s, PTV_STATE_NOT_ASKED, PTV_CAUSE_RECORD, "not in the record");
        else if (one == PTV_ENOMEM || one == PTV_ETOOBIG)
            rc = (*err = why).code;
        else
            found = true;
        if (record->sections[s].fetched_at != PTV_NO_TIME && record->sections[s].fetched_at > record->fetched_at)
            record->fetched_at = record->sections[s].fetched_at;
    }
    archive.free(archive.self);
    if (!rc && !found)
        rc = ptv_fail(err, PTV_EINVAL, "recorded \"%s\": no answer in %s", name, path);
    *out = record;
    return rc;
}

static ptv_code read_given(ptv_record **out, prepared *p, runner *r, const char *folder, ptv_error *err)
{
    if (p->data->fixture)
        return read_fixture(out, p, r, folder, err);
    if (p->data->recorded)
        return read_recorded(out, p, r, folder, err);
    const ptv_json *json = NULL;
    ptv_arena_reset(&r->scratch);
    ptv_code rc = ptv_json_parse(&json, &r->scratch, p->data->given, strlen(p->data->given), err);
    if (!rc)
        rc = ptv_record_read(out, &p->mem, json, err);
    return rc ? ptv_wrap(err, "given") : PTV_OK;
}

static ptv_code prepare(prepared *p, runner *r, test_file *file, const ptv_case *c, ptv_error *err)
{
    *p = (prepared){ .data = c, .mem = PTV_ARENA(RECORD_BYTES), .how = PTV_JUDGE };
    p->how.alert_from = r->alert_from;
    p->how.stale_is_unknown = r->stale_is_unknown;
    ptv_code rc = find_set(&p->set, r, file, c, err);
    if (!rc)
        rc = read_given(&p->record, p, r, file->folder, err);
    if (rc)
        return rc;
    assert(p->record);
    int64_t now = c->now;
    if (now == PTV_NO_TIME && r->report->options.now_utc && r->report->options.now_utc != PTV_NO_TIME)
        now = r->report->options.now_utc;
    p->record->now = now != PTV_NO_TIME ? now : p->record->fetched_at;
    p->how.time_required = p->record->now == PTV_NO_TIME;
    ptv_record_seal(p->record, r->digest);
    return PTV_OK;
}

/* ------------------------------------------------------------------------------------------- the four reports */

static ptv_code judge(ptv_decision *out, ptv_arena *mem, prepared *p, bool trace, uint8_t *truths, int invert,
                      ptv_error *err)
{
    ptv_judge how = p->how;
    how.trace = trace;
    how.truths = truths;
    how.invert = invert;
    return ptv_ruleset_judge(out, mem, p->set->rules, p->record, &how, err);
}

static ptv_code note_coverage(prepared *p, ptv_test_report *report, const uint8_t *truths, const char *name, ptv_error *err)
{
    for (size_t i = 0; i < p->set->rules->node_count; i++) {
        ptv_covered *v = p->set->covered[i];
        if (!v || truths[i] > PTV_UNSURE)
            continue;
        v->times[truths[i]]++;
        ptv_name *by = keep(&report->mem, sizeof *by, err);
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

static ptv_code try_inverted(prepared *p, ptv_arena *mem, ptv_error *err)
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

static ptv_code add_flip(runner *r, prepared *p, ptv_section s, const ptv_rule_result *before, const ptv_rule_result *after,
                         ptv_error *err)
{
    ptv_test_report *report = r->report;
    ptv_flip *flip = keep(&report->mem, sizeof *flip, err);
    if (!flip)
        return err->code;
    ptv_buf trees = PTV_BUF(1 << 20);
    ptv_buf_printf(&trees, "as given:\n");
    ptv_report_tree(&trees, before, 0);
    ptv_buf_printf(&trees, "with %s failed:\n", ptv_section_name(s));
    ptv_report_tree(&trees, after, 0);
    *flip = (ptv_flip){ .file = ptv_arena_strdup(&report->mem, p->data->file),
                        .name = ptv_arena_strdup(&report->mem, p->data->name),
                        .rule = ptv_arena_strdup(&report->mem, before->id),
                        .line = p->data->line,
                        .section = s,
                        .before = ptv_outcome_name(before->outcome),
                        .after = ptv_outcome_name(after->outcome),
                        .trees = keep_buf(&report->mem, &trees) };
    if (!flip->file || !flip->name || !flip->rule || !flip->trees)
        return ptv_arena_fail(&report->mem, err);
    *report->flips_end = flip;
    report->flips_end = &flip->next;
    return PTV_OK;
}

/* on_unknown = "match" is its author's word, unknown may alert there: named instead. */
static ptv_code name_left_out(runner *r, const ptv_rule_result *rule, ptv_error *err)
{
    ptv_test_report *report = r->report;
    ptv_name **end = &report->left_out;
    for (; *end; end = &(*end)->next)
        if (strcmp((*end)->name, rule->id) == 0)
            return PTV_OK;
    ptv_name *name = keep(&report->mem, sizeof *name, err);
    if (!name)
        return err->code;
    name->name = ptv_arena_strdup(&report->mem, rule->id);
    *end = name;
    return name->name ? PTV_OK : ptv_arena_fail(&report->mem, err);
}

static ptv_code try_failed_sections(runner *r, prepared *p, ptv_arena *mem, ptv_error *err)
{
    ptv_code rc = PTV_OK;
    ptv_record whole = *p->record;
    for (int s = 0; s < PTV_SECTION_COUNT && !rc; s++) {
        if (!ptv_section_readable(&whole, (ptv_section)s))
            continue;
        ptv_decision before;
        ptv_decision after;
        ptv_arena_reset(mem);
        rc = judge(&before, mem, p, true, NULL, -1, err);
        if (rc)
            break;
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

static ptv_code add_result(runner *r, const ptv_case *c, const char *failure, const char *tree, int64_t elapsed_us,
                           ptv_error *err)
{
    ptv_test_report *report = r->report;
    ptv_case_result *result = keep(&report->mem, sizeof *result, err);
    if (!result)
        return err->code;
    *result = (ptv_case_result){ .file = ptv_arena_strdup(&report->mem, c->file),
                                 .name = ptv_arena_strdup(&report->mem, c->name),
                                 .line = c->line,
                                 .failed = failure != NULL,
                                 .failure = ptv_arena_strdup(&report->mem, failure),
                                 .tree = ptv_arena_strdup(&report->mem, tree),
                                 .elapsed_us = elapsed_us };
    if (!result->file || !result->name || (failure && !result->failure) || (tree && !result->tree))
        return ptv_arena_fail(&report->mem, err);
    report->failed += result->failed;
    report->passed += !result->failed;
    *report->cases_end = result;
    report->cases_end = &result->next;
    r->last = result;
    return PTV_OK;
}

/* Why an allowance that a case expects did not hold. */
static void add_expiry(ptv_buf *failure, const prepared *p, const ptv_decision *d)
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

static ptv_code run_prepared(runner *r, prepared *p, ptv_error *err)
{
    if (!p->set->rules)
        return add_result(r, p->data, "the rules do not load; the findings say where\n", NULL, 0, err);
    if (!ptv_expect_check(r->findings, p->data, p->set->rules, p->set->path, r->alert_from))
        return add_result(r, p->data, "it expects what does not exist; the findings say what\n", NULL, 0, err);
    ptv_decision d;
    uint8_t *truths = ptv_arena_calloc(&p->mem, p->set->rules->node_count + 1, 1);
    if (!truths)
        return ptv_arena_fail(&p->mem, err);
    ptv_arena mem = PTV_ARENA(RECORD_BYTES);
    int64_t started = ptv_clock_ms();
    ptv_code rc = judge(&d, &mem, p, true, truths, -1, err);
    if (!rc) {
        ptv_buf failure = PTV_BUF(1 << 20);
        ptv_buf tree = PTV_BUF(1 << 20);
        const ptv_rule_result *culprit = NULL;
        bool differs = ptv_expect_differs(&failure, &culprit, &d, &p->data->expect);
        if (differs)
            add_expiry(&failure, p, &d);
        for (size_t i = 0; r->report->options.explain && i < d.rule_count; i++)
            ptv_report_tree(&tree, &d.rules[i], 0);
        if (culprit && !r->report->options.explain)
            ptv_report_tree(&tree, culprit, 0);
        const char *lines = !differs ? NULL : failure.failed ? "more differs than fits here\n" : failure.data;
        rc = add_result(r, p->data, lines, tree.failed ? NULL : tree.data, (ptv_clock_ms() - started) * 1000, err);
        ptv_buf_release(&failure);
        ptv_buf_release(&tree);
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

static ptv_code run_case(runner *r, test_file *file, const ptv_case *c, ptv_error *err)
{
    prepared p;
    ptv_code rc = prepare(&p, r, file, c, err);
    if (!rc) {
        rc = run_prepared(r, &p, err);
    } else if (rc != PTV_ENOMEM) { /* a fixture that is missing or broken fails its case only */
        char line[600];
        snprintf(line, sizeof line, "%s\n", err->msg);
        rc = add_result(r, c, line, NULL, 0, err);
    }
    ptv_arena_release(&p.mem);
    return rc;
}

static bool is_loaded(const runner *r, const char *path)
{
    const char *slash = strrchr(path, '/');
    for (const test_set *set = r->sets; set; set = set->next)
        if (strcmp(set->path, path) == 0 ||
            (slash && strlen(set->path) == (size_t)(slash - path) && strncmp(set->path, path, strlen(set->path)) == 0))
            return true;
    return false;
}

/* Rule files that no case made us load: their mistakes are ours to tell, their conditions count as never seen. */
static ptv_code load_untested(runner *r, ptv_error *err)
{
    static const ptv_case none;
    ptv_code rc = PTV_OK;
    for (const rule_file *f = r->rule_files; f && !rc; f = f->next) {
        if (is_loaded(r, f->path))
            continue;
        test_file *file = r->files;
        while (file && !is_same_file(r, file->rules, f->path))
            file = file->next;
        test_set *set;
        if (!file && (file = keep(&r->mem, sizeof *file, err)))
            file->rules = f->path;
        rc = file ? find_set(&set, r, file, &none, err) : err->code;
    }
    return rc;
}

/* Rules of the files under test that no case judged. */
static void report_untested(runner *r)
{
    for (const ptv_covered *v = r->report->covered; v; v = v->next) {
        bool seen = v->times[PTV_NO] || v->times[PTV_YES] || v->times[PTV_UNSURE];
        if (v->ordinal == 0 && !seen)
            ptv_finding_add(r->findings, PTV_WARNING, v->file, v->line, "W-NO-CASE", "no case judges rule \"%s\"", v->rule);
    }
}

static bool reads_setting(const ptv_ruleset *rules, const char *name)
{
    size_t count;
    const ptv_setting_used *used = ptv_ruleset_settings(rules, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(used[i].name, name) == 0)
            return true;
    return false;
}

/* Settings that no rule of the sets they are given to reads: a slip, and the case tests something else than it says.
 * of: the case; NULL: those of the whole file, which any set of the file may read. */
static void check_settings(runner *r, const test_file *file, const ptv_case *of)
{
    const ptv_case_pairs *pairs = of ? &of->settings : &file->cases.settings;
    for (size_t i = 0; i < pairs->count; i++) {
        const char *names[256];
        size_t count = 0;
        bool known = false;
        bool loaded = false;
        for (const test_set *set = r->sets; set && !known; set = set->next) {
            bool ours = strcmp(set->path, file->rules) == 0 || strcmp(set->path, file->folder) == 0;
            if (!ours || !same_pairs(&set->file->settings, &file->cases.settings) ||
                (of && !same_pairs(&set->of->settings, &of->settings)))
                continue;
            known = !set->rules || reads_setting(set->rules, pairs->items[i].key);
            loaded = true;
            size_t all = 0;
            const ptv_setting_used *used = set->rules ? ptv_ruleset_settings(set->rules, &all) : NULL;
            for (size_t k = 0; k < all && count < sizeof names / sizeof *names; k++)
                names[count++] = used[k].name;
        }
        const ptv_finding *f; /* the rows of a case share its settings */
        for (size_t k = 0; !known && (f = ptv_findings_at(r->findings, k)); k++)
            known = f->line == pairs->items[i].line && ptv_text_equal(f->file, file->cases.file);
        if (known || !loaded)
            continue;
        const char *near = ptv_text_nearest(pairs->items[i].key, names, count);
        ptv_finding_add(r->findings, PTV_ERROR, file->cases.file, pairs->items[i].line, "E-NAME",
                        "%s%s%s no rule under test reads setting '%.60s'%s%s%s", of ? "case \"" : "settings",
                        of ? of->name : "", of ? "\":" : ":", pairs->items[i].key, near ? " (did you mean '" : "",
                        near ? near : "", near ? "'?)" : "");
    }
}

static ptv_code run_cases(runner *r, ptv_error *err)
{
    const ptv_test_options *o = &r->report->options;
    for (test_file *file = r->files; file; file = file->next) {
        for (size_t i = 0; i < file->cases.count; i++) {
            if (!is_wanted(o->run, file->cases.items[i].name))
                continue;
            r->wanted++;
            ptv_code rc = run_case(r, file, &file->cases.items[i], err);
            if (rc)
                return rc;
            check_settings(r, file, &file->cases.items[i]);
            if (o->fail_fast && r->report->failed) {
                r->report->stopped = true;
                return PTV_OK;
            }
        }
        if (!o->run)
            check_settings(r, file, NULL);
    }
    return PTV_OK;
}

static ptv_code run_all(runner *r, ptv_error *err)
{
    const char *pattern = r->report->options.run;
    ptv_code rc = run_cases(r, err);
    if (!rc)
        rc = load_untested(r, err);
    if (!rc && !pattern)
        report_untested(r);
    if (!rc && pattern && !r->wanted)
        ptv_finding_add(r->findings, PTV_ERROR, r->base.path_count ? r->base.paths[0] : "rules", 0, "E-NO-CASE",
                        "no case fits '%.100s'", pattern);
    return rc;
}

static void release(runner *r)
{
    for (test_set *set = r->sets; set; set = set->next)
        ptv_ruleset_unref(set->rules);
    for (test_file *file = r->files; file; file = file->next)
        ptv_cases_release(&file->cases);
    ptv_digest_free(r->digest);
    ptv_arena_release(&r->scratch);
    ptv_arena_release(&r->mem);
}

static ptv_code keep_findings(ptv_test_report *report, const ptv_findings *findings, ptv_error *err)
{
    size_t count = ptv_findings_count(findings, PTV_NOTE);
    ptv_finding *all = keep(&report->mem, (count + 1) * sizeof *all, err);
    if (!all)
        return err->code;
    const ptv_finding *f;
    for (size_t i = 0; i < count && (f = ptv_findings_at(findings, i)); i++) {
        all[i] = *f;
        all[i].file = ptv_arena_strdup(&report->mem, f->file ? f->file : "rules");
        all[i].code = ptv_arena_strdup(&report->mem, f->code ? f->code : "");
        all[i].message = ptv_arena_strdup(&report->mem, f->message);
        if (!all[i].file || !all[i].code || !all[i].message)
            return ptv_arena_fail(&report->mem, err);
        report->finding_count++;
    }
    report->findings = all;
    return PTV_OK;
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
    runner r = { .report = report,
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
    for (size_t i = 0; i < r.base.path_count && !rc; i++)
        rc = add_path(&r, r.base.paths[i], err);
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
    ptv_arena_release(&r->mem);
    ptv_free(r);
}
