/**
 * Ends workers again and again while they load the addon, open the runtime, compile and compute, at a different moment
 * each time, and shows in between that the process still computes. What would take long is interrupted first, as a host
 * does that ends guests on time. Prints how many were ended, and what of them is left.
 */
import { Worker } from 'node:worker_threads';
import { openAddon, smallModel } from './room.mjs';

const [, , addonPath, libraryPath, what, times] = process.argv;
const ROUNDS = Number(times);
const { openvino: room, thread } = openAddon(addonPath, libraryPath);
const request = room.compileModel('ir', smallModel('relu'), 'CPU', []).createInferRequest();

function stillComputes() {
  request.setInput(0, 'f32', [1, 4], new Uint8Array(Float32Array.of(-1, 2, -3, 4).buffer));
  request.infer();
  const output = new Float32Array(4);
  request.getOutput(0, new Uint8Array(output.buffer));
  if (output.join() !== '0,2,0,4') throw new Error(`computed ${output}`);
}

/** Ends the worker when it says that it starts its work, and then once more a little later in each round. */
async function endWorker(round) {
  const workerData = { addonPath, libraryPath, what, round };
  const worker = new Worker(new URL('./terminated-worker.mjs', import.meta.url), { workerData });
  worker.on('error', (error) => {
    throw error;
  });
  const token = await new Promise((resolve) => worker.once(what === 'load' ? 'online' : 'message', resolve));
  // Busy for a time that grows with the round, so that every part of the work is met.
  const end = performance.now() + (round % 25) * 2;
  while (performance.now() < end);
  if (what.startsWith('long')) thread.interrupt(token);
  await worker.terminate();
}

for (let round = 0; round < ROUNDS; round += 2) {
  await Promise.all([endWorker(round), endWorker(round + 1)]);
  stillComputes();
}
while (room.tableStats().compiling > 0) await new Promise((resolve) => setTimeout(resolve, 5));
const { compiledModels, abandoned } = room.tableStats();
process.stdout.write(JSON.stringify({ ended: ROUNDS, compiledModels, abandoned }));
