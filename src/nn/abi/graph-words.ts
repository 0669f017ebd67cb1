/** What refusals and observers are told of graphs that a guest asks for. */
import { CallRefused } from './errno.ts';

/** A graph was asked for by a name that the guest does not have. */
export class UnknownName extends CallRefused {
  readonly graph: string;

  constructor(name: string) {
    super('unsupported_operation', `no graph is registered under the name ${JSON.stringify(shownName(name))}`);
    this.graph = name;
  }
}

export function shownName(name: string): string {
  return name.length <= 80 ? name : `${name.slice(0, 80)}…`;
}

export function totalBytes(builders: readonly Uint8Array[]): number {
  return builders.reduce((total, { byteLength }) => total + byteLength, 0);
}
