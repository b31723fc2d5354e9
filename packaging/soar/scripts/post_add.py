# The hit card carries the verdict and the rules in its title; an artifact that could not be judged gets a note that says why,
# as often as the setting soar_unknown allows.
decision = results.get("decision")
if results.get("hit"):
  severity = decision["severity"] if decision else None
  artifact.addHit("ptverdict: compromised ({})".format(severity) if severity else "ptverdict: compromised", results.get("hit"))
if results.get("note"):
  incident.addNote(results.get("note"))
if not results.success:
  verdict = decision["verdict"] if decision else "refused"
  incident.addNote("ptverdict: {}: {}".format(verdict, results.reason))
