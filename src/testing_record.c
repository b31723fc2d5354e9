/*
 * testing_record.c: what is given to a case, as a record that can be judged.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "testing_run.h"

#include "base/file.h"

#include <assert.h>

static ptv_code read_fixture(ptv_record **out, ptv_test_case *p, ptv_test_run *r, const char *folder, ptv_error *err)
{
    const char *path = ptv_arena_printf(&p->mem, "%s/fixtures/%s", folder, p->data->fixture);
    ptv_buf text = PTV_BUF(PTV_TEST_RECORD_BYTES);
    ptv_code rc = path ? ptv_file_read(&text, path, err) : ptv_arena_fail(&p->mem, err);
    if (!rc)
        rc = ptv_record_of_text(out, &p->mem, &r->scratch, &r->sources, text.data ? text.data : "", text.len, err);
    ptv_buf_release(&text);
    return rc ? ptv_wrap(err, "fixture %s", path ? path : "") : PTV_OK;
}

/* archive/ or archive.ndjson of a folder; one that cannot be opened is tried again for the next case. NULL: see `err`. */
static const ptv_local_source *find_archive(ptv_test_run *r, const char *folder, ptv_error *err)
{
    const char *path = ptv_path_join(&r->mem, folder, "archive");
    if (path && !ptv_is_dir(path))
        path = ptv_path_join(&r->mem, folder, "archive.ndjson");
    for (ptv_test_archive *a = path ? r->archives : NULL; a; a = a->next)
        if (strcmp(a->path, path) == 0)
            return &a->source;
    ptv_test_archive *a = path ? ptv_test_keep(&r->mem, sizeof *a, err) : NULL;
    if (!a) {
        ptv_arena_fail(&r->mem, err);
        return NULL;
    }
    *a = (ptv_test_archive){ .path = path, .settings = r->sources, .next = r->archives };
    a->settings.archive = path;
    if (!ptv_is_dir(path) && !ptv_is_file(path)) {
        ptv_fail(err, PTV_EINVAL, "no archive/ or archive.ndjson beside the tests");
        return NULL;
    }
    if (ptv_archive_open(&a->source, &a->settings, err)) {
        ptv_wrap(err, "%s", path);
        return NULL;
    }
    r->archives = a;
    return &a->source;
}

static ptv_code read_recorded(ptv_record **out, ptv_test_case *p, ptv_test_run *r, const char *folder, ptv_error *err)
{
    ptv_artifact *subject = ptv_test_keep(&p->mem, sizeof *subject, err);
    ptv_record *record = subject ? ptv_test_keep(&p->mem, sizeof *record, err) : NULL;
    if (!record)
        return err->code;
    const char *name = p->data->recorded;
    ptv_code rc = ptv_artifact_parse(subject, &p->mem, name, strlen(name), NULL, err);
    if (rc)
        return rc;
    const ptv_local_source *archive = find_archive(r, folder, err);
    if (!archive)
        return ptv_wrap(err, "recorded \"%s\"", name);
    ptv_record_init(record, subject);
    bool found = false;
    for (int s = 0; s < PTV_SECTION_COUNT && !rc; s++) {
        ptv_error why = { 0 };
        ptv_code one = archive->answer(archive->self, record, &p->mem, (ptv_section)s, &why);
        if (one == PTV_ENOENTRY)
            ptv_section_fail(record, &p->mem, (ptv_section)s, PTV_STATE_NOT_ASKED, PTV_CAUSE_RECORD, "not in the record");
        else if (one == PTV_ENOMEM || one == PTV_ETOOBIG)
            rc = (*err = why).code;
        else
            found = true;
        if (record->sections[s].fetched_at != PTV_NO_TIME && record->sections[s].fetched_at > record->fetched_at)
            record->fetched_at = record->sections[s].fetched_at;
    }
    if (!rc && !found)
        rc = ptv_fail(err, PTV_EINVAL, "recorded \"%s\": no answer in the archive", name);
    *out = record;
    return rc;
}

static ptv_code read_given(ptv_record **out, ptv_test_case *p, ptv_test_run *r, const char *folder, ptv_error *err)
{
    if (p->data->fixture)
        return read_fixture(out, p, r, folder, err);
    if (p->data->recorded)
        return read_recorded(out, p, r, folder, err);
    const ptv_json *json = NULL;
    ptv_arena_reset(&r->scratch);
    ptv_code rc = ptv_json_parse(&json, &r->scratch, p->data->given, strlen(p->data->given), err);
    if (!rc)
        rc = ptv_record_read(out, &p->mem, json, err);
    return rc ? ptv_wrap(err, "given") : PTV_OK;
}

ptv_code ptv_test_prepare(ptv_test_case *p, ptv_test_run *r, ptv_test_file *file, const ptv_case *c, ptv_error *err)
{
    *p = (ptv_test_case){ .data = c, .mem = PTV_ARENA(PTV_TEST_RECORD_BYTES), .how = PTV_JUDGE };
    p->how.alert_from = r->alert_from;
    p->how.stale_is_unknown = r->stale_is_unknown;
    ptv_code rc = ptv_test_find_set(&p->set, r, file, c, err);
    if (!rc)
        rc = read_given(&p->record, p, r, file->folder, err);
    if (rc)
        return rc;
    assert(p->record);
    int64_t now = c->now;
    if (now == PTV_NO_TIME && r->report->options.now_utc && r->report->options.now_utc != PTV_NO_TIME)
        now = r->report->options.now_utc;
    p->record->now = now != PTV_NO_TIME ? now : p->record->fetched_at;
    p->how.time_required = p->record->now == PTV_NO_TIME;
    ptv_record_seal(p->record, r->digest);
    return PTV_OK;
}
