import type { Reporter, TestModule } from 'vitest/node';
import { type FunctionRow, tableText } from './table.ts';

/** Prints preview1's functions with how many calls were compared with wasmtime, before the runner's summary. */
export default class ConformanceReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const rows: FunctionRow[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) rows.push(...(test.meta().conformance ?? []));
    }
    if (rows.length === 0) return;
    process.stdout.write(`\npreview1 here and under wasmtime, by function\n\n${tableText(rows)}\n\n`);
  }
}
