#!/usr/bin/env python3
"""Hold an OpenAPI 3.0 file to the schema of OpenAPI, and answers of ours to that file.

  openapi.py FILE                                  is it one; does every reference lead somewhere; is every component used
  openapi.py FILE METHOD PATH STATUS TYPE BODY     is BODY (a file) what FILE says of that answer; of NDJSON: each line

Prints what is wrong, one a line; exit 1 when anything is.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import re
import sys

import yaml
from jsonschema import Draft4Validator

SCHEMA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "openapi-3.0.json")


def follow(api, ref):
    value = api
    for key in ref[2:].split("/"):
        value = value[key.replace("~1", "/").replace("~0", "~")]
    return value


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def check_file(api):
    with open(SCHEMA, encoding="utf-8") as f:
        schema = json.load(f)
    for e in Draft4Validator(schema).iter_errors(api):
        yield "%s: %s" % ("/".join(map(str, e.absolute_path)), e.message[:300])
    used = set(references(api))
    for ref in used:
        try:
            follow(api, ref)
        except (KeyError, TypeError):
            yield "%s: leads nowhere" % ref
    for kind, things in api.get("components", {}).items():
        for name in things:
            if kind != "securitySchemes" and "#/components/%s/%s" % (kind, name) not in used:
                yield "%s/%s: nobody uses it" % (kind, name)
    ids = [op["operationId"] for item in api["paths"].values() for method, op in item.items() if method != "parameters"]
    if len(ids) != len(set(ids)):
        yield "an operationId is given twice"
    for path, item in api["paths"].items():
        named = {follow(api, p["$ref"])["name"] if "$ref" in p else p["name"] for p in item.get("parameters", [])}
        if named != set(re.findall(r"{(\w+)}", path)):
            yield "%s: its parameters are not those described" % path


def plain(api, schema):
    """OpenAPI's schema as JSON Schema: references replaced, nullable said in its own way."""
    if "$ref" in schema:
        return plain(api, follow(api, schema["$ref"]))
    out = {k: v for k, v in schema.items() if k not in ("nullable", "example", "description")}
    if schema.get("nullable"):
        out["type"] = [schema["type"], "null"]
    if "properties" in out:
        out["properties"] = {k: plain(api, v) for k, v in out["properties"].items()}
    if "items" in out:
        out["items"] = plain(api, out["items"])
    return out


def check_answer(api, method, path, status, kind, body):
    item = next((i for p, i in api["paths"].items() if re.fullmatch(re.sub(r"{\w+}", "[^/]+", p), path)), None)
    if item is None or method.lower() not in item:
        yield "%s %s: is not described" % (method, path)
        return
    answer = item[method.lower()]["responses"].get(status)
    if answer and "$ref" in answer:
        answer = follow(api, answer["$ref"])
    kind = kind.split(";")[0].strip()
    if not answer or kind not in answer["content"]:
        yield "%s %s: %s %s is not described" % (method, path, status, kind)
        return
    schema = plain(api, answer["content"][kind]["schema"])
    if kind == "application/json":
        values = [json.loads(body)]
    elif kind == "application/x-ndjson":
        values = [json.loads(line) for line in body.splitlines()]
        schema = {"anyOf": [plain(api, {"$ref": "#/components/schemas/" + name}) for name in ("Decision", "Refused")]}
    else:
        values = [body]
    for value in values:
        for e in Draft4Validator(schema).iter_errors(value):
            yield "%s: %s" % ("/".join(map(str, e.absolute_path)), e.message[:300])


def main(file, *answer):
    with open(file, encoding="utf-8") as f:
        api = yaml.safe_load(f)
    if answer:
        with open(answer[4], encoding="utf-8") as f:
            wrong = list(check_answer(api, *answer[:4], f.read()))
    else:
        wrong = list(check_file(api))
    print("".join(line + "\n" for line in wrong), end="")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
