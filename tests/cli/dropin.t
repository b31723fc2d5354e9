#!/bin/sh
# dropin.t: `ptverdict call` in the place of fn_passivetotal 1.0.0, case by case against the mock API (tests/dropin).
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/mock.sh

command -v python3 >/dev/null || { echo "1..0 # SKIP python3 is not there"; exit 0; }
# shellcheck disable=SC2119
start_mock || exit 1
trap stop_mock EXIT
python3 tests/dropin/run.py --mock "$MOCK_URL" --ptverdict "${PTVERDICT:-build/ptverdict}"
