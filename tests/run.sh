#!/bin/sh
# Run the tests that `make check` built, through one prove: unit tests (cmocka, TAP), command line tests (sh, TAP), replays of the
# fuzz corpora. An argument picks files by name. MODE=cover runs those of the coverage build.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
mode=${MODE:-asan}
export PTVERDICT="${PTVERDICT:-$PWD/build/$mode/ptverdict}"
export PTV_SHARED_DATA="${PTV_SHARED_DATA:-$PWD/../shared/data/passivetotal}"
export CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:allocator_may_return_null=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
# Tests do not depend on the caller's settings, proxies or terminal.
unset PTVERDICT_CONFIG APP_CONFIG_FILE APP_LOG_DIR APP_LOCK_FILE HTTP_PROXY HTTPS_PROXY http_proxy https_proxy NO_PROXY no_proxy NO_COLOR \
    REQUESTS_CA_BUNDLE CURL_CA_BUNDLE || true
export TZ=UTC LC_ALL=C.UTF-8
set -- ${1:+"$1"}
list=$(find "build/$mode/unit" "build/$mode/replay" tests \( -name 'test_*' -o -name 'fuzz_*' -o -name '*.t' \) -type f ! -name '*.[cdo]' 2>/dev/null | sort)
[ $# -eq 0 ] || list=$(printf '%s\n' "$list" | grep -e "$1") || { echo "no test file matches '$1'" >&2; exit 1; }

# The tests in tests/soar run one after the other, all on one broker, tap and platform: starting them takes longer than most tests do.
# Those that wait long have their own (see their head) and run beside them.
case $list in *tests/soar/*)
    . tests/soar/harness.sh
    SOAR_STAND=$(mktemp -d "${TMPDIR:-/tmp}/soar-stand.XXXXXX")
    trap 'stop_soar; rm -rf "$SOAR_STAND"' EXIT
    if command -v node >/dev/null && start_soar "$SOAR_STAND"; then
        for name in BROKER TAP PLATFORM BROKER_TLS TAP_PORT REST_URL REST_PORT CERTS; do
            eval "printf '%s=%s\n' \"$name\" \"\$$name\""
        done >"$SOAR_STAND/env"
        export SOAR_STAND
    fi
    ;;
esac
# shellcheck disable=SC2086  # one word a file; names have no blanks
prove -j "${JOBS:-2}" --rules 'seq=tests/soar/{bad-platform,row-23-frozen,rules-change}.t' --rules 'seq=tests/soar/*' --rules 'par=**' --timer --exec '' $list
