import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { register } from 'prom-client';
import { Host } from 'wasi-nn-host';
import { collectMetrics } from 'wasi-nn-host/metrics';
import { traceRuns } from 'wasi-nn-host/opentelemetry';

const exporter = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const host = new Host();
collectMetrics({ host });
traceRuns({ tracerProvider });

const module = await host.compile('fixtures/classify.wasm');
const preopens = [{ hostPath: 'fixtures/digits', guestPath: 'fixture', readOnly: true }];
await host.run(module, { args: ['fixture'], preopens, timeoutMs: 30_000 });
console.log(/^wasi_nn_host_runs_total.*$/m.exec(await register.metrics())?.[0]);
const spans = exporter.getFinishedSpans().map(({ name }) => name.replace('wasi-nn-host ', ''));
console.log(spans.join(' '));
await host.close();
