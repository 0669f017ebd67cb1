import { defineConfig } from 'vitest/config';

/** A file for the counts of this run, for whoever adds up several runs. */
const reportFile = process.env.WASI_NN_HOST_TEST_REPORT;

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    // Guests and OpenVINO start whole processes: two cores and a cold cache are the slow case.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
    reporters: reportFile ? ['default', ['json', { outputFile: reportFile }]] : ['default'],
  },
});
