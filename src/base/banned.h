/*
 * banned.h: functions that cannot be used safely; included by every .c of src through the compiler's command line.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_BASE_BANNED_H
#define PTV_BASE_BANNED_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#pragma GCC poison strcpy strcat sprintf vsprintf gets strtok gmtime localtime asctime ctime atoi atol atof
#endif
