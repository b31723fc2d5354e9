#!/bin/sh
# make lint: who includes whom, clang-tidy, clang without a warning, clang-format, luacheck, shellcheck.
# SPDX-License-Identifier: Apache-2.0
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0
step() {
    name=$1
    shift
    if "$@" >build/lint.log 2>&1; then
        passed=$((passed + 1))
        printf 'ok   %s\n' "$name"
    else
        failed=$((failed + 1))
        printf 'FAIL %s\n' "$name"
        cat build/lint.log
    fi
}
libs="libcurl libcjson lua5.4 inih libidn2 libpsl libcrypto sqlite3"
# shellcheck disable=SC2046,SC2086  # flags are words
flags() { printf '%s ' -std=c17 -D_GNU_SOURCE -Iinclude -Isrc -include src/base/banned.h $(pkg-config --cflags $libs); }
warn="-Wall -Wextra -Wpedantic -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Werror"
sources=$(find src -name '*.c' | sort)

# shellcheck disable=SC2046,SC2086
clang_warns() {
    for f in $sources tests/unit/*.c tests/fuzz/*.c; do
        case $f in tests/fuzz/fuzz_*) w="$warn -Wno-missing-prototypes" ;; *) w=$warn ;; esac
        clang $(flags) $w -fsyntax-only "$f" || return 1
    done
}
# shellcheck disable=SC2046,SC2086
tidy() { printf '%s\n' $sources | xargs -P 2 -n 1 sh -c 'clang-tidy --quiet "$@" -- '"$(flags)"' 2>/dev/null' sh; }
headers_alone() {
    printf '#include "include/ptverdict.h"\n' >build/header.c
    cp build/header.c build/header.cc
    clang -std=c11 -Wall -Wextra -Wpedantic -Werror -I. -fsyntax-only build/header.c || return 1
    clang -std=c++17 -Wall -Wextra -Wpedantic -Werror -I. -fsyntax-only build/header.cc || return 1
    for h in src/*/*.h src/*.h; do
        printf '#include "%s"\n' "${h#src/}" >build/header.c
        # shellcheck disable=SC2046,SC2086
        clang $(flags) -Wall -Wextra -Wpedantic -Werror -fsyntax-only build/header.c || { echo "$h does not compile alone"; return 1; }
    done
}
format() {
    # shellcheck disable=SC2046
    clang-format --dry-run --Werror $(find src include tests examples -name '*.[ch]')
}
scripts() {
    # shellcheck disable=SC2046
    shellcheck -x $(grep -LE '^#!/usr/bin/env (node|python3)' $(find tests examples scripts -name '*.sh' -o -name '*.t' 2>/dev/null)) .ci/run
}
words() {
    # The project speaks of itself alone: no machine paths, no "clean" verdicts.
    ! grep -rnE '/work/|/tmp/team|\bis clean\b|verdict.{0,3}clean' src include rules examples docs README.md 2>/dev/null
}

step "who includes whom" sh tests/lint/includes.sh
step "headers compile alone, in C11 and C++" headers_alone
step "clang gives no warning" clang_warns
step "clang-tidy" tidy
step "clang-format" format
step "shellcheck" scripts
step "luacheck" luacheck --no-color -q rules examples
step "words" words
echo "lint: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
