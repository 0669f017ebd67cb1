/** Who is told when a signal of an embedder aborts. */

const listening = new WeakMap<AbortSignal, { tell: () => void; listeners: Set<() => void> }>();

/**
 * A service may give one signal to thousands of runs: it has one listener of ours for all of them, since Node warns of a leak
 * with the eleventh.
 * @param listener must not throw; not called where the signal has aborted before
 * @returns stops listening
 */
export function whenAborted(signal: AbortSignal | undefined, listener: () => void): () => void {
  if (signal === undefined || signal.aborted) return () => {};
  const entry = listening.get(signal) ?? listen(signal);
  // Two may be given the same function.
  const own = () => listener();
  entry.listeners.add(own);
  return () => {
    if (!entry.listeners.delete(own) || entry.listeners.size > 0) return;
    signal.removeEventListener('abort', entry.tell);
    listening.delete(signal);
  };
}

function listen(signal: AbortSignal) {
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) listener();
  };
  const entry = { tell, listeners };
  signal.addEventListener('abort', tell, { once: true });
  listening.set(signal, entry);
  return entry;
}
