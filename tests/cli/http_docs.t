#!/bin/sh
# http_docs.t: the console blocks of the pages on the HTTP doors, against serve on the starter's archive. With --update the pages are
# written anew.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
. tests/lib/http_doors.sh
command -v curl >/dev/null || { echo '1..0 # SKIP curl is not there'; exit 0; }
"$PT" init "$work/starter" >/dev/null || exit 1
start_doors "$work/starter/app.config" --set http_user=soar --set http_password=secret --set http_token=t0ken \
    --set cts_wait=30 || exit 1
trap 'stop_doors; rm -rf "$work"' EXIT
mkdir "$work/folder"
for page in threat-service rest-api; do
    sed "s|http://127.0.0.1:9000|$DOORS|g" "docs/$page.md" >"$work/$page.md"
    python3 tests/docs/blocks.py "$PT" "$work/folder" "$work/$page.md" "$@" >"$work/tap"
    sed '/^1\.\.[0-9]*$/d; s/^\(not \)\{0,1\}ok [0-9]* - /\1ok - /' "$work/tap" >>"$work/all"
    [ "${1:-}" != --update ] || sed "s|$DOORS|http://127.0.0.1:9000|g" "$work/$page.md" >"docs/$page.md"
done
grep -c 'ok - ' "$work/all" | sed 's/^/1../'
cat "$work/all"
! grep -q '^not ok' "$work/all"
