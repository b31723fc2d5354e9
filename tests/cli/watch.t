#!/bin/sh
# watch.t: test --watch: whatever the cases read is watched, what comes later too; it ends by a signal, or when there is nothing
# to watch.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
watcher=
trap 'rm -rf "$work"; [ -z "$watcher" ] || kill -KILL "$watcher" 2>/dev/null' EXIT

rule() { # rule FILE ID TAG
    echo "rule \"$2\" { title = \"t\", severity = \"high\", when = tags:has_any { \"$3\" }, hit = { standard }, note = \"n\" }" >"$1"
}
given() { # given FILE NAME GIVEN
    echo "case \"$2\" { given = $3, expect = { verdict = \"compromised\" } }" >>"$1"
}
answer() { # answer TAG: as saved, in an archive
    echo "{\"endpoint\":\"/v2/actions/tags\",\"query\":\"evil.example\",\"fetched_at\":\"2026-05-01T00:00:00Z\",\"status\":200,\"body\":{\"tags\":[\"$1\"]}}"
}
settles() { # settles NAME SUMMARY: the last run comes to it, within 20 seconds
    tries=400
    until [ "$(tail -n 1 "$out")" = "$2" ] || [ "$tries" -eq 0 ]; do
        tries=$((tries - 1))
        sleep 0.05
    done
    is "$1" "$(tail -n 1 "$out")" "$2"
}

: >"$out"
r=$work/rules
mkdir "$r"
rule "$r/1.lua" one x
given "$r/1.test.lua" given '{ artifact = "evil.example", tags = { "x" } }'
printf '[ptverdict]\nrules = %s\n' "$r" >"$work/app.config"
"$PT" test --watch -c "$work/app.config" >"$out" 2>"$err" </dev/null &
watcher=$!
settles 'it runs: the folder that the settings name' '1 passed, 0 failed'
rule "$r/1.lua" one y
settles 'a rule is changed' '0 passed, 1 failed'
rule "$r/1.lua" one x
settles 'and mended' '1 passed, 0 failed'

mkdir -p "$r/fixtures/deep"
echo '{"artifact":"evil.example","tags":["x"]}' >"$r/fixtures/deep/a.json"
given "$r/2.test.lua" fixture 'fixture "deep/a.json"'
rule "$r/2.lua" two x
settles 'a new rule, its case, and the folder that it reads from' '2 passed, 0 failed'
echo '{"artifact":"evil.example","tags":["y"]}' >"$r/fixtures/deep/a.json"
settles 'a fixture in the new folder is changed' '1 passed, 1 failed'
rm -r "$r/fixtures" "$r/2.lua" "$r/2.test.lua"
settles 'all of it goes' '1 passed, 0 failed'

answer x >"$r/archive.ndjson"
given "$r/1.test.lua" recorded 'recorded "evil.example"'
settles 'a case that reads the archive' '2 passed, 0 failed'
answer y >"$r/archive.ndjson"
settles 'the archive is changed' '1 passed, 1 failed'
mkdir "$r/archive"
answer x >"$r/archive/a.json"
settles 'a folder of answers comes in its place' '2 passed, 0 failed'
answer y >"$r/archive/a.json"
settles 'an answer in it is changed' '1 passed, 1 failed'
rm -r "$r/archive" "$r/archive.ndjson"
rm "$r/1.test.lua"
given "$r/1.test.lua" all '{ artifact = "evil.example", tags = { "x" } }, scope = "all"'
settles 'a case over all rules' '1 passed, 0 failed'
rule "$r/9.lua" nine '"'
settles 'is run when another file is saved' '0 passed, 1 failed'
rm "$r/9.lua"
settles 'and when it goes' '1 passed, 0 failed'
mkdir "$r/lists"
sed 's/ { "x" }/(list "bad")/' "$r/1.lua" >"$work/1.lua"
echo y >"$r/lists/bad.txt"
mv "$work/1.lua" "$r/1.lua"
settles 'a rule with a list, moved here' '0 passed, 1 failed'
echo x >"$r/lists/bad.txt"
settles 'the list is changed' '1 passed, 0 failed'
sed 's/list "bad"/setting "bad"/' "$r/1.lua" >"$work/1.lua"
mv "$work/1.lua" "$r/1.lua"
settles 'a setting that is not there' '0 passed, 1 failed'
printf '[rules]\nbad = x\n' >>"$work/app.config"
settles 'the settings file is changed' '1 passed, 0 failed'
sed 's/bad = x/bad = y/' "$work/app.config" >"$work/new.config"
mv "$work/new.config" "$work/app.config"
settles 'and replaced' '0 passed, 1 failed'
sed -i 's/bad = y/bad = x/' "$work/app.config"
settles 'once more' '1 passed, 0 failed'
has 'the time of a run is told' "$err" ' ms; waiting for a file to be saved'
kill -TERM "$watcher"
rc=0
wait "$watcher" || rc=$?
watcher=
is 'a signal ends it, with what the last run came to' "$rc" 0

run timeout 20 "$PT" test --watch "$work/nope"
is 'a folder that is not there' "$rc" 65
has 'is named' "$err" "$work/nope"
run timeout 20 "$PT" test --watch "$work/nope/1.lua"
is 'nor is that of a rule file' "$rc" 65
run timeout 20 "$PT" test --watch -c "$work/nope.config" "$r"
is 'settings that cannot be read' "$rc" 78
rc=0
timeout 20 "$PT" test --watch "$r" >/dev/full 2>"$err" </dev/null || rc=$?
is 'output that nobody can read' "$rc" 74
finish
