#!/bin/sh
# Builds the guest beside its source: clang with the wasm32 target and lld, no libc.
set -e
cd "$(dirname "$0")"
clang --target=wasm32-wasi -O2 -Wall -Wextra -nostdlib -ffreestanding -fno-builtin -Wl,--no-entry -Wl,--export=_start \
  -Wl,--strip-all -Wl,-z,stack-size=65536 -o attacker.wasm attacker.c
