/*
 * bench_rule_process.c: one custom condition, asked through the rule process: how long the judge waits for it, with a record
 * that is new each time (an artifact; 100 tags and 1,000 passive DNS records).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench.h"

#include "base/buf.h"
#include "base/clock.h"
#include "core/record_json.h"
#include "rules/rules.h"
#include <stdlib.h>
#include <string.h>

static const char NAME_RULE[] =
    "rule 'random-label' { title = 'Random label', severity = 'info', when = custom({ 'artifact' }, function(r)\n"
    "  local label, digits = r.artifact:before '.', 0\n"
    "  for i = 1, #label do local b = label:byte(i); if b >= 48 and b <= 57 then digits = digits + 1 end end\n"
    "  return #label >= 20 and digits >= 5, digits .. ' digits in ' .. label end) }\n";
static const char ROWS_RULE[] =
    "rule 'rows' { title = 'Rows', severity = 'low', when = custom({ 'tags', 'passive_dns.records' }, function(r)\n"
    "  local n = 0\n"
    "  for _, row in ipairs(r.passive_dns.records) do if row.type == 'AAAA' then n = n + 1 end end\n"
    "  return n >= 100 and #r.tags > 10, n .. ' of AAAA' end) }\n";

static void die(const char *what, const ptv_error *err)
{
    fprintf(stderr, "bench_rule_process: %s: %s\n", what, err->msg);
    exit(1);
}

static ptv_record *make_record(ptv_arena *mem, int number)
{
    ptv_buf text = PTV_BUF(1 << 20);
    ptv_error err = { 0 };
    ptv_buf_printf(&text, "{\"artifact\":\"k3jh4k5j%d.example\",\"tags\":[\"first\"", number);
    for (int i = 1; i < 100; i++)
        ptv_buf_printf(&text, ",\"tag-%02d\"", i);
    ptv_buf_puts(&text, "],\"passive_dns\":{\"total_records\":1000,\"records\":[");
    for (int i = 0; i < 1000; i++)
        ptv_buf_printf(
            &text,
            "%s{\"value\":\"evil.example\",\"type\":\"%s\",\"resolve\":\"192.0.2.%d\",\"first_seen\":\"2026-01-%02d\","
            "\"last_seen\":\"2026-04-%02d\",\"sources\":[\"riskiq\"]}",
            i ? "," : "", i % 3 ? "MX" : "AAAA", (i + number) % 250, 10 + i % 19, 10 + i % 20);
    ptv_buf_puts(&text, "]}}");
    const ptv_json *json;
    ptv_record *r;
    if (ptv_buf_check(&text, &err) || ptv_json_parse(&json, mem, text.data, text.len, &err) ||
        ptv_record_read(&r, mem, json, &err))
        die("record", &err);
    ptv_buf_release(&text);
    ptv_time_parse(&r->now, "2026-05-01T12:00:00Z", 0);
    return r;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

enum { WINDOWS = 20, CALLS = 400, RECORDS = 16 };

/* Time of whole judgements, of which the call is nearly all; of the best window: what else runs can only slow it down. */
static void measure(const char *what, const char *rule, ptv_record *const *records)
{
    static double us[CALLS];
    const ptv_rule_file file = {
        .path = "bench.lua", .folder = ".", .name = "bench.lua", .text = rule, .len = strlen(rule)
    };
    const ptv_rules_options options = { .files = &file, .file_count = 1, .supported = ~0u, .keep_text = true };
    ptv_ruleset *rs = NULL;
    ptv_error err = { 0 };
    if (ptv_ruleset_load(&rs, &options, NULL, &err) || ptv_ruleset_separate(rs, &options, NULL, &err))
        die(what, &err);
    ptv_arena mem = PTV_ARENA(1 << 20);
    ptv_judge how = PTV_JUDGE;
    how.brief = true;
    double p50 = 1e9, p99 = 1e9;
    for (int i = 0; i < WINDOWS * CALLS; i++) {
        ptv_decision d;
        double start = bench_wall_s();
        ptv_arena_reset(&mem);
        if (ptv_ruleset_judge(&d, &mem, rs, records[i % RECORDS], &how, &err))
            die("judge", &err);
        if (d.rules[0].outcome == PTV_OUT_ERROR)
            die("outcome", &(ptv_error){ .msg = "error" });
        us[i % CALLS] = (bench_wall_s() - start) * 1e6;
        if ((i + 1) % CALLS)
            continue;
        qsort(us, CALLS, sizeof *us, by_size);
        p50 = us[CALLS / 2] < p50 ? us[CALLS / 2] : p50;
        p99 = us[CALLS - CALLS / 100] < p99 ? us[CALLS - CALLS / 100] : p99;
    }
    char row[100];
    snprintf(row, sizeof row, "custom condition through the rule process, %s, p50", what);
    bench_row(row, p50, "us", 300, false);
    snprintf(row, sizeof row, "custom condition through the rule process, %s, p99", what);
    bench_row(row, p99, "us", 300, false);
    ptv_arena_release(&mem);
    ptv_ruleset_unref(rs);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "rule-process") == 0)
        return ptv_rule_process_main();
    ptv_arena mem = PTV_ARENA(64 << 20);
    ptv_record *records[RECORDS];
    for (int i = 0; i < RECORDS; i++)
        records[i] = make_record(&mem, i);
    measure("a name", NAME_RULE, records);
    measure("1,000 rows", ROWS_RULE, records);
    ptv_arena_release(&mem);
    return 0;
}
