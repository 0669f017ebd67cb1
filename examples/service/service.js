/** An HTTP service that runs guests: one host, one pool, named graphs loaded once. */
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import Fastify from 'fastify';
import { Registry } from 'prom-client';
import { Host, HostError, Pool } from 'wasi-nn-host';
import { collectMetrics } from 'wasi-nn-host/metrics';
import { NotAnImageGraph, tensorOf } from './image.js';

const HERE = dirname(fileURLToPath(import.meta.url));

/** What a client is told of an error of the host; everything else is the service's own fault. */
const STATUS = {
  ERR_GUEST_TIMEOUT: 504,
  ERR_GUEST_ABORTED: 503,
  ERR_POOL_QUEUE_FULL: 503,
  ERR_POOL_CLOSED: 503,
  ERR_GUEST_TRAP: 422,
  ERR_GUEST_EXCEPTION: 422,
  ERR_GUEST_OUTPUT_LIMIT: 422,
  ERR_GUEST_HEAP_LIMIT: 422,
  ERR_GUEST_CRASHED: 500,
};

/**
 * Builds the service; nothing listens yet.
 * @param {object} config as in config.json; paths are relative to `folder`
 * @param {{ folder?: string, logger?: object | boolean, pool?: object }} options
 */
export async function buildService(config, { folder = HERE, logger = true, pool: poolOptions } = {}) {
  const { limits } = config;
  const app = Fastify({ logger, bodyLimit: limits.maxUploadBytes, forceCloseConnections: 'idle' });
  const host = new Host();
  const pool = new Pool(host, { maxQueue: limits.maxQueue, ...poolOptions });
  const register = new Registry();
  const metrics = collectMetrics({ register, host, pool, labels: ['module'] });
  app.decorate('pool', pool);
  app.decorate('host', host);

  const infer = await host.compile(join(HERE, 'guest', 'infer.wasm'), { name: 'infer' });
  const graphs = new Map();
  for (const [name, { dir, encoding, properties, ...rest }] of Object.entries(config.graphs)) {
    const { inputs, outputs } = await host.graphs.register(name, { dir: resolve(folder, dir), encoding, properties });
    graphs.set(name, { ...rest, inputs, outputs });
  }
  const modules = new Map();
  for (const [name, { path, preopens = {} }] of Object.entries(config.modules)) {
    const given = Object.entries(preopens).map(([guestPath, hostPath]) => ({
      guestPath,
      hostPath: resolve(folder, hostPath),
      readOnly: true,
    }));
    modules.set(name, { module: await host.compile(resolve(folder, path), { name }), preopens: given });
  }

  /** Runs a guest within the service's limits; it ends with the request that asked for it. */
  async function run(request, reply, module, options) {
    const { timeoutMs, maxMemoryBytes, maxOutputBytes } = limits;
    const tenant = String(request.headers['x-tenant'] ?? '');
    const result = await pool.run(module, {
      ...{ timeoutMs, maxMemoryBytes, maxOutputBytes, tenant, signal: goneSignal(reply) },
      ...options,
    });
    request.log.info({ module: module.name, exitCode: result.exitCode, usage: result.usage }, 'a guest ran');
    return result;
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
      preopens: found.preopens,
      graphs: [...graphs.keys()],
    });
    return { exitCode, stdout: String(stdout), stderr: String(stderr), usage };
  });

  app.setErrorHandler((error, request, reply) => {
    const isImageFault = error instanceof NotAnImageGraph || /Input (?:buffer|image)/.test(error.message);
    const status = isImageFault
      ? 415
      : error instanceof HostError
        ? (STATUS[error.code] ?? 500)
        : (error.statusCode ?? 500);
    if (status >= 500) request.log.error({ err: error, code: error.code }, 'a run failed');
    if (status === 503) reply.header('retry-after', '1');
    const { stdout, stderr } = error;
    const printed = stdout && { stdout: String(stdout), stderr: String(stderr ?? '') };
    return reply.code(status).send({ error: error.message, code: error.code, ...printed });
  });

  // Fastify has answered all requests by then.
  app.addHook('onClose', async () => {
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

/** The five largest outputs with their labels. */
function likeliest(bytes, { outputs, labels = [] }) {
  const values = outputs[0].elementType === 'u8' ? bytes : new Float32Array(Uint8Array.from(bytes).buffer);
  return Array.from(values, (score, index) => ({ index, label: labels[index] ?? String(index), score }))
    .sort((a, b) => b.score - a.score)
    .slice(0, 5);
}
