/*
 * fuzz_retry_after.c: any bytes as Retry-After, with a line break before the Date header: the result is none or within its
 * bounds.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/retry_after.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    char *date = strchr(text, '\n');
    if (date)
        *date++ = '\0';
    int64_t seconds = ptv_retry_after_parse(text, date, INT64_C(1600000000));
    if (seconds < -1 || seconds > PTV_RETRY_AFTER_MOST_S)
        abort();
    free(text);
    return 0;
}
