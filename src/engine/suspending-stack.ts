/**
 * How deep a guest may recurse that can be suspended. V8 gives each a stack of its own, of a size that is a flag of the
 * whole process, and less than half of what wasmtime gives.
 */
import { setFlagsFromString } from 'node:v8';
import { promising } from './suspending-engine.ts';

/**
 * Of such a stack: more than twice wasmtime's depth. V8 keeps stacks for others up to 4 MiB together, with 40 KiB of each
 * beyond this, and frees them above.
 */
const STACK_KIBIBYTES = 4000;

/** V8's own, of both flags. */
const DEFAULT_KIBIBYTES = 984;

/** `(module (func (export "f")))` */
const NOTHING_MODULE = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x07,
  0x05, 0x01, 0x01, 0x66, 0x00, 0x00, 0x0a, 0x04, 0x01, 0x02, 0x00, 0x0b,
]);

let nothing: (() => Promise<unknown>) | undefined;

/** What the process was started with. */
function flagOfProcess(name: string): number | undefined {
  const pattern = new RegExp(`--${name.replaceAll('-', '[-_]')}[= ](\\d+)`);
  const found = pattern.exec([process.env.NODE_OPTIONS ?? '', ...process.execArgv].join(' '));
  return found === null ? undefined : Number(found[1]);
}

const SIZE_FLAG = 'wasm-stack-switching-stack-size';
/** Bounds the other. */
const LIMIT_FLAG = 'stack-size';

const startedWith = { size: flagOfProcess(SIZE_FLAG), limit: flagOfProcess(LIMIT_FLAG) ?? DEFAULT_KIBIBYTES };

/**
 * Has V8 keep a stack ready that is deep enough, for the guest that is called next. V8 looks at its flags when it makes a
 * stack, and again when it starts threads: so they are changed for one call of nothing and are then as they were.
 */
export function readyStack(): void {
  // Whoever has set it knows why.
  if (startedWith.size !== undefined) return;
  nothing ??= promising(new WebAssembly.Instance(new WebAssembly.Module(NOTHING_MODULE)).exports.f as () => undefined);
  setFlagsFromString(`--${LIMIT_FLAG}=${Math.max(startedWith.limit, 2 * STACK_KIBIBYTES)}`);
  setFlagsFromString(`--${SIZE_FLAG}=${STACK_KIBIBYTES}`);
  try {
    void nothing();
  } finally {
    setFlagsFromString(`--${SIZE_FLAG}=${DEFAULT_KIBIBYTES}`);
    setFlagsFromString(`--${LIMIT_FLAG}=${startedWith.limit}`);
  }
}
