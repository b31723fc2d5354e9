#!/bin/sh
# make bench: one table, each figure beside its target. Ratios are taken within one run; single figures move with the machine.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/../.."
export TZ=UTC LC_ALL=C.UTF-8
unset PTVERDICT_CONFIG APP_CONFIG_FILE HTTP_PROXY HTTPS_PROXY http_proxy https_proxy NO_PROXY no_proxy || true
want() { [ -z "${1##*"$pattern"*}" ]; }
pattern=${1:-}
for b in build/bench/bench_*; do
    case $b in *bench_lookup | *bench_engines | *.[do]) continue ;; esac
    want "$b" && "$b"
done
if want bench_lookup; then
    . tests/lib/mock.sh
    start_mock --delay 50
    build/bench/bench_lookup "$MOCK_URL"
    stop_mock
fi
for part in start_up workbench one_shot stream; do
    if want "$part"; then python3 tests/bench/process.py "$part"; fi
done
for part in bulk diff engines; do
    if want "$part"; then python3 tests/bench/bulk.py "$part"; fi
done
