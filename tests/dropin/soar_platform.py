"""The little of a SOAR platform that a post-script sees: results with attributes, an artifact that takes hits, an incident that
takes notes. What a script writes is kept, so that a test can look at it.

SPDX-License-Identifier: Apache-2.0
"""


class Results(dict):
    """The function result, as a dictionary that takes its keys for attributes too: results.success, results.get("hit")."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Artifact:
    def __init__(self):
        self.hits = []

    def addHit(self, name, properties):
        for item in properties:
            if set(item) != {"name", "type", "value"} or not all(isinstance(v, str) for v in item.values()):
                raise TypeError("a hit property needs name, type and value as texts, not %r" % (item,))
            if item["type"] not in ("string", "number", "uri", "ip", "lat_lng"):
                raise ValueError("no hit property has the type %r" % item["type"])
        names = [item["name"] for item in properties]
        if len(names) != len(set(names)):
            raise ValueError("names in a hit are unique: %r" % names)
        self.hits.append((name, properties))


class Incident:
    def __init__(self):
        self.notes = []

    def addNote(self, text):
        if not isinstance(text, str):
            raise TypeError("a note is a text, not %r" % (text,))
        self.notes.append(text)


def written_by(script, payload):
    """What one post-script writes for a payload: (hits, notes)."""
    artifact, incident = Artifact(), Incident()
    script(Results(payload), artifact, incident)
    return artifact.hits, incident.notes


def script_of(source):
    """A post-script as the platform runs it: text, with three names in its reach."""
    code = compile(source, "post-script", "exec")

    def script(results, artifact, incident):
        exec(code, {"results": results, "artifact": artifact, "incident": incident})  # pylint: disable=exec-used

    return script
