/*
 * bench_lookup.c: warm look-ups against a server that answers each call after 50 ms: bench_lookup URL.
 * One call is the ruler; `fast` may take 1.10 of it, `frugal` with a hit 1.10 of two.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "bench.h"

#include "ptverdict.h"

#include <stdlib.h>

static void die(const ptv_error *err)
{
    fprintf(stderr, "bench_lookup: %s\n", err->msg);
    exit(1);
}

static ptv_client *make_client(const char *url, const char *plan)
{
    static const char *const rules[] = { "rules" };
    ptv_error err = { 0 };
    ptv_config *config = NULL;
    ptv_client *client = NULL;
    ptv_client_options options = { .rules = rules, .rules_count = 1 };
    char base[256];
    char how[64];
    snprintf(base, sizeof base, "passivetotal_base_url=%s", url);
    snprintf(how, sizeof how, "plan=%s", plan);
    if (ptv_config_new(&config, &err) || ptv_config_set(config, base, &err) || ptv_config_set(config, how, &err) ||
        ptv_config_set(config, "passivetotal_username=user", &err) ||
        ptv_config_set(config, "passivetotal_api_key=key", &err) ||
        ptv_config_set(config, "passivetotal_tags=compromised,ransomware", &err) ||
        ptv_config_set(config, "allow_reserved=yes", &err) || ptv_client_new(&client, config, &options, NULL, &err))
        die(&err);
    ptv_config_free(config);
    return client;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Median milliseconds of warm look-ups; the first ones open the connections. */
static double median_ms(ptv_client *c, const char *name, unsigned *calls)
{
    enum { RUNS = 15, WARM_UP = 2 };
    double ms[RUNS];
    for (int i = -WARM_UP; i < RUNS; i++) {
        char text[128];
        ptv_error err = { 0 };
        ptv_report *report = NULL;
        snprintf(text, sizeof text, "%s%d.bench.example", name, i + WARM_UP);
        double start = bench_wall_s();
        if (ptv_lookup(&report, c, text, NULL, &err))
            die(&err);
        if (ptv_report_calls(report) > *calls)
            *calls = ptv_report_calls(report);
        if (i >= 0)
            ms[i] = (bench_wall_s() - start) * 1e3;
        ptv_report_free(report);
    }
    qsort(ms, RUNS, sizeof *ms, by_size);
    return ms[RUNS / 2];
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: bench_lookup URL (run it through tests/bench/run.sh)\n");
        return 64;
    }
    ptv_client *frugal = make_client(argv[1], "frugal");
    ptv_client *fast = make_client(argv[1], "fast");
    unsigned calls_plain = 0;
    unsigned calls_flagged = 0;
    unsigned calls_fast = 0;
    double one = median_ms(frugal, "plain", &calls_plain);
    double deep = median_ms(frugal, "flagged", &calls_flagged);
    double wide = median_ms(fast, "flagged", &calls_fast);
    bench_row("calls per verdict, shipped rule, no flagged tag", calls_plain, "calls", 1, false);
    bench_row("calls per verdict, shipped rule, flagged tag", calls_flagged, "calls", 4, false);
    printf("%-68s %12.3f ms\n", "one warm call (the ruler)", one);
    bench_row("plan = fast, of one call", wide / one, "ratio", 1.10, false);
    bench_row("plan = frugal with a hit, of two calls", deep / (2 * one), "ratio", 1.10, false);
    ptv_client_free(frugal);
    ptv_client_free(fast);
    return 0;
}
