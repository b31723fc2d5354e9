#!/bin/sh
# Fuzz each target named for so many seconds, from a copy of its corpus: tests/fuzz/run.sh SECONDS fuzz_NAME...
# A crash leaves its input in build/fuzz/NAME.crash-*; put it into tests/fuzz/corpus/NAME with the fix.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/../.."
seconds=$1
shift
passed=0 failed=0
for target in "$@"; do
    name=${target#fuzz_}
    work=build/fuzz/corpus-$name
    mkdir -p "$work"
    if build/fuzz/"$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix=build/fuzz/"$name". -verbosity=0 \
        -print_final_stats=1 "$work" tests/fuzz/corpus/"$name" >build/fuzz/"$name".log 2>&1; then
        passed=$((passed + 1))
        printf 'ok   %-22s %s runs\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' build/fuzz/"$name".log)"
    else
        failed=$((failed + 1))
        printf 'FAIL %-22s see build/fuzz/%s.log\n' "$name" "$name"
        tail -n 30 build/fuzz/"$name".log
    fi
done
echo "fuzz: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
