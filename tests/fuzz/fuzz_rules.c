/*
 * fuzz_rules.c: any bytes as a rule file: they load or are refused with findings that can be printed; what loads judges,
 * loads again to the same tree, and its custom functions end and say the same twice.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"
#include "base/text.h"
#include "rules/sandbox.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool can_be_printed(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return ptv_utf8_valid(text, strlen(text));
}

static ptv_ruleset *load(const char *path)
{
    static const ptv_rule_setting settings[] = { { "passivetotal_tags", "compromised,ransomware", "app.config:3", false },
                                                 { "fresh", "30d", "app.config:4", true } };
    ptv_rules_options options = {
        .paths = &path, .path_count = 1, .settings = settings, .setting_count = 2, .supported = ~0u, .now = 1
    };
    ptv_findings *findings = NULL;
    ptv_ruleset *rs = NULL;
    ptv_error err = { 0 };
    must(!ptv_findings_new(&findings, &err));
    ptv_code rc = ptv_ruleset_load(&rs, &options, findings, &err);
    must(rc == PTV_OK || rc == PTV_ERULES);
    must((rc == PTV_ERULES) == (ptv_findings_count(findings, PTV_ERROR) > 0));
    must(!rc || (err.msg[0] && !rs));
    const ptv_finding *f;
    for (size_t i = 0; (f = ptv_findings_at(findings, i)); i++)
        must(f->line >= 0 && *f->code && *f->message && can_be_printed(f->message));
    ptv_findings_free(findings);
    return rs;
}

static void run_customs(const ptv_ruleset *rs, const ptv_record *r)
{
    for (size_t i = 0; i < rs->node_count; i++) {
        const ptv_custom *custom = rs->nodes[i]->custom;
        ptv_truth first = PTV_NO, second = PTV_NO;
        ptv_arena mem = PTV_ARENA(1 << 20);
        const char *one = NULL, *two = NULL;
        ptv_error a = { 0 }, b = { 0 };
        if (custom) {
            ptv_code rc = ptv_custom_run(&first, &one, &mem, custom, r, &a);
            must(rc == ptv_custom_run(&second, &two, &mem, custom, r, &b));
            must(first == second && ptv_text_equal(one, two) && !strcmp(a.msg, b.msg));
        }
        ptv_arena_release(&mem);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t live = ptv_mem_live();
    int fd = memfd_create("rules", MFD_CLOEXEC);
    char path[64];
    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ptv_ruleset *rs = load(path);
    if (rs) {
        ptv_ruleset *again = load(path);
        must(again && !strcmp(rs->digest, again->digest) && !strcmp(rs->settings_digest, again->settings_digest));
        must(rs->node_count == again->node_count && rs->rule_count == again->rule_count);
        for (size_t i = 0; i < rs->node_count; i++)
            must(!strcmp(rs->nodes[i]->text, again->nodes[i]->text) && rs->nodes[i]->node == i &&
                 can_be_printed(rs->nodes[i]->text));
        ptv_ruleset_unref(again);

        ptv_arena mem = PTV_ARENA(8 << 20);
        ptv_artifact artifact;
        ptv_record r;
        ptv_decision decision;
        ptv_judge how = PTV_JUDGE;
        ptv_error err = { 0 };
        must(!ptv_artifact_parse(&artifact, &mem, "www.evil.example", 16, NULL, &err));
        ptv_record_init(&r, &artifact);
        r.artifact = artifact.value;
        r.artifact_type = ptv_artifact_type_names[artifact.type];
        r.now = 86400;
        r.sections[PTV_TAGS].state = PTV_STATE_OK;
        run_customs(rs, &r);
        ptv_code rc = ptv_ruleset_judge(&decision, &mem, rs, &r, &how, &err);
        must(rc == PTV_OK || rc == PTV_ETOOBIG);
        ptv_arena_release(&mem);
    }
    ptv_ruleset_unref(rs);
    close(fd);
    must(ptv_mem_live() == live);
    return 0;
}
