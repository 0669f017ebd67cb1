/** What an environment opened is closed when it ends, however it ends, and nothing else is. */
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { addonPlaces } from '../../../src/native/addon.ts';
import { openBelow } from '../../support/open-files.mjs';
import { temporaryDirectories } from '../../support/temporary-directory.ts';

const newDirectory = temporaryDirectories();

/** Opens the directory and some files in it, closes every second file, tells the numbers that are left, and never ends. */
const OPENING = `const { parentPort, workerData } = require('node:worker_threads');
  const { fs } = require(workerData.addon);
  const directory = fs.openDirectory(workerData.directory);
  const files = Array.from({ length: 20 }, () => fs.open(directory, 'file', fs.constants.O_RDONLY, 0));
  const closed = files.filter((fd, index) => index % 2 === 1 && fs.close(fd) === 0);
  parentPort.postMessage({ open: [directory, ...files].filter((fd) => !closed.includes(fd)), closed });
  for (;;) fs.wait(new Int32Array(0), 20);`;

interface Opened {
  open: number[];
  closed: number[];
}

async function opening(directory: string): Promise<{ worker: Worker; opened: Opened }> {
  const worker = new Worker(OPENING, { eval: true, workerData: { addon: addonPlaces()[0], directory } });
  const [opened] = (await once(worker, 'message')) as [Opened];
  return { worker, opened };
}

it('by terminate()', async () => {
  const directory = newDirectory();
  writeFileSync(join(directory, 'file'), 'text');
  const { worker, opened } = await opening(directory);
  expect(opened.open).toHaveLength(11);
  expect(openBelow(directory)).toHaveLength(11);
  await worker.terminate();
  expect(openBelow(directory)).toEqual([]);
});

it('and no number that was closed before and is somebody else’s now', async () => {
  const [directory, other] = [newDirectory(), newDirectory()];
  writeFileSync(join(directory, 'file'), 'text');
  writeFileSync(join(other, 'mine'), 'mine');
  const { worker, opened } = await opening(directory);
  const mine = opened.closed.map(() => openSync(join(other, 'mine'), 'r'));
  // The system gives the lowest number that is free.
  expect(mine.filter((fd) => opened.closed.includes(fd))).not.toEqual([]);
  await worker.terminate();
  expect(openBelow(directory)).toEqual([]);
  for (const fd of mine) {
    expect(fstatSync(fd).size).toBe(4);
    closeSync(fd);
  }
});

it('while other threads open and close', async () => {
  const directory = newDirectory();
  writeFileSync(join(directory, 'file'), 'text');
  for (let round = 0; round < 5; round++) {
    const workers = await Promise.all([opening(directory), opening(directory), opening(directory)]);
    const ends = workers.map(({ worker }) => worker.terminate());
    for (let read = 0; read < 200; read++) expect(readFileSync(join(directory, 'file'), 'latin1')).toBe('text');
    await Promise.all(ends);
  }
  expect(openBelow(directory)).toEqual([]);
});
