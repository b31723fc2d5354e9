/*
 * testing_expect.c: what a case expects, beside what came.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "testing.h"

#include "base/text.h"

typedef struct comparison {
    ptv_buf *out; /* NULL: only whether it differs */
    const ptv_decision *decision;
    const ptv_rule_result *culprit; /* the rule whose tree to show */
    bool differs;
} comparison;

static void differ(comparison *c, const char *fmt, ...) PTV_PRINTF(2, 3);
static void differ(comparison *c, const char *fmt, ...)
{
    c->differs = true;
    if (!c->out)
        return;
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    ptv_escape_terminal(c->out, line, strlen(line));
    ptv_buf_putc(c->out, '\n');
}

static const ptv_rule_result *find_rule(const ptv_decision *d, const char *id)
{
    for (size_t i = 0; i < d->rule_count; i++)
        if (strcmp(d->rules[i].id, id) == 0)
            return &d->rules[i];
    return NULL;
}

static void compare_rules(comparison *c, const ptv_case_pairs *expected)
{
    for (size_t i = 0; i < expected->count; i++) {
        const ptv_rule_result *rule = find_rule(c->decision, expected->items[i].key);
        const char *got = rule ? ptv_outcome_name(rule->outcome) : "no such rule";
        if (strcmp(got, expected->items[i].value) != 0) {
            differ(c, "rules[\"%s\"]: expected %s, got %s (%s)", expected->items[i].key, expected->items[i].value, got,
                   rule ? rule->reason : "");
            if (rule && !c->culprit)
                c->culprit = rule;
        }
    }
}

static void compare_hit(comparison *c, const ptv_case_pairs *expected)
{
    for (size_t i = 0; i < expected->count; i++) {
        const ptv_case_pair *e = &expected->items[i];
        const char *got = NULL;
        for (size_t k = 0; k < c->decision->hit_count; k++)
            if (strcmp(c->decision->hit[k].name, e->key) == 0)
                got = c->decision->hit[k].value;
        if (!e->value && got)
            differ(c, "hit[\"%s\"]: expected none, got \"%s\"", e->key, got);
        else if (e->value && !got)
            differ(c, "hit[\"%s\"]: expected \"%s\", got none", e->key, e->value);
        else if (e->value && strcmp(got, e->value) != 0)
            differ(c, "hit[\"%s\"]: expected \"%s\", got \"%s\"", e->key, e->value, got);
    }
}

static void compare_note(comparison *c, const ptv_expect *e)
{
    const char *note = c->decision->note ? c->decision->note : "";
    for (size_t i = 0; i < e->note_has.count; i++)
        if (!strstr(note, e->note_has.items[i].key))
            differ(c, "note_has: expected \"%s\" in the note, got \"%s\"", e->note_has.items[i].key, note);
    for (size_t i = 0; i < e->note_lacks.count; i++)
        if (strstr(note, e->note_lacks.items[i].key))
            differ(c, "note_lacks: \"%s\" stands in the note \"%s\"", e->note_lacks.items[i].key, note);
}

static bool holds(const ptv_case_pairs *list, const char *key)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].key, key) == 0)
            return true;
    return false;
}

static void compare_missing(comparison *c, const ptv_case_pairs *expected)
{
    const ptv_decision *d = c->decision;
    for (size_t i = 0; i < expected->count; i++) {
        bool found = false;
        for (size_t k = 0; k < d->missing_count; k++)
            found |= strcmp(ptv_section_name(d->missing[k].section), expected->items[i].key) == 0;
        if (!found)
            differ(c, "missing: expected %s, which was read or not needed", expected->items[i].key);
    }
    for (size_t k = 0; expected->line && k < d->missing_count; k++)
        if (!holds(expected, ptv_section_name(d->missing[k].section)))
            differ(c, "missing: got %s, which was not expected", ptv_section_name(d->missing[k].section));
}

static void compare_shadow(comparison *c, const ptv_case_pairs *expected)
{
    const ptv_decision *d = c->decision;
    for (size_t i = 0; i < expected->count; i++) {
        const ptv_rule_result *rule = find_rule(d, expected->items[i].key);
        if (!rule || rule->outcome != PTV_OUT_SHADOW_MATCH) {
            differ(c, "shadow: expected %s to match, got %s", expected->items[i].key,
                   rule ? ptv_outcome_name(rule->outcome) : "no such rule");
            if (rule && !c->culprit)
                c->culprit = rule;
        }
    }
    for (size_t i = 0; expected->line && i < d->rule_count; i++)
        if (d->rules[i].outcome == PTV_OUT_SHADOW_MATCH && !holds(expected, d->rules[i].id))
            differ(c, "shadow: %s matches, which was not expected", d->rules[i].id);
}

static void compare_suppressed(comparison *c, const char *expected)
{
    const char *got = "none";
    for (size_t i = 0; i < c->decision->rule_count; i++) {
        if (!c->decision->rules[i].suppressed_by)
            continue;
        got = c->decision->rules[i].suppressed_by;
        if (strcmp(got, expected) == 0)
            return;
    }
    differ(c, "suppressed_by: expected %s, got %s", expected, got);
}

/* The rule in question when only the verdict differs: the first live one that did not come out as the verdict would need. */
static const ptv_rule_result *likely_culprit(const ptv_decision *d, int expected)
{
    const ptv_rule_result *first = NULL;
    for (size_t i = 0; i < d->rule_count; i++) {
        const ptv_rule_result *rule = &d->rules[i];
        if (rule->status != PTV_LIVE)
            continue;
        if (!first)
            first = rule;
        if ((rule->outcome == PTV_OUT_MATCH) != (expected == PTV_VERDICT_COMPROMISED))
            return rule;
    }
    return first;
}

static void compare_all(comparison *c, const ptv_expect *e)
{
    const ptv_decision *d = c->decision;
    compare_rules(c, &e->rules);
    if (e->verdict >= 0 && e->verdict != (int)d->verdict) {
        differ(c, "verdict: expected %s, got %s (%s)", ptv_verdict_name((ptv_verdict)e->verdict),
               ptv_verdict_name(d->verdict), d->summary);
        if (!c->culprit)
            c->culprit = likely_culprit(d, e->verdict);
    }
    if (e->severity >= 0 && e->severity != (int)d->severity)
        differ(c, "severity: expected %s, got %s", ptv_level_name((ptv_level)e->severity), ptv_level_name(d->severity));
    if (e->could_be >= 0 && e->could_be != (int)d->could_be)
        differ(c, "could_be: expected %s, got %s", ptv_level_name((ptv_level)e->could_be), ptv_level_name(d->could_be));
    if (e->complete >= 0 && e->complete != (int)d->complete)
        differ(c, "complete: expected %s, got %s", e->complete ? "true" : "false", d->complete ? "true" : "false");
    compare_hit(c, &e->hit);
    compare_note(c, e);
    compare_missing(c, &e->missing);
    compare_shadow(c, &e->shadow);
    if (e->suppressed_by)
        compare_suppressed(c, e->suppressed_by);
    if (c->differs && !c->culprit)
        c->culprit = likely_culprit(d, PTV_VERDICT_COMPROMISED);
}

bool ptv_expect_differs(ptv_buf *out, const ptv_rule_result **culprit, const ptv_decision *decision,
                        const ptv_expect *expect)
{
    comparison c = { .out = out, .decision = decision };
    compare_all(&c, expect);
    if (culprit)
        *culprit = c.differs ? c.culprit : NULL;
    return c.differs;
}

/* The standard card and ours; a rule's own, with as many " (rule-id)" behind as clashes gave it. */
static bool is_hit_name(const ptv_ruleset *rs, const char *name, size_t len)
{
    for (size_t i = 0; i < PTV_CARD_COUNT; i++)
        if (strlen(ptv_card_names[i]) == len && memcmp(ptv_card_names[i], name, len) == 0)
            return true;
    for (size_t i = 0; i < rs->rule_count; i++) {
        const ptv_rule *rule = rs->rules[i];
        for (size_t h = 0; h < rule->hit_count; h++)
            if (!rule->hit[h].standard && strlen(rule->hit[h].name) == len && memcmp(rule->hit[h].name, name, len) == 0)
                return true;
        size_t id = strlen(rule->id);
        if (len > id + 3 && name[len - 1] == ')' && memcmp(name + len - 1 - id, rule->id, id) == 0 &&
            memcmp(name + len - 3 - id, " (", 2) == 0 && is_hit_name(rs, name, len - 3 - id))
            return true;
    }
    return false;
}

static bool check_hit(ptv_findings *findings, const ptv_case *c, const ptv_ruleset *rs, const char *path)
{
    const char *names[1024];
    size_t count = 0;
    bool sound = true;
    for (; count < PTV_CARD_COUNT; count++)
        names[count] = ptv_card_names[count];
    for (size_t i = 0; i < rs->rule_count; i++)
        for (size_t h = 0; h < rs->rules[i]->hit_count && count < 1024; h++)
            if (!rs->rules[i]->hit[h].standard)
                names[count++] = rs->rules[i]->hit[h].name;
    for (size_t i = 0; i < c->expect.hit.count; i++) {
        const ptv_case_pair *e = &c->expect.hit.items[i];
        if (is_hit_name(rs, e->key, strlen(e->key)))
            continue;
        sound = false;
        const char *near = ptv_text_nearest(e->key, names, count);
        ptv_finding_add(findings, PTV_ERROR, c->file, e->line, "E-NAME",
                        "case \"%s\": no rule in %s has a hit field '%.60s'%s%s%s", c->name, path, e->key,
                        near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
    }
    return sound;
}

/* The verdict follows from the severity and the level from which rules alert. */
static bool check_verdict(ptv_findings *findings, const ptv_case *c, ptv_level alert_from)
{
    const ptv_expect *e = &c->expect;
    if (e->verdict < 0 || e->severity < 0)
        return true;
    bool alerts = e->severity > PTV_LEVEL_NONE && e->severity >= (int)alert_from;
    bool fits = e->verdict == PTV_VERDICT_COMPROMISED ? alerts
                : e->verdict == PTV_VERDICT_SKIPPED   ? e->severity == PTV_LEVEL_NONE
                                                      : !alerts;
    if (!fits)
        ptv_finding_add(findings, PTV_ERROR, c->file, e->line, "E-KEY",
                        "case \"%s\": verdict %s cannot come with severity %s (rules alert from %s)", c->name,
                        ptv_verdict_name((ptv_verdict)e->verdict), ptv_level_name((ptv_level)e->severity),
                        ptv_level_name(alert_from));
    return fits;
}

static const char WIDER[] = "; scope = \"all\" takes all rules of the folder";

bool ptv_expect_check(ptv_findings *findings, const ptv_case *c, const ptv_ruleset *rs, const char *path,
                      ptv_level alert_from)
{
    const char *ids[1024];
    size_t count = 0;
    for (size_t i = 0; i < rs->rule_count && count < 1024; i++)
        ids[count++] = rs->rules[i]->id;
    const ptv_case_pairs *lists[] = { &c->expect.rules, &c->expect.shadow };
    bool sound = check_hit(findings, c, rs, path);
    sound &= check_verdict(findings, c, alert_from);
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < lists[k]->count; i++) {
            const char *id = lists[k]->items[i].key;
            bool known = false;
            for (size_t n = 0; n < rs->rule_count; n++)
                known |= strcmp(rs->rules[n]->id, id) == 0;
            if (known)
                continue;
            sound = false;
            const char *near = ptv_text_nearest(id, ids, count);
            ptv_finding_add(findings, PTV_ERROR, c->file, lists[k]->items[i].line, "E-NAME",
                            "case \"%s\": there is no rule '%.60s' in %s%s%s%s%s", c->name, id, path,
                            near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "", c->every_rule ? "" : WIDER);
        }
    }
    for (size_t i = 0; i < rs->rule_count; i++) {
        const ptv_rule *rule = rs->rules[i];
        if (rule->status == PTV_SHADOW || !holds(&c->expect.shadow, rule->id))
            continue;
        sound = false;
        ptv_finding_add(findings, PTV_ERROR, c->file, c->expect.shadow.line, "E-KEY",
                        "case \"%s\": shadow: rule '%.60s' is %s; write rules = { [\"%.60s\"] = \"%s\" }", c->name, rule->id,
                        rule->status == PTV_OFF ? "off" : "live", rule->id, rule->status == PTV_OFF ? "off" : "match");
    }
    const char *allow = c->expect.suppressed_by;
    bool known = !allow;
    for (size_t i = 0; i < rs->allow_count; i++)
        known |= allow && strcmp(rs->allows[i]->id, allow) == 0;
    if (!known)
        ptv_finding_add(findings, PTV_ERROR, c->file, c->expect.line, "E-NAME",
                        "case \"%s\": there is no allowance '%.60s' in %s%s", c->name, allow, path,
                        c->every_rule ? "" : WIDER);
    return sound && known;
}
