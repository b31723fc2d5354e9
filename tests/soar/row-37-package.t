#!/bin/sh
# Rows 37, 11 and 9: what a platform imports (export.res) and an App Host installs (the app zip), held to the contract; our post-scripts and
# both published ones over real results of `ptverdict call`.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/mock.sh

[ -x /usr/bin/python3 ] || { echo "1..0 # SKIP python3 is not there"; exit 0; }
# shellcheck disable=SC2119
start_mock || exit 1
trap stop_mock EXIT
/usr/bin/python3 tests/soar/package.py --mock "$MOCK_URL" --ptverdict "${PTVERDICT:-build/ptverdict}"
