#!/usr/bin/env python3
"""The package of packaging/soar: its structure, and its post-scripts over real results. See row-37-package.t.

SPDX-License-Identifier: Apache-2.0
"""
import base64
import hashlib
import io
import json
import os
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import uuid
import xml.etree.ElementTree as ET
import zipfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SOAR = os.path.join(ROOT, "packaging", "soar")
sys.path[:0] = [os.path.join(ROOT, "tests", "dropin"), SOAR]
import export  # noqa: E402
import run as dropin  # noqa: E402
from run import same  # noqa: E402
from soar_platform import script_of, written_by  # noqa: E402

IMAGE = "registry.example.com/soar/fn_passivetotal:1.1.0"
KEPT = {"export_date", "export_format_version", "id", "server_version"}  # what the platform wants at the top
OBJECTS = ["functions", "message_destinations", "workflows", "actions", "fields", "incident_types"]
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
RESILIENT = "{http://resilient.ibm.com/bpmn}"
# case of tests/dropin/cases.json → what our scripts write: fresh, add
CASES = {
    "hit": ("hit", "hit"),
    "hit on an address, the README's own example": ("hit", "hit"),
    "tag match, passive DNS fails": ("hit", "hit"),
    "no tag in common": ("nothing", "nothing"),
    "internal address": ("nothing", "nothing"),
    "tags fail": ("note", "note"),
    "an input missing": ("note", "note"),
    "HTML in an answer that failed": ("note", "note"),
}


def made(*args):
    done = subprocess.run([sys.executable, os.path.join(SOAR, "export.py"), *args], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def call_in(workflow):
    """What the workflow's one function task says: (uuid of the function, its call)."""
    process = ET.fromstring(workflow["content"]["xml"].encode()).find(BPMN + "process")
    same("process id", process.get("id"), workflow["programmatic_name"])
    same("workflow_id of content", workflow["content"]["workflow_id"], workflow["programmatic_name"])
    ends = {e.get("id") for e in process if e.tag in (BPMN + "startEvent", BPMN + "endEvent", BPMN + "serviceTask")}
    flows = process.findall(BPMN + "sequenceFlow")
    same("flows between what is there", {f.get(end) for f in flows for end in ("sourceRef", "targetRef")}, ends)
    task, = process.findall(BPMN + "serviceTask")
    element, = task.iter(RESILIENT + "function")
    return element.get("uuid"), json.loads(element.text)


def check_common(res):
    if not KEPT <= set(res):
        raise AssertionError("missing at the top: %s" % (KEPT - set(res)))
    same("format", res["export_format_version"], 2)
    same("server_version", set(res["server_version"]), {"major", "minor", "build_number", "version"})
    same("overrides", res["overrides"], None)
    for name, value in res.items():
        if name not in KEPT and name not in OBJECTS and value not in ([], None):
            raise AssertionError("%s is neither empty nor null" % name)
    internal = [f for f in res["fields"] if f["export_key"] == "incident/internal_customizations_field"]
    same("internal field", [f["uuid"] for f in internal], ["bfeec2d4-3770-11e8-ad39-4a0004044aa1"])
    same("internal type", [t["uuid"] for t in res["incident_types"]], ["bfeec2d4-3770-11e8-ad39-4a0004044aa0"])
    for name in OBJECTS:
        for thing in res[name]:
            uuid.UUID(thing["uuid"])
            if "internal" not in thing["export_key"]:
                same("tag", thing["tags"], [{"tag_handle": "fn_passivetotal", "value": None}])


def check_fresh():
    res = made("fresh")
    check_common(res)
    function, = res["functions"]
    same("function", [function[k] for k in ("name", "export_key", "display_name", "destination_handle")],
         ["fn_passivetotal", "fn_passivetotal", "PassiveTotal", "passivetotal"])
    same("description", set(function["description"]), {"content", "format"})
    inputs = {f["name"]: f for f in res["fields"] if f["type_id"] == 11}
    same("inputs", set(inputs), {"passivetotal_artifact_type", "passivetotal_artifact_value"})
    for name, field in inputs.items():
        same(name, [field[k] for k in ("input_type", "required", "export_key", "text")],
             ["text", "always", "__function/" + name, name])
    same("view items", {(v["element"], v["field_type"], v["content"]) for v in function["view_items"]},
         {("field_uuid", "__function", f["uuid"]) for f in inputs.values()})
    destination, = res["message_destinations"]
    same("destination", [destination[k] for k in ("programmatic_name", "export_key", "name", "destination_type", "expect_ack")],
         ["passivetotal", "passivetotal", "PassiveTotal", 0, True])
    rule, = res["actions"]
    same("rule", [rule[k] for k in ("name", "type", "object_type", "workflows", "timeout_seconds", "enabled")],
         ["RiskIQ PassiveTotal Query", 0, "artifact", ["passivetotal_site_lookup"], 86400, True])
    condition, = rule["conditions"]
    same("condition", [condition[k] for k in ("field_name", "method", "value")],
         ["artifact.type", "in", ["IP Address", "DNS Name"]])
    workflow, = res["workflows"]
    same("workflow", [workflow[k] for k in ("programmatic_name", "export_key", "object_type")],
         ["passivetotal_site_lookup", "passivetotal_site_lookup", "artifact"])
    its_function, call = call_in(workflow)
    same("function of the workflow", its_function, function["uuid"])
    same("languages", [call["pre_processing_script_language"], call["post_processing_script_language"]], ["python3"] * 2)
    same("workflows of the function", [w["programmatic_name"] for w in function["workflows"]], ["passivetotal_site_lookup"])


def check_add():
    res, old = made("add"), made("fresh")
    check_common(res)
    same("what it brings", {name: len(res[name]) for name in OBJECTS if res[name]},
         {"workflows": 1, "fields": 1, "incident_types": 1})
    for name in ("workflows", "actions", "functions"):
        taken = {(t["export_key"], t["uuid"]) for t in old[name]}
        same("overwritten", [t["export_key"] for t in res[name] if any(t["export_key"] in x or t["uuid"] in x for x in taken)], [])
    same("function", call_in(res["workflows"][0])[0], "490b5e45-2e1f-4909-b905-a009e9a7255b")
    other = "12345678-1234-1234-1234-123456789abc"
    same("function of a platform's own", call_in(made("add", "--function-uuid", other)["workflows"][0])[0], other)


def check_pre_script():
    class Thing:
        pass
    for kind in ("fresh", "add"):
        inputs, artifact = Thing(), Thing()
        artifact.type, artifact.value = "DNS Name", "evil.example"
        exec(call_in(made(kind)["workflows"][0])[1]["pre_processing_script"], {"inputs": inputs, "artifact": artifact})
        same("inputs, " + kind, vars(inputs),
             {"passivetotal_artifact_type": "DNS Name", "passivetotal_artifact_value": "evil.example"})


def check_schema(payload):
    """Row 9: against output_json_schema, as far as the words in ours go; jsonschema is what `make check` fetches anyway."""
    import jsonschema  # pylint: disable=import-outside-toplevel
    function, = made("fresh")["functions"]
    schema = json.loads(function["output_json_schema"])
    jsonschema.Draft6Validator.check_schema(schema)
    jsonschema.Draft6Validator(schema).validate(payload)
    jsonschema.Draft6Validator(schema).validate(json.loads(function["output_json_example"]))


def size_of_png(text):
    data = base64.b64decode(text, validate=True)
    same("PNG", data[:8], b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", data[16:24])


class Zip:
    def __init__(self, folder, *more):
        args = [sys.executable, os.path.join(SOAR, "app_zip.py"), "--image", IMAGE, "--out", folder, *more]
        self.path = subprocess.run(args, stdout=subprocess.PIPE, check=True).stdout.decode().strip()
        with open(self.path, "rb") as f:
            self.bytes = f.read()
        with zipfile.ZipFile(self.path) as z:
            self.parts = {name: z.read(name) for name in z.namelist()}
        self.app = json.loads(self.parts["app.json"])
        self.executable, = self.app["current_installation"]["executables"]


def check_zip(z):
    same("name", os.path.basename(z.path), "app-fn_passivetotal-1.1.0.zip")
    same("parts", set(z.parts), {"app.json", "export.res", "fn_passivetotal-1.1.0.tar.gz", "validate_report.md"})
    same("export.res", json.loads(z.parts["export.res"]), made("fresh"))
    with open(os.path.join(ROOT, "packaging", "docker", "Dockerfile"), encoding="utf-8") as f:
        dockerfile = f.read()
    with tarfile.open(fileobj=io.BytesIO(z.parts["fn_passivetotal-1.1.0.tar.gz"]), mode="r:gz") as tar:
        names = tar.getnames()
        same("one folder", {name.split("/")[0] for name in names}, {"fn_passivetotal-1.1.0"})
        same("no Python in it", [name for name in names if name.endswith(".py")], [])
        same("Dockerfile", tar.extractfile("fn_passivetotal-1.1.0/Dockerfile").read().decode(), dockerfile)
        if b"native" not in tar.extractfile("fn_passivetotal-1.1.0/README.md").read():
            raise AssertionError("the archive does not say what it is")


def check_app_json(z):
    app = z.app
    md5 = str(uuid.UUID(hashlib.md5(b"fn_passivetotal").hexdigest()))
    same("name, version", [app["name"], app["version"]], ["fn_passivetotal", "1.1.0"])
    same("uuids", [app["uuid"], app["tag"]["uuid"], z.executable["uuid"]], [md5] * 3)
    same("tag", {k: v for k, v in app["tag"].items() if k != "uuid"}, dict.fromkeys(["prefix", "name", "display_name"], app["name"]))
    same("formats", [app["description"]["format"], app["long_description"]["format"]], ["text", "html"])
    if not re.fullmatch(r"<div>.*</div>", app["long_description"]["content"], re.DOTALL):
        raise AssertionError("long_description is not in a div")
    same("icons", [size_of_png(app["icon"]["data"]), size_of_png(app["author"]["icon"]["data"])], [(200, 72), (100, 100)])
    same("minimum version", app["minimum_resilient_version"], json.loads(z.parts["export.res"])["server_version"])
    same("image", z.executable["image"], IMAGE)
    same("permissions", z.executable["permission_handles"], ["read_data", "read_function"])


def check_config_string(z, ptverdict):
    """ptverdict reads it without a word, and it has the ten keys of the app."""
    wanted = set(dropin.settings_of({}, ""))
    text = z.executable["config_string"]
    same("keys", {line.split("=")[0] for line in text.splitlines() if line.startswith("passivetotal_")}, wanted)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "app.config")
        with open(path, "w", encoding="utf-8") as f:
            f.write("[resilient]\nhost=soar.example\norg=Example\n\n" + text)
        done = subprocess.run([ptverdict, "config", "-c", path, "--format", "json"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        same("exit code and talk", (done.returncode, done.stderr.decode()), (0, ""))
        values = {s["key"]: s["value"] for s in json.loads(done.stdout)["settings"] if s["section"] == "fn_passivetotal"}
        same("tags", values["passivetotal_tags"], None)
        same("path", values["passivetotal_passive_dns_api_url"], "/v2/dns/passive")


def check_kinds_of_zip(folder, first):
    again = Zip(folder)
    same("the same bytes on every run", again.bytes == first.bytes, True)
    added = Zip(folder, "--export", "add", "--version", "1.1.1")
    same("add", json.loads(added.parts["export.res"]), made("add"))
    for image in ("fn_passivetotal:1.1.0", "registry.example.com/Soar/fn:1", "registry.example.com/soar/fn"):
        done = subprocess.run([sys.executable, os.path.join(SOAR, "app_zip.py"), "--image", image, "--out", folder],
                              stderr=subprocess.PIPE, check=False)
        same(image, done.returncode, 2)


def play(tap, case, args):
    settings, inputs = dropin.settings_of(case, args[1]), dropin.inputs_of(case)
    got = {}

    def result():
        dropin.play(case, args[1])
        got["payload"], _ = dropin.call(args[3], settings, inputs)
        check_schema(got["payload"])

    def ours():
        for kind, wanted in zip(("fresh", "add"), CASES[case["name"]]):
            hits, notes = written_by(script_of(call_in(made(kind)["workflows"][0])[1]["post_processing_script"]), got["payload"])
            same(kind, dropin.words_for_writes(hits, notes), wanted)
            if hits:
                same("hit", hits[0][1], got["payload"]["hit"])
                same("note", notes, [got["payload"]["note"]])
            for note in notes:
                if "<" in note or "None" in note:
                    raise AssertionError("note: %r" % note)

    def published():
        for name, script in dropin.SCRIPTS.items():
            hits, notes = written_by(script, got["payload"])
            same(name, dropin.words_for_writes(hits, notes), case[name])

    tap.ok("row 9: %s: the result fits output_json_schema" % case["name"], result)
    tap.ok("%s: our scripts write %s" % (case["name"], " and ".join(CASES[case["name"]])), ours)
    tap.ok("row 11: %s: so do the published ones, unmodified" % case["name"], published)


def main(args):
    with open(os.path.join(ROOT, "tests", "dropin", "cases.json"), encoding="utf-8") as f:
        cases = [case for case in json.load(f) if case["name"] in CASES]
    tap = dropin.Tap()
    print("1..%d" % (7 + 3 * len(CASES)))
    tap.ok("export.res, fresh: every name and shape of the contract", check_fresh)
    tap.ok("export.res, add: one workflow, nothing overwritten", check_add)
    tap.ok("the pre-scripts set both inputs from the artifact", check_pre_script)
    with tempfile.TemporaryDirectory() as folder:
        z = Zip(folder)
        tap.ok("row 37: the app zip has its parts", lambda: check_zip(z))
        tap.ok("row 37: app.json: names, uuids, icons, image, permissions", lambda: check_app_json(z))
        tap.ok("row 37: config_string is read by ptverdict", lambda: check_config_string(z, args[3]))
        tap.ok("the zip of add; the same bytes each time; an image name that no App Host takes is refused",
               lambda: check_kinds_of_zip(folder, z))
    for case in cases:
        play(tap, case, args)
    return 1 if tap.failures else 0


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
