/** Reads what a guest passes to wasi-nn by pointer. Every field is read once: another thread may change shared memory. */
import { GuestFault, type GuestMemory } from '../../guest/memory.ts';
import type { Tensor } from '../backend.ts';
import { CallRefused } from './errno.ts';
import { ALIGNMENT, BUILDER, ELEMENT_BYTES, type ErrnoName, elementTypeOf, TENSOR } from './witx.ts';

/** No runtime has tensors of more dimensions, and the list is copied before anyone else looks at it. */
const MAX_RANK = 64;
/** No encoding takes more than two. */
const MAX_BUILDERS = 64;
/** A guest may claim all its memory for a name: longer than a JavaScript string can be. */
const MAX_TEXT_BYTES = 1 << 16;
/** Bytes that a 32-bit guest can hold. What needs more cannot have been given, and no runtime is asked for it. */
const MAX_TENSOR_BYTES = 2 ** 32;

/** The bytes of a guest's array, not copied. @param what for the refusal, `the name` */
export function readBytes(memory: GuestMemory, what: string, pointer: number, byteLength: number): Uint8Array {
  return inside(what, () => memory.slice(pointer, byteLength));
}

/**
 * A name or a config. Bytes that are not UTF-8 are refused: two different ones must never mean one graph.
 * @throws CallRefused invalid_argument; `tooLong` for more than {@link MAX_TEXT_BYTES}, which are not looked at
 */
export function readText(
  memory: GuestMemory,
  what: string,
  pointer: number,
  byteLength: number,
  tooLong: ErrnoName,
): string {
  inside(what, () => memory.check(pointer, byteLength));
  if (byteLength > MAX_TEXT_BYTES) {
    throw new CallRefused(tooLong, `${what} has ${byteLength} bytes, at most ${MAX_TEXT_BYTES} are read`);
  }
  try {
    return inside(what, () => memory.readString(pointer, byteLength));
  } catch (error) {
    if (error instanceof TypeError) throw new CallRefused('invalid_argument', `${what} is not UTF-8`);
    throw error;
  }
}

/**
 * Makes sure that a call's result can be written, so that nothing is done whose result would be lost.
 * @throws CallRefused invalid_argument
 */
export function requireResult(memory: GuestMemory, what: string, pointer: number): void {
  requireAligned(what, pointer);
  inside(what, () => memory.check(pointer, 4));
}

/**
 * The byte arrays of `$graph_builder_array`:
 *
 *     pointer                 pointer + 8
 *     | data 0 | length 0 | data 1 | length 1 | …
 *
 * Not copied: a backend copies what it keeps.
 * @throws CallRefused invalid_argument
 */
export function readBuilders(memory: GuestMemory, pointer: number, count: number): Uint8Array[] {
  if (count === 0) return [];
  requireAligned('the builders', pointer);
  inside('the builders', () => memory.check(pointer, Math.min(count * BUILDER.byteLength, 0xffff_ffff)));
  if (count > MAX_BUILDERS) {
    throw new CallRefused('invalid_argument', `at most ${MAX_BUILDERS} builders are taken, got ${count}`);
  }
  const builders: Uint8Array[] = [];
  for (let index = 0; index < count; index++) {
    const at = pointer + index * BUILDER.byteLength;
    const data = memory.readU32(at + BUILDER.data);
    const byteLength = memory.readU32(at + BUILDER.dataByteLength);
    builders.push(readBytes(memory, `builder ${index}`, data, byteLength));
  }
  return builders;
}

/** The fields of `$tensor` as they stand in its record, before what they point to is looked at. */
export interface TensorRecord {
  dimensions: number;
  dimensionCount: number;
  type: number;
  data: number;
  dataByteLength: number;
}

/** @throws CallRefused invalid_argument when the record leaves the memory or its type is of no revision. */
export function readTensorRecord(memory: GuestMemory, pointer: number): TensorRecord {
  requireAligned('the tensor', pointer);
  inside('the tensor', () => memory.check(pointer, TENSOR.byteLength));
  const type = memory.readU8(pointer + TENSOR.type);
  if (elementTypeOf(type, 0, 0) === undefined) {
    throw new CallRefused('invalid_argument', `tensor type ${type} is of no revision of wasi-nn`);
  }
  return {
    dimensions: memory.readU32(pointer + TENSOR.dimensions),
    dimensionCount: memory.readU32(pointer + TENSOR.dimensionCount),
    type,
    data: memory.readU32(pointer + TENSOR.data),
    dataByteLength: memory.readU32(pointer + TENSOR.dataByteLength),
  };
}

/**
 * The tensor of a record: dimensions copied, data viewed, their sizes in agreement.
 *
 * Bytes that do not fit the dimensions are an invalid argument. Dimensions that no 32-bit guest could fill are a runtime
 * error instead, since OpenVINO under wasmtime fails to allocate for them before it looks at the bytes.
 * @throws CallRefused
 */
export function readTensor(memory: GuestMemory, record: TensorRecord): Tensor {
  const dimensions = readDimensions(memory, record.dimensions, record.dimensionCount);
  const data = readBytes(memory, "the tensor's data", record.data, record.dataByteLength);
  const elementCount = dimensions.reduce((product, dimension) => product * dimension, 1);
  const elementType = elementTypeOf(record.type, elementCount, data.byteLength);
  if (elementType === undefined) throw new CallRefused('invalid_argument', `tensor type ${record.type} is unknown`);
  const needed = elementCount * ELEMENT_BYTES[elementType];
  if (needed !== data.byteLength) {
    throw new CallRefused(
      needed > MAX_TENSOR_BYTES ? 'runtime_error' : 'invalid_argument',
      `dimensions [${dimensions}] × ${elementType} need ${needed} bytes, got ${data.byteLength}`,
    );
  }
  return { dimensions, elementType, data };
}

function readDimensions(memory: GuestMemory, pointer: number, count: number): number[] {
  inside("the tensor's dimensions", () => memory.check(pointer, Math.min(count * 4, 0xffff_ffff)));
  if (count > 0) requireAligned("the tensor's dimensions", pointer);
  if (count > MAX_RANK) {
    throw new CallRefused('invalid_argument', `tensors have at most ${MAX_RANK} dimensions, got ${count}`);
  }
  return Array.from({ length: count }, (_, index) => memory.readU32(pointer + index * 4));
}

/** wasmtime ends a guest that passes a record off its alignment; here it is an invalid argument, too. */
function requireAligned(what: string, pointer: number): void {
  if (pointer % ALIGNMENT !== 0) {
    throw new CallRefused('invalid_argument', `${what}: address ${pointer} is not a multiple of ${ALIGNMENT}`);
  }
}

function inside<Value>(what: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof GuestFault) throw new CallRefused('invalid_argument', `${what}: ${error.message}`);
    throw error;
  }
}
