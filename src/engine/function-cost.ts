/**
 * What V8 needs to compile a function, of which it asks nobody: its compilers keep the state of every local and operand for
 * each block, so that a function of 40 KB could take all memory, and the process with it.
 *
 * @see https://webassembly.github.io/spec/core/binary/instructions.html
 */
import { ModuleError } from '../errors.ts';
import {
  CODE_PER_BRANCH,
  CODE_PER_FUNCTION,
  CODE_PER_PAYLOAD,
  CODE_PER_VALUE,
  MOST_BODY_BYTES,
  MOST_CODE_BYTES,
  MOST_DEPTH,
  MOST_MODULE_CODE_BYTES,
  MOST_OPERANDS,
  MOST_STATES,
  STATES_PER_BLOCK,
  STATES_PER_BRANCH,
  STATES_PER_CALL,
  STATES_PER_MEETING,
} from './compile-bounds.ts';
import { arithmeticDelta, CODE_BYTES, isUnaryVector } from './instruction-costs.ts';
import type { FunctionType } from './module-binary.ts';
import { distinct } from './type-counts.ts';

/** Of a module that asks too much. */
export interface FunctionSpace {
  bytes: Uint8Array;
  /** `[offset, end)` of the code section's content. */
  offset: number;
  end: number;
  /** By index; undefined for what is no function, or not there. */
  types: readonly (FunctionType | undefined)[];
  /** Of all functions, those that are imported first. */
  functionTypes: readonly (FunctionType | undefined)[];
  importedFunctions: number;
  /** Of the structure that has most. */
  mostFields: number;
  /** Whether the length of its machine code is wanted, not just whether it is too long. */
  isMeasured: boolean;
}

const ADVICE = 'make it smaller, or optimize it';

/**
 * @returns bytes of machine code, at most
 * @throws ModuleError ERR_MODULE_LIMIT
 */
export function checkFunctionCosts(space: FunctionSpace): number {
  const coarse = codeBytes(new CostWalk(space, false));
  if (coarse <= MOST_MODULE_CODE_BYTES && !space.isMeasured) return coarse;
  const exact = codeBytes(new CostWalk(space, true));
  if (exact <= MOST_MODULE_CODE_BYTES) return exact;
  const mebibytes = Math.round(exact / 2 ** 20);
  throw new ModuleError('ERR_MODULE_LIMIT', `its machine code could take ${mebibytes} MiB, more than 1024: divide it`);
}

/** Of all functions. */
function codeBytes(walk: CostWalk): number {
  const { space } = walk;
  let sum = 0;
  const count = walk.unsigned();
  for (let index = 0; index < count && walk.offset < space.end; index++) {
    const byteLength = walk.unsigned();
    const end = walk.offset + byteLength;
    if (end > space.end) break;
    const number = space.importedFunctions + index;
    const reason = walk.excess(end, space.functionTypes[number]);
    if (reason !== undefined) {
      const words = `function ${number} of ${byteLength} bytes cannot be compiled within bounds: ${reason}`;
      throw new ModuleError('ERR_MODULE_LIMIT', words);
    }
    sum += walk.codeBytes;
    walk.offset = end;
  }
  return sum;
}

interface Block {
  /** Operands below it. */
  base: number;
  results: number;
  isIf: boolean;
  isTry: boolean;
  setsBefore: number;
}

class CostWalk {
  readonly space: FunctionSpace;
  readonly #walksAll: boolean;
  readonly #bytes: Uint8Array;
  /** Results of the function type that has most, and values of the one that has most of both. */
  readonly #mostResults: number;
  readonly #mostValues: number;
  offset: number;
  /** Of the function that was looked at last, at most. */
  codeBytes = 0;
  #locals = 0;
  #height = 0;
  /** Locals that were given a constant: V8 stores it where control flow meets, again for each branch. */
  #constants = 0;
  #isConstant = false;
  #tries = 0;
  #sets = 0;
  #states = 0;
  #blocks: Block[] = [];

  constructor(space: FunctionSpace, walksAll: boolean) {
    this.space = space;
    this.#walksAll = walksAll;
    this.#bytes = space.bytes;
    this.offset = space.offset;
    this.#mostResults = Math.max(1, ...distinct(space.types, (type) => type.results.length));
    this.#mostValues = Math.max(0, ...distinct(space.types, (type) => type.results.length + type.params.length));
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

  /** What the function that begins here has too much of. */
  excess(end: number, type: FunctionType | undefined): string | undefined {
    if (end - this.offset > MOST_BODY_BYTES) return `it has more than ${MOST_BODY_BYTES} (${ADVICE})`;
    this.#locals = type?.params.length ?? 0;
    for (let groups = this.unsigned(); groups > 0 && this.offset < end; groups--) {
      this.#locals += this.unsigned();
      this.#valueType();
    }
    const byteLength = end - this.offset;
    this.codeBytes = CODE_PER_FUNCTION + byteLength * this.#mostCodePerByte(byteLength);
    const isSmall = this.#mostStates(byteLength) <= MOST_STATES && this.codeBytes <= MOST_CODE_BYTES;
    if (isSmall && !this.#walksAll) return undefined;
    return this.#walk(end, type?.results.length ?? 0);
  }

  #mostCodePerByte(byteLength: number): number {
    const { mostFields } = this.space;
    const constants = Math.min(this.#locals, byteLength / 4);
    return 120 + CODE_PER_PAYLOAD * this.#mostValues + CODE_PER_VALUE * (constants + mostFields);
  }

  /** What so many bytes can come to at most, as they are divided best between operands and blocks. */
  #mostStates(byteLength: number): number {
    const locals = this.#locals;
    const kept = locals * byteLength + (byteLength * byteLength * this.#mostResults) / 8;
    const perBlock = 2 * (STATES_PER_BLOCK + 2 * this.#mostValues) + STATES_PER_MEETING * locals;
    return kept * (1 + 1 / 64) + (byteLength / 3) * perBlock + byteLength * (locals / 4 + STATES_PER_CALL / 2);
  }

  #walk(end: number, results: number): string | undefined {
    this.#height = 0;
    this.#sets = 0;
    this.#constants = 0;
    this.#tries = 0;
    this.#states = 0;
    this.codeBytes = CODE_PER_FUNCTION;
    this.#blocks = [{ base: 0, results, isIf: false, isTry: false, setsBefore: 0 }];
    while (this.offset < end) {
      // Of a newer WebAssembly: nobody knows what follows.
      if (!this.#next()) return `instruction 0x${this.#bytes[this.offset - 1]?.toString(16)} is not known`;
      if (this.#states > MOST_STATES) return `it has ${this.#locals} locals and many blocks (${ADVICE})`;
      if (this.codeBytes > MOST_CODE_BYTES) return `it has too much machine code (${ADVICE})`;
      if (this.#height > MOST_OPERANDS) return `it has more than ${MOST_OPERANDS} operands at a time`;
      if (this.#blocks.length > MOST_DEPTH) return `it has more than ${MOST_DEPTH} blocks within each other`;
    }
    return undefined;
  }

  #u8(): number {
    return this.#bytes[this.offset++] ?? 0;
  }

  /** @returns whether the instruction is known */
  #next(): boolean {
    const opcode = this.#u8();
    this.codeBytes += CODE_BYTES[opcode] ?? 0;
    const wasConstant = this.#isConstant;
    this.#isConstant = opcode === 0x41 || opcode === 0x42 || opcode === 0x20 || (opcode === 0x22 && wasConstant);
    if (wasConstant && (opcode === 0x21 || opcode === 0x22)) this.#constants += 1;
    if (opcode >= 0x45 && opcode <= 0xc4) return this.#push(arithmeticDelta(opcode));
    if (opcode >= 0x28 && opcode <= 0x3e) return this.#memory(opcode <= 0x35 ? 0 : -2);
    if (opcode >= 0x20 && opcode <= 0x26) return this.#variable(opcode);
    if (opcode >= 0x3f && opcode <= 0x44) return this.#constant(opcode);
    if (opcode >= 0x10 && opcode <= 0x15) return this.#call(opcode);
    if (opcode >= 0xfb) return this.#prefixed(opcode, this.unsigned());
    return this.#control(opcode);
  }

  #push(delta: number): true {
    const base = this.#blocks.at(-1)?.base ?? 0;
    this.#height = Math.max(this.#height + delta, base);
    return true;
  }

  #variable(opcode: number): true {
    this.unsigned();
    if (opcode === 0x21 || opcode === 0x22) this.#sets += 1;
    if (opcode === 0x20 || opcode === 0x23) return this.#push(1);
    if (opcode === 0x21 || opcode === 0x24) return this.#push(-1);
    return this.#push(opcode === 0x26 ? -2 : 0);
  }

  #constant(opcode: number): true {
    if (opcode === 0x43) this.offset += 4;
    else if (opcode === 0x44) this.offset += 8;
    else this.unsigned();
    return this.#push(opcode === 0x40 ? 0 : 1);
  }

  #call(opcode: number): boolean {
    const index = this.unsigned();
    const isDirect = opcode === 0x10 || opcode === 0x12;
    if (opcode === 0x11 || opcode === 0x13) this.unsigned();
    const type = (isDirect ? this.space.functionTypes : this.space.types)[index];
    this.#states += this.#perPassing + STATES_PER_CALL;
    this.codeBytes +=
      CODE_PER_VALUE * (type === undefined ? this.#mostValues : type.params.length + type.results.length);
    // V8 keeps its state for the handler, and brings it to what the handler expects.
    if (this.#tries > 0) {
      this.#states += 2 * (this.#locals + this.#height);
      this.#meet(0);
    }
    // A tail call does not come back.
    if (opcode === 0x12 || opcode === 0x13 || opcode === 0x15) return this.#leave();
    if (type === undefined) return true;
    return this.#push(type.results.length - type.params.length - (isDirect ? 0 : 1));
  }

  /** Control flow meets, perhaps with values. */
  #meet(values: number): void {
    this.codeBytes += CODE_PER_VALUE * (values + Math.min(this.#constants, this.#locals));
  }

  #control(opcode: number): boolean {
    if (opcode === 0x02 || opcode === 0x03 || opcode === 0x04 || opcode === 0x06) return this.#begin(opcode);
    if (opcode === 0x0b) return this.#end();
    if (opcode === 0x00) return this.#leave();
    if (opcode === 0x0f) return this.#return();
    if (opcode === 0x01) return true;
    if (opcode === 0x05 || opcode === 0x19) return this.#otherArm();
    if (opcode === 0x07) return this.#otherArm(this.unsigned());
    if (opcode === 0x08) return this.#throw();
    if (opcode === 0x09 || opcode === 0x0c) return this.#branch(0) && this.#leave();
    if (opcode === 0x0a) return this.#leave();
    if (opcode === 0x0d || opcode === 0xd6) return this.#branch(-1);
    if (opcode === 0xd5) return this.#branch(0);
    if (opcode === 0x0e) return this.#branchTable();
    if (opcode === 0x18) return this.#end(this.unsigned());
    if (opcode === 0x1a || opcode === 0xd3) return this.#push(-1);
    if (opcode === 0x1b) return this.#push(-2);
    if (opcode === 0x1c) return this.#typedSelect();
    if (opcode === 0x1f) return this.#tryTable();
    if (opcode === 0xd0 || opcode === 0xd2) return this.#numbers(1) && this.#push(1);
    return opcode === 0xd1 || opcode === 0xd4;
  }

  #begin(opcode: number): true {
    const { params, results } = this.#blockType();
    if (opcode === 0x04) this.#push(-1);
    this.#keepState(params + results);
    // For the other arm.
    if (opcode === 0x04) this.#keepState(0);
    const base = Math.max(this.#height - params, 0);
    this.#blocks.push({ base, results, isIf: opcode === 0x04, isTry: opcode === 0x06, setsBefore: this.#sets });
    if (opcode === 0x06) this.#tries += 1;
    return true;
  }

  #keepState(values: number): void {
    this.#states += this.#locals + this.#height + STATES_PER_BLOCK + 2 * values;
  }

  #end(_label?: number): true {
    const block = this.#blocks.pop();
    if (block === undefined) return true;
    if (block.isTry) this.#tries -= 1;
    this.#meet(block.results);
    this.#height = block.base + block.results;
    // It is the function's own end where nothing is left; what follows it is not valid.
    this.#states += STATES_PER_MEETING * Math.min(this.#locals, this.#sets - block.setsBefore);
    return true;
  }

  /** `else` and `catch` begin with what their block began with; a tag's values are counted as its type cannot have more. */
  #otherArm(tag?: number): true {
    const results = this.#blocks.at(-1)?.results ?? 0;
    this.#meet(results);
    this.#leave();
    if (tag !== undefined) {
      this.#height += this.#mostValues;
      this.codeBytes += CODE_PER_PAYLOAD * this.#mostValues;
    }
    this.#keepState(0);
    return true;
  }

  /** What follows is not reached. */
  #leave(): true {
    this.#height = this.#blocks.at(-1)?.base ?? 0;
    return true;
  }

  #return(): true {
    this.codeBytes += CODE_PER_VALUE * (this.#blocks[0]?.results ?? 0);
    return this.#leave();
  }

  #throw(): true {
    this.codeBytes += CODE_PER_PAYLOAD * this.#mostValues;
    return this.#branch(0) && this.#leave();
  }

  /** What an instruction takes that looks at all that is kept. */
  get #perPassing(): number {
    return (this.#locals + this.#height) / 32;
  }

  #branch(delta: number): true {
    const depth = this.unsigned();
    this.codeBytes += CODE_PER_BRANCH;
    this.#meet(this.#blocks.at(-1 - depth)?.results ?? 0);
    this.#states += this.#perPassing + STATES_PER_BRANCH + Math.min(this.#sets, this.#locals) / 2;
    return this.#push(delta);
  }

  #branchTable(): true {
    // The count is the module's word: no more is read than there are bytes.
    for (let count = this.unsigned() + 1; count > 0 && this.offset < this.#bytes.byteLength; count--) this.#branch(0);
    return this.#leave();
  }

  #typedSelect(): true {
    for (let count = this.unsigned(); count > 0 && this.offset < this.#bytes.byteLength; count--) this.#valueType();
    return this.#push(-2);
  }

  #tryTable(): true {
    const { params, results } = this.#blockType();
    for (let count = this.unsigned(); count > 0 && this.offset < this.#bytes.byteLength; count--) {
      if (this.#u8() < 2) this.unsigned();
      this.#branch(0);
    }
    this.#keepState(params + results);
    this.#blocks.push({
      base: Math.max(this.#height - params, 0),
      results,
      isIf: false,
      isTry: true,
      setsBefore: this.#sets,
    });
    this.#tries += 1;
    return true;
  }

  /** None, a value type, or a function type's number. */
  #blockType(): { params: number; results: number } {
    const first = this.#bytes[this.offset] ?? 0;
    if (first === 0x40) this.offset += 1;
    // A number of one byte and below 64, or of more; the others are types of values.
    else if (first < 0x40 || first >= 0x80) {
      const type = this.space.types[this.unsigned()];
      return { params: type?.params.length ?? 0, results: type?.results.length ?? 0 };
    } else {
      this.#valueType();
      return { params: 0, results: 1 };
    }
    return { params: 0, results: 0 };
  }

  /** A simple type, an index or nothing; or a reference, of which the heap type follows. */
  #valueType(): void {
    const first = this.#bytes[this.offset];
    this.unsigned();
    if (first === 0x63 || first === 0x64) this.unsigned();
  }

  #numbers(count: number): true {
    for (let index = 0; index < count; index++) this.unsigned();
    return true;
  }

  /** Alignment, which may tell that a memory's index follows, and offset. */
  #memory(delta: number): true {
    this.#numbers((this.unsigned() & 0x40) === 0 ? 1 : 2);
    return this.#push(delta);
  }

  #prefixed(prefix: number, opcode: number): boolean {
    if (prefix === 0xfb) return this.#gc(opcode);
    if (prefix === 0xfc) return this.#bulk(opcode);
    if (prefix === 0xfd) return this.#vector(opcode);
    return prefix === 0xfe && this.#atomic(opcode);
  }

  #bulk(opcode: number): boolean {
    if (opcode <= 7) return true;
    if (opcode > 17) return false;
    const hasTwo = opcode === 8 || opcode === 10 || opcode === 12 || opcode === 14;
    this.#numbers(hasTwo ? 2 : 1);
    if (opcode === 9 || opcode === 13) return true;
    return this.#push(opcode === 15 ? -1 : opcode === 16 ? 1 : -3);
  }

  /** Those that take many operands are counted as if they took none. */
  #gc(opcode: number): boolean {
    if (opcode > 30) return false;
    // Each field is stored.
    if (opcode <= 1) this.codeBytes += CODE_PER_VALUE * this.space.mostFields;
    if (opcode === 8) this.codeBytes += CODE_PER_VALUE * Math.min(this.#height, MOST_OPERANDS);
    if (opcode === 24 || opcode === 25) {
      this.#u8();
      this.#branch(0);
      return this.#numbers(2);
    }
    const hasTwo = (opcode >= 2 && opcode <= 5) || (opcode >= 8 && opcode <= 10) || (opcode >= 17 && opcode <= 19);
    if (opcode !== 15 && opcode < 26) this.#numbers(hasTwo ? 2 : 1);
    return this.#push(opcode <= 1 || opcode === 8 ? 1 : 0);
  }

  #vector(opcode: number): boolean {
    if (opcode > 0x1ff) return false;
    if (opcode <= 10) return this.#memory(0);
    if (opcode === 11) return this.#memory(-2);
    if (opcode === 92 || opcode === 93) return this.#memory(0);
    if (opcode >= 84 && opcode <= 91) this.#memory(opcode <= 87 ? 0 : -1);
    if (opcode === 12 || opcode === 13) this.offset += 16;
    else if ((opcode >= 21 && opcode <= 34) || (opcode >= 84 && opcode <= 91)) this.offset += 1;
    if (opcode === 12) return this.#push(1);
    return this.#push(isUnaryVector(opcode) ? 0 : -1);
  }

  #atomic(opcode: number): boolean {
    if (opcode === 3) return this.#numbers(1);
    if (opcode > 0x4e) return false;
    if (opcode >= 0x10 && opcode <= 0x16) return this.#memory(0);
    const takesThree = opcode === 1 || opcode === 2 || (opcode >= 0x17 && opcode <= 0x1d) || opcode >= 0x48;
    return this.#memory(takesThree ? -2 : -1);
  }
}
