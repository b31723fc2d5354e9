/*
 * record_json.h: records in and out as JSON: the normalised form that `fetch` prints and the short form that people write
 * (docs/record.md). One reader for both.
 *
 *   {"schema":"ptverdict.record/1","artifact":"evil.example","artifact_type":"domain","fetched_at":"2026-05-01T00:00:00Z",
 *    "link":"https://…","sections":{"tags":{"state":"ok","source":"passivetotal","http":200,"fetched_at":"…"},
 *                                   "subdomains":{"state":"failed","cause":"outage","reason":"HTTP 503"}, …},
 *    "tags":["Compromised"],"classification":"malicious",
 *    "passive_dns":{"total_records":3,"first_seen_text":"…","all_records":[{…,"live":false}], …}}
 *
 * Short form: dotted names flat or nested, `{"tags":{"failed":"HTTP 503"}}`, records as `passive_dns.records`; a section of
 * which no field is given is not_asked ("not in the record"). Count and dates are derived from given records where absent.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef PTV_CORE_RECORD_JSON_H
#define PTV_CORE_RECORD_JSON_H
#include "core/record.h"

#define PTV_RECORD_SCHEMA "ptverdict.record/1"

/* `r` and its ptv_artifact are allocated in `mem`. Unknown keys, wrong types: PTV_EINVAL naming the key, with did-you-mean.
 */
ptv_code ptv_record_read(ptv_record **out, ptv_arena *mem, const ptv_json *json, ptv_error *err);
void ptv_record_write(ptv_json_out *out, const ptv_record *r);
/* Compact record: one line, versioned, documented in docs/record.md; holds what rules and reports can see. */
void ptv_record_write_compact(ptv_buf *out, const ptv_record *r);
bool ptv_record_is_compact(const char *text, size_t len);
ptv_code ptv_record_read_compact(ptv_record **out, ptv_arena *mem, const char *text, size_t len, ptv_error *err);

#endif
