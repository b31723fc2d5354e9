#!/bin/sh
# ci_recipe.t: the commands of docs/ci.md do on a repository of rules what the page says.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
command -v git >/dev/null || { echo "1..0 # SKIP git is not there"; exit 0; }

sed -n '/^# examples\/ci\/rules.sh$/,/^```$/p' docs/ci.md | sed '1d;$d' >"$work/page"
sed -n '/^set -u$/,$p' examples/ci/rules.sh >"$work/shipped"
is 'the script on the page is the one that ships' "$(cat "$work/page")" "$(cat "$work/shipped")"
commands=$(grep -c 'sh ci/rules.sh rules records ' docs/ci.md)
is 'both servers call it in the same way' "$commands" 2
if python3 -c 'import yaml' 2>/dev/null; then
    # shellcheck disable=SC2016  # backticks of Markdown
    ok 'their files are YAML' python3 -c '
import re, sys, yaml
blocks = re.findall(r"```yaml\n(.*?)```", open("docs/ci.md").read(), re.S)
assert len(blocks) == 2 and all(isinstance(yaml.safe_load(b), dict) for b in blocks)'
else
    skip 'their files are YAML' 'python3-yaml is not there'
fi

# A repository: main, and a change on top.
script=$(realpath examples/ci/rules.sh)
mkdir -p "$work/bin" "$work/repo/records"
ln -s "$(realpath "$PT")" "$work/bin/ptverdict"
PATH="$work/bin:$PATH"
export HOME="$work" GIT_CONFIG_NOSYSTEM=1
cp -R rules "$work/repo/rules"
cd "$work/repo" || exit 1
commit() {
    git add -A && git -c user.name=t -c user.email=t@example.org -c commit.gpgsign=false commit -q -m "$1"
}
printf '[fn_passivetotal]\npassivetotal_tags = compromised,ransomware\n' >app.config
for tag in ransomware phishing cdn; do
    printf '{"artifact": "%s.example", "fetched_at": "2026-05-01T00:00:00Z", "tags": ["%s"]}\n' $tag $tag
done >records/recorded.ndjson
printf 'reports/\n' >.gitignore
git init -q -b main . && commit base
git checkout -q -b change
sed 's/"flagged-tags"/"also-phishing"/; s/(setting "passivetotal_tags")/ { "phishing" }/' rules/10-flagged-tags.lua >rules/20-also.lua
cat >rules/20-also.test.lua <<'EOR'
case "phishing" {
  given  = { artifact = "a.example", tags = { "phishing" } },
  expect = { verdict = "compromised", rules = { ["also-phishing"] = "match" } },
}
case "another tag" { given = { artifact = "a.example", tags = { "cdn" } }, expect = { verdict = "no_match" } }
EOR
commit change

if ptverdict diff --help >/dev/null 2>&1; then
    run sh "$script" rules records main
    is 'a good change passes' "$rc" 0
    has 'the comment names the artifact that changes' reports/diff.md 'phishing.example'
    lacks 'and not one that does not' reports/diff.md 'cdn.example'
else
    skip 'diff as a comment' 'this program has no diff'
    run sh "$script" rules
    is 'a good change passes' "$rc" 0
fi
has 'SARIF is there' reports/check.sarif '"version":"2.1.0"'
has 'JUnit is there' reports/test.xml '<testsuites tests='
lacks 'without a failure' reports/test.xml '<failure'

sed 's/severity *= "high",/severity = "hihg",/' rules/20-also.lua >new && mv new rules/20-also.lua
run sh "$script" rules
is 'a mistake fails' "$rc" 1
has 'with its line in the log' "$out" "did you mean 'high'?"
has 'and in SARIF' reports/check.sarif '"ruleId":"E-ENUM"'
git checkout -q rules
sed '/another tag/d' rules/20-also.test.lua >new && mv new rules/20-also.test.lua
run sh "$script" rules
is 'cases that pass but leave a condition out fail' "$rc" 1
has 'the log says which' "$out" 'never seen'
has 'JUnit says which gate' reports/test.xml 'name="coverage"'
cd "$OLDPWD" || exit 1
finish
