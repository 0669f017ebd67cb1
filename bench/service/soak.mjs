/**
 * Minutes of load on the example service with faults put in: guests that trap, hang and flood, workers that are killed (by
 * time limits, and child processes by signals), a model that is replaced twice a second, clients that hang up.
 *
 *     node bench/service/soak.mjs [--minutes N] [--clients N] [--isolation thread|process] [--node PATH]
 *
 * Ends with 1 for a wrong answer, a lost request, or memory that grew: the medians of its last and its second quarter differ by
 * more than a tenth.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { quantileOf } from '../statistics.mjs';
import { FIXTURES, makeProject, ROOT, startServer } from './project.mjs';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    clients: { type: 'string', default: '6' },
    isolation: { type: 'string', default: 'thread' },
    node: { type: 'string', default: process.execPath },
  },
});
const deadline = Date.now() + Number(options.minutes) * 60_000;
const isProcess = options.isolation === 'process';

const TENSORS = Array.from({ length: 10 }, (_, digit) =>
  readFileSync(join(FIXTURES, 'digits', 'tensors', `${digit}.f32`)),
);
const WAT = join(FIXTURES, 'guests', 'wat');

/** What may come of each request. A child that is killed takes the run in it with it, and no other. */
const CRASHED = isProcess ? [500] : [];
const FAULTS = [
  { path: '/run/trap', status: [422, ...CRASHED], code: ['ERR_GUEST_TRAP', 'ERR_GUEST_CRASHED'] },
  { path: '/run/endless-loop', status: [504, ...CRASHED], code: ['ERR_GUEST_TIMEOUT', 'ERR_GUEST_CRASHED'] },
  {
    path: '/run/echo',
    status: [422, ...CRASHED],
    code: ['ERR_GUEST_OUTPUT_LIMIT', 'ERR_GUEST_CRASHED'],
    body: Buffer.alloc(100_000, 'x'),
  },
  // How long it takes to fill its memory depends on what else the machine does.
  { path: '/run/memory-grower', status: [200, 422, 504, ...CRASHED] },
];

/** @type {Map<string, number>} */
const counts = new Map();
const count = (/** @type {string} */ what) => counts.set(what, (counts.get(what) ?? 0) + 1);
/** @type {string[]} */
const wrong = [];
/** @type {(string | undefined)[]} */
const answers = TENSORS.map(() => undefined);
/** @type {number[]} */
const resident = [];

/** @param {string} url */
async function classify(url) {
  const digit = Math.floor(Math.random() * 10);
  const body = TENSORS[digit] ?? null;
  const headers = { 'content-type': 'application/octet-stream', 'x-tenant': `tenant-${digit % 3}` };
  const answer = await fetch(`${url}/classify/digits`, { method: 'POST', headers, body });
  const told = /** @type {any} */ (await answer.json());
  if (isProcess && told.code === 'ERR_GUEST_CRASHED') return count('crashed');
  if (answer.status !== 200) return wrong.push(`a ${digit}: ${answer.status} ${JSON.stringify(told).slice(0, 200)}`);
  const top = JSON.stringify(told.top);
  answers[digit] ??= top;
  if (top !== answers[digit] || told.top[0].index !== digit) wrong.push(`a ${digit}: ${top}`);
  count('classified');
}

/** @param {string} url */
async function fault(url) {
  const chosen = FAULTS[Math.floor(Math.random() * FAULTS.length)];
  if (chosen === undefined) return;
  const headers = { 'content-type': 'application/octet-stream' };
  const answer = await fetch(`${url}${chosen.path}`, { method: 'POST', headers, body: chosen.body ?? Buffer.alloc(0) });
  const told = /** @type {any} */ (await answer.json());
  const isExpected = chosen.status.includes(answer.status) && (chosen.code?.includes(told.code) ?? true);
  if (!isExpected) wrong.push(`${chosen.path}: ${answer.status} ${JSON.stringify(told).slice(0, 200)}`);
  count(chosen.path);
}

/** A client that is gone before its answer. */
async function hangUp(/** @type {string} */ url) {
  const controller = new AbortController();
  const asked = fetch(`${url}/run/endless-loop`, { method: 'POST', signal: controller.signal });
  await delay(Math.random() * 100);
  controller.abort();
  await asked.catch(() => count('hung up'));
}

/** @param {string} url */
async function client(url) {
  while (Date.now() < deadline) {
    const chance = Math.random();
    const act = chance < 0.9 ? classify : chance < 0.98 ? fault : hangUp;
    await act(url).catch((error) => wrong.push(`lost: ${error.message} ${error.cause ?? ''}`));
  }
}

/** Kills a child process of the service, where its workers are such. */
async function killWorkers(/** @type {number} */ pid) {
  while (isProcess && Date.now() < deadline) {
    await delay(2_000);
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    );
    const victim = children[Math.floor(Math.random() * children.length)];
    if (victim === undefined) continue;
    process.kill(victim, 'SIGSEGV');
    count('workers killed');
  }
}

/** @param {string} url */
async function watch(url) {
  while (Date.now() < deadline) {
    const told = /** @type {any} */ (await (await fetch(`${url}/soak`)).json());
    resident.push(told.resident);
    await delay(1_000);
  }
  return /** @type {any} */ (await (await fetch(`${url}/soak`)).json());
}

const scratch = mkdtempSync(join(tmpdir(), 'wasi-nn-host-soak-'));
try {
  const project = join(scratch, 'service');
  makeProject(project, (config) => {
    Object.assign(config.limits, { timeoutMs: 500, maxOutputBytes: 50_000, maxMemoryBytes: 64 * 2 ** 20 });
    for (const name of ['trap', 'endless-loop', 'echo', 'memory-grower']) {
      config.modules[name] = { path: join(WAT, `${name}.wat`) };
    }
  });
  const server = await startServer(options.node, join(ROOT, 'bench', 'service', 'soak-server.mjs'), project, {
    ISOLATION: options.isolation,
  });
  const clients = Array.from({ length: Number(options.clients) }, () => client(server.url));
  const [told] = await Promise.all([watch(server.url), killWorkers(server.pid), ...clients]);
  const exitCode = await server.end();
  const quarter = Math.floor(resident.length / 4);
  const [before, after] = [resident.slice(quarter, 2 * quarter), resident.slice(-quarter)].map((part) =>
    quantileOf(part, 0.5),
  );
  const growth = (after ?? 0) / (before ?? 1);
  process.stdout.write(
    `${options.minutes} minutes, ${options.clients} clients, isolation ${options.isolation}, Node ${options.node}\n` +
      `${[...counts].map(([what, times]) => `  ${what.padEnd(20)} ${times}\n`).join('')}` +
      `  models replaced      ${told.models}\n  workers replaced     ${told.replaced}\n` +
      `  wrong or lost        ${wrong.length}\n  memory, last quarter ${growth.toFixed(3)} of the second (${Math.round((after ?? 0) / 2 ** 20)} MiB)\n` +
      `  exit code            ${exitCode}\n`,
  );
  for (const line of wrong.slice(0, 10)) process.stdout.write(`  ${line}\n`);
  if (wrong.length > 0 || growth > 1.1 || exitCode !== 0) process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
