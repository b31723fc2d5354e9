#!/bin/sh
# eval.t: recorded records in every form, from files, folders and stdin; damage costs only itself.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
settings https://api.example
verdicts() {
    sed -n 's/.*"verdict":"\([a-z_]*\)".*/\1/p; s/.*refused\/1.*/refused/p' "$out" | tr '\n' ' '
}
judge() {
    run "$PT" eval -c "$work/app.config" --now 2026-05-01 "$@"
}

echo '{"artifact": "evil.example", "tags": ["Ransomware"]}' >"$work/short.json"
cat >"$work/pretty.json" <<'EOF'
{
  "artifact": "evil.example",
  "tags": [
    "apt",
    "a } brace { in a \" text"
  ],
  "passive_dns": { "total_records": 3 }
}
EOF
judge "$work/short.json" "$work/pretty.json" --format json
is 'the short form, on one line and over many' "$rc $(verdicts)" '0 compromised no_match '
cat >"$work/list.ndjson" <<'EOF'
{"artifact": "evil.example", "tags": ["ransomware"]}
{"artifact": "cut.example", "tags": ["ranso
{"artifact": "good.example", "tags": []}

{"artifact": "down.example", "tags": {"failed": "HTTP 503"}}
nonsense
{"artifact": "typo.example", "tgas": []}
{"artifact": "last.example", "tags": ["compromised"]}
EOF
run_in "$work/list.ndjson" "$PT" eval -c "$work/app.config" --now 2026-05-01 -
is 'a damaged record is reported, counted, and costs only itself' "$rc $(verdicts)" \
    '0 compromised refused no_match unknown refused refused compromised '
has 'with file and line' "$err" 'stdin:2: '
has 'and what is wrong' "$err" "tgas"
has 'the summary counts it' "$err" '7 inputs: 2 compromised, 1 unknown, 1 no_match, 0 skipped, 3 refused'
run_in "$work/list.ndjson" "$PT" eval -c "$work/app.config" --now 2026-05-01 - --skip 6 -q
is '--skip' "$(verdicts)" 'compromised '

cat >"$work/answers.ndjson" <<'EOF'
{"endpoint":"/v2/actions/tags","query":"a.example","status":200,"fetched_at":"2026-04-30T00:00:00Z","body":{"tags":["compromised"]}}
{"endpoint":"/v2/actions/classification","query":"a.example","status":200,"fetched_at":"2026-04-30T00:00:00Z","body":{"classification":"malicious"}}
{"query":"b.example","endpoint":"/v2/actions/tags","status":200,"fetched_at":"2026-04-30T00:00:00Z","body":{"tags":[]}}
{"endpoint":"/v2/actions/tags","query":"c.example","status":503,"fetched_at":"2026-04-30T00:00:00Z","body":"{\"message\":\"down\"}"}
EOF
judge "$work/answers.ndjson" --format json
is 'saved answers, those of one query together' "$(verdicts)" 'compromised no_match unknown '
has 'both answers of the first are in one record' "$out" '"value":"malicious"'
mkdir "$work/folder"
cp "$work/answers.ndjson" "$work/list.ndjson" "$work/folder"
judge "$work/folder" --format json
is 'a folder stands for its files, in order of their names' "$(verdicts)" \
    'compromised no_match unknown compromised refused no_match unknown refused refused compromised '

judge "$work/short.json" --format record
cp "$out" "$work/again.json"
judge "$work/again.json" --format json
is 'a record printed is read again' "$(verdicts)" 'compromised '
judge "$work/short.json" --format compact
cp "$out" "$work/again.compact"
judge "$work/again.compact" "$work/again.compact" --format json
is 'so is a compact one' "$(verdicts)" 'compromised compromised '
judge "$work/short.json" --explain
has '--explain shows the conditions' "$out" 'tags:has_any'
judge "$work/short.json" --exit-code
is '--exit-code' "$rc" 10
judge "$work/nowhere.json"
is 'a file that is not there' "$rc" 65
echo nonsense >"$work/bad"
judge "$work/bad"
is 'nothing but bad input: exit 65' "$rc" 65
: >"$work/bad"
judge "$work/bad"
is 'an empty file: nothing' "$rc $(wc -c <"$out" | tr -d ' ')" '0 0'

cat >"$work/recent.lua" <<'EOF'
rule "recent" { title = "t", severity = "low", when = passive_dns.first_seen:within "30d", hit = { standard }, note = "n" }
EOF
echo '{"artifact": "evil.example", "passive_dns.first_seen": "2026-04-20"}' >"$work/dated.json"
run "$PT" eval -c "$work/app.config" --rules "$work/recent.lua" "$work/dated.json" --format json
is 'a time test without a time is an error, never the clock' "$rc" 65
run "$PT" eval -c "$work/app.config" --rules "$work/recent.lua" "$work/dated.json" --format json --now 2026-05-01
is '--now is that time' "$(verdicts)" 'compromised '
finish
