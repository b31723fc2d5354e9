#!/usr/bin/env python3
"""Dockerfile and Kubernetes manifests, as far as that can be told without an engine or a cluster. See deploy.t.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import shlex
import subprocess
import sys

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCKER = os.path.join(ROOT, "packaging", "docker")
KUBERNETES = os.path.join(ROOT, "packaging", "kubernetes")
PROGRAM = sys.argv[1]
OF_THE_BUILD = {"libc6", "libasan8", "libubsan1", "libgcc-s1"}  # there anyway, or there for the sanitizers alone


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def same(what, got, wanted):
    if got != wanted:
        raise AssertionError("%s: %r, expected %r" % (what, got, wanted))


def instructions(text):
    """[(NAME, rest)], continued lines joined."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def stages():
    found = []
    for name, rest in instructions(read(DOCKER, "Dockerfile")):
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest))
    return found


def installed(stage):
    words = []
    for name, rest in stage:
        for command in rest.split("&&") if name == "RUN" else []:
            if "apt-get install" in command:
                words += [w for w in shlex.split(command) if not w.startswith("-") and w not in ("apt-get", "install")]
    return set(words)


def docker_stages():
    build, final = stages()
    same("images", [stage[0][1] for stage in (build, final)], ["debian:12-slim AS build", "debian:12-slim"])
    names = [name for stage in (build, final) for name, _ in stage]
    same("no ADD, no ONBUILD", [n for n in names if n in ("ADD", "ONBUILD", "VOLUME", "MAINTAINER")], [])
    for stage in (build, final):
        for name, rest in stage:
            if name == "RUN" and "apt-get install" in rest:
                for wanted in ("apt-get update", "--no-install-recommends", " -y ", "rm -rf /var/lib/apt/lists/*"):
                    same(wanted, wanted in rest, True)
    same("no compiler in the image", [p for p in installed(final) if p.endswith("-dev") or p in ("gcc", "make")], [])


def docker_user():
    last = dict(stages()[-1])
    same("user", last["USER"], "1001:1001")
    env = dict(item.split("=", 1) for item in last["ENV"].split())
    same("App Host", {k: env[k] for k in ("APP_HOST_CONTAINER", "APP_CONFIG_FILE", "APP_LOG_DIR")},
         {"APP_HOST_CONTAINER": "1", "APP_CONFIG_FILE": "/etc/rescircuits/app.config", "APP_LOG_DIR": "/var/log/rescircuits"})
    same("one process, no shell around it", (last["ENTRYPOINT"], last["CMD"]), ('["/usr/bin/ptverdict"]', '["serve"]'))
    folders = [rest for name, rest in stages()[-1] if name == "RUN"][0]
    for wanted in ("-o 1001 -g 1001 -m 0775", "/etc/rescircuits", "/var/log/rescircuits", "/var/rescircuits"):
        same(wanted, wanted in folders, True)


def docker_packages():
    """What is linked is in the image, what is needed to build is in the first stage."""
    build, final = stages()
    makefile = read(ROOT, "Makefile")
    debs = set(re.search(r"^DEBS := (.*)$", makefile, re.MULTILINE).group(1).split())
    same("packages of the Makefile that the build stage lacks", debs - installed(build), set())
    needed = re.findall(r"NEEDED.*\[(.*)\]", subprocess.run(["readelf", "-d", PROGRAM], stdout=subprocess.PIPE, check=True).stdout.decode())
    owners = set()
    for name in needed:
        found = subprocess.run(["dpkg", "-S", "*/" + name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout.decode()
        lines = [line for line in found.splitlines() if "-i386" not in line.split(":")[0] and "-x32" not in line.split(":")[0]]
        owners.update(line.split(":")[0] for line in lines[:1])
    same("libraries that the image lacks", owners - OF_THE_BUILD - installed(final), set())
    same("CA certificates", "ca-certificates" in installed(final), True)


def docker_sources():
    """All that `make install` reads is copied, and all that is copied is there."""
    copied = set()
    for name, rest in stages()[0]:
        if name == "COPY":
            copied.update(w.rstrip("/") for w in rest.split()[:-1])
    for path in copied:
        same(path, os.path.exists(os.path.join(ROOT, path)), True)
    same("the wrapper", os.access(os.path.join(DOCKER, "resilient-circuits"), os.X_OK), True)
    recipe = re.search(r"^install: all\n((?:\t.*\n)+)", read(ROOT, "Makefile"), re.MULTILINE).group(1)
    used = {w.split("/")[0] for w in re.findall(r"(?<= )[A-Za-z][\w.]*(?:/[\w.*-]+)*", recipe) if os.path.exists(os.path.join(ROOT, w.split("/")[0]))}
    same("folders that `make install` needs", used - copied - {"build"}, set())
    allowed = {line[1:] for line in read(DOCKER, "Dockerfile.dockerignore").splitlines() if line.startswith("!")}
    same("what the build context lets through", copied - allowed, set())


def manifests():
    return {d["kind"]: d for d in yaml.safe_load_all(read(KUBERNETES, "ptverdict.yaml"))}


def pod():
    return manifests()["StatefulSet"]["spec"]["template"]["spec"]


def kubernetes_labels():
    found = manifests()
    same("kinds", set(found), {"StatefulSet", "Service", "PodDisruptionBudget"})
    labels = {"app.kubernetes.io/name": "ptverdict"}
    workers = found["StatefulSet"]["spec"]
    same("selectors", [workers["selector"]["matchLabels"], workers["template"]["metadata"]["labels"],
                       found["Service"]["spec"]["selector"], found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"]],
         [labels] * 4)
    same("serviceName", workers["serviceName"], found["Service"]["metadata"]["name"])


def kubernetes_rights():
    security, container = pod()["securityContext"], pod()["containers"][0]["securityContext"]
    same("user", [security[k] for k in ("runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup")], [True, 1001, 1001, 1001])
    same("seccomp", security["seccompProfile"], {"type": "RuntimeDefault"})
    same("container", container,
         {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}})
    same("no token of the cluster", pod()["automountServiceAccountToken"], False)


def kubernetes_probes():
    container = pod()["containers"][0]
    ports = {p["name"]: p["containerPort"] for p in container["ports"]}
    probes = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    same("paths", {name: probe["path"] for name, probe in probes.items()},
         {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"})
    same("ports", {probe["port"] for probe in probes.values()}, {"http"})
    same("listening there", re.search(r"^http_listen=.*:(\d+)$", read(KUBERNETES, "app.config"), re.MULTILINE).group(1), str(ports["http"]))
    same("limits", {"requests", "limits"} <= set(container["resources"]), True)
    stop_within = int(re.search(r'^OPT\(STOP_WITHIN, .*SECONDS, "(\d+)"', read(ROOT, "src", "config", "options.def"), re.MULTILINE).group(1))
    same("time to stop", pod()["terminationGracePeriodSeconds"] > stop_within, True)


def kubernetes_volumes():
    mounts = pod()["containers"][0]["volumeMounts"]
    there = {v["name"] for v in pod()["volumes"]} | \
            {c["metadata"]["name"] for c in manifests()["StatefulSet"]["spec"]["volumeClaimTemplates"]}
    same("volumes", {m["name"] for m in mounts}, there)
    same("no subPath, which is never brought up to date", [m for m in mounts if "subPath" in m], [])
    same("read-only", {m["name"] for m in mounts if m.get("readOnly")}, {"config", "rules", "secrets"})
    same("secrets are files", {m["mountPath"] for m in mounts if m["name"] == "secrets"}, {"/etc/secrets"})
    same("none is in the environment", pod()["containers"][0].get("env", []) + pod()["containers"][0].get("envFrom", []), [])
    config = read(KUBERNETES, "app.config")
    writable = [m["mountPath"] for m in mounts if not m.get("readOnly")]
    state = re.search(r"^state=(.*)$", config, re.MULTILINE).group(1)
    same("state is on a volume", any(state.startswith(path + "/") for path in writable), True)
    rules = re.search(r"^rules=(.*)$", config, re.MULTILINE).group(1)
    same("rules are mounted", rules in [m["mountPath"] for m in mounts], True)


def kubernetes_secrets():
    """Each $NAME of the settings is a file of the secret, and the settings are read without a word."""
    names = {os.path.basename(path) for path in yaml.safe_load(read(KUBERNETES, "kustomization.yaml"))["secretGenerator"][0]["files"]}
    same("names", set(re.findall(r"^[^#\n]*=\$(\w+)$", read(KUBERNETES, "app.config"), re.MULTILINE)), names)
    done = subprocess.run([PROGRAM, "config", "-c", os.path.join(KUBERNETES, "app.config")], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, env={"PTVERDICT_SECRETS": "/nonexistent", **os.environ})
    same("settings", done.returncode, 0)


def kubernetes_image():
    kustomization = yaml.safe_load(read(KUBERNETES, "kustomization.yaml"))
    name, tag = pod()["containers"][0]["image"].rsplit(":", 1)
    same("image", kustomization["images"], [{"name": name, "newTag": tag}])
    same("resources", kustomization["resources"], ["ptverdict.yaml"])
    maps = {g["name"] for g in kustomization["configMapGenerator"]}
    same("config maps", {v["configMap"]["name"] for v in pod()["volumes"] if "configMap" in v}, maps)


TESTS = [
    ("Dockerfile: two stages, nothing of the build in the second", docker_stages),
    ("Dockerfile: user, environment, paths and process of an App Host", docker_user),
    ("Dockerfile: every package that is needed", docker_packages),
    ("Dockerfile: every file that is needed", docker_sources),
    ("manifests: labels and selectors agree", kubernetes_labels),
    ("manifests: no rights that are not needed", kubernetes_rights),
    ("manifests: probes, resources, time to stop", kubernetes_probes),
    ("manifests: volumes", kubernetes_volumes),
    ("manifests: every secret of app.config is there as a file", kubernetes_secrets),
    ("manifests: kustomization names the same image and maps", kubernetes_image),
]

for title, test in TESTS:
    try:
        test()
    except Exception as e:  # whatever went wrong is the result of this test
        print("not ok %s\n%s: %s" % (title, type(e).__name__, e))
    else:
        print("ok " + title)
