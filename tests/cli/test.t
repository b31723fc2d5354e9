#!/bin/sh
# test.t: what `test` must not pass in silence: rules without cases, files that do not load, patterns that fit nothing.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh

rule() { # rule FILE ID
    cat >"$1" <<EOR
rule "$2" { title = "t", severity = "high", when = tags:has_any { "x" }, hit = { standard }, note = "n" }
EOR
}
cases() { # cases FILE
    cat >"$1" <<'EOR'
case "yes" { given = { artifact = "evil.example", tags = { "x" } }, expect = { verdict = "compromised" } }
case "no" { given = { artifact = "evil.example", tags = { "y" } }, expect = { verdict = "no_match" } }
EOR
}
mkdir "$work/k" "$work/alone"
rule "$work/alone/1.lua" alone
run "$PT" test --strict "$work/alone"
is 'a rule that no case judges does not pass --strict' "$rc" 1
has 'its coverage is nothing' "$out" 'all rules: 0 %'
has 'it is named' "$out" 'alone  0 %'
has 'no case would notice it' "$out" 'gate: 1 condition could be wrong'
has 'the file is named' "$err" '[W-NO-TEST]'
has 'the rule too' "$err" '[W-NO-CASE]'
run "$PT" test --coverage 50 "$work/alone/1.lua"
is 'nor --coverage, when the file is named' "$rc" 1
run "$PT" test --coverage 0 "$work/alone"
is '--coverage 0 only shows' "$rc" 0
run "$PT" test --strict --format json "$work/alone"
has 'json: percent' "$out" '"coverage":{"percent":0,'
has 'json: findings' "$out" '"code":"W-NO-CASE","message":"no case judges rule \"alone\""'
run "$PT" test --strict --format junit "$work/alone"
has 'junit: the gate' "$out" 'coverage is 0 %, wanted 100 %'
has 'junit: findings' "$out" 'no case judges rule &quot;alone&quot; [W-NO-CASE]'

rule "$work/k/2.lua" tested
cases "$work/k/2.test.lua"
run "$PT" test --strict "$work/k"
is 'a rule with its cases passes' "$rc" 0
run "$PT" test --coverage 100 "$work/k"
is '--coverage alone passes what is seen both ways' "$rc $(grep -c 'all rules: 100 %' "$out")" '0 1'
run "$PT" test --coverage 100 --run yes "$work/k"
is '--coverage alone is a gate' "$rc $(grep -c 'gate: coverage is 50 %, below 100 %' "$out")" '1 1'
rule "$work/k/1.lua" untested
run "$PT" test --coverage 100 "$work/k"
is 'half the rules tested: half the coverage' "$rc $(grep -c 'all rules: 50 %' "$out")" '1 1'
run "$PT" test --strict --run '*' "$work/k"
is 'with --run, what was left out is no gap' "$rc" 0

run "$PT" test --run zzz "$work/k"
is '--run that fits no case is a failure' "$rc" 1
has 'and says so' "$err" "no case fits 'zzz'"
run "$PT" test --run zzz --format json "$work/k"
is 'json too' "$rc $(grep -c '"passed":false,.*no case fits' "$out")" '1 1'
run "$PT" test --run zzz --format junit "$work/k"
is 'junit too' "$rc $(grep -c 'no case fits' "$out")" '1 1'

echo 'rule "broken" { severity = "high", when = tag:has_any { "x" } }' >"$work/k/1.lua"
run "$PT" test "$work/k"
is 'a file that does not load and has no test fails the run' "$rc" 1
has 'with its error' "$err" "$work/k/1.lua:1: error: unknown name 'tag'"
rm "$work/k/1.lua"

for twice in "$work/k $work/k" "$work/k/2.lua $work/k/2.test.lua" "$work/k $work/k/./2.lua"; do
    # shellcheck disable=SC2086 # two paths
    run "$PT" test $twice
    is "tested once: $(echo "$twice" | sed "s|$work/||g")" "$rc $(tail -n 1 "$out")" '0 2 passed, 0 failed'
done

cat >"$work/k/2.test.lua" <<'EOR'
case "first" { given = { artifact = "evil.example", tags = { "x" } }, expect = { verdict = "no_match" } }
case "second" { given = { artifact = "evil.example", tags = { "y" } }, expect = { verdict = "no_match" } }
EOR
run "$PT" test --fail-fast "$work/k"
is '--fail-fast stops at the first failure' "$rc $(tail -n 1 "$out")" '1 0 passed, 1 failed (stopped at the first failure)'
: >"$work/k/2.test.lua"
run "$PT" test "$work/k"
has 'an empty test file is named' "$err" 'this test file has no case [W-NO-CASE]'
finish
