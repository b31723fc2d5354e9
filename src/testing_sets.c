/*
 * testing_sets.c: which rule and test files a run is over, and the rule sets that their cases want.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "testing_run.h"

#include "base/file.h"
#include "base/text.h"

#include <sys/stat.h>

static const char TEST_END[] = ".test.lua";

void *ptv_test_keep(ptv_arena *mem, size_t size, ptv_error *err)
{
    void *p = ptv_arena_calloc(mem, 1, size);
    if (!p)
        ptv_arena_fail(mem, err);
    return p;
}

/* ----------------------------------------------------------------------------------------------- test files */

static ptv_file_id id_of(const char *path)
{
    struct stat st;
    return stat(path, &st) ? (ptv_file_id){ 0 } : (ptv_file_id){ st.st_dev, st.st_ino };
}

static bool is_same(ptv_file_id a, ptv_file_id b)
{
    return a.inode && a.inode == b.inode && a.device == b.device;
}

static bool is_under_test(const ptv_test_run *r, const char *path)
{
    const ptv_file_id id = id_of(path);
    for (const ptv_tested_file *f = r->rule_files; f; f = f->next)
        if (is_same(f->id, id) || strcmp(f->path, path) == 0)
            return true;
    return false;
}

static ptv_code add_rule_file(ptv_test_run *r, const char *path, ptv_error *err)
{
    if (is_under_test(r, path))
        return PTV_OK;
    ptv_tested_file *file = ptv_test_keep(&r->mem, sizeof *file, err);
    if (!file)
        return err->code;
    file->path = path;
    file->id = id_of(path);
    *r->rule_files_end = file;
    r->rule_files_end = &file->next;
    return PTV_OK;
}

static ptv_code add_file(ptv_test_run *r, const char *path, ptv_error *err)
{
    const ptv_file_id id = id_of(path);
    for (const ptv_test_file *f = r->files; f; f = f->next)
        if (is_same(f->id, id))
            return PTV_OK;
    ptv_test_file *file = ptv_test_keep(&r->mem, sizeof *file, err);
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
    if (rc == PTV_ENOMEM)
        return rc;
    if (rc) /* its finding is there; the other files go on */
        return PTV_OK;
    file->id = id;
    *r->files_end = file;
    r->files_end = &file->next;
    return PTV_OK;
}

static ptv_code add_folder(ptv_test_run *r, const char *path, ptv_error *err)
{
    const char **names;
    size_t count;
    size_t tests = 0, rules = 0;
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
            tests++;
        } else if (ptv_text_ends(names[i], ".lua")) {
            const char *test = ptv_arena_printf(&r->mem, "%.*s%s", (int)(strlen(file) - 4), file, TEST_END);
            if (!test)
                return ptv_arena_fail(&r->mem, err);
            rc = add_rule_file(r, file, err);
            rules++;
            if (!ptv_is_file(test))
                ptv_finding_add(r->findings, PTV_WARNING, file, 0, "W-NO-TEST", "no case tests this file: write %.*s%s",
                                (int)(strlen(names[i]) - 4), names[i], TEST_END);
        }
    }
    if (!tests && !rules && !rc)
        ptv_finding_add(r->findings, PTV_ERROR, path, 0, "E-FILE", "no rule files (*.lua) here: nothing could be tested");
    else if (!tests && !rc)
        ptv_finding_add(r->findings, PTV_WARNING, path, 0, "W-NO-TEST", "no test files (*%s) here", TEST_END);
    return rc;
}

ptv_code ptv_test_add_path(ptv_test_run *r, const char *path, ptv_error *err)
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
static ptv_code settings_of(ptv_rules_options *out, ptv_test_run *r, const ptv_case *c, const ptv_cases *file,
                            ptv_error *err)
{
    size_t room = r->base.setting_count + file->settings.count + c->settings.count + 1;
    ptv_rule_setting *all = ptv_test_keep(&r->mem, room * sizeof *all, err);
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

/* Whose conditions are covered. */
typedef struct cover_of {
    const char *id;
    bool is_allow;
    unsigned ordinal; /* of the next leaf */
} cover_of;

static ptv_covered *find_covered(ptv_test_report *report, const cover_of *of, const ptv_cond *c, ptv_error *err)
{
    for (ptv_covered *v = report->covered; v; v = v->next)
        if (v->line == c->line && v->ordinal == of->ordinal && v->of_allow == of->is_allow &&
            strcmp(v->file, c->file) == 0 && strcmp(v->id, of->id) == 0)
            return v;
    ptv_covered *v = ptv_test_keep(&report->mem, sizeof *v, err);
    if (!v)
        return NULL;
    v->file = ptv_arena_strdup(&report->mem, c->file);
    v->id = ptv_arena_strdup(&report->mem, of->id);
    v->text = ptv_arena_strdup(&report->mem, c->text);
    if (!v->file || !v->id || !v->text) {
        ptv_arena_fail(&report->mem, err);
        return NULL;
    }
    v->of_allow = of->is_allow;
    v->line = c->line;
    v->ordinal = of->ordinal;
    *report->covered_end = v;
    report->covered_end = &v->next;
    return v;
}

static ptv_code cover_tree(ptv_test_set *set, ptv_test_report *report, cover_of *of, const ptv_cond *c, ptv_error *err)
{
    if (c->op > PTV_OP_AT_LEAST_OF) {
        if (!set->covered[c->node])
            set->covered[c->node] = find_covered(report, of, c, err);
        of->ordinal++;
        return set->covered[c->node] ? PTV_OK : err->code;
    }
    ptv_code rc = PTV_OK;
    for (size_t i = 0; i < c->kid_count && !rc; i++)
        rc = cover_tree(set, report, of, c->kids[i], err);
    return rc;
}

/* With scope = "all" a case judges rules of other files too; what is not under test is no gap. */
static ptv_code cover_set(ptv_test_set *set, ptv_test_run *r, ptv_error *err)
{
    set->covered = ptv_test_keep(&r->mem, (set->rules->node_count + 1) * sizeof(ptv_covered *), err);
    if (!set->covered)
        return err->code;
    ptv_code rc = PTV_OK;
    for (size_t i = 0; i < set->rules->rule_count && !rc; i++) {
        const ptv_rule *rule = set->rules->rules[i];
        cover_of of = { .id = rule->id };
        bool counts = rule->status != PTV_OFF && is_under_test(r, rule->file);
        for (size_t k = 0; k < rule->level_count && !rc && counts; k++)
            rc = cover_tree(set, r->report, &of, rule->levels[k].when, err);
    }
    for (size_t i = 0; i < set->rules->allow_count && !rc; i++) {
        const ptv_allow *allow = set->rules->allows[i];
        cover_of of = { .id = allow->id, .is_allow = true };
        if (is_under_test(r, allow->file))
            rc = cover_tree(set, r->report, &of, allow->when, err);
    }
    return rc;
}

ptv_code ptv_test_find_set(ptv_test_set **out, ptv_test_run *r, ptv_test_file *file, const ptv_case *c, ptv_error *err)
{
    const char *path = c->every_rule ? file->folder : file->rules;
    for (ptv_test_set *set = r->sets; set; set = set->next) {
        if (strcmp(set->path, path) == 0 && same_pairs(&set->file->settings, &file->cases.settings) &&
            same_pairs(&set->of->settings, &c->settings)) {
            *out = set;
            return PTV_OK;
        }
    }
    ptv_test_set *set = ptv_test_keep(&r->mem, sizeof *set, err);
    if (!set)
        return err->code;
    ptv_rules_options options = r->base;
    ptv_code rc = settings_of(&options, r, c, &file->cases, err);
    if (rc)
        return rc;
    *set = (ptv_test_set){ .path = path, .of = c, .file = &file->cases, .next = r->sets };
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

static bool is_loaded(const ptv_test_run *r, const char *path)
{
    const char *slash = strrchr(path, '/');
    for (const ptv_test_set *set = r->sets; set; set = set->next)
        if (strcmp(set->path, path) == 0 ||
            (slash && strlen(set->path) == (size_t)(slash - path) && strncmp(set->path, path, strlen(set->path)) == 0))
            return true;
    return false;
}

ptv_code ptv_test_load_rest(ptv_test_run *r, ptv_error *err)
{
    static const ptv_case none;
    ptv_code rc = PTV_OK;
    for (const ptv_tested_file *f = r->rule_files; f && !rc; f = f->next) {
        if (is_loaded(r, f->path))
            continue;
        ptv_test_file *file = r->files;
        while (file && strcmp(file->rules, f->path) != 0 && !is_same(id_of(file->rules), f->id))
            file = file->next;
        ptv_test_set *set;
        if (!file && (file = ptv_test_keep(&r->mem, sizeof *file, err)))
            file->rules = f->path;
        rc = file ? ptv_test_find_set(&set, r, file, &none, err) : err->code;
    }
    return rc;
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

bool ptv_test_check_settings(ptv_test_run *r, const ptv_test_file *file, const ptv_case *of)
{
    const ptv_case_pairs *pairs = of ? &of->settings : &file->cases.settings;
    bool said = pairs->items == r->checked; /* the rows of a case share its settings */
    bool sound = true;
    for (size_t i = 0; i < pairs->count; i++) {
        const char *names[256];
        size_t count = 0;
        bool known = false;
        bool loaded = false;
        for (const ptv_test_set *set = r->sets; set && !known; set = set->next) {
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
        if (known || !loaded)
            continue;
        sound = false;
        if (said)
            continue;
        const char *near = ptv_text_nearest(pairs->items[i].key, names, count);
        ptv_finding_add(r->findings, PTV_ERROR, file->cases.file, pairs->items[i].line, "E-NAME",
                        "%s%s%s no rule under test reads setting '%.60s'%s%s%s", of ? "case \"" : "settings",
                        of ? of->name : "", of ? "\":" : ":", pairs->items[i].key, near ? " (did you mean '" : "",
                        near ? near : "", near ? "'?)" : "");
    }
    r->checked = pairs->items;
    return sound;
}
