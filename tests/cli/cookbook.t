#!/bin/sh
# cookbook.t: the recipes on the page are those that ship, and its commands print what it says.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
command -v python3 >/dev/null || { echo "1..0 # SKIP python3 is not there"; exit 0; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
mkdir "$work/examples" && cp -R examples/cookbook "$work/examples/"
python3 tests/docs/blocks.py "${PTVERDICT:-build/ptverdict}" "$work" docs/cookbook.md "$@"
