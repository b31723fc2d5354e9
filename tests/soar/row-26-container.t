#!/bin/sh
# shellcheck disable=SC2034,SC2154
# Row 26: serve as a container runs it: user and group 1001, read-only root, paths and environment of an App Host, a protected secret, calls
# from a broker, one process that can be watched, also by a script as the App Host has it, which kills it when app.config has changed.
# No container engine is needed: a mount namespace of our own does it.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
. tests/soar/worker.sh
unshare -m true 2>/dev/null || { echo '1..0 # SKIP no mount namespace can be made here'; exit 0; }
stand

root=$work/root
mkdir -p "$root/etc/rescircuits/rules" "$root/etc/secrets/.jwk" "$root/var/log/rescircuits" "$root/var/rescircuits" \
    "$root/usr" "$root/proc" "$root/dev" "$root/tmp" "$root/opt"
for folder in bin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
: >"$root/opt/ptverdict"
cp -R rules/. "$root/etc/rescircuits/rules"
cp "$CERTS/ca.pem" "$root/etc/rescircuits/"
cp tests/fixtures/jwe/plain.jwe "$root/etc/secrets/PT_KEY"
cp tests/fixtures/jwe/key.jwk "$root/etc/secrets/.jwk/key.jwk"
sed 's#/usr/bin/ptverdict#/opt/ptverdict#' packaging/docker/resilient-circuits >"$root/opt/resilient-circuits"
# What an App Host's images start, but for its minute of sleep.
cat >"$root/opt/entry" <<'EOF'
setpriv --pdeathsig KILL sh /opt/resilient-circuits run &
program=$!
echo $program >/tmp/program
before=$(sha256sum <"$APP_CONFIG_FILE")
while kill -0 $program 2>/dev/null; do
    [ "$(sha256sum <"$APP_CONFIG_FILE")" = "$before" ] || kill -KILL $program
    sleep 0.2
done
EOF
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
settings() {
    cat >"$work/new.config" <<EOF
[resilient]
    host=localhost
    port=$REST_PORT
    org=Test Org
    api_key_id=$KEY_ID
    api_key_secret=$KEY_SECRET
    cafile=/etc/rescircuits/ca.pem
    stomp_host=localhost
    stomp_port=$STOMP_PORT
[fn_passivetotal]
    passivetotal_base_url=$MOCK_URL
    passivetotal_tags=$1
    passivetotal_username=analyst
    passivetotal_api_key=\$PT_KEY
[ptverdict]
state=/var/rescircuits/ptverdict
http_listen=127.0.0.1:$port
allow_reserved=yes
EOF
    cp "$work/new.config" "$root/etc/rescircuits/app.config"
}
settings compromised,ransomware
chmod -R a+rX "$root" "$work"

cat >"$work/inside" <<EOF
set -e
mount --make-rprivate /
mount --bind '$root' '$root'
mount --bind /usr '$root/usr'
mount --bind /proc '$root/proc'
mount --bind /dev '$root/dev'
mount --bind '$(realpath "$PT")' '$root/opt/ptverdict'
mount -o remount,bind,ro '$root'
for folder in var/rescircuits var/log/rescircuits tmp; do mount -t tmpfs -o uid=1001,gid=1001,mode=775 tmpfs "$root/\$folder"; done
exec chroot '$root' /usr/bin/setpriv --reuid=1001 --regid=1001 --clear-groups --no-new-privs --bounding-set=-all \
    env -i APP_HOST_CONTAINER=1 APP_CONFIG_FILE=/etc/rescircuits/app.config APP_LOG_DIR=/var/log/rescircuits \
    HOME=/var/rescircuits PATH=/usr/bin ASAN_OPTIONS="\$ASAN_OPTIONS" "\$@"
EOF
# container COMMAND...: starts it; $WORKER_PID is its process 1, $inside what that sees
container() {
    : >"$work/log"
    unshare -m sh "$work/inside" "$@" >"$out" 2>"$work/log" </dev/null &
    WORKER_PID=$!
    inside=/proc/$WORKER_PID/root
}

# door PATH [BODY]: the answer's body, nothing when there is none yet
door() {
    /usr/bin/python3 - "http://127.0.0.1:$port$1" "${2:-}" 2>/dev/null <<'EOF'
import sys, urllib.request
url, body = sys.argv[1:]
request = urllib.request.Request(url, data=body.encode() or None, headers={"Content-Type": "application/json"})
print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10).read().decode(), end="")
EOF
}
verdict() { door /v1/verdict '{"value": "flagged.example"}' | sed -n 's/.*"verdict": *"\([a-z_]*\)".*/\1/p'; }
# wait_for WANTED COMMAND...: until it prints that; says what it printed last
wait_for() {
    wanted=$1
    shift
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        seen=$("$@")
        [ "$seen" != "$wanted" ] || break
        sleep 0.5
    done
    echo "$seen"
}
# the complete one of the replies on stdin
final_reply() { node -e 'console.log(JSON.stringify(JSON.parse(require("fs").readFileSync(0)).find((r) => r.complete)))'; }

container /opt/ptverdict serve
is 'it comes up' "$(wait_for ok door /healthz | tr -d '\n')" ok
is 'user and group 1001' "$(sed -n 's/^[UG]id:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$WORKER_PID/status" | tr '\n' ' ')" '1001 1001 '
is 'without any capability' "$(sed -n 's/^Cap[PEB][a-z]*:[[:space:]]*//p' "/proc/$WORKER_PID/status" | sort -u)" 0000000000000000
is 'the protected secret is opened: the key is accepted' "$(verdict)" compromised
is 'a call from the broker is answered' "$(call '{"value": "evil.example"}' | final_reply | pick payload.results.success)" true
has 'the log is where the App Host looks' "$inside/var/log/rescircuits/app.log" ' INFO ['
has 'the decision log on the volume' "$inside/var/rescircuits/ptverdict/decisions.ndjson" '"artifact":"flagged.example"'
door /metrics | sed -n 's/^# TYPE ptverdict_\([a-z_]*\) .*/\1/p' >"$work/metrics"
is 'docs/operations.md tells of every metric' "$(while read -r name; do grep -q "\`$name\`" docs/operations.md || echo "$name"; done <"$work/metrics")" ''
is 'there are some' "$(grep -c _total "$work/metrics" | sed 's/[0-9][0-9]/many/')" many
settings something-else
is 'new settings come into force' "$(wait_for no_match verdict)" no_match
ok 'in the same process' kill -0 "$WORKER_PID"
cp "$inside/var/log/rescircuits/app.log" "$work/app.log"
lacks 'no secret in the log' "$work/app.log" s3cret-key
lacks 'nor on standard error' "$work/log" s3cret-key
lacks 'the read-only root was no trouble' "$work/app.log" 'Read-only'
worker_stop
is 'SIGTERM: exit code 0' "$rc" 0

container sh /opt/entry
worker_up
ask "$MOCK_URL/_control" '[{"fault": "delay-3000", "times": 0}]' >/dev/null
running=$(ask "$PLATFORM/call" '{"value": "running.example"}')
worker_says running.example
settings compromised
worker_ends
is 'app.config has changed, so the App Host kills it and the container ends' "$rc" 0
lacks 'at once' "$work/log" 'running.example is'
ask "$MOCK_URL/_control" '[]' >/dev/null
container sh /opt/entry
worker_up
is 'the call that ran is answered by the next one' "$(ask "$PLATFORM/wait" "$running" | final_reply | pick payload.results.success)" true
settled=$(ask "$PLATFORM/settle" '{"ms": 300}')
is 'nothing lost, nothing twice' "$(echo "$settled" | pick lost) $(echo "$settled" | pick duplicate)" '[] []'
kill -TERM "$(cat "$inside/tmp/program")"
worker_ends
is 'it stops: the script sees that, and the container ends' "$rc" 0
finish
