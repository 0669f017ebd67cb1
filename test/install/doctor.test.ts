import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { doctor } from '../../src/cli/doctor.ts';
import type { DoctorReport } from '../../src/cli/doctor-report.ts';
import { addonPlaces } from '../../src/native/addon.ts';
import { findRuntime } from '../../src/openvino-runtime/index.ts';
import { findOpenvinoNode } from '../../src/openvino-runtime/places.ts';
import { probeOpenvinoNode } from '../../src/openvino-runtime/probe.ts';
import { emptyEnvironment, fakeRuntime, temporaryFolder, writeUnder } from '../openvino-runtime/support.ts';
import { skipUnless } from '../support/requirements.ts';
import { recordedIo } from './support.ts';

const runtime = findRuntime();
const addonBuilt = { met: addonPlaces().some((place) => existsSync(place)), reason: 'the native addon is not built' };
const runtimeThere = { met: runtime !== undefined && addonBuilt.met, reason: 'no OpenVINO, or no addon to open it' };

afterEach(() => {
  vi.unstubAllEnvs();
});

async function examined(env: NodeJS.ProcessEnv, args: readonly string[] = []): Promise<[number, DoctorReport]> {
  const { io, stdout } = recordedIo(env);
  const exitCode = await doctor(['--json', ...args], io);
  return [exitCode, JSON.parse(stdout()) as DoctorReport];
}

/** Nothing found, unless the system itself has an OpenVINO. */
function empty(): NodeJS.ProcessEnv {
  return emptyEnvironment(temporaryFolder());
}

describe.skipIf(skipUnless(runtimeThere))('with a usable OpenVINO', () => {
  const libraryPath = runtime?.libraryPath ?? '';

  test('it is opened, its devices are named, and guests can run', async () => {
    const [exitCode, report] = await examined({ ...empty(), OPENVINO_DIR: dirname(libraryPath) });
    expect(exitCode).toBe(0);
    expect(report).toMatchObject({ ready: true, backend: { name: 'native' }, addon: { usable: true } });
    expect(report.advice).toBeUndefined();
    const [chosen, ...others] = report.places.filter((place) => place.chosen);
    expect(others).toEqual([]);
    expect(chosen).toMatchObject({ place: 'OPENVINO_DIR', libraryPath, runtime: { usable: true } });
    const answer = chosen?.runtime?.usable ? chosen.runtime.answer : undefined;
    expect(answer?.version).toBe(chosen?.version ?? answer?.version);
    expect(answer?.devices).toContainEqual({ name: 'CPU', fullName: expect.stringMatching(/\S/) });
  });

  test('every place that holds one is opened, the first one is taken', async () => {
    const folder = dirname(libraryPath);
    const env = { ...empty(), OPENVINO_INSTALL_DIR: folder, LD_LIBRARY_PATH: folder };
    const [, report] = await examined(env);
    const opened = report.places.filter((place) => place.runtime?.usable).map(({ place, chosen }) => [place, chosen]);
    expect(opened.slice(0, 2)).toEqual([
      ['OPENVINO_INSTALL_DIR', true],
      ['LD_LIBRARY_PATH', false],
    ]);
  });

  test('the text marks the one that is taken and ends in a verdict', async () => {
    const { io, stdout, stderr } = recordedIo({ ...empty(), OPENVINO_DIR: dirname(libraryPath) });
    expect(await doctor([], io)).toBe(0);
    expect(stdout()).toMatch(/^\* OPENVINO_DIR +\S+ {2}\//m);
    expect(stdout()).toMatch(/^ +opens as \d+\.\d+\.\d+, devices: .*CPU/m);
    expect(stdout()).toMatch(/^backend +native: /m);
    expect(stdout()).toMatch(/\n\nGuests can run inference here\.\n$/);
    expect(stderr()).toBe('');
    const values = stdout()
      .split('\n\n')[0]
      ?.split('\n')
      .map((line) => /^.{2}\S*(?: \S+)*\s{2,}/.exec(line)?.[0].length);
    expect(new Set(values).size).toBe(1);
  });

  test('one that comes first and does not open is the advice', async () => {
    const broken = join(temporaryFolder(), 'broken');
    fakeRuntime(broken);
    const env = { ...empty(), OPENVINO_DIR: broken, LD_LIBRARY_PATH: dirname(libraryPath) };
    const [exitCode, report] = await examined(env);
    expect(exitCode).toBe(1);
    expect(report.ready).toBe(false);
    expect(report.advice).toContain(`set OPENVINO_DIR to ${libraryPath}`);
  });
});

describe.skipIf(skipUnless(addonBuilt))('with an OpenVINO that is none', () => {
  test('a file that is no library', async () => {
    const folder = temporaryFolder();
    fakeRuntime(folder);
    const [exitCode, report] = await examined(empty(), ['--openvino-dir', folder]);
    expect(exitCode).toBe(1);
    expect(report.places).toHaveLength(1);
    expect(report.places[0]).toMatchObject({ chosen: true, runtime: { usable: false, reason: /./ } });
    expect(report.backend.reason).toContain('OpenVINO does not open');
  });

  test('a library that crashes takes only its own process with it', async () => {
    const folder = temporaryFolder();
    fakeRuntime(folder);
    const source = writeUnder(
      folder,
      'crash.c',
      'void abort(void); __attribute__((constructor)) void f(void) { abort(); }',
    );
    execFileSync('cc', ['-shared', '-fPIC', source, '-o', join(folder, 'libopenvino_c.so.2641')]);
    const [exitCode, report] = await examined(empty(), ['--openvino-dir', folder]);
    expect(exitCode).toBe(1);
    expect(report.places[0]?.runtime).toEqual({ usable: false, reason: 'crashed the process that tried it (SIGABRT)' });
  });
});

describe('without what is needed', () => {
  test('a named place that holds nothing', async () => {
    const folder = temporaryFolder();
    const [exitCode, report] = await examined(empty(), ['--openvino-dir', join(folder, 'gone')]);
    expect(exitCode).toBe(1);
    expect(report.places).toEqual([
      { place: 'the place you named', detail: `${join(folder, 'gone')}: not there`, chosen: false },
    ]);
    expect(report.ready).toBe(false);
  });

  test('no addon: what to run', async () => {
    const missing = join(temporaryFolder(), 'missing.node');
    vi.stubEnv('WASI_NN_HOST_ADDON', missing);
    const [exitCode, report] = await examined(empty());
    expect(exitCode).toBe(1);
    const reason = `not built: WASI_NN_HOST_ADDON names ${missing}, which is not there`;
    expect(report.addon).toEqual({ usable: false, reason });
    expect(report.advice).toContain(reason);
  });

  test('an addon that does not load: the reason', async () => {
    const file = writeUnder(temporaryFolder(), 'broken.node', 'not a library');
    vi.stubEnv('WASI_NN_HOST_ADDON', file);
    const { io, stdout } = recordedIo(empty());
    expect(await doctor([], io)).toBe(1);
    expect(stdout()).toMatch(
      new RegExp(`^native addon +not loaded from ${file}, .*(invalid ELF header|too short|not a)`, 'm'),
    );
    expect(stdout()).toMatch(/\n\nGuests cannot run inference here: .*build:native.*\n$/);
  });

  test.each([[['--wrong']], [['argument']], [['--openvino-dir']]])('%j is wrong usage', async (args) => {
    const { io, stdout, stderr } = recordedIo({});
    expect(await doctor(args, io)).toBe(2);
    expect(stderr()).toContain('Usage: wasi-nn-host doctor');
    expect(stdout()).toBe('');
  });
});

describe('openvino-node', () => {
  test.skipIf(findOpenvinoNode() !== undefined)('that is not installed: why, and how to get it', async () => {
    const { io, stdout } = recordedIo(empty());
    await doctor([], io);
    expect(stdout()).toMatch(
      /^openvino-node +not installed; it is optional: "npm install openvino-node" adds it, .*$/m,
    );
  });

  test('its version and devices are asked of the package itself', async () => {
    const folder = temporaryFolder();
    const source = `
      console.log('chatter');
      exports.addon = {
        Core: class { getAvailableDevices() { return ['CPU', 'GPU.0']; } },
        getOpenvinoVersion: () => ({ buildNumber: '2026.4.0-22900-abc-releases/2026/4' }),
      };`;
    writeUnder(folder, 'index.js', source);
    expect(await probeOpenvinoNode(folder, process.env)).toEqual({
      usable: true,
      answer: {
        version: '2026.4.0',
        build: '2026.4.0-22900-abc-releases/2026/4',
        devices: [
          { name: 'CPU', fullName: '' },
          { name: 'GPU.0', fullName: '' },
        ],
      },
    });
  });

  test.each([
    ['throws while it loads', 'throw new Error("no binary\\nmany lines")', 'no binary'],
    ['exits', 'process.exit(7)', 'ended the process that tried it (7)'],
    ['says why and exits', 'console.error("bad\\nno library"); process.exit(7)', 'no library'],
    ['is something else', 'module.exports = {}', /undefined/],
  ])('a package that %s is not usable', async (_title, source, reason) => {
    const folder = temporaryFolder();
    writeUnder(folder, 'index.js', source);
    const probe = await probeOpenvinoNode(folder, process.env);
    expect(probe).toEqual({
      usable: false,
      reason: typeof reason === 'string' ? reason : expect.stringMatching(reason),
    });
  });
});
