#!/bin/sh
# sources.t: what is said of sources and their settings before anything is asked: sections that nobody gives, values that are
# missing, files that are not there.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh

# ------------------------------------------------------------------------------- a section that no source can give
mkdir "$work/rules" "$work/in-use"
echo 'rule "old" { severity = "low", when = passive_dns.count:at_least(10) }' >"$work/rules/10-old.lua"
cp rules/10-flagged-tags.lua "$work/in-use"
printf 'indicator,tags\nevil.example,bad\n' >"$work/own.csv"
printf '[fn_passivetotal]\npassivetotal_tags = bad\n[ptverdict]\nlists = own.csv\nrules = in-use\n' >"$work/lists.config"
sed 's/^lists.*/&\npassive_dns = passivetotal/' "$work/lists.config" >"$work/routed.config"
sed 's/^lists.*/&\npassive_dns = pasivetotal/' "$work/lists.config" >"$work/slip.config"
echo 'rule "labels" { severity = "low", when = subdomains.count:at_least(3) }' >"$work/rules/20-labels.lua"
nobody="rule \"labels\" reads subdomains, which no configured source can give: configure one, or say when_unsupported = \"off\" [E-SECTION]"

run "$PT" check -c "$work/lists.config" "$work/rules"
is 'check: a live rule reads what no configured source gives' "$rc $(head -n 1 "$out")" \
    "1 $work/rules/20-labels.lua:1: error: $nobody"
run "$PT" check -c "$work/routed.config" "$work/rules"
is 'a route names its source as one that is configured, without its key too' "$rc" 0
run "$PT" check -c "$work/slip.config" "$work/rules"
is 'a route with a slip in it' "$rc $(cat "$err")" \
    "78 ptverdict: setting passive_dns = pasivetotal: no source 'pasivetotal' (did you mean 'passivetotal'?); there are lists, archive and passivetotal"
run "$PT" check --set passivetotal_tags=bad "$work/rules"
is 'without a source PassiveTotal is meant' "$rc" 0
run "$PT" selftest -c "$work/lists.config" --rules "$work/rules"
has 'selftest, of the rules named' "$out" 'rules/20-labels.lua:1: rule "labels" reads subdomains'
run "$PT" lookup -c "$work/lists.config" --rules "$work/rules" evil.com
is 'lookup' "$rc $(head -n 1 "$err")" "65 $work/rules/20-labels.lua:1: error: $nobody"
run "$PT" lookup -c "$work/lists.config" --rules "$work/rules/10-old.lua" evil.com
is 'a list without dates today refuses no rule' "$rc $(head -n 1 "$out")" '0 unknown  evil.com'
has 'what it lacks is unknown' "$out" 'passive_dns: no configured source can fill it'
run "$PT" apply --dry-run -c "$work/lists.config" "$work/rules"
is 'apply' "$rc $(head -n 1 "$out")" "1 $work/rules/20-labels.lua:1: error: $nobody"
echo '{"artifact": "evil.com", "subdomains": {"count": 4}, "passive_dns": {"count": 1}}' >"$work/record.json"
run "$PT" eval -c "$work/lists.config" --rules "$work/rules" --now 2026-05-01 "$work/record.json" --format json
has 'eval asks nobody: a record holds what it holds' "$out" '"verdict":"compromised"'

# ------------------------------------------------------------------------------------------ a value that is missing
printf '[fn_passivetotal]\npassivetotal_username = me\npassivetotal_tags = bad\n[ptverdict]\nrules = in-use\n' >"$work/keyless.config"
run "$PT" lookup -c "$work/keyless.config" evil.com
is 'no key: which setting, in which section of which file' "$rc $(cat "$err")" \
    "78 ptverdict: [fn_passivetotal] passivetotal_api_key is not set in $work/keyless.config"
run "$PT" lookup -c "$work/keyless.config" --set passivetotal_username= --set tags=passivetotal evil.com
is 'the same for a route' "$rc $(cat "$err")" \
    "78 ptverdict: [fn_passivetotal] passivetotal_username is not set in $work/keyless.config; tags = passivetotal needs it"
run "$PT" lookup -c "$work/keyless.config" --set passivetotal_username= evil.com
is 'no source at all' "$rc $(cat "$err")" \
    "78 ptverdict: no source is configured in $work/keyless.config: set passivetotal_username and passivetotal_api_key in [fn_passivetotal], or archive or lists in [ptverdict]"
run "$PT" lookup -c "$work/keyless.config" --set passivetotal_tags= --set passivetotal_api_key=x evil.com
tagless='[fn_passivetotal] passivetotal_tags is not set'
is 'no tags: a setting too, in every respect' "$rc $(head -n 1 "$err")" \
    "78 $work/in-use/10-flagged-tags.lua:19: error: $tagless in $work/keyless.config: write passivetotal_tags = compromised,ransomware (your own tags) [E-SETTING]"
echo 'rule "new" { severity = "low", when = passive_dns.first_seen:within(setting "fresh") }' >"$work/new.lua"
run "$PT" check -c "$work/keyless.config" "$work/new.lua"
is 'a setting of a rule' "$rc $(head -n 1 "$out")" \
    "1 $work/new.lua:1: error: [rules] \"fresh\" is not set in $work/keyless.config; add it there, or give a default: setting(\"fresh\", …) [E-SETTING]"
mkdir "$work/nowhere"
case $PT in /*) here=$PT ;; *) here=$PWD/$PT ;; esac
run env -C "$work/nowhere" HOME="$work/nowhere" "$here" check "$work/in-use"
if [ -e /etc/ptverdict/app.config ] || [ -e /etc/rescircuits/app.config ]; then
    skip 'without a settings file' 'this machine has one'
else
    has 'without a settings file: where it was looked for' "$out" \
        "$tagless (no settings file was found; looked at ./app.config, $work/nowhere/.resilient/app.config, /etc/ptverdict/app.config, /etc/rescircuits/app.config): write"
    run env -C "$work/nowhere" HOME="$work/nowhere" "$here" selftest
    has 'selftest says so too' "$out" "ok      settings     no settings file was found; looked at ./app.config, "
fi

# ------------------------------------------------------------------------------------------ a file that is not there
mkfifo "$work/pipe.csv"
for setting in archive lists; do
    run "$PT" lookup -c "$work/keyless.config" --set passivetotal_username= --set $setting=/nope.csv evil.com
    is "$setting: a file that is not there" "$rc $(cat "$err")" "78 ptverdict: [ptverdict] $setting = /nope.csv: No such file or directory"
    run "$PT" lookup -c "$work/keyless.config" --set passivetotal_username= --set $setting="$work/pipe.csv" evil.com
    is "$setting: what is neither file nor folder" "$rc $(cat "$err")" \
        "78 ptverdict: [ptverdict] $setting = $work/pipe.csv: neither a file nor a folder"
done
finish
