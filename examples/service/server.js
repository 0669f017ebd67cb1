/** Starts the service: `node server.js`, with PORT, ADDRESS and SERVICE_CONFIG from the environment. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildService } from './service.js';

const {
  PORT = '8080',
  ADDRESS = '127.0.0.1',
  SERVICE_CONFIG = fileURLToPath(new URL('config.json', import.meta.url)),
} = process.env;
const config = JSON.parse(readFileSync(SERVICE_CONFIG, 'utf8'));
const app = await buildService(config, { folder: dirname(resolve(SERVICE_CONFIG)) });

/** Requests that were taken are answered; new connections are not. A second signal ends at once. */
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, async () => {
    app.log.info({ signal }, 'closing');
    await app.close();
    app.log.info('closed');
  });
}

await app.listen({ port: Number(PORT), host: ADDRESS });
