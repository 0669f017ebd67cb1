/**
 * What the addon's stack room (`native/stack/`) gives to JavaScript: how deep JavaScript and wasm of this thread may go.
 *
 * V8 stops both about 1 MB below where it began, whatever the stack really has. Node-API cannot change that; V8's own
 * functions can, where the program exports them as Node does.
 */
export interface NativeStack {
  /** Bytes of this thread's whole stack, as far as it can grow; 0 where the system does not tell. */
  byteLength(): number;

  /**
   * Lets JavaScript and wasm use `byteLength` bytes of the stack from here on, or as many as there are when native code
   * keeps what it needs below them (1 MiB, of stacks below 4 MiB a quarter, at least 256 KiB or half).
   * @param atLeast whether to leave a limit that is deeper already
   * @returns what {@link leave} takes; 0 where nothing was changed, since this program does not let itself be asked
   */
  enter(byteLength: number, atLeast: boolean): number;

  /** Puts the limit back. @param limit what the {@link enter} answered that is to be undone */
  leave(limit: number): void;

  /** Bytes between here and the limit that {@link enter} has set; Infinity where it has set none. */
  room(): number;
}
