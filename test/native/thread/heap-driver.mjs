/** Starts workers that fill the heap of JavaScript with tables until they are ended; tells how many were, and goes on. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

const [addon, times] = process.argv.slice(2);

/** A table is one object of 8 MB: half of what Node lets a heap grow by to end a worker in. */
const FILLING = `const { workerData } = require('node:worker_threads');
  const { thread } = require(workerData.addon);
  if (!thread.guardHeap(workerData.flag, 2 ** 30)) throw new Error('the heap is not guarded');
  const kept = [];
  try {
    for (;;) kept.push(Array.from({ length: 4 }, () => new WebAssembly.Table({ element: 'anyfunc', initial: 1e6 })));
  } catch {
    for (;;);
  }`;

let ended = 0;
for (let round = 0; round < Number(times); round++) {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const workerData = { addon, flag };
  const worker = new Worker(FILLING, { eval: true, workerData, resourceLimits: { maxOldGenerationSizeMb: 32 } });
  await once(worker, 'exit');
  ended += Atomics.load(flag, 0);
}
process.stdout.write(JSON.stringify({ ended }));
