/*
 * batch.c: many decisions on their way to stdout, and what they add up to.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/batch.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/session.h"
#include "cli/talk.h"

#include <signal.h>
#include <unistd.h>

#define SHOWN_EVERY_MS 200
#define INPUT_SHOWN    512 /* bytes of a refused input that are repeated */

static volatile sig_atomic_t interrupted;
static ptv_client *to_wake;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
    if (to_wake)
        ptv_wakeup(to_wake);
}

void cli_watch_interrupt(ptv_client *client)
{
    to_wake = client;
    struct sigaction once = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };
    sigaction(SIGINT, &once, NULL);
    sigaction(SIGTERM, &once, NULL);
}

bool cli_interrupted(void)
{
    return interrupted != 0;
}

void cli_batch_begin(cli_batch *b, const cli_options *o, bool many, const char *piped_format)
{
    const char *format = o->format;
    if (!format)
        format = many && !isatty(STDOUT_FILENO) ? piped_format : o->command->formats;
    char word[16];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(format, " "), format);
    *b = (cli_batch){ .o = o, .format = cli_format(word), .many = many, .started_ms = ptv_clock_ms() };
    b->shown_ms = b->started_ms; /* what is done at once needs no progress line */
    b->flags = (o->color ? PTV_WRITE_COLOR : 0u) | (o->explain ? PTV_WRITE_EXPLAIN : 0u);
    if (b->format == PTV_FORMAT_CSV)
        cli_print("%s\n", ptv_csv_header());
}

static int to_buf(void *to, const char *bytes, size_t len)
{
    ptv_buf *out = to;
    ptv_buf_append(out, bytes, len);
    return out->failed != PTV_OK;
}

ptv_code cli_batch_render(cli_batch *b, ptv_buf *out, const ptv_report *r, ptv_error *err)
{
    ptv_buf_clear(out);
    ptv_code rc = ptv_report_write(r, b->format, b->flags, to_buf, out, err);
    if (rc)
        return out->failed ? ptv_buf_check(out, err) : rc;
    if (out->len && out->data[out->len - 1] != '\n')
        ptv_buf_putc(out, '\n');
    b->judged++;
    b->verdicts[ptv_report_verdict(r)]++;
    b->answered += ptv_report_answered(r);
    b->calls += ptv_report_calls(r);
    return ptv_buf_check(out, err);
}

/* A row of the decision table: what was given, "refused" as the verdict, the reason among the reasons. */
static void refuse_csv(ptv_buf *out, const char *input, size_t len, const char *why)
{
    for (const char *p = ptv_csv_header(); p && *p;) {
        size_t n = strcspn(p, ",");
        ptv_buf safe = PTV_BUF(64 << 10);
        if (n == 5 && strncmp(p, "input", n) == 0)
            ptv_escape_terminal(&safe, input, len);
        else if (n == 7 && strncmp(p, "verdict", n) == 0)
            ptv_buf_puts(&safe, "refused");
        else if (n == 7 && strncmp(p, "reasons", n) == 0)
            ptv_escape_terminal(&safe, why, strlen(why));
        if (safe.len)
            ptv_escape_csv(out, safe.data, safe.len);
        ptv_buf_release(&safe);
        p += n;
        ptv_buf_putc(out, *p ? ',' : '\n');
        p += *p == ',';
    }
}

static ptv_code refuse_soar(ptv_buf *out, const char *input, const char *why, ptv_error *err)
{
    ptv_buf inputs = PTV_BUF(64 << 10);
    ptv_json_out o = { .buf = &inputs };
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "passivetotal_artifact_value", input);
    ptv_json_close(&o, '}');
    ptv_code rc = ptv_buf_check(&inputs, err);
    if (!rc)
        rc = ptv_soar_refusal(inputs.data, why, to_buf, out, err);
    ptv_buf_release(&inputs);
    return rc;
}

static bool writes_records(const cli_batch *b)
{
    return b->format == PTV_FORMAT_RECORD || b->format == PTV_FORMAT_ANSWERS || b->format == PTV_FORMAT_COMPACT;
}

ptv_code cli_batch_refusal(cli_batch *b, ptv_buf *out, const char *input, const char *why, ptv_error *err)
{
    char shown[INPUT_SHOWN + 1];
    snprintf(shown, sizeof shown, "%s", input);
    ptv_buf_clear(out);
    b->refused++;
    if (b->format == PTV_FORMAT_CSV) {
        refuse_csv(out, shown, strlen(shown), why);
    } else if (b->format == PTV_FORMAT_SOAR) {
        return refuse_soar(out, shown, why, err);
    } else if (b->format != PTV_FORMAT_TEXT && !writes_records(b)) {
        ptv_json_out o = { .buf = out };
        ptv_json_open(&o, NULL, '{');
        ptv_json_put_text(&o, "schema", "ptverdict.refused/1");
        ptv_json_put_text(&o, "input", shown);
        ptv_json_put_text(&o, "error", why);
        ptv_json_close(&o, '}');
        ptv_buf_putc(out, '\n');
    }
    return ptv_buf_check(out, err);
}

ptv_code cli_batch_refuse(cli_batch *b, ptv_buf *out, uint64_t number, const char *input, const char *why, ptv_error *err)
{
    if (b->many)
        cli_say("input %llu: %s", (unsigned long long)number, why);
    else
        cli_say("%s", why);
    return cli_batch_refusal(b, out, input, why, err);
}

void cli_batch_add(cli_batch *b, const cli_batch *part)
{
    for (int v = 0; v <= PTV_VERDICT_COMPROMISED; v++)
        b->verdicts[v] += part->verdicts[v];
    b->judged += part->judged;
    b->answered += part->answered;
    b->refused += part->refused;
    b->calls += part->calls;
    b->printed += part->printed;
}

void cli_batch_print(cli_batch *b, const ptv_buf *out)
{
    if (b->format == PTV_FORMAT_TEXT && b->printed && out->len)
        cli_print("\n");
    if (out->len) {
        cli_write(NULL, out->data, out->len);
        b->printed++;
    }
}

static double seconds_since(int64_t start_ms)
{
    double s = (double)(ptv_clock_ms() - start_ms) / 1000;
    return s > 0.001 ? s : 0.001;
}

void cli_batch_progress(cli_batch *b, uint64_t done, uint64_t bytes, int64_t size)
{
    int64_t now = ptv_clock_ms();
    if ((!b->many && !b->offline) || b->o->quiet || now - b->shown_ms < SHOWN_EVERY_MS)
        return;
    b->shown_ms = now;
    char line[200], share[32] = "";
    if (size > 0)
        snprintf(share, sizeof share, " (%d %%)", (int)((double)bytes * 100 / (double)size));
    snprintf(line, sizeof line, "%llu done%s, %.0f/s, %llu compromised, %llu unknown, %llu refused",
             (unsigned long long)done, share, (double)done / seconds_since(b->started_ms),
             (unsigned long long)b->verdicts[PTV_VERDICT_COMPROMISED], (unsigned long long)b->verdicts[PTV_VERDICT_UNKNOWN],
             (unsigned long long)b->refused);
    cli_status(line);
}

static void say_summary(const cli_batch *b)
{
    uint64_t total = b->judged + b->refused;
    char verdicts[160] = "";
    if (!writes_records(b))
        snprintf(verdicts, sizeof verdicts, "%llu compromised, %llu unknown, %llu no_match, %llu skipped, ",
                 (unsigned long long)b->verdicts[PTV_VERDICT_COMPROMISED],
                 (unsigned long long)b->verdicts[PTV_VERDICT_UNKNOWN], (unsigned long long)b->verdicts[PTV_VERDICT_NO_MATCH],
                 (unsigned long long)b->verdicts[PTV_VERDICT_SKIPPED]);
    char calls[48] = "";
    if (!b->offline)
        snprintf(calls, sizeof calls, "%llu call%s, ", (unsigned long long)b->calls, b->calls == 1 ? "" : "s");
    cli_say("%llu input%s: %s%llu refused; %s%.1f s", (unsigned long long)total, total == 1 ? "" : "s", verdicts,
            (unsigned long long)b->refused, calls, seconds_since(b->started_ms));
}

bool cli_batch_is_summed(const cli_batch *b)
{
    bool several = b->offline && (b->judged + b->refused > 1 || b->refused);
    return (b->many || several) && !b->o->quiet;
}

cli_exit cli_batch_end(cli_batch *b)
{
    cli_status(NULL);
    if (cli_batch_is_summed(b) || b->stopped)
        say_summary(b);
    if (b->stopped)
        cli_say("stopped: %s. To go on: the same command with --skip %llu", b->stopped, (unsigned long long)b->stopped_at);
    if (b->judged && !b->answered && !b->offline) {
        if (!b->o->quiet)
            cli_say("nothing could be read from any source; 'ptverdict selftest' tests settings, connection and key");
        return CLI_UNAVAILABLE;
    }
    if (b->stopped)
        return CLI_STOPPED;
    if (b->refused && !b->judged)
        return CLI_DATA;
    if (b->o->exit_code && b->verdicts[PTV_VERDICT_COMPROMISED])
        return CLI_COMPROMISED;
    if (b->o->exit_code && b->verdicts[PTV_VERDICT_UNKNOWN])
        return CLI_UNKNOWN;
    return CLI_OK;
}
