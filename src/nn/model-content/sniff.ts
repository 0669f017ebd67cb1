import { ProtobufFields, WIRE } from './protobuf.ts';

/** What bytes are, whatever a guest calls them. */
export type ModelContent = 'openvino' | 'onnx' | 'tensorflow' | 'tensorflowlite' | 'pytorch' | 'ggml' | 'unknown';

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;
export const LESS_THAN = 0x3c;
const WHITE_SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Tells a model by its content.
 *
 * OpenVINO asks its frontends in turn which of them takes the bytes, and does not know what the guest said they are. So
 * what is given to it as IR has to begin as no other encoding can: with `<`, which ends a group in protobuf, is in no
 * other encoding's magic number, and stands at the start of every XML text.
 */
export function sniff(bytes: Uint8Array): ModelContent {
  if (bytes[xmlStart(bytes)] === LESS_THAN) return 'openvino';
  if (hasText(bytes, 4, 'TFL3')) return 'tensorflowlite';
  if (hasText(bytes, 0, 'GGUF')) return 'ggml';
  if (hasText(bytes, 0, 'PK\u0003\u0004')) return 'pytorch';
  return sniffProtobuf(bytes);
}

/**
 * Where the XML begins: after a byte order mark and white space, which OpenVINO reads over. They are cut off before the
 * bytes are given to it, since a line feed is a lawful first byte of protobuf.
 */
export function xmlStart(bytes: Uint8Array): number {
  let at = BYTE_ORDER_MARK.every((byte, index) => bytes[index] === byte) ? BYTE_ORDER_MARK.length : 0;
  while (WHITE_SPACE.has(bytes[at] ?? 0)) at++;
  return at;
}

/** ONNX begins with its version in field 1 and has its graph in field 7; a GraphDef has nodes in field 1. */
function sniffProtobuf(bytes: Uint8Array): ModelContent {
  const fields = new ProtobufFields(bytes);
  let hasNodes = false;
  try {
    while (fields.next()) {
      if (fields.number === 7 && fields.wireType === WIRE.bytes) return 'onnx';
      if (fields.number === 1 && fields.wireType === WIRE.bytes) hasNodes = true;
    }
  } catch {
    return 'unknown';
  }
  return hasNodes ? 'tensorflow' : 'unknown';
}

function hasText(bytes: Uint8Array, at: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) if (bytes[at + index] !== text.charCodeAt(index)) return false;
  return true;
}
