"""How fn_passivetotal 1.0.0 answers, as far as a playbook can tell: five calls one after another, GET with a JSON body.

Written from its observed behaviour (docs/soar-dropin.md); only the outcome matters here, not how it got there.
An answer is ("result", content), ("nothing", status text) for a final without results, or ("error", message).

SPDX-License-Identifier: Apache-2.0
"""
import base64
import http.client
import json
import urllib.request

RETRY_LIMIT = "'Retry limit exceeded'"  # all it says of any failed request
SETTINGS = ("passivetotal_api_key", "passivetotal_username", "passivetotal_base_url", "passivetotal_account_api_url",
            "passivetotal_actions_tags_api_url", "passivetotal_passive_dns_api_url", "passivetotal_actions_class_api_url",
            "passivetotal_enrich_subdom_api_url", "passivetotal_community_url", "passivetotal_tags")


class Failed(Exception):
    pass


def ask(settings, path, query, timeout):
    """Status and body of one call."""
    login = "%s:%s" % (settings["passivetotal_username"], settings["passivetotal_api_key"])
    request = urllib.request.Request(
        settings["passivetotal_base_url"] + settings[path], method="GET", data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json", "Authorization": "Basic " + base64.b64encode(login.encode()).decode()})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout) as answer:
            return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as e:  # HTTPError is an OSError
        raise Failed(RETRY_LIMIT) from e


def judge(settings, value, timeout):
    status, body = ask(settings, "passivetotal_account_api_url", "", timeout)
    if status != 200 or json.loads(body).get("searchApiQuotaExceeded"):
        return []
    status, body = ask(settings, "passivetotal_actions_tags_api_url", value, timeout)
    if status != 200:
        return []
    tags = json.loads(body).get("tags")
    wanted = {word.lower().strip() for word in settings["passivetotal_tags"].split(",")}
    if not wanted & {tag.lower() for tag in tags}:  # a text is taken letter by letter, null is a crash
        return []
    merged = {}
    for path in ("passivetotal_passive_dns_api_url", "passivetotal_actions_class_api_url", "passivetotal_enrich_subdom_api_url"):
        status, body = ask(settings, path, value, timeout)
        if status != 200:
            raise Failed("an answer is used although it never came")
        merged.update(json.loads(body))
    merged["tags_hits_str"] = ", ".join(tags) if tags else None
    merged["report_url"] = settings["passivetotal_community_url"] + value
    return merged


def answer(settings, inputs, timeout=2):
    for name in ("passivetotal_artifact_type", "passivetotal_artifact_value"):
        if name not in inputs:
            return "error", "an input is missing: %s" % name
    if inputs["passivetotal_artifact_type"] not in ("IP Address", "DNS Name"):
        return "nothing", "Artifact type not one of the expected values"
    for name in SETTINGS:
        if not settings.get(name):
            return "error", "'%s' is mandatory and is not set. You must set this value to run this function" % name
    try:
        return "result", judge(settings, inputs["passivetotal_artifact_value"], timeout)
    except (Failed, TypeError, AttributeError) as e:
        return "error", str(e)
    except ValueError:
        return "error", "no JSON"
