/** How long does one classification take from the start of the process to its end? */
import { fileURLToPath } from 'node:url';

const GUEST = fileURLToPath(new URL('../../fixtures/classify.wasm', import.meta.url));

/** @type {import('../measure.mjs').Question} */
export const coldStart = {
  name: 'cold-start',
  text: 'one process from its start to its end: classify.wasm, one inference',
  values: { wall: 'wall time, ms' },
  guestArgs: (model) => ['-S', 'nn', '--dir', `${model.directory}::fixture`, GUEST, 'fixture', model.input],
  read: (run) => ({ wall: run.wallNs / 1e6 }),
};
