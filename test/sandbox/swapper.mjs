/**
 * Swaps `race` in a directory between its own contents and a way out until it is told to stop, then says how often.
 *
 *     node swapper.mjs DIRECTORY OUTSIDE KIND
 *
 * KIND `link`: a link to OUTSIDE, absolute and relative in turn. `directory`: `race` itself is carried to OUTSIDE and back.
 */
import { renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

const [directory = '', outside = '', kind = ''] = process.argv.slice(2);
const race = join(directory, 'race');
const kept = join(directory, 'kept');
const links = [join(directory, 'out-absolute'), join(directory, 'out-relative')];
symlinkSync(outside, links[0] ?? '');
symlinkSync('../outside', links[1] ?? '');

let swaps = 0;

/** The guest renames and removes in between: a swap that does not fit is none. */
function attempt(from, to) {
  try {
    renameSync(from, to);
  } catch {}
}

function swapLink() {
  const link = links[swaps % 2] ?? '';
  attempt(race, kept);
  attempt(link, race);
  attempt(race, link);
  attempt(kept, race);
}

function carry() {
  attempt(race, join(outside, 'carried'));
  attempt(join(outside, 'carried'), race);
}

const swap = kind === 'link' ? swapLink : carry;
function someSwaps() {
  for (let index = 0; index < 500; index++, swaps++) swap();
  setImmediate(someSwaps);
}

process.on('message', () => {
  process.send?.(swaps);
  process.exit(0);
});
process.send?.('ready');
someSwaps();
