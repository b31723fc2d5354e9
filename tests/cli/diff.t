#!/bin/sh
# diff.t: two rule sets over recorded records: what changes and the condition that changed it, in four formats, from folders,
# files and git revisions; damage is counted, never unchanged.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
settings https://api.example
home=$PWD
cd "$work" || exit 1
case $PT in /*) ;; *) PT=$home/$PT ;; esac
compare() {
    run "$PT" diff -c app.config --now 2026-05-01 "$@"
}

mkdir old new
cat >old/10-busy.lua <<'EOT'
rule "busy" {
  title = "Busy", severity = "high", note = "n",
  when = all { tags:has_any { "apt" }, passive_dns.count:at_least(10) },
}
rule "malicious" { title = "Malicious", severity = "medium", note = "n", when = classification:is "malicious" }
rule "gone" { title = "Gone", severity = "low", note = "n", when = tags:has_any { "gone" } }
EOT
cat >new/10-busy.lua <<'EOT'
rule "busy" {
  title = "Busy", severity = "high", note = "n",
  when = all { tags:has_any { "apt" }, passive_dns.count:at_least(3) },
}
rule "malicious" { title = "Malicious", severity = "critical", note = "n", when = classification:is "malicious" }
rule "idle" { title = "Idle", severity = "low", note = "n", when = tags:has_any { "nobody-has-it" } }
rule "young" { title = "Young", severity = "low", status = "shadow", note = "n", when = passive_dns.first_seen:within "30d" }
EOT
cat >records.ndjson <<'EOT'
{"artifact": "a.example", "tags": ["apt"], "classification": null, "passive_dns": {"count": 4, "first_seen": "2026-04-20"}}
{"artifact": "b.example", "tags": [], "classification": "malicious", "passive_dns": {"count": 1, "first_seen": "2020-01-01"}}
{"artifact": "c.example", "tags": [], "classification": null, "passive_dns": {"count": 1, "first_seen": "2026-04-20"}}
{"artifact": "d.example", "tags": ["gone"], "classification": null, "passive_dns": {"count": 1, "first_seen": "2020-01-01"}}
{"artifact": "cut.example", "tags": ["ap
{"artifact": "e.example", "tags": {"failed": "HTTP 503"}, "classification": null, "passive_dns": {"count": 5, "first_seen": "2020-01-01"}}
EOT

compare old new --over records.ndjson
is 'exit 0: changes are no error' "$rc" 0
is 'every changed artifact, the condition, the value and the line; then what it adds up to' "$(cat "$out")" \
'a.example  no_match -> compromised, high
    busy: no_match -> match
      now yes  passive_dns.count:at_least(3)  seen: 4  new/10-busy.lua:3
      was no  passive_dns.count:at_least(10)  seen: 4  old/10-busy.lua:3
b.example  compromised, medium -> compromised, critical
    malicious: match -> match; severity critical, was medium
d.example  compromised, low -> no_match
    gone: match -> (no such rule); the rule is gone
      was yes  tags:has_any{"gone"}  seen: gone  old/10-busy.lua:6

6 records: 3 changed, 2 unchanged, 1 could not be judged
  no_match -> compromised, high: 1
  compromised, low -> no_match: 1
  compromised, medium -> compromised, critical: 1
rule busy (edited): came out differently on 2, decided 1
rule malicious (edited): came out differently on 1, decided 1
rule idle (added): came out differently on 1, decided 0
rule young (added): came out differently on 2, decided 0
rule gone (removed): came out differently on 2, decided 1
shadow young would have matched 2; live rules had 1 of them already'
has 'the damaged record is named with its line' "$err" 'records.ndjson:5: '
compare old new --over records.ndjson --fail-on-change
is '--fail-on-change' "$rc" 1
compare old old --over records.ndjson --fail-on-change
is 'a record that cannot be judged is no unchanged one' "$rc" 1
head -n 4 records.ndjson >good.ndjson
compare old old --over good.ndjson --fail-on-change
is 'the same rules: nothing changes' "$rc $(cat "$out")" '0 4 records: 0 changed, 4 unchanged, 0 could not be judged'
compare old new --over records.ndjson --format json --jobs 1
cp "$out" one.json
compare old new --over records.ndjson --format json --jobs 3
is 'the same with any number of jobs' "$(cat "$out")" "$(cat one.json)"
ok 'json: each line is an object' python3 -c 'import json; [json.loads(line) for line in open("one.json")]'
has 'the condition in json' one.json '{"side":"after","truth":"yes","text":"passive_dns.count:at_least(3)","seen":"4","file":"new/10-busy.lua","line":3}'
has 'a damaged record in json' one.json '"schema":"ptverdict.refused/1"'
has 'counts in json' one.json '"records":6,"changed":3,"unchanged":2,"refused":1'
compare old new --over records.ndjson --format csv
has 'csv' "$out" 'a.example,no_match,,compromised,high,busy,no_match,match,,passive_dns.count:at_least(3),yes,4,new/10-busy.lua,3'
mkdir two && cp new/*.lua two && cat >two/30-two.lua <<'EOR'
rule "two" { title = "t", severity = "critical", when = passive_dns.count:at_least(4), note = "n" }
EOR
compare old two --over good.ndjson --format csv
is 'csv: a row for each rule that made a difference' "$(grep '^a.example,' "$out" | cut -d , -f 1-8)" \
    'a.example,no_match,,compromised,critical,busy,no_match,match
a.example,no_match,,compromised,critical,two,,match'
compare old new --over records.ndjson --format csv
has 'a damaged record in csv' "$out" 'refused,,refused'
compare old new --over records.ndjson --format markdown
# shellcheck disable=SC2016  # code spans of markdown
has 'markdown' "$out" '| `a.example` | no_match | compromised, high | **busy** `passive_dns.count:at_least(3)` yes, seen: 4 (new/10-busy.lua:3); was: `passive_dns.count:at_least(10)` no'
has 'markdown counts' "$out" '6 records: 3 changed, 2 unchanged, 1 could not be judged.'

"$PT" eval -c app.config --rules old --now 2026-05-01 good.ndjson --format compact -q >good.compact
compare old new --over good.compact --over good.ndjson -q --format json
has 'compact records; --over may be repeated' "$out" '"records":8,"changed":6,'
mkdir folder && cp good.compact good.ndjson folder
compare old new --over folder --format json
has 'a folder' "$out" '"records":8,"changed":6,'
run_in good.compact "$PT" diff -c app.config --now 2026-05-01 old new --over - --format json
has 'stdin' "$out" '"records":4,"changed":3,'
run_in good.compact "$PT" diff -c app.config --now 2026-05-01 old new --over - --format json --skip 2
has '--skip' "$out" '"records":2,"changed":1,'
python3 - >log.ndjson <<'EOT'
import json
for line in open("good.compact"):
    print(json.dumps({"schema": "ptverdict.log/1", "verdict": "no_match", "compact": line.rstrip("\n")}))
EOT
compare old new --over log.ndjson --format json
has 'the decision log' "$out" '"records":4,"changed":3,'
run "$PT" diff -c app.config old new --over good.ndjson
is 'a time test without a time: not judged, never the clock' "$rc" 65
: >empty
compare old new --over empty --fail-on-change
is 'no record at all is no success' "$rc" 65
has 'and an empty file is a damaged record' "$err" 'empty:1: the file is empty'
compare old new --over empty --over good.ndjson --format json
has 'which is counted' "$out" '"records":5,"changed":3,"unchanged":1,"refused":1,'
mkdir none links
ln -s nowhere links/lost.ndjson
cp good.ndjson links/more.ndjson
compare old new --over links --format json
has 'nor is a link that leads nowhere passed over' "$out" '"records":5,"changed":3,"unchanged":1,"refused":1,'
has 'it is named' "$err" 'links/lost.ndjson:1: No such file or directory'
compare old new --over none
is 'an empty folder is no success' "$rc" 65
has 'and is named' "$err" 'there is no record in none'
compare old new
is 'without --over' "$rc" 64
compare old nowhere --over good.ndjson
is 'rules that are not there' "$rc" 65
is 'and told once' "$(cat "$err")" 'ptverdict: nowhere: error: cannot be read: No such file or directory [E-FILE]'
mkdir setting && printf 'rule "x" { title = "x", severity = "low", when = passive_dns.first_seen:within(setting "nosuch") }\n' >setting/10-x.lua
compare old setting --over good.ndjson
is 'a setting that is not there' "$rc" 65
is 'is told once' "$(grep -c nosuch "$err")" 1
printf 'rule "x" { title = "x", severity = "hihg", when = tgas:has_any {"a"} }\n' >bad.lua
compare old bad.lua --over good.ndjson
is 'rules that do not load' "$rc" 65
has 'say why' "$err" 'bad.lua:1: error: '
is 'each once' "$(sort "$err" | uniq -d; grep -c hihg "$err")" 1

# an allowance, a status, a setting of the set itself
mkdir allowed && cp old/10-busy.lua allowed
cat >allowed/20-allow.lua <<'EOT'
allow "ours" { reason = "r", owner = "o", expires = "2030-01-01", when = artifact:is "b.example" }
EOT
compare old allowed --over good.ndjson
has 'an allowance that comes' "$out" 'malicious: match -> suppressed; allowance ours suppresses it (allowed/20-allow.lua:1)'
has 'with the condition that holds and the value' "$out" '      now yes  artifact:is "b.example"  seen: b.example  allowed/20-allow.lua:1'
compare old allowed --over good.ndjson --format json
has 'in json' "$out" '"what":"allowance ours suppresses it","allowance":{"id":"ours","side":"after","file":"allowed/20-allow.lua","line":1},"conditions":[{"side":"after","truth":"yes","text":"artifact:is \"b.example\"","seen":"b.example"'
compare old allowed --over good.ndjson --format csv
has 'in csv' "$out" 'allowance ours suppresses it (allowed/20-allow.lua:1),"artifact:is ""b.example""",yes,b.example,allowed/20-allow.lua,1'
compare allowed old --over good.ndjson
has 'and goes' "$out" 'malicious: suppressed -> match; allowance ours no longer suppresses it (allowed/20-allow.lua:1)'
has 'with the condition that held' "$out" '      was yes  artifact:is "b.example"  seen: b.example  allowed/20-allow.lua:1'
mkdir other && cp old/10-busy.lua other && sed 's/b\.example/x.example/' allowed/20-allow.lua >other/20-allow.lua
compare allowed other --over good.ndjson
has 'and is for another' "$out" '      now no  artifact:is "x.example"  seen: b.example  other/20-allow.lua:1'
mkdir expired && cp old/10-busy.lua expired && sed 's/2030/2020/' allowed/20-allow.lua >expired/20-allow.lua
compare allowed expired --over good.ndjson
has 'and expires' "$out" 'allowance ours no longer suppresses it: it has expired (allowed/20-allow.lua:1)'
has 'while its condition held' "$out" '      was yes  artifact:is "b.example"'
mkdir listed listed/lists && cp old/10-busy.lua listed && printf 'artifact,reason,owner,expires,rules\nb.example,r,o,2030-01-01,\n' >listed/lists/exceptions.csv
compare old listed --over good.ndjson
has 'one from a list' "$out" 'suppresses it (listed/lists/exceptions.csv:2)'
mkdir both && sed -e 's/severity = "medium"/severity = "medium", status = "shadow"/' old/10-busy.lua >both/10-busy.lua
cp allowed/20-allow.lua both
compare both expired --over good.ndjson
has 'a status and an allowance at once: both are told' "$out" \
    'malicious: suppressed -> match; status live, was shadow; allowance ours no longer suppresses it: it has expired (both/20-allow.lua:1)'
mkdir edited && sed -e 's/:is "malicious"/:is_any { "malicious", "suspicious" }/' -e 's/"medium"/"critical"/' old/10-busy.lua >edited/10-busy.lua
compare old edited --over good.ndjson
is 'another severity beside conditions that held before as well: it made the difference, not they' \
    "$(grep -A 1 'malicious: ' "$out")" '    malicious: match -> match; severity critical, was medium'
mkdir shadow && sed 's/severity = "low", note/severity = "low", status = "shadow", note/' old/10-busy.lua >shadow/10-busy.lua
compare old shadow --over good.ndjson
has 'a rule that becomes a shadow' "$out" 'gone: match -> shadow_match; status shadow, was live'
mkdir any && sed 's/when = all {/when = any {/' old/10-busy.lua >any/10-busy.lua
compare old any --over good.ndjson
has 'the same conditions, joined differently' "$out" 'busy: no_match -> match; the same conditions, joined differently'
has 'then what decides now' "$out" 'now yes  tags:has_any{"apt"}  seen: apt  any/10-busy.lua:3'

if command -v git >/dev/null; then
    git init -q repo && mkdir -p repo/rules/lists && cp old/10-busy.lua repo/rules && echo '#' >repo/rules/lists/empty.txt
    ln -s /etc/passwd repo/rules/link.lua
    cd repo || exit 1
    git add -A && git -c user.name=t -c user.email=t@t.example commit -q -m one
    cp ../new/10-busy.lua rules
    rm rules/link.lua
    mkdir ../tmp
    export TMPDIR="$work/tmp"
    run "$PT" diff -c ../app.config --now 2026-05-01 HEAD:rules rules --over ../good.ndjson
    has 'a git revision' "$out" 'busy: no_match -> match'
    has 'its files are named as the user names them' "$out" 'was no  passive_dns.count:at_least(10)  seen: 4  HEAD:rules/10-busy.lua:3'
    run "$PT" diff -c ../app.config --now 2026-05-01 HEAD:rules/10-busy.lua rules/10-busy.lua --over ../good.ndjson
    has 'a file of a revision' "$out" 'seen: 4  HEAD:rules/10-busy.lua:3'
    run "$PT" diff -c ../app.config 'HEAD:nowhere' rules --over ../good.ndjson
    is 'a path that the revision has not' "$rc" 65
    # shellcheck disable=SC2016  # it must not run
    run "$PT" diff -c ../app.config '$(touch pwned)x:rules' rules --over ../good.ndjson
    is 'a revision that is a command is no revision' "$rc $(ls pwned 2>/dev/null)" '65 '
    is 'private folders are gone again' "$(ls ../tmp)" ''
    mkdir ../bin
    printf '#!/bin/sh\n: >"%s/asked"\nsleep 1\nexec %s "$@"\n' "$work" "$(command -v git)" >../bin/git
    chmod +x ../bin/git
    PATH="$work/bin:$PATH" "$PT" diff -c ../app.config --now 2026-05-01 HEAD:rules/10-busy.lua rules/10-busy.lua \
        --over ../good.ndjson >"$out" 2>"$err" &
    pid=$!
    waited=0
    while [ ! -e "$work/asked" ] && [ $waited -lt 100 ]; do
        sleep 0.1
        waited=$((waited + 1))
    done
    kill -TERM $pid
    wait $pid
    is 'ended while git is asked: exit 75' "$?" 75
    is 'and private folders are gone too' "$(ls ../tmp)" ''
    cd .. || exit 1
else
    skip 'git revisions' 'git is not there'
fi
finish
