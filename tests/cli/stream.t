#!/bin/sh
# stream.t: lists from stdin: order, refusals, bounded memory, Ctrl-C, an exhausted quota, resuming.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
. tests/lib/mock.sh
command -v node >/dev/null || { echo '1..0 # SKIP node is not there'; exit 0; }
start_mock || exit 1
trap 'stop_mock; rm -rf "$work"' EXIT
settings "$MOCK_URL"
list() {
    list_from=$1
    shift
    run_in "$list_from" "$PT" lookup -c "$work/app.config" - "$@"
}
inputs() {
    sed -n 's/.*"input":"\([^"]*\)".*/\1/p' "$out"
}

cat >"$work/mixed" <<'EOF'
# a comment

flagged.example
delay-300.tags.example
{"type":"IP Address","value":"198.51.100.7"}
{"type":"IP Address","value":"quiet.example"}
not an artifact
{"value": 5}
{broken
quiet.example
EOF
list "$work/mixed"
is 'one line of output a line of input, in its order' "$rc
$(inputs)" '0
flagged.example
delay-300.tags.example
198.51.100.7
quiet.example
not an artifact
{\
{broken
quiet.example'
is 'refused lines are objects of their own' "$(grep -c '^{"schema":"ptverdict.refused/1","input":' "$out")" 4
has 'and are told on stderr by their number' "$err" 'ptverdict: input 5: '
has 'a summary' "$err" '8 inputs: 1 compromised, 0 unknown, 3 no_match, 0 skipped, 4 refused'
list "$work/mixed" -q
lacks '-q: no summary' "$err" '8 inputs'
list "$work/mixed" --skip 7
is '--skip leaves out what was done' "$(inputs)" quiet.example
list "$work/mixed" --skip 8
lacks 'all of them: nothing is left to say' "$err" 'there are only'
list "$work/mixed" --skip 9
has 'more than there are is told' "$err" '--skip leaves out everything: there are only 8 inputs'
run "$PT" lookup -c "$work/app.config" --skip 3 a.example b.example
has 'so it is with those of the command line' "$err" '--skip leaves out everything: there are only 2 inputs'
list "$work/mixed" --format csv
is 'csv: a row a line' "$(wc -l <"$out" | tr -d ' ') $(grep -c ',refused,' "$out")" '9 4'
list "$work/mixed" --format soar
is 'soar: a result a line' "$(grep -c '^{"version":2.0,"success":' "$out") $(grep -c '"success":false' "$out")" '8 4'
list "$work/mixed" --format text
is 'text: decisions with a blank line between' "$(grep -c '^$' "$out" | grep -c '[0-9]')" 1
printf 'quiet.example\r\n\r\n{"value":"flagged.example"}\r\n' >"$work/windows"
list "$work/windows"
is 'a list from Windows: no carriage return in what was given' "$rc $(inputs)" '0 quiet.example
flagged.example'
mock_reset
printf 'flagged.example\nflagged.example\nflagged.example\n' >"$work/same"
list "$work/same"
has 'the summary counts the calls that were sent' "$err" "; $(mock_stat requests) calls, "
printf 'not one\n{]\n' >"$work/bad"
list "$work/bad"
is 'all refused: exit 65' "$rc" 65
: >"$work/empty"
list "$work/empty"
is 'no input at all: nothing, exit 0' "$rc $(wc -c <"$out" | tr -d ' ')" '0 0'
printf '\357\273\277quiet.example\r\nquiet.example' >"$work/ends"
list "$work/ends"
is 'a byte order mark, CRLF, a last line without newline' "$(grep -c no_match "$out")" 2
{ head -c 200000 /dev/zero | tr '\0' a; echo; printf 'a\0b\nquiet.example\n'; } >"$work/long"
list "$work/long"
is 'an endless line and a NUL are refused, the rest goes on' "$(grep -c refused/1 "$out") $(tail -n 1 "$out" | grep -c no_match)" '2 1'

i=0
while [ $i -lt 300 ]; do
    echo "n$i.example"
    i=$((i + 1))
done >"$work/many"
list "$work/many" --set max_in_flight=3
is 'order is kept over many' "$(inputs)" "$(cat "$work/many")"

# A slow writer: decisions come while it still writes.
{ echo quiet.example; sleep 2; echo flagged.example; } |
    "$PT" lookup -c "$work/app.config" - -q >"$out" 2>"$err" &
pid=$!
sleep 1
is 'an answer does not wait for the next line' "$(wc -l <"$out" | tr -d ' ')" 1
wait $pid

# Ctrl-C: what is in flight is finished, and it is said how to go on.
mkfifo "$work/pipe"
"$PT" lookup -c "$work/app.config" - <"$work/pipe" >"$out" 2>"$err" &
pid=$!
exec 3>"$work/pipe"
printf 'quiet.example\ndelay-1500.tags.example\n' >&3
sleep 0.7
kill -INT $pid
rc=0
wait $pid || rc=$?
exec 3>&-
if [ "$rc" -eq 0 ] && [ "$(wc -l <"$out")" -eq 2 ] && ! grep -q stopped "$err"; then
    skip 'Ctrl-C finishes what is in flight' 'this shell starts background jobs with SIGINT ignored'
else
    is 'Ctrl-C finishes what is in flight' "$rc $(wc -l <"$out" | tr -d ' ')" '75 2'
    has 'and says how to go on' "$err" 'stopped: interrupted. To go on: the same command with --skip 2'
fi

stop_mock
start_mock --quota 5 || exit 1
settings "$MOCK_URL"
list "$work/many" --set max_in_flight=2
is 'a quota that runs out stops the list' "$rc" 75
skip_to=$(sed -n 's/.*--skip \([0-9]*\)$/\1/p' "$err")
is 'what was judged need not be repeated' "$skip_to" 5
ok 'not a line of unknown for every artifact left' test "$(wc -l <"$out")" -lt 30
stop_mock
start_mock || exit 1
settings "$MOCK_URL"
head -n "$skip_to" "$out" >"$work/first"
list "$work/many" --skip "$skip_to"
cat "$work/first" "$out" >"$work/joined"
is 'resumed, the two runs make one' "$(sed -n 's/.*"input":"\([^"]*\)".*/\1/p' "$work/joined")" "$(cat "$work/many")"
finish
