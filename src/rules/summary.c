/*
 * summary.c: a decision in words: why each rule came out as it did, and one line for the whole.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "rules/judge.h"

#include "base/clock.h"
#include "base/text.h"
#include "rules/explain.h"

enum { MOST_NAMES = 3 };

/* ---------------------------------------------------------------------------------------------- reasons */

static void put_why(ptv_buf *out, const ptv_judging *j, size_t index)
{
    const ptv_rule *rule = j->rs->rules[index];
    ptv_why_write(out, &j->trial, j->found[index].why, rule->levels, rule->level_count);
}

static const char *matched_reason(ptv_judging *j, size_t index)
{
    const ptv_rule_result *out = &j->results[index];
    const ptv_finding_of *found = &j->found[index];
    if (out->on_unknown) {
        ptv_buf_puts(&j->words, "unknown counts as a match (");
        put_why(&j->words, j, index);
        ptv_buf_puts(&j->words, ")");
    } else if (found->reached) {
        ptv_reason_write(&j->words, &j->trial, found->reached->when);
    } else if (found->open) {
        put_why(&j->words, j, index);
    } else { /* suppressed by an allowance on the artifact alone: its conditions were not looked at */
        ptv_buf_printf(&j->words, "suppressed by %s", out->suppressed_by);
    }
    return ptv_words_keep(&j->trial, &j->words);
}

static const char *reason_of(ptv_judging *j, size_t index)
{
    const ptv_rule *rule = j->rs->rules[index];
    switch (j->results[index].outcome) {
    case PTV_OUT_NO_MATCH:
        return "its conditions do not hold";
    case PTV_OUT_OFF:
        return rule->status == PTV_OFF ? "its status is off" : "off: no configured source knows a section it reads";
    case PTV_OUT_ERROR:
    case PTV_OUT_UNKNOWN:
        break;
    case PTV_OUT_MATCH:
    case PTV_OUT_SHADOW_MATCH:
    case PTV_OUT_SUPPRESSED:
        return matched_reason(j, index);
    }
    put_why(&j->words, j, index);
    return ptv_words_keep(&j->trial, &j->words);
}

void ptv_judging_reasons(ptv_judging *j)
{
    for (size_t i = 0; i < j->rs->rule_count && !j->trial.rc; i++)
        j->results[i].reason = reason_of(j, i);
}

/* ---------------------------------------------------------------------------------------------- summary */

/* "a, b, c and 2 more", for the rules that `pick` picks. */
static size_t put_names(ptv_judging *j, bool (*pick)(const ptv_judging *, size_t, const void *), const void *with)
{
    size_t count = 0;
    for (size_t i = 0; i < j->rs->rule_count; i++) {
        if (!pick(j, i, with) || ++count > MOST_NAMES)
            continue;
        if (count > 1)
            ptv_buf_puts(&j->words, ", ");
        ptv_buf_puts(&j->words, j->rs->rules[i]->id);
    }
    if (count > MOST_NAMES)
        ptv_buf_printf(&j->words, " and %zu more", count - MOST_NAMES);
    return count;
}

static bool is_matching(const ptv_judging *j, size_t i, const void *with)
{
    (void)with;
    return ptv_is_live_match(&j->results[i]);
}

static bool is_undecided(const ptv_judging *j, size_t i, const void *with)
{
    (void)with;
    return j->found[i].undecided;
}

static bool is_suppressed_by(const ptv_judging *j, size_t i, const void *with)
{
    const ptv_rule_result *r = &j->results[i];
    return r->status == PTV_LIVE && r->outcome == PTV_OUT_SUPPRESSED && strcmp(r->suppressed_by, with) == 0;
}

/* "; flagged-tags suppressed by our-zones until 2027-01-31", one clause an allowance. */
static bool put_suppressed(ptv_judging *j)
{
    bool any = false;
    for (size_t i = 0; i < j->rs->rule_count; i++) {
        const ptv_rule_result *r = &j->results[i];
        if (r->status != PTV_LIVE || r->outcome != PTV_OUT_SUPPRESSED)
            continue;
        size_t before = 0;
        while (before < i && !is_suppressed_by(j, before, r->suppressed_by))
            before++;
        if (before < i)
            continue;
        char day[32];
        ptv_time_format_day(day, r->suppressed_until);
        ptv_buf_puts(&j->words, "; ");
        put_names(j, is_suppressed_by, r->suppressed_by);
        ptv_buf_printf(&j->words, " suppressed by %s until %s", r->suppressed_by, day);
        any = true;
    }
    return any;
}

/* Reasons of every live rule that could still come out at `from` or above, once each. */
static void put_open_reasons(ptv_judging *j, ptv_level from)
{
    ptv_why why = 0;
    size_t speaker = 0; /* a rule whose custom condition can be quoted */
    for (size_t i = 0; i < j->rs->rule_count; i++) {
        const ptv_rule_result *r = &j->results[i];
        if (r->status != PTV_LIVE || !r->could_be || r->could_be < from)
            continue;
        ptv_why more = j->found[i].why;
        if ((more & ~PTV_WHY_SECTIONS) & ~why)
            speaker = i;
        why |= more;
    }
    const ptv_rule *rule = j->rs->rules[speaker];
    ptv_why_write(&j->words, &j->trial, why, rule->levels, rule->level_count);
}

static void put_read(ptv_judging *j)
{
    ptv_sections judged = 0;
    const char *comma = "";
    for (size_t i = 0; i < j->rs->rule_count; i++)
        if (j->rs->rules[i]->status == PTV_LIVE)
            judged |= j->rs->rules[i]->judged_sections;
    ptv_buf_puts(&j->words, " (read: ");
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        if (!(judged & j->trial.readable & PTV_BIT(s)))
            continue;
        ptv_buf_puts(&j->words, comma);
        ptv_buf_puts(&j->words, ptv_section_name((ptv_section)s));
        comma = ", ";
    }
    ptv_buf_puts(&j->words, *comma ? "). Not a clean bill." : "nothing). Not a clean bill.");
}

static void put_count(ptv_buf *out, size_t n)
{
    char digits[24], *at = digits + sizeof digits - 1;
    for (*at = '\0'; n || !*at; n /= 10)
        *--at = (char)('0' + n % 10);
    ptv_buf_puts(out, at);
}

static void summarise_no_match(ptv_judging *j)
{
    size_t live = 0;
    ptv_buf_puts(&j->words, "no_match");
    if (put_suppressed(j))
        return;
    if (j->decision->severity) {
        ptv_buf_puts(&j->words, ": ");
        put_names(j, is_matching, NULL);
        ptv_buf_printf(&j->words, " matched at %s, below %s", ptv_level_name(j->decision->severity),
                       ptv_level_name(j->how->alert_from));
    } else {
        for (size_t i = 0; i < j->rs->rule_count; i++)
            live += j->results[i].status == PTV_LIVE && j->results[i].outcome != PTV_OUT_OFF;
        if (live == 1) {
            ptv_buf_puts(&j->words, ": the only rule did not match");
        } else {
            ptv_buf_puts(&j->words, ": none of ");
            put_count(&j->words, live);
            ptv_buf_puts(&j->words, " rules matched");
        }
    }
    put_read(j);
}

static void summarise_unknown(ptv_judging *j)
{
    const ptv_decision *d = j->decision;
    if (!ptv_any_judged(j->results, j->rs->rule_count)) {
        ptv_buf_puts(&j->words, "unknown: no rule is live, so nothing was judged; asking again is useless until one is");
        return;
    }
    ptv_buf_puts(&j->words, "unknown: ");
    put_names(j, is_undecided, NULL);
    ptv_buf_puts(&j->words, " not decided (");
    put_open_reasons(j, j->how->alert_from);
    if (d->unknown_kind == PTV_UNKNOWN_FIX) {
        ptv_buf_puts(&j->words, "); asking again is useless until that is mended");
    } else if (d->retry_after_s >= 0) {
        char wait[32];
        ptv_duration_format(wait, d->retry_after_s);
        ptv_buf_printf(&j->words, "); ask again in %s", wait);
    } else {
        ptv_buf_puts(&j->words, "); ask again later");
    }
    put_suppressed(j);
}

void ptv_judging_summary(ptv_judging *j)
{
    ptv_decision *d = j->decision;
    switch (d->verdict) {
    case PTV_VERDICT_COMPROMISED:
        ptv_buf_printf(&j->words, "compromised, %s", ptv_level_name(d->severity));
        if (d->could_be) {
            ptv_buf_printf(&j->words, "; %s not ruled out (", ptv_level_name(d->could_be));
            put_open_reasons(j, (ptv_level)(d->severity + 1));
            ptv_buf_puts(&j->words, ")");
        }
        put_suppressed(j);
        break;
    case PTV_VERDICT_UNKNOWN:
        summarise_unknown(j);
        break;
    case PTV_VERDICT_SKIPPED:
        ptv_buf_printf(&j->words, "skipped: %s; no call was spent and no rule matched without one",
                       j->trial.record->subject->reach_reason ? j->trial.record->subject->reach_reason : "not routable");
        put_suppressed(j);
        break;
    case PTV_VERDICT_NO_MATCH:
        summarise_no_match(j);
        break;
    }
    d->summary = ptv_words_keep(&j->trial, &j->words);
}
