import { GuestExit } from '../../src/guest/exit.ts';
import type { HostFunctions } from '../../src/wasi/contract.ts';
import { createPreview1, type Preview1, type Preview1Options } from '../../src/wasi/index.ts';
import { guestWithMemory, type MaskedGuest } from './guest-memory.ts';

type HostFunction = (...args: (number | bigint)[]) => number;

export interface Preview1Guest extends MaskedGuest {
  exit: GuestExit;
  preview1: Preview1;
  /** Calls a host function as wasm does. */
  call(name: string, ...args: (number | bigint)[]): number;
  callUnstable(name: string, ...args: (number | bigint)[]): number;
  reports: [functionName: string, reason: unknown][];
}

/** Preview1 over a masked memory, without any guest code. Standard input is empty, output goes nowhere. */
export function preview1Guest(
  options: Partial<Preview1Options> = {},
  descriptor?: WebAssembly.MemoryDescriptor,
): Preview1Guest {
  const guest = guestWithMemory(descriptor);
  const exit = new GuestExit();
  const reports: Preview1Guest['reports'] = [];
  const preview1 = createPreview1({
    args: ['guest'],
    env: [],
    preopens: [],
    stdin: { kind: 'null' },
    stdout: { kind: 'null' },
    stderr: { kind: 'null' },
    report: (name, reason) => reports.push([name, reason]),
    ...options,
    memory: guest.memory,
    exit,
  });
  const caller =
    (functions: HostFunctions) =>
    (name: string, ...args: (number | bigint)[]) => {
      const call = functions.get(name) as HostFunction | undefined;
      if (call === undefined) throw new Error(`no function ${name}`);
      return call(...args);
    };
  return {
    ...guest,
    exit,
    preview1,
    reports,
    call: caller(preview1.snapshotPreview1),
    callUnstable: caller(preview1.unstable),
  };
}
