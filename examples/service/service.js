/** An HTTP service that runs guests: one host, one pool, named graphs loaded once. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import Fastify from 'fastify';
import { Registry } from 'prom-client';
import { Host, Pool } from 'wasi-nn-host';
import { collectMetrics } from 'wasi-nn-host/metrics';
import { answerError, likeliest, shownOutput, shownUsage, whyNotClassified } from './answers.js';
import { checkConfig } from './config.js';
import { tensorOf } from './image.js';

const HERE = dirname(fileURLToPath(import.meta.url));

/** Of a run; a guest may have any number of calls refused. */
const MAX_LOGGED_REFUSALS = 10;

const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src blob:";

/** `?arg=a&arg=b`: C strings, as all arguments of programs are. */
const ARGUMENTS = {
  type: 'object',
  properties: { arg: { type: 'array', items: { type: 'string', pattern: '^[^\\u0000]*$' } } },
};

/**
 * Builds the service; nothing listens yet.
 * @param {object} config as in config.json; paths are relative to `folder`
 * @param {{ folder?: string, logger?: object | boolean, pool?: object }} options
 * @throws ConfigError, and HostError for a graph or a module that cannot be loaded
 */
export async function buildService(config, { folder = HERE, logger = true, pool: poolOptions } = {}) {
  const { timeoutMs, maxQueueMs, maxMemoryBytes, maxOutputBytes, maxUploadBytes, maxUploadMs, maxCloseMs, maxQueue } =
    checkConfig(config).limits;
  const app = Fastify({
    logger,
    bodyLimit: maxUploadBytes,
    requestTimeout: maxUploadMs,
    forceCloseConnections: 'idle',
    // How often Node looks for requests that take too long to come.
    http: { headersTimeout: maxUploadMs, connectionsCheckingInterval: Math.ceil(maxUploadMs / 4) },
  });
  /** The run whose guest calls: a refused call is logged with its request. */
  const runs = new AsyncLocalStorage();
  const host = new Host({ onRefused: (refusal) => logRefusal(runs.getStore(), refusal) });
  const defaults = { timeoutMs, maxQueueMs, maxMemoryBytes, maxOutputBytes };
  const pool = new Pool(host, { maxQueue, defaults, ...config.pool, ...poolOptions });
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
  for (const [name, { path, preopens = {}, graphs: granted = [], limits }] of Object.entries(config.modules)) {
    const given = Object.entries(preopens).map(([guestPath, hostPath]) => ({
      guestPath,
      hostPath: resolve(folder, hostPath),
      readOnly: true,
    }));
    const module = await host.compile(resolve(folder, path), { name });
    // A module reaches the graphs that it was granted, and no others.
    modules.set(name, { module, options: { preopens: given, graphs: granted, ...limits } });
  }

  /** Runs a guest; it ends with the request that asked for it. */
  async function run(request, reply, module, options) {
    // The client's own word, for fair turns: where clients are not to be trusted, what authenticates them has to set it.
    const tenant = String(request.headers['x-tenant'] ?? '');
    const result = await runs.run({ log: request.log, refusals: 0 }, () =>
      pool.run(module, { tenant, signal: goneSignal(reply), ...options }),
    );
    const usage = shownUsage(result.usage);
    request.log.info({ module: module.name, exitCode: result.exitCode, usage }, 'a guest ran');
    return { ...result, usage };
  }

  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    /^(?:image\/|application\/octet-stream|text\/plain)/,
    { parseAs: 'buffer' },
    (_, body, done) => done(null, body),
  );
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
  });

  const page = readFileSync(join(HERE, 'page.html'));
  app.get('/', (_, reply) => reply.type('text/html').header('content-security-policy', PAGE_POLICY).send(page));
  app.get('/healthz', () => ({ status: 'ok', ...pool.stats }));
  app.get('/metrics', async (_, reply) => reply.type(register.contentType).send(await register.metrics()));
  app.get('/graphs', () =>
    Object.fromEntries([...graphs].map(([name, { inputs, outputs }]) => [name, { inputs, outputs }])),
  );

  app.post('/classify/:graph', async (request, reply) => {
    const { params, body, headers } = request;
    const name = params.graph;
    const graph = graphs.get(name);
    if (graph === undefined) return reply.code(404).send({ error: `there is no graph '${name}'` });
    const why = whyNotClassified(graph);
    if (why !== undefined) return reply.code(422).send({ error: `the graph '${name}' cannot be asked so: ${why}` });
    if (!body?.length) return reply.code(400).send({ error: 'send an image, or a tensor as application/octet-stream' });
    const [input] = graph.inputs;
    const stdin = headers['content-type'].startsWith('image/') ? await tensorOf(body, input, graph.image) : body;
    const args = [name, input.elementType, ...input.shape.map(String)];
    const { exitCode, stdout, stderr, usage } = await run(request, reply, infer, { args, stdin, graphs: [name] });
    if (exitCode !== 0) return reply.code(422).send({ error: String(stderr).trim() });
    return { graph: name, top: likeliest(stdout, graph), usage };
  });

  app.post('/run/:module', { schema: { querystring: ARGUMENTS } }, async (request, reply) => {
    const found = modules.get(request.params.module);
    if (found === undefined) return reply.code(404).send({ error: `there is no module '${request.params.module}'` });
    const { arg: args = [] } = request.query;
    const options = { args, stdin: request.body ?? 'null', ...found.options };
    const { exitCode, stdout, stderr, usage } = await run(request, reply, found.module, options);
    return { exitCode, ...shownOutput('stdout', stdout), ...shownOutput('stderr', stderr), usage };
  });

  app.setErrorHandler(answerError);

  // A connection whose last answer was on its way then would be kept alive for a minute, and a client may send for ever.
  let closing;
  let giveUp;
  app.addHook('preClose', async () => {
    closing = setInterval(() => app.server.closeIdleConnections(), 100);
    giveUp = setTimeout(() => app.server.closeAllConnections(), maxCloseMs);
  });
  // Fastify has answered all requests by then.
  app.addHook('onClose', async () => {
    clearInterval(closing);
    clearTimeout(giveUp);
    await pool.close();
    metrics.stop();
    host.dispose();
  });
  return app;
}

function logRefusal(run, { call, errnoName, reason }) {
  if (++run.refusals > MAX_LOGGED_REFUSALS) return;
  const isLast = run.refusals === MAX_LOGGED_REFUSALS;
  const more = isLast ? 'more of this run are not told' : undefined;
  run.log.warn({ call, errno: errnoName, reason, more }, 'a call of a guest was refused');
}

/** Aborts when the client is gone before its answer. */
function goneSignal({ raw }) {
  const gone = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort();
  });
  return gone.signal;
}
