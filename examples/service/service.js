/** An HTTP service that runs guests: one host, one pool, named graphs loaded once. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import Fastify from 'fastify';
import { Registry } from 'prom-client';
import { Host, HostError, Pool } from 'wasi-nn-host';
import { collectMetrics } from 'wasi-nn-host/metrics';
import { tensorOf } from './image.js';

const HERE = dirname(fileURLToPath(import.meta.url));

/** What a client is told of an error of the host; everything else is the service's own fault. */
const STATUS = {
  ERR_GUEST_TIMEOUT: 504,
  ERR_GUEST_ABORTED: 503,
  ERR_POOL_QUEUE_FULL: 503,
  ERR_POOL_QUEUE_TIMEOUT: 503,
  ERR_POOL_CLOSED: 503,
  ERR_GUEST_TRAP: 422,
  ERR_GUEST_EXCEPTION: 422,
  ERR_GUEST_OUTPUT_LIMIT: 422,
  ERR_GUEST_HEAP_LIMIT: 422,
  ERR_GUEST_CRASHED: 500,
};

/** Outputs that can be ranked, by their element type. */
const NUMBERS = { f32: Float32Array, f64: Float64Array, u8: Uint8Array, i32: Int32Array, i64: BigInt64Array };

/** What guest/infer.c sends. */
const INPUTS = ['f32', 'u8'];

/** A guest may have millions of calls refused: of more in a second nobody is told. */
const MOST_REFUSALS_LOGGED = 20;

/**
 * Builds the service; nothing listens yet.
 * @param {object} config as in config.json; paths are relative to `folder`
 * @param {{ folder?: string, logger?: object | boolean, pool?: object }} options
 */
export async function buildService(config, { folder = HERE, logger = true, pool: poolOptions } = {}) {
  const { limits } = config;
  const app = Fastify({ logger, bodyLimit: limits.maxUploadBytes, forceCloseConnections: 'idle' });
  const logRefusal = atMost(MOST_REFUSALS_LOGGED, ({ call, errnoName, reason }) =>
    app.log.warn({ call, errno: errnoName, reason }, 'a call of a guest was refused'),
  );
  const host = new Host({ onRefused: logRefusal });
  const pool = new Pool(host, { maxQueue: limits.maxQueue, ...poolOptions });
  const register = new Registry();
  const metrics = collectMetrics({ register, host, pool, labels: ['module'] });
  app.decorate('pool', pool);
  app.decorate('host', host);

  const infer = await host.compile(join(HERE, 'guest', 'infer.wasm'), { name: 'infer' });
  const graphs = new Map();
  for (const [name, { dir, encoding, properties, ...rest }] of Object.entries(config.graphs)) {
    const { inputs, outputs } = await host.graphs.register(name, { dir: resolve(folder, dir), encoding, properties });
    if (!INPUTS.includes(inputs[0].elementType) || NUMBERS[outputs[0].elementType] === undefined)
      throw new Error(`graph '${name}' takes ${inputs[0].elementType} and gives ${outputs[0].elementType}`);
    graphs.set(name, { ...rest, inputs, outputs });
  }
  const modules = new Map();
  for (const [name, { path, preopens = {}, ...grants }] of Object.entries(config.modules)) {
    const given = Object.entries(preopens).map(([guestPath, hostPath]) => ({
      guestPath,
      hostPath: resolve(folder, hostPath),
      readOnly: true,
    }));
    // A module reaches the graphs that it was granted, and no others.
    const { graphs: granted = [], limits: own = {} } = grants;
    const module = await host.compile(resolve(folder, path), { name });
    modules.set(name, { module, options: { preopens: given, graphs: granted, ...own } });
  }

  /** Runs a guest within the service's limits; it ends with the request that asked for it. */
  async function run(request, reply, module, options) {
    const { timeoutMs, maxQueueMs, maxMemoryBytes, maxOutputBytes } = limits;
    // The client's own word, for fair turns: where clients are not to be trusted, what authenticates them has to set it.
    const tenant = String(request.headers['x-tenant'] ?? '');
    const result = await pool.run(module, {
      ...{ timeoutMs, maxQueueMs, maxMemoryBytes, maxOutputBytes, tenant, signal: goneSignal(reply) },
      ...options,
    });
    const usage = figuresOf(result.usage);
    request.log.info({ module: module.name, exitCode: result.exitCode, usage }, 'a guest ran');
    return { ...result, usage };
  }

  app.addContentTypeParser(
    /^(?:image\/|application\/octet-stream|text\/plain)/,
    { parseAs: 'buffer' },
    (_, body, done) => done(null, body),
  );

  const page = readFileSync(join(HERE, 'page.html'));
  const policy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src blob:";
  app.get('/', (_, reply) => reply.type('text/html').header('content-security-policy', policy).send(page));
  app.get('/healthz', () => ({ status: 'ok', ...pool.stats }));
  app.get('/metrics', async (_, reply) => reply.type(register.contentType).send(await register.metrics()));
  app.get('/graphs', () =>
    Object.fromEntries([...graphs].map(([name, { inputs, outputs }]) => [name, { inputs, outputs }])),
  );

  app.post('/classify/:graph', async (request, reply) => {
    const name = request.params.graph;
    const graph = graphs.get(name);
    if (graph === undefined) return reply.code(404).send({ error: `there is no graph '${name}'` });
    if (!Buffer.isBuffer(request.body))
      return reply.code(415).send({ error: 'send an image, or a tensor as application/octet-stream' });
    const [input] = graph.inputs;
    const isImage = request.headers['content-type']?.startsWith('image/');
    const stdin = isImage ? await tensorOf(request.body, input, graph.image) : request.body;
    const args = [name, input.elementType, ...input.shape.map(String)];
    const { exitCode, stdout, stderr, usage } = await run(request, reply, infer, { args, stdin, graphs: [name] });
    if (exitCode !== 0) return reply.code(422).send({ error: String(stderr).trim() });
    return { graph: name, top: likeliest(stdout, graph), usage };
  });

  app.post('/run/:module', async (request, reply) => {
    const found = modules.get(request.params.module);
    if (found === undefined) return reply.code(404).send({ error: `there is no module '${request.params.module}'` });
    const { arg = [] } = request.query;
    const { exitCode, stdout, stderr, usage } = await run(request, reply, found.module, {
      args: [arg].flat(),
      stdin: Buffer.isBuffer(request.body) ? request.body : 'null',
      ...found.options,
    });
    return { exitCode, stdout: String(stdout), stderr: String(stderr), usage };
  });

  app.setErrorHandler((error, request, reply) => {
    const status = error instanceof HostError ? (STATUS[error.code] ?? 500) : (error.statusCode ?? 500);
    const usage = error.usage && figuresOf(error.usage);
    if (status >= 500) request.log.error({ err: error.message, code: error.code, usage }, 'a run failed');
    if (status === 503) reply.header('retry-after', '1');
    const { stdout, stderr } = error;
    const printed = stdout && { stdout: String(stdout), stderr: String(stderr ?? '') };
    return reply.code(status).send({ error: error.message, code: error.code, ...printed });
  });

  // A connection whose last answer was on its way then would be kept alive for a minute.
  let closing;
  app.addHook('preClose', async () => {
    closing = setInterval(() => app.server.closeIdleConnections(), 100);
  });
  // Fastify has answered all requests by then.
  app.addHook('onClose', async () => {
    clearInterval(closing);
    await pool.close();
    metrics.stop();
    host.dispose();
  });
  return app;
}

/** Aborts when the client is gone before its answer. */
function goneSignal({ raw }) {
  const gone = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

/** What is logged and told of a run. */
function figuresOf({ mode, wallMs, queueMs, cpuMs, peakMemoryBytes, phases }) {
  return { mode, wallMs, queueMs, cpuMs, peakMemoryBytes, computeMs: phases.compute?.wallMs };
}

/** So many calls in a second; others are passed over. */
function atMost(count, action) {
  let left = count;
  setInterval(() => {
    left = count;
  }, 1000).unref();
  return (what) => {
    if (left-- > 0) action(what);
  };
}

/** The five largest outputs with their labels. */
function likeliest(bytes, { outputs, labels = [] }) {
  const values = new NUMBERS[outputs[0].elementType](Uint8Array.from(bytes).buffer);
  return Array.from(values, (score, index) => ({ index, label: labels[index] ?? String(index), score: Number(score) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, 5);
}
