/** Text modules of strangers: a megabyte takes wabt a second, and the thread that waits for it would do nothing else. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { moduleKind } from '../engine/module-binary.ts';
import { ModuleError } from '../errors.ts';
import { packageRoot } from '../native/addon.ts';
import type { TextAnswer, TextTask } from './text-worker.ts';

/** Takes a few milliseconds, less than a thread's start. */
const MOST_HERE_BYTES = 16 * 1024;

const MOST_BYTES = 2 ** 20;

/** One at a time, however many ask: each takes a thread, and some of it a hundred times its length. */
let last: Promise<unknown> = Promise.resolve();

/**
 * What is long is assembled in another thread; what is short, or no text, comes back as it is.
 * @throws ModuleError ERR_MODULE_LIMIT for text of more than 1 MiB; ERR_MODULE_COMPILE with the place and the reason
 */
export async function assembleLongText(name: string, bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.byteLength <= MOST_HERE_BYTES || moduleKind(bytes) !== 'text' || !mayBeText(bytes)) return bytes;
  if (bytes.byteLength > MOST_BYTES) {
    const words = `${name} is text of ${bytes.byteLength} bytes, and may have ${MOST_BYTES}: assemble it to a binary first`;
    throw new ModuleError('ERR_MODULE_LIMIT', words);
  }
  const assembling = last.then(() => assembleApart({ name, bytes }));
  last = assembling.catch(() => {});
  const answer = await assembling;
  if ('binary' in answer) return answer.binary;
  throw answer.isOfModule ? new ModuleError('ERR_MODULE_COMPILE', answer.message) : new Error(answer.message);
}

/** Whether blanks, comments, a parenthesis or letters beyond ASCII come first: what begins otherwise is soon told so. */
function mayBeText(bytes: Uint8Array): boolean {
  const begin = bytes.subarray(0, MOST_HERE_BYTES);
  const first = begin.find((byte) => byte !== 0x20 && (byte < 0x09 || byte > 0x0d)) ?? 0x28;
  return first === 0x28 || first === 0x3b || (first >= 0xc2 && first <= 0xf4);
}

function assembleApart(task: TextTask): Promise<TextAnswer> {
  return new Promise((resolve) => {
    const worker = new Worker(join(packageRoot(), 'dist', 'text-worker.js'), { workerData: task });
    const lost = (reason: string) => {
      resolve({ message: `failed to parse ${task.name}: ${reason}`, isOfModule: true });
    };
    worker.once('message', resolve);
    worker.once('error', ({ message }) => lost(message));
    worker.once('exit', () => lost('its thread ended'));
  });
}
