/*
 * bench_judge.c: a record that is in memory already, 100 tags and 1,000 passive DNS records, judged by three declarative
 * rules: with the truth of every condition kept, and with the decision line written.
 *
 * Three kinds of artifact, because they cost differently: one that the tests of tags and dates dismiss, one whose rows have
 * all to be looked at, and one that matches, with its card and note.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench.h"

#include "base/buf.h"
#include "base/clock.h"
#include "core/record_json.h"
#include "report/report.h"
#include "rules/tree.h"

static const char *const RULES[] = { "rules/10-flagged-tags.lua", "examples/rules/20-fresh-and-busy.lua",
                                     "tests/bench/rules/classification.lua" };
static const ptv_rule_setting SETTINGS[] = { { "passivetotal_tags", "compromised,ransomware", "bench", false },
                                             { "fresh", "30d", "bench", true } };

static void die(const char *what, const ptv_error *err)
{
    fprintf(stderr, "bench_judge: %s: %s\n", what, err->msg);
    exit(1);
}

/* first_seen: the month of the oldest row; fresh ones pass the date tests. */
static ptv_record *make_record(ptv_arena *mem, const char *tag, const char *first_seen, ptv_digest *digest)
{
    ptv_buf text = PTV_BUF(1 << 20);
    ptv_error err = { 0 };
    ptv_buf_printf(
        &text,
        "{\"artifact\":\"evil.example\",\"link\":\"https://x.example/evil.example\",\"classification\":"
        "\"unknown\",\"subdomains\":{\"count\":2,\"names\":[\"a.evil.example\",\"b.evil.example\"]},\"tags\":[\"%s\"",
        tag);
    for (int i = 1; i < 100; i++)
        ptv_buf_printf(&text, ",\"tag-%02d\"", i);
    ptv_buf_puts(&text, "],\"passive_dns\":{\"total_records\":1000,\"records\":[");
    for (int i = 0; i < 1000; i++)
        ptv_buf_printf(&text,
                       "%s{\"value\":\"evil.example\",\"type\":\"%s\",\"resolve\":\"192.0.2.%d\",\"first_seen\":\"%s-%02d\","
                       "\"last_seen\":\"2026-04-%02d\",\"sources\":[\"riskiq\"]}",
                       i ? "," : "", i % 3 ? "MX" : "AAAA", i % 250, first_seen, 10 + i % 19, 10 + i % 20);
    ptv_buf_puts(&text, "]}}");
    const ptv_json *json;
    ptv_record *r;
    if (ptv_buf_check(&text, &err) || ptv_json_parse(&json, mem, text.data, text.len, &err) ||
        ptv_record_read(&r, mem, json, &err))
        die("record", &err);
    ptv_buf_release(&text);
    ptv_time_parse(&r->now, "2026-05-01T12:00:00Z", 0);
    ptv_record_seal(r, digest);
    return r;
}

static double rate(const ptv_ruleset *rs, const ptv_record *r, bool with_line)
{
    uint8_t truths[256];
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_buf line = PTV_BUF(1 << 20);
    ptv_judge how = PTV_JUDGE;
    how.truths = truths;
    double best = 0;
    for (int window = 0; window < 40; window++) { /* the best: what else runs can only slow it down */
        double start = bench_cpu_s();
        enum { RUNS = 5000 };
        for (int i = 0; i < RUNS; i++) {
            ptv_decision d;
            ptv_error err = { 0 };
            ptv_arena_reset(&mem);
            if (ptv_ruleset_judge(&d, &mem, rs, r, &how, &err))
                die("judge", &err);
            if (with_line) {
                ptv_result result = { .record = r, .decision = &d, .input = "evil.example" };
                ptv_buf_clear(&line);
                ptv_report_json(&line, &result, 0);
            }
        }
        double got = RUNS / (bench_cpu_s() - start);
        best = got > best ? got : best;
    }
    ptv_buf_release(&line);
    ptv_arena_release(&mem);
    return best;
}

int main(void)
{
    ptv_rules_options options = {
        .paths = RULES, .path_count = 3, .settings = SETTINGS, .setting_count = 2, .supported = ~0u
    };
    ptv_ruleset *rs = NULL;
    ptv_error err = { 0 };
    if (ptv_ruleset_load(&rs, &options, NULL, &err))
        die("rules", &err);
    ptv_arena mem = PTV_ARENA(16 << 20);
    ptv_digest *digest = ptv_digest_new();
    if (!digest)
        die("digest", &err);
    const struct {
        const char *what;
        const ptv_record *record;
        double target;
    } kinds[] = {
        { "dismissed", make_record(&mem, "harmless", "2019-01", digest), 400000 },
        { "all rows looked at", make_record(&mem, "harmless", "2026-04", digest), 400000 },
        { "matches, with card and note", make_record(&mem, "Ransomware", "2019-01", digest), 200000 },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char what[80];
        snprintf(what, sizeof what, "3 rules, 100 tags, 1,000 rows in memory, %s", kinds[i].what);
        bench_row(what, rate(rs, kinds[i].record, false), "verdicts/s", kinds[i].target, true);
    }
    bench_row("the same, dismissed, with the decision line written", rate(rs, kinds[0].record, true), "verdicts/s", 200000,
              true);
    ptv_digest_free(digest);
    ptv_arena_release(&mem);
    ptv_ruleset_unref(rs);
    return 0;
}
