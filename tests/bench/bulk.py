#!/usr/bin/env python3
"""Measures bulk work for `make bench`: eval on one and two cores, from JSON and from compact records; diff over a million compact
records in flat memory; and, on the same records and the same three rules, json-rules-engine, json-logic-js and our own engine with
the rules written as custom Lua functions.

SPDX-License-Identifier: Apache-2.0"""
import json
import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from process import PTVERDICT, row, run  # noqa: E402  pylint: disable=wrong-import-position

RULES = ["rules/10-flagged-tags.lua", "examples/rules/20-fresh-and-busy.lua", "tests/bench/rules/classification.lua"]
SETTINGS = ["--set", "passivetotal_tags=compromised,ransomware", "--set", "rules.fresh=30d"]
USE_RULES = [word for path in RULES for word in ("--rules", path)]


def say(what, measured, unit):
    print(f"{what:<68} {measured:12.{3 if measured < 100 else 0}f} {unit}", flush=True)


def records(path, count, size=10240):
    """Records of `size` bytes as fetch would print them in the short form; dates, tags and classification vary."""
    with open(path, "w", encoding="ascii") as out:
        for k in range(count):
            name = f"host{k}.bench.example"
            first = "2026-04-%02d" if k % 3 else "2019-04-%02d"
            rows, length = [], 0
            while length < size - 400:
                i = len(rows)
                rows.append({"value": name, "type": "A" if i % 3 else "MX", "resolve": f"192.0.2.{i % 250}",
                             "first_seen": first % (1 + (i + k) % 28) + " 03:04:05", "last_seen": "2026-04-29 11:12:13",
                             "collected": "2026-04-30 22:00:00", "sources": ["riskiq", "kaspersky"]})
                length += len(json.dumps(rows[-1], separators=(",", ":"))) + 1
            out.write(json.dumps({
                "artifact": name, "fetched_at": "2026-05-01T00:00:00Z",
                "tags": ["Ransomware" if k % 10 == 0 else "harmless", "apt32", "emotet"],
                "classification": ("suspicious", "unknown", "malicious", "unclassified")[k % 4],
                "passive_dns": {"total_records": len(rows), "records": rows},
                "subdomains": {"names": ["www." + name, "mail." + name]}}, separators=(",", ":")) + "\n")


def evaluate(path, jobs, measure=run):
    with open(path, "rb") as stdin:
        return measure([PTVERDICT, "eval", "-", "-q", "--format", "json", "--jobs", str(jobs), *USE_RULES, *SETTINGS], stdin=stdin)


def peak_mb(args, stdin):
    """What a child's memory came to at most. wait4() would count the pages of this program that it was forked from."""
    child = subprocess.Popen(args, stdin=stdin, stdout=subprocess.DEVNULL)
    peak, done = 0, threading.Event()

    def watch():
        nonlocal peak
        while not done.wait(0.01):
            try:
                with open(f"/proc/{child.pid}/status", encoding="ascii") as status:
                    found = re.search(r"VmHWM:\s+(\d+)", status.read())
                if found and os.readlink(f"/proc/{child.pid}/exe") == os.path.realpath(PTVERDICT):
                    peak = int(found[1])
            except OSError:
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = child.wait()
    done.set()
    watcher.join()
    if code:
        sys.exit(f"bench: {' '.join(args[:4])} … ended {code}")
    return peak / 1024


def repeat(path, times):
    """The file, `times` times over: start-up shall not count."""
    with open(path, "rb") as once, open(path + ".long", "wb") as out:
        for _ in range(times):
            once.seek(0)
            shutil.copyfileobj(once, out)
    return path + ".long"


def bulk():
    with tempfile.TemporaryDirectory() as folder:
        raw, compact, count = os.path.join(folder, "raw"), os.path.join(folder, "compact"), 10000
        records(raw, count)
        with open(compact, "wb") as out:
            subprocess.run([PTVERDICT, "eval", raw, "-q", "--format", "compact", *USE_RULES, *SETTINGS], stdout=out, check=True)
        for path, what, target, times in ((raw, "10 KB JSON records", 20000, 3), (compact, "compact records of them", 100000, 8)):
            path = repeat(path, times)
            seen = {1: [], 2: []}
            for _ in range(5):
                for jobs in seen:
                    seen[jobs].append(evaluate(path, jobs))
            row(f"eval -, {what}, decision lines, per core of CPU spent", count * times / min(s[1] for s in seen[1]), "per s", target, True)
            if len(os.sched_getaffinity(0)) > 1:
                speed_up = statistics.median(one[0] / two[0] for one, two in zip(seen[1], seen[2]))
                row(f"eval -, {what}, two workers, of one", speed_up, "ratio", 1.7, True)
            one, two = (evaluate(path, jobs, peak_mb) for jobs in (1, 2))
            say(f"  peak RSS with one worker {one:.1f} MB, with two", two, "MB")
            os.unlink(path)


def diff():
    """Two rule sets that disagree on every second record; the million comes through a pipe."""
    with tempfile.TemporaryDirectory() as folder:
        short, compact = os.path.join(folder, "short"), os.path.join(folder, "compact")
        with open(short, "w", encoding="ascii") as out:
            for k in range(10000):
                out.write(json.dumps({"artifact": f"host{k}.bench.example", "fetched_at": "2026-05-01T00:00:00Z",
                                      "tags": ["harmless", "apt32"], "classification": ("suspicious", "unknown")[k % 2],
                                      "passive_dns": {"count": k % 20, "first_seen": "2026-04-20"}}) + "\n")
        with open(compact, "wb") as out:
            subprocess.run([PTVERDICT, "eval", short, "-q", "--format", "compact", *USE_RULES, *SETTINGS], stdout=out, check=True)
        sides = [os.path.join(folder, side) for side in ("old", "new")]
        for side in sides:
            os.mkdir(side)
            for path in RULES:
                shutil.copy(path, side)
        with open(RULES[2], encoding="utf-8") as rule, open(os.path.join(sides[1], os.path.basename(RULES[2])), "w",
                                                           encoding="utf-8") as changed:
            changed.write(re.sub(r'low( +)= classification', r'medium\1= classification', rule.read()))
        args = [PTVERDICT, "diff", *sides, "--over", "-", "-q", "--format", "json", *SETTINGS]

        def feed(times, measure):
            cat = subprocess.Popen(["sh", "-c", f'i=0; while [ $i -lt {times} ]; do cat "$1"; i=$((i+1)); done', "sh", compact],
                                   stdout=subprocess.PIPE)
            came = measure(args, stdin=cat.stdout)
            cat.stdout.close()
            cat.wait()
            return came

        _, cpu, _ = feed(100, run)
        say("diff over 1,000,000 compact records, half of them changed", 1e6 / cpu, "per s and core")
        # Early on it takes 1 MB more in one step, at one time or another; what counts is that it stays there.
        small, large = (statistics.median(feed(times, peak_mb) for _ in range(3)) for times in (100, 200))
        row(f"diff, peak RSS at 2,000,000 records ({large:.1f} MB) of 1,000,000", large / small, "ratio", 1.10, False)


def engines():
    """CPU a verdict, with and without reading the record's JSON; all of them must come to the same matches."""
    with tempfile.TemporaryDirectory() as folder:
        raw = os.path.join(folder, "raw")
        records(raw, 1000)

        def measure(*args):
            done = subprocess.run(args, stdout=subprocess.PIPE, check=True)
            return json.loads(done.stdout)

        ours = measure("build/bench/bench_engines", raw, *RULES)
        others = {"the same rules as custom Lua functions": measure("build/bench/bench_engines", raw, "tests/bench/rules/custom.lua")}
        home = os.path.abspath("build/bench/js")
        if not shutil.which("npm") or not shutil.which("node"):
            print("SKIPPED: json-rules-engine and json-logic-js: npm is not there")
        else:
            os.makedirs(home, exist_ok=True)
            for name in ("package.json", "package-lock.json", "engines.js"):
                shutil.copy(os.path.join("tests/bench/js", name), home)
            # A lock file may lack addresses, so that it holds for any registry; integrity is checked all the same.
            done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=home, check=False,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if done.returncode:
                print("SKIPPED: json-rules-engine and json-logic-js: npm could not install them")
            else:
                for name in ("json-rules-engine", "json-logic-js"):
                    others[name] = measure("node", os.path.join(home, "engines.js"), name, raw)
        say("ptverdict, three rules, a verdict, JSON read", ours["read_us"], "µs")
        say("ptverdict, three rules, a verdict, record in memory", ours["judge_us"], "µs")
        for name, theirs in others.items():
            if theirs["matches"] != ours["matches"]:
                sys.exit(f"bench: {name} comes to other matches: {theirs['matches']}, not {ours['matches']}")
            say(f"{name}: {theirs['read_us']:.2f} µs, JSON read: of ours", theirs["read_us"] / ours["read_us"], "times")
            say(f"{name}: {theirs['judge_us']:.2f} µs, in memory: of ours", theirs["judge_us"] / ours["judge_us"], "times")


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for part in sys.argv[1:] or ("bulk", "diff", "engines"):
        {"bulk": bulk, "diff": diff, "engines": engines}[part]()
