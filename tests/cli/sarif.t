#!/bin/sh
# sarif.t: check --format sarif is SARIF 2.1.0 by its official schema, and says what the text says. Each code of a finding is in
# the one table of codes.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
. tests/lib/lacking.sh

# The Debian package belongs to the system's Python, which need not be the first on the path.
python=
for p in python3 /usr/bin/python3; do
    "$p" -c 'import jsonschema' 2>/dev/null && python=$p && break
done
[ -n "$python" ] || lacking python3-jsonschema
valid() {
    "$python" tests/schema/validate.py tests/schema/sarif-2.1.0.json "$1"
}

mkdir -p "$work/rules/lists"
printf '[fn_passivetotal]\npassivetotal_tags = a\n[rules]\nunused = 1\n' >"$work/app.config"
cat >"$work/rules/50 %: wild.lua" <<'EOR'
allow "old" { reason = "r", owner = "o", expires = "2020-01-01", when = artifact:is "x.example" }
rule "bad" {
  severity = "high",
  when = all { tag:has_any { "x" }, classification:is "malicous\27[31m\"" },
}
rule "shadowed" { severity = "low", status = "shadow", when = subdomains.count:at_least(3) }
EOR
run "$PT" check -c "$work/app.config" --now 2026-05-01 "$work/rules" --format sarif
is 'a set with problems: exit 1' "$rc" 1
ok 'is valid SARIF' valid "$out"
has 'the file is a URI, the line a region' "$out" '/rules/50%20%25%3A%20wild.lua"},"region":{"startLine":4}}'
is 'an absolute path is a file URI' "$(grep -c '"uri":"file:///' "$out")" 1
cp "$out" "$work/sarif"
run "$PT" check -c "$work/app.config" --now 2026-05-01 "$work/rules"
is 'it has as many results as the text has findings' "$(grep -o '"ruleId"' "$work/sarif" | wc -l)" "$(grep -c ' \[[EWN]-[A-Z-]*\]$' "$out")"
for grade in error warning note; do
    is "each $grade of the text is one there" "$(grep -o "\"level\":\"$grade\"" "$work/sarif" | wc -l)" "$(grep -c ": $grade: " "$out")"
done
run "$PT" check -c "$work/app.config" rules --format sarif
is 'a set in order: exit 0' "$rc" 0
ok 'is valid SARIF' valid "$out"
printf 'rule "x" { title = 1 }\n' >"$work/x.lua"
program=$(realpath "$PT")
cd "$work" && run "$program" check ./x.lua --format sarif
cd - >/dev/null || exit 1
has 'a relative path stays relative, for a code host' "$out" '"artifactLocation":{"uri":"x.lua"}'
ok 'is valid SARIF' valid "$out"

# A schema that lets everything through would prove nothing.
sed 's/"level":"error"/"level":"bad"/' "$work/sarif" >"$work/wrong"
ok 'a wrong level is noticed' sh -c '! "$@"' - "$python" tests/schema/validate.py tests/schema/sarif-2.1.0.json "$work/wrong"
sed 's/"startLine":4/"startLine":0/' "$work/sarif" >"$work/wrong"
ok 'line 0 is noticed' sh -c '! "$@"' - "$python" tests/schema/validate.py tests/schema/sarif-2.1.0.json "$work/wrong"

grep -rhoE '"[EWN]-[A-Z]+(-[A-Z]+)*"' src --include='*.c' --exclude=finding_codes.c | sort -u >"$work/used"
grep -oE '"[EWN]-[A-Z]+(-[A-Z]+)*"' src/base/finding_codes.c >"$work/table"
is 'the table holds every code of the sources, and no other, in order' "$(cat "$work/table")" "$(cat "$work/used")"
finish
