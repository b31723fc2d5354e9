/*
 * cmd_eval.c: eval: judge recorded records and saved answers, from files, folders and stdin; no network, no key. All cores
 * work, and what they make comes out in the order of the input.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/file.h"
#include "base/mem.h"
#include "cli/batch.h"
#include "cli/commands.h"
#include "cli/pool.h"
#include "cli/session.h"
#include "cli/talk.h"

#define OUTPUT_LIMIT ((size_t)512 << 20)

typedef struct rule_count {
    uint64_t matched, unknown, suppressed, failed, shadow;
} rule_count;

typedef struct judging {
    const cli_options *o;
    ptv_client_options how;
    cli_session session; /* its client is the first worker's */
    bool taken;          /* it is in use */
    cli_batch batch;
    size_t rule_count;
    rule_count *counts;
} judging;

typedef struct worker {
    const judging *j;
    ptv_client *client;
    bool own; /* the client is this worker's to free */
    ptv_buf text;
} worker;

typedef struct tally {
    cli_batch batch;
    size_t count;
    rule_count rules[];
} tally;

/* ------------------------------------------------------------------------------------------------ one worker */

static void count_rules(tally *t, const ptv_report *report)
{
    for (size_t i = 0; i < t->count; i++) {
        const char *outcome = NULL;
        if (!ptv_report_rule(report, i, &outcome))
            return;
        rule_count *c = &t->rules[i];
        c->matched += strcmp(outcome, "match") == 0;
        c->unknown += strcmp(outcome, "unknown") == 0;
        c->suppressed += strcmp(outcome, "suppressed") == 0;
        c->failed += strcmp(outcome, "error") == 0;
        c->shadow += strcmp(outcome, "shadow_match") == 0;
    }
}

static ptv_code refuse(worker *w, cli_chunk *c, const cli_record *record, const ptv_error *why, ptv_error *err)
{
    tally *t = c->tally;
    char place[sizeof c->name + sizeof why->msg + 32], start[256];
    snprintf(place, sizeof place, "%s:%llu: %s", c->name, (unsigned long long)record->line, why->msg);
    snprintf(start, sizeof start, "%.*s", (int)(record->len < sizeof start ? record->len : sizeof start - 1), record->text);
    ptv_buf_printf(&c->talk, "%s\n", place);
    return cli_batch_refusal(&t->batch, &w->text, start, place, err);
}

static ptv_code judge_one(worker *w, cli_chunk *c, const cli_record *record, ptv_error *err)
{
    tally *t = c->tally;
    ptv_report *report = NULL;
    ptv_error why = { 0 };
    ptv_code rc = cli_chunk_refusal(c, &why);
    if (!rc)
        rc = ptv_eval(&report, w->client, record->text, record->len, &why);
    if (!rc) {
        rc = cli_batch_render(&t->batch, &w->text, report, err);
        count_rules(t, report);
        ptv_report_recycle(w->client, report);
    } else if (rc == PTV_EINVAL || rc == PTV_ETOOBIG || rc == PTV_ESHAPE) {
        rc = refuse(w, c, record, &why, err);
    } else {
        *err = why;
    }
    if (rc || !w->text.len)
        return rc;
    if (t->batch.format == PTV_FORMAT_TEXT && t->batch.printed)
        ptv_buf_putc(&c->out, '\n');
    t->batch.printed++;
    ptv_buf_append(&c->out, w->text.data, w->text.len);
    return PTV_OK;
}

static void clear_tally(tally *t, const judging *j)
{
    t->batch = (cli_batch){ .o = j->o, .format = j->batch.format, .flags = j->batch.flags, .many = j->batch.many };
    memset(t->rules, 0, t->count * sizeof *t->rules);
}

static ptv_code judge_chunk(void *own, cli_chunk *c, ptv_error *err)
{
    worker *w = own;
    cli_cutter cut = cli_chunk_begin(c);
    cli_record record;
    ptv_code rc = PTV_OK;
    clear_tally(c->tally, w->j);
    while (!rc && cli_chunk_next(&record, c, &cut)) {
        if (c->subjects > c->skip)
            rc = judge_one(w, c, &record, err);
    }
    return rc;
}

static void close_worker(void *own)
{
    worker *w = own;
    if (w->own)
        ptv_client_free(w->client);
    ptv_buf_release(&w->text);
    ptv_free(w);
}

/* A client is one thread's: each worker loads the rules for itself. */
static ptv_code open_worker(void **out, void *self, ptv_error *err)
{
    judging *j = self;
    worker *w = ptv_calloc(1, sizeof *w);
    if (!w)
        return ptv_fail_nomem(err);
    *w = (worker){ .j = j, .client = j->session.client, .own = j->taken, .text = PTV_BUF(OUTPUT_LIMIT) };
    ptv_code rc = PTV_OK;
    if (j->taken) {
        w->client = NULL;
        rc = ptv_client_new(&w->client, j->session.config, &j->how, NULL, err);
    }
    if (rc) {
        close_worker(w);
        return rc;
    }
    j->taken = true;
    *out = w;
    return PTV_OK;
}

static void *new_tally(void *self)
{
    const judging *j = self;
    tally *t = ptv_calloc(1, sizeof *t + j->rule_count * sizeof *t->rules);
    if (t)
        t->count = j->rule_count;
    return t;
}

/* ------------------------------------------------------------------------------------------- all of them */

static void take(void *self, cli_chunk *c)
{
    judging *j = self;
    const tally *t = c->tally;
    if (j->batch.format == PTV_FORMAT_TEXT && j->batch.printed && t->batch.printed)
        cli_print("\n");
    if (c->out.len)
        cli_write(NULL, c->out.data, c->out.len);
    if (c->talk.len)
        cli_say_lines(c->talk.data);
    cli_batch_add(&j->batch, &t->batch);
    for (size_t i = 0; i < t->count; i++) {
        j->counts[i].matched += t->rules[i].matched;
        j->counts[i].unknown += t->rules[i].unknown;
        j->counts[i].suppressed += t->rules[i].suppressed;
        j->counts[i].failed += t->rules[i].failed;
        j->counts[i].shadow += t->rules[i].shadow;
    }
}

static void progress(void *self, uint64_t done, uint64_t bytes, int64_t size)
{
    cli_batch_progress(&((judging *)self)->batch, done, bytes, size);
}

static void say_rules(const judging *j)
{
    for (size_t i = 0; i < j->rule_count; i++) {
        const rule_count *c = &j->counts[i];
        char more[160] = "";
        size_t len = 0;
        const struct {
            uint64_t n;
            const char *what;
        } parts[] = {
            { c->shadow, "as a shadow" }, { c->unknown, "unknown" }, { c->suppressed, "suppressed" }, { c->failed, "failed" }
        };
        for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
            if (parts[p].n)
                len += (size_t)snprintf(more + len, sizeof more - len, ", %llu %s", (unsigned long long)parts[p].n,
                                        parts[p].what);
        cli_say("rule %s: %llu matched%s", ptv_client_rule(j->session.client, i), (unsigned long long)c->matched, more);
    }
}

static bool reads_stdin(const cli_options *o)
{
    for (size_t i = 0; i < o->operand_count; i++)
        if (strcmp(o->operands[i], "-") == 0)
            return true;
    return false;
}

static cli_exit run(judging *j, const cli_options *o)
{
    static const cli_work work_of_eval = { .open = open_worker,
                                           .close = close_worker,
                                           .tally = new_tally,
                                           .tally_free = ptv_free,
                                           .judge = judge_chunk,
                                           .take = take,
                                           .progress = progress };
    cli_work work = work_of_eval;
    cli_pool *pool = NULL;
    ptv_error err = { 0 };
    work.self = j;
    ptv_code rc = cli_pool_open(&pool, &work, o->jobs, o->skip, &err);
    if (!rc)
        rc = cli_pool_run(pool, o->operands, o->operand_count, &err);
    if (!rc && cli_pool_interrupted(pool)) {
        j->batch.stopped = "interrupted";
        j->batch.stopped_at = cli_pool_done(pool);
    }
    cli_exit code;
    if (rc) {
        code = cli_fail(&err);
    } else {
        code = cli_batch_end(&j->batch);
        if (cli_batch_is_summed(&j->batch))
            say_rules(j);
        if (!code && !cli_pool_done(pool) && !reads_stdin(o)) { /* a list from elsewhere may be empty */
            cli_pool_say_nothing(o->operands, o->operand_count);
            code = CLI_DATA;
        }
    }
    cli_pool_close(pool);
    return code;
}

static cli_exit run_eval(const cli_options *o)
{
    judging j = { .o = o, .how = cli_client_options(o) };
    j.how.offline = true;
    j.how.keep_answers = o->format && strcmp(o->format, "soar") == 0;
    cli_exit code = cli_session_open(&j.session, o, j.how);
    if (!code) {
        j.rule_count = ptv_client_rule_count(j.session.client);
        j.counts = ptv_calloc(j.rule_count + 1, sizeof *j.counts);
        if (!j.counts) {
            cli_say("out of memory");
            code = CLI_BUG;
        }
    }
    if (!code) {
        bool many = o->operand_count == 1 && (strcmp(o->operands[0], "-") == 0 || ptv_is_dir(o->operands[0]));
        cli_batch_begin(&j.batch, o, many, "json");
        j.batch.offline = true;
        cli_watch_interrupt(NULL);
        code = run(&j, o);
    }
    ptv_free(j.counts);
    cli_session_close(&j.session);
    return code;
}

const cli_command cli_cmd_eval = {
    .name = "eval",
    .operands = "RECORD... | -",
    .summary = "Judge recorded records or saved answers by the rules; no network, no key",
    .about =
        "RECORD is a file or a folder of: records as fetch prints them, the short form that people write\n"
        "({\"artifact\": \"evil.example\", \"tags\": [\"phishing\"]}), saved answers (fetch --save), compact records, lines "
        "of the\n"
        "decision log. Times are judged at --now, else at the record's fetched_at, never at the clock. A damaged record is\n"
        "reported and counted, and costs only itself; an empty file is one, and one in a folder that cannot be read.\n"
        "A folder without any is bad input (65).",
    .example =
        "  ptverdict eval archive/ --format csv\n"
        "  ptverdict eval quiet.json --why-not fresh-and-busy\n"
        "  echo '{\"artifact\": \"evil.example\", \"tags\": [\"ransomware\"]}' | ptverdict eval - --explain --format text",
    .formats = "text json csv soar record compact",
    .flags = CLI_BIT(FLAG_RULES) | CLI_BIT(FLAG_EXPLAIN) | CLI_BIT(FLAG_WHY_NOT) | CLI_BIT(FLAG_NOW) |
             CLI_BIT(FLAG_EXIT_CODE) | CLI_BIT(FLAG_SKIP) | CLI_BIT(FLAG_JOBS),
    .least = 1,
    .most = SIZE_MAX,
    .run = run_eval,
};
