#!/bin/sh
# Row 36: export.res is imported over REST: POST, PUT with ACCEPTED, then our key's handle into api_keys of each message destination.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
. tests/soar/harness.sh
command -v node >/dev/null || { echo '1..0 # SKIP node is not there'; exit 0; }
make_test_ca "$work/certs" || exit 1
start_helper platform.js --certs "$work/certs" || exit 1
PLATFORM=$SERVER_URL PLATFORM_PID=$SERVER_PID
trap 'stop_server "$PLATFORM_PID"; rm -rf "$work"' EXIT
cat >"$work/app.config" <<EOF
[resilient]
host=localhost
port=$(ask "$PLATFORM/" | value port)
org=Test Org
api_key_id=11111111-2222-3333-4444-555555555555
api_key_secret=s3cr3t:key
cafile=$work/certs/ca.pem
EOF
python3 packaging/soar/export.py fresh >"$work/export.res"
python3 packaging/soar/export.py add >"$work/add.res"
customize() { run "$PT" customize -c "$work/app.config" "$@"; }
# asked CODE: that JavaScript over `all`, the requests that REST saw after the login
asked() {
    ask "$PLATFORM/requests" | node -e 'const all = JSON.parse(require("fs").readFileSync(0)).filter((q) => /imports|destinations/.test(q.url))
        .map((q) => ({ ...q, url: q.url.replace("/rest/orgs/201/", ""), body: q.body && JSON.parse(q.body) }));
        console.log(String(eval(process.argv[1])));' "$1"
}

customize "$work/export.res"
is 'it is imported' "$rc" 0
is 'and says what it brought' "$(cat "$out")" 'function             fn_passivetotal
message destination  passivetotal
workflow             passivetotal_site_lookup
rule                 RiskIQ PassiveTotal Query'
is 'the requests, a conflict tried again' "$(asked 'all.map((q) => q.method + " " + q.url).join("\n")')" \
    'POST configurations/imports
PUT configurations/imports/1
GET message_destinations
GET message_destinations/7
PUT message_destinations/7
GET message_destinations/7
PUT message_destinations/7'
is 'the file goes whole' "$(asked 'Object.keys(all[0].body).length')" \
    "$(node -e 'console.log(Object.keys(JSON.parse(require("fs").readFileSync(process.argv[1]))).length)' "$work/export.res")"
is 'with every tags emptied' "$(asked 'JSON.stringify(all[0].body).match(/"tags":\[[^\]]/)')" null
is 'and the function in it' "$(asked 'all[0].body.functions[0].name')" fn_passivetotal
is 'it is accepted' "$(asked 'all[1].body.status + " " + all[1].body.id')" 'ACCEPTED 1'
is 'the key may read the queue' "$(asked 'JSON.stringify(all[6].body.api_keys)')" '[42]' # the handle of the login
is 'nothing else of the destination changes' "$(asked 'all[6].body.programmatic_name + " " + all[6].body.expect_ack')" 'passivetotal true'

ask "$PLATFORM/reset" '{}' >/dev/null
customize "$work/export.res"
is 'a second time the destination is left as it is' "$rc $(asked 'all.filter((q) => q.method === "PUT").length')" '0 1'
ask "$PLATFORM/reset" '{}' >/dev/null
customize "$work/add.res"
is 'add touches no destination' "$rc $(asked 'all.length')" '0 2'
is 'and says what it brought' "$(cat "$out")" 'workflow             ptverdict_site_verdict'

echo '{"workflows": [' >"$work/cut.res"
customize "$work/cut.res"
is 'a file that is no JSON' "$rc" 65
has 'is named' "$err" cut.res
customize "$work/nothing.res"
is 'so is one that is not there' "$rc $(grep -c nothing.res "$err")" "$rc 1"
customize "$work/export.res" --set resilient.api_key_secret=wr0ng-secret
is 'a refused key' "$rc" 21
lacks 'is not shown' "$err" wr0ng-secret
ask "$PLATFORM/faults" '[{"match": "configurations/imports", "fault": 400, "times": 1}]' >/dev/null
customize "$work/export.res"
is 'a platform that refuses the file' "$rc" 20
has 'is quoted with the request' "$err" 'configurations/imports'
run "$PT" customize -c /dev/null "$work/export.res"
is 'no [resilient]: a setting is missing' "$rc" 78
finish
