import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cacheRoot, cacheRootProblem, makeCacheRoot } from '../../src/openvino-runtime/cache-dir.ts';
import { cachePlace } from '../../src/openvino-runtime/places.ts';
import { fakeRuntime, temporaryFolder, writeUnder } from './support.ts';

describe('where the cache is', () => {
  test.each([
    ['XDG_CACHE_HOME', { XDG_CACHE_HOME: '/x', HOME: '/h' }, '/x/wasi-nn-host'],
    ['the home where XDG_CACHE_HOME is relative', { XDG_CACHE_HOME: 'x', HOME: '/h' }, '/h/.cache/wasi-nn-host'],
    ['the home where XDG_CACHE_HOME is empty', { XDG_CACHE_HOME: '', HOME: '/h' }, '/h/.cache/wasi-nn-host'],
    ["the user's home where HOME is not set", {}, join(homedir(), '.cache', 'wasi-nn-host')],
    ['nowhere where HOME is relative', { HOME: 'h' }, undefined],
  ])('%s', (_title, env, expected) => {
    expect(cacheRoot(env)).toBe(expected);
  });
});

describe('whether the cache may be used', () => {
  test('it is made for its user alone, whatever the umask', () => {
    const root = join(temporaryFolder(), 'deep', 'wasi-nn-host');
    const before = process.umask(0);
    try {
      expect(makeCacheRoot(root)).toBeUndefined();
    } finally {
      process.umask(before);
    }
    expect(statSync(root).mode & 0o777).toBe(0o700);
  });

  test.each([
    ['others may write to it', 0o702],
    ['its group may write to it', 0o720],
  ])('not where %s', (_title, mode) => {
    const root = join(temporaryFolder(), 'wasi-nn-host');
    fakeRuntime(join(root, 'openvino', '2026.4.1'));
    chmodSync(root, mode);
    expect(cacheRootProblem(root)).toContain('others can write to it');
    const place = cachePlace({ XDG_CACHE_HOME: join(root, '..') });
    expect(place.found).toBeUndefined();
    expect(place.detail).toContain('others can write to it');
  });

  test('others may read it', () => {
    const root = join(temporaryFolder(), 'wasi-nn-host');
    mkdirSync(root);
    chmodSync(root, 0o755);
    expect(cacheRootProblem(root)).toBeUndefined();
  });

  test.each([
    ['a link', (folder: string) => symlinkSync(folder, join(folder, 'wasi-nn-host')), 'not a directory'],
    ['a file', (folder: string) => writeUnder(folder, 'wasi-nn-host'), 'not a directory'],
    ['absent', () => undefined, 'not there'],
  ])('not where it is %s', (_title, make, problem) => {
    const folder = temporaryFolder();
    make(folder);
    expect(cacheRootProblem(join(folder, 'wasi-nn-host'))).toBe(problem);
  });

  // Only root can give a directory away.
  test.skipIf(process.getuid?.() !== 0)('not where it belongs to somebody else', () => {
    const folder = temporaryFolder();
    chownSync(folder, 12_345, 12_345);
    expect(cacheRootProblem(folder)).toBe('belongs to user 12345, so it is not used');
  });

  test('a place that cannot be made is told with the reason', () => {
    const file = writeUnder(temporaryFolder(), 'file');
    expect(makeCacheRoot(join(file, 'wasi-nn-host'))).toContain('ENOTDIR');
  });
});
