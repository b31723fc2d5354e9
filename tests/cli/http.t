#!/bin/sh
# http.t: the HTTP doors of the real program, over the mock: what a poll costs, restarts, reloads, stopping, TLS, and that the answers
# are those of docs/openapi.yaml.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
. tests/lib/mock.sh
. tests/lib/http_doors.sh
for need in node curl; do
    command -v "$need" >/dev/null || { echo "1..0 # SKIP $need is not there"; exit 0; }
done
python=
for p in python3 /usr/bin/python3; do
    "$p" -c 'import yaml, jsonschema' 2>/dev/null && python=$p && break
done
start_mock --auth analyst:s3cret-key || exit 1
trap 'stop_doors; stop_mock; rm -rf "$work"' EXIT
settings "$MOCK_URL"
printf "state = %s/state\ncts_wait = 30\n" "$work" >>"$work/app.config"
ndjson='content-type: application/x-ndjson'

# described NAME METHOD PATH: the last answer is what docs/openapi.yaml says of it
described() {
    [ -n "$python" ] || { skip "$1" 'python3-yaml or python3-jsonschema is not there'; return; }
    ok "$1" "$python" tests/schema/openapi.py docs/openapi.yaml "$2" "$3" "$code" "$type" "$out"
}
cts() {
    http POST /cts/passivetotal -d "{\"type\": \"net.name\", \"value\": \"$1\"}"
}
id_of() {
    sed -n 's/.*"id":"\([^"]*\)".*/\1/p' "$out"
}
retry_of() {
    sed -n 's/.*"retry_secs":\([0-9]*\).*/\1/p' "$out"
}
# until_is CODE METHOD PATH: asks until that status comes, for 20 s
until_is() {
    tries=0
    while http "$2" "$3" && [ "$code" != "$1" ] && [ "$tries" -lt 200 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
}

[ -z "$python" ] || ok 'docs/openapi.yaml is OpenAPI' "$python" tests/schema/openapi.py docs/openapi.yaml
start_doors "$work/app.config" || exit 1

# --------------------------------------------------------------------------------------------- threat service
cts flagged.example
is 'a flagged name is a hit, within the request' "$code" 200
has 'with the properties of its card' "$out" '{"type":"string","name":"Tags","value":"Compromised, apt"}'
described 'as described' POST /cts/passivetotal
calls=$(mock_stat requests)
cts flagged.example
is 'asked again it costs no call' "$code $(mock_stat requests)" "200 $calls"
http GET "/cts/passivetotal/$(id_of)"
is 'nor does a poll' "$code $(mock_stat requests)" "200 $calls"
described 'as described' GET "/cts/passivetotal/$(id_of)"
http OPTIONS /cts/passivetotal
described 'OPTIONS as described' OPTIONS /cts/passivetotal
cts quiet.example
is 'a quiet one has no hits' "$code $(sed 's/.*"hits"/"hits"/' "$out")" '200 "hits":[]}'
http POST /cts/passivetotal -d '{"type": "net.ip", "value": "10.0.0.1"}'
is 'nor has an internal address' "$code $(sed 's/.*"hits"/"hits"/' "$out")" '200 "hits":[]}'

mock_control '[{"match": {"query": "flagged-once.example"}, "fault": "delay-300", "times": 0}]'
mock_reset_calls=$(mock_stat calls.tags)
for i in 1 2 3 4 5 6 7 8 9 10; do
    curl -s -o "$work/once.$i" -d '{"type": "net.name", "value": "flagged-once.example"}' "$DOORS/cts/passivetotal" &
    once="${once:-} $!"
done
# shellcheck disable=SC2086  # one word a process
wait $once
is 'ten at once cost one lookup' "$(($(mock_stat calls.tags) - mock_reset_calls)) $(cat "$work"/once.* | grep -c props)" '1 10'

# --------------------------------------------------------------------------------------------------- REST
http POST /v1/verdict --json '{"value": "flagged[.]example"}'
is 'one artifact' "$code" 200
has 'is decided' "$out" '"verdict":"compromised"'
described 'as described' POST /v1/verdict
http POST /v1/verdict --json '{"value": "analyst@mail.example"}'
is 'no artifact' "$code" 422
described 'as described' POST /v1/verdict
http POST /v1/verdict --json 'nonsense'
is 'no JSON' "$code" 400
described 'as described' POST /v1/verdict
i=0
while [ "$i" -lt 60 ]; do
    i=$((i + 1))
    [ $((i % 7)) -eq 0 ] && echo "not an artifact $i" || echo "n$i.example"
done >"$work/list"
http POST /v1/verdict -H "$ndjson" --data-binary "@$work/list"
is 'a list comes back line by line' "$code $(grep -c . "$out")" '200 60'
is 'in its order' "$(sed -n 's/.*"input":"\([^"]*\)".*/\1/p' "$out")" "$(cat "$work/list")"
described 'as described' POST /v1/verdict
http GET /nowhere
is 'nothing is there' "$code" 404
http GET /metrics
has 'metrics' "$out" 'ptverdict_http_requests_total{status="2xx"}'
ok 'with the digests of the rules that are loaded and on disk' grep -Eq \
    '^ptverdict_rules_info\{loaded="([0-9a-f]{64})",on_disk="\1"\} 1$' "$out"
has 'the internal address counts as skipped' "$out" 'ptverdict_verdicts_total{verdict="skipped"} 1'
has 'which is no outage' "$out" 'ptverdict_outages_total{cause="settings"} 0'
http GET /healthz
described 'health as described' GET /healthz

mock_control '[{"match": {"query": "later.example", "endpoint": "tags"}, "fault": "status-429", "times": 0}]'
cts later.example
is 'a quota that is used up: ask again' "$code" 303
described 'as described' POST /cts/passivetotal
calls=$(mock_stat requests)
later=$(id_of)
ok 'after the time that the source said' test "$(retry_of)" -ge 1
http GET "/cts/passivetotal/$later"
http GET "/cts/passivetotal/$later"
is 'polls before that cost no call' "$code $(mock_stat requests)" "303 $calls"

# ---------------------------------------------------------------------------------------- reload and restart
sed -i 's/^passivetotal_tags = .*/passivetotal_tags = nothing-of-that-kind/' "$work/app.config"
kill -HUP "$DOORS_PID"
tries=0
while cts flagged.example && grep -q props "$out" && [ "$tries" -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
is 'other settings make kept results void' "$code $(sed 's/.*"hits"/"hits"/' "$out")" '200 "hits":[]}'
sed -i 's/^passivetotal_tags = .*/passivetotal_tags = compromised/' "$work/app.config"
stop_doors
is 'SIGTERM ends it' "$doors_rc" 0

mock_control '[{"match": {"query": "flagged-slow.example"}, "fault": "delay-3000", "times": 1}]'
start_doors "$work/app.config" --set cts_wait=0 || exit 1
cts flagged-slow.example
slow=$(id_of)
is 'a slow one: come again' "$code $(retry_of)" '303 5'
sleep 0.3
kill -KILL "$DOORS_PID"
wait "$DOORS_PID" 2>/dev/null
start_doors "$work/app.config" --set http_token=t0ken-1 --set http_user=soar --set http_password=s3cret-2 || exit 1
DOORS_AUTH='soar:s3cret-2'
until_is 200 GET "/cts/passivetotal/$slow"
has 'a poll is understood after the program was killed' "$out" '"props"'
DOORS_AUTH=
cts flagged.example
is 'no credentials' "$code" 401
described 'as described' POST /cts/passivetotal
http POST /v1/verdict -H 'Authorization: Bearer wrong' --json '{"value": "flagged.example"}'
is 'a wrong token' "$code" 401
described 'as described' POST /v1/verdict
http GET /readyz
is 'probes need none' "$code" 200

mock_control '[{"match": {"query": "flagged-end.example"}, "fault": "delay-1000", "times": 1}]'
curl -s -o "$work/end" -w '%{http_code}' -H 'Authorization: Bearer t0ken-1' --json '{"value": "flagged-end.example"}' \
    "$DOORS/v1/verdict" >"$work/end.code" &
end=$!
sleep 0.4
stop_doors
wait "$end"
is 'what was asked before SIGTERM is answered' "$(cat "$work/end.code") $doors_rc $(grep -c compromised "$work/end")" '200 0 1'
for secret in t0ken-1 s3cret-2 s3cret-key c29hcj; do
    lacks "the log does not show $secret" "$DOORS_LOG" "$secret"
done

# ---------------------------------------------------------------------------------------------------- TLS
make_test_ca "$work/certs" || exit 1
start_doors "$work/app.config" --set "http_tls_cert=$work/certs/server.pem" --set "http_tls_key=$work/certs/server.key" || exit 1
code=$(curl -s --cacert "$work/certs/ca.pem" -o "$out" -w '%{http_code}' -d '{"type": "net.name", "value": "flagged.example"}' \
    "https://localhost:${DOORS##*:}/cts/passivetotal")
is 'TLS' "$code $(grep -c props "$out")" '200 1'
rc=0
curl -s --cacert "$work/certs/ca.pem" "http://localhost:${DOORS##*:}/healthz" >/dev/null || rc=$?
ok 'and nothing else then' test "$rc" -ne 0
stop_doors

start_doors "$work/app.config" || exit 1
mock_control '[{"match": {"query": "fix.example", "endpoint": "tags"}, "fault": "status-401", "times": 0}]'
cts fix.example
is 'a key that is refused ends without hits' "$code $(sed 's/.*"hits"/"hits"/' "$out")" '200 "hits":[]}'
stop_doors
run "$PT" serve -c "$work/app.config" --set http_listen=127.0.0.1:0 --set "http_tls_cert=$work/certs/server.pem" \
    --set "lock_file=$work/serve.lock"
is 'a certificate without its key: exit 78' "$rc" 78
has 'and which setting' "$err" 'http_tls_key'

# ------------------------------------------------------------------------------------------- a port in use
mock_port=${MOCK_URL##*:}
run "$PT" serve -c "$work/app.config" --set "http_listen=127.0.0.1:$mock_port" --set "lock_file=$work/serve.lock"
is 'a port in use: exit 78, as any setting that cannot be' "$rc" 78
is 'the setting once, address and port, the cause' "$(tail -n 1 "$err")" \
    "ptverdict: http_listen = 127.0.0.1:$mock_port: Address already in use"
run "$PT" serve -c "$work/app.config" --set http_listen=127.0.0.1:0 --set "http_tls_cert=$work/none.pem" \
    --set "http_tls_key=$work/none.key" --set "lock_file=$work/serve.lock"
is 'a certificate that is not there: exit 78' "$rc" 78
has 'and which' "$err" "http_tls_cert = $work/none.pem: "

# The same in a reload: it goes on without doors, says so, and opens them when the port is free.
node -e 'require("net").createServer().listen(0, "127.0.0.1", function () { console.log(this.address().port); })' >"$work/port" &
holder=$!
log_has() {
    tries=0
    until grep -qF "$1" "$DOORS_LOG"; do
        tries=$((tries + 1))
        [ "$tries" -lt 200 ] || return 1
        sleep 0.05
    done
}
until [ -s "$work/port" ]; do sleep 0.05; done
{ cat "$work/app.config" && echo http_listen = 127.0.0.1:0; } >"$work/reload.config"
: >"$DOORS_LOG"
APP_LOG_DIR=$work "$PT" serve -c "$work/reload.config" --set "lock_file=$work/serve.lock" >/dev/null 2>"$DOORS_LOG" &
DOORS_PID=$!
ok 'it serves' log_has 'HTTP on port'
sed -i "s/^http_listen.*/http_listen = 127.0.0.1:$(cat "$work/port")/" "$work/reload.config"
kill -HUP "$DOORS_PID"
ok 'a reload that names a port in use says so' log_has "http_listen = 127.0.0.1:$(cat "$work/port"): Address already in use"
sleep 0.2
"$PT" status -c "$work/reload.config" --set "lock_file=$work/serve.lock" --format json >"$out" || :
has 'and status' "$out" '"settings_error":"http_listen = '
kill "$holder"
wait "$holder" 2>/dev/null
kill -HUP "$DOORS_PID"
ok 'SIGHUP opens them once the port is free' log_has "HTTP on port $(cat "$work/port")"
sed -i 's/^http_listen.*/http_listen = off/' "$work/reload.config"
ok 'settings that leave nothing to serve are refused in a reload too' log_has 'nothing to serve: '
is 'and the doors stay open' "$(curl -s "http://127.0.0.1:$(cat "$work/port")/healthz")" ok
stop_doors

# ------------------------------------------------------------------- settings that were found, not named
mkdir -p "$work/home/.resilient"
(cd "$work" && sed "s|^http_listen.*|http_listen = 127.0.0.1:0|; s|^rules *=.*|rules = $PWD/rules|" reload.config >home/app.config)
{ cat "$work/home/app.config" && echo 'cts_name = other'; } >"$work/home/.resilient/app.config"
case $PT in /*) program=$PT ;; *) program=$PWD/$PT ;; esac
: >"$DOORS_LOG"
(cd "$work/home" && HOME=$work/home APP_LOG_DIR=$work exec "$program" serve --set "lock_file=$work/serve.lock" >/dev/null 2>"$DOORS_LOG") &
DOORS_PID=$!
ok 'settings of the working folder' log_has 'settings: ./app.config'
mv "$work/home/app.config" "$work/home/away"
kill -HUP "$DOORS_PID"
ok 'taken away, no other file stands in for them' log_has './app.config: No such file'
lacks 'now or later' "$DOORS_LOG" 'are in force'
stop_doors
finish
