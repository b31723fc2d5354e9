/*
 * archive_line.c: recorded answers, one JSON object a line: read, written, gathered into a record.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sources/archive_line.h"
#include "base/clock.h"
#include "base/text.h"
#include <stdio.h>
#include <string.h>

/* --------------------------------------------------------------------------------------------- scan */

typedef struct cursor {
    const char *at, *end;
} cursor;

static void skip_blanks(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\r' || *c->at == '\n'))
        c->at++;
}

static bool skip_char(cursor *c, char wanted)
{
    skip_blanks(c);
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static bool skip_text(cursor *c)
{
    if (!skip_char(c, '"'))
        return false;
    for (; c->at < c->end; c->at++) {
        if (*c->at == '\\')
            c->at++;
        else if (*c->at == '"')
            return c->at++, true;
    }
    c->at = c->end;
    return false;
}

/* Over one value; whether what is inside it is right is for the JSON reader to say. */
static bool skip_value(cursor *c, ptv_span *out)
{
    int depth = 0;
    skip_blanks(c);
    const char *start = c->at;
    do {
        skip_blanks(c);
        if (c->at == c->end)
            return false;
        if (*c->at == '"') {
            if (!skip_text(c))
                return false;
        } else {
            depth += *c->at == '{' || *c->at == '[';
            if ((*c->at == '}' || *c->at == ']' || *c->at == ',' || *c->at == ':') && depth == 0)
                break;
            depth -= *c->at == '}' || *c->at == ']';
            if (strchr("{}[],:", *c->at))
                c->at++;
            else
                while (c->at < c->end && !strchr("{}[],:\" \t\r\n", *c->at))
                    c->at++;
        }
    } while (depth > 0);
    *out = (ptv_span){ start, (size_t)(c->at - start) };
    return c->at > start;
}

static bool is_key(const ptv_span *key, const char *name)
{
    size_t len = strlen(name);
    return key->len == len + 2 && memcmp(key->text + 1, name, len) == 0;
}

ptv_code ptv_archive_line_scan(ptv_archive_line *out, const char *text, size_t len, ptv_error *err)
{
    cursor c = { text, text + len };
    *out = (ptv_archive_line){ .endpoint = { NULL, 0 } };
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        c.at += 3;
    bool good = skip_char(&c, '{'), more = good && !skip_char(&c, '}');
    while (good && more) {
        ptv_span key = { NULL, 0 }, value;
        skip_blanks(&c);
        key.text = c.at;
        good = skip_text(&c);
        key.len = (size_t)(c.at - key.text);
        good = good && skip_char(&c, ':') && skip_value(&c, &value);
        if (!good)
            break;
        if (is_key(&key, "endpoint"))
            out->endpoint = value;
        else if (is_key(&key, "query"))
            out->query = value;
        else if (is_key(&key, "status"))
            out->status = value;
        else if (is_key(&key, "fetched_at"))
            out->fetched_at = value;
        else if (is_key(&key, "body"))
            out->body = value;
        more = skip_char(&c, ',');
        good = more || skip_char(&c, '}');
    }
    skip_blanks(&c);
    if (good && c.at == c.end)
        return PTV_OK;
    size_t offset = (size_t)(c.at - text);
    return ptv_fail_detail(err, PTV_ESHAPE, (int)offset, c.at == c.end ? "JSON ends at byte %zu" : "bad JSON at byte %zu",
                           offset);
}

/* ---------------------------------------------------------------------------------------------- key */

/* *out NULL: the value is no text. */
static ptv_code span_text(const char **out, size_t *len, ptv_arena *mem, const ptv_span *span, ptv_error *err)
{
    const ptv_json *value = NULL;
    *out = NULL;
    if (!span->text || *span->text != '"')
        return PTV_OK;
    if (!memchr(span->text, '\\', span->len)) {
        *len = span->len - 2;
        *out = ptv_arena_strndup(mem, span->text + 1, *len);
        return *out ? PTV_OK : ptv_arena_fail(mem, err);
    }
    ptv_code rc = ptv_json_parse(&value, mem, span->text, span->len, err);
    if (rc)
        return rc;
    *out = ptv_json_text(value);
    *len = strlen(*out);
    return PTV_OK;
}

static bool span_is(const ptv_span *span, const char *word)
{
    return span->text && span->len == strlen(word) && memcmp(span->text, word, span->len) == 0;
}

/* As an artifact is normalised, so that it is found whatever way it was written; what is no artifact stays as it is. */
static ptv_code normalise_query(const char **out, ptv_arena *mem, const char *query, size_t len, ptv_error *err)
{
    ptv_artifact a;
    ptv_error why;
    size_t plain = strspn(query, "abcdefghijklmnopqrstuvwxyz0123456789-.");
    *out = query;
    if (plain == len && (len == 0 || (query[len - 1] != '.' && !(query[len - 1] >= '0' && query[len - 1] <= '9'))))
        return PTV_OK;
    ptv_code rc = ptv_artifact_parse(&a, mem, query, len, NULL, &why);
    if (rc == PTV_ENOMEM)
        return ptv_fail_nomem(err);
    if (!rc)
        *out = a.value;
    return PTV_OK;
}

static ptv_code bad_member(ptv_error *err, const char *name, const ptv_span *span)
{
    return ptv_fail(err, PTV_ESHAPE, span->text ? "\"%s\" is not what it should be" : "no \"%s\"", name);
}

static ptv_code read_fetched_at(int64_t *out, ptv_arena *mem, const ptv_span *span, ptv_error *err)
{
    const char *text;
    size_t len;
    double number;
    char digits[40];
    *out = PTV_NO_TIME;
    if (!span->text || span_is(span, "null"))
        return PTV_OK;
    ptv_code rc = span_text(&text, &len, mem, span, err);
    if (rc)
        return rc;
    if (text)
        return ptv_time_parse(out, text, 0) ? PTV_OK : bad_member(err, "fetched_at", span);
    snprintf(digits, sizeof digits, "%.*s", (int)(span->len < sizeof digits ? span->len : 0), span->text);
    if (!ptv_number_parse(&number, digits) || !ptv_time_from_number(out, number))
        return bad_member(err, "fetched_at", span);
    return PTV_OK;
}

ptv_code ptv_archive_line_key(ptv_archive_key *out, ptv_arena *mem, const ptv_archive_line *line, ptv_error *err)
{
    const char *endpoint, *query;
    size_t len = 0;
    ptv_archive_key key = { .query = "" };
    ptv_code rc = span_text(&endpoint, &len, mem, &line->endpoint, err);
    if (rc)
        return rc;
    if (!endpoint)
        return bad_member(err, "endpoint", &line->endpoint);
    key.is_known = ptv_passivetotal_section_of(&key.section, endpoint);
    rc = span_text(&query, &len, mem, &line->query, err);
    if (rc)
        return rc;
    bool no_query = !line->query.text || span_is(&line->query, "null");
    if (query)
        rc = normalise_query(&key.query, mem, query, len, err);
    else if (!no_query || (key.is_known && key.section != PTV_ACCOUNT))
        rc = bad_member(err, "query", &line->query);
    if (!rc)
        *out = key;
    return rc;
}

static bool read_status(int *out, const ptv_span *span)
{
    char digits[8];
    int64_t status;
    if (!span->text || span->len >= sizeof digits)
        return false;
    memcpy(digits, span->text, span->len);
    digits[span->len] = '\0';
    if (!ptv_int_parse(&status, digits) || status < 100 || status > 599)
        return false;
    *out = (int)status;
    return true;
}

ptv_code ptv_archive_line_facts(ptv_answer *out, ptv_arena *mem, const ptv_archive_line *line, ptv_error *err)
{
    ptv_answer answer = { .retry_after_s = -1, .body = "" };
    if (!read_status(&answer.status, &line->status))
        return bad_member(err, "status", &line->status);
    ptv_code rc = read_fetched_at(&answer.fetched_at, mem, &line->fetched_at, err);
    if (!rc)
        *out = answer;
    return rc;
}

/* --------------------------------------------------------------------------------------- read, write */

ptv_code ptv_archive_line_read(ptv_record *r, ptv_arena *mem, ptv_arena *scratch, const ptv_source_settings *s,
                               ptv_section section, const ptv_archive_line *line, ptv_answer facts, ptv_error *err)
{
    bool retry;
    const char *text = NULL;
    size_t len = 0;
    ptv_code rc = span_text(&text, &len, scratch, &line->body, err);
    if (rc) {
        ptv_section_fail(r, mem, section, PTV_STATE_FAILED, PTV_CAUSE_SETTINGS, err->msg);
    } else {
        if (text) {
            facts.body = text;
            facts.body_len = len;
        } else if (line->body.text && !span_is(&line->body, "null")) {
            facts.body = line->body.text;
            facts.body_len = line->body.len;
        }
        rc = ptv_passivetotal_read(r, mem, s, section, &facts, &retry, err);
    }
    r->sections[section].source = "archive";
    return rc;
}

/* JSON on one line: blanks between tokens go, control characters inside texts (cJSON lets them pass) are escaped. */
static void put_one_line(ptv_buf *out, const char *json, size_t len)
{
    bool in_text = false;
    size_t start = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)json[i];
        if (in_text && c == '\\' && i + 1 < len) {
            i++;
            continue;
        }
        in_text ^= c == '"';
        if (c > ' ' || (in_text && c == ' '))
            continue;
        ptv_buf_append(out, json + start, i - start);
        start = i + 1;
        if (in_text)
            ptv_buf_printf(out, "\\u%04x", c);
    }
    ptv_buf_append(out, json + start, len - start);
}

static bool is_json(ptv_buf *out, const char *text, size_t len)
{
    const ptv_json *root;
    ptv_error why;
    ptv_arena tree = PTV_ARENA(len * 24 + (64 << 10));
    ptv_code rc = len > 0 ? ptv_json_parse(&root, &tree, text, len, &why) : PTV_ESHAPE;
    ptv_arena_release(&tree);
    if (rc == PTV_ENOMEM)
        out->failed = rc;
    return rc == PTV_OK;
}

/* A body that is no JSON goes as a text. At the first NUL or byte that is not UTF-8 it is cut and marked, so that what was
 * refused when it came is refused again, and not mended into an answer. */
static void put_broken(ptv_buf *out, ptv_json_out *json, const char *body, size_t len)
{
    size_t good = ptv_utf8_prefix(body, len);
    ptv_buf text = PTV_BUF(len + 4);
    good = strnlen(body, good);
    ptv_buf_append(&text, body, good);
    if (good < len)
        ptv_buf_puts(&text, "\xEF\xBF\xBD");
    ptv_json_put_text(json, "body", text.data ? text.data : "");
    if (text.failed)
        out->failed = text.failed;
    ptv_buf_release(&text);
}

void ptv_archive_write(ptv_buf *out, const ptv_record *r, ptv_section section)
{
    const ptv_section_info *info = &r->sections[section];
    if (!info->raw || info->http == 0)
        return;
    const char *body = info->raw;
    size_t len = info->raw_len;
    ptv_json_out json = { .buf = out };
    ptv_json_open(&json, NULL, '{');
    ptv_json_put_text(&json, "endpoint", ptv_passivetotal_endpoint(section));
    ptv_json_put_text(&json, "query", r->subject->value);
    ptv_json_put_int(&json, "status", info->http);
    ptv_json_put_time(&json, "fetched_at", info->fetched_at);
    if (is_json(out, body, len)) {
        if (len >= 3 && memcmp(body, "\xEF\xBB\xBF", 3) == 0) {
            body += 3;
            len -= 3;
        }
        ptv_json_put_raw(&json, "body", "", 0);
        put_one_line(out, body, len);
    } else {
        put_broken(out, &json, body, len);
    }
    ptv_json_close(&json, '}');
    ptv_buf_putc(out, '\n');
}

/* -------------------------------------------------------------------------------------------- record */

bool ptv_archive_is_answer(const ptv_json *line)
{
    return ptv_json_find(line, "endpoint") && ptv_json_find(line, "query") && ptv_json_find(line, "status");
}

typedef struct found {
    ptv_archive_line line;
    ptv_answer facts;
    bool is_there;
} found;

typedef struct gathering {
    ptv_arena *mem, scratch;
    ptv_artifact *subject;
    found newest[PTV_SECTION_COUNT];
} gathering;

static ptv_code gather_line(gathering *g, const char *text, size_t len, ptv_error *err)
{
    found f = { .is_there = true };
    ptv_archive_key key = { .query = "" };
    ptv_code rc = ptv_archive_line_scan(&f.line, text, len, err);
    if (!rc)
        rc = ptv_archive_line_key(&key, &g->scratch, &f.line, err);
    if (!rc)
        rc = ptv_archive_line_facts(&f.facts, &g->scratch, &f.line, err);
    if (!rc && *key.query && !g->subject->value)
        rc = ptv_artifact_parse(g->subject, g->mem, key.query, strlen(key.query), NULL, err);
    if (rc)
        return rc;
    if (*key.query && strcmp(key.query, g->subject->value) != 0)
        return ptv_fail(err, PTV_EINVAL, "an answer about %.80s among those about %.80s", key.query, g->subject->value);
    if (key.is_known && (!g->newest[key.section].is_there || f.facts.fetched_at >= g->newest[key.section].facts.fetched_at))
        g->newest[key.section] = f;
    return PTV_OK;
}

static ptv_code gather(gathering *g, const char *lines, size_t len, ptv_error *err)
{
    unsigned number = 0;
    for (const char *at = lines, *end = lines + len; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *text = at;
        size_t size = (size_t)((newline ? newline : end) - at);
        at += size + (newline ? 1 : 0);
        number++;
        ptv_text_trim(&text, &size);
        if (size == 0)
            continue;
        ptv_code rc = gather_line(g, text, size, err);
        if (rc && rc != PTV_ENOMEM && rc != PTV_ETOOBIG)
            err->code = PTV_EINVAL;
        if (rc)
            return ptv_wrap(err, "line %u", number);
    }
    return g->subject->value ? PTV_OK : ptv_fail(err, PTV_EINVAL, "no answer with a query");
}

ptv_code ptv_archive_record(ptv_record **out, ptv_arena *mem, const ptv_source_settings *s, const char *lines, size_t len,
                            ptv_error *err)
{
    gathering g = { .mem = mem, .scratch = PTV_ARENA(len * 2 + (1 << 20)) };
    ptv_record *r = ptv_arena_calloc(mem, 1, sizeof *r);
    g.subject = ptv_arena_calloc(mem, 1, sizeof *g.subject);
    if (!r || !g.subject)
        return ptv_arena_fail(mem, err);
    ptv_code rc = gather(&g, lines, len, err);
    if (!rc) {
        ptv_record_init(r, g.subject);
        rc = ptv_passivetotal_link(&r->link, mem, s, g.subject, err); /* the artifact's, as in a lookup */
    }
    for (int i = 0; !rc && i < PTV_SECTION_COUNT; i++) {
        ptv_section section = (ptv_section)i;
        if (!g.newest[i].is_there) {
            r->sections[i].cause = PTV_CAUSE_RECORD;
            r->sections[i].reason = "not in the record";
            continue;
        }
        rc = ptv_archive_line_read(r, mem, &g.scratch, s, section, &g.newest[i].line, g.newest[i].facts, err);
        if (rc != PTV_ENOMEM && rc != PTV_ETOOBIG)
            rc = PTV_OK; /* the section says what failed */
    }
    ptv_arena_release(&g.scratch);
    if (!rc)
        *out = r;
    return rc;
}
