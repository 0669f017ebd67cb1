#!/bin/sh
# Compiles the guests beside it from their sources. Wants Debian's clang-14, lld-14, wasi-libc, libclang-rt-14-dev-wasm32,
# rustc and libstd-rust-dev-wasm32. The same compilers give the same bytes.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../fixtures/guests/toolchain.sh"
need_clang
need_rust
cd "$here"
for guest in inference-loop named-graph; do
  clang-14 --target=wasm32-wasi -O2 -flto -Wall -Wextra -Werror -std=gnu11 -mexec-model=command -Wl,--lto-O3 \
    -Wl,--strip-all "$guest.c" -o "$guest.wasm"
done
"$RUSTC" --edition 2021 --target wasm32-wasi -C opt-level=3 -C lto=fat -C panic=abort -C strip=symbols \
  --remap-path-prefix="$here=." file-system.rs -o file-system.wasm
ls -l inference-loop.wasm named-graph.wasm file-system.wasm
