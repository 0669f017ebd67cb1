/** Changes to a binary module before V8 compiles it. They all stand before its code, which only moves. */
import { ModuleError } from '../errors.ts';
import { type DefinedLimits, type Limits, type ModuleShape, SECTION, type Section } from './module-binary.ts';

/** What one module may have. */
export interface ModuleLimits {
  /** Of all linear memories of the module together, in bytes: each may have its initial size and a share of the rest. */
  maxMemoryBytes?: number | undefined;
  /** Of each table. */
  maxTableElements?: number | undefined;
}

export interface RewrittenModule {
  bytes: Uint8Array;
  /** How far the code moved: take it from an offset that V8 names to get the offset in the original. */
  codeShiftBytes: number;
}

/** What the start function is exported as where it was taken out of its section: a name that the module does not use. */
export function startExportName({ exports }: Pick<ModuleShape, 'exports'>): string {
  const taken = new Set(exports.map(({ name }) => name));
  let name = 'wasi-nn-host:start';
  while (taken.has(name)) name += "'";
  return name;
}

/**
 * Writes the limits into the module itself, so that `memory.grow` and `table.grow` answer -1 at them: V8 has no other way
 * to bound a memory that a module defines.
 * @param deferStart Whether to make of the start function an export, {@link startExportName}: during V8's instantiation a
 *   host function cannot yet see the memory that the module exports.
 * @throws ModuleError ERR_MODULE_LIMIT when a memory or table begins above its limit
 */
export function rewriteModule(
  bytes: Uint8Array,
  shape: ModuleShape,
  limits: ModuleLimits,
  deferStart: boolean,
): RewrittenModule {
  const edits = [
    ...limitEdits(bytes, shape, SECTION.table, shape.tables, tableCeilings(shape.tables, limits)),
    ...limitEdits(bytes, shape, SECTION.memory, shape.memories, memoryCeilings(shape, limits)),
    ...(deferStart ? startEdits(bytes, shape) : []),
  ];
  return edits.length === 0 ? { bytes, codeShiftBytes: 0 } : applyEdits(bytes, edits);
}

type Memory = Pick<Limits, 'minimum' | 'pageByteLength'>;

/** Pages that each memory may have, one that is imported, too. @throws ModuleError ERR_MODULE_LIMIT */
export function memoryCeilings(
  shape: Pick<ModuleShape, 'imports' | 'memories'>,
  limits: ModuleLimits,
): (memory: Memory) => number | undefined {
  const { maxMemoryBytes } = limits;
  const imported = shape.imports.filter(({ kind }) => kind === 'memory').flatMap((entry) => entry.limits ?? []);
  const memories: readonly Memory[] = [...imported, ...shape.memories];
  const [first, ...others] = memories;
  if (maxMemoryBytes === undefined || first === undefined || others.length === 0) {
    return (memory) => memoryCeiling(memory, limits);
  }
  const together = memories.reduce((sum, { minimum, pageByteLength }) => sum + minimum * pageByteLength, 0);
  if (together > maxMemoryBytes) {
    const words = `memory minimum sizes of ${together} bytes together exceed memory limits`;
    throw new ModuleError('ERR_MODULE_LIMIT', words);
  }
  const share = (maxMemoryBytes - together) / memories.length;
  return ({ minimum, pageByteLength }) => minimum + Math.floor(share / pageByteLength);
}

/** Of one that is alone; undefined where it is not limited. @throws ModuleError ERR_MODULE_LIMIT */
function memoryCeiling(memory: Memory, limits: ModuleLimits): number | undefined {
  if (limits.maxMemoryBytes === undefined) return undefined;
  const pages = Math.floor(limits.maxMemoryBytes / memory.pageByteLength);
  if (memory.minimum > pages) {
    throw new ModuleError('ERR_MODULE_LIMIT', `memory minimum size of ${memory.minimum} pages exceeds memory limits`);
  }
  return pages;
}

/**
 * What all tables of a module may have together. V8 allows each 10,000,000, keeps them on JavaScript's heap, and ends the
 * process when that is full.
 */
const MAX_ELEMENTS_OF_ALL_TABLES = 10_000_000;

/** Elements that each table may have. @throws ModuleError ERR_MODULE_LIMIT */
function tableCeilings(tables: readonly DefinedLimits[], limits: ModuleLimits): (table: DefinedLimits) => number {
  const elements = limits.maxTableElements ?? Infinity;
  const together = tables.reduce((sum, { minimum }) => sum + minimum, 0);
  // A single table is V8's to refuse.
  const spare = tables.length > 1 ? (MAX_ELEMENTS_OF_ALL_TABLES - together) / tables.length : Infinity;
  if (spare < 0) {
    const most = `more than the ${MAX_ELEMENTS_OF_ALL_TABLES} that a module may have`;
    throw new ModuleError('ERR_MODULE_LIMIT', `table minimum sizes of ${together} elements together are ${most}`);
  }
  return ({ minimum }) => {
    if (minimum > elements) {
      throw new ModuleError('ERR_MODULE_LIMIT', `table minimum size of ${minimum} elements exceeds table limits`);
    }
    return Math.min(elements, minimum + Math.floor(spare));
  };
}

/** Bytes `[offset, end)` give way to others. */
interface Edit {
  offset: number;
  end: number;
  replacement: Uint8Array;
}

function limitEdits(
  bytes: Uint8Array,
  shape: ModuleShape,
  sectionId: number,
  items: readonly DefinedLimits[],
  ceilingOf: (item: DefinedLimits) => number | undefined,
): Edit[] {
  const section = shape.sections.find(({ id }) => id === sectionId);
  if (section === undefined) return [];
  const edits = items.flatMap((item) => limitEdit(bytes, item, ceilingOf(item)));
  return edits.length === 0 ? [] : [sectionEdit(bytes, section, edits)];
}

function limitEdit(bytes: Uint8Array, item: DefinedLimits, ceiling: number | undefined): Edit[] {
  // What the addresses or the declared maximum bound already needs no edit; a maximum beyond the addresses is not valid.
  const most = Math.min((item.address64 ? 2 ** 64 : 2 ** 32) / item.pageByteLength, item.maximum ?? Infinity);
  if (ceiling === undefined || ceiling >= most) return [];
  const flags = (bytes[item.offset] as number) | 1;
  return [{ ...item, replacement: Uint8Array.from([flags, ...unsigned(item.minimum), ...unsigned(ceiling)]) }];
}

/** Takes the start section out, and puts its function into the export section (made where there is none). */
function startEdits(bytes: Uint8Array, shape: ModuleShape): Edit[] {
  const start = shape.sections.find(({ id }) => id === SECTION.start);
  if (start === undefined || shape.startFunction === undefined) return [];
  const name = new TextEncoder().encode(startExportName(shape));
  const entry = [...unsigned(name.byteLength), ...name, 0, ...unsigned(shape.startFunction)];
  const removal: Edit = { offset: start.offset, end: start.end, replacement: new Uint8Array(0) };
  const exported = shape.sections.find(({ id }) => id === SECTION.export);
  if (exported === undefined) return [{ ...removal, replacement: sectionBytes(SECTION.export, [1, ...entry]) }];
  const countEnd = exported.contentOffset + unsignedByteLength(bytes, exported.contentOffset);
  const insertion: Edit = {
    offset: exported.contentOffset,
    end: countEnd,
    replacement: Uint8Array.from([...unsigned(shape.exports.length + 1), ...entry]),
  };
  return [sectionEdit(bytes, exported, [insertion]), removal];
}

/** The whole section anew, since its size stands before its content. */
function sectionEdit(bytes: Uint8Array, section: Section, edits: readonly Edit[]): Edit {
  const content = replaceRanges(bytes, section.contentOffset, section.end, edits);
  return { offset: section.offset, end: section.end, replacement: sectionBytes(section.id, content) };
}

function sectionBytes(id: number, content: ArrayLike<number>): Uint8Array {
  const header = [id, ...unsigned(content.length)];
  const section = new Uint8Array(header.length + content.length);
  section.set(header);
  section.set(content, header.length);
  return section;
}

function applyEdits(bytes: Uint8Array, edits: readonly Edit[]): RewrittenModule {
  const inOrder = [...edits].sort((a, b) => a.offset - b.offset);
  const rewritten = replaceRanges(bytes, 0, bytes.byteLength, inOrder);
  return { bytes: rewritten, codeShiftBytes: rewritten.byteLength - bytes.byteLength };
}

/** `[from, to)` of `bytes` with the edits, which are in order and do not overlap. */
function replaceRanges(bytes: Uint8Array, from: number, to: number, edits: readonly Edit[]): Uint8Array {
  const growth = edits.reduce((sum, edit) => sum + edit.replacement.byteLength - (edit.end - edit.offset), 0);
  const result = new Uint8Array(to - from + growth);
  let source = from;
  let target = 0;
  const copy = (part: Uint8Array) => {
    result.set(part, target);
    target += part.byteLength;
  };
  for (const edit of edits) {
    copy(bytes.subarray(source, edit.offset));
    copy(edit.replacement);
    source = edit.end;
  }
  copy(bytes.subarray(source, to));
  return result;
}

/** LEB128 */
function unsigned(value: number): number[] {
  const encoded: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    encoded.push(rest === 0 ? low : low | 0x80);
  } while (rest !== 0);
  return encoded;
}

function unsignedByteLength(bytes: Uint8Array, offset: number): number {
  let end = offset;
  while ((bytes[end] as number) >= 0x80) end++;
  return end + 1 - offset;
}
