/**
 * What does one classification use of the machine: memory at its peak, and processor time over all threads? The latter
 * hardly depends on what else the machine does, unlike wall time.
 */
import { coldStart } from './cold-start.mjs';

/** @type {import('../measure.mjs').Question} */
export const resources = {
  name: 'resources',
  text: 'what the process that cold-start times uses',
  values: { resident: 'peak resident, MiB', processor: 'processor time, ms' },
  guestArgs: coldStart.guestArgs,
  watchesResources: true,
  read: ({ usage }) => ({
    resident: (usage?.peakKibibytes ?? Number.NaN) / 1024,
    processor: (usage?.processorSeconds ?? Number.NaN) * 1e3,
  }),
};
