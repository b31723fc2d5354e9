# tap.sh: sourced by shell tests of the program. POSIX sh; run from the repository root.
#
#   run COMMAND...              runs it; sets $rc, and the files $out and $err
#   is NAME GOT EXPECTED        one TAP line
#   has NAME FILE TEXT          the file holds the text; lacks: it does not
#   ok NAME COMMAND...          the command succeeds
#   skip NAME WHY               a test that cannot run here, visibly
#   finish                      prints the plan
#
# $PT is the program, $work a folder of the test's own that goes when it ends.
#
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

export PT="${PTVERDICT:-build/ptverdict}"
unset PTVERDICT
work=$(mktemp -d "${TMPDIR:-/tmp}/ptverdict.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
export out="$work/out" err="$work/err" rc=0
tap_count=0

tap_say() {
    tap_count=$((tap_count + 1))
    printf '%s %d - %s\n' "$1" "$tap_count" "$2"
}

run() {
    rc=0
    "$@" >"$out" 2>"$err" </dev/null || rc=$?
}

# run_in INPUT-FILE COMMAND...: as run, with stdin from a file
run_in() {
    tap_input=$1
    shift
    rc=0
    "$@" >"$out" 2>"$err" <"$tap_input" || rc=$?
}

is() {
    if [ "$2" = "$3" ]; then
        tap_say ok "$1"
    else
        tap_say 'not ok' "$1"
        printf '%s\n' "$2" | sed 's/^/#      got: /' | head -n 40
        printf '%s\n' "$3" | sed 's/^/# expected: /' | head -n 40
        [ ! -s "$err" ] || sed 's/^/#   stderr: /' "$err"
    fi
}

has() {
    if grep -qF -e "$3" "$2"; then
        tap_say ok "$1"
    else
        tap_say 'not ok' "$1"
        printf '# no "%s" in:\n' "$3"
        sed 's/^/# /' "$2"
    fi
}

lacks() {
    if grep -qF -e "$3" "$2"; then
        tap_say 'not ok' "$1"
        grep -nF -e "$3" "$2" | sed 's/^/# /'
    else
        tap_say ok "$1"
    fi
}

ok() {
    tap_name=$1
    shift
    if "$@" >"$work/tap" 2>&1; then
        tap_say ok "$tap_name"
    else
        tap_say 'not ok' "$tap_name"
        sed 's/^/# /' "$work/tap"
    fi
}

skip() {
    tap_say ok "$1 # SKIP $2"
}

finish() {
    echo "1..$tap_count"
}

# settings URL: writes $work/app.config for the mock at URL
settings() {
    cat >"$work/app.config" <<EOF
[fn_passivetotal]
passivetotal_base_url = $1
passivetotal_tags = compromised,ransomware
passivetotal_username = analyst
passivetotal_api_key = s3cret-key
timeout = 5
[rules]
fresh = 30d
[ptverdict]
rules = $PWD/rules
allow_reserved = yes
retry_within = 0
EOF
}
