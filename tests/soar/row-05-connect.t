#!/bin/sh
# shellcheck disable=SC2119
# Row 5: CONNECT and SUBSCRIBE as the framework sends them, but for the heart-beat.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
. tests/soar/worker.sh
stand
worker
worker_up
until_true 10 sh -c "node tests/lib/mock_ask.js '$TAP/log?command=SUBSCRIBE' | grep -q SUBSCRIBE"
headers() {
    ask "$TAP/log?command=$1" | node -e 'for (const f of JSON.parse(require("fs").readFileSync(0)))
        console.log(f.order.join("\n"));'
}
is CONNECT "$(headers CONNECT)" "accept-version:1.2
heart-beat:10000,15000
host:localhost
login:$KEY_ID
passcode:$KEY_SECRET"
is 'SUBSCRIBE, once' "$(headers SUBSCRIBE)" "ack:client-individual
activemq.prefetchSize:3
destination:actions.201.$HANDLE
id:actions.201.$HANDLE"
is 'the broker agrees on beats both ways' "$(ask "$TAP/log?command=CONNECTED" | pick 0.headers.heart-beat)" 15000,10000
worker_stop
is 'DISCONNECT comes last' "$(ask "$TAP/log?dir=up" | node -e 'console.log(JSON.parse(require("fs").readFileSync(0)).pop().command);')" DISCONNECT
is 'and it ends with 0' "$rc" 0
finish
