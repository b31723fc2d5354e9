/*
 * rules_help.h: rule files of a test in a folder of their own, which is the current folder while the test runs, so that
 * findings name files as the test does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_TEST_RULES_HELP_H
#define PTV_TEST_RULES_HELP_H
#include "base/mem.h"
#include "rules/tree.h"
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct rules_test {
    char folder[64];
    int home;
    size_t live; /* allocations before */
    ptv_ruleset *rs;
    ptv_findings *findings;
    ptv_error err;
    ptv_rules_options options;
    char said[1 << 16]; /* the findings of the last load, a line each */
} rules_test;

static inline int rules_setup(void **state)
{
    rules_test *t = calloc(1, sizeof *t);
    assert_non_null(t);
    snprintf(t->folder, sizeof t->folder, "/tmp/ptv-rules-XXXXXX");
    assert_non_null(mkdtemp(t->folder));
    t->home = open(".", O_RDONLY | O_DIRECTORY);
    assert_true(t->home >= 0);
    assert_int_equal(chdir(t->folder), 0);
    t->live = ptv_mem_live();
    t->options = (ptv_rules_options){ .supported = 0xff, .now = INT64_C(1777593600) }; /* 2026-05-01 */
    *state = t;
    return 0;
}

static inline int rules_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st, (void)kind, (void)at;
    return remove(path);
}

static inline void rules_drop(rules_test *t)
{
    ptv_ruleset_unref(t->rs);
    ptv_findings_free(t->findings);
    t->rs = NULL;
    t->findings = NULL;
}

static inline int rules_teardown(void **state)
{
    rules_test *t = *state;
    rules_drop(t);
    assert_int_equal(ptv_mem_live(), t->live);
    assert_int_equal(fchdir(t->home), 0);
    close(t->home);
    nftw(t->folder, rules_remove, 8, FTW_DEPTH | FTW_PHYS);
    free(t);
    return 0;
}

static inline void rules_write_bytes(const char *name, const char *bytes, size_t len)
{
    if (strncmp(name, "lists/", 6) == 0)
        mkdir("lists", 0700);
    FILE *f = fopen(name, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static inline void rules_write(const char *name, const char *text)
{
    rules_write_bytes(name, text, strlen(text));
}

/* Load `paths` (NULL-terminated; none: the folder as "."). The findings are in t->said. */
static inline ptv_code rules_load_paths(rules_test *t, const char *const *paths)
{
    static const char *const here[] = { ".", NULL };
    static const char *const grades[] = { [PTV_NOTE] = "note", [PTV_WARNING] = "warning", [PTV_ERROR] = "error" };
    rules_drop(t);
    t->options.paths = paths ? paths : here;
    for (t->options.path_count = 0; t->options.paths[t->options.path_count];)
        t->options.path_count++;
    t->err = (ptv_error){ 0 };
    ptv_code rc = ptv_findings_new(&t->findings, &t->err);
    if (!rc)
        rc = ptv_ruleset_load(&t->rs, &t->options, t->findings, &t->err);
    size_t len = 0;
    t->said[0] = '\0';
    const ptv_finding *f;
    for (size_t i = 0; t->findings && (f = ptv_findings_at(t->findings, i)) && len < sizeof t->said - 1; i++)
        len += (size_t)snprintf(t->said + len, sizeof t->said - len, "%s:%d: %s: %s [%s]\n", f->file, f->line,
                                grades[f->grade], f->message, f->code);
    return rc;
}

/* One file of this text, loaded by its name: "bad.lua" unless said otherwise. */
static inline ptv_code rules_load_text(rules_test *t, const char *text)
{
    rules_write("bad.lua", text);
    return rules_load_paths(t, (const char *const[]){ "bad.lua", NULL });
}

#define assert_says(t, line)                                                                                                \
    do {                                                                                                                    \
        if (!strstr((t)->said, line))                                                                                       \
            print_error("not said: %s\nsaid:\n%s", line, (t)->said);                                                        \
        assert_non_null(strstr((t)->said, line));                                                                           \
    } while (0)
#define assert_says_only(t, text) assert_string_equal((t)->said, text)

#endif
