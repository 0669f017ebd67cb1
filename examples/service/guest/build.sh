#!/bin/sh
# Compiles infer.wasm from infer.c with Debian's clang-14, lld-14, wasi-libc and libclang-rt-14-dev-wasm32.
#
#     examples/service/guest/build.sh [DIRECTORY]
set -eu
guest=$(cd "$(dirname "$0")" && pwd)
out=${1:-$guest}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
clang-14 --target=wasm32-wasi -Oz -flto -Wall -Wextra -Werror -std=c11 -c "$guest/infer.c" -o "$work/infer.o"
clang-14 --target=wasm32-wasi -flto -Wl,--strip-all "$work/infer.o" -o "$work/infer.wasm"
install -m 644 "$work/infer.wasm" "$out/"
