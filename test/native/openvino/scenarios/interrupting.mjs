/** Interrupts workers in the middle of what would take them minutes. Prints what was seen. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { longToCompile } from './long-models.mjs';
import { openAddon, smallModel, thrownBy } from './room.mjs';

const [, , addonPath, libraryPath, what, times] = process.argv;
const { openvino, thread } = openAddon(addonPath, libraryPath);
const MINUTES_OF_STEPS = 8000;

async function startWorker(work, steps, salt = 0) {
  const workerData = { addonPath, libraryPath, what: work, steps, salt };
  const worker = new Worker(new URL('./interrupted-worker.mjs', import.meta.url), { workerData });
  worker.on('error', (error) => {
    throw error;
  });
  const exit = once(worker, 'exit');
  const [token] = await once(worker, 'message');
  return { worker, token, exit };
}

/** @returns what the worker's call threw, and the next one */
async function interrupted({ worker, token, exit }) {
  const answer = once(worker, 'message');
  if (!thread.interrupt(token)) throw new Error('no worker to interrupt');
  const [codes] = await answer;
  await exit;
  return codes;
}

const until = async (isTrue) => {
  while (!isTrue(openvino.tableStats())) await delay(5);
};

const counts = () => {
  const { compiledModels, keptModels, compiling, abandoned } = openvino.tableStats();
  return { compiledModels, keptModels, compiling, abandoned };
};

/** @returns what the worker's call threw, and what the table counted right after */
async function abandon(salt, steps = MINUTES_OF_STEPS) {
  const { compiling } = openvino.tableStats();
  const started = await startWorker('compile', steps, salt);
  await until((stats) => stats.compiling > compiling);
  const codes = await interrupted(started);
  return { codes, during: counts() };
}

/** Abandons a compile that ends soon, but not before that was seen. @returns also how to have the same model */
async function abandonShort() {
  for (let steps = 60; ; steps *= 2) {
    const seen = await abandon(steps, steps);
    if (seen.during.abandoned > 0) return { ...seen, model: longToCompile(steps, steps) };
    await until((stats) => stats.compiling === 0);
    if (steps > MINUTES_OF_STEPS) return seen;
  }
}

const scenarios = {
  /** At another moment each time: before the inference, at its start, in the middle. */
  infer: async () => {
    const codes = new Set();
    for (let round = 0; round < Number(times); round++) {
      const started = await startWorker('infer', 2000);
      if (round % 4 > 0) await delay(round % 16);
      for (const code of await interrupted(started)) codes.add(code);
    }
    return { codes: [...codes], ...counts() };
  },

  'compile, freed': async () => {
    const { codes, during } = await abandonShort();
    await until((stats) => stats.compiling === 0);
    return { codes, during, after: counts() };
  },

  'compile, kept': async () => {
    const budget = openvino.reserveModelBudget(2 ** 31);
    const { model } = await abandonShort();
    await until((stats) => stats.compiling === 0);
    const after = counts();
    const compiled = openvino.compileModel('ir', model, 'CPU', []);
    const found = { shared: compiled.shared, ...counts() };
    compiled.release();
    budget.release();
    return { after, found, end: counts() };
  },

  /** One caller ends, and another has the model that it had begun. */
  'compile, shared': async () => {
    const { model } = await abandonShort();
    const compiled = await openvino.compileModelAsync('ir', model, 'CPU', []);
    return { shared: compiled.shared, ...counts() };
  },

  /** As many as may be go on for nobody; then only what is compiled or compiling is served, until they are fewer. */
  'compile limit': async () => {
    const before = openvino.compileModel('ir', smallModel('relu'), 'CPU', []);
    for (let salt = 0; salt < 4; salt++) await abandon(salt);
    const during = counts();
    const load = () => openvino.compileModel('ir', smallModel('add'), 'CPU', []).release();
    const refused = [thrownBy(load), thrownBy(() => openvino.compileModelAsync('ir', smallModel('add'), 'CPU', []))];
    refused.push(thrownBy(() => openvino.draftModel('ir', [1, 1], 'CPU', [])));
    const registered = await openvino.compileModelAsync('ir', smallModel('add'), 'CPU', [], true);
    const ofHost = registered.shared;
    registered.release();
    const known = openvino.compileModel('ir', smallModel('relu'), 'CPU', []).shared;
    openvino.compileModelAsync('ir', longToCompile(MINUTES_OF_STEPS, 3), 'CPU', []);
    const rejoined = counts();
    const taken = thrownBy(load);
    before.release();
    process.stdout.write(JSON.stringify({ during, refused, ofHost, known, rejoined, taken }));
    process.exit();
  },

  /** More loads at once than may compile at once. */
  flood: async () => {
    let most = 0;
    const loads = Array.from({ length: 40 }, (_, salt) =>
      openvino.compileModelAsync('ir', longToCompile(2, salt), 'CPU', []),
    );
    const all = Promise.all(loads);
    let done = false;
    all.then(() => {
      done = true;
    });
    while (!done) {
      most = Math.max(most, openvino.tableStats().compiling);
      await delay(1);
    }
    const models = await all;
    return { models: new Set(models.map((model) => model.share())).size, most };
  },

  'exit by process.exit': async () => {
    await abandon(0, MINUTES_OF_STEPS);
    process.exit(7);
  },
  'exit by the natural end': async () => {
    await abandon(0, MINUTES_OF_STEPS);
    process.exitCode = 7;
  },
  'exit while a worker waits': async () => {
    await startWorker('compile', MINUTES_OF_STEPS);
    await until((stats) => stats.compiling === 1);
    process.exit(7);
  },
  'exit while a worker computes': async () => {
    await startWorker('infer', 2000);
    process.exit(7);
  },
  'exit while a promise waits': async () => {
    openvino.compileModelAsync('ir', longToCompile(MINUTES_OF_STEPS), 'CPU', []);
    await until((stats) => stats.compiling === 1);
    process.exit(7);
  },
  'exit by an uncaught error': async () => {
    await abandon(0, MINUTES_OF_STEPS);
    process.on('uncaughtException', () => process.exit(7));
    throw new Error('uncaught');
  },
};

process.stdout.write(JSON.stringify((await scenarios[what]()) ?? null));
