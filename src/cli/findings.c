/*
 * findings.c: findings as text and JSON.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/findings.h"

#include "base/findings.h"
#include "base/text.h"
#include "cli/talk.h"

/* "file:line: grade: message [CODE]", escaped. */
static void put_finding(ptv_buf *out, const ptv_finding *f)
{
    ptv_escape_terminal(out, f->file ? f->file : "rules", strlen(f->file ? f->file : "rules"));
    if (f->line > 0)
        ptv_buf_printf(out, ":%d", f->line);
    ptv_buf_printf(out, ": %s: ", ptv_grade_name(f->grade));
    ptv_escape_lines(out, f->message, strlen(f->message));
    if (f->code)
        ptv_buf_printf(out, " [%s]", f->code);
}

void cli_findings_say(const ptv_findings *f, ptv_grade least)
{
    const ptv_finding *one;
    for (size_t i = 0; (one = ptv_findings_at(f, i)) != NULL; i++) {
        ptv_buf line = PTV_BUF(1 << 20);
        if (one->grade >= least) {
            put_finding(&line, one);
            fprintf(stderr, "%s\n", line.data ? line.data : "");
        }
        ptv_buf_release(&line);
    }
}

static size_t count_exactly(const ptv_findings *f, ptv_grade grade)
{
    return ptv_findings_count(f, grade) - (grade == PTV_ERROR ? 0 : ptv_findings_count(f, (ptv_grade)(grade + 1)));
}

void cli_findings_text(const ptv_findings *f)
{
    const ptv_finding *one;
    for (size_t i = 0; (one = ptv_findings_at(f, i)) != NULL; i++) {
        ptv_buf line = PTV_BUF(1 << 20);
        put_finding(&line, one);
        cli_print("%s\n", line.data ? line.data : "");
        ptv_buf_release(&line);
    }
    size_t errors = count_exactly(f, PTV_ERROR), warnings = count_exactly(f, PTV_WARNING),
           notes = count_exactly(f, PTV_NOTE);
    cli_print("%zu error%s, %zu warning%s, %zu note%s\n", errors, errors == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s",
              notes, notes == 1 ? "" : "s");
}

ptv_code cli_findings_json(const ptv_findings *f, ptv_error *err)
{
    ptv_buf text = PTV_BUF(64 << 20);
    ptv_json_out o = { .buf = &text };
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "schema", "ptverdict.check/1");
    ptv_json_put_int(&o, "errors", (int64_t)count_exactly(f, PTV_ERROR));
    ptv_json_put_int(&o, "warnings", (int64_t)count_exactly(f, PTV_WARNING));
    ptv_json_put_int(&o, "notes", (int64_t)count_exactly(f, PTV_NOTE));
    ptv_findings_json(&o, f);
    ptv_json_close(&o, '}');
    ptv_buf_putc(&text, '\n');
    ptv_code rc = ptv_buf_check(&text, err);
    if (!rc)
        cli_write(NULL, text.data, text.len);
    ptv_buf_release(&text);
    return rc;
}
