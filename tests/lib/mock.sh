# shellcheck shell=sh
# mock.sh: sourced by shell tests that need the mock API, the proxy or certificates. POSIX sh; run from the repository root.
#
#   start_mock [options of mock.js]     sets MOCK_URL and MOCK_PID
#   stop_mock                           ends that one (stop_server PID ends another)
#   mock_stat calls.tags                a number from GET /_stats
#   mock_control '[{"fault": ...}]'     queue faults; mock_reset forgets them and the counters
#   start_proxy [options of proxy.js]   sets PROXY_URL and PROXY_PID; stop_proxy; proxy_log prints its log
#   make_test_ca DIR                    ca.pem, and server (localhost, 127.0.0.1), wrong, expired, client: NAME.pem, NAME.key
#
# Servers end with the shell that started them, whatever happens: they watch their parent.
#
# SPDX-License-Identifier: Apache-2.0

MOCK_LIB=${MOCK_LIB:-tests/lib}

# start_server OUTPUT SCRIPT [options]: sets SERVER_PID and SERVER_URL; fails after 10 s (SERVER_WAIT: twentieths of a second)
start_server() {
    server_out=$1
    server_script=$2
    shift 2
    : >"$server_out"
    node "$MOCK_LIB/$server_script" "$@" </dev/null >"$server_out" 2>"$server_out.err" &
    SERVER_PID=$!
    server_tries=0
    while [ "$server_tries" -lt "${SERVER_WAIT:-200}" ]; do
        SERVER_URL=$(sed -n 's/^ready //p' "$server_out")
        if [ -n "$SERVER_URL" ]; then
            return 0
        fi
        kill -0 "$SERVER_PID" 2>/dev/null || break
        sleep 0.05
        server_tries=$((server_tries + 1))
    done
    echo "$server_script did not start: $(cat "$server_out.err")" >&2
    stop_server "$SERVER_PID"
    return 1
}

stop_server() {
    [ -n "${1:-}" ] || return 0
    kill -TERM "$1" 2>/dev/null || return 0
    wait "$1" 2>/dev/null || :
}

start_mock() {
    mock_out=$(mktemp "${TMPDIR:-/tmp}/mock.XXXXXX") || return 1
    start_server "$mock_out" mock.js "$@"
    mock_rc=$?
    rm -f "$mock_out" "$mock_out.err"
    [ "$mock_rc" -eq 0 ] || return 1
    # shellcheck disable=SC2034
    MOCK_URL=$SERVER_URL MOCK_PID=$SERVER_PID
}

stop_mock() {
    stop_server "${MOCK_PID:-}"
    MOCK_PID=
}

mock_stat() {
    node "$MOCK_LIB/mock_ask.js" "$MOCK_URL/_stats" "$1"
}

mock_control() {
    node "$MOCK_LIB/mock_ask.js" --post "$MOCK_URL/_control" "$1" >/dev/null
}

mock_reset() {
    node "$MOCK_LIB/mock_ask.js" --post "$MOCK_URL/_reset" >/dev/null
}

start_proxy() {
    proxy_out=$(mktemp "${TMPDIR:-/tmp}/proxy.XXXXXX") || return 1
    start_server "$proxy_out" proxy.js "$@"
    proxy_rc=$?
    rm -f "$proxy_out" "$proxy_out.err"
    [ "$proxy_rc" -eq 0 ] || return 1
    # shellcheck disable=SC2034
    PROXY_URL=$SERVER_URL PROXY_PID=$SERVER_PID
}

stop_proxy() {
    stop_server "${PROXY_PID:-}"
    PROXY_PID=
}

proxy_log() {
    node "$MOCK_LIB/mock_ask.js" "$PROXY_URL/_log"
}

# make_test_cert DIR NAME SUBJECT-ALT-NAMES DAYS USAGE
make_test_cert() {
    printf 'subjectAltName=%s\nextendedKeyUsage=%s\n' "$3" "$5" >"$1/$2.ext" &&
        openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$2" \
            -keyout "$1/$2.key" -out "$1/$2.csr" 2>/dev/null &&
        openssl x509 -req -in "$1/$2.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" -set_serial "$((cert_serial += 1))" \
            -days "$4" -extfile "$1/$2.ext" -out "$1/$2.pem" 2>/dev/null &&
        rm -f "$1/$2.csr" "$1/$2.ext"
}

make_test_ca() {
    cert_serial=1
    mkdir -p "$1" &&
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=test CA" \
            -addext basicConstraints=critical,CA:TRUE -keyout "$1/ca.key" -out "$1/ca.pem" 2>/dev/null &&
        make_test_cert "$1" server DNS:localhost,IP:127.0.0.1 2 serverAuth &&
        make_test_cert "$1" wrong DNS:other.example 2 serverAuth &&
        make_test_cert "$1" expired DNS:localhost,IP:127.0.0.1 -1 serverAuth &&
        make_test_cert "$1" client DNS:client.example 2 clientAuth
}
