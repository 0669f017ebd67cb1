/**
 * Adds up the test runner's JSON reports and prints `N passed, N failed, N skipped`. Ends with 1 if no test ran or one
 * failed, or a report says that its run was not a success.
 *
 *     node .ci/count.mjs REPORT.json...
 */
import { existsSync, readFileSync } from 'node:fs';

/** @type {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number, success: boolean }[]} */
const reports = process.argv
  .slice(2)
  .filter((path) => existsSync(path))
  .map((path) => JSON.parse(readFileSync(path, 'utf8')));

let passed = 0;
let failed = 0;
let skipped = 0;
for (const report of reports) {
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  skipped += report.numPendingTests + report.numTodoTests;
}
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = passed > 0 && failed === 0 && reports.every((report) => report.success) ? 0 : 1;
