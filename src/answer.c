/*
 * answer.c: the public face of a finished report: what it says, and writing it in a format.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client.h"

#include "base/mem.h"

#include <unistd.h>

#define OUTPUT_LIMIT ((size_t)512 << 20)
#define USUAL_LENGTH ((size_t)4000) /* of a decision line */
#define KEPT_LENGTH  ((size_t)64 << 10)

ptv_report *ptv_report_new(ptv_client *c, ptv_answered *answered, const char *input, int64_t elapsed_ms)
{
    const char *kept = ptv_arena_strdup(&answered->mem, input);
    ptv_report *r = kept ? ptv_calloc(1, sizeof *r) : NULL;
    if (!r)
        return NULL;
    r->input = kept;
    r->answered = answered;
    answered->references++;
    r->elapsed_ms = elapsed_ms;
    r->soar = c->soar;
    r->soar.now_utc = answered->record->now;
    return r;
}

void ptv_report_free(ptv_report *r)
{
    if (!r)
        return;
    ptv_answered_unref(r->answered);
    ptv_free(r);
}

void ptv_report_recycle(ptv_client *c, ptv_report *r)
{
    if (!r)
        return;
    ptv_answered_recycle(c, r->answered);
    ptv_free(r);
}

const char *ptv_report_artifact(const ptv_report *r)
{
    return r->answered->artifact.value;
}

const char *ptv_report_input(const ptv_report *r)
{
    return r->input;
}

ptv_verdict ptv_report_verdict(const ptv_report *r)
{
    return r->answered->judged ? r->answered->decision.verdict : PTV_VERDICT_UNKNOWN;
}

ptv_level ptv_report_severity(const ptv_report *r)
{
    return r->answered->judged ? r->answered->decision.severity : PTV_LEVEL_NONE;
}

bool ptv_report_complete(const ptv_report *r)
{
    return r->answered->judged && r->answered->decision.complete;
}

const char *ptv_report_note(const ptv_report *r)
{
    return r->answered->judged ? r->answered->decision.note : NULL;
}

const char *ptv_report_decision_id(const ptv_report *r)
{
    return r->answered->decision.id;
}

bool ptv_report_answered(const ptv_report *r)
{
    bool asked = false;
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        if (ptv_section_readable(r->answered->record, (ptv_section)s))
            return true;
        asked |= r->answered->record->sections[s].state == PTV_STATE_FAILED ||
                 (r->answered->record->sections[s].state == PTV_STATE_NOT_ASKED && !r->answered->artifact.reach_reason);
    }
    return !asked;
}

unsigned ptv_report_calls(const ptv_report *r)
{
    unsigned calls = 0;
    for (int s = 0; s < PTV_SECTION_COUNT && !r->fetched_for_another; s++)
        calls += r->answered->record->sections[s].calls;
    return calls;
}

void ptv_report_section(const ptv_report *r, ptv_section s, ptv_section_view *out)
{
    const ptv_section_info *info = &r->answered->record->sections[s];
    *out = (ptv_section_view){ .state = ptv_state_name(info->state),
                               .cause = info->cause == PTV_CAUSE_NONE ? NULL : ptv_cause_name(info->cause),
                               .reason = info->reason,
                               .http = info->http,
                               .calls = info->calls };
    const ptv_decision *d = &r->answered->decision;
    for (size_t i = 0; r->answered->judged && i < d->missing_count; i++)
        out->wanted |= d->missing[i].section == s;
}

size_t ptv_report_rule_count(const ptv_report *r)
{
    return r->answered->judged ? r->answered->decision.rule_count : 0;
}

const char *ptv_report_rule(const ptv_report *r, size_t index, const char **outcome)
{
    if (index >= ptv_report_rule_count(r))
        return NULL;
    const ptv_rule_result *rule = &r->answered->decision.rules[index];
    if (outcome)
        *outcome = ptv_outcome_name(rule->outcome);
    return rule->id;
}

const char *ptv_report_outcome(const ptv_report *r, const char *rule_id)
{
    const char *outcome;
    const char *id;
    for (size_t i = 0; (id = ptv_report_rule(r, i, &outcome)) != NULL; i++)
        if (strcmp(id, rule_id) == 0)
            return outcome;
    return NULL;
}

bool ptv_report_hit(const ptv_report *r, size_t index, const char **name, const char **type, const char **value)
{
    if (!r->answered->judged || index >= r->answered->decision.hit_count)
        return false;
    const ptv_hit_property *property = &r->answered->decision.hit[index];
    *name = property->name;
    *type = ptv_hit_type_name(property->type);
    *value = property->value;
    return true;
}

bool ptv_report_is_later(const ptv_report *r, int64_t *retry_after_s)
{
    const ptv_decision *d = &r->answered->decision;
    *retry_after_s = r->answered->judged ? d->retry_after_s : -1;
    return r->answered->judged && d->verdict == PTV_VERDICT_UNKNOWN && d->unknown_kind == PTV_UNKNOWN_LATER;
}

const char *ptv_csv_header(void)
{
    return ptv_report_csv_columns;
}

ptv_code ptv_hand_over(ptv_buf *b, ptv_write_fn *write, void *to, ptv_error *err)
{
    ptv_code rc = ptv_buf_check(b, err);
    if (!rc && b->len && write(to, b->data, b->len))
        rc = ptv_fail(err, PTV_EIO, "writing failed");
    ptv_buf_release(b);
    return rc;
}

static void write_record(ptv_buf *out, const ptv_record *record)
{
    ptv_json_out json = { .buf = out };
    ptv_record_write(&json, record);
    ptv_buf_putc(out, '\n');
}

static void write_answers(ptv_buf *out, const ptv_record *record)
{
    for (int s = 0; s < PTV_SECTION_COUNT; s++)
        if (record->sections[s].raw)
            ptv_archive_write(out, record, (ptv_section)s);
}

static ptv_code write_report(const ptv_report *r, ptv_format format, unsigned flags, const char *soar_inputs,
                             ptv_write_fn *write, void *to, ptv_error *err)
{
    ptv_answered *a = r->answered;
    ptv_result result = { .record = a->record,
                          .decision = a->judged ? &a->decision : NULL,
                          .input = r->input,
                          .soar_inputs = soar_inputs,
                          .elapsed_ms = r->elapsed_ms };
    if (format == PTV_FORMAT_JUNIT || format > PTV_FORMAT_COMPACT)
        return ptv_fail(err, PTV_EINVAL, "reports have no such form; junit is one of test runs");
    bool needs_decision = format != PTV_FORMAT_RECORD && format != PTV_FORMAT_ANSWERS && format != PTV_FORMAT_COMPACT;
    if (needs_decision && !a->judged)
        return ptv_fail(err, PTV_EINVAL,
                        "this report was fetched without rules: it can be written as record, answers or compact only");
    ptv_buf out = a->text; /* lent */
    a->text = (ptv_buf)PTV_BUF(OUTPUT_LIMIT);
    out.limit_bytes = OUTPUT_LIMIT;
    ptv_buf_clear(&out);
    (void)ptv_buf_reserve(&out, USUAL_LENGTH);
    switch (format) {
    case PTV_FORMAT_TEXT:
        ptv_report_text(&out, &result, flags);
        break;
    case PTV_FORMAT_JSON:
        ptv_report_json(&out, &result, flags);
        ptv_buf_putc(&out, '\n');
        break;
    case PTV_FORMAT_CSV:
        ptv_report_csv(&out, &result);
        break;
    case PTV_FORMAT_SOAR:
        ptv_report_soar(&out, &result, &r->soar);
        ptv_buf_putc(&out, '\n');
        break;
    case PTV_FORMAT_RECORD:
        write_record(&out, a->record);
        break;
    case PTV_FORMAT_ANSWERS:
        write_answers(&out, a->record);
        break;
    case PTV_FORMAT_JUNIT: /* refused above */
        break;
    case PTV_FORMAT_COMPACT:
        ptv_record_write_compact(&out, a->record);
        break;
    }
    ptv_code rc = ptv_buf_check(&out, err);
    if (!rc && out.len && write(to, out.data, out.len))
        rc = ptv_fail(err, PTV_EIO, "writing failed");
    if (out.cap > KEPT_LENGTH)
        ptv_buf_release(&out);
    a->text = out;
    return rc;
}

ptv_code ptv_report_write(const ptv_report *r, ptv_format format, unsigned flags, ptv_write_fn *write, void *to,
                          ptv_error *err)
{
    return write_report(r, format, flags, NULL, write, to, err);
}

void ptv_report_soar_unknown(ptv_report *r, ptv_soar_unknown how)
{
    r->soar.unknown_fails = how != PTV_SOAR_UNKNOWN_EMPTY;
    r->soar.unknown_once = how == PTV_SOAR_UNKNOWN_ONCE;
}

ptv_code ptv_report_why(const ptv_report *r, ptv_write_fn *write, void *to, ptv_error *err)
{
    const ptv_answered *a = r->answered;
    ptv_buf out = PTV_BUF(OUTPUT_LIMIT);
    if (a->judged)
        ptv_report_why_unknown(&out, &(ptv_result){ .record = a->record, .decision = &a->decision });
    return ptv_hand_over(&out, write, to, err);
}

ptv_code ptv_report_write_soar(const ptv_report *r, const char *inputs_json, ptv_write_fn *write, void *to, ptv_error *err)
{
    return write_report(r, PTV_FORMAT_SOAR, 0, inputs_json, write, to, err);
}

void ptv_soar_here(ptv_soar_options *options, char *host, size_t room)
{
    host[0] = '\0';
    if (gethostname(host, room - 1))
        host[0] = '\0';
    host[room - 1] = '\0';
    options->host = host;
    options->now_utc = ptv_clock_utc();
    time_t now = (time_t)options->now_utc;
    struct tm local;
    if (localtime_r(&now, &local))
        options->utc_offset_s = (int)local.tm_gmtoff;
}

ptv_code ptv_soar_refusal(const char *inputs_json, const char *reason, ptv_write_fn *write, void *to, ptv_error *err)
{
    char host[256];
    ptv_soar_options options = { 0 };
    ptv_soar_here(&options, host, sizeof host);
    ptv_buf out = PTV_BUF(OUTPUT_LIMIT);
    ptv_report_soar_refusal(&out, inputs_json, reason, &options);
    ptv_buf_putc(&out, '\n');
    return ptv_hand_over(&out, write, to, err);
}
