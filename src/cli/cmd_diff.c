/*
 * cmd_diff.c: diff: which recorded artifacts change verdict when the rules change, and the condition that changed it. All
 * cores work; rows come out in the order of the records, and memory does not grow with their number.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/batch.h"
#include "cli/commands.h"
#include "cli/diff.h"
#include "cli/findings.h"
#include "cli/pool.h"
#include "cli/session.h"
#include "cli/talk.h"

#include <string.h>

#define OUTPUT_LIMIT   ((size_t)512 << 20)
#define SHOWN_EVERY_MS 200

typedef struct diffing {
    const cli_options *o;
    ptv_config *config;
    diff_side sides[2]; /* before, after */
    diff_page page;
    diff_counts counts;
    diff_total total;
    ptv_buf rows; /* markdown: kept until the end */
    uint64_t rows_kept;
    int64_t started_ms, shown_ms;
    bool told; /* findings said why the rules do not load */
} diffing;

typedef struct worker {
    diffing *d;
    ptv_client *clients[2];
    ptv_compare *compare;
} worker;

/* ------------------------------------------------------------------------------------------------ one worker */

static ptv_code refuse(worker *w, cli_chunk *c, const cli_record *record, const ptv_error *why, ptv_error *err)
{
    diff_counts *counts = c->tally;
    char place[sizeof c->name + sizeof why->msg + 32], start[256];
    counts->refused++;
    snprintf(place, sizeof place, "%s:%llu: %s", c->name, (unsigned long long)record->line, why->msg);
    snprintf(start, sizeof start, "%.*s", (int)(record->len < sizeof start ? record->len : sizeof start - 1), record->text);
    ptv_buf_printf(&c->talk, "%s\n", place);
    diff_write_refusal(&c->out, &w->d->page, start, place);
    return ptv_buf_check(&c->out, err);
}

static ptv_code judge_one(worker *w, cli_chunk *c, const cli_record *record, ptv_error *err)
{
    diff_counts *counts = c->tally;
    const ptv_comparison *now = NULL;
    ptv_error why = { 0 };
    ptv_code rc = cli_chunk_refusal(c, &why);
    if (!rc)
        rc = ptv_compare_record(&now, w->compare, record->text, record->len, &why);
    counts->records++;
    if (rc == PTV_EINVAL || rc == PTV_ETOOBIG || rc == PTV_ESHAPE)
        return refuse(w, c, record, &why, err);
    if (rc) {
        *err = why;
        return rc;
    }
    if (!now || !now->changed)
        return PTV_OK;
    counts->changed++;
    counts->moved[now->before][now->severity_before][now->after][now->severity_after]++;
    if (w->d->page.format != DIFF_MARKDOWN || counts->changed <= DIFF_MOST_ROWS) /* of a stretch: more are never shown */
        diff_write_row(&c->out, &w->d->page, now);
    return ptv_buf_check(&c->out, err);
}

static ptv_code judge_chunk(void *own, cli_chunk *c, ptv_error *err)
{
    worker *w = own;
    cli_cutter cut = cli_chunk_begin(c);
    cli_record record;
    ptv_code rc = PTV_OK;
    memset(c->tally, 0, sizeof(diff_counts));
    while (!rc && cli_chunk_next(&record, c, &cut)) {
        if (c->subjects > c->skip)
            rc = judge_one(w, c, &record, err);
    }
    return rc;
}

static void add_totals(diffing *d, const ptv_compare *compare)
{
    const ptv_rule_total *t;
    for (size_t i = 0; i < d->total.count && (t = ptv_compare_total(compare, i)) != NULL; i++) {
        d->total.rules[i].differs += t->differs;
        d->total.rules[i].decided += t->decided;
        d->total.rules[i].would_match += t->would_match;
        d->total.rules[i].had_already += t->had_already;
    }
}

static void close_worker(void *own)
{
    worker *w = own;
    if (w->compare)
        add_totals(w->d, w->compare);
    ptv_compare_free(w->compare);
    ptv_client_free(w->clients[0]);
    ptv_client_free(w->clients[1]);
    ptv_free(w);
}

/* What the rule files of one side have to say, by the names that the user knows. False: nothing. */
static bool say_findings(const diff_side *side, const ptv_findings *findings)
{
    const ptv_finding *f;
    char room[4096], line[16];
    bool said = false;
    for (size_t i = 0; (f = ptv_findings_at(findings, i)) != NULL; i++) {
        if (f->grade != PTV_ERROR)
            continue;
        line[0] = '\0';
        if (f->line) /* 0: the file or folder as a whole */
            snprintf(line, sizeof line, ":%d", f->line);
        cli_say("%s%s: error: %s [%s]", diff_side_shown(side, f->file, room, sizeof room), line, f->message, f->code);
        said = true;
    }
    return said;
}

static ptv_code open_client(ptv_client **out, diffing *d, const diff_side *side, ptv_error *err)
{
    const char *path = side->path;
    ptv_client_options how = { .rules = &path, .rules_count = 1, .offline = true, .now_utc = d->o->now };
    ptv_findings *findings = NULL;
    ptv_code rc = ptv_findings_new(&findings, err);
    if (!rc)
        rc = ptv_client_new(out, d->config, &how, findings, err);
    if (rc && findings)
        d->told = say_findings(side, findings);
    ptv_findings_free(findings);
    return rc ? ptv_wrap(err, "%s", side->named) : PTV_OK;
}

/* The ids that the summary shows outlive the clients. */
static ptv_code keep_totals(diffing *d, const ptv_compare *compare, ptv_error *err)
{
    size_t count = 0;
    while (ptv_compare_total(compare, count))
        count++;
    d->total.rules = ptv_calloc(count + 1, sizeof *d->total.rules);
    if (!d->total.rules)
        return ptv_fail_nomem(err);
    for (; d->total.count < count; d->total.count++) {
        const ptv_rule_total *t = ptv_compare_total(compare, d->total.count);
        char *id = ptv_strdup(t->rule);
        if (!id)
            return ptv_fail_nomem(err);
        d->total.rules[d->total.count] = (ptv_rule_total){ .rule = id, .state = t->state, .shadow = t->shadow };
    }
    return PTV_OK;
}

static ptv_code open_worker(void **out, void *self, ptv_error *err)
{
    diffing *d = self;
    worker *w = ptv_calloc(1, sizeof *w);
    if (!w)
        return ptv_fail_nomem(err);
    w->d = d;
    ptv_code rc = PTV_OK;
    for (int side = 0; !rc && side < 2; side++)
        rc = open_client(&w->clients[side], d, &d->sides[side], err);
    if (!rc)
        rc = ptv_compare_new(&w->compare, w->clients[0], w->clients[1], err);
    if (!rc && !d->total.rules)
        rc = keep_totals(d, w->compare, err);
    if (rc) {
        close_worker(w);
        return rc;
    }
    *out = w;
    return PTV_OK;
}

static void *new_tally(void *unused)
{
    (void)unused;
    return ptv_calloc(1, sizeof(diff_counts));
}

/* ------------------------------------------------------------------------------------------- all of them */

static void add_counts(diff_counts *all, const diff_counts *part)
{
    uint64_t *to = &all->moved[0][0][0][0];
    const uint64_t *from = &part->moved[0][0][0][0];
    all->records += part->records;
    all->refused += part->refused;
    all->changed += part->changed;
    for (size_t i = 0; part->changed && i < sizeof all->moved / sizeof *to; i++)
        to[i] += from[i];
}

/* A merge request has room for so many rows and no more. */
static void keep_rows(diffing *d, const ptv_buf *rows)
{
    const char *at = rows->data, *end = at + rows->len;
    for (const char *newline; d->rows_kept < DIFF_MOST_ROWS && at < end; at = newline + 1, d->rows_kept++) {
        newline = memchr(at, '\n', (size_t)(end - at));
        ptv_buf_append(&d->rows, at, (size_t)(newline + 1 - at));
    }
}

static void take(void *self, cli_chunk *c)
{
    diffing *d = self;
    add_counts(&d->counts, c->tally);
    if (c->out.len && d->page.format == DIFF_MARKDOWN)
        keep_rows(d, &c->out);
    else if (c->out.len)
        cli_write(NULL, c->out.data, c->out.len);
    if (c->talk.len)
        cli_say_lines(c->talk.data);
}

static void progress(void *self, uint64_t done, uint64_t bytes, int64_t size)
{
    diffing *d = self;
    int64_t now = ptv_clock_ms();
    char line[200], share[32] = "";
    if (d->o->quiet || now - d->shown_ms < SHOWN_EVERY_MS)
        return;
    d->shown_ms = now;
    if (size > 0)
        snprintf(share, sizeof share, " (%d %%)", (int)((double)bytes * 100 / (double)size));
    snprintf(line, sizeof line, "%llu done%s, %.0f/s, %llu changed, %llu refused", (unsigned long long)done, share,
             (double)done * 1000 / (double)(now - d->started_ms + 1), (unsigned long long)d->counts.changed,
             (unsigned long long)d->counts.refused);
    cli_status(line);
}

static cli_exit outcome(const diffing *d, bool interrupted)
{
    const diff_counts *c = &d->counts;
    if (interrupted)
        return CLI_STOPPED;
    if (c->records == c->refused) {
        if (c->records)
            cli_say("no record could be judged");
        else
            cli_pool_say_nothing(d->o->over, d->o->over_count);
        return CLI_DATA;
    }
    return d->o->fail_on_change && (c->changed || c->refused) ? CLI_PROBLEMS : CLI_OK;
}

static cli_exit judge_all(diffing *d)
{
    const cli_work work = { .self = d,
                            .open = open_worker,
                            .close = close_worker,
                            .tally = new_tally,
                            .tally_free = ptv_free,
                            .judge = judge_chunk,
                            .take = take,
                            .progress = progress };
    cli_pool *pool = NULL;
    ptv_error err = { 0 };
    ptv_buf out = PTV_BUF(OUTPUT_LIMIT);
    diff_write_head(&out, &d->page);
    if (out.len)
        cli_write(NULL, out.data, out.len);
    ptv_code rc = cli_pool_open(&pool, &work, d->o->jobs, d->o->skip, &err);
    if (!rc)
        rc = cli_pool_run(pool, d->o->over, d->o->over_count, &err);
    bool interrupted = !rc && cli_pool_interrupted(pool);
    uint64_t done = rc ? 0 : cli_pool_done(pool);
    cli_pool_close(pool); /* adds what each worker counted */
    cli_status(NULL);
    cli_exit code = CLI_OK;
    if (rc) {
        code = d->told ? cli_exit_of(&err) : cli_fail(&err);
    } else {
        ptv_buf_clear(&out);
        diff_write_end(&out, &d->page, &d->counts, &d->total, &d->rows);
        rc = ptv_buf_check(&out, &err);
        if (!rc)
            cli_write(NULL, out.data ? out.data : "", out.len);
        if (interrupted)
            cli_say("stopped: interrupted. To go on: the same command with --skip %llu", (unsigned long long)done);
        code = rc ? cli_fail(&err) : outcome(d, interrupted);
    }
    ptv_buf_release(&out);
    return code;
}

static diff_format format_of(const char *name)
{
    return !name || strcmp(name, "text") == 0 ? DIFF_TEXT
           : strcmp(name, "json") == 0        ? DIFF_JSON
           : strcmp(name, "csv") == 0         ? DIFF_CSV
                                              : DIFF_MARKDOWN;
}

static cli_exit run_diff(const cli_options *o)
{
    diffing d = { .o = o, .rows = PTV_BUF(OUTPUT_LIMIT), .started_ms = ptv_clock_ms() };
    cli_session session = { 0 };
    ptv_error err = { 0 };
    if (!o->over_count) {
        cli_say("diff needs records: --over FILE or --over FOLDER");
        return CLI_USAGE;
    }
    d.page = (diff_page){ .format = format_of(o->format), .color = o->color, .before = &d.sides[0], .after = &d.sides[1] };
    cli_exit code = cli_session_configure(&session, o);
    cli_watch_interrupt(NULL); /* from here on there may be folders to take away again */
    d.config = session.config;
    for (int side = 0; !code && side < 2; side++)
        if (diff_side_open(&d.sides[side], o->operands[side], &err))
            code = cli_fail(&err);
    if (!code)
        code = judge_all(&d);
    for (size_t i = 0; i < d.total.count; i++)
        ptv_free((void *)(uintptr_t)d.total.rules[i].rule);
    ptv_free(d.total.rules);
    ptv_buf_release(&d.rows);
    diff_side_close(&d.sides[0]);
    diff_side_close(&d.sides[1]);
    cli_session_close(&session);
    return code;
}

const cli_command cli_cmd_diff = {
    .name = "diff",
    .operands = "OLD NEW",
    .summary = "Which recorded artifacts change verdict when the rules change, and why",
    .about =
        "OLD and NEW are rule folders or files, or REV:PATH out of git (HEAD~1:rules). --over names the records: what eval\n"
        "takes, the decision log too. Each changed artifact is shown with the condition that made the difference, the "
        "value\n"
        "it saw and where it stands; then counts, rules that changed nothing, and what shadow rules would have matched.\n"
        "Times are judged at --now, else at the record's fetched_at. A record that cannot be judged never counts as\n"
        "unchanged.",
    .example = "  ptverdict diff HEAD:rules rules --over archive/ --fail-on-change\n"
               "  ptverdict diff main:rules rules --over records.compact --format markdown",
    .formats = "text json csv markdown",
    .flags = CLI_BIT(FLAG_OVER) | CLI_BIT(FLAG_NOW) | CLI_BIT(FLAG_SKIP) | CLI_BIT(FLAG_JOBS) | CLI_BIT(FLAG_FAIL_ON_CHANGE),
    .least = 2,
    .most = 2,
    .run = run_diff,
};
