#!/bin/sh
# rules_page.t: docs/rules.md is true: its rules are in order, its cases pass, its commands print what it says.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
command -v python3 >/dev/null || { echo "1..0 # SKIP python3 is not there"; exit 0; }
exec python3 tests/docs/blocks.py "${PTVERDICT:-build/ptverdict}" tests/fixtures/rules-page docs/rules.md "$@"
