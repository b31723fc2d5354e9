/*
 * report_fixture.h: decisions built by hand for the tests of report/. Nothing here is fetched or judged.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef REPORT_FIXTURE_H
#define REPORT_FIXTURE_H
#include "base/mem.h"
#include "report/report.h"

#include <string.h>

#define T0 INT64_C(1777593600) /* 2026-05-01T00:00:00Z */

static const char raw_dns[] =
    "{\"pager\":null,\"queryValue\":\"evil.example\",\"queryType\":\"domain\",\"firstSeen\":\"2020-01-01 00:00:00\","
    "\"lastSeen\":\"2024-01-01 "
    "00:00:00\",\"totalRecords\":2,\"results\":[{\"resolve\":\"192.0.2.1\",\"value\":\"evil.example\"}]}";
static const char raw_class[] = "{\"classification\":null}";
static const char raw_subdomains[] =
    "{\"primaryDomain\":\"evil.example\",\"success\":true,\"subdomains\":[\"a\",\"b\",7],\"queryValue\":\"evil.example\"}";

/* A site that carries a tag from the list; all sections read. Each test changes what it is about. */
typedef struct fixture {
    ptv_artifact artifact;
    ptv_record record;
    ptv_decision decision;
    ptv_rule_result rules[4];
    ptv_hit_property hit[3];
    ptv_missing missing[PTV_SECTION_COUNT];
    ptv_trace trace[3];
    ptv_result result;
} fixture;

static const char *fixture_tags[] = { "apt32", "compromised" }, *fixture_tags_shown[] = { "Compromised", "apt32" };
static const char *fixture_names[] = { "a.evil.example", "b.evil.example" };
static const char *fixture_needy[] = { "flagged-tags", "fresh-and-busy" };

static inline void fixture_fill_rules(fixture *f)
{
    for (size_t i = 0; i < 4; i++)
        f->rules[i] = (ptv_rule_result){ .file = "rules/10-flagged-tags.lua", .line = 2, .suppressed_until = PTV_NO_TIME };
    f->rules[0].id = "flagged-tags";
    f->rules[0].title = "Carries a tag from our list";
    f->rules[0].outcome = PTV_OUT_MATCH;
    f->rules[0].severity = PTV_LEVEL_HIGH;
    f->rules[0].reason = "tags has compromised";
    f->rules[0].next_step = "Check proxy logs.";
    f->rules[1].id = "classification";
    f->rules[1].outcome = PTV_OUT_NO_MATCH;
    f->rules[1].reason = "classification is absent";
    f->rules[2].id = "fresh-and-busy";
    f->rules[2].status = PTV_SHADOW;
    f->rules[2].outcome = PTV_OUT_SHADOW_MATCH;
    f->rules[2].severity = PTV_LEVEL_MEDIUM;
    f->rules[2].reason = "passive_dns.count is 12";
    f->rules[3].id = "old-rule";
    f->rules[3].status = PTV_OFF;
    f->rules[3].outcome = PTV_OUT_OFF;
    f->rules[3].reason = "off";
}

static inline void fixture_fill(fixture *f)
{
    memset(f, 0, sizeof *f);
    f->artifact =
        (ptv_artifact){ .input = "evil[.]example", .value = "evil.example", .display = "evil.example", .type = PTV_DOMAIN };
    ptv_record_init(&f->record, &f->artifact);
    for (int s = 0; s < PTV_SECTION_COUNT; s++) {
        ptv_section_info *info = &f->record.sections[s];

        info->state = PTV_STATE_OK;
        info->source = "passivetotal";
        info->http = 200;
        info->fetched_at = T0;
        info->calls = 1;
        info->retry_after_s = -1;
    }
    f->record.sections[PTV_ACCOUNT] =
        (ptv_section_info){ .state = PTV_STATE_NOT_NEEDED, .fetched_at = PTV_NO_TIME, .retry_after_s = -1 };
    f->record.sections[PTV_PASSIVE_DNS].raw = raw_dns;
    f->record.sections[PTV_PASSIVE_DNS].raw_len = strlen(raw_dns);
    f->record.sections[PTV_CLASSIFICATION].raw = raw_class;
    f->record.sections[PTV_CLASSIFICATION].raw_len = strlen(raw_class);
    f->record.sections[PTV_SUBDOMAINS].raw = raw_subdomains;
    f->record.sections[PTV_SUBDOMAINS].raw_len = strlen(raw_subdomains);
    f->record.link = "https://community.riskiq.com/search/evil.example";
    f->record.tags = (ptv_set){ .items = fixture_tags, .count = 2, .shown = fixture_tags_shown, .shown_count = 2 };
    f->record.classification = "unclassified";
    f->record.pdns_count = 1;
    f->record.total_records = 2;
    f->record.first_seen = INT64_C(1577836800);
    f->record.last_seen = INT64_C(1704067200);
    f->record.first_seen_text = "2020-01-01 00:00:00";
    f->record.last_seen_text = "2024-01-01 00:00:00";
    f->record.subdomain_count = 2;
    f->record.subdomain_names = (ptv_set){ .items = fixture_names, .count = 2, .shown = fixture_names, .shown_count = 2 };
    memset(f->record.digest, 'd', 64);

    fixture_fill_rules(f);
    f->hit[0] = (ptv_hit_property){ "Number of Passive DNS Records", "2", PTV_HIT_NUMBER };
    f->hit[1] = (ptv_hit_property){ "Tags", "Compromised, apt32", PTV_HIT_STRING };
    f->hit[2] = (ptv_hit_property){ "Report Link", f->record.link, PTV_HIT_URI };
    f->decision = (ptv_decision){ .now = T0,
                                  .verdict = PTV_VERDICT_COMPROMISED,
                                  .complete = true,
                                  .severity = PTV_LEVEL_HIGH,
                                  .retry_after_s = -1,
                                  .missing = f->missing,
                                  .rules = f->rules,
                                  .rule_count = 4,
                                  .hit = f->hit,
                                  .hit_count = 3,
                                  .note = "evil.example carries compromised in PassiveTotal.\nReport: <here> & there.",
                                  .summary = "compromised, high",
                                  .ruleset_files = 3 };
    memset(f->decision.id, '0', 32);
    memset(f->decision.ruleset_digest, 'a', 64);
    memset(f->decision.settings_digest, 'b', 64);
    f->result = (ptv_result){ .record = &f->record, .decision = &f->decision, .input = "evil[.]example", .elapsed_ms = 185 };
}

static inline void fixture_lose(fixture *f, ptv_section s, ptv_cause cause, const char *reason)
{
    f->record.sections[s] = (ptv_section_info){ .state = PTV_STATE_FAILED,
                                                .cause = cause,
                                                .reason = reason,
                                                .source = "passivetotal",
                                                .fetched_at = PTV_NO_TIME,
                                                .retry_after_s = -1,
                                                .calls = 2 };
}

/* The tags call failed: two rules could not be decided. */
static inline void fixture_make_unknown(fixture *f, ptv_cause cause, const char *reason)
{
    fixture_lose(f, PTV_TAGS, cause, reason);
    f->missing[0] = (ptv_missing){ .section = PTV_TAGS, .rules = fixture_needy, .rule_count = 2 };
    f->decision.missing_count = 1;
    f->decision.verdict = PTV_VERDICT_UNKNOWN;
    f->decision.complete = false;
    f->decision.severity = PTV_LEVEL_NONE;
    f->decision.could_be = PTV_LEVEL_HIGH;
    f->decision.unknown_kind = cause == PTV_CAUSE_KEY ? PTV_UNKNOWN_FIX : PTV_UNKNOWN_LATER;
    f->decision.hit_count = 0;
    f->decision.note = NULL;
    f->decision.summary = "unknown: flagged-tags is undecided (tags: HTTP 503)";
    f->rules[0].outcome = PTV_OUT_UNKNOWN;
    f->rules[0].severity = PTV_LEVEL_NONE;
    f->rules[0].could_be = PTV_LEVEL_HIGH;
    f->rules[0].reason = "tags: HTTP 503";
}

/*
 * Every allocation of `write` fails once, and every ceiling is too low once: the buffer says so and nothing leaks.
 */
typedef void fixture_write_fn(ptv_buf *out, const fixture *f);
static inline void fixture_starve(fixture_write_fn *write, const fixture *f)
{
    ptv_buf whole = PTV_BUF(1 << 20);
    size_t before = ptv_mem_live();

    write(&whole, f);
    assert_int_equal(whole.failed, PTV_OK);
    for (unsigned long n = 1;; n++) {
        ptv_buf out = PTV_BUF(1 << 20);

        ptv_mem_fail_at(n);
        write(&out, f);
        ptv_mem_fail_at(0);
        ptv_code failed = out.failed;
        bool same = !failed && out.len == whole.len && memcmp(out.data, whole.data, out.len) == 0;
        ptv_buf_release(&out);
        if (same)
            break;
        assert_int_equal(failed, PTV_ENOMEM);
        assert_true(n < 10000);
    }
    for (size_t limit = 1; limit < whole.len; limit += limit / 8 + 1) {
        ptv_buf out = PTV_BUF(limit);

        write(&out, f);
        assert_int_equal(out.failed, PTV_ETOOBIG);
        ptv_buf_release(&out);
    }
    ptv_buf_release(&whole);
    assert_int_equal(ptv_mem_live(), before);
}

#endif
