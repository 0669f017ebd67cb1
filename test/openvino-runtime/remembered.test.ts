import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findRuntime, searchPlaces } from '../../src/openvino-runtime/index.ts';
import { memoryFile } from '../../src/openvino-runtime/remembered.ts';
import { emptyEnvironment, fakeRuntime, temporaryFolder, writeProgram, writeUnder } from './support.ts';

interface Machine {
  home: string;
  env: NodeJS.ProcessEnv;
  libraryPath: string;
  /** How often python3 was run. */
  runs: () => number;
  memory: string;
}

/** A machine whose python3 has the package openvino and keeps a count of its runs. */
function machineWithPython(): Machine {
  const home = temporaryFolder();
  const env = emptyEnvironment(home);
  const site = join(home, 'site-packages');
  const libraryPath = fakeRuntime(join(site, 'openvino', 'libs'));
  addPython(home, 'bin', site);
  return {
    home,
    env,
    libraryPath,
    runs: () => readFileSync(join(home, 'runs'), 'utf8').length,
    memory: memoryFile(join(home, 'cache', 'wasi-nn-host')),
  };
}

function addPython(home: string, folder: string, site: string): void {
  const answer = JSON.stringify({ packages: [join(site, 'openvino')], watched: [site] });
  writeProgram(join(home, folder), 'python3', `#!/bin/sh\nprintf x >> '${join(home, 'runs')}'\necho '${answer}'\n`);
}

describe.skipIf(process.platform !== 'linux')('what the search remembers', () => {
  test('no later start runs python3', () => {
    const { env, libraryPath, runs } = machineWithPython();
    const expected = { libraryPath, place: 'Python package', version: '2026.4.1' };
    expect(findRuntime({ env })).toEqual(expected);
    expect(runs()).toBe(1);
    for (let start = 0; start < 5; start++) expect(findRuntime({ env })).toEqual(expected);
    expect(runs()).toBe(1);
  });

  test('that nothing is there is remembered too', () => {
    const home = temporaryFolder();
    const env = emptyEnvironment(home);
    addPython(home, 'bin', join(home, 'nowhere'));
    // The system's own directories are looked at as well, and may hold one.
    const first = findRuntime({ env });
    expect(findRuntime({ env })).toEqual(first);
    expect(readFileSync(join(home, 'runs'), 'utf8')).toBe('x');
  });

  test.each([
    ['the library is replaced', ({ libraryPath }: Machine) => writeFileSync(libraryPath, 'another size')],
    ['the library changes its time', ({ libraryPath }: Machine) => utimesSync(libraryPath, 1, 1)],
    ['a package is installed', ({ home }: Machine) => writeUnder(home, 'site-packages/new/__init__.py')],
    ['python3 is replaced', ({ home }: Machine) => utimesSync(join(home, 'bin', 'python3'), 1, 1)],
  ])('the search runs again when %s', (_title, change) => {
    const machine = machineWithPython();
    findRuntime({ env: machine.env });
    change(machine);
    expect(findRuntime({ env: machine.env })?.libraryPath).toBe(machine.libraryPath);
    expect(machine.runs()).toBe(2);
  });

  test('a package that was removed is not found any more', () => {
    const machine = machineWithPython();
    findRuntime({ env: machine.env });
    rmSync(join(machine.home, 'site-packages', 'openvino'), { recursive: true });
    expect(findRuntime({ env: machine.env })?.place).not.toBe('Python package');
  });

  test('an earlier place wins over what is remembered', () => {
    const { home, env, libraryPath, runs } = machineWithPython();
    findRuntime({ env });
    const named = fakeRuntime(join(home, 'named'), '.2541');
    expect(findRuntime({ env: { ...env, OPENVINO_DIR: join(home, 'named') } })?.libraryPath).toBe(named);
    const fetched = fakeRuntime(join(home, 'cache', 'wasi-nn-host', 'openvino', '2026.4.1'));
    expect(findRuntime({ env })?.libraryPath).toBe(fetched);
    rmSync(join(home, 'cache', 'wasi-nn-host', 'openvino'), { recursive: true });
    expect(findRuntime({ env })?.libraryPath).toBe(libraryPath);
    expect(runs()).toBe(1);
  });

  test('each python3 and each module path has an answer of its own', () => {
    const { home, env, libraryPath, runs } = machineWithPython();
    const other = fakeRuntime(join(home, 'venv-site', 'openvino', 'libs'), '.2541');
    addPython(home, 'venv', join(home, 'venv-site'));
    const venv = { ...env, PATH: `${home}/venv:${env.PATH}` };
    const modules = { ...env, PYTHONPATH: join(home, 'modules') };
    for (let round = 0; round < 3; round++) {
      expect(findRuntime({ env })?.libraryPath).toBe(libraryPath);
      expect(findRuntime({ env: venv })?.libraryPath).toBe(other);
      expect(findRuntime({ env: modules })?.libraryPath).toBe(libraryPath);
    }
    expect(runs()).toBe(3);
  });

  test('only so many answers are kept', () => {
    const { env, memory } = machineWithPython();
    for (let count = 0; count < 20; count++) findRuntime({ env: { ...env, PYTHONPATH: `/modules/${count}` } });
    const { entries } = JSON.parse(readFileSync(memory, 'utf8')) as { entries: unknown[] };
    expect(entries).toHaveLength(8);
  });

  test('the list for people asks anew and refreshes the answer', () => {
    const { env, runs } = machineWithPython();
    findRuntime({ env });
    searchPlaces({ env });
    expect(runs()).toBe(2);
    findRuntime({ env });
    expect(runs()).toBe(2);
  });

  test('without remembering nothing is read or written', () => {
    const { home, env, runs } = machineWithPython();
    findRuntime({ env, remember: false });
    findRuntime({ env, remember: false });
    expect(runs()).toBe(2);
    expect(readdirSync(home)).not.toContain('cache');
  });

  test.each([
    ['empty', ''],
    ['cut off', '{"format":1,"entries":[{"key"'],
    ['not an object', 'null'],
    ['of another format', '{"format":2,"entries":[]}'],
    ['without entries', '{"format":1}'],
    ['with entries of wrong types', '{"format":1,"entries":[null,7,"x",[],{"key":1},{"key":"k","stamps":{"a":1}}]}'],
    ['very large', JSON.stringify({ format: 1, entries: [], filler: 'x'.repeat(100_000) })],
    ['binary', '\u0000\u0001\ufffd'],
  ])('a memory that is %s counts as none', (_title, content) => {
    const { env, libraryPath, runs, memory } = machineWithPython();
    findRuntime({ env });
    writeFileSync(memory, content);
    expect(findRuntime({ env })?.libraryPath).toBe(libraryPath);
    expect(runs()).toBe(2);
    expect(findRuntime({ env })?.libraryPath).toBe(libraryPath);
    expect(runs()).toBe(2);
  });

  test.each([
    ['names a relative library', { libraryPath: 'libopenvino_c.so' }],
    ['names a library that it has no stamp of', { libraryPath: '/tmp/libopenvino_c.so' }],
    ['has no place', { place: 7 }],
  ])('a memory that %s counts as none', (_title, found) => {
    const { env, libraryPath, runs, memory } = machineWithPython();
    findRuntime({ env });
    const content = JSON.parse(readFileSync(memory, 'utf8')) as { entries: { found: object }[] };
    for (const entry of content.entries) Object.assign(entry.found, found);
    writeFileSync(memory, JSON.stringify(content));
    expect(findRuntime({ env })?.libraryPath).toBe(libraryPath);
    expect(runs()).toBe(2);
  });

  test('the memory is for its user alone', () => {
    const { home, env, memory } = machineWithPython();
    findRuntime({ env });
    expect(statSync(join(home, 'cache', 'wasi-nn-host')).mode & 0o777).toBe(0o700);
    expect(statSync(memory).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(home, 'cache', 'wasi-nn-host'))).toEqual(['runtime.json']);
  });

  test('a cache that others can write to is not read', () => {
    const { home, env, runs } = machineWithPython();
    findRuntime({ env });
    chmodSync(join(home, 'cache', 'wasi-nn-host'), 0o770);
    findRuntime({ env });
    expect(runs()).toBe(2);
  });

  test('without a usable cache the search still answers', () => {
    const { home, env, libraryPath } = machineWithPython();
    mkdirSync(join(home, 'cache'));
    writeFileSync(join(home, 'cache', 'wasi-nn-host'), 'a file');
    expect(findRuntime({ env })?.libraryPath).toBe(libraryPath);
  });
});
