#!/usr/bin/env python3
"""Measures whole processes for `make bench`: one-shot look-ups beside the old app's call pattern (ratios in one run), streaming of
100,000 artifacts, start-up of offline commands. Rows are printed like those of bench.h.

SPDX-License-Identifier: Apache-2.0"""
import glob
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PTVERDICT = "build/ptverdict"


def row(what, measured, unit, target, at_least):
    holds = measured >= target if at_least else measured <= target
    digits = 3 if measured < 100 else 0
    print(f"{what:<68} {measured:12.{digits}f} {unit:<10} {'>=' if at_least else '<='} "
          f"{target:<10.{2 if target < 100 else 0}f} {'ok' if holds else 'MISSED'}", flush=True)


def run(args, env=None, stdin=None):
    """One child: wall seconds, CPU seconds, peak RSS in KB."""
    start = time.monotonic()
    child = subprocess.Popen(args, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"bench: {' '.join(args[:4])} … ended {child.returncode}: {errors.decode(errors='replace')[-400:]}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


class Mock:
    def __init__(self, *options):
        self.child = subprocess.Popen(["node", "tests/lib/mock.js", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.child.stdout.readline().decode()
        self.url = line.split()[1]

    def close(self):
        self.child.stdin.close()
        self.child.terminate()
        self.child.wait()


def settings(url, **more):
    values = {"passivetotal_base_url": url, "passivetotal_username": "user", "passivetotal_api_key": "key",
              "passivetotal_tags": "compromised,ransomware", "allow_reserved": "yes", **more}
    out = ["--rules", "rules"]
    for key, value in values.items():
        out += ["--set", f"{key}={value}"]
    return out


def certificates(folder):
    """A test CA in a bundle as large as the system's, and in a hashed folder beside the system's roots."""
    subprocess.run(["sh", "-c", ". tests/lib/mock.sh; make_test_ca \"$1\"", "sh", folder], check=True)
    roots = sorted(glob.glob("/etc/ssl/certs/*.pem"))
    hashed = os.path.join(folder, "hashed")
    os.mkdir(hashed)
    bundle = os.path.join(folder, "bundle.pem")
    with open(bundle, "wb") as out:
        for number, path in enumerate([folder + "/ca.pem", *roots]):
            shutil.copy(path, os.path.join(hashed, f"root-{number}.pem"))
            with open(path, "rb") as root:
                out.write(root.read() + b"\n")
    subprocess.run(["openssl", "rehash", hashed], check=True, stderr=subprocess.DEVNULL)
    return bundle, hashed, len(roots) + 1


def one_shot():
    with tempfile.TemporaryDirectory() as folder:
        bundle, hashed, count = certificates(folder)
        mock = Mock("--delay", "50", "--tls-cert", folder + "/server.pem", "--tls-key", folder + "/server.key")
        url = mock.url.replace("127.0.0.1", "localhost")
        old_env = {**os.environ, "REQUESTS_CA_BUNDLE": bundle}
        ways = {
            "old": (["/usr/bin/python3", "tests/bench/old_app.py", url, "flagged.bench.example"], old_env),
            "fast": ([PTVERDICT, "lookup", *settings(url, verify=hashed, plan="fast"), "flagged.bench.example"], None),
            "frugal": ([PTVERDICT, "lookup", *settings(url, verify=hashed, plan="frugal"), "flagged.bench.example"], None),
        }
        seen = {name: [] for name in ways}
        for _ in range(7):
            for name, (args, env) in ways.items():
                seen[name].append(run(args, env))
        mock.close()
    wall = {name: statistics.median(s[0] for s in values) for name, values in seen.items()}
    cpu = {name: statistics.median(s[1] for s in values) for name, values in seen.items()}
    rss = max(s[2] for name in ("fast", "frugal") for s in seen[name]) / 1024
    print(f"one-shot over TLS, 50 ms a call, {count} roots: old app {wall['old'] * 1e3:.0f} ms wall, {cpu['old'] * 1e3:.0f} ms CPU; "
          f"fast {wall['fast'] * 1e3:.0f} ms, {cpu['fast'] * 1e3:.0f} ms; frugal {wall['frugal'] * 1e3:.0f} ms, {cpu['frugal'] * 1e3:.0f} ms")
    row("one-shot, plan = fast, of the old app's wall time", wall["fast"] / wall["old"], "ratio", 0.20, False)
    row("one-shot, plan = frugal with a hit, of the old app's wall time", wall["frugal"] / wall["old"], "ratio", 0.30, False)
    row("one-shot, of the old app's CPU", max(cpu["fast"], cpu["frugal"]) / cpu["old"], "ratio", 0.15, False)
    row("one-shot, peak RSS", rss, "MB", 15, False)


def stream_once(url, count, name, **more):
    with tempfile.TemporaryFile() as artifacts:
        for number in range(count):
            artifacts.write(f"{name}{number}.bench.example\n".encode())
        artifacts.seek(0)
        return run([PTVERDICT, "lookup", "-", "--format", "json", *settings(url, **more)], stdin=artifacts)


def stream():
    mock = Mock()
    _, _, rss_small = stream_once(mock.url, 10000, "plain")
    wall, cpu, rss_large = stream_once(mock.url, 100000, "plain")
    row("lookup -, 100,000 artifacts at 0 ms, per core of CPU spent", 100000 / cpu, "per s", 2000, True)
    print(f"{'  the same per second of wall time (server on the other core)':<68} {100000 / wall:12.0f} per s")
    row("lookup -, RSS at 100,000 of RSS at 10,000", rss_large / rss_small, "ratio", 1.10, False)
    mock.close()
    mock = Mock("--delay", "50")
    for name, calls in (("plain", 1), ("flagged", 2)):
        count = 1600 // calls
        wall, _, _ = stream_once(mock.url, count, name, max_in_flight="16")
        row(f"lookup - at 50 ms, 16 in flight, {calls} call{'s' if calls > 1 else ''} deep, of the ideal rate",
            count / wall / (16 / (calls * 0.050)), "ratio", 0.85, True)
    mock.close()


def start_up():
    record = '{"artifact":"evil.example","tags":["ransomware"],"fetched_at":"2026-05-01T00:00:00Z"}'
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write(record)
        file.flush()
        tags = ["--set", "passivetotal_tags=compromised,ransomware"]
        for args in (["check", "--rules", "rules", *tags], ["eval", "--rules", "rules", *tags, file.name], ["fields"]):
            wall = statistics.median(run([PTVERDICT, *args])[0] for _ in range(41))
            row(f"start to exit: ptverdict {args[0]}", wall * 1e3, "ms", 25, False)


def workbench():
    """check of 100 rules, test --strict of 200 cases; the work is what they take beyond a command that does nothing."""
    rule = """rule "rule-%d" {
  title = "Rule %d", severity = "medium",
  when  = all { tags:has_any { "tag-%d", "other-%d" }, any { passive_dns.count:at_least(%d), classification:is "malicious" } },
  hit   = { standard, { "Matched %d", tags.matched } },
  note  = "{artifact} carries {tags.matched|list}.",
}
"""
    match = """case "match %d" {
  given  = { artifact = "a.example", tags = { "Tag-%d" }, ["passive_dns.count"] = %d, classification = "unknown" },
  expect = { verdict = "compromised", rules = { ["rule-%d"] = "match" } },
}
"""
    other = """case "no match %d" {
  given  = { artifact = "a.example", tags = { "else" }, ["passive_dns.count"] = 0, classification = "unknown" },
  expect = { verdict = "no_match" },
}
"""
    with tempfile.TemporaryDirectory() as folder:
        for file in range(10):
            with open(f"{folder}/{file}.lua", "w") as rules, open(f"{folder}/{file}.test.lua", "w") as cases:
                for n in range(10 * file + 1, 10 * file + 11):
                    rules.write(rule % (n, n, n, n, n, n))
                    cases.write(match % (n, n, n, n) + other % n)

        def cpu(*args):
            child = [PTVERDICT, *args]
            usage = []
            for _ in range(9):
                start = resource.getrusage(resource.RUSAGE_CHILDREN)
                subprocess.run(child, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
                end = resource.getrusage(resource.RUSAGE_CHILDREN)
                usage.append(end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime)
            return statistics.median(usage)

        nothing = cpu("--version")
        row("check of 100 rules, work", (cpu("check", folder) - nothing) * 1e3, "ms", 20, False)
        row("test --strict of 200 cases", cpu("test", "--strict", folder), "s", 1, False)
        row("test --watch, 200 cases, from a saved rule to the end of the rerun", rerun(folder) * 1e3, "ms", 200, False)


def rerun(folder):
    """Seconds from the moment a rule is saved to the moment when the watching test has told what came of it."""
    path = f"{folder}/0.lua"
    with open(path) as file:
        text = file.read()
    child = subprocess.Popen([PTVERDICT, "test", "--watch", folder], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def wait():
        while "waiting for a file" not in child.stderr.readline():
            if child.poll() is not None:
                sys.exit("bench: test --watch has ended")
        return time.monotonic()

    wait()
    seen = []
    for _ in range(9):
        start = time.monotonic()
        with open(path, "w") as file:
            file.write(text)
        seen.append(wait() - start)
        time.sleep(0.2) # one change, one run
    child.terminate()
    child.wait()
    return statistics.median(seen)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for part in sys.argv[1:] or ("start_up", "workbench", "one_shot", "stream"):
        {"start_up": start_up, "workbench": workbench, "one_shot": one_shot, "stream": stream}[part]()
