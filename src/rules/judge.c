/*
 * judge.c: from rules and a record to a decision.
 *
 * The order matters: allowances on the artifact alone first (they suppress whatever the conditions say), then each
 * rule's levels from the highest down, then the other allowances, and only for rules that match or are unknown. Text is
 * made last, for the rules that have something to say.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/judge.h"

#include "base/clock.h"
#include "rules/explain.h"

/* -------------------------------------------------------------------------------------------- allowances */

bool ptv_allow_applies(const ptv_allow *a, const ptv_rule *rule)
{
    if (!a->applies_to)
        return true;
    for (size_t i = 0; i < a->applies_count; i++)
        if (strcmp(a->applies_to[i], rule->id) == 0)
            return true;
    return false;
}

const ptv_allow_state *ptv_allow_judge(ptv_trial *e, ptv_allow_state *states, const ptv_ruleset *rs, size_t index)
{
    ptv_allow_state *state = &states[index];
    if (state->is != PTV_ALLOW_UNASKED)
        return state;
    const ptv_allow *a = rs->allows[index];
    ptv_truth t = ptv_cond_eval(e, a->when, &state->why);
    if (t == PTV_YES && e->time_required && !e->rc) /* expiry is a time test too */
        e->rc = ptv_fail(e->err, PTV_EINVAL, "needs --now: the record has no fetched_at");
    state->is = t == PTV_NO       ? PTV_ALLOW_NO
                : t == PTV_UNSURE ? PTV_ALLOW_UNSURE
                                  : (e->now_day <= a->expires_day ? PTV_ALLOW_HOLDS : PTV_ALLOW_EXPIRED);
    return state;
}

const ptv_allow *ptv_allow_always(ptv_trial *e, ptv_allow_state *states, const ptv_ruleset *rs, const ptv_rule *rule)
{
    for (size_t i = 0; i < rs->allow_count; i++) {
        const ptv_allow *a = rs->allows[i];
        if (a->artifact_only && ptv_allow_judge(e, states, rs, i)->is == PTV_ALLOW_HOLDS && ptv_allow_applies(a, rule))
            return a;
    }
    return NULL;
}

static void suppress(ptv_rule_result *out, const ptv_allow *a)
{
    out->outcome = PTV_OUT_SUPPRESSED;
    out->could_be = PTV_LEVEL_NONE;
    out->suppressed_by = a->id;
    out->suppress_reason = a->reason;
    out->suppressed_until = a->expires_day * PTV_DAY_S;
    out->would_suppress = NULL;
}

static void warn_undecided(ptv_judging *j, const ptv_allow *a, ptv_why why, const ptv_rule *rule)
{
    ptv_buf_printf(&j->warnings, "%s is not suppressed: allowance %s could not be decided (", rule->id, a->id);
    ptv_why_write(&j->warnings, &j->trial, why, &(ptv_level_rule){ .when = a->when }, 1);
    ptv_buf_puts(&j->warnings, ")\n");
}

/* A rule that matches or is unknown: may it? */
static void ask_allowances(ptv_judging *j, size_t index)
{
    const ptv_rule *rule = j->rs->rules[index];
    ptv_rule_result *out = &j->results[index];
    for (size_t i = 0; i < j->rs->allow_count && !j->trial.rc; i++) {
        const ptv_allow *a = j->rs->allows[i];
        if (!ptv_allow_applies(a, rule))
            continue;
        const ptv_allow_state *state = ptv_allow_judge(&j->trial, j->allows, j->rs, i);
        if (state->is == PTV_ALLOW_HOLDS) {
            suppress(out, a);
            return;
        }
        if (state->is == PTV_ALLOW_EXPIRED && !out->would_suppress)
            out->would_suppress = a->id;
    }
    if (!ptv_is_live_match(out))
        return;
    for (size_t i = 0; i < j->rs->allow_count && !j->trial.rc; i++)
        if (j->allows[i].is == PTV_ALLOW_UNSURE && ptv_allow_applies(j->rs->allows[i], rule))
            warn_undecided(j, j->rs->allows[i], j->allows[i].why, rule);
}

/* ------------------------------------------------------------------------------------------------- rules */

bool ptv_rule_is_off(const ptv_rule *rule, const ptv_record *record)
{
    if (rule->status == PTV_OFF)
        return true;
    if (!rule->off_when_unsupported)
        return false;
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        if ((rule->judged_sections & PTV_BIT(s)) && record->sections[s].state == PTV_STATE_UNSUPPORTED)
            return true;
    return false;
}

static void judge_levels(ptv_judging *j, const ptv_rule *rule, ptv_rule_result *out, ptv_finding_of *found)
{
    for (size_t i = 0; i < rule->level_count && !found->reached && !j->trial.rc; i++) {
        const ptv_level_rule *level = &rule->levels[i];
        ptv_truth t = ptv_cond_eval(&j->trial, level->when, &found->why);
        if (t == PTV_YES)
            found->reached = level;
        else if (t == PTV_UNSURE && !found->open)
            found->open = level;
    }
    const ptv_level_rule *open = found->open;
    if (open && rule->on_unknown_match && !(found->why & PTV_WHY_ERROR)) { /* fail closed */
        out->on_unknown = true;
        found->reached = open;
        open = NULL;
    }
    out->severity = found->reached ? found->reached->level : PTV_LEVEL_NONE;
    out->could_be = open ? open->level : PTV_LEVEL_NONE;
    if (found->reached)
        out->outcome = PTV_OUT_MATCH;
    else if (!open)
        out->outcome = PTV_OUT_NO_MATCH;
    else
        out->outcome = found->why & PTV_WHY_ERROR ? PTV_OUT_ERROR : PTV_OUT_UNKNOWN;
}

static void judge_rule(ptv_judging *j, size_t index)
{
    const ptv_rule *rule = j->rs->rules[index];
    ptv_rule_result *out = &j->results[index];
    *out = (ptv_rule_result){ .id = rule->id,
                              .title = rule->title,
                              .file = rule->file,
                              .line = rule->line,
                              .status = rule->status,
                              .suppressed_until = PTV_NO_TIME,
                              .description = rule->description,
                              .owner = rule->owner,
                              .references = rule->references,
                              .false_positives = rule->false_positives,
                              .next_step = rule->next_step,
                              .attack = rule->attack };
    if (ptv_rule_is_off(rule, j->trial.record)) {
        out->outcome = PTV_OUT_OFF;
        return;
    }
    const ptv_allow *always = ptv_allow_always(&j->trial, j->allows, j->rs, rule);
    if (always) {
        suppress(out, always);
    } else {
        judge_levels(j, rule, out, &j->found[index]);
        if (j->rs->allow_count && (out->outcome == PTV_OUT_MATCH || out->outcome == PTV_OUT_UNKNOWN))
            ask_allowances(j, index);
    }
    if (rule->status == PTV_SHADOW && out->outcome == PTV_OUT_MATCH)
        out->outcome = PTV_OUT_SHADOW_MATCH;
}

/* What a live rule needed and did not get. A section that was not needed when the record was fetched is named only when
 * nothing else explains the gap. */
static void find_missing(ptv_judging *j, size_t index)
{
    const ptv_rule_result *out = &j->results[index];
    ptv_finding_of *found = &j->found[index];
    if (out->status != PTV_LIVE || out->outcome == PTV_OUT_SUPPRESSED)
        return;
    ptv_sections missing = found->why & PTV_WHY_SECTIONS, not_needed = 0;
    if (!out->on_unknown && !out->could_be)
        missing = 0;
    if (out->outcome == PTV_OUT_MATCH)
        missing |= j->rs->rules[index]->shown_sections & ~j->trial.readable;
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        if (j->trial.record->sections[s].state == PTV_STATE_NOT_NEEDED)
            not_needed |= PTV_BIT(s);
    found->missing = missing & ~not_needed ? missing & ~not_needed : missing;
}

/* ----------------------------------------------------------------------------------------------- verdict */

/* Sections that nobody could be asked for because the artifact is not routable. */
static ptv_sections blocked_sections(const ptv_judging *j)
{
    ptv_sections blocked = 0;
    for (int s = 0; s < PTV_SECTION_COUNT && j->how->not_routable; s++) {
        ptv_state state = j->trial.record->sections[s].state;
        if (state == PTV_STATE_NOT_ASKED || state == PTV_STATE_NOT_NEEDED || state == PTV_STATE_UNSUPPORTED)
            blocked |= PTV_BIT(s);
    }
    return blocked;
}

/* Local sources may know an artifact that nobody else could be asked about. */
static bool any_read(const ptv_judging *j)
{
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        if (ptv_section_readable(j->trial.record, (ptv_section)s))
            return true;
    return false;
}

/* Would asking again help? */
static ptv_unknown_kind kind_of(const ptv_judging *j, ptv_sections sections)
{
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        const ptv_section_info *info = &j->trial.record->sections[s];
        if ((sections & PTV_BIT(s)) && info->state != PTV_STATE_UNSUPPORTED &&
            (info->cause == PTV_CAUSE_NONE || ptv_cause_is_later(info->cause)))
            return PTV_UNKNOWN_LATER;
    }
    return PTV_UNKNOWN_FIX;
}

static void find_verdict(ptv_judging *j)
{
    ptv_decision *d = j->decision;
    ptv_level alert = j->how->alert_from, could_be = PTV_LEVEL_NONE;
    ptv_sections blocked = blocked_sections(j), undecided_by = 0;
    bool undecided = false, held_up = false; /* held_up: only by what nobody could be asked */
    for (size_t i = 0; i < j->rs->rule_count; i++) {
        const ptv_rule_result *out = &j->results[i];
        ptv_finding_of *found = &j->found[i];
        if (out->status != PTV_LIVE || out->outcome == PTV_OUT_OFF)
            continue;
        if (out->outcome == PTV_OUT_MATCH && out->severity > d->severity)
            d->severity = out->severity;
        if (out->could_be > could_be)
            could_be = out->could_be;
        ptv_why why = found->why & PTV_WHY_SECTIONS;
        bool by_blocked = why && !(why & ~blocked) && !(found->why & PTV_WHY_ERROR);
        bool open = out->could_be && out->could_be >= alert;
        held_up |= open && by_blocked;
        found->undecided = open && !by_blocked;
        if (found->undecided) {
            undecided = true;
            undecided_by |= why;
        }
    }
    d->could_be = could_be > d->severity ? could_be : PTV_LEVEL_NONE;
    if (d->severity && d->severity >= alert)
        d->verdict = PTV_VERDICT_COMPROMISED;
    else if (undecided)
        d->verdict = PTV_VERDICT_UNKNOWN;
    else if (j->how->not_routable && !d->severity && (held_up || !any_read(j)))
        d->verdict = PTV_VERDICT_SKIPPED;
    else /* without a live rule "no match" would be said of nothing at all */
        d->verdict = ptv_any_judged(j->results, j->rs->rule_count) ? PTV_VERDICT_NO_MATCH : PTV_VERDICT_UNKNOWN;
    if (d->verdict == PTV_VERDICT_SKIPPED)
        d->could_be = PTV_LEVEL_NONE;
    if (d->verdict == PTV_VERDICT_UNKNOWN)
        d->unknown_kind = kind_of(j, undecided_by);
}

static void list_missing(ptv_judging *j)
{
    ptv_decision *d = j->decision;
    size_t users[PTV_SECTION_COUNT] = { 0 }, sections = 0;
    d->complete = true;
    d->retry_after_s = -1;
    for (size_t i = 0; i < j->rs->rule_count; i++)
        for (int s = 0; s < PTV_SECTION_COUNT && j->found[i].missing; s++)
            if ((j->found[i].missing & PTV_BIT(s)) && users[s]++ == 0)
                sections++;
    if (!sections)
        return;
    d->complete = false;
    ptv_missing *list = ptv_arena_calloc(j->trial.mem, sections, sizeof *list);
    d->missing = list;
    for (int s = 0; s < PTV_SECTION_COUNT && list; s++) {
        if (!users[s])
            continue;
        ptv_missing *m = &list[d->missing_count++];
        *m = (ptv_missing){ .section = (ptv_section)s };
        m->rules = ptv_arena_calloc(j->trial.mem, users[s], sizeof *m->rules);
        if (!m->rules)
            break;
        for (size_t i = 0; i < j->rs->rule_count; i++)
            if (j->found[i].missing & PTV_BIT(s))
                m->rules[m->rule_count++] = j->rs->rules[i]->id;
        if (j->trial.record->sections[s].retry_after_s > d->retry_after_s)
            d->retry_after_s = j->trial.record->sections[s].retry_after_s;
    }
    if (!list || !list[d->missing_count - 1].rules)
        j->trial.rc = ptv_arena_fail(j->trial.mem, j->trial.err);
}

/* --------------------------------------------------------------------------------------------- the rest */

static void warn_future(ptv_judging *j)
{
    for (size_t i = 0; i < ptv_field_count && j->trial.future_fields; i++)
        if (j->trial.future_fields & (1u << i))
            ptv_buf_printf(&j->warnings, "%s lies in the future; it counts as recent\n", ptv_fields[i].name);
    if (j->trial.future_rows)
        ptv_buf_puts(&j->warnings, "passive_dns.records has times in the future; they count as recent\n");
}

static void keep_warnings(ptv_judging *j)
{
    warn_future(j);
    if (j->warnings.failed == PTV_ETOOBIG) /* warnings are many and alike by then: what fits is enough */
        j->warnings.failed = PTV_OK;
    if (!j->warnings.len && !j->warnings.failed)
        return;
    if (j->warnings.len && j->warnings.data[j->warnings.len - 1] == '\n')
        j->warnings.data[--j->warnings.len] = '\0';
    j->decision->warnings = ptv_words_keep(&j->trial, &j->warnings);
}

static void take_id(ptv_judging *j)
{
    ptv_digest *own = j->rs->hasher ? NULL : ptv_digest_new(), *h = j->rs->hasher ? j->rs->hasher : own;
    if (!h) {
        j->trial.rc = ptv_fail_nomem(j->trial.err);
        return;
    }
    ptv_digest_begin(h);
    ptv_digest_add_text(h, j->trial.record->subject->value);
    ptv_digest_add_int(h, j->decision->now);
    ptv_digest_add_text(h, j->rs->digest);
    ptv_digest_add_text(h, j->rs->settings_digest);
    ptv_digest_add_text(h, j->trial.record->digest);
    ptv_digest_end(h, j->decision->id);
    j->decision->id[32] = '\0'; /* half of it is unique enough, and can be read out */
    ptv_digest_free(own);
}

/* A second pass that evaluates everything; the decision is made by then and does not depend on it. */
static void trace(ptv_judging *j)
{
    j->trial.walking = true;
    for (size_t i = 0; i < j->rs->rule_count && !j->trial.rc; i++) {
        const ptv_rule *rule = j->rs->rules[i];
        if (!rule->level_count || j->results[i].outcome == PTV_OUT_OFF)
            continue;
        j->results[i].trace = ptv_trace_rule(&j->trial, rule);
        j->results[i].trace_count = j->trial.rc ? 0 : rule->level_count;
    }
    for (size_t i = 0; i < j->rs->allow_count && j->trial.truths && !j->trial.rc; i++)
        ptv_trace_note(&j->trial, j->rs->allows[i]->when);
}

static void judge(ptv_judging *j)
{
    const ptv_ruleset *rs = j->rs;
    for (size_t i = 0; i < rs->rule_count && !j->trial.rc; i++) {
        judge_rule(j, i);
        find_missing(j, i);
    }
    if (j->trial.rc)
        return;
    find_verdict(j);
    list_missing(j);
    if (j->how->brief)
        return;
    void (*const rest[])(ptv_judging *) = {
        ptv_judging_reasons, ptv_judging_card, ptv_judging_note, ptv_judging_summary, keep_warnings, take_id, trace
    };
    size_t steps = sizeof rest / sizeof rest[0] - (j->how->trace ? 0 : 1);
    for (size_t i = 0; i < steps && !j->trial.rc; i++)
        rest[i](j);
    if (j->how->why_not && !j->trial.rc)
        ptv_judging_why_not(j);
}

ptv_code ptv_ruleset_judge(ptv_decision *out, ptv_arena *mem, const ptv_ruleset *rs, const ptv_record *record,
                           const ptv_judge *how, ptv_error *err)
{
    ptv_decision decision = { .now = record->now, .ruleset_files = rs->file_count };
    memcpy(decision.ruleset_digest, rs->digest, sizeof decision.ruleset_digest);
    memcpy(decision.settings_digest, rs->settings_digest, sizeof decision.settings_digest);
    ptv_judging j = { .rs = rs,
                      .how = how,
                      .decision = &decision,
                      .results = ptv_arena_calloc(mem, rs->rule_count + 1, sizeof *j.results),
                      .found = ptv_arena_calloc(mem, rs->rule_count + 1, sizeof *j.found),
                      .allows = ptv_arena_calloc(mem, rs->allow_count + 1, sizeof *j.allows),
                      .words = PTV_BUF(1 << 20),
                      .warnings = PTV_BUF(1 << 16) };
    if (!j.results || !j.found || !j.allows)
        return ptv_arena_fail(mem, err);
    ptv_trial_init(&j.trial, mem, record, how, err);
    if (how->truths)
        memset(how->truths, PTV_NOT_EVALUATED, rs->node_count);
    judge(&j);
    ptv_buf_release(&j.words);
    ptv_buf_release(&j.warnings);
    if (j.trial.rc)
        return j.trial.rc;
    decision.rules = j.results;
    decision.rule_count = rs->rule_count;
    *out = decision;
    return PTV_OK;
}
