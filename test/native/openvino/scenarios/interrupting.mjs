/** Interrupts workers in the middle of what would take them minutes. Prints what was seen. */
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { longToCompile } from './long-models.mjs';
import { openAddon, smallModel, thrownBy } from './room.mjs';

const [, , addonPath, libraryPath, what, times] = process.argv;
const { openvino, thread } = openAddon(addonPath, libraryPath);
const SHORT_STEPS = 60;
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

async function abandon(salt, steps = SHORT_STEPS) {
  const { compiling } = openvino.tableStats();
  const started = await startWorker('compile', steps, salt);
  await until((stats) => stats.compiling > compiling);
  return interrupted(started);
}

const scenarios = {
  /** At another moment each time: before the inference, at its start, in the middle. */
  infer: async () => {
    const codes = new Set();
    for (let round = 0; round < Number(times); round++) {
      const started = await startWorker('infer', 400);
      if (round % 4 > 0) await delay(round % 16);
      for (const code of await interrupted(started)) codes.add(code);
    }
    return { codes: [...codes], ...counts() };
  },

  'compile, freed': async () => {
    const codes = await abandon(1);
    const during = counts();
    await until((stats) => stats.compiling === 0);
    return { codes, during, after: counts() };
  },

  'compile, kept': async () => {
    const budget = openvino.reserveModelBudget(2 ** 30);
    await abandon(1);
    await until((stats) => stats.compiling === 0);
    const after = counts();
    const model = openvino.compileModel('ir', longToCompile(SHORT_STEPS, 1), 'CPU', []);
    const found = { shared: model.shared, ...counts() };
    model.release();
    budget.release();
    return { after, found, end: counts() };
  },

  /** One caller ends, the other has the model that both waited for. */
  'compile, shared': async () => {
    const started = await startWorker('compile', SHORT_STEPS);
    await until((stats) => stats.compiling === 1);
    const compiling = openvino.compileModelAsync('ir', longToCompile(SHORT_STEPS), 'CPU', []);
    const codes = await interrupted(started);
    const during = counts();
    const { shared } = await compiling;
    return { codes, during, shared, after: counts() };
  },

  /** As many as may be go on for nobody; then only what is compiled or compiling is served, until one of them ends. */
  'compile limit': async () => {
    const before = openvino.compileModel('ir', smallModel('relu'), 'CPU', []);
    for (let salt = 0; salt < 3; salt++) await abandon(salt, MINUTES_OF_STEPS);
    await abandon(3, 2 * SHORT_STEPS);
    const during = counts();
    const refused = [
      thrownBy(() => openvino.compileModel('ir', smallModel('add'), 'CPU', [])),
      thrownBy(() => openvino.compileModelAsync('ir', smallModel('add'), 'CPU', [])),
    ];
    const known = openvino.compileModel('ir', smallModel('relu'), 'CPU', []).shared;
    const joined = openvino.compileModelAsync('ir', longToCompile(2 * SHORT_STEPS, 3), 'CPU', []);
    const rejoined = counts();
    const { shared } = await joined;
    const taken = thrownBy(() => openvino.compileModel('ir', smallModel('add'), 'CPU', []).release());
    before.release();
    return { during, refused, known, rejoined, shared, taken };
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
