#!/bin/sh
# lacking.t: a validator that make check fetches and that is not there fails its test; with BOOTSTRAP=no the test is skipped.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
mkdir "$work/bin"
for program in sh dirname mktemp rm; do
    ln -s "$(command -v $program)" "$work/bin/$program"
done
run env -u BOOTSTRAP PATH="$work/bin" sh tests/cli/junit.t
is 'without xmllint: exit 1' "$rc" 1
has 'a failure that names it' "$out" 'not ok 1 - xmllint is there'
run env BOOTSTRAP=no PATH="$work/bin" sh tests/cli/junit.t
is 'with BOOTSTRAP=no: exit 0' "$rc" 0
has 'a skip that says why' "$out" '1..0 # SKIP xmllint is not there, and BOOTSTRAP=no'
for name in sarif schema; do
    lacks "$name.t has no skip of its own" "tests/cli/$name.t" 'SKIP'
done
finish
