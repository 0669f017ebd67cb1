/** Guests in child processes: what passes, what is refused, and what stays from run to run. */
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { File, PreopenDirectory } from '@bjorn3/browser_wasi_shim';
import { afterAll, describe, expect, it, vi } from 'vitest';
import type { NnPlan } from '../../src/engine/nn-support.ts';
import type { Refusal } from '../../src/nn/index.ts';
import { childEnvironment } from '../../src/pool/process-environment.ts';
import { createProcessRunner } from '../../src/pool/process-runner.ts';
import { StreamReader } from '../../src/stdio/stream-source.ts';
import { smallModel } from '../nn/abi/guest.ts';
import { skipUnless } from '../support/requirements.ts';
import { nativeRuntime } from '../support/runtime.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';
import { answering, COPYING, computingByName, creating, request, type TestRequest, writing } from './process-guests.ts';

const newDirectory = temporaryDirectories();
const runner = createProcessRunner({ processes: 1 });
afterAll(() => runner.dispose());

const outcomeOf = async (text: string, options: TestRequest = {}, watch = {}) =>
  (await runner.run(await request(text, options), watch)).outcome;

const returned = (value: number) => ({ kind: 'returned', results: [String(value)] });

/** A sink that keeps what it gets. */
function collecting() {
  const pieces: Uint8Array[] = [];
  const sink = { kind: 'write', write: (bytes: Uint8Array) => void pieces.push(bytes) } as const;
  return { sink, pieces, text: () => Buffer.concat(pieces).toString() };
}

describe('a child process', () => {
  it('runs one guest after the other, whatever their modules', async () => {
    expect(await outcomeOf(answering(1))).toEqual(returned(1));
    // The spare one has started, too.
    await runner.warm();
    const before = runner.pids;
    for (const value of [2, 1, 3]) expect(await outcomeOf(answering(value))).toEqual(returned(value));
    expect(runner.pids).toEqual(before);
    expect(before).not.toContain(process.pid);
  });

  it('is used for as many runs as it may be, and replaced without being lost', async () => {
    let lost = 0;
    const other = createProcessRunner({ processes: 1, maxRunsPerProcess: 2, onLost: () => void lost++ });
    try {
      await other.warm();
      const first = other.pids;
      for (const value of [1, 2]) await other.run(await request(answering(value)), {});
      expect(other.pids.filter((pid) => first.includes(pid)).length).toBeGreaterThan(0);
      for (const value of [3, 4, 5]) {
        expect((await other.run(await request(answering(value)), {})).outcome).toEqual(returned(value));
      }
      await vi.waitFor(() => expect(other.pids.filter((pid) => first.includes(pid))).toEqual([]), { timeout: 60_000 });
      expect(lost).toBe(0);
    } finally {
      await other.dispose();
    }
  });

  it('compiles a module for the limits that it was compiled for here', async () => {
    const growing = '(module (memory 1) (func (export "_start") (result i32) (memory.grow (i32.const 2))))';
    expect(await outcomeOf(growing)).toEqual(returned(1));
    expect(await outcomeOf(growing, { plan: { limits: { maxMemoryBytes: 2 * 65536 } } })).toEqual(returned(-1));
    expect(await outcomeOf(growing)).toEqual(returned(1));
  });

  it('names the module as each run does, in the backtrace of its trap', async () => {
    const trapping = '(module (func $inner unreachable) (func (export "_start") (call $inner)))';
    const outcome = await outcomeOf(trapping);
    expect(outcome).toMatchObject({ kind: 'failed', failure: { code: 'ERR_GUEST_TRAP' } });
    expect(JSON.stringify(outcome)).toContain('inner');
  });

  it.skipIf(!existsSync('/proc/self/environ'))('has none of the secrets of this one', async () => {
    const name = 'WASI_TEST_OF_A_SECRET';
    process.env[name] = 'secret';
    const other = createProcessRunner({ processes: 1 });
    try {
      await other.warm();
      const environments = other.pids.map((pid) => readFileSync(`/proc/${pid}/environ`, 'latin1'));
      expect(environments).toHaveLength(2);
      for (const environment of environments) {
        expect(environment).toContain('PATH=');
        expect(environment).not.toContain(name);
      }
    } finally {
      delete process.env[name];
      other.dispose();
    }
  });

  it('is not given what this process keeps to itself', () => {
    const env = { HOME: '/home', LD_LIBRARY_PATH: '/lib', OPENVINO_DIR: '/ov', ASAN_OPTIONS: 'a=1' };
    expect(childEnvironment({ ...env, AWS_SECRET_ACCESS_KEY: 'x', NODE_OPTIONS: '-r x', DATABASE_URL: 'y' })).toEqual(
      env,
    );
  });
});

describe('standard streams', () => {
  it('are written to in order, each write by itself, before the run is over', async () => {
    const { sink, pieces, text } = collecting();
    await outcomeOf(writing('line', { times: 1000 }), { stdio: { stdout: sink } });
    expect([pieces.length, text()]).toEqual([1000, 'line'.repeat(1000)]);
  });

  it('make the guest wait while more than a mebibyte is underway', async () => {
    const line = 'x'.repeat(60_000);
    let byteLength = 0;
    // Never done with the first: what waits behind it is given when the guest is ended.
    const write = (bytes: Uint8Array) => {
      byteLength += bytes.byteLength;
      return new Promise<void>(() => {});
    };
    const stdio = { stdout: { kind: 'write', write } } as const;
    const outcome = await outcomeOf(writing(line, { times: 1000 }), { stdio }, { timeoutMs: 1000 });
    expect(outcome).toMatchObject({ failure: { code: 'ERR_GUEST_TIMEOUT' } });
    expect(byteLength).toBeLessThan(2 ** 20 + 2 * line.length);
  });

  it('answer the guest with an errno when what takes them fails', async () => {
    const write = () => {
      throw new Error('no more');
    };
    // The guest traps at an errno; it would write for ever else.
    const outcome = await outcomeOf(writing('x', { times: 0 }), { stdio: { stdout: { kind: 'write', write } } });
    expect(outcome).toMatchObject({ failure: { code: 'ERR_GUEST_TRAP' } });
  });

  it('come from a stream, chunk by chunk', async () => {
    const { sink, text } = collecting();
    const reader = new StreamReader(Readable.from(['one ', 'two ', 'three']));
    await outcomeOf(COPYING, { stdio: { stdin: { kind: 'stream', reader }, stdout: sink } });
    expect(text()).toBe('one two three');
  });

  it('come from bytes', async () => {
    const { sink, text } = collecting();
    const bytes = Buffer.from('0123456789'.repeat(30_000));
    await outcomeOf(COPYING, { stdio: { stdin: { kind: 'bytes', bytes }, stdout: sink } });
    expect(text()).toBe(bytes.toString());
  });

  it('are files of this process, from where they stand', async () => {
    const [from, to] = [join(newDirectory(), 'from'), join(newDirectory(), 'to')];
    writeFileSync(from, 'content'.repeat(20_000));
    writeFileSync(to, 'before ');
    const fds = [openSync(from, 'r'), openSync(to, 'a')] as const;
    const stdio = { stdin: { kind: 'fd', fd: fds[0] }, stdout: { kind: 'fd', fd: fds[1] } } as const;
    await outcomeOf(COPYING, { stdio });
    for (const fd of fds) closeSync(fd);
    expect(readFileSync(to, 'utf8')).toBe(`before ${'content'.repeat(20_000)}`);
  });
});

describe('what is given to the guest', () => {
  it('may be a directory of the host, by a path that is relative here', async () => {
    const hostPath = newDirectory();
    const before = process.cwd();
    try {
      await runner.warm();
      process.chdir(hostPath);
      const plan = { preopens: [{ kind: 'host', hostPath: '.', guestPath: '.' }] } as const;
      expect(await outcomeOf(creating('made', 'content'), { plan })).toEqual(returned(0));
    } finally {
      process.chdir(before);
    }
    expect(readFileSync(join(hostPath, 'made'), 'utf8')).toBe('content');
  });

  it('may be a tree in memory, which shows what the guest changed', async () => {
    const fd = new PreopenDirectory('tree', new Map());
    const plan = { preopens: [{ kind: 'shim', guestPath: 'tree', fd }] } as const;
    expect(await outcomeOf(creating('made', 'content'), { plan })).toEqual(returned(0));
    const made = fd.dir.contents.get('made');
    expect(made).toBeInstanceOf(File);
    expect(Buffer.from((made as File).data).toString()).toBe('content');
  });

  it.each([
    ['a socket', { plan: { preopens: [{ kind: 'socket', fd: 7 }] } }, /^preopens\[0\]\.socketFd: /],
    ['a descriptor that is not open', { stdio: { stdin: { kind: 'fd', fd: 99_999 } } }, /^stdin\.fd: /],
  ] as const)('may not be %s', async (_, options, message) => {
    await expect(outcomeOf(answering(1), options)).rejects.toMatchObject({
      code: 'ERR_OPTION_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('may not be a descriptor that would make this process wait', async () => {
    const server = createServer().listen(0);
    await new Promise((resolve) => server.once('listening', resolve));
    try {
      const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
      const options: TestRequest = { stdio: { stdout: { kind: 'fd', fd } } };
      await expect(outcomeOf(answering(1), options)).rejects.toMatchObject({ code: 'ERR_OPTION_INVALID' });
    } finally {
      server.close();
    }
  });
});

describe('wasi-nn', () => {
  const RELU = smallModel('relu');
  const TWICE = smallModel('twice-f32');
  type Granted = NonNullable<NnPlan['granted']>[number];
  const graph = (id: number, builders: readonly Uint8Array[], name = 'graph'): Granted => ({
    name,
    id,
    sharedId: 12_345,
    source: { builders },
    encoding: 'openvino',
    target: 'cpu',
    properties: {},
  });

  it('tells why a call was refused', async () => {
    const refusals: Refusal[] = [];
    const onRefused = (refusal: Refusal) => void refusals.push(refusal);
    const options = { nn: {}, postRefusals: true };
    expect(await outcomeOf(computingByName('nobody'), options, { onRefused })).toEqual(returned(-106));
    expect(refusals).toMatchObject([{ call: 'load_by_name', errnoName: 'unsupported_operation' }]);
  });

  it('tells of each refused call, however many', async () => {
    let told = 0;
    const onRefused = () => void told++;
    const asking = `(module (import "wasi_ephemeral_nn" "compute" (func $compute (param i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start") (local $left i32) (local.set $left (i32.const 2000))
        (loop $next (drop (call $compute (i32.const 99)))
          (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))`;
    await outcomeOf(asking, { nn: {}, postRefusals: true }, { onRefused });
    expect(told).toBe(2000);
  });

  describe.skipIf(skipUnless(nativeRuntime()))('with OpenVINO', () => {
    it('computes with a granted graph, by its bytes or its files', async () => {
      const computing = computingByName('graph');
      expect(await outcomeOf(computing, { nn: { granted: [graph(1, RELU)] } })).toEqual(returned(6));
      const paths = ['xml', 'bin'].map((suffix) => `fixtures/models/relu/model.${suffix}`);
      const files = { ...graph(2, RELU), source: { paths } };
      expect(await outcomeOf(computing, { nn: { granted: [files] } })).toEqual(returned(6));
    });

    it('goes on with the graph that replaced another under its name', async () => {
      const computing = computingByName('graph');
      expect(await outcomeOf(computing, { nn: { granted: [graph(3, RELU)] } })).toEqual(returned(6));
      expect(await outcomeOf(computing, { nn: { granted: [graph(4, TWICE)] } })).toEqual(returned(2));
      expect(await outcomeOf(computing, { nn: { granted: [graph(3, RELU)] } })).toEqual(returned(6));
    });

    it('grants a graph to the run that it was granted to', async () => {
      expect(await outcomeOf(computingByName('graph'), { nn: {} })).toEqual(returned(-106));
    });

    it('tells that a granted graph cannot be compiled when the guest asks for it', async () => {
      const broken = graph(5, [Buffer.from('no model'), new Uint8Array(0)]);
      expect(await outcomeOf(answering(1), { nn: { granted: [broken] } })).toEqual(returned(1));
      const refusals: Refusal[] = [];
      const onRefused = (refusal: Refusal) => void refusals.push(refusal);
      await outcomeOf(computingByName('graph'), { nn: { granted: [broken] }, postRefusals: true }, { onRefused });
      expect(refusals).toMatchObject([{ call: 'load_by_name', code: 'ERR_NN_INVALID_MODEL' }]);
    });
  });
});
