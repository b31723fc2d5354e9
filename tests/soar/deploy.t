#!/bin/sh
# deploy.t: the files that put ptverdict on a machine: Dockerfile, Kubernetes manifests, systemd unit. No engine, cluster or running
# systemd is needed: their structure is held to what the program needs and to what a careful administrator would ask.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
unit=packaging/systemd/ptverdict.service

# ------------------------------------------------------------------------------------------------ containers
if /usr/bin/python3 -c 'import yaml' 2>/dev/null; then
    while IFS= read -r line; do
        case $line in
        'ok '*) tap_say ok "${line#ok }" ;;
        'not ok '*) tap_say 'not ok' "${line#not ok }" ;;
        *) printf '# %s\n' "$line" ;;
        esac
    done <<EOF
$(/usr/bin/python3 tests/soar/deploy.py "$PT" 2>&1)
EOF
else
    skip 'Dockerfile and manifests' 'python3-yaml is not there'
fi

# What a container engine would run by the framework's name.
sed "s|/usr/bin/ptverdict|echo ran|" packaging/docker/resilient-circuits >"$work/circuits"
is 'resilient-circuits run is serve' "$(sh "$work/circuits" run)" 'ran serve'
is 'so it is without a word' "$(sh "$work/circuits")" 'ran serve'
is 'resilient-circuits selftest is selftest' "$(sh "$work/circuits" selftest -v)" 'ran selftest -v'
run sh "$work/circuits" codegen
is 'what is not there is said' "$rc" 64
ok 'the wrapper passes shellcheck, where that is at hand' sh -c '! command -v shellcheck || shellcheck packaging/docker/resilient-circuits'

# ---------------------------------------------------------------------------------------------------- systemd
if command -v systemd-analyze >/dev/null; then
    exposure=$(systemd-analyze security --offline=true --no-pager "$unit" 2>/dev/null | sed -n 's/.*exposure level for .*: \([0-9.]*\) .*/\1/p')
    ok "exposure below 2.5 ($exposure)" awk "BEGIN { exit !(\"$exposure\" != \"\" && $exposure + 0 < 2.5) }"
    mkdir -p "$work/lib"
    sed "s|/usr/local/bin/ptverdict|$(realpath "$PT")|" "$unit" >"$work/lib/ptverdict.service"
    run systemd-analyze verify --man=no "$work/lib/ptverdict.service"
    is 'systemd understands every line' "$(grep ptverdict.service "$err" | grep -v 'Permission denied')" ''
else
    skip 'exposure of the unit' 'systemd-analyze is not there'
fi
has 'the manager is told when it is ready' "$unit" 'Type=notify'
has 'and watches it' "$unit" 'WatchdogSec='
is 'the user of the unit is made' "$(sed -n 's/^u \([a-z]*\) .*/\1/p' packaging/systemd/ptverdict.sysusers)" \
    "$(sed -n 's/^User=//p' "$unit")"
finish
