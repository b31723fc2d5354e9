#!/bin/sh
# config.t: the settings in force, where each came from, and that no secret is shown anywhere.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
HOME=$work
export HOME

cat >"$work/app.config" <<'EOF'
[fn_passivetotal]
    passivetotal_base_url=https://user:w0rd@api.example
    passivetotal_tags=a,b
    passivetotal_username=$PT_USER
    passivetotal_api_key=k3y-in-file
[ptverdict]
plan = fast
[rules]
fresh = 30d
EOF
export PT_USER=n4me-in-environment
run "$PT" config -c "$work/app.config" --set max_in_flight=4
is 'config exits 0' "$rc" 0
has 'a value of the file, with its line' "$out" "plan = fast  # $work/app.config:7"
has 'a flag' "$out" 'max_in_flight = 4  # --set'
has 'a default' "$out" 'query_in = url  # default'
has 'a setting of the rules' "$out" "fresh = 30d  # $work/app.config:9"
has 'a secret is masked' "$out" 'passivetotal_api_key = ********'
for secret in k3y-in-file n4me-in-environment w0rd; do
    lacks "text does not show $secret" "$out" "$secret"
done
run env PTVERDICT_PLAN=frugal "$PT" config -c "$work/app.config"
has 'the environment comes before the file' "$out" 'plan = frugal  # environment PTVERDICT_PLAN'

run "$PT" config -c "$work/app.config" --format json
for secret in k3y-in-file n4me-in-environment w0rd; do
    lacks "json does not show $secret" "$out" "$secret"
done
has 'json has one object a setting' "$out" '{"section":"ptverdict","key":"plan","value":"fast","where":"'

run "$PT" -vv --set passivetotal_api_key=k3y-on-the-line config -c "$work/app.config"
lacks 'nor a key from the command line' "$out" k3y-on-the-line
lacks 'nor in the log' "$err" k3y-on-the-line

printf '[ptverdict]\nmax_in_flight = 4\nplna = fast\n' >"$work/typo.config"
run "$PT" config -c "$work/typo.config"
is 'a typo is an error with its line' "$rc $(cat "$err")" \
    "78 ptverdict: $work/typo.config:3: unknown setting 'plna' in [ptverdict] (did you mean 'plan'?)"
printf '[fn_passivetotal]\ntimeout = k3y-elsewhere\n' >"$work/type.config"
run "$PT" config -c "$work/type.config"
is 'a value of the wrong type is an error' "$rc" 78
printf '[Ptverdict]\nplan = fast\n' >"$work/section.config"
run "$PT" config -c "$work/section.config"
has 'a section that is nearly ours is warned of' "$err" 'section [Ptverdict] is not read (did you mean [ptverdict]?)'

mkdir -p "$work/.resilient"
cp "$work/app.config" "$work/.resilient/app.config"
program=$PT
case $program in /*) ;; *) program=$PWD/$PT ;; esac
(cd "$work/.resilient/.." && rm app.config && "$program" config >"$out" 2>"$err")
has 'the file is found in the usual places' "$out" '.resilient/app.config'

run "$PT" config --format markdown
sed -n '/^### `\[/,$p' docs/settings.md >"$work/table"
is 'docs/settings.md has the table of the program (ptverdict config --format markdown)' "$(cat "$work/table")" "$(cat "$out")"
finish
