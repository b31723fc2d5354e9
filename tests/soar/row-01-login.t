#!/bin/sh
# shellcheck disable=SC2119
# Row 1: log in with API key, pick the organisation by cloud_account, uuid or name, find the queue.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
. tests/soar/worker.sh
stand

# asked METHOD PATH HEADER: what REST saw in that header, of the first request that fits
asked() {
    ask "$PLATFORM/requests" | node -e 'const [method, path, header] = process.argv.slice(1);
        const r = JSON.parse(require("fs").readFileSync(0)).find((q) => q.method === method && q.url.startsWith(path));
        console.log(r ? String(r.headers[header]) : "never asked");' "$@"
}

for org in acct-201 org-uuid-201 'Test Org'; do
    sed "s/^org=.*/org=$org/" "$work/app.config" >"$work/app.config.new" && mv "$work/app.config.new" "$work/app.config"
    ask "$PLATFORM/reset" '{}' >/dev/null
    worker
    ok "organisation as $org" worker_says "subscribed to actions.201.$HANDLE"
    worker_stop
done
basic="Basic $(printf '%s' "$KEY_ID:$KEY_SECRET" | base64 -w 0)"
for path in '/rest/session?include_permissions=false' '/rest/orgs/201' '/rest/orgs/201/functions/fn_passivetotal?handle_format=names'; do
    is "GET $path: basic auth" "$(asked GET "$path" authorization)" "$basic"
    is "GET $path: module version" "$(asked GET "$path" resilient-module-version)" 51.0.8.3
    is "GET $path: framework version" "$(asked GET "$path" resilient-circuits-version)" 51.0.8.3
    is "GET $path: content type" "$(asked GET "$path" content-type)" application/json
done
is 'all on one connection' "$(ask "$PLATFORM/requests" | node -e 'const all = JSON.parse(require("fs").readFileSync(0));
    console.log(all.length, new Set(all.map((q) => q.conn)).size);')" '4 1'

sed '/^org=/d' "$work/app.config" >"$work/none.config"
sed 's/^org=.*/org=nobody/' "$work/app.config" >"$work/nobody.config"
run "$PT" serve -c "$work/nobody.config"
is 'an organisation that is not ours ends it with the code of the framework' "$rc" 24
has 'and names those that are' "$err" '"Test Org", "Second Org", "Closed Org"'
run "$PT" serve -c "$work/none.config"
is 'so does none' "$rc" 24
has 'which says what to set' "$err" 'set org in [resilient]'
sed 's/^org=.*/org=Closed Org/' "$work/app.config" >"$work/closed.config"
run "$PT" serve -c "$work/closed.config"
is 'and one that is not enabled' "$rc" 24
has 'with our address as the platform sees it' "$err" 192.0.2.7
run "$PT" serve -c "$work/app.config" --set resilient.api_key_secret=wr0ng-secret
is 'a refused key ends it with the code of the framework' "$rc" 21
has 'and says where it stands' "$err" 'check api_key_id and api_key_secret in [resilient]'
lacks 'without showing it' "$err" wr0ng-secret
finish
