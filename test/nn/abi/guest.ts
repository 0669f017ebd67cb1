import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { GuestMemory } from '../../../src/guest/memory.ts';
import { createWasiNn } from '../../../src/nn/abi/functions.ts';
import type { Refusal, WasiNn, WasiNnOptions } from '../../../src/nn/index.ts';
import { type FakeBackend, fakeBackend } from '../../support/fake-backend.ts';

const PAGE_BYTES = 65536;
/** Fills memory before a test, so that a stray write shows. */
const MASK = '?'.charCodeAt(0);

/** Where the tests put things; results go to the last words of the first page. */
export const AT = {
  builders: 64,
  tensor: 128,
  dimensions: 192,
  data: 256,
  name: 512,
  output: 1024,
  model: 4096,
  graph: PAGE_BYTES - 12,
  context: PAGE_BYTES - 8,
  written: PAGE_BYTES - 4,
} as const;

/** One past the last address. */
export const END = PAGE_BYTES;

export type Range = readonly [pointer: number, byteLength: number];

/** A small model of `fixtures/models/`: xml and weights. */
export function smallModel(name: string): Uint8Array[] {
  const folder = fileURLToPath(new URL(`../../../fixtures/models/${name}/`, import.meta.url));
  return [readFileSync(`${folder}model.xml`), readFileSync(`${folder}model.bin`)];
}

export const u32 = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
export const f32 = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
export const utf8 = (text: string) => new TextEncoder().encode(text);

export interface TensorFields {
  dimensions?: readonly number[];
  type?: number;
  data?: Uint8Array;
  dimensionsAt?: number;
  dimensionCount?: number;
  dataAt?: number;
  dataByteLength?: number;
}

/** A guest without code: its memory, and the calls that its code would make. Every call is checked for stray writes. */
export class TestGuest {
  readonly memory: WebAssembly.Memory;
  readonly nn: WasiNn;
  readonly backend: FakeBackend;
  readonly refusals: Refusal[] = [];

  constructor(options: { memory?: WebAssembly.Memory; nn?: Partial<WasiNnOptions> } = {}) {
    this.memory = options.memory ?? new WebAssembly.Memory({ initial: 1 });
    this.backend = fakeBackend();
    const memory = new GuestMemory();
    memory.attach(this.memory);
    this.nn = createWasiNn({
      memory,
      backend: () => this.backend,
      registry: { get: () => undefined },
      onRefused: (refusal) => this.refusals.push(refusal),
      ...options.nn,
    });
    this.bytes(0, Math.min(this.memory.buffer.byteLength, PAGE_BYTES)).fill(MASK);
  }

  bytes(pointer: number, byteLength: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, pointer, byteLength);
  }

  write(pointer: number, bytes: Uint8Array): void {
    this.bytes(pointer, bytes.byteLength).set(bytes);
  }

  readU32(pointer: number): number {
    return new DataView(this.memory.buffer).getUint32(pointer, true);
  }

  /** Calls without looking at memory. */
  plainCall(name: string, ...args: number[]): number {
    const imported = this.nn.imports[name];
    if (imported === undefined) throw new Error(`${name} is not imported`);
    return imported(...args);
  }

  /** Calls and expects that no byte of the first page changed but those of `writes`. */
  call(name: string, args: readonly number[], writes: readonly Range[] = []): number {
    const before = this.bytes(0, PAGE_BYTES).slice();
    const errno = this.plainCall(name, ...args);
    const after = this.bytes(0, PAGE_BYTES).slice();
    for (const [pointer, byteLength] of writes) after.set(before.subarray(pointer, pointer + byteLength), pointer);
    expect(Buffer.compare(before, after), `${name} wrote outside ${JSON.stringify(writes)}`).toBe(0);
    return errno;
  }

  /** The only refusal since the last look. */
  refusal(): Refusal {
    expect(this.refusals).toHaveLength(1);
    return this.refusals.pop() as Refusal;
  }

  putBuilders(builders: readonly Uint8Array[], at: number = AT.builders): void {
    let model: number = AT.model;
    builders.forEach((bytes, index) => {
      this.write(model, bytes);
      this.write(at + index * 8, u32(model, bytes.byteLength));
      model += bytes.byteLength;
    });
  }

  load(name: string): number {
    this.putBuilders(smallModel(name));
    expect(this.call('load', [AT.builders, 2, 0, 0, AT.graph], [[AT.graph, 4]])).toBe(0);
    return this.readU32(AT.graph);
  }

  init(graph: number): number {
    expect(this.call('init_execution_context', [graph, AT.context], [[AT.context, 4]])).toBe(0);
    return this.readU32(AT.context);
  }

  /** A context on a fresh graph. */
  contextOf(name: string): number {
    return this.init(this.load(name));
  }

  putTensor(fields: TensorFields = {}, at: number = AT.tensor): void {
    const { dimensions = [1, 4], type = 1, data = f32(-1, 2, -3, 4) } = fields;
    const { dimensionsAt = AT.dimensions, dimensionCount = dimensions.length } = fields;
    const { dataAt = AT.data, dataByteLength = data.byteLength } = fields;
    if (dimensionsAt + dimensions.length * 4 <= END) this.write(dimensionsAt, u32(...dimensions));
    if (dataAt + data.byteLength <= END) this.write(dataAt, data);
    this.write(at, u32(dimensionsAt, dimensionCount));
    // The three bytes behind the type are padding: whatever stands there means nothing.
    this.write(at + 8, Uint8Array.of(type, MASK, MASK, MASK));
    this.write(at + 12, u32(dataAt, dataByteLength));
  }

  setInput(context: number, index = 0, fields: TensorFields = {}): number {
    this.putTensor(fields);
    return this.call('set_input', [context, index, AT.tensor]);
  }

  getOutput(context: number, byteLength: number, index = 0): Uint8Array {
    const writes: Range[] = [
      [AT.output, byteLength],
      [AT.written, 4],
    ];
    expect(this.call('get_output', [context, index, AT.output, byteLength, AT.written], writes)).toBe(0);
    return this.bytes(AT.output, this.readU32(AT.written)).slice();
  }
}
