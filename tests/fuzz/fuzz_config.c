/*
 * fuzz_config.c: any bytes as an app.config: read or refused with file:line, never a crash, and every value whole.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "config/ini.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ptv_arena mem = PTV_ARENA(64 << 20);
    ptv_ini ini;
    ptv_error err = { 0 };
    ptv_code rc = ptv_ini_read(&ini, &mem, (const char *)data, size, "app.config", &err);
    if (rc && rc != PTV_ESETTINGS && rc != PTV_ETOOBIG && rc != PTV_ENOMEM)
        abort(); /* PTV_EBUG: inih did not give back what it was handed */
    if (rc && !*err.msg)
        abort();
    for (size_t i = 0; !rc && i < ini.count; i++)
        if (!ini.entries[i].value || (ini.entries[i].line < 1))
            abort();
    ptv_arena_release(&mem);
    return 0;
}
