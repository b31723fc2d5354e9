#!/bin/sh
# state.t: the folder of the setting state: calls saved by the cache, answers that stand in for a source that fails, the decision
# log, why, undecided, and what happens when the folder cannot be used.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
. tests/lib/mock.sh
command -v node >/dev/null || { echo '1..0 # SKIP node is not there'; exit 0; }
start_mock --auth analyst:s3cret-key || exit 1
trap 'stop_mock; rm -rf "$work"' EXIT
settings "$MOCK_URL"
state=$work/state
log=$state/decisions.ndjson
printf 'state = state\ndecision_log = yes\n' >>"$work/app.config"
pt() {
    pt_command=$1
    shift
    run "$PT" "$pt_command" -c "$work/app.config" "$@"
}
member() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" "$2" | head -n 1; }

# ------------------------------------------------------------------------------------------------ cache
for incident in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
    "$PT" call -c "$work/app.config" >"$work/$incident" <<END
{"passivetotal_artifact_type": "DNS Name", "passivetotal_artifact_value": "flagged.example", "incident_id": $incident}
END
done
is 'the same artifact in thirty incidents costs one set of calls' \
    "$(mock_stat calls.tags) $(mock_stat calls.passive_dns) $(mock_stat calls.classification) $(mock_stat calls.subdomains)" '1 1 1 1'
is 'and has the same content each time' "$(sed 's/"metrics":{[^}]*}//; s/"incident_id":[0-9]*//; s/"age_s":[0-9]*//g; s/"now":"[^"]*"//
    s/"decision_id":"[^"]*"//; s/"calls":[0-9]*//g' "$work/1" | cksum)" \
    "$(sed 's/"metrics":{[^}]*}//; s/"incident_id":[0-9]*//; s/"age_s":[0-9]*//g; s/"now":"[^"]*"//
    s/"decision_id":"[^"]*"//; s/"calls":[0-9]*//g' "$work/30" | cksum)"
is 'thirty decisions are in the log' "$(grep -c '"schema":"ptverdict.log/1"' "$log")" 30
has 'with the incident' "$log" '"incident_id":"30"'
pt lookup flagged.example --set cache_tags=0 --format json
is 'a time of 0 means that it is asked' "$(mock_stat calls.tags)" 2
pt lookup flagged.example --set cache_tags=1 --set cache_passive_dns=1 --set cache_classification=1 --set cache_subdomains=1
sleep 2
mock_control '[{"match":{"endpoint":"tags"},"fault":"status-503","times":1}]'
pt lookup flagged.example --set cache_tags=1 --format json
has 'beyond its time an answer stands in for a source that fails' "$out" '"name":"tags","state":"stale"'
has 'and the verdict stands' "$out" '"verdict":"compromised"'
mock_control '[{"match":{"endpoint":"tags"},"fault":"status-503","times":1}]'
pt lookup flagged.example --set cache_tags=1 --set stale=unknown --set decision_log=no --format json
has 'or does not, with stale = unknown' "$out" '"verdict":"unknown"'
mock_reset

# ------------------------------------------------------------------------------------------- decision log
pt lookup quiet.example status-503.tags.example 10.0.0.1 flagged.example --format json
is 'every decision is logged' "$(tail -n 4 "$log" | sed 's/.*"verdict":"\([a-z_]*\)".*/\1/' | sort | tr '\n' ' ')" \
    'compromised no_match skipped unknown '
pt lookup quiet.example --set decision_log=no
is 'or none without decision_log' "$(wc -l <"$log" | tr -d ' ')" "$(grep -c . "$log")"
run "$PT" eval -c "$work/app.config" "$log" --format csv
is 'eval reads the log' "$rc $(grep -c ,compromised, "$out")" "0 $(grep -c '"verdict":"compromised"' "$log")"
lacks 'no key in it' "$log" s3cret-key

# --------------------------------------------------------------------------------------------------- why
id=$(grep '"artifact":"flagged.example"' "$log" | tail -n 1 | sed 's/.*"decision_id":"\([0-9a-f]*\)".*/\1/')
pt why "$id"
is 'why explains' "$rc $(head -n 1 "$out" | cut -d ' ' -f 1-2)" "0 decision $id"
has 'with the conditions' "$out" 'tags:has_any'
is 'and nothing to object to' "$(cat "$err")" ''
grep "$id" "$log" >"$work/one.ndjson"
{
    sed 's/"incident_id":null,"artifact_id":null/"incident_id":"7","artifact_id":"3"/; p' "$work/one.ndjson"
    sed 's/"incident_id":null,"artifact_id":null/"incident_id":"9","artifact_id":"4"/' "$work/one.ndjson"
} >>"$log"
pt why "$id"
is 'calls that share a decision are shown each, delivered twice or not' "$rc $(grep "^decision $id" "$out" | sed 's/^[^,]*//')" "0 
, incident 7, artifact 3
, incident 9, artifact 4"
is 'the explanation once' "$(grep -c '^then: ' "$out") $(grep -c 'tags:has_any' "$out")" '1 1'
pt why "$(printf %.10s "$id")" --format json
is 'the first digits are enough; json is the decision' "$rc $(member decision_id "$out")" "0 $id"
has 'with its trace' "$out" '"trace":['
skipped=$(grep '"artifact":"10.0.0.1"' "$log" | tail -n 1 | sed 's/.*"decision_id":"\([0-9a-f]*\)".*/\1/')
pt why "$skipped" --format json
is 'a skipped one stays skipped' "$rc $(member verdict "$out") $(cat "$err")" '0 skipped '
cp -R rules "$work/rules"
sed 's/^rules = .*/rules = rules/; s/^passivetotal_tags = .*/passivetotal_tags = something-else/' "$work/app.config" >"$work/new.config"
sed 's/severity = "high"/severity = "low"/' rules/10-flagged-tags.lua >"$work/rules/10-flagged-tags.lua"
run "$PT" lookup -c "$work/new.config" flagged.example --format json
is 'other rules, another decision' "$rc $(member verdict "$out")" '0 no_match'
run "$PT" why -c "$work/new.config" "$id" --format json
is 'why judges by the rules and settings of that time' "$rc $(member verdict "$out") $(member severity "$out") $(member decision_id "$out")" \
    "0 compromised high $id"
is 'which makes the very same decision' "$(cat "$err")" ''
is 'both rule sets are kept' "$(find "$state/rules" -mindepth 1 -maxdepth 1 | wc -l | tr -d ' ')" 2
run_in "$log" "$PT" diff -c "$work/app.config" rules "$work/rules" --over - --format csv
is 'diff reads the log' "$rc $(grep -c '^flagged.example,' "$out")" "0 $(grep -c '"artifact":"flagged.example"' "$log")"
mv "$state/rules" "$work/gone"
pt why "$id"
is 'rules that were not kept' "$rc" 65
has 'are said to be missing' "$err" 'the rules of that time were not kept'
has 'and the log is quoted' "$out" 'then: compromised'
mv "$work/gone" "$state/rules"
pt why 0123456789
is 'an id that is not there' "$rc" 65
pt why xyz
is 'no id' "$rc" 64
pt why "$id" --set state=
is 'no state folder: a setting is missing' "$rc" 78
has 'which it names' "$err" 'state is not set'

# --------------------------------------------------------------------------------------------- undecided
pt undecided
is 'undecided lists what is unknown' "$rc $(cat "$out")" '0 status-503.tags.example'
pt undecided --format json
is 'as json, which lookup - reads too' "$(member value "$out") $(member type "$out") $(member unknown_kind "$out")" \
    'status-503.tags.example domain later'
cp "$out" "$work/again"
run_in "$work/again" "$PT" lookup - -c "$work/app.config" --format json
is 'it does' "$(member value "$out")" status-503.tags.example
pt undecided --since 2099-01-01
is 'none since then' "$rc $(cat "$out")" '0 '
pt undecided --since 1h
is 'one within the hour' "$(cat "$out")" status-503.tags.example
pt undecided --since yesterday
is 'a time that is none' "$rc" 64
printf '{"cut' >>"$log"
pt undecided
is 'a line that was cut is left out' "$rc $(cat "$out")" '0 status-503.tags.example'

# -------------------------------------------------------------------------------------- what goes wrong
pt lookup quiet.example --set state=/dev/null
is 'a folder that cannot be made: the lookup goes on' "$rc $(head -n 1 "$out" | cut -c 1-8)" '0 no_match'
has 'and the user is told' "$err" 'state /dev/null: '
printf 'no database' >"$state/state.db"
rm -f "$state/state.db-wal" "$state/state.db-shm"
pt lookup quiet.example
is 'a damaged database: the lookup goes on' "$rc $(head -n 1 "$out" | cut -c 1-8)" '0 no_match'
has 'and the file is moved aside' "$err" 'state.db is damaged: moved to'
is 'where it stays' "$(cat "$state"/state.db.damaged-*)" 'no database'
(
    ulimit -f 200
    trap '' XFSZ
    run "$PT" lookup -c "$work/app.config" --set "state=$work/full" quiet.example flagged.example
    head -c 100000 /dev/zero | tr '\0' 'x' 2>/dev/null >"$work/full/decisions.ndjson"
    run "$PT" lookup -c "$work/app.config" --set "state=$work/full" quiet.example flagged.example
    echo "$rc" >"$work/full.rc"
)
is 'a full disk: the lookups go on' "$(cat "$work/full.rc") $(grep -c '^\(no_match\|compromised\) ' "$out")" '0 2'
has 'and the user is told what could not be kept' "$err" 'File too large'
finish
