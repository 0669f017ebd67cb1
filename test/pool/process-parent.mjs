/** A host for a test that kills it: starts a child process with a guest, and tells the child's pid once the guest runs. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { serialize } from 'node:v8';

const ENTRY = fileURLToPath(new URL('../../dist/guest-process.js', import.meta.url));

process.once('message', ({ bytes, plan }) => {
  const child = spawn(process.execPath, [ENTRY], { stdio: ['inherit', 'inherit', 'inherit', 'pipe'] });
  const pipe = child.stdio[3];
  let heard = '';
  pipe.on('data', (piece) => {
    heard += piece.toString('latin1');
    if (heard.includes('"output"')) process.send(child.pid);
  });
  const program = { key: 'loop', name: 'loop' };
  const stdio = { stdin: { kind: 'null' }, stdout: { kind: 'post' }, stderr: { kind: 'null' } };
  const task = { plan: { ...plan, program }, nn: undefined, postRefusals: false, stdio };
  const supplies = { modules: [{ key: 'loop', bytes, limits: {} }], graphs: [] };
  const head = serialize({ type: 'run', run: 1, task, supplies });
  const prefix = Buffer.alloc(12);
  prefix.writeUInt32LE(head.byteLength, 4);
  pipe.write(Buffer.concat([prefix, head]));
});
