import { writeFileSync } from 'node:fs';
import { Host, renderTimeline } from 'wasi-nn-host';

const host = new Host();
const module = await host.compile('fixtures/classify.wasm');
const preopens = [{ hostPath: 'fixtures/digits', guestPath: 'fixture', readOnly: true }];
const { exitCode, usage } = await host.run(module, { args: ['fixture'], preopens, timeline: true });
const page = await renderTimeline({ module: module.name, exitCode, usage }, 'html');
writeFileSync(new URL('timeline.html', import.meta.url), page);
console.log(usage.phases.load.count, usage.spans.find(({ name }) => name === 'compute').operations.length > 0);
await host.close();
