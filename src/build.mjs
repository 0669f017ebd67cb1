/**
 * Bundles the TypeScript: `npm run build:js`.
 *
 *   dist/cli.js           what run.js loads
 *   dist/guest-worker.js  the thread of a guest that is watched
 *   dist/index.mjs        the library, with dist/chunks
 *
 * What starts with a guest is CommonJS: Node 20 needs 6 ms more to start a program from ES modules, of about 150 for a
 * whole run. For the same reason package.json has no "type".
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const ROOT = dirname(import.meta.dirname);
const DIST = join(ROOT, 'dist');

/** commander requires it for commands that are programs of their own. There are none here, and it takes 2 ms to load. */
const withoutChildProcess = {
  name: 'without-child-process',
  setup(/** @type {import('esbuild').PluginBuild} */ { onResolve, onLoad }) {
    const namespace = 'without-child-process';
    onResolve({ filter: /^node:child_process$/ }, ({ importer, path }) =>
      /[\\/]commander[\\/]/.test(importer) ? { path, namespace } : undefined,
    );
    onLoad({ filter: /.*/, namespace }, () => ({ contents: 'module.exports = {};' }));
  },
};

/** @type {import('esbuild').BuildOptions} */
const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  external: ['wabt', 'openvino-node'],
  plugins: [withoutChildProcess],
  legalComments: 'none',
  logLevel: 'warning',
};

rmSync(join(DIST, 'chunks'), { recursive: true, force: true });
await build({
  ...COMMON,
  entryPoints: { cli: 'src/cli/start.ts', 'guest-worker': 'src/host/guest-worker.ts' },
  format: 'cjs',
  outdir: 'dist',
  define: { 'import.meta.url': 'importMetaUrl' },
  banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
});
await build({
  ...COMMON,
  entryPoints: { index: 'src/index.ts' },
  format: 'esm',
  splitting: true,
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  chunkNames: 'chunks/[name]-[hash]',
});
// The types are those of an ES module, whatever the package's own files are.
mkdirSync(join(DIST, 'types'), { recursive: true });
writeFileSync(join(DIST, 'types', 'package.json'), '{ "type": "module" }\n');
