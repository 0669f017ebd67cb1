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
}
