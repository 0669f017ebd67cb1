/**
 * A service in small: holds one module (and one named graph) warm, and runs it once for each line on standard input. Answers
 * each with a line of JSON: how long `host.run` took, and what the guest printed.
 */
import { createInterface } from 'node:readline';

const { Host } = await import(new URL('../dist/index.mjs', import.meta.url).href);
/** @type {import('./questions/warm-run.mjs').WarmRequest} */
const { module: path, options, graph } = JSON.parse(process.argv[2] ?? '');
const host = new Host();
if (graph) await host.graphs.register(graph.name, { dir: graph.directory });
const module = await host.compile(path);
for await (const _ of createInterface({ input: process.stdin })) {
  const start = process.hrtime.bigint();
  const { exitCode, stdout, stderr, usage } = await host.run(module, options);
  const wallNs = Number(process.hrtime.bigint() - start);
  const failure = exitCode === 0 ? undefined : `exit code ${exitCode}: ${stderr}`;
  process.stdout.write(`${JSON.stringify({ wallNs, stdout: String(stdout), failure, mode: usage.mode })}\n`);
}
await host.close();
