/** What a model says of itself, read from its bytes without a runtime. */

/** An input or output. */
export interface PortDescription {
  name: string;
  /** In OpenVINO's spelling where it has one. */
  elementType: string;
  /** -1 is a dimension of unknown size, a text one that has a name; null a rank that is unknown. */
  shape: readonly (number | string)[] | null;
}

export interface ModelDescription {
  encoding: 'openvino' | 'onnx' | 'tensorflow' | 'tensorflowlite';
  /** Its own name; undefined where it has none. */
  name: string | undefined;
  /** What wrote it, as it says. */
  producer: string | undefined;
  /** Versions of the format and of sets of operations, in words. */
  versions: readonly string[];
  inputs: readonly PortDescription[];
  outputs: readonly PortDescription[];
  /** How often each type of operation comes, the most frequent first. */
  operations: readonly (readonly [type: string, count: number])[];
}

/** Texts of a model that are no UTF-8 are shown as far as they are. */
const utf8 = new TextDecoder();

export function textOf(bytes: Uint8Array, start: number, end: number): string {
  return utf8.decode(bytes.subarray(start, end));
}

/** Counts what it is given. */
export class OperationCount {
  readonly #counts = new Map<string, number>();

  add(type: string): void {
    this.#counts.set(type, (this.#counts.get(type) ?? 0) + 1);
  }

  /** The most frequent first, then by name. */
  get sorted(): [type: string, count: number][] {
    return [...this.#counts].sort(([a, countA], [b, countB]) => countB - countA || (a < b ? -1 : 1));
  }
}
