/*
 * rules_text.h: a rule set from Lua text, for tests of what it does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_TEST_RULES_TEXT_H
#define PTV_TEST_RULES_TEXT_H
#include "rules/tree.h"

#include "../unit/scratch_dir.h"

static const ptv_rule_setting RULE_SETTINGS[] = {
    { "passivetotal_tags", "compromised,ransomware", "app.config:1", false },
    { "fresh", "30d", "app.config:2", true },
};

/* NULL: refused; *why then has the first finding, "rules.lua:3: … [E-X]". */
static inline ptv_ruleset *rules_from(const char *lua, char why[512])
{
    scratch_dir dir;
    assert_true(scratch_dir_make(&dir));
    scratch_write(&dir, "rules.lua", lua);
    const char *path = dir.file;
    ptv_rules_options options = {
        .paths = &path, .path_count = 1, .settings = RULE_SETTINGS, .setting_count = 2, .supported = ~0u
    };
    ptv_findings *findings = NULL;
    ptv_ruleset *rs = NULL;
    ptv_error err = { 0 };
    assert_int_equal(ptv_findings_new(&findings, &err), PTV_OK);
    ptv_code rc = ptv_ruleset_load(&rs, &options, findings, &err);
    for (size_t i = 0; rc && i < ptv_findings_count(findings, PTV_NOTE); i++) {
        const ptv_finding *f = ptv_findings_at(findings, i);
        if (f->grade != PTV_ERROR)
            continue;
        snprintf(why, 512, "rules.lua:%d: %s [%s]", f->line, f->message, f->code);
        break;
    }
    ptv_findings_free(findings);
    scratch_dir_remove(&dir);
    return rc ? NULL : rs;
}

#endif
