# shellcheck shell=sh disable=SC2034,SC2119,SC2120,SC2154,SC1091
# worker.sh: sourced after tests/lib/tap.sh by the acceptance tests: everything around one `ptverdict serve`, and that one.
#
#   stand [options of mock.js]      broker, tap, platform and mock API in $work; the worker talks to the broker through the tap.
#                                   Ends the test with a skip when Java or ActiveMQ is missing. With $SOAR_STAND (run.sh) one
#                                   broker, tap and platform serve all tests; each has queues of its own ($HANDLE)
#   config [FILE]                   writes app.config (lines of [resilient] in $resilient, of [ptverdict] in $ptverdict are added)
#   worker [options of serve]       starts it with $work/app.config; WORKER_PID; its log is $work/log
#   worker_up                       waits until it is subscribed;  worker_says TEXT [SECONDS]  until its log holds TEXT
#   worker_ends [SECONDS]           waits for its end; sets $rc (124: it did not)
#   worker_stop                     SIGTERM, then worker_ends
#   call JSON                       POST /call to the platform, waits for the complete replies: prints them
#   pick PATH                       a value out of JSON on stdin
#   unstand                         all of it away
#
# SPDX-License-Identifier: Apache-2.0

. tests/soar/harness.sh

KEY_ID=11111111-2222-3333-4444-555555555555 KEY_SECRET=s3cr3t:key
resilient='' ptverdict='' WORKER_PID='' LOGIN="api_key_id=$KEY_ID
api_key_secret=$KEY_SECRET"

stand() {
    command -v node >/dev/null || { echo '1..0 # SKIP node is not there'; exit 0; }
    if [ -n "${SOAR_STAND:-}" ]; then
        . "$SOAR_STAND/env"
        for stand_url in "$PLATFORM" "$TAP"; do
            ask "$stand_url/reset" '{}' >/dev/null || exit 1
        done
    else
        start_soar "$work/soar" || {
            echo '1..0 # SKIP Java or ActiveMQ is not there (Debian: activemq, default-jre-headless)'
            exit 0
        }
    fi
    stand_name=$(basename "$0" .t)
    HANDLE=$(printf '%s' "$stand_name" | tr -c 'a-z0-9' _)
    ask "$PLATFORM/set" "{\"handle\": \"$HANDLE\"}" >/dev/null || exit 1
    start_mock --auth analyst:s3cret-key "$@" || exit 1
    trap 'unstand; rm -rf "$work"' EXIT
    mkdir -p "$work/rules" "$work/state" "$work/logs"
    cp rules/10-flagged-tags.lua "$work/rules/"
    STOMP_PORT=$TAP_PORT
    config
}

config() {
    cat >"${1:-$work/app.config}" <<END
[resilient]
host=localhost
port=$REST_PORT
org=Test Org
$LOGIN
cafile=$CERTS/ca.pem
stomp_host=localhost
stomp_port=$STOMP_PORT
logdir=$work/logs
num_workers=3
$resilient
[fn_passivetotal]
passivetotal_base_url=$MOCK_URL
passivetotal_username=analyst
passivetotal_api_key=s3cret-key
passivetotal_tags=compromised,ransomware,apt
[ptverdict]
rules=$work/rules
state=$work/state
allow_reserved=yes
http_listen=off
retry_within=0
$ptverdict
END
}

worker() {
    : >"$work/log"
    "$PT" serve -c "$work/app.config" "$@" >>"$work/log" 2>&1 </dev/null &
    WORKER_PID=$!
}

# until_true SECONDS COMMAND...
until_true() {
    until_left=$(($1 * 20))
    shift
    while ! "$@"; do
        until_left=$((until_left - 1))
        [ "$until_left" -gt 0 ] || return 1
        sleep 0.05
    done
}

log_holds() {
    grep -qF -e "$1" "$work/log"
}

worker_says() {
    until_true "${2:-10}" log_holds "$1" || {
        echo "# the worker never said: $1"
        sed 's/^/# /' "$work/log"
        return 1
    }
}

worker_up() {
    worker_says 'subscribed to' "$@"
}

worker_gone() {
    ! kill -0 "$WORKER_PID" 2>/dev/null
}

worker_ends() {
    rc=124
    until_true "${1:-10}" worker_gone || return 1
    rc=0
    wait "$WORKER_PID" || rc=$?
    WORKER_PID=
}

worker_stop() {
    kill -TERM "$WORKER_PID"
    worker_ends "$@"
}

call() {
    call_sent=$(ask "$PLATFORM/call" "$1") || return 1
    ask "$PLATFORM/wait" "$call_sent"
}

pick() {
    value "$1"
}

unstand() {
    if [ -n "$WORKER_PID" ]; then
        kill -KILL "$WORKER_PID" 2>/dev/null
        wait "$WORKER_PID" 2>/dev/null
    fi
    stop_mock
    [ -n "${SOAR_STAND:-}" ] || stop_soar
}
