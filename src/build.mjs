/**
 * Bundles the TypeScript: `npm run build:js`. (Its declarations: `npm run build:types`.)
 *
 *   dist/cli.js           what run.js loads: the loader of
 *   dist/command-line.js  the command line
 *   dist/command-line-apart.js  what of it a plain run needs nothing of
 *   dist/guest-worker.js  the thread of a guest that is watched
 *   dist/instance-worker.js  the thread of a guest that stays
 *   dist/text-worker.js   the thread that assembles a long text module
 *   dist/guest-process.js the process of guests that may crash
 *   dist/index.mjs        the library, with dist/chunks
 *   dist/timeline-page.js, dist/timeline-page.css   what a timeline's page carries in itself
 *   dist/metrics.mjs, dist/opentelemetry.mjs   parts of it that need a package of their own
 *
 * What starts with a guest is CommonJS: Node 20 needs 6 ms more to start a program from ES modules, of about 150 for a
 * whole run. For the same reason the "type" of package.json is commonjs.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build, transform } from 'esbuild';

const ROOT = dirname(import.meta.dirname);
const DIST = join(ROOT, 'dist');

/** Parts of Node that take 1 to 8 ms to load, and that few starts need. */
const LOADED_WHEN_USED = [
  'node:child_process',
  'node:crypto',
  'node:stream/promises',
  'node:tty',
  'node:worker_threads',
];

/** Puts getters in their place, so that files import them as any other. */
const loadWhenUsed = {
  name: 'load-when-used',
  setup(/** @type {import('esbuild').PluginBuild} */ { onResolve, onLoad }) {
    const namespace = 'load-when-used';
    onResolve({ filter: /^node:/ }, ({ path, namespace: importer }) =>
      importer !== namespace && LOADED_WHEN_USED.includes(path) ? { path, namespace } : undefined,
    );
    onLoad({ filter: /.*/, namespace }, ({ path }) => {
      const names = JSON.stringify(Object.keys(process.getBuiltinModule(path)));
      const getter = `{ enumerable: true, get: () => require(${JSON.stringify(path)})[name] }`;
      return { contents: `for (const name of ${names}) Object.defineProperty(exports, name, ${getter});` };
    });
  },
};

/** Leaves what is imported as `apart.ts` to a bundle of its own. */
const apart = {
  name: 'apart',
  setup(/** @type {import('esbuild').PluginBuild} */ { onResolve }) {
    onResolve({ filter: /^\.\/apart\.ts$/ }, () => ({ path: './command-line-apart.js', external: true }));
  },
};

/** @type {import('esbuild').BuildOptions} */
const COMMON = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  charset: 'ascii',
  external: ['wabt', 'openvino-node', 'piscina', 'prom-client', '@opentelemetry/api'],
  legalComments: 'none',
  logLevel: 'warning',
  outdir: 'dist',
};

/**
 * Bundles without comments, whose characters would make Node read the whole bundle as UTF-16; on lines all the same, for
 * the sake of stack traces.
 * @param {Record<string, string>} entryPoints
 * @param {Record<string, string>} [define]
 */
async function bundleForStart(entryPoints, define = {}) {
  const { outputFiles } = await build({
    ...COMMON,
    entryPoints,
    format: 'cjs',
    define: { 'import.meta.url': 'importMetaUrl', 'import.meta.dirname': '__dirname', ...define },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
    plugins: [loadWhenUsed, apart],
    // A script that is run from its text cannot import.
    supported: { 'dynamic-import': false },
    minifyWhitespace: true,
    write: false,
  });
  for (const { path, text } of outputFiles) {
    const { code } = await transform(text, { charset: COMMON.charset, target: COMMON.target });
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, code);
  }
}

for (const folder of ['chunks', 'code-cache']) rmSync(join(DIST, folder), { recursive: true, force: true });
await bundleForStart({
  'command-line': 'src/cli/start.ts',
  'command-line-apart': 'src/cli/apart.ts',
  'guest-worker': 'src/worker/guest-worker.ts',
  'guest-process': 'src/worker/guest-process.ts',
  'instance-worker': 'src/worker/instance-worker.ts',
  'text-worker': 'src/worker/text-worker.ts',
});
const hash = createHash('sha256')
  .update(readFileSync(join(DIST, 'command-line.js')))
  .digest('hex');
await bundleForStart({ cli: 'src/cli/load.ts' }, { BUNDLE_HASH: JSON.stringify(hash.slice(0, 16)) });
await build({
  ...COMMON,
  entryPoints: {
    index: 'src/index.ts',
    metrics: 'src/telemetry/metrics.ts',
    opentelemetry: 'src/telemetry/opentelemetry.ts',
  },
  format: 'esm',
  splitting: true,
  outExtension: { '.js': '.mjs' },
  chunkNames: 'chunks/[name]-[hash]',
});
// What a timeline's page carries in itself.
await build({
  absWorkingDir: ROOT,
  entryPoints: [
    { in: 'src/telemetry/page/page.ts', out: 'timeline-page' },
    { in: 'src/telemetry/page/page.css', out: 'timeline-page' },
  ],
  bundle: true,
  minify: true,
  platform: 'browser',
  target: 'es2022',
  charset: 'ascii',
  legalComments: 'none',
  logLevel: 'warning',
  outdir: 'dist',
});
