import { defineConfig } from 'vitest/config';
import ConformanceReporter from './conformance/reporter.ts';

/** A file for the counts of this run, for whoever adds up several runs. */
const reportFile = process.env.WASI_NN_HOST_TEST_REPORT;

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    // Guests and OpenVINO start whole processes, and a machine with other work to do is ten times slower: only what hangs ends here.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: [
      new ConformanceReporter(),
      'default',
      ...(reportFile ? [['json', { outputFile: reportFile }] as ['json', { outputFile: string }]] : []),
    ],
  },
});
