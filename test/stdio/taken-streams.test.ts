/** Streams that a run cannot have, or could have and the other one not. */
import { join } from 'node:path';
import { WritableStream } from 'node:stream/web';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GuestModule, Host } from '../../src/index.ts';

const MISSING = join('/no', 'such', 'directory', 'file');

describe('a stream', () => {
  const host = new Host();
  let exit: GuestModule;
  beforeAll(async () => {
    exit = await host.compile(new URL('../../fixtures/guests/wat/exit.wat', import.meta.url));
  });
  afterAll(() => host.close());

  it.each(['stdout', 'stderr'] as const)('that somebody else writes to is refused as %s', async (name) => {
    const stream = new WritableStream<Uint8Array>();
    const writer = stream.getWriter();
    await expect(host.run(exit, { [name]: stream })).rejects.toMatchObject({
      code: 'ERR_STDIO',
      message: expect.stringMatching(`^${name}: the stream cannot be written to: `),
    });
    writer.releaseLock();
    expect((await host.run(exit, { [name]: stream, args: ['3'] })).exitCode).toBe(3);
  });

  it('is let go where the other one cannot be had', async () => {
    const stream = new WritableStream<Uint8Array>();
    await expect(host.run(exit, { stdout: stream, stderr: { file: MISSING } })).rejects.toMatchObject({
      code: 'ERR_STDIO',
      message: expect.stringMatching(/^stderr: cannot open the file: /),
    });
    expect(stream.locked).toBe(false);
  });
});
