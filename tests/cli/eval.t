#!/bin/sh
# eval.t: recorded records in every form, from files, folders and stdin; damage costs only itself.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
settings https://api.example
verdicts() {
    sed -n 's/.*"verdict":"\([a-z_]*\)".*/\1/p; s/.*refused\/1.*/refused/p' "$out" | tr '\n' ' '
}
judge() {
    run "$PT" eval -c "$work/app.config" --now 2026-05-01 "$@"
}

echo '{"artifact": "evil.example", "tags": ["Ransomware"]}' >"$work/short.json"
cat >"$work/pretty.json" <<'EOF'
{
  "artifact": "evil.example",
  "tags": [
    "apt",
    "a } brace { in a \" text"
  ],
  "passive_dns": { "total_records": 3 }
}
EOF
judge "$work/short.json" "$work/pretty.json" --format json
is 'the short form, on one line and over many' "$rc $(verdicts)" '0 compromised no_match '
cat >"$work/list.ndjson" <<'EOF'
{"artifact": "evil.example", "tags": ["ransomware"]}
{"artifact": "cut.example", "tags": ["ranso
{"artifact": "good.example", "tags": []}

{"artifact": "down.example", "tags": {"failed": "HTTP 503"}}
nonsense
{"artifact": "typo.example", "tgas": []}
{"artifact": "last.example", "tags": ["compromised"]}
EOF
run_in "$work/list.ndjson" "$PT" eval -c "$work/app.config" --now 2026-05-01 -
is 'a damaged record is reported, counted, and costs only itself' "$rc $(verdicts)" \
    '0 compromised refused no_match unknown refused refused compromised '
has 'with file and line' "$err" 'stdin:2: '
has 'and what is wrong' "$err" "tgas"
has 'the summary counts it' "$err" '7 inputs: 2 compromised, 1 unknown, 1 no_match, 0 skipped, 3 refused'
run_in "$work/list.ndjson" "$PT" eval -c "$work/app.config" --now 2026-05-01 - --skip 6 -q
is '--skip' "$(verdicts)" 'compromised '

cat >"$work/answers.ndjson" <<'EOF'
{"endpoint":"/v2/actions/tags","query":"a.example","status":200,"fetched_at":"2026-04-30T00:00:00Z","body":{"tags":["compromised"]}}
{"endpoint":"/v2/actions/classification","query":"a.example","status":200,"fetched_at":"2026-04-30T00:00:00Z","body":{"classification":"malicious"}}
{"query":"b.example","endpoint":"/v2/actions/tags","status":200,"fetched_at":"2026-04-30T00:00:00Z","body":{"tags":[]}}
{"endpoint":"/v2/actions/tags","query":"c.example","status":503,"fetched_at":"2026-04-30T00:00:00Z","body":"{\"message\":\"down\"}"}
EOF
judge "$work/answers.ndjson" --format json
is 'saved answers, those of one query together' "$(verdicts)" 'compromised no_match unknown '
has 'both answers of the first are in one record' "$out" '"value":"malicious"'
has 'the report page is the artifact'"'"'s' "$out" '{"name":"Report Link","type":"uri","value":"https://community.riskiq.com/search/a.example"}'
cp "$out" "$work/judged"
run "$PT" lookup -c "$work/app.config" a.example --format json --set archive="$work/answers.ndjson" \
    --set tags=archive --set classification=archive --set passive_dns=archive --set subdomains=archive
is 'and the note that of a lookup in the same archive' "$(head -n 1 "$work/judged" | grep -o '"note":"[^"]*"')" "$(grep -o '"note":"[^"]*"' "$out")"
mkdir "$work/folder"
cp "$work/answers.ndjson" "$work/list.ndjson" "$work/folder"
judge "$work/folder" --format json
is 'a folder stands for its files, in order of their names' "$(verdicts)" \
    'compromised no_match unknown compromised refused no_match unknown refused refused compromised '

judge "$work/short.json" --format record
cp "$out" "$work/again.json"
judge "$work/again.json" --format json
is 'a record printed is read again' "$(verdicts)" 'compromised '
judge "$work/short.json" --format compact
cp "$out" "$work/again.compact"
judge "$work/again.compact" "$work/again.compact" --format json
is 'so is a compact one' "$(verdicts)" 'compromised compromised '
judge "$work/short.json" --explain
has '--explain shows the conditions' "$out" 'tags:has_any'
echo 'rule "a" { severity = "low", when = passive_dns.last_seen:within "7d" }' >"$work/cut.lua"
echo '{"artifact": "evil.example", "passive_dns": {"total_records": 5, "truncated": true}}' >"$work/cut.json"
run "$PT" eval --rules "$work/cut.lua" --now 2026-05-01 --explain "$work/cut.json"
has 'why an absent value is unknown: the source has more records' "$out" \
    'UNKNOWN  passive_dns.last_seen:within "7d"  seen: absent (more records exist)'
judge "$work/short.json" --exit-code
is '--exit-code' "$rc" 10
judge "$work/nowhere.json"
is 'a file that is not there' "$rc" 65
echo nonsense >"$work/bad"
judge "$work/bad"
is 'nothing but bad input: exit 65' "$rc" 65
long=$work/$(printf '%0150d' 0)
mkdir "$long"
echo nonsense >"$long/name.json"
judge "$long/name.json"
has 'of a long path the name is told too' "$err" '0/name.json:1: '
: >"$work/bad"
judge "$work/bad" --format json
is 'an empty file is a damaged record' "$rc $(verdicts)" '65 refused '
has 'and says so' "$err" "$work/bad:1: the file is empty"
printf '\n  \n' >"$work/bad"
judge "$work/bad" "$work/short.json" --format json
is 'so is one of blanks' "$rc $(verdicts)" '0 refused compromised '
judge "$work/bad" "$work/short.json" --format json --skip 1
is 'and --skip counts it' "$rc $(verdicts)" '0 compromised '
judge "$work/short.json" "$work/short.json" --skip 2
is '--skip of all there are is the end of the work' "$rc $(cat "$err")" '0 '
judge "$work/short.json" "$work/short.json" --skip 3
has 'of more than there are is told' "$err" '--skip leaves out everything: there are only 2 records'
mkdir "$work/none" "$work/some"
judge "$work/none"
is 'a folder without a record: exit 65' "$rc $(wc -c <"$out" | tr -d ' ')" '65 0'
has 'and says so' "$err" "there is no record in $work/none"
cp "$work/short.json" "$work/some/a"
: >"$work/some/b"
judge "$work/some" --format json
is 'an empty file in a folder' "$rc $(verdicts)" '0 compromised refused '
rm "$work/some/b"
ln -s nowhere "$work/some/b"
mkfifo "$work/some/c"
mkdir "$work/some/d"
cp "$work/short.json" "$work/some/e"
judge "$work/some" --format json
is 'a link that leads nowhere and what is no file are damaged records of a folder, another folder is none' "$rc $(verdicts)" \
    '0 compromised refused refused compromised '
has 'the link is named' "$err" "$work/some/b:1: No such file or directory"
has 'the other too' "$err" "$work/some/c:1: not a regular file"
has 'both are counted' "$err" '4 inputs: 2 compromised, 0 unknown, 0 no_match, 0 skipped, 2 refused'
judge -
is 'a list from elsewhere may be empty' "$rc $(wc -c <"$out" | tr -d ' ')" '0 0'
has 'and is counted' "$err" 'ptverdict: 0 inputs: '

# what it adds up to
judge "$work/short.json"
lacks 'one record needs no summary' "$err" 'input'
judge "$work/short.json" "$work/pretty.json"
has 'more than one have it' "$err" '2 inputs: 1 compromised, 0 unknown, 1 no_match, 0 skipped, 0 refused'
judge "$work/list.ndjson"
has 'so have many in a file' "$err" '7 inputs: 2 compromised, 1 unknown, 1 no_match, 0 skipped, 3 refused'
has 'and the matches a rule' "$err" 'rule flagged-tags: 2 matched'
judge "$work/list.ndjson" --skip 4
has 'one that is refused has it' "$err" '3 inputs: 1 compromised, 0 unknown, 0 no_match, 0 skipped, 2 refused'
judge "$work/list.ndjson" -q --format csv
lacks 'not with -q' "$err" ' inputs: '
for form in compact record; do
    judge "$work/list.ndjson" --format $form
    cp "$out" "$work/kept"
    is "$form: records and nothing else" "$rc $(wc -l <"$work/kept" | tr -d ' ')" '0 4'
    has 'what was refused is counted' "$err" '7 inputs: 3 refused'
    has 'and told' "$err" 'list.ndjson:2: '
    judge "$work/kept" --format json
    is 'all of it is read again' "$rc $(verdicts)" '0 compromised no_match unknown compromised '
done

cat >"$work/recent.lua" <<'EOF'
rule "recent" { title = "t", severity = "low", when = passive_dns.first_seen:within "30d", hit = { standard }, note = "n" }
EOF
echo '{"artifact": "evil.example", "passive_dns.first_seen": "2026-04-20"}' >"$work/dated.json"
run "$PT" eval -c "$work/app.config" --rules "$work/recent.lua" "$work/dated.json" --format json
is 'a time test without a time is an error, never the clock' "$rc" 65
run "$PT" eval -c "$work/app.config" --rules "$work/recent.lua" "$work/dated.json" --format json --now 2026-05-01
is '--now is that time' "$(verdicts)" 'compromised '

# all cores: in the order of the input, whatever the number of workers
i=0
while [ $i -lt 4000 ]; do
    i=$((i + 1))
    case $((i % 50)) in
    7) echo '{"artifact": "cut.example", "tags": ["rans' ;;
    9) echo 'nonsense' ;;
    *) echo "{\"artifact\": \"h$i.example\", \"fetched_at\": \"2026-05-01\", \"tags\": [\"t$((i % 9))\", \"ransomware\"], \"classification\": null, \"passive_dns\": {\"records\": [{\"value\": \"h$i.example\", \"type\": \"A\", \"resolve\": \"192.0.2.1\", \"first_seen\": \"2026-04-01 00:00:00\", \"last_seen\": \"2026-04-02 00:00:00\", \"sources\": [\"riskiq\", \"kaspersky\"]}]}}" ;;
    esac
done >"$work/many.ndjson"
for jobs in 1 2 5; do
    run_in "$work/many.ndjson" "$PT" eval -c "$work/app.config" - --jobs $jobs
    grep -v ' s$' "$err" >"$work/err$jobs"
    cp "$out" "$work/out$jobs"
done
is 'as many lines as records' "$rc $(wc -l <"$work/out1" | tr -d ' ')" '0 4000'
ok 'two workers say the same as one' cmp "$work/out1" "$work/out2"
ok 'five too' cmp "$work/out1" "$work/out5"
ok 'on stderr too, in order' cmp "$work/err1" "$work/err5"
has 'the summary' "$err" '4000 inputs: 3840 compromised, 0 unknown, 0 no_match, 0 skipped, 160 refused'
has 'and matches a rule' "$err" 'rule flagged-tags: 3840 matched'
run_in "$work/many.ndjson" "$PT" eval -c "$work/app.config" - --jobs 2 --skip 3990
is '--skip, with workers' "$(cat "$out")" "$(tail -n 10 "$work/out1")"
run "$PT" eval -c "$work/app.config" "$work/many.ndjson" --format compact -q
cp "$out" "$work/many.compact"
sed -i '3s/^{/PTV1	cut/' "$work/many.compact"
run "$PT" eval -c "$work/app.config" "$work/many.compact" --format json -q
is 'compact records decide as the records do' "$(grep -c '"verdict":"compromised"' "$out")" "$(grep -c '"verdict":"compromised"' "$work/out1")"
printf '%s\n' '{"artifact": "cut.example", "tags": ["ran' >"$work/mixed"
head -n 1 "$work/many.compact" >>"$work/mixed"
judge "$work/mixed" --format json
is 'a damaged object does not swallow the compact record behind it' "$(verdicts)" 'refused compromised '
mkdir "$work/split"
(cd "$work/split" && head -n 300 "$work/many.ndjson" | split -l 7 -a 3 -)
judge "$work/split" --format json --jobs 3
is 'many small files, in order' "$(verdicts)" "$(head -n 300 "$work/out1" >"$out" && verdicts)"
run "$PT" eval -c "$work/app.config" "$work/short.json" --jobs 0
is '--jobs 0' "$rc" 64

# on a pipe an answer does not wait for the next question
mkfifo "$work/pipe"
"$PT" eval -c "$work/app.config" --now 2026-05-01 - <"$work/pipe" >"$work/answers" 2>"$err" &
pid=$!
exec 7>"$work/pipe"
echo '{"artifact": "one.example", "tags": ["ransomware"]}' >&7
waited=0
while [ ! -s "$work/answers" ] && [ $waited -lt 100 ]; do
    sleep 0.1
    waited=$((waited + 1))
done
has 'the first answer is there before the input ends' "$work/answers" '"value":"one.example"'
printf '%s\n%s' '{"artifact": "two.example",' '  "tags": []' >&7
kill -INT $pid
sleep 0.2
exec 7>&-
wait $pid
is 'Ctrl-C: what is whole is finished; exit 75' "$?" 75
has 'and how to go on' "$err" '--skip 1'

# why a rule does not match
cat >"$work/why.lua" <<'EOT'
rule "busy" { title = "t", severity = "low", note = "n",
  when = all { tags:has_any { "apt" }, passive_dns.count:at_least(10), classification:is "malicious" } }
EOT
echo '{"artifact": "evil.example", "tags": ["apt"], "passive_dns": {"count": 4}, "classification": {"failed": "HTTP 503"}}' >"$work/why.json"
run "$PT" eval -c "$work/app.config" --rules "$work/why.lua" "$work/why.json" --why-not busy --format text
has '--why-not counts' "$out" '2 conditions would have to change for it to match (low):'
has 'names the condition, the value and the place' "$out" "no       must be yes  passive_dns.count:at_least(10)  seen: 4  $work/why.lua:2"
has 'and what could not be read' "$out" 'UNKNOWN  must be yes  classification:is "malicious"  could not be read: classification: HTTP 503'
run "$PT" eval -c "$work/app.config" --rules "$work/why.lua" "$work/why.json" --why-not busy --format json
has 'in json too' "$out" '"why_not":{"rule":"busy","outcome":"no_match","level":"low","besides":null,"turns":[{"truth":"no","must_be":"yes"'
run "$PT" eval -c "$work/app.config" --rules "$work/why.lua" "$work/why.json" --why-not bsuy
is '--why-not a rule that is not there' "$rc" 65
has 'with the nearest name' "$err" "no rule has the id 'bsuy' (did you mean 'busy'?)"

# a team that begins with shadow rules alone
mkdir "$work/shadow"
echo 'rule "s" { severity = "low", status = "shadow", when = tags:has_any { "apt" } }' >"$work/shadow/s.lua"
echo '{"artifact": "evil.example", "tags": ["apt"]}' >"$work/shadow.json"
run "$PT" eval --rules "$work/shadow" --now 2026-05-01 "$work/shadow.json" --format json --exit-code
is 'no live rule: nobody judged, so nobody says no' "$rc $(sed 's/.*"verdict":"\([a-z_]*\)".*"unknown_kind":"\([a-z]*\)".*/\1 \2/' "$out")" \
    '20 unknown fix'
has 'what it would have matched is there' "$out" '"shadow":[{"rule":"s"'
run "$PT" eval --rules "$work/shadow" --now 2026-05-01 "$work/shadow.json" --format soar
has 'a playbook reads why' "$out" '"reason":"evil.example could not be judged: no rule is live"'
run "$PT" check "$work/shadow"
is 'check warns of such a set' "$rc $(head -n 1 "$out")" \
    "0 $work/shadow: warning: no rule is live: nothing is judged, and every verdict is unknown [W-NO-LIVE]"
run "$PT" eval --rules "$work/nope" "$work/short.json"
is 'rules that are not there: said once, 65' "$rc $(cat "$err")" "65 $work/nope: error: cannot be read: No such file or directory [E-FILE]"

# More records exist than were sent: what a function makes of those is no answer, unless it looks.
mkdir "$work/cut"
cat >"$work/cut/a.lua" <<'EOF'
local function three(r) return #r.passive_dns.records >= 3 end
rule "part" { severity = "high", when = custom({ "passive_dns.records" }, three) }
rule "count" { severity = "high", when = custom({ "passive_dns.count" }, function(r) return r.passive_dns.count >= 3 end) }
rule "last" { severity = "high", when = custom({ "passive_dns.last_seen" }, function(r) return r.passive_dns.last_seen > r.now end) }
rule "looks" { severity = "high", when = custom({ "passive_dns.records", "passive_dns.truncated" }, three) }
rule "total" { severity = "high", when = custom({ "passive_dns.total_records" }, function(r) return r.passive_dns.total_records > 99 end) }
EOF
echo '{"artifact":"a.example","fetched_at":"2026-05-01T00:00:00Z","passive_dns":{"total_records":9,"records":[{"type":"A","last_seen":"2026-04-01"}]}}' >"$work/cut.json"
run "$PT" eval -q --rules "$work/cut" --format json "$work/cut.json"
is 'custom conditions on a part of the records' "$(sed 's/.*"verdict":"\([a-z_]*\)".*/\1/' "$out") $(grep -o '"id":"[a-z]*","outcome":"[a-z_]*"' "$out" | cut -d'"' -f4,8 | tr '"\n' '= ')" \
    'unknown part=unknown count=unknown last=unknown looks=no_match total=no_match '
has 'and why' "$out" '"reason":"passive_dns: more records exist than were sent"'
sed 's|"total_records":9|"total_records":1|' "$work/cut.json" >"$work/whole.json"
run "$PT" eval -q --rules "$work/cut" --format json "$work/whole.json"
is 'all of them: no' "$(sed 's/.*"verdict":"\([a-z_]*\)".*/\1/' "$out")" no_match
cat >"$work/cut/a.lua" <<'EOF'
rule "undated" { severity = "high", when = passive_dns.first_seen:is_present() }
EOF
sed 's/,"last_seen":"2026-04-01"//' "$work/cut.json" >"$work/undated.json"
run "$PT" eval -q --rules "$work/cut" --format json "$work/undated.json"
is 'is_present: records not sent may have a date' "$(sed 's/.*"verdict":"\([a-z_]*\)".*/\1/' "$out")" unknown

finish
