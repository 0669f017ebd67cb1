#!/bin/sh
# Builds the probes beside their source: clang with the wasm32 target and lld, no libc.
set -e
cd "$(dirname "$0")"
build() {
  clang --target=wasm32-wasi -Oz -Wall -Wextra -Wno-gnu-statement-expression -nostdlib -ffreestanding -fno-builtin \
    -Wl,--no-entry -Wl,--export=_start -Wl,--strip-all -Wl,-z,stack-size=65536 "$@" probe.c
}
build -o probe.wasm
build -DUNSTABLE -DMODULE='"wasi_unstable"' -o probe-unstable.wasm
