#!/bin/sh
# shim.t: packaging/shim inside a stand-in for resilient_circuits (the real framework is not needed for it): one call answered by
# `ptverdict call` reaches the framework whole; a program that is missing or fails says why.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/mock.sh

[ -x /usr/bin/python3 ] || { echo "1..0 # SKIP python3 is not there"; exit 0; }
# shellcheck disable=SC2119
start_mock || exit 1
trap stop_mock EXIT
/usr/bin/python3 tests/soar/shim.py --mock "$MOCK_URL" --ptverdict "${PTVERDICT:-build/ptverdict}"
