#!/bin/sh
# What README.md shows of `make demo` is what it prints.
# SPDX-License-Identifier: Apache-2.0
. tests/lib/tap.sh

if ! command -v node >/dev/null; then
    skip 'the demo' 'node is not here'
    finish
    exit
fi

# The demo's dates stand still and the clock does not: how high a match is depends on the day (README says so).
undated() {
    grep -v -e critical -e 'within 7d' "$1"
}

awk '/^`make demo` ends/ { on = 1 } /^```$/ { if (on && block++) exit; next } on && block' README.md >"$work/readme"
run sh examples/demo.sh
is 'the demo ends 0' "$rc" 0
has 'README shows something of it' "$work/readme" '# a tag on our list'
# A part of either is a line that begins with "# " and what follows it.
awk 'NR == FNR { if (/^# /) shown[$0]; next } /^# / { on = $0 in shown } on' "$work/readme" "$out" | undated - | sed '$ { /^$/ d }' >"$work/came"
undated "$work/readme" >"$work/expected"
is 'and nothing else' "$(cat "$work/came")" "$(cat "$work/expected")"
finish
