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
has 'json: percent' "$out" '"coverage":{"percent":0,"wanted":100,'
has 'json: findings' "$out" '"code":"W-NO-CASE","message":"no case judges rule \"alone\""'
run "$PT" test --strict --format junit "$work/alone"
has 'junit: the gate' "$out" 'coverage is 0 %, wanted 100 %'
has 'junit: the line that no case would notice' "$out" '/alone/1.lua:1: no case would notice if this line were wrong: tags:has_any'
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
sed 's/tags:has_any { "x" }/all { tags:has_any { "x" }, artifact:is "evil.example" }/' "$work/k/2.lua" >"$work/tree.lua"
mv "$work/tree.lua" "$work/k/2.lua"
run "$PT" test --color always "$work/k"
has 'a tree on a terminal is drawn' "$out" '├ tags:has_any'
run "$PT" test "$work/k"
lacks 'in a pipe it is plain' "$out" '├'
has 'and indented' "$out" 'yes        tags:has_any{"x"}  seen: x'
run "$PT" test --color always --format junit "$work/k"
lacks 'in a file for programs too' "$out" '├'
: >"$work/k/2.test.lua"
run "$PT" test "$work/k"
has 'an empty test file is named' "$err" 'this test file has no case [W-NO-CASE]'

# What a case expects or is given must be possible; each wrong case is an error of its own.
cat >"$work/k/2.lua" <<'EOR'
rule "fresh" {
  title = "t", severity = "high", when = passive_dns.first_seen:within(setting("fresh", "30d")),
  hit = { standard, { "Our word", "x" } }, note = "n",
}
allow "ours" { reason = "r", owner = "o", expires = "2026-04-30", when = artifact:is "ours.example" }
EOR
cat >"$work/k/2.test.lua" <<'EOR'
settings { fresh = "20d", frehs = "1d" }
case "settings" { given = { artifact = "evil.example" }, expect = { verdict = "unknown" }, settings = {
  fersh = "7d" } }
case "hit" { given = { artifact = "evil.example" }, expect = { verdict = "unknown",
  hit = { ["Our wrod"] = false } } }
case "hits that can be" { given = { artifact = "evil.example" }, expect = { verdict = "unknown",
  hit = { ["Our word"] = false, ["Our word (fresh)"] = false, ["Tags"] = false, Rules = false, ["Not read"] = false } } }
case "clean but high" { given = { artifact = "evil.example" },
  expect = { verdict = "no_match", severity = "high" } }
case "clean and none" { given = { artifact = "evil.example", passive_dns = { first_seen = "2020-01-01" } },
  now = "2026-05-01T00:00:00Z", expect = { verdict = "no_match", severity = "none" } }
case "path" {
  given = fixture "../../x", expect = { verdict = "no_match" } }
case "recorded" { given = recorded "evil.example", expect = { verdict = "no_match" } }
case "expired" { given = { artifact = "ours.example", passive_dns = { first_seen = "2026-04-30" } },
  now = "2026-05-02T00:00:00Z", expect = { suppressed_by = "ours" } }
EOR
run "$PT" test --explain "$work/k"
is 'wrong cases fail the run' "$rc" 1
at=$work/k/2.test.lua
has 'a setting of the file that no rule reads' "$err" "$at:1: error: settings: no rule under test reads setting 'frehs' (did you mean 'fresh'?) [E-NAME]"
has 'of a case' "$err" "$at:3: error: case \"settings\": no rule under test reads setting 'fersh' (did you mean 'fresh'?)"
has 'a hit field that no rule has' "$err" "$at:5: error: case \"hit\": no rule in $work/k/2.lua has a hit field 'Our wrod' (did you mean 'Our word'?)"
has 'those that can be are taken' "$out" 'hits that can be'
lacks 'without an error' "$err" '"hits that can be"'
has 'a verdict that the severity rules out' "$err" "$at:9: error: case \"clean but high\": verdict no_match cannot come with severity high"
lacks 'severity none is no contradiction' "$err" '"clean and none"'
has 'a fixture outside: the line, and the rest of the file goes on' "$err" "$at:13: error: case \"path\": fixture: '../../x'"
has 'recorded without an archive' "$out" 'no archive/ or archive.ndjson beside the tests'
has 'an allowance that has expired' "$out" 'suppressed_by: ours expired 2026-04-30'
is '--explain shows the conditions of a case that passes' \
    "$(grep -A 3 'clean and none' "$out" | grep -c 'passive_dns.first_seen:within')" 1

# One file of several: what its cases with scope = "all" judge beside it is not under test.
mkdir "$work/several"
rule "$work/several/1.lua" one
rule "$work/several/2.lua" two
cat >"$work/several/1.test.lua" <<'EOR'
case "both" { scope = "all", given = { artifact = "evil.example", tags = { "x" } }, expect = { rules = { one = "match", two = "match" } } }
case "none" { given = { artifact = "evil.example", tags = {} }, expect = { verdict = "no_match" } }
EOR
cp "$work/several/1.test.lua" "$work/several/kept"
echo 'case "of another file" { given = { artifact = "evil.example", tags = {} }, expect = { rules = { two = "no_match" } } }' >>"$work/several/1.test.lua"
run "$PT" test "$work/several/1.lua"
has 'a rule of another file: how it is reached' "$err" \
    "there is no rule 'two' in $work/several/1.lua; scope = \"all\" takes all rules of the folder [E-NAME]"
mv "$work/several/kept" "$work/several/1.test.lua"
run "$PT" test --strict "$work/several/1.lua"
is 'the rule of a named file is covered, and no other' "$rc $(grep -c ' 100 %' "$out") $(grep -c '/2.lua' "$out")" '0 2 0'
run "$PT" test --strict "$work/several"
has 'of a folder all are' "$out" "two  50 %  ($work/several/2.lua)"

# Nothing that could be tested is no success.
mkdir "$work/nothing"
run "$PT" test --strict "$work/nothing"
is 'a folder without rules' "$rc $(cat "$err")" "1 $work/nothing: error: no rule files (*.lua) here: nothing could be tested [E-FILE]"
printf '[rules.files]\n1.lua = rule "a" { severity = "low", when = tags:has_any { "x" } }\n' >"$work/values.config"
run "$PT" test --strict -c "$work/values.config"
is 'rules that are values of the settings file' "$rc $(cut -d : -f 1,2 <"$err")" "1 $work/values.config: error"

# A fixture that is missing or broken, and a mistake in a case, fails that case and no other.
mkdir "$work/given" "$work/given/fixtures" "$work/given/fixtures/folder"
rule "$work/given/1.lua" given
echo '{' >"$work/given/fixtures/broken.json"
: >"$work/given/fixtures/empty.json"
echo '{"artifact":"evil.example","tagz":["x"]}' >"$work/given/fixtures/odd.json"
echo '{"artifact":"evil.example","tags":["x"]}' >"$work/given/fixtures/sound.json"
cat >"$work/given/1.test.lua" <<'EOR'
case "given" {
  expect = { verdict = "compromised" },
  rows = {
    { name = "sound", given = fixture "sound.json" },
    { name = "missing", given = fixture "missing.json" },
    { name = "broken", given = fixture "broken.json" },
    { name = "empty", given = fixture "empty.json" },
    { name = "odd", given = fixture "odd.json" },
    { name = "folder", given = fixture "folder" },
    { name = "outside", given = fixture "../1.lua" },
    { name = "absolute", given = fixture "/etc/passwd" },
    { name = "unknown key", given = fixture "sound.json", nwo = "2026-05-01" },
  },
}
case "wrong now" { now = "soon", given = fixture "sound.json", expect = { verdict = "compromised" } }
EOR
at=$work/given/1.test.lua
run "$PT" test "$work/given"
is 'what is wrong fails its case only' "$rc $(tail -n 1 "$out")" '1 1 passed, 9 failed'
for case in '5  given / missing' '6  given / broken' '7  given / empty' '8  given / odd' '9  given / folder' \
    '10  given / outside' '11  given / absolute' '12  given / unknown key' '15  wrong now'; do
    has "it is shown: $case" "$out" "FAIL  $at:$case"
done
has 'with what is wrong: missing' "$out" "fixture $work/given/fixtures/missing.json: No such file or directory"
has 'broken' "$out" "fixture $work/given/fixtures/broken.json: record: JSON ends at byte 1"
has 'outside' "$out" "fixture: '../1.lua' must be a file name below fixtures/ beside the tests"
has 'unknown key' "$out" "has no key 'nwo' (did you mean 'now'?)"
run "$PT" test --format json "$work/given"
is 'json counts them' "$(grep -c '"cases_passed":1,"cases_failed":9,' "$out")" 1
has 'and shows them' "$out" "{\"name\":\"given / outside\",\"file\":\"$at\",\"line\":10,\"passed\":false,\"failure\":\""
run "$PT" test --format junit "$work/given"
has 'junit counts them' "$out" "name=\"$at\" tests=\"10\" failures=\"9\""
has 'and shows them' "$out" "<failure message=\"line 11: case &quot;given / absolute&quot;: fixture: "

cat >"$work/k/2.test.lua" <<'EOR'
case "same" { given = { artifact = "evil.example", tags = { "x" } }, expect = { verdict = "compromised" } }
case "same" { given = { artifact = "evil.example", tags = { "x" } }, expect = { verdict = "compromised" } }
case "rows" {
  expect = { verdict = "compromised" },
  rows = {
    { name = "same", given = { artifact = "evil.example", tags = { "x" } } },
    { name = "other", given = { artifact = "evil.example", tags = { "x" } } },
    { name = "same", given = { artifact = "evil.example", tags = { "x" } } },
  },
}
EOR
rule "$work/k/2.lua" tested
run "$PT" test "$work/k"
is 'two of one name could not be told apart' "$rc $(tail -n 1 "$out")" '1 3 passed, 2 failed'
has 'the case' "$err" "$work/k/2.test.lua:2: error: case \"same\": the case of line 1 has that name [E-DUP]"
has 'the row' "$err" "$work/k/2.test.lua:8: error: case \"rows / same\": the case of line 6 has that name"
run "$PT" test --run 'rows / other' "$work/k"
is 'a row is picked by its name' "$(grep -c '^ok' "$out")" 1

# A file that cannot be read, runs on or is too long is a finding, and the others go on.
mkdir "$work/files"
for name in a-loop b-long c-empty d-sound; do
    rule "$work/files/$name.lua" "$name"
done
echo 'while true do end' >"$work/files/a-loop.test.lua"
head -c 300000 /dev/zero | tr '\0' '-' >"$work/files/b-long.test.lua"
: >"$work/files/c-empty.test.lua"
cases "$work/files/d-sound.test.lua"
echo 'case "rows" { given = { artifact = "evil.example" }, expect = { verdict = "unknown" }, rows = "x" }' >>"$work/files/d-sound.test.lua"
run "$PT" test "$work/files"
is 'the others go on' "$rc $(tail -n 1 "$out")" '1 2 passed, 1 failed'
has 'one that runs on' "$err" 'a-loop.test.lua:1: error: over the limit of 100,000 instructions while running [E-LIMIT]'
has 'one that is too long' "$err" 'b-long.test.lua: error: too much for one file: over 262144 bytes [E-LIMIT]'
has 'an empty one, though others have errors' "$err" 'c-empty.test.lua: warning: this test file has no case [W-NO-CASE]'
has 'rows that are none fail their case' "$out" 'd-sound.test.lua:3  rows'

# An archive is opened once for all cases that read it; a damaged line fails the case that needs it.
mkdir "$work/recorded"
rule "$work/recorded/1.lua" recorded
for name in one two three; do
    echo "{\"endpoint\":\"/v2/actions/tags\",\"query\":\"$name.example\",\"status\":200,\"fetched_at\":\"2026-05-01T00:00:00Z\",\"body\":{\"tags\":[\"x\"]}}"
    echo "case \"$name\" { given = recorded \"$name.example\", expect = { verdict = \"compromised\" } }" >>"$work/recorded/1.test.lua"
done | sed '2s/"body".*//' >"$work/recorded/archive.ndjson"
run "$PT" test "$work/recorded"
is 'a damaged line of an archive fails its case' "$(grep '^FAIL' "$out" | sed 's/.*  //') $(tail -n 1 "$out")" 'two 2 passed, 1 failed'
is 'and is told once' "$(grep -c 'archive.ndjson:2: skipped: ' "$err")" 1

# Allowances have conditions too; exceptions.csv has entries.
mkdir "$work/allowed" "$work/allowed/lists"
at=$work/allowed/1.lua
rule "$at" busy
cat >>"$at" <<'EOR'
allow "busy" {
  reason = "r", owner = "o", expires = "2027-01-31",
  when = all {
    artifact:in_zone { "corp.example" },
    classification:is_not "malicious",
  },
}
EOR
printf 'artifact,reason,owner,expires\nb.example,r,o,2027-01-31\n' >"$work/allowed/lists/exceptions.csv"
cat >"$work/allowed/1.test.lua" <<'EOR'
case "tags" {
  now = "2026-05-01T00:00:00Z",
  rows = {
    { name = "theirs", given = { artifact = "evil.example", tags = { "x" }, classification = "" }, expect = { verdict = "compromised" } },
    { name = "another tag", given = { artifact = "evil.example", tags = { "y" }, classification = "" }, expect = { verdict = "no_match" } },
  },
}
EOR
run "$PT" test --strict "$work/allowed"
is 'a condition of an allowance that no case tests does not pass --strict' "$rc" 1
has 'it is covered' "$out" "  allowance busy  50 %  ($at)"
has 'and counts' "$out" 'all rules: 67 %'
has 'no case would notice it' "$out" "  $at:6: no case would notice if this line were wrong: classification:is_not \"malicious\""
is 'the one in the same allowance that a case tests is noticed, a line of exceptions.csv is not asked for' \
    "$(grep -c 'no case would notice if' "$out") $(grep -c '2 of 3 noticed' "$out")" '1 1'
run "$PT" test --invert --format json "$work/allowed"
has 'json: the rule' "$out" '{"id":"busy","kind":"rule","file":'
has 'json: the allowance of the same name' "$out" '{"id":"busy","kind":"allowance","file":'
cat >>"$work/allowed/1.test.lua" <<'EOR'
case "ours" {
  now = "2026-05-01T00:00:00Z",
  given = { artifact = "a.corp.example", tags = { "x" }, classification = "" }, expect = { suppressed_by = "busy" },
}
case "ours, malicious" {
  now = "2026-05-01T00:00:00Z",
  given = { artifact = "a.corp.example", tags = { "x" }, classification = "malicious" }, expect = { verdict = "compromised" },
}
EOR
run "$PT" test --strict "$work/allowed"
is 'a case for it, and it passes' "$rc $(tail -n 1 "$out")" '0 4 passed, 0 failed'
rm "$work/allowed/1.test.lua"
run "$PT" test "$work/allowed"
has 'an allowance that no case judges is named' "$err" 'no case judges allowance "busy" [W-NO-CASE]'

cat >"$work/k/2.lua" <<'EOR'
rule "closed" { title = "t", severity = "high", when = tags:has_any { "x" }, on_unknown = "match", hit = { standard }, note = "n" }
EOR
cases "$work/k/2.test.lua"
run "$PT" test --fail-sections --run no "$work/k"
has 'on_unknown = "match" is named where it turns' "$out" 'left out: rule closed turns to match, as its on_unknown = "match" says'
run "$PT" test --fail-sections --run no --format json "$work/k"
has 'in json too' "$out" '"left_out":["closed"]'
run "$PT" test --coverage 0 --format json "$work/k"
has 'json names every case that saw a condition' "$out" '"cases":1,"first":"yes","names":["yes"]'

# What a case says twice, or says nothing with, is not passed over.
mkdir "$work/slips" "$work/slips/fixtures"
cat >"$work/slips/1.lua" <<'EOR'
rule "one" {
  title = "t", severity = "high", when = all { tags:has_any { "x" }, passive_dns.first_seen:within(setting("fresh", "30d")) },
  hit = { standard }, note = "n",
}
EOR
echo '{"artifact":"evil.example","tags":["y"]}' >"$work/slips/fixtures/a..b.json"
cat >"$work/slips/1.test.lua" <<'EOR'
settings { fresh = "7d" }
settings { fresh = "9d" }
case "key twice" { given = { artifact = "evil.example", tags = { "x" }, tags = { "y" } }, expect = { verdict = "no_match" } }
case "row" {
  given = { artifact = "evil.example", tags = { "y" } },
  rows = {
    { name = "twice", expect = { note_lacks = "a", note_lacks = "b" } },
    { name = "sound", expect = { verdict = "no_match" } },
  },
}
case "a setting that is not read" {
  settings = { frehs = "7d" }, given = { artifact = "evil.example", tags = { "y" } }, expect = { verdict = "no_match" } }
case "no rules" { given = { artifact = "evil.example", tags = { "y" } }, expect = { rules = {} } }
case "no hit" { given = { artifact = "evil.example", tags = { "y" } }, expect = { hit = {} } }
case "no text" { given = { artifact = "evil.example", tags = { "y" } }, expect = { verdict = "no_match", note_has = {} } }
case "empty text" { given = { artifact = "evil.example", tags = { "y" } }, expect = { verdict = "no_match", note_lacks = "" } }
case "names for items" { given = { artifact = "evil.example", tags = { "y" } }, expect = { missing = { tags = true } } }
case "list and names" { given = { artifact = "evil.example", tags = { "y", x = "z" } }, expect = { verdict = "no_match" } }
case "live as shadow" { given = { artifact = "evil.example", tags = { "y" } }, expect = { shadow = "one" } }
case "nothing given" { given = {}, expect = { verdict = "no_match" } }
case "two dots in a name" { given = fixture "a..b.json", expect = { verdict = "no_match" } }
case "two dots as a folder" { given = fixture "x/../a..b.json", expect = { verdict = "no_match" } }
case "nothing missing" { given = { artifact = "evil.example", tags = { "y" } }, expect = { missing = {}, shadow = {} } }
EOR
at=$work/slips/1.test.lua
run "$PT" test "$work/slips"
is 'only what is sound passes' "$(grep '^ok' "$out" | sed 's/.*[0-9]  //' | tr '\n' ';')" 'row / sound;two dots in a name;nothing missing;'
has 'settings twice' "$err" "$at:2: error: settings stand on line 1 already: only one of the two would count [E-DUP]"
has 'a key twice' "$err" "$at:3: error: key 'tags' is there already, on line 3: only one of the two would count [E-DUP]"
has 'which fails its case' "$out" "key 'tags' is there already, on line 3"
has 'in a row' "$err" "$at:7: error: key 'note_lacks' is there already, on line 7"
has 'a setting that no rule reads' "$out" "FAIL  $at:11  a setting that is not read"
has 'rules of none' "$err" "$at:13: error: case \"no rules\": expect: rules is empty, so that it expects nothing [E-ARG]"
has 'hit of none' "$err" "$at:14: error: case \"no hit\": expect: hit is empty"
has 'a note without texts' "$err" "$at:15: error: case \"no text\": expect: note_has is empty"
has 'an empty text' "$err" "$at:16: error: case \"empty text\": expect: note_lacks: an empty text stands in every note [E-ARG]"
has 'names where a list belongs' "$err" "$at:17: error: case \"names for items\": expect: missing takes a list of texts; 'tags' stands as a name in it [E-KEY]"
has 'in what is given too' "$err" "$at:18: error: case \"list and names\": given: 'x' stands as a name among items of a list [E-KEY]"
has 'a live rule cannot match as a shadow' "$err" "$at:19: error: case \"live as shadow\": shadow: rule 'one' is live; write rules = { [\"one\"] = \"match\" } [E-KEY]"
has 'given without anything' "$out" 'given: no "artifact" in the record'
has 'a folder above, in the middle' "$err" "$at:22: error: case \"two dots as a folder\": fixture: 'x/../a..b.json' must be a file name"
finish
