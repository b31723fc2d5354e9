/*
 * test_passivetotal.c: every answer of the fixtures, of the two tables "answer → meaning", and what a request looks like.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "answers.h"
#include "base/mem.h"

#define FIXTURES "tests/fixtures/passivetotal/"

typedef struct test_room { /* one test's memory */
    ptv_arena mem;
    ptv_source_settings s;
    ptv_buf body;
    ptv_error err;
    bool retry;
} test_room;

static int open_room(void **state)
{
    static test_room r;
    r = (test_room){ .mem = PTV_ARENA(64 << 20), .s = plain_settings(), .body = PTV_BUF(32 << 20) };
    *state = &r;
    return 0;
}

static int close_room(void **state)
{
    test_room *r = *state;
    ptv_arena_release(&r->mem);
    ptv_buf_release(&r->body);
    return ptv_mem_live() == 0 ? 0 : -1;
}

static ptv_record *read_bytes(test_room *room, ptv_section section, int status, const char *artifact, const char *body,
                              size_t len)
{
    ptv_record *r = new_record(&room->mem, artifact);
    ptv_answer answer = { .status = status, .body = body, .body_len = len, .fetched_at = 7, .retry_after_s = -1 };
    ptv_code rc = ptv_passivetotal_read(r, &room->mem, &room->s, section, &answer, &room->retry, &room->err);
    assert_int_equal(rc == PTV_OK, r->sections[section].state == PTV_STATE_OK);
    assert_int_equal(r->sections[section].http, status);
    assert_int_equal(r->sections[section].fetched_at, 7);
    if (rc)
        assert_string_equal(r->sections[section].reason, room->err.msg);
    return r;
}

/* The answer told in a line. */
static const char *read_text(test_room *room, ptv_section section, int status, const char *body)
{
    return tell(&room->mem, read_bytes(room, section, status, "x.example.com", body, strlen(body)), section);
}

static const char *read_file(test_room *room, ptv_section section, int status, const char *artifact, const char *path)
{
    ptv_buf_clear(&room->body);
    if (ptv_file_read(&room->body, path, &room->err))
        fail_msg("%s: %s", path, room->err.msg);
    const char *bytes = room->body.data ? room->body.data : "";
    return tell(&room->mem, read_bytes(room, section, status, artifact, bytes, room->body.len), section);
}

typedef struct fixture {
    ptv_section section;
    int status;
    const char *file, *expected;
    bool retry;
} fixture;

static const fixture fixtures[] = {
    { PTV_ACCOUNT, 200, "account/synth-2016-no-quota-fields.json", "ok exceeded=-1 left=-1", false },
    { PTV_ACCOUNT, 200, "account/synth-full-ok.json", "ok exceeded=0 left=-1", false },
    { PTV_ACCOUNT, 200, "account/synth-quota-exceeded.json", "ok exceeded=1 left=-1", false },
    { PTV_ACCOUNT, 200, "account/synth-quota-null.json", "ok exceeded=-1 left=-1", false },
    { PTV_ACCOUNT, 200, "account_quota/synth-license-missing.json", "ok exceeded=0 left=12", false },
    { PTV_ACCOUNT, 200, "account_quota/synth-user-15-of-15.json", "ok exceeded=1 left=0", false },
    { PTV_ACCOUNT, 200, "account_quota/synth-user-over-limit.json", "ok exceeded=1 left=0", false },
    { PTV_TAGS, 200, "actions_tags/synth-empty.json", "ok []", false },
    { PTV_TAGS, 200, "actions_tags/synth-null.json", "ok []", false },
    { PTV_TAGS, 200, "actions_tags/synth-mixed-case-space.json", "ok [compromised|exploit kit|ransomware]", false },
    { PTV_TAGS, 200, "actions_tags/synth-many.json",
      "ok [tag-0000|tag-0001|tag-0002|tag-0003|tag-0004|tag-0005|tag-0006|tag-0007|tag-0008|tag-0009|tag-0010|tag-0011|…]",
      false },
    { PTV_TAGS, 200, "actions_tags/synth-non-strings.json", "failed outage: unexpected shape: \"tags\" item 2 is a number",
      false },
    { PTV_CLASSIFICATION, 200, "actions_classification/synth-empty-string.json", "ok unclassified", false },
    { PTV_CLASSIFICATION, 200, "actions_classification/synth-malicious.json", "ok malicious", false },
    { PTV_CLASSIFICATION, 200, "actions_classification/synth-missing-key.json",
      "failed outage: unexpected shape: no key \"classification\"", false },
    { PTV_CLASSIFICATION, 200, "actions_classification/synth-non-malicious.json", "ok non-malicious", false },
    { PTV_CLASSIFICATION, 200, "actions_classification/synth-non_malicious.json", "ok non-malicious", false },
    { PTV_CLASSIFICATION, 200, "actions_classification/synth-suspicious.json", "ok suspicious", false },
    { PTV_CLASSIFICATION, 200, "actions_classification/synth-unknown.json", "ok unknown", false },
    { PTV_CLASSIFICATION, 200, "actions_classification/synth-unlisted.json", "ok non-malicious", false },
    { PTV_CLASSIFICATION, 200, "actions_classification/synth-upper.json", "ok malicious", false },
    { PTV_PASSIVE_DNS, 200, "dns_passive/synth-2016-shape-pager.json",
      "ok count=1 total=2000 rows=1/1 truncated=1 first=2014-01-01T00:00:00Z last=2016-01-01T00:00:00Z", false },
    { PTV_PASSIVE_DNS, 200, "dns_passive/synth-bad-dates.json",
      "ok count=12 total=12 rows=12/12 truncated=0 first=1968-04-03T00:00:02Z last=2020-02-01T00:00:00Z ("
      "passive_dns.records[0].first_seen: no date: '0000-00-00 00:00:00'\n"
      "passive_dns.records[1].first_seen: no date: '2021-02-29 12:00:00'\n"
      "passive_dns.records[2].first_seen: no date: '2021-13-01 00:00:00'\n"
      "passive_dns.records[3].first_seen: no date: ''\npassive_dns.records[4].first_seen: no date: 'N/A')",
      false },
    { PTV_PASSIVE_DNS, 200, "dns_passive/synth-idn-punycode.json",
      "ok count=2 total=2 rows=2/2 truncated=0 first=2020-01-01T00:00:00Z last=2020-02-01T00:00:00Z", false },
    { PTV_PASSIVE_DNS, 200, "dns_passive/synth-ipv6.json",
      "ok count=2 total=2 rows=2/2 truncated=0 first=2020-01-01T00:00:00Z last=2020-02-01T00:00:00Z", false },
    { PTV_PASSIVE_DNS, 200, "dns_passive/synth-live-lookup-only.json",
      "ok count=0 total=2 rows=0/2 truncated=0 first=- last=-", false },
    { PTV_PASSIVE_DNS, 200, "dns_passive/synth-null-heavy.json",
      "ok count=0 total=3 rows=0/0 truncated=1 first=- last=- (passive_dns.records[0]: holds nothing: an object\n"
      "passive_dns.records[1]: holds nothing: null\npassive_dns.records[2]: holds nothing: an object)",
      false },
    { PTV_PASSIVE_DNS, 200, "dns_passive/synth-results-null.json", "ok count=0 total=-1 rows=0/0 truncated=0 first=- last=-",
      false },
    { PTV_PASSIVE_DNS, 200, "dns_passive/synth-total-larger-than-results.json",
      "ok count=1 total=50 rows=1/1 truncated=1 first=2020-01-01T00:00:00Z last=2020-02-01T00:00:00Z", false },
    { PTV_SUBDOMAINS, 200, "enrichment_subdomains/synth-failure.json", "failed outage: unexpected shape: success is false",
      false },
    { PTV_SUBDOMAINS, 200, "enrichment_subdomains/synth-null.json", "ok 0 []", false },
    { PTV_SUBDOMAINS, 200, "enrichment_subdomains/synth-many-5000.json",
      "ok 5000 [h0.example.com|h1.example.com|h10.example.com|h100.example.com|h1000.example.com|h1001.example.com|"
      "h1002.example.com|h1003.example.com|h1004.example.com|h1005.example.com|h1006.example.com|h1007.example.com|…]",
      false },
    { PTV_TAGS, 200, "errors/synth-200-quota-in-200.json", "failed quota: HTTP 200: quota used up: quota_exceeded", false },
    { PTV_TAGS, 400, "errors/synth-400-bad-request.json",
      "failed settings: HTTP 400: the API refused the query: query is not a valid domain or ip address", false },
    { PTV_TAGS, 401, "errors/synth-401-error-object.json", "failed key: HTTP 401: user or key refused: Invalid credentials",
      false },
    { PTV_TAGS, 401, "errors/synth-401-message.json", "failed key: HTTP 401: user or key refused: invalid credentials",
      false },
    { PTV_TAGS, 402, "errors/synth-402-permission.json",
      "failed key: HTTP 402: the key may not use this endpoint: This endpoint is not part of your license", false },
    { PTV_TAGS, 403, "errors/synth-403-forbidden.json",
      "failed key: HTTP 403: the key may not use this endpoint: access denied", false },
    { PTV_TAGS, 404, "errors/synth-404-azure-frontdoor.body", "failed settings: HTTP 404: not found", false },
    { PTV_TAGS, 404, "errors/synth-404-not-found.json", "failed settings: HTTP 404: not found: no results", false },
    { PTV_TAGS, 429, "errors/synth-429-quota-exceeded.json",
      "failed quota: HTTP 429: quota used up: quota_exceeded: quota exceeded for operation search_api", false },
    { PTV_TAGS, 429, "errors/synth-429-quota-has-been-exceeded.json",
      "failed quota: HTTP 429: quota used up: API quota has been exceeded", false },
    { PTV_TAGS, 500, "errors/synth-500-internal.json", "failed outage: HTTP 500: the API failed: Internal Server Error",
      true },
    { PTV_TAGS, 502, "errors/synth-502-nginx.body", "failed outage: HTTP 502: bad gateway", true },
    { PTV_TAGS, 503, "errors/synth-503-unavailable.json", "failed outage: HTTP 503: service unavailable", true },
    { PTV_TAGS, 504, "errors/synth-504-timeout.body", "failed outage: HTTP 504: gateway time-out", true },
    { PTV_TAGS, 200, "hostile/synth-array-root.json", "failed outage: unexpected shape: the answer is a list, not an object",
      false },
    { PTV_TAGS, 200, "hostile/synth-bom.json", "ok [compromised]", false },
    { PTV_TAGS, 200, "hostile/synth-control-chars.json", "ok [a\033[31mred|b\r\nset-cookie: x]", false },
    { PTV_SUBDOMAINS, 200, "hostile/synth-control-chars.json", "ok 1 [\u202egnp.exe.x.example.com]", false },
    { PTV_TAGS, 200, "hostile/synth-deep-nesting.json", "failed outage: JSON nests over 100 levels at byte 100", true },
    { PTV_TAGS, 200, "hostile/synth-empty.json", "failed outage: HTTP 200 with an empty body", true },
    { PTV_TAGS, 200, "hostile/synth-huge-numbers.json", "failed outage: unexpected shape: no key \"tags\"", false },
    { PTV_PASSIVE_DNS, 200, "hostile/synth-huge-numbers.json",
      "failed outage: unexpected shape: \"totalRecords\" is no count", false },
    { PTV_TAGS, 200, "hostile/synth-null-root.json", "failed outage: unexpected shape: the answer is null, not an object",
      false },
    { PTV_TAGS, 200, "hostile/synth-trailing-garbage.json", "failed outage: text after the JSON value at byte 25", true },
    { PTV_PASSIVE_DNS, 200, "hostile/synth-truncated.json", "failed outage: JSON ends at byte 87", true },
};

static void it_reads_every_fixture_as_the_tables_say(void **state)
{
    test_room *room = *state;
    for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++) {
        const fixture *f = &fixtures[i];
        char path[256];
        snprintf(path, sizeof path, FIXTURES "%s", f->file);
        const char *told = read_file(room, f->section, f->status, "x.example.com", path);
        if (strcmp(told, f->expected) != 0 || room->retry != f->retry)
            fail_msg("%s:\n  %s (retry %d)\nis not\n  %s", f->file, told, room->retry, f->expected);
    }
}

/* No field is readable in a section that failed, whatever was there before. */
static void it_reads_every_file_as_every_section_without_an_answer_from_nothing(void **state)
{
    test_room *room = *state;
    static const int statuses[] = { 200, 204, 301, 401, 404, 429, 503 };
    for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++) {
        char path[256];
        snprintf(path, sizeof path, FIXTURES "%s", fixtures[i].file);
        for (int section = 0; section < PTV_SECTION_COUNT; section++) {
            for (size_t k = 0; k < sizeof statuses / sizeof *statuses; k++) {
                read_file(room, (ptv_section)section, statuses[k], "x.example.com", path);
                if (statuses[k] != 200)
                    assert_true(room->err.code != PTV_OK);
            }
            ptv_arena_reset(&room->mem);
        }
    }
}

typedef struct spoken {
    ptv_section section;
    int status;
    const char *body, *expected;
} spoken;

static const spoken answers[] = {
    /* the key of the section must be there, and be of a plausible type */
    { PTV_TAGS, 200, "{}", "failed outage: unexpected shape: no key \"tags\"" },
    { PTV_ACCOUNT, 200, "{}", "failed outage: unexpected shape: neither \"username\" nor \"searchApiQuotaExceeded\"" },
    { PTV_CLASSIFICATION, 200, "{}", "failed outage: unexpected shape: no key \"classification\"" },
    { PTV_PASSIVE_DNS, 200, "{}", "failed outage: unexpected shape: no key \"results\"" },
    { PTV_SUBDOMAINS, 200, "{}", "failed outage: unexpected shape: no key \"subdomains\"" },
    { PTV_PASSIVE_DNS, 200, "{\"totalRecords\":5}", "failed outage: unexpected shape: no key \"results\"" },
    { PTV_TAGS, 200, "{\"tags\":7}", "failed outage: unexpected shape: \"tags\" is a number" },
    { PTV_TAGS, 200, "{\"tags\":{}}", "failed outage: unexpected shape: \"tags\" is an object" },
    { PTV_TAGS, 200, "{\"tags\":false}", "failed outage: unexpected shape: \"tags\" is a boolean" },
    { PTV_TAGS, 200, "{\"tags\":[{\"name\":\"ransomware\"}]}",
      "failed outage: unexpected shape: \"tags\" item 1 is an object" },
    /* nor may a part of it be of another: what it would have said nobody knows */
    { PTV_TAGS, 200, "{\"tags\":[\"x\",{\"tag\":\"y\"}]}", "failed outage: unexpected shape: \"tags\" item 2 is an object" },
    { PTV_TAGS, 200, "{\"tags\":[],\"tags\":[\"compromised\"]}",
      "failed outage: unexpected shape: \"tags\" is there twice" },
    { PTV_TAGS, 200, "{\"tags\":[null,\"x\"]}", "ok [x] (tags[0]: no text: null)" },
    { PTV_SUBDOMAINS, 200, "{\"subdomains\":[\"www\",7]}",
      "failed outage: unexpected shape: \"subdomains\" item 2 is a number" },
    { PTV_PASSIVE_DNS, 200, "{\"results\":[{\"resolve\":\"a\"},{\"resolve\":5}]}",
      "failed outage: \"results\" item 2: unexpected shape: \"resolve\" is a number" },
    { PTV_PASSIVE_DNS, 200, "{\"results\":[{\"recordType\":[\"A\"]}]}",
      "failed outage: \"results\" item 1: unexpected shape: \"recordType\" is a list" },
    { PTV_PASSIVE_DNS, 200, "{\"results\":[{\"resolve\":\"a\",\"source\":9}]}",
      "failed outage: \"results\" item 1: unexpected shape: \"source\" is a number" },
    { PTV_PASSIVE_DNS, 200, "{\"results\":[{\"resolve\":\"a\",\"source\":[\"pingly\",{}]}]}",
      "failed outage: \"results\" item 1: unexpected shape: \"source\" item 2 is an object" },
    { PTV_CLASSIFICATION, 200, "{\"classification\":[]}", "failed outage: unexpected shape: \"classification\" is a list" },
    { PTV_SUBDOMAINS, 200, "{\"subdomains\":\"www\"}", "failed outage: unexpected shape: \"subdomains\" is a text" },
    { PTV_SUBDOMAINS, 200, "{\"subdomains\":[1,2]}", "failed outage: unexpected shape: \"subdomains\" item 1 is a number" },
    { PTV_PASSIVE_DNS, 200, "{\"results\":{}}", "failed outage: unexpected shape: \"results\" is an object" },
    { PTV_PASSIVE_DNS, 200, "{\"results\":[{},3]}", "failed outage: unexpected shape: \"results\" item 2 is a number" },
    { PTV_TAGS, 200, "{\"success\":false,\"tags\":[]}", "failed outage: unexpected shape: success is false" },
    { PTV_TAGS, 200, "{\"success\":0,\"tags\":[]}", "failed outage: unexpected shape: success is a number" },
    { PTV_TAGS, 200, "{\"success\":\"false\",\"tags\":[]}", "failed outage: unexpected shape: success is a text" },
    { PTV_TAGS, 200, "{\"success\":null,\"tags\":[]}", "failed outage: unexpected shape: success is null" },
    { PTV_TAGS, 200, "{\"error\":true,\"tags\":[]}", "failed outage: unexpected shape: the answer holds an error" },
    { PTV_TAGS, 200, "{\"error\":[\"no\"],\"tags\":[]}", "failed outage: unexpected shape: the answer holds an error" },
    { PTV_TAGS, 200, "{\"error\":false,\"tags\":[]}", "ok []" },
    { PTV_TAGS, 200, "{\"success\":false,\"message\":\"bad day\",\"tags\":[]}",
      "failed outage: unexpected shape: success is false: bad day" },
    { PTV_TAGS, 200, "{\"message\":\"no such user\"}", "failed outage: unexpected shape: no key \"tags\": no such user" },
    { PTV_TAGS, 200, "{\"error\":{\"message\":\"x\"},\"tags\":[]}",
      "failed outage: unexpected shape: the answer holds an error: x" },
    { PTV_TAGS, 200, "{\"error\":null,\"success\":true,\"message\":\"\",\"tags\":[\"a\"]}", "ok [a]" },
    /* tags as text */
    { PTV_TAGS, 200, "{\"tags\":\"\"}", "ok []" },
    { PTV_TAGS, 200, "{\"tags\":\" Ransomware , c2,,\"}", "ok [c2|ransomware]" },
    { PTV_TAGS, 200, "{\"tags\":[\"one, two\",\"  \"]}", "ok [one, two]" },
    { PTV_CLASSIFICATION, 200, "{\"classification\":\"very\\nbad\"}",
      "failed outage: unexpected shape: \"classification\" is 'very\\x0abad', which is not one of the words known" },
    /* counts and dates */
    { PTV_PASSIVE_DNS, 200, "{\"totalRecords\":\"12\",\"results\":[]}",
      "ok count=0 total=12 rows=0/0 truncated=1 first=- last=-" },
    { PTV_PASSIVE_DNS, 200, "{\"totalRecords\":-1,\"results\":[]}",
      "failed outage: unexpected shape: \"totalRecords\" is no count" },
    { PTV_PASSIVE_DNS, 200, "{\"totalRecords\":\"many\",\"results\":[]}",
      "failed outage: unexpected shape: \"totalRecords\" is no count" },
    { PTV_PASSIVE_DNS, 200, "{\"totalRecords\":null,\"results\":[]}",
      "ok count=0 total=-1 rows=0/0 truncated=0 first=- last=-" },
    { PTV_PASSIVE_DNS, 200, "{\"totalRecords\":1e400,\"results\":[]}",
      "failed outage: unexpected shape: \"totalRecords\" is no count" },
    { PTV_PASSIVE_DNS, 200, "{\"totalRecords\":2,\"firstSeen\":\"2020-01-01\",\"lastSeen\":1580515200000,\"results\":[]}",
      "ok count=0 total=2 rows=0/0 truncated=1 first=2020-01-01T00:00:00Z last=2020-02-01T00:00:00Z" },
    { PTV_PASSIVE_DNS, 200, "{\"totalRecords\":0,\"firstSeen\":\"2020-01-01\",\"lastSeen\":true,\"results\":[]}",
      "ok count=0 total=0 rows=0/0 truncated=0 first=- last=- (passive_dns.last_seen: no date: a boolean)" },
    { PTV_PASSIVE_DNS, 200,
      "{\"results\":[{\"resolve\":\"192.0.2.1\",\"source\":\"pingly\"},{\"resolve\":\"a\",\"source\":[]},"
      "{\"resolve\":\"b\",\"source\":null}]}",
      "ok count=2 total=-1 rows=2/3 truncated=0 first=- last=-" },
    /* subdomains */
    { PTV_SUBDOMAINS, 200,
      "{\"primaryDomain\":\"Example.com\",\"subdomains\":[\"www\",\"a.example.com.\",\"example.com\",\"\"]}",
      "ok 4 [a.example.com|example.com|www.example.com]" },
    { PTV_SUBDOMAINS, 200, "{\"primaryDomain\":null,\"queryValue\":\"*.example.org\",\"subdomains\":[\"n1\",null]}",
      "ok 1 [n1.example.org] (subdomains[1]: no text: null)" },
    /* account */
    { PTV_ACCOUNT, 200, "{\"searchApiQuotaExceeded\":\"True\",\"searchApiQuota\":15,\"searchApiUsed\":\"20\"}",
      "ok exceeded=1 left=0" },
    { PTV_ACCOUNT, 200, "{\"username\":\"a\",\"searchApiQuotaExceeded\":5}",
      "failed outage: unexpected shape: \"searchApiQuotaExceeded\" is neither yes nor no" },
    { PTV_ACCOUNT, 200, "{\"username\":\"a\",\"searchApiQuota\":\"plenty\"}",
      "failed outage: unexpected shape: \"searchApiQuota\" is no count" },
    { PTV_ACCOUNT, 200, "{\"user\":{\"limits\":{\"search_api\":{}}}}",
      "failed outage: unexpected shape: \"search_api\" is no count" },
    /* statuses and who speaks */
    { PTV_TAGS, 204, "", "failed outage: HTTP 204: no content" },
    { PTV_TAGS, 206, "{\"tags\":[]}", "failed outage: HTTP 206: not the whole answer" },
    { PTV_TAGS, 302, "<html>", "failed settings: HTTP 302: redirect, not followed" },
    { PTV_TAGS, 407, "", "failed settings: HTTP 407: the proxy wants a login" },
    { PTV_TAGS, 418, "short and stout", "failed settings: HTTP 418: an unexpected status: short and stout" },
    { PTV_TAGS, 408, "", "failed outage: HTTP 408: request time-out" },
    { PTV_TAGS, 501, "", "failed settings: HTTP 501: not implemented there" },
    { PTV_TAGS, 521, "", "failed outage: HTTP 521: the API failed" },
    { PTV_TAGS, 500, "{\"error\":\"boom\"}", "failed outage: HTTP 500: the API failed: boom" },
    { PTV_TAGS, 500, "{\"tags\":[", "failed outage: HTTP 500: the API failed" },
    { PTV_TAGS, 200, "  <!DOCTYPE html><title>Log in</title>", "failed outage: HTML instead of JSON" },
    { PTV_TAGS, 200, "\xEF\xBB\xBF", "failed outage: HTTP 200 with an empty body" },
    { PTV_TAGS, 200, "tags: none", "failed outage: bad JSON at byte 0" },
    { PTV_TAGS, 200, "{\"tags\":[\"a\xff\"]}", "failed outage: JSON is not UTF-8 at byte 11" },
    /* quota in any body */
    { PTV_TAGS, 200, "{\"message\":\"Quota limit reached\",\"tags\":[]}",
      "failed quota: HTTP 200: quota used up: Quota limit reached" },
    { PTV_TAGS, 403, "{\"error\":{\"developer_message\":\"quota_exceeded\"}}",
      "failed quota: HTTP 403: quota used up: quota_exceeded" },
    { PTV_TAGS, 200, "<html>Your quota is exhausted</html>", "failed quota: HTTP 200: quota used up" },
    { PTV_TAGS, 200, "\"quota exceeded\"", "failed quota: HTTP 200: quota used up: quota exceeded" },
    { PTV_ACCOUNT, 200, "{\"searchApiQuotaExceeded\":true,", "failed outage: JSON ends at byte 31" },
    { PTV_TAGS, 200, "{\"tags\":[\"quota_exceeded\"]}", "ok [quota_exceeded]" },
};

static void it_gives_each_answer_its_meaning(void **state)
{
    test_room *room = *state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const char *told = read_text(room, answers[i].section, answers[i].status, answers[i].body);
        if (strcmp(told, answers[i].expected) != 0)
            fail_msg("%s:\n  %s\nis not\n  %s", answers[i].body, told, answers[i].expected);
    }
}

static void it_names_only_the_host_of_a_redirect(void **state)
{
    test_room *room = *state;
    ptv_record *r = new_record(&room->mem, "x.example.com");
    ptv_answer answer = {
        .status = 302, .body = "", .location = "https://u:p@sso.corp.example:8443/login?token=1", .fetched_at = 7
    };
    assert_int_equal(ptv_passivetotal_read(r, &room->mem, &room->s, PTV_TAGS, &answer, &room->retry, &room->err), PTV_EHTTP);
    assert_string_equal(r->sections[PTV_TAGS].reason, "HTTP 302: redirect to sso.corp.example:8443, not followed");
}

static void it_takes_404_for_none_only_by_setting_and_with_words(void **state)
{
    test_room *room = *state;
    room->s.not_found_is_empty = true;
    assert_string_equal(read_text(room, PTV_TAGS, 404, "{\"message\":\"No results found.\"}"), "ok []");
    assert_string_equal(read_text(room, PTV_CLASSIFICATION, 404, "{\"message\":\"no results\"}"), "ok unclassified");
    assert_string_equal(read_text(room, PTV_PASSIVE_DNS, 404, "{\"message\":\"no results\"}"),
                        "ok count=0 total=0 rows=0/0 truncated=0 first=- last=-");
    assert_string_equal(read_text(room, PTV_SUBDOMAINS, 404, "{\"message\":\"no results\"}"), "ok 0 []");
    assert_string_equal(read_text(room, PTV_ACCOUNT, 404, "{\"message\":\"no results\"}"),
                        "failed settings: account cannot be empty");
    assert_string_equal(read_text(room, PTV_TAGS, 404, "{\"message\":\"Not Found\"}"),
                        "failed settings: HTTP 404: not found");
    assert_string_equal(read_text(room, PTV_TAGS, 404, "no results"), "failed settings: HTTP 404: not found: no results");
    assert_string_equal(read_text(room, PTV_TAGS, 404, "{}"), "failed settings: HTTP 404: not found");
}

static void it_shows_neither_key_nor_user_nor_a_long_or_wild_message(void **state)
{
    test_room *room = *state;
    assert_string_equal(read_text(room, PTV_TAGS, 401, "{\"message\":\"ana@example.test:0123secret is wrong\\u001b[31m\"}"),
                        "failed key: HTTP 401: user or key refused: ***:*** is wrong\\x1b[31m");
    /* As the header carries both: ana@example.test:0123secret */
    assert_string_equal(read_text(room, PTV_TAGS, 400, "{\"message\":\"bad Basic YW5hQGV4YW1wbGUudGVzdDowMTIzc2VjcmV0\"}"),
                        "failed settings: HTTP 400: the API refused the query: bad Basic ***");
    assert_string_equal(read_text(room, PTV_CLASSIFICATION, 200, "{\"classification\":\"0123secret\"}"),
                        "failed outage: unexpected shape: \"classification\" is '***', which is not one of the words known");
    room->s.keep_answers = true;
    const char *kept = "{\"message\":\"0123secret\"}";
    assert_string_equal(read_bytes(room, PTV_TAGS, 401, "a.example", kept, strlen(kept))->sections[PTV_TAGS].raw,
                        "{\"message\":\"***\"}");
    room->s.keep_answers = false;
    room->s.key = "k/+";
    assert_string_equal(read_text(room, PTV_TAGS, 400, "{\"message\":\"/x?key=k%2F%2B&a=k/+\"}"),
                        "failed settings: HTTP 400: the API refused the query: /x?key=***&a=***");
    room->s.key = "0123secret";
    char body[2000];
    memset(body, 'x', sizeof body);
    snprintf(body + 1000, 20, "%s", "end");
    const char *told = read_text(room, PTV_TAGS, 500, body);
    assert_true(strlen(told) < 190);
    assert_non_null(strstr(told, "xxx…"));
}

static void it_keeps_dns_rows_as_rules_want_them(void **state)
{
    test_room *room = *state;
    const char *body =
        "{\"firstSeen\":\"2020-01-01 00:00:00\",\"lastSeen\":7,\"results\":["
        "{\"value\":\"2001:0DB8:0:0::1\",\"recordType\":\"aaaa\",\"resolve\":\"v6.example.com.\",\"source\":[\"RiskIQ\","
        "\"pingly\"],"
        "\"firstSeen\":\"2020-01-01 00:00:00\",\"collected\":\"2020-03-01 00:00:00\"},"
        "{\"value\":\"2001:0DB8:0:0::1\",\"recordType\":\"aaaa\",\"resolve\":\"Mail@example.com\",\"source\":null},"
        "{\"value\":\"x\",\"resolve\":\"192.0.2.0/24\",\"source\":[\"RiskIQ\",\"pingly\"]}]}";
    room->s.timezone_offset_s = 3600;
    ptv_record *r = read_bytes(room, PTV_PASSIVE_DNS, 200, "2001:db8::1", body, strlen(body));
    assert_int_equal(r->all_records.count, 3);
    const ptv_dns *first = r->all_records.rows[0], *second = r->all_records.rows[1], *third = r->all_records.rows[2];
    assert_string_equal(first->value, "2001:db8::1");
    assert_string_equal(first->type, "AAAA");
    assert_string_equal(first->resolve, "v6.example.com");
    assert_int_equal(first->first_seen, 1577833200); /* an hour earlier than in UTC */
    assert_int_equal(first->last_seen, PTV_NO_TIME);
    assert_string_equal(first->sources.items[0], "pingly");
    assert_string_equal(first->sources.shown[0], "RiskIQ");
    assert_false(first->live);
    assert_ptr_equal(second->value, first->value); /* neighbours share what is equal */
    assert_string_equal(second->resolve, "Mail@example.com");
    assert_null(second->sources.items);
    assert_null(third->type);
    assert_ptr_equal(third->sources.items, first->sources.items);
    assert_string_equal(r->first_seen_text, "2020-01-01 00:00:00");
    assert_string_equal(r->last_seen_text, "7");
}

static void it_knows_a_live_look_up_by_all_its_sources(void **state)
{
    test_room *room = *state;
    static const char *live[] = { "pingly", "mine" };
    room->s.live_sources = live;
    room->s.live_source_count = 2;
    assert_string_equal(
        read_text(room, PTV_PASSIVE_DNS, 200,
                  "{\"results\":[{\"resolve\":\"a\",\"source\":[\"Pingly\",\"mine\"],\"firstSeen\":\"2023-01-01\"},"
                  "{\"resolve\":\"b\",\"source\":[\"pingly\",\"riskiq\"],\"firstSeen\":\"2022-01-01\"}]}"),
        "ok count=1 total=-1 rows=1/2 truncated=0 first=2022-01-01T00:00:00Z last=-");
    room->s.live_source_count = 0;
    assert_string_equal(read_text(room, PTV_PASSIVE_DNS, 200, "{\"results\":[{\"resolve\":\"a\",\"source\":[\"pingly\"]}]}"),
                        "ok count=1 total=-1 rows=1/1 truncated=0 first=- last=-");
}

static void it_takes_the_null_off_an_address_as_primary_domain(void **state)
{
    test_room *room = *state;
    const char *body = "{\"primaryDomain\":\"192.0.2.37.null\",\"subdomains\":[\"www\"],\"success\":true}";
    ptv_record *r = read_bytes(room, PTV_SUBDOMAINS, 200, "192.0.2.37", body, strlen(body));
    assert_string_equal(tell(&room->mem, r, PTV_SUBDOMAINS), "ok 1 [www.192.0.2.37]");
}

static void it_keeps_the_first_ten_labels_as_sent(void **state)
{
    test_room *room = *state;
    const char *body = "{\"subdomains\":[\"L\",\"k\",\"j\",\"i\",\"h\",\"g\",\"f\",\"e\",\"d\",\"c\",\"b\",\"a\"]}";
    ptv_record *r = read_bytes(room, PTV_SUBDOMAINS, 200, "example.com", body, strlen(body));
    assert_int_equal(r->subdomain_count, 12);
    assert_int_equal(r->subdomain_first_ten.shown_count, 10);
    assert_string_equal(r->subdomain_first_ten.shown[0], "L");
    assert_string_equal(r->subdomain_names.items[0], "a.example.com");
}

static void it_keeps_the_newest_of_more_than_ten_thousand_records(void **state)
{
    test_room *room = *state;
    ptv_buf body = PTV_BUF(8 << 20);
    ptv_buf_puts(&body, "{\"totalRecords\":10002,\"results\":[");
    for (int i = 0; i < 10002; i++)
        ptv_buf_printf(&body, "%s{\"resolve\":\"h%d\",\"firstSeen\":%d,\"lastSeen\":%d,\"source\":[\"riskiq\"]}",
                       i ? "," : "", i, 1000000 + i, 2000000 + i);
    ptv_buf_puts(&body, "]}");
    ptv_record *r = read_bytes(room, PTV_PASSIVE_DNS, 200, "example.com", body.data, body.len);
    ptv_buf_release(&body);
    assert_int_equal(r->all_records.count, 10000);
    assert_int_equal(r->pdns_count, 10002);
    assert_int_equal(r->truncated, 1);
    assert_string_equal(r->all_records.rows[0]->resolve, "h2");
    assert_int_equal(r->first_seen, 1000000);
}

static void it_stops_warning_after_twenty(void **state)
{
    test_room *room = *state;
    ptv_buf body = PTV_BUF(1 << 20);
    ptv_buf_puts(&body, "{\"tags\":[\"a\"");
    for (int i = 0; i < 100; i++)
        ptv_buf_puts(&body, ",null");
    ptv_buf_puts(&body, "]}");
    ptv_record *r = read_bytes(room, PTV_TAGS, 200, "example.com", body.data, body.len);
    ptv_buf_release(&body);
    assert_non_null(strstr(r->sections[PTV_TAGS].warnings, "tags[20]: no text: null\nand 80 more"));
}

static void it_forgets_an_earlier_answer_when_the_next_one_fails(void **state)
{
    test_room *room = *state;
    const char *earlier = "{\"tags\":[\"a\",null]}";
    ptv_record *r = read_bytes(room, PTV_TAGS, 200, "example.com", earlier, strlen(earlier));
    assert_non_null(r->sections[PTV_TAGS].warnings);
    ptv_answer answer = { .status = 503, .body = "", .fetched_at = 8, .retry_after_s = 120 };
    assert_int_equal(ptv_passivetotal_read(r, &room->mem, &room->s, PTV_TAGS, &answer, &room->retry, &room->err), PTV_EHTTP);
    assert_null(r->tags.items);
    assert_null(r->sections[PTV_TAGS].warnings);
    assert_int_equal(r->sections[PTV_TAGS].retry_after_s, 120);
    assert_int_equal(r->fetched_at, 8);
}

static void it_keeps_raw_answers_when_asked(void **state)
{
    test_room *room = *state;
    room->s.keep_answers = true;
    ptv_record *r = read_bytes(room, PTV_TAGS, 200, "example.com", "{\"tags\":null}", 13);
    assert_string_equal(r->sections[PTV_TAGS].raw, "{\"tags\":null}");
    r = read_bytes(room, PTV_TAGS, 504, "example.com", "", 0);
    assert_string_equal(r->sections[PTV_TAGS].raw, "");
    room->s.keep_answers = false;
    r = read_bytes(room, PTV_TAGS, 200, "example.com", "{\"tags\":null}", 13);
    assert_null(r->sections[PTV_TAGS].raw);
}

static void it_fails_the_section_when_the_arena_is_full(void **state)
{
    test_room *room = *state;
    ptv_buf_clear(&room->body);
    assert_int_equal(ptv_file_read(&room->body, FIXTURES "enrichment_subdomains/synth-many-5000.json", &room->err), PTV_OK);
    room->mem.limit_bytes = 64 << 10;
    ptv_record *r = read_bytes(room, PTV_SUBDOMAINS, 200, "example.com", room->body.data, room->body.len);
    assert_int_equal(room->err.code, PTV_ETOOBIG);
    assert_int_equal(r->sections[PTV_SUBDOMAINS].state, PTV_STATE_FAILED);
    assert_int_equal(r->subdomain_count, -1);
}

/* ------------------------------------------------------------------------------------------ request */

static ptv_request request_for(test_room *room, ptv_section section, const char *artifact)
{
    ptv_request request = { .method = NULL };
    ptv_record *r = new_record(&room->mem, artifact);
    assert_non_null(r);
    assert_int_equal(ptv_passivetotal_request(&request, &room->mem, &room->s, section, r->subject, &room->err), PTV_OK);
    return request;
}

static void it_asks_by_query_string(void **state)
{
    test_room *room = *state;
    room->s.base_url = "https://api.test/";
    ptv_request request = request_for(room, PTV_TAGS, "evil.example");
    assert_string_equal(request.method, "GET");
    assert_string_equal(request.url, "https://api.test/v2/actions/tags?query=evil.example");
    assert_string_equal(request.user, "ana@example.test");
    assert_string_equal(request.secret, "0123secret");
    assert_null(request.body);
    assert_int_equal(request.timeout_ms, 30000);
    assert_string_equal(request_for(room, PTV_PASSIVE_DNS, "2001:db8::1").url,
                        "https://api.test/v2/dns/passive?query=2001%3Adb8%3A%3A1");
    assert_string_equal(request_for(room, PTV_ACCOUNT, "evil.example").url, "https://api.test/v2/account");
}

static void it_asks_by_the_paths_of_the_settings(void **state)
{
    test_room *room = *state;
    room->s.path[PTV_SUBDOMAINS] = "mirror/subdomains?fresh=1";
    assert_string_equal(request_for(room, PTV_SUBDOMAINS, "evil.example").url,
                        "https://api.test/mirror/subdomains?fresh=1&query=evil.example");
}

static void it_asks_by_body_where_the_setting_says_so(void **state)
{
    test_room *room = *state;
    room->s.query_in_body = true;
    ptv_request request = request_for(room, PTV_CLASSIFICATION, "evil.example");
    assert_string_equal(request.url, "https://api.test/v2/actions/classification");
    assert_string_equal(request.body, "{\"query\":\"evil.example\"}");
    assert_int_equal(request.body_len, 24);
    assert_string_equal(request.content_type, "application/json");
    assert_null(request_for(room, PTV_ACCOUNT, "evil.example").body);
}

static void it_knows_endpoints_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < PTV_SECTION_COUNT; i++) {
        ptv_section section;
        assert_true(ptv_passivetotal_section_of(&section, ptv_passivetotal_endpoint((ptv_section)i)));
        assert_int_equal(section, i);
    }
    ptv_section section;
    assert_false(ptv_passivetotal_section_of(&section, "/v2/whois"));
    assert_false(ptv_passivetotal_section_of(&section, ""));
}

/* ------------------------------------------------------------------------------- real answers, memory */

static void it_reads_real_answers(void **state)
{
    static const struct {
        ptv_section section;
        const char *artifact, *file, *expected;
    } real[] = {
        { PTV_TAGS, "45.146.165.37", "actions_tags/fnpt-ip-two-tags.json", "ok [compromised|ransomeware]" },
        { PTV_CLASSIFICATION, "45.146.165.37", "actions_classification/fnpt-ip-null.json", "ok unclassified" },
        { PTV_PASSIVE_DNS, "45.146.165.37", "dns_passive/fnpt-ip-zero.json",
          "ok count=0 total=0 rows=0/0 truncated=0 first=- last=-" },
        { PTV_SUBDOMAINS, "45.146.165.37", "enrichment_subdomains/fnpt-ip-primarydomain-null-suffix.json", "ok 0 []" },
        { PTV_SUBDOMAINS, "blacklanternsecurity.com", "enrichment_subdomains/bbot-minimal.json",
          "ok 1 [asdf.blacklanternsecurity.com]" },
        { PTV_ACCOUNT, "example.com", "account/pyapi-account.json", "ok exceeded=-1 left=-1" },
        { PTV_ACCOUNT, "example.com", "account_quota/pyapi-account-quota.json", "ok exceeded=0 left=766" },
        { PTV_PASSIVE_DNS, "passivetotal.org", "dns_passive/pyapi-dns-passive.json",
          "ok count=2 total=9 rows=2/2 truncated=1 first=1968-04-03T00:00:02Z last=1968-04-03T18:00:01Z" },
        { PTV_PASSIVE_DNS, "passivetotal.org", "dns_passive/ptx-query-passivetotal.org-timeout-7.json",
          "ok count=58 total=62 rows=58/62 truncated=0 first=2014-04-15T19:12:09Z last=2019-10-05T21:51:41Z" },
        { PTV_PASSIVE_DNS, "www.furth.com.ar", "dns_passive/xsoar-readme-furth.json",
          "ok count=3 total=5 rows=3/5 truncated=0 first=2010-12-15T09:10:10Z last=2020-06-17T05:26:33Z" },
        { PTV_PASSIVE_DNS, "192.0.2.53", "dns_passive/synth-large-2000.json",
          "ok count=2000 total=2000 rows=2000/2000 truncated=0 first=2010-01-02T10:37:46Z last=2023-09-28T12:00:00Z" },
    };
    test_room *room = *state;
    if (!ptv_is_dir(shared_data())) {
        print_message("[  SKIPPED ] real answers: no folder %s (PTV_SHARED_DATA)\n", shared_data());
        skip();
    }
    for (size_t i = 0; i < sizeof real / sizeof *real; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", shared_data(), real[i].file);
        assert_string_equal(read_file(room, real[i].section, 200, real[i].artifact, path), real[i].expected);
    }
}

static ptv_code read_once(const fixture *f, const char *body, size_t len)
{
    ptv_arena mem = PTV_ARENA(16 << 20);
    ptv_source_settings s = plain_settings();
    ptv_error err = { .code = PTV_OK };
    bool retry;
    s.keep_answers = true;
    ptv_record *r = new_record(&mem, "x.example.com");
    ptv_code rc = PTV_ENOMEM;
    if (r) {
        ptv_answer answer = { .status = f->status, .body = body, .body_len = len, .retry_after_s = -1 };
        rc = ptv_passivetotal_read(r, &mem, &s, f->section, &answer, &retry, &err);
        assert_int_equal(rc == PTV_OK, r->sections[f->section].state == PTV_STATE_OK);
    }
    ptv_arena_release(&mem);
    return rc;
}

static void it_survives_every_allocation_failing_once(void **state)
{
    static const char *const files[] = {
        "dns_passive/synth-bad-dates.json",         "actions_tags/synth-non-strings.json",
        "enrichment_subdomains/synth-null.json",    "errors/synth-401-error-object.json",
        "account_quota/synth-user-over-limit.json", "actions_classification/synth-upper.json"
    };
    test_room *room = *state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const fixture *f = fixtures;
        while (strcmp(f->file, files[i]) != 0)
            f++;
        char path[256];
        snprintf(path, sizeof path, FIXTURES "%s", f->file);
        ptv_buf_clear(&room->body);
        assert_int_equal(ptv_file_read(&room->body, path, &room->err), PTV_OK);
        size_t live = ptv_mem_live();
        ptv_code whole = read_once(f, room->body.data, room->body.len);
        unsigned long before = ptv_mem_count();
        read_once(f, room->body.data, room->body.len);
        unsigned long count = ptv_mem_count() - before;
        for (unsigned long n = 1; n <= count; n++) {
            ptv_mem_fail_at(n);
            ptv_code rc = read_once(f, room->body.data, room->body.len);
            ptv_mem_fail_at(0);
            assert_true(rc == PTV_ENOMEM || rc == whole);
            assert_int_equal(ptv_mem_live(), live);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_room, close_room)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_reads_every_fixture_as_the_tables_say),
        TEST(it_reads_every_file_as_every_section_without_an_answer_from_nothing),
        TEST(it_gives_each_answer_its_meaning),
        TEST(it_names_only_the_host_of_a_redirect),
        TEST(it_takes_404_for_none_only_by_setting_and_with_words),
        TEST(it_shows_neither_key_nor_user_nor_a_long_or_wild_message),
        TEST(it_keeps_dns_rows_as_rules_want_them),
        TEST(it_knows_a_live_look_up_by_all_its_sources),
        TEST(it_takes_the_null_off_an_address_as_primary_domain),
        TEST(it_keeps_the_first_ten_labels_as_sent),
        TEST(it_keeps_the_newest_of_more_than_ten_thousand_records),
        TEST(it_stops_warning_after_twenty),
        TEST(it_forgets_an_earlier_answer_when_the_next_one_fails),
        TEST(it_keeps_raw_answers_when_asked),
        TEST(it_fails_the_section_when_the_arena_is_full),
        TEST(it_asks_by_query_string),
        TEST(it_asks_by_the_paths_of_the_settings),
        TEST(it_asks_by_body_where_the_setting_says_so),
        TEST(it_knows_endpoints_by_name),
        TEST(it_reads_real_answers),
        TEST(it_survives_every_allocation_failing_once),
    };
    return cmocka_run_group_tests_name("passivetotal", tests, NULL, NULL);
}
