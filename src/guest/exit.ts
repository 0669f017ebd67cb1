/** `(module (func (export "trap") unreachable))` */
const TRAP_MODULE = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00, 0x07,
  0x08, 0x01, 0x04, 0x74, 0x72, 0x61, 0x70, 0x00, 0x00, 0x0a, 0x05, 0x01, 0x03, 0x00, 0x00, 0x0b,
]);

let compiledTrap: (() => never) | undefined;

/** Compiled when the first guest comes, so that ending one takes no memory and next to no stack. */
function trapFunction(): () => never {
  compiledTrap ??= new WebAssembly.Instance(new WebAssembly.Module(TRAP_MODULE)).exports.trap as () => never;
  return compiledTrap;
}

/**
 * The end of one guest by the host: by `proc_exit`, or because the host cannot go on.
 *
 * A JavaScript exception thrown through a guest can be caught by a guest built with exception handling (`catch_all`); a
 * trap cannot. So the reason is recorded first and the guest is ended by a wasm `unreachable` of a module of our own.
 * Whoever called into the guest looks here when the call throws.
 */
export class GuestExit {
  readonly #trap = trapFunction();
  #exitCode: number | undefined;
  #failure: Error | undefined;

  /** The code given to `proc_exit` (unsigned 32-bit), or undefined while the guest has not ended itself. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** Why the host ended the guest, or undefined. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  get hasEnded(): boolean {
    return this.#exitCode !== undefined || this.#failure !== undefined;
  }

  /** Records the code and unwinds the guest. Never returns. */
  end(exitCode: number): never {
    this.#exitCode = exitCode >>> 0;
    return this.#trap();
  }

  /** Records why the host cannot go on, and unwinds the guest. Never returns. */
  fail(failure: Error): never {
    this.#failure = failure;
    return this.#trap();
  }
}
