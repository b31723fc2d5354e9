#!/bin/sh
# notify.t: what the unit's Type=notify and WatchdogSec rest on: serve says when it is up, also with the platform away, that it lives,
# and that it stops.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
[ -x /usr/bin/python3 ] || { echo '1..0 # SKIP python3 is not there'; exit 0; }
cat >"$work/app.config" <<EOF
[resilient]
host=127.0.0.1
port=9
org=Nobody
api_key_id=id
api_key_secret=s3cr3t
[fn_passivetotal]
passivetotal_tags=compromised
[ptverdict]
archive=$PWD/examples/archive
rules=$PWD/rules
state=$work/state
http_listen=off
EOF
# notified NAME: what a manager hears at this address (a path; @ for an abstract one) from the start to after SIGTERM
notified() {
    /usr/bin/python3 - "$PT" "$work/app.config" "$1" 2>"$err" <<'EOF'
import os, signal, socket, subprocess, sys
program, config, name = sys.argv[1:]
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind("\0" + name[1:] if name.startswith("@") else name)
heard.settimeout(20)
serve = subprocess.Popen([program, "serve", "-c", config], env={**os.environ, "NOTIFY_SOCKET": name}, stderr=subprocess.DEVNULL)
words = []
while "WATCHDOG=1" not in words:
    words += heard.recv(4096).decode().split("\n")
serve.send_signal(signal.SIGTERM)
while "STOPPING=1" not in words:
    words += heard.recv(4096).decode().split("\n")
print(" ".join(dict.fromkeys(w for w in words if not w.startswith("STATUS"))), serve.wait(20))
EOF
}
is 'ready with the platform away, alive, stopping' "$(notified "$work/socket")" 'READY=1 WATCHDOG=1 STOPPING=1 0'
is 'the same at an abstract address' "$(notified "@ptverdict-test-$$")" 'READY=1 WATCHDOG=1 STOPPING=1 0'
finish
