/*
 * parts.c: the small questions that every form of a report asks: what was not read, why, and is it worth asking again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "report/parts.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>

const ptv_missing *ptv_missing_of(const ptv_decision *d, ptv_section s)
{
    for (size_t i = 0; i < d->missing_count; i++)
        if (d->missing[i].section == s)
            return &d->missing[i];
    return NULL;
}

bool ptv_section_is_lost(const ptv_result *r, ptv_section s)
{
    const ptv_section_info *info = &r->record->sections[s];

    if (ptv_missing_of(r->decision, s))
        return true;
    if (info->state == PTV_STATE_FAILED)
        return true;
    /* A record that people wrote holds what matters to them; what it leaves out is no loss unless a rule needed it. */
    return info->state == PTV_STATE_NOT_ASKED && info->cause != PTV_CAUSE_NONE && info->cause != PTV_CAUSE_RECORD;
}

const char *ptv_section_why(const ptv_section_info *info)
{
    return info->reason ? info->reason : ptv_state_name(info->state);
}

void ptv_section_advice(char out[96], const ptv_section_info *info)
{
    char wait[32];

    if (info->cause == PTV_CAUSE_KEY) {
        snprintf(out, 96, "asking again is useless until the key or its rights are put right");
    } else if (info->cause == PTV_CAUSE_RECORD) {
        snprintf(out, 96, "it is not in the record");
    } else if (!ptv_cause_is_later(info->cause)) {
        snprintf(out, 96, "asking again is useless until the settings are put right");
    } else if (info->retry_after_s > 0) {
        ptv_duration_format(wait, info->retry_after_s);
        snprintf(out, 96, "ask again in %s", wait);
    } else {
        snprintf(out, 96, "ask again later");
    }
}

void ptv_set_join(ptv_buf *out, const ptv_set *set, const char *between)
{
    for (size_t i = 0; i < set->shown_count; i++) {
        if (i > 0)
            ptv_buf_puts(out, between);
        ptv_buf_puts(out, set->shown[i]);
    }
}

void ptv_day_text(char out[32], int64_t utc)
{
    if (utc == PTV_NO_TIME)
        out[0] = '\0';
    else
        ptv_time_format_day(out, utc);
}

void ptv_buf_inherit(ptv_buf *out, const ptv_buf *scratch)
{
    if (!out->failed)
        out->failed = scratch->failed;
}
