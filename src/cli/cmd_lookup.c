/*
 * cmd_lookup.c: lookup and fetch: artifacts in, decisions or records out, many in flight and still in the order given.
 *
 * Results wait in a ring until all before them are printed. They wait as text, so that memory does not depend on how much a
 * report holds:
 *
 *     print here ▼             ▼ submit here
 *        [done][done][waiting][done]
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/digest.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/batch.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/session.h"
#include "cli/talk.h"
#include "config/config.h"

#include <errno.h>
#include <sys/stat.h>

#define WINDOW_EACH  8 /* places in the ring for each lookup in flight */
#define OUTPUT_LIMIT ((size_t)512 << 20)

typedef struct place {
    bool taken, done;
    bool starved; /* nothing could be read because quota or key are used up */
    uint64_t number;
    ptv_buf text;
} place;

typedef struct run {
    cli_session session;
    cli_batch batch;
    cli_inputs inputs;
    place *ring;
    size_t size, first, used, waiting; /* waiting: submitted, not answered */
    cli_input held;                    /* read, but there was no room to submit it */
    bool has_held, ended;
    uint64_t starved_at; /* number of the first starved input, 0: none */
    const char *save;
    bool compact;
    bool log; /* decisions go into the log of the state folder */
} run;

/* ------------------------------------------------------------------------------------------------- saving */

static int to_buf(void *to, const char *bytes, size_t len)
{
    ptv_buf_append(to, bytes, len);
    return ((ptv_buf *)to)->failed != PTV_OK;
}

/* A file name for an artifact: itself; shortened with a digest when a file system would refuse it. */
static ptv_code file_name(char out[256], const char *artifact, const char *ending, ptv_error *err)
{
    if (strlen(artifact) + strlen(ending) < 250) {
        snprintf(out, 256, "%.247s%.8s", artifact, ending);
    } else {
        char hex[PTV_DIGEST_HEX];
        ptv_digest *d = ptv_digest_new();
        if (!d)
            return ptv_fail_nomem(err);
        ptv_digest_begin(d);
        ptv_digest_add(d, artifact, strlen(artifact));
        ptv_digest_end(d, hex);
        ptv_digest_free(d);
        snprintf(out, 256, "%.180s-%.16s%s", artifact, hex, ending);
    }
    for (char *p = out; *p; p++)
        if (*p == '/' || (p == out && *p == '.'))
            *p = '_';
    return PTV_OK;
}

static ptv_code save_answers(const run *r, const ptv_report *report, ptv_error *err)
{
    char name[256];
    ptv_arena mem = PTV_ARENA(1 << 16);
    ptv_buf text = PTV_BUF(OUTPUT_LIMIT);
    ptv_code rc = file_name(name, ptv_report_artifact(report), r->compact ? ".compact" : ".ndjson", err);
    if (!rc)
        rc = ptv_report_write(report, r->compact ? PTV_FORMAT_COMPACT : PTV_FORMAT_ANSWERS, 0, to_buf, &text, err);
    if (text.len && text.data[text.len - 1] != '\n')
        ptv_buf_putc(&text, '\n');
    if (!rc)
        rc = ptv_buf_check(&text, err);
    char *path = rc ? NULL : ptv_path_join(&mem, r->save, name);
    if (!rc && !path)
        rc = ptv_arena_fail(&mem, err);
    if (!rc && text.len) /* without any answer an earlier file is better than an empty one */
        rc = ptv_file_replace(path, text.data, text.len, err) ? ptv_wrap(err, "%s", path) : PTV_OK;
    ptv_buf_release(&text);
    ptv_arena_release(&mem);
    return rc;
}

static ptv_code make_folder(const char *path, ptv_error *err)
{
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && ptv_is_dir(path)))
        return PTV_OK;
    return ptv_fail_detail(err, PTV_EIO, errno, "--save %s: %s", path, strerror(errno));
}

/* --------------------------------------------------------------------------------------------- the ring */

static place *next_place(run *r)
{
    place *p = &r->ring[(r->first + r->used) % r->size];
    r->used++;
    p->taken = true;
    p->done = p->starved = false;
    ptv_buf_clear(&p->text);
    return p;
}

static void give_back_place(run *r, place *p)
{
    p->taken = false;
    r->used--;
}

static ptv_code refuse(run *r, place *p, const cli_input *in, const char *why, ptv_error *err)
{
    p->done = true;
    p->number = in->number;
    return cli_batch_refuse(&r->batch, &p->text, in->number, in->text, why, err);
}

/* Submit one input, or keep it for later when enough is in flight. */
static ptv_code submit(run *r, const cli_input *in, ptv_error *err)
{
    place *p = next_place(r);
    p->number = in->number;
    r->has_held = false;
    if (*in->refusal)
        return refuse(r, p, in, in->refusal, err);
    ptv_code rc = ptv_submit(r->session.client, in->text, in->type, p, err);
    if (rc == PTV_EFULL) {
        give_back_place(r, p);
        r->has_held = true;
        return PTV_OK;
    }
    if (rc == PTV_EINVAL || rc == PTV_ETOOBIG) {
        ptv_error why = *err;
        return refuse(r, p, in, why.msg, err);
    }
    r->waiting += rc == PTV_OK;
    return rc;
}

static ptv_code feed(run *r, ptv_error *err)
{
    while (!r->ended && !r->batch.stopped && r->used < r->size) {
        if (!r->has_held) {
            cli_got got = cli_inputs_next(&r->inputs, &r->held, r->waiting || r->used ? 0 : 500);
            if (got == CLI_GOT_END)
                r->ended = true;
            if (got == CLI_GOT_FAILURE) {
                *err = r->inputs.lines.failed;
                return err->code;
            }
            if (got != CLI_GOT_ONE)
                return PTV_OK;
        }
        ptv_code rc = submit(r, &r->held, err);
        if (rc || r->has_held)
            return rc;
    }
    return PTV_OK;
}

static ptv_code collect(run *r, int timeout_ms, ptv_error *err)
{
    ptv_code rc = ptv_wait(r->session.client, timeout_ms, err);
    if (rc == PTV_ETIMEOUT)
        return PTV_OK;
    ptv_report *report;
    void *tag;
    const char *why = NULL;
    while (!rc && ptv_next(r->session.client, &report, &tag)) {
        place *p = tag;
        r->waiting--;
        p->done = true;
        p->starved = !ptv_report_answered(report) && ptv_exhausted(r->session.client, &why);
        rc = cli_batch_render(&r->batch, &p->text, report, err);
        if (!rc && r->save)
            rc = save_answers(r, report, err);
        if (!rc && r->log)
            r->log = cli_log_decision(r->session.client, report, NULL, NULL);
        ptv_report_free(report);
    }
    return rc;
}

static void print_ready(run *r)
{
    while (r->used && r->ring[r->first].done) {
        place *p = &r->ring[r->first];
        if (p->starved && !r->starved_at)
            r->starved_at = p->number;
        cli_batch_print(&r->batch, &p->text);
        r->first = (r->first + 1) % r->size;
        r->used--;
    }
}

/* Why no more may be submitted, though there may be more. */
static void look_for_stop(run *r)
{
    const char *why = NULL;
    if (r->batch.stopped)
        return;
    if (cli_interrupted()) {
        r->batch.stopped = "interrupted";
        if (r->waiting)
            cli_say("finishing %zu in flight; Ctrl-C once more ends at once", r->waiting);
    } else if (!r->ended && ptv_exhausted(r->session.client, &why)) {
        r->batch.stopped = why ? why : "quota or key used up";
    }
}

static ptv_code run_all(run *r, ptv_error *err)
{
    ptv_code rc = PTV_OK;
    while (!rc && !cli_output_failed()) {
        look_for_stop(r);
        if (!r->waiting)
            cli_flush();
        rc = feed(r, err);
        print_ready(r);
        bool more = !r->ended && !r->batch.stopped;
        if (rc || (!r->waiting && !more && !r->used))
            break;
        cli_batch_progress(&r->batch, r->batch.printed, r->inputs.from_stdin ? r->inputs.lines.bytes : 0,
                           r->inputs.from_stdin ? r->inputs.lines.size : -1);
        if (!r->waiting)
            continue;
        cli_flush();
        rc = collect(r, more && !r->has_held && r->used < r->size ? 50 : 500, err);
        print_ready(r);
    }
    return rc;
}

/* Was anything left undone? The last input may just have been read, or the last ones found quota or key used up. */
static void settle_stop(run *r)
{
    cli_input next;
    const char *why = NULL;
    uint64_t read = r->inputs.number - r->has_held;
    if (r->starved_at) {
        ptv_exhausted(r->session.client, &why);
        r->batch.stopped = r->batch.many ? why : NULL;
        r->batch.stopped_at = r->starved_at - 1;
    } else if (r->batch.stopped) {
        if (!r->has_held && (r->ended || cli_inputs_next(&r->inputs, &next, 0) == CLI_GOT_END))
            r->batch.stopped = NULL;
        r->batch.stopped_at = read;
    }
}

static cli_exit run_command(const cli_options *o, bool fetch_only)
{
    run r = { .save = o->save, .compact = o->compact };
    ptv_error err = { 0 };
    ptv_client_options how = cli_client_options(o);
    how.without_rules = fetch_only;
    how.keep_answers = o->save || (o->format && (!strcmp(o->format, "soar") || !strcmp(o->format, "answers")));
    cli_exit code = cli_session_open(&r.session, o, how);
    if (code)
        goto out;
    ptv_code rc = cli_inputs_open(&r.inputs, o, &err);
    r.log = ptv_config_bool(r.session.config, PTV_OPT_DECISION_LOG);
    r.size = (size_t)ptv_config_int(r.session.config, PTV_OPT_MAX_IN_FLIGHT) * WINDOW_EACH;
    r.ring = ptv_calloc(r.size, sizeof *r.ring);
    if (!rc && !r.ring)
        rc = ptv_fail_nomem(&err);
    for (size_t i = 0; r.ring && i < r.size; i++)
        r.ring[i].text.limit_bytes = OUTPUT_LIMIT;
    if (!rc && r.save)
        rc = make_folder(r.save, &err);
    if (!rc) {
        cli_batch_begin(&r.batch, o, r.inputs.from_stdin, fetch_only ? "record" : "json");
        cli_watch_interrupt(r.session.client);
        rc = run_all(&r, &err);
        cli_watch_interrupt(NULL);
        settle_stop(&r);
        if (!rc && r.ended && r.inputs.number < o->skip)
            cli_say("--skip leaves out everything: there are only %llu inputs", (unsigned long long)r.inputs.number);
    }
    code = rc ? cli_fail(&err) : cli_batch_end(&r.batch);
    cli_inputs_close(&r.inputs);
    for (size_t i = 0; r.ring && i < r.size; i++)
        ptv_buf_release(&r.ring[i].text);
    ptv_free(r.ring);
out:
    cli_session_close(&r.session);
    return code;
}

static cli_exit run_lookup(const cli_options *o)
{
    return run_command(o, false);
}

static cli_exit run_fetch(const cli_options *o)
{
    if (o->compact && !o->save) {
        cli_say("--compact goes with --save DIR");
        return CLI_USAGE;
    }
    return run_command(o, true);
}

const cli_command cli_cmd_lookup = {
    .name = "lookup",
    .operands = "ARTIFACT... | -",
    .summary = "Fetch what is known of DNS names and addresses, judge it by the rules, report",
    .about = "An artifact may be written as people paste it: evil[.]example, hxxp://evil.example/x, 192.0.2.1:53.\n"
             "With - artifacts come from stdin, one a line, or as JSON objects with \"value\" and \"type\"; decisions go\n"
             "out in the order of the input, as json unless stdout is a terminal or --format says otherwise.",
    .example = "  ptverdict lookup 'evil[.]example' --explain\n"
               "  ptverdict lookup - --format csv <artifacts.txt >decisions.csv",
    .formats = "text json csv soar record",
    .flags =
        CLI_BIT(FLAG_RULES) | CLI_BIT(FLAG_EXPLAIN) | CLI_BIT(FLAG_WHY_NOT) | CLI_BIT(FLAG_EXIT_CODE) | CLI_BIT(FLAG_SKIP),
    .least = 1,
    .most = SIZE_MAX,
    .run = run_lookup,
};

const cli_command cli_cmd_fetch = {
    .name = "fetch",
    .operands = "ARTIFACT... | -",
    .summary = "Fetch every section and print the record; no rule is read",
    .about = "With --save the raw answers are kept, one file an artifact: an archive that lookup (setting `archive`),\n"
             "eval and test read.",
    .example = "  ptverdict fetch evil.example --save archive",
    .formats = "record answers compact",
    .flags = CLI_BIT(FLAG_RULES) | CLI_BIT(FLAG_SKIP) | CLI_BIT(FLAG_SAVE) | CLI_BIT(FLAG_COMPACT),
    .least = 1,
    .most = SIZE_MAX,
    .run = run_fetch,
};
