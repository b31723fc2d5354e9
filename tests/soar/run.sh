#!/bin/sh
# run.sh: the acceptance tests alone. An argument picks files by name. A test started by itself makes a broker of its own.
# SPDX-License-Identifier: Apache-2.0
exec "$(dirname "$0")/../run.sh" "tests/soar/.*${1:-}"
