/**
 * The file calls on a kernel that seems older than this one: a real filter answers openat2 and other newer system calls as
 * old kernels do (ENOSYS), and as containers do whose filter does not know them (EPERM). Whole test files run below it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { firstNode, type Requirement, skipUnless } from '../support/requirements.ts';
import { addonAndRuntimes } from '../support/runtimes.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const REFUSING = fileURLToPath(new URL('refusing.py', import.meta.url));
const VITEST = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vitest.config.ts'];
const LIMIT_MS = 900_000;
const { ENOSYS, EPERM } = constants.errno;

const probe = spawnSync('python3', [REFUSING, String(ENOSYS), 'true']);
const filter: Requirement = {
  met: process.platform === 'linux' && probe.status === 0,
  reason: 'python3 cannot put a seccomp filter in front of a program here',
};

/** Runs test files below the filter; wasmtime's own part in them is left out. */
async function testsBelow(errno: number, args: readonly string[]): Promise<{ status: number | null; output: string }> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    CI: '',
    WASI_NN_HOST_TEST_WASMTIME: '/nowhere',
    SANDBOX_SWAPS: '3000',
  };
  for (const name of Object.keys(env)) if (/^(VITEST|WASI_NN_HOST_TEST_REPORT)/.test(name)) delete env[name];
  const command = [REFUSING, String(errno), process.execPath, ...VITEST, ...args];
  const child = spawn('python3', command, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { status, output };
}

describe.skipIf([filter, firstNode].some(skipUnless)).each([
  ['ENOSYS', ENOSYS],
  ['EPERM', EPERM],
])('where newer system calls answer %s', { timeout: LIMIT_MS }, (_name, errno) => {
  const passBelow = async (...args: string[]) => {
    const { status, output } = await testsBelow(errno, args);
    expect(status, output.slice(-10_000)).toBe(0);
    expect(output).toMatch(/Tests .*\d+ passed/);
  };

  it('every case of conformance is answered alike', () =>
    passBelow('test/conformance/conformance.test.ts', 'test/native/fs'));

  it('nothing escapes', () => passBelow('test/sandbox/escape.test.ts', 'test/sandbox/race.test.ts'));

  it.skipIf(skipUnless(addonAndRuntimes()))('models of every encoding are read', () =>
    passBelow('test/native/openvino/runtimes.test.ts', '-t', 'reads every encoding'),
  );
});
