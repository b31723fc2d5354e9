/*
 * clock.c: civil dates by arithmetic (no libc calendar, no time zone of the process), and a reader for the date
 * forms that sources write.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "base/text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LAST_SECOND INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

int64_t ptv_clock_utc(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

int64_t ptv_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t ptv_day_of(int64_t utc)
{
    return utc / PTV_DAY_S - (utc % PTV_DAY_S < 0);
}

/* Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in March, eras are 400 years. */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

/* Readers: each moves *at on when it finds what it looks for, and only then. */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool digits(const char **at, int count, int *out)
{
    int value = 0;
    for (int i = 0; i < count; i++) {
        if (!is_digit((*at)[i]))
            return false;
        value = value * 10 + ((*at)[i] - '0');
    }
    *at += count;
    *out = value;
    return true;
}

static bool letter(const char **at, char c)
{
    if (ptv_lower(**at) != c)
        return false;
    ++*at;
    return true;
}

static bool word(const char **at, const char *lower)
{
    const char *p = *at;
    while (*lower && ptv_lower(*p) == *lower)
        p++, lower++;
    if (*lower)
        return false;
    *at = p;
    return true;
}

static void blanks(const char **at)
{
    while (ptv_is_blank(**at))
        ++*at;
}

static bool month_name(const char **at, int *month)
{
    static const char names[12][4] = { "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec" };
    for (int i = 0; i < 12; i++) {
        if (word(at, names[i])) {
            *month = i + 1;
            return true;
        }
    }
    return false;
}

static bool day_number(int64_t *days, int year, int month, int day)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    if (year < 1 || month < 1 || month > 12 || day < 1)
        return false;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > lengths[month - 1] + (month == 2 && is_leap))
        return false;
    *days = days_from_civil(year, month, day);
    return true;
}

/* 03:04, 03:04:05, 03:04:05.678; second 60 is a leap second. */
static bool time_of_day(const char **at, int *second_of_day)
{
    int hour, minute, second = 0;
    if (!digits(at, 2, &hour) || !letter(at, ':') || !digits(at, 2, &minute))
        return false;
    if (letter(at, ':')) {
        if (!digits(at, 2, &second))
            return false;
        if ((**at == '.' || **at == ',') && is_digit((*at)[1])) {
            do
                ++*at;
            while (is_digit(**at));
        }
    }
    *second_of_day = hour * 3600 + minute * 60 + second;
    return hour <= 23 && minute <= 59 && second <= 60;
}

/* Z, UTC, GMT, +01:00, +0100, +01; nothing leaves *offset_s as it is. */
static bool zone(const char **at, int *offset_s)
{
    blanks(at);
    if (**at == '+' || **at == '-') {
        int sign = **at == '-' ? -1 : 1, hours, minutes = 0;
        ++*at;
        if (!digits(at, 2, &hours))
            return false;
        bool has_colon = letter(at, ':');
        if ((has_colon || is_digit(**at)) && !digits(at, 2, &minutes))
            return false;
        *offset_s = sign * (hours * 3600 + minutes * 60);
        return hours <= 14 && minutes <= 59;
    }
    if (letter(at, 'z') || word(at, "utc") || word(at, "gmt"))
        *offset_s = 0;
    return true;
}

/* A number: YYYYMMDD and YYYYMMDDhhmmss by their length, else seconds or milliseconds since 1970. */
static bool parse_number(int64_t *utc, const char *text, size_t len, int offset_s)
{
    int year, month, day, hour, minute, second;
    int64_t days;
    const char *at = text;
    if (len == 8 || len == 14) {
        if (!digits(&at, 4, &year) || !digits(&at, 2, &month) || !digits(&at, 2, &day) ||
            !day_number(&days, year, month, day))
            return false;
        *utc = days * PTV_DAY_S;
        if (len == 8)
            return true;
        if (!digits(&at, 2, &hour) || !digits(&at, 2, &minute) || !digits(&at, 2, &second))
            return false;
        *utc += hour * 3600 + minute * 60 + second - offset_s;
        return hour <= 23 && minute <= 59 && second <= 60;
    }
    double number = 0;
    if (len < 9 || len > 15) /* shorter ones are years or nonsense, not seconds */
        return false;
    for (size_t i = 0; i < len; i++)
        number = number * 10 + (text[i] - '0');
    return ptv_time_from_number(utc, number);
}

/* 2020-01-02 and 2020/01/02, the time after a blank or T. A day alone is that day, whatever the offset. */
static bool parse_iso(int64_t *utc, const char *at, int offset_s)
{
    int year, month, day, second_of_day;
    int64_t days;
    if (!digits(&at, 4, &year))
        return false;
    char separator = *at++;
    if ((separator != '-' && separator != '/') || !digits(&at, 2, &month) || !letter(&at, separator) ||
        !digits(&at, 2, &day) || !day_number(&days, year, month, day))
        return false;
    *utc = days * PTV_DAY_S;
    const char *after_day = at;
    blanks(&at);
    if (!*at)
        return true;
    if (at == after_day && !letter(&at, 't'))
        return false;
    if (!time_of_day(&at, &second_of_day) || !zone(&at, &offset_s))
        return false;
    *utc += second_of_day - offset_s;
    blanks(&at);
    return !*at;
}

/* Thu, 02 Jan 2020 03:04:05 GMT (RFC 9110, RFC 5322); the name of the day may be absent and is not checked. */
static bool parse_mail(int64_t *utc, const char *at, int offset_s)
{
    int year, month, day, second_of_day;
    int64_t days;
    const char *comma = strchr(at, ',');
    if (comma)
        at = comma + 1;
    blanks(&at);
    if (!digits(&at, 2, &day) && !digits(&at, 1, &day))
        return false;
    if (!letter(&at, ' ') || !month_name(&at, &month) || !letter(&at, ' ') || !digits(&at, 4, &year) || !letter(&at, ' ') ||
        !day_number(&days, year, month, day) || !time_of_day(&at, &second_of_day) || !zone(&at, &offset_s))
        return false;
    *utc = days * PTV_DAY_S + second_of_day - offset_s;
    blanks(&at);
    return !*at;
}

static bool two_digits(const char *at, int *out)
{
    if (!is_digit(at[0]) || !is_digit(at[1]))
        return false;
    *out = (at[0] - '0') * 10 + (at[1] - '0');
    return true;
}

/* "2020-01-02 03:04:05", with T or a blank, alone or with Z: nearly every date of a record. Anything else, and whatever is
 * wrong, is left to the readers above. */
static bool parse_common(int64_t *utc, const char *t, int offset_s)
{
    int century, year, month, day, hour, minute, second;
    int64_t days;
    if (!two_digits(t, &century) || !two_digits(t + 2, &year) || t[4] != '-' || !two_digits(t + 5, &month) || t[7] != '-' ||
        !two_digits(t + 8, &day) || (t[10] != ' ' && t[10] != 'T') || !two_digits(t + 11, &hour) || t[13] != ':' ||
        !two_digits(t + 14, &minute) || t[16] != ':' || !two_digits(t + 17, &second))
        return false;
    bool is_utc = t[19] == 'Z';
    if (t[19 + is_utc] || hour > 23 || minute > 59 || second > 60 || !day_number(&days, century * 100 + year, month, day))
        return false;
    *utc = days * PTV_DAY_S + hour * 3600 + minute * 60 + second - (is_utc ? 0 : offset_s);
    return true;
}

bool ptv_time_parse(int64_t *utc, const char *text, int offset_s)
{
    int64_t found;
    if (!text)
        return false;
    if (parse_common(utc, text, offset_s))
        return true;
    blanks(&text);
    size_t number = 0;
    while (is_digit(text[number]))
        number++;
    const char *rest = text + number;
    bool is_date;
    if (number == 4)
        is_date = parse_iso(&found, text, offset_s);
    else if (number > 4 && (blanks(&rest), !*rest))
        is_date = parse_number(&found, text, number, offset_s);
    else
        is_date = parse_mail(&found, text, offset_s);
    if (is_date)
        *utc = found;
    return is_date;
}

bool ptv_time_from_number(int64_t *utc, double number)
{
    double seconds = floor(number >= 1e11 ? number / 1000 : number);
    if (!(seconds > 0 && seconds <= (double)LAST_SECOND)) /* 0 and -1 stand for "not set" in every source we know; NaN too */
        return false;
    *utc = (int64_t)seconds;
    return true;
}

static void put(char *out, int value, int width)
{
    while (width--) {
        out[width] = (char)('0' + value % 10);
        value /= 10;
    }
}

static size_t format_date(char out[32], int64_t days)
{
    int64_t year;
    int month, day;
    civil_from_days(days, &year, &month, &day);
    if (year < 0 || year > 9999)
        return (size_t)snprintf(out, 32, "%04lld-%02d-%02d", (long long)year, month, day);
    put(out, (int)year, 4);
    put(out + 5, month, 2);
    put(out + 8, day, 2);
    out[4] = out[7] = '-';
    out[10] = '\0';
    return 10;
}

void ptv_time_format(char out[32], int64_t utc)
{
    int second = (int)(utc % PTV_DAY_S);
    if (second < 0)
        second += (int)PTV_DAY_S;
    char *at = out + format_date(out, ptv_day_of(utc));
    memcpy(at, "T00:00:00Z", 11);
    put(at + 1, second / 3600, 2);
    put(at + 4, second / 60 % 60, 2);
    put(at + 7, second % 60, 2);
}

void ptv_time_format_day(char out[32], int64_t utc)
{
    format_date(out, ptv_day_of(utc));
}
