/*
 * selftest.c: settings, rules, sources, TLS, key and quota, one line each. Only the account is asked, which is not paid for.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "client.h"

#include "base/file.h"
#include "base/text.h"

typedef struct probe {
    ptv_selftest_fn *line;
    void *to;
    const ptv_source_settings *settings;
    ptv_arena *mem;
    bool answered;
    bool failed; /* any line so far */
} probe;

static void say(probe *p, const char *what, bool passed, const char *message)
{
    p->failed |= !passed;
    p->line(p->to, what, passed, message);
}

static bool names_dead_host(const char *url)
{
    return strstr(url, "://api.passivetotal.org") || strstr(url, "://api.riskiq.net");
}

static void account_answered(void *tag, const ptv_response *response)
{
    probe *p = tag;
    ptv_error err = { 0 };
    char text[700];
    p->answered = true;
    if (response->code) {
        bool is_away = !ptv_text_starts(response->message, "TLS"); /* which has words of its own for what mends it */
        snprintf(text, sizeof text, "%s%s", response->message,
                 is_away ? "; check passivetotal_base_url and the proxy in [fn_passivetotal]" : "");
        say(p, "connection", false, text);
        return;
    }
    snprintf(text, sizeof text, "%s answered in %.0f ms (HTTP %d)", p->settings->base_url, response->elapsed_ms,
             response->status);
    say(p, "connection", true, text);

    ptv_artifact nobody = { .input = "", .value = "", .display = "" };
    ptv_record record;
    ptv_record_init(&record, &nobody);
    ptv_answer answer = { response->status,   response->body,  response->body_len,     response->content_type,
                          response->location, ptv_clock_utc(), response->retry_after_s };
    bool retry = false;
    ptv_code rc = ptv_passivetotal_read(&record, p->mem, p->settings, PTV_ACCOUNT, &answer, &retry, &err);
    if (rc) {
        snprintf(text, sizeof text, "%s%s", err.msg,
                 rc == PTV_EKEY ? "; check passivetotal_username and passivetotal_api_key in [fn_passivetotal]" : "");
        say(p, rc == PTV_EQUOTA ? "quota" : "key", false, text);
        return;
    }
    say(p, "key", true, "user and key are accepted");
    if (record.quota_exceeded == 1) {
        say(p, "quota", false, "the key's search quota is used up: lookups would be unknown until it is renewed");
    } else if (record.quota_left >= 0) {
        snprintf(text, sizeof text, "%lld searches left", (long long)record.quota_left);
        say(p, "quota", true, text);
    } else {
        say(p, "quota", true, "not used up; the source does not say how many searches are left");
    }
}

static ptv_code ask_account(probe *p, const ptv_config *config, ptv_error *err)
{
    ptv_http_options http;
    ptv_transport net = { 0 };
    ptv_request request;
    ptv_artifact nobody = { .input = "", .value = "", .display = "" };
    ptv_error why = { 0 };
    ptv_code rc = ptv_settings_http(&http, p->mem, config, &why);
    if (!rc)
        rc = ptv_http_new(&net, &http, &why);
    if (!rc)
        rc = ptv_passivetotal_request(&request, p->mem, p->settings, PTV_ACCOUNT, &nobody, &why);
    if (!rc)
        rc = net.start(net.self, &request, account_answered, p, &why);
    while (!rc && !p->answered)
        rc = net.poll(net.self, 1000, &why);
    if (rc == PTV_ENOMEM)
        *err = why;
    else if (rc)
        say(p, "connection", false, why.msg);
    if (net.free)
        net.free(net.self);
    return rc == PTV_ENOMEM ? rc : PTV_OK;
}

static ptv_code test_rules(probe *p, const ptv_config *config, const ptv_client_options *options, ptv_error *err)
{
    ptv_findings *findings = NULL;
    ptv_code rc = ptv_findings_new(&findings, err);
    if (rc)
        return rc;
    ptv_error why = { 0 };
    rc = ptv_check(findings, config, options, &why);
    char text[700];
    size_t warnings = ptv_findings_count(findings, PTV_WARNING); /* there are no errors when it loads */
    if (rc)
        snprintf(text, sizeof text, "%s", why.msg);
    else
        snprintf(text, sizeof text, "0 errors, %zu warning%s", warnings, warnings == 1 ? "" : "s");
    say(p, "rules", rc == PTV_OK, text);
    ptv_findings_free(findings);
    return PTV_OK;
}

ptv_code ptv_selftest(const ptv_config *config, const ptv_client_options *options, ptv_selftest_fn *line, void *to,
                      ptv_error *err)
{
    ptv_arena mem = PTV_ARENA(64 << 20);
    ptv_source_settings settings;
    probe p = { .line = line, .to = to, .settings = &settings, .mem = &mem };
    ptv_error why = { 0 };
    char text[600];
    const char *file = ptv_config_file(config);
    snprintf(text, sizeof text, "%s%.500s", ptv_is_file(file) ? "read from " : "", file);
    say(&p, "settings", true, text);
    ptv_code rc = test_rules(&p, config, options, err);
    if (rc)
        goto out;
    if (ptv_settings_sources(&settings, &mem, config, false, &why)) {
        say(&p, "sources", false, why.msg);
        goto out;
    }
    ptv_client_options bare = { .without_rules = true };
    ptv_client *client = NULL;
    if (ptv_client_new(&client, config, &bare, NULL, &why)) {
        say(&p, "sources", false, why.msg);
        goto out;
    }
    ptv_client_free(client);
    say(&p, "sources", true, "every configured source opens");
    if (!settings.user || !settings.key)
        goto out; /* archive or lists only: nothing to connect to */
    const char *verify = ptv_settings_verify(config);
    if (ptv_text_equal_fold(verify, "false"))
        say(&p, "tls", true, "certificates are NOT verified (verify = false): anybody on the way can read the key");
    if (names_dead_host(settings.base_url)) {
        snprintf(text, sizeof text,
                 "%.200s was switched off by its vendor and no longer answers: set passivetotal_base_url in "
                 "[fn_passivetotal] to the "
                 "service you use, or `archive`/`lists` in [ptverdict] for local data",
                 settings.base_url);
        say(&p, "base_url", false, text);
        goto out;
    }
    rc = ask_account(&p, config, err);
out:
    ptv_arena_release(&mem);
    if (rc)
        return rc;
    return p.failed ? ptv_fail(err, PTV_ESETTINGS, "self-test failed") : PTV_OK;
}
