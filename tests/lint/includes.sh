#!/bin/sh
# Who may include whom: the map of the house (docs/architecture.md). Each folder of src lists all it may reach; a library is
# named by the one folder that keeps it. Prints each breach as file:line and fails.
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/../.."

may_reach() {
    case $1 in
    base | config) [ "$1" = base ] && echo base || echo base config ;;
    core) echo base core ;;
    net) echo base net ;;
    sources) echo base core net sources ;;
    rules) echo base core rules ;;
    report) echo base core report ;;
    store) echo base core store ;;
    stomp) echo base net stomp ;;
    soar) echo base core net stomp store soar ;;
    httpd) echo base httpd ;;
    serve) echo base core config net stomp store soar httpd serve ;;
    cli) echo base config serve cli ;;
    .) echo base core config net sources rules report store client.h testing.h testing_run.h compare.h ;;
    *) echo "src/$1 is not on the map in tests/lint/includes.sh" >&2 && exit 1 ;;
    esac
}
# header pattern → the folder that keeps the library
library_of() {
    case $1 in
    cjson/* | cJSON.h | openssl/*) echo base ;;
    idn2.h | libpsl.h) echo core ;;
    ini.h) echo config ;;
    curl/*) echo net ;;
    lua*.h | lauxlib.h) echo rules ;;
    sqlite3.h) echo store ;;
    microhttpd.h) echo httpd ;;
    esac
}

bad=0
for file in src/*.[ch] src/*/*.[ch]; do
    folder=$(basename "$(dirname "$file")")
    [ "$folder" != src ] || folder=.
    allowed=" $(may_reach "$folder") "
    grep -n '^#include' "$file" | while IFS= read -r line; do
        number=${line%%:*}
        header=$(printf '%s\n' "$line" | sed 's/.*[<"]\(.*\)[>"].*/\1/')
        case $line in
        *'"ptverdict.h"'*) ;;
        *'"'*)
            target=${header%%/*}
            case $allowed in *" $target "*) ;; *)
                echo "$file:$number: $folder may not include \"$header\" (it reaches:$allowed)"
                ;;
            esac
            ;;
        *'<'*)
            keeper=$(library_of "$header")
            if [ -n "$keeper" ] && [ "$keeper" != "$folder" ]; then
                echo "$file:$number: <$header> belongs to src/$keeper alone"
            fi
            ;;
        esac
    done
done >build/lint-includes.txt
if [ -s build/lint-includes.txt ]; then
    cat build/lint-includes.txt
    bad=1
fi
exit $bad
