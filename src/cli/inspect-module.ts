/** `inspect` of a WebAssembly module: what it wants, what of that is here, what it gives. */
import { compileModule, type ModuleSource } from '../engine/compile.ts';
import { functionTypeText, preview1Type, sameFunctionType, wasiNnType } from '../engine/import-types.ts';
import type { DefinedLimits, FunctionType, Limits, ModuleImport } from '../engine/module-binary.ts';
import { PARAMETER_COUNTS } from '../nn/abi/witx.ts';

export interface ModuleInspection {
  kind: 'module';
  file: string;
  byteLength: number;
  imports: ImportInspection[];
  exports: { name: string; kind: string; type: string | undefined }[];
  /** Sizes in bytes; the most that a memory may have is undefined where the module does not say. */
  memories: { isImported: boolean; bytes: number; maxBytes: number | undefined; shared: boolean; address64: boolean }[];
  tables: { isImported: boolean; elements: number; maxElements: number | undefined }[];
  /** Whether a function runs before `_start`. */
  hasStartFunction: boolean;
  sections: { name: string; byteLength: number }[];
}

export interface ImportInspection {
  module: string;
  name: string;
  kind: string;
  type: string | undefined;
  /** Which part of this host provides it; undefined: nobody does, unless a module is preloaded under that name. */
  providedBy: 'WASI' | 'wasi-nn' | 'the host' | undefined;
  /** The type that is provided, where it is another one: the module does not link. */
  mismatch: string | undefined;
}

/** @throws ModuleError ERR_MODULE_COMPILE where V8 does not take it */
export function inspectModule(file: string, source: ModuleSource): ModuleInspection {
  const { shape } = compileModule(source, {});
  const limitsOf = (kind: ModuleImport['kind']) =>
    shape.imports.flatMap((entry) => (entry.kind === kind ? (entry.limits ?? []) : []));
  return {
    kind: 'module',
    file,
    byteLength: source.bytes.byteLength,
    imports: shape.imports.map(inspectImport),
    exports: shape.exports.map(({ name, kind, type }) => ({ name, kind, type: type && functionTypeText(type) })),
    memories: [
      ...limitsOf('memory').map((limits) => memoryOf(limits, true)),
      ...shape.memories.map((limits) => memoryOf(limits, false)),
    ],
    tables: [
      ...limitsOf('table').map((limits) => tableOf(limits, true)),
      ...shape.tables.map((limits) => tableOf(limits, false)),
    ],
    hasStartFunction: shape.startFunction !== undefined,
    sections: sectionsOf(source.bytes),
  };
}

function inspectImport({ module, name, kind, type }: ModuleImport): ImportInspection {
  const text = type && functionTypeText(type);
  const found = { module, name, kind, type: text, providedBy: undefined, mismatch: undefined };
  if (kind === 'memory') return { ...found, providedBy: 'the host' };
  const provided = kind === 'func' ? providedFunction(module, name) : undefined;
  if (provided === undefined) return found;
  const fits = type === undefined || sameFunctionType(type, provided.type);
  return { ...found, providedBy: provided.by, mismatch: fits ? undefined : functionTypeText(provided.type) };
}

/** Came after `wasi_unstable`. */
const NOT_UNSTABLE: ReadonlySet<string> = new Set(['sock_accept']);

function providedFunction(module: string, name: string): { by: 'WASI' | 'wasi-nn'; type: FunctionType } | undefined {
  if (module === 'wasi_ephemeral_nn') {
    const counts: Readonly<Record<string, number>> = PARAMETER_COUNTS;
    return Object.hasOwn(counts, name) ? { by: 'wasi-nn', type: wasiNnType(counts[name] as number) } : undefined;
  }
  const isWasi = module === 'wasi_snapshot_preview1' || (module === 'wasi_unstable' && !NOT_UNSTABLE.has(name));
  const type = isWasi ? preview1Type(name) : undefined;
  return type && { by: 'WASI', type };
}

function memoryOf(limits: Limits, isImported: boolean): ModuleInspection['memories'][number] {
  const { minimum, maximum, shared, address64, pageByteLength } = limits;
  const maxBytes = maximum === undefined ? undefined : maximum * pageByteLength;
  return { isImported, bytes: minimum * pageByteLength, maxBytes, shared, address64 };
}

function tableOf(
  { minimum, maximum }: Limits | DefinedLimits,
  isImported: boolean,
): ModuleInspection['tables'][number] {
  return { isImported, elements: minimum, maxElements: maximum };
}

const SECTION_NAMES: readonly string[] = [
  ...['custom', 'type', 'import', 'function', 'table', 'memory', 'global', 'export', 'start', 'element', 'code'],
  ...['data', 'data count', 'tag'],
];

const utf8 = new TextDecoder();

/** Every section with its size, of a module that V8 has taken; custom ones under their own names. */
function sectionsOf(bytes: Uint8Array): ModuleInspection['sections'] {
  const sections: ModuleInspection['sections'] = [];
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (at < bytes.byteLength) {
    const id = bytes[at++] ?? 0;
    const byteLength = number();
    const end = at + byteLength;
    const name = SECTION_NAMES[id] ?? `section ${id}`;
    if (id !== 0) sections.push({ name, byteLength });
    else {
      const nameLength = number();
      sections.push({
        name: `custom "${utf8.decode(bytes.subarray(at, Math.min(at + nameLength, end)))}"`,
        byteLength,
      });
    }
    at = end;
  }
  return sections;
}
