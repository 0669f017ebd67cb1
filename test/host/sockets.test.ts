/** Sockets handed in through the library. */

import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { connect } from 'node:net';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GuestModule, Host, type HostRunOptions } from '../../src/index.ts';
import { temporaryDirectories } from '../support/temporary-directory.ts';

const directory = temporaryDirectories();

/** Listens, says where, and then never looks at its sockets again: every connection is the guest's. */
const LISTEN = `
const { parentPort } = require('node:worker_threads');
const server = require('node:net').createServer();
server.listen(0, '127.0.0.1', () => {
  parentPort.postMessage({ fd: server._handle.fd, port: server.address().port });
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;

/** Echoes one message of a connection to descriptor 4, and ends it; exits with the errno of the call that failed. */
const ECHO = `(module
  (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_recv" (func $recv (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_send" (func $send (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_shutdown" (func $shutdown (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $check (param i32) (if (local.get 0) (then (call $exit (local.get 0)))))
  (func (export "_start")
    (call $check (call $accept (i32.const 4) (i32.const 0) (i32.const 0)))
    (i32.store (i32.const 8) (i32.const 1024))
    (i32.store (i32.const 12) (i32.const 100))
    (call $check
      (call $recv (i32.load (i32.const 0)) (i32.const 8) (i32.const 1) (i32.const 0) (i32.const 16) (i32.const 20)))
    (i32.store (i32.const 12) (i32.load (i32.const 16)))
    (call $check (call $send (i32.load (i32.const 0)) (i32.const 8) (i32.const 1) (i32.const 0) (i32.const 16)))
    (call $check (call $shutdown (i32.load (i32.const 0)) (i32.const 2)))))`;

interface Listening {
  fd: number;
  port: number;
}

describe.each<[string, HostRunOptions]>([
  ['on the calling thread', { mode: 'calling-thread' }],
  ['suspended, where that can be', {}],
  ['with a time limit', { timeoutMs: 60_000 }],
])('a listening socket %s', (_, options) => {
  const host = new Host();
  let echo: GuestModule;
  let listener: Worker;
  let listening: Listening;

  beforeAll(async () => {
    echo = await host.compile(new TextEncoder().encode(ECHO));
    listener = new Worker(LISTEN, { eval: true });
    [listening] = (await once(listener, 'message')) as [Listening];
  });
  afterAll(async () => {
    await listener.terminate();
    host.dispose();
  });

  /** What the guest answers, after it has ended. */
  async function echoed(text: string): Promise<{ exitCode: number; answer: string }> {
    const client = connect(listening.port, '127.0.0.1');
    try {
      await once(client, 'connect');
      await new Promise<void>((resolve, reject) => client.write(text, (error) => (error ? reject(error) : resolve())));
      const preopens = [{ hostPath: directory() }, { socketFd: listening.fd }];
      const { exitCode } = await host.run(echo, { wasiNn: false, ...options, preopens });
      let answer = '';
      for await (const chunk of client) answer += chunk;
      return { exitCode, answer };
    } finally {
      client.destroy();
    }
  }

  it('is the guest’s to accept from, and stays open for the next one', async () => {
    expect(await echoed('first')).toEqual({ exitCode: 0, answer: 'first' });
    expect(await echoed('second')).toEqual({ exitCode: 0, answer: 'second' });
  });

  it('must be one', async () => {
    const file = openSync('/dev/null', 'r');
    try {
      const run = host.run(echo, { wasiNn: false, ...options, preopens: [{ socketFd: file }] });
      await expect(run).rejects.toMatchObject({ code: 'ERR_PREOPEN', message: expect.stringContaining('no socket') });
    } finally {
      closeSync(file);
    }
  });
});
