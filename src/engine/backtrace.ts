import { printable } from '../errors.ts';
import { demangle } from './demangle.ts';

interface WasmFrame {
  /** `<unknown>` where the module has no name section or no name in it. */
  moduleName: string;
  /** As the name section writes it, Rust's names readable; `<wasm function 3>` without one. */
  functionName: string;
  /** Of the instruction, in the bytes that V8 compiled. */
  offset: number;
}

/** What stands at the guest's end of the stack: its own code, or our trap and the host function that called it. */
export type Innermost = 'guest' | 'host';

/** Frames of ours that may lie between a guest's and the end. */
const HOST_FRAMES = 16;

interface StackHooks {
  stackTraceLimit: number;
  prepareStackTrace?: ((error: Error, sites: NodeJS.CallSite[]) => unknown) | undefined;
}

/**
 * Calls into a guest so that an exception that comes out has its frames.
 * @param maxFrames how many of the guest's frames to keep; 0 keeps none
 */
export function withWasmFrames<Result>(maxFrames: number, call: () => Result): Result {
  const lower = raiseFrameLimit(maxFrames);
  try {
    return call();
  } finally {
    lower();
  }
}

/**
 * Has exceptions keep the frames of a guest from here on, for calls that do not end where they began.
 * @returns what makes the limit what it was, unless somebody else has set it meanwhile
 */
export function raiseFrameLimit(maxFrames: number): () => void {
  const hooks = Error as unknown as StackHooks;
  const before = hooks.stackTraceLimit;
  const raised = Math.max(maxFrames + HOST_FRAMES, before);
  hooks.stackTraceLimit = raised;
  return () => {
    if (hooks.stackTraceLimit === raised) hooks.stackTraceLimit = before;
  };
}

/**
 * The frames of the guest that threw, innermost first; empty for what is no `Error`.
 *
 * They are taken from V8's call sites and not from the text of the stack, since names come from the module and may hold
 * anything.
 */
export function wasmFrames(error: unknown, innermost: Innermost, maxFrames: number): WasmFrame[] {
  if (!(error instanceof Error)) return [];
  const sites = callSites(error);
  const isWasm = (site: NodeJS.CallSite) => site.getScriptNameOrSourceURL()?.startsWith('wasm://') === true;
  // Our trap is the first frame of an end by the host, and then our functions up to the guest.
  let start = innermost === 'host' ? sites.findIndex((site) => !isWasm(site)) : 0;
  while (start >= 0 && start < sites.length && !isWasm(sites[start] as NodeJS.CallSite)) start++;
  if (start < 0) return [];
  const length = sites.slice(start).findIndex((site) => !isWasm(site));
  const end = length < 0 ? sites.length : start + length;
  return sites.slice(start, Math.min(end, start + maxFrames)).map(toFrame);
}

function callSites(error: Error): readonly NodeJS.CallSite[] {
  const hooks = Error as unknown as StackHooks;
  const before = hooks.prepareStackTrace;
  let taken: readonly NodeJS.CallSite[] = [];
  hooks.prepareStackTrace = (_, sites) => {
    taken = sites;
    return '';
  };
  try {
    // V8 formats a stack when it is first asked for.
    void error.stack;
    return taken;
  } finally {
    hooks.prepareStackTrace = before;
  }
}

function toFrame(site: NodeJS.CallSite): WasmFrame {
  const name = site.getFunctionName();
  const [, index] = /wasm-function\[(\d+)\]:0x[0-9a-f]+\)?$/.exec(site.toString()) ?? [];
  const [, moduleName] = /^wasm:\/\/wasm\/(?:(.*)-)?[0-9a-f]{8}$/s.exec(site.getScriptNameOrSourceURL() ?? '') ?? [];
  return {
    moduleName: printable(moduleName ?? '<unknown>', MAX_NAME_CHARACTERS),
    functionName: name ? printable(demangle(name), MAX_NAME_CHARACTERS) : `<wasm function ${index ?? '?'}>`,
    // The column counts from one.
    offset: (site.getColumnNumber() ?? 1) - 1,
  };
}

const MAX_NAME_CHARACTERS = 1_000;

/** One line of a backtrace, as wasmtime writes it: `    0:   0x1a2b - module!function`. */
export function frameText({ moduleName, functionName, offset }: WasmFrame, index: number): string {
  const address = `0x${offset.toString(16)}`.padStart(8);
  return `${String(index).padStart(5)}: ${address} - ${moduleName}!${functionName}`;
}
