"""The post-script of export.res of fn_passivetotal 1.0.0, told in our words: the same reads in the same order, the same strings.

It looks at `success` first, so an empty answer writes nothing.

SPDX-License-Identifier: Apache-2.0
"""

TITLE = "PassiveTotal Function hits added"
FAILED = "PassiveTotal Query failed: {}"


def card(content):
    """The eight properties of the hit. A key that is not there is a KeyError, as it is in the workflow."""
    labels = content["subdomains"]
    rows = (
        ("Number of Passive DNS Records", "number", content["totalRecords"]),
        ("First Seen", "string", content["firstSeen"]),
        ("Last Seen", "string", content["lastSeen"]),
        ("Subdomains - All", "number", len(labels) if labels else None),
        ("Subdomains - First ten Hostnames", "string", ", ".join(labels[:10]) if labels else None),
        ("Tags", "string", content["tags_hits_str"]),
        ("Classification", "string", content["classification"]),
        ("Report Link", "uri", content["report_url"]),
    )
    return [{"name": name, "type": kind, "value": "{}".format(value)} for name, kind, value in rows]


def script(results, artifact, incident):
    if not results.success:
        incident.addNote(FAILED.format(results.reason))
    elif results.content:
        artifact.addHit(TITLE, card(results.content))
