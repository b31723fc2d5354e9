#!/bin/sh
# editor.t: what editors and linters are told about rule files is what the program knows. No language server is run here: Debian
# has none, so the annotations are held to the tables instead.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh

run "$PT" fields --editor "$work/ed"
is 'fields --editor makes the folder' "$rc" 0
words=$work/ed/.ptverdict/words.lua
ok 'annotations are there' test -s "$words"
run "$PT" fields --format luacheck
cp "$out" "$work/luacheckrc"
ok 'the .luacheckrc here is what the program writes' cmp .luacheckrc "$work/luacheckrc"

# The words of the sources: tables of { "name", function }.
{
    sed -n '/word_table\[\] = {/,/^};/s/^    { "\([a-z_]*\)".*/\1/p' src/rules/words.c
    sed -n '/luaL_Reg WORDS\[\]/,/};/p' src/rules/cases.c | grep -o '{ "[a-z_]*"' | tr -d '{ "'
    sed -n '/luaL_Reg base\[\] = {/,/};/p' src/rules/library.c | grep -o '{ "[a-z_]*"' | tr -d '{ "'
    echo standard
    "$PT" fields --format json | sed 's/"columns".*//' | grep -o '"name":"[a-z_.]*","type"' | sed 's/"name":"//; s/[".].*//'
} | sort -u >"$work/known"
sed -n 's/^\([a-z_]*\) = nil$/\1/p' "$words" | sort >"$work/annotated"
is 'every word is annotated, and no other' "$(cat "$work/annotated")" "$(cat "$work/known")"
sed -n '/read_globals/,/^  }/s/^    \([a-z_]*\) = {.*/\1/p' "$work/luacheckrc" | sort -u >"$work/checked"
is 'every word is known to luacheck, and no other' "$(cat "$work/checked")" "$(cat "$work/known")"
sed -n '/luaL_Reg texts\[\] = {/,/};/p' src/rules/library.c | grep -o '{ "[a-z_]*"' | tr -d '{ "' | sort >"$work/known"
sed -n '/class stringlib/,/^$/s/---@field \([a-z]*\) .*/\1/p' "$words" | sort >"$work/annotated"
is 'every word of texts too' "$(cat "$work/annotated")" "$(cat "$work/known")"

# keys FILE ARRAY: the texts of a C array; fields CLASS: the fields of an annotated class
keys() {
    tr '\n' ' ' <"$1" | sed "s/.*$2\[\] = {//; s/};.*//" | grep -o '"[a-z_]*"' | tr -d '"' | sort
}
fields() {
    sed -n "/^---@class ptverdict.$1\(:.*\)\{0,1\}\$/,/^\$/s/^---@field \([a-z_]*\)?\{0,1\} .*/\1/p" "$words" | sort
}
is 'keys of a rule' "$(fields rule)" "$(keys src/rules/declare.c '\*const rule_keys')"
is 'keys of an allowance' "$(fields allow)" "$(sed -n '/^int ptv_declare_allow/,/^}/p' src/rules/declare.c >"$work/allow.c" && keys "$work/allow.c" '\*const keys')"
is 'keys of what is expected' "$(fields expect)" "$(keys src/rules/cases.c EXPECT_KEYS)"
is 'keys of a row' "$(fields row)" "$(keys src/rules/cases.c ROW_KEYS)"
"$PT" fields --format json >"$work/fields.json"
for type in time set word; do
    is "tests of a $type" "$(fields $type | grep -v matched)" \
        "$(python3 -c 'import json, sys
print("\n".join(sorted(next([t["name"] for t in f["tests"]] for f in json.load(sys.stdin)["fields"] if f["type"] == sys.argv[1]))))' $type <"$work/fields.json")"
done
has 'a group has its fields' "$words" '---@field first_seen ptverdict.time '
has 'an enum has its words' "$words" '---@field is fun(self: any, word: "malicious"|"suspicious"|'

# What the file is read by: Lua itself, luacheck, a JSON parser.
ok 'the settings are JSON and name the folder' python3 -c 'import json, sys
assert json.load(open(sys.argv[1]))["workspace.library"] == [".ptverdict"]' "$work/ed/.luarc.json"
if command -v luacheck >/dev/null; then
    ok 'the annotations are Lua' luacheck --no-color -q --no-config --std none -g --no-max-line-length -- "$words"
    ok 'luacheck passes on the shipped rules and examples' luacheck --no-color -q rules examples
    cp .luacheckrc "$work/.luacheckrc"
    mkdir "$work/rules" && cp -R "$work/ed/.ptverdict" "$work/rules/" && cp rules/*.lua "$work/rules/"
    cd "$work" && run luacheck --no-color rules
    cd - >/dev/null || exit 1
    is 'and on a folder that has the annotations' "$rc" 0
    cat >"$work/bad.lua" <<'EOR'
rule "x" { severity = "low", when = all { tag:has_any { "x" }, passive_dns.cuont:at_least(3), tags:has_ny { "x" } } }
EOR
    echo 'case "x" { given = { artifact = "a.example" }, expect = rule "x" }' >"$work/bad.test.lua"
    cd "$work" && run luacheck --no-color bad.lua bad.test.lua
    cd - >/dev/null || exit 1
    has 'luacheck marks a word that is not there' "$out" "undefined variable 'tag'"
    has 'and a field' "$out" "undefined field 'cuont.at_least' of global 'passive_dns'"
    has 'and a test' "$out" "undefined field 'has_ny' of global 'tags'"
    has 'and a word of rules in a test file' "$out" "bad.test.lua:1:57: accessing undefined variable 'rule'"
else
    skip 'luacheck' 'luacheck is not there'
fi

echo mine >"$work/ed/.luarc.json"
run "$PT" fields --editor "$work/ed"
is 'once more: the annotations anew, the settings of others kept' "$rc $(cat "$work/ed/.luarc.json")" '0 mine'
run "$PT" init "$work/starter"
ok 'init writes the same annotations' cmp "$words" "$work/starter/.ptverdict/words.lua"
ok 'and settings' test -s "$work/starter/.luarc.json"
run "$PT" fields "$work"
is 'a folder without --editor is a mistake' "$rc" 64
finish
