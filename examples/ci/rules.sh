#!/bin/sh
# What a build server does with a change of rules: check them, test them, and say what they would change over recorded answers.
# Reports go into $REPORTS (default reports/): check.sarif, test.xml (JUnit), diff.md. Fails when check or test does.
#
#   usage: rules.sh RULES [RECORDS BASE]      rules.sh rules records origin/main
#
# RECORDS is a folder or file of records, saved answers or compact records; BASE the revision to compare with.
# An app.config in the folder it runs in gives the settings that rules read; it needs neither user nor key.
#
# SPDX-License-Identifier: Apache-2.0
set -u
rules=$1
reports=${REPORTS:-reports}
failed=0
mkdir -p "$reports"

ptverdict check "$rules" || failed=1                                        # for the log
ptverdict check --format sarif "$rules" >"$reports/check.sarif"             # for the code host
ptverdict test --strict "$rules" || failed=1
ptverdict test --strict --format junit "$rules" >"$reports/test.xml" 2>/dev/null
if [ $# -ge 3 ]; then
    ptverdict diff "$3:$rules" "$rules" --over "$2" --format markdown >"$reports/diff.md" || failed=1
fi
exit $failed
