import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type InstallOptions, type InstallStep, installRuntime } from '../../src/openvino-runtime/download.ts';
import { cachePlace } from '../../src/openvino-runtime/places.ts';
import { startIndex } from './package-index.ts';
import { temporaryFolder, writeProgram, writeUnder } from './support.ts';
import { WHEEL_ENTRIES, type WheelOnDisk, writeWheel } from './wheel-archive.ts';

interface Machine {
  env: NodeJS.ProcessEnv;
  /** Where runtimes are put. */
  parent: string;
  onDisk: WheelOnDisk;
}

/** An empty home, the machine's own python3 and pip, and no package but one small wheel. */
function machine(entries = WHEEL_ENTRIES): Machine {
  const home = temporaryFolder();
  const onDisk = writeWheel(join(home, 'wheels'), entries);
  const pip = { PIP_CONFIG_FILE: '/dev/null', PIP_FIND_LINKS: onDisk.folder, PIP_NO_INDEX: '1', PIP_NO_CACHE_DIR: '1' };
  const env = { PATH: process.env.PATH, HOME: home, XDG_CACHE_HOME: join(home, 'cache'), ...pip };
  return { env, parent: join(home, 'cache', 'wasi-nn-host', 'openvino'), onDisk };
}

function withIndex({ env }: Machine, url: string): NodeJS.ProcessEnv {
  return { ...env, PIP_NO_INDEX: '0', PIP_FIND_LINKS: '', PIP_INDEX_URL: url };
}

function install({ env, onDisk }: Machine, options: Partial<InstallOptions> = {}) {
  return installRuntime({ env, wheel: onDisk.wheel, ...options });
}

/** Asserts the code, that it is one line, and its words. */
function setupFailure(words: string | RegExp) {
  return expect.objectContaining({
    code: 'ERR_NN_RUNTIME_SETUP',
    message: expect.stringMatching(words instanceof RegExp ? words : new RegExp(`^[^\\n]*${words}[^\\n]*$`)),
  });
}

describe('fetching the runtime', () => {
  test('puts the libraries into the cache, where the search finds them', async () => {
    const here = machine();
    const installed = await install(here);
    const directory = join(here.parent, '2026.4.1');
    const path = join(directory, 'libopenvino_c.so.2641');
    expect(installed).toEqual({ directory, library: { path, version: '2026.4.1' }, kept: false });
    expect(cachePlace(here.env).found).toEqual({ libraryPath: path, place: 'cache', version: '2026.4.1' });
    expect(existsSync(join(directory, 'licenses', 'LICENSE'))).toBe(true);
    expect(readdirSync(here.parent)).toEqual(['2026.4.1']);
    expect(statSync(join(here.parent, '..')).mode & 0o777).toBe(0o700);
  });

  test('is not done again, unless it is forced', async () => {
    const here = machine();
    const { library } = await install(here);
    writeFileSync(library.path, 'changed');
    // No pip could be run.
    expect(await install(here, { env: { ...here.env, PATH: '/nowhere' } })).toMatchObject({ kept: true });
    expect(readFileSync(library.path, 'utf8')).toBe('changed');
    expect(await install(here, { force: true })).toMatchObject({ kept: false });
    expect(readFileSync(library.path, 'utf8')).toBe('c');
    expect(readdirSync(here.parent)).toEqual(['2026.4.1']);
  });

  test('mends a directory that is not whole', async () => {
    const here = machine();
    writeUnder(here.parent, '2026.4.1/libopenvino_c.so.2641', 'half');
    const { library } = await install(here);
    expect(readFileSync(library.path, 'utf8')).toBe('c');
    expect(readdirSync(here.parent)).toEqual(['2026.4.1']);
  });

  test.each([false, true])('several at once give one whole runtime (force: %s)', async (force) => {
    const here = machine();
    const all = await Promise.all([1, 2, 3].map(() => install(here, { force })));
    for (const { library } of all) expect(readFileSync(library.path, 'utf8')).toBe('c');
    expect(readdirSync(here.parent)).toEqual(['2026.4.1']);
  });

  test('tells how far it is', async () => {
    const noise = randomBytes(2_000_000).toString('latin1');
    const here = machine([...WHEEL_ENTRIES, ['openvino/libs/libnoise.so', noise]]);
    const { bytes, wheel } = here.onDisk;
    const index = await startIndex(here.onDisk);
    const half = bytes.length / 2;
    const steps: InstallStep[] = [];
    let halfSeen = () => {};
    const seen = new Promise<void>((resolve) => {
      halfSeen = resolve;
    });
    const onProgress = (step: InstallStep) => {
      steps.push(step);
      if (step.step === 'download' && step.byteLength > half / 2) halfSeen();
    };
    const installing = install(here, { env: withIndex(here, index.url), onProgress });
    const response = await index.asked;
    response.write(bytes.subarray(0, half));
    await seen;
    response.end(bytes.subarray(half));
    await installing;
    const downloads = steps.filter(({ step }) => step === 'download');
    expect(
      downloads.every(({ byteLength, totalBytes }) => totalBytes === wheel.byteLength && byteLength <= totalBytes),
    ).toBe(true);
    expect(steps.at(-1)).toMatchObject({ step: 'unpack', version: '2026.4.1' });
  });

  test('removes what a set-up that was killed left behind, and nothing that is at work', async () => {
    const here = machine();
    const old = writeUnder(here.parent, '.staging-1-killed/runtime/libopenvino.so.2641');
    const anHourAndMore = Date.now() / 1000 - 2 * 60 * 60;
    for (const path of [old, join(old, '..'), join(old, '../..')]) utimesSync(path, anHourAndMore, anHourAndMore);
    writeUnder(here.parent, '.staging-2-working/runtime/libopenvino.so.2641');
    // The same as the search would see it: neither is a runtime.
    const env = { ...here.env };
    mkdirSync(join(here.parent, '..'), { recursive: true, mode: 0o700 });
    await install(here, { env });
    expect(readdirSync(here.parent).sort()).toEqual(['.staging-2-working', '2026.4.1']);
  });
});

describe('a fetch that fails says why in one line and leaves nothing', () => {
  async function expectFailure(
    here: Machine,
    words: string | RegExp,
    options: Partial<InstallOptions> = {},
  ): Promise<void> {
    await expect(install(here, options)).rejects.toThrow(setupFailure(words));
    expect(existsSync(here.parent) ? readdirSync(here.parent) : []).toEqual([]);
  }

  test('another file than the pinned one', async () => {
    const here = machine();
    const pinned = here.onDisk.wheel;
    writeWheel(here.onDisk.folder, [...WHEEL_ENTRIES, ['openvino/libs/libevil.so', 'x']]);
    await expectFailure(here, `not the pinned one.*${pinned.sha256}`);
  });

  test('a pip that checks nothing', async () => {
    const here = machine();
    const bin = join(here.parent, '../../../bin');
    const script =
      '#!/bin/sh\nwhile [ "$1" != --dest ]; do shift; done\n/bin/mkdir -p "$2"; echo evil > "$2/openvino.whl"\n';
    writeProgram(bin, 'pip3', script);
    await expectFailure(here, 'the file that pip got is not the pinned one', {
      env: { ...here.env, PATH: bin },
    });
  });

  test('no index to be reached', async () => {
    const here = machine();
    const env = withIndex(here, 'http://127.0.0.1:9/simple/');
    await expectFailure(here, 'its package index cannot be reached .*Connection refused', { env, impatient: true });
  });

  test('an index without the package', async () => {
    const here = machine();
    const env = { ...here.env, PIP_FIND_LINKS: here.parent };
    await expectFailure(here, 'its package index has no openvino at all', { env });
  });

  test('an index that never answers', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const here = machine();
    const env = withIndex(here, `http://127.0.0.1:${(server.address() as { port: number }).port}/simple/`);
    await expectFailure(here, 'pip got nothing for 1 s and was ended', { env, idleLimitMs: 1000 });
  });

  test('an interruption in the middle of the file, which ends pip as well', async () => {
    const here = machine();
    const index = await startIndex(here.onDisk);
    const interruption = new AbortController();
    const failure = expectFailure(here, 'interrupted', {
      env: withIndex(here, index.url),
      signal: interruption.signal,
    });
    const response = await index.asked;
    const connectionClosed = new Promise((resolve) => response.once('close', resolve));
    response.write(here.onDisk.bytes.subarray(0, 100));
    interruption.abort();
    await failure;
    await connectionClosed;
  });

  test('no pip', async () => {
    const here = machine();
    const venv = join(here.parent, '../../../venv');
    execFileSync('python3', ['-m', 'venv', '--without-pip', venv]);
    await expectFailure(here, 'python3-pip', { env: { ...here.env, PATH: join(venv, 'bin') } });
    await expectFailure(here, 'python3-pip', { env: { ...here.env, PATH: '/nowhere' } });
  });

  test('a python3 without pip is passed over for a pip that is there', async () => {
    const here = machine();
    const venv = join(here.parent, '../../../venv');
    execFileSync('python3', ['-m', 'venv', '--without-pip', venv]);
    const real = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim();
    writeProgram(join(venv, 'bin'), 'pip', `#!/bin/sh\nexec '${real}' -m pip "$@"\n`);
    expect(await install(here, { env: { ...here.env, PATH: join(venv, 'bin') } })).toMatchObject({ kept: false });
  });

  test('a demand for virtual environments is for installing only', async () => {
    const here = machine();
    const env = { ...here.env, PIP_REQUIRE_VIRTUALENV: '1' };
    expect(await install(here, { env })).toMatchObject({ kept: false });
  });

  test('a package without the libraries', async () => {
    const here = machine(WHEEL_ENTRIES.filter(([name]) => !name.includes('libopenvino_c')));
    await expectFailure(here, 'the package holds no usable runtime: no libopenvino_c.so');
  });

  test('a package that cannot be unpacked', async () => {
    const here = machine([...WHEEL_ENTRIES, ['openvino/libs/libtbb.so.12', 'twice']]);
    await expectFailure(here, 'could not be put into .*EEXIST');
  });

  test('a disk without the space', async () => {
    const here = machine();
    const wheel = { ...here.onDisk.wheel, unpackedByteLength: 1e16 };
    await expectFailure(here, 'OpenVINO needs 10000000001 MB free there', { wheel });
  });

  test('a cache that is a file', async () => {
    const here = machine();
    writeUnder(here.env.XDG_CACHE_HOME ?? '', 'wasi-nn-host', 'x');
    await expect(install(here)).rejects.toThrow(setupFailure('cannot be kept in'));
  });
});
