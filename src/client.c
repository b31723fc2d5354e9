/*
 * client.c: a client's life: settings to stages, rules and sources opened, records judged offline.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client.h"

#include "base/mem.h"
#include "base/text.h"
#include "store/store.h"

#define SCRATCH_LIMIT ((size_t)256 << 20) /* a JSON tree is up to five times its text */
#define RECORD_LIMIT  ((size_t)96 << 20)

ptv_answered *ptv_answered_new(size_t limit_bytes, ptv_error *err)
{
    ptv_answered *a = ptv_calloc(1, sizeof *a);
    if (!a) {
        ptv_fail_nomem(err);
        return NULL;
    }
    a->references = 1;
    a->mem = (ptv_arena)PTV_ARENA(limit_bytes);
    return a;
}

void ptv_answered_unref(ptv_answered *a)
{
    if (!a || --a->references)
        return;
    ptv_arena_release(&a->mem);
    ptv_buf_release(&a->text);
    ptv_ruleset_unref(a->rules);
    ptv_free(a);
}

void ptv_answered_recycle(ptv_client *c, ptv_answered *a)
{
    if (!a || c->spare || a->references > 1) {
        ptv_answered_unref(a);
        return;
    }
    ptv_arena mem = a->mem;
    ptv_buf text = a->text;
    ptv_ruleset_unref(a->rules);
    ptv_arena_reset(&mem);
    *a = (ptv_answered){ .references = 1, .mem = mem, .text = text };
    c->spare = a;
}

ptv_code ptv_answered_judge(ptv_answered *a, ptv_client *c, ptv_ruleset *rules, const ptv_judge *how, ptv_error *err)
{
    ptv_record_seal(a->record, c->digest);
    if (!rules)
        return PTV_OK;
    ptv_code rc = ptv_ruleset_judge(&a->decision, &a->mem, rules, a->record, how, err);
    if (rc)
        return rc;
    a->rules = ptv_ruleset_ref(rules);
    a->judged = true;
    return PTV_OK;
}

static void free_client(ptv_client *c)
{
    ptv_lookup_drop_all(c);
    while (c->finished) {
        ptv_report *r = c->finished;
        c->finished = r->next;
        ptv_report_free(r);
    }
    ptv_fetcher_free(c->fetcher);
    if (c->net.free)
        c->net.free(c->net.self);
    ptv_store_close(c->store);
    ptv_answered_unref(c->spare);
    ptv_ruleset_unref(c->rules);
    ptv_digest_free(c->digest);
    ptv_arena_release(&c->scratch);
    ptv_arena_release(&c->mem);
    ptv_free(c);
}

void ptv_client_free(ptv_client *c)
{
    if (c)
        free_client(c);
}

static ptv_code open_sources(ptv_client *c, const ptv_config *config, ptv_error *err)
{
    ptv_http_options http;
    ptv_code rc = ptv_settings_http(&http, &c->mem, config, err);
    if (!rc)
        rc = ptv_http_new(&c->net, &http, err);
    if (!rc)
        rc = ptv_fetcher_new(&c->fetcher, &c->sources, &c->net, err);
    return rc;
}

/* They are read again when the rules are loaded again. */
static ptv_code keep_paths(ptv_client *c, ptv_error *err)
{
    const char **kept = ptv_arena_calloc(&c->mem, c->options.rules_count + 1, sizeof *kept);
    for (size_t i = 0; kept && i < c->options.rules_count; i++)
        if (!(kept[i] = ptv_arena_strdup(&c->mem, c->options.rules[i])))
            return ptv_arena_fail(&c->mem, err);
    c->options.rules = kept;
    return kept ? PTV_OK : ptv_arena_fail(&c->mem, err);
}

/* The rule of --why-not must be one of the set. */
static ptv_code find_why_not(ptv_client *c, ptv_error *err)
{
    const char *wanted = c->options.why_not;
    size_t count = ptv_client_rule_count(c);
    c->how.why_not = NULL;
    const char **ids = ptv_arena_calloc(&c->mem, count + 1, sizeof *ids);
    if (!ids)
        return ptv_arena_fail(&c->mem, err);
    for (size_t i = 0; i < count; i++) {
        ids[i] = ptv_client_rule(c, i);
        if (strcmp(ids[i], wanted) == 0)
            c->how.why_not = ids[i];
    }
    if (c->how.why_not)
        return PTV_OK;
    const char *near = ptv_text_nearest(wanted, ids, count);
    return ptv_fail(err, PTV_EINVAL, "no rule has the id '%s'%s%s%s", wanted, near ? " (did you mean '" : "",
                    near ? near : "", near ? "'?)" : "");
}

void ptv_client_set_how(ptv_client *c, const ptv_config *config)
{
    c->how.alert_from = ptv_settings_level(config, PTV_OPT_ALERT_FROM);
    c->how.stale_is_unknown = ptv_text_equal_fold(ptv_config_text(config, PTV_OPT_STALE), "unknown");
    c->fast = ptv_text_equal_fold(ptv_config_text(config, PTV_OPT_PLAN), "fast");
    c->shadow_fetch = ptv_config_bool(config, PTV_OPT_SHADOW_FETCH);
    c->lookup_private = ptv_config_bool(config, PTV_OPT_LOOKUP_PRIVATE);
    c->allow_reserved = ptv_config_bool(config, PTV_OPT_ALLOW_RESERVED);
    c->deadline_ms = ptv_config_int(config, PTV_OPT_DEADLINE);
    c->max_in_flight = (size_t)ptv_config_int(config, PTV_OPT_MAX_IN_FLIGHT);
    c->soar.note_from = ptv_settings_level(config, PTV_OPT_NOTE_FROM);
    c->soar.unknown_fails = !ptv_text_equal_fold(ptv_config_text(config, PTV_OPT_SOAR_UNKNOWN), "empty");
}

ptv_code ptv_client_new(ptv_client **out, const ptv_config *config, const ptv_client_options *options,
                        ptv_findings *findings, ptv_error *err)
{
    static const ptv_client_options defaults;
    ptv_client *c = ptv_calloc(1, sizeof *c);
    if (!c)
        return ptv_fail_nomem(err);
    c->options = options ? *options : defaults;
    c->mem = (ptv_arena)PTV_ARENA(16 << 20);
    c->scratch = (ptv_arena)PTV_ARENA(SCRATCH_LIMIT);
    c->finished_tail = &c->finished;
    c->also.fd = -1;
    c->how = (ptv_judge)PTV_JUDGE;
    c->how.trace = c->options.explain;
    ptv_client_set_how(c, config);
    char host[256];
    ptv_soar_here(&c->soar, host, sizeof host);
    c->soar.host = ptv_arena_strdup(&c->mem, host); /* NULL prints as null */

    ptv_code rc = keep_paths(c, err);
    c->digest = ptv_digest_new();
    if (!rc && !c->digest)
        rc = ptv_fail_nomem(err);
    if (!rc)
        rc = ptv_settings_sources(&c->sources, &c->mem, config, c->options.keep_answers, err);
    if (c->options.check_quota)
        c->sources.quota_check_every_s = ptv_config_int(config, PTV_OPT_QUOTA_CHECK_EVERY) / 1000;
    if (!rc && !c->options.offline)
        rc = open_sources(c, config, err);
    if (!rc && !c->options.without_rules)
        rc = ptv_client_load(c, config, findings, err);
    if (!rc && !c->options.offline)
        rc = ptv_state_open(c, config, err);
    if (!rc && c->options.why_not)
        rc = find_why_not(c, err);
    c->options.why_not = NULL;
    if (rc) {
        free_client(c);
        return rc;
    }
    *out = c;
    return PTV_OK;
}

ptv_code ptv_check(ptv_findings *findings, const ptv_config *config, const ptv_client_options *options, ptv_error *err)
{
    ptv_client_options offline = options ? *options : (ptv_client_options){ 0 };
    offline.offline = offline.check_sources = true;
    ptv_client *c = NULL;
    ptv_code rc = ptv_client_new(&c, config, &offline, findings, err);
    ptv_client_free(c);
    return rc;
}

size_t ptv_client_rule_count(const ptv_client *c)
{
    return c->rules ? ptv_ruleset_rule_count(c->rules) : 0;
}

const char *ptv_client_rule(const ptv_client *c, size_t index)
{
    return index < ptv_client_rule_count(c) ? ptv_ruleset_needs(c->rules, index).id : NULL;
}

size_t ptv_in_flight(const ptv_client *c)
{
    return c->job_count;
}

bool ptv_exhausted(const ptv_client *c, const char **why)
{
    return c->fetcher && ptv_fetcher_exhausted(c->fetcher, why);
}

int64_t ptv_quota_left(const ptv_client *c)
{
    return c->fetcher ? ptv_fetcher_quota_left(c->fetcher) : -1;
}

void ptv_wakeup(ptv_client *c)
{
    c->woken = true;
    if (c->net.wakeup)
        c->net.wakeup(c->net.self);
}

/* ------------------------------------------------------------------------- records that are already there */

static const char *skip_blanks(const char *text, const char *end)
{
    while (text < end && (ptv_is_blank(*text) || (unsigned char)*text == 0xEF || (unsigned char)*text == 0xBB ||
                          (unsigned char)*text == 0xBF))
        text++;
    return text;
}

ptv_code ptv_record_of_text(ptv_record **out, ptv_arena *mem, ptv_arena *scratch, const ptv_source_settings *sources,
                            const char *text, size_t len, ptv_error *err)
{
    if (ptv_record_is_compact(text, len))
        return ptv_record_read_compact(out, mem, text, len, err);
    /* Saved answers stand one a line; a record may be spread over many, so only a first line that is whole can tell. */
    const char *start = skip_blanks(text, text + len);
    const char *line_end = memchr(start, '\n', (size_t)(text + len - start));
    size_t line_len = line_end ? (size_t)(line_end - start) : (size_t)(text + len - start);
    const ptv_json *json = NULL;
    ptv_error first_line;
    ptv_arena_reset(scratch);
    ptv_code rc = ptv_json_parse(&json, scratch, start, line_len, &first_line);
    if (!rc && ptv_archive_is_answer(json))
        return ptv_archive_record(out, mem, sources, text, len, err);
    bool whole = !line_end || skip_blanks(line_end, text + len) == text + len;
    if (rc || !whole) {
        ptv_arena_reset(scratch);
        rc = ptv_json_parse(&json, scratch, text, len, err);
    }
    if (rc)
        return rc == PTV_ESHAPE ? (err->code = PTV_EINVAL, ptv_wrap(err, "record")) : rc;
    if (ptv_text_equal(ptv_json_text(ptv_json_find(json, "schema")), PTV_LOG_SCHEMA)) {
        const char *compact = ptv_json_text(ptv_json_find(json, "compact"));
        if (!compact)
            return ptv_fail(err, PTV_EINVAL, "record: a line of the decision log without its compact record");
        return ptv_record_read_compact(out, mem, compact, strlen(compact), err);
    }
    return ptv_record_read(out, mem, json, err);
}

ptv_code ptv_eval(ptv_report **out, ptv_client *c, const char *text, size_t len, ptv_error *err)
{
    ptv_answered *a = c->spare ? c->spare : ptv_answered_new(RECORD_LIMIT, err);
    if (!a)
        return PTV_ENOMEM;
    c->spare = NULL;
    ptv_judge how = c->how;
    ptv_report *report = NULL;
    ptv_code rc = ptv_record_of_text(&a->record, &a->mem, &c->scratch, &c->sources, text, len, err);
    if (rc)
        goto out;
    a->artifact = *a->record->subject;
    bool now_given = c->options.now_utc && c->options.now_utc != PTV_NO_TIME;
    a->record->now = now_given ? c->options.now_utc : a->record->fetched_at;
    how.time_required = a->record->now == PTV_NO_TIME;
    how.not_routable = c->options.not_routable;
    rc = ptv_answered_judge(a, c, c->rules, &how, err);
    if (rc)
        goto out;
    report = ptv_report_new(c, a, a->record->subject->input, 0);
    if (!report) {
        rc = ptv_fail_nomem(err);
        goto out;
    }
    *out = report;
out:
    ptv_answered_recycle(c, a);
    return rc ? ptv_wrap(err, "eval") : PTV_OK;
}
