#!/bin/sh
# configparser.t: the frozen answers in tests/fixtures/config, with which test_ini.c compares our reader, are still those of a
# living Python configparser.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh

python=$(command -v python3) || { echo "1..0 # SKIP python3 is not there"; exit 0; }
for file in tests/fixtures/config/*.config; do
    is "$(basename "$file")" "$(cat "${file%.config}.json")" "$("$python" tests/fixtures/config/expected.py "$file")"
done
finish
