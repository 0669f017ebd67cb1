import { execFileSync } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';

const DIST = pathToFileURL(fileURLToPath(new URL('../../dist/', import.meta.url))).href;

/** As where nobody installed the optional packages. */
const HOOKS = `
export function resolve(specifier, context, next) {
  if (!['prom-client', '@opentelemetry/api'].includes(specifier)) return next(specifier, context);
  throw Object.assign(new Error('Cannot find package ' + specifier), { code: 'ERR_MODULE_NOT_FOUND' });
}`;
const REGISTER = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(HOOKS)}`)});`;

/** What importing a file of `dist/` comes to: `imported`, or the message. */
function importing(file: string, withoutPackages: boolean): string {
  const code = `import(${JSON.stringify(DIST + file)}).then(() => 'imported', (error) => error.message).then(console.log)`;
  const hooks = withoutPackages ? ['--import', `data:text/javascript,${encodeURIComponent(REGISTER)}`] : [];
  return execFileSync(process.execPath, [...hooks, '--input-type=module', '-e', code], { encoding: 'utf8' }).trim();
}

it.each(['index.mjs', 'metrics.mjs', 'opentelemetry.mjs'])('%s is imported where the optional packages are', (file) => {
  expect(importing(file, false)).toBe('imported');
});

it('the library itself needs none of them', () => {
  expect(importing('index.mjs', true)).toBe('imported');
});

it.each([
  ['metrics.mjs', 'prom-client'],
  ['opentelemetry.mjs', '@opentelemetry/api'],
])('%s names %s where it is missing', (file, name) => {
  expect(importing(file, true)).toBe(`Cannot find package ${name}`);
});
