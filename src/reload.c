/*
 * reload.c: the rules of a client: loaded, loaded again, looked at. One set or none: what does not load changes nothing.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "sources/registry.h"
#include "store/store.h"

#include <sys/stat.h>

enum {
    STABLE_MS = 2000, /* files that are the same for so long have been written */
    SAY_AGAIN_MS = 600000,
    READS = 3 /* of rules that change while they are read */
};
#define OPTIONS_LIMIT ((size_t)16 << 20)

static bool is_separate(const ptv_client *c, const ptv_config *config)
{
    const char *where = ptv_config_text(config, PTV_OPT_RULE_PROCESS);
    return ptv_text_equal(where, "yes") || (c->options.separate_rules && !ptv_text_equal(where, "no"));
}

/* What to load, from where: settings and the client's paths, or `folders` in their place. In `mem`. */
static ptv_code options_of(ptv_rules_options *out, ptv_arena *mem, ptv_client *c, const ptv_config *config,
                           const char *const *folders, size_t count, ptv_error *err)
{
    ptv_client_options how = c->options;
    if (count) {
        how.rules = folders;
        how.rules_count = count;
    }
    ptv_code rc = ptv_settings_rules(out, mem, config, &how, err);
    if (rc)
        return rc;
    out->keep_text = out->files || is_separate(c, config);
    if (c->options.offline && !c->options.check_sources)
        return PTV_OK;
    return ptv_sources_supported(&out->supported, &c->sources, err);
}

static ptv_code load(ptv_ruleset **out, ptv_client *c, const ptv_config *config, const ptv_rules_options *options,
                     ptv_findings *findings, ptv_error *err)
{
    ptv_ruleset *rs = NULL;
    ptv_code rc = ptv_ruleset_load(&rs, options, findings, err);
    if (!rc && is_separate(c, config))
        rc = ptv_ruleset_separate(rs, options, NULL, err);
    if (rc)
        ptv_ruleset_unref(rs);
    else
        *out = rs;
    return rc;
}

static void refuse(ptv_client *c, const ptv_error *err)
{
    snprintf(c->life.refused, sizeof c->life.refused, "%s", err->msg);
    c->life.said_ms = ptv_clock_ms();
}

void ptv_client_refuse(ptv_client *c, const char *why)
{
    ptv_error err = { 0 };
    ptv_fail(&err, PTV_ERULES, "%s", why);
    refuse(c, &err);
    memcpy(c->life.tried, c->life.on_disk, sizeof c->life.tried);
}

/* ----------------------------------------------------------------------------------------------- at first */

/* The set that was in use last, as the state folder keeps it. PTV_ERULES: there is none that loads, and `why` stands. */
static ptv_code load_last_good(ptv_client *c, const ptv_config *config, const ptv_error *why, ptv_error *err)
{
    ptv_arena mem = PTV_ARENA(OPTIONS_LIMIT);
    const char *dir = ptv_config_text(config, PTV_OPT_STATE), **folders = NULL;
    char digest[PTV_DIGEST_HEX] = "";
    size_t count = 0;
    ptv_rules_options options;
    ptv_error scratch = { 0 };
    ptv_code rc = dir ? ptv_store_rules_in_use(digest, dir, &scratch) : PTV_OK;
    if (!rc && *digest)
        rc = ptv_store_rules_folders(&folders, &count, &mem, dir, digest, &scratch);
    if (!rc && count)
        rc = options_of(&options, &mem, c, config, folders, count, &scratch);
    if (!rc && count)
        rc = load(&c->rules, c, config, &options, NULL, &scratch);
    if (!rc && count) {
        c->life.last_good = true;
        ptv_log(PTV_LOG_ERROR, "rules", "%s; in their place stand the rules in use before (%.12s, kept in %s)", why->msg,
                digest, dir);
    } else {
        if (rc)
            ptv_log(PTV_LOG_ERROR, "rules", "nor do the rules in use before (%.12s): %s", digest, scratch.msg);
        rc = rc == PTV_ENOMEM ? ptv_fail_nomem(err) : PTV_ERULES;
    }
    ptv_arena_release(&mem);
    return rc;
}

ptv_code ptv_client_load(ptv_client *c, const ptv_config *config, ptv_findings *findings, ptv_error *err)
{
    ptv_arena mem = PTV_ARENA(OPTIONS_LIMIT);
    ptv_rules_options options;
    ptv_code rc = options_of(&options, &mem, c, config, NULL, 0, err);
    if (!rc) {
        rc = load(&c->rules, c, config, &options, findings, err);
        if (!rc)
            snprintf(c->life.tried, sizeof c->life.tried, "%s", ptv_ruleset_digest(c->rules));
        if (rc == PTV_ERULES && c->options.last_good) {
            ptv_error scratch = { 0 };
            refuse(c, err);
            if (ptv_rules_digest(c->life.tried, &options, &scratch))
                c->life.tried[0] = '\0';
            ptv_error why = *err;
            rc = load_last_good(c, config, &why, err);
        }
    }
    ptv_arena_release(&mem);
    return rc;
}

/* -------------------------------------------------------------------------------------------------- again */

/* The files as they were at one moment: read again when they change meanwhile. */
static ptv_code load_unchanged(ptv_ruleset **out, ptv_client *c, const ptv_config *config, const ptv_rules_options *options,
                               ptv_findings *findings, ptv_error *err)
{
    for (int i = 0; i < READS; i++) {
        ptv_ruleset *rs = NULL;
        ptv_code rc = ptv_rules_digest(c->life.tried, options, err);
        if (rc == PTV_ENOMEM)
            return rc;
        if (rc) /* load() says more */
            c->life.tried[0] = '\0';
        rc = load(&rs, c, config, options, findings, err);
        if (rc)
            return rc;
        if (strcmp(ptv_ruleset_digest(rs), c->life.tried) == 0) {
            *out = rs;
            return PTV_OK;
        }
        ptv_ruleset_unref(rs);
    }
    return ptv_fail(err, PTV_EIO, "rules: the files change while they are read");
}

ptv_code ptv_client_reload(ptv_client *c, const ptv_config *config, ptv_findings *findings, ptv_error *err)
{
    ptv_arena mem = PTV_ARENA(OPTIONS_LIMIT);
    ptv_rules_options options;
    ptv_ruleset *fresh = NULL;
    ptv_code rc = options_of(&options, &mem, c, config, NULL, 0, err);
    if (!rc)
        rc = load_unchanged(&fresh, c, config, &options, findings, err);
    ptv_arena_release(&mem);
    ptv_ruleset *old = c->rules;
    if (!rc) {
        c->rules = fresh;
        rc = ptv_state_keep_rules(c, config, err);
    }
    if (rc) {
        c->rules = old;
        ptv_ruleset_unref(fresh);
        refuse(c, err);
        ptv_log(PTV_LOG_ERROR, "rules", "refused: %s; %s", err->msg,
                old ? "those loaded before stay in force" : "there are none");
        return rc;
    }
    ptv_client_set_how(c, config);
    c->life.refused[0] = '\0';
    c->life.last_good = false;
    ptv_log(PTV_LOG_INFO, "rules", "loaded: %.12s, before %.12s", ptv_ruleset_digest(fresh),
            old ? ptv_ruleset_digest(old) : "none");
    ptv_ruleset_unref(old);
    return PTV_OK;
}

/* ----------------------------------------------------------------------------------------------- looking */

static void mix(uint64_t *print, uint64_t value) /* FNV-1a, a number at a time */
{
    *print = (*print ^ value) * UINT64_C(0x100000001b3);
}

static void mix_file(uint64_t *print, const char *path)
{
    struct stat st;
    for (const char *p = path; *p; p++)
        mix(print, (unsigned char)*p);
    if (stat(path, &st))
        return;
    mix(print, st.st_ino);
    mix(print, (uint64_t)st.st_size);
    mix(print, (uint64_t)st.st_mtim.tv_sec);
    mix(print, (uint64_t)st.st_mtim.tv_nsec);
    mix(print, (uint64_t)st.st_ctim.tv_nsec);
}

static void mix_folder(uint64_t *print, ptv_arena *mem, const char *folder)
{
    const char **names = NULL;
    size_t count = 0;
    ptv_error err = { 0 };
    if (ptv_dir_list(&names, &count, mem, folder, &err))
        count = 0;
    for (size_t i = 0; i < count; i++) {
        const char *path = ptv_path_join(mem, folder, names[i]);
        if (path)
            mix_file(print, path);
    }
}

/* Names, sizes and times of all that could be rules: the same again means that nothing needs to be read. */
static uint64_t print_of(ptv_arena *mem, const ptv_rules_options *o)
{
    uint64_t print = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < o->path_count; i++) {
        const char *lists = ptv_path_join(mem, o->paths[i], "lists");
        mix_file(&print, o->paths[i]);
        mix_folder(&print, mem, o->paths[i]);
        if (lists)
            mix_folder(&print, mem, lists);
    }
    return print;
}

static void note_digest(ptv_client *c, const ptv_rules_options *options, uint64_t print, int64_t now_ms)
{
    ptv_rules_life *life = &c->life;
    char digest[PTV_DIGEST_HEX] = "";
    ptv_error err = { 0 };
    if (ptv_rules_digest(digest, options, &err))
        digest[0] = '\0';
    life->print = *digest ? print : 0; /* what cannot be read is tried again */
    if (strcmp(digest, life->on_disk) != 0)
        life->since_ms = now_ms;
    memcpy(life->on_disk, digest, sizeof digest);
    if (strcmp(err.msg, life->unreadable) != 0) {
        snprintf(life->unreadable, sizeof life->unreadable, "%s", err.msg);
        life->said_ms = now_ms;
        ptv_log(*err.msg ? PTV_LOG_ERROR : PTV_LOG_INFO, "rules", "%s%s", *err.msg ? err.msg : "the files can be read again",
                !*err.msg  ? ""
                : c->rules ? "; those loaded before stay in force"
                           : "; there are none");
    }
    if (c->rules && !life->last_good && strcmp(digest, life->tried) != 0 &&
        strcmp(digest, ptv_ruleset_digest(c->rules)) == 0) { /* what was refused is gone */
        memcpy(life->tried, digest, sizeof digest);
        life->refused[0] = '\0';
    }
}

ptv_code ptv_rules_look(bool *changed, ptv_client *c, const ptv_config *config, ptv_error *err)
{
    ptv_arena mem = PTV_ARENA(OPTIONS_LIMIT);
    ptv_rules_options options;
    int64_t now_ms = ptv_clock_ms();
    ptv_code rc = options_of(&options, &mem, c, config, NULL, 0, err);
    if (!rc) {
        uint64_t print = print_of(&mem, &options);
        if (print != c->life.print || options.files)
            note_digest(c, &options, print, now_ms);
        *changed = *c->life.on_disk && strcmp(c->life.on_disk, c->life.tried) != 0 && now_ms - c->life.since_ms >= STABLE_MS;
    }
    ptv_arena_release(&mem);
    ptv_rules_view v;
    ptv_client_rules(c, &v);
    if (v.refused && now_ms - c->life.said_ms >= SAY_AGAIN_MS) {
        c->life.said_ms = now_ms;
        ptv_log(PTV_LOG_ERROR, "rules", "still refused: %s", v.refused);
    }
    return rc;
}

void ptv_client_rules(const ptv_client *c, ptv_rules_view *out)
{
    *out = (ptv_rules_view){ .on_disk = *c->life.on_disk ? c->life.on_disk : NULL,
                             .unreadable = *c->life.unreadable != '\0',
                             .refused = *c->life.unreadable ? c->life.unreadable
                                        : *c->life.refused  ? c->life.refused
                                                            : NULL,
                             .last_good = c->life.last_good };
    if (!c->rules)
        return;
    ptv_process_state process = ptv_ruleset_process(c->rules);
    out->digest = ptv_ruleset_digest(c->rules);
    out->process = process.pid;
    out->process_starts = process.starts;
    out->process_kills = process.kills;
    out->off = process.off;
    out->off_reason = process.off_reason;
}
