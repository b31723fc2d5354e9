#!/bin/sh
# shellcheck disable=SC2119
# Row 2: log in by e-mail and password: X-sess-id, JSESSIONID, and the same two for the broker.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
. tests/soar/worker.sh
LOGIN='email=worker@example.com
password=pass word'
stand
worker
ok 'subscribed' worker_up
has 'it warns that this is deprecated' "$work/log" 'WARNING [rest] [main] logging in with email and password is deprecated'
ask "$PLATFORM/requests" >"$work/requests"
is 'one login, then sessions' "$(node -e 'const all = JSON.parse(require("fs").readFileSync(0));
    const [login, ...rest] = all;
    console.log(login.method, login.url, login.headers.authorization, login.body,
        rest.every((q) => q.headers["x-sess-id"] && /^JSESSIONID=/.test(q.headers.cookie) && !q.headers.authorization && q.status === 200));' \
    <"$work/requests")" 'POST /rest/session?include_permissions=false undefined {"email":"worker@example.com","password":"pass word"} true'
is 'STOMP with e-mail and password' "$(ask "$TAP/log?command=CONNECT" | node -e 'const [f] = JSON.parse(require("fs").readFileSync(0));
    console.log(f.headers.login, f.headers.passcode);')" 'worker@example.com pass word'
is 'a call is answered' "$(call '{"value": "flagged.example"}' | pick 2.payload.results.success)" true
worker_stop
is 'stopped in good order' "$rc" 0
lacks 'no password in the log' "$work/log" 'pass word'
run "$PT" serve -c "$work/app.config" --set 'resilient.password=wr0ng-word'
is 'a wrong password: its own code' "$rc" 25
lacks 'not shown' "$err" wr0ng-word
LOGIN="$LOGIN
api_key_id=$KEY_ID
api_key_secret=$KEY_SECRET"
config
ask "$PLATFORM/reset" '{}' >/dev/null
worker
worker_up
is 'both pairs set: the key wins' "$(ask "$PLATFORM/requests" | pick 0.method)" GET
worker_stop
finish
