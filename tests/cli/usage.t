#!/bin/sh
# usage.t: the command line itself: help, typos, options where they do not belong, output that cannot be written.
# SPDX-License-Identifier: Apache-2.0
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh

run "$PT" --version
is 'prints its version' "$rc $(cat "$out")" "0 ptverdict $(sed -n 's/#define PTV_VERSION "\(.*\)"/\1/p' include/ptverdict.h)"

run "$PT"
is 'without a command, exit 64' "$rc" 64
has 'and a pointer to help' "$err" 'ptverdict --help'

run "$PT" --help
is '--help exits 0' "$rc" 0
commands=$(sed -n 's/^  \([a-z]*\) .*/\1/p' "$out" | grep -v ptverdict)
for command in $commands; do
    run "$PT" "$command" --help
    has "$command --help has its usage" "$out" "usage: ptverdict $command"
    is "$command --help has an example of itself" "$rc $(sed -n '/^Example:/,$p' "$out" | grep -c "ptverdict $command")" \
        "0 $(sed -n '/^Example:/,$p' "$out" | grep -c ptverdict)"
done
run "$PT" help lookup
has 'help COMMAND is taken for COMMAND --help' "$out" 'usage: ptverdict lookup'

says() { # says NAME EXIT TEXT ARGUMENTS...
    says_name=$1 says_rc=$2 says_text=$3
    shift 3
    run "$PT" "$@"
    is "$says_name" "$rc $(head -n 1 "$err")" "$says_rc ptverdict: $says_text"
}
says 'did-you-mean for a command' 64 "unknown command 'lokoup' (did you mean 'lookup'?)" lokoup x
says 'did-you-mean for an option' 64 "unknown option '--exlpain' (did you mean '--explain'?)" lookup --exlpain x
says 'an unknown letter' 64 "unknown option '-x'" lookup -x
says 'an option of another command' 64 '--explain is not an option of check' check --explain
says 'an option without its value' 64 '--format needs a value: --format FORMAT' lookup x --format
says 'a value for an option that takes none' 64 '--quiet takes no value' lookup --quiet=yes x
says 'a format of another command' 64 "--format of check is one of: text json sarif; not 'csv'" check --format csv
says 'no operand' 64 'lookup needs: ARTIFACT... | -' lookup
says 'one operand too many' 64 "'b' is too much: init takes DIR" init a b
says 'a bad time' 64 "--now takes a time like 2026-05-01 or 2026-05-01T12:00:00Z, not 'soon'" eval --now soon -
says 'a bad count' 64 "--skip takes a count, not '-1'" lookup --skip -1 x
says 'a bad colour' 64 "--color takes auto, always or never, not 'blue'" --color=blue lookup x
says 'a settings file that is not there' 78 'nowhere.config: No such file or directory' config -c nowhere.config
says 'an unknown setting' 78 "--set: unknown setting 'plna' (did you mean 'plan'?)" config --set plna=fast

says 'a wrong value of a setting' 78 "--set: plan in [ptverdict]: 'quick' is not one of frugal, fast" config --set plan=quick

run "$PT" -q config -- x
is 'after -- all words are operands' "$rc" 64
run "$PT" -qcnowhere.config config
has 'letters may stand together, a value right behind' "$err" nowhere.config

if [ -w /dev/full ]; then
    rc=0
    "$PT" --help >/dev/full 2>"$err" || rc=$?
    is 'a full disk is an error' "$rc $(cat "$err")" '74 ptverdict: the output could not be written: No space left on device'
else
    skip 'a full disk is an error' 'no /dev/full'
fi
rc=0
"$PT" --help >&- 2>"$err" || rc=$?
is 'a closed stdout is an error' "$rc" 74
rc=$({ "$PT" fields 2>"$err" || echo $? >"$work/rc"; } | true; sleep 0.2; cat "$work/rc" 2>/dev/null)
case $rc in
'' | 74) tap_say ok 'a closed pipe is an error, and no signal kills the program' ;;
*) is 'a closed pipe is an error, and no signal kills the program' "$rc" 74 ;;
esac
finish
