/** Starts the service: `node server.js`, with PORT, ADDRESS and SERVICE_CONFIG from the environment. */
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HostError } from 'wasi-nn-host';
import { ConfigError, readConfig } from './config.js';
import { buildService } from './service.js';

const {
  PORT = '8080',
  ADDRESS = '127.0.0.1',
  SERVICE_CONFIG = fileURLToPath(new URL('config.json', import.meta.url)),
} = process.env;

try {
  await start();
} catch (error) {
  // What an operator can mend is told in a line; anything else is ours, with its stack.
  const isTold = error instanceof ConfigError || error instanceof HostError || error.syscall !== undefined;
  process.stderr.write(`${isTold ? error.message : error.stack}\n`);
  process.exit(1);
}

async function start() {
  const app = await buildService(readConfig(SERVICE_CONFIG), { folder: dirname(resolve(SERVICE_CONFIG)) });
  // Requests that were taken are answered; new connections are not. A second signal ends at once.
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, async () => {
      app.log.info({ signal }, 'closing');
      await app.close();
      app.log.info('closed');
    });
  }
  await app.listen({ port: Number(PORT), host: ADDRESS });
}
