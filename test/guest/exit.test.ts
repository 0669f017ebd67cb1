import { describe, expect, it } from 'vitest';
import wabt from 'wabt';
import { GuestExit } from '../../src/guest/exit.ts';

/** A guest that catches whatever can be caught, and goes on. */
const CATCHING = `(module
  (import "host" "exit" (func $exit (param i32)))
  (global (export "survived") (mut i32) (i32.const 0))
  (func (export "run")
    (try (do (call $exit (i32.const 7))) (catch_all))
    (global.set 0 (i32.const 1))))`;

async function instantiate(text: string, exit: (code: number) => number): Promise<WebAssembly.Exports> {
  const { parseWat } = await wabt();
  const { buffer } = parseWat('guest.wat', text, { exceptions: true }).toBinary({});
  return new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.from(buffer)), { host: { exit } }).exports;
}

describe('GuestExit', () => {
  it('knows no code before the guest has ended itself', () => {
    expect(new GuestExit().exitCode).toBeUndefined();
  });

  it.each([
    [0, 0],
    [125, 125],
    [-1, 0xffffffff],
  ])('records %d as %d and unwinds by a trap', (code, recorded) => {
    const exit = new GuestExit();
    expect(() => exit.end(code)).toThrow(WebAssembly.RuntimeError);
    expect(exit.exitCode).toBe(recorded);
  });

  it('cannot be caught by a guest', async () => {
    const exit = new GuestExit();
    const { run, survived } = await instantiate(CATCHING, (code) => exit.end(code));
    expect(run as () => void).toThrow(WebAssembly.RuntimeError);
    expect(exit.exitCode).toBe(7);
    expect((survived as WebAssembly.Global).value).toBe(0);
  });

  it('would be caught as an exception', async () => {
    const { run, survived } = await instantiate(CATCHING, () => {
      throw new Error('an exception of the host');
    });
    (run as () => void)();
    expect((survived as WebAssembly.Global).value).toBe(1);
  });
});
