/** Runs in a terminal: blocks a worker in it, interrupts it once it waits, and tells the descriptor 3 what became of it. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isatty } from 'node:tty';
import { Worker } from 'node:worker_threads';

const [addon, kind] = process.argv.slice(2);
const { thread } = createRequire(import.meta.url)(addon);
const fd = kind === 'read' ? 0 : 1;

const worker = new Worker(new URL('blocking-worker.mjs', import.meta.url), { workerData: { addon, kind, fd } });
const messages = [];
worker.on('message', (message) => messages.push(message));
const next = async () => {
  while (messages.length === 0) await once(worker, 'message');
  return messages.shift();
};
const token = await next();
const waits = await next();
thread.interrupt(token);
let outcome = await next();
while (outcome === 'waits') outcome = await next();
const exitCode = await worker.terminate();
writeFileSync(3, `${JSON.stringify({ isTerminal: isatty(fd), waits, ...outcome, exitCode })}\n`);
