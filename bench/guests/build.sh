#!/bin/sh
# Compiles bench/guests/inference-loop.wasm from its source. Wants Debian's clang-14, lld-14, wasi-libc and
# libclang-rt-14-dev-wasm32. The same compilers give the same bytes.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../fixtures/guests/toolchain.sh"
need_clang
cd "$here"
clang-14 --target=wasm32-wasi -O2 -flto -Wall -Wextra -Werror -std=gnu11 -mexec-model=command -Wl,--lto-O3 \
  -Wl,--strip-all inference-loop.c -o inference-loop.wasm
ls -l inference-loop.wasm
