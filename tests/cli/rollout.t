#!/bin/sh
# rollout.t: the examples of docs/rollout.md are what the program prints.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
command -v python3 >/dev/null || { echo "1..0 # SKIP python3 is not there"; exit 0; }
exec python3 tests/docs/blocks.py "${PTVERDICT:-build/ptverdict}" tests/fixtures/rollout docs/rollout.md "$@"
