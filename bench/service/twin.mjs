/** What the example service does, done by `wasmtime run` for each request: started by compare.mjs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import Fastify from 'fastify';

const { WASMTIME = '', LIBRARIES = '', GUEST = '', GRAPH = '', CONCURRENCY = '2' } = process.env;
const app = Fastify({ logger: true });
app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_, body, done) => done(null, body));

let running = 0;
/** @type {(() => void)[]} */
const waiting = [];

/** As many at a time as the service has workers: more only make each other wait. */
async function inTurn(/** @type {() => Promise<Buffer>} */ work) {
  if (running >= Number(CONCURRENCY)) await new Promise((resolve) => waiting.push(() => resolve(undefined)));
  running++;
  try {
    return await work();
  } finally {
    running--;
    waiting.shift()?.();
  }
}

/** @param {Buffer} tensor */
async function infer(tensor) {
  const args = ['run', '-S', 'nn', '-S', `nn-graph=openvino::${GRAPH}`, GUEST, 'digits', 'f32', '1', '1', '28', '28'];
  const child = spawn(WASMTIME, args, { env: { LD_LIBRARY_PATH: LIBRARIES }, stdio: ['pipe', 'pipe', 'inherit'] });
  /** @type {Buffer[]} */
  const chunks = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  child.stdin.end(tensor);
  const [exitCode] = await once(child, 'close');
  if (exitCode !== 0) throw new Error(`wasmtime ended with ${exitCode}`);
  return Buffer.concat(chunks);
}

app.post('/classify/:graph', async ({ body }) => {
  const output = await inTurn(() => infer(/** @type {Buffer} */ (body)));
  const values = new Float32Array(Uint8Array.from(output).buffer);
  const top = Array.from(values, (score, index) => ({ index, label: String(index), score }));
  return { top: top.sort((a, b) => b.score - a.score).slice(0, 5) };
});

process.once('SIGTERM', () => app.close());
await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
