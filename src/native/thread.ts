/** What the addon's room of threads (`native/thread/`) gives to JavaScript: what concerns a thread as a whole. */
export interface NativeThread {
  /**
   * The calling environment's (the main thread's, a worker's) token, the same with each call and never given to another
   * environment of the process. To be called in the worker and handed to whoever may have to interrupt it.
   */
  interruptToken(): number;

  /**
   * Ends what native code does or waits for in another environment of this process, within milliseconds: a wait for a
   * descriptor or a time, an inference. It stays interrupted: whatever it begins of that kind later ends at once. For a
   * worker that is about to be terminated: without `worker.terminate()` its JavaScript goes on.
   *
   * @param token what {@link interruptToken} answered there
   * @returns false where that environment has ended
   */
  interrupt(token: number): boolean;

  /** Processor time that the calling thread has used since it began, in milliseconds; -1 where the system does not tell. */
  cpuTimeMs(): number;

  /** Physical memory that the process takes, in bytes; -1 where the system does not tell. Costs some microseconds. */
  residentBytes(): number;

  /**
   * Has what a memory grows by come in huge pages, where the system gives them on request and has some at hand: a guest
   * that reads a model into 14 MB of new memory waits for seven of them, and not for 3,500 ordinary pages. It takes no
   * memory that the guest has not grown to.
   *
   * @returns whether the system was asked
   * @throws TypeError for anything but a WebAssembly.Memory
   */
  growInHugePages(memory: WebAssembly.Memory): boolean;

  /**
   * Gives the pages of a memory back to the system at once, which the garbage collector would do at a time of its own.
   * For a memory that no instance uses any more: all of its bytes read as zeros from then on, on every thread that shares
   * it. They may be written and read as before, and take memory again where they are.
   *
   * @returns how many bytes were given back, whether they were in use or not; 0 where the system has no way to (macOS)
   * @throws TypeError for anything but a WebAssembly.Memory: of other buffers' pages others may hold a part
   */
  releasePages(memory: WebAssembly.Memory): number;

  /**
   * Tells V8 that its objects hold so many bytes fewer outside of its heap than it counts. The more it counts the sooner it
   * collects. What was taken is to be added again before V8 takes it off itself, or it ends the process.
   * @returns false where it counts fewer than that: nothing has changed then
   */
  takeExternalBytes(bytes: number): boolean;

  /** Tells V8 of so many bytes more. @returns how many it counts then */
  addExternalBytes(bytes: number): number;

  /**
   * Keeps the process alive when a guest fills the heap of JavaScript of the calling worker, whose limit
   * (`resourceLimits.maxOldGenerationSizeMb`) it is to be ended at: with tables, with arrays and structs of wasm, with
   * exceptions. Sets `flag[0]` to 1, ends what JavaScript and wasm run there (nothing catches it), and lets the heap grow
   * meanwhile. It takes the place of Node's own handling: the worker emits no ERR_WORKER_OUT_OF_MEMORY. Whoever started it
   * has to look at the flag, and to terminate it.
   *
   * Wasm is ended at its next look at interrupts, which baseline code takes rarely in loops of few slow instructions
   * (`memory.fill`, `array.new`) unless V8 runs with `--no-wasm-dynamic-tiering`.
   *
   * @param flag over a SharedArrayBuffer, so that others see it
   * @param headroomBytes what the heap may grow by: more than a guest can ask for between two looks, gigabytes for tables
   * @returns false where this program does not let itself be asked: Node's own handling stays then
   * @throws TypeError for anything but an Int32Array with an element, and a number of bytes
   */
  guardHeap(flag: Int32Array, headroomBytes: number): boolean;

  /**
   * Ends the process when the heap of JavaScript of the calling thread is full, as V8 itself would by a crash: writes a text
   * to standard error and exits. For a program that runs one guest on its main thread.
   *
   * @returns false where this program does not let itself be asked: V8 crashes then
   * @throws TypeError for anything but text and a whole number
   */
  endProcessOnFullHeap(text: string, exitCode: number): boolean;
}
