#!/bin/sh
# Write files as C arrays: what `ptverdict init` hands out. Usage: scripts/embed.sh [NAME=]FILE... ; NAME is the path under the
# folder that init makes. A file that is not there stops it.
# SPDX-License-Identifier: Apache-2.0
set -eu
cat <<'EOF'
/* Made by scripts/embed.sh: the files of a starter. */
#include "cli/starter.h"
EOF
n=0
table=
for arg in "$@"; do
    name=${arg%%=*} file=${arg#*=}
    [ -f "$file" ] || { echo "embed: no such file: $file" >&2; exit 1; }
    printf 'static const unsigned char f%d[] = {\n' $n
    od -An -v -tu1 "$file" | sed 's/  */,/g; s/^,//; s/$/,/'
    printf '0 };\n' # so that an empty file is an array too
    table="$table    { \"$name\", f$n, sizeof f$n - 1 },
"
    n=$((n + 1))
done
printf 'const cli_starter_file cli_starter[] = {\n%s    { 0, 0, 0 },\n};\n' "$table"
