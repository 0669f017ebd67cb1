/**
 * A reader of the sections that the host must know before V8 compiles a module: what it imports and exports, with types,
 * and where the limits of its memories and tables stand. It trusts nothing, and leaves it to V8 to say what is wrong.
 *
 * @see https://webassembly.github.io/spec/core/binary/modules.html
 */

import { checkFunctionCosts } from './function-cost.ts';

/** The bytes are no module, or use a form that this reader does not know. */
export class MalformedModule extends Error {}

/** There is more of something than may be, if the bytes are a module. */
export class ExcessiveModule extends MalformedModule {}

type ModuleKind = 'module' | 'component' | 'precompiled' | 'text';

/** Tells by its first bytes what a file holds. Whatever is not binary is taken for text. */
export function moduleKind(bytes: Uint8Array): ModuleKind {
  if (startsWith(bytes, [0x7f, 0x45, 0x4c, 0x46])) return 'precompiled';
  if (!startsWith(bytes, [0x00, 0x61, 0x73, 0x6d])) return 'text';
  // After the magic: a version of 16 bits, then the layer, which is 0 for modules and 1 for components.
  return bytes[6] === 1 && bytes[7] === 0 ? 'component' : 'module';
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}

type ExternKind = 'func' | 'table' | 'memory' | 'global' | 'tag';

/** Value types in the text format's words (`i32`, `funcref`, `(ref null 3)`). */
export interface FunctionType {
  params: readonly string[];
  results: readonly string[];
}

export interface Limits {
  /** In pages or elements. */
  minimum: number;
  maximum: number | undefined;
  shared: boolean;
  /** Whether addresses are 64-bit. */
  address64: boolean;
  pageByteLength: number;
}

/** Limits that stand in the module, `[offset, end)` of the whole file. */
export interface DefinedLimits extends Limits {
  offset: number;
  end: number;
}

export interface ModuleImport {
  module: string;
  name: string;
  kind: ExternKind;
  /** Of functions. */
  type?: FunctionType | undefined;
  /** Of memories and tables. */
  limits?: Limits;
}

export interface ModuleExport {
  name: string;
  kind: ExternKind;
  /** Of functions. */
  type?: FunctionType | undefined;
}

export interface Section {
  id: number;
  /** Of the section's id byte. */
  offset: number;
  contentOffset: number;
  end: number;
}

/** What the host knows of a module. Plain data: it is posted to worker threads. */
export interface ModuleShape {
  imports: readonly ModuleImport[];
  exports: readonly ModuleExport[];
  /** Those that the module defines itself. */
  memories: readonly DefinedLimits[];
  tables: readonly DefinedLimits[];
  startFunction: number | undefined;
  /** Whether it may make objects that lie on JavaScript's heap and hold others: structs and arrays, chains of exceptions. */
  makesObjects: boolean;
  /** Of machine code that V8 may make of it, at most; a close estimate where it was asked for. */
  codeBytes: number;
  sections: readonly Section[];
}

export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  export: 7,
  start: 8,
  code: 10,
} as const;

const KINDS: readonly ExternKind[] = ['func', 'table', 'memory', 'global', 'tag'];

const DEFAULT_PAGE_BYTES = 65_536;

/**
 * More than V8 takes, or than any module here can use, of what takes an object each: a reader that kept a module's word for
 * it could be made to need a hundred times the module's own bytes. Of memories each takes up to 10 GB of addresses, of which a
 * process has 128 TB.
 * @see https://webassembly.github.io/spec/js-api/#limits
 */
const MOST = {
  types: 1_000_000,
  parameters: 1_000,
  fields: 10_000,
  imports: 100_000,
  functions: 1_000_000,
  exports: 100_000,
  tables: 100_000,
  memories: 16,
  sections: 100,
} as const;

/**
 * Reads the shape of a binary module. Code is looked at where it may take much to compile; data is skipped.
 * @throws MalformedModule; ModuleError ERR_MODULE_LIMIT for a function that would take too much
 */
export function readModuleShape(bytes: Uint8Array, options: { measuresCode?: boolean } = {}): ModuleShape {
  if (moduleKind(bytes) !== 'module') throw new MalformedModule('no binary module');
  const sections = readSections(bytes);
  const at = (id: number) => sections.find((section) => section.id === id);
  const reader = (id: number) => {
    const section = at(id);
    return section && new ByteReader(bytes, section.contentOffset, section.end);
  };
  const typeReader = reader(SECTION.type);
  const types = typeReader?.readTypes() ?? [];
  const imports = reader(SECTION.import)?.vector(MOST.imports, (item) => item.readImport(types)) ?? [];
  const importedMemories = imports.filter(({ kind }) => kind === 'memory').length;
  if (importedMemories > MOST.memories) throw new ExcessiveModule(`more than ${MOST.memories} memories are imported`);
  const importedTypes = imports.filter(({ kind }) => kind === 'func').map(({ type }) => type);
  const functionTypes = [
    ...importedTypes,
    ...(reader(SECTION.function)?.vector(MOST.functions, (item) => types[item.u32()]) ?? []),
  ];
  const shape = {
    imports,
    exports: reader(SECTION.export)?.vector(MOST.exports, (item) => item.readExport(functionTypes)) ?? [],
    tables: reader(SECTION.table)?.vector(MOST.tables, (item) => item.readTable()) ?? [],
    memories: reader(SECTION.memory)?.vector(MOST.memories, (item) => item.readLimits(true)) ?? [],
    startFunction: reader(SECTION.start)?.u32(),
    makesObjects: types.some((type) => type === undefined || type.params.some((param) => CHAINED.test(param))),
    sections,
  };
  const code = at(SECTION.code);
  if (code === undefined) return { ...shape, codeBytes: 0 };
  const { contentOffset: offset, end } = code;
  const [importedFunctions, mostFields] = [importedTypes.length, typeReader?.mostFields ?? 0];
  const space = { bytes, offset, end, types, functionTypes, importedFunctions, mostFields };
  return { ...shape, codeBytes: checkFunctionCosts({ ...space, isMeasured: options.measuresCode === true }) };
}

/** An exception that is the payload of another. */
const CHAINED = /\bexn\b/;

function readSections(bytes: Uint8Array): Section[] {
  const reader = new ByteReader(bytes, 8, bytes.byteLength);
  const sections: Section[] = [];
  while (!reader.atEnd) {
    const offset = reader.offset;
    const id = reader.u8();
    const byteLength = reader.u32();
    const contentOffset = reader.offset;
    reader.skip(byteLength);
    // There may be any number of custom sections; the others come once each.
    if (id === SECTION.custom) continue;
    if (sections.length === MOST.sections) throw new MalformedModule(`too many sections at offset ${offset}`);
    sections.push({ id, offset, contentOffset, end: reader.offset });
  }
  return sections;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const SIMPLE_TYPES: Readonly<Record<number, string>> = {
  127: 'i32',
  126: 'i64',
  125: 'f32',
  124: 'f64',
  123: 'v128',
  120: 'i8',
  119: 'i16',
};

/** Abstract heap types; as value types they are the nullable references to them. */
const HEAP_TYPES: Readonly<Record<number, string>> = {
  112: 'func',
  111: 'extern',
  110: 'any',
  109: 'eq',
  108: 'i31',
  107: 'struct',
  106: 'array',
  105: 'exn',
  116: 'noexn',
  115: 'nofunc',
  114: 'noextern',
  113: 'none',
};

/** Reads forward in `[offset, end)`; every read beyond the end is a {@link MalformedModule}. */
class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  offset: number;
  /** Of the structures that were read. */
  mostFields = 0;

  constructor(bytes: Uint8Array, offset: number, end: number) {
    this.#bytes = bytes;
    this.offset = offset;
    this.#end = end;
  }

  get atEnd(): boolean {
    return this.offset >= this.#end;
  }

  u8(): number {
    if (this.atEnd) throw new MalformedModule(`unexpected end at offset ${this.offset}`);
    return this.#bytes[this.offset++] as number;
  }

  skip(byteLength: number): void {
    if (this.offset + byteLength > this.#end) throw new MalformedModule(`unexpected end at offset ${this.offset}`);
    this.offset += byteLength;
  }

  u32(): number {
    const value = this.unsigned(5);
    if (value >= 2 ** 32) throw new MalformedModule(`number too large at offset ${this.offset}`);
    return value;
  }

  /** LEB128. Exact up to 2^53, which no valid size passes. */
  unsigned(maxBytes: number): number {
    let value = 0;
    for (let index = 0; index < maxBytes; index++) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) return value;
    }
    throw new MalformedModule(`number too long at offset ${this.offset}`);
  }

  skipSigned(): void {
    for (let index = 0; index < 10; index++) if (this.u8() < 0x80) return;
    throw new MalformedModule(`number too long at offset ${this.offset}`);
  }

  /** The count comes from the module, so nothing is reserved by it, and it has a bound. */
  vector<Item>(most: number, read: (reader: this) => Item): Item[] {
    const items: Item[] = [];
    const count = this.u32();
    if (count > most) throw new ExcessiveModule(`more than ${most} items at offset ${this.offset}`);
    for (let index = 0; index < count; index++) items.push(read(this));
    return items;
  }

  name(): string {
    const byteLength = this.u32();
    const start = this.offset;
    this.skip(byteLength);
    try {
      return utf8.decode(this.#bytes.subarray(start, this.offset));
    } catch {
      throw new MalformedModule(`a name that is not UTF-8 at offset ${start}`);
    }
  }

  valueType(): string {
    const byte = this.u8();
    const simple = SIMPLE_TYPES[byte];
    if (simple !== undefined) return simple;
    if (byte === 0x63) return `(ref null ${this.heapType()})`;
    if (byte === 0x64) return `(ref ${this.heapType()})`;
    const heap = HEAP_TYPES[byte];
    if (heap === undefined)
      throw new MalformedModule(`unknown type 0x${byte.toString(16)} at offset ${this.offset - 1}`);
    return heap === 'func' || heap === 'extern' ? `${heap}ref` : `(ref null ${heap})`;
  }

  /** A signed number of 33 bits: abstract types are the negative ones, in as many bytes as somebody liked. */
  heapType(): string {
    const offset = this.offset;
    const number = this.unsigned(5);
    const sign = 2 ** (7 * (this.offset - offset) - 1);
    if (number < sign) return String(number);
    const heap = HEAP_TYPES[number - 2 * sign + 128];
    if (heap === undefined) throw new MalformedModule(`unknown heap type at offset ${offset}`);
    return heap;
  }

  /** By type index; undefined for types that are no functions. */
  readTypes(): (FunctionType | undefined)[] {
    const groups = this.vector(MOST.types, (item) => item.#recursionGroup());
    return groups.flat();
  }

  #recursionGroup(): (FunctionType | undefined)[] {
    if (this.#bytes[this.offset] !== 0x4e) return [this.#subType()];
    this.skip(1);
    return this.vector(MOST.types, (item) => item.#subType());
  }

  #subType(): FunctionType | undefined {
    let form = this.u8();
    if (form === 0x50 || form === 0x4f) {
      this.vector(MOST.fields, (item) => item.u32());
      form = this.u8();
    }
    // Shared types: a prefix of a proposal that changes nothing here.
    if (form === 0x65) form = this.u8();
    if (form === 0x60) return { params: this.#valueTypes(), results: this.#valueTypes() };
    if (form === 0x5f) {
      const fields = this.vector(MOST.fields, (item) => item.#fieldType());
      this.mostFields = Math.max(this.mostFields, fields.length);
    } else if (form === 0x5e) this.#fieldType();
    else throw new MalformedModule(`unknown form of type 0x${form.toString(16)} at offset ${this.offset - 1}`);
    return undefined;
  }

  #valueTypes(): string[] {
    return this.vector(MOST.parameters, (item) => item.valueType());
  }

  #fieldType(): void {
    this.valueType();
    this.skip(1);
  }

  readImport(types: readonly (FunctionType | undefined)[]): ModuleImport {
    const module = this.name();
    const name = this.name();
    const kind = this.#kind();
    if (kind === 'func') return { module, name, kind, type: types[this.u32()] };
    if (kind === 'memory') return { module, name, kind, limits: this.readLimits(true) };
    if (kind === 'table') return { module, name, kind, limits: this.#tableType() };
    if (kind === 'global') this.#fieldType();
    else this.#tagType();
    return { module, name, kind };
  }

  #kind(): ExternKind {
    const byte = this.u8();
    const kind = KINDS[byte];
    if (kind === undefined) throw new MalformedModule(`unknown kind ${byte} at offset ${this.offset - 1}`);
    return kind;
  }

  #tagType(): void {
    this.skip(1);
    this.u32();
  }

  readExport(functionTypes: readonly (FunctionType | undefined)[]): ModuleExport {
    const name = this.name();
    const kind = this.#kind();
    const index = this.u32();
    return kind === 'func' ? { name, kind, type: functionTypes[index] } : { name, kind };
  }

  readLimits(isMemory: boolean): DefinedLimits {
    const offset = this.offset;
    const flags = this.u8();
    if (flags > 0x0f) throw new MalformedModule(`unknown limits 0x${flags.toString(16)} at offset ${offset}`);
    const minimum = this.unsigned(10);
    const maximum = flags & 1 ? this.unsigned(10) : undefined;
    const end = this.offset;
    const pageByteLength = flags & 8 ? 2 ** this.u32() : DEFAULT_PAGE_BYTES;
    const limits = { minimum, maximum, shared: (flags & 2) !== 0, address64: (flags & 4) !== 0 };
    return { ...limits, pageByteLength: isMemory ? pageByteLength : 1, offset, end };
  }

  readTable(): DefinedLimits {
    if (this.#bytes[this.offset] !== 0x40) return this.#tableType();
    this.skip(2);
    const limits = this.#tableType();
    this.#skipConstantExpression();
    return limits;
  }

  #tableType(): DefinedLimits {
    this.valueType();
    return this.readLimits(false);
  }

  /** The instructions that may stand in a constant expression, told apart by what follows their opcode. */
  #skipConstantExpression(): void {
    for (let opcode = this.u8(); opcode !== 0x0b; opcode = this.u8()) {
      if (opcode === 0x41 || opcode === 0x42) this.skipSigned();
      else if (opcode === 0x43) this.skip(4);
      else if (opcode === 0x44) this.skip(8);
      else if (opcode === 0x23 || opcode === 0xd2) this.u32();
      else if (opcode === 0xd0) this.heapType();
      else if (opcode === 0xfb) this.#skipGarbageCollected();
      else if (opcode === 0xfd) this.#skipVectorConstant();
      else if (!ARITHMETIC.has(opcode)) {
        throw new MalformedModule(`unknown constant 0x${opcode.toString(16)} at offset ${this.offset - 1}`);
      }
    }
  }

  #skipVectorConstant(): void {
    this.u32();
    this.skip(16);
  }

  /** struct.new, struct.new_default, array.new, array.new_default take a type; array.new_fixed a count as well. */
  #skipGarbageCollected(): void {
    const opcode = this.u32();
    if (opcode <= 8) this.u32();
    if (opcode === 8) this.u32();
  }
}

/** i32 and i64 add, sub, mul. */
const ARITHMETIC: ReadonlySet<number> = new Set([0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e]);
