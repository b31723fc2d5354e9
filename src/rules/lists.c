/*
 * lists.c: list files: read once, folded or made into indicator sets when a test asks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/lists.h"
#include "base/file.h"
#include "base/findings.h"
#include "base/text.h"
#include "core/artifact.h"
#include "rules/exceptions.h"
#include "rules/loading.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 64 << 20, MOST_ENTRY = 1000, MOST_PROBLEMS = 20 };

static int line_of(const ptv_list *list, size_t word)
{
    return list->lines ? list->lines[word] : list->line;
}

/* ------------------------------------------------------------------------------------------------- files */

/* `given`: its text, in memory; NULL: to be read. */
static void open_file(ptv_loader *set, const char *folder, const char *path, const char *name, const ptv_rule_file *given)
{
    ptv_arena *mem = &set->rs->mem;
    ptv_error err = { 0 };
    ptv_buf text = PTV_BUF(MOST_BYTES);
    ptv_code rc = PTV_OK;
    if (!given)
        rc = ptv_file_read(&text, path, &err);
    else
        ptv_buf_append(&text, given->text, given->len);
    if (!rc)
        rc = text.failed;
    ptv_list *list = ptv_arena_calloc(mem, 1, sizeof *list);
    const char *stem = ptv_arena_strndup(mem, name, strlen(name) - strlen(".txt"));
    if (rc == PTV_ENOMEM || !list || !stem) {
        set->no_memory = true;
    } else if (rc) {
        ptv_finding_add(set->findings, PTV_ERROR, path, 0, "E-FILE", "%s",
                        rc == PTV_ETOOBIG ? "over the limit of 64 MB for a list" : err.msg);
        *list = (ptv_list){ .name = stem, .folder = folder, .path = path, .next = set->rs->lists }; /* not sound */
        set->rs->lists = list;
    } else {
        const char *relative = ptv_arena_printf(mem, "lists/%s", name);
        char *copy = ptv_arena_strndup(mem, text.data ? text.data : "", text.len);
        if (!relative || !copy ||
            !ptv_digest_file(set, (ptv_rule_file){ .path = path, .folder = folder, .name = relative }, copy, text.len)) {
            set->no_memory = true;
        } else if (set->digest_only) {
            ;
        } else if (ptv_text_equal(name, "exceptions.csv")) {
            ptv_exceptions_read(set, path, copy, text.len);
        } else {
            *list = (ptv_list){ .name = stem,
                                .folder = folder,
                                .path = path,
                                .text = copy,
                                .len = text.len,
                                .sound = true,
                                .next = set->rs->lists };
            set->rs->lists = list;
        }
    }
    ptv_buf_release(&text);
}

static bool is_list(const char *name)
{
    return (ptv_text_ends(name, ".txt") || ptv_text_equal(name, "exceptions.csv")) && name[0] != '.';
}

static void open_given(ptv_loader *set, const char *folder)
{
    ptv_arena *mem = &set->rs->mem;
    for (size_t i = 0; i < set->options->file_count && !set->no_memory; i++) {
        const ptv_rule_file *f = &set->options->files[i];
        const char *name = f->name + strlen("lists/");
        if (!ptv_text_starts(f->name, "lists/") || !is_list(name) || !ptv_text_equal(f->folder, folder))
            continue;
        const char *path = ptv_arena_strdup(mem, f->path);
        if (path)
            open_file(set, folder, path, name, f);
        set->no_memory |= !path;
    }
}

void ptv_rule_lists_open(ptv_loader *set, const char *folder)
{
    ptv_arena *mem = &set->rs->mem;
    for (const ptv_opened *o = set->opened; o; o = o->next)
        if (ptv_text_equal(o->folder, folder))
            return;
    ptv_opened *opened = ptv_arena_calloc(mem, 1, sizeof *opened);
    const char *lists = ptv_path_join(mem, folder, "lists");
    if (!opened || !lists) {
        set->no_memory = true;
        return;
    }
    *opened = (ptv_opened){ .folder = folder, .next = set->opened };
    set->opened = opened;
    const char **names;
    size_t count;
    ptv_error err = { 0 };
    if (set->options->files)
        open_given(set, folder);
    if (set->options->files || !ptv_is_dir(lists))
        return;
    ptv_code rc = ptv_dir_list(&names, &count, mem, lists, &err);
    if (rc == PTV_EIO)
        ptv_finding_add(set->findings, PTV_ERROR, lists, 0, "E-FILE", "%s", err.msg);
    else if (rc)
        set->no_memory = true;
    if (rc)
        return;
    for (size_t i = 0; i < count; i++) {
        if (!is_list(names[i]))
            continue;
        const char *path = ptv_path_join(mem, lists, names[i]);
        if (path)
            open_file(set, folder, path, names[i], NULL);
        set->no_memory |= !path;
    }
}

/* One entry a line; # and what follows it, at the start or behind a blank, is a comment. */
static void read_lines(ptv_loader *set, ptv_list *list)
{
    size_t most = 1, problems = 0;
    for (size_t i = 0; i < list->len; i++)
        most += list->text[i] == '\n';
    list->words = ptv_arena_calloc(&set->rs->mem, most, sizeof *list->words);
    list->lines = ptv_arena_calloc(&set->rs->mem, most, sizeof *list->lines);
    if (!list->words || !list->lines) {
        set->no_memory = true;
        return;
    }
    char *at = list->text, *end = list->text + list->len;
    if (list->len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    for (int line = 1; at < end; line++) {
        char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;
        for (char *p = at; p < stop; p++)
            if (*p == '#' && (p == at || ptv_is_blank(p[-1])))
                stop = p;
        const char *word = at, *problem = NULL;
        size_t len = (size_t)(stop - at);
        ptv_text_trim(&word, &len);
        if (len > MOST_ENTRY)
            problem = "an entry of over 1,000 bytes";
        else if (!ptv_utf8_valid(word, len))
            problem = "not UTF-8";
        for (size_t i = 0; i < len && !problem; i++)
            if ((unsigned char)word[i] < 0x20 || word[i] == 0x7f)
                problem = word[i] ? "a control character" : "a NUL";
        if (problem) {
            list->sound = false;
            if (++problems <= MOST_PROBLEMS)
                ptv_finding_add(set->findings, PTV_ERROR, list->path, line, "E-LIST", "%s", problem);
        } else if (len) {
            list->text[(size_t)(word - list->text) + len] = '\0'; /* at the newline, a blank or the end */
            list->words[list->count] = word;
            list->lines[list->count++] = line;
        }
        at = newline ? newline + 1 : end;
    }
    list->text = NULL;
}

static bool name_is_plain(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '-' || *p == '_' ||
              (*p == '.' && p != name)))
            return false;
    return *name && strlen(name) <= 100;
}

ptv_list *ptv_list_find(ptv_loading *l, const char *name, int line)
{
    ptv_loader *set = l->set;
    ptv_arena *mem = l->mem;
    size_t known = 0;
    for (ptv_list *list = set->rs->lists; list; list = list->next) {
        if (!list->folder || !ptv_text_equal(list->folder, l->folder))
            continue;
        known++;
        if (!ptv_text_equal(list->name, name))
            continue;
        if (list->text)
            read_lines(set, list);
        return list->sound ? list : NULL;
    }
    const char **names = ptv_arena_calloc(mem, known + 1, sizeof *names);
    size_t count = 0;
    for (ptv_list *list = set->rs->lists; names && list; list = list->next)
        if (list->folder && ptv_text_equal(list->folder, l->folder))
            names[count++] = list->name;
    if (!name_is_plain(name))
        ptv_problem(l, line, "E-LIST",
                    "%s is no name of a list: letters, digits, - _ . only; it is the name of a file in lists/ "
                    "without .txt",
                    ptv_quoted(mem, name));
    else
        ptv_problem(l, line, "E-LIST", "no list %s%s: there is no %s/lists/%s.txt", ptv_ticked(mem, name),
                    names ? ptv_did_you_mean(mem, name, names, count) : "", l->folder, name);
    return NULL;
}

/* -------------------------------------------------------------------------------------------------- sets */

ptv_list *ptv_list_of_words(ptv_loader *set, const char **words, size_t count, const char *path, int line)
{
    ptv_list *list = ptv_arena_calloc(&set->rs->mem, 1, sizeof *list);
    if (!list)
        return NULL;
    *list = (ptv_list){ .words = words, .count = count, .path = path, .line = line, .sound = true, .next = set->rs->lists };
    set->rs->lists = list;
    return list;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool ptv_list_fold(ptv_loader *set, ptv_list *list)
{
    if (list->folded)
        return true;
    const char **folded = ptv_arena_calloc(&set->rs->mem, list->count + 1, sizeof *folded);
    if (!folded)
        return false;
    for (size_t i = 0; i < list->count; i++) {
        folded[i] = ptv_text_fold(&set->rs->mem, list->words[i], strlen(list->words[i]));
        if (!folded[i])
            return false;
    }
    qsort(folded, list->count, sizeof *folded, by_bytes);
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (kept == 0 || strcmp(folded[kept - 1], folded[i]) != 0)
            folded[kept++] = folded[i];
    list->folded = folded;
    list->folded_count = kept;
    return true;
}

static ptv_code add_entry(ptv_indicators *to, ptv_op op, const char *word, ptv_error *err)
{
    if (op == PTV_OP_IN_ZONE)
        return ptv_indicators_add_zone(to, word, strlen(word), 0, err);
    if (op == PTV_OP_IN_CIDR) {
        unsigned char net[16];
        int bits;
        ptv_code rc = ptv_cidr_parse(net, &bits, word, err);
        if (rc)
            return rc;
    }
    return ptv_indicators_add(to, word, strlen(word), 0, err);
}

const ptv_indicators *ptv_list_set(ptv_loader *set, ptv_list *list, ptv_op op)
{
    int which = op == PTV_OP_IN_LIST ? 0 : op == PTV_OP_IN_ZONE ? 1 : 2;
    if (list->sets[which] || list->set_broken[which])
        return list->set_broken[which] ? NULL : list->sets[which];
    ptv_error err = { 0 };
    ptv_indicators *made = list->sets[which] = ptv_indicators_new();
    size_t problems = 0;
    ptv_code rc = made ? PTV_OK : PTV_ENOMEM;
    for (size_t i = 0; i < list->count && rc != PTV_ENOMEM; i++) {
        rc = add_entry(made, op, list->words[i], &err);
        if (!rc || rc == PTV_ENOMEM)
            continue;
        list->set_broken[which] = true;
        if (++problems <= MOST_PROBLEMS)
            ptv_finding_add(set->findings, PTV_ERROR, list->path, line_of(list, i), "E-LIST", "%s: %s: %s", ptv_op_name(op),
                            ptv_quoted(&set->rs->mem, list->words[i]), err.msg);
    }
    if (rc != PTV_ENOMEM)
        rc = ptv_indicators_seal(made, &err);
    if (rc) {
        set->no_memory = true;
        return NULL;
    }
    return list->set_broken[which] ? NULL : made;
}

/* ------------------------------------------------------------------------------------------------ written */

/* Why `artifact` is never this word; NULL: it may be. */
static const char *miswritten(ptv_loader *set, const char *word)
{
    ptv_arena scratch = PTV_ARENA(64 << 10), *mem = &set->rs->mem;
    const char *why = NULL;
    ptv_artifact a;
    ptv_error err = { 0 };
    size_t len = strlen(word);
    ptv_text_trim(&word, &len);
    ptv_code rc = ptv_artifact_parse(&a, &scratch, word, len, NULL, &err);
    if (rc == PTV_ENOMEM)
        set->no_memory = true;
    else if (rc)
        why = "it is neither a name nor an address; like, in_zone and in_cidr take patterns, zones and nets";
    else if (strlen(a.value) != len || strncasecmp(a.value, word, len) != 0)
        why = ptv_arena_printf(mem, "write %s", ptv_quoted(mem, a.value));
    ptv_arena_release(&scratch);
    return why;
}

bool ptv_list_check_written(ptv_loader *set, ptv_list *list)
{
    size_t problems = 0;
    for (size_t i = 0; i < list->count && !list->written_checked && problems < MOST_PROBLEMS; i++) {
        const char *why = miswritten(set, list->words[i]);
        if (!why)
            continue;
        problems++;
        ptv_finding_add(set->findings, PTV_ERROR, list->path, line_of(list, i), "E-ARTIFACT", "artifact is never %s: %s",
                        ptv_quoted(&set->rs->mem, list->words[i]), why);
    }
    list->written_wrong = list->written_wrong || problems > 0;
    list->written_checked = true;
    return !list->written_wrong;
}

/* ------------------------------------------------------------------------------------------------- width */

static const char *too_wide(ptv_arena *mem, ptv_op op, const char *word)
{
    static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
    unsigned char net[16];
    int bits;
    ptv_error err = { 0 };
    if (!ptv_cidr_parse(net, &bits, word, &err)) {
        if (bits >= 96 && memcmp(net, mapped, 12) == 0)
            return bits < 96 + 8 ? "more than a /8" : NULL;
        return bits < 16 ? "more than a /16" : NULL;
    }
    const char *zone = NULL, *name;
    if (ptv_text_starts(word, "*."))
        zone = word + 2;
    else if (word[0] == '.')
        zone = word + 1;
    else if (op == PTV_OP_IN_ZONE)
        zone = word;
    if (zone && !ptv_name_normalise(&name, mem, zone, strlen(zone), &err) && ptv_name_is_public_suffix(name))
        return "a public suffix: everybody's names end in it";
    return NULL;
}

void ptv_list_check_wide(ptv_loader *set, const ptv_cond *c)
{
    if (c->op == PTV_OP_NONE)
        return; /* wide there makes the allowance narrow */
    for (size_t i = 0; i < c->kid_count; i++)
        ptv_list_check_wide(set, c->kids[i]);
    if (c->op != PTV_OP_IN_LIST && c->op != PTV_OP_IN_ZONE && c->op != PTV_OP_IN_CIDR)
        return;
    size_t problems = 0;
    for (size_t i = 0; i < c->args.word_count; i++) {
        const char *why = too_wide(&set->rs->mem, c->op, c->args.words[i]);
        if (why && ++problems <= MOST_PROBLEMS)
            ptv_finding_add(set->findings, PTV_ERROR, c->args.list->path, line_of(c->args.list, i), "E-WIDE",
                            "%s in an allowance covers %s; say wide = true where that is meant",
                            ptv_quoted(&set->rs->mem, c->args.words[i]), why);
    }
}

void ptv_lists_free(ptv_list *first)
{
    for (ptv_list *list = first; list; list = list->next)
        for (size_t i = 0; i < 3; i++)
            ptv_indicators_free(list->sets[i]);
}
