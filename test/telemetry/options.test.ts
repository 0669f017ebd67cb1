import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { OptionError } from '../../src/errors.ts';
import { collectMetrics } from '../../src/telemetry/metrics.ts';
import { traceRuns } from '../../src/telemetry/opentelemetry.ts';
import { renderTimeline } from '../../src/telemetry/timeline.ts';

const REFUSED: readonly [string, (options: never) => unknown, unknown, string][] = [
  ['collectMetrics', collectMetrics, { prefx: 'a_' }, 'options: expected names out of register, host, pool, labels'],
  [
    'collectMetrics',
    collectMetrics,
    { register: {} },
    'register: expected a Registry of prom-client, received an object',
  ],
  ['collectMetrics', collectMetrics, { host: { stats: {} } }, 'host: expected a Host, received an object'],
  ['collectMetrics', collectMetrics, { pool: null }, 'pool: expected a Pool, received null'],
  ['collectMetrics', collectMetrics, { prefix: 1 }, 'prefix: expected text, received 1 (number)'],
  ['collectMetrics', collectMetrics, { labels: 'tenant' }, "labels: expected an array of labels, received 'tenant'"],
  [
    'collectMetrics',
    collectMetrics,
    { labels: ['name'] },
    "labels[0]: expected one of module, tenant, received 'name'",
  ],
  ['traceRuns', traceRuns, { provider: {} }, 'options: expected names out of tracerProvider, maxCallSpans'],
  ['traceRuns', traceRuns, { tracerProvider: {} }, 'tracerProvider: expected a TracerProvider of OpenTelemetry'],
  ['traceRuns', traceRuns, { maxCallSpans: -1 }, 'maxCallSpans: expected a whole number, received -1 (number)'],
];

describe('options of what one sees', () => {
  it.each(REFUSED)('are checked by %s', (_, call, options, message) => {
    const refused = () => call(options as never);
    expect(refused).toThrow(OptionError);
    expect(refused).toThrow(message);
  });

  it('are checked before anything is registered', async () => {
    const register = new Registry();
    expect(() => collectMetrics({ register, labels: ['name' as never] })).toThrow(OptionError);
    expect(await register.getMetricsAsJSON()).toEqual([]);
  });

  it.each([
    ['no source', undefined, 'html', 'source: expected { module, usage, … }, received undefined'],
    ['no module', { usage: undefined }, 'html', 'source: expected { module, usage, … }, received an object'],
    ['another format', { module: 'a', usage: undefined }, 'svg', "format: expected one of json, html, received 'svg'"],
  ])('are checked by renderTimeline: %s', async (_, source, format, message) => {
    const error = await renderTimeline(source as never, format as never).then(String, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(OptionError);
    expect(String(error)).toContain(message);
  });
});
