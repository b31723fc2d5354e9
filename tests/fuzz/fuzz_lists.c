/*
 * fuzz_lists.c: any file is a list or an error that names a line; a list answers in full or has no entry.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "memory_file.h"
#include "sources/source.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static int64_t no_time_passes(void)
{
    return 1;
}

static void ask_all(ptv_local_source *source, ptv_arena *mem, const char *name)
{
    ptv_artifact subject;
    ptv_record r;
    ptv_error err = { 0 };
    must(ptv_artifact_parse(&subject, mem, name, strlen(name), NULL, &err) == PTV_OK);
    ptv_record_init(&r, &subject);
    for (int i = 0; i < PTV_SECTION_COUNT; i++) {
        ptv_code rc = source->answer(source->self, &r, mem, (ptv_section)i, &err);
        must(rc == PTV_OK || rc == PTV_ENOENTRY);
        must((rc == PTV_OK) == (r.sections[i].state == PTV_STATE_OK));
        must(rc || (source->fills & PTV_BIT((unsigned)i)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memory_file(path, data, size);
    ptv_source_settings s = { .lists = path, .clock_utc = no_time_passes };
    ptv_arena mem = PTV_ARENA(64 << 20);
    ptv_local_source source;
    ptv_error err = { 0 };
    ptv_code rc = ptv_lists_open(&source, &s, &err);
    if (rc) {
        must(rc == PTV_ESETTINGS && err.code == rc && strncmp(err.msg, path, strlen(path)) == 0);
    } else {
        ask_all(&source, &mem, "evil.example");
        ask_all(&source, &mem, "192.0.2.1");
        source.free(source.self);
    }
    ptv_arena_release(&mem);
    close(fd);
    return 0;
}
