/*
 * retry_after.c: both forms of Retry-After (RFC 9110, 10.2.3): seconds, and the three forms of an HTTP date.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "net/retry_after.h"
#include <curl/curl.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int64_t limited(int64_t seconds)
{
    return seconds < 0 ? 0 : seconds > PTV_RETRY_AFTER_MOST_S ? PTV_RETRY_AFTER_MOST_S : seconds;
}

/* HTTP dates begin with the day's name; curl_getdate() alone would also take "12:30" or a lone number for one. */
static bool http_date(int64_t *utc, const char *text)
{
    if (!is_letter(text[0]))
        return false;
    time_t t = curl_getdate(text, NULL);
    if (t < 0)
        return false;
    *utc = t;
    return true;
}

int64_t ptv_retry_after_parse(const char *text, const char *date, int64_t now_utc)
{
    int64_t when;
    while (*text == ' ' || *text == '\t')
        text++;
    if (is_digit(*text)) {
        int64_t seconds = 0;
        for (; is_digit(*text); text++)
            seconds = limited(seconds * 10 + (*text - '0'));
        while (*text == ' ' || *text == '\t')
            text++;
        return *text ? -1 : seconds;
    }
    if (!http_date(&when, text))
        return -1;
    int64_t now = now_utc;
    if (date)
        http_date(&now, date);
    return limited(when - now);
}
