#!/bin/sh
# make demo: judge a few artifacts over real HTTP against a server on this machine that plays PassiveTotal, with the shipped rule and
# the example rules; then the same artifacts once more from what was recorded, with the server gone.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
ptverdict=build/ptverdict
work=build/demo
rm -rf "$work"
mkdir -p "$work"
. tests/lib/mock.sh

DEMO_KEY=demo-key
DEMO_URL=http://127.0.0.1:1
export DEMO_KEY DEMO_URL
start_mock --data examples/demo/answers.json --auth "demo:$DEMO_KEY"
trap 'stop_mock' EXIT
DEMO_URL=$MOCK_URL

run() {
    printf '\n\033[1m$ ptverdict'
    printf ' %s' "$@"
    printf '\033[0m\n'
    "$ptverdict" "$@"
}
if [ ! -t 1 ]; then
    run() {
        printf '\n$ ptverdict'
        printf ' %s' "$@"
        printf '\n'
        "$ptverdict" "$@"
    }
fi
# Options that each command here needs: the settings, the shipped rule, the example rules.
common="-c examples/demo/app.config --rules rules --rules examples/rules"

# shellcheck disable=SC2086  # options are words
{
    run lookup $common login-update.example
    run lookup $common quiet-shop.example
    run lookup $common half-answered.example
    run lookup $common 10.1.2.3
    run lookup $common 'hxxp://dropzone[.]example/gate.php?id=7'
    run lookup $common analyst@quiet-shop.example || [ $? -eq 65 ]

    echo
    echo "== the same artifacts from a recording, offline =="
    run fetch $common --save "$work/archive" login-update.example quiet-shop.example half-answered.example dropzone.example >"$work/fetch.txt"
    head -n 2 "$work/fetch.txt"
    stop_mock
    run lookup $common --set archive="$work/archive" --set tags=archive --set classification=archive --set passive_dns=archive \
        --set subdomains=archive --format csv \
        login-update.example quiet-shop.example half-answered.example 10.1.2.3 'hxxp://dropzone[.]example/gate.php?id=7'
}
