/** How much memory does one classification hold at its peak? */
import { coldStart } from './cold-start.mjs';

/** @type {import('../measure.mjs').Question} */
export const peakMemory = {
  name: 'peak-memory',
  text: 'largest resident size of the process that cold-start times',
  values: { resident: 'peak resident, MiB' },
  guestArgs: coldStart.guestArgs,
  watchesMemory: true,
  read: (run) => ({ resident: (run.peakKibibytes ?? Number.NaN) / 1024 }),
};
