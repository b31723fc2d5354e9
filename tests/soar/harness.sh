# shellcheck shell=sh disable=SC2034,SC2119,SC2120
# harness.sh: sourced by shell tests that need broker, tap or platform. POSIX sh; run from the repository root.
#
#   start_soar DIR [options of platform.js]   certificates in DIR/certs, a broker, a tap before it, a platform; false: Java or ActiveMQ is
#                                     missing. Sets BROKER TAP PLATFORM (control URLs), BROKER_TLS and TAP_PORT (for the worker),
#                                     REST_URL, REST_PORT, CERTS
#   start_tap [options of tap.js]     another one: SERVER_URL, SERVER_PID
#   ask URL [JSON]                    GET, or POST with that body ({} for none): prints the answer; false when it is an error
#   value PATH                        picks from JSON on stdin: ask "$TAP/" | value connections
#   stop_soar
#
# All end with the shell that started them.
#
# SPDX-License-Identifier: Apache-2.0

. tests/lib/mock.sh

# start_helper SCRIPT [options]: sets SERVER_URL and SERVER_PID
start_helper() {
    helper_out=$(mktemp "${TMPDIR:-/tmp}/soar.XXXXXX") || return 1
    MOCK_LIB=tests/soar SERVER_WAIT=1800
    start_server "$helper_out" "$@"
    helper_rc=$?
    MOCK_LIB=tests/lib SERVER_WAIT=
    rm -f "$helper_out" "$helper_out.err"
    return "$helper_rc"
}

ask() {
    if [ $# -gt 1 ]; then
        ASK_TIMEOUT_MS=${ASK_TIMEOUT_MS:-120000} node tests/lib/mock_ask.js --post "$1" "$2"
    else
        ASK_TIMEOUT_MS=${ASK_TIMEOUT_MS:-120000} node tests/lib/mock_ask.js "$1"
    fi
}

value() {
    node -e 'const v = process.argv[1].split(".").reduce((o, k) => o == null ? o : o[k], JSON.parse(require("fs").readFileSync(0, "utf8")));
        console.log(typeof v === "object" ? JSON.stringify(v) : String(v));' "$1"
}

start_tap() {
    start_helper tap.js --to "$(ask "$BROKER/" | value stomp)" --certs "$CERTS" "$@"
}

start_soar() {
    soar_dir=$1
    shift
    CERTS=$soar_dir/certs
    make_test_ca "$CERTS" || return 1
    start_helper broker.js --dir "$soar_dir/broker" --certs "$CERTS" || return 1
    BROKER=$SERVER_URL BROKER_PID=$SERVER_PID
    BROKER_TLS=$(ask "$BROKER/" | value tls)
    start_tap || return 1
    TAP=$SERVER_URL TAP_PID=$SERVER_PID
    TAP_PORT=$(ask "$TAP/" | value port)
    start_helper platform.js --certs "$CERTS" --broker "$(ask "$BROKER/" | value stomp)" "$@" || return 1
    PLATFORM=$SERVER_URL PLATFORM_PID=$SERVER_PID
    REST_URL=$(ask "$PLATFORM/" | value rest)
    REST_PORT=$(ask "$PLATFORM/" | value port)
}

stop_soar() {
    for soar_pid in "${PLATFORM_PID:-}" "${TAP_PID:-}" "${BROKER_PID:-}"; do
        stop_server "$soar_pid"
    done
}
