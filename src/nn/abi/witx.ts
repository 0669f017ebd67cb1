/**
 * Numbers and layouts of `wasi_ephemeral_nn`, the WITX form of wasi-nn.
 *
 * @see https://github.com/WebAssembly/wasi-nn/blob/main/wasi-nn.witx and wit/wasi-nn.wit
 */
import type { ElementType, Encoding, ExecutionTarget } from '../backend.ts';

/** `$nn_errno`. The first six are of every revision, the last three came in 2022 and 2023. */
export const ERRNO = {
  success: 0,
  invalid_argument: 1,
  invalid_encoding: 2,
  missing_memory: 3,
  busy: 4,
  runtime_error: 5,
  unsupported_operation: 6,
  too_large: 7,
  not_found: 8,
} as const;

export type ErrnoName = keyof typeof ERRNO;

/** `$graph_encoding`, by number. The last is `ggml` in another host's numbering; its content tells that apart. */
export const ENCODINGS: readonly Encoding[] = [
  'openvino',
  'onnx',
  'tensorflow',
  'pytorch',
  'tensorflowlite',
  'autodetect',
];

/** `$execution_target`, by number. */
export const TARGETS: readonly ExecutionTarget[] = ['cpu', 'gpu', 'tpu'];

/** Bytes of one element. */
export const ELEMENT_BYTES: Readonly<Record<ElementType, number>> = { f16: 2, f32: 4, f64: 8, u8: 1, i32: 4, i64: 8 };

/**
 * `$tensor_type`, by number, in both revisions: it was renumbered when f64 and i64 came in between. A number means one
 * element type in guests built before and another in guests built after, and nothing in the guest tells which.
 */
export const TENSOR_TYPES: Readonly<Record<'2019' | '2022', readonly ElementType[]>> = {
  /** wasi-nn.witx until 2022: crate wasi-nn 0.1 to 0.5. */
  2019: ['f16', 'f32', 'u8', 'i32'],
  /** wasi-nn.witx since 2022: crate wasi-nn 0.6 and later. */
  2022: ['f16', 'f32', 'f64', 'u8', 'i32', 'i64'],
};

/**
 * Which element type a guest means by a number, told by the length of the tensor's bytes where the revisions differ: of
 * `n` elements, 2 is f64 with n·8 bytes and u8 with n·1; 3 is u8 with n·1 and i32 with n·4.
 *
 * @param elementCount product of the dimensions
 * @param byteLength of the tensor's data
 * @returns the type of the newer revision where neither or both fit, undefined for a number of neither
 */
export function elementTypeOf(number: number, elementCount: number, byteLength: number): ElementType | undefined {
  const now = TENSOR_TYPES[2022][number];
  const then = TENSOR_TYPES[2019][number];
  if (now === undefined || then === undefined || then === now) return now;
  const fitsNow = elementCount * ELEMENT_BYTES[now] === byteLength;
  return !fitsNow && elementCount * ELEMENT_BYTES[then] === byteLength ? then : now;
}

/**
 * `$tensor`, 20 bytes, aligned to 4:
 *
 *     0        4        8  9    12       16       20
 *     | dims   | count  |ty|pad | data   | length |
 *
 * `dims` points to `count` u32 values, `data` to `length` bytes. Some guests write the type as u32: its low byte lies here.
 */
export const TENSOR = {
  byteLength: 20,
  dimensions: 0,
  dimensionCount: 4,
  type: 8,
  data: 12,
  dataByteLength: 16,
} as const;

/** `$graph_builder`, 8 bytes, aligned to 4: pointer and length of one byte array. */
export const BUILDER = { byteLength: 8, data: 0, dataByteLength: 4 } as const;

/** Alignment of every u32 and of every record here, in bytes. */
export const ALIGNMENT = 4;

/** Parameter counts, all i32, with one i32 result: for linkers that compare what a module imports. */
export const PARAMETER_COUNTS = {
  load: 5,
  load_by_name: 3,
  load_by_name_with_config: 5,
  init_execution_context: 2,
  set_input: 3,
  compute: 1,
  get_output: 5,
  unload: 1,
  unload_graph: 1,
  finalize_execution_context: 1,
} as const;

export type CallName = keyof typeof PARAMETER_COUNTS;
