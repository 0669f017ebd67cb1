import type { TensorInfo } from '../../backend.ts';

/** Bytes of one element, by OpenVINO's name for its type. Types of less than a byte, and text, have none. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  boolean: 1,
  f8e4m3: 1,
  f8e5m2: 1,
  f8e8m0: 1,
  i8: 1,
  u8: 1,
  bf16: 2,
  f16: 2,
  i16: 2,
  u16: 2,
  f32: 4,
  i32: 4,
  u32: 4,
  f64: 8,
  i64: 8,
  u64: 8,
};

/** Size in bytes, or undefined where the shape is known only when computed or the type has no whole bytes. */
export function staticByteLength(info: TensorInfo): number | undefined {
  const elementBytes = ELEMENT_BYTES[info.elementType];
  if (elementBytes === undefined || info.shape === null || info.shape.some((dimension) => dimension < 0)) {
    return undefined;
  }
  return info.shape.reduce((product, dimension) => product * dimension, elementBytes);
}
