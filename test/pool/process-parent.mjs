/** A host for a test that kills it: starts a child process with a guest, and tells the child's pid once the guest runs. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ENTRY = fileURLToPath(new URL('../../dist/guest-process.js', import.meta.url));

process.once('message', ({ bytes, plan }) => {
  const child = fork(ENTRY, { serialization: 'advanced', execArgv: [] });
  const program = { key: 'loop', name: 'loop' };
  child.on('message', (message) => {
    if (message.type === 'ready') {
      const stdio = { stdin: { kind: 'null' }, stdout: { kind: 'post' }, stderr: { kind: 'null' } };
      const task = { plan: { ...plan, program }, nn: undefined, postRefusals: false, stdio };
      const supplies = { modules: [{ key: 'loop', bytes, limits: {} }], graphs: [] };
      child.send({ type: 'run', run: 1, task, supplies });
    }
    if (message.type === 'output') process.send(child.pid);
  });
});
