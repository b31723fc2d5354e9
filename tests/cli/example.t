#!/bin/sh
# The program in examples/ runs: as make builds it, and by the line in its head.
# SPDX-License-Identifier: Apache-2.0
. tests/lib/tap.sh
run build/ptverdict init "$work/my"
export PTVERDICT_CONFIG="$work/my/app.config"

run build/examples/lookup login-update.example
is 'as make builds it: compromised is 10' "$rc" 10
has 'it prints the decision' "$out" 'compromised  login-update.example  high'
run build/examples/lookup 'not one'
is 'what is no artifact is 1' "$rc" 1
has 'and the reason' "$err" 'lookup: '

line=$(sed -n 's/^ \*   \(cc .*\)$/\1/p' examples/lookup.c)
command=$(printf '%s' "$line" | sed "s|-o lookup && ./lookup|-o $work/lookup \&\& $work/lookup|; s|evil\[.\]example|login-update.example|")
run sh -c "$command"
is 'by the line in its head' "$rc" 10
has 'the same' "$out" 'compromised  login-update.example  high'
finish
