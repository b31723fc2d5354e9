/*
 * fuzz_archive.c: any file opens as an archive, and what it answers is ok, failed with a reason, or no entry; any text is a
 * record or an error that names a line.
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

static void ask_all(ptv_local_source *source, ptv_arena *mem, const char *name)
{
    ptv_artifact subject;
    ptv_record r;
    ptv_error err = { 0 };
    must(ptv_artifact_parse(&subject, mem, name, strlen(name), NULL, &err) == PTV_OK);
    ptv_record_init(&r, &subject);
    for (int i = 0; i < PTV_SECTION_COUNT; i++) {
        ptv_code rc = source->answer(source->self, &r, mem, (ptv_section)i, &err);
        const ptv_section_info *info = &r.sections[i];
        must((rc == PTV_OK) == (info->state == PTV_STATE_OK));
        must((rc == PTV_ENOENTRY) == (info->state == PTV_STATE_NOT_ASKED));
        must(rc == PTV_OK || rc == PTV_ENOENTRY || (info->state == PTV_STATE_FAILED && info->reason && *info->reason));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memory_file(path, data, size);
    ptv_source_settings s = { .archive = path, .body_limit_bytes = 1 << 16, .keep_answers = true };
    ptv_arena mem = PTV_ARENA(64 << 20);
    ptv_local_source source;
    ptv_error err = { 0 };
    must(ptv_archive_open(&source, &s, &err) == PTV_OK);
    ask_all(&source, &mem, "evil.example");
    ask_all(&source, &mem, "192.0.2.1");
    source.free(source.self);
    close(fd);

    ptv_record *r = NULL;
    ptv_code rc = ptv_archive_record(&r, &mem, &s, (const char *)data, size, &err);
    must(rc == PTV_OK || rc == PTV_EINVAL || rc == PTV_ETOOBIG);
    must(rc == PTV_OK ? r && r->artifact && *r->artifact : err.code == rc && err.msg[0]);
    ptv_arena_release(&mem);
    return 0;
}
