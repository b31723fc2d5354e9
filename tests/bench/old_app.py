#!/usr/bin/env python3
"""The call pattern of fn_passivetotal 1.0.0, for comparison: five sequential requests, each with a connection of its own,
JSON body on GET, basic auth, the account first, an early end where no tag is in common. Usage: old_app.py URL ARTIFACT

SPDX-License-Identifier: Apache-2.0"""
import sys

import requests


def ask(base, path, query):
    answer = requests.request("get", base + path, json={"query": query}, auth=("user", "key"), timeout=30)
    answer.raise_for_status()
    return answer.json()


def main():
    base, artifact = sys.argv[1:3]
    if ask(base, "/v2/account", "").get("searchApiQuotaExceeded"):
        return
    tags = ask(base, "/v2/actions/tags", artifact)["tags"] or []
    if not {t.lower() for t in tags} & {"compromised", "ransomware"}:
        return
    content = ask(base, "/v2/dns/passive", artifact)
    content.update(ask(base, "/v2/actions/classification", artifact))
    content.update(ask(base, "/v2/enrichment/subdomains", artifact))
    content["tags_hits_str"] = ", ".join(tags)
    print(len(content))


main()
