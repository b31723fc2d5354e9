#!/bin/sh
# rules.t: the rules that ship, the examples and the cookbook are in order, and their cases pass all gates.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
now=2026-05-01
printf '[fn_passivetotal]\npassivetotal_tags = compromised,ransomware\n' >"$work/app.config"
for folder in rules examples/rules examples/cookbook; do
    config=$work/app.config
    [ ! -f "$folder/app.config" ] || config=$folder/app.config
    run "$PT" check -c "$config" --now $now --format json "$folder"
    has "$folder is in order" "$out" '"errors":0,"warnings":0,'
    run "$PT" test -c "$work/app.config" --now $now --strict "$folder"
    is "$folder passes test --strict" "$rc" 0
    ok "$folder needs no settings and no --now for its tests" "$PT" test --strict "$folder"
    for rule in "$folder"/*.lua; do
        case $rule in *.test.lua) continue ;; esac
        ok "$rule stands alone" "$PT" test --strict "$rule"
    done
done
missing=
for rule in examples/cookbook/*.lua; do
    case $rule in *.test.lua) continue ;; esac
    grep -qF -e "$rule" docs/cookbook.md || missing="$missing $rule"
done
is 'every recipe is in docs/cookbook.md' "$missing" ''
finish
