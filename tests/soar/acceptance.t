#!/usr/bin/env python3
"""docs/soar-acceptance.md against the files: every row of the contract is there once, with a test that exists and names its number."""
# SPDX-License-Identifier: Apache-2.0
import os
import re

ROWS = 37
os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
count = 0


def check(name, wrong):
    global count
    count += 1
    print("%sok %d - %s" % ("not " if wrong else "", count, name))
    for line in wrong:
        print("# " + line)


text = open("docs/soar-acceptance.md").read()
table = re.findall(r"^\| (\d+) \| ([EB]) \| (.*) \| ([^|]*) \| ([^|]*) \|$", text, re.M)
check("rows 1 to %d, each once" % ROWS, [] if [int(r[0]) for r in table] == list(range(1, ROWS + 1)) else [str([r[0] for r in table])])
named = {}
for number, _, _, tests, state in table:
    files = [t.strip() for t in tests.split(",")]
    paths = [f if "/" in f else "tests/soar/" + f for f in files]
    wrong = ["%s is not there" % p for p in paths if not os.path.exists(p)]
    own = [p for p in paths if os.path.isfile(p) and p.startswith("tests/soar/")]
    for p in own:
        named.setdefault(os.path.basename(p), set()).add(int(number))
    says = re.compile(r"\b[Rr]ows?[ :].{0,90}?\b%s\b" % number, re.S)
    if own and not any(says.search(open(p).read()) for p in own):
        wrong.append("none of %s names row %s" % (own, number))
    if not re.match(r"held|measured|as far as possible", state):
        wrong.append("state: %s" % state)
    check("row %s" % number, wrong)
files = sorted(f for f in os.listdir("tests/soar") if f.endswith(".t"))
check("each row-NN file stands in its row", [f for f in files for n in re.findall(r"^row-(\d+)", f) if int(n) not in named.get(f, ())])
check("all other files are mentioned", [f for f in files if f not in text])
check("and no file that is not there", [f for f in re.findall(r"`([\w-]+\.t)`", text) if f not in files])
print("1..%d" % count)
