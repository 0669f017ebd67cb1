/** Trees in memory and other Fds of an embedder, for guests on this thread and in threads of their own. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Directory, Fd, File, type Inode, OpenFile, PreopenDirectory, wasi } from '@bjorn3/browser_wasi_shim';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GuestModule, Host, type HostPreopen, type HostRunOptions, SymbolicLink } from '../../src/index.ts';
import { ERRNO } from '../../src/wasi/errno.ts';
import { PROBE } from '../conformance/script.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const directory = temporaryDirectories();
const text = (file: Inode | undefined) => new TextDecoder().decode((file as File | undefined)?.data);

let host: Host;
let probe: GuestModule;
beforeAll(async () => {
  host = new Host();
  probe = await host.compile(PROBE);
});
afterAll(() => host.dispose());

const tree = (contents: Record<string, Inode>) => new PreopenDirectory('.', new Map(Object.entries(contents)));

class Device extends Fd {
  closed = 0;
  override fd_fdstat_get() {
    return { ret: 0, fdstat: new wasi.Fdstat(wasi.FILETYPE_REGULAR_FILE, 0) };
  }
  override fd_close() {
    this.closed++;
    return 0;
  }
}

const throws = () => {
  throw new Error('out of order');
};

describe.each<[string, HostRunOptions]>([
  ['on this thread', { mode: 'calling-thread' }],
  ['suspended, where that can be', {}],
  ['in a thread of its own', { timeoutMs: 60_000 }],
])('%s', (_, options) => {
  /** What each call answered, without the call. */
  async function answers(preopens: HostPreopen[], args: string[], more: HostRunOptions = {}): Promise<string[]> {
    const { stdout } = await host.run(probe, { wasiNn: false, ...options, ...more, preopens, args });
    return String(stdout).match(/(?<=-> ).*/g) ?? [];
  }

  it('what the guest changes is seen in the objects that it was given', async () => {
    const file = new File(Buffer.from('hello'));
    const inner = new Directory(new Map([['old', new File([])]]));
    const fd = tree({ f: file, d: inner });
    const calls = ['path_open 3 1 f 0 66 0 0', 'fd_write 4 HE', 'path_open 3 1 d/new 1 66 0 0', 'fd_write 5 made'];
    const more = [
      'path_create_directory 3 e',
      'path_symlink d/new 3 l',
      'path_link 3 0 f 3 d/h',
      'path_unlink_file 3 d/old',
    ];
    await answers([{ guestPath: '/', fd }], [...calls, ...more, 'path_rename 3 d 3 moved']);
    const root = fd.dir.contents;
    expect([...root.keys()].sort()).toEqual(['e', 'f', 'l', 'moved']);
    expect([text(file), root.get('moved') === inner, inner.contents.get('h') === file]).toEqual(['HEllo', true, true]);
    expect([text(inner.contents.get('new')), inner.contents.has('old')]).toEqual(['made', false]);
    expect([root.get('e'), root.get('l')]).toEqual([expect.any(Directory), expect.any(SymbolicLink)]);
  });

  it('a tree and a directory of the host are two file systems', async () => {
    const hostPath = directory();
    writeFileSync(join(hostPath, 'h'), '');
    const preopens = [{ hostPath }, { guestPath: '/m', fd: tree({ m: new File([]) }) }];
    const calls = ['path_rename 4 m 3 x', 'path_rename 3 h 4 x', 'path_link 4 0 m 3 x'];
    expect(await answers(preopens, calls)).toEqual(Array(3).fill(`errno=${ERRNO.xdev}`));
  });

  it('two trees of one run rename into each other', async () => {
    const [from, to] = [tree({ m: new File(Buffer.from('x')) }), tree({})];
    const preopens = [from, to].map((fd, index) => ({ guestPath: `/${index}`, fd }));
    expect(await answers(preopens, ['path_rename 3 m 4 n'])).toEqual(['errno=0']);
    expect([from.dir.contents.size, text(to.dir.contents.get('n'))]).toEqual([0, 'x']);
  });

  it('a tree to read only stays as it is', async () => {
    const fd = tree({ f: new File(Buffer.from('hello')) });
    const calls = ['path_open 3 1 f 0 66 0 0', 'path_unlink_file 3 f', 'path_open 3 1 f 0 2 0 0', 'fd_read 4 10'];
    expect(await answers([{ guestPath: '/', fd, readOnly: true }], calls)).toEqual([
      `errno=${ERRNO.rofs}`,
      `errno=${ERRNO.rofs}`,
      'errno=0 fd=4',
      "errno=0 n=5 'hello'",
    ]);
  });

  it('a tree grows no further than the run allows', async () => {
    const calls = ['path_open 3 1 f 1 66 0 0', 'fd_filestat_set_size 4 50000', 'fd_filestat_set_size 4 200000'];
    const result = await answers([{ guestPath: '/', fd: tree({}) }], calls, { maxMemoryFileBytes: 100_000 });
    expect(result).toEqual(['errno=0 fd=4', 'errno=0', `errno=${ERRNO.nospc}`]);
  });

  it('an Fd of the embedder is called, and closed once', async () => {
    class Sensor extends Device {
      override fd_read(size: number) {
        return { ret: 0, data: Buffer.from('21 degrees').subarray(0, size) };
      }
    }
    const sensor = new Sensor();
    const preopens = [{ guestPath: '/sensor', fd: sensor }];
    expect(await answers(preopens, ['fd_read 3 2', 'fd_write 3 x'])).toEqual([
      "errno=0 n=2 '21'",
      `errno=${ERRNO.badf}`,
    ]);
    expect(sensor.closed).toBe(1);
  });

  it.each<[string, () => unknown]>([
    ['throws', throws],
    ['throws nothing', () => Promise.reject(undefined).catch(throws)],
    ['answers nonsense', () => ({ ret: 0, data: 'text' })],
    ['answers what cannot pass between threads', () => ({ ret: 0, data: () => {} })],
  ])('an Fd that %s is the guest’s io', async (__, misbehave) => {
    const fd = Object.assign(new Device(), {
      fd_read: () => {
        const answer = misbehave();
        if (answer instanceof Promise) answer.catch(() => {});
        return answer;
      },
    }) as Fd;
    expect(await answers([{ guestPath: '/', fd }], ['fd_read 3 2', 'fd_tell 3'])).toEqual([
      `errno=${ERRNO.io}`,
      `errno=${ERRNO.spipe}`,
    ]);
  });

  it('an Fd that cannot say what it is ends the run before the guest', async () => {
    const fd = Object.assign(new Device(), { fd_fdstat_get: throws });
    await expect(answers([{ guestPath: '/', fd }], [])).rejects.toMatchObject({ code: 'ERR_PREOPEN' });
    await expect(answers([], [], { stdin: { fd } })).rejects.toMatchObject({
      code: 'ERR_STDIO',
      message: expect.stringContaining('stdin'),
    });
  });

  it('an Fd serves as standard input', async () => {
    const fd = new OpenFile(new File(Buffer.from('typed')));
    expect(await answers([], ['fd_read 0 2', 'fd_read 0 9', 'fd_read 0 9'], { stdin: { fd } })).toEqual([
      "errno=0 n=2 'ty'",
      "errno=0 n=3 'ped'",
      'errno=0 n=0',
    ]);
  });
});

it('what a guest did before its time was over is in the tree, and its Fds are closed', async () => {
  const device = new Device();
  const fd = tree({ f: new File([]) });
  const preopens = [
    { guestPath: '/', fd },
    { guestPath: '/device', fd: device },
  ];
  const controller = new AbortController();
  // The guest ends in the middle of a call on the device: everything before it is done.
  Object.assign(device, {
    fd_sync: () => {
      controller.abort();
      return 0;
    },
  });
  const args = ['path_open 3 1 f 0 66 0 0', 'fd_write 5 before', 'fd_sync 4', 'poll_oneoff clock 1 0 1000000000000000'];
  const run = host.run(probe, { wasiNn: false, preopens, args, signal: controller.signal });
  await expect(run).rejects.toMatchObject({ code: 'ERR_GUEST_ABORTED' });
  expect([text(fd.dir.contents.get('f')), device.closed]).toEqual(['before', 1]);
});

it('a link has a target that is text', () => {
  expect(() => new SymbolicLink(1 as never)).toThrow('target: expected text, received 1 (number)');
});
