/*
 * fuzz_time.c: a date that parses is formatted as one that parses to the same second.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = ptv_strndup((const char *)data, size);
    if (!text)
        return 0;
    const int offsets[] = { 0, -7 * 3600, 14 * 3600 };
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        int64_t utc, again;
        char out[32];
        if (!ptv_time_parse(&utc, text, offsets[i]))
            continue;
        ptv_time_format(out, utc);
        if (strlen(out) == 20 && strncmp(out, "0000", 4) != 0) /* a zone may carry a date out of the years 1 to 9999 */
            must(ptv_time_parse(&again, out, offsets[i]) && again == utc);
        ptv_time_format_day(out, utc);
        if (strlen(out) == 10 && strncmp(out, "0000", 4) != 0)
            must(ptv_time_parse(&again, out, offsets[i]) && again == ptv_day_of(utc) * PTV_DAY_S);
    }
    ptv_free(text);

    double number;
    int64_t utc;
    if (size >= sizeof number) {
        memcpy(&number, data, sizeof number);
        if (ptv_time_from_number(&utc, number))
            must(utc > 0 && utc <= INT64_C(253402300799));
    }
    return 0;
}
