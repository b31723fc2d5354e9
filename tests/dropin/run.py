#!/usr/bin/env python3
"""Is ptverdict a drop-in for fn_passivetotal 1.0.0? Each case of cases.json is played against the mock API, once by a model of
the old app and once by `ptverdict call`, and both published post-scripts read our answer.

    tests/dropin/run.py --mock URL --ptverdict FILE           TAP, three lines a case
    tests/dropin/run.py --table                               the table of docs/soar-dropin.md
    tests/dropin/run.py RESULT.json|-                         what both post-scripts would write for one function result

Python 3, standard library only.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import old_app  # noqa: E402
import post_script_export  # noqa: E402
import post_script_readme  # noqa: E402
from soar_platform import written_by  # noqa: E402

SCRIPTS = {"export": post_script_export.script, "readme": post_script_readme.script}
PAYLOAD = ["version", "success", "reason", "content", "raw", "inputs", "metrics", "decision", "hit", "note"]
METRICS = ["version", "package", "package_version", "host", "execution_time_ms", "timestamp"]
CONTENT = ["pager", "queryValue", "queryType", "firstSeen", "lastSeen", "totalRecords", "results", "classification",
           "primaryDomain", "success", "subdomains", "tags_hits_str", "report_url"]
SECRETS = ["analyst@example.org", "k3y-0f-the-test"]
ENDPOINTS = ("account", "tags", "passive_dns", "classification", "subdomains")
LISTED = {  # what the API says unless a case says otherwise
    "account": {"searchApiQuotaExceeded": False},
    "tags": {"tags": ["Compromised", "apt"]},
    "passive_dns": {"pager": None, "queryValue": "evil.example", "queryType": "domain", "firstSeen": "2020-01-01 00:00:00",
                    "lastSeen": "2024-01-01 00:00:00", "totalRecords": 2, "results": []},
    "classification": {"classification": "malicious"},
    "subdomains": {"primaryDomain": "evil.example", "success": True, "subdomains": ["a", "b"]},
}


def settings_of(case, mock):
    settings = {
        "passivetotal_base_url": mock,
        "passivetotal_account_api_url": "/v2/account",
        "passivetotal_actions_tags_api_url": "/v2/actions/tags",
        "passivetotal_passive_dns_api_url": "/v2/dns/passive",
        "passivetotal_actions_class_api_url": "/v2/actions/classification",
        "passivetotal_enrich_subdom_api_url": "/v2/enrichment/subdomains",
        "passivetotal_community_url": "https://community.riskiq.com/search/",
        "passivetotal_tags": "compromised,ransomware",
        "passivetotal_username": SECRETS[0],
        "passivetotal_api_key": SECRETS[1],
    }
    settings.update(case.get("settings", {}))
    return settings


def inputs_of(case):
    return case.get("inputs", {"passivetotal_artifact_type": case.get("type", "DNS Name"),
                               "passivetotal_artifact_value": case.get("value", "evil.example")})


def post(url, body):
    request = urllib.request.Request(url, data=json.dumps(body).encode(), method="POST")
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5).read()


def play(case, mock):
    """Tell the mock what each endpoint says in this case."""
    queue = []
    for endpoint in ENDPOINTS:
        body = case["answers"].get(endpoint, LISTED[endpoint])
        fault = case.get("faults", {}).get(endpoint)
        if fault is None:
            fault = {"name": "status", "status": body.get("$status", 200),
                     "body": {k: v for k, v in body.items() if k != "$status"}}
        queue.append({"match": {"endpoint": endpoint}, "fault": fault, "times": 0})
    post(mock + "/_reset", {})
    post(mock + "/_control", queue)


def call(ptverdict, settings, inputs):
    """One `ptverdict call`: (payload, standard error)."""
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "app.config")
        with open(config, "w", encoding="utf-8") as f:
            f.write("[fn_passivetotal]\n" + "".join("    %s=%s\n" % item for item in settings.items()) + "    timeout=1\n")
            f.write("[ptverdict]\nretry_within=0\nallow_reserved=yes\n")
        done = subprocess.run([ptverdict, "call", "-c", config, "--rules", os.path.join(ROOT, "rules")],
                              input=json.dumps(inputs).encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                              check=False)
    talk = done.stderr.decode("utf-8", "replace")
    if not done.stdout.strip():
        raise AssertionError("nothing on standard output, exit code %d: %s" % (done.returncode, talk))
    return json.loads(done.stdout), talk + done.stdout.decode()


def words_for_old(answer):
    kind, what = answer
    if kind == "result":
        return "merged object" if isinstance(what, dict) else "[]"
    return ("no results: " if kind == "nothing" else "error: ") + what


def words_for_ours(payload):
    decision = payload["decision"]
    verdict = decision["verdict"] if decision else "refused"
    if not payload["success"]:
        return verdict + ": success false"
    return verdict + (": merged object" if isinstance(payload["content"], dict) else ": []")


def words_for_writes(hits, notes):
    if hits:
        return "hit"
    if not notes:
        return "nothing"
    return "note: None" if notes[0].endswith("failed: None") else "note"


def same(what, got, wanted):
    if got != wanted:
        raise AssertionError("%s: %r, expected %r" % (what, got, wanted))


def check_payload(case, payload, said, inputs, old):
    same("keys", list(payload), PAYLOAD)
    same("version", payload["version"], 2.0)
    same("raw", payload["raw"], None)
    same("inputs", payload["inputs"], inputs)
    same("keys of metrics", list(payload["metrics"]), METRICS)
    same("package", payload["metrics"]["package"], "fn-passivetotal")
    if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", payload["metrics"]["timestamp"]):
        raise AssertionError("timestamp: %r" % payload["metrics"]["timestamp"])
    if not (isinstance(payload["metrics"]["host"], str) and isinstance(payload["metrics"]["execution_time_ms"], int)):
        raise AssertionError("metrics: %r" % payload["metrics"])
    for secret in SECRETS:
        if secret in said:
            raise AssertionError("a secret is in the output")
    if payload["success"]:
        same("reason", payload["reason"], None)
    elif case.get("reason", "") not in (payload["reason"] or "") or "<" in payload["reason"]:
        raise AssertionError("reason: %r, expected %r in it" % (payload["reason"], case.get("reason")))
    content = payload["content"]
    if isinstance(content, dict):
        same("keys of content", [k for k in content if k in CONTENT], CONTENT)
        if old[0] == "result" and isinstance(old[1], dict):
            same("content", content, old[1])
    else:
        same("content", content, [])
        same("hit", payload["hit"], [])
        same("note", payload["note"], None)


def check_hit(case, payload, hits):
    """The card that a post-script made, and ours beside it."""
    (title, rows), = hits
    card = {row["name"]: row["value"] for row in rows}
    same("title", title, "PassiveTotal Function hits added")
    for name, value in case.get("hit", {}).items():
        same(name, card.get(name), value)
    ours = {row["name"]: row["value"] for row in payload["hit"]}
    if "None" in ours.values() or None in ours.values():
        raise AssertionError("an absent value in our hit: %r" % ours)
    for name, value in card.items():
        if value != "None":
            same("our hit, " + name, ours.get(name), value)
    if case.get("not_read", "") not in ours.get("Not read", ""):
        raise AssertionError("Not read: %r" % ours.get("Not read"))
    same("Not read is there", "Not read" in ours, "not_read" in case)


class Tap:
    def __init__(self):
        self.count = self.failures = 0

    def ok(self, name, test):
        self.count += 1
        try:
            test()
        except Exception as e:  # a post-script that breaks is a result, whatever it raises
            self.failures += 1
            print("not ok %d - %s" % (self.count, name))
            print("# %s: %s" % (type(e).__name__, e))
        else:
            print("ok %d - %s" % (self.count, name))
        sys.stdout.flush()


def run_case(tap, case, mock, ptverdict):
    settings, inputs = settings_of(case, mock), inputs_of(case)
    play(case, mock)
    old = old_app.answer(settings, inputs, timeout=1)
    tap.ok("%s: the old app answered %s" % (case["name"], case["old"]), lambda: same("old app", words_for_old(old), case["old"]))
    got = {}

    def ours():
        got["payload"], said = call(ptverdict, settings, inputs)
        same("ptverdict", words_for_ours(got["payload"]), case["ours"])
        check_payload(case, got["payload"], said, inputs, old)

    def scripts():
        for name, script in SCRIPTS.items():
            hits, notes = written_by(script, got["payload"])
            same("%s script" % name, words_for_writes(hits, notes), case[name])
            if hits:
                check_hit(case, got["payload"], hits)

    tap.ok("%s: ptverdict answers %s" % (case["name"], case["ours"]), ours)
    tap.ok("%s: the export's script writes %s, the README's %s" % (case["name"], case["export"], case["readme"]), scripts)


def table(cases):
    """The table in docs/soar-dropin.md; the test above shows that each line of it is so."""
    lines = ["| case | old app | ptverdict | export's script writes | README's script writes |", "|---|---|---|---|---|"]
    for case in cases:
        cells = [case["name"], case["old"], case["ours"], case["export"], case["readme"]]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def show(place):
    with (sys.stdin if place == "-" else open(place, encoding="utf-8")) as f:
        payload = json.load(f)
    for name, script in SCRIPTS.items():
        hits, notes = written_by(script, payload)
        for title, rows in hits:
            print("%s: artifact.addHit(%r)" % (name, title))
            for row in rows:
                print("    %-33s %-7s %s" % (row["name"], row["type"], row["value"]))
        for note in notes:
            print("%s: incident.addNote(%r)" % (name, note))
        if not hits and not notes:
            print("%s: nothing" % name)


def main(args):
    with open(os.path.join(HERE, "cases.json"), encoding="utf-8") as f:
        cases = json.load(f)
    if args == ["--table"]:
        print(table(cases))
        return 0
    if len(args) == 1 and not args[0].startswith("--"):
        show(args[0])
        return 0
    if len(args) != 4 or args[0] != "--mock" or args[2] != "--ptverdict":
        print(__doc__, file=sys.stderr)
        return 64
    tap = Tap()
    print("1..%d" % (3 * len(cases) + 1))
    for case in cases:
        run_case(tap, case, args[1], args[3])

    def documented():
        with open(os.path.join(ROOT, "docs", "soar-dropin.md"), encoding="utf-8") as f:
            if table(cases) not in f.read():
                raise AssertionError("its table is not that of tests/dropin/run.py --table")

    tap.ok("docs/soar-dropin.md shows these cases", documented)
    return 1 if tap.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
