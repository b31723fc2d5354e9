/*
 * load.c: files in, a rule set out, or nothing and a list of what is wrong. One way for start, check and reload.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/file.h"
#include "base/findings.h"
#include "base/folder.h"
#include "base/mem.h"
#include "base/text.h"
#include "rules/loading.h"
#include "rules/process.h"
#include <stdlib.h>
#include <string.h>

enum { SET_LIMIT = 512 << 20, SCRATCH_LIMIT = 64 << 20 };

typedef struct rule_file {
    const char *path, *folder, *name; /* "rules/10-a.lua", "rules", "10-a.lua" */
    const ptv_rule_file *given;       /* its text is in memory; NULL: to be read */
} rule_file;

typedef struct rule_files {
    rule_file *items;
    size_t count, room;
} rule_files;

/* ----------------------------------------------------------------------------------------------- digest */

bool ptv_digest_file(ptv_loader *set, ptv_rule_file file, const char *bytes, size_t len)
{
    ptv_hashed *h = ptv_arena_calloc(&set->rs->mem, 1, sizeof *h);
    if (!h)
        return false;
    ptv_digest_begin(set->rs->hasher);
    ptv_digest_add(set->rs->hasher, bytes, len);
    ptv_digest_end(set->rs->hasher, file.digest);
    if (set->options->keep_text) {
        file.text = ptv_arena_strndup(&set->rs->mem, bytes, len);
        file.len = len;
        if (!file.text)
            return false;
    }
    h->file = file;
    h->next = set->hashed;
    set->hashed = h;
    set->hashed_count++;
    return true;
}

static int by_path(const void *a, const void *b)
{
    const ptv_rule_file *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->digest, y->digest);
}

static bool digest_files(ptv_loader *set)
{
    ptv_rule_file *all = ptv_arena_calloc(&set->rs->mem, set->hashed_count + 1, sizeof *all);
    size_t count = 0;
    if (!all)
        return false;
    for (const ptv_hashed *h = set->hashed; h; h = h->next)
        all[count++] = h->file;
    qsort(all, count, sizeof *all, by_path);
    ptv_digest *d = set->rs->hasher;
    ptv_digest_begin(d);
    for (size_t i = 0; i < count; i++) {
        ptv_digest_add_text(d, all[i].name);
        ptv_digest_add_text(d, all[i].digest);
    }
    ptv_digest_end(d, set->rs->digest);
    set->rs->covered = all;
    set->rs->file_count = count;
    return true;
}

static int by_name(const void *a, const void *b)
{
    const ptv_setting_used *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->value, y->value);
}

/* The values that rules read, defaults included: a changed parameter shows beside unchanged rules. */
static bool digest_settings(ptv_loader *set)
{
    const ptv_rules_options *o = set->options;
    ptv_arena *mem = &set->rs->mem;
    size_t count = 0, most = o->setting_count;
    for (const ptv_default *d = set->defaults; d; d = d->next)
        most++;
    ptv_setting_used *all = ptv_arena_calloc(mem, most + 1, sizeof *all);
    if (!all)
        return false;
    for (size_t i = 0; i < o->setting_count; i++) {
        if (!set->setting_used[i])
            continue;
        all[count] =
            (ptv_setting_used){ ptv_arena_strdup(mem, o->settings[i].name), ptv_arena_strdup(mem, o->settings[i].value) };
        if (!all[count].name || !all[count].value)
            return false;
        count++;
    }
    for (const ptv_default *d = set->defaults; d; d = d->next)
        all[count++] = (ptv_setting_used){ d->name, d->value };
    qsort(all, count, sizeof *all, by_name);
    size_t kept = 0;
    ptv_digest *digest = set->rs->hasher;
    ptv_digest_begin(digest);
    for (size_t i = 0; i < count; i++) {
        if (kept && by_name(&all[kept - 1], &all[i]) == 0)
            continue;
        ptv_digest_add_text(digest, all[i].name);
        ptv_digest_add_text(digest, all[i].value);
        all[kept++] = all[i];
    }
    ptv_digest_end(digest, set->rs->settings_digest);
    set->rs->settings = all;
    set->rs->setting_count = kept;
    return true;
}

/* Jumps when memory ends. */
void ptv_default_use(lua_State *L, ptv_loading *l, const char *name, const char *value)
{
    ptv_default *d = ptv_keep(L, l, sizeof *d);
    *d = (ptv_default){ .name = name, .value = value, .next = l->set->defaults };
    l->set->defaults = d;
}

/* ----------------------------------------------------------------------------------------------- folders */

static bool add_file(ptv_loader *set, rule_files *files, const char *path, const char *folder, const char *name)
{
    for (size_t i = 0; i < files->count; i++)
        if (ptv_text_equal(files->items[i].path, path))
            return true; /* named twice: a folder and a file in it */
    if (files->count == files->room) {
        size_t room = files->room ? files->room * 2 : 32;
        rule_file *items = ptv_arena_calloc(&set->rs->mem, room, sizeof *items);
        if (!items)
            return false;
        if (files->count)
            memcpy(items, files->items, files->count * sizeof *items);
        files->items = items;
        files->room = room;
    }
    files->items[files->count++] = (rule_file){ .path = path, .folder = folder, .name = name };
    return true;
}

/* Rules in a folder below, which nobody named: a team that put them there would believe that they run. */
static bool leaves_out(ptv_loader *set, const char *folder)
{
    const ptv_rules_options *o = set->options;
    const char **names;
    size_t count;
    ptv_error err = { 0 };
    if (!ptv_is_dir(folder) || ptv_dir_list(&names, &count, &set->rs->mem, folder, &err))
        return false;
    for (size_t i = 0; i < o->path_count; i++)
        if (ptv_folder_same(o->paths[i], folder))
            return false;
    for (size_t i = 0; i < count; i++)
        if (names[i][0] != '.' && ptv_text_ends(names[i], ".lua"))
            return true;
    return false;
}

static bool ends_fold(const char *name, const char *suffix)
{
    size_t len = strlen(name), end = strlen(suffix);
    return len >= end && ptv_text_equal_fold(name + len - end, suffix);
}

static bool add_folder(ptv_loader *set, rule_files *files, const char *folder)
{
    const char **names;
    size_t count;
    ptv_error err = { 0 };
    ptv_code rc = ptv_dir_list(&names, &count, &set->rs->mem, folder, &err);
    if (rc == PTV_EIO)
        ptv_finding_add(set->findings, PTV_ERROR, folder, 0, "E-FILE", "%s", err.msg);
    if (rc)
        return rc == PTV_EIO;
    for (size_t i = 0; i < count; i++) {
        if (names[i][0] == '.') /* an editor's lock and swap files */
            continue;
        const char *path = ptv_path_join(&set->rs->mem, folder, names[i]);
        if (!path)
            return false;
        if (ends_fold(names[i], ".lua.txt"))
            ptv_finding_add(set->findings, PTV_WARNING, path, 0, "W-FILENAME",
                            "not loaded: rule files end in .lua; an editor may have added .txt");
        else if (ends_fold(names[i], ".lua") && !ptv_text_ends(names[i], ".lua"))
            ptv_finding_add(set->findings, PTV_WARNING, path, 0, "W-FILENAME",
                            "not loaded: rule files end in .lua, in small letters");
        else if (leaves_out(set, path))
            ptv_finding_add(set->findings, PTV_WARNING, path, 0, "W-FILENAME",
                            "not loaded: rule files lie in the folder itself, not in one below it; name this folder too");
        if (ptv_text_ends(names[i], ".lua") && !ptv_text_ends(names[i], ".test.lua") &&
            !add_file(set, files, path, folder, names[i]))
            return false;
    }
    return true;
}

static bool add_path(ptv_loader *set, rule_files *files, const char *path)
{
    if (ptv_is_dir(path) && !ptv_text_ends(path, ".lua")) {
        char *folder = ptv_arena_strdup(&set->rs->mem, path);
        if (!folder)
            return false;
        for (size_t len = strlen(folder); len > 1 && folder[len - 1] == '/'; len--)
            folder[len - 1] = '\0';
        return add_folder(set, files, folder);
    }
    const char *slash = strrchr(path, '/');
    char *copy = ptv_arena_strdup(&set->rs->mem, path);
    char *folder = slash ? ptv_arena_strndup(&set->rs->mem, path, slash == path ? 1 : (size_t)(slash - path))
                         : ptv_arena_strdup(&set->rs->mem, ".");
    if (!copy || !folder)
        return false;
    return add_file(set, files, copy, folder, slash ? copy + (slash - path) + 1 : copy);
}

static int by_file_name(const void *a, const void *b)
{
    const rule_file *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->path, y->path);
}

/* Lists among them are opened with their folder. */
static bool add_given(ptv_loader *set, rule_files *files)
{
    const ptv_rules_options *o = set->options;
    for (size_t i = 0; i < o->file_count; i++) {
        const ptv_rule_file *f = &o->files[i];
        if (ptv_text_starts(f->name, "lists/"))
            continue;
        const char *path = ptv_arena_strdup(&set->rs->mem, f->path), *folder = ptv_arena_strdup(&set->rs->mem, f->folder);
        const char *name = ptv_arena_strdup(&set->rs->mem, f->name);
        if (!path || !folder || !name || !add_file(set, files, path, folder, name))
            return false;
        files->items[files->count - 1].given = f;
    }
    return true;
}

/* ------------------------------------------------------------------------------------------------- files */

static void report_failure(ptv_loading *l, ptv_code rc, const ptv_error *err, const char *code)
{
    l->set->cut_short = true;
    if (rc == PTV_ENOMEM)
        l->set->no_memory = true;
    else
        ptv_problem(l, err->detail, rc == PTV_ELIMIT ? "E-LIMIT" : code, "%s", err->msg);
}

static void report_syntax(ptv_loading *l, ptv_arena *scratch, const ptv_buf *source, const ptv_error *err)
{
    l->set->cut_short = true;
    const char *hint = ptv_scan_hint(scratch, source->data ? source->data : "", source->len, err->detail, err->msg);
    ptv_problem(l, err->detail, "E-SYNTAX", "%s%s%s (the rest of this file was not looked at)", err->msg, hint ? "; " : "",
                hint ? hint : "");
}

static void seal_customs(ptv_loading *l)
{
    for (ptv_built *b = l->conds; b; b = b->next) {
        ptv_error err = { 0 };
        ptv_code rc = b->cond.custom ? ptv_custom_seal(b->cond.custom, &err) : PTV_OK;
        err.detail = b->cond.line;
        if (rc == PTV_ERULES)
            ptv_problem(l, b->cond.line, "E-CUSTOM", "custom %s", err.msg);
        else if (rc)
            report_failure(l, rc, &err, "E-CUSTOM");
    }
}

static bool has_custom(const ptv_loading *l)
{
    for (const ptv_built *b = l->conds; b; b = b->next)
        if (b->cond.custom)
            return true;
    return false;
}

static void run_file(ptv_loading *l, const ptv_buf *source, ptv_arena *scratch)
{
    ptv_ruleset *rs = l->set->rs;
    ptv_sandbox *sb;
    ptv_error err = { 0 };
    if (ptv_sandbox_new(&sb, l->file, &ptv_rule_words, l, &err)) {
        l->set->no_memory = true;
        return;
    }
    ptv_code rc = ptv_sandbox_compile(sb, source->data ? source->data : "", source->len, &err);
    if (rc == PTV_ERULES)
        report_syntax(l, scratch, source, &err);
    else if (rc)
        report_failure(l, rc, &err, "E-SYNTAX");
    if (!rc) {
        l->scan = ptv_scan_read(scratch, source->data ? source->data : "", source->len);
        l->set->no_memory |= !l->scan;
        for (const ptv_scan_slip *s = l->scan ? l->scan->slips : NULL; s; s = s->next)
            ptv_problem(l, s->line, s->code, "%s", s->message);
        rc = ptv_sandbox_run(sb, &err);
        if (rc)
            report_failure(l, rc, &err, "E-RUN");
        else {
            ptv_check_file(l);
            seal_customs(l);
        }
    }
    if (!rc && has_custom(l)) {
        ptv_sandbox_close_words(sb);
        rs->sandboxes[rs->sandbox_count++] = sb;
    } else
        ptv_sandbox_free(sb);
}

static void load_file(ptv_loader *set, const rule_file *file)
{
    ptv_loading l = { .set = set,
                      .mem = &set->rs->mem,
                      .file = file->path,
                      .folder = file->folder,
                      .first_finding = ptv_findings_count(set->findings, PTV_NOTE) };
    ptv_buf source = PTV_BUF(PTV_SOURCE_LIMIT);
    ptv_arena scratch = PTV_ARENA(SCRATCH_LIMIT);
    ptv_error err = { 0 };
    ptv_code rc = PTV_OK;
    if (!file->given)
        rc = ptv_file_read(&source, file->path, &err);
    else
        ptv_buf_append(&source, file->given->text, file->given->len);
    if (!rc)
        rc = source.failed;
    if (rc == PTV_ETOOBIG)
        ptv_problem(&l, 0, "E-LIMIT", "over the limit of 256 KB for one file; long lists belong into lists/");
    else if (rc == PTV_EIO)
        ptv_problem(&l, 0, "E-FILE", "cannot be read: %s", err.msg);
    else if (rc || !ptv_digest_file(set, (ptv_rule_file){ .path = file->path, .folder = file->folder, .name = file->name },
                                    source.data ? source.data : "", source.len))
        set->no_memory = true;
    else if (!set->digest_only)
        run_file(&l, &source, &scratch);
    ptv_arena_release(&scratch);
    ptv_buf_release(&source);
}

/* --------------------------------------------------------------------------------------------------- set */

/* Parents before children, a rule's levels from the highest. A condition used twice keeps its first number. */
static bool number_nodes(ptv_ruleset *rs, const ptv_cond *c, size_t *room)
{
    if (c->node != PTV_NO_NODE)
        return true;
    if (rs->node_count == *room) {
        size_t more = *room ? *room * 2 : 64;
        const ptv_cond **nodes = ptv_arena_calloc(&rs->mem, more, sizeof *nodes);
        if (!nodes)
            return false;
        if (rs->node_count)
            memcpy(nodes, rs->nodes, rs->node_count * sizeof *nodes);
        rs->nodes = nodes;
        *room = more;
    }
    ((ptv_cond *)(uintptr_t)c)->node = (unsigned)rs->node_count; /* ours until the set is handed out */
    rs->nodes[rs->node_count++] = c;
    for (size_t i = 0; i < c->kid_count; i++)
        if (!number_nodes(rs, c->kids[i], room))
            return false;
    return true;
}

static bool finish(ptv_loader *set)
{
    ptv_ruleset *rs = set->rs;
    const ptv_rule **rules = ptv_arena_calloc(&rs->mem, set->rule_count + 1, sizeof *rules);
    const ptv_allow **allows = ptv_arena_calloc(&rs->mem, set->allow_count + 1, sizeof *allows);
    if (!rules || !allows || !digest_files(set) || !digest_settings(set))
        return false;
    for (const ptv_built_rule *b = set->rules; b; b = b->next)
        rules[rs->rule_count++] = &b->rule;
    for (const ptv_built_allow *b = set->allows; b; b = b->next)
        allows[rs->allow_count++] = &b->allow;
    rs->rules = rules;
    rs->allows = allows;
    size_t room = 0;
    for (size_t i = 0; i < rs->rule_count; i++)
        for (size_t k = 0; k < rules[i]->level_count; k++)
            if (!number_nodes(rs, rules[i]->levels[k].when, &room))
                return false;
    for (size_t i = 0; i < rs->allow_count; i++)
        if (!number_nodes(rs, allows[i]->when, &room))
            return false;
    return true;
}

static void load_set(ptv_loader *set)
{
    const ptv_rules_options *o = set->options;
    rule_files files = { 0 };
    bool kept = !o->files || add_given(set, &files);
    for (size_t i = 0; i < o->path_count && kept; i++)
        kept = add_path(set, &files, o->paths[i]);
    if (files.count)
        qsort(files.items, files.count, sizeof *files.items, by_file_name);
    set->rs->sandboxes = ptv_arena_calloc(&set->rs->mem, files.count + 1, sizeof *set->rs->sandboxes);
    set->setting_used = ptv_arena_calloc(&set->rs->mem, o->setting_count + 1, sizeof *set->setting_used);
    if (!kept || !set->rs->sandboxes || !set->setting_used) {
        set->no_memory = true;
        return;
    }
    if (!files.count)
        ptv_finding_add(set->findings, PTV_ERROR, o->path_count ? o->paths[0] : "rules", 0, "E-FILE",
                        "no rule files (*.lua) here: nothing could ever match");
    for (size_t i = 0; i < files.count && !set->no_memory; i++) {
        ptv_rule_lists_open(set, files.items[i].folder);
        if (!set->no_memory)
            load_file(set, &files.items[i]);
    }
    if (set->no_memory)
        return;
    if (set->digest_only) {
        set->no_memory = !digest_files(set);
        return;
    }
    ptv_check_set(set);
    if (!ptv_findings_count(set->findings, PTV_ERROR) && !finish(set))
        set->no_memory = true;
}

static ptv_code refuse(const ptv_findings *findings, ptv_error *err)
{
    size_t errors = ptv_findings_count(findings, PTV_ERROR);
    for (size_t i = 0;; i++) {
        const ptv_finding *f = ptv_findings_at(findings, i);
        if (!f || f->grade == PTV_ERROR) {
            const char *more = errors > 1 ? " (and more: ptverdict check shows all)" : "";
            if (f && f->line)
                return ptv_fail(err, PTV_ERULES, "%s:%d: %s%s", f->file, f->line, f->message, more);
            return ptv_fail(err, PTV_ERULES, "%s: %s%s", f ? f->file : "rules", f ? f->message : "do not load", more);
        }
    }
}

static ptv_code load(ptv_ruleset **out, const ptv_rules_options *options, bool digest_only, ptv_findings *findings,
                     ptv_error *err)
{
    ptv_ruleset *rs = ptv_calloc(1, sizeof *rs);
    ptv_findings *own = NULL;
    if (!rs)
        return ptv_fail_nomem(err);
    rs->mem = (ptv_arena)PTV_ARENA(SET_LIMIT);
    rs->references = 1;
    rs->hasher = ptv_digest_new();
    ptv_code rc = rs->hasher ? PTV_OK : ptv_fail_nomem(err);
    if (!rc) /* of our own: the caller's list may hold errors of something else */
        rc = ptv_findings_new(&own, err);
    if (!rc) {
        ptv_loader set = { .rs = rs, .options = options, .findings = own, .digest_only = digest_only };
        set.rules_end = &set.rules;
        set.allows_end = &set.allows;
        load_set(&set);
        ptv_findings_sort(own);
        if (set.no_memory)
            rc = rs->mem.over_limit ? ptv_arena_fail(&rs->mem, err) : ptv_fail_nomem(err);
        else if (ptv_findings_count(own, PTV_ERROR))
            rc = refuse(own, err);
        const ptv_finding *f;
        for (size_t i = 0; findings && (f = ptv_findings_at(own, i)); i++)
            ptv_finding_add(findings, f->grade, f->file, f->line, f->code, "%s", f->message);
        ptv_findings_free(own);
    }
    if (rc) {
        ptv_ruleset_unref(rs);
        return rc;
    }
    *out = rs;
    return PTV_OK;
}

ptv_code ptv_ruleset_load(ptv_ruleset **out, const ptv_rules_options *options, ptv_findings *findings, ptv_error *err)
{
    return load(out, options, false, findings, err);
}

ptv_code ptv_rules_digest(char out[PTV_DIGEST_HEX], const ptv_rules_options *options, ptv_error *err)
{
    ptv_ruleset *rs = NULL;
    ptv_code rc = load(&rs, options, true, NULL, err);
    if (rs)
        memcpy(out, rs->digest, PTV_DIGEST_HEX);
    ptv_ruleset_unref(rs);
    return rc == PTV_ERULES ? (err->code = PTV_EIO) : rc; /* files that cannot be read */
}

const char *ptv_ruleset_note(ptv_ruleset *rs, const char *text)
{
    return rs->noted = ptv_arena_strdup(&rs->mem, text);
}

const char *ptv_ruleset_noted(const ptv_ruleset *rs)
{
    return rs->noted;
}

const ptv_rule_file *ptv_ruleset_files(const ptv_ruleset *rs, size_t *count)
{
    *count = rs->file_count;
    return rs->covered;
}

const ptv_setting_used *ptv_ruleset_settings(const ptv_ruleset *rs, size_t *count)
{
    *count = rs->setting_count;
    return rs->settings;
}

const char *ptv_ruleset_digest(const ptv_ruleset *rs)
{
    return rs->digest;
}

ptv_ruleset *ptv_ruleset_ref(ptv_ruleset *rs)
{
    rs->references++;
    return rs;
}

void ptv_ruleset_unref(ptv_ruleset *rs)
{
    if (!rs || --rs->references)
        return;
    for (size_t i = 0; i < rs->sandbox_count; i++)
        ptv_sandbox_free(rs->sandboxes[i]);
    ptv_rule_process_free(rs->process);
    ptv_lists_free(rs->lists);
    ptv_digest_free(rs->hasher);
    ptv_arena_release(&rs->mem);
    ptv_free(rs);
}
