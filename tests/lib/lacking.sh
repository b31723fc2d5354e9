# lacking.sh: sourced by tests of what other programs read. `make check` fetches what they need, so that it is missing there is a
# failure: a skip would let a format go wrong unseen. With BOOTSTRAP=no nothing is fetched, and the test is skipped, visibly.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh

# lacking WHAT: ends the test
lacking() {
    if [ "${BOOTSTRAP:-yes}" = no ]; then
        echo "1..0 # SKIP $1 is not there, and BOOTSTRAP=no"
        exit 0
    fi
    echo '1..1'
    echo "not ok 1 - $1 is there (make check fetches it; BOOTSTRAP=no skips this test)"
    exit 1
}
