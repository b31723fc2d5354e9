#!/bin/sh
# lookup.t: lookup and fetch against the mock: formats, exit codes, saving, what a user reads when something is wrong.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
. tests/lib/mock.sh
command -v node >/dev/null || { echo '1..0 # SKIP node is not there'; exit 0; }
start_mock --auth analyst:s3cret-key || exit 1
trap 'stop_mock; rm -rf "$work"' EXIT
settings "$MOCK_URL"
pt() {
    pt_command=$1
    shift
    run "$PT" "$pt_command" -c "$work/app.config" "$@"
}

pt lookup 'flagged[.]example'
is 'a flagged name' "$rc $(head -n 1 "$out")" '0 compromised  flagged.example  high  given as flagged[.]example'
has 'text is the default, also in a pipe' "$out" 'Carries a tag from our list'
pt lookup quiet.example --exit-code
is 'no_match with --exit-code' "$rc" 0
pt lookup quiet.example flagged.example --exit-code
is 'compromised with --exit-code' "$rc" 10
pt lookup quiet.example 2-times-status-503.tags.example 10.0.0.1 --exit-code
is 'unknown with --exit-code' "$rc" 20
pt lookup 10.0.0.1
is 'an internal address is skipped, exit 0' "$rc $(head -n 1 "$out" | cut -c 1-7)" '0 skipped'
pt lookup analyst@example.com
is 'refused input: exit 65, and a reason' "$rc $(wc -c <"$out" | tr -d ' ')" '65 0'
has 'the reason says what it looks like' "$err" 'e-mail address'
pt lookup analyst@example.com quiet.example
is 'one of two refused: exit 0' "$rc" 0
pt lookup status-503.tags.example --format json
is 'nothing could be read at all: exit 69' "$rc" 69
has 'where to look for the reason' "$err" "'ptverdict selftest' tests"
has 'and still a decision, unknown' "$out" '"verdict":"unknown"'
pt lookup quiet.example --format csv
is 'csv has a header and a row' "$(wc -l <"$out" | tr -d ' ') $(head -n 1 "$out" | cut -c 1-14)" '2 artifact,input'
pt lookup quiet.example --format soar
has 'soar' "$out" '{"version":2.0,"success":true'
pt lookup quiet.example --format record
has 'record' "$out" '{"schema":"ptverdict.record/1"'
pt lookup flagged.example --explain
has '--explain shows the conditions' "$out" 'tags:has_any'
pt lookup quiet.example --rules "$work/nowhere"
is 'a rules folder that is not there' "$rc" 65
pt lookup quiet.example --set passivetotal_tags=
is 'no tags although a rule uses them: an error, no silent default' "$rc" 78
has 'that names the setting' "$err" passivetotal_tags
pt lookup quiet.example --set passivetotal_api_key=
is 'no key: exit 78' "$rc" 78
has 'that names the key' "$err" passivetotal_api_key
pt lookup quiet.example -vv --set passivetotal_api_key=wr0ng-key
is 'a key that is refused is nothing read' "$rc" 69
cat "$out" "$err" >"$work/both"
lacks 'a wrong key is not shown' "$work/both" wr0ng-key
pt lookup quiet.example flagged.example status-503.tags.example -vv --explain
cat "$out" "$err" >"$work/both"
lacks 'nor a good one, at any level' "$work/both" s3cret-key

pt fetch flagged.example
has 'fetch prints the record' "$out" '{"schema":"ptverdict.record/1","artifact":"flagged.example"'
mock_reset
pt fetch flagged.example --save "$work/archive"
is 'fetch asks every section but the account' "$(mock_stat calls.tags)$(mock_stat calls.passive_dns)$(mock_stat calls.account)" 110
is '--save: one line an answer' "$(wc -l <"$work/archive/flagged.example.ndjson" | tr -d ' ')" 4
lacks 'no key in it' "$work/archive/flagged.example.ndjson" s3cret-key
mock_reset
pt lookup flagged.example --set archive="$work/archive" --set tags=archive --set classification=archive \
    --set passive_dns=archive --set subdomains=archive
is 'the archive answers for the network' "$rc $(head -n 1 "$out") $(mock_stat calls.tags)" '0 compromised  flagged.example  high 0'
pt fetch flagged.example --compact
is '--compact without --save' "$rc" 64
pt fetch flagged.example -q --save "$work/archive" --compact
run "$PT" eval -c "$work/app.config" "$work/archive/flagged.example.compact" --format json
has '--compact is read again' "$out" '"verdict":"compromised"'
pt fetch quiet.example --save "$work/app.config/x"
is 'a folder that cannot be made' "$rc" 65
if [ -w /dev/full ]; then
    rc=0
    "$PT" lookup -c "$work/app.config" quiet.example >/dev/full 2>"$err" || rc=$?
    is 'a full disk is an error' "$rc" 74
fi

echo '{"passivetotal_artifact_type":{"id":1,"name":"DNS Name"},"passivetotal_artifact_value":{"format":"text","content":"flagged.example"},"incident_id":7,"n":[{"id":1,"name":"a"}]}' >"$work/inputs"
run_in "$work/inputs" "$PT" call -c "$work/app.config"
is 'call: a result, exit 0' "$rc $(cut -c 1-43 "$out")" '0 {"version":2.0,"success":true,"reason":null'
has 'inputs are normalised as the framework does' "$out" \
    '"inputs":{"passivetotal_artifact_type":"DNS Name","passivetotal_artifact_value":"flagged.example","incident_id":7,"n":["a"]}'
echo '{"inputs":{"passivetotal_artifact_type":"IP Address","passivetotal_artifact_value":"192.0.2.0/24"}}' >"$work/inputs"
run_in "$work/inputs" "$PT" call -c "$work/app.config"
is 'call: refused input is a result too' "$rc $(cut -c 1-28 "$out")" '0 {"version":2.0,"success":fal'
echo '{"passivetotal_artifact_type":"DNS Name","passivetotal_artifact_value":{"format":"text","content":""}}' >"$work/inputs"
run_in "$work/inputs" "$PT" call -c "$work/app.config"
has 'call: an empty text area stays an object, and is refused' "$out" \
    '"inputs":{"passivetotal_artifact_type":"DNS Name","passivetotal_artifact_value":{"format":"text","content":""}}'
echo 'no json' >"$work/inputs"
run_in "$work/inputs" "$PT" call -c "$work/app.config"
is 'call: no JSON, no result' "$rc $(wc -c <"$out" | tr -d ' ')" '65 0'

pt selftest
is 'selftest passes' "$rc $(grep -c '^ok' "$out")" '0 6'
pt selftest --set passivetotal_api_key=wr0ng-key
is 'selftest with a wrong key: the platform has exit code 1' "$rc $(grep -c '^FAILED  *key' "$out")" '1 1'
lacks 'and does not show it' "$out" wr0ng-key
pt selftest --set passivetotal_base_url=https://api.passivetotal.org
has 'selftest says in plain words when the vendor is gone' "$out" 'no longer answers'
finish
