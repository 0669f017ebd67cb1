import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  compareVersions,
  libraryInDirectory,
  libraryUnder,
  parseLibraryName,
} from '../../src/openvino-runtime/library-files.ts';
import { fakeRuntime, temporaryFolder, writeUnder } from './support.ts';

const linux = describe.skipIf(process.platform !== 'linux');

linux('library names', () => {
  test.each([
    ['libopenvino_c.so', { stem: 'libopenvino_c' }],
    ['libopenvino_c.so.2641', { stem: 'libopenvino_c', version: '2026.4.1' }],
    ['libopenvino_c.so.2460', { stem: 'libopenvino_c', version: '2024.6.0' }],
    ['libopenvino_c.so.2541', { stem: 'libopenvino_c', version: '2025.4.1' }],
    ['libopenvino_c.so.2026.4.1', { stem: 'libopenvino_c', version: '2026.4.1' }],
    ['libopenvino.so.2541', { stem: 'libopenvino', version: '2025.4.1' }],
    ['libopenvino_c.so.7', { stem: 'libopenvino_c' }],
    ['libopenvino_ir_frontend.so.2641', undefined],
    ['libopenvino_c.so.2641.bak', undefined],
    ['xlibopenvino_c.so', undefined],
    ['libopenvino_c.a', undefined],
  ])('%s', (name, expected) => {
    expect(parseLibraryName(name)).toEqual(expected);
  });

  test('versions are ordered by number', () => {
    const versions = ['2025.10.0', undefined, '2026.1.0', '2025.9.1', '2025.10.1'];
    expect(versions.sort((a, b) => compareVersions(b, a))).toEqual([
      '2026.1.0',
      '2025.10.1',
      '2025.10.0',
      '2025.9.1',
      undefined,
    ]);
  });
});

linux('a directory of libraries', () => {
  test('the newest version is taken', () => {
    const folder = temporaryFolder();
    fakeRuntime(folder, '.2460');
    const newest = fakeRuntime(folder, '.2641');
    fakeRuntime(folder, '.2541');
    expect(libraryInDirectory(folder)).toEqual({ found: { path: newest, version: '2026.4.1' } });
  });

  test('of the names of one version the soname is taken', () => {
    const folder = temporaryFolder();
    fakeRuntime(folder, '.2025.4.1');
    for (const stem of ['libopenvino', 'libopenvino_c']) {
      symlinkSync(`${stem}.so.2025.4.1`, join(folder, `${stem}.so.2541`));
      symlinkSync(`${stem}.so.2541`, join(folder, `${stem}.so`));
    }
    expect(libraryInDirectory(folder)).toEqual({
      found: { path: join(folder, 'libopenvino_c.so.2541'), version: '2025.4.1' },
    });
  });

  test('an unversioned link tells the version of what it links to', () => {
    const folder = temporaryFolder();
    const real = join(folder, 'real');
    fakeRuntime(real, '.2641');
    for (const stem of ['libopenvino', 'libopenvino_c']) {
      symlinkSync(join(real, `${stem}.so.2641`), join(folder, `${stem}.so`));
    }
    expect(libraryInDirectory(folder)).toEqual({
      found: { path: join(folder, 'libopenvino_c.so'), version: '2026.4.1' },
    });
  });

  test('a library without any version is taken as it is', () => {
    const folder = temporaryFolder();
    const path = fakeRuntime(folder, '');
    expect(libraryInDirectory(folder)).toEqual({ found: { path } });
  });

  test('libraries of two versions are never mixed', () => {
    const folder = temporaryFolder();
    writeUnder(folder, 'libopenvino_c.so.2641');
    writeUnder(folder, 'libopenvino.so.2541');
    expect(libraryInDirectory(folder)).toEqual({ problem: expect.stringContaining('without libopenvino of the same') });
  });

  test('an older pair is taken where the newest C library stands alone', () => {
    const folder = temporaryFolder();
    writeUnder(folder, 'libopenvino_c.so.2641');
    const path = fakeRuntime(folder, '.2541');
    expect(libraryInDirectory(folder)).toEqual({ found: { path, version: '2025.4.1' } });
  });

  test.each([
    ['that is empty', (folder: string) => folder, 'no libopenvino_c.so'],
    ['that is not there', (folder: string) => join(folder, 'absent'), 'not there'],
  ])('a directory %s says so', (_title, pathIn, problem) => {
    expect(libraryInDirectory(pathIn(temporaryFolder()))).toEqual({ problem });
  });
});

linux('what a user may call the OpenVINO directory', () => {
  const archive = process.arch === 'arm64' ? 'aarch64' : 'intel64';

  test.each([
    ['an install root', `runtime/lib/${archive}`, '.'],
    ['its runtime directory', `runtime/lib/${archive}`, 'runtime'],
    ['its directory for CMake', `runtime/lib/${archive}`, 'runtime/cmake'],
    ['its directory of libraries', `runtime/lib/${archive}`, `runtime/lib/${archive}`],
    ['an unpacked wheel', 'openvino/libs', '.'],
    ['the package of a wheel', 'openvino/libs', 'openvino'],
    ['a prefix', 'lib', '.'],
    ['a 64-bit prefix', 'lib64', '.'],
  ])('%s', (_title, libraries, named) => {
    const folder = temporaryFolder();
    const path = fakeRuntime(join(folder, libraries));
    writeUnder(folder, 'runtime/cmake/OpenVINOConfig.cmake');
    expect(libraryUnder(join(folder, named))).toEqual({ found: { path, version: '2026.4.1' } });
  });

  test('the library itself, and then nothing beside it is asked for', () => {
    const path = writeUnder(temporaryFolder(), 'libopenvino_c.so.2641');
    expect(libraryUnder(path)).toEqual({ found: { path, version: '2026.4.1' } });
  });

  test.each([
    ['a library that is not the C library', 'libopenvino.so.2641', 'is not libopenvino_c.so'],
    ['a path that is not there', 'absent/deep', 'not there'],
    ['a path through a file', 'libopenvino.so.2641/libs', 'not there'],
    ['a directory without libraries', 'empty', expect.stringContaining('no libopenvino_c.so in it, nor in libs')],
  ])('%s is refused with a reason', (_title, named, problem) => {
    const folder = temporaryFolder();
    writeUnder(folder, 'libopenvino.so.2641');
    writeUnder(folder, 'empty/readme');
    expect(libraryUnder(join(folder, named))).toEqual({ problem });
  });

  test('a mixed directory below is named as the reason', () => {
    const folder = temporaryFolder();
    writeUnder(folder, 'libs/libopenvino_c.so.2641');
    expect(libraryUnder(folder)).toEqual({ problem: expect.stringMatching(/^libs: libopenvino_c.so.2641 without/) });
  });

  test('the directory for CMake alone leads upwards', () => {
    const folder = temporaryFolder();
    fakeRuntime(join(folder, 'lib', archive));
    writeUnder(folder, 'other/readme');
    expect(libraryUnder(join(folder, 'other'))).toHaveProperty('problem');
  });
});
