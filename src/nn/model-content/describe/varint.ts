/** The number of a protobuf field of wire type varint, which lies at `[start, end)`; signed, as lengths and dimensions are. */
export function varintOf(bytes: Uint8Array, start: number, end: number): number {
  let value = 0n;
  for (let at = start; at < end; at++) value |= BigInt((bytes[at] ?? 0) & 0x7f) << BigInt(7 * (at - start));
  return Number(BigInt.asIntN(64, value));
}
