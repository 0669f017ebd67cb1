/** The example service with a model that is replaced again and again: started by soak.mjs in the service's project. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const { REPLACE_MS = '500', ISOLATION = 'thread', PORT = '0' } = process.env;
const folder = process.cwd();
const { buildService } = await import(pathToFileURL(join(folder, 'service.js')).href);
const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
const app = await buildService(config, {
  folder,
  pool: { isolation: ISOLATION },
  logger: {
    level: 'info',
    stream: { write: (/** @type {string} */ line) => line.includes('listening') && process.stdout.write(line) },
  },
});

const { dir, encoding } = config.graphs.digits;
let replaced = 0;
/** With other properties each time: another compiled model, of the same answers. */
const replace = async () => {
  await app.host.graphs.register('digits', { dir, encoding, properties: { NUM_STREAMS: String(1 + (replaced % 2)) } });
  replaced++;
};
const timer = setInterval(() => replace().catch((error) => app.log.error(error)), Number(REPLACE_MS));
app.get('/soak', () => ({ models: replaced, ...app.pool.stats, resident: process.memoryUsage.rss() }));

process.once('SIGTERM', async () => {
  clearInterval(timer);
  await app.close();
});
await app.listen({ port: Number(PORT), host: '127.0.0.1' });
