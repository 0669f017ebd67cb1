import { Directory as ShimDirectory } from '@bjorn3/browser_wasi_shim';
import { expect, it } from 'vitest';
import { MemoryBudget } from '../../src/wasi/fd/memory-budget.ts';
import { MemoryDirectory } from '../../src/wasi/fd/memory-directory.ts';
import { KeptListings } from '../../src/wasi/kept-listings.ts';

const newDirectory = () => new MemoryDirectory(new ShimDirectory(new Map()), new MemoryBudget(0), false);
const entries = (count: number) =>
  Array.from({ length: count }, () => ({ inode: 0n, fileType: 0, name: new Uint8Array() }));

it('are dropped where there is no room for them, the oldest first', () => {
  const [first, second, third] = [newDirectory(), newDirectory(), newDirectory()];
  const kept = new KeptListings(10);
  kept.keep(first, entries(4));
  kept.keep(second, entries(4));
  kept.keep(first, entries(5));
  kept.keep(third, entries(5));
  expect([first, second, third].map((directory) => kept.of(directory)?.length)).toEqual([5, undefined, 5]);
});

it('make room when their directory is closed', () => {
  const [first, second, third] = [newDirectory(), newDirectory(), newDirectory()];
  const kept = new KeptListings(10);
  kept.keep(first, entries(5));
  kept.keep(second, entries(5));
  kept.drop(second);
  kept.drop(second);
  kept.keep(third, entries(5));
  expect([first, second, third].map((directory) => kept.of(directory)?.length)).toEqual([5, undefined, 5]);
});

it('keep the newest, however long it is', () => {
  const directory = newDirectory();
  const kept = new KeptListings(10);
  kept.keep(directory, entries(11));
  expect(kept.of(directory)).toHaveLength(11);
});
