/** `(module (func (export "trap") unreachable))` */
const TRAP_MODULE = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x07,
  0x08, 0x01, 0x04, 0x74, 0x72, 0x61, 0x70, 0x00, 0x00, 0x0a, 0x05, 0x01, 0x03, 0x00, 0x00, 0x0b,
]);

/**
 * The end of one guest by `proc_exit`.
 *
 * A JavaScript exception thrown through a guest can be caught by a guest built with exception handling (`catch_all`); a
 * trap cannot. So the code is recorded first and the guest is ended by a wasm `unreachable` of a module of our own.
 * Whoever called into the guest looks at {@link GuestExit.exitCode} when the call throws.
 */
export class GuestExit {
  #exitCode: number | undefined;

  /** The code given to `proc_exit` (unsigned 32-bit), or undefined while the guest has not ended itself. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** Records the code and unwinds the guest. Never returns. */
  end(exitCode: number): never {
    this.#exitCode = exitCode >>> 0;
    const trap = new WebAssembly.Instance(new WebAssembly.Module(TRAP_MODULE)).exports.trap as () => never;
    return trap();
  }
}
