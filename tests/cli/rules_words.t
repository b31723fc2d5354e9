#!/bin/sh
# rules_words.t: docs/rules.md names every word, key, field, placeholder filter and finding code that the sources know.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
page=docs/rules.md

# missing FILE: the words of FILE that do not stand in `…` on the page
missing() {
    while read -r word; do
        grep -qE "\`[^\`]*\b$word\b[^\`]*\`" "$page" || echo "$word"
    done <"$1"
}
"$PT" fields --format luacheck | sed -n 's/^ \{4,6\}\([a-z_]*\) = {.*/\1/p' | sort -u >"$work/words"
is 'every word and field' "$(missing "$work/words")" ''
"$PT" fields --format json | grep -o '"name":"[a-z_.]*","example"' | cut -d '"' -f 4 | sort -u >"$work/tests"
is 'every test' "$(missing "$work/tests")" ''
"$PT" fields --format json | sed 's/.*"columns"//' | grep -o '"name":"[a-z_]*"' | cut -d '"' -f 4 >"$work/columns"
is 'every column' "$(missing "$work/columns")" ''
"$PT" fields --editor "$work" >/dev/null
sed -n '/^---@class ptverdict\.\(rule\|allow\|expect\|row\|case\)\(:.*\)\{0,1\}$/,/^$/s/^---@field \([a-z_]*\)?\{0,1\} .*/\1/p' \
    "$work/.ptverdict/words.lua" | sort -u >"$work/keys"
is 'every key' "$(missing "$work/keys")" ''
printf '%s\n' list date number first else severity reason matched >"$work/placeholders"
is 'every filter and placeholder' "$(missing "$work/placeholders")" ''
sed -n '/outcome_names\[\] = {/,/};/p' src/core/verdict.c | grep -o '"[a-z_]*"' | tr -d '"' >"$work/outcomes"
is 'every outcome' "$(missing "$work/outcomes")$(wc -l <"$work/outcomes" | tr -d ' ')" 7
"$PT" test --help | sed -n '/--run/,/--strict/s/^ *--\([a-z-]*\).*/\1/p' >"$work/options"
is 'every option of test' "$(missing "$work/options")" ''

# shellcheck disable=SC2016  # backticks of Markdown
sed -n 's/^    { "\([A-Z-]*\)", "\(.*\)" },$/| `\1` | \2 |/p' src/base/finding_codes.c >"$work/codes"
is 'every code and what it means, and no other' "$(grep '^| `[EWN]-' "$page")" "$(cat "$work/codes")"
finish
