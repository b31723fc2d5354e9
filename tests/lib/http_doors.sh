# shellcheck shell=sh
# http_doors.sh: sourced by shell tests of the HTTP doors, after tap.sh. POSIX sh; run from the repository root.
#
#   start_doors SETTINGS-FILE [options of serve]   on a free port; sets DOORS (http://127.0.0.1:PORT), DOORS_PID and DOORS_LOG
#   stop_doors                                     SIGTERM, and wait; sets doors_rc
#   http METHOD PATH [options of curl]             sets code and type; the body is in $out. DOORS_AUTH: user:password
#
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154

DOORS_LOG=$work/serve.log

start_doors() {
    doors_settings=$1
    shift
    : >"$DOORS_LOG"
    APP_LOG_DIR=$work "$PT" serve -c "$doors_settings" --set http_listen=127.0.0.1:0 --set "lock_file=$work/serve.lock" "$@" \
        >/dev/null 2>"$DOORS_LOG" &
    DOORS_PID=$!
    doors_tries=0
    while [ "$doors_tries" -lt 200 ]; do
        DOORS=$(sed -n 's/.*HTTP on port \([0-9]*\).*/http:\/\/127.0.0.1:\1/p' "$DOORS_LOG")
        [ -z "$DOORS" ] || return 0
        kill -0 "$DOORS_PID" 2>/dev/null || break
        sleep 0.05
        doors_tries=$((doors_tries + 1))
    done
    echo "serve did not start: $(cat "$DOORS_LOG")" >&2
    return 1
}

stop_doors() {
    [ -n "${DOORS_PID:-}" ] || return 0
    kill -TERM "$DOORS_PID" 2>/dev/null
    doors_rc=0
    wait "$DOORS_PID" || doors_rc=$?
    DOORS_PID=
}

http() {
    http_method=$1
    http_path=$2
    shift 2
    : >"$out"
    code=$(curl -s -o "$out" -w '%{http_code} %{content_type}' -X "$http_method" ${DOORS_AUTH:+-u "$DOORS_AUTH"} "$@" "$DOORS$http_path")
    type=${code#* }
    code=${code%% *}
}
