#!/bin/sh
# apply.t: apply: a rule folder checked, tested, compared over the decision log and put in the place of the one in use; the same
# for a link; what is refused, and that nothing changes then. Rules as values of app.config.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
pt() {
    pt_command=$1
    shift
    run "$PT" "$pt_command" -c "$work/app.config" "$@"
}
live=$work/live
: >"$work/empty.config"
fresh=$work/fresh
mkdir -p "$live/lists" "$work/indicators"
cat >"$work/app.config" <<'END'
[fn_passivetotal]
passivetotal_tags = apt
[ptverdict]
rules = live
lists = indicators
state = state
decision_log = yes
allow_reserved = yes
END
cat >"$live/10-tags.lua" <<'END'
rule "tags" { title = "Tags", severity = "high", when = tags:has_any(setting "passivetotal_tags") }
END
cat >"$live/10-tags.test.lua" <<'END'
case "apt" { given = { artifact = "a.example", tags = { "apt" } }, expect = { verdict = "compromised" } }
END
echo '# ours' >"$live/lists/ours.txt"
printf 'indicator,tags\nevil.example,apt\nquiet.example,harmless\nodd.example,odd\n' >"$work/indicators/a.csv"
pt lookup evil.example quiet.example odd.example --format json
is 'three decisions in the log' "$rc $(wc -l <"$work/state/decisions.ndjson")" '0 3'

# ------------------------------------------------------------------------------------------------ apply
cp -R "$live" "$fresh"
mkdir "$fresh/.git"
sed -i 's/setting "passivetotal_tags"/{ "apt", "odd" }/' "$fresh/10-tags.lua"
before=$(cat "$live/10-tags.lua")
pt apply --dry-run "$fresh"
is 'a dry run exits 0' "$rc" 0
has 'it says how many cases passed' "$out" '1 passed, 0 failed'
has 'it shows what changes over the log' "$out" 'odd.example  no_match -> compromised, high'
has 'and counts' "$out" '3 records: 1 changed, 2 unchanged'
is 'and changes nothing' "$(cat "$live/10-tags.lua")" "$before"
pt apply "$fresh" --since 2100-01-01
has '--since chooses the decisions' "$out" '0 records'
ok 'the new rules are in place' cmp "$fresh/10-tags.lua" "$live/10-tags.lua"
is 'the old ones beside them' "$(cat "$live.old/10-tags.lua")" "$before"
ok 'lists too' test -f "$live/lists/ours.txt"
ok 'but nothing whose name begins with a dot' test ! -e "$live/.git"
is 'nothing else is left' "$(find "$work" -maxdepth 1 -name 'live*' | wc -l)" 2
pt lookup odd.example --format json
has 'they judge' "$out" '"verdict":"compromised"'

# -------------------------------------------------------------------------------------------- refusals
now=$(cat "$live/10-tags.lua")
echo 'rule "x" {' >"$fresh/20-bad.lua"
pt apply "$fresh"
is 'rules that do not load: exit 1' "$rc $(cat "$live/10-tags.lua")" "1 $now"
has 'file and line are said' "$out" '20-bad.lua:'
has 'and that nothing changed' "$err" 'is left as it is'
rm "$fresh/20-bad.lua"
sed -i 's/compromised/no_match/' "$fresh/10-tags.test.lua"
pt apply "$fresh"
is 'a case that fails: exit 1' "$rc $(cat "$live/10-tags.lua")" "1 $now"
has 'it is shown' "$out" 'FAIL'
sed -i 's/no_match/compromised/' "$fresh/10-tags.test.lua"
pt apply "$live"
is 'the folder in use itself: said at once' "$rc $(grep -c 'is the folder in use' "$err") $(cat "$out")" '64 1 '
pt apply "$work/nowhere"
is 'no folder' "$rc" 1
run "$PT" apply -c "$work/empty.config" --dry-run "$fresh"
is 'a folder that nobody named is not replaced' "$rc $(grep -c 'rules is not set' "$err")" '78 1'
pt apply --set rules="$work/app.config" "$fresh"
is 'nor is a file' "$rc $(grep -c 'is a file' "$err")" '78 1'
echo 'rule "broken" {' >"$live/20-bad.lua"
pt apply "$fresh"
is 'rules in use that do not load are replaced without a comparison' "$rc $(grep -c 'no comparison' "$err")" '0 1'
ok 'and are gone' test ! -e "$live/20-bad.lua"

# ------------------------------------------------------------------------------------------------ links
mv "$live" "$work/first"
ln -s first "$live"
pt apply "$fresh"
is 'a link is turned' "$rc $(readlink "$live")" '0 live.1'
has 'the old folder stays' "$out" "$work/first"
pt apply "$fresh"
is 'and again' "$rc $(readlink "$live") $(find "$work" -maxdepth 1 -name 'live*' | wc -l)" '0 live.2 4'

# -------------------------------------------------------------------------------------------- app.config
cat >"$work/values.config" <<'END'
[ptverdict]
lists = indicators
allow_reserved = yes
[rules]
fresh = 30d
[rules.files]
10-tags.lua =
    -- lines may be indented as one likes
    rule "tags" {
        title = "Tags", severity = "high",

        when = all { tags:has_any { "apt" }, none { artifact:in_zone(list "ours") } },
    }
lists/ours.txt = ours.example
    mine.example
END
run "$PT" lookup -c "$work/values.config" evil.example --format json
has 'rules may be values of app.config' "$out" '"verdict":"compromised"'
has 'and are named so' "$out" '[rules.files] 10-tags.lua","line":3'
run "$PT" check -c "$work/values.config"
is 'check reads them' "$rc" 0
run "$PT" lookup -c "$work/values.config" evil.example --format json --set state=kept --set decision_log=yes
id=$(sed -n 's/.*"decision_id":"\([0-9a-f]*\)".*/\1/p' "$out")
run "$PT" why -c "$work/values.config" --set state=kept "$id"
is 'they are kept for why' "$rc $(grep -c 'in_zone' "$out")" '0 1'
rm -rf kept
run "$PT" apply -c "$work/values.config" "$fresh"
is 'apply leaves them alone' "$rc $(grep -c 'change them there' "$err")" '78 1'
sed 's/^lists = /rules = live\n&/' "$work/values.config" >"$work/both.config"
run "$PT" check -c "$work/both.config"
is 'not from both' "$rc $(grep -c 'not from both' "$err")" '78 1'
sed 's/^10-tags.lua/10-tags.txt/' "$work/values.config" >"$work/odd.config"
run "$PT" check -c "$work/odd.config"
is 'a key that is no rule file' "$rc $(grep -c "'10-tags.txt' in .rules.files. is no rule file" "$err")" '78 1'
sed 's/"apt"/"apt/' "$work/values.config" >"$work/bad.config"
run "$PT" check -c "$work/bad.config"
is 'mistakes have file and line' "$rc $(grep -c 'rules.files. 10-tags.lua:6: error' "$out")" '1 1'
finish
