#!/bin/sh
# rule_process.t: custom conditions in a process of their own: what it holds, and what becomes of the lookups when it is killed or
# stopped. A list from stdin keeps the program alive meanwhile.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
rules=$work/rules
mkdir "$rules" "$work/indicators"
cat >"$rules/10-custom.lua" <<'END'
rule "digits" {
  title = "Digits", severity = "high",
  when = custom({ "artifact" }, function(r) return r.artifact:contains "9", "looked at " .. r.artifact end),
}
rule "plain" { title = "Plain", severity = "low", when = tags:has_any { "apt" } }
END
printf 'indicator,tags\na9.example,x\nb.example,apt\nc9.example,x\nd.example,x\ne9.example,apt\n' >"$work/indicators/a.csv"
cat >"$work/app.config" <<'END'
[fn_passivetotal]
passivetotal_username = user
passivetotal_api_key = the-key-itself
[ptverdict]
rules = rules
lists = indicators
tags = lists
allow_reserved = yes
END

run "$PT" lookup -c "$work/app.config" a9.example --format json
has 'a command runs custom conditions itself' "$out" 'looked at a9.example'
run "$PT" lookup -c "$work/app.config" a9.example b.example --format csv --set rule_process=yes
is 'or in a process of their own: the same answers' "$rc $(grep -c 'compromised,high' "$out") $(grep -c 'compromised,low' "$out")" '0 1 1'
run "$PT" rule-process
is 'it is no command for people' "$rc" 64
run "$PT" lookup -c "$work/app.config" a9.example --set rule_process=perhaps
is 'serve, yes or no' "$rc" 78

mkfifo "$work/in"
PTV_TEST_WORD=in-the-environment "$PT" lookup -c "$work/app.config" --set rule_process=yes --format json - \
    <"$work/in" >"$work/answers" 2>"$work/talk" &
pid=$!
trap 'kill "$pid" 2>/dev/null; rm -rf "$work"' EXIT
exec 3>"$work/in"
answers() { # answers N: wait for so many
    for _ in $(seq 150); do
        [ "$(wc -l <"$work/answers")" -lt "$1" ] || return 0
        sleep 0.1
    done
    return 1
}
child() { sed -n "s/^\([0-9]*\) (.*) . $pid .*/\1/p" /proc/[0-9]*/stat 2>/dev/null | head -n 1; }

echo a9.example >&3
answers 1
has 'it answers' "$work/answers" 'looked at a9.example'
first=$(child)
is 'it has a name' "$(tr '\0' ' ' <"/proc/$first/cmdline")" 'ptverdict rule-process '
is 'system calls are filtered' "$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$first/status")" 2
is 'nothing can give it rights' "$(sed -n 's/^NoNewPrivs:[[:space:]]*//p' "/proc/$first/status")" 1
if [ "$(id -u)" -eq 0 ]; then
    is 'it has no environment' "$(wc -c <"/proc/$first/environ" | tr -d ' ')" 0
    is 'it has one descriptor' "$(ls "/proc/$first/fd")" 0
    is 'which is a socket' "$(readlink "/proc/$first/fd/0" | cut -d : -f 1)" socket
    is 'it may open none' "$(sed -n 's/^Max open files *\([0-9]*\) *\([0-9]*\).*/\1 \2/p' "/proc/$first/limits")" '1 1'
    is 'nor start anything' "$(sed -n 's/^Max processes *\([0-9]*\) *\([0-9]*\).*/\1 \2/p' "/proc/$first/limits")" '0 0'
    is 'nor write a file' "$(sed -n 's/^Max file size *\([0-9]*\) *\([0-9]*\).*/\1 \2/p' "/proc/$first/limits")" '0 0'
else
    is 'nobody may look into it' "$(ls "/proc/$first/fd" 2>/dev/null)" ''
fi
kill -9 "$first"
echo c9.example >&3
answers 2
has 'killed, it is started again and asked again' "$work/answers" 'looked at c9.example'
ok 'it is another one' test "$(child)" != "$first"
lacks 'no rule failed' "$work/answers" '"outcome":"error"'

kill -STOP "$(child)"
echo e9.example >&3
answers 3
tail -n 1 "$work/answers" >"$work/last"
has 'one that does not answer in time makes its condition an error' "$work/last" '"id":"digits","outcome":"error"'
has 'with file and line' "$work/last" '10-custom.lua:3: over the limit'
has 'the others are judged' "$work/last" '"id":"plain","outcome":"match"'
has 'and the verdict says what it may be' "$work/last" '"could_be":"high"'
has 'it is said' "$work/talk" 'the rule process is started again'
echo d.example >&3
answers 4
tail -n 1 "$work/answers" >"$work/last"
has 'the next is asked as ever' "$work/last" '"id":"digits","outcome":"no_match"'
last=$(child)
exec 3>&-
wait "$pid"
is 'the program ends' "$?" 0
is 'and the process with it' "$(kill -0 "$last" 2>&1 | grep -c 'No such process')" 1
finish
