#!/usr/bin/env python3
"""Make the app zip that a SOAR platform with an App Host installs: app.json, export.res, a tar.gz, validate_report.md.

    packaging/soar/app_zip.py --image REGISTRY/fn_passivetotal:1.1.0 --out build      build/app-fn_passivetotal-1.1.0.zip

    --image IMAGE      the container image the App Host runs: NAME:TAG or NAME@sha256:DIGEST, lower case (packaging/docker)
    --version X.Y.Z    of the app; greater than 1.0.0, so that the platform takes it for an update of fn_passivetotal
    --export add       bring the workflow of `export.py add` alone: nothing on the platform is overwritten

The same input makes the same bytes. Python 3, standard library only.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import base64
import gzip
import html
import io
import json
import os
import re
import sys
import tarfile
import zipfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import export  # noqa: E402
import icons  # noqa: E402

PERMISSIONS = ["read_data", "read_function"]
ABOUT = "Judges DNS names and IP addresses by your own rules over what RiskIQ PassiveTotal knows about them"
LONG = (
    "ptverdict answers the function fn_passivetotal in the place of the Python app: same settings, same inputs, same result, and "
    "beside it the verdict with its reasons, a finished hit and a note. What could not be read makes the verdict unknown, never "
    "a silent empty answer.",
    "The image holds a native program; there is no Python and no resilient-circuits in it.",
)
README = """# fn_passivetotal {version}: a native image

This archive stands where a Python source distribution is expected, and is none: the app is a native program, ptverdict, in the
container image `{image}`. Nothing here can be installed with pip.

| file | what it is |
|---|---|
| `Dockerfile` | how the image is built, from the source of ptverdict |
| `export-fresh.res`, `export-add.res` | what can be imported: all of the app, or one workflow beside fn_passivetotal 1.0.0 |
| `apikey_permissions.txt` | what the API key of the app must be allowed to do |
| `LICENSE` | Apache License 2.0 |
"""
REPORT = """# Validation of fn_passivetotal {version}

Written by packaging/soar/app_zip.py; `resilient-sdk validate` was not run, since it reads a Python package and this app is none.

| check of `resilient-sdk validate` | here |
|---|---|
| app.json: name, version, texts, author, icons of 200x72 and 100x100, uuid, tag | made and tested |
| export.res: function, inputs, message destination, workflow, rule | made and tested |
| configuration section | `config_string` of app.json; read by ptverdict itself in the test |
| permissions of the API key | {permissions} |
| self-test | `ptverdict selftest` in the image, with the exit codes of the framework's |
| setup.py: install_requires with resilient-circuits, entry points | fails: no Python package |
| Dockerfile: FROM the framework's base image | fails: Debian, with a native program |
| not tested: import by a real platform, its Test button | no platform was at hand |
"""


def config_string():
    """The section as a platform shows it to whoever installs the app; keys and defaults are those of src/config/options.def."""
    with open(os.path.join(ROOT, "src", "config", "options.def"), encoding="utf-8") as f:
        rows = re.findall(r'^OPT\(\w+, "fn_passivetotal", "(passivetotal_\w+)", \w+, (?:NULL|"([^"]*)"), .*, '
                          r'"((?:[^"\\]|\\.)*)"\)$', f.read(), re.MULTILINE)
    rows.sort(key=lambda row: bool(row[1]))  # what has to be filled in comes first
    lines = ["[fn_passivetotal]"]
    for key, default, meaning in rows:
        if not default:
            lines.append("# to be set: " + meaning.replace('\\"', '"'))
        lines.append("%s=%s" % (key, default))
    lines += ["#https_proxy=http://proxy.example:3128", "#verify=/etc/rescircuits/ca.pem", "",
              "[ptverdict]", "#state=/var/rescircuits/ptverdict", "#rules=/etc/rescircuits/rules", "#soar_unknown=once", ""]
    return "\n".join(lines)


def app_json(version, image, server):
    uuid = export.uuid_of(export.APP)

    def picture(data):
        return {"data": base64.b64encode(data).decode(), "media_type": "image/png"}

    return {
        "name": export.APP, "display_name": "ptverdict for PassiveTotal", "version": version, "uuid": uuid,
        "description": {"content": ABOUT, "format": "text"},
        "long_description": {"content": "<div>%s</div>" % "".join("<p>%s</p>" % html.escape(p) for p in LONG), "format": "html"},
        "author": {"name": "ptverdict", "website": "https://ptverdict.example", "icon": picture(icons.company_logo())},
        "icon": picture(icons.app_logo()),
        "minimum_resilient_version": server,
        "tag": {"prefix": export.APP, "name": export.APP, "display_name": export.APP, "uuid": uuid},
        "current_installation": {"executables": [{
            "name": export.APP, "image": image, "config_string": config_string(), "permission_handles": PERMISSIONS,
            "uuid": uuid}]},
    }


def tar_gz(version, image):
    def read(*path):
        with open(os.path.join(ROOT, *path), "rb") as f:
            return f.read()

    files = {
        "README.md": README.format(version=version, image=image).encode(),
        "LICENSE": read("LICENSE"),
        "Dockerfile": read("packaging", "docker", "Dockerfile"),
        "apikey_permissions.txt": "".join(name + "\n" for name in PERMISSIONS).encode(),
        "export-fresh.res": export.as_text(export.fresh()).encode(),
        "export-add.res": export.as_text(export.add()).encode(),
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in sorted(files.items()):
            member = tarfile.TarInfo("%s-%s/%s" % (export.APP, version, name))
            member.size, member.mtime, member.mode = len(data), export.MADE_MS // 1000, 0o644
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(packed.getvalue(), mtime=0)


def build(out, version, image, kind):
    made = export.fresh() if kind == "fresh" else export.add()
    parts = {
        "app.json": json.dumps(app_json(version, image, made["server_version"]), indent=2, sort_keys=True) + "\n",
        "export.res": export.as_text(made),
        "%s-%s.tar.gz" % (export.APP, version): tar_gz(version, image),
        "validate_report.md": REPORT.format(version=version, permissions=", ".join(PERMISSIONS)),
    }
    path = os.path.join(out, "app-%s-%s.zip" % (export.APP, version))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for name, data in parts.items():
            member = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            member.external_attr, member.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            z.writestr(member, data)
    return path


def checked(pattern, meaning):
    def check(text):
        if not re.fullmatch(pattern, text):
            raise argparse.ArgumentTypeError("%r is not %s" % (text, meaning))
        return text
    return check


def main(args):
    parser = argparse.ArgumentParser(description="Make the app zip for a SOAR platform.")
    parser.add_argument("--image", required=True, type=checked(
        r"[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+(:[a-z0-9._-]+|@sha256:[0-9a-f]{64})",
        "an image with its registry and a tag or sha256 digest, in lower case"))
    parser.add_argument("--version", default="1.1.0", type=checked(r"\d+\.\d+\.\d+", "a version X.Y.Z"))
    parser.add_argument("--export", default="fresh", choices=["fresh", "add"])
    parser.add_argument("--out", default=".")
    given = parser.parse_args(args)
    print(build(given.out, given.version, given.image, given.export))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
