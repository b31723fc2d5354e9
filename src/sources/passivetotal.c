/*
 * passivetotal.c: the PassiveTotal v2 calls, and what each answer means for its section: the table "answer → meaning" of
 * docs/record.md. Pure: no clock, no network, so that it can be fuzzed and replayed from an archive.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "sources/passivetotal.h"
#include "sources/sections.h"
#include "base/text.h"
#include <string.h>

#define MAX_MESSAGE_SHOWN 120          /* bytes of the service's own words in a reason */
#define MAX_ERROR_BODY    (64u << 10)  /* of an answer that is a failure, this much is read and kept */
#define MAX_TREE_BYTES    (128u << 20) /* of one JSON tree; five times its text is usual, short labels need ten */

static const char *const endpoints[PTV_SECTION_COUNT] = {
    [PTV_ACCOUNT] = "/v2/account",
    [PTV_TAGS] = "/v2/actions/tags",
    [PTV_CLASSIFICATION] = "/v2/actions/classification",
    [PTV_PASSIVE_DNS] = "/v2/dns/passive",
    [PTV_SUBDOMAINS] = "/v2/enrichment/subdomains",
};

const char *ptv_passivetotal_endpoint(ptv_section section)
{
    return endpoints[section];
}

bool ptv_passivetotal_section_of(ptv_section *out, const char *endpoint)
{
    for (int section = 0; section < PTV_SECTION_COUNT; section++) {
        if (ptv_text_equal(endpoints[section], endpoint)) {
            *out = (ptv_section)section;
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------------------------------ request */

ptv_code ptv_passivetotal_link(const char **out, ptv_arena *mem, const ptv_source_settings *s, const ptv_artifact *a,
                               ptv_error *err)
{
    *out = NULL;
    if (!s->community_url)
        return PTV_OK;
    ptv_buf link = PTV_BUF(8192);
    ptv_buf_puts(&link, s->community_url);
    ptv_escape_url(&link, a->value, strlen(a->value));
    ptv_code rc = ptv_buf_check(&link, err);
    if (!rc && !(*out = ptv_arena_strdup(mem, link.data)))
        rc = ptv_arena_fail(mem, err);
    ptv_buf_release(&link);
    return rc;
}

ptv_code ptv_passivetotal_request(ptv_request *out, ptv_arena *mem, const ptv_source_settings *s, ptv_section section,
                                  const ptv_artifact *a, ptv_error *err)
{
    const char *path = s->path[section] ? s->path[section] : endpoints[section];
    size_t base_len = strlen(s->base_url);
    while (base_len > 0 && s->base_url[base_len - 1] == '/')
        base_len--;
    ptv_buf url = PTV_BUF(64 << 10), body = PTV_BUF(64 << 10);
    ptv_buf_append(&url, s->base_url, base_len);
    ptv_buf_puts(&url, *path == '/' ? path : "/");
    ptv_buf_puts(&url, *path == '/' ? "" : path);
    if (section != PTV_ACCOUNT && s->query_in_body) {
        ptv_json_out json = { .buf = &body };
        ptv_json_open(&json, NULL, '{');
        ptv_json_put_text(&json, "query", a->value);
        ptv_json_close(&json, '}');
    } else if (section != PTV_ACCOUNT) {
        ptv_buf_puts(&url, strchr(path, '?') ? "&query=" : "?query=");
        ptv_escape_url(&url, a->value, strlen(a->value));
    }
    ptv_code rc = ptv_buf_check(&url, err);
    if (!rc)
        rc = ptv_buf_check(&body, err);
    if (!rc) {
        ptv_request request = {
            .method = "GET",
            .url = ptv_arena_strndup(mem, url.data, url.len),
            .body = body.len > 0 ? ptv_arena_strndup(mem, body.data, body.len) : NULL,
            .body_len = body.len,
            .content_type = body.len > 0 ? "application/json" : NULL,
            .user = s->user,
            .secret = s->key,
            .connect_timeout_ms = s->connect_timeout_ms,
            .timeout_ms = s->timeout_ms,
            .body_limit_bytes = s->body_limit_bytes,
        };
        if (!request.url || (body.len > 0 && !request.body))
            rc = ptv_arena_fail(mem, err);
        else
            *out = request;
    }
    ptv_buf_release(&url);
    ptv_buf_release(&body);
    return rc;
}

/* ----------------------------------------------------------------------------- the service's own words */

typedef struct words {
    const char *message, *more; /* NULL: none */
    size_t message_len;
} words;

static words find_words(const ptv_json *root, const ptv_answer *answer)
{
    const char *body = answer->body;
    size_t len = answer->body_len < MAX_ERROR_BODY ? answer->body_len : MAX_ERROR_BODY;
    words w = { NULL, NULL, 0 };
    if (root) {
        const ptv_json *error = ptv_json_find(root, "error");
        w.message = ptv_json_text(root);
        if (!w.message)
            w.message = ptv_json_text(ptv_json_find(root, "message"));
        w.more = ptv_json_text(error);
        if (ptv_json_kind_of(error) == PTV_JSON_OBJECT) {
            if (!w.message)
                w.message = ptv_json_text(ptv_json_find(error, "message"));
            w.more = ptv_json_text(ptv_json_find(error, "developer_message"));
        }
        if (!w.message || !*w.message) {
            w.message = w.more;
            w.more = NULL;
        }
        w.message_len = w.message ? strlen(w.message) : 0;
        return w;
    }
    ptv_text_trim(&body, &len);
    /* Half a JSON text is no message: its field names would be read as one. */
    if (len > 0 && *body != '{' && *body != '[') {
        w.message = body;
        w.message_len = len;
    }
    return w;
}

static bool holds(const char *text, size_t len, const char *word)
{
    size_t word_len = strlen(word);
    for (size_t i = 0; i + word_len <= len; i++)
        if (strncasecmp(text + i, word, word_len) == 0)
            return true;
    return false;
}

static bool holds_any(const char *text, size_t len, const char *const *phrases)
{
    for (; text && *phrases; phrases++)
        if (holds(text, len, *phrases))
            return true;
    return false;
}

static bool says_quota(const char *text, size_t len)
{
    static const char *const used_up[] = { "exceed", "exhaust", "used up", "reached", NULL };
    return text && holds(text, len, "quota") && holds_any(text, len, used_up);
}

static bool says_no_results(const ptv_json *root, const words *w)
{
    static const char *const none[] = { "no result", "no record", "no data", "nothing found", NULL };
    return root && holds_any(w->message, w->message_len, none);
}

/* `form` at the start of what is left of a text; its length, 0: no. */
static size_t starts_with(const char *text, size_t len, const char *form)
{
    size_t form_len = form ? strlen(form) : 0;
    return form_len <= len && memcmp(text, form ? form : "", form_len) == 0 ? form_len : 0;
}

void ptv_passivetotal_mask(ptv_buf *out, const ptv_source_settings *s, const char *text, size_t len, size_t most)
{
    ptv_buf signature = PTV_BUF(64 << 10), in_header = PTV_BUF(64 << 10), in_url = PTV_BUF(64 << 10);
    ptv_buf_printf(&signature, "%s:%s", s->user ? s->user : "", s->key ? s->key : "");
    if (s->key && !signature.failed) {
        ptv_escape_base64(&in_header, signature.data, signature.len);
        ptv_escape_url(&in_url, s->key, strlen(s->key));
    }
    /* The longest first. A user of two letters is in every other word. */
    const char *const forms[] = { in_header.data, in_url.data, s->key, s->user && strlen(s->user) > 2 ? s->user : NULL };
    for (size_t i = 0, taken; i < len && out->len < most; i += taken) {
        taken = 0;
        for (size_t k = 0; k < sizeof forms / sizeof *forms && !taken; k++)
            taken = starts_with(text + i, len - i, forms[k]);
        if (taken)
            ptv_buf_puts(out, "***");
        else
            ptv_buf_append(out, text + i, taken = 1);
    }
    if (signature.failed || in_header.failed || in_url.failed)
        out->failed = PTV_ENOMEM;
    ptv_buf_release(&signature);
    ptv_buf_release(&in_header);
    ptv_buf_release(&in_url);
}

/* Append ": message", escaped and short. */
static void put_words(ptv_buf *out, const ptv_source_settings *s, const char *text, size_t len)
{
    ptv_buf plain = PTV_BUF(4 << 10), shown = PTV_BUF(16 << 10);
    ptv_passivetotal_mask(&plain, s, text, len, 2 * MAX_MESSAGE_SHOWN);
    ptv_escape_terminal(&shown, plain.data ? plain.data : "", plain.len);
    if (shown.len > 0) {
        size_t fits = ptv_text_clip(shown.data, shown.len, MAX_MESSAGE_SHOWN);
        ptv_buf_puts(out, ": ");
        ptv_buf_append(out, shown.data, fits);
        if (fits < shown.len)
            ptv_buf_puts(out, "…");
    }
    if (plain.failed == PTV_ENOMEM || shown.failed == PTV_ENOMEM)
        out->failed = PTV_ENOMEM;
    ptv_buf_release(&plain);
    ptv_buf_release(&shown);
}

/* The host of "https://user@host:1/path"; for a redirect's reason, whose query may hold more than a log should. */
static void put_host(ptv_buf *out, const char *url)
{
    const char *host = strstr(url, "://");
    if (!host)
        return;
    host += 3;
    size_t len = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', len);
    if (at) {
        len -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    ptv_buf_puts(out, " to ");
    ptv_escape_terminal(out, host, ptv_text_clip(host, len, MAX_MESSAGE_SHOWN));
}

/* ------------------------------------------------------------------------------------------ meaning */

typedef struct meaning {
    ptv_code code; /* PTV_OK: read the fields */
    ptv_cause cause;
    const char *text;
    bool retry;
} meaning;

static meaning meaning_of_status(int status)
{
    switch (status) {
    case 200:
        return (meaning){ PTV_OK, PTV_CAUSE_NONE, NULL, false };
    case 204:
        return (meaning){ PTV_EHTTP, PTV_CAUSE_OUTAGE, "no content", false };
    case 400:
        return (meaning){ PTV_EHTTP, PTV_CAUSE_SETTINGS, "the API refused the query", false };
    case 401:
        return (meaning){ PTV_EKEY, PTV_CAUSE_KEY, "user or key refused", false };
    case 402:
    case 403:
        return (meaning){ PTV_EHTTP, PTV_CAUSE_KEY, "the key may not use this endpoint", false };
    case 404:
        return (meaning){ PTV_EHTTP, PTV_CAUSE_SETTINGS, "not found", false };
    case 407:
        return (meaning){ PTV_EHTTP, PTV_CAUSE_SETTINGS, "the proxy wants a login", false };
    case 408:
        return (meaning){ PTV_EHTTP, PTV_CAUSE_OUTAGE, "request time-out", true };
    case 429:
        return (meaning){ PTV_EQUOTA, PTV_CAUSE_QUOTA, "quota used up", false };
    case 500:
        return (meaning){ PTV_EHTTP, PTV_CAUSE_OUTAGE, "the API failed", true };
    case 501:
    case 505:
        return (meaning){ PTV_EHTTP, PTV_CAUSE_SETTINGS, "not implemented there", false };
    case 502:
        return (meaning){ PTV_EHTTP, PTV_CAUSE_OUTAGE, "bad gateway", true };
    case 503:
        return (meaning){ PTV_EHTTP, PTV_CAUSE_OUTAGE, "service unavailable", true };
    case 504:
        return (meaning){ PTV_EHTTP, PTV_CAUSE_OUTAGE, "gateway time-out", true };
    default:
        break;
    }
    if (status >= 200 && status < 300)
        return (meaning){ PTV_EHTTP, PTV_CAUSE_OUTAGE, "not the whole answer", false };
    if (status >= 300 && status < 400)
        return (meaning){ PTV_EHTTP, PTV_CAUSE_SETTINGS, "redirect", false };
    if (status >= 500 && status < 600)
        return (meaning){ PTV_EHTTP, PTV_CAUSE_OUTAGE, "the API failed", true };
    return (meaning){ PTV_EHTTP, PTV_CAUSE_SETTINGS, "an unexpected status", false };
}

typedef struct call {
    ptv_record *r;
    ptv_arena *mem;
    const ptv_source_settings *s;
    ptv_section section;
    const ptv_answer *answer;
    ptv_error *err;
} call;

static bool is_text(const words *w, const char *text)
{
    return w->message_len == strlen(text) && strncasecmp(w->message, text, w->message_len) == 0;
}

/* The section failed; err says why. */
static ptv_code failed(const call *c, ptv_cause cause)
{
    ptv_section_clear(c->r, c->section);
    ptv_section_fail(c->r, c->mem, c->section, PTV_STATE_FAILED, cause, c->err->msg);
    return c->err->code;
}

static ptv_code failed_with_words(const call *c, const meaning *m, const words *w)
{
    ptv_buf text = PTV_BUF(4 << 10);
    ptv_buf_printf(&text, "HTTP %d: %s", c->answer->status, m->text);
    if (c->answer->status >= 300 && c->answer->status < 400) {
        if (c->answer->location)
            put_host(&text, c->answer->location);
        ptv_buf_puts(&text, ", not followed");
    } else if (w->message && *w->message != '<' && !is_text(w, m->text)) {
        put_words(&text, c->s, w->message, w->message_len);
    }
    if (ptv_buf_check(&text, c->err) == PTV_OK)
        ptv_fail_detail(c->err, m->code, c->answer->status, "%s", text.data);
    ptv_buf_release(&text);
    return failed(c, m->cause);
}

/* A tree of the body in `tree`, or the reason why there is none. */
static ptv_code parse_body(const ptv_json **root, ptv_arena *tree, const ptv_answer *answer, ptv_error *err)
{
    const char *text = answer->body;
    size_t len = answer->body_len;
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        len -= 3;
    }
    ptv_text_trim(&text, &len);
    if (len == 0)
        return ptv_fail(err, PTV_ESHAPE, "HTTP %d with an empty body", answer->status);
    if (*text == '<')
        return ptv_fail(err, PTV_ESHAPE, "HTML instead of JSON");
    size_t limit = answer->body_len < MAX_TREE_BYTES / 24 ? answer->body_len * 24 + (64 << 10) : MAX_TREE_BYTES;
    if (limit < answer->body_len * 8)
        limit = answer->body_len * 8;
    *tree = (ptv_arena)PTV_ARENA(limit);
    return ptv_json_parse(root, tree, answer->body, answer->body_len, err);
}

/* null, false and "" say that there is none. */
static bool is_error(const ptv_json *error)
{
    bool said = false;
    const char *text = ptv_json_text(error);
    if (text)
        return *text;
    return ptv_json_bool(&said, error) ? said : ptv_json_kind_of(error) != PTV_JSON_NULL;
}

/* 200, and the body is JSON. */
static ptv_code read_fields(const call *c, const ptv_json *root, const words *w)
{
    bool success = true;
    const ptv_json *said = ptv_json_find(root, "success");
    if (ptv_json_kind_of(root) != PTV_JSON_OBJECT) {
        ptv_fail(c->err, PTV_ESHAPE, "unexpected shape: the answer is %s, not an object",
                 ptv_json_kind_name(ptv_json_kind_of(root)));
        return failed(c, PTV_CAUSE_OUTAGE);
    }
    if (said && !ptv_json_bool(&success, said))
        ptv_fail(c->err, PTV_ESHAPE, "unexpected shape: success is %s", ptv_json_kind_name(ptv_json_kind_of(said)));
    else if (!success)
        ptv_fail(c->err, PTV_ESHAPE, "unexpected shape: success is false");
    else if (is_error(ptv_json_find(root, "error")))
        ptv_fail(c->err, PTV_ESHAPE, "unexpected shape: the answer holds an error");
    else if (!ptv_passivetotal_fill(c->r, c->mem, c->s, c->section, root, c->err))
        return PTV_OK;
    if (c->err->code == PTV_ESHAPE && w->message) {
        ptv_buf text = PTV_BUF(4 << 10);
        ptv_buf_puts(&text, c->err->msg);
        put_words(&text, c->s, w->message, w->message_len);
        if (ptv_buf_check(&text, c->err) == PTV_OK)
            ptv_fail(c->err, PTV_ESHAPE, "%s", text.data);
        ptv_buf_release(&text);
    }
    return failed(c, PTV_CAUSE_OUTAGE);
}

static ptv_code judge(const call *c, ptv_arena *tree, bool *retry)
{
    const ptv_json *root = NULL;
    meaning m = meaning_of_status(c->answer->status);
    ptv_error parse_error = { .code = PTV_OK };
    if (m.code == PTV_OK || (c->answer->body_len > 0 && c->answer->body_len <= MAX_ERROR_BODY))
        parse_body(&root, tree, c->answer, &parse_error);
    if (parse_error.code == PTV_ENOMEM) {
        *c->err = parse_error;
        return failed(c, PTV_CAUSE_OUTAGE);
    }
    words w = find_words(root, c->answer);
    if (says_quota(w.message, w.message_len) || (w.more && says_quota(w.more, strlen(w.more))))
        m = meaning_of_status(429);
    if (c->answer->status == 404 && c->s->not_found_is_empty && says_no_results(root, &w)) {
        if (!ptv_section_none(c->r, c->mem, c->section, c->err))
            return PTV_OK;
        return failed(c, PTV_CAUSE_SETTINGS);
    }
    *retry = m.retry;
    if (m.code)
        return failed_with_words(c, &m, &w);
    if (parse_error.code) {
        *retry = true; /* a body that was cut or came from elsewhere may be whole the next time */
        *c->err = parse_error;
        return failed(c, PTV_CAUSE_OUTAGE);
    }
    return read_fields(c, root, &w);
}

/* The answer as it came; of a failure, which may say the key back, what may be shown. false: no room. */
static bool keep_raw(ptv_section_info *info, ptv_arena *mem, const ptv_source_settings *s, const ptv_answer *answer,
                     bool is_failure)
{
    ptv_buf plain = PTV_BUF(4 * MAX_ERROR_BODY);
    const char *body = answer->body;
    size_t len = answer->body_len;
    if (is_failure && len > MAX_ERROR_BODY)
        return true;
    if (is_failure) {
        ptv_passivetotal_mask(&plain, s, body, len, SIZE_MAX);
        body = plain.data;
        len = plain.len;
    }
    info->raw = plain.failed ? NULL : ptv_arena_strndup(mem, len > 0 ? body : "", len);
    info->raw_len = info->raw ? len : 0;
    ptv_buf_release(&plain);
    return info->raw;
}

ptv_code ptv_passivetotal_read(ptv_record *r, ptv_arena *mem, const ptv_source_settings *s, ptv_section section,
                               const ptv_answer *answer, bool *retry, ptv_error *err)
{
    call c = { r, mem, s, section, answer, err };
    ptv_arena tree = PTV_ARENA(64 << 10);
    ptv_section_info *info = &r->sections[section];
    *retry = false;
    ptv_section_clear(r, section);
    ptv_code rc = judge(&c, &tree, retry);
    ptv_arena_release(&tree);
    if (!rc)
        info->state = PTV_STATE_OK;
    info->source = "passivetotal";
    info->http = answer->status;
    info->fetched_at = answer->fetched_at;
    info->retry_after_s = answer->retry_after_s;
    if (answer->fetched_at > r->fetched_at)
        r->fetched_at = answer->fetched_at;
    if (s->keep_answers && !keep_raw(info, mem, s, answer, rc) && !rc) {
        ptv_arena_fail(mem, err);
        rc = failed(&c, PTV_CAUSE_OUTAGE);
    }
    return rc;
}
