/*
 * check.c: what shows only when a file, or the whole set, has been read.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/clock.h"
#include "base/findings.h"
#include "base/text.h"
#include "rules/loading.h"

void ptv_check_file(ptv_loading *l)
{
    (void)l;
}
void ptv_check_set(ptv_loader *set)
{
    (void)set;
}
