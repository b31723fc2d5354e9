#!/bin/sh
# make demo: judge a few artifacts over real HTTP against a server on this machine that plays PassiveTotal, with the shipped rule and
# the example rules; then the same artifacts once more from what was recorded, with the server gone.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."
. tests/lib/mock.sh
rm -rf build/demo
mkdir -p build/demo

# run WHAT-IT-SHOWS COMMAND [options]: print the command as a person would type it, then run it.
run() {
    printf '\n# %s\n$ ptverdict' "$1"
    shift
    for word in "$@"; do
        case $word in *[!A-Za-z0-9._/:=-]*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac
    done
    printf '\n'
    build/ptverdict "$@"
}

DEMO_KEY=demo-key
start_mock --data examples/demo/answers.json --auth "demo:$DEMO_KEY"
trap 'stop_mock' EXIT
DEMO_URL=$MOCK_URL
PTVERDICT_CONFIG=examples/demo/app.config
export DEMO_KEY DEMO_URL PTVERDICT_CONFIG
rules="--rules rules --rules examples/rules"

# shellcheck disable=SC2086  # options are words
{
    run 'a tag on our list: compromised, with the hit, the note and the reasons' lookup $rules login-update.example
    run 'nothing matches; that is not a clean bill' lookup $rules quiet-shop.example
    run 'the tags call answers 503: unknown, not fine' lookup $rules half-answered.example
    run 'an internal address is never sent to anybody' lookup $rules 10.1.2.3
    run 'pasted from a mail, defanged' lookup $rules 'hxxp://dropzone[.]example/gate.php?id=7'
    run 'neither a name nor an address: refused' lookup $rules analyst@quiet-shop.example || [ $? -eq 65 ]
    echo
    echo '# keep what the service answered, for later'
    echo '$ ptverdict fetch --save build/demo/archive login-update.example quiet-shop.example half-answered.example dropzone.example >records.ndjson'
    build/ptverdict fetch --save build/demo/archive \
        login-update.example quiet-shop.example half-answered.example dropzone.example >build/demo/records.ndjson
    stop_mock
    PTVERDICT_CONFIG=examples/demo/offline.config
    run 'the server is gone; the same artifacts from the recording, offline' lookup $rules --explain login-update.example
    run 'and as a list, for a spreadsheet' lookup $rules --format csv \
        login-update.example quiet-shop.example half-answered.example 10.1.2.3 'hxxp://dropzone[.]example/gate.php?id=7'
}
