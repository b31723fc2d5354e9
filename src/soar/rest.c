/*
 * rest.c: asking the platform, and logging in:
 *
 *   session (by key: GET, by e-mail: POST) ──► org ──► const ──► function ──► done
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "soar/rest_parts.h"

enum { SETTINGS_BYTES = 1 << 20, BODY_BYTES = 32 << 20, TREE_BYTES = 512 << 20, SESSION_BYTES = 1 << 20 };

#define FRAMEWORK_VERSION "51.0.8.3" /* the one whose place we take: the platform may look at it */

/* ------------------------------------------------------------------------------------------------- asking */

/* CURLcodes of a TLS handshake or certificate that failed: SSL_CONNECT_ERROR, CERTPROBLEM, PEER_FAILED_VERIFICATION,
 * CACERT_BADFILE, ISSUER_ERROR. */
static bool is_tls(int curl)
{
    return curl == 35 || curl == 58 || curl == 60 || curl == 77 || curl == 83;
}

static void on_reply(void *tag, const ptv_response *in)
{
    ptv_rest *r = tag;
    ptv_rest_reply *out = &r->reply;
    out->code = in->code;
    out->curl = in->detail;
    out->status = in->status;
    snprintf(out->why, sizeof out->why, "%s", in->code && in->message ? in->message : "");
    ptv_buf_clear(&out->body);
    ptv_buf_clear(&out->cookies);
    if (!in->code)
        ptv_buf_append(&out->body, in->body, in->body_len);
    if (!in->code && in->cookies)
        ptv_buf_puts(&out->cookies, in->cookies);
    if (out->body.failed || out->cookies.failed)
        out->code = out->body.failed ? out->body.failed : out->cookies.failed;
    r->has_reply = true;
}

ptv_code ptv_rest_ask(ptv_rest *r, const char *method, const char *path, const char *body, size_t len, ptv_rest_stage *stage,
                      ptv_error *err)
{
    const ptv_rest_options *o = &r->options;
    ptv_buf url = PTV_BUF(64 << 10);
    const char *headers[] = { "Content-Type: application/json",
                              "Resilient-Module-Version: " FRAMEWORK_VERSION,
                              "Resilient-Circuits-Version: " FRAMEWORK_VERSION,
                              r->session_header,
                              r->cookie_header,
                              NULL };
    ptv_buf_puts(&url, o->base_url);
    ptv_buf_puts(&url, path);
    snprintf(r->asked, sizeof r->asked, "%s %s%.*s", method, o->base_url, (int)strcspn(path, "?"), path);
    ptv_request q = { .method = method,
                      .url = url.data,
                      .body = body,
                      .body_len = len,
                      .user = o->key_id,
                      .secret = o->key_id ? o->key_secret : NULL,
                      .headers = headers,
                      .connect_timeout_ms = o->connect_timeout_ms,
                      .timeout_ms = o->timeout_ms,
                      .body_limit_bytes = BODY_BYTES };
    ptv_code rc = ptv_buf_check(&url, err);
    r->has_reply = false;
    r->stage = stage;
    if (!rc)
        rc = r->net->start(r->net->self, &q, on_reply, r, err);
    if (rc) {
        r->stage = NULL;
        if (rc != PTV_ENOMEM)
            err->detail = PTV_EXIT_REST;
    }
    ptv_buf_release(&url);
    return rc;
}

static ptv_code check_reply(ptv_rest *r, ptv_error *err)
{
    const ptv_rest_reply *in = &r->reply;
    if (in->code == PTV_ENOMEM)
        return ptv_fail_nomem(err);
    if (in->code)
        return ptv_fail_detail(err, in->code, is_tls(in->curl) ? PTV_EXIT_TLS : PTV_EXIT_REST, "%s: %s", r->asked, in->why);
    if (in->status == 401 && r->options.key_id)
        return ptv_fail_detail(err, PTV_EKEY, PTV_EXIT_UNAUTHORISED,
                               "%s: HTTP 401: the platform refused the API key: check api_key_id and api_key_secret in "
                               "[resilient]",
                               r->asked);
    if (in->status == 401)
        return ptv_fail_detail(err, PTV_EKEY, PTV_EXIT_LOGIN,
                               "%s: HTTP 401: the platform refused the login: check email and password in [resilient]",
                               r->asked);
    if (in->status == 403)
        return ptv_fail_detail(err, PTV_EHTTP, PTV_EXIT_REST,
                               "%s: HTTP 403: the platform does not permit it: check the permissions of the %s", r->asked,
                               r->options.key_id ? "API key" : "user");
    if (in->status < 200 || in->status >= 300)
        return ptv_fail_detail(err, PTV_EHTTP, PTV_EXIT_REST, "%s: HTTP %d", r->asked, in->status);
    return PTV_OK;
}

ptv_code ptv_rest_json(const ptv_json **out, ptv_rest *r, ptv_error *err)
{
    ptv_error why = { 0 };
    ptv_code rc = check_reply(r, err);
    if (rc)
        return rc;
    ptv_arena_reset(&r->json_mem);
    rc = ptv_json_parse(out, &r->json_mem, r->reply.body.data ? r->reply.body.data : "", r->reply.body.len, &why);
    if (rc == PTV_ENOMEM)
        return ptv_fail_nomem(err);
    if (rc)
        return ptv_fail_detail(
            err, PTV_ESHAPE, PTV_EXIT_REST,
            "%s: HTTP %d, but the answer is no JSON (%s): are host, port and resource_prefix in [resilient] "
            "those of the platform?",
            r->asked, r->reply.status, why.msg);
    return PTV_OK;
}

ptv_code ptv_rest_step(ptv_rest *r, bool *done, ptv_error *err)
{
    ptv_code rc = PTV_OK;
    if (r->stage && r->has_reply) {
        ptv_rest_stage *stage = r->stage;
        r->stage = NULL;
        r->has_reply = false;
        rc = stage(r, err);
    }
    *done = !rc && !r->stage;
    return rc;
}

bool ptv_rest_refused(const ptv_rest *r)
{
    return r->reply.status == 401 || r->reply.status == 403;
}

/* ---------------------------------------------------------------------------------------------- logging in */

static const char *keep(ptv_rest *r, const char *text, ptv_error *err)
{
    const char *kept = ptv_arena_strdup(&r->session_mem, text);
    if (text && !kept)
        ptv_arena_fail(&r->session_mem, err);
    return kept;
}

/* PTV_OK also when it is not installed: the worker then waits for it to be. */
static ptv_code got_function(ptv_rest *r, ptv_error *err)
{
    const ptv_json *function = NULL;
    if (!r->reply.code && r->reply.status == 404)
        return PTV_OK;
    ptv_code rc = ptv_rest_json(&function, r, err);
    if (rc)
        return rc;
    const char *handle = ptv_json_text(ptv_json_find(function, "destination_handle"));
    if (!handle || !*handle)
        return ptv_fail_detail(err, PTV_ESHAPE, PTV_EXIT_REST, "%s: the function has no message destination", r->asked);
    r->session.queue = ptv_arena_printf(&r->session_mem, "actions.%lld.%s", (long long)r->session.org_id, handle);
    return r->session.queue ? PTV_OK : ptv_arena_fail(&r->session_mem, err);
}

/* A courtesy: its failure does not matter. */
static ptv_code got_const(ptv_rest *r, ptv_error *err)
{
    const ptv_json *tree = NULL;
    char path[64];
    ptv_buf whole = PTV_BUF(4096);
    ptv_error why = { 0 };
    ptv_code rc = ptv_rest_json(&tree, r, &why);
    if (rc == PTV_EKEY || rc == PTV_ENOMEM) {
        *err = why;
        return rc;
    }
    if (!rc)
        r->session.server_version =
            keep(r, ptv_json_text(ptv_json_find(ptv_json_find(tree, "server_version"), "version")), err);
    snprintf(path, sizeof path, "/rest/orgs/%lld/functions/", (long long)r->session.org_id);
    ptv_buf_puts(&whole, path);
    ptv_escape_url(&whole, r->options.function, strlen(r->options.function));
    ptv_buf_puts(&whole, "?handle_format=names");
    rc = ptv_buf_check(&whole, err);
    if (!rc)
        rc = ptv_rest_ask(r, "GET", whole.data, NULL, 0, got_function, err);
    ptv_buf_release(&whole);
    return rc;
}

static ptv_code got_org(ptv_rest *r, ptv_error *err)
{
    const ptv_json *org = NULL;
    ptv_code rc = ptv_rest_json(&org, r, err);
    if (rc)
        return rc;
    bool enabled = true;
    if (ptv_json_bool(&enabled, ptv_json_find(org, "actions_framework_enabled")))
        r->session.actions_enabled = enabled;
    return ptv_rest_ask(r, "GET", "/rest/const", NULL, 0, got_const, err);
}

static bool is_named(const ptv_json *org, const char *wanted)
{
    static const char *const keys[] = { "cloud_account", "uuid", "name" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (wanted && ptv_text_equal(ptv_json_text(ptv_json_find(org, keys[i])), wanted))
            return true;
    return false;
}

static ptv_code no_such_org(const ptv_rest *r, const ptv_json *orgs, ptv_error *err)
{
    ptv_buf names = PTV_BUF(4096);
    for (const ptv_json *org = ptv_json_first(orgs); org; org = ptv_json_next(org)) {
        const char *name = ptv_json_text(ptv_json_find(org, "name"));
        if (name)
            ptv_buf_printf(&names, "%s\"%s\"", names.len ? ", " : "", name);
    }
    const char *list = names.len ? names.data : "none";
    if (r->options.org)
        ptv_fail_detail(
            err, PTV_ESETTINGS, PTV_EXIT_ORG,
            "this login is not a member of the organisation \"%.100s\" (org in [resilient]); it is a member of: %s",
            r->options.org, list);
    else
        ptv_fail_detail(err, PTV_ESETTINGS, PTV_EXIT_ORG,
                        "set org in [resilient]: this login is a member of the organisations: %s", list);
    ptv_buf_release(&names);
    return PTV_ESETTINGS;
}

static ptv_code choose_org(ptv_rest *r, const ptv_json *session, ptv_error *err)
{
    const ptv_json *orgs = ptv_json_find(session, "orgs");
    const ptv_json *org = ptv_json_first(orgs);
    double id = 0;
    bool enabled = true;
    char path[64];
    while (org && !is_named(org, r->options.org))
        org = ptv_json_next(org);
    if (!org)
        return no_such_org(r, orgs, err);
    if (ptv_json_bool(&enabled, ptv_json_find(org, "enabled")) && !enabled) {
        const char *ip = ptv_json_text(ptv_json_find(session, "session_ip"));
        return ptv_fail_detail(err, PTV_ESETTINGS, PTV_EXIT_ORG,
                               "the organisation \"%.100s\" is not enabled for this login, or not from this address (%.64s)",
                               r->options.org, ip ? ip : "unknown");
    }
    if (!ptv_json_number(&id, ptv_json_find(org, "id")) || id < 0 || id > 9e15)
        return ptv_fail_detail(err, PTV_ESHAPE, PTV_EXIT_REST, "%s: the organisation has no id", r->asked);
    r->session.org_id = (int64_t)id;
    r->session.org_name = keep(r, ptv_json_text(ptv_json_find(org, "name")), err);
    snprintf(path, sizeof path, "/rest/orgs/%lld", (long long)r->session.org_id);
    return ptv_rest_ask(r, "GET", path, NULL, 0, got_org, err);
}

static bool is_header_text(const char *text)
{
    for (; *text; text++)
        if (*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

static ptv_code got_session(ptv_rest *r, ptv_error *err)
{
    const ptv_json *session = NULL;
    double handle = -1;
    ptv_code rc = ptv_rest_json(&session, r, err);
    if (rc)
        return rc;
    if (ptv_json_number(&handle, ptv_json_find(session, "api_key_handle")) && handle >= 0 && handle < 9e15)
        r->session.api_key_handle = (int64_t)handle;
    if (!r->options.key_id) {
        const char *token = ptv_json_text(ptv_json_find(session, "csrf_token"));
        if (!token || !is_header_text(token) || (r->reply.cookies.len && !is_header_text(r->reply.cookies.data)))
            return ptv_fail_detail(err, PTV_ESHAPE, PTV_EXIT_REST, "%s: the answer has no csrf_token that can be used",
                                   r->asked);
        r->session_header = ptv_arena_printf(&r->session_mem, "X-sess-id: %s", token);
        r->cookie_header =
            ptv_arena_printf(&r->session_mem, "Cookie: %s", r->reply.cookies.len ? r->reply.cookies.data : "");
        if (!r->session_header || !r->cookie_header)
            return ptv_arena_fail(&r->session_mem, err);
    }
    return choose_org(r, session, err);
}

static ptv_code ask_for_session(ptv_rest *r, ptv_error *err)
{
    static const char path[] = "/rest/session?include_permissions=false";
    if (r->options.key_id)
        return ptv_rest_ask(r, "GET", path, NULL, 0, got_session, err);
    ptv_buf body = PTV_BUF(64 << 10);
    ptv_json_out o = { .buf = &body };
    ptv_json_open(&o, NULL, '{');
    ptv_json_put_text(&o, "email", r->options.email);
    ptv_json_put_text(&o, "password", r->options.password);
    ptv_json_close(&o, '}');
    ptv_code rc = ptv_buf_check(&body, err);
    if (!rc)
        rc = ptv_rest_ask(r, "POST", path, body.data, body.len, got_session, err);
    if (body.data)
        explicit_bzero(body.data, body.cap);
    ptv_buf_release(&body);
    return rc;
}

static void stop(ptv_rest *r)
{
    if (r->stage)
        r->net->cancel(r->net->self, r);
    r->stage = NULL;
    r->has_reply = false;
}

ptv_code ptv_rest_login(ptv_rest *r, ptv_error *err)
{
    const ptv_rest_options *o = &r->options;
    stop(r);
    ptv_rest_import_release(&r->import);
    if (o->key_id ? !o->key_secret : !o->email || !o->password)
        return ptv_fail(err, PTV_ESETTINGS, "set api_key_id and api_key_secret in [resilient]%s",
                        o->key_id ? "" : " (or email and password)");
    if (!o->key_id)
        ptv_log(PTV_LOG_WARNING, "rest",
                "logging in with email and password is deprecated by the platform: make an API key and set api_key_id and "
                "api_key_secret");
    ptv_arena_reset(&r->session_mem);
    r->session_header = r->cookie_header = NULL;
    r->session = (ptv_rest_session){ .org_id = -1,
                                     .api_key_handle = -1,
                                     .actions_enabled = true,
                                     .login = o->key_id ? o->key_id : o->email,
                                     .passcode = o->key_id ? o->key_secret : o->password };
    return ask_for_session(r, err);
}

const ptv_rest_session *ptv_rest_session_of(const ptv_rest *r)
{
    return &r->session;
}

/* ------------------------------------------------------------------------------------- birth and death */

ptv_rest *ptv_rest_new(const ptv_rest_options *options, const ptv_transport *net)
{
    ptv_rest *r = ptv_calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->options = *options;
    r->net = net;
    r->mem = (ptv_arena)PTV_ARENA(SETTINGS_BYTES);
    r->session_mem = (ptv_arena)PTV_ARENA(SESSION_BYTES);
    r->json_mem = (ptv_arena)PTV_ARENA(TREE_BYTES);
    r->reply.body = (ptv_buf)PTV_BUF(BODY_BYTES);
    r->reply.cookies = (ptv_buf)PTV_BUF(64 << 10);
    ptv_rest_options *o = &r->options;
    const char **texts[] = { &o->base_url, &o->org, &o->key_id, &o->key_secret, &o->email, &o->password, &o->function };
    bool failed = false;
    for (size_t i = 0; i < sizeof texts / sizeof *texts;
         i++) { /* to the end: nothing of the caller's may stay, to be wiped */
        const char *text = *texts[i];
        *texts[i] = failed ? NULL : ptv_arena_strdup(&r->mem, text);
        failed |= text && !*texts[i];
    }
    if (!failed)
        return r;
    ptv_rest_free(r);
    return NULL;
}

/* The arena lends constant text; these are ours to wipe. */
static void wipe(const char *secret)
{
    if (secret)
        explicit_bzero((char *)(uintptr_t)secret, strlen(secret));
}

void ptv_rest_free(ptv_rest *r)
{
    if (!r)
        return;
    stop(r);
    wipe(r->options.key_secret);
    wipe(r->options.password);
    wipe(r->session_header);
    wipe(r->cookie_header);
    ptv_rest_import_release(&r->import);
    ptv_buf_release(&r->reply.body);
    ptv_buf_release(&r->reply.cookies);
    ptv_arena_release(&r->json_mem);
    ptv_arena_release(&r->session_mem);
    ptv_arena_release(&r->mem);
    ptv_free(r);
}
