/*
 * json.c: a decision as one JSON object a line, the form that programs keep. docs/decision.schema.json describes it and
 * tests/cli/schema.t holds it to that. This is the hot path of bulk judging: keys and values go straight to the buffer.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "report/parts.h"

#include <string.h>

static void put_level(ptv_json_out *o, const char *key, ptv_level level)
{
    ptv_json_put_text(o, key, level == PTV_LEVEL_NONE ? NULL : ptv_level_name(level));
}

static void put_day(ptv_json_out *o, const char *key, int64_t utc)
{
    char day[32];

    ptv_day_text(day, utc);
    ptv_json_put_text(o, key, day[0] ? day : NULL);
}

static void put_missing(ptv_json_out *o, const ptv_result *r)
{
    const ptv_decision *d = r->decision;

    ptv_json_open(o, "missing", '[');
    for (size_t i = 0; i < d->missing_count; i++) {
        const ptv_missing *m = &d->missing[i];
        const ptv_section_info *info = &r->record->sections[m->section];

        ptv_json_open(o, NULL, '{');
        ptv_json_put_text(o, "section", ptv_section_name(m->section));
        ptv_json_put_text(o, "state", ptv_state_name(info->state));
        ptv_json_put_text(o, "reason", info->reason);
        ptv_json_open(o, "rules", '[');
        for (size_t k = 0; k < m->rule_count; k++)
            ptv_json_put_text(o, NULL, m->rules[k]);
        ptv_json_close(o, ']');
        ptv_json_close(o, '}');
    }
    ptv_json_close(o, ']');
}

static void put_rules(ptv_json_out *o, const ptv_decision *d)
{
    ptv_json_open(o, "rules", '[');
    for (size_t i = 0; i < d->rule_count; i++) {
        const ptv_rule_result *rule = &d->rules[i];

        ptv_json_open(o, NULL, '{');
        ptv_json_put_text(o, "id", rule->id);
        ptv_json_put_text(o, "outcome", ptv_outcome_name(rule->outcome));
        put_level(o, "severity", rule->severity);
        ptv_json_put_text(o, "file", rule->file);
        ptv_json_put_int(o, "line", rule->line);
        ptv_json_put_text(o, "reason", rule->reason);
        ptv_json_close(o, '}');
    }
    ptv_json_close(o, ']');
}

void ptv_hit_put(ptv_json_out *o, const ptv_decision *d)
{
    ptv_json_open(o, "hit", '[');
    for (size_t i = 0; i < d->hit_count; i++) {
        ptv_json_open(o, NULL, '{');
        ptv_json_put_text(o, "name", d->hit[i].name);
        ptv_json_put_text(o, "type", ptv_hit_type_name(d->hit[i].type));
        ptv_json_put_text(o, "value", d->hit[i].value);
        ptv_json_close(o, '}');
    }
    ptv_json_close(o, ']');
}

/* One entry for each allowance that held a rule back, and for each that would have, had it not expired. */
static void put_suppressed(ptv_json_out *o, const ptv_decision *d)
{
    ptv_json_open(o, "suppressed", '[');
    for (size_t i = 0; i < d->rule_count; i++) {
        const ptv_rule_result *rule = &d->rules[i];

        if (!rule->suppressed_by && !rule->would_suppress)
            continue;
        ptv_json_open(o, NULL, '{');
        ptv_json_put_text(o, "rule", rule->id);
        put_level(o, "severity", rule->severity);
        ptv_json_put_text(o, "by", rule->suppressed_by ? rule->suppressed_by : rule->would_suppress);
        ptv_json_put_text(o, "reason", rule->suppress_reason);
        put_day(o, "until", rule->suppressed_until);
        ptv_json_put_bool(o, "expired", !rule->suppressed_by);
        ptv_json_close(o, '}');
    }
    ptv_json_close(o, ']');
}

static void put_shadow(ptv_json_out *o, const ptv_decision *d)
{
    ptv_json_open(o, "shadow", '[');
    for (size_t i = 0; i < d->rule_count; i++) {
        const ptv_rule_result *rule = &d->rules[i];

        if (rule->status != PTV_SHADOW)
            continue;
        ptv_json_open(o, NULL, '{');
        ptv_json_put_text(o, "rule", rule->id);
        ptv_json_put_text(o, "outcome", ptv_outcome_name(rule->outcome));
        put_level(o, "severity", rule->severity);
        ptv_json_close(o, '}');
    }
    ptv_json_close(o, ']');
}

/* How old the answer was when it was judged: a recorded one says only when it was given. */
static int64_t age_s(const ptv_record *record, const ptv_section_info *info)
{
    if (record->now == PTV_NO_TIME || info->fetched_at == PTV_NO_TIME || record->now - info->fetched_at < info->age_s)
        return info->age_s;
    return record->now - info->fetched_at;
}

static void put_sections(ptv_json_out *o, const ptv_record *record)
{
    ptv_json_open(o, "sections", '[');
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        const ptv_section_info *info = &record->sections[s];

        ptv_json_open(o, NULL, '{');
        ptv_json_put_text(o, "name", ptv_section_name((ptv_section)s));
        ptv_json_put_text(o, "state", ptv_state_name(info->state));
        ptv_json_put_text(o, "source", info->source);
        if (info->http > 0)
            ptv_json_put_int(o, "http", info->http);
        else
            ptv_json_put_null(o, "http");
        ptv_json_put_time(o, "fetched_at", info->fetched_at);
        if (ptv_section_readable(record, (ptv_section)s))
            ptv_json_put_int(o, "age_s", age_s(record, info));
        else
            ptv_json_put_null(o, "age_s");
        ptv_json_put_int(o, "calls", info->calls);
        ptv_json_close(o, '}');
    }
    ptv_json_close(o, ']');
}

static const char *const truth_words[] = { "no", "yes", "unknown", "not_evaluated" };

static void put_conditions(ptv_json_out *o, const char *key, const ptv_trace *trace, size_t count)
{
    ptv_json_open(o, key, '[');
    for (size_t i = 0; i < count; i++) {
        const ptv_trace *t = &trace[i];

        ptv_json_open(o, NULL, '{');
        ptv_json_put_text(o, "truth", truth_words[t->truth]);
        ptv_json_put_text(o, "text", t->text);
        ptv_json_put_text(o, "seen", t->seen);
        ptv_json_put_text(o, "file", t->file);
        ptv_json_put_int(o, "line", t->line);
        put_conditions(o, "kids", t->kids, t->kid_count);
        ptv_json_close(o, '}');
    }
    ptv_json_close(o, ']');
}

static void put_trace(ptv_json_out *o, const ptv_decision *d)
{
    ptv_json_open(o, "trace", '[');
    for (size_t i = 0; i < d->rule_count; i++) {
        const ptv_rule_result *rule = &d->rules[i];

        if (!rule->trace)
            continue;
        ptv_json_open(o, NULL, '{');
        ptv_json_put_text(o, "rule", rule->id);
        put_conditions(o, "conditions", rule->trace, rule->trace_count);
        ptv_json_close(o, '}');
    }
    ptv_json_close(o, ']');
}

static void put_why_not(ptv_json_out *o, const ptv_why_not *w)
{
    ptv_json_open(o, "why_not", '{');
    ptv_json_put_text(o, "rule", w->rule);
    ptv_json_put_text(o, "outcome", ptv_outcome_name(w->outcome));
    put_level(o, "level", w->level);
    ptv_json_put_text(o, "besides", w->besides);
    ptv_json_open(o, "turns", '[');
    for (size_t i = 0; i < w->turn_count; i++) {
        const ptv_turn *t = &w->turns[i];
        ptv_json_open(o, NULL, '{');
        ptv_json_put_text(o, "truth", truth_words[t->truth]);
        ptv_json_put_text(o, "must_be", t->must_be ? "yes" : "no");
        ptv_json_put_text(o, "text", t->text);
        ptv_json_put_text(o, "seen", t->seen);
        ptv_json_put_bool(o, "unread", t->unread);
        ptv_json_put_text(o, "file", t->file);
        ptv_json_put_int(o, "line", t->line);
        ptv_json_close(o, '}');
    }
    ptv_json_close(o, ']');
    ptv_json_close(o, '}');
}

void ptv_decision_put(ptv_json_out *o, const char *key, const ptv_result *r, unsigned flags)
{
    const ptv_decision *d = r->decision;
    const ptv_artifact *a = r->record->subject;

    ptv_json_open(o, key, '{');
    ptv_json_put_text(o, "schema", "ptverdict.decision/1");
    ptv_json_put_text(o, "decision_id", d->id);
    ptv_json_open(o, "artifact", '{');
    ptv_json_put_text(o, "input", r->input ? r->input : a->input);
    ptv_json_put_text(o, "value", a->value);
    ptv_json_put_text(o, "type", ptv_artifact_type_names[a->type]);
    ptv_json_close(o, '}');
    ptv_json_put_time(o, "now", d->now);
    ptv_json_put_text(o, "verdict", ptv_verdict_name(d->verdict));
    ptv_json_put_bool(o, "complete", d->complete);
    put_level(o, "severity", d->severity);
    put_level(o, "could_be", d->could_be);
    ptv_json_put_text(o, "unknown_kind", ptv_unknown_kind_name(d->unknown_kind));
    if (d->retry_after_s >= 0)
        ptv_json_put_int(o, "retry_after", d->retry_after_s);
    else
        ptv_json_put_null(o, "retry_after");
    put_missing(o, r);
    put_rules(o, d);
    ptv_hit_put(o, d);
    ptv_json_put_text(o, "note", d->note);
    put_suppressed(o, d);
    put_shadow(o, d);
    ptv_json_open(o, "ruleset", '{');
    ptv_json_put_text(o, "digest", d->ruleset_digest);
    ptv_json_put_text(o, "settings_digest", d->settings_digest);
    ptv_json_put_int(o, "files", (int64_t)d->ruleset_files);
    ptv_json_close(o, '}');
    ptv_json_put_text(o, "record_digest", r->record->digest);
    put_sections(o, r->record);
    if (flags & PTV_WRITE_EXPLAIN)
        put_trace(o, d);
    if (d->why_not)
        put_why_not(o, d->why_not);
    ptv_json_close(o, '}');
}

void ptv_report_json(ptv_buf *out, const ptv_result *r, unsigned flags)
{
    ptv_json_out o = { .buf = out };

    ptv_decision_put(&o, NULL, r, flags);
}
