#!/bin/sh
# workbench.t: init, new, check, fields and needs: from nothing to a rule that judges, offline.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh

run "$PT" init "$work/a/starter"
is 'init exits 0' "$rc" 0
starter=$work/a/starter
is 'settings are for the owner alone' "$(find "$starter/app.config" -perm 600)" "$starter/app.config"
for file in rules/*.lua; do
    ok "$file is in the starter" cmp "$file" "$starter/$file"
done
run "$PT" config -c "$starter/app.config"
is 'its settings are read' "$rc" 0
run "$PT" config --format markdown
missing=
keys=$(awk -F '\140' '/^\| \140/ { print $2 }' "$out")
for key in $keys; do
    grep -q "^#\{0,1\}$key =" "$starter/app.config" || missing="$missing $key"
done
is 'every setting is in it' "$missing" ''
run "$PT" lookup -c "$starter/app.config" login-update.example quiet-shop.example half-answered.example --format json
is 'its archive answers, offline' "$rc $(sed -n 's/.*"verdict":"\([a-z_]*\)".*/\1/p' "$out" | tr '\n' ' ')" \
    '0 compromised no_match unknown '
run "$PT" init "$starter"
is 'init never writes over anything' "$rc $(grep -c 'nothing was written' "$err")" '65 1'

run "$PT" new -c "$starter/app.config" 30-busy
is 'new makes two files where the rules are' "$rc $(find "$starter/rules" -name '30-busy*.lua' | wc -l | tr -d ' ')" '0 2'
run "$PT" check -c "$starter/app.config"
is 'the new rule is in order' "$rc" 0
run "$PT" new -c "$starter/app.config" 30-busy
is 'new never writes over anything' "$rc" 65
run "$PT" new "$work/deep/er/quiet.lua"
is 'new takes a path' "$rc $(find "$work/deep/er" -name 'quiet*.lua' | wc -l | tr -d ' ')" '0 2'
run "$PT" new "$work/deep/30-APT_29"
is 'whatever letters the name of a rule may have' "$rc $(grep -c '^rule "APT_29" {' "$work/deep/30-APT_29.lua")" '0 1'
run "$PT" new 'Bad Name'
is 'new refuses what is no name' "$rc" 65

cat >"$work/bad.lua" <<'EOF'
rule "bad" {
  title = "t", severity = "high",
  when = all {
    tag:has_any { "x" },
    classification:is "malicous",
  },
  hit = { standard }, note = "n",
}
EOF
run "$PT" check -c "$starter/app.config" "$work/bad.lua" "$starter/rules"
is 'check: problems are exit code 1' "$rc" 1
has 'with file, line, what, did-you-mean and code' "$out" "$work/bad.lua:4: error: unknown name 'tag' (did you mean 'tags'?) [E-NAME]"
run "$PT" check -c "$starter/app.config" --format json "$work/bad.lua"
has 'check as json' "$out" '{"schema":"ptverdict.check/1","errors":'
run "$PT" lookup -c "$starter/app.config" --rules "$work/bad.lua" login-update.example
is 'a lookup with such rules: exit 65' "$rc" 65
has 'and the findings' "$err" '[E-NAME]'
run "$PT" check --rules "$work/nowhere"
ok 'check of a folder that is not there is no success' test "$rc" -ne 0

run "$PT" fields
has 'fields: a word, an example and its call' "$out" 'tags:has_any'
run "$PT" fields --format json
has 'fields as json' "$out" '{"schema":"ptverdict.fields/1"'
run "$PT" needs -c "$starter/app.config"
has 'needs: what a rule makes us fetch' "$out" 'to be judged: tags'
run "$PT" needs -c "$starter/app.config" --format json
has 'needs as json' "$out" '"calls_to_judge_at_most":1'
mkdir -p "$work/nested/team" "$work/nested/.git"
cp rules/*.lua "$work/nested/" && cp rules/10-flagged-tags.lua "$work/nested/team/" && cp rules/10-flagged-tags.lua "$work/nested/.git/"
run "$PT" check -c "$starter/app.config" "$work/nested"
is 'rules in a folder below are not passed over in silence' "$rc $(grep -c '' "$out") $(head -n 1 "$out")" \
    "0 2 $work/nested/team: warning: not loaded: rule files lie in the folder itself, not in one below it; name this folder too [W-FILENAME]"
finish
