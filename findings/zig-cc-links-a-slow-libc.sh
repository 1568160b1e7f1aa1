#!/usr/bin/env bash
# What zig's C compiler links depends on the -O of the link, which compiles nothing.
#
# Packages   ziglang==0.17.1 (zig 0.17, clang 22), CPython 3.11, x86-64
# Behaviour  zig brings no C library but its source, and compiles musl and its own runtime when a program is linked, with the
#            -O of that call. Objects that were compiled with -O3 and are then linked by a call without any -O get a C
#            library that was compiled for debugging: ten times the size, and slower. Nothing is said.
# Output     linked without -O: 283536 bytes; with -O3: 19496 bytes (x86_64-linux-musl, one printf, stripped)
# Date       2026-12-01
# Guess      that -O is for compiling, and that a link with `-static -s` gives the same program whatever -O says, as with
#            gcc and clang, whose C library was compiled long before
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet ziglang==0.17.1
cat >hello.c <<'C'
#include <stdio.h>
int main(int count, char **names) { return printf("%d %s\n", count, names[0]) < 0; }
C
cc() { venv/bin/python -m ziglang cc -target x86_64-linux-musl "$@"; }
cc -O3 -c hello.c -o hello.o
cc -static -s hello.o -o without
cc -O3 -static -s hello.o -o with
without=$(stat -c %s without) with=$(stat -c %s with)
echo "linked without -O: $without bytes; with -O3: $with bytes"
[ "$without" -gt $((5 * with)) ] || {
    echo "changed: the -O of a link does not decide the size any more" >&2
    exit 1
}
