#!/usr/bin/env python3
"""Run the blocks of a page and compare: blocks.py PTVERDICT FOLDER PAGE [--update].

Blocks are done in order, in one copy of FOLDER, so that a command can use a file that a block above it wrote.

console  a line "$ command" is run, and what it prints (both streams) must be the lines up to the next "$" or the end. Digests and
         ids are compared by length alone. --update writes what came into the page.
lua      must pass `ptverdict check`; one with cases (NAME.test.lua) must pass `ptverdict test`. A first line "-- NAME.lua" says
         where it is written. When NAME is a file of the repository, the block must stand in it as it is, and nothing is written.
         Conditions alone are taken as the lines of an any { … }. Under another name, "-- wrong.txt", it is only written.
csv, ini, text  with a first line "# NAME": the rest is written there.

TAP. SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"^```(console|lua|csv|ini|text)\n(.*?)^```$", re.M | re.S)
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.M)
NAMED = re.compile(r"^(?:--|#) ([\w./-]+\.[a-z]+)(?:: .*)?\n")
REPOSITORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def mask(text):
    return re.sub(r"\b[0-9a-f]{32,64}\b", lambda m: "x" * len(m[0]), text)


class Page:
    def __init__(self, ptverdict, folder, update):
        self.folder = folder
        self.update = update
        self.lines = []  # of TAP
        self.failed = 0
        self.env = dict(os.environ, HOME=folder, PATH=os.path.join(folder, ".bin") + os.pathsep + os.environ["PATH"], LC_ALL="C.UTF-8",
                        TZ="UTC")
        for name in list(self.env):
            if name.startswith(("PTVERDICT", "APP_")):
                del self.env[name]
        os.makedirs(os.path.join(folder, ".bin"), exist_ok=True)
        os.symlink(os.path.abspath(ptverdict), os.path.join(folder, ".bin", "ptverdict"))

    def run(self, command):
        done = subprocess.run(["sh", "-c", command], cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60, check=False)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def say(self, passed, name, *more):
        self.failed += not passed
        self.lines.append("%sok %d - %s" % ("" if passed else "not ", len(self.tests()) + 1, name.replace("#", "\\#")))
        if not passed:
            self.lines += ["# " + line for text in more for line in text.splitlines()]

    def tests(self):
        return [line for line in self.lines if not line.startswith("# ")]

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def console(self, text):
        def each(m):
            came = self.run(m[1])[1]
            self.say(self.update or mask(m[2]) == mask(came), m[1].replace("\\\n", ""), "expected:\n" + m[2], "came:\n" + came)
            return "$ %s\n%s" % (m[1], came)

        return COMMAND.sub(each, text)

    def lua(self, text):
        named = NAMED.match(text)
        name = named[1] if named else "block-%d.lua" % (len(self.tests()) + 1)
        body = text[named.end():] if named else text
        shipped = os.path.join(REPOSITORY, name)
        if named and os.path.exists(shipped):
            with open(shipped, encoding="utf-8") as f:
                self.say(body in f.read(), name + " is as it ships", "not in the file:\n" + body)
            return
        if not re.search(r"^(rule|allow|case|settings)\b", body, re.M):
            body = 'rule "example" {\n  severity = "low",\n  when = any {\n%s  },\n}\n' % body
        self.write(name, body)
        if not name.endswith(".lua"):
            return
        command = "ptverdict %s %s" % ("test" if name.endswith(".test.lua") else "check", name)
        code, came = self.run(command)
        self.say(code == 0, command, "%s came:\n" % body, came)

    def block(self, m):
        kind, text = m[1], m[2]
        if kind == "console":
            text = self.console(text)
        elif kind == "lua":
            self.lua(text)
        elif NAMED.match(text):
            named = NAMED.match(text)
            self.write(named[1], text[named.end():])
        return "```%s\n%s```" % (kind, text)


def main(ptverdict, source, page, update=False):
    with open(page, encoding="utf-8") as f:
        text = f.read()
    with tempfile.TemporaryDirectory() as place:
        folder = os.path.join(place, "w")
        shutil.copytree(source, folder)
        result = Page(ptverdict, folder, update)
        new = BLOCK.sub(result.block, text)
    if update:
        with open(page, "w", encoding="utf-8") as f:
            f.write(new)
    print("1..%d" % len(result.tests()))
    print("\n".join(result.lines))
    return 1 if result.failed or not result.tests() else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4], update="--update" in sys.argv[4:]))
