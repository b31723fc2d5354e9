#!/bin/sh
# What a person is told when the service fails, one fault at a time: the name asked for makes the mock fail so (mock_faults.js).
# Whatever happens, the verdict is unknown or what the data says, never no_match, when the tags were not read.
# SPDX-License-Identifier: Apache-2.0
. tests/lib/tap.sh
. tests/lib/mock.sh

if ! command -v node >/dev/null; then
    skip 'faults of the service' 'node is not here'
    finish
    exit
fi
start_mock --auth user:key-that-nobody-sees || exit 1
trap 'stop_mock; rm -rf "$work"' EXIT

lookup() {
    run "$PT" lookup --rules rules --set passivetotal_base_url="${url:-$MOCK_URL}" --set passivetotal_username=user \
        --set passivetotal_api_key="${key:-key-that-nobody-sees}" --set passivetotal_tags=compromised,ransomware \
        --set allow_reserved=yes --set retry_within="${within:-0}" --set fn_passivetotal.timeout="${timeout:-10}" \
        --set max_body=1M "$@"
}

# fault | what the person reads | ask again (later) or mend (fix)
while IFS='|' read -r fault text kind; do
    case $fault in '' | '#'*) continue ;; esac
    timeout=10
    case $fault in hang | hang-mid | drip-* | slow-headers-*) timeout=1 ;; esac
    lookup --format json "$fault.tags.example"
    is "$fault: unknown" "$(sed 's/.*"verdict":"\([a-z_]*\)".*/\1/' "$out")" unknown
    has "$fault: says '$text'" "$out" "$text"
    has "$fault: $kind" "$out" "\"unknown_kind\":\"$kind\""
    lacks "$fault: no key in the answer" "$out" key-that-nobody-sees
    lacks "$fault: no key on stderr" "$err" key-that-nobody-sees
done <<'TABLE'
status-204|HTTP 204: no content|later
status-400|HTTP 400|fix
status-401|user or key refused|fix
status-402|HTTP 402|fix
status-403|HTTP 403|fix
status-404|HTTP 404|fix
status-407|HTTP 407|fix
status-429|quota|later
status-500|HTTP 500|later
status-502|HTTP 502|later
status-503|HTTP 503|later
status-504|HTTP 504|later
retry-date-90|"retry_after":90|later
quota-200|quota|later
empty|HTTP 200 with an empty body|later
html|HTML|later
text|JSON|later
bad-json|JSON ends at byte|later
object|unexpected shape|later
null|unexpected shape|later
array|unexpected shape|later
part|unexpected shape: \"tags\" item 2 is an object|later
no-success|unexpected shape: success is a number|later
deep|JSON nests over 100 levels|later
nul|NUL in JSON|later
bad-utf8|JSON is not UTF-8|later
trailing|text after the JSON value|later
truncate|cut|later
truncate-chunked|cut|later
reset|connection|later
reset-mid|connection|later
close|connection|later
hang|no answer|later
hang-mid|not complete within 1 s|later
drip-200|not complete within 1 s|later
slow-headers-200|no answer|later
redirect-other|redirect|fix
redirect-loop|redirect|fix
gzip-bad|cannot be|later
gzip-bomb-8|over|later
huge-4|over|later
huge-chunked-4|over|later
big-header-512|header|later
garbage|HTTP|later
TABLE

echo 'rule "bad" { severity = "high", when = classification:is "malicious" }' >"$work/bad.lua"
lookup --rules "$work/bad.lua" --format json new-word.classification.example
is 'new-word: unknown' "$(sed 's/.*"verdict":"\([a-z_]*\)".*/\1/' "$out")" unknown
has 'new-word: says which' "$out" "is 'harmful', which is not one of the words known"

# Faults that a reader must not notice, or that one more try mends.
for fault in gzip deflate redirect-same delay-50; do
    lookup --format json "$fault.tags.plain.example"
    is "$fault: read all the same" "$(sed 's/.*"verdict":"\([a-z_]*\)".*/\1/' "$out")" no_match
done
lookup --format json bom.tags.example
is 'bom: read all the same' "$(sed 's/.*"verdict":"\([a-z_]*\)".*/\1/' "$out")" compromised
within=3
for fault in status-503 reset truncate bad-json; do
    lookup --format json "1-times-$fault.tags.plain.example"
    is "$fault once: the second try is read" "$(sed 's/.*"verdict":"\([a-z_]*\)".*/\1/' "$out")" no_match
done

within=0
# shellcheck disable=SC2034  # read by lookup
key=wrong-key-that-nobody-sees
lookup plain.example
is 'a refused key ends 69' "$rc" 69
has 'a refused key is said in words' "$out" 'user or key refused'
lacks 'and not shown' "$out" wrong-key-that-nobody-sees
key=
url=http://127.0.0.1:9
lookup plain.example
has 'nobody listens: host and port' "$out" 'connection refused by 127.0.0.1 port 9'
url=http://192.0.2.1
lookup plain.example
has 'plain http to another machine is refused, with what to do' "$out" allow_http

url=
lookup --explain -v -v flagged.example
lacks 'the key is in no line of --explain' "$out" key-that-nobody-sees
lacks 'and in no log line' "$err" key-that-nobody-sees
finish
