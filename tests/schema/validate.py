#!/usr/bin/env python3
"""Hold JSON lines to a JSON Schema, of the draft it names: validate.py SCHEMA FILE [KEY]. KEY: that value of each line instead of the whole.

Prints what is wrong, one a line; exit 1 when anything is, or when there is no line at all.
SPDX-License-Identifier: Apache-2.0
"""
import json
import sys

from jsonschema import FormatChecker
from jsonschema.validators import validator_for


def main(schema_file, lines_file, key=None):
    with open(schema_file, encoding="utf-8") as f:
        schema = json.load(f)
    draft = validator_for(schema)
    draft.check_schema(schema)
    validator = draft(schema, format_checker=FormatChecker())
    lines = wrong = 0
    with open(lines_file, encoding="utf-8") as f:
        for line in f:
            lines += 1
            value = json.loads(line)
            for e in validator.iter_errors(value[key] if key else value):
                wrong += 1
                print("line %d: %s: %s" % (lines, "/".join(map(str, e.absolute_path)) or "(whole)", e.message[:300]))
    if not lines:
        print("no line")
    return 1 if wrong or not lines else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
