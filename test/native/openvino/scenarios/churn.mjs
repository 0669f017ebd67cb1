/** Several workers at once over the same few models, some of them interrupted or ended in between. Prints what is left. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { openAddon } from './room.mjs';

const [, , addonPath, libraryPath, count] = process.argv;
const { openvino: room, thread } = openAddon(addonPath, libraryPath);
const ids = new BigInt64Array(new SharedArrayBuffer(8 * 6));
const budget = room.reserveModelBudget(4_000_000);
let wrong = 0;
let finished = 0;

async function run(number) {
  const isEnded = number % 2 === 1;
  const workerData = { addonPath, libraryPath, ids, rounds: isEnded ? 1e9 : 150 };
  const worker = new Worker(new URL('./churn-worker.mjs', import.meta.url), { workerData });
  const exit = once(worker, 'exit');
  const [token] = await once(worker, 'message');
  if (isEnded) {
    await new Promise((resolve) => setTimeout(resolve, number % 37));
    if (number % 4 === 1) thread.interrupt(token);
    return worker.terminate();
  }
  const [answer] = await once(worker, 'message');
  wrong += answer.wrong;
  finished++;
  return exit;
}

const numbers = Array.from({ length: Number(count) }, (_, number) => number);
const take = async () => {
  for (let number = numbers.pop(); number !== undefined; number = numbers.pop()) await run(number);
};
await Promise.all([take(), take(), take(), take()]);
while (room.tableStats().compiling > 0) await new Promise((resolve) => setTimeout(resolve, 5));
const { keptBytes, budgetBytes } = room.tableStats();
const isInBudget = keptBytes <= budgetBytes;
budget.release();
const { compiledModels, keptModels, abandoned, budgetBytes: budgetAfter } = room.tableStats();
process.stdout.write(
  JSON.stringify({ finished, wrong, isInBudget, compiledModels, keptModels, abandoned, budgetAfter }),
);
