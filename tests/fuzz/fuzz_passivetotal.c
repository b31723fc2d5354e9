/*
 * fuzz_passivetotal.c: whatever answers, a section is ok with fields or failed with a reason that fits a terminal, holds no
 * secret and leaves no field behind; what is ok stays ok when saved and read again. Byte 0 picks section and settings,
 * byte 1 the status.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/text.h"
#include "sources/source.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *live[] = { "pingly" };

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_plain(const char *text)
{
    must(text && *text && strlen(text) < 512 && ptv_utf8_valid(text, strlen(text)));
    for (const char *p = text; *p; p++)
        must((unsigned char)*p >= 0x20 && *p != 0x7f);
    must(!strstr(text, "~key0123") && !strstr(text, "user@example.test"));
}

static void check_failed(const ptv_record *r, ptv_section section)
{
    must(r->sections[section].state == PTV_STATE_FAILED && r->sections[section].cause != PTV_CAUSE_NONE);
    check_plain(r->sections[section].reason);
    for (size_t i = 0; i < ptv_field_count; i++)
        if (ptv_fields[i].section == section)
            must(ptv_field_absent(r, &ptv_fields[i]));
}

static void check_saved(const ptv_record *r, ptv_arena *mem, const ptv_source_settings *s, ptv_section section)
{
    ptv_buf line = PTV_BUF(64 << 20);
    ptv_record *again = NULL;
    ptv_error err = { 0 };
    ptv_archive_write(&line, r, section);
    must(line.failed == PTV_OK && line.len > 0 && memchr(line.data, '\n', line.len) == line.data + line.len - 1);
    must(ptv_archive_record(&again, mem, s, line.data, line.len, &err) == PTV_OK);
    must((again->sections[section].state == PTV_STATE_OK) == (r->sections[section].state == PTV_STATE_OK));
    must(again->tags.count == r->tags.count && again->pdns_count == r->pdns_count && again->truncated == r->truncated);
    must(again->subdomain_count == r->subdomain_count && again->quota_left == r->quota_left);
    must(again->classification == r->classification && again->first_seen == r->first_seen);
    ptv_buf_release(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = { 200, 204, 206, 302, 400, 401, 402, 403, 404, 407, 429, 500, 503, 504, 418, 408 };
    if (size < 2)
        return 0;
    ptv_section section = (ptv_section)((data[0] & 7) % PTV_SECTION_COUNT);
    ptv_source_settings s = { .user = "user@example.test",
                              .key = "~key0123",
                              .keep_answers = true,
                              .not_found_is_empty = data[0] & 8,
                              .timezone_offset_s = data[0] & 16 ? -25200 : 0,
                              .live_sources = live,
                              .live_source_count = 1,
                              .body_limit_bytes = 1 << 20 };
    const char *name = data[0] & 32 ? "192.0.2.1" : "evil.example";
    ptv_arena mem = PTV_ARENA(256 << 20);
    ptv_artifact subject;
    ptv_record record;
    ptv_error err = { 0 };
    bool retry;
    must(ptv_artifact_parse(&subject, &mem, name, strlen(name), NULL, &err) == PTV_OK);
    ptv_record_init(&record, &subject);
    ptv_answer answer = { .status = statuses[data[1] % 16],
                          .body = (const char *)data + 2,
                          .body_len = size - 2,
                          .fetched_at = 1,
                          .retry_after_s = -1 };
    ptv_code rc = ptv_passivetotal_read(&record, &mem, &s, section, &answer, &retry, &err);
    if (rc == PTV_OK) {
        must(record.sections[section].state == PTV_STATE_OK);
        must(answer.status == 200 || (answer.status == 404 && s.not_found_is_empty));
        if (record.sections[section].warnings)
            must(ptv_utf8_valid(record.sections[section].warnings, strlen(record.sections[section].warnings)));
    } else {
        check_failed(&record, section);
    }
    if (record.sections[section].raw)
        check_saved(&record, &mem, &s, section);
    ptv_arena_release(&mem);
    return 0;
}
