#!/bin/sh
# run.sh: the acceptance tests, one after the other, all on one broker, tap and platform: starting them takes longer than most
# tests do. An argument picks files by name. A test run alone makes its own.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/../.."
mode=${MODE:-asan}
export PTVERDICT="${PTVERDICT:-$PWD/build/$mode/ptverdict}"
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:allocator_may_return_null=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
unset PTVERDICT_CONFIG APP_CONFIG_FILE APP_LOG_DIR APP_LOCK_FILE HTTP_PROXY HTTPS_PROXY http_proxy https_proxy NO_PROXY no_proxy || true
export TZ=UTC LC_ALL=C.UTF-8
list=$(ls tests/soar/*.t)
[ $# -eq 0 ] || [ -z "$1" ] || list=$(printf '%s\n' "$list" | grep -e "$1") || { echo "no test file matches '$1'" >&2; exit 1; }
. tests/soar/harness.sh
SOAR_STAND=$(mktemp -d "${TMPDIR:-/tmp}/soar-stand.XXXXXX")
trap 'stop_soar; rm -rf "$SOAR_STAND"' EXIT
if command -v node >/dev/null && start_soar "$SOAR_STAND"; then
    for name in BROKER TAP PLATFORM BROKER_TLS TAP_PORT REST_URL REST_PORT CERTS; do
        eval "printf '%s=%s\n' \"$name\" \"\$$name\""
    done >"$SOAR_STAND/env"
    export SOAR_STAND
else
    unset SOAR_STAND
fi
# shellcheck disable=SC2086  # one word a file; names have no blanks
prove --timer --failures --comments --exec '' $list
