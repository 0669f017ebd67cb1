/**
 * Whether a module holds instructions of which a single one may take a long time: those that fill, copy and make whole
 * ranges. V8's baseline code looks for a request to end in a loop only when it has executed so many bytes of code, whatever
 * these take: a loop over half a gigabyte went on for hours.
 *
 * @see https://webassembly.github.io/spec/core/binary/instructions.html
 */
import { type ModuleShape, SECTION } from './module-binary.ts';

const PREFIX_GC = 0xfb;
const PREFIX_BULK = 0xfc;
const PREFIX_VECTOR = 0xfd;
const PREFIX_ATOMIC = 0xfe;

/** memory.init, .copy, .fill and table.init, .copy, .grow, .fill. */
const SLOW_BULK: ReadonlySet<number> = new Set([8, 10, 11, 12, 14, 15, 17]);
/** array.new, .new_default, .new_fixed, .new_data, .new_elem and array.fill, .copy, .init_data, .init_elem. */
const SLOW_GC: ReadonlySet<number> = new Set([6, 7, 8, 9, 10, 16, 17, 18, 19]);

/** Also true where a function holds what is not known here. */
export function hasSlowInstructions(bytes: Uint8Array, { sections }: Pick<ModuleShape, 'sections'>): boolean {
  const code = sections.find(({ id }) => id === SECTION.code);
  if (code === undefined) return false;
  const walk = new InstructionWalk(bytes, code.contentOffset);
  const count = walk.unsigned();
  let hit = nextHit(bytes, code.contentOffset, code.end);
  for (let index = 0; index < count && hit < code.end; index++) {
    const byteLength = walk.unsigned();
    const end = walk.offset + byteLength;
    if (!(end <= code.end)) return true;
    if (hit < end) {
      if (walk.isSlow(end)) return true;
      hit = nextHit(bytes, end, code.end);
    }
    walk.offset = end;
  }
  return false;
}

/** Where the next bytes stand that could be a slow instruction: few functions have any, and only these are walked. */
function nextHit(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    const byte = bytes[at];
    if (byte !== PREFIX_BULK && byte !== PREFIX_GC) continue;
    const following = bytes[at + 1] ?? 0;
    // Numbers may be longer than they need to be.
    const slow = byte === PREFIX_BULK ? SLOW_BULK : SLOW_GC;
    if (slow.has(following & 0x7f)) return at;
  }
  return end;
}

/** What follows an opcode. */
type Immediates = 'none' | 'number' | 'two' | 'block' | 'memory' | 'float' | 'double';

function immediatesOf(opcode: number): Immediates | undefined {
  if (opcode >= 0x45 && opcode <= 0xc4) return 'none';
  if (opcode >= 0x28 && opcode <= 0x3e) return 'memory';
  // Variables, tables, memory.size and .grow, integer constants.
  if ((opcode >= 0x20 && opcode <= 0x26) || (opcode >= 0x3f && opcode <= 0x42)) return 'number';
  return OTHERS[opcode];
}

const OTHERS: Readonly<Record<number, Immediates>> = {
  ...of('none', [0x00, 0x01, 0x05, 0x0a, 0x0b, 0x0f, 0x19, 0x1a, 0x1b, 0xd1, 0xd3, 0xd4]),
  // try, catch, throw, rethrow, branches, calls, references.
  ...of('number', [0x07, 0x08, 0x09, 0x0c, 0x0d, 0x10, 0x12, 0x14, 0x15, 0x18, 0xd0, 0xd2, 0xd5, 0xd6]),
  ...of('two', [0x11, 0x13]),
  ...of('block', [0x02, 0x03, 0x04, 0x06]),
  ...of('float', [0x43]),
  ...of('double', [0x44]),
};

function of(immediates: Immediates, opcodes: readonly number[]): Record<number, Immediates> {
  return Object.fromEntries(opcodes.map((opcode) => [opcode, immediates]));
}

class InstructionWalk {
  readonly #bytes: Uint8Array;
  offset: number;

  constructor(bytes: Uint8Array, offset: number) {
    this.#bytes = bytes;
    this.offset = offset;
  }

  /** LEB128; beyond the end of the bytes it is 0. Its sign, where it has one, is of no interest. */
  unsigned(): number {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = this.#u8();
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
  }

  /** Whether the function that begins here has a slow instruction, or one that is not known. */
  isSlow(end: number): boolean {
    for (let locals = this.unsigned(); locals > 0 && this.offset < end; locals--) {
      this.unsigned();
      this.#valueType();
    }
    while (this.offset < end) if (!this.#next()) return true;
    return this.offset !== end;
  }

  #u8(): number {
    return this.#bytes[this.offset++] ?? 0;
  }

  /** Passes an instruction that takes no time. */
  #next(): boolean {
    const opcode = this.#u8();
    const immediates = immediatesOf(opcode);
    if (immediates !== undefined) return this.#pass(immediates);
    if (opcode === 0x0e) return this.#repeat(this.unsigned() + 1, () => this.unsigned());
    if (opcode === 0x1c) return this.#repeat(this.unsigned(), () => this.#valueType());
    if (opcode === 0x1f) return this.#tryTable();
    if (opcode === PREFIX_BULK) return this.#bulk(this.unsigned());
    if (opcode === PREFIX_GC) return this.#gc(this.unsigned());
    if (opcode === PREFIX_VECTOR) return this.#vector(this.unsigned());
    if (opcode === PREFIX_ATOMIC) return this.#atomic(this.unsigned());
    return false;
  }

  #pass(immediates: Immediates): true {
    if (immediates === 'memory') return this.#memory();
    if (immediates === 'block') this.#valueType();
    else if (immediates === 'float') this.offset += 4;
    else if (immediates === 'double') this.offset += 8;
    else if (immediates === 'number') this.unsigned();
    else if (immediates === 'two') this.#numbers(2);
    return true;
  }

  #numbers(count: number): true {
    return this.#repeat(count, () => this.unsigned());
  }

  /** The count is the module's word: no more is read than there are bytes. */
  #repeat(count: number, read: () => unknown): true {
    for (let index = 0; index < count && this.offset < this.#bytes.byteLength; index++) read();
    return true;
  }

  /** A simple type, an index or nothing; or a reference, of which the heap type follows. */
  #valueType(): void {
    const first = this.#bytes[this.offset];
    this.unsigned();
    if (first === 0x63 || first === 0x64) this.unsigned();
  }

  /** Alignment, which may tell that a memory's index follows, and offset. */
  #memory(): true {
    return this.#numbers((this.unsigned() & 0x40) === 0 ? 1 : 2);
  }

  #tryTable(): true {
    this.#valueType();
    return this.#repeat(this.unsigned(), () => this.#numbers(this.#u8() < 2 ? 2 : 1));
  }

  #bulk(opcode: number): boolean {
    // Conversions that saturate; data.drop, elem.drop, table.size.
    if (opcode <= 7) return true;
    return (opcode === 9 || opcode === 13 || opcode === 16) && this.#numbers(1);
  }

  #gc(opcode: number): boolean {
    if (SLOW_GC.has(opcode) || opcode > 30) return false;
    if (opcode === 15 || opcode >= 26) return true;
    if (opcode === 24 || opcode === 25) return this.#numbers(4);
    return this.#numbers(opcode >= 2 && opcode <= 5 ? 2 : 1);
  }

  #vector(opcode: number): boolean {
    if (opcode > 0x1ff) return false;
    if (opcode <= 11 || opcode === 92 || opcode === 93) return this.#memory();
    if (opcode >= 84 && opcode <= 91) this.#memory();
    if (opcode === 12 || opcode === 13) this.offset += 16;
    else if ((opcode >= 21 && opcode <= 34) || (opcode >= 84 && opcode <= 91)) this.offset += 1;
    return true;
  }

  #atomic(opcode: number): boolean {
    if (opcode === 3) return this.#numbers(1);
    return opcode <= 0x4e && this.#memory();
  }
}
