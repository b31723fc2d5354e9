/*
 * passivetotal_fields.c: the fields of each section out of a PassiveTotal v2 answer. Pure: a JSON tree in, fields and
 * warnings out. All text is copied: the tree dies before the record does.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sources/passivetotal.h"
#include "base/clock.h"
#include "base/text.h"
#include <arpa/inet.h>
#include <math.h>
#include <string.h>

#define MAX_WARNINGS        20u  /* of one answer; the rest is counted */
#define MAX_VALUE_SHOWN     60   /* bytes of a bad value that a warning shows */
#define MAX_COUNT           1e15 /* above this a record count is no count */
#define MAX_SCRATCH_BYTES   (256u << 20)
#define RECENT_SOURCE_LISTS 8 /* the same few lists of sources come again and again */

/* The last text of a column: neighbours are often equal, and then share one copy. */
typedef struct recent_text {
    const char *sent, *kept;
} recent_text;

typedef struct recent_time {
    const char *sent;
    int64_t utc;
} recent_time;

typedef struct reader {
    ptv_record *r;
    ptv_arena *mem;    /* of the record */
    ptv_arena scratch; /* gone with the reader */
    const ptv_source_settings *s;
    ptv_error *err;
    ptv_buf warnings;
    unsigned warned;
    recent_text value, type, resolve;
    recent_time first, last, collected;
    struct recent_sources {
        const ptv_json *sent;
        ptv_set set;
        bool live;
    } sources[RECENT_SOURCE_LISTS];
    size_t source_lists;
} reader;

size_t ptv_text_clip(const char *text, size_t len, size_t most)
{
    if (len <= most)
        return len;
    while (most > 0 && ((unsigned char)text[most] & 0xC0) == 0x80)
        most--;
    return most;
}

static void put_value(ptv_buf *out, const ptv_source_settings *s, const char *text)
{
    ptv_buf plain = PTV_BUF(1 << 10);
    ptv_passivetotal_mask(&plain, s, text, strlen(text), MAX_VALUE_SHOWN + 1);
    if (plain.data)
        ptv_escape_terminal(out, plain.data, ptv_text_clip(plain.data, plain.len, MAX_VALUE_SHOWN));
    if (plain.failed)
        out->failed = plain.failed;
    ptv_buf_release(&plain);
}

static bool may_warn(reader *p)
{
    if (p->warned++ >= MAX_WARNINGS)
        return false;
    if (p->warnings.len > 0)
        ptv_buf_putc(&p->warnings, '\n');
    return true;
}

/* "passive_dns.records[3].first_seen: no date: '0000-…'"; index < 0: the section's own field. */
static void warn_value(reader *p, const char *field, long index, const char *column, const char *what, const ptv_json *v)
{
    if (!may_warn(p))
        return;
    ptv_buf *b = &p->warnings;
    ptv_buf_puts(b, field);
    if (index >= 0)
        ptv_buf_printf(b, "[%ld]", index);
    if (column)
        ptv_buf_printf(b, ".%s", column);
    ptv_buf_printf(b, ": %s: ", what);
    const char *text = ptv_json_text(v);
    if (!text) {
        double number;
        if (ptv_json_number(&number, v))
            ptv_buf_printf(b, "%.17g", number);
        else
            ptv_buf_puts(b, ptv_json_kind_name(ptv_json_kind_of(v)));
        return;
    }
    ptv_buf_putc(b, '\'');
    put_value(b, p->s, text);
    ptv_buf_putc(b, '\'');
}

static ptv_code keep_warnings(reader *p, ptv_section section)
{
    if (p->warned == 0)
        return PTV_OK;
    if (p->warned > MAX_WARNINGS)
        ptv_buf_printf(&p->warnings, "\nand %u more", p->warned - MAX_WARNINGS);
    if (ptv_buf_check(&p->warnings, p->err))
        return p->err->code;
    p->r->sections[section].warnings = ptv_arena_strndup(p->mem, p->warnings.data, p->warnings.len);
    return p->r->sections[section].warnings ? PTV_OK : ptv_arena_fail(p->mem, p->err);
}

/* ------------------------------------------------------------------------------------------ scalars */

/* The key of the section: must be there, once; may be null. */
static const ptv_json *need_key(reader *p, const ptv_json *root, const char *key)
{
    const ptv_json *v = ptv_json_find(root, key);
    if (!v)
        ptv_fail(p->err, PTV_ESHAPE, "unexpected shape: no key \"%s\"", key);
    for (const ptv_json *other = v ? ptv_json_next(v) : NULL; other; other = ptv_json_next(other)) {
        if (strcmp(ptv_json_key(other), key) != 0)
            continue;
        ptv_fail(p->err, PTV_ESHAPE, "unexpected shape: \"%s\" is there twice", key);
        return NULL;
    }
    return v;
}

static ptv_code bad_kind(reader *p, const char *key, const ptv_json *v)
{
    return ptv_fail(p->err, PTV_ESHAPE, "unexpected shape: \"%s\" is %s", key, ptv_json_kind_name(ptv_json_kind_of(v)));
}

static ptv_code bad_item(reader *p, const char *key, long index, const ptv_json *item)
{
    return ptv_fail(p->err, PTV_ESHAPE, "unexpected shape: \"%s\" item %ld is %s", key, index + 1,
                    ptv_json_kind_name(ptv_json_kind_of(item)));
}

static int64_t read_time(reader *p, recent_time *recent, const ptv_json *v, long index, const char *column)
{
    int64_t utc = PTV_NO_TIME;
    const char *text = ptv_json_text(v);
    double number;
    if (text) {
        if (recent && recent->sent && strcmp(recent->sent, text) == 0)
            return recent->utc;
        if (ptv_time_parse(&utc, text, p->s->timezone_offset_s)) {
            if (recent)
                *recent = (recent_time){ text, utc };
            return utc;
        }
    } else if (ptv_json_kind_of(v) == PTV_JSON_NULL || (ptv_json_number(&number, v) && ptv_time_from_number(&utc, number))) {
        return utc;
    }
    warn_value(p, index < 0 ? "passive_dns" : "passive_dns.records", index, column, "no date", v);
    return PTV_NO_TIME;
}

/* A count as number or numeric text, root[key]; -1 where absent. */
static ptv_code read_count(reader *p, int64_t *out, const ptv_json *root, const char *key)
{
    double number;
    const ptv_json *v = ptv_json_find(root, key);
    const char *text = ptv_json_text(v);
    *out = -1;
    if (ptv_json_kind_of(v) == PTV_JSON_NULL)
        return PTV_OK;
    bool readable = text ? ptv_number_parse(&number, text) : ptv_json_number(&number, v);
    if (!readable || number < 0 || number > MAX_COUNT || number != floor(number))
        return ptv_fail(p->err, PTV_ESHAPE, "unexpected shape: \"%s\" is no count", key);
    *out = (int64_t)number;
    return PTV_OK;
}

/* The same of yes and no: 1, 0, or -1 where absent. */
static ptv_code read_yesno(reader *p, int8_t *out, const ptv_json *root, const char *key)
{
    bool yes;
    const ptv_json *v = ptv_json_find(root, key);
    const char *text = ptv_json_text(v);
    *out = -1;
    if (ptv_json_kind_of(v) == PTV_JSON_NULL)
        return PTV_OK;
    if (!(text ? ptv_bool_parse(&yes, text) : ptv_json_bool(&yes, v)))
        return ptv_fail(p->err, PTV_ESHAPE, "unexpected shape: \"%s\" is neither yes nor no", key);
    *out = yes;
    return PTV_OK;
}

/* --------------------------------------------------------------------------------------------- sets */

/* The texts of a list; null is none, with a warning. What the rest would have said nobody knows: with it the list is not
 * read. */
static ptv_code read_texts(reader *p, const char *field, const ptv_json *list, const char ***out, size_t *count)
{
    size_t n = 0;
    const char **texts = ptv_arena_calloc(&p->scratch, ptv_json_size(list) + 1, sizeof *texts);
    if (!texts)
        return ptv_arena_fail(&p->scratch, p->err);
    long index = 0;
    for (const ptv_json *item = ptv_json_first(list); item; item = ptv_json_next(item), index++) {
        const char *text = ptv_json_text(item);
        if (text)
            texts[n++] = text;
        else if (ptv_json_kind_of(item) == PTV_JSON_NULL)
            warn_value(p, field, index, NULL, "no text", item);
        else
            return bad_item(p, field, index, item);
    }
    *out = texts;
    *count = n;
    return PTV_OK;
}

/* Copies the texts. */
static ptv_code build_set(reader *p, ptv_set *out, const char *const *texts, size_t count)
{
    return ptv_set_build(out, p->mem, texts, count) ? PTV_OK : ptv_arena_fail(p->mem, p->err);
}

/* "a, b" as one text: old answers and exports have it. */
static ptv_code split_texts(reader *p, const char *joined, const char ***out, size_t *count)
{
    size_t n = 1;
    for (const char *c = joined; *c; c++)
        n += *c == ',';
    const char **texts = ptv_arena_calloc(&p->scratch, n, sizeof *texts);
    if (!texts)
        return ptv_arena_fail(&p->scratch, p->err);
    n = 0;
    for (const char *piece = joined; piece; piece = *piece == ',' ? piece + 1 : NULL) {
        const char *end = strchrnul(piece, ',');
        const char *text = piece;
        size_t len = (size_t)(end - piece);
        ptv_text_trim(&text, &len);
        if (len > 0) {
            texts[n] = ptv_arena_strndup(&p->scratch, text, len);
            if (!texts[n++])
                return ptv_arena_fail(&p->scratch, p->err);
        }
        piece = end;
    }
    *out = texts;
    *count = n;
    return PTV_OK;
}

static ptv_code fill_tags(reader *p, const ptv_json *root)
{
    const ptv_json *v = need_key(p, root, "tags");
    if (!v)
        return p->err->code;
    const char **texts = NULL;
    size_t count = 0;
    ptv_code rc = PTV_OK;
    ptv_json_kind kind = ptv_json_kind_of(v);
    if (kind == PTV_JSON_LIST)
        rc = read_texts(p, "tags", v, &texts, &count);
    else if (kind == PTV_JSON_TEXT)
        rc = split_texts(p, ptv_json_text(v), &texts, &count);
    else if (kind != PTV_JSON_NULL)
        rc = bad_kind(p, "tags", v);
    return rc ? rc : build_set(p, &p->r->tags, texts, count);
}

static ptv_code fill_classification(reader *p, const ptv_json *root)
{
    const ptv_json *v = need_key(p, root, "classification");
    if (!v)
        return p->err->code;
    const char *text = ptv_json_text(v);
    if (!text && ptv_json_kind_of(v) != PTV_JSON_NULL)
        return bad_kind(p, "classification", v);
    p->r->classification = ptv_classification_parse(text);
    if (p->r->classification || !text) /* none has a word of its own */
        return PTV_OK;
    ptv_buf shown = PTV_BUF(1 << 10);
    put_value(&shown, p->s, text);
    if (!ptv_buf_check(&shown, p->err))
        ptv_fail(p->err, PTV_ESHAPE, "unexpected shape: \"classification\" is '%s', which is not one of the words known",
                 shown.data);
    ptv_buf_release(&shown);
    return p->err->code;
}

/* --------------------------------------------------------------------------------------- subdomains */

static bool is_below(const char *name, const char *zone)
{
    size_t name_len = strlen(name), zone_len = strlen(zone);
    if (name_len < zone_len || !ptv_text_equal_fold(name + name_len - zone_len, zone))
        return false;
    return name_len == zone_len || name[name_len - zone_len - 1] == '.';
}

/* What the labels are relative to: primaryDomain, else the name that was queried, else the artifact. */
static const char *base_name(reader *p, const ptv_json *root)
{
    const char *base = ptv_json_text(ptv_json_find(root, "primaryDomain"));
    if (!base || !*base)
        base = ptv_json_text(ptv_json_find(root, "queryValue"));
    if (base && ptv_text_starts(base, "*."))
        base += 2;
    if (!base || !*base)
        base = p->r->subject->value;
    size_t len = strlen(base);
    if (len > 5 && p->r->subject->type == PTV_IP && ptv_text_ends(base, ".null"))
        len -= 5;
    while (len > 0 && base[len - 1] == '.')
        len--;
    return ptv_arena_strndup(&p->scratch, base, len);
}

static ptv_code fill_subdomains(reader *p, const ptv_json *root)
{
    const ptv_json *v = need_key(p, root, "subdomains");
    if (!v)
        return p->err->code;
    const char **labels = NULL, **names = NULL;
    size_t count = 0;
    if (ptv_json_kind_of(v) == PTV_JSON_LIST) {
        ptv_code rc = read_texts(p, "subdomains", v, &labels, &count);
        if (rc)
            return rc;
        const char *base = base_name(p, root);
        names = ptv_arena_calloc(&p->scratch, count + 1, sizeof *names);
        if (!base || !names)
            return ptv_arena_fail(&p->scratch, p->err);
        for (size_t i = 0; i < count; i++) {
            const char *label = labels[i];
            size_t len = strlen(label);
            ptv_text_trim(&label, &len);
            while (len > 0 && label[len - 1] == '.')
                len--;
            char *bare = ptv_arena_strndup(&p->scratch, label, len);
            names[i] = bare && len > 0 && !is_below(bare, base) ? ptv_arena_printf(&p->scratch, "%s.%s", bare, base) : bare;
            if (!names[i])
                return ptv_arena_fail(&p->scratch, p->err);
        }
    } else if (ptv_json_kind_of(v) != PTV_JSON_NULL) {
        return bad_kind(p, "subdomains", v);
    }
    p->r->subdomain_count = (int64_t)count;
    ptv_code rc = build_set(p, &p->r->subdomain_names, names, count);
    return rc ? rc : build_set(p, &p->r->subdomain_first_ten, labels, count < 10 ? count : 10);
}

/* -------------------------------------------------------------------------------------- passive DNS */

/* Names lose their trailing dot, IPv6 addresses get their short form, so that rules can compare them. */
static const char *copy_name(ptv_arena *mem, const char *text)
{
    unsigned char ip[16];
    char shortest[INET6_ADDRSTRLEN];
    if (strchr(text, ':') && inet_pton(AF_INET6, text, ip) == 1 && inet_ntop(AF_INET6, ip, shortest, sizeof shortest))
        return ptv_arena_strdup(mem, shortest);
    size_t len = strlen(text);
    return ptv_arena_strndup(mem, text, len > 1 && text[len - 1] == '.' ? len - 1 : len);
}

/* One copy for a run of equal texts; "" is absent. */
static ptv_code keep_text(reader *p, recent_text *recent, const ptv_json *v, const char *(*copy)(ptv_arena *, const char *),
                          const char **out)
{
    const char *text = ptv_json_text(v);
    if (!text && ptv_json_kind_of(v) != PTV_JSON_NULL)
        return bad_kind(p, ptv_json_key(v), v);
    if (!text || !*text)
        return PTV_OK;
    if (!recent->sent || strcmp(recent->sent, text) != 0) {
        const char *kept = copy(p->mem, text);
        if (!kept)
            return ptv_arena_fail(p->mem, p->err);
        *recent = (recent_text){ text, kept };
    }
    *out = recent->kept;
    return PTV_OK;
}

static bool same_texts(const ptv_json *a, const ptv_json *b)
{
    if (ptv_json_kind_of(a) != ptv_json_kind_of(b))
        return false;
    if (ptv_json_text(a))
        return strcmp(ptv_json_text(a), ptv_json_text(b)) == 0;
    const ptv_json *x = ptv_json_first(a), *y = ptv_json_first(b);
    for (; x && y; x = ptv_json_next(x), y = ptv_json_next(y)) {
        const char *p = ptv_json_text(x), *q = ptv_json_text(y);
        if (!p || !q || strcmp(p, q) != 0)
            return false;
    }
    return !x && !y;
}

static bool all_live(const reader *p, const ptv_set *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        size_t k = 0;
        while (k < p->s->live_source_count && strcmp(p->s->live_sources[k], sources->items[i]) != 0)
            k++;
        if (k == p->s->live_source_count)
            return false;
    }
    return sources->count > 0;
}

static ptv_code read_sources(reader *p, ptv_dns *row, const ptv_json *v, long index)
{
    if (ptv_json_kind_of(v) == PTV_JSON_NULL)
        return PTV_OK;
    for (size_t i = 0; i < p->source_lists; i++) {
        if (same_texts(p->sources[i].sent, v)) {
            row->sources = p->sources[i].set;
            row->live = p->sources[i].live;
            return PTV_OK;
        }
    }
    const char **texts = NULL;
    size_t count = 0;
    ptv_code rc = PTV_OK;
    if (ptv_json_kind_of(v) == PTV_JSON_LIST)
        rc = read_texts(p, "source", v, &texts, &count);
    else if (ptv_json_text(v))
        rc = split_texts(p, ptv_json_text(v), &texts, &count);
    else
        rc = bad_kind(p, "source", v);
    if (rc)
        return rc;
    rc = build_set(p, &row->sources, texts, count);
    if (rc)
        return rc;
    row->live = all_live(p, &row->sources);
    size_t slot = p->source_lists < RECENT_SOURCE_LISTS ? p->source_lists++ : (size_t)index % RECENT_SOURCE_LISTS;
    p->sources[slot] = (struct recent_sources){ v, row->sources, row->live };
    return PTV_OK;
}

/* Most names differ in their first letter: no call for those. */
static bool is_key(const char *key, const char *name)
{
    return *key == *name && strcmp(key, name) == 0;
}

static ptv_code read_row(reader *p, ptv_dns *row, const ptv_json *object, long index)
{
    *row = (ptv_dns){ .first_seen = PTV_NO_TIME, .last_seen = PTV_NO_TIME, .collected = PTV_NO_TIME };
    ptv_code rc = PTV_OK;
    for (const ptv_json *v = ptv_json_first(object); v && !rc; v = ptv_json_next(v)) {
        const char *key = ptv_json_key(v);
        if (is_key(key, "firstSeen"))
            row->first_seen = read_time(p, &p->first, v, index, "first_seen");
        else if (is_key(key, "lastSeen"))
            row->last_seen = read_time(p, &p->last, v, index, "last_seen");
        else if (is_key(key, "collected"))
            row->collected = read_time(p, &p->collected, v, index, "collected");
        else if (is_key(key, "value"))
            rc = keep_text(p, &p->value, v, copy_name, &row->value);
        else if (is_key(key, "resolve"))
            rc = keep_text(p, &p->resolve, v, copy_name, &row->resolve);
        else if (is_key(key, "recordType"))
            rc = keep_text(p, &p->type, v, ptv_dns_type, &row->type);
        else if (is_key(key, "source"))
            rc = read_sources(p, row, v, index);
    }
    return rc;
}

static bool holds_nothing(const ptv_dns *row)
{
    return !row->value && !row->resolve && !row->type && row->first_seen == PTV_NO_TIME && row->last_seen == PTV_NO_TIME;
}

/* A top-level date as the source wrote it, for people. */
static ptv_code keep_date_text(reader *p, const char **out, const ptv_json *v)
{
    double number;
    const char *text = ptv_json_text(v);
    if (text && *text)
        *out = ptv_arena_strdup(p->mem, text);
    else if (ptv_json_number(&number, v))
        *out = ptv_arena_printf(p->mem, "%.0f", number);
    else
        return PTV_OK;
    return *out ? PTV_OK : ptv_arena_fail(p->mem, p->err);
}

static ptv_code fill_passive_dns(reader *p, const ptv_json *root)
{
    const ptv_json *results = need_key(p, root, "results");
    if (!results)
        return p->err->code;
    ptv_json_kind kind = ptv_json_kind_of(results);
    if (kind != PTV_JSON_LIST && kind != PTV_JSON_NULL)
        return bad_kind(p, "results", results);
    size_t sent = kind == PTV_JSON_LIST ? ptv_json_size(results) : 0, count = 0;
    ptv_dns *rows = ptv_arena_calloc(p->mem, sent + 1, sizeof *rows);
    const ptv_dns **kept = rows ? ptv_arena_calloc(p->mem, sent + 1, sizeof(const ptv_dns *)) : NULL;
    if (!kept)
        return ptv_arena_fail(p->mem, p->err);
    long index = 0;
    for (const ptv_json *v = ptv_json_first(results); v; v = ptv_json_next(v), index++) {
        kind = ptv_json_kind_of(v);
        if (kind != PTV_JSON_OBJECT && kind != PTV_JSON_NULL)
            return bad_item(p, "results", index, v);
        if (read_row(p, &rows[count], v, index))
            return ptv_wrap(p->err, "\"results\" item %ld", index + 1);
        if (holds_nothing(&rows[count]))
            warn_value(p, "passive_dns.records", index, NULL, "holds nothing", v);
        else {
            kept[count] = &rows[count];
            count++;
        }
    }
    const ptv_json *first = ptv_json_find(root, "firstSeen"), *last = ptv_json_find(root, "lastSeen");
    ptv_code rc = read_count(p, &p->r->total_records, root, "totalRecords");
    if (!rc)
        rc = keep_date_text(p, &p->r->first_seen_text, first);
    if (!rc)
        rc = keep_date_text(p, &p->r->last_seen_text, last);
    if (rc)
        return rc;
    if (!ptv_record_derive_dns(p->r, p->mem, kept, count, read_time(p, NULL, first, -1, "first_seen"),
                               read_time(p, NULL, last, -1, "last_seen")))
        return ptv_arena_fail(p->mem, p->err);
    if (count < sent) /* records exist that we could not read */
        p->r->truncated = 1;
    return PTV_OK;
}

/* ------------------------------------------------------------------------------------------ account */

/* limits[limit] - counts[count]; -1 where one is absent. */
static ptv_code read_left(reader *p, int64_t *out, const ptv_json *limits, const char *limit, const ptv_json *counts,
                          const char *count)
{
    int64_t most, used;
    ptv_code rc = read_count(p, &most, limits, limit);
    if (!rc)
        rc = read_count(p, &used, counts, count);
    if (!rc)
        *out = most < 0 || used < 0 ? -1 : most > used ? most - used : 0;
    return rc;
}

static ptv_code fill_account(reader *p, const ptv_json *root)
{
    const ptv_json *user = ptv_json_find(root, "user"); /* the shape of /v2/account/quota */
    if (ptv_json_kind_of(user) == PTV_JSON_OBJECT) {
        int64_t own, licence;
        ptv_code rc =
            read_left(p, &own, ptv_json_find(user, "limits"), "search_api", ptv_json_find(user, "counts"), "search_api");
        if (!rc)
            rc = read_left(p, &licence, ptv_json_find(user, "licenseLimits"), "searchApi",
                           ptv_json_find(user, "licenseCounts"), "searchApi");
        if (rc)
            return rc;
        p->r->quota_left = licence >= 0 && (own < 0 || licence < own) ? licence : own;
        p->r->quota_exceeded = p->r->quota_left < 0 ? -1 : p->r->quota_left == 0;
        return PTV_OK;
    }
    if (!ptv_json_find(root, "searchApiQuotaExceeded") && !ptv_json_find(root, "username"))
        return ptv_fail(p->err, PTV_ESHAPE, "unexpected shape: neither \"username\" nor \"searchApiQuotaExceeded\"");
    ptv_code rc = read_yesno(p, &p->r->quota_exceeded, root, "searchApiQuotaExceeded");
    return rc ? rc : read_left(p, &p->r->quota_left, root, "searchApiQuota", root, "searchApiUsed");
}

/* ------------------------------------------------------------------------------------------ the door */

ptv_code ptv_passivetotal_fill(ptv_record *r, ptv_arena *mem, const ptv_source_settings *s, ptv_section section,
                               const ptv_json *root, ptv_error *err)
{
    static ptv_code (*const fill[PTV_SECTION_COUNT])(reader *, const ptv_json *) = {
        [PTV_ACCOUNT] = fill_account,
        [PTV_TAGS] = fill_tags,
        [PTV_CLASSIFICATION] = fill_classification,
        [PTV_PASSIVE_DNS] = fill_passive_dns,
        [PTV_SUBDOMAINS] = fill_subdomains,
    };
    reader p = { .r = r, .mem = mem, .s = s, .err = err };
    p.scratch = (ptv_arena)PTV_ARENA(MAX_SCRATCH_BYTES);
    p.warnings = (ptv_buf)PTV_BUF(64 << 10);
    ptv_code rc = fill[section](&p, root);
    if (!rc)
        rc = keep_warnings(&p, section);
    ptv_buf_release(&p.warnings);
    ptv_arena_release(&p.scratch);
    return rc;
}
