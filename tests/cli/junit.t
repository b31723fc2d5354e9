#!/bin/sh
# junit.t: test --format junit is what CI servers read, by the schema of one of them.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
. tests/lib/lacking.sh
command -v xmllint >/dev/null || lacking xmllint
valid() {
    xmllint --noout --schema tests/schema/junit.xsd "$1"
}
# value XPATH
value() {
    xmllint --xpath "$1" "$out"
}

run "$PT" test rules --format junit --strict
is 'cases and gates that pass: exit 0' "$rc" 0
ok 'is valid' valid "$out"
is 'no failure' "$(value 'string(/testsuites/@failures)') $(value 'count(//failure)')" '0 0'
is 'counts are right' "$(value 'string(/testsuites/@tests)')" "$(value 'count(//testcase)')"

mkdir "$work/r"
cat >"$work/r/10-a<b&.lua" <<'EOR'
rule "a" { severity = "low", when = any { tags:has_any { "x" }, classification:is "malicious" } }
EOR
cat >"$work/r/10-a<b&.test.lua" <<'EOR'
case "hostile \"name\" <&> \27[31m \195\188 ]]>" {
  given  = { artifact = "evil.example", tags = { "<b>&", "x" } },
  expect = { verdict = "no_match", note_has = "a\1b" },
}
case "passes" { given = { artifact = "evil.example", tags = {}, classification = "unknown" }, expect = { verdict = "no_match" } }
case "broken" { given = { artifact = "evil.example", tagz = {} }, expect = { verdict = "no_match" } }
EOR
run "$PT" test "$work/r" --format junit --strict
is 'cases that fail: exit 1' "$rc" 1
ok 'is valid' valid "$out"
is 'each is a failure, and each gate that fails' "$(value 'string(/testsuites/@failures)')" "$(value 'count(//testcase[failure])')"
is 'two cases failed' "$(value 'string(/testsuites/testsuite[1]/@failures)')" 2
has 'what was expected and what came' "$out" 'verdict: expected no_match, got compromised'
has 'the conditions are there' "$out" 'seen: '
has 'a gate that fails names the conditions' "$out" '        yes      never seen'
is 'names come through' "$(value 'string(//testcase[1]/@name)')" 'hostile "name" <&> \x1b[31m ü ]]>'

sed 's/ tests=/ testz=/' "$out" >"$work/wrong"
run valid "$work/wrong"
is 'a schema that lets everything through would prove nothing' "$rc" 3
finish
