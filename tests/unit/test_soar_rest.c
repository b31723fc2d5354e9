/*
 * test_soar_rest.c: logging in and importing, on a scripted transport: what is asked, in which order, and what failures
 * mean.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/mem.h"
#include "soar/rest.h"
#include <string.h>

typedef struct answer {
    int status; /* 0: a failure of the transport */
    const char *body, *cookies;
    ptv_code code;
    int curl;
} answer;

static struct {
    const answer *script;
    size_t next;
    ptv_response_fn *done;
    void *tag;
    char log[8192];  /* "METHOD path\n" */
    char sent[8192]; /* the last body */
    char headers[2048], user[64];
} net;

static ptv_code start(void *self, const ptv_request *q, ptv_response_fn *done, void *tag, ptv_error *err)
{
    (void)self;
    void *copy = ptv_malloc(16); /* so that a test can let it fail */
    if (!copy)
        return ptv_fail_nomem(err);
    ptv_free(copy);
    assert_null(net.done);
    net.done = done;
    net.tag = tag;
    const char *path = strstr(q->url, "/rest");
    size_t len = strlen(net.log);
    snprintf(net.log + len, sizeof net.log - len, "%s %s\n", q->method, path ? path : q->url);
    snprintf(net.sent, sizeof net.sent, "%.*s", (int)q->body_len, q->body ? q->body : "");
    snprintf(net.user, sizeof net.user, "%s:%s", q->user ? q->user : "", q->secret ? q->secret : "");
    net.headers[0] = '\0';
    for (size_t i = 0; q->headers[i]; i++) {
        len = strlen(net.headers);
        snprintf(net.headers + len, sizeof net.headers - len, "%s\n", q->headers[i]);
    }
    return PTV_OK;
}

static void cancel(void *self, void *tag)
{
    (void)self;
    if (net.tag == tag)
        net.done = NULL;
}

static ptv_code answer_next(void)
{
    const answer *a = &net.script[net.next++];
    ptv_response response = { .code = a->code,
                              .detail = a->curl,
                              .message = "connection refused",
                              .status = a->status,
                              .body = a->body ? a->body : "",
                              .body_len = a->body ? strlen(a->body) : 0,
                              .cookies = a->cookies,
                              .retry_after_s = -1 };
    ptv_response_fn *done = net.done;
    net.done = NULL;
    assert_non_null(done);
    done(net.tag, &response);
    return PTV_OK;
}

static const ptv_transport transport = { .start = start, .cancel = cancel };
static const ptv_rest_options by_key = { .base_url = "https://soar.example:443/api",
                                         .org = "Test Org",
                                         .key_id = "key",
                                         .key_secret = "s3cret",
                                         .function = "fn_passivetotal" };
static const ptv_rest_options by_email = { .base_url = "https://soar.example:443",
                                           .org = "acct-201",
                                           .email = "a@example.com",
                                           .password = "pass \"word\"",
                                           .function = "fn passivetotal" };

#define ORGS                                                                                                                \
    "\"orgs\":[{\"id\":7,\"name\":\"Other\"},{\"id\":201,\"name\":\"Test "                                                  \
    "Org\",\"uuid\":\"u-201\",\"cloud_account\":\"acct-201\","                                                              \
    "\"enabled\":true},{\"id\":203,\"name\":\"Closed\",\"enabled\":false}]"
#define LOGIN  "{" ORGS ",\"api_key_handle\":42,\"session_ip\":\"192.0.2.7\",\"csrf_token\":\"tok\"}"
#define ORG    "{\"actions_framework_enabled\":true}"
#define CONST_ "{\"server_version\":{\"version\":\"43.1.49\"}}"
#define FN     "{\"destination_handle\":\"passivetotal\"}"

static const answer good[] = {
    { 200, LOGIN, NULL, 0, 0 }, { 200, ORG, NULL, 0, 0 }, { 200, CONST_, NULL, 0, 0 }, { 200, FN, NULL, 0, 0 }
};

static ptv_rest *begin(const ptv_rest_options *o, const answer *script)
{
    memset(&net, 0, sizeof net);
    net.script = script;
    ptv_rest *r = ptv_rest_new(o, &transport);
    assert_non_null(r);
    return r;
}

static ptv_code run(ptv_rest *r, ptv_error *err)
{
    bool done = false;
    ptv_code rc = PTV_OK;
    while (!rc && !done) {
        answer_next();
        rc = ptv_rest_step(r, &done, err);
    }
    return rc;
}

static ptv_code log_in(ptv_rest *r, ptv_error *err)
{
    ptv_code rc = ptv_rest_login(r, err);
    return rc ? rc : run(r, err);
}

/* One login that fails, and with which exit code of the framework. */
static void expect_failure(const ptv_rest_options *o, const answer *script, ptv_code code, int exit_code, const char *text)
{
    ptv_error err = { 0 };
    ptv_rest *r = begin(o, script);
    assert_int_equal(log_in(r, &err), code);
    assert_int_equal(err.code, code);
    assert_int_equal(err.detail, exit_code);
    if (!strstr(err.msg, text))
        fail_msg("no \"%s\" in \"%s\"", text, err.msg);
    assert_null(strstr(err.msg, "s3cret"));
    ptv_rest_free(r);
}

static void it_logs_in_by_key(void **state)
{
    (void)state;
    ptv_error err = { 0 };
    ptv_rest *r = begin(&by_key, good);
    assert_int_equal(log_in(r, &err), PTV_OK);
    assert_string_equal(net.log, "GET /rest/session?include_permissions=false\nGET /rest/orgs/201\nGET /rest/const\n"
                                 "GET /rest/orgs/201/functions/fn_passivetotal?handle_format=names\n");
    assert_string_equal(net.user, "key:s3cret");
    assert_string_equal(net.headers, "Content-Type: application/json\nResilient-Module-Version: 51.0.8.3\n"
                                     "Resilient-Circuits-Version: 51.0.8.3\n");
    const ptv_rest_session *s = ptv_rest_session_of(r);
    assert_int_equal(s->org_id, 201);
    assert_string_equal(s->org_name, "Test Org");
    assert_string_equal(s->queue, "actions.201.passivetotal");
    assert_string_equal(s->login, "key");
    assert_string_equal(s->passcode, "s3cret");
    assert_string_equal(s->server_version, "43.1.49");
    assert_int_equal(s->api_key_handle, 42);
    assert_true(s->actions_enabled);
    ptv_rest_free(r);
}

static void it_logs_in_by_email(void **state)
{
    (void)state;
    static const answer script[] = { { 200, LOGIN, "JSESSIONID=abc; other=1", 0, 0 },
                                     { 200, ORG, NULL, 0, 0 },
                                     { 200, CONST_, NULL, 0, 0 },
                                     { 200, FN, NULL, 0, 0 } };
    ptv_error err = { 0 };
    ptv_rest *r = begin(&by_email, script);
    assert_int_equal(ptv_rest_login(r, &err), PTV_OK);
    assert_string_equal(net.sent, "{\"email\":\"a@example.com\",\"password\":\"pass \\\"word\\\"\"}");
    assert_string_equal(net.user, ":");
    assert_int_equal(run(r, &err), PTV_OK);
    assert_non_null(strstr(net.log, "POST /rest/session?include_permissions=false\n"));
    assert_non_null(strstr(net.log, "functions/fn%20passivetotal?"));
    assert_non_null(strstr(net.headers, "X-sess-id: tok\nCookie: JSESSIONID=abc; other=1\n"));
    ptv_rest_free(r);
}

static void it_chooses_the_organisation_by_each_of_its_names(void **state)
{
    (void)state;
    static const char *const names[] = { "acct-201", "u-201", "Test Org" };
    for (size_t i = 0; i < 3; i++) {
        ptv_error err = { 0 };
        ptv_rest_options o = by_key;
        o.org = names[i];
        ptv_rest *r = begin(&o, good);
        assert_int_equal(log_in(r, &err), PTV_OK);
        assert_int_equal(ptv_rest_session_of(r)->org_id, 201);
        ptv_rest_free(r);
    }
    ptv_rest_options o = by_key;
    o.org = "test org";
    expect_failure(&o, good, PTV_ESETTINGS, PTV_EXIT_ORG, "\"Other\", \"Test Org\", \"Closed\"");
    o.org = "201";
    expect_failure(&o, good, PTV_ESETTINGS, PTV_EXIT_ORG, "not a member");
    o.org = NULL;
    expect_failure(&o, good, PTV_ESETTINGS, PTV_EXIT_ORG, "set org in [resilient]");
    o.org = "Closed";
    expect_failure(&o, good, PTV_ESETTINGS, PTV_EXIT_ORG, "192.0.2.7");
}

static void it_says_what_failed_with_the_code_of_the_framework(void **state)
{
    (void)state;
    static const answer refused[] = { { 401, "{}", NULL, 0, 0 } },
                        late[] = { { 200, LOGIN, NULL, 0, 0 }, { 401, "", NULL, 0, 0 } };
    static const answer down[] = { { 0, NULL, NULL, PTV_ENET, 7 } }, tls[] = { { 0, NULL, NULL, PTV_ENET, 60 } };
    static const answer html[] = { { 200, "<html>", NULL, 0, 0 } }, broken[] = { { 503, "<html>", NULL, 0, 0 } };
    static const answer nothing[] = { { 200, "", NULL, 0, 0 } }, odd[] = { { 200, "[]", NULL, 0, 0 } };
    expect_failure(&by_key, refused, PTV_EKEY, PTV_EXIT_UNAUTHORISED, "api_key_id and api_key_secret");
    expect_failure(&by_key, late, PTV_EKEY, PTV_EXIT_UNAUTHORISED, "/rest/orgs/201");
    expect_failure(&by_email, refused, PTV_EKEY, PTV_EXIT_LOGIN, "email and password");
    expect_failure(&by_key, down, PTV_ENET, PTV_EXIT_REST, "connection refused");
    expect_failure(&by_key, tls, PTV_ENET, PTV_EXIT_TLS, "GET https://soar.example:443/api/rest/session");
    expect_failure(&by_key, html, PTV_ESHAPE, PTV_EXIT_REST, "resource_prefix");
    expect_failure(&by_key, nothing, PTV_ESHAPE, PTV_EXIT_REST, "no JSON");
    expect_failure(&by_key, broken, PTV_EHTTP, PTV_EXIT_REST, "HTTP 503");
    expect_failure(&by_key, odd, PTV_ESETTINGS, PTV_EXIT_ORG, "a member of: none");
}

static void it_wants_a_login(void **state)
{
    (void)state;
    ptv_error err = { 0 };
    ptv_rest_options o = { .base_url = "https://x", .function = "f" };
    ptv_rest *r = begin(&o, good);
    assert_int_equal(ptv_rest_login(r, &err), PTV_ESETTINGS);
    assert_string_equal(net.log, "");
    ptv_rest_free(r);
}

static void it_does_not_mind_a_missing_version_or_function(void **state)
{
    (void)state;
    static const answer script[] = { { 200, LOGIN, NULL, 0, 0 },
                                     { 200, "{\"actions_framework_enabled\":false}", NULL, 0, 0 },
                                     { 500, "", NULL, 0, 0 },
                                     { 404, "{}", NULL, 0, 0 } };
    ptv_error err = { 0 };
    ptv_rest *r = begin(&by_key, script);
    assert_int_equal(log_in(r, &err), PTV_OK);
    assert_null(ptv_rest_session_of(r)->queue);
    assert_null(ptv_rest_session_of(r)->server_version);
    assert_false(ptv_rest_session_of(r)->actions_enabled);
    ptv_rest_free(r);
}

static void it_never_sends_a_header_that_the_answer_smuggled_in(void **state)
{
    (void)state;
    static const answer script[] = { { 200, "{" ORGS ",\"csrf_token\":\"a\\r\\nX-Evil: 1\"}", "JSESSIONID=1", 0, 0 } };
    expect_failure(&by_email, script, PTV_ESHAPE, PTV_EXIT_REST, "csrf_token");
}

static void it_begins_anew_while_something_is_under_way(void **state)
{
    (void)state;
    ptv_error err = { 0 };
    ptv_rest *r = begin(&by_key, good);
    assert_int_equal(ptv_rest_login(r, &err), PTV_OK);
    assert_int_equal(log_in(r, &err), PTV_OK);
    ptv_rest_free(r);
    r = begin(&by_key, good);
    assert_int_equal(ptv_rest_login(r, &err), PTV_OK);
    ptv_rest_free(r); /* cancels */
    assert_null(net.done);
}

/* ------------------------------------------------------------------------------------------------- import */

static const char export_res[] =
    "{\"id\": 1, \"tags\": [{\"tag\": [1]}], \"functions\": [{\"name\": \"f\", \"tags\": [1, \"]\"]}], \"x\": \"tags\","
    "\"message_destinations\": [{\"programmatic_name\": \"passivetotal\", \"tags\": []}]}";

static void it_imports_accepts_and_lets_our_key_read(void **state)
{
    (void)state;
    static const answer script[] = {
        { 200, LOGIN, NULL, 0, 0 },
        { 200, ORG, NULL, 0, 0 },
        { 200, CONST_, NULL, 0, 0 },
        { 404, "{}", NULL, 0, 0 },
        { 200, "{\"id\":5,\"status\":\"PENDING\",\"messages\":[1.0]}", NULL, 0, 0 },
        { 200, "{\"id\":5,\"status\":\"ACCEPTED\"}", NULL, 0, 0 },
        { 200,
          "{\"entities\":[{\"id\":8,\"programmatic_name\":\"other\"},{\"id\":9,\"programmatic_name\":\"passivetotal\"}]}",
          NULL, 0, 0 },
        { 200, "{\"id\":9,\"api_keys\":[3],\"vers\":1}", NULL, 0, 0 },
        { 409, "{}", NULL, 0, 0 },
        { 200, "{\"id\":9,\"api_keys\":[3,4],\"vers\":2}", NULL, 0, 0 },
        { 200, "{}", NULL, 0, 0 },
    };
    ptv_error err = { 0 };
    ptv_rest *r = begin(&by_key, script);
    assert_int_equal(log_in(r, &err), PTV_OK);
    net.log[0] = '\0';
    assert_int_equal(ptv_rest_import(r, export_res, sizeof export_res - 1, &err), PTV_OK);
    assert_string_equal(net.sent,
                        "{\"id\": 1, \"tags\": [], \"functions\": [{\"name\": \"f\", \"tags\": []}], \"x\": \"tags\","
                        "\"message_destinations\": [{\"programmatic_name\": \"passivetotal\", \"tags\": []}]}");
    bool done = false;
    answer_next();
    assert_int_equal(ptv_rest_step(r, &done, &err), PTV_OK);
    assert_string_equal(net.sent, "{\"id\": 5, \"status\": \"ACCEPTED\", \"messages\": [1.0]}");
    assert_int_equal(run(r, &err), PTV_OK);
    assert_string_equal(net.sent, "{\"id\": 9, \"api_keys\": [3, 4, 42], \"vers\": 2}");
    assert_string_equal(net.log, "POST /rest/orgs/201/configurations/imports\nPUT /rest/orgs/201/configurations/imports/5\n"
                                 "GET /rest/orgs/201/message_destinations\nGET /rest/orgs/201/message_destinations/9\n"
                                 "PUT /rest/orgs/201/message_destinations/9\nGET /rest/orgs/201/message_destinations/9\n"
                                 "PUT /rest/orgs/201/message_destinations/9\n");
    ptv_rest_free(r);
}

static void it_gives_up_a_destination_that_always_conflicts(void **state)
{
    (void)state;
    static answer script[64] = { { 200, LOGIN, NULL, 0, 0 },
                                 { 200, ORG, NULL, 0, 0 },
                                 { 200, CONST_, NULL, 0, 0 },
                                 { 200, FN, NULL, 0, 0 },
                                 { 200, "{\"id\":5}", NULL, 0, 0 },
                                 { 200, "{}", NULL, 0, 0 },
                                 { 200, "[{\"id\":9,\"programmatic_name\":\"passivetotal\"}]", NULL, 0, 0 } };
    for (size_t i = 7; i < 64; i += 2) {
        script[i] = (answer){ 200, "{\"api_keys\":[]}", NULL, 0, 0 };
        if (i + 1 < 64)
            script[i + 1] = (answer){ 409, "{}", NULL, 0, 0 };
    }
    ptv_error err = { 0 };
    ptv_rest *r = begin(&by_key, script);
    assert_int_equal(log_in(r, &err), PTV_OK);
    assert_int_equal(ptv_rest_import(r, export_res, sizeof export_res - 1, &err), PTV_OK);
    assert_int_equal(run(r, &err), PTV_EHTTP);
    assert_non_null(strstr(err.msg, "HTTP 409"));
    assert_int_equal(ptv_rest_import(r, "no JSON", 7, &err), PTV_EINVAL);
    ptv_rest_free(r);
}

static void it_survives_every_failing_allocation(void **state)
{
    (void)state;
    for (unsigned long n = 1;; n++) {
        ptv_error err = { 0 };
        size_t live = ptv_mem_live();
        memset(&net, 0, sizeof net);
        net.script = good;
        ptv_mem_fail_at(n);
        ptv_rest *r = ptv_rest_new(&by_key, &transport);
        ptv_code rc = r ? log_in(r, &err) : PTV_ENOMEM;
        ptv_mem_fail_at(0);
        bool whole = !rc && ptv_rest_session_of(r)->queue && ptv_rest_session_of(r)->server_version;
        ptv_rest_free(r);
        assert_int_equal(ptv_mem_live(), live);
        if (whole)
            break;
        assert_int_equal(rc, PTV_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_logs_in_by_key),
        cmocka_unit_test(it_logs_in_by_email),
        cmocka_unit_test(it_chooses_the_organisation_by_each_of_its_names),
        cmocka_unit_test(it_says_what_failed_with_the_code_of_the_framework),
        cmocka_unit_test(it_wants_a_login),
        cmocka_unit_test(it_does_not_mind_a_missing_version_or_function),
        cmocka_unit_test(it_never_sends_a_header_that_the_answer_smuggled_in),
        cmocka_unit_test(it_begins_anew_while_something_is_under_way),
        cmocka_unit_test(it_imports_accepts_and_lets_our_key_read),
        cmocka_unit_test(it_gives_up_a_destination_that_always_conflicts),
        cmocka_unit_test(it_survives_every_failing_allocation),
    };
    return cmocka_run_group_tests_name("soar_rest", tests, NULL, NULL);
}
