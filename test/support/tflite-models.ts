/** Writes small TensorFlow Lite models, so that tests can make those that no converter makes. */

/** A value of a FlatBuffers table. Numbers of fields are those of the schema. */
export type FlatValue =
  | { u8: number }
  | { u32: number }
  | { u64: bigint }
  | { text: string }
  | { bytes: Uint8Array }
  | { i32s: readonly number[] }
  | { tables: readonly FlatFields[] }
  | { table: FlatFields };
export type FlatFields = Readonly<Record<number, FlatValue>>;

const INLINE_BYTES = 8;

/** The file: where the root table lies, the identifier, then every part behind what leads to it. */
export function flatBuffer(root: FlatFields, identifier = 'TFL3'): Uint8Array {
  const writer = new FlatWriter();
  writer.append(new Uint8Array(8));
  writer.text(4, identifier);
  writer.point(0, writer.table(root));
  return writer.bytes();
}

class FlatWriter {
  #bytes = new Uint8Array(0);

  bytes(): Uint8Array {
    return this.#bytes.slice();
  }

  append(bytes: Uint8Array): number {
    const at = Math.ceil(this.#bytes.length / 8) * 8;
    const grown = new Uint8Array(at + bytes.length);
    grown.set(this.#bytes);
    grown.set(bytes, at);
    this.#bytes = grown;
    return at;
  }

  text(at: number, text: string): void {
    this.#bytes.set(new TextEncoder().encode(text), at);
  }

  /** Writes at `at` how far it is to `target`. */
  point(at: number, target: number): void {
    this.#view().setUint32(at, target - at, true);
  }

  /** Every field takes eight bytes of the table, whatever it needs. */
  table(fields: FlatFields): number {
    const count = Math.max(-1, ...Object.keys(fields).map(Number)) + 1;
    const tableBytes = INLINE_BYTES * (count + 1);
    const vtable = this.append(new Uint8Array(4 + count * 2));
    const at = this.append(new Uint8Array(tableBytes));
    this.#view().setInt32(at, at - vtable, true);
    this.#view().setUint16(vtable, 4 + count * 2, true);
    this.#view().setUint16(vtable + 2, tableBytes, true);
    for (const [key, value] of Object.entries(fields)) {
      const offset = INLINE_BYTES * (Number(key) + 1);
      this.#view().setUint16(vtable + 4 + Number(key) * 2, offset, true);
      this.#value(at + offset, value);
    }
    return at;
  }

  #value(at: number, value: FlatValue): void {
    if ('u8' in value) this.#view().setUint8(at, value.u8);
    else if ('u32' in value) this.#view().setUint32(at, value.u32, true);
    else if ('u64' in value) this.#view().setBigUint64(at, value.u64, true);
    else if ('table' in value) this.point(at, this.table(value.table));
    else if ('tables' in value) this.#tables(at, value.tables);
    else if ('i32s' in value) this.#vector(at, value.i32s.length, new Uint8Array(Int32Array.from(value.i32s).buffer));
    else {
      const bytes = 'text' in value ? new TextEncoder().encode(`${value.text}\0`) : value.bytes;
      this.#vector(at, 'text' in value ? bytes.length - 1 : bytes.length, bytes);
    }
  }

  #vector(at: number, length: number, bytes: Uint8Array): number {
    const vector = this.append(new Uint8Array(4 + bytes.length));
    this.#view().setUint32(vector, length, true);
    this.#bytes.set(bytes, vector + 4);
    this.point(at, vector);
    return vector;
  }

  #tables(at: number, tables: readonly FlatFields[]): void {
    const vector = this.#vector(at, tables.length, new Uint8Array(tables.length * 4));
    tables.forEach((fields, index) => {
      this.point(vector + 4 + index * 4, this.table(fields));
    });
  }

  #view(): DataView {
    return new DataView(this.#bytes.buffer);
  }
}

/** `y = max(x, 0)`, both `[1, 4] f32`, as fields to change one of. */
export function reluFields(
  changes: { model?: FlatFields; tensor?: FlatFields; operator?: FlatFields } = {},
): FlatFields {
  const tensor = (name: string): FlatFields => ({
    0: { i32s: [1, 4] },
    1: { u8: 0 },
    2: { u32: 0 },
    3: { text: name },
    ...changes.tensor,
  });
  return {
    0: { u32: 3 },
    1: { tables: [{ 0: { u8: 19 }, 2: { u32: 1 }, 3: { u32: 19 } }] },
    2: {
      tables: [
        {
          0: { tables: [tensor('x'), tensor('y')] },
          1: { i32s: [0] },
          2: { i32s: [1] },
          3: { tables: [{ 0: { u32: 0 }, 1: { i32s: [0] }, 2: { i32s: [1] }, ...changes.operator }] },
          4: { text: 'main' },
        },
      ],
    },
    4: { tables: [{}] },
    ...changes.model,
  };
}

export function reluTfLite(changes: Parameters<typeof reluFields>[0] = {}): Uint8Array {
  return flatBuffer(reluFields(changes));
}
