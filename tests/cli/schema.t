#!/bin/sh
# schema.t: what `--format json` and `--format record` print is what docs/*.schema.json say, by a validator that is not ours.
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2317  # functions are called through `it`; $1 and $2 belong to the inner shell
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/mock.sh
. tests/lib/lacking.sh

# The Debian package belongs to the system's Python, which need not be the first on the path.
python=
for p in python3 /usr/bin/python3; do
    "$p" -c 'from jsonschema import Draft202012Validator' 2>/dev/null && python=$p && break
done
[ -n "$python" ] || lacking python3-jsonschema

ptverdict=${PTVERDICT:-build/ptverdict}
work=$(mktemp -d) || exit 1
# shellcheck disable=SC2119
start_mock || exit 1
trap 'stop_mock; rm -rf "$work"' EXIT
cat >"$work/app.config" <<EOC
[fn_passivetotal]
passivetotal_base_url = $MOCK_URL
passivetotal_tags = compromised,ransomware
passivetotal_username = analyst
passivetotal_api_key = secret
timeout = 2
[rules]
fresh = 30d
[ptverdict]
allow_reserved = yes
retry_within = 0
EOC
cat >"$work/artifacts" <<'EOC'
flagged.example
hxxp://suspicious[.]example/path
quiet.example
status-503.tags.example
bad-json.passive-dns.flagged.example
198.51.100.7
10.0.0.1
bücher.example
EOC

count=0
failed=0
# it NAME COMMAND...: one TAP line; the command's output when it fails
it() {
    count=$((count + 1))
    name=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        echo "ok $count - $name"
    else
        echo "not ok $count - $name"
        sed 's/^/# /' "$work/said"
        failed=1
    fi
}
pt() {
    command=$1
    shift
    "$ptverdict" "$command" -c "$work/app.config" "$@"
}
valid() {
    "$python" tests/schema/validate.py "$@"
}
# A list stops when the quota is used up or the key refused, so these two come alone.
lookup_all() {
    pt lookup "$@" - <"$work/artifacts" >"$work/out" 2>"$work/err" || { cat "$work/err"; return 1; }
    for last in status-429-120.tags.example status-401.all.example; do
        pt lookup "$@" "$last" >>"$work/out" 2>>"$work/err"
        case $? in 0 | 69) ;; *) cat "$work/err"; return 1 ;; esac
    done
    [ "$(wc -l <"$work/out")" -eq $(($(wc -l <"$work/artifacts") + 2)) ] || { echo "not one line an artifact"; cat "$work/err"; return 1; }
}
has_verdicts() {
    for v in compromised no_match unknown skipped; do
        grep -q "\"verdict\":\"$v\"" "$work/out" || { echo "no $v among them"; return 1; }
    done
}

echo 1..17
it "lookup writes a line an artifact with the shipped rule" lookup_all --rules rules --format json
it "every decision is valid" valid docs/decision.schema.json "$work/out"
it "all four verdicts are among them" has_verdicts
it "lookup explains with the example rules" lookup_all --rules examples/rules --format json --explain
it "every decision with its tree is valid" valid docs/decision.schema.json "$work/out"

it "lookup writes SOAR results" lookup_all --rules rules --format soar
it "the decision inside every result is valid" valid docs/decision.schema.json "$work/out" decision

it "lookup writes records" lookup_all --rules rules --format record
it "every record is valid" valid docs/record.schema.json "$work/out"

it "eval judges them again" sh -c '"$1" eval -c "$2/app.config" --rules examples/rules --format json --explain \
    --now 2026-05-01T00:00:00Z - <"$2/out" >"$2/again"' - "$ptverdict" "$work"
it "every one of these decisions is valid" valid docs/decision.schema.json "$work/again"

# Cases that pass and fail, gates that hold and do not, files that do not load, all as `test --format json` tells them.
mkdir "$work/rules"
cat >"$work/rules/1.lua" <<'EOC'
rule "closed" { severity = "high", when = tags:has_any { "x" }, on_unknown = "match" }
allow "ours" { reason = "r", owner = "o", expires = "2027-01-31", when = artifact:in_zone { "corp.example" } }
EOC
cat >"$work/rules/1.test.lua" <<'EOC'
case "yes" { now = "2026-05-01T00:00:00Z", given = { artifact = "evil.example", tags = { "x" } }, expect = { verdict = "no_match" } }
case "no" { now = "2026-05-01T00:00:00Z", given = { artifact = "evil.example", tags = {} }, expect = { verdict = "no_match" } }
case "lost" { given = fixture "lost.json", expect = { verdict = "no_match" } }
EOC
echo 'rule "broken" {' >"$work/rules/2.lua"
test_all() {
    for options in '' '--coverage 50' '--fail-sections' '--fail-fast' '--explain' '--run nothing'; do
        # shellcheck disable=SC2086  # options
        "$ptverdict" test $options --format json "$work/rules" 2>/dev/null
    done
    "$ptverdict" test --strict --format json "$work/rules/1.lua" examples/cookbook 2>/dev/null
}
test_all >"$work/tests"
it "test says what came of the cases" grep -q '"cases_passed":1,"cases_failed":2,"stopped":false,"problems":1,' "$work/tests"
it "of the gates" grep -q '"wanted":100,.*"kind":"allowance".*"noticed_when_inverted":false.*"left_out":\["closed"' "$work/tests"
it "every line of it is valid" valid docs/test.schema.json "$work/tests"

# A schema that lets everything through would prove nothing.
sed 's/"tree":/"trees":/' "$work/tests" >"$work/bad"
it "a misspelt key of it is noticed" sh -c '! "$@"' - "$python" tests/schema/validate.py docs/test.schema.json "$work/bad"
sed 's/"verdict":/"verdict_":/' "$work/again" >"$work/bad"
it "a misspelt key is noticed" sh -c '! "$@"' - "$python" tests/schema/validate.py docs/decision.schema.json "$work/bad"
sed 's/"state":"ok"/"state":"fine"/' "$work/out" >"$work/bad"
it "a wrong state is noticed" sh -c '! "$@"' - "$python" tests/schema/validate.py docs/record.schema.json "$work/bad"
exit $failed
