/*
 * bench.h: one row of the table that `make bench` prints: what, measured, target, and whether it holds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_BENCH_H
#define PTV_BENCH_H
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static inline double bench_cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline double bench_wall_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* `at_least`: the target is a floor, else a ceiling. */
static inline void bench_row(const char *what, double measured, const char *unit, double target, bool at_least)
{
    bool holds = at_least ? measured >= target : measured <= target;
    printf("%-68s %12.*f %-10s %s %-10.*f %s\n", what, measured < 100 ? 3 : 0, measured, unit,
           at_least ? ">=" : "<=", target < 100 ? 2 : 0, target, holds ? "ok" : "MISSED");
    fflush(stdout);
}

#endif
