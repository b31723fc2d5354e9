# ptverdict has written the hit and the note: they only have to be put in their places.
if results.success:
  if results.get("hit"):
    artifact.addHit("PassiveTotal Function hits added", results.get("hit"))
  if results.get("note"):
    incident.addNote(results.get("note"))
else:
  incident.addNote("PassiveTotal Query failed: {}".format(results.reason))
