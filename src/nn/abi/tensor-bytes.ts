/** What the tensors of a guest's graphs and execution contexts take. */
import type { BackendExecutionContext, BackendGraph, ElementType, TensorInfo } from '../backend.ts';
import { CallRefused } from './errno.ts';
import { ELEMENT_BYTES } from './witx.ts';

/** Bytes of a tensor as far as the model fixes its shape; what it leaves open counts as one. */
export function fixedBytes({ elementType, shape }: TensorInfo): number {
  const elementBytes = ELEMENT_BYTES[elementType as ElementType] ?? 1;
  return (shape ?? []).reduce((product, dimension) => product * Math.max(dimension, 1), elementBytes);
}

/** Bytes that the outputs of all execution contexts of a guest take together. */
export class OutputBytes {
  readonly #limit: number;
  #total = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws CallRefused too_large where more would pass the limit */
  requireRoom(more = 0): void {
    if (this.#total + more <= this.#limit) return;
    const most = `at most ${this.#limit} may`;
    throw new CallRefused('too_large', `all outputs would take ${this.#total + more} bytes, ${most}`);
  }

  /** Makes a context, and counts its outputs. @throws CallRefused too_large; what the graph throws */
  newContext(graph: BackendGraph): { context: BackendExecutionContext; outputs: HeldOutputs } {
    const { outputs } = graph;
    const byteLength = outputs.reduce((sum, output) => sum + fixedBytes(output), 0);
    this.requireRoom(byteLength);
    const isOpen = outputs.some(({ shape }) => shape === null || shape.some((dimension) => dimension < 0));
    const context = graph.initExecutionContext();
    this.#total += byteLength;
    return { context, outputs: { byteLength, count: isOpen ? outputs.length : 0 } };
  }

  /** After a computation: outputs whose sizes the model leaves open have them now. */
  computed(held: HeldOutputs, context: BackendExecutionContext): void {
    if (held.count === 0) return;
    let byteLength = 0;
    for (let index = 0; index < held.count; index++) byteLength += outputBytes(context, index);
    this.#total += byteLength - held.byteLength;
    held.byteLength = byteLength;
  }

  release(held: HeldOutputs): void {
    this.#total -= held.byteLength;
  }
}

/** Of one context. */
export interface HeldOutputs {
  byteLength: number;
  /** Outputs to ask for after each computation. */
  count: number;
}

/** Of strings, say, nobody knows. */
function outputBytes(context: BackendExecutionContext, index: number): number {
  try {
    return context.outputByteLength(index);
  } catch {
    return 0;
  }
}
