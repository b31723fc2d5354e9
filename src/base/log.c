/*
 * log.c: log lines to the one sink of the process.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/log.h"
#include "base/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_LINE = 2048 };

static ptv_log_fn *log_sink;
static void *log_to;
static ptv_log_level log_up_to;

void ptv_log_to(ptv_log_fn *sink, void *to, ptv_log_level up_to)
{
    log_sink = sink;
    log_to = to;
    log_up_to = up_to;
}

bool ptv_log_wanted(ptv_log_level level)
{
    return log_sink && level <= log_up_to;
}

void ptv_log(ptv_log_level level, const char *area, const char *fmt, ...)
{
    if (!ptv_log_wanted(level))
        return;
    char line[LONGEST_LINE];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (len < 0)
        return;
    ptv_buf safe = PTV_BUF(LONGEST_LINE * 8); /* an escape is at most 8 bytes long */
    ptv_escape_terminal(&safe, line, strlen(line));
    if (!safe.failed)
        log_sink(log_to, level, area, safe.data ? safe.data : "");
    ptv_buf_release(&safe);
}
