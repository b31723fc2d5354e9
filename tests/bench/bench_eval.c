/*
 * bench_eval.c: from raw JSON to decision, through the public header: a 10 KB and a 262 KB record, three declarative rules.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench.h"

#include "base/buf.h"
#include "ptverdict.h"

#include <stdlib.h>

static const char *const RULES[] = { "rules/10-flagged-tags.lua", "examples/rules/20-fresh-and-busy.lua",
                                     "tests/bench/rules/classification.lua" };

static void make_record(ptv_buf *out, size_t bytes)
{
    ptv_buf_puts(out,
                 "{\"artifact\":\"evil.example\",\"fetched_at\":\"2026-05-01T00:00:00Z\",\"tags\":[\"Ransomware\",\"apt32\","
                 "\"emotet\"],\"classification\":\"suspicious\",\"passive_dns\":{\"total_records\":9,\"records\":[");
    for (unsigned i = 0; out->len < bytes - 200; i++)
        ptv_buf_printf(
            out,
            "%s{\"value\":\"evil.example\",\"type\":\"A\",\"resolve\":\"192.0.2.%u\",\"first_seen\":\"2026-04-%02u "
            "03:04:05\",\"last_seen\":\"2026-04-%02u 11:12:13\",\"collected\":\"2026-04-30 22:00:00\",\"sources\":"
            "[\"riskiq\",\"kaspersky\"]}",
            i ? "," : "", i % 250, 1 + i % 20, 5 + i % 20);
    ptv_buf_puts(out, "]},\"subdomains\":{\"names\":[\"www.evil.example\",\"mail.evil.example\"]}}");
}

static int ignore(void *to, const char *bytes, size_t len)
{
    (void)to;
    (void)bytes;
    (void)len;
    return 0;
}

static double rate(ptv_client *c, const ptv_buf *record, double seconds, bool with_line)
{
    ptv_error err = { 0 };
    unsigned long runs = 0;
    double start = bench_cpu_s();
    double spent;
    do {
        for (int i = 0; i < 20; i++, runs++) {
            ptv_report *report = NULL;
            if (ptv_eval(&report, c, record->data, record->len, &err) ||
                (with_line && ptv_report_write(report, PTV_FORMAT_JSON, 0, ignore, NULL, &err))) {
                fprintf(stderr, "bench_eval: %s\n", err.msg);
                exit(1);
            }
            ptv_report_recycle(c, report);
        }
        spent = bench_cpu_s() - start;
    } while (spent < seconds);
    return (double)runs / spent;
}

static int keep(void *to, const char *bytes, size_t len)
{
    ptv_buf_append(to, bytes, len);
    return 0;
}

static void make_compact(ptv_buf *out, ptv_client *c, const ptv_buf *record)
{
    ptv_error err = { 0 };
    ptv_report *report = NULL;
    if (ptv_eval(&report, c, record->data, record->len, &err) ||
        ptv_report_write(report, PTV_FORMAT_COMPACT, 0, keep, out, &err)) {
        fprintf(stderr, "bench_eval: %s\n", err.msg);
        exit(1);
    }
    ptv_report_free(report);
}

int main(void)
{
    ptv_error err = { 0 };
    ptv_config *config = NULL;
    ptv_client *client = NULL;
    ptv_client_options options = { .rules = RULES, .rules_count = 3, .offline = true };
    if (ptv_config_new(&config, &err) || ptv_config_set(config, "passivetotal_tags=compromised,ransomware", &err) ||
        ptv_config_set(config, "rules.fresh=30d", &err) || ptv_client_new(&client, config, &options, NULL, &err)) {
        fprintf(stderr, "bench_eval: %s\n", err.msg);
        return 1;
    }
    ptv_buf small = PTV_BUF(1 << 20);
    ptv_buf large = PTV_BUF(1 << 20);
    make_record(&small, 10 * 1024);
    make_record(&large, 262 * 1024);
    bench_row("raw JSON to decision, 10 KB record", rate(client, &small, 1.5, false), "per s", 20000, true);
    bench_row("raw JSON to decision, 262 KB record", rate(client, &large, 1.5, false), "per s", 900, true);
    bench_row("the same, decision line written, 10 KB record", rate(client, &small, 1.0, true), "per s", 20000, true);
    ptv_buf compact = PTV_BUF(1 << 20);
    make_compact(&compact, client, &small);
    bench_row("compact to decision, from the 10 KB record", rate(client, &compact, 1.0, false), "per s", 100000, true);
    bench_row("the same, decision line written", rate(client, &compact, 1.0, true), "per s", 100000, true);
    ptv_buf_release(&compact);
    ptv_buf_release(&small);
    ptv_buf_release(&large);
    ptv_client_free(client);
    ptv_config_free(config);
    return 0;
}
