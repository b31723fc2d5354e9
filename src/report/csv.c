/*
 * csv.c: one row a decision, for spreadsheets. The columns are stable; new ones are added at the end.
 * Cells are escaped for a terminal first and for a spreadsheet then, since people look at such files with both.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "report/parts.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>

#define BETWEEN "; "

const char ptv_report_csv_columns[] = "artifact,input,type,verdict,severity,could_be,complete,unknown_kind,retry_after_s,"
                                      "rules,reasons,missing,suppressed,shadow,"
                                      "tags,classification,passive_dns_count,passive_dns_first_seen,passive_dns_last_seen,"
                                      "subdomains,link,note,now,decision_id,"
                                      "ruleset_digest";

typedef struct row {
    ptv_buf *out;
    ptv_buf raw, safe; /* scratch: a cell as it is, and escaped for a terminal */
    bool started;
} row;

/* Ends the cell that was collected in row->raw. */
static void end_cell(row *w)
{
    if (w->started)
        ptv_buf_putc(w->out, ',');
    w->started = true;
    ptv_buf_clear(&w->safe);
    if (w->raw.len > 0)
        ptv_escape_terminal(&w->safe, w->raw.data, w->raw.len);
    if (w->safe.len > 0)
        ptv_escape_csv(w->out, w->safe.data, w->safe.len);
    ptv_buf_inherit(w->out, &w->raw);
    ptv_buf_inherit(w->out, &w->safe);
    ptv_buf_clear(&w->raw);
}

static void cell(row *w, const char *text)
{
    if (text)
        ptv_buf_puts(&w->raw, text);
    end_cell(w);
}

static void cell_number(row *w, int64_t value)
{
    if (value >= 0)
        ptv_buf_printf(&w->raw, "%lld", (long long)value);
    end_cell(w);
}

static void cell_level(row *w, ptv_level level)
{
    cell(w, level == PTV_LEVEL_NONE ? NULL : ptv_level_name(level));
}

static void cell_day(row *w, int64_t utc)
{
    char day[32];

    ptv_day_text(day, utc);
    cell(w, day);
}

static void cell_time(row *w, int64_t utc)
{
    char text[32];
    if (utc != PTV_NO_TIME)
        ptv_time_format(text, utc);
    cell(w, utc == PTV_NO_TIME ? NULL : text);
}

static void add_item(row *w, const char *text)
{
    if (w->raw.len > 0)
        ptv_buf_puts(&w->raw, BETWEEN);
    ptv_buf_puts(&w->raw, text);
}

static void cells_of_rules(row *w, const ptv_decision *d)
{
    for (size_t i = 0; i < d->rule_count; i++)
        if (d->rules[i].outcome == PTV_OUT_MATCH)
            add_item(w, d->rules[i].id);
    end_cell(w);
    /* Reasons of what decided the verdict: of the matches, else of what was left undecided. */
    for (size_t i = 0; i < d->rule_count; i++) {
        ptv_outcome o = d->rules[i].outcome;

        if (d->rules[i].status != PTV_LIVE)
            continue;
        if (d->verdict == PTV_VERDICT_COMPROMISED ? o == PTV_OUT_MATCH : o == PTV_OUT_UNKNOWN || o == PTV_OUT_ERROR)
            add_item(w, d->rules[i].reason);
    }
    end_cell(w);
}

static void cell_missing(row *w, const ptv_result *r)
{
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        if (!ptv_section_is_lost(r, (ptv_section)s))
            continue;
        add_item(w, ptv_section_name((ptv_section)s));
        ptv_buf_puts(&w->raw, ": ");
        ptv_buf_puts(&w->raw, ptv_section_why(&r->record->sections[s]));
    }
    end_cell(w);
}

static void cells_of_record(row *w, const ptv_record *record)
{
    bool dns = ptv_section_readable(record, PTV_PASSIVE_DNS);

    if (ptv_section_readable(record, PTV_TAGS))
        ptv_set_join(&w->raw, &record->tags, BETWEEN);
    end_cell(w);
    cell(w, ptv_section_readable(record, PTV_CLASSIFICATION) ? record->classification : NULL);
    cell_number(w, dns ? record->pdns_count : -1);
    cell_day(w, dns ? record->first_seen : PTV_NO_TIME);
    cell_day(w, dns ? record->last_seen : PTV_NO_TIME);
    cell_number(w, ptv_section_readable(record, PTV_SUBDOMAINS) ? record->subdomain_count : -1);
    cell(w, record->link);
}

static void cell_note(row *w, const char *note)
{
    /* A row is a line, so that sort and grep work on it. */
    for (bool first = true; note && *note; first = false) {
        size_t len = strcspn(note, "\n");

        if (!first)
            ptv_buf_puts(&w->raw, " / ");
        ptv_buf_append(&w->raw, note, len);
        note += len;
        note += strspn(note, "\n");
    }
    end_cell(w);
}

void ptv_report_csv(ptv_buf *out, const ptv_result *r)
{
    const ptv_decision *d = r->decision;
    const ptv_artifact *a = r->record->subject;
    row w = { .out = out, .raw = PTV_BUF(out->limit_bytes), .safe = PTV_BUF(out->limit_bytes) };

    cell(&w, a->value);
    cell(&w, r->input ? r->input : a->input);
    cell(&w, ptv_artifact_type_names[a->type]);
    cell(&w, ptv_verdict_name(d->verdict));
    cell_level(&w, d->severity);
    cell_level(&w, d->could_be);
    cell(&w, d->complete ? "yes" : "no");
    cell(&w, ptv_unknown_kind_name(d->unknown_kind));
    cell_number(&w, d->retry_after_s);
    cells_of_rules(&w, d);
    cell_missing(&w, r);
    for (size_t i = 0; i < d->rule_count; i++)
        if (d->rules[i].suppressed_by)
            add_item(&w, d->rules[i].id);
    end_cell(&w);
    for (size_t i = 0; i < d->rule_count; i++)
        if (d->rules[i].outcome == PTV_OUT_SHADOW_MATCH)
            add_item(&w, d->rules[i].id);
    end_cell(&w);
    cells_of_record(&w, r->record);
    cell_note(&w, d->note);
    cell_time(&w, d->now);
    cell(&w, d->id);
    cell(&w, d->ruleset_digest);
    ptv_buf_putc(out, '\n');
    ptv_buf_release(&w.raw);
    ptv_buf_release(&w.safe);
}
