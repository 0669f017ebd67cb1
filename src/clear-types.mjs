/** Clears dist/types of what older sources left, before `npm run build:types` writes declarations there. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const types = join(import.meta.dirname, '..', 'dist', 'types');

rmSync(types, { recursive: true, force: true });
mkdirSync(types, { recursive: true });
// They are those of ES modules, whatever the package's own files are.
writeFileSync(join(types, 'package.json'), '{ "type": "module" }\n');
