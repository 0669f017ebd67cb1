#!/usr/bin/env node

const { existsSync } = require('node:fs');
const { join } = require('node:path');

const cli = join(__dirname, 'dist', 'cli.js');
if (existsSync(cli)) {
  require(cli);
} else {
  process.stderr.write(`wasi-nn-host is not built: ${cli} is missing; run "npm run build" (after "npm ci")\n`);
  process.exitCode = 1;
}
