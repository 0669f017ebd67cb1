/**
 * A worker that blocks in the system as a guest does, for ever: a call is tried, and while it would have to wait, waited
 * for. It tells its token, then that it is about to wait, then what became of it.
 */
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';

const { addon, kind, fd = -1 } = workerData;
const { fs, thread } = createRequire(import.meta.url)(addon);
const { POLLIN, POLLOUT } = fs.constants;
const { EAGAIN } = constants.errno;
/** Longer than any test. */
const FOREVER_MS = 2 ** 30;

const memory = new Uint8Array(1 << 20);
const calls = {
  read: [POLLIN, () => fs.readNow(fd, memory, 0, memory.byteLength, true)],
  write: [POLLOUT, () => fs.writeNow(fd, memory, 0, memory.byteLength, true)],
  accept: [POLLIN, () => fs.accept(fd)],
  receive: [POLLIN, () => fs.receive(fd, memory, 0, memory.byteLength, false, new BigUint64Array(1))],
  send: [POLLOUT, () => fs.send(fd, memory, 0, memory.byteLength)],
};

function block() {
  const [events, call] = calls[kind] ?? [0, () => -EAGAIN];
  const triples = events === 0 ? new Int32Array(0) : Int32Array.of(fd, events, 0);
  for (let moved = 0; ; ) {
    const count = call();
    if (count >= 0) moved += count;
    else if (count !== -EAGAIN) return { errno: -count, moved };
    else {
      parentPort.postMessage('waits');
      const ready = fs.wait(triples, FOREVER_MS);
      if (ready < 0) return { errno: -ready, moved };
    }
  }
}

parentPort.postMessage(thread.interruptToken());
parentPort.postMessage(block());
// Until it is terminated.
parentPort.on('message', () => {});
