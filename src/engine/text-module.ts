/** Text modules (`.wat`), assembled by wabt. Loaded only for them: the library is larger than all of this host. */
import { createRequire } from 'node:module';
import { ModuleError } from '../errors.ts';

/** All that wabt can be asked for and V8 may know; what V8 does not know it refuses itself. */
const FEATURES = {
  exceptions: true,
  mutable_globals: true,
  sat_float_to_int: true,
  sign_extension: true,
  simd: true,
  threads: true,
  function_references: true,
  multi_value: true,
  tail_call: true,
  bulk_memory: true,
  reference_types: true,
  annotations: true,
  code_metadata: true,
  gc: true,
  memory64: true,
  multi_memory: true,
  extended_const: true,
  relaxed_simd: true,
};

interface WabtOptions {
  printErr: (line: string) => void;
}

/** What it aborts with is thrown, too. */
const QUIET: WabtOptions = { printErr: () => {} };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Every field of a module stands in parentheses; comments and blanks may come first. */
const BEGIN_OF_TEXT = /^\s*(?:\(|;;)/;

/**
 * Assembles a text module, its names kept for backtraces.
 * @throws ModuleError ERR_MODULE_COMPILE with the place and the reason
 */
export async function assembleText(name: string, bytes: Uint8Array): Promise<Uint8Array> {
  const text = decode(bytes);
  // wabt takes nothing for a module without fields.
  if (text?.trim() === '') throw new ModuleError('ERR_MODULE_COMPILE', `${name} is empty`);
  if (text === undefined || !BEGIN_OF_TEXT.test(text)) throw noModule(name, bytes);
  // Required and not imported: code that V8 kept from an earlier start cannot import on Node 20.
  const load = createRequire(import.meta.url)('wabt') as (given: WabtOptions) => ReturnType<typeof import('wabt')>;
  const wabt = await load(QUIET);
  try {
    const module = wabt.parseWat(name, text, FEATURES);
    try {
      return module.toBinary({ write_debug_names: true }).buffer.slice();
    } finally {
      module.destroy();
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new ModuleError('ERR_MODULE_COMPILE', `failed to parse ${firstReason(name, message)}`, { cause: error });
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function noModule(name: string, bytes: Uint8Array): ModuleError {
  const first = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const reason = `it begins with ${first} in place of 00 61 73 6d ("\\0asm"), and is no text of one, "(module …)", either`;
  return new ModuleError('ERR_MODULE_COMPILE', `${name} is not a WebAssembly module: ${reason}`);
}

/**
 * wabt says `parseWat failed:`, then on lines of their own a place and reason, the line of the file, and a marker. The file
 * name in it is not to be trusted: bytes that are none of it follow.
 */
function firstReason(name: string, message: string): string {
  const [, place, reason] = /:(\d+:\d+): error: (.*)$/m.exec(message) ?? [];
  return reason === undefined ? `${name}: ${message.split('\n')[0]}` : `${name}:${place}: ${reason}`;
}
