/*
 * state.c: a client and the state folder: answers lent to the sources, decisions into the log, the rules kept that made
 * them.
 *
 * A line of the log has all that judging again needs: the settings that the rules read, the digest of the rules, and the
 * compact record.
 *
 *     {"schema":"ptverdict.log/1","decision_id":"…","now":"…","artifact":"…", … ,"ruleset":"…","compact":"PTV1\t…"}
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/store.h"

#define LINE_LIMIT ((size_t)96 << 20)

/* ------------------------------------------------------------------------------------------------ cache */

static bool get_cached(void *self, ptv_answer *out, ptv_arena *mem, const char *source, const char *endpoint,
                       const char *artifact)
{
    ptv_cached kept;
    bool found = false;
    ptv_error err = { 0 };
    if (ptv_store_cache_get(self, &kept, &found, mem, source, endpoint, artifact, &err))
        ptv_log(PTV_LOG_WARNING, "state", "%s", err.msg);
    if (!found)
        return false;
    out->status = kept.status;
    out->fetched_at = kept.fetched_at;
    out->body = kept.body;
    out->body_len = kept.body_len;
    return true;
}

static void put_cached(void *self, const ptv_answer *answer, const char *source, const char *endpoint, const char *artifact)
{
    ptv_error err = { 0 };
    const ptv_cached kept = { answer->status, answer->fetched_at, answer->body, answer->body_len };
    if (ptv_store_cache_put(self, source, endpoint, artifact, &kept, &err))
        ptv_log(PTV_LOG_WARNING, "state", "%s", err.msg);
}

/* ----------------------------------------------------------------------------------------- open, keep */

static ptv_code keep_rules(ptv_client *c, ptv_error *err)
{
    size_t count;
    const ptv_rule_file *files = ptv_ruleset_files(c->rules, &count);
    ptv_kept_file *kept = ptv_calloc(count + 1, sizeof *kept);
    if (!kept)
        return ptv_fail_nomem(err);
    for (size_t i = 0; i < count; i++)
        kept[i] =
            (ptv_kept_file){ files[i].path, files[i].folder, files[i].name, files[i].digest, files[i].text, files[i].len };
    ptv_code rc = ptv_store_rules_keep(c->store, ptv_ruleset_digest(c->rules), kept, count, err);
    ptv_free(kept);
    if (!rc && c->options.last_good)
        rc = ptv_store_rules_use(c->store, ptv_ruleset_digest(c->rules), err);
    return rc;
}

static bool is_secret(const ptv_config *config, const char *name)
{
    for (size_t i = 0; i < ptv_config_rules_count(config); i++) {
        ptv_config_pair p = ptv_config_rules_at(config, i);
        if (strcmp(p.key, name) == 0)
            return p.secret;
    }
    return false;
}

/* {"fresh":"30d"}: what the rules read, so that they can be judged by again. A mounted secret is left out. */
static ptv_code tell_settings(ptv_client *c, const ptv_config *config, ptv_error *err)
{
    size_t count;
    const ptv_setting_used *used = ptv_ruleset_settings(c->rules, &count);
    ptv_buf text = PTV_BUF(LINE_LIMIT);
    ptv_json_out o = { .buf = &text };
    ptv_json_open(&o, NULL, '{');
    for (size_t i = 0; i < count; i++)
        if (!is_secret(config, used[i].name))
            ptv_json_put_text(&o, used[i].name, used[i].value);
    ptv_json_close(&o, '}');
    ptv_code rc = ptv_buf_check(&text, err);
    if (!rc && !ptv_ruleset_note(c->rules, text.data))
        rc = ptv_fail_nomem(err);
    ptv_buf_release(&text);
    return rc;
}

ptv_code ptv_state_open(ptv_client *c, const ptv_config *config, ptv_error *err)
{
    static const ptv_opt times[PTV_SECTION_COUNT] = { PTV_OPT_COUNT, PTV_OPT_CACHE_TAGS, PTV_OPT_CACHE_CLASSIFICATION,
                                                      PTV_OPT_CACHE_PASSIVE_DNS, PTV_OPT_CACHE_SUBDOMAINS };
    const char *dir = ptv_config_text(config, PTV_OPT_STATE);
    if (!dir && !c->options.keep_in_memory)
        return PTV_OK;
    const ptv_store_options options = {
        .calls_kept_s = ptv_config_int(config, PTV_OPT_CALLS_KEPT) / 1000,
        .log_max_bytes = ptv_config_int(config, PTV_OPT_DECISION_LOG_SIZE),
        .log_backups = (int)ptv_config_int(config, PTV_OPT_DECISION_LOG_BACKUPS),
        .cache_max_bytes = ptv_config_int(config, PTV_OPT_CACHE_SIZE),
    };
    ptv_code rc = ptv_store_open(&c->store, dir, &options, err);
    if (rc == PTV_EIO) {
        ptv_log(PTV_LOG_WARNING, "state", "%s; nothing is kept", err->msg);
        return PTV_OK;
    }
    if (rc)
        return rc;
    c->sources.cache = (ptv_section_cache){ c->store, get_cached, put_cached };
    c->sources.stale_s = ptv_config_int(config, PTV_OPT_STALE_WITHIN) / 1000;
    for (int i = 0; i < PTV_SECTION_COUNT; i++)
        c->sources.cache_s[i] = times[i] == PTV_OPT_COUNT ? 0 : ptv_config_int(config, times[i]) / 1000;
    return ptv_state_keep_rules(c, config, err);
}

ptv_code ptv_state_keep_rules(ptv_client *c, const ptv_config *config, ptv_error *err)
{
    if (!c->rules || !c->store)
        return PTV_OK;
    ptv_code rc = tell_settings(c, config, err);
    if (!rc)
        rc = keep_rules(c, err);
    if (rc == PTV_EIO) {
        ptv_log(PTV_LOG_WARNING, "state", "%s", err->msg);
        rc = PTV_OK;
    }
    return rc;
}

/* -------------------------------------------------------------------------------------------------- log */

static void put_compact(ptv_json_out *o, const ptv_record *record)
{
    ptv_buf text = PTV_BUF(LINE_LIMIT);
    ptv_record_write_compact(&text, record);
    while (text.len && text.data[text.len - 1] == '\n')
        text.data[--text.len] = '\0';
    if (text.failed)
        o->buf->failed = text.failed;
    else
        ptv_json_put_text(o, "compact", text.data);
    ptv_buf_release(&text);
}

static void put_line(ptv_buf *line, const ptv_report *r, const char *incident_id, const char *artifact_id)
{
    const ptv_answered *a = r->answered;
    const ptv_decision *d = &a->decision;
    ptv_json_out o = { .buf = line };
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "schema", PTV_LOG_SCHEMA);
    ptv_json_put_text(&o, "decision_id", d->id);
    ptv_json_put_time(&o, "now", d->now);
    ptv_json_put_text(&o, "artifact", a->artifact.value);
    ptv_json_put_text(&o, "type", ptv_artifact_type_names[a->artifact.type]);
    ptv_json_put_text(&o, "input", r->input);
    ptv_json_put_text(&o, "incident_id", incident_id);
    ptv_json_put_text(&o, "artifact_id", artifact_id);
    ptv_json_put_text(&o, "verdict", ptv_verdict_name(d->verdict));
    ptv_json_put_text(&o, "severity", d->severity == PTV_LEVEL_NONE ? NULL : ptv_level_name(d->severity));
    ptv_json_put_bool(&o, "complete", d->complete);
    ptv_json_put_text(&o, "unknown_kind", ptv_unknown_kind_name(d->unknown_kind));
    ptv_json_put_text(&o, "summary", d->summary);
    ptv_json_put_text(&o, "ruleset", d->ruleset_digest);
    ptv_json_put_text(&o, "settings_digest", d->settings_digest);
    const char *settings = ptv_ruleset_noted(a->rules);
    if (settings)
        ptv_json_put_raw(&o, "settings", settings, strlen(settings));
    put_compact(&o, a->record);
    ptv_json_close(&o, '}');
}

ptv_code ptv_decision_log(ptv_client *c, const ptv_report *r, const char *incident_id, const char *artifact_id,
                          ptv_error *err)
{
    if (!c->store || !r->answered->judged)
        return PTV_OK;
    ptv_buf line = PTV_BUF(LINE_LIMIT);
    put_line(&line, r, incident_id, artifact_id);
    ptv_code rc = ptv_buf_check(&line, err);
    if (!rc)
        rc = ptv_store_log(c->store, line.data, line.len, err);
    ptv_buf_release(&line);
    return rc;
}

ptv_code ptv_decision_log_read(const ptv_config *config, ptv_write_fn *each, void *to, ptv_error *err)
{
    ptv_code rc = ptv_config_require(config, PTV_OPT_STATE, err);
    return rc ? rc : ptv_store_log_read(ptv_config_text(config, PTV_OPT_STATE), each, to, err);
}

/* ------------------------------------------------------------------------------------------- kept rules */

/* The pointers, then what they point at. NULL: no memory. */
static char **make_block(const char *const *folders, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += strlen(folders[i]) + 1;
    char **block = ptv_malloc((count + 1) * sizeof *block + bytes);
    if (!block)
        return NULL;
    char *text = (char *)(block + count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(folders[i]) + 1;
        memcpy(text, folders[i], len);
        block[i] = text;
        text += len;
    }
    block[count] = NULL;
    return block;
}

ptv_code ptv_rules_kept(char ***out, size_t *count, const ptv_config *config, const char *digest, ptv_error *err)
{
    ptv_arena mem = PTV_ARENA(4 << 20);
    const char **folders = NULL;
    size_t found = 0;
    ptv_code rc = ptv_config_require(config, PTV_OPT_STATE, err);
    if (!rc)
        rc = ptv_store_rules_folders(&folders, &found, &mem, ptv_config_text(config, PTV_OPT_STATE), digest, err);
    char **block = rc ? NULL : make_block(folders, found);
    if (block) {
        *out = block;
        *count = found;
    } else if (!rc) {
        rc = ptv_fail_nomem(err);
    }
    ptv_arena_release(&mem);
    return rc;
}

void ptv_rules_kept_free(char **folders)
{
    ptv_free(folders);
}
