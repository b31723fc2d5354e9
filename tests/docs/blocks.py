#!/usr/bin/env python3
"""Run the console blocks of a page and compare: blocks.py PTVERDICT FOLDER PAGE [--update].

A block begins with ```console; a line "$ command" in it is run in a copy of FOLDER, and what it prints (both streams) must be the
lines up to the next "$" or the end. Digests and ids are compared by length alone. TAP. --update writes what came into the page.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.M)


def mask(text):
    return re.sub(r"\b[0-9a-f]{32,64}\b", lambda m: "x" * len(m[0]), text)


def run(command, ptverdict, folder):
    env = dict(os.environ, HOME=folder, PATH=os.path.join(folder, ".bin") + os.pathsep + os.environ["PATH"], LC_ALL="C.UTF-8", TZ="UTC")
    for name in list(env):
        if name.startswith(("PTVERDICT", "APP_")):
            del env[name]
    os.makedirs(os.path.join(folder, ".bin"), exist_ok=True)
    link = os.path.join(folder, ".bin", "ptverdict")
    if not os.path.islink(link):
        os.symlink(os.path.abspath(ptverdict), link)
    done = subprocess.run(["sh", "-c", command], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60, check=False)
    return done.stdout.decode("utf-8", "replace")


def main(ptverdict, source, page, update=False):
    with open(page, encoding="utf-8") as f:
        text = f.read()
    results = []
    with tempfile.TemporaryDirectory() as place:
        folder = os.path.join(place, "w")
        shutil.copytree(source, folder)

        def each(m):
            came = run(m[1], ptverdict, folder)
            results.append((m[1], m[2], came))
            return "$ %s\n%s" % (m[1], came)

        new = BLOCK.sub(lambda block: "```console\n" + COMMAND.sub(each, block[1]) + "```", text)
    if update:
        with open(page, "w", encoding="utf-8") as f:
            f.write(new)
    failures = 0
    print("1..%d" % len(results))
    for i, (command, wanted, came) in enumerate(results, 1):
        same = update or mask(wanted) == mask(came)
        failures += not same
        print("%sok %d - %s" % ("" if same else "not ", i, command.replace("\\\n", "").replace("#", "\\#")))
        if not same:
            print("".join("# expected: %s\n" % line for line in wanted.splitlines()), end="")
            print("".join("# came:     %s\n" % line for line in came.splitlines()), end="")
    return 1 if failures or not results else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4], update="--update" in sys.argv[4:]))
