/*
 * fuzz_rule_lists.c: any bytes as lists/x.txt, or, when they begin with a comma, behind it as lists/exceptions.csv: they
 * load, or each bad line is reported with its number and a text that can be printed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "base/text.h"
#include "rules/tree.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void write_file(const char *name, const void *bytes, size_t len)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    must(f && fwrite(bytes, 1, len, f) == len && !fclose(f));
}

static void clear(void)
{
    static const char *const names[] = { "lists/x.txt", "lists/exceptions.csv", "a.lua", "b.lua", "lists", "" };
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        remove(path);
    }
}

static void prepare(void)
{
    static const char words[] = "rule 'words' { severity = 'low', when = tags:has_any(list 'x') }";
    static const char sets[] =
        "allow 'sets' { reason = 'R', owner = 'O', expires = '2027-01-31', when = any { artifact:in_list(list 'x'), "
        "artifact:in_zone(list 'x'), artifact:in_cidr(list 'x') } }";
    char path[80];
    snprintf(folder, sizeof folder, "/tmp/ptv-fuzz-XXXXXX");
    must(mkdtemp(folder) != NULL);
    atexit(clear);
    snprintf(path, sizeof path, "%s/lists", folder);
    must(!mkdir(path, 0700));
    write_file("a.lua", words, sizeof words - 1);
    write_file("b.lua", sets, sizeof sets - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!*folder)
        prepare();
    bool csv = size && *data == ',';
    write_file("lists/x.txt", csv ? "a.example" : (const char *)data, csv ? 9 : size);
    write_file("lists/exceptions.csv", csv ? (const char *)data + 1 : "", csv ? size - 1 : 0);
    size_t live = ptv_mem_live();
    const char *path = folder;
    ptv_rules_options options = { .paths = &path, .path_count = 1, .supported = ~0u, .now = 1 };
    ptv_findings *findings = NULL;
    ptv_ruleset *rs = NULL;
    ptv_error err = { 0 };
    must(!ptv_findings_new(&findings, &err));
    ptv_code rc = ptv_ruleset_load(&rs, &options, findings, &err);
    must(rc == PTV_OK || rc == PTV_ERULES);
    must((rc == PTV_ERULES) == (ptv_findings_count(findings, PTV_ERROR) > 0));
    const ptv_finding *f;
    for (size_t i = 0; (f = ptv_findings_at(findings, i)); i++) {
        must(f->line > 0 && ptv_utf8_valid(f->message, strlen(f->message)));
        for (const char *p = f->message; *p; p++)
            must((unsigned char)*p >= 0x20 && *p != 0x7f);
    }
    for (size_t i = 0; rs && i < rs->allow_count; i++)
        must(*rs->allows[i]->reason && *rs->allows[i]->owner && rs->allows[i]->when);
    ptv_ruleset_unref(rs);
    ptv_findings_free(findings);
    must(ptv_mem_live() == live);
    return 0;
}
