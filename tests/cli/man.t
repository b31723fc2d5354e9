#!/bin/sh
# man.t: the man page has the program's commands, options and exit codes, and no others; --help says the same.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
page=docs/man/ptverdict.1
section() { # section TITLE: its lines
    sed -n "/^\.SH $1\$/,/^\.SH /p" "$page"
}

"$PT" --help >"$work/help"
commands=$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$work/help")
is 'commands' "$(section COMMANDS | sed -n 's/^\.BR\{0,1\} \([a-z]*\).*/\1/p' | grep -v '^$')" "$commands"

for command in $commands; do
    "$PT" "$command" --help
done >"$work/helps"
is 'options' \
    "$(section OPTIONS | grep -A 1 '^\.TP' | grep '^\.BR\{0,1\} ' | sed -n 's/\\//g; s/.*--\([a-z-]*\).*/\1/p' | sort)" \
    "$(sed -n '/^Options:/,/^$/s/^  [ -][ a-z][ ,] --\([a-z-]*\).*/\1/p' "$work/helps" | sort -u)"
is 'exit codes' "$(section 'EXIT STATUS' | sed -n 's/^\.B \([0-9]*\)$/\1/p')" \
    "$(sed -n 's/^ *CLI_[A-Z]* = \([0-9]*\).*/\1/p' src/cli/exit.h)"
is 'every command on its own has the first words of the page' \
    "$(for command in $commands; do "$PT" "$command" --help | sed -n 3p; done | sed 's/\.$//' | while read -r line; do
        tr '\n' ' ' <"$page" | sed 's/standard input/stdin/g; s/standard output/stdout/g' | grep -qF -e "$line" || echo "$line"
    done)" ''
is 'the version' "$(sed -n 's/^\.TH .*"ptverdict \(.*\)" .*/\1/p' "$page")" "$("$PT" --version | cut -d ' ' -f 2)"
if command -v man >/dev/null; then
    is 'man reads it without a warning' "$(MANWIDTH=100 man --warnings -l "$page" 2>&1 >/dev/null)" ''
else
    skip 'man reads it without a warning' 'man is not there'
fi
finish
