/*
 * soar.c: the function result (payload 2.0) that playbooks written for fn_passivetotal 1.0.0 read, and our own keys beside
 * it. docs/soar-dropin.md sets the old app's answers beside these.
 *
 * On a match `content` is what the old app made: its answers merged into one object, later ones winning. Here it is made
 * from the raw answers where they were kept, and from the record for what is not in them, so that every key which the
 * published post-scripts read is there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "report/parts.h"

#include "base/clock.h"
#include "base/text.h"

#include <string.h>

/* What playbooks have seen so far; they may compare it, so it stays although another program answers. */
#define PACKAGE         "fn-passivetotal"
#define PACKAGE_VERSION "1.0.0"

#define MERGED        3  /* answers merged into content */
#define MOST_EXTRAS   32 /* keys of an answer beyond the thirteen known ones; real answers have one or two */
#define TREE_PER_BYTE 40 /* a list of one-digit numbers is the worst: one node of a tree for two bytes of text */

/* In the order of merging. */
static const ptv_section merged_sections[MERGED] = { PTV_PASSIVE_DNS, PTV_CLASSIFICATION, PTV_SUBDOMAINS };

static const char *const content_keys[] = { "pager",        "queryValue",    "queryType",      "firstSeen",     "lastSeen",
                                            "totalRecords", "results",       "classification", "primaryDomain", "success",
                                            "subdomains",   "tags_hits_str", "report_url" };
#define CONTENT_KEYS (sizeof content_keys / sizeof *content_keys)

typedef struct answers {
    ptv_arena mem;
    const ptv_json *tree[MERGED]; /* NULL: not kept, not read or no object */
} answers;

/* PTV_ENOMEM only: an answer that does not parse was never read into the record either. */
static ptv_code read_answers(answers *a, const ptv_record *record, ptv_error *err)
{
    size_t bytes = 0;

    for (int i = 0; i < MERGED; i++)
        bytes += record->sections[merged_sections[i]].raw_len;
    a->mem.limit_bytes = bytes * TREE_PER_BYTE + 65536;
    for (int i = 0; i < MERGED; i++) {
        const ptv_section_info *info = &record->sections[merged_sections[i]];

        if (!info->raw || !ptv_section_readable(record, merged_sections[i]))
            continue;
        if (ptv_json_parse(&a->tree[i], &a->mem, info->raw, info->raw_len, err) == PTV_ENOMEM)
            return PTV_ENOMEM;
        if (ptv_json_kind_of(a->tree[i]) != PTV_JSON_OBJECT)
            a->tree[i] = NULL;
    }
    return PTV_OK;
}

static const ptv_json *find_answer(const answers *a, const char *key)
{
    for (int i = MERGED - 1; i >= 0; i--) {
        const ptv_json *v = ptv_json_find(a->tree[i], key);

        if (v)
            return v;
    }
    return NULL;
}

/* "2020-01-02 03:04:05", as the old service wrote times. */
static void put_plain_time(ptv_json_out *o, const char *key, int64_t utc)
{
    char text[32];

    if (utc == PTV_NO_TIME) {
        ptv_json_put_null(o, key);
        return;
    }
    ptv_time_format(text, utc);
    char *t = strchr(text, 'T'), *z = strchr(text, 'Z');
    if (t)
        *t = ' ';
    if (z)
        *z = '\0';
    ptv_json_put_text(o, key, text);
}

static void put_seen(ptv_json_out *o, const char *key, const char *as_sent, int64_t utc)
{
    if (as_sent)
        ptv_json_put_text(o, key, as_sent);
    else
        put_plain_time(o, key, utc);
}

static void put_results(ptv_json_out *o, const ptv_dns_list *records)
{
    if (!records->rows) {
        ptv_json_put_null(o, "results");
        return;
    }
    ptv_json_open(o, "results", '[');
    for (size_t i = 0; i < records->count; i++) {
        const ptv_dns *row = records->rows[i];

        ptv_json_open(o, NULL, '{');
        put_plain_time(o, "firstSeen", row->first_seen);
        ptv_json_put_text(o, "value", row->value);
        put_plain_time(o, "lastSeen", row->last_seen);
        ptv_json_put_text(o, "resolve", row->resolve);
        ptv_json_open(o, "source", '[');
        for (size_t k = 0; k < row->sources.shown_count; k++)
            ptv_json_put_text(o, NULL, row->sources.shown[k]);
        ptv_json_close(o, ']');
        ptv_json_put_text(o, "recordType", row->type);
        put_plain_time(o, "collected", row->collected);
        ptv_json_close(o, '}');
    }
    ptv_json_close(o, ']');
}

/* Labels relative to the name asked, as the service sends them. */
static void put_labels(ptv_json_out *o, const ptv_record *record)
{
    const ptv_set *names = &record->subdomain_names;
    const char *zone = record->subject->value;
    size_t zone_len = strlen(zone);
    ptv_buf label = PTV_BUF(o->buf->limit_bytes);

    ptv_json_open(o, "subdomains", '[');
    for (size_t i = 0; i < names->shown_count; i++) {
        const char *name = names->shown[i];
        size_t len = strlen(name);

        ptv_buf_clear(&label);
        if (len > zone_len + 1 && name[len - zone_len - 1] == '.' && ptv_text_equal_fold(name + len - zone_len, zone))
            len -= zone_len + 1;
        ptv_buf_append(&label, name, len);
        ptv_buf_inherit(o->buf, &label);
        if (label.failed)
            break;
        ptv_json_put_text(o, NULL, label.data ? label.data : "");
    }
    ptv_json_close(o, ']');
    ptv_buf_release(&label);
}

/* The post-scripts join the list as texts, so anything else in it is left out. */
static void put_text_list(ptv_json_out *o, const char *key, const ptv_json *list)
{
    if (ptv_json_kind_of(list) != PTV_JSON_LIST) {
        ptv_json_put_null(o, key);
        return;
    }
    ptv_json_open(o, key, '[');
    for (const ptv_json *v = ptv_json_first(list); v; v = ptv_json_next(v))
        if (ptv_json_text(v))
            ptv_json_put_text(o, NULL, ptv_json_text(v));
    ptv_json_close(o, ']');
}

static void put_tags(ptv_json_out *o, const ptv_record *record)
{
    ptv_buf tags = PTV_BUF(o->buf->limit_bytes);

    if (ptv_section_readable(record, PTV_TAGS))
        ptv_set_join(&tags, &record->tags, ", ");
    ptv_json_put_text(o, "tags_hits_str", tags.data);
    ptv_buf_inherit(o->buf, &tags);
    ptv_buf_release(&tags);
}

/* A key that no kept answer has. Null where the section was not read: absent, never 0 or "". */
static void put_from_record(ptv_json_out *o, const ptv_record *record, const char *key)
{
    bool dns = ptv_section_readable(record, PTV_PASSIVE_DNS);
    const char *class = record->classification;

    if (!strcmp(key, "queryValue"))
        ptv_json_put_text(o, key, record->subject->value);
    else if (!strcmp(key, "queryType"))
        ptv_json_put_text(o, key, ptv_artifact_type_names[record->subject->type]);
    else if (!strcmp(key, "firstSeen") && dns)
        put_seen(o, key, record->first_seen_text, record->first_seen);
    else if (!strcmp(key, "lastSeen") && dns)
        put_seen(o, key, record->last_seen_text, record->last_seen);
    else if (!strcmp(key, "totalRecords") && dns && record->total_records >= 0)
        ptv_json_put_int(o, key, record->total_records);
    else if (!strcmp(key, "results") && dns)
        put_results(o, &record->all_records);
    else if (!strcmp(key, "classification") && ptv_section_readable(record, PTV_CLASSIFICATION) && class &&
             strcmp(class, "unclassified") != 0)
        ptv_json_put_text(o, key, class);
    else if (!strcmp(key, "subdomains") && ptv_section_readable(record, PTV_SUBDOMAINS) && record->subdomain_names.items)
        put_labels(o, record);
    else if (!strcmp(key, "success") && ptv_section_readable(record, PTV_SUBDOMAINS))
        ptv_json_put_bool(o, key, true);
    else
        ptv_json_put_null(o, key);
}

static bool is_content_key(const char *key)
{
    for (size_t i = 0; i < CONTENT_KEYS; i++)
        if (!strcmp(content_keys[i], key))
            return true;
    return false;
}

/* Keys of the answers that we do not know went into the old object too. */
static void put_extras(ptv_json_out *o, const answers *a)
{
    for (int i = 0; i < MERGED; i++) {
        int extras = 0;

        for (const ptv_json *v = ptv_json_first(a->tree[i]); v && extras < MOST_EXTRAS; v = ptv_json_next(v)) {
            const char *key = ptv_json_key(v);

            if (is_content_key(key))
                continue;
            extras++;
            if (find_answer(a, key) == v)
                ptv_json_put_tree(o, key, v);
        }
    }
}

static void put_content(ptv_json_out *o, const ptv_record *record)
{
    answers a = { .mem = PTV_ARENA(0) };
    ptv_error err = { 0 };

    if (read_answers(&a, record, &err)) {
        if (!o->buf->failed)
            o->buf->failed = PTV_ENOMEM;
        goto out;
    }
    ptv_json_open(o, "content", '{');
    for (size_t i = 0; i < CONTENT_KEYS; i++) {
        const char *key = content_keys[i];
        const ptv_json *v = find_answer(&a, key);

        if (!strcmp(key, "tags_hits_str"))
            put_tags(o, record);
        else if (!strcmp(key, "report_url"))
            ptv_json_put_text(o, key, record->link);
        else if (v && !strcmp(key, "subdomains"))
            put_text_list(o, key, v);
        else if (v)
            ptv_json_put_tree(o, key, v);
        else
            put_from_record(o, record, key);
    }
    put_extras(o, &a);
    ptv_json_close(o, '}');
out:
    ptv_arena_release(&a.mem);
}

/* What the caller sent, on one line; null when it is no JSON. */
static void put_inputs(ptv_json_out *o, const char *inputs_json)
{
    size_t len = strlen(inputs_json);
    ptv_arena mem = PTV_ARENA(len * TREE_PER_BYTE + 65536);
    const ptv_json *tree = NULL;
    ptv_error err = { 0 };

    if (ptv_json_parse(&tree, &mem, inputs_json, len, &err) == PTV_ENOMEM && !o->buf->failed)
        o->buf->failed = PTV_ENOMEM;
    ptv_json_put_tree(o, "inputs", tree);
    ptv_arena_release(&mem);
}

static void put_inputs_of(ptv_json_out *o, const ptv_result *r)
{
    const ptv_artifact *a = r->record->subject;

    if (r->soar_inputs) {
        put_inputs(o, r->soar_inputs);
        return;
    }
    ptv_json_open(o, "inputs", '{');
    ptv_json_put_text(o, "passivetotal_artifact_type", a->type == PTV_IP ? "IP Address" : "DNS Name");
    ptv_json_put_text(o, "passivetotal_artifact_value", r->input ? r->input : a->input);
    ptv_json_close(o, '}');
}

static void put_metrics(ptv_json_out *o, int64_t elapsed_ms, const ptv_soar_options *options)
{
    ptv_json_open(o, "metrics", '{');
    ptv_json_put_text(o, "version", "1.0");
    ptv_json_put_text(o, "package", PACKAGE);
    ptv_json_put_text(o, "package_version", PACKAGE_VERSION);
    ptv_json_put_text(o, "host", options->host);
    ptv_json_put_int(o, "execution_time_ms", elapsed_ms);
    put_plain_time(o, "timestamp", options->now_utc == PTV_NO_TIME ? PTV_NO_TIME : options->now_utc + options->utc_offset_s);
    ptv_json_close(o, '}');
}

/* The platform renders notes, and playbooks put `reason` into one: both leave here with HTML made harmless. */
static void put_note_text(ptv_json_out *o, const char *key, const char *text)
{
    ptv_buf safe = PTV_BUF(o->buf->limit_bytes);

    if (text)
        ptv_escape_html(&safe, text, strlen(text));
    ptv_json_put_text(o, key, text && !safe.data ? "" : safe.data);
    ptv_buf_inherit(o->buf, &safe);
    ptv_buf_release(&safe);
}

/* "passive_dns (HTTP 503), tags (…)": every section lost, or nothing. */
static void list_lost(ptv_buf *out, const ptv_result *r)
{
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        if (!ptv_section_is_lost(r, (ptv_section)s))
            continue;
        if (out->len > 0)
            ptv_buf_puts(out, ", ");
        ptv_buf_printf(out, "%s (%s)", ptv_section_name((ptv_section)s), ptv_section_why(&r->record->sections[s]));
    }
}

void ptv_report_why_unknown(ptv_buf *out, const ptv_result *r)
{
    const ptv_decision *d = r->decision;
    ptv_buf lost = PTV_BUF(out->limit_bytes);
    char advice[96] = "";

    for (int s = 0; s < PTV_SECTION_COUNT && !advice[0]; s++)
        if (ptv_missing_of(d, (ptv_section)s))
            ptv_section_advice(advice, &r->record->sections[s]);
    list_lost(&lost, r);
    ptv_buf_printf(out, "%s could not be judged", r->record->subject->value);
    if (lost.len > 0)
        ptv_buf_printf(out, ": not read: %s", lost.data);
    if (!ptv_any_judged(d->rules, d->rule_count))
        ptv_buf_puts(out, ": no rule is live");
    for (size_t i = 0; i < d->rule_count; i++)
        if (d->rules[i].status == PTV_LIVE && d->rules[i].outcome == PTV_OUT_ERROR)
            ptv_buf_printf(out, "; rule %s failed: %s", d->rules[i].id, d->rules[i].reason);
    if (advice[0])
        ptv_buf_printf(out, "; %s", advice);
    ptv_buf_inherit(out, &lost);
    ptv_buf_release(&lost);
}

static void put_empty_list(ptv_json_out *o, const char *key)
{
    ptv_json_open(o, key, '[');
    ptv_json_close(o, ']');
}

void ptv_report_soar(ptv_buf *out, const ptv_result *r, const ptv_soar_options *options)
{
    const ptv_decision *d = r->decision;
    bool match = d->verdict == PTV_VERDICT_COMPROMISED;
    bool failed = d->verdict == PTV_VERDICT_UNKNOWN && options->unknown_fails;
    ptv_json_out o = { .buf = out };
    ptv_buf reason = PTV_BUF(out->limit_bytes);

    if (failed)
        ptv_report_why_unknown(&reason, r);
    if (failed && options->unknown_once)
        ptv_buf_puts(&reason, "; further artifacts are not noted, see 'ptverdict undecided'");
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_raw(&o, "version", "2.0", 3);
    ptv_json_put_bool(&o, "success", !failed);
    put_note_text(&o, "reason", reason.data);
    if (match)
        put_content(&o, r->record);
    else
        put_empty_list(&o, "content");
    ptv_json_put_null(&o, "raw");
    put_inputs_of(&o, r);
    put_metrics(&o, r->elapsed_ms, options);
    ptv_decision_put(&o, "decision", r, 0);
    if (match)
        ptv_hit_put(&o, d);
    else
        put_empty_list(&o, "hit");
    put_note_text(&o, "note", match && d->severity >= options->note_from ? d->note : NULL);
    ptv_json_close(&o, '}');
    ptv_buf_inherit(out, &reason);
    ptv_buf_release(&reason);
}

void ptv_report_soar_refusal(ptv_buf *out, const char *inputs_json, const char *reason, const ptv_soar_options *options)
{
    ptv_json_out o = { .buf = out };

    ptv_json_open(&o, NULL, '{');
    ptv_json_put_raw(&o, "version", "2.0", 3);
    ptv_json_put_bool(&o, "success", false);
    put_note_text(&o, "reason", reason);
    put_empty_list(&o, "content");
    ptv_json_put_null(&o, "raw");
    if (inputs_json)
        put_inputs(&o, inputs_json);
    else
        ptv_json_put_null(&o, "inputs");
    put_metrics(&o, 0, options);
    ptv_json_put_null(&o, "decision");
    put_empty_list(&o, "hit");
    ptv_json_put_null(&o, "note");
    ptv_json_close(&o, '}');
}
