/*
 * bench_engines.c: what a verdict costs here, for comparison with other engines: bench_engines RECORDS RULES... prints CPU
 * microseconds a verdict, JSON read and record in memory, and matches a rule, as JSON. tests/bench/bulk.py runs it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench.h"

#include "base/buf.h"
#include "base/file.h"
#include "core/record_json.h"
#include "rules/rules.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_RECORDS = 4096, MOST_RULES = 8, ROUNDS = 3 };
static const ptv_rule_setting SETTINGS[] = { { "passivetotal_tags", "compromised,ransomware", "bench", false },
                                             { "fresh", "30d", "bench", true } };

typedef struct bench {
    ptv_ruleset *rs;
    ptv_buf text;
    const char *lines[MOST_RECORDS];
    size_t lengths[MOST_RECORDS];
    const ptv_record *records[MOST_RECORDS];
    size_t count;
    ptv_arena kept, tree, work; /* tree: JSON; work: record and decision of the moment */
    ptv_digest *digest;
    unsigned long matches[MOST_RULES];
} bench;

static void die(const char *what, const ptv_error *err)
{
    fprintf(stderr, "bench_engines: %s: %s\n", what, err->msg);
    exit(1);
}

static ptv_record *read_record(bench *b, ptv_arena *mem, size_t i)
{
    ptv_error err = { 0 };
    const ptv_json *json;
    ptv_record *r;
    ptv_arena_reset(&b->tree);
    if (ptv_json_parse(&json, &b->tree, b->lines[i], b->lengths[i], &err) || ptv_record_read(&r, mem, json, &err))
        die("record", &err);
    r->now = r->fetched_at;
    ptv_record_seal(r, b->digest);
    return r;
}

static void judge(ptv_decision *d, bench *b, const ptv_record *r)
{
    ptv_error err = { 0 };
    ptv_judge how = PTV_JUDGE;
    if (ptv_ruleset_judge(d, &b->work, b->rs, r, &how, &err))
        die("judge", &err);
}

static double best_us(bench *b, bool with_json)
{
    double best = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        unsigned long runs = 0;
        double start = bench_cpu_s(), spent;
        do {
            for (size_t i = 0; i < b->count; i++, runs++) {
                ptv_decision d;
                ptv_arena_reset(&b->work);
                judge(&d, b, with_json ? read_record(b, &b->work, i) : b->records[i]);
            }
            spent = bench_cpu_s() - start;
        } while (spent < 0.7);
        if (spent / (double)runs < best)
            best = spent / (double)runs;
    }
    return best * 1e6;
}

static void split(bench *b)
{
    const char *at = b->text.data, *end = at + b->text.len;
    for (const char *newline; b->count < MOST_RECORDS && (newline = memchr(at, '\n', (size_t)(end - at)));
         at = newline + 1) {
        b->lines[b->count] = at;
        b->lengths[b->count] = (size_t)(newline - at);
        b->records[b->count] = read_record(b, &b->kept, b->count);
        b->count++;
    }
}

int main(int argc, char **argv)
{
    static bench b = {
        .text = PTV_BUF(256 << 20), .kept = PTV_ARENA(1 << 30), .tree = PTV_ARENA(16 << 20), .work = PTV_ARENA(16 << 20)
    };
    ptv_error err = { 0 };
    if (argc < 3) {
        fprintf(stderr, "usage: bench_engines RECORDS RULES... (run it through tests/bench/run.sh)\n");
        return 64;
    }
    ptv_rules_options options = { .paths = (const char *const *)(argv + 2),
                                  .path_count = (size_t)argc - 2,
                                  .settings = SETTINGS,
                                  .setting_count = 2,
                                  .supported = ~0u };
    b.digest = ptv_digest_new();
    if (!b.digest || ptv_ruleset_load(&b.rs, &options, NULL, &err) || ptv_file_read(&b.text, argv[1], &err))
        die("opening", &err);
    split(&b);
    size_t rules = ptv_ruleset_rule_count(b.rs);
    for (size_t i = 0; i < b.count; i++) {
        ptv_decision d;
        ptv_arena_reset(&b.work);
        judge(&d, &b, b.records[i]);
        for (size_t k = 0; k < d.rule_count && k < MOST_RULES; k++)
            b.matches[k] += d.rules[k].outcome == PTV_OUT_MATCH || d.rules[k].outcome == PTV_OUT_SHADOW_MATCH;
    }
    printf("{\"read_us\":%.3f,\"judge_us\":%.3f,\"matches\":{", best_us(&b, true), best_us(&b, false));
    for (size_t k = 0; k < rules && k < MOST_RULES; k++)
        printf("%s\"%s\":%lu", k ? "," : "", ptv_ruleset_needs(b.rs, k).id, b.matches[k]);
    printf("}}\n");
    ptv_ruleset_unref(b.rs);
    ptv_digest_free(b.digest);
    ptv_arena_release(&b.kept);
    ptv_arena_release(&b.tree);
    ptv_arena_release(&b.work);
    ptv_buf_release(&b.text);
    return 0;
}
