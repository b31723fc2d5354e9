#!/bin/sh
# hostile.t: every hostile file and every error answer, as the answer to each of the five calls, through the program. The rule
# of each run needs that one section, and everything else answers well, so "no match" may be said only where the file
# really was read as an answer; those are listed here, one by one, with why.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
data=tests/fixtures/passivetotal

# An archive in which artifact N-FILE.example has file N as its answer to endpoint $1.
cat >"$work/archive.py" <<'EOF'
import glob, json, os, sys
endpoint, out, folders = sys.argv[1], sys.argv[2], sys.argv[3:]
with open(out, "w", encoding="utf-8") as archive, open(out + ".names", "w") as names:
    for path in sorted(p for f in folders for kind in ("errors", "hostile") for p in glob.glob(f"{f}/{kind}/*")):
        if path.endswith(".meta.json"):
            continue
        meta = os.path.splitext(path)[0] + ".meta.json"
        status = json.load(open(meta))["status"] if os.path.exists(meta) else 200
        name = "".join(c if c.isalnum() else "-" for c in os.path.splitext(os.path.basename(path))[0].lower()) + ".example"
        body = open(path, encoding="utf-8", newline="").read()
        json.dump({"endpoint": endpoint, "query": name, "status": status, "fetched_at": "2026-05-01T00:00:00Z",
                   "body": body}, archive)
        archive.write("\n")
        names.write(name + "\n")
EOF

# Where a file is, after all, an answer that can be read: what it says is none, or something else than the rule looks for.
#   tags            a byte order mark in front of a good answer; two tags with odd characters
#   subdomains      a list with a name that turns the writing direction
read_all_the_same='
tags synth-bom.example
tags synth-control-chars.example
subdomains synth-control-chars.example
'

judge() { # SECTION ENDPOINT CONDITION
    mkdir -p "$work/rules"
    printf 'rule "needs" { title = "t", severity = "high", when = %s }\n' "$3" >"$work/rules/needs.lua"
    python3 "$work/archive.py" "$2" "$work/archive.ndjson" "$data" || return
    printf '[ptverdict]\narchive = archive.ndjson\nrules = rules\nallow_reserved = yes\nretry_within = 0\n' >"$work/app.config"
    run_in "$work/archive.ndjson.names" "$PT" lookup -c "$work/app.config" --format json -
    # a list of which nobody answered anything ends 69; no other end is right here
    case $rc in 0 | 69) ;; *) is "$1: ends 0" "$rc" 0 ;; esac
    is "$1: one line for each file" "$(grep -c . "$out")" "$(grep -c . "$work/archive.ndjson.names")"
    got=$(sed -n "s/.*\"value\":\"\\([^\"]*\\)\".*\"verdict\":\"no_match\".*/$1 \\1/p" "$out")
    want=$(printf '%s' "$read_all_the_same" | grep "^$1 ")
    is "$1: no_match only where the answer was read" "$got" "$want"
    is "$1: never skipped, never an error" "$(grep -vc '"verdict":"\(unknown\|no_match\)"' "$out")" 0
    lacks "$1: no raw escape reaches the output" "$out" "$(printf '\033')"
}

judge tags /v2/actions/tags 'tags:has_any { "never-seen" }'
judge classification /v2/actions/classification 'classification:is "malicious"'
judge passive_dns /v2/dns/passive 'passive_dns.count:at_least(1000000)'
judge subdomains /v2/enrichment/subdomains 'subdomains.count:at_least(1000000)'
judge account /v2/account 'account.quota_exceeded:is(true)'
finish
