import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { setup } from '../../src/cli/setup.ts';
import { cachePlace } from '../../src/openvino-runtime/places.ts';
import { RUNTIME_WHEELS } from '../../src/openvino-runtime/wheel.ts';
import { emptyEnvironment, fakeRuntime, temporaryFolder } from '../openvino-runtime/support.ts';
import { recordedIo } from './support.ts';

/** Nothing is found here, unless the system itself has an OpenVINO, and no package index can be reached. */
function offline(): NodeJS.ProcessEnv {
  return {
    ...emptyEnvironment(temporaryFolder()),
    PATH: process.env.PATH,
    PIP_CONFIG_FILE: '/dev/null',
    PIP_INDEX_URL: 'http://127.0.0.1:9/simple/',
    PIP_RETRIES: '1',
    PIP_NO_CACHE_DIR: '1',
  };
}

function withRuntime(): { env: NodeJS.ProcessEnv; libraryPath: string } {
  const home = temporaryFolder();
  const libraryPath = fakeRuntime(join(home, 'openvino'));
  return { env: { ...offline(), OPENVINO_DIR: join(home, 'openvino') }, libraryPath };
}

describe.skipIf(process.platform !== 'linux')('wasi-nn-host setup', () => {
  test.each([[[]], [['--check']], [['--if-missing']]])('%j says where OpenVINO is when one is found', async (args) => {
    const { env, libraryPath } = withRuntime();
    const { io, stdout, stderr } = recordedIo(env);
    expect(await setup(args, io)).toBe(0);
    expect(stdout()).toBe(`OpenVINO 2026.4.1: ${libraryPath} (OPENVINO_DIR)\n`);
    expect(stderr()).toBe('');
  });

  test('--check fetches nothing', async () => {
    const env = offline();
    const { io, stdout, stderr } = recordedIo(env);
    expect(await setup(['--check'], io)).toBe(1);
    expect(stdout()).toBe('');
    expect(stderr()).toMatch(/^wasi-nn-host: no OpenVINO was found.*\n$/);
    expect(existsSync(join(env.XDG_CACHE_HOME ?? '', 'wasi-nn-host', 'openvino'))).toBe(false);
  });

  test('without network it fails with one line', async () => {
    const { io, stdout, stderr } = recordedIo(offline());
    expect(await setup([], io)).toBe(1);
    expect(stdout()).toBe('');
    const failures = stderr()
      .split('\n')
      .filter((line) => line.startsWith('wasi-nn-host:'));
    expect(failures).toHaveLength(1);
    expect(failures[0]).toMatch(/package index cannot be reached .*Connection refused/);
  });

  test('--if-missing succeeds without network, and says how to go on', async () => {
    const { io, stderr } = recordedIo(offline());
    expect(await setup(['--if-missing'], io)).toBe(0);
    expect(stderr()).toContain('package index cannot be reached');
    expect(stderr()).toContain('node run.js setup');
  });

  test('--if-missing does nothing where WASI_NN_HOST_SKIP_SETUP is set', async () => {
    const env: NodeJS.ProcessEnv = { ...offline(), WASI_NN_HOST_SKIP_SETUP: '1' };
    const { io, stdout, stderr } = recordedIo(env);
    expect(await setup(['--if-missing'], io)).toBe(0);
    expect(stdout() + stderr()).toBe('');
    expect(existsSync(env.XDG_CACHE_HOME ?? '')).toBe(false);
  });

  test('--force fetches although one is found', async () => {
    const { io, stderr } = recordedIo(withRuntime().env);
    expect(await setup(['--force'], io)).toBe(1);
    expect(stderr()).toContain('package index cannot be reached');
  });

  test('on a terminal the progress is one line, removed at the end', async () => {
    const { io, stderr } = recordedIo(offline(), true);
    await setup([], io);
    // Back to the start of the line and clear it.
    expect(stderr().split('\r\u001b[K')).toEqual([
      '',
      expect.stringMatching(/^fetching OpenVINO 2026\.4\.1: 0 % of \d+ MB$/),
      expect.stringMatching(/^wasi-nn-host: .*\n$/),
    ]);
  });

  test.each([[['--check', '--force']], [['--if-missing', '--check']], [['--force', '--if-missing']]])(
    '%j contradicts itself',
    async (args) => {
      const { io, stdout, stderr } = recordedIo({});
      expect(await setup(args, io)).toBe(2);
      expect(stderr()).toMatch(/^wasi-nn-host setup: --\S+ and --\S+ exclude each other\n/);
      expect(stdout()).toBe('');
    },
  );

  test.each([[['--wrong']], [['argument']], [['--check=yes']]])('%j is wrong usage', async (args) => {
    const { io, stdout, stderr } = recordedIo({});
    expect(await setup(args, io)).toBe(2);
    expect(stderr()).toContain('Usage: wasi-nn-host setup');
    expect(stdout()).toBe('');
  });

  test('--help', async () => {
    const { io, stdout } = recordedIo({});
    expect(await setup(['--help'], io)).toBe(0);
    expect(stdout()).toContain('Usage: wasi-nn-host setup');
  });
});

const wheel = RUNTIME_WHEELS[`${process.platform}-${process.arch}`];
const fetched = cachePlace(process.env).found;

// Where this machine's own OpenVINO is one that `setup` fetched, which installing the package does where none was found.
test.skipIf(fetched?.version !== wheel?.version)('what was fetched is what the pin says', () => {
  const folder = join(fetched?.libraryPath ?? '', '..');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  const bytes = files.map((file) => statSync(file)).reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
  expect(bytes).toBe(wheel?.unpackedByteLength);
});
