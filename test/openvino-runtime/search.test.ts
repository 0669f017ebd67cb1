import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findRuntime, runtimeNotFound, searchPlaces } from '../../src/openvino-runtime/index.ts';
import {
  cachePlace,
  intelPlace,
  libraryPathPlace,
  linkerPlace,
  openvinoNodePlace,
} from '../../src/openvino-runtime/places.ts';
import { findOnPath } from '../../src/openvino-runtime/python.ts';
import { emptyEnvironment, fakeRuntime, temporaryFolder, writeProgram, writeUnder } from './support.ts';

const linux = describe.skipIf(process.platform !== 'linux');

/** Every place that a test can fill without touching the machine, in the documented order. */
const ORDER = [
  'OPENVINO_DIR',
  'OPENVINO_INSTALL_DIR',
  'INTEL_OPENVINO_DIR',
  'LD_LIBRARY_PATH',
  'cache',
  'Python package',
] as const;

function fill(place: (typeof ORDER)[number], home: string, env: NodeJS.ProcessEnv): string {
  if (place === 'cache') {
    mkdirSync(join(home, 'cache', 'wasi-nn-host'), { recursive: true, mode: 0o700 });
    return fakeRuntime(join(home, 'cache', 'wasi-nn-host', 'openvino', '2026.4.1'));
  }
  if (place === 'Python package') {
    env.PYTHONPATH = join(home, 'modules');
    env.PATH = process.env.PATH;
    writeUnder(home, 'modules/openvino/__init__.py', 'raise SystemExit("the package must not be imported")');
    return fakeRuntime(join(home, 'modules', 'openvino', 'libs'));
  }
  env[place] = join(home, place);
  return fakeRuntime(join(home, place));
}

linux('the order of the search', () => {
  test('is the documented one', () => {
    const names = searchPlaces({ env: emptyEnvironment(temporaryFolder()) }).map(({ place }) => place);
    expect(names).toEqual([
      'OPENVINO_DIR',
      'OPENVINO_INSTALL_DIR',
      'INTEL_OPENVINO_DIR',
      'LD_LIBRARY_PATH',
      'openvino-node',
      'cache',
      'Python package',
      '/opt/intel',
      'system libraries',
    ]);
  });

  test.each(ORDER.map((place, index) => [place, ORDER.slice(index)] as const))(
    '%s comes before whatever stands behind it',
    (first, filled) => {
      const home = temporaryFolder();
      const env = emptyEnvironment(home);
      const libraries = filled.map((place) => fill(place, home, env));
      // What openvino-node fetched, where that is installed, stands before the cache; a test cannot take it away.
      const places = searchPlaces({ env }).filter(({ place }) => place !== 'openvino-node');
      const found = places.filter((place) => place.found);
      expect(found[0]?.found).toEqual({ libraryPath: libraries[0], place: first, version: '2026.4.1' });
      expect(found.map(({ place }) => place)).toEqual(expect.arrayContaining([...filled]));
    },
  );

  test('findRuntime takes the first place that searchPlaces finds', () => {
    const home = temporaryFolder();
    const env = emptyEnvironment(home);
    for (const place of ORDER) fill(place, home, env);
    const listed = searchPlaces({ env }).find((place) => place.found);
    expect(findRuntime({ env })).toEqual(listed?.found);
    expect(findRuntime({ env, remember: false })).toEqual(listed?.found);
  });
});

linux('the place named by an option', () => {
  test('is the only one looked at', () => {
    const home = temporaryFolder();
    const env = emptyEnvironment(home);
    fill('OPENVINO_DIR', home, env);
    const libraryPath = fakeRuntime(join(home, 'named'), '.2541');
    const expected = { libraryPath, place: 'the place you named', version: '2025.4.1' };
    expect(findRuntime({ explicit: join(home, 'named'), env })).toEqual(expected);
    expect(searchPlaces({ explicit: join(home, 'named'), env })).toEqual([
      { place: 'the place you named', detail: libraryPath, found: expected },
    ]);
  });

  test('is an error when it holds nothing, whatever else is there', () => {
    const home = temporaryFolder();
    const env = emptyEnvironment(home);
    fill('OPENVINO_DIR', home, env);
    const wrong = join(home, 'wrong');
    expect(() => findRuntime({ explicit: wrong, env })).toThrow(
      expect.objectContaining({ code: 'ERR_NN_RUNTIME_NOT_FOUND', message: expect.stringContaining(wrong) }),
    );
  });
});

linux('environment variables', () => {
  test('one that points at nothing is passed over, and the list says so', () => {
    const home = temporaryFolder();
    const env = { ...emptyEnvironment(home), OPENVINO_DIR: join(home, 'gone') };
    const libraryPath = fill('INTEL_OPENVINO_DIR', home, env);
    expect(findRuntime({ env })).toMatchObject({ libraryPath, place: 'INTEL_OPENVINO_DIR' });
    expect(searchPlaces({ env })[0]).toEqual({ place: 'OPENVINO_DIR', detail: `${join(home, 'gone')}: not there` });
  });

  test('empty entries of LD_LIBRARY_PATH are not the current directory', () => {
    const folder = temporaryFolder();
    fakeRuntime(folder);
    const before = process.cwd();
    process.chdir(folder);
    try {
      expect(libraryPathPlace({ LD_LIBRARY_PATH: '::' })).toEqual({ place: 'LD_LIBRARY_PATH', detail: 'not set' });
      expect(libraryPathPlace({ LD_LIBRARY_PATH: `:${folder}:` }).found?.libraryPath).toContain(folder);
    } finally {
      process.chdir(before);
    }
  });

  test('every directory of LD_LIBRARY_PATH without the library is named', () => {
    const folder = temporaryFolder();
    writeUnder(folder, 'a/readme');
    writeUnder(folder, 'c/readme');
    const { detail, found } = libraryPathPlace({ LD_LIBRARY_PATH: `${folder}/a:${folder}/b:${folder}/c` });
    expect(found).toBeUndefined();
    expect(detail).toBe(`${folder}/a, ${folder}/c: no libopenvino_c.so; ${folder}/b: not there`);
  });
});

linux('openvino-node', () => {
  test('is found in a node_modules above, when it brought the C library', () => {
    const home = temporaryFolder();
    const libraryPath = fakeRuntime(join(home, 'node_modules', 'openvino-node', 'bin'), '.2640');
    const from = join(home, 'node_modules', 'wasi-nn-host', 'dist');
    expect(openvinoNodePlace(from).found).toEqual({ libraryPath, place: 'openvino-node', version: '2026.4.0' });
  });

  test.each([
    ['without what its installation fetches', 'package.json', 'fetched nothing'],
    ['without the C library', 'bin/libopenvino.so.2640', 'no libopenvino_c.so'],
    ['with a C library of another version', 'bin/libopenvino_c.so.2541', 'without libopenvino of the same version'],
  ])('is not used %s', (_title, file, detail) => {
    const home = temporaryFolder();
    writeUnder(home, `node_modules/openvino-node/${file}`);
    writeUnder(home, 'node_modules/openvino-node/package.json', '{}');
    expect(openvinoNodePlace(home)).toEqual({ place: 'openvino-node', detail: expect.stringContaining(detail) });
  });
});

linux('the cache', () => {
  test('gives its newest version and leaves out what is not a version', () => {
    const home = temporaryFolder();
    const env = emptyEnvironment(home);
    fill('cache', home, env);
    const parent = join(home, 'cache', 'wasi-nn-host', 'openvino');
    fakeRuntime(join(parent, '2025.10.0'), '.2541');
    fakeRuntime(join(parent, '.staging-1-x'), '.2799');
    const libraryPath = fakeRuntime(join(parent, '2027.0.0'), '.2700');
    expect(cachePlace(env).found).toEqual({ libraryPath, place: 'cache', version: '2027.0.0' });
  });
});

linux('the Python package', () => {
  test('is not looked for in the current directory', () => {
    const home = temporaryFolder();
    const env = { ...emptyEnvironment(home), PATH: process.env.PATH };
    writeUnder(home, 'openvino/__init__.py');
    fakeRuntime(join(home, 'openvino', 'libs'));
    writeUnder(home, 'json.py', 'raise SystemExit("a module of the current directory was imported")');
    const before = process.cwd();
    process.chdir(home);
    try {
      const python = searchPlaces({ env }).find(({ place }) => place === 'Python package');
      expect(python?.detail).toMatch(/has no package openvino$/);
    } finally {
      process.chdir(before);
    }
  });

  test.each([
    ['that fails', 'echo oh no >&2; exit 3', 'ended with exit code 3: oh no'],
    ['that says something else', 'echo hello', 'gave no readable answer'],
    ['that names a relative place', `echo '{"packages":["openvino"],"watched":[]}'`, 'has no package openvino'],
    ['that answers with other types', `echo '{"packages":7,"watched":{"a":1}}'`, 'has no package openvino'],
  ])('a python3 %s is reported, nothing more', (_title, script, detail) => {
    const home = temporaryFolder();
    const env = emptyEnvironment(home);
    const python = writeProgram(join(home, 'bin'), 'python3', `#!/bin/sh\n${script}\n`);
    const place = searchPlaces({ env }).find((searched) => searched.place === 'Python package');
    expect(place).toMatchObject({ detail: `${python}: ${detail}` });
  });

  test('relative entries of PATH are passed over', () => {
    const home = temporaryFolder();
    const python = writeProgram(join(home, 'bin'), 'python3', '#!/bin/sh\n');
    const before = process.cwd();
    process.chdir(dirname(python));
    try {
      expect(findOnPath('python3', { PATH: '.::bin' })).toBeUndefined();
      expect(findOnPath('python3', { PATH: `.:${dirname(python)}` })).toBe(python);
    } finally {
      process.chdir(before);
    }
  });

  test('what is not an executable file is not python3', () => {
    const home = temporaryFolder();
    writeUnder(home, 'a/python3', '#!/bin/sh\n');
    mkdirSync(join(home, 'b', 'python3'), { recursive: true });
    expect(findOnPath('python3', { PATH: `${home}/a:${home}/b` })).toBeUndefined();
  });
});

linux('system places', () => {
  test('the newest /opt/intel/openvino* is taken', () => {
    const folder = temporaryFolder();
    const archive = process.arch === 'arm64' ? 'aarch64' : 'intel64';
    fakeRuntime(join(folder, 'openvino_2024.6', 'runtime', 'lib', archive), '.2460');
    const libraryPath = fakeRuntime(join(folder, 'openvino_2025', 'runtime', 'lib', archive), '.2541');
    writeUnder(folder, 'openvino_2099/readme');
    fakeRuntime(join(folder, 'oneapi'), '.2641');
    expect(intelPlace(folder).found).toEqual({ libraryPath, place: '/opt/intel', version: '2025.4.1' });
  });

  test('directories in the dynamic linker cache come before the standard ones', () => {
    const folder = temporaryFolder();
    const cached = fakeRuntime(join(folder, 'cached'), '.2541');
    fakeRuntime(join(folder, 'standard'));
    const cacheFile = join(folder, 'ld.so.cache');
    const strings = ['glibc-ld.so.cache1.1', 'libopenvino_c.so.2541', cached, '/lib/libc.so.6', ''];
    writeFileSync(cacheFile, strings.join('\0'));
    expect(linkerPlace(cacheFile, [join(folder, 'standard')]).found?.libraryPath).toBe(cached);
    expect(linkerPlace(join(folder, 'absent'), [join(folder, 'standard')]).found?.version).toBe('2026.4.1');
  });
});

test('the error for nothing found says what to do', () => {
  const error = runtimeNotFound();
  expect(error.code).toBe('ERR_NN_RUNTIME_NOT_FOUND');
  expect(error.message).toContain('setup');
  expect(error.message).toContain('OPENVINO_DIR');
  expect(error.message).not.toContain('\n');
});
